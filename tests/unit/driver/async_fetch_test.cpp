// SPDX-License-Identifier: BSL-1.0
#include <rekey/driver/async_fetch.hpp>

#include "catch.hpp"
#include "support/clients.hpp"
#include "support/later.hpp"
#include "support/traded.hpp"

#include <rekey/cancellation.hpp>
#include <rekey/driver/callback.hpp>
#include <rekey/testing/manual_scheduler.hpp>

#include <atomic>
#include <chrono>
#include <cstddef>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

namespace {

using namespace clients;
using namespace std::chrono_literals;
using driver::callback::CallHandle;
using testing::ManualScheduler;
using Results = std::vector<Result<HttpResponse>>;

auto into(Results& results) {
    return [&results](Result<HttpResponse> result) { results.push_back(std::move(result)); };
}

struct Stage {
    Results results{};
    ManualScheduler time{};
    Later http{};

    auto client() {
        return driver::callback::Client{http, time, UseClock{time},
                                        CredentialChain{Traded{}, Enterprise{}},
                                        RetryOn<AuthRejected, NotFound>{}};
    }
    /// Which of the asks that wait are token requests.
    std::size_t exchanges() const {
        std::size_t count = 0;
        for (const auto& ask : http.asks) count += is_exchange(ask) ? 1u : 0u;
        return count;
    }
    static bool is_exchange(const Later::Ask& ask) {
        return ask.request.url == "https://auth.example/token";
    }
};

}  // namespace

TEST_CASE("an asynchronous call obtains its token over its own transport, and then is sent") {
    Stage stage;
    const auto client = stage.client();
    client.send(chat(), into(stage.results));
    REQUIRE(stage.http.asks.size() == 1);
    CHECK(stage.exchanges() == 1);
    CHECK(stage.http.asks[0].authorization == "Bearer assertion-of-the-client");
    stage.http.answer(granted("one"));
    REQUIRE(stage.http.asks.size() == 1);
    CHECK(stage.http.asks[0].authorization == "Bearer one");
    stage.http.answer(accepted());
    REQUIRE(stage.results.size() == 1);
    CHECK(stage.results[0]);
    client.send(chat(), into(stage.results));
    CHECK(stage.http.asks[0].authorization == "Bearer one");
    stage.http.answer(accepted());
}

TEST_CASE("64 asynchronous calls that meet no token make one exchange, and none blocks") {
    Stage stage;
    const auto client = stage.client();
    for (int i = 0; i != 64; ++i) client.send(chat(), into(stage.results));
    REQUIRE(stage.http.asks.size() == 1);
    stage.http.answer(granted("one"));
    CHECK(stage.http.asks.size() == 64);
    CHECK(stage.exchanges() == 0);
    while (!stage.http.asks.empty()) stage.http.answer(accepted());
    CHECK(stage.results.size() == 64);
}

TEST_CASE("calls that wait share the failure of the exchange that they waited for") {
    Stage stage;
    const auto client = stage.client();
    for (int i = 0; i != 8; ++i) client.send(chat(), into(stage.results));
    stage.http.answer(answer(503));
    CHECK(stage.results.empty());
    stage.time.advance(200ms);
    stage.http.answer(answer(503));
    stage.time.advance(399ms);
    CHECK(stage.http.asks.empty());
    stage.time.advance(1ms);
    stage.http.answer(answer(503));
    REQUIRE(stage.results.size() == 8);
    for (const auto& result : stage.results)
        CHECK(result.error().kind == ErrorKind::exchange_failed);
    CHECK(stage.http.asks.empty());
}

TEST_CASE("a call that leads and is cancelled hands over to one that waits") {
    Stage stage;
    const auto client = stage.client();
    const CallHandle leader = client.send(chat(), into(stage.results));
    client.send(chat(), into(stage.results));
    client.send(chat(), into(stage.results));
    CHECK(stage.http.asks.size() == 1);
    leader.cancel();
    REQUIRE(stage.results.size() == 1);
    CHECK(stage.results[0].error().kind == ErrorKind::cancelled);
    REQUIRE(stage.exchanges() == 2);  // the late one, and that of the next
    stage.http.answer(granted("late"));
    CHECK(stage.results.size() == 1);
    stage.http.answer(granted("next"));
    REQUIRE(stage.http.asks.size() == 2);
    CHECK(stage.http.asks[0].authorization == "Bearer next");
    stage.http.answer(accepted());
    stage.http.answer(accepted());
    CHECK(stage.results.size() == 3);
}

TEST_CASE("a call that waits and is cancelled affects only itself") {
    Stage stage;
    const auto client = stage.client();
    client.send(chat(), into(stage.results));
    const CallHandle waiting = client.send(chat(), into(stage.results));
    client.send(chat(), into(stage.results));
    waiting.cancel();
    REQUIRE(stage.results.size() == 1);
    stage.http.answer(granted("one"));
    CHECK(stage.http.asks.size() == 2);
    stage.http.answer(accepted());
    stage.http.answer(accepted());
    CHECK(stage.results.size() == 3);
    CHECK(client.in_flight() == 0);
}

