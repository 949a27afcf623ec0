// SPDX-License-Identifier: BSL-1.0
#include <rekey/any_exchange.hpp>

#include <rekey/any_client.hpp>
#include <rekey/coze.hpp>
#include <rekey/describe.hpp>
#include <rekey/driver/callback.hpp>
#include <rekey/testing/manual_scheduler.hpp>

#include "catch.hpp"
#include "support/clients.hpp"
#include "support/coze_desk.hpp"
#include "support/later.hpp"
#include "support/obo.hpp"
#include "support/traded.hpp"

#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

namespace {

using namespace clients;
using namespace std::chrono_literals;
using obo::at_once;

using Any = AnyCredentialOf<coze::Api, MayExchange>;
using List = std::vector<Any>;
using Chain = AnyChain<4, coze::Api, MayExchange>;
using Names = std::vector<std::string>;

struct Row {
    std::string name;
    std::string token;
};
struct Minted {
    std::string name = "minted";
    static std::string token(const Context& context) {
        return "minted_for_" + std::string(context.subject);
    }
};
/// Traded, with a header of its own.
struct Keyed : Traded {
    static constexpr std::string_view name = "keyed";
    static constexpr std::string_view header = "X-Key";
    static constexpr std::string_view scheme{};
    std::string origin = "https://api.coze.com";
};

/// A clock for a client that follows the desk's.
struct DeskClock {
    const CozeDesk* desk;

    TimePoint now() const { return {}; }
    std::int64_t unix_seconds() const { return desk->now; }
    static void sleep(Duration) {}
};

coze::AppAuth<coze::Account> app_of(const CozeDesk& desk) {
    coze::AppAuthOptions options;
    options.client_id = desk.options.jwt_client_id;
    options.public_key_id = desk.options.public_key_id;
    options.signer =
        oauth::Signer{[](std::string_view input) { return CozeDesk::signature_of(input); }};
    options.id = desk.options.account_id;
    options.base = desk.options.base;
    return coze::AppAuth<coze::Account>{std::move(options)};
}
coze::Pat<> pat_of(const CozeDesk& desk) {
    return coze::Pat<>{desk.options.personal_token, desk.options.base};
}
std::int64_t exchanges_at(CozeDesk& desk) {
    return desk.coze.totals().token_exchanges["jwt_bearer"];
}
HttpRequest chat_at(const CozeDesk& desk) {
    return {"POST",
            desk.options.base + "/v3/chat",
            {{"Content-Type", "application/json"}},
            desk.chat_body()};
}
HttpResponse denied() {
    return answer(401, R"({"error":"access_denied","error_description":"the app is off"})");
}

template <class Http, class... More> auto client_of(Http& http, const List& list, More... more) {
    const Chain chain{list};
    return Client{http, chain.credentials(), chain.empty_places(), coze::RetryOnRefusal{}, more...};
}
List traded_and_row() { return List{Traded{}, Row{"second", "token_of_a_row"}}; }
/// What went out: the token requests, and the headers of the others.
Names sent(const testing::Script& http) {
    Names list;
    for (const auto& send : http.sends())
        list.push_back(send.url == "https://auth.example/token" ? "exchange" : send.authorization);
    return list;
}

}  // namespace

TEST_CASE("two tenants have lists of different length and kind, and each is served by its first") {
    CozeDesk desk;
    const List lists[] = {
        List{Any{"acme's app", app_of(desk)}, Any{"acme's token", pat_of(desk)}},
        List{Any{"globex's token", pat_of(desk)}},
    };
    const auto http = [&desk](const HttpRequest& request, const Attempt& attempt) {
        return desk.coze(request, attempt);
    };
    DeskClock clock{&desk};
    using Held = AnyClient<HttpRequest, HttpResponse>;
    const Held acme{client_of(http, lists[0], UseClock{clock})};
    const Held globex{client_of(http, lists[1], UseClock{clock})};
    for (int i = 0; i != 3; ++i) {
        const auto one = acme.send(chat_at(desk));
        REQUIRE(one);
        CHECK(one.credential() == "acme's app");
        const auto other = globex.send(chat_at(desk));
        REQUIRE(other);
        CHECK(other.credential() == "globex's token");
    }
    CHECK(exchanges_at(desk) == 1);
}

TEST_CASE("an app that its service has switched off falls back to the next of its list") {
    testing::Script http;
    http.then(denied()).then(200);
    const auto client = client_of(http, traded_and_row());
    const auto result = client.send(chat());
    CHECK(result.credential() == "second");
    CHECK(sent(http) == Names{"exchange", "Bearer token_of_a_row"});
}

