// SPDX-License-Identifier: BSL-1.0
// Cancellation: stops a call from another thread, also while it waits.
#ifndef REKEY_CANCELLATION_HPP
#define REKEY_CANCELLATION_HPP

#include <rekey/detail/atomic.hpp>
#include <rekey/detail/shared.hpp>
#include <rekey/extras.hpp>

#include <chrono>
#include <condition_variable>
#include <exception>
#include <mutex>
#include <type_traits>
#include <utility>

namespace rekey {
inline namespace v0_1 {
namespace detail {

/// The first exception of several acts, each of which has to be done whatever the others throw.
class FirstThrown {
public:
    template <class Act> void by(Act&& act) {
#if defined(__cpp_exceptions)
        try {
            act();
        } catch (...) {
            if (!first_) first_ = std::current_exception();
        }
#else
        act();
#endif
    }
    void pass_on() {
#if defined(__cpp_exceptions)
        if (first_) std::rethrow_exception(std::exchange(first_, nullptr));
#endif
    }

private:
    std::exception_ptr first_{};
};

/// Something that a `Canceller` stops the moment it is cancelled; it counts its owners.
class Stoppable {
public:
    virtual void stop() = 0;
    virtual void keep() noexcept = 0;
    /// False: its last owner has gone, and it is being destroyed.
    virtual bool try_keep() noexcept = 0;
    virtual void drop() noexcept = 0;

protected:
    Stoppable() = default;
    Stoppable(const Stoppable&) = delete;
    Stoppable& operator=(const Stoppable&) = delete;
    ~Stoppable() = default;

private:
    friend class StopList;
    Stoppable* earlier_ = nullptr;
    Stoppable* later_ = nullptr;
    bool is_listed_ = false;
};

/// What one canceller stops, and the flag that says so. Threads: any.
class StopList : public Atomic<bool> {
public:
    StopList() noexcept : Atomic<bool>(false) {}
    StopList(const StopList&) = delete;
    StopList& operator=(const StopList&) = delete;

    bool is_cancelled() const noexcept { return this->load(Order::acquire); }
    /// False: it is too late, the canceller has cancelled.
    bool enter(Stoppable& call) noexcept {
        const std::lock_guard<std::mutex> lock(mutex_);
        if (is_cancelled()) return false;
        call.later_ = first_;
        if (first_ != nullptr) first_->earlier_ = &call;
        first_ = &call;
        call.is_listed_ = true;
        return true;
    }
    void leave(Stoppable& call) noexcept {
        const std::lock_guard<std::mutex> lock(mutex_);
        if (!call.is_listed_) return;
        (call.earlier_ != nullptr ? call.earlier_->later_ : first_) = call.later_;
        if (call.later_ != nullptr) call.later_->earlier_ = call.earlier_;
        call.earlier_ = call.later_ = nullptr;
        call.is_listed_ = false;
    }
    void cancel() {
        {
            const std::lock_guard<std::mutex> lock(mutex_);
            this->store(true, Order::release);
        }
        cancelled_.notify_all();
        FirstThrown thrown;
        while (Stoppable* const call = take()) {  // outside the lock: stopping a call ends it
            thrown.by([call] { call->stop(); });
            call->drop();
        }
        thrown.pass_on();
    }
    /// `Stop::wait`, for the flag of a list.
    static bool wait(const Atomic<bool>* flag, Duration delay) {
        const auto& list = *static_cast<const StopList*>(flag);
        const auto stopped = [&list] { return list.is_cancelled(); };
        constexpr Duration day = std::chrono::hours{24};  // the end must not lie beyond all time
        std::unique_lock<std::mutex> lock(list.mutex_);
        for (; delay > day; delay -= day)
            if (list.cancelled_.wait_for(lock, day, stopped)) return false;
        return !list.cancelled_.wait_for(lock, delay, stopped);
    }

private:
    Stoppable* take() noexcept {
        const std::lock_guard<std::mutex> lock(mutex_);
        while (Stoppable* const call = first_) {
            first_ = call->later_;
            if (first_ != nullptr) first_->earlier_ = nullptr;
            call->later_ = nullptr;
            call->is_listed_ = false;
            if (call->try_keep()) return call;
        }
        return nullptr;
    }
    mutable std::mutex mutex_{};
    mutable std::condition_variable cancelled_{};
    Stoppable* first_ = nullptr;
};

}  // namespace detail

/// Stops calls: `Canceller stop; client.send(request, Cancellation{stop}); … stop.cancel();`
///
/// A call that is stopped ends with `ErrorKind::cancelled`: before its next attempt, at once while
/// it waits for a delay, and within 50 ms while it waits for another caller's token, for a person,
/// or by a clock of the user's own. An attempt that is on its way is the transport's; a token
/// request that came back is still kept. An asynchronous call ends at once, on the thread that
/// cancels, whatever it waits for; a late answer is dropped.
/// Threads   any; copies are the same.
/// Cost      one allocation; a call that has no `Cancellation` pays nothing.
class Canceller {
public:
    Canceller() : calls_(detail::Shared<detail::StopList>::make()) {}
    /// For good: there is no way back.
    void cancel() const { calls_->cancel(); }
    bool is_cancelled() const noexcept { return calls_->is_cancelled(); }

private:
    friend class Cancellation;
    detail::Shared<detail::StopList> calls_;
};

/// The extra of a call that a `Canceller` stops.
class Cancellation {
public:
    explicit Cancellation(const Canceller& canceller) noexcept : canceller_(canceller) {}
    bool is_cancelled() const noexcept { return canceller_.is_cancelled(); }

    /// For a driver: the call is stopped the moment somebody cancels, until it leaves.
    bool enter(detail::Stoppable& call) const noexcept { return canceller_.calls_->enter(call); }
    void leave(detail::Stoppable& call) const noexcept { canceller_.calls_->leave(call); }

private:
    friend struct detail::CallExtras;
    void add_to(detail::CallExtras& extras) const noexcept {
        extras.stop.flag = &*canceller_.calls_;
        extras.stop.wait = &detail::StopList::wait;
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
