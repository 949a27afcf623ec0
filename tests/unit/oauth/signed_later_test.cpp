// SPDX-License-Identifier: BSL-1.0
#include <rekey/oauth/signed_later.hpp>

#include "catch.hpp"
#include "support/clients.hpp"
#include "support/later.hpp"
#include "support/traded.hpp"

#include <rekey/cancellation.hpp>
#include <rekey/coze/app_auth.hpp>
#include <rekey/driver/callback.hpp>
#include <rekey/testing/manual_scheduler.hpp>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <stdexcept>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

namespace {

using namespace clients;
using namespace std::chrono_literals;
using testing::ManualScheduler;
using Results = std::vector<Result<HttpResponse>>;

/// `Traded`, each of whose assertions has a number, and lets somebody else sign them.
struct Unsigned : Traded {
    struct Request : Traded::Request {
        std::string signing_input{};
    };
    Request unsigned_token_request(std::int64_t) const {
        Request request;
        request.authorization = Secret();
        request.signing_input = "assertion-" + std::to_string(++*made);
        return request;
    }
    std::shared_ptr<int> made = std::make_shared<int>(0);
};

/// A key service that signs when the test says so.
struct KeyService {
    struct Ask {
        std::string input;
        std::function<void(std::string)> done;
    };
    std::deque<Ask> asks{};

    void sign(std::string signature) {
        const Ask ask = std::move(asks.front());
        asks.pop_front();
        ask.done(std::move(signature));
    }
};

struct Stage {
    Results results{};
    ManualScheduler time{};
    Later http{};
    KeyService keys{};

    auto client() {
        const auto sign = [this](std::string_view input, auto done) {
            keys.asks.push_back({std::string(input), std::move(done)});
        };
        return driver::callback::Client{http, time, UseClock{time},
                                        CredentialChain{oauth::SignedLater{Unsigned{}, sign}},
                                        RetryOn<AuthRejected, NotFound>{}};
    }
    auto into() {
        return [this](Result<HttpResponse> result) { results.push_back(std::move(result)); };
    }
};

}  // namespace

TEST_CASE("an assertion is signed by somebody who calls back, and nothing is sent before") {
    Stage stage;
    const auto client = stage.client();
    client.send(chat(), stage.into());
    REQUIRE(stage.keys.asks.size() == 1);
    CHECK(stage.keys.asks[0].input == "assertion-1");
    CHECK(stage.http.asks.empty());

    stage.keys.sign("\xFF\xFE\xFD");
    REQUIRE(stage.http.asks.size() == 1);
    CHECK(stage.http.asks[0].authorization == "Bearer assertion-1.__79");
    stage.http.answer(granted("t-1"));
    REQUIRE(stage.http.asks.size() == 1);
    CHECK(stage.http.asks[0].authorization == "Bearer t-1");
    stage.http.answer(accepted());
    REQUIRE(stage.results.size() == 1);
    CHECK(stage.results[0]);
}

TEST_CASE("64 calls have one assertion signed") {
    Stage stage;
    const auto client = stage.client();
    for (int i = 0; i != 64; ++i) client.send(chat(), stage.into());
    CHECK(stage.keys.asks.size() == 1);
    stage.keys.sign("s");
    stage.http.answer(granted("t"));
    CHECK(stage.http.asks.size() == 64);
    CHECK(stage.keys.asks.empty());
    while (!stage.http.asks.empty()) stage.http.answer(accepted());
    CHECK(stage.results.size() == 64);
}

TEST_CASE("a signer that gives no signature is asked again, about a new assertion, three times") {
    Stage stage;
    const auto client = stage.client();
    client.send(chat(), stage.into());
    stage.keys.sign("");
    CHECK(stage.keys.asks.empty());
    stage.time.advance(200ms);
    REQUIRE(stage.keys.asks.size() == 1);
    CHECK(stage.keys.asks[0].input == "assertion-2");
    stage.keys.asks.clear();  // the callback is dropped: the same
    stage.time.advance(400ms);
    REQUIRE(stage.keys.asks.size() == 1);
    stage.keys.sign("");
    REQUIRE(stage.results.size() == 1);
    const auto& result = stage.results[0];
    REQUIRE_FALSE(result);
    CHECK(result.error().kind == ErrorKind::exchange_failed);
    CHECK(result.error().reach == Reach::never_sent);
    CHECK(result.error().message().find("the signer gave no signature") != std::string::npos);
    CHECK(stage.http.asks.empty());
}

TEST_CASE("a second signature, and one for a call that was cancelled, are dropped") {
    Stage stage;
    const auto client = stage.client();
    client.send(chat(), stage.into());
    const auto done = stage.keys.asks[0].done;
    stage.keys.sign("first");
    done("second");
    REQUIRE(stage.http.asks.size() == 1);
    CHECK(stage.http.asks[0].authorization == "Bearer assertion-1.Zmlyc3Q");

    Stage other;
    const auto its = other.client();
    Canceller canceller;
    its.send(chat(), other.into(), Cancellation{canceller});
    canceller.cancel();
    REQUIRE(other.results.size() == 1);
    CHECK(other.results[0].error().kind == ErrorKind::cancelled);
    other.keys.sign("late");
    CHECK(other.http.asks.empty());
}

