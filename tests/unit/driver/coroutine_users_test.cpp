// SPDX-License-Identifier: BSL-1.0
#include <rekey/driver/coroutine.hpp>

#include "catch.hpp"
#include "support/coroutines.hpp"
#include "support/obo.hpp"

#include <rekey/testing/manual_scheduler.hpp>

#include <coroutine>
#include <deque>
#include <exception>
#include <string>
#include <utility>
#include <vector>

using namespace rekey;
using coroutines::Owned;
using coroutines::Task;
using testing::ManualScheduler;

namespace {

/// The answers of a service, which wait until the test lets one go.
struct Later {
    struct Awaiter {
        Later* later;
        obo::Reply reply;
        bool await_ready() const noexcept { return false; }
        void await_suspend(std::coroutine_handle<> waiting) { later->asks.push_back(waiting); }
        obo::Reply await_resume() { return std::move(reply); }
    };
    explicit Later(obo::Wire& service) : wire(service) {}
    Later(const Later&) = delete;
    Later& operator=(const Later&) = delete;
    Awaiter operator()(const HttpRequest& request, const Attempt& attempt) {
        return {this, wire(request, attempt)};
    }
    void answer() {
        const auto waiting = asks.front();
        asks.pop_front();
        waiting.resume();
    }
    obo::Wire& wire;
    std::deque<std::coroutine_handle<>> asks{};
};

}  // namespace

TEST_CASE("coroutines of one user wait for one refresh, and the user comes back to a coroutine") {
    obo::Desk desk;
    ManualScheduler time;
    Later http{desk.wire};
    std::vector<std::string> said;
    const driver::coroutine::Client client{http, time, OboReauth{coze::WebFlow{desk.web_app()}},
                                           coze::RetryOnRefusal{}, UseClock{desk.clock}};
    std::string url;
    const auto call = [&]() -> Task {
        auto result = co_await client.send(desk.chat(), Subject{"ann"}, Binding{"cookie"});
        if (!result) url = result.authorization().url;
        said.push_back(result ? "answered" : "asked");
    };
    call();
    CHECK(said == std::vector<std::string>{"asked"});

    const std::string callback = desk.browse(url);
    const auto come_back = [&]() -> Task {
        const auto result = co_await client.resume<HttpRequest>(callback, Binding{"cookie"});
        said.push_back(result ? "finished" : result.error().message());
    };
    come_back();
    while (!http.asks.empty()) http.answer();
    CHECK(said.back() == "finished");

    desk.clock.advance(std::chrono::minutes{16});
    for (int i = 0; i != 16; ++i) call();
    CHECK(http.asks.size() == 1);
    CHECK(said.size() == 2);
    http.answer();
    CHECK(http.asks.size() == 16);
    while (!http.asks.empty()) http.answer();
    CHECK(said.size() == 18);
    CHECK(said.back() == "answered");
    CHECK(desk.refreshes() == 1);

    client.forget(Subject{"ann"});
    const auto begun = client.begin_authorization(Subject{"ann"}, Binding{"cookie"});
    REQUIRE(begun);
    const std::string again = desk.browse(begun.request.url);
    const auto sign_in = [&]() -> Task {
        const AuthorizationEnd end = co_await client.authorize(again, Binding{"cookie"});
        said.push_back(end ? end.subject : end.message);
    };
    sign_in();
    http.answer();
    CHECK(said.back() == "ann");
    CHECK(client.in_flight() == 0);
}

TEST_CASE("a coroutine that is destroyed while its user's code is exchanged is not resumed") {
    obo::Desk desk;
    ManualScheduler time;
    Later http{desk.wire};
    const driver::coroutine::Client client{http, time, OboReauth{coze::WebFlow{desk.web_app()}},
                                           coze::RetryOnRefusal{}, UseClock{desk.clock}};
    std::string url;
    const auto refused = [&]() -> Task {
        const auto result = co_await client.send(desk.chat(), Subject{"ann"}, Binding{"cookie"});
        url = result.authorization().url;
    };
    refused();
    const std::string callback = desk.browse(url);
    int ends = 0;
    SECTION("for the end of an authorization, whose tokens are kept") {
        const auto wait = [&]() -> Owned {
            (void)co_await client.authorize(callback, Binding{"cookie"});
            ++ends;
        };
        const Owned waiting = wait();
        waiting.frame.destroy();
        while (!http.asks.empty()) http.answer();
    }
    SECTION("for the request that was refused, also when it is sent again") {
        const auto wait = [&]() -> Owned {
            (void)co_await client.resume<HttpRequest>(callback, Binding{"cookie"});
            ++ends;
        };
        const Owned waiting = wait();
        http.answer();  // of the token endpoint
        REQUIRE(http.asks.size() == 1);
        waiting.frame.destroy();
        http.answer();
    }
    CHECK(ends == 0);
    CHECK(client.in_flight() == 0);
    int served = 0;
    const auto call = [&]() -> Task {
        const auto result = co_await client.send(desk.chat(), Subject{"ann"}, Binding{"cookie"});
        served += result ? 1 : 0;
    };
    call();
    while (!http.asks.empty()) http.answer();
    CHECK(served == 1);
}
