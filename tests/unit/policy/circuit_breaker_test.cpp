// SPDX-License-Identifier: BSL-1.0
#include <rekey/policy/circuit_breaker.hpp>
#include <rekey/policy/remember.hpp>

#include <rekey/rekey.hpp>
#include <rekey/testing.hpp>

#include "catch.hpp"
#include "tests/support/clients.hpp"

#include <atomic>
#include <string>
#include <thread>
#include <vector>

namespace {

using namespace clients;
using namespace std::chrono_literals;

constexpr Action first{Kind::admit, Move::first, 0, StopReason::success, 1, {}, {}};

Asking at(Duration time, std::string_view host = {}) {
    Asking asking;
    asking.now = TimePoint{time};
    asking.host = host;
    return asking;
}
Ending ended(const Admission& said, const Facts& facts, Duration time) {
    Ending end;
    end.facts = facts;
    end.ticket = said.ticket;
    end.now = TimePoint{time};
    return end;
}
Ending unjudged(const Admission& said, bool sent) {
    Ending end;
    end.sent = sent;
    end.judged = false;
    end.ticket = said.ticket;
    return end;
}
const Facts down = testing::answer(Transient, 503);

template <class Breaker> void attempt(const Breaker& breaker, const Facts& facts, Duration time) {
    const Admission said = breaker.admit(first, at(time));
    REQUIRE(said.verdict == Admitted::go);
    breaker.settled(first, ended(said, facts, time));
}

}  // namespace

TEST_CASE("a circuit opens when so many of the last attempts failed, and not before") {
    const CircuitBreaker breaker{LastAttempts{3, 5}};
    attempt(breaker, down, 0s);
    attempt(breaker, down, 0s);
    for (int i = 0; i != 3; ++i) attempt(breaker, testing::success(), 0s);
    attempt(breaker, down, 0s);  // the first failure is six attempts ago
    attempt(breaker, down, 0s);
    CHECK(breaker.state(0) == Circuit::closed);
    attempt(breaker, down, 0s);
    CHECK(breaker.state(0) == Circuit::open);
    CHECK(breaker.state(1) == Circuit::closed);
    const Admission said = breaker.admit(first, at(1s));
    CHECK(said.verdict == Admitted::skip_slot);
    CHECK(said.delay == 4s);
}

TEST_CASE("a circuit opens when a share of the attempts of a period failed") {
    const CircuitBreaker breaker{LastPeriod{10s, 50, 4}};
    SECTION("a few attempts prove nothing") {
        for (int i = 0; i != 3; ++i) attempt(breaker, down, 1s);
        CHECK(breaker.state(0) == Circuit::closed);
        attempt(breaker, down, 1s);
        CHECK(breaker.state(0) == Circuit::open);
    }
    SECTION("less than the share leaves it closed") {
        for (int i = 0; i != 3; ++i) attempt(breaker, testing::success(), 1s);
        for (int i = 0; i != 2; ++i) attempt(breaker, down, 1s);
        CHECK(breaker.state(0) == Circuit::closed);
        attempt(breaker, down, 2s);
        CHECK(breaker.state(0) == Circuit::open);
    }
    SECTION("what failed in the half period before still counts") {
        for (int i = 0; i != 2; ++i) attempt(breaker, down, 4s);
        for (int i = 0; i != 2; ++i) attempt(breaker, down, 6s);
        CHECK(breaker.state(0) == Circuit::open);
    }
    SECTION("what failed before that does not") {
        for (int i = 0; i != 3; ++i) attempt(breaker, down, 4s);
        for (int i = 0; i != 3; ++i) attempt(breaker, down, 10s);
        CHECK(breaker.state(0) == Circuit::closed);
    }
    SECTION("more attempts than it can count keep their share") {
        for (int i = 0; i != 1000; ++i) attempt(breaker, testing::success(), 1s);
        for (int i = 0; i != 100; ++i) attempt(breaker, down, 1s);
        CHECK(breaker.state(0) == Circuit::closed);
        for (int i = 0; i != 200 && breaker.state(0) == Circuit::closed; ++i)
            attempt(breaker, down, 1s);
        CHECK(breaker.state(0) == Circuit::open);
    }
}

