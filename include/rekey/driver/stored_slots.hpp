// SPDX-License-Identifier: BSL-1.0
// stored_slots: the credentials of a chain whose tokens are kept in a store.
#ifndef REKEY_DRIVER_STORED_SLOTS_HPP
#define REKEY_DRIVER_STORED_SLOTS_HPP

#include <rekey/detail/detect.hpp>
#include <rekey/detail/pack.hpp>
#include <rekey/detail/shared.hpp>
#include <rekey/driver/slots.hpp>
#include <rekey/policy/credential_chain.hpp>
#include <rekey/token/stored_sources.hpp>

#include <cstddef>
#include <cstdint>
#include <type_traits>
#include <utility>

namespace rekey {
inline namespace v0_1 {
namespace driver {

/// A policy that says how long a call takes at most: `Deadline`.
REKEY_DETECT(BoundsTime, Policy, Duration(std::declval<const Policy&>().rule().most_time()))

/// A chain, and the policy that keeps its tokens.
template <class Chain, class Tokens> struct StoredChain {
    /// `policies`   of the client: none of its calls waits for other processes longer than it may
    ///              take itself.
    template <class... Policies>
    StoredChain(Chain chain, Tokens keeper, const Policies&... policies)
        : credentials(std::move(chain)), tokens(std::move(keeper)) {
        (bound(policies), ...);
    }

    Chain credentials;
    Tokens tokens;

private:
    template <class Policy> void bound([[maybe_unused]] const Policy& policy) {
        if constexpr (BoundsTime<Policy>::value) tokens.wait_at_most(policy.rule().most_time());
    }
};

/// A credential whose tokens stay in the client that has it.
REKEY_DETECT(KeepsOwnTokens, Credential, std::enable_if_t<Credential::keeps_own_tokens>())

/// Whether a credential says whose record its token is; one without an exchange has none.
template <class Credential>
inline constexpr bool says_whose = slot_kind<Credential> != SlotKind::exchanged ||
                                   token::store_parts::SaysWhose<Credential>::value;

/// A credential as it stands in the slots: with the store if it obtains its token by an exchange.
template <class Credential, class Tokens>
using InSlot =
    std::conditional_t<slot_kind<Credential> == SlotKind::exchanged && says_whose<Credential>,
                       token::InStore<Credential, Tokens>, Credential>;

/// What is wrong with credentials whose tokens are kept in a store.
template <class... Credentials> struct JudgedStored {
    static constexpr bool all_sign_at_once = !(token::SignsLater<Credentials>::value || ...);
    static_assert(all_sign_at_once,
                  "rekey: SignedLater has a signer that calls back, and whoever talks to a token "
                  "store (TokensIn) blocks. Give AppAuth a signer that returns its signature, or "
                  "leave TokensIn out.");
    static constexpr bool all_may_leave = !(KeepsOwnTokens<Credentials>::value || ...);
    static_assert(all_may_leave,
                  "rekey: the places of an AnyChain keep their tokens in memory, and this client "
                  "has a token store. Leave TokensIn out, or put the credentials into a "
                  "CredentialChain, with their types.");
    static constexpr bool all_say_whose = (says_whose<Credentials> && ...);
    static_assert(all_say_whose || !all_may_leave,
                  "rekey: a credential whose tokens are kept in a store says whose record it is: "
                  "std::string stored_as() const, with all that makes its token another one.");
};

template <class Tokens, class... Credentials>
class Slots<StoredChain<CredentialChain<Credentials...>, Tokens>>
    : public Slots<CredentialChain<InSlot<Credentials, Tokens>...>> {
    using Base = Slots<CredentialChain<InSlot<Credentials, Tokens>...>>;
    using Chain = StoredChain<CredentialChain<Credentials...>, Tokens>;
    using Keeper = detail::Shared<token::SharedTokens<Tokens>>;
    // In a class of its own: a compiler gives up one whose assertion fails.
    static_assert(sizeof(JudgedStored<Credentials...>) != 0);

public:
    explicit Slots(const Chain& chain)
        : Slots(chain, Keeper::make(chain.tokens), std::index_sequence_for<Credentials...>{}) {}

    template <class Credential> auto& of() noexcept {
        return Base::template of<InSlot<Credential, Tokens>>();
    }
    template <class Credential> void replace(std::uint8_t, const Credential& credential) {
        of<Credential>().replace(credential);
    }

private:
    template <std::size_t... Indices>
    Slots(const Chain& chain, const Keeper& keeper, std::index_sequence<Indices...>)
        : Base(CredentialChain<InSlot<Credentials, Tokens>...>(in_slot<Credentials>(
              detail::at<Indices>(chain.credentials.credentials), keeper)...)) {}
    template <class Credential>
    static InSlot<Credential, Tokens> in_slot(const Credential& credential,
                                              [[maybe_unused]] const Keeper& keeper) {
        if constexpr (std::is_same_v<InSlot<Credential, Tokens>, Credential>)
            return credential;
        else
            return InSlot<Credential, Tokens>(credential, keeper);
    }
};

}  // namespace driver
}  // namespace v0_1
}  // namespace rekey

#endif
