// SPDX-License-Identifier: BSL-1.0
// Tightened<Plan>: a plan with the deadline of one call on top of its own limits.
#ifndef REKEY_CORE_TIGHTENED_HPP
#define REKEY_CORE_TIGHTENED_HPP

#include <rekey/core/plan.hpp>
#include <rekey/policy/limits.hpp>

#include <cstdint>

namespace rekey {
inline namespace v0_1 {

/// What `Call` runs when a call brings a `Deadline` of its own. The plan's limits all hold; this
/// one is added, so that it can only tighten. A call without one never meets this type.
template <class Plan> class Tightened : public Plan {
public:
    static constexpr bool reads_clock = true, times_attempts = true;

    struct Rules : Plan::Rules {
        Deadline::Rule deadline{};
        constexpr Rules() = default;
        constexpr Rules(const typename Plan::Rules& rules, Duration time)
            : Plan::Rules(rules), deadline{time} {}
    };
    static constexpr Ruling judge(const Rules& rules, const Proposal& proposal) noexcept {
        return detail::stricter(Plan::judge(rules, proposal), rules.deadline.judge(proposal));
    }
    static constexpr Duration timeout(const Rules& rules, Duration elapsed,
                                      std::uint32_t sends) noexcept {
        return detail::shorter(Plan::timeout(rules, elapsed, sends),
                               rules.deadline.timeout(elapsed, Plan::sends_left(rules, sends)));
    }
};

}  // namespace v0_1
}  // namespace rekey

#endif
