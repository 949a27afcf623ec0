// SPDX-License-Identifier: BSL-1.0
// Url and Origin: where a request goes, so that a secret never goes elsewhere.
#ifndef REKEY_OAUTH_PARSE_URL_HPP
#define REKEY_OAUTH_PARSE_URL_HPP

#include <rekey/detail/ascii.hpp>
#include <rekey/version.hpp>

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace rekey {
inline namespace v0_1 {
namespace oauth {

/// Why a text is not a URL that a secret may be bound to.
enum class UrlError : unsigned char {
    nothing,
    bad_character,
    no_scheme,
    unknown_scheme,
    user_info,
    no_host,
    bad_host,
    bad_port,
    not_a_base
};

/// Scheme, host and port: who receives what is sent. Views into the caller's text.
struct Origin {
    std::string_view scheme{};  ///< As written; `http` or `https` in any case.
    std::string_view host{};    ///< As written, without a trailing dot; `[…]` around IPv6.
    std::uint16_t port = 0;     ///< Never 0 in a parsed URL: the scheme's default is filled in.
};

/// An absolute http or https URL, taken apart. Views into the caller's text.
struct Url {
    UrlError error = UrlError::no_host;
    Origin origin{};
    std::string_view path{};      ///< Empty or beginning with `/`.
    std::string_view query{};     ///< Behind the `?`, without it; no data where there is none.
    std::string_view fragment{};  ///< Behind the `#`, without it.

    constexpr explicit operator bool() const noexcept { return error == UrlError::nothing; }
};

/// Takes an absolute URL apart; on failure everything but `error` is empty.
///
/// Stricter than RFC 3986, so that no two parsers can disagree about the host: user info, `\`,
/// spaces, control characters, percent-encoded or non-ASCII hosts and number hosts other than four
/// plain decimals (`127.1`, `0x7f000001`) are refused.
///
/// Cost         one pass, no allocation
/// Source       RFC 3986 §3; RFC 9700 §4.9.1
constexpr Url parse_url(std::string_view text) noexcept;

/// Whether two origins are the same server: scheme and host without regard to case, IPv6 by value.
/// An origin that was never parsed is the same as none, not even itself.
constexpr bool same_origin(const Origin& left, const Origin& right) noexcept;
constexpr bool same_origin(const Url& left, const Url& right) noexcept {
    return left && right && same_origin(left.origin, right.origin);
}

namespace detail {

using rekey::detail::lower;
using rekey::detail::same_ignoring_case;

constexpr bool is_digit(char symbol) noexcept { return symbol >= '0' && symbol <= '9'; }

constexpr int hex_digit(char symbol) noexcept {
    if (is_digit(symbol)) return symbol - '0';
    const char letter = lower(symbol);
    return letter >= 'a' && letter <= 'f' ? letter - 'a' + 10 : -1;
}

/// An address by value, so that two spellings compare. `parts` is 0 for no address.
struct Address {
    int parts = 0;
    std::uint16_t part[8] = {};
};

/// Four decimals of 0 to 255 without leading zeros.
constexpr Address ipv4(std::string_view text) noexcept {
    Address address;
    std::size_t i = 0;
    for (int part = 0; part != 4; ++part) {
        if (part != 0 && (i == text.size() || text[i++] != '.')) return {};
        const std::size_t start = i;
        unsigned value = 0;
        while (i != text.size() && is_digit(text[i]) && i - start < 3)
            value = value * 10 + static_cast<unsigned>(text[i++] - '0');
        if (i == start || value > 255 || (text[start] == '0' && i - start > 1)) return {};
        address.part[part] = static_cast<std::uint16_t>(value);
    }
    if (i != text.size()) return {};
    address.parts = 4;
    return address;
}

/// The text between the brackets (RFC 4291 §2.2); no zone.
constexpr Address ipv6(std::string_view text) noexcept {
    Address address;
    int count = 0;
    int gap = -1;  // where `::` stands
    std::size_t i = 0;
    if (text.size() >= 2 && text[0] == ':' && text[1] == ':') {
        gap = 0;
        i = 2;
    }
    while (i != text.size()) {
        if (count == 8) return {};
        const std::size_t start = i;
        unsigned value = 0;
        while (i != text.size() && hex_digit(text[i]) >= 0 && i - start < 4)
            value = value * 16 + static_cast<unsigned>(hex_digit(text[i++]));
        if (i != text.size() && text[i] == '.') {  // the last 32 bits as IPv4
            const Address tail = ipv4(text.substr(start));
            if (tail.parts == 0 || count > 6) return {};
            for (int pair = 0; pair != 2; ++pair)
                address.part[count++] =
                    static_cast<std::uint16_t>(tail.part[2 * pair] * 256 + tail.part[2 * pair + 1]);
            i = text.size();
            break;
        }
        if (i == start) return {};
        address.part[count++] = static_cast<std::uint16_t>(value);
        if (i == text.size()) break;
        if (text[i++] != ':' || i == text.size()) return {};
        if (text[i] == ':') {
            if (gap >= 0) return {};
            gap = count;
            ++i;
        }
    }
    if (gap < 0) {
        if (count != 8) return {};
    } else {
        if (count == 8) return {};
        const int moved = count - gap;
        for (int k = 0; k != moved; ++k) {
            address.part[7 - k] = address.part[count - 1 - k];
            if (count - 1 - k != 7 - k) address.part[count - 1 - k] = 0;
        }
    }
    address.parts = 8;
    return address;
}

constexpr bool is_bracketed(std::string_view host) noexcept {
    return host.size() > 2 && host.front() == '[' && host.back() == ']';
}

constexpr std::string_view without_trailing_dot(std::string_view host) noexcept {
    return !host.empty() && host.back() == '.' ? host.substr(0, host.size() - 1) : host;
}

/// Whether a name server is never asked for this last label, because it reads as a number.
constexpr bool is_number(std::string_view label) noexcept {
    const bool hexadecimal = label.size() > 1 && label[0] == '0' && lower(label[1]) == 'x';
    if (hexadecimal) label.remove_prefix(2);
    for (const char symbol : label)
        if (hexadecimal ? hex_digit(symbol) < 0 : !is_digit(symbol)) return false;
    return true;
}

/// A name of letters, digits, `-` and `_`, or four decimals. A name whose last label is a number
/// is an address in disguise for some parsers, and refused.
constexpr bool is_plain_host(std::string_view host) noexcept {
    if (host.empty() || host.size() > 253) return false;
    std::size_t label = 0;
    for (std::size_t i = 0; i != host.size(); ++i) {
        const char symbol = lower(host[i]);
        if (symbol == '.') {
            if (i == label) return false;
            label = i + 1;
        } else if (!is_digit(symbol) && !(symbol >= 'a' && symbol <= 'z') && symbol != '-' &&
                   symbol != '_') {
            return false;
        }
    }
    if (label == host.size()) return false;
    return !is_number(host.substr(label)) || ipv4(host).parts == 4;
}

constexpr Url failed_url(UrlError error) noexcept {
    Url url;
    url.error = error;
    return url;
}

}  // namespace detail

constexpr Url parse_url(std::string_view text) noexcept {
    for (const char symbol : text) {
        const auto byte = static_cast<unsigned char>(symbol);
        if (byte <= 0x20 || byte == 0x7f || symbol == '\\')
            return detail::failed_url(UrlError::bad_character);
    }
    Url url;
    const std::size_t colon = text.find_first_of(":/?#");
    if (colon == text.npos || colon == 0 || text[colon] != ':' || text.substr(colon, 3) != "://")
        return detail::failed_url(UrlError::no_scheme);
    url.origin.scheme = text.substr(0, colon);
    const bool secure = detail::same_ignoring_case(url.origin.scheme, "https");
    if (!secure && !detail::same_ignoring_case(url.origin.scheme, "http"))
        return detail::failed_url(UrlError::unknown_scheme);
    url.origin.port = secure ? 443 : 80;

    text.remove_prefix(colon + 3);
    const std::size_t end = text.find_first_of("/?#");
    std::string_view authority = text.substr(0, end);
    text.remove_prefix(authority.size());
    if (authority.find('@') != authority.npos) return detail::failed_url(UrlError::user_info);

    std::size_t host_size = authority.find(':');
    if (!authority.empty() && authority.front() == '[') {
        const std::size_t bracket = authority.find(']');
        if (bracket == authority.npos) return detail::failed_url(UrlError::bad_host);
        host_size = bracket + 1;
        if (detail::ipv6(authority.substr(1, bracket - 1)).parts == 0)
            return detail::failed_url(UrlError::bad_host);
        url.origin.host = authority.substr(0, host_size);
    } else {
        const std::string_view host = authority.substr(0, host_size);
        if (host.empty()) return detail::failed_url(UrlError::no_host);
        url.origin.host = detail::without_trailing_dot(host);
        if (!detail::is_plain_host(url.origin.host)) return detail::failed_url(UrlError::bad_host);
    }
    if (host_size < authority.size()) {
        if (authority[host_size] != ':') return detail::failed_url(UrlError::bad_host);
        authority.remove_prefix(host_size + 1);
        unsigned port = 0;
        if (authority.size() > 5) return detail::failed_url(UrlError::bad_port);
        for (const char digit : authority) {
            if (!detail::is_digit(digit)) return detail::failed_url(UrlError::bad_port);
            port = port * 10 + static_cast<unsigned>(digit - '0');
        }
        if (!authority.empty()) {  // an empty port is the default one (RFC 3986 §6.2.3)
            if (port == 0 || port > 65535) return detail::failed_url(UrlError::bad_port);
            url.origin.port = static_cast<std::uint16_t>(port);
        }
    }

    const std::size_t hash = text.find('#');
    if (hash != text.npos) {
        url.fragment = text.substr(hash + 1);
        text = text.substr(0, hash);
    }
    const std::size_t mark = text.find('?');
    if (mark != text.npos) {
        url.query = text.substr(mark + 1);
        text = text.substr(0, mark);
    }
    url.path = text;
    url.error = UrlError::nothing;
    return url;
}

constexpr bool same_origin(const Origin& left, const Origin& right) noexcept {
    if (left.port == 0 || left.port != right.port || left.host.empty()) return false;
    if (!detail::same_ignoring_case(left.scheme, right.scheme)) return false;
    if (detail::is_bracketed(left.host) && detail::is_bracketed(right.host)) {
        const detail::Address one = detail::ipv6(left.host.substr(1, left.host.size() - 2));
        const detail::Address two = detail::ipv6(right.host.substr(1, right.host.size() - 2));
        if (one.parts == 0 || two.parts == 0) return false;
        for (int i = 0; i != 8; ++i)
            if (one.part[i] != two.part[i]) return false;
        return true;
    }
    return detail::same_ignoring_case(detail::without_trailing_dot(left.host),
                                      detail::without_trailing_dot(right.host));
}

}  // namespace oauth
}  // namespace v0_1
}  // namespace rekey

#endif
