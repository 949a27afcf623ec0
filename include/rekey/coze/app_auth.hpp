// SPDX-License-Identifier: BSL-1.0
// AppAuth: a Coze OAuth JWT application, for one account, one enterprise or its owner.
#ifndef REKEY_COZE_APP_AUTH_HPP
#define REKEY_COZE_APP_AUTH_HPP

#include <rekey/body/json_writer.hpp>
#include <rekey/coze/pat.hpp>
#include <rekey/detail/os_random.hpp>
#include <rekey/http.hpp>
#include <rekey/oauth/edit_url.hpp>
#include <rekey/oauth/jwt.hpp>
#include <rekey/oauth/percent.hpp>
#include <rekey/oauth/random_token.hpp>
#include <rekey/oauth/token_response.hpp>
#include <rekey/oauth/url.hpp>
#include <rekey/token/source.hpp>

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

namespace rekey {
inline namespace v0_1 {
namespace coze {

namespace detail {
inline constexpr const char* not_visible =
    " holds a space, a control character or a character outside ASCII";
}

/// The token is for one account: the personal UID of the app's owner, or an organization id (E7).
struct Account {
    static constexpr std::string_view name = "personal";
    static constexpr std::string_view path_before_id = "/api/permission/oauth2/account/";
    static constexpr std::string_view id_is = "the account id (COZE_ACCOUNT_ID)";
};
/// The token is for one enterprise: `volcano_…`, from organization settings (E8).
struct EnterpriseId {
    static constexpr std::string_view name = "enterprise";
    static constexpr std::string_view path_before_id = "/api/permission/oauth2/enterprise_id/";
    static constexpr std::string_view id_is = "the enterprise id (COZE_ENTERPRISE_ID)";
};
/// The token is for whoever owns the app (E6); there is no id.
struct Owner {
    static constexpr std::string_view name = "owner";
    static constexpr std::string_view path_before_id = {};
    static constexpr std::string_view id_is = {};
};

/// The settings of an OAuth JWT app. An aggregate: name what you need.
struct AppAuthOptions {
    std::string client_id{};      ///< `iss`: the OAuth app's id.
    std::string public_key_id{};  ///< `kid`: the fingerprint shown in the app's settings.
    oauth::Signer signer{};       ///< RS256; `oauth::DefaultSigner<oauth::Rs256>::from_pem(pem)`.
    std::string id{};             ///< Of the account or the enterprise, as text; never a number.
    std::string base{api_base};   ///< https, or http on loopback.
    std::int64_t duration_seconds = 900;  ///< Life of the token; 1 to 86399.
    std::string scope{};                  ///< JSON object, for channel apps only; empty: left out.
    std::string session_name{};           ///< Keeps the end users of one app apart.
    std::string device_id{};              ///< `session_context.device_info.device_id`
    std::string custom_consumer{};        ///< `session_context.device_info.custom_consumer`
    bool allow_http = false;  ///< An http base outside loopback: everyone on the way reads it.
};

/// What an exchange sends: a request, its Authorization value, or the sentence why there is none.
struct TokenRequest {
    HttpRequest http{};
    Secret authorization{};
    std::string problem{};
    std::string signing_input{};  ///< Of the assertion; not sent.
};

/// Obtains tokens for an OAuth JWT app: a signed assertion, used once, for a token of 15 minutes.
///
/// Which    `Account`, `EnterpriseId` or `Owner`: on whose behalf the token acts.
/// Errors   a setting that cannot work is ErrorKind::configuration and names itself; an app that is
///          disabled is a refusal and falls back; see docs/coze.md.
/// Threads  a value; the client that holds it lets one caller at a time ask for a token.
/// Source   RFC 7523 §2.1; coze-api §3 E6–E8, §3.2.
template <class Which> class AppAuth {
public:
    static constexpr std::string_view name = Which::name;
    static constexpr Identity identity = Identity::app;
    using Service = Api;
    using Exchange = token::Exchanged;

    std::string origin;

    explicit AppAuth(AppAuthOptions options)
        : origin(detail::origin_of(options.base)), options_(std::move(options)) {}

    /// Why no token can be asked for with these settings, in a sentence that names the setting;
    /// empty if nothing is in the way.
    std::string problem() const { return made(1, true).problem; }

    /// A token request with a new assertion. Every try takes a new one: a JWT may be used once.
    TokenRequest token_request(std::int64_t unix_seconds) const {
        TokenRequest request = made(unix_seconds, true);
        if (!request.problem.empty()) return request;
        const oauth::JwtResult jwt = oauth::sign(request.signing_input, options_.signer);
        if (jwt)
            request.authorization = rekey::detail::header_value("Bearer", jwt.token.expose());
        else
            request.problem = std::string(jwt.error);
        return request;
    }
    /// The same for an assertion that somebody else signs: `oauth::SignedLater`.
    TokenRequest unsigned_token_request(std::int64_t unix_seconds) const {
        return made(unix_seconds, false);
    }

    /// Reads the answer in the Coze dialect: `expires_in` absolute or relative, by its size.
    oauth::TokenAnswer read_token(int status, std::string_view content_type, std::string_view body,
                                  std::int64_t now) const {
        oauth::TokenRules rules;
        rules.now = now;
        rules.default_lifetime = options_.duration_seconds;
        return oauth::read_token_answer(status, content_type, body, rules);
    }

    /// Whose record it is in a store: everything that makes the token another one.
    std::string stored_as() const {
        std::string text = "app";
        const std::string at = path();
        for (const std::string* const part :
             {&origin, &at, &options_.client_id, &options_.scope, &options_.session_name,
              &options_.device_id, &options_.custom_consumer})
            text += ' ' + std::to_string(part->size()) + ':' + *part;
        return text;
    }

private:
    std::string problem(bool signs) const {
        if (const oauth::JoinedUrl url = oauth::join(options_.base, "/"); !url)
            return "the API base: " + std::string(oauth::sentence(url.error));
        if (!options_.allow_http && !oauth::allowed_for_secrets(oauth::parse_url(options_.base)))
            return "the API base is http outside loopback: everyone on the way could read the "
                   "token; use https";
        if (options_.client_id.empty()) return "the client id of the OAuth app is empty";
        if (options_.public_key_id.empty()) return "the public key id of the OAuth app is empty";
        if (!oauth::detail::is_ascii_from('!', options_.client_id))
            return std::string("the client id of the OAuth app").append(detail::not_visible);
        if (!oauth::detail::is_ascii_from('!', options_.public_key_id))
            return std::string("the public key id of the OAuth app").append(detail::not_visible);
        if (signs && !options_.signer) return "there is no signer for the private key";
        if (options_.duration_seconds < 1 || options_.duration_seconds > 86399)
            return "duration_seconds is not between 1 and 86399";
        if (!Which::path_before_id.empty()) {
            if (options_.id.empty()) return id(" is empty");
            for (const char c : options_.id)
                if (c <= ' ' || c > '~' || c == '/' || c == '\\')
                    return id(" holds a space, a slash or a character outside ASCII");
            if (options_.id == "." || options_.id == "..") return id(" is a dot");
        }
        return {};
    }

    /// A token request whose assertion is not signed yet.
    TokenRequest made(std::int64_t unix_seconds, bool signs) const {
        TokenRequest request;
        request.problem = problem(signs);
        if (!request.problem.empty()) return request;

        oauth::JwtClaims claims;
        claims.issuer = options_.client_id;
        claims.audience = audience();
        claims.issued_at = unix_seconds;
        claims.expires_at = unix_seconds + assertion_lifetime;
        claims.id = oauth::random_token(32);
        claims.session_name = options_.session_name;
        claims.device_id = options_.device_id;
        claims.custom_consumer = options_.custom_consumer;
        request.problem = std::string(oauth::problem_with_jwt(claims, options_.public_key_id));
        if (!request.problem.empty()) return request;
        request.signing_input = oauth::signing_input(claims, options_.public_key_id);
        if (request.signing_input.empty()) {
            request.problem = "session_name, device_id or custom_consumer is not UTF-8";
            return request;
        }
        request.http.method = "POST";
        request.http.url = oauth::join(options_.base, path()).text;
        request.http.headers = {{"Content-Type", "application/json"}};
        body::JsonWriter writer;
        writer.object_begin();
        writer.member("grant_type", "urn:ietf:params:oauth:grant-type:jwt-bearer");
        writer.member("duration_seconds", options_.duration_seconds);
        if (!options_.scope.empty()) {
            writer.key("scope");
            writer.raw(options_.scope);
        }
        writer.object_end();
        request.http.body = std::move(writer).text();
        if (request.http.body.empty()) request.problem = "the scope is not valid JSON text";
        return request;
    }

    static constexpr std::int64_t assertion_lifetime = 300;  // seconds; S24: five minutes at most

    // Appended: g++ 12 warns of `text + "literal"` when it optimizes in C++20 and later.
    static std::string id(const char* what) {
        std::string text(Which::id_is);
        text += what;
        return text;
    }
    std::string path() const {
        if (Which::path_before_id.empty()) return "/api/permission/oauth2/token";
        std::string path(Which::path_before_id);
        path += oauth::percent_encode_segment(options_.id);
        path += "/token";
        return path;
    }
    /// The host of the base, with its port where it is not the scheme's own.
    std::string audience() const {
        const oauth::Url url = oauth::parse_url(options_.base);
        std::string host;
        for (const char c : url.origin.host) host.push_back(rekey::detail::lower(c));
        const bool secure = oauth::same_origin(url.origin, {"https", url.origin.host, 443});
        const bool plain = oauth::same_origin(url.origin, {"http", url.origin.host, 80});
        if (!secure && !plain) host += ":" + std::to_string(url.origin.port);
        return host;
    }

    AppAuthOptions options_;
};

}  // namespace coze
}  // namespace v0_1
}  // namespace rekey

#endif
