// SPDX-License-Identifier: BSL-1.0
// StoreCounts: what a process has seen of a token store that it shares.
#ifndef REKEY_TOKEN_STORE_COUNTS_HPP
#define REKEY_TOKEN_STORE_COUNTS_HPP

#include <rekey/detail/atomic.hpp>

#include <cstdint>

namespace rekey {
inline namespace v0_1 {
namespace token {

/// What the calls of this process have met since its start: `tokens.counts()` of a `TokensIn`.
///
/// Of a healthy fleet `sends` grows, and sometimes `lease_waits` and `saved_by_reading`. Each of
/// the last five is worth an alarm if it does.
struct StoreCounts {
    std::uint64_t sends = 0;             ///< Token requests that this process made.
    std::uint64_t lease_waits = 0;       ///< Another process was at work.
    std::uint64_t saved_by_reading = 0;  ///< Read again behind the lease or a refusal: it was
                                         ///< faster.
    std::uint64_t swaps_lost = 0;        ///< Another process wrote first.
    std::uint64_t unavailable = 0;       ///< Times that the store did not answer.
    std::uint64_t leases_lost = 0;       ///< While a token request was on its way.
    std::uint64_t unknown = 0;           ///< Token requests without an answer.
    std::uint64_t dead_refused = 0;      ///< Users to be asked again: the service refused.
    std::uint64_t dead_lost = 0;         ///< The same: nobody knows what became of a send.
};

/// The same while it is counted. Threads: any.
class StoreCounter {
public:
    StoreCounter() = default;
    StoreCounter(const StoreCounter&) = delete;
    StoreCounter& operator=(const StoreCounter&) = delete;

    enum Number : unsigned char {
        sends,
        lease_waits,
        saved_by_reading,
        swaps_lost,
        unavailable,
        leases_lost,
        unknown,
        dead_refused,
        dead_lost,
        last_number
    };
    void count(Number what) noexcept { numbers_[what].fetch_add(1, rekey::detail::Order::relaxed); }
    StoreCounts counts() const noexcept {
        const auto of = [this](Number what) {
            return numbers_[what].load(rekey::detail::Order::relaxed);
        };
        StoreCounts all;
        all.sends = of(sends);
        all.lease_waits = of(lease_waits);
        all.saved_by_reading = of(saved_by_reading);
        all.swaps_lost = of(swaps_lost);
        all.unavailable = of(unavailable);
        all.leases_lost = of(leases_lost);
        all.unknown = of(unknown);
        all.dead_refused = of(dead_refused);
        all.dead_lost = of(dead_lost);
        return all;
    }

private:
    rekey::detail::Atomic<std::uint64_t> numbers_[last_number]{};
};

}  // namespace token
}  // namespace v0_1
}  // namespace rekey

#endif
