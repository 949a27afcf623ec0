// SPDX-License-Identifier: BSL-1.0
#include <rekey/driver/async_user_calls.hpp>

#include "catch.hpp"
#include "support/later.hpp"
#include "support/obo.hpp"

#include <rekey/driver/callback.hpp>
#include <rekey/testing/manual_scheduler.hpp>

#include <atomic>
#include <chrono>
#include <cstddef>
#include <deque>
#include <functional>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

using namespace rekey;
using namespace std::chrono_literals;
using driver::callback::CallHandle;
using testing::ManualScheduler;

namespace {

using Results = std::vector<Result<HttpResponse>>;
auto into(Results& results) {
    return [&results](Result<HttpResponse> result) { results.push_back(std::move(result)); };
}

/// A service and a browser, and an asynchronous client whose answers wait for the test.
struct Stage : obo::Desk {
    Results results{};
    ManualScheduler time{};
    Later http{};

    template <class Redirector> auto client(Redirector redirector) {
        return driver::callback::Client{
            http, time, OboReauth{coze::WebFlow<Redirector>{web_app(), std::move(redirector)}},
            coze::RetryOnRefusal{}, UseClock{time}};
    }
    auto client() { return client(HandOver{}); }
    template <class Client> CallHandle send(const Client& client, std::string_view user = "ann") {
        return client.send(chat(), into(results), Subject{user}, Binding{"cookie"});
    }
    template <class Client>
    void adopt(const Client& client, std::int64_t seconds, const std::string& number = "0",
               std::string_view user = "ann") {
        oauth::TokenSet tokens;
        tokens.access_token = Secret{"access-" + number};
        tokens.refresh_token = Secret{"refresh-" + number};
        tokens.expires_at = time.unix_seconds() + seconds;
        client.adopt(Subject{user}, std::move(tokens));
    }
    /// Has the service answer the ask at that place.
    void serve(std::size_t place = 0) {
        const auto& ask = http.asks[place];
        AttemptFields fields;
        fields.authorization = ask.authorization;
        const std::string authorization = ask.authorization;
        const HttpRequest request = ask.request;
        http.answer(wire(request, Attempt{fields}), place);
    }
    void grant(const std::string& number, std::size_t place = 0) {
        http.answer(obo::json(200, R"({"access_token":"access-)" + number +
                                       R"(","refresh_token":"refresh-)" + number +
                                       R"(","expires_in":900})"),
                    place);
    }
    /// Which of the asks that wait are token requests.
    std::size_t exchanges() const {
        std::size_t count = 0;
        for (const auto& ask : http.asks)
            count += ask.request.url.find("/oauth2/token") != std::string::npos ? 1u : 0u;
        return count;
    }
    void accept_all() {
        while (!http.asks.empty()) http.answer(obo::coded(0));
    }
};

}  // namespace

TEST_CASE("an asynchronous call refreshes the token of its user and is sent with the new one") {
    Stage stage;
    const auto client = stage.client();
    stage.adopt(client, 0);
    stage.send(client);
    REQUIRE(stage.http.asks.size() == 1);
    REQUIRE(stage.exchanges() == 1);
    CHECK(stage.http.asks[0].request.body.find("refresh-0") != std::string::npos);
    stage.grant("1");
    REQUIRE(stage.http.asks.size() == 1);
    CHECK(stage.http.asks[0].authorization == "Bearer access-1");
    stage.accept_all();
    REQUIRE(stage.results.size() == 1);
    CHECK(stage.results[0]);
}

TEST_CASE("S34 64 asynchronous calls of one user refresh once, and none blocks") {
    Stage stage;
    const auto client = stage.client();
    stage.adopt(client, 0);
    stage.adopt(client, 0, "of-bob", "bob");
    for (int i = 0; i != 64; ++i) stage.send(client);
    stage.send(client, "bob");
    REQUIRE(stage.http.asks.size() == 2);
    CHECK(stage.exchanges() == 2);
    stage.grant("1");
    CHECK(stage.http.asks.size() == 65);
    CHECK(stage.exchanges() == 1);  // another user's, which holds nobody up
    stage.grant("bob-1");
    stage.accept_all();
    CHECK(stage.results.size() == 65);
    CHECK(client.in_flight() == 0);
}

