// SPDX-License-Identifier: BSL-1.0
#include <rekey/testing/async_script.hpp>

#include <rekey/driver/callback.hpp>
#include <rekey/policy/hedge.hpp>
#include <rekey/testing/matchers.hpp>

#include "catch.hpp"
#include "support/clients.hpp"
#include "support/traded.hpp"

#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace {

using namespace clients;
using namespace std::chrono_literals;
using testing::AsyncScript;
using testing::ManualScheduler;
using Ends = std::vector<std::string>;

/// Notes how a call ended.
auto note(Ends& ends) {
    return [&ends](const Result<HttpResponse>& result) {
        ends.push_back(result ? std::string(result.credential()) : result.error().message());
    };
}

}  // namespace

TEST_CASE("an asynchronous call falls back over a script, in virtual time") {
    ManualScheduler time;
    AsyncScript http{time, 20ms};
    http.then(200, 4101).then(200);
    const driver::callback::Client client{http, time, both(), OnCodes{}};
    Ends ends;
    client.send(chat(), note(ends));
    time.advance(20ms);
    CHECK(ends.empty());
    CHECK(http.left() == 0);
    time.advance(20ms);
    CHECK(ends == Ends{"enterprise"});
    CHECK_THAT(http, testing::UsedCredentials("personal", "enterprise"));
    CHECK_THAT(Catch::StringMaker<AsyncScript>::convert(http),
               ContainsSubstring("0 answers left") && !ContainsSubstring("pat_personal"));
}

TEST_CASE("an answer of an asynchronous script to a call that was cancelled never comes") {
    ManualScheduler time;
    AsyncScript http{time, 20ms};
    http.then(200);
    const driver::callback::Client client{http, time, both(), OnCodes{}};
    Ends ends;
    const auto call = client.send(chat(), note(ends));
    CHECK(time.waiting() == 1);
    call.cancel();
    CHECK(time.waiting() == 0);
    CHECK(ends.size() == 1);
    time.run();
    CHECK(ends.size() == 1);
}

TEST_CASE("a slow answer of an asynchronous script is overtaken by a second copy") {
    ManualScheduler time;
    AsyncScript http{time, 10s};
    http.then(200).then(200);
    const driver::callback::Client client{http, time, both(), OnCodes{}, Hedge{100ms}};
    Ends ends;
    client.send(chat(), note(ends), Idempotent{});
    http.answer_after(20ms);
    time.advance(150ms);
    CHECK(ends == Ends{"personal"});
    CHECK(http.sends().size() == 2);
}

TEST_CASE("a send beyond an asynchronous script fails in words") {
    ManualScheduler time;
    AsyncScript http{time};
    const driver::callback::Client client{http, time, both(), OnCodes{}};
    Ends ends;
    client.send(chat(), note(ends));
    time.run();
    CHECK(ends == Ends{"the script has 0 answers and this is send 1"});
}

TEST_CASE("virtual time never goes back, though what runs in it waits itself") {
    ManualScheduler time;
    const auto start = time.now();
    time.after(5ms, [&time] { time.sleep(20ms); });
    time.advance(10ms);
    CHECK(time.now() - start == 25ms);
    time.advance(1ms);
    CHECK(time.now() - start == 26ms);
}

TEST_CASE("an answer that takes for ever never comes, however late it was asked for") {
    ManualScheduler time;
    time.advance(1s);
    AsyncScript http{time, (Duration::max)()};
    http.then(200);
    const driver::callback::Client client{http, time, both(), OnCodes{}};
    Ends ends;
    const auto call = client.send(chat(), note(ends));
    time.advance(24h);
    CHECK(ends.empty());
    CHECK(time.waiting() == 1);
    call.cancel();
    CHECK(ends.size() == 1);
}

TEST_CASE("a timer that is cancelled once more while it is cancelled is destroyed once") {
    struct Last {
        std::function<void()> act{};
        ~Last() { act(); }
    };
    ManualScheduler time;
    int cancelled = 0;
    auto last = std::make_shared<Last>();
    auto handle = time.after(1s, [last] {});
    last->act = [handle, &cancelled]() mutable {
        ++cancelled;
        handle.cancel();
    };
    last.reset();  // from here on the timer alone owns it
    handle.cancel();
    CHECK(cancelled == 1);
    CHECK(time.waiting() == 0);
}

TEST_CASE("a test may end with calls on their way, which are told nothing") {
    auto time = std::make_unique<ManualScheduler>();
    auto http = std::make_unique<AsyncScript>(*time, 20ms);
    http->then(200).then(200).then(200);
    const auto done = std::make_shared<Ends>();  // its owners are those of the `done` of calls
    const auto told = [done](const Result<HttpResponse>&) { done->emplace_back("told"); };
    bool is_idle = false;
    auto end = [&](auto& client) {
        client.send(HttpRequest{"GET", "https://a.example", {}, {}}, told);
        client.when_idle([&is_idle] { is_idle = true; });
        CHECK(time->waiting() == 1);
        CHECK(done.use_count() == 3);
        const auto* const sends = &http->sends();
        SECTION("the time ends first") {
            time.reset();
            CHECK(sends->size() == 1);
            http.reset();
        }
        SECTION("the script ends first") {
            http.reset();
            time.reset();
        }
        CHECK(done.use_count() == 2);
        CHECK(done->empty());
        CHECK(client.in_flight() == 0);
        CHECK(is_idle);
    };
    SECTION("over a script") {
        const driver::callback::Client client{*http, *time, RetryOn<Transient>{}, MaxAttempts<3>{}};
        end(client);
    }
    SECTION("over a recorder around it") {
        testing::Recorder around{*http};
        const driver::callback::Client client{around, *time, RetryOn<Transient>{},
                                              MaxAttempts<3>{}};
        end(client);
    }
}

TEST_CASE("calls that wait for a token end with the script that one of them asked for it") {
    auto time = std::make_unique<ManualScheduler>();
    auto http = std::make_unique<AsyncScript>(*time, 20ms);
    http->then(granted("one")).then(200).then(200);
    const driver::callback::Client client{*http, *time, UseClock{*time},
                                          CredentialChain{Traded{}, Enterprise{}}, OnCodes{}};
    Ends ends;
    for (int i = 0; i != 3; ++i) client.send(chat(), note(ends));
    CHECK(http->sends().size() == 1);
    if (GENERATE(false, true)) time.reset();
    http.reset();
    CHECK(ends.empty());
    CHECK(client.in_flight() == 0);
}
