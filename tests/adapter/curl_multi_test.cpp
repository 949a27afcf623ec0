// SPDX-License-Identifier: BSL-1.0
// curl::Loop beside what every transport does: many at once, threads, timers, its end.
#include <rekey/adapter/curl_multi.hpp>

#include <rekey/driver/callback.hpp>
#include <rekey/policy/backoff.hpp>
#include <rekey/rekey.hpp>

#include <atomic>
#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "../support/loopback_server.hpp"
#include "catch.hpp"

#if defined(__cpp_impl_coroutine)
#include <rekey/driver/coroutine.hpp>

#include "../support/coroutines.hpp"
#endif

namespace {

using loopback::Connection;
using loopback::Server;
using rekey::Attempt;
using rekey::HttpRequest;
using rekey::Reach;
using rekey::curl::Loop;
using rekey::curl::LoopTransport;
using std::chrono::milliseconds;
using std::chrono::seconds;
using Answer = LoopTransport::Answer;

struct Personal {
    static constexpr auto name = "personal";
    std::string token = "pat_personal";
};
struct Enterprise {
    static constexpr auto name = "enterprise";
    std::string token = "pat_enterprise";
};

HttpRequest post(const Server& server, std::string body = "{}") {
    return {"POST", server.url(), {}, std::move(body)};
}

/// Refuses the first credential and answers the other.
void refuse_personal(Connection& connection) {
    loopback::Request seen;
    while (connection.read(seen)) {
        const bool moved = seen.header("Authorization") == "Bearer pat_personal";
        connection.answer(moved ? 401 : 200, moved ? R"({"code":4100})" : R"({"code":0})");
    }
}

auto client_on(Loop& loop) {
    return rekey::driver::callback::Client{loop.transport(),
                                           std::ref(loop),
                                           rekey::CredentialChain{Personal{}, Enterprise{}},
                                           rekey::RetryOn<4100, rekey::Transient>{},
                                           rekey::MaxAttempts<4>{},
                                           rekey::Backoff{milliseconds{1}}};
}

}  // namespace

TEST_CASE("curl multi: a hundred calls fall back at once on one thread") {
    Server server(refuse_personal);
    rekey::curl::Options options;
    options.max_idle = 200;
    Loop loop{options};
    const auto client = client_on(loop);
    int served = 0;
    for (int i = 0; i != 100; ++i)
        client.send(post(server), [&](const auto& result) {
            served += result && result.credential() == "enterprise" ? 1 : 0;
        });
    CHECK(client.in_flight() == 100);
    loop.run();
    CHECK(served == 100);
    CHECK(server.requests().size() == 200);
    CHECK(server.connections() <= 100);
    CHECK(loop.in_flight() == 0);
}

TEST_CASE("curl multi: all are on their way before the first is answered") {
    std::atomic<int> arrived{0};
    Server server([&](Connection& connection) {
        if (!connection.read()) return;
        ++arrived;
        while (arrived < 20 && connection.pause(milliseconds{1})) {
        }
        connection.answer(200, "{}");
    });
    Loop loop;
    const auto transport = loop.transport();
    const HttpRequest request = post(server);
    int answered = 0;
    for (int i = 0; i != 20; ++i)
        (void)transport(request, Attempt{},
                        [&](const Answer& answer) { answered += answer.has_value() ? 1 : 0; });
    loop.run();
    CHECK(answered == 20);
}

TEST_CASE("curl multi: threads send and cancel while one turns the loop") {
    Server server([](Connection& connection) {
        loopback::Request seen;
        while (connection.read(seen)) {
            if (seen.body == "never") return connection.linger_until_closed();
            connection.answer(200, seen.body);
        }
    });
    Loop loop;
    const auto client = client_on(loop);
    std::atomic<int> answered{0};
    std::atomic<int> cancelled{0};
    std::atomic<bool> all_sent{false};
    std::thread turner([&] {
        while (!all_sent || client.in_flight() != 0 || loop.in_flight() != 0)
            loop.run_once(milliseconds{50});
    });
    std::vector<std::thread> senders;
    for (int thread = 0; thread != 4; ++thread)
        senders.emplace_back([&] {
            for (int i = 0; i != 10; ++i) {
                client.send(post(server, "now"), [&](const auto& result) {
                    answered += result && (*result).body == "now" ? 1 : 0;
                });
                const auto call = client.send(post(server, "never"), [&](const auto& result) {
                    cancelled += result.stop_reason() == rekey::StopReason::cancelled ? 1 : 0;
                });
                if (i % 2 == 0) std::this_thread::sleep_for(milliseconds{2});
                call.cancel();
            }
        });
    for (std::thread& sender : senders) sender.join();
    all_sent = true;
    loop.wake();
    turner.join();
    CHECK(answered == 40);
    CHECK(cancelled == 40);
    CHECK(loop.in_flight() == 0);
}

TEST_CASE("curl multi: a cancelled attempt leaves the loop at once") {
    Server server([](Connection& connection) {
        connection.read();
        connection.linger_until_closed();
    });
    Loop loop;
    const auto transport = loop.transport();
    const HttpRequest request = post(server);
    const auto alive = std::make_shared<int>(1);
    const auto flight =
        transport(request, Attempt{}, [alive](const Answer&) { FAIL("nobody answers"); });
    while (server.requests().empty()) loop.run_once(milliseconds{5});
    CHECK(loop.in_flight() == 1);
    flight.cancel();
    CHECK(loop.in_flight() == 0);
    CHECK(alive.use_count() == 1);
    CHECK(server.wait_until_all_closed());
    flight.cancel();
    loop.run();
}

