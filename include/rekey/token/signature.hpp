// SPDX-License-Identifier: BSL-1.0
// Signature: the finished header value of a credential, shared by all calls that send it.
#ifndef REKEY_TOKEN_SIGNATURE_HPP
#define REKEY_TOKEN_SIGNATURE_HPP

#include <rekey/credential.hpp>
#include <rekey/detail/atomic.hpp>
#include <rekey/detail/snapshot.hpp>
#include <rekey/facts.hpp>
#include <rekey/oauth/parse_url.hpp>

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

namespace rekey {
inline namespace v0_1 {
namespace token {

/// What puts one credential on the wire. Immutable but for `accepted`; a new token is a new one.
struct Signature {
    Secret value{};                                ///< The whole header value: `Bearer pat_…`.
    std::string header{};                          ///< The header that carries it.
    std::string origin{};                          ///< Where it may go; empty for anywhere.
    const char* problem = nullptr;                 ///< Why it cannot be sent, in words.
    std::uint64_t generation = 1;                  ///< Grows with each token of the credential.
    std::int64_t expires_at = 0;                   ///< Unix seconds by our clock; 0 for never.
    TimePoint expires_at_latest{};                 ///< The same on the steady clock, where asked.
    std::size_t token_size = 0;                    ///< The token is the last part of `value`.
    mutable detail::Atomic<bool> accepted{false};  ///< Some request with this token was accepted.

    /// The token alone, to be searched for in texts that must not hold it.
    std::string_view token() const noexcept {
        return {value.expose().data() + (value.size() - token_size), token_size};
    }
};

using Snapshot = detail::Snapshot<Signature>;
using Pin = Snapshot::Pin;

/// What is wrong with the header that a credential names; nullptr if nothing (RFC 9110 §5.6.2).
inline const char* problem_with_header(std::string_view header, std::string_view scheme) noexcept {
    if (header.empty()) return "the name of its header is empty";
    for (const char c : header)
        if (c <= ' ' || c > '~' ||
            std::char_traits<char>::find("\"(),/:;<=>?@[\\]{}", 17, c) != nullptr)
            return "the name of its header holds a character that no header name may have";
    for (const char c : scheme)
        if (c < ' ' || c > '~') return "its scheme holds a control or non-ASCII character";
    return nullptr;
}

/// How a credential wants to be put on the wire.
struct Manner {
    std::string_view header, scheme, origin;
    bool origin_is_wrong;  ///< Found by the caller, which knows whether there can be an origin.
};

/// The signature of a credential of that manner with this token; the same code for all types.
[[gnu::noinline, gnu::cold]] inline Signature* make_signature(const Manner& manner,
                                                              std::string_view token,
                                                              std::uint64_t generation) {
    const char* problem = problem_with_header(manner.header, manner.scheme);
    if (problem == nullptr && manner.origin_is_wrong)
        problem = "the origin that it is bound to is no URL such as https://host";
    if (problem == nullptr) problem = detail::problem_with_token(token);
    Signature* const signature = new Signature;
    Pin owner = Snapshot::own(signature);
    signature->problem = problem;
    if (problem == nullptr) {
        signature->value = detail::header_value(manner.scheme, token);
        signature->token_size = token.size();
    }
    signature->header.assign(manner.header.data(), manner.header.size());
    signature->origin.assign(manner.origin.data(), manner.origin.size());
    signature->generation = generation;
    owner.give_up();
    return signature;
}

/// The signature of a credential with this token.
template <class Credential>
Signature* make_signature(const Credential& credential, std::string_view token,
                          std::uint64_t generation) {
    using Traits = CredentialTraits<Credential>;
    Manner manner{Traits::header(credential), Traits::scheme(credential), {}, false};
    if constexpr (detail::MayBeBound<Traits>::value) {
        manner.origin = Traits::origin(credential);
        manner.origin_is_wrong = !manner.origin.empty() && !oauth::parse_url(manner.origin);
    }
    return make_signature(manner, token, generation);
}

}  // namespace token
}  // namespace v0_1
}  // namespace rekey

#endif
