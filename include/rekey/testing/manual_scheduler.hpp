// SPDX-License-Identifier: BSL-1.0
// ManualScheduler: timers in virtual time, for tests of asynchronous clients.
#ifndef REKEY_TESTING_MANUAL_SCHEDULER_HPP
#define REKEY_TESTING_MANUAL_SCHEDULER_HPP

#include <rekey/facts.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <utility>
#include <vector>

namespace rekey {
inline namespace v0_1 {
namespace testing {

/// A scheduler and a clock: `driver::callback::Client{http, time, UseClock{time}, …}`.
///
/// Time stands still until the test lets it pass. Not copied: a client borrows it. One thread.
class ManualScheduler {
    struct Timer {
        std::function<void()> act{};
    };

public:
    /// Of one timer; may outlive it.
    class Handle {
    public:
        explicit Handle(std::weak_ptr<Timer> timer) : timer_(std::move(timer)) {}
        void cancel() {
            if (const auto timer = timer_.lock())
                (void)std::exchange(timer->act, nullptr);  // what it destroys may cancel it again
        }

    private:
        std::weak_ptr<Timer> timer_;
    };

    ManualScheduler() = default;
    ManualScheduler(const ManualScheduler&) = delete;
    ManualScheduler& operator=(const ManualScheduler&) = delete;
    ~ManualScheduler() { life_.reset(); }  // before the timers

    Handle after(Duration delay, std::function<void()> act) {
        delays_.push_back(delay);
        const auto timer = std::make_shared<Timer>(Timer{std::move(act)});
        timers_.emplace(later_by(delay), timer);
        return Handle(timer);
    }
    TimePoint now() const noexcept { return TimePoint{elapsed_}; }
    std::int64_t unix_seconds() const noexcept {
        return start + std::chrono::duration_cast<std::chrono::seconds>(elapsed_).count();
    }
    void sleep(Duration delay) { advance(delay); }

    /// Lets time pass, and runs what is due in its order; also what that begins.
    void advance(Duration delay) {
        const Duration end = later_by(delay);
        while (!timers_.empty() && timers_.begin()->first <= end) run_first();
        if (end > elapsed_) elapsed_ = end;  // what ran may have waited longer than that
    }
    /// Lets time pass until nothing is left to run.
    void run() {
        while (!timers_.empty()) run_first();
    }
    /// Something that is there as long as the scheduler is, and gone before its timers.
    std::weak_ptr<void> life() const noexcept { return life_; }
    /// How many timers wait that nobody has cancelled.
    std::size_t waiting() const {
        std::size_t count = 0;
        for (const auto& [when, timer] : timers_) count += timer->act ? 1u : 0u;
        return count;
    }
    /// The delay of every timer so far, in order.
    const std::vector<Duration>& delays() const noexcept { return delays_; }

private:
    static constexpr std::int64_t start = 1'790'000'000;  // 2026-09-21

    /// The end of a delay; one that is too long for a clock never ends.
    Duration later_by(Duration delay) const noexcept {
        if (delay <= Duration{0}) return elapsed_;
        return delay < (Duration::max)() - elapsed_ ? elapsed_ + delay : (Duration::max)();
    }
    void run_first() {
        const auto first = timers_.begin();
        const Duration due = first->first;
        const auto act = std::exchange(first->second->act, nullptr);
        timers_.erase(first);
        if (!act) return;  // cancelled: no time passes for it
        if (due > elapsed_) elapsed_ = due;
        act();
    }

    Duration elapsed_{0};
    std::shared_ptr<void> life_ = std::make_shared<char>();
    std::multimap<Duration, std::shared_ptr<Timer>> timers_{};
    std::vector<Duration> delays_{};
};

}  // namespace testing
}  // namespace v0_1
}  // namespace rekey

#endif
