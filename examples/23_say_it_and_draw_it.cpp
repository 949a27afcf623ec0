// SPDX-License-Identifier: BSL-1.0
//
// Dear reader,
//
// you have put a client together, and now somebody who does not read C++ asks what it does: who
// reviews the move, who writes the runbook, who looks at one odd call at night. None of them should
// have to trust a comment that was true a year ago. The client says it itself, draws it itself, and
// each call tells how it went.

#include <rekey/coze.hpp>
#include <rekey/describe.hpp>
#include <rekey/http.hpp>
#include <rekey/policy/backoff.hpp>
#include <rekey/policy/budget.hpp>
#include <rekey/testing.hpp>

#include <chrono>
#include <iostream>

using namespace rekey;
using namespace std::chrono_literals;

int main() {
    testing::script http;
    http.then(200, 4101).then(200, 0);

    const Client client{
        http,
        CredentialChain{coze::Pat<coze::Personal>{"pat_1"}, coze::Pat<coze::Enterprise>{"pat_2"}},
        RetryOn<AuthRejected, NotFound, RateLimited>{},
        MaxAttempts<4>{},
        Deadline{10s},
        Backoff{100ms}};

    std::cout << "What it does:\n" << describe_plan(client);

    // The picture is found by asking the state machine, so it cannot tell another story.
    const Client simple{
        http,
        CredentialChain{coze::Pat<coze::Personal>{"pat_1"}, coze::Pat<coze::Enterprise>{"pat_2"}},
        coze::RetryOnRefusal{}};
    std::cout << "\nThe states of a simpler one, for Mermaid:\n" << mermaid_of(simple);

    const auto result =
        client.send(HttpRequest{"POST", "https://api.coze.com/v3/chat", {}, R"({"bot_id":"7"})"});
    std::cout << "\nHow a call of it went:\n" << explain(result);
    return explain_svg(result).empty() ? 1 : 0;  // the same, for a page
}
