// SPDX-License-Identifier: BSL-1.0
// client_authentication: how an OAuth client proves who it is, each style a type of its own.
#ifndef REKEY_OAUTH_CLIENT_AUTHENTICATION_HPP
#define REKEY_OAUTH_CLIENT_AUTHENTICATION_HPP

#include <rekey/oauth/jwt.hpp>
#include <rekey/oauth/random_token.hpp>
#include <rekey/secret.hpp>

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

namespace rekey {
inline namespace v0_1 {
namespace oauth {

namespace detail {

/// application/x-www-form-urlencoded: a space is `+`, everything outside `A-Za-z0-9*-._` is `%XX`.
inline void form_encode(std::string_view text, std::string& out) {
    constexpr char digits[] = "0123456789ABCDEF";
    for (const char symbol : text) {
        const unsigned byte = static_cast<unsigned char>(symbol);
        const bool plain = (symbol >= 'A' && symbol <= 'Z') || (symbol >= 'a' && symbol <= 'z') ||
                           (symbol >= '0' && symbol <= '9') || symbol == '*' || symbol == '-' ||
                           symbol == '.' || symbol == '_';
        if (plain) {
            out.push_back(symbol);
        } else if (symbol == ' ') {
            out.push_back('+');
        } else {
            out.push_back('%');
            out.push_back(digits[byte >> 4]);
            out.push_back(digits[byte & 15u]);
        }
    }
}

/// RFC 4648 §4, with padding; from the url alphabet, which is the same but for two characters.
inline std::string base64(std::string_view bytes) {
    std::string text = base64url_encode(bytes);
    for (char& symbol : text) {
        if (symbol == '-') symbol = '+';
        if (symbol == '_') symbol = '/';
    }
    text.append((4 - text.size() % 4) % 4, '=');
    return text;
}

/// Why an Authorization value cannot be sent, as a literal; empty if it can, or if there is none.
///
/// Source  RFC 6750 §2.1; RFC 9110 §5.5
inline std::string_view problem_with_authorization(const Secret& authorization) noexcept {
    std::string_view secret = authorization.expose();
    secret.remove_prefix(secret.find(' ') + 1);  // behind the scheme
    for (const char symbol : secret)
        if (symbol < '!' || symbol > '~')
            return "the client secret holds a character that no header may carry (space, control "
                   "or non-ASCII)";
    return {};
}

}  // namespace detail

/// The id and the secret in one Authorization header, form-encoded first, so that a `:` in the id
/// or a `%` in the secret arrives as what it is.
///
/// Source  RFC 6749 §2.3.1; RFC 7617
struct ClientSecretBasic {
    std::string client_id{};
    Secret client_secret{};

    /// `Basic …`; empty without an id.
    Secret authorization() const {
        if (client_id.empty()) return Secret{};
        std::string pair;
        pair.reserve(3 * (client_id.size() + client_secret.size()) + 1);
        detail::form_encode(client_id, pair);
        pair.push_back(':');
        detail::form_encode(client_secret.expose(), pair);
        std::string encoded = detail::base64(pair);
        rekey::detail::wipe(pair);
        std::string value;
        value.reserve(6 + encoded.size());
        value.append("Basic ").append(encoded);
        rekey::detail::wipe(encoded);
        return Secret{std::move(value)};
    }
};

/// The secret itself as a bearer: the dialect of Coze's web flow (coze-api §3, E2 and E9).
struct ClientSecretBearer {
    Secret client_secret{};

    /// `Bearer …`; empty without a secret, and then no header is sent at all.
    Secret authorization() const {
        if (client_secret.empty()) return Secret{};
        std::string value("Bearer ");
        value.reserve(7 + client_secret.size());
        value.append(client_secret.expose());
        return Secret{std::move(value)};
    }
};

/// A public client: it has no secret and sends no Authorization header (PKCE, device).
struct PublicClient {
    static Secret authorization() { return Secret{}; }
};

/// A signed assertion instead of a secret: issuer and subject are the client, the audience is one
/// exact string that the user names, the id is new each time and it lives five minutes.
///
/// Source  RFC 7523 §3; RFC 9700 §2.5
struct PrivateKeyJwt {
    std::string client_id{};
    std::string audience{};  ///< The authorization server's issuer, never learned from an answer.
    std::string key_id{};
    Signer signer{};

    static constexpr std::int64_t lifetime = 300;  ///< Seconds.

    JwtResult assertion(std::int64_t unix_seconds) const {
        JwtClaims claims;
        claims.issuer = client_id;
        claims.subject = client_id;
        claims.audience = audience;
        claims.issued_at = unix_seconds;
        claims.expires_at = unix_seconds + lifetime;
        claims.id = random_token(32);
        return make_jwt(claims, key_id, signer);
    }
};

}  // namespace oauth
}  // namespace v0_1
}  // namespace rekey

#endif
