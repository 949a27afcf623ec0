// SPDX-License-Identifier: BSL-1.0
// HttpRequest and HttpResponse: plain values for those who bring no HTTP types of their own.
#ifndef REKEY_HTTP_HPP
#define REKEY_HTTP_HPP

#include <rekey/detail/ascii.hpp>
#include <rekey/version.hpp>

#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace rekey {
inline namespace v0_1 {

/// One header field. Names compare without regard to case (RFC 9110 §5.1).
struct HttpHeader {
    std::string name;
    std::string value;
};

using HttpHeaders = std::vector<HttpHeader>;

/// A request as plain data:
/// `HttpRequest{"POST", url, {{"Content-Type", "application/json"}}, body}`.
///
/// `url` is absolute, with its scheme. rekey never changes the caller's object.
struct HttpRequest {
    std::string method{};
    std::string url{};
    HttpHeaders headers{};
    std::string body{};
};

/// A response as plain data. `delivered` says that a part of it already reached the caller
/// (a stream): nothing is ever sent again after that.
struct HttpResponse {
    int status = 0;
    HttpHeaders headers{};
    std::string body{};
    bool delivered = false;
};

/// Two header names, equal without regard to ASCII case.
constexpr bool same_header_name(std::string_view left, std::string_view right) noexcept {
    return detail::same_ignoring_case(left, right);
}

/// The value of the first header of that name, or an empty view, which lives as long as `headers`.
inline std::string_view find_header(const HttpHeaders& headers, std::string_view name) noexcept {
    for (const HttpHeader& header : headers)
        if (same_header_name(header.name, name)) return header.value;
    return {};
}

namespace detail {
/// One more header. Both texts are arguments, since g++ before 12 forgets what a braced list made
/// before a part of it threw (GCC bug 66139): in `include/` no later part of one allocates.
inline void add_header(HttpHeaders& headers, std::string name, std::string value) {
    headers.push_back({std::move(name), std::move(value)});
}
}  // namespace detail

}  // namespace v0_1
}  // namespace rekey

#endif