TEST_CASE(
    "a token that is refused at once falls back, and one that was accepted is renewed first") {
    testing::Script http;
    http.then(granted("one"))
        .then(200, 4100)
        .then(200)
        .then(200)
        .then(401, 4100)
        .then(granted("two"))
        .then(401, 4100)
        .then(200);
    const auto client = client_of(http, traded_and_row());
    CHECK(client.send(chat()).credential() == "second");
    CHECK(client.send(chat()).credential() == "traded");
    CHECK(client.send(chat()).credential() == "second");
    CHECK(sent(http) == Names{"exchange", "Bearer one", "Bearer token_of_a_row", "Bearer one",
                              "Bearer one", "exchange", "Bearer two", "Bearer token_of_a_row"});
}

TEST_CASE("a fixed token of such a list is never asked for, however often it was accepted") {
    testing::Script http;
    http.then(200).then(401, 4100).then(granted("one")).then(200);
    const auto client = client_of(http, List{Row{"first", "token_of_a_row"}, Traded{}});
    CHECK(client.send(chat()).credential() == "first");
    CHECK(client.send(chat()).credential() == "traded");
    CHECK(sent(http) ==
          Names{"Bearer token_of_a_row", "Bearer token_of_a_row", "exchange", "Bearer one"});
}

TEST_CASE("a function of such a list is asked for each attempt, with the subject of the call") {
    testing::Script http;
    http.then(200).then(200);
    const auto client = client_of(http, List{Minted{}, Traded{}});
    CHECK(client.send(chat(), Subject{"ada"}));
    CHECK(client.send(chat(), Subject{"bob"}));
    CHECK(sent(http) == Names{"Bearer minted_for_ada", "Bearer minted_for_bob"});
}

TEST_CASE("a token of a place serves until it expires, and then is asked for anew") {
    testing::Script http;
    testing::ManualClock clock;
    http.then(granted("one")).then(200).then(200).then(granted("two")).then(200);
    const auto client = client_of(http, traded_and_row(), UseClock{clock});
    CHECK(client.send(chat()));
    clock.advance(10min);
    CHECK(client.send(chat()));
    clock.advance(10min);
    CHECK(client.send(chat()));
    CHECK(sent(http) == Names{"exchange", "Bearer one", "Bearer one", "exchange", "Bearer two"});
}

TEST_CASE("an endpoint that failed is left alone for a pause by the place that met it") {
    testing::Script http;
    testing::ManualClock clock;
    for (int i = 0; i != 3; ++i) http.then(503);
    http.then(granted("one")).then(200);
    const auto client = client_of(http, traded_and_row(), UseClock{clock});
    CHECK(client.send(chat()).error().kind == ErrorKind::exchange_failed);
    CHECK(client.send(chat()).error().kind == ErrorKind::exchange_failed);
    CHECK(http.sends().size() == 3);
    clock.advance(2s);
    CHECK(client.send(chat()).credential() == "traded");
}

TEST_CASE("an exchanging credential of a list keeps its header, its scheme and its origin") {
    testing::Script http;
    http.then(granted("one")).then(200);
    const auto client = client_of(http, List{Keyed{}});
    CHECK(client.send(chat()));
    CHECK(http.sends()[1].header == "X-Key");
    CHECK(http.sends()[1].authorization == "one");
    const auto elsewhere =
        client.send(HttpRequest{"GET", "https://elsewhere.example/", {}, {}}).error();
    CHECK(elsewhere.kind == ErrorKind::configuration);
    CHECK(http.sends().size() == 2);
}

TEST_CASE("a credential of such a place is replaced, whatever its kind") {
    testing::Script http;
    http.then(granted("one"))
        .then(200)
        .then(200)
        .then(granted("two"))
        .then(200)
        .then(200)
        .then(granted("three"))
        .then(200)
        .then(200)
        .then(200);
    const auto client = client_of(http, traded_and_row());
    const auto served = [&client] { return client.send(chat(), Subject{"ada"}).has_value(); };
    CHECK(served());
    client.replace(Chain::Slot<0>{Row{"fixed", "token_of_today"}});
    CHECK(served());
    client.replace(Chain::Slot<0>{Traded{}});
    CHECK(served());
    client.replace(Chain::Slot<0>{Minted{}});
    CHECK(served());
    client.replace(Chain::Slot<0>{Traded{}});
    CHECK(served());
    client.replace(Chain::Slot<0>{Row{"fixed", "token_of_tomorrow"}});
    CHECK(served());
    client.replace(Chain::Slot<0>{Minted{}});
    CHECK(served());
    CHECK(sent(http) == Names{"exchange", "Bearer one", "Bearer token_of_today", "exchange",
                              "Bearer two", "Bearer minted_for_ada", "exchange", "Bearer three",
                              "Bearer token_of_tomorrow", "Bearer minted_for_ada"});
}

