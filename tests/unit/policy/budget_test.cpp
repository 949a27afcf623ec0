// SPDX-License-Identifier: BSL-1.0
#include <rekey/policy/budget.hpp>

#include <rekey/rekey.hpp>
#include <rekey/testing.hpp>

#include "catch.hpp"
#include "tests/support/clients.hpp"

#include <atomic>
#include <cstdint>
#include <thread>
#include <vector>

namespace {

using namespace clients;

constexpr Action first{Kind::admit, Move::first, 0, StopReason::success, 1, {}, {}};
constexpr Action repeat{Kind::admit, Move::repeat, 0, StopReason::success, 2, {}, {}};

Ending made() { return {}; }
Ending not_made() {
    Ending end;
    end.sent = false;
    return end;
}

struct Plain {};
struct Answer {
    int status;
    std::string_view body;
};

/// How many sends there are if `calls` calls all fail and each would repeat once and again.
template <class Budget> std::int64_t sends_of(int calls, const Budget& budget) {
    std::int64_t sends = 0;
    for (int i = 0; i != calls; ++i) {
        ++sends;
        budget.settled(first, made());
        while (budget.admit(repeat, {}).verdict == Admitted::go) {
            ++sends;
            budget.settled(repeat, made());
        }
    }
    return sends;
}

template <unsigned Percent> void check_exact() {
    constexpr int calls = 100'000;
    CAPTURE(Percent);
    const std::int64_t wanted = calls + std::int64_t{calls} * Percent / 100 + 10;
    const std::int64_t sent = sends_of(calls, RetryBudget<Percent, 10>{});
    CHECK(sent >= wanted - 1 - Percent / 100);  // the first call finds the reserve full
    CHECK(sent <= wanted);
}

}  // namespace

TEST_CASE("M1: a budget allows the ratio that was asked for, whatever the ratio", "[one_thread]") {
    check_exact<10>();
    check_exact<20>();
    check_exact<25>();
    check_exact<30>();
    check_exact<34>();
    check_exact<40>();
    check_exact<50>();
    check_exact<51>();
    check_exact<60>();
    check_exact<70>();
    check_exact<75>();
    check_exact<90>();
    check_exact<150>();
    check_exact<200>();
    check_exact<1000>();
}

TEST_CASE("S68: a million calls that all fail are sent no more often than the type says",
          "[one_thread]") {
    std::int64_t sends = 0;
    const auto http = [&sends](const Plain&, const Attempt&) {
        ++sends;
        return Answer{503, ""};
    };
    const Client client{http, RetryOn<Transient>{}, MaxAttempts<4>{}, RetryBudget<20, 10>{}};
    constexpr std::int64_t calls = 1'000'000;
    std::int64_t spent = 0;
    for (std::int64_t i = 0; i != calls; ++i)
        if (client.send(Plain{}, Idempotent{}).stop_reason() == StopReason::budget_spent) ++spent;
    CHECK(sends <= calls + calls / 5 + 10);
    CHECK(sends >= calls + calls / 5 + 9);
    CHECK(spent > calls / 2);
}

TEST_CASE("S68: a budget charges neither fallbacks nor renewals, nor what a route changed") {
    const RetryBudget<1, 1> budget;
    CHECK(budget.admit(repeat, {}).verdict == Admitted::go);
    CHECK(budget.admit(repeat, {}).verdict == Admitted::spent);
    for (const Move move : {Move::first, Move::fall_back, Move::renew, Move::straddle}) {
        Action action = repeat;
        action.move = move;
        CHECK(budget.admit(action, {}).verdict == Admitted::go);
    }
    testing::Script http;
    const Client client{http, both(), RetryOn<AuthRejected, Transient>{}, MaxAttempts<9>{}, budget};
    for (int i = 0; i != 20; ++i) {
        http.then(401).then(200);
        CHECK(client.send(chat()));
    }
}

