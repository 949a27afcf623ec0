// SPDX-License-Identifier: BSL-1.0
// roles: picks policies out of a list by their role.
#ifndef REKEY_DETAIL_ROLES_HPP
#define REKEY_DETAIL_ROLES_HPP

#include <rekey/detail/pack.hpp>

#include <type_traits>

namespace rekey {
inline namespace v0_1 {
namespace detail {

template <auto Wanted, class... Policies> constexpr unsigned count_role() noexcept {
    constexpr bool has[] = {(Policies::role == Wanted)..., false};
    unsigned count = 0;
    for (unsigned i = 0; i != sizeof...(Policies); ++i) count += has[i] ? 1u : 0u;
    return count;
}

/// The base of a policy that stands for another one, which a plan has checked. A plan with it says
/// nothing a second time: one mistake, one error.
struct CheckedBefore {};

/// The first policy of a role, or void.
template <auto Wanted, class... Policies> struct FirstOfRole { using type = void; };
template <auto Wanted, class First, class... Rest>
struct FirstOfRole<Wanted, First, Rest...>
    : std::conditional_t<First::role == Wanted, FirstOfRole<Wanted, void, First>,
                         FirstOfRole<Wanted, Rest...>> {};
template <auto Wanted, class Policy> struct FirstOfRole<Wanted, void, Policy> {
    using type = Policy;
};

template <class Policy, class Fallback> struct RuleOf { using type = typename Policy::Rule; };
template <class Fallback> struct RuleOf<void, Fallback> { using type = Fallback; };

/// The rule of a policy if it has the wanted role, as a base class; else nothing. Empty rules
/// take no space, and each policy has its own base, so that two equal rules stay apart.
template <class Policy, bool Wanted> struct HeldRule : Policy::Rule {
    constexpr HeldRule() = default;
    constexpr explicit HeldRule(const Policy& policy) : Policy::Rule(policy.rule()) {}
};
template <class Policy> struct HeldRule<Policy, false> {
    constexpr HeldRule() = default;
    constexpr explicit HeldRule(const Policy&) {}
};

/// The types of a list that are not void, each once.
template <class Found, class... Candidates> struct Unique { using type = Found; };
template <class... Found, class First, class... Rest>
struct Unique<TypeList<Found...>, First, Rest...>
    : std::conditional_t<std::is_void_v<First> || (std::is_same_v<First, Found> || ...),
                         Unique<TypeList<Found...>, Rest...>,
                         Unique<TypeList<Found..., First>, Rest...>> {};

/// The services that a chain's credentials bring.
template <class Chain> struct Brought { using type = typename Chain::Services; };
template <> struct Brought<void> { using type = TypeList<>; };

/// Whether a chain holds credentials of users and of the app.
template <class Chain> constexpr bool mixes_identities() noexcept {
    if constexpr (std::is_void_v<Chain>)
        return false;
    else
        return Chain::mixes_identities;
}

template <class Services, class Fallback> struct OneService;
template <class Fallback> struct OneService<TypeList<>, Fallback> {
    using type = Fallback;
    static constexpr unsigned count = 0;
};
template <class First, class... Rest, class Fallback>
struct OneService<TypeList<First, Rest...>, Fallback> {
    using type = First;
    static constexpr unsigned count = 1 + sizeof...(Rest);
};

}  // namespace detail
}  // namespace v0_1
}  // namespace rekey

#endif
