// SPDX-License-Identifier: BSL-1.0
#include <rekey/policy/observe.hpp>

#include <rekey/coze.hpp>
#include <rekey/coze/device_flow.hpp>
#include <rekey/observe/log_line.hpp>
#include <rekey/observe/meter.hpp>
#include <rekey/rekey.hpp>
#include <rekey/testing.hpp>

#include "catch.hpp"
#include "tests/support/obo.hpp"

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace {

using namespace rekey;
using testing::Script;

/// A credential that gets its token over HTTP.
struct Traded {
    static constexpr std::string_view name = "traded";
    using Exchange = token::Exchanged;
    struct Request {
        HttpRequest http{"POST", "https://api.coze.com/token", {}, {}};
        Secret authorization{"Bearer assertion_0123456789"};
        std::string problem{};
    };
    static Request token_request(std::int64_t) { return {}; }
    static oauth::TokenAnswer read_token(int status, std::string_view type, std::string_view body,
                                         std::int64_t now) {
        oauth::TokenRules rules;
        rules.now = now;
        return oauth::read_token_answer(status, type, body, rules);
    }
};

struct Ids {
    static constexpr bool wants_log_ids = true;
    std::vector<std::string> seen{};
    void exchanged(const observe::Exchanged& event) { seen.emplace_back(event.log_id); }
};

}  // namespace

TEST_CASE("S71 the log id of a token answer is told, unless it repeats anything that was traded") {
    const std::string body =
        R"({"access_token":"access_0123456789","refresh_token":"refresh_0123456789",)"
        R"("expires_in":900,"detail":{"logid":"id_0123456789"}})";
    const auto told = [&body](const std::string& id) {
        Script script;
        script
            .then(HttpResponse{
                200, {{"Content-Type", "application/json"}, {"X-Request-Id", id}}, body, false})
            .then(200);
        Ids ids;
        const Client client{script, CredentialChain{Traded{}}, RetryOn<AuthRejected>{},
                            Observe{ids}};
        REQUIRE(client.send(HttpRequest{"GET", "https://api.coze.com/", {}, {}}));
        REQUIRE(ids.seen.size() == 1);
        return ids.seen[0];
    };
    CHECK(told("id_0123456789") == "id_0123456789");
    CHECK(told("20260921-7") == "20260921-7");
    for (const char* const id :
         {"access_0123456789", "x-access_0123456789", "cess_0123456", "refresh_0123456789",
          "x-refresh_0123456789-x", "fresh_0123", "assertion_0123456789", "ertion_012345"})
        CHECK(told(id).empty());
}

TEST_CASE("a user who is asked by a flow is told of, with the token requests that it took") {
    using namespace obo;
    Desk desk;
    AuthorizationRequest shown;
    struct Story {
        std::vector<std::string> lines{};
        std::uint32_t requests = 0;
        void attempted(const observe::Attempted& event) {
            lines.push_back("attempted " + std::to_string(event.http_status));
        }
        void asked_user(const observe::AskedUser& event) {
            lines.push_back(event.outcome == Reauthorized::authorized ? "authorized" : "not");
            requests = event.requests;
        }
        void ended(const observe::Ended& event) {
            lines.push_back(std::string(to_string(event.reason)));
        }
    };
    Story story;
    std::string line;
    const auto write = [&line](std::string_view text) { line = text; };
    const auto show = [&](const AuthorizationRequest& request) {
        desk.service.approve_device(request.user_code);
        return Authorized{};
    };
    const Client client{std::ref(desk.wire), OboReauth{coze::DeviceFlow{desk.device_app(), show}},
                        coze::RetryOnRefusal{}, UseClock{desk.clock},
                        Observe{story, observe::LogLine{write}}};
    REQUIRE(client.send(desk.chat(), Subject{"ann"}));
    CHECK(story.lines.front() == "authorized");
    CHECK(story.lines.back() == "success");
    CHECK(story.requests >= 2);  // for the code, and at least one poll
    CHECK(line.find("user authorized") != std::string::npos);
    CHECK(line.find("Bearer") == std::string::npos);
    for (const auto& sent : desk.wire.sent())
        for (const auto& header : sent.request.headers)
            if (header.name == "Authorization")
                CHECK(line.find(header.value.substr(7)) == std::string::npos);
}
