// SPDX-License-Identifier: BSL-1.0
// Calls: the calls of an asynchronous client that are on their way.
#ifndef REKEY_DRIVER_CALLS_HPP
#define REKEY_DRIVER_CALLS_HPP

#include <rekey/cancellation.hpp>
#include <rekey/detail/mutex.hpp>
#include <rekey/driver/completion.hpp>

#include <atomic>
#include <cstddef>
#include <functional>
#include <utility>
#include <vector>

namespace rekey {
inline namespace v0_1 {
namespace driver {

class Calls;

/// A call on its way, whatever its types.
class AnyOperation : public detail::Stoppable {
public:
    void keep() noexcept override { owners_.fetch_add(1, std::memory_order_relaxed); }
    bool try_keep() noexcept override {
        unsigned owners = owners_.load(std::memory_order_relaxed);
        while (owners != 0)
            if (owners_.compare_exchange_weak(owners, owners + 1, std::memory_order_relaxed))
                return true;
        return false;
    }
    void drop() noexcept override {
        if (owners_.fetch_sub(1, std::memory_order_acq_rel) == 1) delete this;
    }
    virtual void begin() = 0;
    /// Cancels the call, whose `done` is destroyed and not called.
    virtual void abandon() = 0;

protected:
    AnyOperation() = default;
    virtual ~AnyOperation() = default;

private:
    friend class Calls;
    friend class Starts;
    std::atomic<unsigned> owners_{1};
    AnyOperation* next_call_ = nullptr;
    AnyOperation* earlier_ = nullptr;
    AnyOperation* later_ = nullptr;
};

/// A call on its way. Threads: any; copies are the same. Letting go of it does not stop the call.
class CallHandle {
public:
    CallHandle() = default;
    explicit CallHandle(Owner<AnyOperation> call) noexcept : call_(std::move(call)) {}
    /// Ends the call with `ErrorKind::cancelled`, on this thread, if it has not ended yet: a wait
    /// at once, an attempt that is on its way too, whose late answer is dropped.
    void cancel() const {
        if (call_) call_->stop();
    }
    /// The same, for whoever is gone before the end: `done` is destroyed, here or where the call is
    /// on its way, and not called if it has not been.
    void abandon() const {
        if (call_) call_->abandon();
    }

private:
    Owner<AnyOperation> call_{};
};

/// The calls of a client that are on their way.
class Calls {
public:
    Calls() = default;
    Calls(const Calls&) = delete;
    Calls& operator=(const Calls&) = delete;

    /// False: it comes after `close`, and ends without a send.
    bool enter(AnyOperation& call) noexcept {
        const detail::Locked lock(mutex_);
        call.later_ = first_;
        if (first_ != nullptr) first_->earlier_ = &call;
        first_ = &call;
        ++count_;
        return !is_closed_;
    }
    void leave(AnyOperation& call) {
        std::vector<std::function<void()>> idle;
        {
            const detail::Locked lock(mutex_);
            (call.earlier_ != nullptr ? call.earlier_->later_ : first_) = call.later_;
            if (call.later_ != nullptr) call.later_->earlier_ = call.earlier_;
            if (--count_ == 0) idle.swap(when_idle_);
        }
        detail::FirstThrown thrown;
        for (const auto& tell : idle) thrown.by(tell);
        thrown.pass_on();
    }
    void close() noexcept {
        const detail::Locked lock(mutex_);
        is_closed_ = true;
    }
    void cancel_all() {
        std::vector<Owner<AnyOperation>> all;
        {
            const detail::Locked lock(mutex_);
            for (AnyOperation* call = first_; call != nullptr; call = call->later_)
                if (call->try_keep()) all.push_back(Owner<AnyOperation>::of_new(call));
        }
        detail::FirstThrown thrown;
        for (const auto& call : all) thrown.by([&call] { call->stop(); });
        thrown.pass_on();
    }
    std::size_t count() const noexcept {
        const detail::Locked lock(mutex_);
        return count_;
    }
    void when_idle(std::function<void()> tell) {
        {
            const detail::Locked lock(mutex_);
            if (count_ != 0) {
                when_idle_.push_back(std::move(tell));
                return;
            }
        }
        tell();
    }

private:
    mutable detail::Mutex mutex_;
    AnyOperation* first_ = nullptr;
    std::size_t count_ = 0;
    bool is_closed_ = false;
    std::vector<std::function<void()>> when_idle_{};
};

/// Calls that were begun inside the `done` of another begin when that has returned, so that a loop
/// of calls, each begun by the end of the one before, needs no stack.
class Starts {
public:
    static void begin(const Owner<AnyOperation>& call) {
        if (Starts* const active = active_here(); active != nullptr)
            active->push(call);
        else
            call->begin();
    }
    /// Runs `done`, and what it began, whatever one of them throws.
    template <class Done> static void run(Done&& done) {
        if (active_here() != nullptr) {
            done();
            return;
        }
        detail::FirstThrown thrown;
        {
            Starts here;
            thrown.by(done);
            while (here.first_ != nullptr) thrown.by([&here] { here.pop()->begin(); });
        }
        thrown.pass_on();
    }

private:
    Starts() noexcept { active_here() = this; }
    ~Starts() { active_here() = nullptr; }
    Starts(const Starts&) = delete;
    Starts& operator=(const Starts&) = delete;

    static Starts*& active_here() noexcept {
        thread_local Starts* active = nullptr;
        return active;
    }
    void push(const Owner<AnyOperation>& call) noexcept {
        call->keep();
        call->next_call_ = nullptr;
        (last_ != nullptr ? last_->next_call_ : first_) = call.get();
        last_ = call.get();
    }
    Owner<AnyOperation> pop() noexcept {
        AnyOperation* const call = first_;
        first_ = call->next_call_;
        if (first_ == nullptr) last_ = nullptr;
        return Owner<AnyOperation>::of_new(call);
    }
    AnyOperation* first_ = nullptr;
    AnyOperation* last_ = nullptr;
};

}  // namespace driver
}  // namespace v0_1
}  // namespace rekey

#endif
