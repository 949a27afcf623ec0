// SPDX-License-Identifier: BSL-1.0
#include <rekey/policy/rate_limit.hpp>

#include <rekey/policy/bulkhead.hpp>
#include <rekey/rekey.hpp>
#include <rekey/testing.hpp>

#include "catch.hpp"
#include "tests/support/clients.hpp"

#include <algorithm>
#include <cstdint>
#include <thread>
#include <vector>

namespace {

using namespace clients;
using namespace std::chrono_literals;

constexpr Action first{Kind::admit, Move::first, 0, StopReason::success, 1, {}, {}};
Asking at(Duration time, std::uint32_t ticket = 0) {
    Asking asking;
    asking.now = TimePoint{time};
    asking.ticket = ticket;
    return asking;
}
Ending not_made(std::uint32_t ticket) {
    Ending end;
    end.sent = false;
    end.ticket = ticket;
    return end;
}
using Waits = std::vector<Duration>;

}  // namespace

TEST_CASE("sends are spaced as the plan of their credential allows") {
    testing::Script http;
    testing::ManualClock clock;
    for (int i = 0; i != 4; ++i) http.then(200);
    const Client client{http, both(), RateLimit{PerSecond{20}, PerSecond{200}}, UseClock{clock}};
    for (int i = 0; i != 4; ++i) CHECK(client.send(chat()));
    CHECK(clock.waits() == Waits{50ms, 50ms, 50ms});
}

TEST_CASE("each credential has its own rate, the last one also those after it") {
    const RateLimit limit{PerSecond{20}, PerSecond{100}};
    const auto second_wait = [&limit](std::uint8_t slot) {
        Action action = first;
        action.slot = slot;
        CHECK(limit.admit(action, at(1s)).verdict == Admitted::go);
        return limit.admit(action, at(1s)).delay;
    };
    CHECK(second_wait(0) == 50ms);
    CHECK(second_wait(1) == 10ms);
    CHECK(second_wait(2) == 10ms);
}

TEST_CASE("a plan that allows some sends at once lets them pass, and no more a second") {
    testing::Script http;
    testing::ManualClock clock;
    for (int i = 0; i != 30; ++i) http.then(200);
    const Client client{http, RateLimit{PerSecond{20, 5}}, UseClock{clock}};
    for (int i = 0; i != 5; ++i) CHECK(client.send(chat()));
    CHECK(clock.waits().empty());
    for (int i = 0; i != 20; ++i) CHECK(client.send(chat()));
    CHECK(clock.now() == TimePoint{1s});
    clock.advance(10s);  // a quiet time saves up no more than what may go at once
    for (int i = 0; i != 5; ++i) CHECK(client.send(chat()));
    CHECK(clock.now() == TimePoint{11s});
}

TEST_CASE("who would wait longer than allowed is told when to come back, and takes no moment") {
    testing::Script http;
    testing::ManualClock clock;
    http.then(200).then(200);
    const Client client{http, RateLimit{PerSecond{1}}.waits_at_most(500ms), UseClock{clock}};
    CHECK(client.send(chat()));
    for (int i = 0; i != 3; ++i) {
        const auto result = client.send(chat());
        REQUIRE_FALSE(result);
        CHECK(result.stop_reason() == StopReason::come_back_later);
        CHECK(result.error().kind == ErrorKind::not_admitted);
        CHECK(result.error().retry_after() == 1s);
        CHECK(result.error().message() == "the rate limit of this client is reached");
    }
    clock.advance(1s);
    CHECK(client.send(chat()));
    CHECK(clock.waits().empty());
}

