// SPDX-License-Identifier: BSL-1.0
//
// Dear reader,
//
// you test with Catch2 and want to know what your code does when the API refuses, without a
// network, a server or a second of waiting. A script answers what you say; matchers say what should
// have happened, and print who did what instead, never a token. Catch2 2 and 3 both do.

#include <rekey/testing/catch2.hpp>
#include <rekey/testing/every_step.hpp>

#include "greeter.hpp"
#include "tests/catch.hpp"  // yours: <catch2/catch.hpp>, or <catch2/catch_all.hpp> of Catch2 3

using namespace rekey::testing;

TEST_CASE("a greeting that is refused goes out again with the enterprise's credential") {
    Script http;
    http.then(200, 4101, "no permission").then(200);
    const Greeter greeter{greeting_client(http)};

    CHECK_THAT(greeter.greet(), SucceededWith("enterprise") && Attempts(2));
    CHECK_THAT(http, UsedCredentials("personal", "enterprise"));
    CHECK_THAT(http, NeverSent("Cookie", ""));
}

TEST_CASE("a greeting that nobody may send says what the first refusal was") {
    Script http;
    http.then(200, 4101, "no permission").then(401, 4100);
    CHECK_THAT(Greeter{greeting_client(http)}.greet(),
               FailedWith(rekey::ErrorKind::refused, "no permission"));
}

TEST_CASE("whatever step fails, a greeting goes out once at most") {
    const EveryStep report = every_step([](Faults& faults) {
        int greetings = 0;
        auto service = [&greetings](const rekey::HttpRequest&, const rekey::Attempt&) {
            ++greetings;
            return rekey::HttpResponse{200, {}, R"({"code":0})", false};
        };
        const auto result = Greeter{greeting_client(faults.transport(service))}.greet();
        INFO(faults.story());
        CHECK(greetings <= 1);
        CHECK((faults.struck() || result));
    });
    CHECK(report.reached_end);
}
