// SPDX-License-Identifier: BSL-1.0
// What an asynchronous call meets on bad days: exceptions of other calls, callbacks kept too long.
#include <rekey/driver/callback.hpp>

#include "catch.hpp"
#include "support/clients.hpp"
#include "support/later.hpp"
#include "support/traded.hpp"

#include <rekey/cancellation.hpp>
#include <rekey/policy/backoff.hpp>
#include <rekey/policy/hedge.hpp>
#include <rekey/testing/manual_scheduler.hpp>

#include <chrono>
#include <deque>
#include <exception>
#include <functional>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

namespace {

using namespace clients;
using namespace std::chrono_literals;
using driver::NoScheduler;
using testing::ManualScheduler;
using Results = std::vector<Result<HttpResponse>>;

auto into(Results& results) {
    return [&results](Result<HttpResponse> result) { results.push_back(std::move(result)); };
}
HttpRequest question() { return {"GET", "https://api.coze.com/v1/bots/7", {}, {}}; }

struct Other : Traded {
    static constexpr auto name = "other";
};
bool is_exchange(const HttpRequest& request) { return request.url == "https://auth.example/token"; }

}  // namespace

TEST_CASE("a transport may keep the callback of a token request until after the next one") {
    Results results;
    ManualScheduler time;
    std::vector<Later::Done> kept;
    int exchanges = 0;
    const driver::callback::Client client{
        [&](const HttpRequest& request, const Attempt&, const Later::Done& done) {
            kept.push_back(done);
            if (!is_exchange(request))
                done(accepted());
            else if (++exchanges == 1)
                done(answer(401, R"({"error_code":"access_deny"})"));
            else
                done(granted("one"));
        },
        time, UseClock{time}, CredentialChain{Traded{}, Other{}}, OnRefusal{}};
    client.send(chat(), into(results));
    REQUIRE(results.size() == 1);
    CHECK(results[0]);
    CHECK(exchanges == 2);
    kept.clear();
    CHECK(client.in_flight() == 0);
}

TEST_CASE("what a done throws is not told to that done once more") {
    struct Throwing {
        int* ends;
        int* failures;
        void operator()(const Result<HttpResponse>&) const {
            ++*ends;
            throw std::logic_error("mine");
        }
        void failed(const std::exception_ptr&) const { ++*failures; }
    };
    int ends = 0;
    int failures = 0;
    Later later;
    const driver::callback::Client client{std::ref(later), NoScheduler{}, both(), OnCodes{}};
    client.send(chat(), Throwing{&ends, &failures});
    CHECK_THROWS_AS(later.answer(accepted()), std::logic_error);
    CHECK(ends == 1);
    CHECK(failures == 0);
}

TEST_CASE("an exception of a call that waited for a token passes by the call that obtained it") {
    Results results;
    ManualScheduler time;
    Later later;
    int sends = 0;
    const driver::callback::Client client{
        [&](const HttpRequest& request, const Attempt& attempt, Later::Done done) {
            if (!is_exchange(request) && ++sends == 1) throw std::runtime_error("the wire broke");
            later(request, attempt, std::move(done));
        },
        time, UseClock{time}, CredentialChain{Traded{}}, OnRefusal{}};
    for (int i = 0; i != 3; ++i) client.send(chat(), into(results));
    CHECK_THROWS_AS(later.answer(granted("one")), std::runtime_error);
    CHECK(client.in_flight() == 2);  // the leader and the other that waited
    REQUIRE(later.asks.size() == 2);
    later.answer(accepted());
    later.answer(accepted());
    CHECK(results.size() == 2);
    CHECK(client.in_flight() == 0);
}

TEST_CASE("calls that were begun inside a done end, though it throws or one of them does") {
    Results results;
    Later later;
    const Canceller stop;
    int sends = 0;
    const driver::callback::Client client{
        [&](const HttpRequest& request, const Attempt& attempt, Later::Done done) {
            if (++sends == 2) throw std::runtime_error("the wire broke");
            later(request, attempt, std::move(done));
        },
        NoScheduler{}, both(), OnCodes{}};
    client.send(chat(), [&](const Result<HttpResponse>&) {
        client.send(chat(), into(results), Cancellation{stop});  // meets the exception
        client.send(chat(), into(results), Cancellation{stop});
        throw std::logic_error("mine");
    });
    CHECK_THROWS_AS(later.answer(accepted()), std::logic_error);
    CHECK(client.in_flight() == 1);
    stop.cancel();
    REQUIRE(results.size() == 1);
    CHECK(results[0].error().kind == ErrorKind::cancelled);
    CHECK(client.in_flight() == 0);
}