TEST_CASE("S35 asynchronous calls share the failure of the refresh that they waited for") {
    Stage stage;
    const auto client = stage.client();
    stage.adopt(client, 0);
    for (int i = 0; i != 8; ++i) stage.send(client);
    SECTION("the grant is dead: each is to be asked, and no token request follows") {
        stage.http.answer(obo::json(400, R"({"error_code":"invalid_grant"})"));
        REQUIRE(stage.results.size() == 8);
        for (const auto& result : stage.results)
            CHECK(result.error().kind == ErrorKind::authorization_needed);
    }
    SECTION("S33 S40 the answer is lost: the token is not sent again") {
        stage.http.answer(obo::lost());
        REQUIRE(stage.results.size() == 8);
        for (const auto& result : stage.results)
            CHECK(result.error().kind == ErrorKind::authorization_needed);
    }
    SECTION("S42 the endpoint is busy: the refresh token is as good as before") {
        stage.http.answer(obo::json(503, ""));
        REQUIRE(stage.results.size() == 8);
        for (const auto& result : stage.results)
            CHECK(result.error().kind == ErrorKind::exchange_failed);
        stage.time.advance(5s);
        stage.send(client);
        CHECK(stage.exchanges() == 1);
        stage.grant("1");
        stage.accept_all();
        CHECK(stage.results.back());
    }
    SECTION("it never left: tried three times in all, with timers in between") {
        for (const Duration delay : {200ms, 400ms}) {
            stage.http.answer(obo::lost(Reach::never_sent));
            CHECK(stage.results.empty());
            CHECK(stage.exchanges() == 0);
            stage.time.advance(delay);
            REQUIRE(stage.exchanges() == 1);
        }
        stage.http.answer(obo::lost(Reach::never_sent));
        REQUIRE(stage.results.size() == 8);
        for (const auto& result : stage.results)
            CHECK(result.error().kind == ErrorKind::exchange_failed);
    }
    CHECK(stage.http.asks.empty());
}

TEST_CASE("S33 S36 a refresh whose call was cancelled is still kept, and serves those who wait") {
    Stage stage;
    const auto client = stage.client();
    stage.adopt(client, 0);
    const CallHandle leader = stage.send(client);
    stage.send(client);
    leader.cancel();
    REQUIRE(stage.results.size() == 1);
    CHECK(stage.results[0].error().kind == ErrorKind::cancelled);
    CHECK(stage.exchanges() == 1);  // the only one: a refresh token is not sent twice
    CHECK(client.in_flight() == 2);
    bool is_idle = false;
    client.when_idle([&is_idle] { is_idle = true; });
    stage.grant("1");
    REQUIRE(stage.http.asks.size() == 1);
    CHECK(stage.http.asks[0].authorization == "Bearer access-1");
    CHECK(client.in_flight() == 1);
    stage.accept_all();
    CHECK(stage.results.size() == 2);
    CHECK(is_idle);
}

TEST_CASE("S36 a refresh nobody waits for any more counts as on its way until it is back") {
    Stage stage;
    const auto client = stage.client();
    stage.adopt(client, 0);
    stage.send(client).cancel();
    CHECK(stage.results.size() == 1);
    CHECK(client.in_flight() == 1);
    SECTION("it brings a token") {
        stage.grant("1");
        CHECK(client.in_flight() == 0);
        stage.send(client);
        REQUIRE(stage.http.asks.size() == 1);
        CHECK(stage.http.asks[0].authorization == "Bearer access-1");
        stage.accept_all();
    }
    SECTION("it never left: the refresh token is as good as before") {
        stage.http.answer(obo::lost(Reach::never_sent));
        CHECK(client.in_flight() == 0);
        CHECK(stage.time.waiting() == 0);
        stage.time.advance(5s);
        stage.send(client);
        REQUIRE(stage.exchanges() == 1);
        CHECK(stage.http.asks[0].request.body.find("refresh-0") != std::string::npos);
        stage.grant("1");
        stage.accept_all();
    }
    SECTION("nobody will answer: the refresh token may be used up") {
        stage.http.asks.clear();
        CHECK(client.in_flight() == 0);
        stage.send(client);
        CHECK(stage.exchanges() == 0);
        CHECK(stage.results.back().error().kind == ErrorKind::authorization_needed);
    }
    CHECK(client.in_flight() == 0);
}

TEST_CASE("S36 a call that is cancelled between two sends gives the refresh token back") {
    Stage stage;
    const auto client = stage.client();
    stage.adopt(client, 0);
    const CallHandle leader = stage.send(client);
    stage.send(client);
    stage.http.answer(obo::lost(Reach::never_sent));
    CHECK(stage.exchanges() == 0);
    leader.cancel();
    REQUIRE(stage.exchanges() == 1);  // of the one that waited
    CHECK(stage.http.asks[0].request.body.find("refresh-0") != std::string::npos);
    stage.grant("1");
    stage.accept_all();
    CHECK(stage.results.size() == 2);
    CHECK(stage.results[1]);
}

