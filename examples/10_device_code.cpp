// SPDX-License-Identifier: BSL-1.0
//
// Dear reader,
//
// your program runs on a television, a device, or behind ssh: there is no browser. It shows a code,
// its user types it in at another screen, and the program asks the service now and then whether
// that has happened. How often is the service's to say, and rekey keeps to it to the second.
//
// The clock is a manual one here, so that this letter takes no minute to read.

#include <rekey/coze.hpp>
#include <rekey/coze/device_flow.hpp>
#include <rekey/testing.hpp>
#include <rekey/testing/fake_coze.hpp>

#include <chrono>
#include <cstdio>

int main() {
    rekey::testing::ManualClock clock;
    rekey::testing::FakeCoze::Options world;
    world.clock = [&clock] { return clock.unix_seconds(); };
    world.device_auto_approve_polls = 3;  // so often it is too early
    rekey::testing::FakeCoze coze{world};

    rekey::coze::DeviceFlowOptions app;
    app.client_id = world.device_client_id;
    app.base = world.base;

    const auto show = [](const rekey::AuthorizationRequest& request) {
        std::printf("Open %s and type in the code of %zu characters\n", request.page.c_str(),
                    request.user_code.size());
        return rekey::Authorized{};  // it is shown: go on and poll
    };
    const rekey::Client client{coze, rekey::OboReauth{rekey::coze::DeviceFlow{app, show}},
                               rekey::coze::RetryOnRefusal{}, rekey::UseClock{clock}};

    const rekey::HttpRequest chat{"POST",
                                  world.base + "/v3/chat",
                                  {{"Content-Type", "application/json"}},
                                  R"({"bot_id":")" + world.bot_id + R"(","user_id":"tv"})"};
    for (int day = 1; day <= 2; ++day) {
        const auto result = client.send(chat);
        if (!result) return std::puts(result.error().describe().c_str()), 1;
        std::printf("day %d: answered, after %zu wait(s)\n", day, clock.waits().size());
    }
    for (const rekey::Duration wait : clock.waits())
        std::printf("waited %lld s\n", static_cast<long long>(wait / std::chrono::seconds{1}));
}

// Output:
//   Open https://api.coze.com/device and type in the code of 9 characters
//   day 1: answered, after 4 wait(s)
//   day 2: answered, after 4 wait(s)
//   waited 5 s
//   waited 5 s
//   waited 5 s
//   waited 5 s
