// SPDX-License-Identifier: BSL-1.0
#include <rekey/testing/every_step.hpp>

#include <rekey/policy/backoff.hpp>
#include <rekey/token/memory_store.hpp>
#include <rekey/tokens_in.hpp>

#include "catch.hpp"
#include "support/clients.hpp"
#include "support/obo.hpp"
#include "support/traded.hpp"

#include <chrono>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace {

using namespace clients;
using namespace std::chrono_literals;
using testing::every_step;
using testing::Faults;

/// A service that counts what it did, and accepts one token.
struct Counter {
    std::string good;
    int orders = 0;
    HttpResponse operator()(const HttpRequest&, const Attempt& attempt) {
        if (attempt.authorization() != good) return refusal(4101);
        ++orders;
        return accepted();
    }
};

}  // namespace

TEST_CASE("each step fails in each of its manners, and the last run has no failure") {
    std::vector<std::string> stories;
    const auto report = every_step([&](Faults& faults) {
        if (faults.strike("opening", 1) == 0) (void)faults.strike("reading", 2);
        stories.push_back(faults.story());
    });
    CHECK(report.reached_end);
    CHECK(report.runs == 4);
    CHECK(report.steps == 2);
    CHECK(stories == std::vector<std::string>{
                         "step 1, opening, manner 1 of 1", "step 2, reading, manner 1 of 2",
                         "step 2, reading, manner 2 of 2", "no step has failed so far"});
}

TEST_CASE("a step that cannot fail, now or at all, does not hide those behind it") {
    int last = 0;
    int run = 0;
    const auto report = every_step([&](Faults& faults) {
        (void)faults.strike("in no manner", 0);
        (void)faults.strike("in two at first", ++run <= 2 ? 2 : 1);
        if (faults.strike("the last", 1) != 0) ++last;
    });
    CHECK(report.reached_end);
    CHECK(report.steps == 3);
    CHECK(last == 1);
}

TEST_CASE("runs that never end are given up, and the report says so") {
    const auto many = [](Faults& faults) {
        for (int i = 0; i != 1000; ++i)
            if (faults.strike("a step", 1) != 0) return;
    };
    const auto report = every_step(many, 25);
    CHECK_FALSE(report.reached_end);
    CHECK(report.runs == 25);
}

TEST_CASE("whatever step of a call fails, an order is never made twice without leave") {
    bool any_lost = false;
    const auto report = every_step([&](Faults& faults) {
        Counter service{"Bearer pat_enterprise_1"};
        testing::ManualClock time;
        auto clock = faults.clock(time);
        const Client client{faults.transport(service),
                            both(),
                            RetryOn<4101, Transient>{},
                            MaxAttempts<4>{},
                            Backoff{1s},
                            Deadline{30s},
                            UseClock{clock}};
        const auto result = client.send(chat());
        INFO(faults.story());
        CHECK(service.orders <= 1);
        if (result) CHECK(service.orders == 1);
        if (!faults.struck()) CHECK(result);
        any_lost = any_lost || (!result && service.orders == 1);
    });
    CHECK(report.reached_end);
    CHECK(report.runs > 8);
    CHECK(any_lost);  // an answer that got lost: the faults do what they say
}

TEST_CASE("a call that may be repeated survives any one failure of its transport") {
    const auto report = every_step([&](Faults& faults) {
        Counter service{"Bearer pat_enterprise_1"};
        testing::ManualClock clock;
        const Client client{faults.transport(service), both(), RetryOn<4101, Transient>{},
                            MaxAttempts<4>{}, UseClock{clock}};
        INFO(faults.story());
        CHECK(client.send(chat(), Idempotent{}).credential() == "enterprise");
    });
    CHECK(report.runs == 9);  // two sends, four manners, and the run without a failure
}

TEST_CASE("whatever step of a token exchange fails, the call ends in words or with its answer") {
    std::set<std::string> ends;
    const auto report = every_step([&](Faults& faults) {
        int tokens = 0;
        auto endpoint = [&tokens](const HttpRequest&, const Attempt&) {
            return granted("exchanged_token_" + std::to_string(++tokens));
        };
        Counter service{"Bearer exchanged_token_1"};
        testing::ManualClock time;
        auto clock = faults.clock(time);
        const Client client{faults.transport(service), CredentialChain{Traded{}}, OnCodes{},
                            ExchangeOver{faults.transport(endpoint)}, UseClock{clock}};
        const auto result = client.send(chat());
        INFO(faults.story());
        CHECK(service.orders <= 1);
        CHECK(tokens <= 3);  // its own bounded repeat
        if (!result) CHECK_FALSE(result.error().message().empty());
        if (!faults.struck()) CHECK(result);
        ends.insert(std::string(result ? "success" : to_string(result.error().kind)));
    });
    CHECK(report.reached_end);
    CHECK(ends.count("success") == 1);
    CHECK(ends.count("transport") == 1);
}

TEST_CASE("a faulty clock leaps, oversleeps and is wrong, once each") {
    std::set<std::string> seen;
    const auto report = every_step([&](Faults& faults) {
        testing::ManualClock inner;
        auto clock = faults.clock(inner);
        const TimePoint before = clock.now();
        clock.sleep(1s);
        const Duration passed = clock.now() - before;
        const std::int64_t wrong = clock.unix_seconds() - inner.unix_seconds();
        seen.insert(std::to_string(passed / 1s) + ' ' + std::to_string(wrong));
    });
    CHECK(report.runs == 6);
    CHECK(seen == std::set<std::string>{"1 0", "1 3600", "3601 3600", "1 -86400", "1 86400"});
}

TEST_CASE("whatever step of a token store fails, no refresh token is sent twice") {
    const auto report = every_step([&](Faults& faults) {
        obo::Desk desk;
        const token::MemoryStore memory;
        const auto make = [&] {
            return desk.client(coze::WebFlow{desk.web_app()},
                               TokensIn{faults.store(memory), token::Unsealed{}});
        };
        INFO(faults.story());
        const auto client = make();
        const auto refused = client.send(desk.chat(), Subject{"ann"}, Binding{"cookie"});
        REQUIRE_FALSE(refused);
        if (refused.error().kind == ErrorKind::authorization_needed)
            (void)client.resume<HttpRequest>(desk.browse(refused.authorization().url),
                                             Binding{"cookie"});
        desk.clock.advance(16min);
        (void)client.send(desk.chat(), Subject{"ann"}, Binding{"cookie"});
        const auto last = make().send(desk.chat(), Subject{"ann"}, Binding{"cookie"});
        CHECK(desk.service.totals().refresh_reuse == 0);
        if (!faults.struck()) CHECK(last);
    });
    CHECK(report.reached_end);
    CHECK(report.steps > 8);
}
