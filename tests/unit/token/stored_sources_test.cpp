// SPDX-License-Identifier: BSL-1.0
#include <rekey/token/stored_sources.hpp>

#include "catch.hpp"
#include "support/obo.hpp"
#include "support/stores.hpp"

#include <rekey/token/memory_store.hpp>
#include <rekey/tokens_in.hpp>

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

using namespace rekey;
using namespace obo;

namespace {

constexpr const char* revocation_url = "https://auth.example/revoke";

/// A service that makes tokens void, and the bodies of what it was asked to.
struct Office {
    Desk desk{};
    std::vector<std::string> revoked{};
    std::function<void(const Sent&, bool)> meanwhile{};

    Office() {
        desk.wire.interfere([this](const Sent& sent, bool is_answered) -> std::optional<Reply> {
            if (sent.request.url == revocation_url) {
                revoked.push_back(sent.request.body);
                return json(200, "{}");
            }
            if (meanwhile) meanwhile(sent, is_answered);
            return std::nullopt;
        });
    }
    template <class Store = token::MemoryStore> auto client(Store store = Store{}) {
        coze::WebFlowOptions app = desk.web_app();
        app.revocation_url = revocation_url;
        return desk.client(coze::WebFlow{app}, TokensIn{std::move(store)});
    }
    template <class Caller> void sign_in(const Caller& caller) {
        const auto begun = caller.begin_authorization(Subject{"ann"}, WithoutBinding{});
        REQUIRE(caller.authorize(desk.browse(begun.request.url), WithoutBinding{}));
        REQUIRE(chat(caller));
    }
    template <class Caller> auto chat(const Caller& caller) {
        return caller.send(desk.chat(), Subject{"ann"}, WithoutBinding{});
    }
};

/// A store that ages by the clock of the test.
struct Lent {
    obo::Clock* clock;
    TimePoint now() const noexcept { return clock->now(); }
    std::int64_t unix_seconds() const noexcept { return clock->unix_seconds(); }
};

}  // namespace

TEST_CASE("S31 a sign-out while tokens of a store are refreshed ends what the refresh brings") {
    Office office;
    const auto client = office.client();
    office.sign_in(client);
    office.desk.clock.advance(std::chrono::seconds{office.desk.options.access_seconds});
    bool signs_out = true;
    office.meanwhile = [&](const Sent& sent, bool is_answered) {
        if (!sent.is_exchange() || !is_answered || !signs_out) return;
        signs_out = false;
        CHECK(client.sign_out(Subject{"ann"}));
    };
    const auto result = office.chat(client);
    REQUIRE(!result);
    CHECK(result.error().kind == ErrorKind::authorization_needed);
    REQUIRE(office.revoked.size() >= 3);  // the old refresh token, then the pair that came
    CHECK(office.revoked.front() != office.revoked.back());

    // Nothing is left of the user, here or in the store.
    const auto chats = office.desk.wire.chats().size();
    CHECK_FALSE(office.chat(client));
    CHECK(office.desk.wire.chats().size() == chats);
    CHECK(office.desk.refreshes() == 1);
}

TEST_CASE("S31 a user without a refresh token signs out of the access token that is held") {
    Office office;
    const auto client = office.client();
    oauth::TokenSet tokens;
    tokens.access_token = Secret{"access-only"};
    tokens.expires_at = office.desk.clock.unix_seconds() + 900;
    client.adopt(Subject{"ann"}, std::move(tokens));
    CHECK(client.sign_out(Subject{"ann"}));
    REQUIRE(office.revoked.size() == 1);
    CHECK(office.revoked[0].find("access-only") != std::string::npos);
}

TEST_CASE("S31 who signs out while the store is away is not signed in when it is back") {
    Office office;
    stores::Leaving<> store;
    const auto client = office.client(store);
    const bool tells_the_service = GENERATE(true, false);
    const auto leave = [&] {
        if (tells_the_service)
            CHECK_FALSE(client.sign_out(Subject{"ann"}));
        else
            client.forget(Subject{"ann"});
    };
    office.sign_in(client);
    *store.is_away = true;
    leave();
    const auto refused = office.chat(client);
    REQUIRE(!refused);
    CHECK(refused.error().kind == ErrorKind::exchange_failed);
    *store.is_away = false;
    const auto asked = office.chat(client);
    REQUIRE(!asked);
    CHECK(asked.error().kind == ErrorKind::authorization_needed);
    CHECK_FALSE(office.chat(office.client(store)));  // nor in another process

    // A sign-out that is repeated finds what the service was not told of.
    office.sign_in(client);
    office.revoked.clear();
    *store.is_away = true;
    leave();
    CHECK(office.revoked.size() == (tells_the_service ? 1u : 0u));  // the access token in memory
    *store.is_away = false;
    CHECK(client.sign_out(Subject{"ann"}));
    CHECK(office.revoked.size() == (tells_the_service ? 3u : 2u));

    // Who comes back meanwhile stays.
    office.sign_in(client);
    *store.is_away = true;
    leave();
    *store.is_away = false;
    office.sign_in(client);
    CHECK(office.chat(office.client(store)));
}