TEST_CASE("a cancelled wait between two exchanges hands over too") {
    Stage stage;
    const auto client = stage.client();
    const CallHandle leader = client.send(chat(), into(stage.results));
    client.send(chat(), into(stage.results));
    stage.http.answer(answer(503));
    CHECK(stage.time.waiting() == 1);
    leader.cancel();
    CHECK(stage.time.waiting() == 0);
    CHECK(stage.exchanges() == 1);
    stage.http.answer(granted("one"));
    stage.http.answer(accepted());
    CHECK(stage.results.size() == 2);
}

TEST_CASE("a refused token is renewed once, by one of the calls that met the refusal") {
    Stage stage;
    const auto client = stage.client();
    client.send(chat(), into(stage.results));
    stage.http.answer(granted("old"));
    stage.http.answer(accepted());
    for (int i = 0; i != 4; ++i) client.send(chat(), into(stage.results));
    CHECK(stage.http.asks.size() == 4);
    for (int i = 0; i != 4; ++i) stage.http.answer(refusal(4100, 401));
    CHECK(stage.exchanges() == 1);
    CHECK(stage.http.asks.size() == 1);
    stage.http.answer(granted("new"));
    REQUIRE(stage.http.asks.size() == 4);
    for (const auto& ask : stage.http.asks) CHECK(ask.authorization == "Bearer new");
    while (!stage.http.asks.empty()) stage.http.answer(accepted());
    CHECK(stage.results.size() == 5);
}

TEST_CASE("a refused exchange falls back without asking the endpoint again") {
    Stage stage;
    const auto client = stage.client();
    client.send(chat(), into(stage.results));
    stage.http.answer(answer(401, R"({"error_code":"access_deny","error_message":"disabled"})"));
    REQUIRE(stage.http.asks.size() == 1);
    CHECK(stage.http.asks[0].authorization == "Bearer pat_enterprise_1");
    stage.http.answer(accepted());
    REQUIRE(stage.results.size() == 1);
    CHECK(stage.results[0].credential() == "enterprise");
}

TEST_CASE("a token request whose callback is dropped is repeated like any without an answer") {
    Stage stage;
    const auto client = stage.client();
    client.send(chat(), into(stage.results));
    stage.http.asks.pop_front();
    stage.time.advance(200ms);
    REQUIRE(stage.exchanges() == 1);
    stage.http.answer(granted("one"));
    stage.http.answer(accepted());
    REQUIRE(stage.results.size() == 1);
    CHECK(stage.results[0]);
}

TEST_CASE("token requests go over an asynchronous transport of their own if there is one") {
    Results results;
    ManualScheduler time;
    Later endpoint;
    Later http;
    const driver::callback::Client client{http,           time,
                                          UseClock{time}, CredentialChain{Traded{}},
                                          OnRefusal{},    ExchangeOver{std::ref(endpoint)}};
    client.send(chat(), into(results));
    CHECK(http.asks.empty());
    REQUIRE(endpoint.asks.size() == 1);
    endpoint.answer(granted("one"));
    REQUIRE(http.asks.size() == 1);
    http.answer(accepted());
    CHECK(results.size() == 1);
}

TEST_CASE("threads that send at once share one exchange of an asynchronous client") {
    std::mutex mutex;
    std::vector<Later::Done> asked;
    std::atomic<int> exchanges{0};
    std::atomic<int> sends{0};
    std::atomic<int> answered{0};
    ManualScheduler time;
    const driver::callback::Client client{
        [&](const HttpRequest& request, const Attempt&, Later::Done done) {
            if (request.url == "https://auth.example/token") {
                ++exchanges;
                const std::lock_guard<std::mutex> lock(mutex);
                asked.push_back(std::move(done));
            } else {
                ++sends;
                done(accepted());
            }
        },
        time, UseClock{time}, CredentialChain{Traded{}}, OnRefusal{}};
    std::vector<std::thread> threads;
    for (int i = 0; i != 8; ++i)
        threads.emplace_back([&] {
            for (int call = 0; call != 50; ++call)
                client.send(chat(), [&](const Result<HttpResponse>& result) {
                    answered += result ? 1 : 0;
                });
        });
    std::thread endpoint([&] {
        for (bool is_done = false; !is_done; std::this_thread::yield()) {
            const std::lock_guard<std::mutex> lock(mutex);
            is_done = !asked.empty();
        }
        Later::Done done;
        {
            const std::lock_guard<std::mutex> lock(mutex);
            done = std::move(asked.front());
        }
        done(granted("one"));
    });
    for (std::thread& thread : threads) thread.join();
    endpoint.join();
    CHECK(client.in_flight() == 0);
    CHECK(answered == 400);
    CHECK(sends == 400);
    CHECK(exchanges == 1);
}
