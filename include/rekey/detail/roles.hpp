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

/// The first type of a list that is not void; void if they all are.
template <class First, class...> struct FirstType { using type = First; };
template <class Second, class... Rest>
struct FirstType<void, Second, Rest...> : FirstType<Second, Rest...> {};

/// The first policy of a role, or void.
template <auto Wanted, class... Policies> struct FirstOfRole { using type = void; };
template <auto Wanted, class First, class... Rest>
struct FirstOfRole<Wanted, First, Rest...>
    : std::conditional_t<First::role == Wanted, FirstType<First>, FirstOfRole<Wanted, Rest...>> {};

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

template <class Services, class Fallback> struct OneService;
template <class... Services, class Fallback> struct OneService<TypeList<Services...>, Fallback> {
    using type = typename FirstType<Services..., Fallback>::type;
    static constexpr unsigned count = sizeof...(Services);
};

}  // namespace detail
}  // namespace v0_1
}  // namespace rekey

#endif