TEST_CASE("an access token that a refresh gives once more lives on") {
    Desk desk;
    int refreshes = 0;
    desk.wire.interfere([&](const Sent& sent, bool) -> std::optional<Reply> {
        if (!sent.is_exchange()) return json(200, R"({"code":0,"data":{}})");
        ++refreshes;
        return json(200, R"({"access_token":"czu_the_same","expires_in":900,"refresh_token":"r_)" +
                             std::to_string(refreshes) + "\"}");
    });
    const auto client = desk.client(coze::WebFlow{desk.web_app()}, TokensIn{token::MemoryStore{}});
    oauth::TokenSet tokens;
    tokens.access_token = Secret{"czu_the_same"};
    tokens.refresh_token = Secret{"r_0"};
    tokens.expires_at = desk.clock.unix_seconds() + 900;
    client.adopt(Subject{"ann"}, std::move(tokens));
    const auto chat = [&] { return client.send(desk.chat(), Subject{"ann"}, WithoutBinding{}); };
    REQUIRE(chat());
    desk.clock.advance(std::chrono::seconds{880});  // within its margin
    REQUIRE(chat());
    CHECK(refreshes == 1);
    desk.clock.advance(std::chrono::seconds{60});  // the first life is over
    const auto result = chat();
    INFO((result ? std::string() : result.error().message()));
    CHECK(result);
    CHECK(refreshes == 1);
}

TEST_CASE("S44 a wall clock that is set back revives no token of a store, and costs no user") {
    Desk desk;
    int refreshes = 0;
    std::string sent_with;
    desk.wire.interfere([&](const Sent& sent, bool) -> std::optional<Reply> {
        if (!sent.is_exchange()) {
            sent_with = sent.authorization;
            return json(200, R"({"code":0,"data":{}})");
        }
        const std::string number = std::to_string(++refreshes);
        return json(200, R"({"access_token":"czu_)" + number +
                             R"(","expires_in":900,"refresh_token":"r_)" + number + "\"}");
    });
    const auto client = desk.client(coze::WebFlow{desk.web_app()}, TokensIn{token::MemoryStore{}});
    const auto served_with = [&] {
        sent_with.clear();
        const auto result = client.send(desk.chat(), Subject{"ann"}, WithoutBinding{});
        return result ? sent_with : result.error().message();
    };
    oauth::TokenSet tokens;
    tokens.access_token = Secret{"czu_0"};
    tokens.refresh_token = Secret{"r_0"};
    tokens.expires_at = desk.clock.unix_seconds() + 900;
    client.adopt(Subject{"ann"}, std::move(tokens));
    CHECK(served_with() == "Bearer czu_0");
    desk.clock.jump(-24 * 60 * 60);
    CHECK(served_with() == "Bearer czu_0");
    desk.clock.advance(std::chrono::seconds{900});
    CHECK(served_with() == "Bearer czu_1");
    CHECK(served_with() == "Bearer czu_1");
    CHECK(refreshes == 1);
}

