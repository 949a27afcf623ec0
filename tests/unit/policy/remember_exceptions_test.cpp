// SPDX-License-Identifier: BSL-1.0
#include <rekey/policy/remember.hpp>

#include <rekey/policy/budget.hpp>
#include <rekey/rekey.hpp>

#include "catch.hpp"
#include "tests/support/clients.hpp"

using namespace clients;

TEST_CASE("a function that throws instead of giving a key ends that call only") {
    int thrown = 0;
    int sends = 0;
    const auto http = [&sends](const HttpRequest&, const Attempt& attempt) {
        ++sends;
        return attempt.credential() == "enterprise" ? accepted() : answer(401);
    };
    HttpRequest bad = chat();
    bad.body = "bad";
    const RetryBudget<20, 2> budget;
    const Client client{http, both(), OnRefusal{}, budget,
                        Remember{[&thrown](const HttpRequest& request) {
                            if (request.body == "bad") throw ++thrown;
                            return request.body;
                        }}};
    CHECK_THROWS_AS(client.send(bad), int);
    CHECK(thrown == 1);
    CHECK(sends == 0);
    CHECK(client.send(chat()).credential() == "enterprise");
    CHECK(client.send(chat()).trail().count() == 1);
}
