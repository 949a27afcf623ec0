// SPDX-License-Identifier: BSL-1.0
// Cancellation: stops a call from another thread, also while it waits.
#ifndef REKEY_CANCELLATION_HPP
#define REKEY_CANCELLATION_HPP

#include <rekey/detail/atomic.hpp>
#include <rekey/detail/shared.hpp>
#include <rekey/extras.hpp>
#include <rekey/stop_signal.hpp>

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

/// Where a `Stoppable` stands in a list. Apart, as `WakerLink`.
class StoppableLink {
    friend class StopList;
    class Stoppable* earlier_ = nullptr;
    class Stoppable* later_ = nullptr;
    bool is_listed_ = false;
};

/// Something that a `Canceller` stops the moment it is cancelled; it counts its owners.
class Stoppable : public StoppableLink {
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
    /// `Stop::sleeper`, for the flag of a list.
    static Sleeper* sleeper(const Atomic<bool>* flag);
    /// `Stop::wait`, the same.
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

/// A blocked caller whose call a canceller may stop. It outlives its sleep in the lists of both
/// who may end that.
class StoppableSleep final : public Sleeper, public Stoppable {
public:
    /// `list` is needed until `sleep` returns.
    explicit StoppableSleep(StopList& list) noexcept : list_(list) {}

    bool sleep() override {
        if (!list_.enter(*this)) return false;
        std::unique_lock<std::mutex> lock(mutex_);
        changed_.wait(lock, [this] { return is_woken_ || is_stopped_; });
        const bool is_woken = is_woken_;
        lock.unlock();
        list_.leave(*this);
        return is_woken;
    }
    void wake() override { set(is_woken_); }
    void stop() override { set(is_stopped_); }
    void keep() noexcept override { owners_.fetch_add(1, Order::relaxed); }
    bool try_keep() noexcept override {
        keep();  // who sleeps leaves the list first
        return true;
    }
    void drop() noexcept override {
        if (owners_.fetch_sub(1, Order::acq_rel) == 1) delete this;
    }

private:
    ~StoppableSleep() = default;
    void set(bool& flag) {
        const std::lock_guard<std::mutex> lock(mutex_);
        flag = true;
        changed_.notify_all();
    }
    StopList& list_;
    std::mutex mutex_{};
    std::condition_variable changed_{};
    Atomic<unsigned> owners_{1};
    bool is_woken_ = false;
    bool is_stopped_ = false;
};

inline Sleeper* StopList::sleeper(const Atomic<bool>* flag) {
    // A call only reads its flag, and its canceller, which is no constant, keeps this list.
    return new StoppableSleep(const_cast<StopList&>(static_cast<const StopList&>(*flag)));
}

}  // namespace detail

/// Stops calls: `Canceller stop; client.send(request, Cancellation{stop}); … stop.cancel();`
///
/// A call that is stopped ends with `ErrorKind::cancelled`: before its next attempt, and at once
/// while it waits, for a delay, a poll or another caller's token. An attempt that is on its way is
/// the transport's, and a Redirector that waits for a person its own; a token request that came
/// back is still kept. A wait by a clock of the user's own ends at once if that clock's `sleep`
/// takes the `StopSignal`, else within 50 ms. An asynchronous call ends at once, on the thread that
/// cancels, whatever it waits for; a late answer is dropped.
/// Threads   any; copies are the same.
/// Cost      one allocation; a call that has no `Cancellation` pays nothing.
class Canceller {
public:
    Canceller() : calls_(detail::Shared<detail::StopList>::make()) {}
    /// For good: there is no way back.
    void cancel() const {
        // The last call that it stops may take this canceller along.
        detail::Shared<detail::StopList>(calls_)->cancel();
    }
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
        extras.stop.sleeper = &detail::StopList::sleeper;
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