TEST_CASE("a caller that is cancelled while its assertion is signed hands over to one that waits") {
    Stage stage;
    const auto client = stage.client();
    Canceller canceller;
    client.send(chat(), stage.into(), Cancellation{canceller});
    client.send(chat(), stage.into());
    canceller.cancel();
    REQUIRE(stage.results.size() == 1);
    REQUIRE(stage.keys.asks.size() == 2);
    stage.keys.sign("late");
    CHECK(stage.http.asks.empty());
    stage.keys.sign("s");
    REQUIRE(stage.http.asks.size() == 1);
    CHECK(stage.http.asks[0].authorization == "Bearer assertion-2.cw");
    stage.http.answer(granted("t"));
    stage.http.answer(accepted());
    REQUIRE(stage.results.size() == 2);
    CHECK(stage.results[1]);
}

TEST_CASE("a signer that answers at once needs no stack") {
    ManualScheduler time;
    Later http;
    int signatures = 0;
    const auto sign = [&signatures](std::string_view, auto done) {
        ++signatures;
        done(std::string("s"));
    };
    const driver::callback::Client client{http, time, UseClock{time},
                                          CredentialChain{oauth::SignedLater{Unsigned{}, sign}},
                                          RetryOn<AuthRejected>{}};
    Results results;
    client.send(chat(),
                [&results](Result<HttpResponse> result) { results.push_back(std::move(result)); });
    CHECK(signatures == 1);
    http.answer(granted("t"));
    http.answer(accepted());
    REQUIRE(results.size() == 1);
    CHECK(results[0]);
}

TEST_CASE("what a signer throws ends the call unchanged") {
    ManualScheduler time;
    Later http;
    const auto sign = [](std::string_view, const auto&) { throw std::runtime_error("no key"); };
    const driver::callback::Client client{http, time, UseClock{time},
                                          CredentialChain{oauth::SignedLater{Unsigned{}, sign}},
                                          RetryOn<AuthRejected>{}};
    CHECK_THROWS_AS(client.send(chat(), [](const Result<HttpResponse>&) {}), std::runtime_error);
    CHECK(http.asks.empty());
    CHECK(client.in_flight() == 0);
}

TEST_CASE("signatures come on other threads while calls are cancelled") {
    struct Shared {
        std::mutex mutex{};
        std::vector<std::function<void(std::string)>> waiting{};
    };
    Shared shared;
    const auto sign = [&shared](std::string_view, auto done) {
        const std::lock_guard<std::mutex> lock(shared.mutex);
        shared.waiting.push_back(std::move(done));
    };
    struct Http {
        void operator()(const HttpRequest& request, const Attempt&,
                        std::function<void(HttpResponse)> done) const {
            done(request.url == "https://auth.example/token" ? granted("t") : accepted());
        }
    };
    Http http;
    std::atomic<int> ended{0};
    constexpr int rounds = 200;
    for (int round = 0; round != rounds; ++round) {
        ManualScheduler time;
        const driver::callback::Client client{http, time, UseClock{time},
                                              CredentialChain{oauth::SignedLater{Unsigned{}, sign}},
                                              RetryOn<AuthRejected>{}};
        Canceller canceller;
        client.send(
            chat(), [&ended](const Result<HttpResponse>&) { ++ended; }, Cancellation{canceller});
        std::vector<std::function<void(std::string)>> asks;
        {
            const std::lock_guard<std::mutex> lock(shared.mutex);
            asks.swap(shared.waiting);
        }
        std::thread signer([&asks] {
            for (const auto& done : asks) done("s");
        });
        std::thread stopper([&canceller] { canceller.cancel(); });
        signer.join();
        stopper.join();
    }
    CHECK(ended == rounds);
}

TEST_CASE("an app of Coze has its assertion signed by a key service, and needs no signer") {
    coze::AppAuthOptions options;
    options.client_id = "1140.app.coze";
    options.public_key_id = "fingerprint";
    options.id = "7";
    const oauth::SignedLater app{coze::AppAuth<coze::Account>{options},
                                 [](std::string_view, const auto&) {}};
    auto request = app.token_request(1700000000);
    CHECK(request.problem.empty());
    CHECK(request.authorization.empty());
    const auto dots = std::count(request.signing_input.begin(), request.signing_input.end(), '.');
    CHECK(dots == 1);
    app.finish(request, "\xFF");
    CHECK(request.authorization.expose() == "Bearer " + request.signing_input + "._w");
    CHECK(app.token_request(1700000000).signing_input != request.signing_input);
    CHECK_FALSE(app.problem().empty());  // by itself it would need one
    options.client_id.clear();
    const oauth::SignedLater wrong{coze::AppAuth<coze::Account>{options},
                                   [](std::string_view, const auto&) {}};
    CHECK(wrong.token_request(1700000000).problem.find("client id") != std::string::npos);
}
