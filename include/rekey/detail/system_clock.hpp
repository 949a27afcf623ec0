// SPDX-License-Identifier: BSL-1.0
// SystemClock: the time and the waiting of the machine, without <thread>.
#ifndef REKEY_DETAIL_SYSTEM_CLOCK_HPP
#define REKEY_DETAIL_SYSTEM_CLOCK_HPP

#include <rekey/version.hpp>

#include <chrono>
#include <cstdint>
#include <ctime>

#if defined(_WIN32)
extern "C" __declspec(dllimport) void __stdcall Sleep(unsigned long);
#endif

namespace rekey {
inline namespace v0_1 {
namespace detail {

struct SystemClock {
    static auto now() noexcept {
        return std::chrono::time_point_cast<std::chrono::nanoseconds>(
            std::chrono::steady_clock::now());
    }
    static std::int64_t unix_seconds() noexcept {
        return static_cast<std::int64_t>(std::time(nullptr));
    }
    /// Returns when the time is over; a signal does not shorten it.
    static void sleep(std::chrono::nanoseconds delay) noexcept {
        if (delay.count() <= 0) return;
#if defined(_WIN32)
        const auto milliseconds = (delay.count() + 999'999) / 1'000'000;
        Sleep(milliseconds < 0x7fffffff ? static_cast<unsigned long>(milliseconds) : 0x7fffffffUL);
#else
        timespec left{};
        left.tv_sec = static_cast<std::time_t>(delay.count() / 1'000'000'000);
        left.tv_nsec = static_cast<long>(delay.count() % 1'000'000'000);
        while (nanosleep(&left, &left) != 0) {
        }
#endif
    }
};

}  // namespace detail
}  // namespace v0_1
}  // namespace rekey

#endif
