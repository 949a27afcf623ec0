// SPDX-License-Identifier: BSL-1.0
// Maybe: a value or nothing, without the weight of <optional>.
#ifndef REKEY_DETAIL_MAYBE_HPP
#define REKEY_DETAIL_MAYBE_HPP

#include <rekey/version.hpp>

#include <new>
#include <type_traits>
#include <utility>

namespace rekey {
inline namespace v0_1 {
namespace detail {

template <class Value> class Maybe {
    struct Nothing;  // a value that cannot be copied leaves Maybe without its copy constructor
    using Source = std::conditional_t<std::is_copy_constructible_v<Value>, Maybe, Nothing>;

public:
    Maybe() noexcept {}
    Maybe(Maybe&& other) noexcept(std::is_nothrow_move_constructible_v<Value>) {
        if (other.full_) take(other);
    }
    Maybe(const Source& other) {
        if (other.full_) fill(other.value_);
    }
    Maybe& operator=(Maybe&& other) noexcept(std::is_nothrow_move_constructible_v<Value>) {
        if (this != &other) {
            reset();
            if (other.full_) take(other);
        }
        return *this;
    }
    Maybe& operator=(const Source& other) {
        if (this != &other) {
            Maybe copy(other);
            *this = std::move(copy);
        }
        return *this;
    }
    ~Maybe() { reset(); }

    template <class From> void set(From&& from) {
        reset();
        fill(std::forward<From>(from));
    }
    /// The same where it is known that there is none.
    template <class From> void fill(From&& from) {
        ::new (static_cast<void*>(&value_)) Value(std::forward<From>(from));
        full_ = true;
    }
    /// Where a value is made by `new (room())`, which `filled()` then says. IsEmpty: it is known
    /// that there is none.
    template <bool IsEmpty = false> void* room() noexcept {
        if constexpr (!IsEmpty && !std::is_trivially_destructible_v<Value>) reset();
        return &value_;
    }
    void filled() noexcept { full_ = true; }
    void reset() noexcept {
        if (!full_) return;
        full_ = false;
        value_.~Value();
    }
    explicit operator bool() const noexcept { return full_; }
    Value& operator*() noexcept { return value_; }
    const Value& operator*() const noexcept { return value_; }

private:
    /// Out of line: gcc does not see that a value which is not there is not moved, and would warn.
    [[gnu::noinline]] void take(Maybe& other) { fill(std::move(other.value_)); }
    union {
        Value value_;
    };
    bool full_ = false;
};

}  // namespace detail
}  // namespace v0_1
}  // namespace rekey

#endif
