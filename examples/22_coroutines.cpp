// SPDX-License-Identifier: BSL-1.0
//
// Dear reader,
//
// with C++20 the same call is one co_await. The transport returns anything that can be awaited,
// here a timer of a loop in virtual time; your coroutine goes on when the call has ended, with the
// credential that was accepted, and never saw the refusal.

#include <rekey/driver/coroutine.hpp>
#include <rekey/http.hpp>
#include <rekey/rekey.hpp>
#include <rekey/testing/manual_scheduler.hpp>

#include <chrono>
#include <coroutine>
#include <exception>
#include <iostream>
#include <string>

using namespace std::chrono_literals;
using Loop = rekey::testing::ManualScheduler;

struct Personal {
    static constexpr auto name = "personal";
    std::string token = "pat_personal";
};
struct Enterprise {
    static constexpr auto name = "enterprise";
    std::string token = "pat_enterprise";
};

/// An answer that comes 30 ms later.
struct Reply {
    Loop& loop;
    rekey::HttpResponse answer;

    bool await_ready() const noexcept { return false; }
    void await_suspend(std::coroutine_handle<> waiting) {
        (void)loop.after(30ms, [waiting] { waiting.resume(); });
    }
    rekey::HttpResponse await_resume() { return answer; }
};

/// A coroutine of yours that nobody waits for.
struct Task {
    struct promise_type {
        Task get_return_object() const noexcept { return {}; }
        std::suspend_never initial_suspend() const noexcept { return {}; }
        std::suspend_never final_suspend() const noexcept { return {}; }
        void return_void() const noexcept {}
        void unhandled_exception() const noexcept { std::terminate(); }
    };
};

template <class Client> Task ask(const Client& client, int number) {
    const rekey::HttpRequest request{"POST", "https://api.example/chat", {}, {}};
    const auto result = co_await client.send(request);
    std::cout << "question " << number << ": "
              << (result ? "answered for " + std::string(result.credential())
                         : result.error().describe())
              << " after " << result.trail().size() << " attempts\n";
}

int main() {
    Loop loop;
    const auto http = [&loop](const rekey::HttpRequest&, const rekey::Attempt& attempt) {
        if (attempt.credential() == "personal")
            return Reply{loop,
                         {401, {}, R"({"code":4100,"msg":"the workspace has moved"})", false}};
        return Reply{loop, {200, {}, R"({"code":0})", false}};
    };
    const rekey::driver::coroutine::Client client{http, rekey::driver::NoScheduler{},
                                                  rekey::CredentialChain{Personal{}, Enterprise{}},
                                                  rekey::RetryOn<4100>{}};

    ask(client, 1);
    ask(client, 2);
    std::cout << client.in_flight() << " calls on their way\n";
    loop.run();
}

// Output:
//   2 calls on their way
//   question 1: answered for enterprise after 2 attempts
//   question 2: answered for enterprise after 2 attempts
