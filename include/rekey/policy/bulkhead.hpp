// SPDX-License-Identifier: BSL-1.0
// Bulkhead: at most so many sends of a client are on their way at once.
#ifndef REKEY_POLICY_BULKHEAD_HPP
#define REKEY_POLICY_BULKHEAD_HPP

#include <rekey/detail/shared.hpp>
#include <rekey/policy/admissions.hpp>

#include <atomic>
#include <chrono>
#include <cstdint>

namespace rekey {
inline namespace v0_1 {

/// How many calls wait for a place, how long, and how often they look. Without it nobody waits.
struct Waiting {
    std::uint32_t calls = 0;
    Duration longest = std::chrono::seconds{1};
    Duration look_again = std::chrono::milliseconds{5};
};

/// Keeps the sends that are on their way at once to a number: `Bulkhead{8}`, or
/// `Bulkhead{8, Waiting{16, 500ms}}` with 16 calls that wait up to half a second for a place.
///
/// A send has its place from before its token is fetched until the transport returns; a transport
/// that returns while a body still streams gives the place back then. Who waits looks again every
/// 5 ms; there is no order among those who wait. Less than one place is one.
/// Ends with    StopReason::come_back_later if there is no place, and none to wait.
/// Threads      any; lock-free. Copies, and so the copies of a client, share the places.
/// Cost         two atomic operations per send; reads no clock.
/// Example      examples/15_share_the_load.cpp
class Bulkhead : public AtDoor<Door::bulkhead> {
public:
    static constexpr const char* says_no = "as many sends as the bulkhead allows are on their way";

    explicit Bulkhead(std::uint32_t places, Waiting waiting = {})
        : state_(detail::Shared<State>::make()),
          places_(places == 0 ? 1 : places),
          waiting_(waiting) {
        if (waiting_.look_again <= Duration{0}) waiting_.look_again = std::chrono::milliseconds{5};
    }

    Admission admit(const Action&, const Asking& asking) const noexcept {
        const bool waits = asking.ticket == place_to_wait;
        if (take(state_->inside, places_)) {
            if (waits) leave(state_->outside);
            return {Admitted::go, 0, Duration{0}, place_inside};
        }
        if (asking.waited < waiting_.longest && (waits || take(state_->outside, waiting_.calls)))
            return {Admitted::busy, 0, waiting_.look_again, place_to_wait};
        if (waits) leave(state_->outside);
        return {Admitted::later, 0, waiting_.look_again, 0};
    }
    void settled(const Action&, const Ending& end) const noexcept {
        if (end.ticket == place_inside) leave(state_->inside);
        if (end.ticket == place_to_wait) leave(state_->outside);
    }

    /// How many sends are on their way now; for a gauge.
    std::uint32_t on_their_way() const noexcept {
        return state_->inside.load(std::memory_order_relaxed);
    }
    /// How many calls wait for a place now.
    std::uint32_t waiting_now() const noexcept {
        return state_->outside.load(std::memory_order_relaxed);
    }

    template <class Words> void say(Words& words) const {
        if (places_ == 1)
            words("Keeps at most one send on its way at once");
        else
            words("Keeps at most ", places_, " sends on their way at once");
        if (waiting_.calls != 0)
            words("; ", waiting_.calls, waiting_.calls == 1 ? " call waits" : " calls wait",
                  " up to ", waiting_.longest, " for a place");
        words(".");
    }

private:
    static constexpr std::uint32_t place_to_wait = 1;
    static constexpr std::uint32_t place_inside = 2;

    struct State {
        std::atomic<std::uint32_t> inside{0};
        std::atomic<std::uint32_t> outside{0};
    };

    static bool take(std::atomic<std::uint32_t>& count, std::uint32_t most) noexcept {
        std::uint32_t before = count.load(std::memory_order_relaxed);
        do {
            if (before >= most) return false;
        } while (!count.compare_exchange_weak(before, before + 1, std::memory_order_acq_rel,
                                              std::memory_order_relaxed));
        return true;
    }
    static void leave(std::atomic<std::uint32_t>& count) noexcept {
        count.fetch_sub(1, std::memory_order_acq_rel);
    }

    detail::Shared<State> state_;
    std::uint32_t places_;
    Waiting waiting_;
};

}  // namespace v0_1
}  // namespace rekey

#endif
