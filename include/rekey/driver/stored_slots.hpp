// SPDX-License-Identifier: BSL-1.0
// stored_slots: the credentials of a chain whose tokens are kept in a store.
#ifndef REKEY_DRIVER_STORED_SLOTS_HPP
#define REKEY_DRIVER_STORED_SLOTS_HPP

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

/// A chain, and the policy that keeps its tokens.
template <class Chain, class Tokens> struct StoredChain {
    Chain credentials;
    Tokens tokens;
};

/// A credential as it stands in the slots: with the store if it obtains its token by an exchange.
template <class Credential, class Tokens>
using InSlot = std::conditional_t<slot_kind<Credential> == SlotKind::exchanged,
                                  token::InStore<Credential, Tokens>, Credential>;

template <class Tokens, class... Credentials>
class Slots<StoredChain<CredentialChain<Credentials...>, Tokens>>
    : public Slots<CredentialChain<InSlot<Credentials, Tokens>...>> {
    using Base = Slots<CredentialChain<InSlot<Credentials, Tokens>...>>;
    using Chain = StoredChain<CredentialChain<Credentials...>, Tokens>;
    using Keeper = detail::Shared<token::SharedTokens<Tokens>>;

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
        if constexpr (slot_kind<Credential> == SlotKind::exchanged)
            return InSlot<Credential, Tokens>(credential, keeper);
        else
            return credential;
    }
};

}  // namespace driver
}  // namespace v0_1
}  // namespace rekey

#endif
