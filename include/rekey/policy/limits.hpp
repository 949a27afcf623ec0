// SPDX-License-Identifier: BSL-1.0
// Limits: when enough is enough.
#ifndef REKEY_POLICY_LIMITS_HPP
#define REKEY_POLICY_LIMITS_HPP

#include <rekey/policy/role.hpp>

#include <cstdint>
#include <type_traits>

namespace rekey {
inline namespace v0_1 {

/// Ends a call after that many sends, whatever they were for: first tries, repeats, fallbacks.
///
/// `MaxAttempts<3>{}` keeps the number in the type and costs nothing in the call;
/// `MaxAttempts{n}` takes it at run time and costs four bytes.
/// Ends with    StopReason::attempts_used_up.
/// Requires     at least 1.
template <unsigned Limit = 0> struct MaxAttempts {
    static constexpr Role role = Role::limit;
    static constexpr bool bounds_call = true;
    static constexpr bool reads_time = false;

    struct Rule {
        constexpr Ruling judge(const Proposal& proposal) const noexcept {
            return {proposal.number <= Limit, StopReason::attempts_used_up};
        }
    };
    constexpr Rule rule() const noexcept { return {}; }
};

/// The edition whose number is known at run time, of any integer type. Less than one is taken as
/// one: a call sends at least once.
template <> struct MaxAttempts<0> {
    static constexpr Role role = Role::limit;
    static constexpr bool bounds_call = true;
    static constexpr bool reads_time = false;
    std::uint32_t limit = 1;

    template <class Integer, class = std::enable_if_t<std::is_integral_v<Integer>>>
    constexpr explicit MaxAttempts(Integer attempts)
        : limit(attempts < 1 ? 1
                : static_cast<std::uint64_t>(attempts) > 0xffffffffu
                    ? 0xffffffffu
                    : static_cast<std::uint32_t>(attempts)) {}

    struct Rule {
        std::uint32_t limit = 1;
        constexpr Ruling judge(const Proposal& proposal) const noexcept {
            return {proposal.number <= limit, StopReason::attempts_used_up};
        }
    };
    constexpr Rule rule() const noexcept { return Rule{limit}; }
};

template <class Integer> MaxAttempts(Integer) -> MaxAttempts<0>;

}  // namespace v0_1
}  // namespace rekey

#endif
