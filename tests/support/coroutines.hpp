// SPDX-License-Identifier: BSL-1.0
// coroutines: what the tests of coroutine clients run in.
#ifndef REKEY_TESTS_SUPPORT_COROUTINES_HPP
#define REKEY_TESTS_SUPPORT_COROUTINES_HPP

#include <coroutine>
#include <exception>

namespace coroutines {

/// A coroutine that begins at once, ends by itself, and hands on what it throws.
struct Task {
    struct promise_type {
        Task get_return_object() const noexcept { return {}; }
        std::suspend_never initial_suspend() const noexcept { return {}; }
        std::suspend_never final_suspend() const noexcept { return {}; }
        void return_void() const noexcept {}
        void unhandled_exception() const { throw; }
    };
};

/// One whose frame the test destroys.
struct Owned {
    struct promise_type {
        Owned get_return_object() noexcept {
            return {std::coroutine_handle<promise_type>::from_promise(*this)};
        }
        std::suspend_never initial_suspend() const noexcept { return {}; }
        std::suspend_always final_suspend() const noexcept { return {}; }
        void return_void() const noexcept {}
        void unhandled_exception() const noexcept { std::terminate(); }
    };
    std::coroutine_handle<promise_type> frame;
};

}  // namespace coroutines

#endif
