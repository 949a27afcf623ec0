// SPDX-License-Identifier: BSL-1.0
// CredentialChain: when one credential is refused, go on with the next.
#ifndef REKEY_POLICY_CREDENTIAL_CHAIN_HPP
#define REKEY_POLICY_CREDENTIAL_CHAIN_HPP

#include <rekey/detail/detect.hpp>
#include <rekey/detail/pack.hpp>
#include <rekey/detail/roles.hpp>
#include <rekey/identity.hpp>
#include <rekey/policy/role.hpp>

#include <cstddef>
#include <cstdint>
#include <type_traits>
#include <utility>

namespace rekey {
inline namespace v0_1 {

namespace detail {

template <class Credential, class = void> struct ExchangeOf { using type = void; };
template <class Credential>
struct ExchangeOf<Credential, std::void_t<typename Credential::Exchange>> {
    using type = typename Credential::Exchange;
};

template <class Credential, class = void> struct ServiceOf { using type = void; };
template <class Credential>
struct ServiceOf<Credential, std::void_t<typename Credential::Service>> {
    using type = typename Credential::Service;
};

template <class Credential, class = void> struct IdentityOf {
    static constexpr Identity value = Identity::app;
};
template <class Credential>
struct IdentityOf<Credential, std::void_t<decltype(Credential::identity)>> {
    static constexpr Identity value = Credential::identity;
};

}  // namespace detail

/// Goes on with the next credential when the current one is refused.
///
/// Credentials  one or more types, tried left to right from the starting slot, each at most once;
///              the driver asks each for its `token`. A credential that gets its token by an
///              exchange is renewed once first, if the refused token had been accepted before.
/// Requires     at least one, none twice, at most 32 (checked when compiled).
/// Ends with    StopReason::remedies_used_up after the last refusal.
/// Threads      configuration only; the position lives in the Call.
/// Cost         O(1) per refusal, no allocation, 9 bytes in the Call.
/// Source       RFC 9110 §11.4, §15.5.2; Coze API error codes 4100, 4101.
/// Example      examples/01_fall_back.cpp
template <class... Credentials> struct CredentialChain {
    static_assert(sizeof...(Credentials) != 0,
                  "rekey: CredentialChain<> is empty. Name at least one credential, or leave the "
                  "chain out: a Client without one adds no header.");
    static_assert(sizeof...(Credentials) <= 32,
                  "rekey: a CredentialChain holds at most 32 credentials.");
    static_assert(detail::all_different<Credentials...>(),
                  "rekey: the same credential stands twice in this CredentialChain. Give each one "
                  "a type of its own, for example coze::Pat<Personal> and coze::Pat<Enterprise>.");

    static constexpr Role role = Role::chain;
    static constexpr std::size_t count = sizeof...(Credentials);
    using Pack = detail::Pack<Credentials...>;
    /// A user's credential and the app's own in one chain: a refusal would change who acts.
    static constexpr bool mixes_identities =
        ((detail::IdentityOf<Credentials>::value == Identity::user) || ...) &&
        ((detail::IdentityOf<Credentials>::value == Identity::app) || ...);
    /// That of the first credential that has one, else void: it judges the chain of a client.
    using Exchange =
        typename detail::FirstType<typename detail::ExchangeOf<Credentials>::type..., void>::type;
    using Services = detail::TypeList<typename detail::ServiceOf<Credentials>::type...>;

    Pack credentials;

    constexpr explicit CredentialChain(Credentials... values) : credentials(std::move(values)...) {}

    /// The core's part: how many slots, and which of them fetch their token. Stateless.
    struct Rule {
        static constexpr std::uint32_t slot_count = sizeof...(Credentials);
        static constexpr std::uint32_t fetching =
            detail::mask<!std::is_void_v<typename detail::ExchangeOf<Credentials>::type>...>();
        static constexpr std::uint32_t user_slots =
            detail::mask<(detail::IdentityOf<Credentials>::value == Identity::user)...>();
    };
    constexpr Rule rule() const noexcept { return {}; }

    /// The position of a credential type in the chain; `count` if it is not there.
    template <class Credential> static constexpr std::uint8_t slot_of() noexcept {
        return static_cast<std::uint8_t>(detail::index_of<Credential, Credentials...>());
    }
};

/// Goes on with the next credential also when a token could not be obtained: network, 5xx, a wrong
/// client id. Without it such a call stops with `exchange_failed` or `configuration`, since the
/// next exchange would most likely meet the same endpoint in the same state.
struct FallBackOnExchangeFailure {
    static constexpr Role role = Role::exchange_gate;
};

/// Allows a chain to go from a user's credential to the app's own. Without it such a chain does not
/// compile, for what the user may not do the app would then do in their name (RFC 9700 §4.15).
struct EscalateToAppIdentity {
    static constexpr Role role = Role::identity_gate;
};

template <class... Credentials> CredentialChain(Credentials...) -> CredentialChain<Credentials...>;

namespace detail {

/// A chain with one credential in front of it; alone where there is no chain.
template <class First, class Chain> struct ChainWith { using type = CredentialChain<First>; };
template <class First, class... Rest> struct ChainWith<First, CredentialChain<Rest...>> {
    using type = CredentialChain<First, Rest...>;
};

/// The chain of a client. A policy that asks the user may bring the user's credential; it then goes
/// before those of the CredentialChain.
template <class Reauthorizer, class Chain, class = void> struct WholeChain { using type = Chain; };
template <class Reauthorizer, class Chain>
struct WholeChain<Reauthorizer, Chain, std::void_t<typename Reauthorizer::Credential>>
    : ChainWith<typename Reauthorizer::Credential, Chain> {};

}  // namespace detail

}  // namespace v0_1
}  // namespace rekey

#endif
