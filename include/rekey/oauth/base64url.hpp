// SPDX-License-Identifier: BSL-1.0
// base64url: bytes as text that may stand in a URL, a header or a JWT, without padding.
#ifndef REKEY_OAUTH_BASE64URL_HPP
#define REKEY_OAUTH_BASE64URL_HPP

#include <rekey/version.hpp>

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace rekey {
inline namespace v0_1 {
namespace oauth {

/// How many characters `bytes` bytes become.
constexpr std::size_t base64url_size(std::size_t bytes) noexcept {
    return bytes / 3 * 4 + (bytes % 3 == 0 ? 0 : bytes % 3 + 1);
}

/// Writes `base64url_size(bytes.size())` characters to `out` and returns the place behind them.
///
/// Source       RFC 4648 §5, without padding as in RFC 7515 §2.
constexpr char* base64url_encode(std::string_view bytes, char* out) noexcept {
    constexpr char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    std::uint32_t bits = 0;
    int held = 0;
    for (const char byte : bytes) {
        bits = (bits << 8) | static_cast<unsigned char>(byte);
        for (held += 8; held >= 6;) {
            held -= 6;
            *out++ = alphabet[(bits >> held) & 63u];
        }
    }
    if (held != 0) *out++ = alphabet[(bits << (6 - held)) & 63u];
    return out;
}

/// The same as a string of its own.
inline std::string base64url_encode(std::string_view bytes) {
    std::string text(base64url_size(bytes.size()), '\0');
    base64url_encode(bytes, &text[0]);
    return text;
}

namespace detail {

/// The six bits that a character stands for, or -1.
constexpr int base64url_bits(char symbol) noexcept {
    if (symbol >= 'A' && symbol <= 'Z') return symbol - 'A';
    if (symbol >= 'a' && symbol <= 'z') return symbol - 'a' + 26;
    if (symbol >= '0' && symbol <= '9') return symbol - '0' + 52;
    if (symbol == '-') return 62;
    if (symbol == '_') return 63;
    return -1;
}

}  // namespace detail

/// Reads text back into `bytes`; false, and `bytes` empty, if it is not base64url.
///
/// Strict, so that each value has one spelling: `+`, `/`, `=`, white space, a length that no
/// encoder produces and leftover bits that are not zero are all refused.
inline bool base64url_decode(std::string_view text, std::string& bytes) {
    bytes.clear();
    if (text.size() % 4 == 1) return false;
    std::string read;
    read.reserve(text.size() / 4 * 3 + 2);
    std::uint32_t bits = 0;
    int held = 0;
    for (const char symbol : text) {
        const int six = detail::base64url_bits(symbol);
        if (six < 0) return false;
        bits = (bits << 6) | static_cast<std::uint32_t>(six);
        held += 6;
        if (held < 8) continue;
        held -= 8;
        read.push_back(static_cast<char>(static_cast<unsigned char>((bits >> held) & 255u)));
    }
    if ((bits & ((1u << held) - 1u)) != 0) return false;
    bytes.swap(read);
    return true;
}

}  // namespace oauth
}  // namespace v0_1
}  // namespace rekey

#endif
