// SPDX-License-Identifier: BSL-1.0
// return_to: where a browser goes after signing in, and never to somebody else's site.
#ifndef REKEY_OAUTH_RETURN_TO_HPP
#define REKEY_OAUTH_RETURN_TO_HPP

#include <rekey/oauth/percent.hpp>

#include <cstddef>
#include <string>
#include <string_view>

namespace rekey {
inline namespace v0_1 {
namespace oauth {

inline constexpr std::size_t longest_return_to = 2048;

/// Whether `target` is a place on this site: a path from the root, with or without a query.
///
/// `/`, `/chat`, `/chat?q=a%20b#end` are. Everything that some browser or proxy may read as another
/// host is not: a scheme, `//evil`, `/\evil`, the same spelled with `%2F`, `%5C` or `%252F`,
/// control characters, spaces, bytes outside ASCII. An empty target is none either.
///
/// Source       RFC 6749 §10.15; RFC 9700 §4.11; WHATWG URL §4.4 (`\` and tabs in special URLs)
inline bool is_safe_return_to(std::string_view target) {
    if (target.empty() || target.size() > longest_return_to) return false;
    for (const char symbol : target)
        if (symbol <= ' ' || symbol > '~' || symbol == '\\') return false;

    std::string path(target.substr(0, target.find_first_of("?#")));
    for (std::string decoded;; path.swap(decoded)) {  // each round of a % is shorter by two
        if (path.empty() || path.front() != '/') return false;
        for (std::size_t i = 0; i != path.size(); ++i) {
            const unsigned byte = static_cast<unsigned char>(path[i]);
            if (byte < 0x20 || byte == 0x7f || path[i] == '\\') return false;
            if (path[i] == '/' && i + 1 != path.size() && path[i + 1] == '/') return false;
        }
        if (!percent_decode(path, decoded)) return false;
        if (decoded == path) return true;
    }
}

/// The target if it is safe, otherwise the start page.
inline std::string_view safe_return_to(std::string_view target) {
    return is_safe_return_to(target) ? target : std::string_view("/");
}

}  // namespace oauth
}  // namespace v0_1
}  // namespace rekey

#endif
