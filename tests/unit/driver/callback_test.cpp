// SPDX-License-Identifier: BSL-1.0
#include <rekey/driver/callback.hpp>

#include "catch.hpp"
#include "support/clients.hpp"
#include "support/later.hpp"

#include <rekey/cancellation.hpp>
#include <rekey/policy/backoff.hpp>
#include <rekey/policy/budget.hpp>
#include <rekey/policy/bulkhead.hpp>
#include <rekey/policy/remember.hpp>
#include <rekey/testing/manual_scheduler.hpp>
#include <rekey/testing/print.hpp>

#include <atomic>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <sstream>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>
#include <vector>

namespace {

using namespace clients;
using namespace std::chrono_literals;
using driver::NoScheduler;
using driver::callback::CallHandle;
using testing::ManualScheduler;
using testing::Script;
using Answer = TransportResult<HttpResponse>;
using Done = std::function<void(Answer)>;
using Results = std::vector<Result<HttpResponse>>;

/// Answers out of a script before it returns.
auto inline_transport(Script& script) {
    return [&script](const HttpRequest& request, const Attempt& attempt, const Done& done) {
        done(script(request, attempt));
    };
}

auto into(Results& results) {
    return [&results](Result<HttpResponse> result) { results.push_back(std::move(result)); };
}

using Patient = RetryOn<AuthRejected, NotFound, RateLimited, Transient>;

}  // namespace

TEST_CASE("an asynchronous call that is accepted ends with its response") {
    Script script;
    script.then(200);
    Results results;
    const driver::callback::Client client{inline_transport(script), NoScheduler{}, both(),
                                          OnCodes{}};
    client.send(chat(), into(results));
    REQUIRE(results.size() == 1);
    REQUIRE(results[0]);
    CHECK(results[0].credential() == "personal");
    CHECK(script.sends()[0].authorization == "Bearer pat_personal_1");
    CHECK(client.in_flight() == 0);
}

TEST_CASE("a refused asynchronous call goes on with the next credential when the answer comes") {
    Results results;
    Later http;
    const driver::callback::Client client{http, NoScheduler{}, both(), OnCodes{}};
    client.send(chat(), into(results));
    REQUIRE(http.asks.size() == 1);
    CHECK(client.in_flight() == 1);
    http.answer(refusal());
    REQUIRE(http.asks.size() == 1);
    CHECK(results.empty());
    CHECK(http.asks[0].authorization == "Bearer pat_enterprise_1");
    CHECK(http.asks[0].number == 2);
    http.answer(accepted());
    REQUIRE(results.size() == 1);
    CHECK(results[0].credential() == "enterprise");
    CHECK(results[0].trail().size() == 2);
    CHECK(client.in_flight() == 0);
}

TEST_CASE("both drivers come to the same end for the same answers") {
    using Steps = std::vector<std::function<void(Script&)>>;
    const std::vector<Steps> stories = {
        {[](Script& s) { s.then(200); }},
        {[](Script& s) { s.then(401, 4100); }, [](Script& s) { s.then(200); }},
        {[](Script& s) { s.then(503); }, [](Script& s) { s.then(200, 4101); },
         [](Script& s) { s.then(404, 4200); }},
        {[](Script& s) { s.then(429, 4013); }, [](Script& s) { s.then(429, 4013); },
         [](Script& s) { s.then(200); }},
        {[](Script& s) {
             s.then(TransportError{Reach::never_sent, "refused"});
         },
         [](Script& s) {
             s.then(TransportError{Reach::cut_short, "reset"});
         }},
        {[](Script& s) { s.then(200, 4000); }},
    };
    for (const Steps& steps : stories) {
        Script one;
        Script other;
        for (const auto& step : steps) {
            step(one);
            step(other);
        }
        const Backoff pace{Exponential{1s}, NoJitter{}};
        testing::ManualClock clock;
        const Client blocking{one, both(), Patient{}, MaxAttempts<4>{}, pace, UseClock{clock}};
        const auto expected = blocking.send(chat(), Idempotent{});

        ManualScheduler time;
        Results results;
        const driver::callback::Client client{
            inline_transport(other), time, both(),        Patient{},
            MaxAttempts<4>{},        pace, UseClock{time}};
        client.send(chat(), into(results), Idempotent{});
        time.run();
        REQUIRE(results.size() == 1);
        const auto text = [](const auto& result) {
            std::ostringstream out;
            out << result << result.trail();
            return out.str();
        };
        CHECK(text(results[0]) == text(expected));
        CHECK(time.delays() == clock.waits());
        CHECK(other.sends().size() == one.sends().size());
    }
}

