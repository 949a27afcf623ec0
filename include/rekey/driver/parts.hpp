// SPDX-License-Identifier: BSL-1.0
// Parts: what a driver reads out of a set of policies, beside the core's plan.
#ifndef REKEY_DRIVER_PARTS_HPP
#define REKEY_DRIVER_PARTS_HPP

#include <rekey/action.hpp>
#include <rekey/body/json.hpp>
#include <rekey/core/plan.hpp>
#include <rekey/core/tightened.hpp>
#include <rekey/detail/pack.hpp>
#include <rekey/detail/roles.hpp>
#include <rekey/driver/transport_call.hpp>
#include <rekey/extras.hpp>
#include <rekey/policy/credential_chain.hpp>
#include <rekey/policy/obo_reauth.hpp>
#include <rekey/policy/parts.hpp>
#include <rekey/policy/role.hpp>
#include <rekey/response.hpp>

#include <cstddef>
#include <cstdint>
#include <type_traits>
#include <utility>

namespace rekey {
inline namespace v0_1 {
namespace driver {

/// The door of a client that has a plain one.
template <class Door> struct OneDoor {
    const Door& door;

    template <class Request> Admission ask(const Action& action, TimePoint, const Request&) const {
        return door.admit(action);
    }
    static void sending() noexcept {}
    template <class... Said> static void ended(const Said&...) noexcept {}
    template <class... Said> static void explain(const Said&...) noexcept {}
};

/// The chain of a client whose tokens are kept in a store, if there is one.
template <class Tokens, class Chain> struct ChainIn {
    using type = typename Tokens::template Stored<Chain>;
};
template <class Chain> struct ChainIn<void, Chain> { using type = Chain; };
template <class Tokens> struct ChainIn<Tokens, void> { using type = void; };
template <> struct ChainIn<void, void> { using type = void; };

/// Nobody is told what calls do.
struct Unobserved {
    static constexpr Role role = Role::observer;
    template <class Frame> using Watched = Frame;
};

/// What carries the token requests of a client: the transport of its policy, or its own.
template <class Exchange, class Own> struct CarrierOf { using type = typename Exchange::Carrier; };
template <class Own> struct CarrierOf<void, Own> { using type = Own; };

/// What a driver reads out of a set of policies, beside the core's plan.
template <class Transport, class... Policies> struct Parts {
    template <Role Wanted> using First = typename detail::FirstOfRole<Wanted, Policies...>::type;

    using Plan = rekey::Plan<Policies...>;
    using Service = typename Plan::Service;
    using Reauthorizer = First<Role::reauthorizer>;
    /// A flow brings the user's credential and keeps the user's tokens.
    static constexpr bool asks_by_flow = detail::IsFlow<Reauthorizer>::value;
    static constexpr bool needs_binding = detail::needs_binding<Reauthorizer>();
    using Credentials = typename detail::WholeChain<Reauthorizer, First<Role::chain>>::type;
    using Chain = typename ChainIn<First<Role::store>, Credentials>::type;
    using Clock = First<Role::clock>;
    using Exchange = First<Role::exchange>;
    using Observer = typename detail::FirstOfRole<Role::observer, Policies..., Unobserved>::type;
    using Carrier = typename CarrierOf<Exchange, detail::Plain<Transport>>::type;

    static constexpr bool whole_bodies =
        !std::is_void_v<First<Role::framing>> || detail::vouches_for_whole_bodies<Transport>();
    using Reader = typename std::conditional_t<
        !std::is_void_v<First<Role::reader>>, First<Role::reader>,
        std::conditional_t<whole_bodies, ReadWith<body::JsonPrefix>, ReadWith<body::Json>>>::reader;
    static constexpr bool rewrites = detail::count_role<Role::rewrite, Policies...>() != 0;

    /// What a client stores: its policies, but not the chain, whose credentials live in the slots.
    struct Nothing {
        static constexpr Role role = Role::chain;
        template <class Policy> constexpr explicit Nothing(const Policy&) noexcept {}
    };
    template <class Policy>
    using Stored = std::conditional_t<Policy::role == Role::chain, Nothing, Policy>;
    using Store = detail::Pack<Stored<Policies>...>;

    /// The credentials of a client, with the store that keeps their tokens if there is one.
    ///
    /// Given  the policies as the user wrote them; those of this type may stand for them.
    template <class... Given> static decltype(auto) chain(const Given&... policies) {
        if constexpr (std::is_void_v<First<Role::store>>)
            return credentials(policies...);
        else
            return Chain{credentials(policies...), pick<Role::store>(policies...), policies...};
    }
    /// Those of its chain, after the user's if a flow brings it.
    template <class... Given> static decltype(auto) credentials(const Given&... policies) {
        if constexpr (asks_by_flow) {
            const auto& flow = pick<Role::reauthorizer>(policies...);
            if constexpr (std::is_void_v<First<Role::chain>>)
                return Credentials(flow.credential());
            else
                return in_front(flow.credential(), pick<Role::chain>(policies...),
                                std::make_index_sequence<Credentials::count - 1>{});
        } else {
            return pick<Role::chain>(policies...);
        }
    }

    /// What a call asks before each send, and tells how the send ended.
    static auto doors([[maybe_unused]] const Store& store,
                      [[maybe_unused]] const detail::CallExtras& extras) noexcept {
        if constexpr (!Plan::admits)
            return 0;  // nobody asks
        else if constexpr (detail::IsPlainDoor<First<Role::admission>>::value)
            return OneDoor<First<Role::admission>>{policy<Role::admission>(store)};
        else
            return
                typename First<Role::admission>::template Doors<Store, Policies...>(store, extras);
    }

    /// Lets every rewriting policy change the copy.
    template <class Request> static void rewrite(const Store& store, Request& copy) {
        store.each([&copy](const auto& policy) {
            if constexpr (detail::Plain<decltype(policy)>::role == Role::rewrite)
                policy.rewrite(copy);
        });
    }
    /// The random number of one call, from every pace that draws.
    static std::uint64_t random(const Store& store) {
        std::uint64_t number = 0;
        store.each([&number](const auto& policy) {
            if constexpr (detail::uses_randomness<detail::Plain<decltype(policy)>>())
                number ^= policy.random();
        });
        return number;
    }
    /// The policy of a role. Requires that there is one.
    template <Role Wanted> static constexpr decltype(auto) policy(const Store& store) noexcept {
        using Sought = std::integral_constant<Role, Wanted>;
        return detail::at<
            detail::index_of<Sought, std::integral_constant<Role, Policies::role>...>()>(store);
    }

private:
    template <Role Wanted, class First, class... Rest>
    static const auto& pick(const First& first, const Rest&... rest) noexcept {
        if constexpr (First::role == Wanted)
            return first;
        else
            return pick<Wanted>(rest...);
    }
    template <class Credential, class Rest, std::size_t... Indices>
    static Credentials in_front(Credential credential, const Rest& rest,
                                std::index_sequence<Indices...>) {
        return Credentials(std::move(credential), detail::at<Indices>(rest.credentials)...);
    }
};

/// The same parts for a call that brings a `Deadline` of its own.
template <class Parts> struct TimedParts : Parts { using Plan = Tightened<typename Parts::Plan>; };
/// The same parts at work inside an attempt of another call.
template <class Parts> struct Nested;  // rekey/nested.hpp

}  // namespace driver
}  // namespace v0_1
}  // namespace rekey

#endif
