// SPDX-License-Identifier: BSL-1.0
// PerAttemptTimeout: how long one send may take.
#ifndef REKEY_POLICY_ATTEMPT_TIMEOUT_HPP
#define REKEY_POLICY_ATTEMPT_TIMEOUT_HPP

#include <rekey/policy/role.hpp>

#include <cstdint>

namespace rekey {
inline namespace v0_1 {

/// How long one send may take, at most: the transport finds it in `attempt.timeout()`. Shorter
/// where a `Deadline` leaves less. A send that is given up is one without an answer.
/// Requires     a time; zero or less means no limit.
class PerAttemptTimeout {
public:
    static constexpr Role role = Role::limit;
    static constexpr bool bounds_call = false;
    static constexpr bool reads_time = false;

    constexpr explicit PerAttemptTimeout(Duration limit) noexcept : limit_(limit) {}

    struct Rule {
        Duration limit{0};
        constexpr Ruling judge(const Proposal&) const noexcept { return {}; }
        constexpr Duration timeout(Duration, std::uint32_t) const noexcept { return limit; }
    };
    constexpr Rule rule() const noexcept { return Rule{limit_}; }

    template <class Words> void say(Words& words) const {
        if (limit_ > Duration{0})
            words("Gives each send at most ", limit_, ".");
        else
            words("Sets no limit to the time of a send.");
    }

private:
    Duration limit_;
};

}  // namespace v0_1
}  // namespace rekey

#endif
