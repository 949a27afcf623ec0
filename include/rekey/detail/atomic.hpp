// SPDX-License-Identifier: BSL-1.0
// Atomic: a number, a flag or a pointer that threads share, without the weight of <atomic>.
#ifndef REKEY_DETAIL_ATOMIC_HPP
#define REKEY_DETAIL_ATOMIC_HPP

#include <rekey/version.hpp>

#if !defined(__GNUC__)
#include <atomic>
#endif

namespace rekey {
inline namespace v0_1 {
namespace detail {

#if defined(__GNUC__)

/// The orders of `std::memory_order`.
enum class Order : int {
    relaxed = __ATOMIC_RELAXED,
    acquire = __ATOMIC_ACQUIRE,
    release = __ATOMIC_RELEASE,
    acq_rel = __ATOMIC_ACQ_REL,
    seq_cst = __ATOMIC_SEQ_CST
};

/// What rekey needs of `std::atomic`, on the builtins that it is made of as well: <atomic> alone is
/// 1500 lines of what a file that includes rekey compiles. `std::memory_order` serves as an order.
template <class Type> class Atomic {
public:
    constexpr Atomic() noexcept = default;
    constexpr Atomic(Type value) noexcept : value_(value) {}
    Atomic(const Atomic&) = delete;
    Atomic& operator=(const Atomic&) = delete;

    template <class Wanted = Order>
    [[gnu::always_inline]] Type load(Wanted order = Order::seq_cst) const noexcept {
        return __atomic_load_n(&value_, static_cast<int>(order));
    }
    template <class Wanted = Order>
    [[gnu::always_inline]] void store(Type value, Wanted order = Order::seq_cst) noexcept {
        __atomic_store_n(&value_, value, static_cast<int>(order));
    }
    template <class Wanted = Order>
    [[gnu::always_inline]] Type exchange(Type value, Wanted order = Order::seq_cst) noexcept {
        return __atomic_exchange_n(&value_, value, static_cast<int>(order));
    }
    template <class Wanted = Order>
    [[gnu::always_inline]] Type fetch_add(Type value, Wanted order = Order::seq_cst) noexcept {
        return __atomic_fetch_add(&value_, value, static_cast<int>(order));
    }
    template <class Wanted = Order>
    [[gnu::always_inline]] Type fetch_sub(Type value, Wanted order = Order::seq_cst) noexcept {
        return __atomic_fetch_sub(&value_, value, static_cast<int>(order));
    }

private:
    Type value_{};
};

#else

template <class Type> using Atomic = std::atomic<Type>;

struct Order {
    static constexpr std::memory_order relaxed = std::memory_order_relaxed;
    static constexpr std::memory_order acquire = std::memory_order_acquire;
    static constexpr std::memory_order release = std::memory_order_release;
    static constexpr std::memory_order acq_rel = std::memory_order_acq_rel;
    static constexpr std::memory_order seq_cst = std::memory_order_seq_cst;
};

#endif

}  // namespace detail
}  // namespace v0_1
}  // namespace rekey

#endif
