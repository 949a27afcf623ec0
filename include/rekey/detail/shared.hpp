// SPDX-License-Identifier: BSL-1.0
// Shared: a counted pointer, without the weight of <memory>.
#ifndef REKEY_DETAIL_SHARED_HPP
#define REKEY_DETAIL_SHARED_HPP

#include <rekey/detail/atomic.hpp>
#include <rekey/version.hpp>

#include <utility>

namespace rekey {
inline namespace v0_1 {
namespace detail {

/// A value and its count of owners. The value first: a pointer to one is a pointer to the other.
template <class Value> struct Counted {
    template <class... Arguments>
    explicit Counted(Arguments&&... arguments) : value(std::forward<Arguments>(arguments)...) {}
    Value value;
    Atomic<unsigned> owners{1};
};

/// One of the owners of a value. Threads: as `std::shared_ptr`.
template <class Value> class Shared {
public:
    Shared() = default;
    template <class... Arguments> static Shared make(Arguments&&... arguments) {
        Shared made;
        made.counted_ = new Counted<Value>(std::forward<Arguments>(arguments)...);
        return made;
    }
    Shared(const Shared& other) noexcept : counted_(other.counted_) {
        if (counted_ != nullptr) counted_->owners.fetch_add(1, Order::relaxed);
    }
    Shared(Shared&& other) noexcept : counted_(std::exchange(other.counted_, nullptr)) {}
    Shared& operator=(Shared other) noexcept {
        std::swap(counted_, other.counted_);
        return *this;
    }
    ~Shared() {
        if (counted_ != nullptr && counted_->owners.fetch_sub(1, Order::acq_rel) == 1)
            destroy(counted_);
    }

    /// The value, which is made if there is none yet.
    [[gnu::noinline, gnu::cold]] Value& made() {
        return (counted_ != nullptr ? counted_ : counted_ = new Counted<Value>)->value;
    }

    explicit operator bool() const noexcept { return counted_ != nullptr; }
    Value& operator*() const noexcept { return counted_->value; }
    Value* operator->() const noexcept { return &counted_->value; }

private:
    [[gnu::noinline, gnu::cold]] static void destroy(const Counted<Value>* counted) noexcept {
        delete counted;
    }
    Counted<Value>* counted_ = nullptr;
};

}  // namespace detail
}  // namespace v0_1
}  // namespace rekey

#endif
