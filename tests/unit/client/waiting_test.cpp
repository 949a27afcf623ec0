// SPDX-License-Identifier: BSL-1.0
// What a client does with time: pace, deadlines, timeouts; all of it on a manual clock.
#include <rekey/client.hpp>

#include <rekey/cancellation.hpp>
#include <rekey/http.hpp>
#include <rekey/policy/attempt_timeout.hpp>
#include <rekey/policy/backoff.hpp>
#include <rekey/policy/limits.hpp>
#include <rekey/policy/parts.hpp>
#include <rekey/policy/retry_on.hpp>
#include <rekey/testing/manual_clock.hpp>
#include <rekey/testing/print.hpp>
#include <rekey/testing/script.hpp>

#include "catch.hpp"

#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

namespace {

using namespace rekey;
using namespace rekey::testing;
using namespace std::chrono_literals;

const HttpRequest get{"GET", "https://api.example/things", {}, {}};
const HttpRequest post{"POST", "https://api.example/things", {}, {}};

using Times = std::vector<Duration>;
using Repeats = RetryOn<RateLimited, Transient>;

/// A generator that counts how often it is asked.
struct Counting {
    unsigned* asked;
    std::uint64_t operator()() const noexcept { return ++*asked; }
};

/// A clock that nobody may look at.
struct Blind {
    TimePoint now() const {
        FAIL("the clock was read");
        return {};
    }
    void sleep(Duration) const { FAIL("a wait"); }
    std::int64_t unix_seconds() const {
        FAIL("the wall clock was read");
        return 0;
    }
};

/// A transport that takes its time.
struct Slow {
    Script& script;
    ManualClock& clock;
    Duration takes;
    TransportResult<HttpResponse> operator()(const HttpRequest& request, const Attempt& attempt) {
        clock.advance(takes);
        return script(request, attempt);
    }
};

}  // namespace

TEST_CASE("a client waits as its Backoff says, and each failure may have its own") {
    Script http;
    http.then(429).then(429).then(503).then(200);
    ManualClock clock;
    const Client client{http,
                        Repeats{},
                        MaxAttempts<5>{},
                        UseClock{clock},
                        Backoff{100ms, NoJitter{}, Only<RateLimited>{}},
                        Backoff{Constant{2s}, NoJitter{}, Only<Transient>{}}};
    CHECK(client.send(get));
    CHECK(clock.waits() == Times{100ms, 200ms, 2s});
}

TEST_CASE("a call draws one random number, and only if it comes to a failure") {
    unsigned asked = 0;
    Script http;
    http.then(200).then(429).then(503).then(200);
    ManualClock clock;
    const Client client{http, Repeats{}, MaxAttempts<5>{}, UseClock{clock},
                        Backoff{100ms, Counting{&asked}}};
    CHECK(client.send(get));
    CHECK(asked == 0);
    CHECK(client.send(get));
    CHECK(asked == 1);
    const auto rule = Backoff{100ms}.rule();
    CHECK(clock.waits() == Times{rule.delay({}, 0, 1), rule.delay({}, 1, 1)});
}

TEST_CASE("a client whose connection fails waits as after any other passing failure") {
    unsigned asked = 0;
    Script http;
    http.then(TransportError{Reach::never_sent, "refused"}).then(200);
    ManualClock clock;
    const Client client{http, Repeats{}, MaxAttempts<5>{}, UseClock{clock},
                        Backoff{Constant{1s}, EqualJitter{}, Counting{&asked}}};
    CHECK(client.send(post));
    CHECK(asked == 1);
    REQUIRE(clock.waits().size() == 1);
    CHECK((clock.waits()[0] >= 500ms && clock.waits()[0] <= 1s));
}

TEST_CASE("a client without a Deadline reads no clock") {
    Script http;
    http.then(429).then(200);
    Blind clock;
    const Client client{http, Repeats{}, MaxAttempts<5>{}, UseClock{clock}, PerAttemptTimeout{1s}};
    CHECK(client.send(get));
}

TEST_CASE("the Deadline of a client ends a call before the wait that would break it") {
    Script http;
    http.then(503).then(503).then(503);
    ManualClock clock;
    const Client client{http, Repeats{}, Deadline{10s}, UseClock{clock},
                        Backoff{Constant{4s}, NoJitter{}}};
    const auto result = client.send(get);
    CHECK(result.stop_reason() == StopReason::deadline);
    CHECK(result.error().kind == ErrorKind::transient);
    CHECK(clock.waits() == Times{4s, 4s});
    CHECK(http.sends().size() == 3);
}

