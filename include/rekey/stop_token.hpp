// SPDX-License-Identifier: BSL-1.0
// StopWith: a std::stop_token stops a call. C++20.
#ifndef REKEY_STOP_TOKEN_HPP
#define REKEY_STOP_TOKEN_HPP

#include <rekey/cancellation.hpp>
#include <rekey/detail/shared.hpp>
#include <rekey/extras.hpp>

#if __has_include(<version>)
#include <version>
#endif

#if !defined(__cpp_lib_jthread)
#error "rekey: StopWith needs C++20 (-std=c++20); before that, use Cancellation{canceller}."
#else

#include <stop_token>
#include <type_traits>
#include <utility>

namespace rekey {
inline namespace v0_1 {

/// The extra of a call that a `std::stop_token` stops: `client.send(request, StopWith{token})`.
///
/// The same as `Cancellation`, for programs that stop their threads with `std::jthread` or a
/// `std::stop_source`. A token that nobody can stop is none. Copies are the same.
/// Threads   as `std::stop_token`; `request_stop` does not wait for the call.
/// Cost      two allocations; a call without it pays nothing.
class StopWith {
public:
    explicit StopWith(const std::stop_token& token) {
        if (token.stop_possible()) link_ = detail::Shared<Link>::make(token, Cancel{canceller_});
    }

    /// For a driver: what stops the call.
    const Cancellation& cancellation() const noexcept { return cancellation_; }

private:
    struct Cancel {
        Canceller canceller;
        void operator()() const noexcept { canceller.cancel(); }
    };
    using Link = std::stop_callback<Cancel>;

    friend struct detail::CallExtras;
    void add_to(detail::CallExtras& extras) const noexcept { extras.take(cancellation_); }

    Canceller canceller_{};
    Cancellation cancellation_{canceller_};
    detail::Shared<Link> link_{};
};

namespace detail {
template <> struct IsExtra<StopWith> : std::true_type {};
template <> struct StopsCall<StopWith> : std::true_type {};
}  // namespace detail

}  // namespace v0_1
}  // namespace rekey

#endif

#endif