TEST_CASE("S44 a wall clock that runs ahead for a while costs no user") {
    Desk desk;
    std::string sent_with;
    std::vector<std::string> spent;
    const std::int64_t begin = desk.clock.unix_seconds();
    std::int64_t expiry = begin + 900;  // as the service says it: a point in its time
    desk.wire.interfere([&](const Sent& sent, bool) -> std::optional<Reply> {
        if (!sent.is_exchange()) {
            sent_with = sent.authorization;
            return json(200, R"({"code":0,"data":{}})");
        }
        spent.push_back(sent.request.body);
        const std::string number = std::to_string(spent.size());
        return json(200, R"({"access_token":"czu_)" + number + R"(","expires_in":)" +
                             std::to_string(expiry) + R"(,"refresh_token":"r_)" + number + "\"}");
    });
    const auto chat = [&](const auto& client) {
        return client.send(desk.chat(), Subject{"ann"}, WithoutBinding{});
    };
    const auto refreshes_ahead = [&](const auto& client) {
        spent.clear();
        oauth::TokenSet tokens;
        tokens.access_token = Secret{"czu_0"};
        tokens.refresh_token = Secret{"r_0"};
        tokens.expires_at = expiry;
        client.adopt(Subject{"ann"}, std::move(tokens));
        desk.clock.jump(60 * 60);
        const auto ahead = chat(client);
        desk.clock.jump(-60 * 60);
        REQUIRE(!ahead);
        CHECK(ahead.error().kind == ErrorKind::exchange_failed);
        CHECK(ahead.error().message().find("clock of this machine") != std::string::npos);
    };
    const auto goes_on = [&](const auto& client) {
        REQUIRE(chat(client));
        REQUIRE(chat(client));
        REQUIRE(spent.size() == 2);  // each refresh token once, and the newest
        CHECK(spent[0].find("\"r_0\"") != std::string::npos);
        CHECK(spent[1].find("\"r_1\"") != std::string::npos);
        CHECK(sent_with == "Bearer czu_2");
    };
    const auto web = desk.web();
    refreshes_ahead(web);
    goes_on(web);
    const TokensIn store{token::MemoryStore{}};
    const auto process = [&] { return desk.client(coze::WebFlow{desk.web_app()}, store); };
    const auto one = process();
    refreshes_ahead(one);
    goes_on(one);
    // Another process that finds the token in the store knows when it is over.
    refreshes_ahead(process());
    const auto other = process();
    REQUIRE(chat(other));
    CHECK(sent_with == "Bearer czu_1");
    desk.clock.advance(std::chrono::seconds{900});
    expiry += 900;
    goes_on(other);
}

TEST_CASE("S70 a call waits for another process no longer than its Deadline, or its client's") {
    Desk desk;
    const token::BasicMemoryStore<Lent> store{Lent{&desk.clock}};
    coze::WebFlow flow{desk.web_app()};
    const auto waited = [&](const auto& client, auto... more) {
        oauth::TokenSet tokens;
        tokens.access_token = Secret{"czu_0"};
        tokens.refresh_token = Secret{"r_0"};
        tokens.expires_at = desk.clock.unix_seconds();
        client.adopt(Subject{"ann"}, std::move(tokens));
        token::BasicMemoryStore<Lent> other = store;
        const std::string key = token::record_key(flow.stored_as(), "ann", token::Unsealed{});
        REQUIRE(other.acquire(key, "other", std::chrono::hours{1}).outcome ==
                token::Leased::acquired);
        const TimePoint began = desk.clock.now();
        const auto result = client.send(desk.chat(), Subject{"ann"}, WithoutBinding{}, more...);
        REQUIRE(!result);
        CHECK(desk.wire.sent().empty());
        return desk.clock.now() - began;
    };
    const TokensIn tokens{store, token::Unsealed{}};
    CHECK(waited(desk.client(flow, tokens)) == std::chrono::seconds{45});
    const auto bounded = desk.client(flow, tokens, Deadline{std::chrono::seconds{2}});
    CHECK(waited(bounded) == std::chrono::seconds{2});
    CHECK(waited(bounded, Deadline{std::chrono::seconds{1}}) == std::chrono::seconds{1});
    CHECK(waited(bounded, Deadline{std::chrono::minutes{1}}) == std::chrono::seconds{2});
    CHECK(tokens.times().patience == std::chrono::seconds{45});  // of the others as well
}

namespace {

/// A store at which something happens when a lease is asked for.
struct Noticed {
    token::MemoryStore memory{};
    std::shared_ptr<std::function<void()>> meanwhile = std::make_shared<std::function<void()>>();
    std::shared_ptr<std::function<void()>> when_loaded = std::make_shared<std::function<void()>>();

    token::StoreEntry load(std::string_view key) {
        token::StoreEntry entry = memory.load(key);
        if (*when_loaded) std::exchange(*when_loaded, nullptr)();
        return entry;
    }
    token::Swapped swap(std::string_view key, std::uint64_t from, std::uint64_t to,
                        const Secret& value) {
        return memory.swap(key, from, to, value);
    }
    token::LeaseAnswer acquire(std::string_view key, std::string_view owner, Duration life) {
        if (*meanwhile) std::exchange(*meanwhile, nullptr)();
        return memory.acquire(key, owner, life);
    }
    token::Leased renew(std::string_view key, std::string_view owner, Duration life) {
        return memory.renew(key, owner, life);
    }
    void release(std::string_view key, std::string_view owner) { memory.release(key, owner); }
};

}  // namespace