TEST_CASE("a call brings a Deadline of its own, which only tightens") {
    Script http;
    ManualClock clock;
    const Client client{http, Repeats{}, Deadline{10s}, UseClock{clock},
                        Backoff{Constant{4s}, NoJitter{}}};
    http.then(503).then(503).then(503).then(503).then(503).then(503);
    CHECK(client.send(get, Deadline{5s}).stop_reason() == StopReason::deadline);
    CHECK(http.sends().size() == 2);
    CHECK(http.sends()[0].timeout == 5s);
    CHECK(client.send(get, Deadline{1h}).stop_reason() == StopReason::deadline);
    CHECK(http.sends().size() == 5);
    CHECK(http.sends()[2].timeout == 10s);
}

TEST_CASE("a call brings a Deadline to a client that has none") {
    Script http;
    http.then(503).then(503).then(503);
    ManualClock clock;
    const Client client{http, Repeats{}, MaxAttempts<9>{}, UseClock{clock},
                        Backoff{Constant{4s}, NoJitter{}}};
    CHECK(client.send(get, Idempotent{}, Deadline{9s}).stop_reason() == StopReason::deadline);
    CHECK(clock.waits() == Times{4s, 4s});
    CHECK(http.sends()[0].timeout == 1s);
}

TEST_CASE("S70 a call whose time is over before it begins sends nothing and says so") {
    Script http;
    ManualClock clock;
    const Client client{http, UseClock{clock}};
    const auto result = client.send(get, Deadline{0s});
    CHECK(http.sends().empty());
    CHECK(result.stop_reason() == StopReason::deadline);
    CHECK(result.error().kind == ErrorKind::transport);
    CHECK(result.error().reach == Reach::never_sent);
    CHECK(result.error().describe() ==
          "transport: the time of the call was over before its first send, deadline; give the call "
          "more time, or try again later");
}

TEST_CASE("S70 an answer that comes after the Deadline is the last") {
    Script http;
    http.then(503).then(200);
    ManualClock clock;
    const Client client{Slow{http, clock, 11s}, Repeats{}, Deadline{10s}, UseClock{clock}};
    const auto result = client.send(get);
    CHECK(result.stop_reason() == StopReason::deadline);
    CHECK(result.error().http_status == 503);
    CHECK(http.sends().size() == 1);
}

TEST_CASE("a success that comes after the Deadline is a success") {
    Script http;
    http.then(200);
    ManualClock clock;
    const Client client{Slow{http, clock, 11s}, Deadline{10s}, UseClock{clock}};
    CHECK(client.send(get));
}

TEST_CASE("the time that is left is divided over the tries left and reaches the transport") {
    Script http;
    http.then(503).then(503).then(200);
    ManualClock clock;
    const Client client{Slow{http, clock, 1s}, Repeats{}, MaxAttempts<3>{}, Deadline{9s},
                        UseClock{clock}};
    CHECK(client.send(get));
    CHECK(http.sends()[0].timeout == 3s);
    CHECK(http.sends()[1].timeout == 4s);
    CHECK(http.sends()[2].timeout == 7s);
}

TEST_CASE("a PerAttemptTimeout reaches the transport of each attempt") {
    Script http;
    http.then(503).then(200);
    const Client client{http, Repeats{}, MaxAttempts<3>{}, PerAttemptTimeout{1500ms}};
    CHECK(client.send(get));
    CHECK(http.sends()[0].timeout == 1500ms);
    CHECK(http.sends()[1].timeout == 1500ms);
}

TEST_CASE("regression elsewhere: a wait that cannot be interrupted; ours ends with the call") {
    struct Stopping {
        ManualClock& clock;
        const Canceller& stop;
        unsigned waits = 0;
        TimePoint now() const noexcept { return clock.now(); }
        std::int64_t unix_seconds() const noexcept { return clock.unix_seconds(); }
        void sleep(Duration delay) {
            clock.sleep(delay);
            if (++waits == 3) stop.cancel();
        }
    };
    Script http;
    http.then(503).then(200);
    ManualClock time;
    const Canceller stop;
    Stopping clock{time, stop};
    const Client client{http, Repeats{}, MaxAttempts<3>{}, UseClock{clock},
                        Backoff{Constant{1h}, NoJitter{}}};
    const auto result = client.send(get, Cancellation{stop});
    CHECK(result.stop_reason() == StopReason::cancelled);
    CHECK(result.error().kind == ErrorKind::cancelled);
    CHECK(http.sends().size() == 1);
    CHECK(time.now() - TimePoint{} == 150ms);
}
