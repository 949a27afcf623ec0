// SPDX-License-Identifier: BSL-1.0
// Slots: the credentials of a chain at work: their signatures, their names, their replacement.
#ifndef REKEY_DRIVER_SLOTS_HPP
#define REKEY_DRIVER_SLOTS_HPP

#include <rekey/detail/detect.hpp>
#include <rekey/detail/pack.hpp>
#include <rekey/detail/roles.hpp>
#include <rekey/policy/credential_chain.hpp>
#include <rekey/token/signature.hpp>
#include <rekey/trail.hpp>

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

namespace rekey {
inline namespace v0_1 {
namespace driver {

/// How one credential gets its signature: from a member, from a function, or by an exchange.
enum class SlotKind : unsigned char { fixed, called, exchanged, not_understood };

template <class Credential> constexpr SlotKind slot_kind_of() noexcept {
    using Traits = CredentialTraits<Credential>;
    if (!Traits::understood) return SlotKind::not_understood;
    if (Traits::exchanges) return SlotKind::exchanged;
    return Traits::token_is_member ? SlotKind::fixed : SlotKind::called;
}

template <class Credential> inline constexpr SlotKind slot_kind = slot_kind_of<Credential>();

template <class Credential, SlotKind = slot_kind<Credential>> class Slot;

/// A source of users' tokens can ask a user for a new authorization.
REKEY_DETECT(AsksUsers, Source, Source::asks_users)

/// The signature of a credential whose token is a member.
template <class Credential>
token::Signature* signature_of(const Credential& credential, std::uint64_t generation) {
    return token::make_signature(
        credential, CredentialTraits<Credential>::token(credential, Context{}), generation);
}

/// A token that stands in the credential: signed once, here.
template <class Credential> class Slot<Credential, SlotKind::fixed> {
public:
    Slot(const Credential& credential, detail::Readers& readers)
        : signature_(signature_of(credential, 1), readers) {}

    static constexpr bool exchanges = false, asks_users = false;

    token::Pin read(const Context&) { return signature_.read(); }
    /// The signature as it stands, if it is known without asking anybody.
    token::Pin peek() { return signature_.read(); }
    void replace(const Credential& credential) {
        const std::uint64_t generation = signature_.read()->generation + 1;
        signature_.replace(signature_of(credential, generation));
    }

private:
    token::Snapshot signature_;
};

/// A token that a function of the user's gives for each attempt.
template <class Credential> class Slot<Credential, SlotKind::called> {
public:
    Slot(const Credential& credential, detail::Readers& readers)
        : credential_(new Credential(credential), readers) {}

    static constexpr bool exchanges = false, asks_users = false;

    static token::Pin peek() noexcept { return {}; }
    /// The function is called here, so it may throw: nothing is held then.
    token::Pin read(const Context& context) {
        const auto pin = credential_.read();
        auto&& token = CredentialTraits<Credential>::token(*pin, context);
        return token::Snapshot::own(token::make_signature(*pin, detail::exposed(token), 1));
    }
    void replace(const Credential& credential) { credential_.replace(new Credential(credential)); }

private:
    detail::Snapshot<Credential> credential_;
};

/// A token that an exchange obtains: the credential says which class does it.
template <class Credential>
class Slot<Credential, SlotKind::exchanged>
    : public Credential::Exchange::template Source<Credential> {
public:
    static constexpr bool
        exchanges = true,
        asks_users = AsksUsers<typename Credential::Exchange::template Source<Credential>>::value;
    Slot(const Credential& credential, detail::Readers&)
        : Credential::Exchange::template Source<Credential>(credential) {}
};

/// Stands in for a credential that was refused in words, so that one mistake gives one error.
template <class Credential> class Slot<Credential, SlotKind::not_understood> {
public:
    static constexpr bool exchanges = false, asks_users = false;
    Slot(const Credential&, detail::Readers&) {}
    static token::Pin read(const Context&) noexcept { return {}; }
    static token::Pin peek() noexcept { return {}; }
    static void replace(const Credential&) noexcept {}
};

template <class... Credentials>
inline constexpr std::string_view constant_names[] = {std::string_view(Credentials::name)...};

/// The names of a chain's credentials.
template <class... Credentials, std::size_t... Indices>
detail::Names names_of(const CredentialChain<Credentials...>& chain,
                       std::index_sequence<Indices...>) {
    detail::Names names;
    if constexpr ((CredentialTraits<Credentials>::name_is_static && ...)) {
        if constexpr ((detail::NameIsConstant<Credentials>::value && ...)) {
            names.list = constant_names<Credentials...>;
        } else {
            static const std::string_view list[] = {
                CredentialTraits<Credentials>::name(detail::at<Indices>(chain.credentials))...};
            names.list = list;
        }
    } else {
        names.owned = detail::Shared<detail::Names::Owned>::make();
        ((names.owned->text[Indices] = std::string(
              CredentialTraits<Credentials>::name(detail::at<Indices>(chain.credentials)))),
         ...);
        ((names.owned->views[Indices] = names.owned->text[Indices]), ...);
        names.list = names.owned->views;
    }
    return names;
}
template <class... Credentials>
detail::Names names_of(const CredentialChain<Credentials...>& chain) {
    return names_of(chain, std::index_sequence_for<Credentials...>{});
}

/// Stands in for the hold of a call whose pins hold for themselves.
struct NoHold {};

/// A chain whose tokens all stand in its credentials, without the types of these. A client that has
/// such a chain works with this one: two clients that differ in their credentials share their code.
///
/// StaticNames  whether all names outlive everything.
/// Service      what the codes mean to the client; the chain that this stands for was checked.
template <std::size_t Count, bool MayBeBound, bool StaticNames, class Service>
struct FixedChain : detail::CheckedBefore {
    static constexpr Role role = Role::chain;
    static constexpr bool mixes_identities = false;
    using Services = detail::TypeList<Service>;
    struct Rule {
        // Users' slots are asked for only where users are asked.
        static constexpr std::uint32_t slot_count = Count, fetching = 0, user_slots = 0;
    };
};

/// What stands for a policy where the types of credentials do not matter: mostly itself.
template <class Policy, class Service, bool Allowed, class = void> struct Untyped {
    using type = Policy;
    static const Policy& of(const Policy& policy) noexcept { return policy; }
};
template <class... Credentials, class Service>
struct Untyped<CredentialChain<Credentials...>, Service, true,
               std::enable_if_t<sizeof...(Credentials) != 0 &&
                                ((slot_kind<Credentials> == SlotKind::fixed) && ...)>> {
    using type = FixedChain<sizeof...(Credentials),
                            (detail::MayBeBound<CredentialTraits<Credentials>>::value || ...),
                            (CredentialTraits<Credentials>::name_is_static && ...), Service>;
    static type of(const CredentialChain<Credentials...>&) noexcept { return {}; }
};

/// Everything that the copies of a client share: one slot a credential, and their names.
template <class Chain> class Slots;

template <class... Credentials> class Slots<CredentialChain<Credentials...>> {
public:
    static constexpr std::size_t count = sizeof...(Credentials);
    static constexpr bool may_be_bound =
        (detail::MayBeBound<CredentialTraits<Credentials>>::value || ...);

    /// Each pin holds for itself, lest a call that waits for an exchange or runs a user's function
    /// keep old tokens of the others alive.
    using Hold = NoHold;
    using Pin = token::Pin;
    static Hold hold() noexcept { return {}; }

    explicit Slots(const CredentialChain<Credentials...>& chain)
        : Slots(chain, std::make_index_sequence<count>{}) {}

    /// Calls `act` with the slot at that position.
    template <class Act> void with(std::uint8_t slot, Act&& act) {
        with(slot, act, std::make_index_sequence<count>{});
    }
    /// The signature of a slot, for a credential that needs no exchange.
    Pin read(std::uint8_t slot, const Context& context) {
        Pin pin;
        with(slot, [&](auto& source) {
            if constexpr (!std::remove_reference_t<decltype(source)>::exchanges)
                pin = source.read(context);
        });
        return pin;
    }
    template <class Credential> Slot<Credential>& of() noexcept {
        return slot_at<CredentialChain<Credentials...>::template slot_of<Credential>()>(slots_);
    }
    template <class Credential> void replace(std::uint8_t, const Credential& credential) {
        of<Credential>().replace(credential);
    }
    const detail::Names& names() const noexcept { return names_; }

private:
    // A slot cannot be moved, so that each is built in its place.
    template <std::size_t Index, class Credential> struct Seat {
        Seat(const Credential& credential, detail::Readers& readers) : slot(credential, readers) {}
        Slot<Credential> slot;
    };
    template <class Indices> struct Row;
    template <std::size_t... Indices>
    struct Row<std::index_sequence<Indices...>> : Seat<Indices, Credentials>... {
        Row(const detail::Pack<Credentials...>& credentials, detail::Readers& readers)
            : Seat<Indices, Credentials>(detail::at<Indices>(credentials), readers)... {}
    };
    template <std::size_t Index, class Credential>
    static Slot<Credential>& slot_at(Seat<Index, Credential>& seat) noexcept {
        return seat.slot;
    }

    template <std::size_t... Indices>
    Slots(const CredentialChain<Credentials...>& chain, std::index_sequence<Indices...>)
        : slots_(chain.credentials, readers_), names_(names_of(chain)) {}
    template <class Act, std::size_t... Indices>
    void with(std::uint8_t slot, Act& act, std::index_sequence<Indices...>) {
        (void)((slot == Indices && (act(slot_at<Indices>(slots_)), true)) || ...);
    }
    detail::Readers readers_{};  // of all slots that have none of their own
    Row<std::make_index_sequence<count>> slots_;
    detail::Names names_;

    // At the end: clang goes on with what stands before an assertion that failed.
    static_assert((CredentialTraits<Credentials>::understood && ...),
                  "rekey: a credential needs a `name` (static or member) and a `token` (a member, "
                  "or a function with or without const Context&); one of this CredentialChain "
                  "lacks them.");
};

/// The same for tokens that all stand in their credentials: nothing but their signatures.
template <std::size_t Count, bool MayBeBound, bool StaticNames, class Service>
class Slots<FixedChain<Count, MayBeBound, StaticNames, Service>> {
public:
    static constexpr std::size_t count = Count;
    static constexpr bool may_be_bound = MayBeBound;

    /// One hold, from the start of a call to its end, covers every signature that it reads.
    using Hold = detail::Readers::Hold;
    using Pin = const token::Signature*;
    [[gnu::always_inline]] Hold hold() noexcept { return Hold(readers_); }

    template <class... Credentials>
    explicit Slots(const CredentialChain<Credentials...>& chain)
        : Slots(names_of(chain), std::make_index_sequence<Count>{}) {
        sign(chain, std::index_sequence_for<Credentials...>{});
    }

    template <class Act> void with(std::uint8_t slot, Act&& act) {
        Seat seat{signatures_[slot].peek()};
        act(seat);
    }
    [[gnu::always_inline]] Pin read(std::uint8_t slot, const Context&) noexcept {
        return signatures_[slot].peek();
    }
    template <class Credential> void replace(std::uint8_t slot, const Credential& credential) {
        const std::uint64_t generation = signatures_[slot].read()->generation + 1;
        signatures_[slot].replace(signature_of(credential, generation));
    }
    /// By value where there is nothing to own, so that no call copies or drops an owner.
    std::conditional_t<StaticNames, detail::Names, const detail::Names&> names() const noexcept {
        if constexpr (StaticNames)
            return {names_.list};
        else
            return names_;
    }

private:
    struct Seat {
        Pin signature;
        Pin peek() const noexcept { return signature; }
    };

    // Out of line, so that all chains of a length share it.
    template <std::size_t... Indices>
    [[gnu::noinline]] Slots(detail::Names&& names, std::index_sequence<Indices...>)
        : signatures_{(static_cast<void>(Indices), token::Snapshot{readers_})...},
          names_(std::move(names)) {}

    template <class... Credentials, std::size_t... Indices>
    void sign(const CredentialChain<Credentials...>& chain, std::index_sequence<Indices...>) {
        (signatures_[Indices].begin_with(signature_of(detail::at<Indices>(chain.credentials), 1)),
         ...);
    }

    detail::Readers readers_{};
    token::Snapshot signatures_[Count];
    detail::Names names_;
};

/// A client without a chain: one slot, no header.
template <> class Slots<void> {
public:
    static constexpr std::size_t count = 0;
    using Hold = NoHold;
    using Pin = token::Pin;
    static Hold hold() noexcept { return {}; }
    template <class Act> void with(std::uint8_t, Act&&) noexcept {}
    const detail::Names& names() const noexcept { return names_; }

private:
    detail::Names names_{};
};

}  // namespace driver
}  // namespace v0_1
}  // namespace rekey

#endif
