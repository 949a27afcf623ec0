// SPDX-License-Identifier: BSL-1.0
#include <rekey/token/run_on.hpp>

#include "catch.hpp"
#include "support/event_loop.hpp"

#include <atomic>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

using namespace event_loop;
using testing::FakeCoze;

TEST_CASE(
    "S34 calls of one event loop whose tokens lie in a store refresh once and never block it") {
    Fleet fleet;
    const auto one = fleet.process();
    const auto two = fleet.process();
    fleet.authorize(one);
    for (int expiry = 1; expiry != 4; ++expiry) {
        fleet.clock.advance(16min);
        fleet.loop.run_there([&] {
            for (int i = 0; i != 16; ++i) (void)fleet.send(i % 2 == 0 ? one : two);
        });
        fleet.settle(one);
        fleet.settle(two);
        CHECK(fleet.answered() == 16 * expiry);
        CHECK(fleet.refreshes() == expiry);
    }
    CHECK(fleet.service.totals().refresh_reuse == 0);
    CHECK(fleet.pool.given <= 1 + 2 * 3);  // the authorization, and each client at each expiry
}

TEST_CASE(
    "S36 a call that is cancelled while its job runs ends at once, and the job serves others") {
    Fleet fleet;
    const auto client = fleet.process();
    fleet.authorize(client);
    fleet.clock.advance(16min);
    obo::Gate goes_on;
    fleet.pool.hand = [&](Job job) {
        fleet.pool.threads.emplace_back([&goes_on, job] {
            goes_on.wait();
            job();
        });
    };
    fleet.loop.run_there([&] {
        const CallHandle leader = fleet.send(client);
        (void)fleet.send(client);
        leader.cancel();
    });
    CHECK(fleet.results.size() == 1);
    CHECK(fleet.results[0].error().kind == ErrorKind::cancelled);
    CHECK(client.in_flight() == 2);
    goes_on.open();
    fleet.settle(client);
    CHECK(fleet.answered() == 1);
    CHECK(fleet.refreshes() == 1);
}

TEST_CASE("a job that is never run cancels its call, and the next caller gives another one") {
    Fleet fleet;
    const auto client = fleet.process();
    fleet.authorize(client);
    fleet.clock.advance(16min);
    fleet.pool.hand = [](const Job&) {};
    fleet.loop.run_there([&] { (void)fleet.send(client); });
    fleet.settle(client);
    REQUIRE(fleet.results.size() == 1);
    CHECK(fleet.results[0].error().kind == ErrorKind::cancelled);
    fleet.pool.hand = nullptr;
    fleet.loop.run_there([&] { (void)fleet.send(client); });
    fleet.settle(client);
    CHECK(fleet.answered() == 1);
}

TEST_CASE("an asynchronous call says that the store is away, as a blocking one does") {
    Fleet fleet;
    const auto client = fleet.process();
    fleet.authorize(client);
    fleet.clock.advance(16min);
    *fleet.store.is_away = true;
    fleet.loop.run_there([&] {
        for (int i = 0; i != 4; ++i) (void)fleet.send(client);
    });
    fleet.settle(client);
    REQUIRE(fleet.results.size() == 4);
    for (const auto& result : fleet.results) {
        CHECK(result.error().kind == ErrorKind::exchange_failed);
        CHECK(result.error().message().find("token store") != std::string::npos);
    }
    CHECK(fleet.refreshes() == 0);
}

TEST_CASE("an app's token in a store is obtained once for asynchronous clients") {
    Fleet fleet;
    FakeCoze::Options options = fleet.options;
    options.clock = [&fleet] { return fleet.clock.unix_seconds(); };
    options.verifier = [](std::string_view, std::string_view, std::string_view) { return true; };
    FakeCoze service{options};
    struct Wire {
        using Done = std::function<void(obo::Reply)>;
        FakeCoze* service;
        std::atomic<int>* exchanges;
        Loop* loop;
        void operator()(const HttpRequest& request, const Attempt& attempt, Done done) const {
            if (request.url.find("/account/") != std::string::npos) ++*exchanges;
            auto reply = std::make_shared<obo::Reply>((*service)(request, attempt));
            loop->post([done, reply] { done(std::move(*reply)); });
        }
    };
    std::atomic<int> exchanges{0};
    const auto process = [&] {
        coze::AppAuthOptions app;
        app.client_id = options.jwt_client_id;
        app.public_key_id = options.public_key_id;
        app.signer = [](std::string_view) { return std::string("signature"); };
        app.id = options.account_id;
        app.base = options.base;
        return driver::callback::Client{
            Wire{&service, &exchanges, &fleet.loop},
            Fleet::Timers{&fleet},
            CredentialChain{coze::AppAuth<coze::Account>{app}},
            coze::RetryOnRefusal{},
            UseClock{fleet.clock},
            TokensIn{
                token::RunOn{fleet.store, [&fleet](Job job) { fleet.pool.take(std::move(job)); }},
                stores::sealer("key-1"), Fleet::patient()}};
    };
    const auto one = process();
    const auto two = process();
    fleet.loop.run_there([&] {
        for (int i = 0; i != 8; ++i) {
            one.send(fleet.chat(), Fleet::Done{&fleet});
            two.send(fleet.chat(), Fleet::Done{&fleet});
        }
    });
    fleet.settle(one);
    fleet.settle(two);
    CHECK(fleet.answered() == 16);
    CHECK(exchanges == 1);
}
