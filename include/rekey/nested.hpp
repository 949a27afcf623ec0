// SPDX-License-Identifier: BSL-1.0
// NestedIn: a call inside an attempt of another call leaves repeating to that one.
#ifndef REKEY_NESTED_HPP
#define REKEY_NESTED_HPP

#include <rekey/attempt.hpp>
#include <rekey/extras.hpp>

#include <string_view>
#include <type_traits>

namespace rekey {
inline namespace v0_1 {

/// The extra of a call that is made inside a transport, or wherever an `Attempt` is at hand:
/// `inner.send(request, NestedIn{attempt})`.
///
/// The call does not repeat: three attempts outside and three inside would be nine. It still
/// renews, falls back and asks its doors, which its own chain bounds. It carries the idempotency
/// key of the attempt, so that the service knows the repeats of the call outside, unless it has a
/// key itself. What it could not do is for the call outside to see: hand on its response or its
/// failure. Ends with  StopReason::not_retryable where it would have repeated. Cost       one flag;
/// nothing for calls without it. There is no thread-local on purpose: it would
///            be lost where a call changes threads, and every call would pay for it.
/// Example    examples/15_share_the_load.cpp
class NestedIn {
public:
    explicit NestedIn(const Attempt& attempt) noexcept : key_(attempt.idempotency_key()) {}

private:
    friend struct detail::CallExtras;
    void add_to(detail::CallExtras& extras) const noexcept {
        if (key_.empty() || !extras.idempotency_key.empty()) return;
        extras.idempotent = true;
        extras.idempotency_key = key_;
    }
    std::string_view key_;
};

namespace driver {
template <class Parts> struct Nested : Parts {
    struct Plan : Parts::Plan {
        static constexpr bool is_nested = true;
    };
};
}  // namespace driver

namespace detail {
template <> struct IsExtra<NestedIn> : std::true_type {};
}  // namespace detail

}  // namespace v0_1
}  // namespace rekey

#endif
