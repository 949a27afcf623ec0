// SPDX-License-Identifier: BSL-1.0
// ManualClock: time that passes only when a test or a wait says so.
#ifndef REKEY_TESTING_MANUAL_CLOCK_HPP
#define REKEY_TESTING_MANUAL_CLOCK_HPP

#include <rekey/facts.hpp>

#include <cstdint>
#include <vector>

namespace rekey {
inline namespace v0_1 {
namespace testing {

/// A clock for `UseClock{clock}`. Waits return at once and are remembered.
class ManualClock {
public:
    TimePoint now() const noexcept { return TimePoint{elapsed_}; }
    std::int64_t unix_seconds() const noexcept {
        return start_ + std::chrono::duration_cast<std::chrono::seconds>(elapsed_).count();
    }
    void sleep(Duration delay) {
        waits_.push_back(delay);
        elapsed_ += delay;
    }

    /// Lets time pass, as if nobody had waited for it.
    void advance(Duration delay) noexcept { elapsed_ += delay; }
    /// Sets the wall clock; the steady one goes on.
    void set_unix_seconds(std::int64_t seconds) noexcept {
        start_ = seconds - std::chrono::duration_cast<std::chrono::seconds>(elapsed_).count();
    }
    /// Every wait so far, in order.
    const std::vector<Duration>& waits() const noexcept { return waits_; }

private:
    Duration elapsed_{0};
    std::int64_t start_ = 1'790'000'000;  // 2026-09-21
    std::vector<Duration> waits_{};
};

}  // namespace testing
}  // namespace v0_1
}  // namespace rekey

#endif