TEST_CASE("an asynchronous wait goes through the scheduler and blocks nobody") {
    Script script;
    script.then(503).then(503).then(200);
    ManualScheduler time;
    Results results;
    const driver::callback::Client client{
        inline_transport(script),         time, UseClock{time}, Patient{}, MaxAttempts<3>{},
        Backoff{Constant{2s}, NoJitter{}}};
    client.send(chat(), into(results), Idempotent{});
    CHECK(script.sends().size() == 1);
    time.advance(1999ms);
    CHECK(script.sends().size() == 1);
    time.advance(1ms);
    CHECK(script.sends().size() == 2);
    CHECK(results.empty());
    time.advance(2s);
    REQUIRE(results.size() == 1);
    CHECK(results[0]);
}

TEST_CASE("a cancelled asynchronous call ends at once, whatever it waits for") {
    ManualScheduler time;
    Results results;
    SECTION("for an answer: the transport is told, and a late answer is dropped") {
        Later http;
        const driver::callback::Client client{http, NoScheduler{}, both(), OnCodes{}};
        const CallHandle call = client.send(chat(), into(results));
        call.cancel();
        REQUIRE(results.size() == 1);
        CHECK(results[0].error().kind == ErrorKind::cancelled);
        CHECK(results[0].stop_reason() == StopReason::cancelled);
        CHECK(http.cancelled == 1);
        http.answer(accepted());
        CHECK(results.size() == 1);
        CHECK(http.asks.empty());
        call.cancel();
        CHECK(results.size() == 1);
    }
    SECTION("for a delay: its timer is cancelled") {
        Script script;
        script.then(503).then(200);
        const driver::callback::Client client{inline_transport(script), time,
                                              UseClock{time},           Patient{},
                                              MaxAttempts<3>{},         Backoff{Constant{2s}}};
        const CallHandle call = client.send(chat(), into(results), Idempotent{});
        CHECK(time.waiting() == 1);
        call.cancel();
        REQUIRE(results.size() == 1);
        CHECK(results[0].error().kind == ErrorKind::cancelled);
        CHECK(time.waiting() == 0);
        time.run();
        CHECK(script.sends().size() == 1);
    }
    SECTION("by a canceller, which ends all its calls") {
        Later http;
        const Canceller stop;
        const driver::callback::Client client{http, NoScheduler{}, both(), OnCodes{}};
        client.send(chat(), into(results), Cancellation{stop});
        client.send(chat(), into(results), Cancellation{stop});
        client.send(chat(), into(results));
        stop.cancel();
        CHECK(results.size() == 2);
        CHECK(client.in_flight() == 1);
        client.send(chat(), into(results), Cancellation{stop});
        REQUIRE(results.size() == 3);
        CHECK(results[2].error().kind == ErrorKind::cancelled);
        CHECK(http.asks.size() == 3);
    }
    SECTION("inside the transport, before it has an answer") {
        CallHandle call;
        const Canceller stop;
        int sends = 0;
        const driver::callback::Client client{
            [&](const HttpRequest&, const Attempt&, const Done& done) {
                ++sends;
                stop.cancel();
                done(refusal());
            },
            NoScheduler{}, both(), OnCodes{}};
        client.send(chat(), into(results), Cancellation{stop});
        REQUIRE(results.size() == 1);
        CHECK(results[0].error().kind == ErrorKind::cancelled);
        CHECK(sends == 1);
    }
}

