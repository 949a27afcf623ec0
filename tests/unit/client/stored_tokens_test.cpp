// SPDX-License-Identifier: BSL-1.0
#include <rekey/tokens_in.hpp>

#include "catch.hpp"
#include "support/obo.hpp"
#include "support/stores.hpp"

#include <rekey/token/memory_store.hpp>

#include <atomic>
#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

using namespace rekey;
using namespace std::chrono_literals;
using obo::Desk;
using testing::FakeCoze;

namespace {

using Store = stores::Leaving<>;

/// Processes of one web app that share a store.
struct Fleet : Desk {
    Store store{};
    auto process(token::RefreshTimes times = {}) {
        return client(coze::WebFlow{web_app()}, TokensIn{store, stores::sealer("key-1"), times});
    }
    template <class Client> auto send(const Client& client, const char* user = "ann") {
        return client.send(chat(), Subject{user}, Binding{"cookie"});
    }
    /// Lets a user authorize through a process.
    template <class Client> void authorize(const Client& client, const char* user = "ann") {
        const auto refused = send(client, user);
        REQUIRE(!refused);
        REQUIRE(refused.error().kind == ErrorKind::authorization_needed);
        CHECK(client.template resume<HttpRequest>(browse(refused.authorization().url),
                                                  Binding{"cookie"}));
    }
};

}  // namespace

TEST_CASE("a restarted process finds the tokens of its users") {
    Fleet fleet;
    {
        const auto before = fleet.process();
        fleet.authorize(before);
    }
    const auto after = fleet.process();
    CHECK(fleet.send(after));
    CHECK(fleet.refreshes() == 0);
    CHECK_FALSE(fleet.send(after, "bob"));
}

TEST_CASE("two processes that share a store and a user's expired token refresh it once") {
    Fleet fleet;
    const auto one = fleet.process();
    const auto two = fleet.process();
    fleet.authorize(one);
    CHECK(fleet.send(two));
    for (int expiry = 1; expiry != 4; ++expiry) {
        fleet.clock.advance(16min);
        CHECK(fleet.send(two));
        CHECK(fleet.send(one));
        CHECK(fleet.refreshes() == expiry);
    }
    CHECK(fleet.service.totals().refresh_reuse == 0);
}

TEST_CASE("many threads of many processes refresh an expired token once") {
    Fleet fleet;
    fleet.clock.while_waiting = [](Duration) { obo::let_others_run(); };
    token::RefreshTimes times;
    times.patience = 600s;  // nobody gives up while a thread is not scheduled
    const auto one = fleet.process(times);
    const auto two = fleet.process(times);
    fleet.authorize(one);
    fleet.clock.advance(16min);
    std::atomic<int> good{0};
    obo::at_once(16, [&](int i) {
        if (fleet.send(i % 2 == 0 ? one : two)) ++good;
    });
    CHECK(good == 16);
    CHECK(fleet.refreshes() == 1);
    CHECK(fleet.service.totals().refresh_reuse == 0);
}

TEST_CASE("without the store an old token serves while it lives, and no refresh token is sent") {
    Fleet fleet;
    const auto one = fleet.process();
    fleet.authorize(one);
    *fleet.store.is_away = true;
    fleet.clock.advance(14min + 45s);  // late for a refresh
    CHECK(fleet.send(one));
    fleet.clock.advance(1min);
    const auto refused = fleet.send(one);
    REQUIRE(!refused);
    CHECK(refused.error().kind == ErrorKind::exchange_failed);
    CHECK(refused.error().message().find("token store") != std::string::npos);
    CHECK(fleet.refreshes() == 0);
    *fleet.store.is_away = false;
    fleet.clock.advance(10s);
    CHECK(fleet.send(one));
    CHECK(fleet.refreshes() == 1);
}

TEST_CASE(
    "a call with a deadline waits no longer for another process, and sends no refresh token") {
    Fleet fleet;
    const auto one = fleet.process();
    fleet.authorize(one);
    fleet.clock.advance(16min);
    coze::WebFlow flow{fleet.web_app()};
    const std::string key = token::record_key(flow.stored_as(), "ann", stores::sealer("key-1"));
    REQUIRE(fleet.store.acquire(key, "another process", 60s).outcome == token::Leased::acquired);
    const TimePoint begin = fleet.clock.now();
    const auto late = one.send(fleet.chat(), Subject{"ann"}, Binding{"cookie"}, Deadline{2s});
    REQUIRE(!late);
    CHECK(late.error().kind == ErrorKind::exchange_failed);
    CHECK(fleet.clock.now() - begin < 3s);
    CHECK(fleet.refreshes() == 0);
    fleet.store.release(key, "another process");
    fleet.clock.advance(10s);
    CHECK(fleet.send(one));
    CHECK(fleet.refreshes() == 1);
}

