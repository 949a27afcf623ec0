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
inline constexpr unsigned stripe_count = 8, stripe_width = 16;  // in counters: one cache line
/// Where the counters of this thread's stripe begin.
[[gnu::always_inline]] inline std::size_t stripe_of_this_thread() noexcept {
    static Atomic<unsigned> threads{0};
    thread_local unsigned end = 0;  // of the stripe; zero before the first use
    if (end == 0) end = (threads.fetch_add(1, Order::relaxed) % stripe_count + 1) * stripe_width;
    return std::size_t{end} - stripe_width;
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

    /// Counts a reader in, and out where it was counted in; that may be on another thread. All that
    /// happens in every call is inlined: a call of its own would cost more than what it does.
    [[gnu::always_inline]] Atomic<std::uint32_t>& enter() noexcept {
        Atomic<std::uint32_t>& counter =
            active_[stripe_of_this_thread() + column_.load(Order::relaxed)];
        counter.fetch_add(1, Order::seq_cst);
        return counter;
    }
    [[gnu::always_inline]] void leave(Atomic<std::uint32_t>& counter) noexcept {
        if (static_cast<std::int32_t>(counter.fetch_sub(1, Order::release) - 1) < 0) reclaim();
    }
    /// One reader that is counted in as long as this exists.
    class Hold {
    public:
        [[gnu::always_inline]] explicit Hold(Readers& readers) noexcept
            : readers_(readers), counter_(readers.enter()) {}
        Hold(const Hold&) = delete;
        [[gnu::always_inline]] ~Hold() { readers_.leave(counter_); }

    private:
        Readers& readers_;
        Atomic<std::uint32_t>& counter_;
    };

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
        wait_for_readers(true);
        sweep();
        unlock();
    }

private:
    static void destroy(Retired* entry) noexcept {
        entry->destroy(entry->value);
        delete entry;
    }
    /// Has every reader that counts itself out look after what was replaced, or none.
    void wait_for_readers(bool wait) noexcept {
        if (is_waiting_ != wait)
            for (unsigned i = 0; i != 2 * stripe_count; ++i)
                active_[i / 2 * stripe_width + i % 2].fetch_add(waiting, Order::seq_cst);
        is_waiting_ = wait;
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
            if ((active_[i / 2 * stripe_width + i % 2].load(Order::seq_cst) & ~waiting) == 0)
                idle |= 1u << i;
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
        wait_for_readers(retired_ != nullptr);
    }

    /// The top bit of each counter: something was replaced and is not yet destroyed. Whoever counts
    /// itself out sees that in what is left, and asks nothing else. Added twice, it is gone again.
    static constexpr std::uint32_t waiting = 0x80000000;

    alignas(64) Atomic<std::uint32_t> active_[stripe_count * stripe_width]{};  // two of each used
    Atomic<unsigned> column_{0};
    Atomic<bool> writing_{false};
    bool is_waiting_ = false;  // of whoever writes
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
            : readers_(other.readers_),
              counter_(other.counter_),
              value_(std::exchange(other.value_, nullptr)) {}
        [[gnu::always_inline]] Pin& operator=(Pin&& other) noexcept {
            if (this != &other) {
                release();
                readers_ = other.readers_;
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
            if (readers_ == nullptr)
                destroy(value_);
            else
                readers_->leave(*counter_);
            value_ = nullptr;
        }
        /// Of a pin that owns its value: another does from now on.
        void give_up() noexcept { value_ = nullptr; }

    private:
        friend class Snapshot;
        [[gnu::always_inline]] Pin(Readers* readers, Atomic<std::uint32_t>* counter,
                                   const Value* value) noexcept
            : readers_(readers), counter_(counter), value_(value) {}
        Readers* readers_ = nullptr;  // null: the pin itself owns the value
        Atomic<std::uint32_t>* counter_ = nullptr;
        const Value* value_ = nullptr;
    };

    /// A pin on a value of its own, which it destroys.
    static Pin own(Value* value) noexcept { return Pin{nullptr, nullptr, value}; }

    [[gnu::always_inline]] Pin read() noexcept {
        Atomic<std::uint32_t>& counter = readers_.enter();
        return Pin{&readers_, &counter, peek()};
    }
    /// The value as it stands. Requires that the caller holds the readers of this snapshot, and
    /// lives as long as that hold.
    [[gnu::always_inline]] const Value* peek() const noexcept {
        return current_.load(Order::seq_cst);
    }

    /// Puts `fresh` in the place of the current value; takes ownership.
    void replace(Value* fresh) {
        Pin owner = own(fresh);  // lest it leak if there is no memory
        auto* const entry = new Readers::Retired{&destroy};
        owner.give_up();
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