TEST_CASE("an outcome that comes late to the next half of a period loses no other") {
    const CircuitBreaker breaker{LastPeriod{10s, 100, 6}};
    for (const Duration time : {4900ms, 4990ms, 5001ms, 4999ms, 5002ms})  // two threads
        attempt(breaker, down, 1h + time);
    CHECK(breaker.state(0) == Circuit::closed);
    attempt(breaker, down, 1h + 5003ms);
    CHECK(breaker.state(0) == Circuit::open);

    const CircuitBreaker fresh{LastPeriod{2ms, 100, 2}};  // what counted nothing has no time
    attempt(fresh, down, std::chrono::milliseconds{(1 << 22) - 10});
    attempt(fresh, down, std::chrono::milliseconds{(1 << 22) - 4});
    CHECK(fresh.state(0) == Circuit::closed);
}

TEST_CASE("after its rest a circuit lets a bounded number of attempts try") {
    const CircuitBreaker breaker{LastAttempts{1, 1}, CircuitRest{5s, 2}};
    attempt(breaker, down, 1ns);
    CHECK(breaker.admit(first, at(5s)).verdict == Admitted::skip_slot);  // 1 ns too early
    const Admission one = breaker.admit(first, at(5001ms));
    const Admission two = breaker.admit(first, at(5001ms));
    CHECK(one.verdict == Admitted::go);
    CHECK(two.verdict == Admitted::go);
    CHECK(breaker.admit(first, at(5001ms)).verdict == Admitted::skip_slot);
    CHECK(breaker.state(0) == Circuit::half_open);

    SECTION("if all succeed it closes, and nothing is remembered") {
        breaker.settled(first, ended(one, testing::success(), 6s));
        CHECK(breaker.state(0) == Circuit::half_open);
        CHECK(breaker.admit(first, at(6s)).verdict == Admitted::skip_slot);
        breaker.settled(first, ended(two, testing::success(), 6s));
        CHECK(breaker.state(0) == Circuit::closed);
    }
    SECTION("if one fails it opens again, and a late success does not close it") {
        breaker.settled(first, ended(one, down, 6s));
        CHECK(breaker.state(0) == Circuit::open);
        breaker.settled(first, ended(two, testing::success(), 6s));
        CHECK(breaker.state(0) == Circuit::open);
        CHECK(breaker.admit(first, at(10s)).delay == 1s);
        CHECK(breaker.admit(first, at(11s)).verdict == Admitted::go);
    }
    SECTION("one that was not made, or stopped by the caller, lets another try") {
        breaker.settled(first, unjudged(one, false));
        const Admission three = breaker.admit(first, at(6s));
        CHECK(three.verdict == Admitted::go);
        breaker.settled(first, unjudged(three, true));
        CHECK(breaker.admit(first, at(6s)).verdict == Admitted::go);
        CHECK(breaker.admit(first, at(6s)).verdict == Admitted::skip_slot);
    }
}

TEST_CASE("a rest of all time there is stays open, and its end does not overflow") {
    const CircuitBreaker breaker{LastAttempts{1, 1}, CircuitRest{(Duration::max)()}};
    attempt(breaker, down, 1h);
    CHECK(breaker.state(0) == Circuit::open);
    CHECK(breaker.admit(first, at(2h)).verdict == Admitted::skip_slot);
    CHECK(breaker.admit(first, at(1'000'000h)).verdict == Admitted::skip_slot);
}

TEST_CASE("a late answer of a closed time does not count in a later one") {
    const CircuitBreaker breaker{LastAttempts{1, 1}, CircuitRest{1s, 1}};
    const Admission slow = breaker.admit(first, at(0s));
    attempt(breaker, down, 0s);
    attempt(breaker, testing::success(), 2s);
    REQUIRE(breaker.state(0) == Circuit::closed);
    breaker.settled(first, ended(slow, down, 3s));
    CHECK(breaker.state(0) == Circuit::closed);
}