TEST_CASE("a call that waits for its user's refresh and is cancelled affects only itself") {
    Stage stage;
    const auto client = stage.client();
    stage.adopt(client, 0);
    stage.send(client);
    const CallHandle waiting = stage.send(client);
    stage.send(client);
    waiting.cancel();
    CHECK(stage.results.size() == 1);
    stage.grant("1");
    CHECK(stage.http.asks.size() == 2);
    stage.accept_all();
    CHECK(stage.results.size() == 3);
}

TEST_CASE("S48 a refused token is renewed once for all asynchronous calls of its user") {
    Stage stage;
    const auto client = stage.client();
    stage.adopt(client, 900);
    for (int i = 0; i != 4; ++i) stage.send(client);
    for (int i = 0; i != 4; ++i) stage.http.answer(obo::coded(4100));
    REQUIRE(stage.http.asks.size() == 1);
    CHECK(stage.exchanges() == 1);
    stage.grant("1");
    CHECK(stage.http.asks.size() == 4);
    for (const auto& ask : stage.http.asks) CHECK(ask.authorization == "Bearer access-1");
    stage.accept_all();
    CHECK(stage.results.size() == 4);
}

TEST_CASE(
    "a token that is dead when it comes serves those who waited, and is not asked for again") {
    Stage stage;
    const auto client = stage.client();
    stage.adopt(client, 0);
    stage.send(client);
    stage.http.answer(obo::json(
        200, R"({"access_token":"access-1","refresh_token":"refresh-1","expires_in":1})"));
    REQUIRE(stage.http.asks.size() == 1);
    CHECK(stage.http.asks[0].authorization == "Bearer access-1");
    stage.accept_all();
}

TEST_CASE("a user of an asynchronous client is sent away, comes back, and the request finishes") {
    Stage stage;
    const auto client = stage.client();
    stage.send(client);
    REQUIRE(stage.results.size() == 1);
    REQUIRE(stage.results[0].error().kind == ErrorKind::authorization_needed);
    const std::string callback = stage.browse(stage.results[0].authorization().url);
    client.resume<HttpRequest>(callback, into(stage.results), Binding{"cookie"});
    REQUIRE(stage.http.asks.size() == 1);
    CHECK(stage.exchanges() == 1);
    CHECK(stage.results.size() == 1);
    stage.serve();
    REQUIRE(stage.http.asks.size() == 1);
    CHECK(stage.http.asks[0].request.url.find("/v3/chat") != std::string::npos);
    stage.serve();
    REQUIRE(stage.results.size() == 2);
    CHECK(stage.results[1]);
    CHECK(client.in_flight() == 0);
    SECTION("S3 S18 the callback counts once") {
        client.resume<HttpRequest>(callback, into(stage.results), Binding{"cookie"});
        CHECK(stage.http.asks.empty());
        CHECK(stage.results.back().error().kind == ErrorKind::authorization_denied);
    }
    SECTION("the tokens are there for the next call") {
        stage.send(client);
        CHECK(stage.exchanges() == 0);
        stage.accept_all();
        CHECK(stage.results.back());
    }
}

TEST_CASE("with a scheduler that executes, an authorization happens there too") {
    struct HomeLoop : ManualScheduler {
        std::deque<std::function<void()>> tasks{};
        bool is_inside = false;
        void execute(std::function<void()> task) { tasks.push_back(std::move(task)); }
        void run_tasks() {
            is_inside = true;
            for (; !tasks.empty(); tasks.pop_front()) tasks.front()();
            is_inside = false;
        }
    };
    HomeLoop loop;  // outlives the calls that the stage drops
    int outside = 0;
    Stage stage;
    const auto http = [&](const HttpRequest& request, const Attempt& attempt, Later::Done done) {
        outside += loop.is_inside ? 0 : 1;
        return stage.http(request, attempt, std::move(done));
    };
    const driver::callback::Client client{
        http, std::ref(loop), OboReauth{coze::WebFlow<HandOver>{stage.web_app(), HandOver{}}},
        coze::RetryOnRefusal{}, UseClock{loop}};
    const auto done = [&](Result<HttpResponse> result) {
        outside += loop.is_inside ? 0 : 1;
        stage.results.push_back(std::move(result));
    };
    stage.send(client);
    loop.run_tasks();
    REQUIRE(stage.results.size() == 1);
    const std::string callback = stage.browse(stage.results[0].authorization().url);
    client.resume<HttpRequest>(callback, done, Binding{"cookie"});
    loop.run_tasks();
    REQUIRE(stage.exchanges() == 1);
    SECTION("an answer of another thread") {
        stage.serve();
        CHECK(stage.http.asks.empty());
        loop.run_tasks();
        REQUIRE(stage.http.asks.size() == 1);
        stage.serve();
        loop.run_tasks();
        REQUIRE(stage.results.size() == 2);
        CHECK(stage.results[1]);
    }
    SECTION("a refusal of the code") {
        stage.http.answer(obo::json(400, R"({"error_code":"invalid_grant"})"));
        CHECK(stage.results.size() == 1);
        loop.run_tasks();
        REQUIRE(stage.results.size() == 2);
        CHECK_FALSE(stage.results[1]);
    }
    SECTION("a wait for the next try") {
        stage.http.answer(TransportError{Reach::never_sent, "no route"});
        loop.run_tasks();
        CHECK(loop.waiting() == 1);
        loop.advance(200ms);
        CHECK(stage.http.asks.empty());
        loop.run_tasks();
        CHECK(stage.exchanges() == 1);
    }
    CHECK(outside == 0);
}