TEST_CASE("an answer that is there beats a cancellation that comes with it") {
    Results results;
    const Canceller stop;
    const driver::callback::Client client{
        [&](const HttpRequest&, const Attempt&, const Done& done) {
            done(accepted());
            stop.cancel();
        },
        NoScheduler{}, both(), OnCodes{}};
    client.send(chat(), into(results), Cancellation{stop});
    REQUIRE(results.size() == 1);
    CHECK(results[0]);
}

TEST_CASE("a callback that is dropped counts as sent and unanswered") {
    Results results;
    const driver::callback::Client client{[](const HttpRequest&, const Attempt&, const Done&) {},
                                          NoScheduler{}, both(), OnCodes{}};
    client.send(chat(), into(results));
    REQUIRE(results.size() == 1);
    CHECK(results[0].error().kind == ErrorKind::transport);
    CHECK(results[0].error().reach == Reach::sent_unanswered);
    CHECK_THAT(results[0].error().message(), ContainsSubstring("dropped its callback"));
}

TEST_CASE("a second answer to one attempt is dropped") {
    Results results;
    int sends = 0;
    const driver::callback::Client client{
        [&](const HttpRequest&, const Attempt&, const Done& done) {
            ++sends;
            done(sends == 1 ? refusal() : accepted());
            done(refusal());
        },
        NoScheduler{}, both(), OnCodes{}};
    client.send(chat(), into(results));
    REQUIRE(results.size() == 1);
    CHECK(results[0].credential() == "enterprise");
    CHECK(sends == 2);
}

