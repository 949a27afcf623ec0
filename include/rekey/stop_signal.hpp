// SPDX-License-Identifier: BSL-1.0
// StopSignal: what a wait asks that ends the moment its call is stopped.
#ifndef REKEY_STOP_SIGNAL_HPP
#define REKEY_STOP_SIGNAL_HPP

#include <rekey/detail/atomic.hpp>
#include <rekey/detail/system_clock.hpp>
#include <rekey/detail/waker.hpp>
#include <rekey/extras.hpp>

#include <chrono>
#include <type_traits>
#include <utility>

namespace rekey {
inline namespace v0_1 {
namespace detail {

/// A blocked caller that is woken by another one, or because its call was stopped.
class Sleeper : public Waker {
public:
    /// Blocks; false if the call was stopped first.
    virtual bool sleep() = 0;

protected:
    Sleeper() = default;
    ~Sleeper() = default;
};

/// Blocks a caller until those in the list are woken; false if its call was stopped first.
///
/// `stop`   has a `sleeper`.
/// `lock`   of the list, held; it is let go meanwhile.
template <class Lock> bool sleep_in(WakerList& list, Lock& lock, const Stop& stop) {
    struct Owner {
        Sleeper& sleeper;
        explicit Owner(Sleeper& owned) noexcept : sleeper(owned) {}
        Owner(const Owner&) = delete;
        Owner& operator=(const Owner&) = delete;
        ~Owner() { sleeper.drop(); }
    };
    const Owner owner(*stop.sleeper(stop.flag));
    list.add(owner.sleeper);
    lock.unlock();
    const bool is_woken = owner.sleeper.sleep();
    lock.lock();
    return is_woken;
}

/// Whether a clock ends a wait by itself when a call is stopped.
template <class Clock, class = void> struct SleepsUntilStopped : std::false_type {};
template <class Clock>
struct SleepsUntilStopped<Clock, std::void_t<decltype(std::declval<Clock&>().sleep(
                                     Duration{}, std::declval<const Stop&>()))>> : std::true_type {
};

bool Stop::wait_for(Duration delay) const {
    if (wait != nullptr) return wait(flag, delay);
    SystemClock::sleep(delay);
    return !is_cancelled();
}

template <class Clock> bool Stop::sleep(Clock& clock, Duration delay) const {
    if constexpr (std::is_same_v<Clock, SystemClock>) {
        if (wait != nullptr) return wait_for(delay);
    }
    if constexpr (SleepsUntilStopped<Clock>::value) {
        return clock.sleep(delay, *this);
    } else {
        constexpr Duration tick = std::chrono::milliseconds{50};
        for (; flag != nullptr && delay > tick && !is_cancelled(); delay -= tick) clock.sleep(tick);
        if (is_cancelled()) return false;
        clock.sleep(delay);
        return !is_cancelled();
    }
}

}  // namespace detail

/// Whether somebody stopped the call that waits: what a clock of your own may take beside the time,
/// `bool sleep(Duration delay, const StopSignal& stop)`, to end at once, and a listener of
/// `coze::PkceLoopback` beside the request. Valid until that function returns.
///
/// `is_cancelled()`        somebody did.
/// `wait_for(Duration)`    waits by the machine's clock; false, at once, if the call is stopped.
/// Threads                 any.
using StopSignal = detail::Stop;

}  // namespace v0_1
}  // namespace rekey

#endif
