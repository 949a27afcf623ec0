// SPDX-License-Identifier: BSL-1.0
#include <rekey/observe/json.hpp>

#include <rekey/body/strict_json.hpp>
#include <rekey/observe/meter.hpp>
#include <rekey/policy/observe.hpp>
#include <rekey/rekey.hpp>
#include <rekey/testing.hpp>

#include "catch.hpp"
#include "tests/support/clients.hpp"

#include <memory>
#include <string>
#include <string_view>

namespace {

using namespace clients;
using namespace std::chrono_literals;

struct BotOf {
    std::string_view operator()(const HttpRequest& request) const { return request.body; }
};

}  // namespace

TEST_CASE("a meter prints itself as one JSON object") {
    testing::Script script;
    script.then(401, 4101).then(200).then(503);
    testing::ManualClock clock;
    const auto meter = std::make_unique<observe::Meter<BotOf>>();
    const Client client{script, both(), OnCodes{}, UseClock{clock}, Observe{*meter}};
    HttpRequest request = chat();
    request.body = "bot \"7\"";
    (void)client.send(request);
    (void)client.send(request);
    clock.advance(1500ms);
    const std::string text = json_text(*meter, clock.now());
    const auto at = [&text](std::string_view path) { return body::Json::text(text, path); };
    CHECK(detail::json_strict<detail::BestBits>(text, detail::JsonPath(nullptr, 0)).well_formed);
    CHECK(at("calls.count") == "2");
    CHECK(at("calls.success") == "1");
    CHECK(at("calls.not_retryable") == "1");
    const auto has = [&text](std::string_view part) {
        return text.find(part) != std::string::npos;
    };
    CHECK(has(
        R"({"slot":0,"name":"personal","attempts":{"count":2,"auth_rejected":1,"transient":1})"));
    CHECK(has(R"({"slot":1,"name":"enterprise","attempts":{"count":1,"accepted":1},"served":1,)"
              R"("passed":0,"idle_seconds":1.5,)"));
    CHECK(has(R"({"slot":0,"code":4101,"count":1})"));
    CHECK(has(R"({"slot":0,"http_status":503,"count":1})"));
    CHECK(has(
        R"({"key":"bot \"7\"","failed":1,"served":[{"slot":1,"count":1,"idle_seconds":1.5}]})"));
    CHECK(has(R"("last_minute":{"attempts":2,"accepted":0})"));
}

TEST_CASE("a meter that has seen nothing is an object as well") {
    const auto meter = std::make_unique<observe::Meter<>>();
    const std::string text = json_text(*meter);
    CHECK(detail::json_strict<detail::BestBits>(text, detail::JsonPath(nullptr, 0)).well_formed);
    CHECK(body::Json::text(text, "calls.count") == "0");
}
