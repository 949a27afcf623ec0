// SPDX-License-Identifier: BSL-1.0
//
// Dear reader,
//
// your clients are well behaved one by one, and still they can press a service down together:
// faster than the plan allows, again and again while it is failing, all at once when it comes
// back. Four policies look at what all calls of a client do, and not at one call. Written in any
// order, they are asked in one: the circuit breaker, the budget, the rate limit, the bulkhead.
//
// The clock is one that a test turns, so that this letter takes no time to run.

#include <rekey/http.hpp>
#include <rekey/nested.hpp>
#include <rekey/policy/budget.hpp>
#include <rekey/policy/bulkhead.hpp>
#include <rekey/policy/circuit_breaker.hpp>
#include <rekey/policy/rate_limit.hpp>
#include <rekey/rekey.hpp>
#include <rekey/testing.hpp>

#include <cstdio>
#include <functional>
#include <string>

using namespace rekey;
using namespace std::chrono_literals;

struct Personal {
    static constexpr auto name = "personal";
    std::string token = "pat_1";
};
struct Enterprise {
    static constexpr auto name = "enterprise";
    std::string token = "pat_2";
};

// Your server, as long as it is up.
struct Server {
    bool up = true;
    int asked = 0;

    HttpResponse operator()(const HttpRequest&, const Attempt&) {
        ++asked;
        return up ? HttpResponse{200, {}, R"({"code":0})", false}
                  : HttpResponse{503, {}, "", false};
    }
};

int main() {
    Server server;
    testing::ManualClock clock;
    const RetryBudget<20, 2> budget;  // 20 repeats per 100 calls, and 2 in reserve

    const Client client{std::ref(server),
                        CredentialChain{Personal{}, Enterprise{}},
                        RetryOn<AuthRejected, NotFound, Transient>{},
                        MaxAttempts<3>{},
                        CircuitBreaker{LastAttempts{4, 8}, CircuitRest{5s}},
                        budget,
                        RateLimit{PerSecond{20}, PerSecond{100}},
                        Bulkhead{8, Waiting{16, 500ms}},
                        UseClock{clock}};

    const auto call = [&](const char* when) {
        const int before = server.asked;
        const auto result = client.send(HttpRequest{"GET", "https://api.example/v1/bots", {}, {}});
        const auto now =
            std::chrono::duration_cast<std::chrono::milliseconds>(clock.now().time_since_epoch());
        std::printf(
            "%5d ms  %-12s %d sent, %s\n", static_cast<int>(now.count()), when,
            server.asked - before,
            result ? std::string(result.credential()).c_str() : result.error().describe().c_str());
    };

    for (int i = 0; i != 3; ++i) call("20 a second");
    server.up = false;
    for (int i = 0; i != 7; ++i) call("it fails");
    clock.advance(5s);
    server.up = true;
    for (int i = 0; i != 2; ++i) call("it is back");
    std::printf("repeats left: %u\n", budget.left());

    // A client inside an attempt of another one leaves repeating to it: three sends, not nine.
    server = Server{false, 0};
    const Client inner{std::ref(server), RetryOn<Transient>{}, MaxAttempts<3>{}};
    const auto gateway = [&inner](const HttpRequest& request, const Attempt& attempt) {
        const auto result = inner.send(request, NestedIn{attempt});
        return result ? *result : *result.error().response();
    };
    const Client outer{gateway, RetryOn<Transient>{}, MaxAttempts<3>{}};
    const auto result = outer.send(HttpRequest{"GET", "https://api.example/v1/bots", {}, {}});
    std::printf("nested: %d sent, %s\n", server.asked, result.error().describe().c_str());
    return 0;
}
