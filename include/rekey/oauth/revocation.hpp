// SPDX-License-Identifier: BSL-1.0
// Revocation: tells the service on sign-out that a user's tokens are void.
#ifndef REKEY_OAUTH_REVOCATION_HPP
#define REKEY_OAUTH_REVOCATION_HPP

#include <rekey/oauth/client_authentication.hpp>
#include <rekey/oauth/code_exchange.hpp>
#include <rekey/oauth/url.hpp>
#include <rekey/secret.hpp>

#include <string>
#include <string_view>
#include <utility>

namespace rekey {
inline namespace v0_1 {
namespace oauth {

/// Where and as whom tokens are revoked. Coze documents no such endpoint: its tokens end by
/// themselves, and when the user removes the app.
struct RevocationEndpoint {
    std::string url{};  ///< Of the server's metadata, whole; empty: there is none.
    std::string client_id{};
    bool allow_http = false;  ///< An http URL outside loopback: everyone on the way reads it.
};

namespace detail {
/// The revocation endpoint that the options of a flow name.
template <class Options> RevocationEndpoint revocation_endpoint(const Options& options) {
    RevocationEndpoint endpoint;
    endpoint.url = options.revocation_url;
    endpoint.client_id = options.client_id;
    endpoint.allow_http = options.allow_http;
    return endpoint;
}
}  // namespace detail

/// The request that revokes one token. `hint`: `refresh_token` or `access_token`.
///
/// Source   RFC 7009 §2.1; RFC 6749 §2.3.1
template <class Authentication>
TokenRequest revoke_request(const RevocationEndpoint& endpoint,
                            const Authentication& authentication, const Secret& token,
                            std::string_view hint) {
    TokenRequest request;
    const Url url = parse_url(endpoint.url);
    if (!url) {
        request.problem = "the revocation URL: " + std::string(sentence(url.error));
        return request;
    }
    if (!endpoint.allow_http && !allowed_for_secrets(url)) {
        request.problem =
            "the revocation URL is http outside loopback: everyone on the way could "
            "read the token; use https";
        return request;
    }
    request.http.method = "POST";
    request.http.url = endpoint.url;
    request.http.headers = {{"Content-Type", "application/x-www-form-urlencoded"}};
    std::string& body = request.http.body;
    body.reserve(64 + 3 * (token.size() + endpoint.client_id.size()));
    body += "token=";
    detail::form_encode(token.expose(), body);
    body += "&token_type_hint=";
    body += hint;
    body += "&client_id=";
    detail::form_encode(endpoint.client_id, body);
    request.authorization = authentication.authorization();
    request.problem = std::string(detail::problem_with_authorization(request.authorization));
    request.sent_secret = token;
    return request;
}

/// How a sign-out went. The tokens are gone from this process in any case.
struct [[nodiscard]] SignOut {
    bool is_revoked = true;  ///< The service knows, or there was nothing to tell it.
    std::string message{};   ///< For people, without a secret: why it does not know.

    explicit operator bool() const noexcept { return is_revoked; }
};

/// Revokes a user's tokens: the refresh token first, since it makes new access tokens, and the
/// access token also if that failed. Nothing is repeated; an error is reported and ends nothing.
///
/// Source   RFC 7009 §2, §2.2
template <class Authentication, class Exchanger>
SignOut revoke(const RevocationEndpoint& endpoint, const Authentication& authentication,
               const Secret& refresh_token, const Secret& access_token, std::string_view credential,
               const Exchanger& exchanger) {
    SignOut end;
    const auto tell = [&](const Secret& token, std::string_view hint) {
        if (token.empty()) return;
        const TokenRequest request = revoke_request(endpoint, authentication, token, hint);
        std::string why = request.problem;
        if (why.empty()) {
            const auto answer = exchanger(request.http, request.authorization.expose(), credential);
            const bool is_known = answer.reach == Reach::answered && answer.status == 200;
            if (is_known) return;
            why = answer.reach == Reach::answered
                      ? "the revocation endpoint answered HTTP " + std::to_string(answer.status)
                      : "the revocation endpoint did not answer";
        }
        if (end.is_revoked) end.message = std::string(hint) + ": " + why;
        end.is_revoked = false;
    };
    tell(refresh_token, "refresh_token");
    tell(access_token, "access_token");
    return end;
}

}  // namespace oauth
}  // namespace v0_1
}  // namespace rekey

#endif
