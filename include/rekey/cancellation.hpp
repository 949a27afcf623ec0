// SPDX-License-Identifier: BSL-1.0
// Cancellation: stops a call from another thread, also while it waits.
#ifndef REKEY_CANCELLATION_HPP
#define REKEY_CANCELLATION_HPP

#include <rekey/detail/atomic.hpp>
#include <rekey/detail/shared.hpp>
#include <rekey/extras.hpp>

#include <type_traits>

namespace rekey {
inline namespace v0_1 {

/// Stops calls: `Canceller stop; client.send(request, Cancellation{stop}); … stop.cancel();`
///
/// A call that is stopped ends with `ErrorKind::cancelled`: before its next attempt, and within 50
/// ms while it waits, for a delay, for another caller's token, or for a person. An attempt that is
/// on its way is the transport's; a token request that came back is still kept.
/// Threads   any; copies are the same.
/// Cost      one allocation; a call that has no `Cancellation` pays nothing.
class Canceller {
public:
    Canceller() : flag_(detail::Shared<detail::Atomic<bool>>::make(false)) {}
    /// For good: there is no way back.
    void cancel() const noexcept { flag_->store(true, detail::Order::release); }
    bool is_cancelled() const noexcept { return flag_->load(detail::Order::acquire); }

private:
    friend class Cancellation;
    detail::Shared<detail::Atomic<bool>> flag_;
};

/// The extra of a call that a `Canceller` stops.
class Cancellation {
public:
    explicit Cancellation(const Canceller& canceller) noexcept : canceller_(canceller) {}
    bool is_cancelled() const noexcept { return canceller_.is_cancelled(); }

private:
    friend struct detail::CallExtras;
    void add_to(detail::CallExtras& extras) const noexcept {
        extras.stop.flag = &*canceller_.flag_;
    }
    Canceller canceller_;
};

namespace detail {
template <> struct IsExtra<Cancellation> : std::true_type {};
template <> struct StopsCall<Cancellation> : std::true_type {};
}  // namespace detail

}  // namespace v0_1
}  // namespace rekey

#endif