TEST_CASE(
    "a resume that is on its way goes on when its client is closed, and ends when cancelled") {
    Stage stage;
    const auto client = stage.client();
    stage.send(client);
    const std::string callback = stage.browse(stage.results[0].authorization().url);
    client.resume<HttpRequest>(callback, into(stage.results), Binding{"cookie"});
    REQUIRE(stage.exchanges() == 1);
    SECTION("closed") {
        client.close();
        stage.serve();
        REQUIRE(stage.http.asks.size() == 1);
        stage.serve();
        REQUIRE(stage.results.size() == 2);
        CHECK(stage.results[1]);
    }
    SECTION("cancelled: the tokens are kept, and nothing else is sent") {
        client.cancel_all();
        stage.serve();
        CHECK(stage.http.asks.empty());
        REQUIRE(stage.results.size() == 2);
        CHECK(stage.results[1].error().kind == ErrorKind::cancelled);
        stage.send(client);
        CHECK(stage.exchanges() == 0);
        stage.accept_all();
        CHECK(stage.results.back());
    }
    CHECK(client.in_flight() == 0);
}

TEST_CASE("a code of an authorization that was cancelled before it began is not sent") {
    Stage stage;
    const auto client = stage.client();
    const auto begun = client.begin_authorization(Subject{"ann"}, Binding{"cookie"});
    const std::string callback = stage.browse(begun.request.url);
    std::vector<AuthorizationEnd> ends;
    const auto into_ends = [&ends](AuthorizationEnd end) { ends.push_back(std::move(end)); };
    client.send(
        stage.chat(),
        [&](const Result<HttpResponse>&) {
            client.authorize(callback, into_ends, Binding{"cookie"});
            client.cancel_all();
        },
        Subject{"bob"}, Binding{"cookie"});
    CHECK(stage.http.asks.empty());
    REQUIRE(ends.size() == 1);
    CHECK(ends[0].kind == ErrorKind::cancelled);
    client.authorize(callback, into_ends, Binding{"cookie"});  // it was not used up
    REQUIRE(stage.exchanges() == 1);
    stage.serve();
    REQUIRE(ends.size() == 2);
    CHECK(ends[1]);
}

TEST_CASE("S5 a callback in another browser is refused by an asynchronous client too") {
    Stage stage;
    const auto client = stage.client();
    stage.send(client);
    const std::string callback = stage.browse(stage.results[0].authorization().url);
    client.resume<HttpRequest>(callback, into(stage.results), Binding{"another cookie"});
    CHECK(stage.http.asks.empty());
    REQUIRE(stage.results.size() == 2);
    CHECK(stage.results[1].error().kind == ErrorKind::authorization_denied);
}

TEST_CASE("S18 S20 a code is sent again only if it never left, after a timer") {
    Stage stage;
    const auto client = stage.client();
    const auto begun = client.begin_authorization(Subject{"ann"}, Binding{"cookie"});
    REQUIRE(begun);
    std::vector<AuthorizationEnd> ends;
    client.authorize(
        stage.browse(begun.request.url),
        [&ends](AuthorizationEnd end) { ends.push_back(std::move(end)); }, Binding{"cookie"});
    REQUIRE(stage.exchanges() == 1);
    SECTION("it never left") {
        stage.http.answer(obo::lost(Reach::never_sent));
        CHECK(ends.empty());
        stage.time.advance(200ms);
        REQUIRE(stage.exchanges() == 1);
        stage.serve();
        REQUIRE(ends.size() == 1);
        CHECK(ends[0]);
        CHECK(ends[0].subject == "ann");
    }
    SECTION("it was sent and not answered") {
        stage.http.answer(obo::lost());
        REQUIRE(ends.size() == 1);
        CHECK(ends[0].kind == ErrorKind::exchange_failed);
        CHECK(stage.time.waiting() == 0);
    }
    SECTION("the transport drops its callback") {
        stage.http.asks.clear();
        REQUIRE(ends.size() == 1);
        CHECK(ends[0].kind == ErrorKind::exchange_failed);
    }
    SECTION("all calls are cancelled: what was sent goes on, what waits ends") {
        client.cancel_all();
        CHECK(ends.empty());
        stage.http.answer(obo::lost(Reach::never_sent));
        stage.time.advance(200ms);
        REQUIRE(ends.size() == 1);
        CHECK(ends[0].kind == ErrorKind::cancelled);
    }
    CHECK(client.in_flight() == 0);
}

