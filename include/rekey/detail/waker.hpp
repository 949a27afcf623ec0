// SPDX-License-Identifier: BSL-1.0
// Waker: an asynchronous caller that waits for what another one obtains.
#ifndef REKEY_DETAIL_WAKER_HPP
#define REKEY_DETAIL_WAKER_HPP

#include <rekey/version.hpp>

#include <utility>

namespace rekey {
inline namespace v0_1 {
namespace detail {

/// Where a waker stands in a list. Apart, for a friend of `Waker` could destroy one, as g++ warns.
class WakerLink {
    friend class WakerList;
    class Waker* next_ = nullptr;
};

/// Told once that it may look again. It counts its owners, and stands in one list at a time.
class Waker : public WakerLink {
public:
    virtual void wake() = 0;
    virtual void keep() noexcept = 0;
    virtual void drop() noexcept = 0;

protected:
    Waker() = default;
    Waker(const Waker&) = delete;
    Waker& operator=(const Waker&) = delete;
    ~Waker() = default;
};

/// Those who wait, in the order in which they came; an owner of each. Guarded by its user.
class WakerList {
public:
    WakerList() = default;
    WakerList(WakerList&& other) noexcept
        : first_(std::exchange(other.first_, nullptr)),
          last_(std::exchange(other.last_, nullptr)) {}
    WakerList& operator=(const WakerList&) = delete;
    ~WakerList() {
        while (first_ != nullptr) pop()->drop();
    }

    void add(Waker& waker) noexcept {
        waker.keep();
        waker.next_ = nullptr;
        (last_ != nullptr ? last_->next_ : first_) = &waker;
        last_ = &waker;
    }
    bool empty() const noexcept { return first_ == nullptr; }
    /// Wakes all, outside of every lock: each may begin to wait again.
    void wake_all() {
        while (first_ != nullptr) {
            Waker* const waker = pop();
            waker->wake();
            waker->drop();
        }
    }

private:
    Waker* pop() noexcept {
        Waker* const waker = first_;
        first_ = waker->next_;
        if (first_ == nullptr) last_ = nullptr;
        return waker;
    }
    Waker* first_ = nullptr;
    Waker* last_ = nullptr;
};

}  // namespace detail
}  // namespace v0_1
}  // namespace rekey

#endif
