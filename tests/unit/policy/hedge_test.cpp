// SPDX-License-Identifier: BSL-1.0
#include <rekey/policy/hedge.hpp>

#include "catch.hpp"
#include "support/clients.hpp"
#include "support/later.hpp"

#include <rekey/driver/callback.hpp>
#include <rekey/policy/attempt_timeout.hpp>
#include <rekey/testing/manual_scheduler.hpp>

#include <chrono>
#include <cstddef>
#include <vector>

namespace {

using namespace clients;
using namespace std::chrono_literals;
using rekey::driver::callback::CallHandle;
using testing::ManualScheduler;
using Results = std::vector<Result<HttpResponse>>;
using Patient = RetryOn<AuthRejected, NotFound, RateLimited, Transient>;

auto into(Results& results) {
    return [&results](Result<HttpResponse> result) { results.push_back(std::move(result)); };
}
HttpRequest question() { return {"GET", "https://api.coze.com/v1/bots/7", {}, {}}; }

struct Stage {
    Results results{};
    ManualScheduler time{};
    Later http{};

    template <class... More> auto client(const More&... more) {
        return driver::callback::Client{
            http, time, UseClock{time}, both(), Patient{}, MaxAttempts<3>{}, more...};
    }
};

}  // namespace

TEST_CASE("a second copy is sent when there is no answer after a while, and its answer counts") {
    Stage stage;
    const auto client = stage.client(Hedge{200ms});
    client.send(question(), into(stage.results));
    stage.time.advance(199ms);
    CHECK(stage.http.asks.size() == 1);
    stage.time.advance(1ms);
    REQUIRE(stage.http.asks.size() == 2);
    CHECK(stage.http.asks[1].authorization == stage.http.asks[0].authorization);
    CHECK(stage.http.asks[1].number == 1);
    stage.http.answer(accepted(), 1);
    REQUIRE(stage.results.size() == 1);
    CHECK(stage.results[0]);
    CHECK(stage.results[0].trail().size() == 1);
    CHECK(stage.http.cancelled == 1);
    stage.http.answer(refusal());  // too late: it starts nothing
    CHECK(stage.results.size() == 1);
    CHECK(stage.http.asks.empty());
}

TEST_CASE("an answer before that needs no second copy") {
    Stage stage;
    const auto client = stage.client(Hedge{200ms});
    client.send(question(), into(stage.results));
    stage.time.advance(100ms);
    stage.http.answer(accepted());
    CHECK(stage.results.size() == 1);
    CHECK(stage.time.waiting() == 0);
    stage.time.advance(1s);
    CHECK(stage.http.asks.empty());
}

TEST_CASE("a request that is not idempotent is never copied") {
    Stage stage;
    const auto client = stage.client(Hedge{200ms});
    client.send(chat(), into(stage.results));
    stage.time.advance(1h);
    CHECK(stage.http.asks.size() == 1);
    client.send(chat(), into(stage.results), IdempotencyKey{"k"});
    stage.time.advance(1s);
    CHECK(stage.http.asks.size() == 3);
    CHECK(stage.http.asks[2].key == "k");
}

TEST_CASE("a failure in passing waits for the other copy; a refusal does not") {
    Stage stage;
    const auto client = stage.client(Hedge{200ms});
    client.send(question(), into(stage.results));
    stage.time.advance(200ms);
    SECTION("a 503 is forgotten if the other copy is answered") {
        stage.http.answer(answer(503));
        CHECK(stage.results.empty());
        stage.http.answer(accepted());
        REQUIRE(stage.results.size() == 1);
        CHECK(stage.results[0]);
        CHECK(stage.results[0].trail().size() == 1);
    }
    SECTION("no answer is forgotten too") {
        stage.http.asks.pop_front();  // dropped
        CHECK(stage.results.empty());
        stage.http.answer(accepted());
        CHECK(stage.results.size() == 1);
    }
    SECTION("if both fail the call goes on as after one failure") {
        stage.http.answer(answer(503));
        stage.http.answer(answer(503));
        REQUIRE(stage.http.asks.size() == 1);
        CHECK(stage.http.asks[0].number == 2);
    }
    SECTION("a refusal falls back at once") {
        stage.http.answer(refusal(4101, 401), 1);
        REQUIRE(stage.http.asks.size() == 2);  // the late copy, and the next credential
        CHECK(stage.http.asks[1].authorization == "Bearer pat_enterprise_1");
        stage.http.answer(accepted());
        CHECK(stage.results.empty());  // the late copy's
        stage.http.answer(accepted());
        REQUIRE(stage.results.size() == 1);
        CHECK(stage.results[0].credential() == "enterprise");
    }
}

