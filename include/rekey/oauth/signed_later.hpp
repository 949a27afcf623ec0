// SPDX-License-Identifier: BSL-1.0
// SignedLater: a credential whose assertions are signed by somebody who calls back: a key service.
#ifndef REKEY_OAUTH_SIGNED_LATER_HPP
#define REKEY_OAUTH_SIGNED_LATER_HPP

#include <rekey/credential.hpp>
#include <rekey/oauth/base64url.hpp>

#include <cstdint>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

namespace rekey {
inline namespace v0_1 {
namespace oauth {

/// What a signer that answers later is tried with when compiled.
struct SignatureTaker {
    void operator()(std::string) const {}
};

/// A credential with an asynchronous signer, for the asynchronous clients; a blocking client takes
/// a `Signer`, which may block.
///
/// Credential  has `unsigned_token_request(unix_seconds)`, with a `signing_input` in what it gives:
///             `coze::AppAuth`, whose own `signer` is then left out.
/// Sign        called as const, `sign(std::string_view signing_input, done)`; it calls
///             `done(std::string signature)` once, now or later, on any thread, with the raw bytes,
///             or an empty text if it cannot. Copied, so keep what is shared behind a pointer.
/// Ends        an assertion that is not signed counts as a token request that was not sent: two
///             more tries, each with a new assertion. `done` dropped counts the same. What `sign`
///             throws ends the call unchanged.
/// Threads     single flight as every exchange: one caller's assertion is signed, the others wait.
/// Example     examples/27_key_service.cpp
template <class Credential, class Sign> class SignedLater : public Credential {
    static constexpr bool fits = std::is_invocable_v<const Sign&, std::string_view, SignatureTaker>;
    static_assert(fits,
                  "rekey: a signer that answers later can be called as const with "
                  "(std::string_view signing_input, done), and calls done(std::string signature).");

public:
    static constexpr bool signs_later = true;

    SignedLater(Credential credential, Sign sign)
        : Credential(std::move(credential)), sign_(std::move(sign)) {}

    auto token_request(std::int64_t unix_seconds) const {
        return Credential::unsigned_token_request(unix_seconds);
    }
    /// Has the signing input signed, which lives until `done` was called or dropped.
    template <class Done> void sign(std::string_view signing_input, const Done& done) const {
        if constexpr (fits) (void)sign_(signing_input, done);
    }
    /// Puts the signature behind what was signed.
    template <class Request> void finish(Request& request, std::string_view signature) const {
        Secret token(request.signing_input + '.' + base64url_encode(signature));
        request.authorization = rekey::detail::header_value("Bearer", token.expose());
    }

private:
    Sign sign_;
};

}  // namespace oauth
}  // namespace v0_1
}  // namespace rekey

#endif
