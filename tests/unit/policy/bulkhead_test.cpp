// SPDX-License-Identifier: BSL-1.0
#include <rekey/policy/bulkhead.hpp>

#include <rekey/cancellation.hpp>
#include <rekey/rekey.hpp>
#include <rekey/testing.hpp>

#include "catch.hpp"
#include "tests/support/clients.hpp"

#include <atomic>
#include <thread>
#include <vector>

namespace {

using namespace clients;
using namespace std::chrono_literals;

constexpr Action first{Kind::admit, Move::first, 0, StopReason::success, 1, {}, {}};
Ending with(std::uint32_t ticket, bool sent = true) {
    Ending end;
    end.ticket = ticket;
    end.sent = sent;
    return end;
}

/// Waits by letting other threads run.
struct YieldingClock {
    static TimePoint now() { return {}; }
    static std::int64_t unix_seconds() { return 0; }
    static void sleep(Duration) { std::this_thread::yield(); }
};

}  // namespace

TEST_CASE("a send that would be one too many is refused at once, and says why") {
    const Bulkhead bulkhead{1};
    const auto answering = [](const HttpRequest&, const Attempt&) { return accepted(); };
    const Client inner{answering, bulkhead};
    std::string why;
    Duration when{0};
    const auto nesting = [&](const HttpRequest&, const Attempt&) {
        const auto result = inner.send(chat());
        CHECK(result.stop_reason() == StopReason::come_back_later);
        CHECK(result.error().kind == ErrorKind::not_admitted);
        why = result.error().message();
        when = result.error().retry_after();
        return accepted();
    };
    const Client outer{nesting, bulkhead};
    CHECK(outer.send(chat()));
    CHECK(why == "as many sends as the bulkhead allows are on their way");
    CHECK(when == 5ms);
    CHECK(bulkhead.on_their_way() == 0);
    CHECK(inner.send(chat()));
}

TEST_CASE("a place is given back whatever the answer was") {
    const Bulkhead bulkhead{1};
    testing::Script http;
    http.then(503)
        .then(TransportError{Reach::never_sent, "refused"})
        .then(TransportError{Reach::sent_unanswered, "reset"})
        .then(401)
        .then(200)
        .then(TransportError{Reach::sent_unanswered, "stop", TransportVerdict::cancelled});
    const Client client{http, both(), RetryOn<AuthRejected>{}, bulkhead};
    for (int i = 0; i != 5; ++i) {
        const auto result = client.send(chat());
        CHECK(result.stop_reason() != StopReason::come_back_later);
        CHECK(bulkhead.on_their_way() == 0);
    }
    CHECK(http.left() == 0);
}

TEST_CASE("a bounded number of calls wait for a place, for a bounded time") {
    const Bulkhead bulkhead{1, Waiting{1, 20ms, 5ms}};
    const Admission one = bulkhead.admit(first, {});
    CHECK(one.verdict == Admitted::go);
    Asking asking;
    Admission two = bulkhead.admit(first, asking);
    CHECK(two.verdict == Admitted::busy);
    CHECK(two.delay == 5ms);
    CHECK(bulkhead.waiting_now() == 1);
    SECTION("the waiting room has room for no other") {
        CHECK(bulkhead.admit(first, {}).verdict == Admitted::later);
        CHECK(bulkhead.waiting_now() == 1);
    }
    SECTION("who waits gets the place that is left") {
        bulkhead.settled(first, with(one.ticket));
        asking.ticket = two.ticket;
        two = bulkhead.admit(first, asking);
        CHECK(two.verdict == Admitted::go);
        CHECK(bulkhead.waiting_now() == 0);
        CHECK(bulkhead.on_their_way() == 1);
        bulkhead.settled(first, with(two.ticket, false));
        CHECK(bulkhead.on_their_way() == 0);
    }
    SECTION("who waited long enough is sent away") {
        for (Duration waited = 5ms; waited != 20ms; waited += 5ms) {
            asking.waited = waited;
            asking.ticket = two.ticket;
            two = bulkhead.admit(first, asking);
            REQUIRE(two.verdict == Admitted::busy);
        }
        asking.waited = 20ms;
        asking.ticket = two.ticket;
        CHECK(bulkhead.admit(first, asking).verdict == Admitted::later);
        CHECK(bulkhead.waiting_now() == 0);
    }
    SECTION("who gives up leaves the waiting room") {
        bulkhead.settled(first, with(two.ticket, false));
        CHECK(bulkhead.waiting_now() == 0);
        CHECK(bulkhead.on_their_way() == 1);
    }
}

TEST_CASE("a call that is stopped while it waits leaves the waiting room") {
    struct StoppingClock : testing::ManualClock {
        Canceller stop{};
        void sleep(Duration delay) {
            stop.cancel();
            ManualClock::sleep(delay);
        }
    } clock;
    const Bulkhead bulkhead{1, Waiting{1}};
    CHECK(bulkhead.admit(first, {}).verdict == Admitted::go);
    testing::Script http;
    const Client client{http, bulkhead, UseClock{clock}};
    CHECK(client.send(chat(), Cancellation{clock.stop}).error().kind == ErrorKind::cancelled);
    CHECK(bulkhead.waiting_now() == 0);
    CHECK(bulkhead.on_their_way() == 1);
    CHECK(http.sends().empty());
}

TEST_CASE("no place is taken as one, and a look that never comes as one in 5 ms") {
    const Bulkhead bulkhead{0, Waiting{1, 1s, Duration{0}}};
    CHECK(bulkhead.admit(first, {}).verdict == Admitted::go);
    CHECK(bulkhead.admit(first, {}).delay == 5ms);
}

TEST_CASE("eight threads are never more at once than there are places, and no place is lost") {
    constexpr int places = 3;
    const Bulkhead bulkhead{places, Waiting{8, std::chrono::hours{1}, 1ms}};
    std::atomic<int> now{0};
    std::atomic<int> most{0};
    std::atomic<int> sends{0};
    const auto http = [&](const HttpRequest&, const Attempt&) {
        const int here = ++now;
        int before = most;
        while (here > before && !most.compare_exchange_weak(before, here)) {
        }
        std::this_thread::yield();
        ++sends;
        --now;
        return accepted();
    };
    YieldingClock clock;
    const Client client{http, bulkhead, UseClock{clock}};
    std::atomic<int> failed{0};
    std::vector<std::thread> threads;
    for (int i = 0; i != 8; ++i)
        threads.emplace_back([&client, &failed] {
            for (int n = 0; n != 300; ++n)
                if (!client.send(chat())) ++failed;
        });
    for (std::thread& thread : threads) thread.join();
    CHECK(most <= places);
    CHECK(most >= 1);
    CHECK(failed == 0);
    CHECK(sends == 2400);
    CHECK(bulkhead.on_their_way() == 0);
    CHECK(bulkhead.waiting_now() == 0);
}