TEST_CASE("a third and a fourth copy follow at the same distance") {
    Stage stage;
    const auto client = stage.client(Hedge{200ms, 9});
    client.send(question(), into(stage.results));
    std::vector<std::size_t> copies;
    for (int i = 0; i != 6; ++i) {
        stage.time.advance(200ms);
        copies.push_back(stage.http.asks.size());
    }
    CHECK(copies == std::vector<std::size_t>{2, 3, 4, 4, 4, 4});
    stage.http.answer(accepted(), 2);
    CHECK(stage.results.size() == 1);
    CHECK(stage.http.cancelled == 3);
}

TEST_CASE("all calls of a client share the quota of copies") {
    Stage stage;
    const Hedge<10, 2> hedge{200ms};
    const auto client = stage.client(hedge);
    std::size_t copies = 0;
    for (int i = 0; i != 100; ++i) {
        client.send(question(), into(stage.results));
        stage.time.advance(200ms);
        copies += stage.http.asks.size() - 1;
        while (!stage.http.asks.empty()) stage.http.answer(accepted());
    }
    CHECK(stage.results.size() == 100);
    CHECK(copies == 11);  // two in reserve, and a tenth of each call but the first
    CHECK(hedge.left() == 0);
}

TEST_CASE("a cancelled call cancels all copies") {
    Stage stage;
    const auto client = stage.client(Hedge{200ms});
    const CallHandle call = client.send(question(), into(stage.results));
    stage.time.advance(200ms);
    call.cancel();
    REQUIRE(stage.results.size() == 1);
    CHECK(stage.results[0].error().kind == ErrorKind::cancelled);
    CHECK(stage.http.cancelled == 2);
}

TEST_CASE("a copy ends no later than the Deadline of its call") {
    Stage stage;
    SECTION("of the client") {
        const auto client = stage.client(Hedge{600ms, 3}, Deadline{3s}, PerAttemptTimeout{900ms});
        client.send(question(), into(stage.results));
        stage.time.advance(1200ms);
        REQUIRE(stage.http.asks.size() == 3);
        CHECK((stage.http.asks[0].timeout == 900ms));  // a third of 3 s is more
        CHECK((stage.http.asks[1].timeout == 800ms));  // a third of 2.4 s
        CHECK((stage.http.asks[2].timeout == 600ms));
    }
    SECTION("of the call, whose last send it is") {
        const auto client = stage.client(Hedge{200ms});
        client.send(question(), into(stage.results), Deadline{900ms});
        stage.http.answer(answer(503));
        stage.http.answer(answer(503));
        REQUIRE(stage.http.asks.size() == 1);
        CHECK((stage.http.asks[0].timeout == 900ms));
        stage.time.advance(200ms);
        REQUIRE(stage.http.asks.size() == 2);
        CHECK((stage.http.asks[1].timeout == 700ms));
        stage.http.answer(accepted(), 1);
        CHECK(stage.results.size() == 1);
    }
    SECTION("there is none when its time is over") {
        const auto client = stage.client(Hedge{200ms}, Deadline{200ms});
        client.send(question(), into(stage.results));
        stage.time.advance(1s);
        CHECK(stage.http.asks.size() == 1);
        stage.http.answer(accepted());  // of a transport that takes its time
        CHECK(stage.results.size() == 1);
    }
    SECTION("without a Deadline each has the time of a send") {
        const auto client = stage.client(Hedge{200ms}, PerAttemptTimeout{1s});
        client.send(question(), into(stage.results));
        stage.time.advance(200ms);
        REQUIRE(stage.http.asks.size() == 2);
        CHECK((stage.http.asks[1].timeout == 1s));
        CHECK(stage.http.asks[1].authorization == "Bearer pat_personal_1");
    }
}
