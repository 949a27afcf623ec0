// SPDX-License-Identifier: BSL-1.0
// RetryBudget: a quota of repeats that all calls of a client share, so that an outage stays one.
#ifndef REKEY_POLICY_BUDGET_HPP
#define REKEY_POLICY_BUDGET_HPP

#include <rekey/detail/quota.hpp>
#include <rekey/policy/admissions.hpp>

#include <cstdint>

namespace rekey {
inline namespace v0_1 {

/// Lets all calls together repeat `Percent` times per hundred calls, and `Reserve` times beyond.
///
/// The first send of a call puts Percent/100 of a repeat into a bucket that holds `Reserve` of
/// them and is full at first; a repeat takes a whole one. N calls are therefore sent
/// N + N * Percent / 100 + Reserve times at most, exactly, also when the service answers nothing
/// but failures. What the chain bounds itself costs nothing: renewals, fallbacks, the straddle.
///
/// Requires     1 to 1000 percent; a reserve of 1 to 1,000,000 (both checked when compiled).
/// Ends with    StopReason::budget_spent; the failure that was not repeated is reported.
/// Threads      any; lock-free. Copies, and so the copies of a client, share one bucket.
/// Cost         an addition per call, a compare-and-swap per repeat; reads no clock.
/// Source       gRPC A6 (retry throttling); SRE book, ch. 21; AWS standard retry mode.
/// Example      examples/15_share_the_load.cpp
template <unsigned Percent = 20, unsigned Reserve = 10>
class RetryBudget : public AtDoor<Door::budget> {
    static_assert(Percent >= 1 && Percent <= 1000,
                  "rekey: RetryBudget<Percent, Reserve> takes 1 to 1000 percent, and 20 means 20 "
                  "repeats per 100 calls. For no repeats leave RateLimited and Transient out of "
                  "RetryOn.");
    static_assert(Reserve >= 1 && Reserve <= 1'000'000 && Percent <= 100 * Reserve,
                  "rekey: RetryBudget<Percent, Reserve> keeps 1 to 1,000,000 repeats in reserve, "
                  "and no fewer than one call adds. The reserve is also all that it can hold.");

public:
    static constexpr const char* says_no = "the retry budget of this client is spent";

    Admission admit(const Action& action, const Asking&) const noexcept {
        if (action.move != Move::repeat || quota_.take()) return {};
        return {Admitted::spent, 0, Duration{0}, 0};
    }
    void settled(const Action& action, const Ending& end) const noexcept {
        if (!end.sent && action.move == Move::repeat) quota_.give_back();
        if (end.sent && action.number == 1) quota_.earn();
    }

    /// For `sentence_of` (<rekey/describe.hpp>); so in each policy.
    template <class Words> static void say(Words& words) {
        words("Repeats at most ", Percent, Percent == 1 ? " time" : " times",
              " per 100 calls of all callers together, and ", Reserve,
              Reserve == 1 ? " time beyond." : " times beyond.");
    }
    /// How many repeats are left now; for a gauge.
    std::uint32_t left() const noexcept { return quota_.left(); }

private:
    detail::Quota<Percent, Reserve> quota_{};
};

}  // namespace v0_1
}  // namespace rekey

#endif