TEST_CASE("a canceller ends all its calls, though a done throws") {
    Later later;
    const Canceller stop;
    int ends = 0;
    const driver::callback::Client client{std::ref(later), NoScheduler{}, both(), OnCodes{}};
    const auto done = [&ends](const Result<HttpResponse>&) {
        ++ends;
        throw std::logic_error("mine");
    };
    SECTION("of a canceller") {
        for (int i = 0; i != 3; ++i) client.send(chat(), done, Cancellation{stop});
        CHECK_THROWS_AS(stop.cancel(), std::logic_error);
    }
    SECTION("of a client") {
        for (int i = 0; i != 3; ++i) client.send(chat(), done);
        CHECK_THROWS_AS(client.cancel_all(), std::logic_error);
    }
    CHECK(ends == 3);
    CHECK(client.in_flight() == 0);
}

TEST_CASE("a client is idle when the last done has returned") {
    Results results;
    Later later;
    const driver::callback::Client client{std::ref(later), NoScheduler{}, both(), OnCodes{}};
    std::size_t seen = 99;
    SECTION("of a call that was answered") {
        client.send(chat(), into(results));
        client.when_idle([&] { seen = results.size(); });
        later.answer(accepted());
        CHECK(seen == 1);
    }
    SECTION("of a call that it began, which is cancelled with the others") {
        client.send(chat(), [&](Result<HttpResponse> result) {
            results.push_back(std::move(result));
            client.send(chat(), into(results));
            CHECK(client.in_flight() == 2);
            client.when_idle([&] { seen = results.size(); });
            client.cancel_all();
        });
        later.answer(accepted());
        CHECK(seen == 2);
        CHECK(later.asks.empty());
    }
}

TEST_CASE("a copy that comes too late still sees what it was called with") {
    struct Seen {
        const Attempt* attempt;
        const HttpRequest* request;
        std::string authorization;
        Later::Done done;
    };
    Results results;
    ManualScheduler time;
    std::deque<Seen> seen;
    SECTION("in its attempt") {
        const driver::callback::Client client{
            [&](const HttpRequest& request, const Attempt& attempt, Later::Done done) {
                seen.push_back(
                    {&attempt, &request, std::string(attempt.authorization()), std::move(done)});
            },
            time,
            UseClock{time},
            both(),
            RetryOn<AuthRejected>{},
            MaxAttempts<3>{},
            Hedge{200ms}};
        client.send(question(), into(results));
        time.advance(200ms);
        REQUIRE(seen.size() == 2);
        seen[1].done(refusal(4101, 401));
        REQUIRE(seen.size() == 3);
        CHECK(seen[0].attempt->number() == 1);
        CHECK(seen[0].attempt->authorization() == seen[0].authorization);
        CHECK(seen[2].attempt->number() == 2);
        seen[2].done(accepted());
        CHECK(seen[0].attempt->authorization() == "Bearer pat_personal_1");
    }
    SECTION("in its signed copy") {
        const driver::callback::Client client{
            [&](HttpRequest& request, Later::Done done) {
                seen.push_back({nullptr, &request,
                                std::string(find_header(request.headers, "Authorization")),
                                std::move(done)});
            },
            time,
            UseClock{time},
            both(),
            RetryOn<AuthRejected>{},
            MaxAttempts<3>{},
            Hedge{200ms}};
        client.send(question(), into(results));
        time.advance(200ms);
        REQUIRE(seen.size() == 2);
        seen[1].done(refusal(4101, 401));
        REQUIRE(seen.size() == 3);
        CHECK(find_header(seen[0].request->headers, "Authorization") == seen[0].authorization);
        seen[2].done(accepted());
    }
    CHECK(results.size() == 1);
    seen.clear();
}

