// SPDX-License-Identifier: BSL-1.0
// Snapshot: a value that many threads read without a lock while one replaces it.
#ifndef REKEY_DETAIL_SNAPSHOT_HPP
#define REKEY_DETAIL_SNAPSHOT_HPP

#include <rekey/detail/atomic.hpp>
#include <rekey/version.hpp>

#include <cstdint>
#include <utility>

namespace rekey {
inline namespace v0_1 {
namespace detail {

/// Spreads threads over a few counters, so that readers on two cores share no cache line.
inline constexpr unsigned stripe_count = 8;
[[gnu::always_inline]] inline unsigned stripe_of_this_thread() noexcept {
    static Atomic<unsigned> threads{0};
    thread_local unsigned stripe = 0;  // 1-based; zero before the first use
    if (stripe == 0) stripe = threads.fetch_add(1, Order::relaxed) % stripe_count + 1;
    return stripe - 1;
}

/// A value behind a pointer. A reader pins it; a writer puts a new one in its place and the old
/// one is destroyed (a secret in it wiped) once no reader can hold it.
///
/// How: each reader counts itself in and out of one of two columns of counters. After a
/// replacement the old value is destroyed when every counter was seen at zero at least once: a
/// reader that counts itself in later reads the new pointer. New readers use the other column,
/// so a column runs dry however busy the readers are (the idea of sleepable RCU).
/// Threads   any number of readers; writers are serialised by a short spin.
/// Cost      a read is two uncontended atomic additions and a load; no lock, no allocation.
template <class Value> class Snapshot {
public:
    explicit Snapshot(Value* first) noexcept : current_(first) {}
    Snapshot(const Snapshot&) = delete;
    Snapshot& operator=(const Snapshot&) = delete;
    ~Snapshot() {
        delete current_.load(Order::acquire);
        while (retired_ != nullptr) {
            Retired* const next = retired_->next;
            delete retired_->value;
            delete retired_;
            retired_ = next;
        }
    }

    /// Keeps the value alive while it exists. May be released on another thread. All that happens
    /// in every call is inlined: a call of its own would cost more than what it does.
    class Pin {
    public:
        Pin() = default;
        [[gnu::always_inline]] Pin(Pin&& other) noexcept
            : owner_(other.owner_),
              counter_(other.counter_),
              value_(std::exchange(other.value_, nullptr)) {}
        [[gnu::always_inline]] Pin& operator=(Pin&& other) noexcept {
            if (this != &other) {
                release();
                owner_ = other.owner_;
                counter_ = other.counter_;
                value_ = std::exchange(other.value_, nullptr);
            }
            return *this;
        }
        [[gnu::always_inline]] ~Pin() { release(); }

        explicit operator bool() const noexcept { return value_ != nullptr; }
        const Value& operator*() const noexcept { return *value_; }
        const Value* operator->() const noexcept { return value_; }
        [[gnu::always_inline]] void release() noexcept {
            if (value_ == nullptr) return;
            if (owner_ == nullptr) {
                destroy(std::exchange(value_, nullptr));
                return;
            }
            value_ = nullptr;
            counter_->fetch_sub(1, Order::release);
            if (owner_->waiting_.load(Order::relaxed)) owner_->reclaim();
        }

    private:
        friend class Snapshot;
        // Static, so that a pin can stay in registers.
        [[gnu::noinline, gnu::cold]] static void destroy(const Value* value) noexcept {
            delete value;
        }
        [[gnu::always_inline]] Pin(Snapshot* owner, Atomic<std::uint32_t>* counter,
                                   const Value* value) noexcept
            : owner_(owner), counter_(counter), value_(value) {}
        Snapshot* owner_ = nullptr;  // null: the pin itself owns the value
        Atomic<std::uint32_t>* counter_ = nullptr;
        const Value* value_ = nullptr;
    };

    /// A pin on a value of its own, which it destroys.
    static Pin own(Value* value) noexcept { return Pin{nullptr, nullptr, value}; }

    [[gnu::always_inline]] Pin read() noexcept {
        Atomic<std::uint32_t>& counter =
            stripes_[stripe_of_this_thread()].active[column_.load(Order::relaxed)];
        counter.fetch_add(1, Order::seq_cst);
        return Pin{this, &counter, current_.load(Order::seq_cst)};
    }

    /// Puts `fresh` in the place of the current value; takes ownership.
    void replace(Value* fresh) {
        Retired* const entry = new Retired{};
        lock();
        entry->value = current_.exchange(fresh, Order::seq_cst);
        entry->next = retired_;
        retired_ = entry;
        waiting_.store(true, Order::relaxed);
        sweep();
        unlock();
    }

private:
    struct alignas(64) Stripe {
        Atomic<std::uint32_t> active[2] = {{0}, {0}};
    };
    struct Retired {
        Value* value = nullptr;
        Retired* next = nullptr;
        std::uint32_t not_seen_idle = (1u << (2 * stripe_count)) - 1;  // one bit a counter
    };

    void lock() noexcept {
        while (writing_.exchange(true, Order::acquire)) {
        }
    }
    void unlock() noexcept { writing_.store(false, Order::release); }
    [[gnu::noinline, gnu::cold]] void reclaim() noexcept {
        if (writing_.exchange(true, Order::acquire)) return;
        sweep();
        unlock();
    }
    [[gnu::noinline, gnu::cold]] void sweep() noexcept {
        column_.store(1 - column_.load(Order::relaxed), Order::relaxed);
        std::uint32_t idle = 0;
        for (unsigned i = 0; i != 2 * stripe_count; ++i)
            if (stripes_[i / 2].active[i % 2].load(Order::seq_cst) == 0) idle |= 1u << i;
        for (Retired** link = &retired_; *link != nullptr;) {
            Retired* const entry = *link;
            entry->not_seen_idle &= ~idle;
            if (entry->not_seen_idle != 0) {
                link = &entry->next;
                continue;
            }
            *link = entry->next;
            delete entry->value;
            delete entry;
        }
        waiting_.store(retired_ != nullptr, Order::relaxed);
    }

    Stripe stripes_[stripe_count];
    Atomic<Value*> current_;
    Atomic<unsigned> column_{0};
    Atomic<bool> waiting_{false};
    Atomic<bool> writing_{false};
    Retired* retired_ = nullptr;
};

}  // namespace detail
}  // namespace v0_1
}  // namespace rekey

#endif
