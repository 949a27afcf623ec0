// SPDX-License-Identifier: BSL-1.0
// hmac_sha256: a digest that only who has the key can make.
#ifndef REKEY_DETAIL_HMAC_SHA256_HPP
#define REKEY_DETAIL_HMAC_SHA256_HPP

#include <rekey/detail/sha256.hpp>

#include <array>
#include <cstddef>
#include <string>
#include <string_view>

namespace rekey {
inline namespace v0_1 {
namespace detail {

/// Source       RFC 2104 §2; test vectors: RFC 4231 §4.
inline std::array<unsigned char, 32> hmac_sha256(std::string_view key, std::string_view text) {
    constexpr std::size_t block = 64;
    std::array<unsigned char, block> padded{};
    if (key.size() > block) {
        const std::array<unsigned char, 32> digest = sha256(key);
        for (std::size_t i = 0; i != digest.size(); ++i) padded[i] = digest[i];
    } else {
        for (std::size_t i = 0; i != key.size(); ++i)
            padded[i] = static_cast<unsigned char>(key[i]);
    }
    const auto start = [&padded](unsigned char mask) {
        std::string bytes;
        for (const unsigned char byte : padded)
            bytes.push_back(static_cast<char>(static_cast<unsigned char>(byte ^ mask)));
        return bytes;
    };
    std::string inner = start(0x36);
    inner.append(text);
    std::string outer = start(0x5c);
    for (const unsigned char byte : sha256(inner)) outer.push_back(static_cast<char>(byte));
    return sha256(outer);
}

}  // namespace detail
}  // namespace v0_1
}  // namespace rekey

#endif