TEST_CASE("a call that ends by an exception lets go of what else it waited for") {
    Results results;
    ManualScheduler time;
    Later later;
    int sends = 0;
    const driver::callback::Client client{
        [&](const HttpRequest& request, const Attempt& attempt, Later::Done done) {
            if (++sends == 2) throw std::runtime_error("the wire broke");
            return later(request, attempt, std::move(done));
        },
        time,
        UseClock{time},
        both(),
        MaxAttempts<3>{},
        Hedge{200ms, 3}};
    client.send(question(), into(results));
    CHECK_THROWS_AS(time.advance(200ms), std::runtime_error);
    CHECK(later.cancelled == 1);
    CHECK(time.waiting() == 0);
    CHECK(client.in_flight() == 0);
}

TEST_CASE("nothing is sent after a cancellation that came with another event") {
    Results results;
    ManualScheduler time;
    const Canceller stop;
    SECTION("no further copy") {
        struct Hasty {
            struct Handle {
                void cancel() const noexcept {}
            };
            Handle after(Duration, const std::function<void()>& act) const {
                act();
                return {};
            }
        };
        std::vector<Later::Done> kept;
        const driver::callback::Client client{
            [&](const HttpRequest&, const Attempt&, Later::Done done) {
                kept.push_back(std::move(done));
                stop.cancel();
            },
            Hasty{}, both(), MaxAttempts<3>{}, Hedge{200ms, 4}};
        client.send(question(), into(results), Cancellation{stop});
        CHECK(kept.size() == 1);
    }
    SECTION("no token request with another date") {
        int exchanges = 0;
        const driver::callback::Client client{
            [&](const HttpRequest&, const Attempt&, const Later::Done& done) {
                ++exchanges;
                stop.cancel();
                HttpResponse refused = answer(401, R"({"error_code":"access_deny"})");
                refused.headers.push_back({"Date", "Mon, 21 Sep 2026 23:59:59 GMT"});
                done(std::move(refused));
            },
            time, UseClock{time}, CredentialChain{Traded{}}, OnRefusal{}};
        client.send(chat(), into(results), Cancellation{stop});
        CHECK(exchanges == 1);
    }
    REQUIRE(results.size() == 1);
    CHECK(results[0].error().kind == ErrorKind::cancelled);
}

TEST_CASE("what has answered or fired is not cancelled any more") {
    struct Counting {
        struct Handle {
            Counting* scheduler;
            ManualScheduler::Handle handle;
            void cancel() {
                ++scheduler->cancelled;
                handle.cancel();
            }
        };
        Handle after(Duration delay, std::function<void()> act) {
            return {this, time->after(delay, std::move(act))};
        }
        ManualScheduler* time;
        int cancelled = 0;
    };
    Results results;
    ManualScheduler time;
    Counting scheduler{&time};
    Later later;
    const driver::callback::Client client{std::ref(later), std::ref(scheduler),  UseClock{time},
                                          both(),          RetryOn<Transient>{}, MaxAttempts<3>{},
                                          Hedge{200ms, 2}};
    client.send(question(), into(results));
    time.advance(200ms);
    REQUIRE(later.asks.size() == 2);
    later.answer(answer(503));
    later.answer(accepted());
    REQUIRE(results.size() == 1);
    CHECK(later.cancelled == 0);
    CHECK(scheduler.cancelled == 0);
    const driver::callback::Client waiting{std::ref(later),  std::ref(scheduler),
                                           UseClock{time},   RetryOn<Transient>{},
                                           MaxAttempts<3>{}, Backoff{Constant{2s}}};
    waiting.send(question(), into(results));
    later.answer(answer(503));
    time.advance(2s);
    later.answer(accepted());
    REQUIRE(results.size() == 2);
    CHECK(scheduler.cancelled == 0);
}

TEST_CASE("the last call that a canceller stops may take the canceller along") {
    ManualScheduler time;
    auto stop = std::make_unique<Canceller>();
    int ends = 0;
    const driver::callback::Client client{
        [](const HttpRequest&, const Attempt&, const Later::Done& done) { done(answer(503)); },
        time,
        UseClock{time},
        RetryOn<Transient>{},
        MaxAttempts<3>{},
        Backoff{Constant{2s}, NoJitter{}}};
    for (int i = 0; i != 2; ++i)
        client.send(
            question(),
            [&](const Result<HttpResponse>& result) {
                ends += result.error().kind == ErrorKind::cancelled ? 1 : 0;
                stop.reset();  // as the owner of both does
            },
            Cancellation{*stop});
    stop->cancel();
    CHECK(ends == 2);
    CHECK(client.in_flight() == 0);
}