TEST_CASE(
    "a refusal is never a failure of a circuit, nor is any other word of a service that works") {
    const CircuitBreaker breaker{LastAttempts{1, 1}};
    attempt(breaker, testing::refused(4101), 0s);
    attempt(breaker, testing::refused(4101, 401), 0s);
    attempt(breaker, testing::not_found(4200, 404), 0s);
    attempt(breaker, testing::answer(RateLimited, 429), 0s);
    attempt(breaker, testing::answer(QuotaExhausted, 200, 4028), 0s);
    attempt(breaker, testing::answer(Permanent, 400), 0s);
    CHECK(breaker.state(0) == Circuit::closed);
    const Admission stopped = breaker.admit(first, at(0s));
    breaker.settled(first, unjudged(stopped, true));
    CHECK(breaker.state(0) == Circuit::closed);

    Facts page = testing::answer(Permanent, 200);
    page.fault = Fault::malformed;
    for (const Facts& failure :
         {down, testing::unanswered(Reach::never_sent), testing::unanswered(Reach::sent_unanswered),
          testing::unanswered(Reach::cut_short), page}) {
        const CircuitBreaker another{LastAttempts{1, 1}};
        attempt(another, failure, 0s);
        CHECK(another.state(0) == Circuit::open);
    }
}

TEST_CASE("a chain skips a credential whose circuit is open, and comes back after its rest") {
    testing::Script http;
    testing::ManualClock clock;
    const CircuitBreaker breaker{LastAttempts{1, 1}, CircuitRest{5s, 1}};
    const Client client{http, both(), OnRefusal{}, breaker, UseClock{clock}};
    http.then(503).then(200).then(200);
    CHECK_FALSE(client.send(chat()));
    CHECK(client.send(chat()).credential() == "enterprise");
    clock.advance(6s);
    CHECK(client.send(chat()).credential() == "personal");
    CHECK(breaker.state(0) == Circuit::closed);
    CHECK(clock.waits().empty());
}

TEST_CASE("if all circuits of a chain are open, the call says when to come back") {
    testing::Script http;
    testing::ManualClock clock;
    const CircuitBreaker breaker{LastAttempts{1, 1}, CircuitRest{5s, 1}};
    const Client client{http, both(), OnRefusal{}, breaker, UseClock{clock}};
    http.then(503).then(503);
    CHECK_FALSE(client.send(chat()));
    clock.advance(2s);
    CHECK_FALSE(client.send(chat()));
    const auto result = client.send(chat());
    REQUIRE_FALSE(result);
    CHECK(result.stop_reason() == StopReason::come_back_later);
    CHECK(result.error().kind == ErrorKind::not_admitted);
    CHECK(result.error().retry_after() == 3s);
    CHECK(result.error().message() == "every credential rests: its circuit is open");
    CHECK(http.sends().size() == 2);
}

TEST_CASE("a repeat does not change who acts: an open circuit ends the call") {
    testing::Script http;
    testing::ManualClock clock;
    http.then(503);
    const Client client{http,
                        both(),
                        RetryOn<AuthRejected, Transient>{},
                        MaxAttempts<5>{},
                        CircuitBreaker{LastAttempts{1, 1}},
                        UseClock{clock}};
    const auto result = client.send(chat(), Idempotent{});
    CHECK(http.sends().size() == 1);
    CHECK(result.stop_reason() == StopReason::come_back_later);
    CHECK(result.error().kind == ErrorKind::transient);
    CHECK(result.error().retry_after() == 5s);
}

TEST_CASE("a circuit of a host ends calls to that host and no other") {
    testing::Script http;
    testing::ManualClock clock;
    const CircuitBreaker<PerHost> breaker{LastAttempts{1, 1}};
    const Client client{http, both(), OnRefusal{}, breaker, UseClock{clock}};
    http.then(503).then(200);
    CHECK_FALSE(client.send(HttpRequest{"GET", "https://one.example/a", {}, {}}));
    CHECK_FALSE(client.send(HttpRequest{"GET", "https://one.example:443/a", {}, {}}));
    CHECK(http.sends().size() == 1);
    const auto result = client.send(HttpRequest{"GET", "https://ONE.example/b", {}, {}});
    CHECK(result.stop_reason() == StopReason::come_back_later);
    CHECK(result.error().message() == "the host rests: its circuit is open");
    CHECK(client.send(HttpRequest{"GET", "https://two.example/a", {}, {}}));
    CHECK(breaker.state_of_host("one.example") == Circuit::open);
    CHECK(breaker.state_of_host("two.example") == Circuit::closed);
    CHECK(http.sends().size() == 2);
}

TEST_CASE("more hosts than it has circuits for are let through") {
    const CircuitBreaker<PerHost> breaker{LastAttempts{1, 1}};
    for (int i = 0; i != 40; ++i) {
        const std::string host = "h" + std::to_string(i) + ".example";
        const Admission said = breaker.admit(first, at(0s, host));
        REQUIRE(said.verdict == Admitted::go);
        breaker.settled(first, ended(said, down, 0s));
        CHECK((breaker.state_of_host(host) == Circuit::open) == (i < 32));
    }
}

