// SPDX-License-Identifier: BSL-1.0
#include <rekey/driver/coroutine.hpp>

#include "catch.hpp"
#include "support/clients.hpp"
#include "support/copied.hpp"
#include "support/coroutines.hpp"
#include "support/traded.hpp"

#include <rekey/core/worst_case.hpp>
#include <rekey/policy/backoff.hpp>
#include <rekey/policy/hedge.hpp>
#include <rekey/policy/remember.hpp>
#include <rekey/testing/manual_scheduler.hpp>

#include <coroutine>
#include <deque>
#include <exception>
#include <functional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace {

using namespace clients;
using namespace std::chrono_literals;
using coroutines::Owned;
using coroutines::Task;
using driver::NoScheduler;
using testing::ManualScheduler;
using testing::Script;

/// Brings its answer when the test says so.
struct Later {
    struct Awaiter {
        Later* later;
        std::string authorization;
        HttpResponse answer{};
        bool await_ready() const noexcept { return false; }
        void await_suspend(std::coroutine_handle<> waiting) {
            later->asks.push_back({this, waiting});
        }
        HttpResponse await_resume() const {
            if (answer.status == 0) throw std::runtime_error("the wire broke");
            return answer;
        }
    };
    struct Ask {
        Awaiter* awaiter;
        std::coroutine_handle<> waiting;
    };
    std::deque<Ask> asks{};
    Later() = default;
    Later(const Later&) = delete;
    Later& operator=(const Later&) = delete;
    Awaiter operator()(const HttpRequest&, const Attempt& attempt) {
        return {this, std::string(attempt.authorization())};
    }
    void answer(HttpResponse with) {
        const Ask ask = asks.front();
        asks.pop_front();
        ask.awaiter->answer = std::move(with);
        ask.waiting.resume();
    }
};

/// Has its answer at once.
template <class Answer> struct Ready {
    Answer answer;
    bool await_ready() const noexcept { return true; }
    void await_suspend(std::coroutine_handle<>) const noexcept {}
    Answer await_resume() { return std::move(answer); }
};
auto ready_transport(Script& script) {
    return [&script](const HttpRequest& request, const Attempt& attempt) {
        return Ready<TransportResult<HttpResponse>>{script(request, attempt)};
    };
}

/// No frame destroys itself when an exception leaves it: this one is the test's.
struct Thrower {
    struct promise_type {
        Thrower get_return_object() noexcept {
            return {std::coroutine_handle<promise_type>::from_promise(*this)};
        }
        std::suspend_never initial_suspend() const noexcept { return {}; }
        std::suspend_always final_suspend() const noexcept { return {}; }
        void return_void() const noexcept {}
        void unhandled_exception() const { throw; }
    };
    std::coroutine_handle<promise_type> frame{};
};

/// As a library wraps its awaiter.
struct Wrapped {
    HttpResponse answer;
    auto operator co_await() && { return Ready<HttpResponse>{std::move(answer)}; }
};

}  // namespace

TEST_CASE("a coroutine awaits a call that goes on with the next credential") {
    Later http;
    std::vector<std::string> served;
    const driver::coroutine::Client client{http, NoScheduler{}, both(), OnCodes{}};
    const auto run = [&]() -> Task {
        const auto result = co_await client.send(chat());
        served.emplace_back(result.credential());
    };
    run();
    REQUIRE(http.asks.size() == 1);
    http.answer(refusal());
    REQUIRE(http.asks.size() == 1);
    CHECK(http.asks[0].awaiter->authorization == "Bearer pat_enterprise_1");
    CHECK(served.empty());
    http.answer(accepted());
    CHECK(served == std::vector<std::string>{"enterprise"});
    CHECK(client.in_flight() == 0);
}

TEST_CASE("the operator's switch turns the next calls of coroutines") {
    Later http;
    testing::ManualScheduler time;
    const driver::coroutine::Client client{
        http, time, both(), OnRefusal{},
        Remember{[](const HttpRequest&) { return std::string_view("bot"); }}};
    client.route().force<Enterprise>();
    const auto run = [&]() -> Task { (void)co_await client.send(chat()); };
    run();
    REQUIRE(http.asks.size() == 1);
    CHECK(http.asks[0].awaiter->authorization == "Bearer pat_enterprise_1");
    http.answer(accepted());
}

