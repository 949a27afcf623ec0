// SPDX-License-Identifier: BSL-1.0
#include <rekey/observe/log_line.hpp>

#include <rekey/policy/backoff.hpp>
#include <rekey/policy/observe.hpp>
#include <rekey/rekey.hpp>
#include <rekey/testing.hpp>

#include "catch.hpp"
#include "tests/support/clients.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace {

using namespace clients;
using namespace std::chrono_literals;
using testing::Script;

HttpResponse with_log_id(HttpResponse response, std::string_view id) {
    response.headers.push_back({"X-Request-Id", std::string(id)});
    return response;
}

}  // namespace

TEST_CASE("one line a call says which credential got what, and under which ids it was logged") {
    Script script;
    script.then(with_log_id(refusal(4101, 401), "L1")).then(with_log_id(accepted(), "L2"));
    testing::ManualClock clock;
    std::vector<std::string> lines;
    const auto write = [&lines](std::string_view line) { lines.emplace_back(line); };
    const Client client{script, both(), OnCodes{}, UseClock{clock},
                        Observe{observe::LogLine{write}}};
    REQUIRE(client.send(chat()));
    REQUIRE(lines.size() == 1);
    CHECK(lines[0] ==
          "call success by enterprise in 0 s: personal 401 code 4101 auth_rejected log L1, "
          "enterprise 200 code 0 accepted log L2");
}

TEST_CASE("a line tells of waits, of silence and of the reason to stop") {
    Script script;
    script.then(503).then(TransportError{Reach::sent_unanswered, "secret words"});
    testing::ManualClock clock;
    std::vector<std::string> lines;
    const auto write = [&lines](std::string_view line) { lines.emplace_back(line); };
    const Client client{script,           RetryOn<Transient>{},
                        MaxAttempts<2>{}, Backoff{Constant{100ms}, NoJitter{}},
                        UseClock{clock},  Observe{observe::LogLine{write}}};
    CHECK_FALSE(client.send(HttpRequest{"GET", "https://api.example/?token=hidden", {}, {}}));
    REQUIRE(lines.size() == 1);
    CHECK(lines[0] ==
          "call attempts_used_up (transport) in 0.1 s: request 503 transient, waited "
          "0.1 s, request sent_unanswered transient");
}

TEST_CASE("S71 a log line is one line and holds no token, URL, body or words of the service") {
    struct Odd {
        std::string name = "odd\nname\x1b[2J";
        std::string token = "canary_0123456789_canary";
    };
    Script script;
    script.then(with_log_id(answer(401, R"({"code":4101,"msg":"canary_0123456789_canary"})"),
                            "canary_0123456789_canary"));
    std::string line;
    const auto write = [&line](std::string_view text) { line = text; };
    const Client client{script, CredentialChain{Odd{}}, OnCodes{},
                        Observe{observe::LogLine{write}}};
    HttpRequest request = chat();
    request.url += "&key=canary_0123456789_canary";
    request.body = "canary_0123456789_canary";
    CHECK_FALSE(client.send(request));
    CHECK(line.find("401 code 4101") != std::string::npos);
    CHECK(line.find("canary") == std::string::npos);
    CHECK(line.find("api.coze.com") == std::string::npos);
    for (const char symbol : line) CHECK(static_cast<unsigned char>(symbol) >= ' ');
}