TEST_CASE("the host that is asked about is that of the send, also where the request is rewritten") {
    struct Always {
        int operator()(const HttpRequest&) const { return 7; }
    };
    testing::Script http;
    testing::ManualClock clock;
    const CircuitBreaker<PerHost> breaker{LastAttempts{1, 1}};
    const auto to_the_west = [](HttpRequest& copy) { copy.url = "https://west.example/a"; };
    const HttpRequest question{"GET", "https://east.example/a", {}, {}};
    SECTION("by a fallback") {
        const Client client{http,    both(),         OnRefusal{}, OnFallBack{to_the_west},
                            breaker, UseClock{clock}};
        http.then(401).then(503).then(200).then(401);
        CHECK_FALSE(client.send(question));
        CHECK(breaker.state_of_host("east.example") == Circuit::closed);
        CHECK(breaker.state_of_host("west.example") == Circuit::open);
        CHECK(client.send(question));
        const auto result = client.send(question);
        CHECK(result.stop_reason() == StopReason::come_back_later);
        CHECK(http.sends().size() == 4);
    }
    SECTION("because a learned route begins there") {
        const Client client{http,           both(),
                            OnRefusal{},    OnFallBack{to_the_west},
                            breaker,        Remember<Always>{},
                            UseClock{clock}};
        http.then(401).then(200).then(503);
        CHECK(client.send(question));
        CHECK_FALSE(client.send(question));
        CHECK(http.sends()[2].url == "https://west.example/a");
        CHECK(breaker.state_of_host("east.example") == Circuit::closed);
        CHECK(breaker.state_of_host("west.example") == Circuit::open);
        CHECK(client.send(question).stop_reason() == StopReason::come_back_later);
        CHECK(http.sends().size() == 3);
    }
}

TEST_CASE("to ask how a host stands takes no circuit from another one") {
    const CircuitBreaker<PerHost> breaker{LastAttempts{1, 1}};
    for (int i = 0; i != 32; ++i)
        CHECK(breaker.state_of_host("n" + std::to_string(i) + ".example") == Circuit::closed);
    const Admission said = breaker.admit(first, at(0s, "h.example"));
    breaker.settled(first, ended(said, down, 0s));
    CHECK(breaker.state_of_host("h.example") == Circuit::open);
    CHECK(breaker.admit(first, at(1s, "h.example")).verdict == Admitted::later);
}

TEST_CASE("a client may have a circuit for its host and one for each credential") {
    testing::Script http;
    testing::ManualClock clock;
    http.then(503);
    const CircuitBreaker<PerHost, LastPeriod> host{LastPeriod{10s, 100, 2}};
    const CircuitBreaker credential{LastAttempts{1, 1}};
    const Client client{http, both(), OnRefusal{}, credential, host, UseClock{clock}};
    CHECK_FALSE(client.send(chat()));
    CHECK(credential.state(0) == Circuit::open);
    CHECK(host.state_of_host("api.coze.com") == Circuit::closed);
}

TEST_CASE("eight threads count every failure of a circuit, and exactly its probes pass") {
    for (int round = 0; round != 20; ++round) {
        const CircuitBreaker breaker{LastAttempts{40, 40}, CircuitRest{1s, 3}};
        std::vector<std::thread> threads;
        for (int i = 0; i != 8; ++i)
            threads.emplace_back([&breaker, i] {
                for (int n = 0; n != (i == 0 ? 4 : 5); ++n) {
                    const Admission said = breaker.admit(first, at(0s));
                    breaker.settled(first, ended(said, down, 0s));
                }
            });
        for (std::thread& thread : threads) thread.join();
        threads.clear();
        REQUIRE(breaker.state(0) == Circuit::closed);
        attempt(breaker, down, 0s);
        REQUIRE(breaker.state(0) == Circuit::open);
        std::atomic<int> passed{0};
        for (int i = 0; i != 8; ++i)
            threads.emplace_back([&breaker, &passed] {
                for (int n = 0; n != 50; ++n)
                    if (breaker.admit(first, at(2s)).verdict == Admitted::go) ++passed;
            });
        for (std::thread& thread : threads) thread.join();
        CHECK(passed == 3);
    }
}