TEST_CASE("a token that came after a replacement is not stored as that of the credential before") {
    std::vector<std::string> served;
    const auto http = [&served](const HttpRequest& request, const Attempt& attempt) {
        const std::size_t account = request.url.find("/account/");
        if (account == std::string::npos) {
            served.emplace_back(attempt.authorization());
            return HttpResponse{200, {}, R"({"code":0,"data":{}})", false};
        }
        const std::string id = request.url.substr(account + 9, 3);
        return HttpResponse{
            200, {}, R"({"access_token":"czs_of_)" + id + R"(","expires_in":900})", false};
    };
    const auto app = [](std::string id) {
        coze::AppAuthOptions options;
        options.client_id = "app";
        options.public_key_id = "key";
        options.signer = oauth::Signer{[](std::string_view) { return std::string("signature"); }};
        options.id = std::move(id);
        return coze::AppAuth<coze::Account>{std::move(options)};
    };
    const HttpRequest chat{"POST", "https://api.coze.com/v3/chat", {}, "{}"};
    Noticed store;
    const auto process = [&] {
        return Client{http, CredentialChain{app("111")}, coze::RetryOnRefusal{},
                      TokensIn{store, token::Unsealed{}}};
    };
    const auto first = process();
    *store.meanwhile = [&] { first.replace(app("222")); };
    REQUIRE(first.send(chat));
    CHECK(served.back() == "Bearer czs_of_222");
    REQUIRE(process().send(chat));  // another process has the credential that was replaced here
    CHECK(served.back() == "Bearer czs_of_111");

    // A call that finds the token of the credential before goes on with the new one as well.
    const auto third = process();
    *store.when_loaded = [&] { third.replace(app("222")); };
    const auto result = third.send(chat);
    INFO((result ? std::string() : result.error().message()));
    CHECK(result);
    CHECK(served.back() == "Bearer czs_of_222");
}

TEST_CASE(
    "S42 while an old token of a store serves, a failing endpoint is left alone all the same") {
    Desk desk;
    token::MemoryStore store;
    int exchanges = 0;
    HttpResponse answer = json(200, R"({"access_token":"czs_1","expires_in":900})");
    desk.wire.interfere([&](const Sent& sent, bool) -> std::optional<Reply> {
        if (!sent.is_exchange() && sent.request.url.find("/account/") == std::string::npos)
            return json(200, R"({"code":0,"data":{}})");
        ++exchanges;
        return answer;
    });
    const auto process = [&] {
        coze::AppAuthOptions app;
        app.client_id = "app";
        app.public_key_id = "key";
        app.signer = oauth::Signer{[](std::string_view) { return std::string("signature"); }};
        app.id = "111";
        return Client{desk.wire, CredentialChain{coze::AppAuth<coze::Account>{std::move(app)}},
                      coze::RetryOnRefusal{}, UseClock{desk.clock},
                      TokensIn{store, token::Unsealed{}}};
    };
    const auto asked_by = [&](const auto& client) {
        exchanges = 0;
        for (int i = 0; i != 10; ++i) CHECK(client.send(desk.chat()));
        return exchanges;
    };
    const auto first = process();
    CHECK(asked_by(first) == 1);
    desk.clock.advance(std::chrono::seconds{870});  // within its margin
    answer = json(503, "");
    CHECK(asked_by(first) == token::exchange_tries);
    CHECK(asked_by(first) == 0);
    desk.clock.advance(std::chrono::seconds{1});
    CHECK(asked_by(first) == token::exchange_tries);
    desk.clock.advance(std::chrono::seconds{1});
    CHECK(asked_by(first) == 0);  // the second pause is longer
    const auto second = process();
    CHECK(asked_by(second) == token::exchange_tries);  // and finds the old token in the store

    // An app that was shut out is told so, as without a store.
    answer = json(401, R"({"error_code":"access_deny"})");
    desk.clock.advance(std::chrono::seconds{2});
    const auto refused = second.send(desk.chat());
    REQUIRE(!refused);
    CHECK(refused.error().message().find("shuts this app") != std::string::npos);
}
