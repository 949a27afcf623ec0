// SPDX-License-Identifier: BSL-1.0
// drawings: prints what a client with much in it says and draws; tests/data holds what it should.
#include <rekey/coze.hpp>
#include <rekey/describe.hpp>
#include <rekey/http.hpp>
#include <rekey/policy/backoff.hpp>
#include <rekey/policy/budget.hpp>
#include <rekey/policy/bulkhead.hpp>
#include <rekey/policy/circuit_breaker.hpp>
#include <rekey/policy/rate_limit.hpp>
#include <rekey/policy/retry_after.hpp>
#include <rekey/rekey.hpp>
#include <rekey/testing.hpp>

#include <chrono>
#include <iostream>
#include <string_view>

using namespace rekey;
using namespace std::chrono_literals;

// Usage: drawings words|mermaid|dot|lanes|svg
int main(int count, char** arguments) {
    const std::string_view what = count == 2 ? arguments[1] : "";
    testing::script http;
    http.then(200, 4101).then(429).then(429).then(429).then(429).then(429).then(429).then(429);
    http.then(429).then(200, 0);
    testing::ManualClock clock;
    const Client client{
        http,
        CredentialChain{coze::Pat<coze::Personal>{"pat_1"}, coze::Pat<coze::Enterprise>{"pat_2"}},
        RetryOn<AuthRejected, NotFound, RateLimited, Transient>{},
        MaxAttempts{12},
        Deadline{1h},
        Backoff{Exponential{100ms, 2s}, NoJitter{}},
        RetryAfter{30s},
        RetryBudget<20, 20>{},
        CircuitBreaker<>{},
        RateLimit{PerSecond{100, 100}},
        Bulkhead{8},
        UseClock{clock}};
    if (what == "words") std::cout << describe_plan(client);
    if (what == "mermaid") std::cout << mermaid_of(client);
    if (what == "dot") std::cout << dot_of(client);
    const auto result =
        client.send(HttpRequest{"POST", "https://api.coze.com/v3/chat", {}, R"({"bot_id":"7"})"});
    if (what == "lanes") std::cout << explain(result);
    if (what == "svg") std::cout << explain_svg(result);
    return 0;
}