TEST_CASE("who waits has a moment of its own, and it goes back if the call ends before") {
    const RateLimit limit{PerSecond{10}};
    CHECK(limit.admit(first, at(0s)).verdict == Admitted::go);
    const Admission second = limit.admit(first, at(0s));
    const Admission third = limit.admit(first, at(0s));
    CHECK(second.verdict == Admitted::busy);
    CHECK(second.delay == 100ms);
    CHECK(third.delay == 200ms);
    limit.settled(first, not_made(third.ticket));
    const Admission fourth = limit.admit(first, at(0s));
    CHECK(fourth.delay == 200ms);
    CHECK(limit.admit(first, at(100ms, second.ticket)).verdict == Admitted::go);
    CHECK(limit.admit(first, at(200ms, fourth.ticket)).verdict == Admitted::go);
    CHECK(limit.admit(first, at(200ms)).delay == 100ms);
}

TEST_CASE("a moment that comes back late or out of order gives nobody the moment of another") {
    const RateLimit limit{PerSecond{1}};
    const Admission slow = limit.admit(first, at(0s));  // and waits five seconds for its token
    CHECK(limit.admit(first, at(4900ms)).verdict == Admitted::go);
    limit.settled(first, not_made(slow.ticket));
    CHECK(limit.admit(first, at(5s)).delay == 900ms);

    const RateLimit patient = RateLimit{PerSecond{1}}.waits_at_most(1min);
    CHECK(patient.admit(first, at(0s)).verdict == Admitted::go);
    const Admission second = patient.admit(first, at(0s));
    CHECK(patient.admit(first, at(0s)).delay == 2s);
    patient.settled(first, not_made(second.ticket));
    CHECK(patient.admit(first, at(0s)).delay == 3s);
}

TEST_CASE("a moment that was used does not go back, whatever the answer") {
    const RateLimit limit{PerSecond{10}};
    const Admission one = limit.admit(first, at(0s));
    Ending end;
    end.ticket = one.ticket;
    limit.settled(first, end);
    CHECK(limit.admit(first, at(0s)).delay == 100ms);
}

TEST_CASE("a full bulkhead behind the rate limit does not use the rate up") {
    testing::ManualClock clock;
    const Bulkhead bulkhead{1, Waiting{1, 50ms, 10ms}};
    const RateLimit limit{PerSecond{10, 2}};
    int sends = 0;
    StopReason inner = StopReason::success;
    const auto answering = [&](const HttpRequest&, const Attempt&) {
        ++sends;
        return accepted();
    };
    const Client other{answering, bulkhead, limit, UseClock{clock}};
    const auto nesting = [&](const HttpRequest&, const Attempt&) {
        inner = other.send(chat()).stop_reason();
        return accepted();
    };
    const Client client{nesting, limit, bulkhead, UseClock{clock}};
    CHECK(client.send(chat()));
    CHECK(inner == StopReason::come_back_later);
    CHECK(sends == 0);
    CHECK(clock.now() == TimePoint{50ms});
    CHECK(other.send(chat()));
    CHECK(clock.now() == TimePoint{50ms});
}

TEST_CASE("a rate of zero is taken as one, not as a division by nothing") {
    const RateLimit limit{PerSecond{0, 0}};
    CHECK(limit.admit(first, at(0s)).verdict == Admitted::go);
    CHECK(limit.admit(first, at(0s)).delay == 1s);
}

TEST_CASE("eight threads get one moment each, none twice and none lost") {
    const RateLimit limit = RateLimit{PerSecond{1'000'000}}.waits_at_most(10s);
    constexpr std::size_t each = 5'000;
    std::vector<std::vector<std::int64_t>> got(8);
    std::vector<std::thread> threads;
    for (auto& mine : got)
        threads.emplace_back([&limit, &mine] {
            for (std::size_t n = 0; n != each; ++n)
                mine.push_back(limit.admit(first, at(1s)).delay.count());
        });
    for (std::thread& thread : threads) thread.join();
    std::vector<std::int64_t> all;
    for (const auto& mine : got) all.insert(all.end(), mine.begin(), mine.end());
    std::sort(all.begin(), all.end());
    std::size_t wrong = 0;
    for (std::size_t i = 0; i != all.size(); ++i)
        if (all[i] != static_cast<std::int64_t>(i) * 1000) ++wrong;
    CHECK(all.size() == 8 * each);
    CHECK(wrong == 0);
}
