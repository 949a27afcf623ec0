// SPDX-License-Identifier: BSL-1.0
// Quota: a bucket of permissions into which each call puts a part of one.
#ifndef REKEY_DETAIL_QUOTA_HPP
#define REKEY_DETAIL_QUOTA_HPP

#include <rekey/detail/shared.hpp>

#include <atomic>
#include <cstdint>

namespace rekey {
inline namespace v0_1 {
namespace detail {

/// `Reserve` permissions, full at first; a call adds Percent/100 of one. Threads: any, lock-free;
/// copies are the same.
template <unsigned Percent, unsigned Reserve> class Quota {
public:
    Quota() : parts_(Shared<std::atomic<std::int64_t>>::make(full)) {}

    /// A call adds its part.
    void earn() const noexcept { add(Percent); }
    /// False: there is none left.
    bool take() const noexcept {
        std::int64_t before = parts_->load(std::memory_order_relaxed);
        do {
            if (before < whole) return false;
        } while (!parts_->compare_exchange_weak(before, before - whole, std::memory_order_relaxed));
        return true;
    }
    /// What was taken was not used.
    void give_back() const noexcept { add(whole); }
    /// How many are left now.
    std::uint32_t left() const noexcept {
        return static_cast<std::uint32_t>(parts_->load(std::memory_order_relaxed) / whole);
    }

private:
    static constexpr std::int64_t whole = 100;
    static constexpr std::int64_t full = std::int64_t{Reserve} * whole;

    void add(std::int64_t part) const noexcept {
        std::int64_t before = parts_->load(std::memory_order_relaxed);
        std::int64_t after = 0;
        do {
            after = full - before < part ? full : before + part;
            if (after == before) return;
        } while (!parts_->compare_exchange_weak(before, after, std::memory_order_relaxed));
    }
    Shared<std::atomic<std::int64_t>> parts_;
};

}  // namespace detail
}  // namespace v0_1
}  // namespace rekey

#endif