TEST_CASE("a coroutine waits in the scheduler's time") {
    Script script;
    script.then(503).then(200);
    ManualScheduler time;
    bool is_done = false;
    const driver::coroutine::Client client{
        ready_transport(script), time,
        UseClock{time},          RetryOn<Transient>{},
        MaxAttempts<3>{},        Backoff{Constant{2s}, NoJitter{}}};
    const auto run = [&]() -> Task {
        const auto result = co_await client.send(chat(), Idempotent{});
        is_done = static_cast<bool>(result);
    };
    run();
    CHECK_FALSE(is_done);
    time.advance(2s);
    CHECK(is_done);
}

TEST_CASE("a client of coroutines tells its worst case") {
    Script script;
    ManualScheduler time;
    const driver::coroutine::Client client{
        ready_transport(script),          std::ref(time), both(),
        RetryOn<RateLimited>{},           MaxAttempts{4}, Hedge{200ms, 3},
        Backoff{Constant{2s}, NoJitter{}}};
    CHECK(worst_case_of(client).sends == 4);
    CHECK(worst_case_of(client).copies == 8);
    CHECK(worst_case_of(client).all_waits == 6s);
}

TEST_CASE("what an awaited transport throws passes through the co_await") {
    Later http;
    std::string caught;
    const driver::coroutine::Client client{http, NoScheduler{}, both(), OnCodes{}};
    const auto run = [&]() -> Task {
        try {
            (void)co_await client.send(chat());
        } catch (const std::runtime_error& error) {
            caught = error.what();
        }
    };
    run();
    http.answer(HttpResponse{});
    CHECK(caught == "the wire broke");
    CHECK(client.in_flight() == 0);
    run();
    http.answer(refusal());
    http.answer(HttpResponse{});  // on the second attempt, which the first answer began
    CHECK(client.in_flight() == 0);
}

TEST_CASE("a transport may throw before there is something to await") {
    std::string caught;
    const driver::coroutine::Client client{
        [](const HttpRequest&, const Attempt&) -> Ready<HttpResponse> {
            throw std::runtime_error("no socket");
        },
        NoScheduler{}, both(), OnCodes{}};
    const auto run = [&]() -> Task {
        try {
            (void)co_await client.send(chat());
        } catch (const std::runtime_error& error) {
            caught = error.what();
        }
    };
    run();
    CHECK(caught == "no socket");
}

TEST_CASE("a transport may return whatever can be awaited") {
    unsigned sends = 0;
    bool is_done = false;
    const driver::coroutine::Client client{
        [&](HttpRequest& request) {
            ++sends;
            return Wrapped{find_header(request.headers, "Authorization") == "Bearer pat_personal_1"
                               ? refusal()
                               : accepted()};
        },
        NoScheduler{}, both(), OnCodes{}};
    const auto run = [&]() -> Task {
        const auto result = co_await client.send(chat());
        is_done = static_cast<bool>(result);
    };
    run();
    CHECK(is_done);
    CHECK(sends == 2);
}

TEST_CASE("a coroutine that loops over calls needs no stack") {
    unsigned left = 100'000;
    const driver::coroutine::Client client{
        [](const HttpRequest&, const Attempt&) { return Ready<HttpResponse>{accepted()}; },
        NoScheduler{}, both(), OnCodes{}};
    const HttpRequest request{"GET", "https://api.coze.com/", {}, {}};
    const auto run = [&]() -> Task {
        while (left != 0) {
            const auto result = co_await client.send(request);
            if (!result) co_return;
            --left;
        }
    };
    run();
    CHECK(left == 0);
}

TEST_CASE("a coroutine that is destroyed while it waits is not resumed, and its call is over") {
    Later http;
    ManualScheduler time;
    int ends = 0;
    bool is_idle = false;
    const driver::coroutine::Client client{http,
                                           time,
                                           both(),
                                           RetryOn<AuthRejected, Transient>{},
                                           MaxAttempts<3>{},
                                           Backoff{Constant{2s}, NoJitter{}}};
    const auto run = [&]() -> Owned {
        const auto result = co_await client.send(chat(), Idempotent{});
        ends += result ? 1 : 2;
    };
    SECTION("for an answer, which comes too late") {
        const Owned waiting = run();
        client.when_idle([&] { is_idle = true; });
        waiting.frame.destroy();
        CHECK(client.in_flight() == 0);
        http.answer(accepted());
    }
    SECTION("for a delay") {
        const Owned waiting = run();
        http.answer(answer(503));
        CHECK(time.waiting() == 1);
        client.when_idle([&] { is_idle = true; });
        waiting.frame.destroy();
        CHECK(time.waiting() == 0);
    }
    CHECK(is_idle);
    CHECK(ends == 0);
    const Owned other = run();
    http.answer(accepted());
    CHECK(ends == 1);
    other.frame.destroy();
}

