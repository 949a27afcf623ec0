// SPDX-License-Identifier: BSL-1.0
// url: what is wrong with a URL, in words, and where a secret may go.
#ifndef REKEY_OAUTH_URL_HPP
#define REKEY_OAUTH_URL_HPP

#include <rekey/detail/ascii.hpp>
#include <rekey/oauth/parse_url.hpp>

#include <string_view>

namespace rekey {
inline namespace v0_1 {
namespace oauth {

/// One sentence for people. It never repeats the URL.
constexpr std::string_view sentence(UrlError error) noexcept {
    switch (error) {
        case UrlError::nothing: return "the URL is fine";
        case UrlError::bad_character:
            return "the URL holds a space, a control character or a backslash; percent-encode it";
        case UrlError::no_scheme: return "the URL is not absolute; begin it with https://";
        case UrlError::unknown_scheme: return "the URL is neither https nor http";
        case UrlError::user_info:
            return "the URL holds a user name or an @ before its host; leave it out";
        case UrlError::no_host: return "the URL names no host";
        case UrlError::bad_host:
            return "the host is neither a plain ASCII name nor an IP address; "
                   "write an international name in its xn-- form";
        case UrlError::bad_port: return "the port is not a number from 1 to 65535";
        case UrlError::not_a_base: return "a base URL has no query and no fragment";
    }
    return {};
}

/// Whether a host never leaves this machine: `localhost`, 127.0.0.0/8 and `[::1]` (RFC 8252 §7.3).
constexpr bool is_loopback(std::string_view host) noexcept {
    if (detail::is_bracketed(host)) host = host.substr(1, host.size() - 2);
    const detail::Address six = detail::ipv6(host);
    if (six.parts == 8) {
        for (int i = 0; i != 7; ++i)
            if (six.part[i] != 0) return false;
        return six.part[7] == 1;
    }
    host = detail::without_trailing_dot(host);
    const detail::Address four = detail::ipv4(host);
    return (four.parts == 4 && four.part[0] == 127) ||
           detail::same_ignoring_case(host, "localhost");
}

/// Whether a secret may be sent there at all: https anywhere, http on loopback only.
///
/// Source       RFC 6749 §3.2; RFC 8252 §7.3
constexpr bool allowed_for_secrets(const Url& url) noexcept {
    if (!url) return false;
    return detail::same_ignoring_case(url.origin.scheme, "https") || is_loopback(url.origin.host);
}

}  // namespace oauth
}  // namespace v0_1
}  // namespace rekey

#endif