TEST_CASE("answers before the transport returns need no stack", "[one_thread]") {
    std::uintptr_t lowest = UINTPTR_MAX;
    std::uintptr_t highest = 0;
    const auto note_stack = [&] {
        const auto place = reinterpret_cast<std::uintptr_t>(__builtin_frame_address(0));
        lowest = place < lowest ? place : lowest;
        highest = place > highest ? place : highest;
    };
    SECTION("in one call of very many attempts") {
        unsigned sends = 0;
        Results results;
        const driver::callback::Client client{
            driver::answering<HttpResponse>(
                [&](const HttpRequest&, const Attempt&, const auto& done) {
                    note_stack();
                    ++sends;
                    done(HttpResponse{503, {}, {}, false});
                }),
            NoScheduler{}, RetryOn<Transient>{}, MaxAttempts<200'000>{}};
        client.send(chat(), into(results), Idempotent{});
        REQUIRE(results.size() == 1);
        CHECK(sends == 200'000);
        CHECK(results[0].stop_reason() == StopReason::attempts_used_up);
    }
    SECTION("in very many calls, each begun by the end of the one before") {
        unsigned left = 200'000;
        const driver::callback::Client client{
            driver::answering<HttpResponse>(
                [&](const HttpRequest&, const Attempt&, const auto& done) {
                    note_stack();
                    done(accepted());
                }),
            NoScheduler{}, both(), OnCodes{}};
        const HttpRequest request{"GET", "https://api.coze.com/", {}, {}};
        struct Again {
            decltype(client)* over;
            const HttpRequest* same;
            unsigned* count;
            void operator()(const Result<HttpResponse>& result) const {
                if (result && --*count != 0) over->send(*same, *this);
            }
        };
        client.send(request, Again{&client, &request, &left});
        CHECK(left == 0);
        CHECK(client.in_flight() == 0);
    }
    CHECK(highest - lowest < 8192);
}

TEST_CASE("calls end as if their client lived") {
    Results results;
    Later http;
    {
        const driver::callback::Client client{http, NoScheduler{}, both(), OnCodes{}};
        const auto copy = client;
        copy.send(chat(), into(results));
        CHECK(client.in_flight() == 1);
    }
    http.answer(refusal());
    http.answer(accepted());
    REQUIRE(results.size() == 1);
    CHECK(results[0].credential() == "enterprise");
}

TEST_CASE("a client is shut down in three steps: closed, drained, cancelled") {
    Results results;
    Later http;
    const driver::callback::Client client{http, NoScheduler{}, both(), OnCodes{}};
    client.send(chat(), into(results));
    client.send(chat(), into(results));
    bool is_idle = false;
    client.close();
    client.when_idle([&] { is_idle = true; });
    client.send(chat(), into(results));
    REQUIRE(results.size() == 1);
    CHECK(results[0].error().kind == ErrorKind::cancelled);
    CHECK_THAT(results[0].error().describe(), ContainsSubstring("this client is closed"));
    CHECK(http.asks.size() == 2);
    http.answer(accepted());
    CHECK_FALSE(is_idle);
    client.cancel_all();
    CHECK(results.size() == 3);
    CHECK(is_idle);
    bool again = false;
    client.when_idle([&] { again = true; });
    CHECK(again);
}

TEST_CASE("a scheduler that is destroyed takes the calls along that wait for its timers") {
    Results results;
    Script script;
    script.then(503);
    auto time = std::make_unique<ManualScheduler>();
    auto done = std::make_shared<int>(0);  // counts the owners of the `done`
    const Canceller stop;
    bool is_idle = false;
    const driver::callback::Client client{inline_transport(script), std::ref(*time),
                                          RetryOn<Transient>{}, MaxAttempts<3>{},
                                          Backoff{Constant{2s}, NoJitter{}}};
    CallHandle call = client.send(
        chat(),
        [done = std::shared_ptr<int>(done), &results](Result<HttpResponse> r) {
            results.push_back(std::move(r));
        },
        Idempotent{}, Cancellation{stop});
    CHECK(client.in_flight() == 1);
    client.when_idle([&] { is_idle = true; });
    SECTION("if nobody is left who could end them") {
        call = CallHandle{};
        time.reset();
        CHECK(results.empty());
    }
    SECTION("or leaves them to whoever can cancel") {
        time.reset();
        CHECK(client.in_flight() == 1);
        CHECK(done.use_count() == 2);
        CHECK_FALSE(is_idle);
        client.cancel_all();
        REQUIRE(results.size() == 1);
        CHECK(results[0].error().kind == ErrorKind::cancelled);
    }
    CHECK(client.in_flight() == 0);
    CHECK(is_idle);
    CHECK(done.use_count() == 1);
    stop.cancel();  // neither knows them any more
    client.cancel_all();
}

namespace {

/// A loop that everything of a call happens in.
struct HomeLoop : ManualScheduler {
    std::deque<std::function<void()>> tasks{};
    bool is_inside = false;

    template <class Task> void execute(Task task) {
        if (is_inside)
            task();
        else
            tasks.emplace_back(std::move(task));
    }
    void run_tasks() {
        is_inside = true;
        while (!tasks.empty()) {
            const auto task = std::move(tasks.front());
            tasks.pop_front();
            task();
        }
        is_inside = false;
    }
};
struct FullLoop : HomeLoop {
    bool is_full = false;
    template <class Task> void execute(Task task) {
        if (is_full) throw std::runtime_error("the loop is full");
        HomeLoop::execute(std::move(task));
    }
};

}  // namespace

TEST_CASE("with a scheduler that executes, all of a call happens there, whoever brings an event") {
    Results results;
    HomeLoop loop;
    Later http;
    int outside = 0;
    const auto guarded = [&](const HttpRequest& request, const Attempt& attempt, Done done) {
        outside += loop.is_inside ? 0 : 1;
        return http(request, attempt, std::move(done));
    };
    const auto done = [&](Result<HttpResponse> result) {
        outside += loop.is_inside ? 0 : 1;
        results.push_back(std::move(result));
    };
    const driver::callback::Client client{guarded, std::ref(loop), UseClock{loop},
                                          both(),  OnCodes{},      MaxAttempts<3>{}};
    SECTION("answers of another thread") {
        client.send(chat(), done);
        CHECK(http.asks.empty());
        loop.run_tasks();
        REQUIRE(http.asks.size() == 1);
        http.answer(refusal());
        CHECK(http.asks.empty());
        loop.run_tasks();
        REQUIRE(http.asks.size() == 1);
        http.answer(accepted());
        CHECK(results.empty());
        loop.run_tasks();
        REQUIRE(results.size() == 1);
        CHECK(results[0].credential() == "enterprise");
    }
    SECTION("a cancellation") {
        const CallHandle call = client.send(chat(), done);
        loop.run_tasks();
        call.cancel();
        CHECK(results.empty());
        CHECK(http.cancelled == 0);
        loop.run_tasks();
        REQUIRE(results.size() == 1);
        CHECK(results[0].error().kind == ErrorKind::cancelled);
        CHECK(http.cancelled == 1);
    }
    SECTION("a callback that is dropped") {
        client.send(chat(), done);
        loop.run_tasks();
        http.asks.clear();
        CHECK(results.empty());
        loop.run_tasks();
        REQUIRE(results.size() == 1);
        CHECK(results[0].error().reach == Reach::sent_unanswered);
    }
    SECTION("a call that was sent before the client was closed") {
        client.send(chat(), done);
        client.close();
        client.send(chat(), done);
        loop.run_tasks();
        REQUIRE(results.size() == 1);
        CHECK_FALSE(results[0]);
        REQUIRE(http.asks.size() == 1);
        http.answer(accepted());
        loop.run_tasks();
        REQUIRE(results.size() == 2);
        CHECK(results[1]);
    }
    SECTION("nothing, if the loop has ended") {
        client.send(chat(), done);
        loop.run_tasks();
        http.asks.clear();
        loop.tasks.clear();
        CHECK(results.empty());
        CHECK(client.in_flight() == 0);
        client.send(chat(), done);  // its place is free again
        loop.run_tasks();
        CHECK(http.asks.size() == 1);
        http.answer(accepted());
        loop.run_tasks();
        CHECK(results.size() == 1);
    }
    CHECK(outside == 0);
}

TEST_CASE("a call that its loop does not take can still be cancelled") {
    Results results;
    FullLoop loop;
    Later http;
    const driver::callback::Client client{http, std::ref(loop), both(), OnCodes{}};
    const CallHandle call = client.send(chat(), into(results));
    SECTION("before it has begun") {
        loop.tasks.clear();
        CHECK(client.in_flight() == 1);
        call.cancel();
        loop.run_tasks();
        REQUIRE(results.size() == 1);
        CHECK(results[0].error().kind == ErrorKind::cancelled);
        CHECK(http.asks.empty());
    }
    SECTION("while it waits: an answer that is there counts") {
        loop.run_tasks();
        SECTION("though its errand was thrown away") {
            http.answer(accepted());
            loop.tasks.clear();
        }
        SECTION("though the loop threw") {
            loop.is_full = true;
            CHECK_THROWS_AS(http.answer(accepted()), std::runtime_error);
            CHECK_THROWS_AS(call.cancel(), std::runtime_error);
            loop.is_full = false;
        }
        CHECK(client.in_flight() == 1);
        call.cancel();
        loop.run_tasks();
        REQUIRE(results.size() == 1);
        CHECK(results[0]);
    }
    CHECK(client.in_flight() == 0);
}

TEST_CASE("the texts of the extras are the call's own") {
    Results results;
    Later http;
    std::vector<std::string> keys;
    const driver::callback::Client client{
        [&](const HttpRequest& request, const Attempt& attempt, Done done) {
            keys.emplace_back(attempt.idempotency_key());
            http(request, attempt, std::move(done));
        },
        NoScheduler{}, both(), OnCodes{}};
    {
        std::string key = "key-that-is-longer-than-a-short-string";
        client.send(chat(), into(results), IdempotencyKey{key});
        key.assign(key.size(), 'x');
    }
    http.answer(refusal());
    http.answer(accepted());
    REQUIRE(results.size() == 1);
    REQUIRE(keys.size() == 2);
    CHECK(keys[1] == "key-that-is-longer-than-a-short-string");
    client.send(chat(), into(results), SameCredentialAs{results[0]});
    CHECK(http.asks.front().authorization == "Bearer pat_enterprise_1");
    http.answer(accepted());
}

TEST_CASE("a plain asynchronous transport gets a signed copy that lives until it answers") {
    std::vector<const HttpRequest*> seen;
    Results results;
    const driver::callback::Client client{
        [&](HttpRequest& request, const std::function<void(HttpResponse)>& done) {
            seen.push_back(&request);
            done(find_header(request.headers, "Authorization") == "Bearer pat_enterprise_1"
                     ? accepted()
                     : refusal());
        },
        NoScheduler{}, both(), OnCodes{}};
    client.send(chat(), into(results));
    REQUIRE(results.size() == 1);
    CHECK(results[0].credential() == "enterprise");
    CHECK(seen.size() == 2);
}

TEST_CASE("the deadline of an asynchronous call ends it before a wait that is too long") {
    Script script;
    script.then(503).then(200);
    ManualScheduler time;
    Results results;
    const driver::callback::Client client{
        inline_transport(script),         time, UseClock{time}, Patient{}, MaxAttempts<3>{},
        Backoff{Constant{2s}, NoJitter{}}};
    client.send(chat(), into(results), Idempotent{}, Deadline{1s});
    REQUIRE(results.size() == 1);
    CHECK(results[0].stop_reason() == StopReason::deadline);
    CHECK(script.sends().size() == 1);
}

TEST_CASE("what an asynchronous call owes its doors is given back when it is cancelled") {
    Results results;
    ManualScheduler time;
    Later http;
    const driver::callback::Client client{http,   time,      UseClock{time},
                                          both(), OnCodes{}, Bulkhead{1, Waiting{1, 5s}}};
    const CallHandle first = client.send(chat(), into(results));
    client.send(chat(), into(results));
    CHECK(http.asks.size() == 1);
    first.cancel();
    REQUIRE(results.size() == 1);
    time.advance(5s);
    CHECK(http.asks.size() == 2);
    http.answer(accepted());  // late
    http.answer(accepted());
    REQUIRE(results.size() == 2);
    CHECK(results[1]);
}

TEST_CASE("an asynchronous failure behind a refusal is reported if the budget is spent") {
    for (const bool answers : {true, false}) {
        Results results;
        Later http;
        testing::ManualScheduler scheduler;
        const driver::callback::Client client{http,      scheduler,        both(),
                                              Patient{}, MaxAttempts<5>{}, RetryBudget<1, 1>{}};
        client.send(chat(), into(results), Idempotent{});
        http.answer(answer(401));
        http.answer(answer(503));  // this one is repeated, and the reserve is used up
        REQUIRE(http.asks.size() == 1);
        if (answers)
            http.answer(answer(503, R"({"msg":"down"})"));
        else
            http.asks.clear();
        REQUIRE(results.size() == 1);
        CHECK(results[0].stop_reason() == StopReason::budget_spent);
        CHECK(results[0].error().kind == (answers ? ErrorKind::transient : ErrorKind::transport));
        CHECK(results[0].error().http_status == (answers ? 503 : 0));
        CHECK((results[0].error().message() == "down") == answers);
        CHECK_FALSE(results[0].error().message().empty());
        CHECK(results[0].credential() == "enterprise");
    }
}

TEST_CASE("replaced credentials sign the next attempts of asynchronous calls") {
    Results results;
    Later http;
    const driver::callback::Client client{http, NoScheduler{}, both(), OnCodes{}};
    client.replace(Personal{"pat_personal_2"});
    client.send(chat(), into(results));
    CHECK(http.asks[0].authorization == "Bearer pat_personal_2");
    http.answer(accepted());
    CHECK(results.size() == 1);
}

TEST_CASE("the operator's switch of an asynchronous client turns its next calls") {
    const auto bot_of = [](const HttpRequest&) { return "bot"; };
    Results results;
    Later http;
    ManualScheduler time;
    const driver::callback::Client client{http, time, both(), OnCodes{}, Remember{bot_of}};
    const auto first = [&](const char* authorization) {
        client.send(chat(), into(results));
        REQUIRE(http.asks.size() == 1);
        CHECK(http.asks[0].authorization == authorization);
    };
    client.route().force<Enterprise>();
    first("Bearer pat_enterprise_1");
    http.answer(accepted());
    CHECK(client.route().learned("bot").empty());
    client.route().automatic();
    first("Bearer pat_personal_1");
    http.answer(refusal());
    http.answer(accepted());
    CHECK(client.route().learned("bot") == "enterprise");
    std::string exported;
    client.route().export_to(exported);

    const driver::callback::Client next{http, time, both(), OnCodes{}, Remember{bot_of}};
    CHECK(next.route().import_from(exported).keys == 1);
    next.send(chat(), into(results));
    CHECK(http.asks[0].authorization == "Bearer pat_enterprise_1");
    http.answer(accepted());
    CHECK(results.size() == 3);
}

TEST_CASE("a probe of an asynchronous client tells its done, and brings calls back") {
    const auto bot_of = [](const HttpRequest&) { return "bot"; };
    Results results;
    Later http;
    ManualScheduler time;
    const driver::callback::Client client{http,      time,           both(),
                                          OnCodes{}, UseClock{time}, Remember{bot_of}};
    client.send(chat(), into(results));
    http.answer(refusal());
    http.answer(accepted());
    CHECK_FALSE(client.route().is_probe_due(chat(), 30s));
    time.advance(60s);
    CHECK(client.route().is_probe_due(chat(), 30s));
    client.route().probe(chat(), into(results));
    CHECK(http.asks[0].authorization == "Bearer pat_personal_1");
    http.answer(refusal());
    REQUIRE(results.size() == 2);
    CHECK(results[1].trail().size() == 1);
    CHECK(client.route().learned("bot") == "enterprise");

    client.route().probe(chat(), into(results));
    CHECK(client.route().learned("bot") == "enterprise");
    http.answer(accepted());
    REQUIRE(results.size() == 3);
    CHECK(results[2].credential() == "personal");
    CHECK(client.route().learned("bot") == "personal");
}

TEST_CASE("a probe of an asynchronous client ends as if the client lived, also by an exception") {
    struct Told {
        int* exceptions;
        void operator()(const Result<HttpResponse>&) const {}
        void failed(const std::exception_ptr&) const { ++*exceptions; }
    };
    int exceptions = 0;
    ManualScheduler time;
    const auto bot_of = [](const HttpRequest&) { return "bot"; };
    const auto throws = [](const HttpRequest&, const Attempt&, const Done&) {
        throw std::runtime_error("no network");
    };
    driver::callback::Client{driver::answering<Answer>(throws), time, both(), OnCodes{},
                             Remember{bot_of}}
        .route()
        .probe(chat(), Told{&exceptions});
    CHECK(exceptions == 1);

    Results results;
    Later http;
    {
        const driver::callback::Client client{http, time, both(), OnCodes{}, Remember{bot_of}};
        client.route().probe(chat(), into(results));
    }
    http.answer(accepted());
    CHECK(results.size() == 1);
}

TEST_CASE("each call ends once, however its answer and its cancellation race") {
    std::mutex mutex;
    std::deque<Done> asked;
    bool is_over = false;
    const driver::callback::Client client{[&](const HttpRequest&, const Attempt&, Done done) {
                                              const std::lock_guard<std::mutex> lock(mutex);
                                              asked.push_back(std::move(done));
                                          },
                                          NoScheduler{}, both(), OnCodes{}};
    std::thread server([&] {
        for (unsigned number = 0;; ++number) {
            std::deque<Done> now;
            {
                const std::lock_guard<std::mutex> lock(mutex);
                now.swap(asked);
                if (now.empty() && is_over) return;
            }
            for (const Done& done : now) done(number++ % 3 == 0 ? refusal() : accepted());
            std::this_thread::yield();
        }
    });
    constexpr unsigned calls = 3000;
    std::vector<std::atomic<int>> ended(calls);
    std::atomic<int> cancelled{0};
    for (unsigned i = 0; i != calls; ++i) {
        const CallHandle call = client.send(chat(), [&, i](const Result<HttpResponse>& result) {
            ++ended[i];
            if (!result) cancelled += result.error().kind == ErrorKind::cancelled ? 1 : 0;
        });
        if (i % 2 == 0) call.cancel();
    }
    while (client.in_flight() != 0) std::this_thread::yield();
    {
        const std::lock_guard<std::mutex> lock(mutex);
        is_over = true;
    }
    server.join();
    int wrong = 0;
    for (const auto& count : ended) wrong += count == 1 ? 0 : 1;
    CHECK(wrong == 0);
    CHECK(cancelled <= 1500);
}