TEST_CASE(
    "curl multi: an attempt whose answer is there is cancelled too, until somebody was told") {
    std::atomic<bool> may_answer{false};
    std::atomic<int> said{0};
    Server server([&](Connection& connection) {
        if (!connection.read()) return;
        while (!may_answer && connection.pause(milliseconds{1})) {
        }
        connection.answer(200, "{}");
        ++said;
        connection.linger_until_closed();
    });
    Loop loop;
    const auto transport = loop.transport();
    const HttpRequest request = post(server);
    rekey::curl::FlightHandle flights[2];
    const auto alive = std::make_shared<int>(1);
    int told = 0;
    for (const int i : {0, 1})
        flights[i] = transport(request, Attempt{}, [&, i, alive](const Answer&) {
            ++told;
            flights[1 - i].cancel();
            CHECK(loop.in_flight() == 0);
        });
    while (server.requests().size() != 2) loop.run_once(milliseconds{5});
    may_answer = true;
    while (said != 2) std::this_thread::sleep_for(milliseconds{1});
    loop.run();
    CHECK(told == 1);
    CHECK(alive.use_count() == 1);
}

TEST_CASE("curl multi: timers come in their order, unless they are cancelled") {
    Loop loop;
    std::string order;
    (void)loop.after(milliseconds{20}, [&] { order += "c"; });
    (void)loop.after(milliseconds{0}, [&] {
        order += "a";
        (void)loop.after(milliseconds{1}, [&] { order += "b"; });
    });
    const auto never = loop.after(milliseconds{5}, [&] { order += "x"; });
    never.cancel();
    loop.run();
    CHECK(order == "abc");
}

TEST_CASE(
    "curl multi: what a callback throws passes through run_once, the rest is done next time") {
    Loop loop;
    int done = 0;
    for (int i = 0; i != 3; ++i)
        (void)loop.after(milliseconds{0}, [&done] {
            if (++done == 1) throw 7;
        });
    CHECK_THROWS_AS(loop.run(), int);
    CHECK(done == 1);
    loop.run();
    CHECK(done == 3);
}

TEST_CASE("curl multi: with the loop end its attempts, and its transport refuses to send") {
    Server server([](Connection& connection) {
        connection.read();
        connection.linger_until_closed();
    });
    std::optional<LoopTransport> transport;
    const HttpRequest request = post(server);
    const auto alive = std::make_shared<int>(1);
    {
        Loop loop;
        transport = loop.transport();
        (void)(*transport)(request, Attempt{}, [alive](const Answer&) { FAIL("nobody answers"); });
        while (server.requests().empty()) loop.run_once(milliseconds{5});
        (void)loop.after(seconds{3600}, [alive] { FAIL("nobody waits that long"); });
    }
    CHECK(alive.use_count() == 1);
    CHECK(server.wait_until_all_closed());
    std::optional<Answer> late;
    (void)(*transport)(request, Attempt{}, [&](Answer answer) { late = std::move(answer); });
    REQUIRE(late.has_value());
    REQUIRE_FALSE(late->has_value());
    CHECK((late->error().reach == Reach::never_sent));
    CHECK(server.requests().size() == 1);
}

TEST_CASE("curl multi: a call that would wait when its loop ends goes along with it") {
    Server server([](Connection& connection) {
        connection.read();
        connection.linger_until_closed();
    });
    const auto alive = std::make_shared<int>(1);
    {
        Loop loop;
        const auto client = client_on(loop);
        client.send(HttpRequest{"GET", server.url(), {}, {}},
                    [alive](const auto&) { FAIL("nobody goes on with it"); });
        while (server.requests().empty()) loop.run_once(milliseconds{5});
    }
    CHECK(alive.use_count() == 1);
}

#if defined(__cpp_impl_coroutine)

namespace {

/// An answer of the loop that can be awaited.
struct Reply {
    LoopTransport http;
    const HttpRequest& request;
    const Attempt& attempt;
    std::optional<Answer> answer{};

    bool await_ready() const noexcept { return false; }
    bool await_suspend(std::coroutine_handle<> waiting) {
        (void)http(request, attempt, [this, waiting](Answer came) {
            answer = std::move(came);
            if (is_suspended) waiting.resume();
        });
        // A request that cannot be sent is answered before the transport returns.
        is_suspended = !answer.has_value();
        return is_suspended;
    }
    Answer await_resume() { return std::move(*answer); }
    bool is_suspended = false;
};

using coroutines::Task;

template <class Client> Task ask(const Client& client, HttpRequest request, std::string& told) {
    const auto result = co_await client.send(request);
    told += result ? std::string(result.credential()) + ";" : result.error().describe() + ";";
}

}  // namespace

TEST_CASE("curl multi: coroutines await their calls on the loop") {
    Server server(refuse_personal);
    Loop loop;
    const auto http = [transport = loop.transport()](const HttpRequest& request,
                                                     const Attempt& attempt) {
        return Reply{transport, request, attempt};
    };
    const rekey::driver::coroutine::Client client{http, std::ref(loop),
                                                  rekey::CredentialChain{Personal{}, Enterprise{}},
                                                  rekey::RetryOn<4100>{}};
    std::string told;
    for (int i = 0; i != 3; ++i) ask(client, post(server), told);
    loop.run();
    CHECK(told == "enterprise;enterprise;enterprise;");
    told.clear();
    ask(client, HttpRequest{"POST", "nonsense", {}, {}}, told);
    CHECK(told.find("transport") != std::string::npos);
}

#endif
