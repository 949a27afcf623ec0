// SPDX-License-Identifier: BSL-1.0
// pem: the text of a private key before a crypto library reads it.
#ifndef REKEY_OAUTH_PEM_HPP
#define REKEY_OAUTH_PEM_HPP

#include <rekey/version.hpp>

#include <cstddef>
#include <string>
#include <string_view>

namespace rekey {
inline namespace v0_1 {
namespace oauth {

/// Longer texts are no private keys.
inline constexpr std::size_t longest_pem = 64 * 1024;

/// The PEM text with a line feed for each line end: CR LF, LF or CR, which may also be written as
/// two characters, a backslash and `n` or `r`: that is how keys often come out of environment
/// variables and JSON files. A secret: wipe it.
///
/// Source  RFC 7468 §3 (eol)
inline std::string pem_with_line_ends(std::string_view pem) {
    std::string text;
    text.reserve(pem.size());  // never grows, so no copy is left behind
    const auto size_at = [pem](std::size_t i) -> std::size_t {
        const char next = i + 1 < pem.size() ? pem[i + 1] : '\0';
        return i < pem.size() && pem[i] == '\\' && (next == 'n' || next == 'r') ? 2 : 1;
    };
    const auto symbol_at = [pem, &size_at](std::size_t i) {
        if (i >= pem.size()) return '\0';
        if (size_at(i) == 2) return pem[i + 1] == 'n' ? '\n' : '\r';
        return pem[i];
    };
    for (std::size_t i = 0; i < pem.size();) {
        const char symbol = symbol_at(i);
        i += size_at(i);
        const char next = symbol_at(i);
        if (symbol != '\r')
            text.push_back(symbol);
        else if (next != '\n' && next != '\r')
            text.push_back('\n');
    }
    return text;
}

/// Why a text cannot be a private key that is open to read, as a literal; empty if it may be one.
///
/// Source  RFC 7468 §10, §11; RFC 1421 §4.6.1.1
inline std::string_view problem_with_private_pem(std::string_view pem) noexcept {
    const auto holds = [&](std::string_view words) { return pem.find(words) != pem.npos; };
    if (!holds("-----BEGIN ")) return "the private key is not in PEM form: no BEGIN line";
    if (holds("BEGIN ENCRYPTED PRIVATE KEY") || holds("Proc-Type: 4,ENCRYPTED"))
        return "the private key is encrypted; write it without a password";
    if (!holds("PRIVATE KEY-----"))
        return "the PEM text holds no private key, perhaps the public one";
    return {};
}

}  // namespace oauth
}  // namespace v0_1
}  // namespace rekey

#endif
