// SPDX-License-Identifier: BSL-1.0
// page: prints what a meter has counted, for promtool; `page json` prints it as JSON.

#include <rekey/http.hpp>
#include <rekey/observe/json.hpp>
#include <rekey/observe/meter.hpp>
#include <rekey/observe/prometheus.hpp>
#include <rekey/policy/observe.hpp>
#include <rekey/rekey.hpp>
#include <rekey/testing.hpp>

#include <cstdio>
#include <string>
#include <string_view>

using namespace rekey;
using namespace std::chrono_literals;

struct Personal {
    static constexpr auto name = "personal \"old\" \\ of\nmine";  // whatever a name may hold
    std::string token = "pat_1";
};
struct Enterprise {
    static constexpr auto name = "enterprise";
    std::string token = "pat_2";
};
struct BotOf {
    std::string_view operator()(const HttpRequest& request) const { return request.body; }
};

int main(int count, char**) {
    testing::Script script;
    script.then(200).then(401, 4101, "no").then(200).then(503).then(401).then(403).then(200);
    testing::ManualClock clock;
    observe::Meter<BotOf> meter;
    const Client client{script, CredentialChain{Personal{}, Enterprise{}},
                        RetryOn<AuthRejected, 4101>{}, UseClock{clock}, Observe{meter}};
    for (const char* const bot : {"bot_1", "bot \"2\"", "\xe6\x89\xa3\xe5\xad\x90", "", "bot\n5"}) {
        (void)client.send(HttpRequest{"POST", "https://api.example/v3/chat", {}, bot});
        clock.advance(1500ms);
    }
    const std::string text =
        count > 1 ? json_text(meter, clock.now()) : prometheus_text(meter, clock.now());
    std::fputs(text.c_str(), stdout);
    return 0;
}