TEST_CASE("a budget ratio is exact over any sequence of calls and repeats") {
    using Budget = RetryBudget<30, 3>;
    std::uint32_t random = 12345;
    for (int run = 0; run != 50; ++run) {
        const Budget budget;
        std::int64_t model = 300;
        for (int step = 0; step != 400; ++step) {
            random = random * 1664525u + 1013904223u;
            if (((random >> 20) & 3u) != 0) {
                budget.settled(first, made());
                model = model + 30 > 300 ? 300 : model + 30;
            } else {
                const bool may = budget.admit(repeat, {}).verdict == Admitted::go;
                REQUIRE(may == (model >= 100));
                if (may && (random >> 28) == 0) {
                    budget.settled(repeat, not_made());
                } else if (may) {
                    budget.settled(repeat, made());
                    model -= 100;
                }
            }
            REQUIRE(budget.left() == static_cast<std::uint32_t>(model / 100));
        }
    }
}

TEST_CASE(
    "a repeat that was not made goes back into the budget, and a call that was not, adds none") {
    const RetryBudget<100, 2> budget;
    CHECK(budget.left() == 2);
    CHECK(budget.admit(repeat, {}).verdict == Admitted::go);
    CHECK(budget.left() == 1);
    budget.settled(repeat, not_made());
    CHECK(budget.left() == 2);
    CHECK(budget.admit(repeat, {}).verdict == Admitted::go);
    budget.settled(repeat, made());
    budget.settled(first, not_made());
    CHECK(budget.left() == 1);
    budget.settled(first, made());
    budget.settled(first, made());
    CHECK(budget.left() == 2);
}

TEST_CASE("a spent budget ends a call with the failure that was not repeated") {
    testing::Script http;
    http.then(503).then(503).then(503);
    const Client client{http, RetryOn<Transient>{}, MaxAttempts<9>{}, RetryBudget<10, 2>{}};
    const auto result = client.send(chat(), Idempotent{});
    REQUIRE_FALSE(result);
    CHECK(result.stop_reason() == StopReason::budget_spent);
    CHECK(result.error().kind == ErrorKind::transient);
    CHECK(result.error().http_status == 503);
    CHECK(result.trail().count() == 3);
}

TEST_CASE("the copies of a client share one budget, and so do the copies of a budget") {
    const RetryBudget<10, 2> budget;
    testing::Script http;
    http.then(503).then(503).then(503).then(503);
    const Client one{http, RetryOn<Transient>{}, MaxAttempts<2>{}, budget};
    const auto other = one;
    const RetryBudget<10, 2> same = budget;
    CHECK(one.send(chat(), Idempotent{}).stop_reason() == StopReason::attempts_used_up);
    CHECK(other.send(chat(), Idempotent{}).stop_reason() == StopReason::attempts_used_up);
    CHECK(same.left() == 0);
}

TEST_CASE("eight threads take exactly what a budget holds, and no count is lost") {
    constexpr unsigned reserve = 20'000;
    const RetryBudget<100, reserve> budget;
    std::atomic<unsigned> taken{0};
    std::vector<std::thread> threads;
    for (int i = 0; i != 8; ++i)
        threads.emplace_back([&budget, &taken] {
            for (int n = 0; n != 10'000; ++n) {
                if (budget.admit(repeat, {}).verdict == Admitted::go) ++taken;
                if (n % 10 == 0 && budget.admit(repeat, {}).verdict == Admitted::go)
                    budget.settled(repeat, not_made());
            }
        });
    for (std::thread& thread : threads) thread.join();
    CHECK(taken == reserve);
    CHECK(budget.left() == 0);
    threads.clear();
    for (int i = 0; i != 8; ++i)
        threads.emplace_back([&budget] {
            for (int n = 0; n != 1'000; ++n) budget.settled(first, made());
        });
    for (std::thread& thread : threads) thread.join();
    CHECK(budget.left() == 8'000);
}
