// SPDX-License-Identifier: BSL-1.0
// sealer: seals the tokens of tests.
#ifndef REKEY_TESTS_SUPPORT_SEALER_HPP
#define REKEY_TESTS_SUPPORT_SEALER_HPP

#include <rekey/token/record.hpp>

#include <array>
#include <cstddef>
#include <string>
#include <string_view>

namespace stores {

using namespace rekey;
using namespace rekey::token;

/// An authenticated cipher for tests: a key stream and a tag, both HMACs. Not for the world.
inline std::string bytes_of(const std::array<unsigned char, 32>& digest) {
    std::string text;
    for (const unsigned char byte : digest) text.push_back(static_cast<char>(byte));
    return text;
}
inline std::string test_stream(std::string_view key, std::string_view text) {
    std::string out(text);
    std::array<unsigned char, 32> block{};
    for (std::size_t i = 0; i != out.size(); ++i) {
        if (i % 32 == 0) block = rekey::detail::hmac_sha256(key, "stream" + std::to_string(i / 32));
        out[i] = static_cast<char>(static_cast<unsigned char>(out[i]) ^ block[i % 32]);
    }
    return out;
}
inline std::string test_seal(std::string_view key, std::string_view plain,
                             std::string_view bound_to) {
    const std::string hidden = test_stream(key, plain);
    return hidden + bytes_of(rekey::detail::hmac_sha256(key, hidden + std::string(bound_to)));
}
inline Secret test_open(std::string_view key, std::string_view sealed, std::string_view bound_to) {
    if (sealed.size() < 32) return Secret{};
    const std::string_view hidden = sealed.substr(0, sealed.size() - 32);
    const std::string tag =
        bytes_of(rekey::detail::hmac_sha256(key, std::string(hidden) + std::string(bound_to)));
    if (tag != sealed.substr(hidden.size())) return Secret{};
    return Secret(test_stream(key, hidden));
}
/// Seals with one key, named `id`.
inline auto sealer(const char* id, std::string key = "test key") {
    return Sealed{
        std::string(id),
        [key](std::string_view plain, std::string_view bound) {
            return test_seal(key, plain, bound);
        },
        [key, id](std::string_view sealed, std::string_view bound, std::string_view key_id) {
            return key_id == id ? test_open(key, sealed, bound) : Secret{};
        },
        Secret("name key")};
}

}  // namespace stores

#endif