TEST_CASE(
    "while a Redirector of an asynchronous client is at work another call of its user waits") {
    Stage stage;
    obo::Gate is_asking;
    obo::Gate goes_on;
    std::atomic<int> asked{0};
    const auto client = stage.client([&](const AuthorizationRequest&) {
        ++asked;
        is_asking.open();
        goes_on.wait();
        return HandedOver{};
    });
    Results of_the_other;
    std::thread first{
        [&] { client.send(stage.chat(), into(of_the_other), Subject{"ann"}, Binding{"cookie"}); }};
    is_asking.wait();
    SECTION("it does not block, and gets a URL of its own") {
        stage.send(client);  // returns
        CHECK(stage.results.empty());
    }
    SECTION("it can be cancelled meanwhile") {
        stage.send(client).cancel();
        REQUIRE(stage.results.size() == 1);
        CHECK(stage.results[0].error().kind == ErrorKind::cancelled);
    }
    goes_on.open();
    first.join();
    CHECK(asked == 1);
    REQUIRE(of_the_other.size() == 1);
    CHECK(of_the_other[0].error().kind == ErrorKind::authorization_needed);
    REQUIRE(stage.results.size() == 1);
    if (stage.results[0].error().kind != ErrorKind::cancelled) {
        CHECK(stage.results[0].error().kind == ErrorKind::authorization_needed);
        CHECK(stage.results[0].authorization().url != of_the_other[0].authorization().url);
    }
    CHECK(client.in_flight() == 0);
}

TEST_CASE("threads that send for one user at once share one refresh of an asynchronous client") {
    struct Wire {
        using Done = std::function<void(HttpResponse)>;
        std::atomic<int>* exchanges;
        std::mutex* mutex;
        std::vector<std::thread>* threads;
        void operator()(const HttpRequest& request, const Attempt&, Done done) const {
            const bool is_exchange = request.url.find("/oauth2/token") != std::string::npos;
            const int number = is_exchange ? ++*exchanges : 0;
            const std::lock_guard<std::mutex> lock(*mutex);
            threads->emplace_back([done, is_exchange, number] {
                obo::let_others_run();
                const std::string n = std::to_string(number);
                done(is_exchange ? obo::json(200, R"({"access_token":"access-)" + n +
                                                      R"(","refresh_token":"refresh-)" + n +
                                                      R"(","expires_in":900})")
                                 : obo::coded(0));
            });
        }
    };
    struct Time : obo::Clock {
        struct Handle {
            void cancel() const {}
        };
        static Handle after(Duration, const std::function<void()>&) { return {}; }
    };
    obo::Desk desk;
    Time time;
    std::atomic<int> exchanges{0};
    std::atomic<int> served{0};
    std::mutex mutex;
    std::vector<std::thread> threads;
    {
        const driver::callback::Client client{Wire{&exchanges, &mutex, &threads}, time,
                                              OboReauth{coze::WebFlow{desk.web_app()}},
                                              coze::RetryOnRefusal{}, UseClock{time}};
        oauth::TokenSet tokens;
        tokens.refresh_token = Secret{"refresh-0"};
        client.adopt(Subject{"ann"}, std::move(tokens));
        obo::at_once(8, [&](int i) {
            for (int round = 0; round != 8; ++round) {
                const CallHandle call = client.send(
                    desk.chat(),
                    [&served](const Result<HttpResponse>& result) {
                        if (result || result.error().kind == ErrorKind::cancelled) ++served;
                    },
                    Subject{"ann"}, Binding{"cookie"});
                if (i % 4 == 0 && round == 0) call.cancel();
            }
        });
        while (client.in_flight() != 0) std::this_thread::yield();
    }
    for (std::size_t i = 0; i != threads.size(); ++i) threads[i].join();
    CHECK(served == 64);
    CHECK(exchanges == 1);
}
