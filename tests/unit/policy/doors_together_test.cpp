// SPDX-License-Identifier: BSL-1.0
#include <rekey/policy/budget.hpp>
#include <rekey/policy/bulkhead.hpp>
#include <rekey/policy/circuit_breaker.hpp>
#include <rekey/policy/rate_limit.hpp>

#include <rekey/rekey.hpp>
#include <rekey/testing.hpp>

#include "catch.hpp"
#include "tests/support/clients.hpp"

#include <cstddef>
#include <string>
#include <vector>

namespace {

using namespace clients;
using namespace std::chrono_literals;

/// Every way an attempt can end that a door tells apart.
constexpr std::size_t ways = 6;
void then(testing::Script& http, std::size_t way) {
    switch (way) {
        case 0: http.then(200); break;
        case 1: http.then(401); break;
        case 2: http.then(503); break;
        case 3: http.then(TransportError{Reach::never_sent, "refused"}); break;
        case 4: http.then(TransportError{Reach::sent_unanswered, "reset"}); break;
        default:
            http.then(TransportError{Reach::sent_unanswered, "stop", TransportVerdict::cancelled});
    }
}

/// The four doors of a client, new ones for each story.
struct Doors {
    CircuitBreaker<> breaker{LastAttempts{3, 6}, CircuitRest{1s, 1}};
    RetryBudget<50, 1> budget{};
    RateLimit rate{PerSecond{100}, PerSecond{1000}};
    Bulkhead bulkhead{1};
};

/// What the calls of a client come to if attempts end in these ways, one after the other.
template <class Make> std::string story(const std::vector<std::size_t>& ends, const Make& make) {
    testing::Script http;
    testing::ManualClock clock;
    for (const std::size_t way : ends) then(http, way);
    for (int i = 0; i != 20; ++i) then(http, 0);
    const Doors doors;
    const auto client = make(http, clock, doors);
    std::string told;
    for (int call = 0; call != 4; ++call) {
        const auto result = client.send(chat(), Idempotent{});
        told += result ? std::string(result.credential()) : result.error().describe();
        told += ", waits " + std::to_string(clock.waits().size()) + "\n";
        CHECK(doors.bulkhead.on_their_way() == 0);
        CHECK(doors.bulkhead.waiting_now() == 0);
    }
    while (http.sends().size() < ends.size()) {
        clock.advance(2s);
        (void)client.send(chat(), Idempotent{});
    }
    // However it went, a service that works is asked again after a rest: no probe was lost.
    clock.advance(2s);
    CHECK(client.send(chat(), Idempotent{}));
    clock.advance(2s);
    CHECK(client.send(chat(), Idempotent{}).credential() == "personal");
    return told;
}

using On = RetryOn<AuthRejected, Transient>;

template <int First, int Second, int Third, int Fourth> struct Order {
    template <int Which> static auto door(const Doors& doors) {
        if constexpr (Which == 0)
            return doors.breaker;
        else if constexpr (Which == 1)
            return doors.budget;
        else if constexpr (Which == 2)
            return doors.rate;
        else
            return doors.bulkhead;
    }
    auto operator()(testing::Script& http, testing::ManualClock& clock, const Doors& doors) const {
        return Client{http,
                      door<First>(doors),
                      On{},
                      door<Second>(doors),
                      both(),
                      door<Third>(doors),
                      UseClock{clock},
                      door<Fourth>(doors),
                      MaxAttempts<3>{}};
    }
};

const std::vector<std::vector<std::size_t>>& samples() {
    static const std::vector<std::vector<std::size_t>> all = [] {
        std::vector<std::vector<std::size_t>> list;
        for (std::size_t n = 0; n != ways * ways; ++n)
            list.push_back({2, n % ways, 2, n / ways, 4, n % ways});
        return list;
    }();
    return all;
}
template <class Made> std::vector<std::string> stories(const Made& order) {
    std::vector<std::string> told;
    for (const auto& ends : samples()) told.push_back(story(ends, order));
    return told;
}

}  // namespace

TEST_CASE("whatever ends each attempt, all doors together keep their counts") {
    for (std::size_t n = 0; n != ways * ways * ways * ways; ++n) {
        const std::vector<std::size_t> ends{n % ways, n / ways % ways, n / ways / ways % ways,
                                            n / ways / ways / ways};
        CAPTURE(ends);
        CHECK_FALSE(story(ends, Order<0, 1, 2, 3>{}).empty());
    }
}

TEST_CASE("the doors tell the same story in every order they are written in") {
    const std::vector<std::string> wanted = stories(Order<0, 1, 2, 3>{});
    CHECK(stories(Order<0, 1, 3, 2>{}) == wanted);
    CHECK(stories(Order<0, 2, 1, 3>{}) == wanted);
    CHECK(stories(Order<0, 2, 3, 1>{}) == wanted);
    CHECK(stories(Order<0, 3, 1, 2>{}) == wanted);
    CHECK(stories(Order<0, 3, 2, 1>{}) == wanted);
    CHECK(stories(Order<1, 0, 2, 3>{}) == wanted);
    CHECK(stories(Order<1, 0, 3, 2>{}) == wanted);
    CHECK(stories(Order<1, 2, 0, 3>{}) == wanted);
    CHECK(stories(Order<1, 2, 3, 0>{}) == wanted);
    CHECK(stories(Order<1, 3, 0, 2>{}) == wanted);
    CHECK(stories(Order<1, 3, 2, 0>{}) == wanted);
    CHECK(stories(Order<2, 0, 1, 3>{}) == wanted);
    CHECK(stories(Order<2, 0, 3, 1>{}) == wanted);
    CHECK(stories(Order<2, 1, 0, 3>{}) == wanted);
    CHECK(stories(Order<2, 1, 3, 0>{}) == wanted);
    CHECK(stories(Order<2, 3, 0, 1>{}) == wanted);
    CHECK(stories(Order<2, 3, 1, 0>{}) == wanted);
    CHECK(stories(Order<3, 0, 1, 2>{}) == wanted);
    CHECK(stories(Order<3, 0, 2, 1>{}) == wanted);
    CHECK(stories(Order<3, 1, 0, 2>{}) == wanted);
    CHECK(stories(Order<3, 1, 2, 0>{}) == wanted);
    CHECK(stories(Order<3, 2, 0, 1>{}) == wanted);
    CHECK(stories(Order<3, 2, 1, 0>{}) == wanted);
}
