// SPDX-License-Identifier: BSL-1.0
// percent: text as a path segment or a query value, and back.
#ifndef REKEY_OAUTH_PERCENT_HPP
#define REKEY_OAUTH_PERCENT_HPP

#include <rekey/version.hpp>

#include <string>
#include <string_view>

namespace rekey {
inline namespace v0_1 {
namespace oauth {

/// The characters that need no encoding anywhere in a URL.
///
/// Source       RFC 3986 §2.3
constexpr bool is_unreserved(char symbol) noexcept {
    return (symbol >= 'A' && symbol <= 'Z') || (symbol >= 'a' && symbol <= 'z') ||
           (symbol >= '0' && symbol <= '9') || symbol == '-' || symbol == '.' || symbol == '_' ||
           symbol == '~';
}

/// Encodes every byte outside the unreserved set as `%XX`: right for a query name or value.
/// A space becomes `%20`, never `+`.
inline std::string percent_encode(std::string_view text) {
    constexpr char digits[] = "0123456789ABCDEF";
    std::string encoded;
    encoded.reserve(text.size());
    for (const char symbol : text) {
        if (is_unreserved(symbol)) {
            encoded.push_back(symbol);
            continue;
        }
        const unsigned byte = static_cast<unsigned char>(symbol);
        encoded.push_back('%');
        encoded.push_back(digits[byte >> 4]);
        encoded.push_back(digits[byte & 15u]);
    }
    return encoded;
}

/// Encodes one path segment, such as an account id. Empty if `text` cannot be one: nothing, `.` or
/// `..`, which a server may resolve to another path even when their dots are encoded.
inline std::string percent_encode_segment(std::string_view text) {
    if (text == "." || text == "..") return {};
    return percent_encode(text);
}

namespace detail {

/// The value of a hexadecimal digit, or -1.
constexpr int hex_value(char digit) noexcept {
    if (digit >= '0' && digit <= '9') return digit - '0';
    if (digit >= 'a' && digit <= 'f') return digit - 'a' + 10;
    if (digit >= 'A' && digit <= 'F') return digit - 'A' + 10;
    return -1;
}

}  // namespace detail

/// Turns each `%XX` back into its byte; false, and `text` empty, if a `%` has no two digits.
/// A `+` stays a `+`.
inline bool percent_decode(std::string_view encoded, std::string& text) {
    text.clear();
    std::string decoded;
    decoded.reserve(encoded.size());
    for (std::size_t i = 0; i != encoded.size(); ++i) {
        if (encoded[i] != '%') {
            decoded.push_back(encoded[i]);
            continue;
        }
        if (encoded.size() - i < 3) return false;
        const int high = detail::hex_value(encoded[i + 1]);
        const int low = detail::hex_value(encoded[i + 2]);
        if (high < 0 || low < 0) return false;
        decoded.push_back(static_cast<char>(static_cast<unsigned char>(high * 16 + low)));
        i += 2;
    }
    text.swap(decoded);
    return true;
}

}  // namespace oauth
}  // namespace v0_1
}  // namespace rekey

#endif
