// SPDX-License-Identifier: BSL-1.0
//
// Dear reader,
//
// your service has a bad minute: it limits rates, it fails in passing, it asks you to come back
// later. You want to wait as long as it says, to wait longer after each failure, to have an end to
// it all, and to know beforehand what that end is. The clock here is a manual one, so that nobody
// waits; leave UseClock out and the client takes the time of the machine.

#include <rekey/core/worst_case.hpp>
#include <rekey/http.hpp>
#include <rekey/policy/backoff.hpp>
#include <rekey/policy/retry_after.hpp>
#include <rekey/rekey.hpp>
#include <rekey/testing.hpp>

#include <chrono>
#include <iostream>

using namespace std::chrono_literals;

double seconds(rekey::Duration time) { return std::chrono::duration<double>(time).count(); }

int main() {
    rekey::testing::Script http;
    http.then(503)
        .then(429)
        .then(rekey::HttpResponse{429, {{"Retry-After", "3"}}, {}, false})
        .then(200);
    rekey::testing::ManualClock clock;

    const rekey::Client client{http,
                               rekey::RetryOn<rekey::RateLimited, rekey::Transient>{},
                               rekey::Backoff{500ms, rekey::NoJitter{}},  // 500 ms, 1 s, 2 s, …
                               rekey::RetryAfter{10s},
                               rekey::MaxAttempts<5>{},
                               rekey::Deadline{30s},
                               rekey::UseClock{clock}};
    std::cout << describe(worst_case_of(client)) << '\n';

    const rekey::HttpRequest request{"GET", "https://api.example/things", {}, {}};
    const auto result = client.send(request);
    std::cout << (result ? "answered" : result.error().describe()) << '\n';
    for (const auto& wait : clock.waits()) std::cout << "waited " << seconds(wait) << " s\n";
    for (const auto& send : http.sends())
        std::cout << "send " << send.number << " might take " << seconds(send.timeout) << " s\n";

    // A wait that is too long ends the call at once, and the error says when to come back.
    http.then(rekey::HttpResponse{503, {{"Retry-After", "3600"}}, {}, false});
    const auto later = client.send(request, rekey::Deadline{2s});
    std::cout << later.error().describe() << '\n';
    std::cout << "come back in " << seconds(later.error().retry_after()) << " s\n";
}

// Output:
//   at most 5 sends; waits of 10 s at most, 30 s in all; 6 s for the first send
//   answered
//   waited 0.5 s
//   waited 1 s
//   waited 3 s
//   send 1 might take 6 s
//   send 2 might take 7.375 s
//   send 3 might take 9.5 s
//   send 4 might take 12.75 s
//   transient: HTTP 503, come_back_later, retry after 3600 s; try again later
//   come back in 3600 s
