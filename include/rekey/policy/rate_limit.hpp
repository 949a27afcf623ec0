// SPDX-License-Identifier: BSL-1.0
// RateLimit: sends no faster than a credential's plan allows, instead of being refused for it.
#ifndef REKEY_POLICY_RATE_LIMIT_HPP
#define REKEY_POLICY_RATE_LIMIT_HPP

#include <rekey/detail/shared.hpp>
#include <rekey/policy/admissions.hpp>

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>

namespace rekey {
inline namespace v0_1 {

/// How many sends a second a plan allows, and how many of them at once. Less than one is one.
struct PerSecond {
    std::uint32_t sends = 1;
    std::uint32_t at_once = 1;
};

/// Spaces the sends of each credential: `RateLimit{PerSecond{20}, PerSecond{200}}` for a chain of a
/// personal credential with 20 a second and an enterprise one with 200.
///
/// Rates        by position in the chain; the last one also serves the credentials after it.
/// Waits        a call that comes too early takes the next free moment and waits for it, in the
///              order of coming; it goes back if the call ends before, unless a later one was
///              taken meanwhile, for two sends would then have the same. A wait longer than
///              `waits_at_most` (1 s) ends the call instead, before it has taken a moment.
/// Ends with    StopReason::come_back_later, and the time.
/// Threads      any; lock-free. Copies, and so the copies of a client, share the moments.
/// Cost         a clock reading and a compare-and-swap per send.
/// Source       ITU-T I.371 (virtual scheduling); Coze plans: 20, 100, 200, 500 a second.
/// Example      examples/15_share_the_load.cpp
class RateLimit : public AtDoor<Door::rate> {
public:
    static constexpr bool reads_time = true;
    static constexpr const char* says_no = "the rate limit of this client is reached";
    static constexpr std::size_t most_rates = 8;

    template <class... Rates>
    explicit RateLimit(PerSecond first, Rates... rest)
        : state_(detail::Shared<State>::make()), last_(sizeof...(rest)) {
        static_assert(sizeof...(rest) < most_rates,
                      "rekey: RateLimit takes up to 8 rates, one per credential of the chain; the "
                      "last one also serves those after it.");
        const PerSecond rates[] = {first, PerSecond{rest}...};
        for (std::size_t i = 0; i <= last_ && i != most_rates; ++i) pace_[i] = pace_of(rates[i]);
    }
    /// The same limit, with calls that wait that long for their moment.
    RateLimit waits_at_most(Duration longest) const {
        RateLimit other(*this);
        other.longest_ = longest;
        return other;
    }

    Admission admit(const Action& action, const Asking& asking) const noexcept {
        if (asking.ticket != 0)
            return {Admitted::go, 0, Duration{0}, asking.ticket};  // its moment has come
        const Pace& pace = pace_for(action.slot);
        std::atomic<std::int64_t>& next = state_->next[action.slot % most_slots];
        const std::int64_t now = asking.now.time_since_epoch().count();
        std::int64_t before = next.load(std::memory_order_relaxed);
        for (;;) {
            const std::int64_t base = before > now ? before : now;
            const std::int64_t wait = base - now - pace.slack;
            if (wait > 0 && Duration{wait} > longest_ - asking.waited)
                return {Admitted::later, 0, Duration{wait}, 0};
            if (!next.compare_exchange_weak(before, base + pace.gap, std::memory_order_relaxed))
                continue;
            if (wait <= 0) return {Admitted::go, 0, Duration{0}, ticket_of(base)};
            return {Admitted::busy, 0, Duration{wait}, ticket_of(base)};
        }
    }
    void settled(const Action& action, const Ending& end) const noexcept {
        if (end.sent || end.ticket == 0) return;
        std::atomic<std::int64_t>& next = state_->next[action.slot % most_slots];
        const std::int64_t gap = pace_for(action.slot).gap;
        std::int64_t before = next.load(std::memory_order_relaxed);
        while (ticket_of(before - gap) == end.ticket &&
               !next.compare_exchange_weak(before, before - gap, std::memory_order_relaxed)) {
        }
    }

    template <class Words> void say(Words& words) const {
        words("Sends at most ");
        for (std::size_t i = 0; i <= last_; ++i) {
            const Pace& pace = pace_[i];
            words(i == 0 ? "" : ", then ", (1'000'000'000 + pace.gap / 2) / pace.gap, " a second");
            if (pace.slack != 0) words(" (", pace.slack / pace.gap + 1, " at once)");
        }
        words(last_ == 0 ? "" : " by credential", "; a call waits up to ", longest_,
              " for its moment.");
    }

private:
    static constexpr std::size_t most_slots = 32;
    /// A moment to the microsecond or so, and within half an hour; never 0.
    static std::uint32_t ticket_of(std::int64_t moment) noexcept {
        return 0x80000000u | static_cast<std::uint32_t>(static_cast<std::uint64_t>(moment) >> 10);
    }

    struct Pace {
        std::int64_t gap = 0;    // between two sends
        std::int64_t slack = 0;  // how much earlier than its moment a send may go
    };
    struct State {
        std::atomic<std::int64_t> next[most_slots];  // the first free moment of each credential
        State() noexcept {
            for (auto& moment : next) moment.store(never, std::memory_order_relaxed);
        }
    };
    static constexpr std::int64_t never = INT64_MIN / 2;

    static Pace pace_of(PerSecond rate) noexcept {
        const std::int64_t sends = rate.sends == 0 ? 1 : rate.sends;
        const std::int64_t at_once = rate.at_once == 0 ? 1 : rate.at_once;
        const std::int64_t gap = (1'000'000'000 + sends - 1) / sends;
        return {gap, gap * (at_once - 1)};
    }
    const Pace& pace_for(std::uint8_t slot) const noexcept {
        return pace_[slot < last_ ? slot : last_];
    }

    detail::Shared<State> state_;
    Pace pace_[most_rates]{};
    std::size_t last_;
    Duration longest_ = std::chrono::seconds{1};
};

}  // namespace v0_1
}  // namespace rekey

#endif
