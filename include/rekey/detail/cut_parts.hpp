// SPDX-License-Identifier: BSL-1.0
// cut_parts: takes a secret, and pieces of it, out of a text that may have been cut short.
#ifndef REKEY_DETAIL_CUT_PARTS_HPP
#define REKEY_DETAIL_CUT_PARTS_HPP

#include <rekey/version.hpp>

#include <cstddef>
#include <string>
#include <string_view>

namespace rekey {
inline namespace v0_1 {
namespace detail {

/// Puts `[token]` in the place of a secret and of every piece of it with sixteen characters or
/// more: a text that quotes it may have been cut off within it. Fewer than eight characters cannot
/// be told from a word and stay.
///
/// Cost  the product of the lengths; for texts of errors.
inline void cut_out_parts(std::string& text, std::string_view secret) {
    constexpr std::string_view instead = "[token]";
    constexpr std::size_t shortest_secret = 8, shortest_piece = 16;
    if (secret.size() < shortest_secret) return;
    const std::size_t least = secret.size() < shortest_piece ? secret.size() : shortest_piece;
    for (std::size_t at = 0; at + least <= text.size();) {
        const std::size_t found = secret.find(std::string_view(text).substr(at, least));
        if (found == secret.npos) {
            ++at;
            continue;
        }
        std::size_t size = least;
        while (at + size < text.size() && found + size < secret.size() &&
               text[at + size] == secret[found + size])
            ++size;
        text.replace(at, size, instead);
        at += instead.size();
    }
}

/// The same with the credential in an Authorization header; the name of its scheme may stay.
inline void cut_out_credential(std::string& text, std::string_view authorization) {
    if (!authorization.empty()) authorization.remove_prefix(authorization.find(' ') + 1);
    cut_out_parts(text, authorization);
}

}  // namespace detail
}  // namespace v0_1
}  // namespace rekey

#endif
