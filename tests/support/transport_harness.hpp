// SPDX-License-Identifier: BSL-1.0
// Harnesses: how the suite of all transports (transport_suite.hpp) drives one of them.
//
// A harness is a class with a default constructor, which holds one transport and offers
//
//   answer of `exchange(request, attempt)`     one attempt, without a client around it
//   outcome of `call(policies, request, ...)`  a whole call through a client of the right driver
//
// and says what its library cannot do. `Blocking<Transport>` is one for each blocking transport;
// `Asynchronous<Self>` is the base of one for each transport that calls back: Self has `transport`
// and `turn()`, which lets what is pending happen for a few milliseconds.
#ifndef REKEY_TESTS_SUPPORT_TRANSPORT_HARNESS_HPP
#define REKEY_TESTS_SUPPORT_TRANSPORT_HARNESS_HPP

#include <rekey/driver/callback.hpp>
#include <rekey/http.hpp>
#include <rekey/rekey.hpp>
#include <rekey/testing/manual_clock.hpp>
#include <rekey/testing/manual_scheduler.hpp>

#include <chrono>
#include <cstdlib>
#include <functional>
#include <optional>
#include <tuple>
#include <utility>
#include <vector>

namespace harness {

using Answer = rekey::TransportResult<rekey::HttpResponse>;
using Outcome = rekey::Result<rekey::HttpResponse>;

/// How a call ended, and the waits between its sends, which take no time.
struct Ended {
    Outcome outcome;
    std::vector<rekey::Duration> waits;
};

/// What a library cannot do; a harness hides these with its own.
struct Abilities {
    /// A send returns its answer, on any thread.
    static constexpr bool blocks = false;
    /// A call that is cancelled while its attempt is on its way closes the connection.
    static constexpr bool cancels = false;
    /// A limit of time holds against a server that sends a byte of its answer now and then.
    static constexpr bool bounds_dribble = true;
    /// Headers of one name come in the order in which the server sent them.
    static constexpr bool keeps_header_order = true;
    /// Headers of one name come as one, their values joined with commas (RFC 9110 §5.3).
    static constexpr bool joins_headers = false;
    /// A `?` with nothing behind it does not go on the wire.
    static constexpr bool drops_bare_mark = false;
    /// A connection that breaks inside the head of an answer is told from one without an answer.
    static constexpr bool sees_broken_head = true;
    static constexpr bool takes_open_end = true;  // with HTTP/1.0 the last bracket ends an answer
    /// What a kept connection says before the next request is written is not taken for its answer.
    static constexpr bool drops_unasked = true;
};

template <class Transport> struct Blocking : Abilities {
    static constexpr bool blocks = true;
    Transport transport{};

    Answer exchange(const rekey::HttpRequest& request, const rekey::Attempt& attempt) {
        return transport(request, attempt);
    }
    template <class... Policies, class... Extras>
    Ended call(const std::tuple<Policies...>& policies, const rekey::HttpRequest& request,
               const Extras&... extras) {
        rekey::testing::ManualClock clock;
        Outcome outcome = std::apply(
            [&](const Policies&... each) {
                const rekey::Client client{std::ref(transport), rekey::UseClock{clock}, each...};
                return client.send(request, extras...);
            },
            policies);
        return {std::move(outcome), clock.waits()};
    }
};

template <class Self> struct Asynchronous : Abilities {
    static constexpr bool cancels = true;

    Answer exchange(const rekey::HttpRequest& request, const rekey::Attempt& attempt) {
        std::optional<Answer> got;
        (void)self().transport(request, attempt, [&](Answer answer) { got = std::move(answer); });
        turn_until([&] { return got.has_value(); });
        return std::move(*got);
    }
    template <class... Policies, class... Extras>
    Ended call(const std::tuple<Policies...>& policies, const rekey::HttpRequest& request,
               const Extras&... extras) {
        rekey::testing::ManualScheduler time;
        std::optional<Outcome> got;
        std::apply(
            [&](const Policies&... each) {
                const rekey::driver::callback::Client client{
                    std::ref(self().transport), std::ref(time), rekey::UseClock{time}, each...};
                client.send(
                    request, [&](Outcome outcome) { got = std::move(outcome); }, extras...);
            },
            policies);
        turn_until([&] {
            time.run();
            return got.has_value();
        });
        return {std::move(*got), time.delays()};
    }
    /// Lets the loop of the transport turn until that is so. Gives up the test after 30 seconds.
    template <class Condition> void turn_until(Condition is_so) {
        const auto begin = std::chrono::steady_clock::now();
        while (!is_so()) {
            if (std::chrono::steady_clock::now() - begin > std::chrono::seconds{30}) std::abort();
            self().turn();
        }
    }

private:
    Self& self() noexcept { return static_cast<Self&>(*this); }
};

}  // namespace harness

#endif
