// SPDX-License-Identifier: BSL-1.0
//
// Dear reader,
//
// your program has an event loop, and nothing in it may block. You give rekey a transport that
// calls back and a scheduler that has timers; it gives you the same policies, and calls you when a
// call has ended. The loop here is a toy in virtual time: a queue of things to do. In place of it
// stands yours, libuv, Qt, Asio or your own.

#include <rekey/cancellation.hpp>
#include <rekey/driver/callback.hpp>
#include <rekey/http.hpp>
#include <rekey/policy/backoff.hpp>
#include <rekey/policy/hedge.hpp>
#include <rekey/rekey.hpp>
#include <rekey/testing/manual_scheduler.hpp>

#include <chrono>
#include <functional>
#include <iostream>
#include <string>
#include <utility>

using namespace std::chrono_literals;

struct Personal {
    static constexpr auto name = "personal";
    std::string token = "pat_personal";
};
struct Enterprise {
    static constexpr auto name = "enterprise";
    std::string token = "pat_enterprise";
};

/// Answers 30 ms later; its third answer takes a second.
struct Server {
    rekey::testing::ManualScheduler& loop;
    int asked = 0;

    using Done = std::function<void(rekey::HttpResponse)>;
    auto operator()(const rekey::HttpRequest&, const rekey::Attempt& attempt, Done done) {
        const bool moved = attempt.credential() == "personal";
        const auto takes = ++asked == 3 ? 1s : std::chrono::milliseconds{30};
        return loop.after(takes, [moved, done = std::move(done)] {
            done(moved ? rekey::HttpResponse{401, {}, R"({"code":4100})", false}
                       : rekey::HttpResponse{200, {}, R"({"code":0})", false});
        });
    }
};

int main() {
    rekey::testing::ManualScheduler loop;
    Server server{loop};
    const auto milliseconds = [&loop] {
        return std::chrono::duration_cast<std::chrono::milliseconds>(loop.now().time_since_epoch())
            .count();
    };

    const rekey::driver::callback::Client client{std::ref(server),
                                                 std::ref(loop),
                                                 rekey::UseClock{loop},
                                                 rekey::CredentialChain{Personal{}, Enterprise{}},
                                                 rekey::RetryOn<4100, rekey::Transient>{},
                                                 rekey::MaxAttempts<3>{},
                                                 rekey::Backoff{100ms},
                                                 rekey::Hedge{200ms}};

    const rekey::HttpRequest request{"GET", "https://api.example/things", {}, {}};
    const auto done = [&](const auto& result) {
        std::cout << milliseconds() << " ms: "
                  << (result ? "answered for " + std::string(result.credential())
                             : result.error().describe())
                  << '\n';
    };

    client.send(request, done);
    std::cout << "0 ms: sent, and nobody waits\n";
    loop.run();

    // The third answer is a slow one: a second copy of the request overtakes it.
    client.send(request, done);
    loop.run();
    std::cout << server.asked << " requests in all\n";

    // Whoever does not want to wait any longer says so; the timer of the transport is cancelled.
    const rekey::Canceller stop;
    client.send(request, done, rekey::Cancellation{stop});
    stop.cancel();
    loop.run();
    std::cout << client.in_flight() << " calls on their way\n";
}

// Output:
//   0 ms: sent, and nobody waits
//   60 ms: answered for enterprise
//   320 ms: answered for enterprise
//   5 requests in all
//   320 ms: cancelled: credential personal, cancelled
//   0 calls on their way