TEST_CASE("a lost answer is known to all processes, and the report says why the user is asked") {
    Fleet fleet;
    const auto one = fleet.process();
    fleet.authorize(one);
    fleet.clock.advance(16min);
    fleet.wire.interfere([](const obo::Sent& sent, bool is_answered) -> std::optional<obo::Reply> {
        if (!sent.is_exchange() || !is_answered) return std::nullopt;
        return obo::lost();
    });
    CHECK_FALSE(fleet.send(one));
    fleet.wire.interfere({});
    const auto two = fleet.process();
    const auto asked = fleet.send(two);
    REQUIRE(!asked);
    CHECK(asked.error().kind == ErrorKind::authorization_needed);
    CHECK(asked.error().message().find("used up") != std::string::npos);
    CHECK(fleet.refreshes() == 1);
    fleet.authorize(two);
    CHECK(fleet.send(one));
}

TEST_CASE("a user who signs out of one process is gone from the store") {
    Fleet fleet;
    const auto one = fleet.process();
    fleet.authorize(one);
    (void)one.sign_out(Subject{"ann"});
    CHECK_FALSE(fleet.send(fleet.process()));
}

TEST_CASE("tokens that were kept elsewhere go into the store, refresh token and all") {
    Fleet fleet;
    const auto one = fleet.process();
    fleet.authorize(one);
    oauth::TokenSet stale;
    stale.access_token = Secret("czu_old");
    stale.refresh_token = Secret("refresh_unknown");
    one.adopt(Subject{"cid"}, std::move(stale));
    const auto two = fleet.process();
    CHECK_FALSE(fleet.send(two, "cid"));
    CHECK(fleet.service.totals().token_refusals == 1);
}

TEST_CASE("an app's token is obtained once for all processes, and alone without the store") {
    Desk desk;
    Store store;
    FakeCoze::Options options = desk.options;
    options.clock = [&desk] { return desk.clock.unix_seconds(); };
    options.verifier = [](std::string_view, std::string_view, std::string_view) { return true; };
    FakeCoze service{options};
    obo::Wire wire{service};
    const auto process = [&] {
        coze::AppAuthOptions app;
        app.client_id = options.jwt_client_id;
        app.public_key_id = options.public_key_id;
        app.signer = [](std::string_view) { return std::string("signature"); };
        app.id = options.account_id;
        app.base = options.base;
        return Client{wire, CredentialChain{coze::AppAuth<coze::Account>{app}},
                      coze::RetryOnRefusal{}, UseClock{desk.clock},
                      TokensIn{store, stores::sealer("key-1")}};
    };
    const auto exchanges = [&wire] {
        int count = 0;
        for (const obo::Sent& sent : wire.sent())
            if (sent.request.url.find("/account/") != std::string::npos) ++count;
        return count;
    };
    const auto one = process();
    const auto two = process();
    CHECK(one.send(desk.chat()));
    CHECK(two.send(desk.chat()));
    CHECK(exchanges() == 1);
    desk.clock.advance(16min);
    CHECK(two.send(desk.chat()));
    CHECK(one.send(desk.chat()));
    CHECK(exchanges() == 2);
    *store.is_away = true;
    desk.clock.advance(16min);
    CHECK(one.send(desk.chat()));
    CHECK(two.send(desk.chat()));
    CHECK(exchanges() == 4);
    *store.is_away = false;
    coze::AppAuthOptions other;
    other.client_id = options.jwt_client_id;
    other.public_key_id = options.public_key_id;
    other.signer = [](std::string_view) { return std::string("signature"); };
    other.id = options.account_id;
    other.base = options.base;
    other.session_name = "another end user";
    one.replace(coze::AppAuth<coze::Account>{other});
    CHECK(one.send(desk.chat()));
    CHECK(exchanges() == 5);
}

TEST_CASE("a client whose tokens are configuration takes a store and asks it nothing") {
    Desk desk;
    Store store;
    *store.is_away = true;
    const Client client{desk.wire, CredentialChain{coze::Pat<>{desk.options.personal_token}},
                        coze::RetryOnRefusal{}, TokensIn{store, token::Unsealed{}}};
    CHECK(client.send(desk.chat()));
    client.replace(coze::Pat<>{"pat_of_nobody"});
    CHECK_FALSE(client.send(desk.chat()));
}
