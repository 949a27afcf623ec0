// SPDX-License-Identifier: BSL-1.0
// Parts of a driver that a client may replace: body reader, clock, exchange transport, rewriting.
#ifndef REKEY_POLICY_PARTS_HPP
#define REKEY_POLICY_PARTS_HPP

#include <rekey/policy/role.hpp>

#include <type_traits>
#include <utility>

namespace rekey {
inline namespace v0_1 {

/// Reads service codes and messages with another reader: `ReadWith<MyReader>{}`.
///
/// Reader  `static body::Reading code(std::string_view body)` and
///         `static std::string text(std::string_view body, std::string_view dotted_path)`.
/// Default `body::Json`, which reads to the end of the body, so that a cut one is never a success;
///         `body::JsonPrefix` if the transport vouches for whole bodies (see `WholeBodies`).
template <class Reader> struct ReadWith {
    static constexpr Role role = Role::reader;
    using reader = Reader;
};

/// Says that the transport vouches for whole bodies: it reports one that was cut short as a
/// failure (Content-Length, chunked or HTTP/2 framing checked). The body is then read only as far
/// as its code. A transport type may say it itself: `static constexpr bool
/// vouches_for_whole_bodies = true`.
struct WholeBodies {
    static constexpr Role role = Role::framing;
};

/// Takes time and waiting from `Clock`: for tests, and for programs with a clock of their own.
///
/// Clock    `TimePoint now()`, `void sleep(Duration)`, `std::int64_t unix_seconds()`; borrowed, so
///          it outlives the client. A clock that really waits may have `bool sleep(Duration, const
///          StopSignal&)` as well (rekey/stop_signal.hpp): a call that is stopped then ends at
///          once; without it, it waits in steps of 50 ms.
template <class Clock> class UseClock {
public:
    static constexpr Role role = Role::clock;
    explicit UseClock(Clock& clock) noexcept : clock_(&clock) {}
    Clock& clock() const noexcept { return *clock_; }

private:
    Clock* clock_;
};

/// Sends token requests (`HttpRequest`) over this transport instead of the client's own.
/// Needed when the client's transport does not take `rekey::HttpRequest`.
template <class Transport> class ExchangeOver {
public:
    static constexpr Role role = Role::exchange;
    using Carrier = Transport;
    explicit ExchangeOver(Transport given) : transport_(std::move(given)) {}
    Transport& transport() const noexcept { return transport_; }

private:
    mutable Transport transport_;
};

/// Changes the request when another credential takes over: `OnFallBack{[](Request& copy) {…}}`.
/// The function gets a copy of the original request, never one that was already changed.
template <class Rewrite> class OnFallBack {
public:
    static constexpr Role role = Role::rewrite;
    explicit OnFallBack(Rewrite rewrite) : rewrite_(std::move(rewrite)) {}
    template <class Request> struct Rewrites {
        static_assert(std::is_copy_constructible_v<Request> &&
                          std::is_invocable_v<const Rewrite&, Request&>,
                      "rekey: the function of OnFallBack is called as f(Request&), with a copy of "
                      "the request of this send, so that type can be copied.");
    };
    template <class Request, class...> using Judge = Rewrites<Request>;
    template <class Request> void rewrite(Request& copy) const {
        if constexpr (std::is_invocable_v<const Rewrite&, Request&>) rewrite_(copy);
    }

private:
    Rewrite rewrite_;
};

}  // namespace v0_1
}  // namespace rekey

#endif