TEST_CASE("what a coroutine throws after its call passes to whoever brought the answer") {
    Later http;
    int ends = 0;
    const driver::coroutine::Client client{http, NoScheduler{}, both(), OnCodes{}};
    const auto run = [&]() -> Thrower {
        const auto result = co_await client.send(chat());
        ++ends;
        throw std::logic_error(result ? "mine" : "not mine");
    };
    const Thrower thrower = run();
    CHECK_THROWS_AS(http.answer(accepted()), std::logic_error);
    CHECK(ends == 1);
    CHECK(client.in_flight() == 0);
    thrower.frame.destroy();
}

TEST_CASE("a call that is on its way when another one's exception passes is over") {
    // Answers at once, or keeps the coroutine.
    struct Mixed {
        HttpResponse answer;
        std::vector<std::coroutine_handle<>>* kept;
        bool await_ready() const noexcept { return answer.status != 0; }
        void await_suspend(std::coroutine_handle<> waiting) const { kept->push_back(waiting); }
        HttpResponse await_resume() const { return answer.status != 0 ? answer : accepted(); }
    };
    std::vector<std::coroutine_handle<>> kept;
    ManualScheduler time;
    std::function<void()> meanwhile;
    int sends = 0;
    const driver::coroutine::Client client{
        [&](const HttpRequest& request, const Attempt&) {
            if (request.url == "https://auth.example/token") {
                meanwhile();
                return Mixed{granted("one"), &kept};
            }
            return Mixed{++sends == 1 ? accepted() : HttpResponse{}, &kept};
        },
        time, UseClock{time}, CredentialChain{Traded{}}};
    const auto throwing = [&]() -> Thrower {
        (void)co_await client.send(chat());
        throw std::logic_error("of the one that waited for the token");
    };
    int caught = 0;
    int ends = 0;
    const auto run = [&]() -> Owned {
        try {
            (void)co_await client.send(chat());
            ++ends;
        } catch (const std::logic_error&) {
            ++caught;
        }
    };
    Thrower other;
    meanwhile = [&] { other = throwing(); };
    const Owned leader = run();
    CHECK(caught == 1);
    CHECK(client.in_flight() == 0);
    REQUIRE(kept.size() == 1);
    kept[0].resume();  // its answer comes too late
    CHECK(ends == 0);
    leader.frame.destroy();
    other.frame.destroy();
}

TEST_CASE("a coroutine hears of a result whose copy throws") {
    bool is_past_all = false;
    for (int at = 4; !is_past_all; ++at) {  // the first three are made to bring the answer
        CAPTURE(at);
        int copies_left = 0;
        int ends = 0;
        std::coroutine_handle<> kept;
        struct Wire {
            Copied* answer;
            std::coroutine_handle<>* kept;
            bool await_ready() const noexcept { return false; }
            void await_suspend(std::coroutine_handle<> waiting) const { *kept = waiting; }
            Copied await_resume() const { return *answer; }
        };
        Copied copied;
        copied.copies_left = &copies_left;
        const driver::coroutine::Client client{[&](const HttpRequest&, const Attempt&) {
                                                   return Wire{&copied, &kept};
                                               },
                                               NoScheduler{}};
        const auto run = [&]() -> Owned {
            try {
                (void)co_await client.send(chat());
                ++ends;
            } catch (const std::runtime_error&) {
                ++ends;
            }
        };
        const Owned waiting = run();
        copies_left = at;
        kept.resume();
        CHECK(ends == 1);
        CHECK(client.in_flight() == 0);
        is_past_all = copies_left > 0;
        waiting.frame.destroy();
        REQUIRE(at < 20);
    }
}

TEST_CASE("a coroutine hears that its loop does not take the call") {
    struct FullLoop {
        struct Handle {
            void cancel() const noexcept {}
        };
        Handle after(Duration, const std::function<void()>&) const { return {}; }
        void execute(const std::function<void()>&) const {
            throw std::runtime_error("the loop is full");
        }
    };
    Later http;
    std::string caught;
    const driver::coroutine::Client client{http, FullLoop{}, both(), OnCodes{}};
    const auto run = [&]() -> Task {
        try {
            (void)co_await client.send(chat());
        } catch (const std::runtime_error& error) {
            caught = error.what();
        }
    };
    run();
    CHECK(caught == "the loop is full");
    CHECK(client.in_flight() == 0);
    CHECK(http.asks.empty());
}