TEST_CASE("a call whose app is replaced while it waits for a token goes on with what is new") {
    const auto [replacement, wanted] =
        GENERATE(table<Any, std::string>({{Row{"fixed", "token_of_today"}, "Bearer token_of_today"},
                                          {Minted{}, "Bearer minted_for_ada"},
                                          {Traded{}, "Bearer two"}}));
    std::function<void()> replace;
    int exchanges = 0;
    Names seen;
    const auto http = [&](const HttpRequest& request, const Attempt& attempt) {
        if (request.url != "https://auth.example/token") {
            seen.emplace_back(attempt.authorization());
            return accepted();
        }
        if (exchanges++ == 0) {
            replace();
            return granted("one");
        }
        return granted("two");
    };
    testing::ManualClock clock;
    const auto client = client_of(http, List{Traded{}}, UseClock{clock});
    const Chain::Slot<0> other{replacement};
    replace = [&] { client.replace(other); };
    CHECK(client.send(chat(), Subject{"ada"}));
    CHECK(seen == Names{wanted});
}

TEST_CASE("a failure that is of no replaced credential is told once, and nothing is tried again") {
    testing::Script http;
    http.then(answer(400, R"({"error":"invalid_client"})"));
    const auto client = client_of(http, traded_and_row());
    const auto result = client.send(chat());
    REQUIRE_FALSE(result);
    CHECK(result.error().kind == ErrorKind::configuration);
    CHECK(http.sends().size() == 1);
}

TEST_CASE("S34 64 threads that meet no token at a place make one exchange") {
    CozeDesk desk;
    std::mutex mutex;
    const auto http = [&](const HttpRequest& request, const Attempt& attempt) {
        const std::lock_guard<std::mutex> lock(mutex);
        return desk.coze(request, attempt);
    };
    DeskClock clock{&desk};
    const auto client =
        client_of(http, List{app_of(desk), Any{"token", pat_of(desk)}}, UseClock{clock});
    std::atomic<int> served{0};
    at_once(64, [&](int) {
        const auto result = client.send(chat_at(desk));
        if (result && result.credential() == "personal") ++served;
    });
    CHECK(served == 64);
    CHECK(exchanges_at(desk) == 1);
}

TEST_CASE("while a place is replaced by all kinds, each call sends one of its whole tokens") {
    std::atomic<int> wrong{0};
    const auto http = [&wrong](const HttpRequest& request, const Attempt& attempt) {
        if (request.url == "https://auth.example/token") return granted("token_of_the_app");
        const std::string_view sent = attempt.authorization();
        if (sent != "Bearer token_of_the_app" && sent != "Bearer token_of_a_row" &&
            sent != "Bearer minted_for_ada")
            ++wrong;
        return accepted();
    };
    const auto client = client_of(http, List{Traded{}});
    std::atomic<bool> done{false};
    std::vector<std::thread> threads;
    for (int t = 0; t != 3; ++t)
        threads.emplace_back([&] {
            while (!done)
                if (!client.send(chat(), Subject{"ada"})) ++wrong;
        });
    for (int i = 0; i != 100; ++i) {
        client.replace(Chain::Slot<0>{Row{"fixed", "token_of_a_row"}});
        client.replace(Chain::Slot<0>{Traded{}});
        std::this_thread::yield();
        client.replace(Chain::Slot<0>{Minted{}});
        client.replace(Chain::Slot<0>{Traded{}});
        client.replace(Chain::Slot<0>{Row{"fixed", "token_of_a_row"}});
    }
    done = true;
    for (std::thread& thread : threads) thread.join();
    CHECK(wrong == 0);
}

TEST_CASE("the empty places of such a chain are passed over, and without their door say so") {
    testing::Script http;
    http.then(denied()).then(denied());
    const auto all_refused = client_of(http, List{Traded{}}).send(chat());
    CHECK(all_refused.error().kind == ErrorKind::refused);
    CHECK(all_refused.trail().count() == 1);
    const Chain chain{List{Traded{}}};
    const Client client{http, chain.credentials(), coze::RetryOnRefusal{}};
    CHECK_THAT(client.send(chat()).error().message(), ContainsSubstring("chain.empty_places()"));
}

