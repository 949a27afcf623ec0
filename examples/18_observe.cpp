// SPDX-License-Identifier: BSL-1.0
//
// Dear reader,
//
// you are in the middle of a move from one credential to another, and three people ask you about
// it. The one on call wants a line per call with the ids that the service's support asks for. The
// one with the dashboards wants numbers. And everybody wants to know when the old credential can
// go. `Observe` tells sinks what each call does while it does it; three of them answer here.
//
// The clock is one that a test turns, so that this letter takes no time to run.

#include <rekey/http.hpp>
#include <rekey/observe/advice.hpp>
#include <rekey/observe/log_line.hpp>
#include <rekey/observe/meter.hpp>
#include <rekey/observe/prometheus.hpp>
#include <rekey/observe/sunset.hpp>
#include <rekey/policy/observe.hpp>
#include <rekey/rekey.hpp>
#include <rekey/testing.hpp>

#include <chrono>
#include <cstdint>
#include <functional>
#include <iostream>
#include <set>
#include <sstream>
#include <string>
#include <string_view>

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

// What the calls are counted by. It becomes a label, so it is no secret.
struct BotOf {
    std::string_view operator()(const HttpRequest& request) const { return request.body; }
};

// Your service: a bot that has moved refuses the personal credential.
struct Bots {
    std::set<std::string> moved{};
    testing::ManualClock& clock;
    int answers = 0;

    HttpResponse operator()(const HttpRequest& request, const Attempt& attempt) {
        clock.advance(30ms);
        const bool refused = attempt.credential() == "personal" && moved.count(request.body) != 0;
        const std::string log_id = "log-" + std::to_string(++answers);
        return {
            200, {{"X-Request-Id", log_id}}, refused ? R"({"code":4101})" : R"({"code":0})", false};
    }
};

int main() {
    testing::ManualClock clock;
    Bots service{{"bot_1"}, clock};
    observe::Meter<BotOf> meter;
    const std::int64_t sunset = clock.unix_seconds() + 20 * 86400;

    const auto write = [](std::string_view line) { std::cout << line << '\n'; };
    const auto report = [](const observe::Attempted& use) {
        std::cout << "past its sunset: " << use.credential << ", log id " << use.log_id << '\n';
    };
    const Client client{
        std::ref(service), CredentialChain{Personal{}, Enterprise{}}, RetryOn<4100, 4101>{},
        UseClock{clock},
        Observe{meter, observe::LogLine{write}, observe::Sunset{"personal", sunset, report}}};
    const auto call = [&](const char* bot) {
        (void)client.send(HttpRequest{"POST", "https://api.example/v3/chat", {}, bot});
    };
    const auto advice = [&](const char* when) {
        observe::AdviceOptions options;
        options.sunset = sunset;
        options.unix_seconds = clock.unix_seconds();
        for (const auto& each : advise(meter, clock.now(), options))
            std::cout << when << ": " << each.sentence << '\n';
    };

    call("bot_1");
    call("bot_2");
    advice("today");

    service.moved.insert("bot_2");
    for (int day = 0; day != 15; ++day) {
        clock.advance(24h);
        if (day % 7 == 0) call("bot_2");
    }
    advice("two weeks later");

    clock.advance(24h * 6);
    call("bot_1");

    std::cout << "\nfrom the page for Prometheus:\n";
    std::istringstream page(prometheus_text(meter, clock.now()));
    for (std::string line; std::getline(page, line);)
        if (line.find("rekey_calls_served_total") == 0 ||
            line.find("rekey_calls_passed_total") == 0)
            std::cout << line << '\n';
    return 0;
}
