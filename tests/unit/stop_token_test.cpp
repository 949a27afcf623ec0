// SPDX-License-Identifier: BSL-1.0
// StopWith: needs C++20; the build leaves this file out in older modes.
#include <rekey/stop_token.hpp>

#include "catch.hpp"

#include <rekey/any_client.hpp>
#include <rekey/driver/callback.hpp>
#include <rekey/http.hpp>
#include <rekey/policy/backoff.hpp>
#include <rekey/rekey.hpp>
#include <rekey/testing.hpp>
#include <rekey/testing/manual_scheduler.hpp>

#include <atomic>
#include <chrono>
#include <functional>
#include <stop_token>
#include <thread>
#include <utility>
#include <vector>

using namespace rekey;
using namespace std::chrono_literals;

namespace {

const HttpRequest request{"GET", "https://api.example/things", {}, {}};

/// Fails always, and counts.
struct Failing {
    std::atomic<int>* sends;
    HttpResponse operator()(const HttpRequest&, const Attempt&) const {
        ++*sends;
        return {503, {}, {}, false};
    }
};

/// A clock that asks for a stop after so many waits.
struct StoppingClock : testing::ManualClock {
    std::stop_source source;
    std::size_t after = 3;
    void sleep(Duration delay) {
        testing::ManualClock::sleep(delay);
        if (waits().size() == after) source.request_stop();
    }
};

}  // namespace

TEST_CASE("a stop token that was stopped before the call sends nothing") {
    std::stop_source source;
    source.request_stop();
    std::atomic<int> sends{0};
    const Client client{Failing{&sends}};
    const auto result = client.send(request, StopWith{source.get_token()});
    CHECK(result.error().kind == ErrorKind::cancelled);
    CHECK(sends == 0);
}

TEST_CASE("a stop token ends a wait within a tick, and nothing is sent after it") {
    StoppingClock clock;
    std::atomic<int> sends{0};
    const Client client{Failing{&sends}, RetryOn<Transient>{}, MaxAttempts<5>{},
                        Backoff{Constant{10s}, NoJitter{}}, UseClock{clock}};
    const auto result = client.send(request, StopWith{clock.source.get_token()});
    CHECK(result.stop_reason() == StopReason::cancelled);
    CHECK(sends == 1);
    CHECK(clock.waits().size() == 3);
    for (const Duration wait : clock.waits()) CHECK(wait <= 50ms);
}

TEST_CASE("a stop token that nobody stops changes nothing, also after its source has gone") {
    std::atomic<int> sends{0};
    const Client client{Failing{&sends}, RetryOn<Transient>{}, MaxAttempts<3>{}};
    CHECK(client.send(request, StopWith{std::stop_token{}}).error().kind == ErrorKind::transient);
    CHECK(sends == 3);
    std::stop_token orphan;
    {
        std::stop_source source;
        orphan = source.get_token();
    }
    CHECK(client.send(request, StopWith{orphan}).error().kind == ErrorKind::transient);
    CHECK(sends == 6);
}

TEST_CASE("copies of a stop extra are the same, and outlive the first") {
    std::stop_source source;
    const auto copy_of = [](const StopWith& stop) { return stop; };
    const StopWith stop = copy_of(StopWith{source.get_token()});
    std::atomic<int> sends{0};
    const Client client{Failing{&sends}};
    CHECK(client.send(request, stop).error().kind == ErrorKind::transient);
    source.request_stop();
    CHECK(client.send(request, stop).error().kind == ErrorKind::cancelled);
    CHECK(sends == 1);
}

TEST_CASE("a thread that is asked to stop ends its call") {
    std::atomic<int> sends{0};
    ErrorKind kind{};
    {
        const Client client{Failing{&sends}, RetryOn<Transient>{}, MaxAttempts{1'000'000'000}};
        std::jthread worker([&](const std::stop_token& token) {
            kind = client.send(request, StopWith{token}).error().kind;
        });
        while (sends == 0) std::this_thread::yield();
    }  // asks it to stop, and waits for it
    CHECK(kind == ErrorKind::cancelled);
}

TEST_CASE("a stop token ends an asynchronous call at once") {
    std::vector<std::function<void(HttpResponse)>> kept;
    const driver::callback::Client client{
        [&kept](const HttpRequest&, const Attempt&, std::function<void(HttpResponse)> done) {
            kept.push_back(std::move(done));
        },
        driver::NoScheduler{}, RetryOn<AuthRejected>{}};
    std::stop_source source;
    std::vector<ErrorKind> ends;
    const auto done = [&ends](const auto& result) { ends.push_back(result.error().kind); };
    client.send(request, done, StopWith{source.get_token()});
    CHECK(ends.empty());
    source.request_stop();
    CHECK(ends == std::vector<ErrorKind>{ErrorKind::cancelled});
    client.send(request, done, StopWith{source.get_token()});
    CHECK(ends.size() == 2);
    CHECK(kept.size() == 1);
}

TEST_CASE("a stop token may end the last call that knows of it") {
    testing::ManualScheduler time;
    const driver::callback::Client client{
        [](const HttpRequest&, const Attempt&, const std::function<void(HttpResponse)>& done) {
            done(HttpResponse{503, {}, {}, false});
        },
        time,
        UseClock{time},
        RetryOn<Transient>{},
        MaxAttempts<3>{},
        Backoff{std::chrono::seconds{2}}};
    std::stop_source source;
    int ends = 0;
    const auto done = [&ends](const auto& result) {
        ends += result.error().kind == ErrorKind::cancelled ? 1 : 0;
    };
    client.send(request, done, StopWith{source.get_token()}, Idempotent{});
    CHECK(ends == 0);
    source.request_stop();
    CHECK(ends == 1);
    CHECK(client.in_flight() == 0);
}

TEST_CASE("a stop token stops a call through a client without its type") {
    std::atomic<int> sends{0};
    const AnyClient<HttpRequest, HttpResponse> client{Client{Failing{&sends}}};
    std::stop_source source;
    (void)client.send(request, StopWith{source.get_token()});
    CHECK(sends == 1);
    source.request_stop();
    const auto result = client.send(request, StopWith{source.get_token()});
    CHECK(result.error().kind == ErrorKind::cancelled);
    CHECK(sends == 1);
}