TEST_CASE("a wrong list of such credentials is refused in words, and nothing is sent") {
    const auto [list, word] = GENERATE(table<List, std::string>(
        {{List{}, "is empty"},
         {List{Traded{}, Traded{}}, "one name"},
         {List{Row{"one", "token_0001"}, Traded{}, Row{"two", "token_0001"}}, "the same token"},
         {List{Traded{}, Row{"", "token_0001"}}, "no name"}}));
    testing::Script http;
    const auto result = client_of(http, list).send(chat());
    REQUIRE_FALSE(result);
    CHECK(result.error().kind == ErrorKind::configuration);
    CHECK_THAT(result.error().message(), ContainsSubstring(word));
    CHECK(http.sends().empty());
}

TEST_CASE("two apps of one tenant stand in a list under the names that it gives them") {
    testing::Script http;
    http.then(denied()).then(granted("two")).then(200);
    const auto client = client_of(http, List{Any{"chat app", Traded{}}, Any{"old app", Traded{}}});
    CHECK(client.send(chat()).credential() == "old app");
    CHECK(http.sends()[0].credential == "chat app");
    CHECK_THAT(describe_plan(client),
               ContainsSubstring("Signs as chat app (which may fetch its token), then as old app"));
}

TEST_CASE("a token of a place that an answer repeats is cut out of the words of the error") {
    testing::Script http;
    http.then(granted("token_of_the_app")).then(401, 4100, "no such token: token_of_the_app");
    CHECK(client_of(http, List{Traded{}}).send(chat()).error().message() ==
          "no such token: [token]");
}

namespace {

struct AsyncStage {
    Later http{};
    testing::ManualScheduler time{};
    std::vector<Result<HttpResponse>> results{};

    auto client(const List& list) {
        const Chain chain{list};
        return driver::callback::Client{http,
                                        time,
                                        UseClock{time},
                                        chain.credentials(),
                                        chain.empty_places(),
                                        coze::RetryOnRefusal{}};
    }
    template <class AsyncClient> auto send(const AsyncClient& client) {
        return client.send(
            chat(), [this](Result<HttpResponse> result) { results.push_back(std::move(result)); },
            Subject{"ada"});
    }
    std::string next() const { return http.asks.at(0).authorization; }
};

}  // namespace

TEST_CASE(
    "64 asynchronous calls that meet no token at a place make one exchange, and none blocks") {
    AsyncStage stage;
    const auto client = stage.client(traded_and_row());
    for (int i = 0; i != 64; ++i) stage.send(client);
    REQUIRE(stage.http.asks.size() == 1);
    CHECK(stage.next() == "Bearer assertion-of-the-client");
    stage.http.answer(granted("one"));
    CHECK(stage.http.asks.size() == 64);
    while (!stage.http.asks.empty()) {
        CHECK(stage.next() == "Bearer one");
        stage.http.answer(accepted());
    }
    CHECK(stage.results.size() == 64);
}

TEST_CASE("an asynchronous call takes what stands at a place, whatever its kind") {
    AsyncStage stage;
    const auto client = stage.client(List{Traded{}, Row{"second", "token_of_a_row"}, Minted{}});
    stage.send(client);
    stage.http.answer(denied());
    CHECK(stage.next() == "Bearer token_of_a_row");
    stage.http.answer(refusal());
    CHECK(stage.next() == "Bearer minted_for_ada");
    stage.http.answer(accepted());
    REQUIRE(stage.results.size() == 1);
    CHECK(stage.results[0].credential() == "minted");
}

TEST_CASE("asynchronous calls that wait for the token of a replaced app take what is new") {
    AsyncStage stage;
    const auto client = stage.client(List{Traded{}});
    for (int i = 0; i != 8; ++i) stage.send(client);
    client.replace(Chain::Slot<0>{Row{"fixed", "token_of_today"}});
    stage.http.answer(granted("one"));
    stage.time.advance(1s);
    REQUIRE(stage.http.asks.size() == 8);
    for (const auto& ask : stage.http.asks) CHECK(ask.authorization == "Bearer token_of_today");
    while (!stage.http.asks.empty()) stage.http.answer(accepted());
    CHECK(stage.results.size() == 8);
}

TEST_CASE("an asynchronous call that is cancelled while a place exchanges hands over to the next") {
    AsyncStage stage;
    const auto client = stage.client(List{Traded{}});
    const auto first = stage.send(client);
    stage.send(client);
    first.cancel();
    REQUIRE(stage.results.size() == 1);
    CHECK(stage.results[0].error().kind == ErrorKind::cancelled);
    REQUIRE(stage.http.asks.size() == 2);
    stage.http.answer(granted("one"), 1);
    stage.http.answer(accepted(), 1);
    CHECK(stage.results.size() == 2);
    CHECK(stage.results.back());
}
