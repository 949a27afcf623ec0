// SPDX-License-Identifier: BSL-1.0
// authorize_url: the address of Coze's consent page, for one flow (E1, E1w).
#ifndef REKEY_OAUTH_AUTHORIZE_URL_HPP
#define REKEY_OAUTH_AUTHORIZE_URL_HPP

#include <rekey/oauth/edit_url.hpp>
#include <rekey/oauth/percent.hpp>
#include <rekey/oauth/pkce.hpp>
#include <rekey/oauth/url.hpp>

#include <cstddef>
#include <string>
#include <string_view>

namespace rekey {
inline namespace v0_1 {
namespace oauth {

/// The browser's base for an API base: a leading `api.` of the host becomes `www.`, all else stays.
/// Empty if the base is no URL. `COZE_WWW_BASE`, where it is set, goes before this.
///
/// Source       coze-api §1 (www base)
inline std::string www_base(std::string_view api_base) {
    constexpr std::string_view api = "api.";
    const Url url = parse_url(api_base);
    if (!url) return {};
    std::string base(api_base);
    const std::string_view host = url.origin.host;
    if (detail::same_ignoring_case(host.substr(0, api.size()), api))
        base.replace(static_cast<std::size_t>(host.data() - api_base.data()), 3, "www");
    while (base.back() == '/') base.pop_back();
    return base;
}

/// An identifier that may stand in a path: letters, digits, `-`, `.`, `_`, `~`, 128 at most, and
/// neither `.` nor `..`. Workspace ids are decimals of 19 digits: text, never a number.
constexpr bool is_path_id(std::string_view id) noexcept {
    if (id.empty() || id.size() > 128 || id == "." || id == "..") return false;
    for (const char symbol : id)
        if (!is_unreserved(symbol)) return false;
    return true;
}

/// What the consent page has to know. `redirect_uri` and `state` are those of the pending record.
struct AuthorizeOptions {
    std::string www_base{};  ///< `https://www.coze.com`; http on loopback only.
    std::string client_id{};
    std::string redirect_uri{};  ///< Byte for byte as registered, and as the token request has it.
    std::string state{};
    std::string workspace_id{};  ///< Consent for this workspace only (enterprise); empty for all.
    bool allow_http = false;     ///< An http base outside loopback: everyone on the way reads it.
};

/// A flow without PKCE. Only for a service whose web flow does not document it: Coze's does not.
struct WithoutPkce {};

/// The URL to open, or one sentence that says why there is none.
struct AuthorizeUrl {
    std::string text{};
    std::string problem{};  ///< Empty if there is a URL; never a part of the options.

    explicit operator bool() const noexcept { return problem.empty(); }
};

namespace detail {

inline std::string problem_of(const AuthorizeOptions& options) {
    const Url base = parse_url(options.www_base);
    if (!base) return "the browser base: " + std::string(sentence(base.error));
    if (!options.allow_http && !allowed_for_secrets(base))
        return "the browser base is http outside loopback: everyone on the way could read the "
               "state; use https";
    if (options.client_id.empty()) return "the client id of the OAuth app is empty";
    if (options.redirect_uri.empty()) return "the redirect URI is empty";
    for (const char symbol : options.redirect_uri)
        if (symbol <= ' ' || symbol > '~')
            return "the redirect URI holds a space, a control character or a character outside "
                   "ASCII; percent-encode it, exactly as registered";
    if (options.state.empty()) return "the state is empty; PendingFlows::begin makes one";
    if (!options.workspace_id.empty() && !is_path_id(options.workspace_id))
        return "the workspace id holds a character that no id has";
    return {};
}

inline AuthorizeUrl make_authorize_url(const AuthorizeOptions& options,
                                       std::string_view challenge) {
    AuthorizeUrl url;
    url.problem = problem_of(options);
    if (!url) return url;
    std::string path = "/api/permission/oauth2/";
    if (!options.workspace_id.empty())
        path += "workspace_id/" + percent_encode_segment(options.workspace_id) + "/";
    path += "authorize?response_type=code";
    const auto add = [&path](std::string_view name, std::string_view value) {
        path += '&';
        path += name;
        path += '=';
        path += percent_encode(value);
    };
    add("client_id", options.client_id);
    add("redirect_uri", options.redirect_uri);
    add("state", options.state);
    if (!challenge.empty()) {
        add("code_challenge", challenge);
        add("code_challenge_method", Pkce::method);
    }
    JoinedUrl joined = join(options.www_base, path);
    if (joined)
        url.text.swap(joined.text);
    else
        url.problem = "the browser base: " + std::string(sentence(joined.error));
    return url;
}

}  // namespace detail

/// The consent page with PKCE (E1, E1w). `response_type` is always `code`.
///
/// Source       RFC 6749 §4.1.1; RFC 7636 §4.3; coze-api §3
inline AuthorizeUrl authorize_url(const AuthorizeOptions& options, const Pkce& pkce) {
    if (pkce) return detail::make_authorize_url(options, pkce.challenge());
    AuthorizeUrl url;
    url.problem = "there is no PKCE challenge; the source of random bytes may have failed";
    return url;
}

/// The same without PKCE; see `WithoutPkce`.
inline AuthorizeUrl authorize_url(const AuthorizeOptions& options, WithoutPkce) {
    return detail::make_authorize_url(options, {});
}

}  // namespace oauth
}  // namespace v0_1
}  // namespace rekey

#endif
