// SPDX-License-Identifier: BSL-1.0
// Hedge: a second copy of a request whose first has no answer after a while.
#ifndef REKEY_POLICY_HEDGE_HPP
#define REKEY_POLICY_HEDGE_HPP

#include <rekey/detail/quota.hpp>
#include <rekey/policy/role.hpp>

#include <cstdint>

namespace rekey {
inline namespace v0_1 {

/// Sends another copy of an idempotent request when there is no answer after `after`, and goes on
/// with the first answer that says something: `Hedge{200ms}`, or `Hedge{200ms, 3}` with the third
/// copy after 400 ms.
///
/// All copies are one send of the call: one credential, one key, one line in the trail. An answer
/// that is answered by repeating (RateLimited, Transient, none at all) does not end the waiting
/// while another copy is on its way; the copies that come too late are cancelled, or dropped.
/// A request that is not idempotent, by method or by `Idempotent{}`, is never copied. The doors of
/// a client (rate limit, bulkhead) let a send in, and do not count its copies.
/// For           the asynchronous drivers; a client that blocks refuses it when compiled.
/// Percent       so many copies per hundred sends, and `Reserve` beyond, of all calls together.
/// Requires      two to four copies, the first included (more count as four).
/// Threads       any; lock-free. Copies of the policy share the quota.
/// Cost          a timer per send of an idempotent request.
/// Source        Dean and Barroso, "The Tail at Scale"; gRPC A6 (hedging).
/// Example       examples/21_callbacks.cpp
template <unsigned Percent = 10, unsigned Reserve = 10> class Hedge {
    static_assert(
        Percent >= 1 && Percent <= 100 && Reserve >= 1 && Reserve <= 1'000'000,
        "rekey: Hedge<Percent, Reserve> takes 1 to 100 copies per hundred sends, and 1 to "
        "1,000,000 in reserve.");

public:
    static constexpr Role role = Role::hedge;
    struct Rule {};

    explicit Hedge(Duration after, unsigned copies = 2) noexcept
        : after_(after),
          copies_(copies < 2   ? 2
                  : copies > 4 ? 4
                               : copies) {}

    template <class Words> void say(Words& words) const {
        words("Sends up to ", copies_ - 1, " more of an idempotent request, one after each ",
              after_, " without an answer, for ", Percent, " of 100 sends and ", Reserve,
              " beyond.");
    }
    /// For the driver.
    Duration after() const noexcept { return after_; }
    constexpr unsigned most_copies() const noexcept { return copies_; }
    /// A send was made, which adds its share to the quota.
    void sent() const noexcept { quota_.earn(); }
    /// Takes a copy out of the quota. False: there is none left.
    bool may_send() const noexcept { return quota_.take(); }
    /// How many copies are left now; for a gauge.
    std::uint32_t left() const noexcept { return quota_.left(); }

private:
    Duration after_;
    unsigned copies_;
    detail::Quota<Percent, Reserve> quota_{};
};

Hedge(Duration)->Hedge<>;
Hedge(Duration, unsigned)->Hedge<>;
Hedge(Duration, int)->Hedge<>;

}  // namespace v0_1
}  // namespace rekey

#endif
