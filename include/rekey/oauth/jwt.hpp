// SPDX-License-Identifier: BSL-1.0
// jwt: the signed assertion that an application exchanges for a token, and who signs it.
#ifndef REKEY_OAUTH_JWT_HPP
#define REKEY_OAUTH_JWT_HPP

#include <rekey/body/json_writer.hpp>
#include <rekey/oauth/base64url.hpp>
#include <rekey/secret.hpp>

#include <atomic>
#include <cstdint>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

namespace rekey {
inline namespace v0_1 {
namespace oauth {

/// RSASSA-PKCS1-v1_5 with SHA-256: the one algorithm that Coze takes (RFC 7518 §3.3).
struct Rs256 {};

/// What a JWT says. Empty optional texts are left out.
///
/// `id` is new for every JWT, since a server takes each one once: `random_token(32)`.
///
/// Source       RFC 7519 §4.1; RFC 7523 §3
struct JwtClaims {
    std::string issuer{};           ///< `iss`: the client id of the OAuth app.
    std::string subject{};          ///< `sub`: optional; RFC 7523 §3 wants it, Coze has none.
    std::string audience{};         ///< `aud`: exactly one; for Coze the host of the API base.
    std::int64_t issued_at = 0;     ///< `iat`: seconds since 1970.
    std::int64_t expires_at = 0;    ///< `exp`: seconds since 1970, later than `issued_at`.
    std::string id{};               ///< `jti`
    std::string session_name{};     ///< Optional; keeps the end users of one app apart.
    std::string device_id{};        ///< Optional; `session_context.device_info.device_id`
    std::string custom_consumer{};  ///< Optional; `session_context.device_info.custom_consumer`
};

/// Any callable `std::string(std::string_view signing_input)` that returns the raw signature, empty
/// if it cannot: a key in memory, a key service, a hardware module.
///
/// Copies share one callable. It is called as const, so that two threads may sign at once; whether
/// that is safe is up to the callable.
///
/// Cost         one allocation when made; a copy is one atomic increment.
class Signer {
public:
    Signer() noexcept = default;

    template <class Callable,
              class = std::enable_if_t<!std::is_same_v<std::decay_t<Callable>, Signer>>>
    Signer(Callable&& callable) {
        using Held = std::decay_t<Callable>;
        constexpr bool fits = std::is_invocable_r_v<std::string, const Held&, std::string_view>;
        static_assert(fits,
                      "rekey: a signer is a callable std::string(std::string_view signing_input) "
                      "that can be called as const and returns the raw signature bytes.");
        if constexpr (fits) holder_ = new Holding<Held>(std::forward<Callable>(callable));
    }
    Signer(const Signer& other) noexcept : holder_(other.holder_) {
        if (holder_ != nullptr) holder_->users.fetch_add(1, std::memory_order_relaxed);
    }
    Signer(Signer&& other) noexcept : holder_(std::exchange(other.holder_, nullptr)) {}
    Signer& operator=(Signer other) noexcept {
        std::swap(holder_, other.holder_);
        return *this;
    }
    ~Signer() {
        if (holder_ != nullptr && holder_->users.fetch_sub(1, std::memory_order_acq_rel) == 1)
            delete holder_;
    }

    /// The raw signature; empty if it failed or there is no signer.
    std::string operator()(std::string_view signing_input) const {
        return holder_ == nullptr ? std::string() : holder_->sign(signing_input);
    }

    explicit operator bool() const noexcept { return holder_ != nullptr; }

private:
    struct Holder {
        Holder() = default;
        Holder(const Holder&) = delete;
        Holder& operator=(const Holder&) = delete;
        virtual ~Holder() = default;
        virtual std::string sign(std::string_view signing_input) const = 0;

        std::atomic<std::uint32_t> users{1};
    };
    template <class Held> struct Holding final : Holder {
        template <class Callable>
        explicit Holding(Callable&& made) : callable(std::forward<Callable>(made)) {}
        std::string sign(std::string_view signing_input) const override {
            return callable(signing_input);
        }

        const Held callable;
    };

    Holder* holder_ = nullptr;
};

/// A signer, or one sentence that says why there is none. The sentence never quotes the key.
struct SignerResult {
    Signer signer{};
    std::string_view error{};  ///< A literal; empty if there is a signer.

    explicit operator bool() const noexcept { return error.empty(); }
};

/// Where a signer comes from if the user passes a key instead of a callable. The adapter for a
/// crypto library specialises it: `static SignerResult from_pem(std::string_view pem)`.
template <class Algorithm> struct DefaultSigner {
    static_assert(rekey::detail::never<Algorithm>,
                  "rekey: no RS256 signer is known here. Include <rekey/adapter/openssl.hpp>, or "
                  "pass a signer callable.");
    static SignerResult from_pem(std::string_view) { return {}; }
};

/// A finished JWT, or one sentence that says what is missing.
struct JwtResult {
    Secret token{};
    std::string_view error{};  ///< A literal; empty if there is a token.

    explicit operator bool() const noexcept { return error.empty(); }
};

/// The text that is signed: header and claims, each as base64url, with a dot between them. Empty if
/// a claim or the key id is not UTF-8.
///
/// Source       RFC 7515 §5.1
inline std::string signing_input(const JwtClaims& claims, std::string_view key_id);

/// A signing input with its signature behind it; the error says that the signer failed.
///
/// Source       RFC 7515 §3.1
inline JwtResult sign(std::string_view input, const Signer& signer);

/// What is missing for a JWT with these claims, as a literal; empty if nothing is.
inline std::string_view problem_with_jwt(const JwtClaims& claims, std::string_view key_id) noexcept;

/// The JWT for these claims. `key_id` names the public key on the server's side (`kid`).
///
/// Errors       a claim that must be there is empty, `expires_at` is not after `issued_at`, a text
///              is not UTF-8, or the signer failed.
inline JwtResult make_jwt(const JwtClaims& claims, std::string_view key_id, const Signer& signer);

inline std::string signing_input(const JwtClaims& claims, std::string_view key_id) {
    body::JsonWriter header;
    header.object_begin();
    header.member("alg", "RS256");
    header.member("typ", "JWT");
    header.member("kid", key_id);
    header.object_end();

    body::JsonWriter payload;
    const auto add_unless_empty = [&payload](std::string_view name, std::string_view value) {
        if (!value.empty()) payload.member(name, value);
    };
    payload.object_begin();
    payload.member("iss", claims.issuer);
    add_unless_empty("sub", claims.subject);
    payload.member("aud", claims.audience);
    payload.member("iat", claims.issued_at);
    payload.member("exp", claims.expires_at);
    payload.member("jti", claims.id);
    add_unless_empty("session_name", claims.session_name);
    if (!claims.device_id.empty() || !claims.custom_consumer.empty()) {
        payload.key("session_context");
        payload.object_begin();
        payload.key("device_info");
        payload.object_begin();
        add_unless_empty("device_id", claims.device_id);
        add_unless_empty("custom_consumer", claims.custom_consumer);
        payload.object_end();
        payload.object_end();
    }
    payload.object_end();

    if (!header.ok() || !payload.ok()) return {};
    std::string input = base64url_encode(std::move(header).text());
    input.push_back('.');
    input.append(base64url_encode(std::move(payload).text()));
    return input;
}

inline JwtResult sign(std::string_view input, const Signer& signer) {
    JwtResult result;
    const std::string signature = signer(input);
    if (signature.empty()) {
        result.error = "the signer gave no signature";
        return result;
    }
    std::string token(input.size() + 1 + base64url_size(signature.size()), '.');
    input.copy(&token[0], input.size());
    base64url_encode(signature, &token[input.size() + 1]);
    result.token = Secret(std::move(token));
    return result;
}

inline std::string_view problem_with_jwt(const JwtClaims& claims,
                                         std::string_view key_id) noexcept {
    if (claims.issuer.empty()) return "the JWT has no issuer (the client id of the OAuth app)";
    if (claims.audience.empty()) return "the JWT has no audience (the host of the API base)";
    if (claims.id.empty()) return "the JWT has no id; the source of random bytes may have failed";
    if (key_id.empty()) return "the JWT has no key id (the fingerprint of the public key)";
    if (claims.issued_at <= 0 || claims.expires_at <= claims.issued_at)
        return "the JWT expires before it is issued";
    return {};
}

inline JwtResult make_jwt(const JwtClaims& claims, std::string_view key_id, const Signer& signer) {
    JwtResult result;
    result.error = problem_with_jwt(claims, key_id);
    if (result && !signer) result.error = "there is no signer for the JWT";
    if (!result) return result;

    const std::string input = signing_input(claims, key_id);
    if (!input.empty()) return sign(input, signer);
    result.error = "the JWT has a text that is not UTF-8";
    return result;
}

}  // namespace oauth
}  // namespace v0_1
}  // namespace rekey

#endif
