// SPDX-License-Identifier: BSL-1.0
// Snapshot: a value that many threads read without a lock while one replaces it.
#ifndef REKEY_DETAIL_SNAPSHOT_HPP
#define REKEY_DETAIL_SNAPSHOT_HPP

#include <rekey/detail/atomic.hpp>
#include <rekey/version.hpp>

#include <cstddef>
#include <cstdint>
#include <utility>

namespace rekey {
inline namespace v0_1 {
namespace detail {

/// Spreads threads over a few counters, so that readers on two cores share no cache line.
inline constexpr unsigned stripe_count = 8;
[[gnu::always_inline]] inline std::size_t stripe_of_this_thread() noexcept {
    static Atomic<unsigned> threads{0};
    thread_local unsigned stripe = 0;  // 1-based; zero before the first use
    if (stripe == 0) stripe = threads.fetch_add(1, Order::relaxed) % stripe_count + 1;
    return std::size_t{stripe} - 1;
}

/// Counts the readers of one or more snapshots, and destroys what was replaced in them once no
/// reader can hold it.
///
/// How: each reader counts itself in and out of one of two columns of counters. After a
/// replacement the old value is destroyed when every counter was seen at zero at least once: a
/// reader that counts itself in later reads the new pointer. New readers use the other column,
/// so a column runs dry however busy the readers are (the idea of sleepable RCU). None of this
/// asks which snapshot a reader reads, so that one count covers all that share these counters.
/// Outlives the snapshots' readers, and is made before the snapshots.
/// Threads   any number of readers; writers are serialised by a short spin.
/// Cost      counting in and out is two uncontended atomic additions; no lock, no allocation.
class Readers {
public:
    Readers() = default;
    Readers(const Readers&) = delete;
    Readers& operator=(const Readers&) = delete;
    ~Readers() {
        while (retired_ != nullptr) destroy(std::exchange(retired_, retired_->next));
    }

    /// One reader that is counted in. May be released on another thread. All that happens in every
    /// call is inlined: a call of its own would cost more than what it does.
    class Hold {
    public:
        Hold() = default;
        [[gnu::always_inline]] Hold(Hold&& other) noexcept
            : readers_(std::exchange(other.readers_, nullptr)), counter_(other.counter_) {}
        [[gnu::always_inline]] Hold& operator=(Hold&& other) noexcept {
            if (this != &other) {
                release();
                readers_ = std::exchange(other.readers_, nullptr);
                counter_ = other.counter_;
            }
            return *this;
        }
        [[gnu::always_inline]] ~Hold() { release(); }

        explicit operator bool() const noexcept { return readers_ != nullptr; }
        [[gnu::always_inline]] void release() noexcept {
            if (readers_ == nullptr) return;
            counter_->fetch_sub(1, Order::release);
            if (readers_->waiting_.load(Order::relaxed)) readers_->reclaim();
            readers_ = nullptr;
        }

    private:
        friend class Readers;
        [[gnu::always_inline]] Hold(Readers* readers, Atomic<std::uint32_t>* counter) noexcept
            : readers_(readers), counter_(counter) {}
        Readers* readers_ = nullptr;
        Atomic<std::uint32_t>* counter_ = nullptr;
    };

    [[gnu::always_inline]] Hold hold() noexcept {
        Atomic<std::uint32_t>& counter =
            stripes_[stripe_of_this_thread()].active[column_.load(Order::relaxed)];
        counter.fetch_add(1, Order::seq_cst);
        return Hold{this, &counter};
    }

    /// A value that was replaced. Made before the replacement, since making it may throw.
    struct Retired {
        void (*destroy)(const void* value);
        const void* value = nullptr;
        Retired* next = nullptr;
        std::uint32_t not_seen_idle = (1u << (2 * stripe_count)) - 1;  // one bit a counter
    };
    /// Takes ownership of the entry, whose value no snapshot leads to any more.
    [[gnu::noinline, gnu::cold]] void retire(Retired* entry) noexcept {
        while (writing_.exchange(true, Order::acquire)) {
        }
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

    static void destroy(Retired* entry) noexcept {
        entry->destroy(entry->value);
        delete entry;
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
            destroy(entry);
        }
        waiting_.store(retired_ != nullptr, Order::relaxed);
    }

    Stripe stripes_[stripe_count];
    Atomic<unsigned> column_{0};
    Atomic<bool> waiting_{false};
    Atomic<bool> writing_{false};
    Retired* retired_ = nullptr;
};

/// A value behind a pointer. A reader pins it; a writer puts a new one in its place and the old
/// one is destroyed (a secret in it wiped) once no reader can hold it.
///
/// Threads   any number of readers; writers are serialised by a short spin.
/// Cost      a read is two uncontended atomic additions and a load; no lock, no allocation.
template <class Value> class Snapshot {
public:
    Snapshot(Value* first, Readers& readers) noexcept : readers_(readers), current_(first) {}
    /// Empty until `begin_with`, before which nobody reads and it may be moved: g++ 10 does, in the
    /// making of an array.
    explicit Snapshot(Readers& readers) noexcept : readers_(readers), current_(nullptr) {}
    Snapshot(Snapshot&& unused) noexcept : Snapshot(unused.readers_) {}
    void begin_with(Value* first) noexcept { current_.store(first, Order::relaxed); }
    Snapshot(const Snapshot&) = delete;
    Snapshot& operator=(const Snapshot&) = delete;
    ~Snapshot() { destroy(current_.load(Order::acquire)); }

    /// Keeps the value alive while it exists. May be released on another thread.
    class Pin {
    public:
        Pin() = default;
        [[gnu::always_inline]] Pin(Pin&& other) noexcept
            : hold_(std::move(other.hold_)), value_(std::exchange(other.value_, nullptr)) {}
        [[gnu::always_inline]] Pin& operator=(Pin&& other) noexcept {
            if (this != &other) {
                release();
                hold_ = std::move(other.hold_);
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
            if (!hold_)
                destroy(value_);
            else
                hold_.release();
            value_ = nullptr;
        }

    private:
        friend class Snapshot;
        [[gnu::always_inline]] Pin(Readers::Hold&& hold, const Value* value) noexcept
            : hold_(std::move(hold)), value_(value) {}
        Readers::Hold hold_{};  // empty: the pin itself owns the value
        const Value* value_ = nullptr;
    };

    /// A pin on a value of its own, which it destroys.
    static Pin own(Value* value) noexcept { return Pin{{}, value}; }

    [[gnu::always_inline]] Pin read() noexcept {
        Readers::Hold hold = readers_.hold();
        const Value* const value = peek();
        return Pin{std::move(hold), value};
    }
    /// The value as it stands. Requires that the caller holds the readers of this snapshot, and
    /// lives as long as that hold.
    [[gnu::always_inline]] const Value* peek() const noexcept {
        return current_.load(Order::seq_cst);
    }

    /// Puts `fresh` in the place of the current value; takes ownership.
    void replace(Value* fresh) {
        auto* const entry = new Readers::Retired{&destroy};
        entry->value = current_.exchange(fresh, Order::seq_cst);
        readers_.retire(entry);
    }

private:
    // Static, so that a pin can stay in registers; in one place, since it is seldom needed.
    [[gnu::noinline, gnu::cold]] static void destroy(const void* value) {
        delete static_cast<const Value*>(value);
    }

    Readers& readers_;
    Atomic<Value*> current_;
};

}  // namespace detail
}  // namespace v0_1
}  // namespace rekey

#endif
