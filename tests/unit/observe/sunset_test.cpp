// SPDX-License-Identifier: BSL-1.0
#include <rekey/observe/sunset.hpp>

#include <rekey/policy/observe.hpp>
#include <rekey/rekey.hpp>
#include <rekey/testing.hpp>

#include "catch.hpp"
#include "tests/support/clients.hpp"

#include <string>
#include <vector>

namespace {
using namespace clients;
}  // namespace

TEST_CASE("each use of a credential after its sunset is reported, none before, none of another") {
    testing::Script script;
    for (int i = 0; i != 3; ++i) script.then(401).then(200);
    testing::ManualClock clock;
    constexpr std::int64_t date = 1'800'000'000;
    std::vector<std::string> uses;
    const auto report = [&uses](const observe::Attempted& use) {
        uses.push_back(std::string(use.credential) + " " + std::to_string(use.http_status));
    };
    const Client client{script, both(), OnRefusal{}, UseClock{clock},
                        Observe{observe::Sunset{"personal", date, report}}};
    clock.set_unix_seconds(date - 1);
    REQUIRE(client.send(chat()));
    CHECK(uses.empty());
    clock.set_unix_seconds(date);
    REQUIRE(client.send(chat()));
    REQUIRE(client.send(chat()));
    CHECK(uses == std::vector<std::string>{"personal 401", "personal 401"});
}
