// SPDX-License-Identifier: BSL-1.0
// Pkce: the verifier that proves who began an authorization, and its challenge.
#ifndef REKEY_OAUTH_PKCE_HPP
#define REKEY_OAUTH_PKCE_HPP

#include <rekey/detail/os_random.hpp>
#include <rekey/detail/sha256.hpp>
#include <rekey/oauth/base64url.hpp>
#include <rekey/oauth/percent.hpp>
#include <rekey/oauth/random_token.hpp>
#include <rekey/secret.hpp>

#include <cstddef>
#include <string>
#include <string_view>
#include <utility>

namespace rekey {
inline namespace v0_1 {
namespace oauth {

/// The challenge of a verifier: SHA-256 as base64url, 43 characters.
///
/// Source       RFC 7636 §4.2
inline std::string s256_challenge(std::string_view verifier) {
    const auto digest = rekey::detail::sha256(verifier);
    std::string text(base64url_size(digest.size()), '\0');
    base64url_encode({reinterpret_cast<const char*>(digest.data()), digest.size()}, &text[0]);
    return text;
}

/// A verifier and its challenge, always made together: no other challenge than S256 exists, so the
/// verifier cannot leave in the front channel.
///
/// The challenge goes into the authorization URL; the verifier stays in the pending record and goes
/// into the token request. One per flow.
///
/// Errors       false in a condition: the source of random bytes failed, or the verifier given is
///              none; the caller then begins no flow.
/// Source       RFC 7636 §4.1, §4.2, §7.1, §7.2; RFC 9700 §2.1.1
/// Example      `const Pkce pkce = Pkce::fresh(); if (!pkce) …`
class Pkce {
public:
    /// What `code_challenge_method` says.
    static constexpr std::string_view method = "S256";
    static constexpr std::size_t shortest_verifier = 43;
    static constexpr std::size_t longest_verifier = 128;

    /// 256 random bits, as 43 characters. `source` is `bool(void* out, std::size_t size)`.
    template <class Source = rekey::detail::OsRandom>
    static Pkce fresh(Source&& source = Source{}) {
        return Pkce(Secret{random_token(32, std::forward<Source>(source))});
    }

    /// A verifier of the caller's own: 43 to 128 characters of `A-Za-z0-9-._~`, else no flow.
    static Pkce with_verifier(std::string_view text) {
        if (text.size() > longest_verifier) return Pkce(Secret{});
        for (const char symbol : text)
            if (!is_unreserved(symbol)) return Pkce(Secret{});
        return Pkce(Secret{text});
    }

    explicit operator bool() const noexcept { return !challenge_.empty(); }

    const Secret& verifier() const noexcept { return verifier_; }
    const std::string& challenge() const noexcept { return challenge_; }

private:
    explicit Pkce(Secret&& verifier) {
        if (verifier.size() < shortest_verifier) return;
        challenge_ = s256_challenge(verifier.expose());
        verifier_ = std::move(verifier);
    }

    Secret verifier_{};
    std::string challenge_{};
};

}  // namespace oauth
}  // namespace v0_1
}  // namespace rekey

#endif
