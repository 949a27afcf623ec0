// SPDX-License-Identifier: BSL-1.0
// join and without_query_parameter: URLs out of other URLs.
#ifndef REKEY_OAUTH_EDIT_URL_HPP
#define REKEY_OAUTH_EDIT_URL_HPP

#include <rekey/oauth/url.hpp>

#include <cstddef>
#include <string>
#include <string_view>

namespace rekey {
inline namespace v0_1 {
namespace oauth {

/// What `join` made, or why it could not.
struct JoinedUrl {
    std::string text{};
    UrlError error = UrlError::nothing;

    explicit operator bool() const noexcept { return error == UrlError::nothing; }
};

/// Puts a path behind a base URL, with exactly one slash between them:
/// `join("https://api.coze.com/", "/v3/chat")` is `https://api.coze.com/v3/chat`.
///
/// `path` is already encoded and may carry a query. The base may have a path, and any number of
/// slashes at its end.
inline JoinedUrl join(std::string_view base, std::string_view path);

/// The URL without every query parameter of that name; all other bytes stay as they are.
/// A name that is written with `%XX` counts too. The `?` goes with the last parameter.
inline std::string without_query_parameter(std::string_view url, std::string_view name);

namespace detail {

/// Whether a query name, `%XX` decoded, is `name`.
inline bool is_query_name(std::string_view written, std::string_view name) noexcept {
    std::size_t i = 0;
    for (const char wanted : name) {
        if (i == written.size()) return false;
        char found = written[i];
        if (found == '%' && written.size() - i > 2 && hex_digit(written[i + 1]) >= 0 &&
            hex_digit(written[i + 2]) >= 0) {
            found = static_cast<char>(static_cast<unsigned char>(hex_digit(written[i + 1]) * 16 +
                                                                 hex_digit(written[i + 2])));
            i += 2;
        }
        if (found != wanted) return false;
        ++i;
    }
    return i == written.size();
}

}  // namespace detail

inline JoinedUrl join(std::string_view base, std::string_view path) {
    JoinedUrl joined;
    const Url parsed = parse_url(base);
    joined.error = parsed.error;
    if (!joined) return joined;
    if (base.find_first_of("?#") != base.npos) {
        joined.error = UrlError::not_a_base;
        return joined;
    }
    while (base.back() == '/') base.remove_suffix(1);
    joined.text.reserve(base.size() + path.size() + 1);
    joined.text.append(base);
    if (!path.empty() && path.front() != '/') joined.text.push_back('/');
    joined.text.append(path);
    joined.error = parse_url(joined.text).error;
    if (!joined) joined.text.clear();
    return joined;
}

inline std::string without_query_parameter(std::string_view url, std::string_view name) {
    const std::size_t end = (url.find('#') == url.npos) ? url.size() : url.find('#');
    const std::size_t mark = url.substr(0, end).find('?');
    if (mark == url.npos) return std::string(url);
    const std::string_view query = url.substr(mark + 1, end - mark - 1);

    std::string kept(url.substr(0, mark));
    char separator = '?';
    for (std::size_t start = 0; start <= query.size();) {
        const std::string_view pair = query.substr(start, query.find('&', start) - start);
        start += pair.size() + 1;
        if (detail::is_query_name(pair.substr(0, pair.find('=')), name)) continue;
        kept.push_back(separator);
        kept.append(pair);
        separator = '&';
    }
    kept.append(url.substr(end));
    return kept;
}

}  // namespace oauth
}  // namespace v0_1
}  // namespace rekey

#endif
