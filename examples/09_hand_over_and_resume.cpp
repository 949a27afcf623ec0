// SPDX-License-Identifier: BSL-1.0
//
// Dear reader,
//
// you run a web backend, and each of your users has allowed it to talk to Coze for them. When a
// token is refused for good, only the user can help, in the browser, while your server has long
// answered. So the call does not wait: it ends with "authorization needed" and a URL for the
// browser, and it can be resumed. The route that gets the callback finishes the very request that
// was refused, without anybody typing it again.
//
// FakeCoze is the service here, the consent page included, and a function plays the browser. The
// clock is a manual one, so that days pass at once.

#include <rekey/coze.hpp>
#include <rekey/coze/web_flow.hpp>
#include <rekey/testing.hpp>
#include <rekey/testing/fake_coze.hpp>

#include <chrono>
#include <cstdio>
#include <string>

// The person says yes, and the browser goes where the consent page sends it: to your callback.
std::string browser_says_yes(rekey::testing::FakeCoze& coze, const std::string& url) {
    const auto page = coze.handle({"GET", url + "&decision=allow", {}, {}});
    return std::string(rekey::find_header(page.response.headers, "Location"));
}

int main() {
    rekey::testing::ManualClock clock;
    rekey::testing::FakeCoze::Options world;
    world.clock = [&clock] { return clock.unix_seconds(); };
    rekey::testing::FakeCoze coze{world};

    rekey::coze::WebFlowOptions app;
    app.client_id = world.web_client_id;
    app.client_secret = rekey::Secret{world.web_client_secret};
    app.redirect_uri = world.web_redirect_uri;
    app.base = world.base;

    const rekey::Client client{coze, rekey::OboReauth{rekey::coze::WebFlow{app}},
                               rekey::coze::RetryOnRefusal{}, rekey::UseClock{clock}};

    const rekey::HttpRequest chat{"POST",
                                  world.base + "/v3/chat",
                                  {{"Content-Type", "application/json"}},
                                  R"({"bot_id":")" + world.bot_id + R"(","user_id":"ann"})"};
    const rekey::Subject ann{"ann"};
    const rekey::Binding browser{"the value of ann's session cookie"};

    const auto visit = [&](const char* when) {
        std::printf("%s\n", when);
        const auto result = client.send(chat, ann, browser);
        if (result) return (void)std::puts("  answered at once");
        const auto& error = result.error();
        std::printf("  %s after %zu attempt(s)\n", std::string(to_string(error.kind)).c_str(),
                    result.trail().count());
        if (error.kind != rekey::ErrorKind::authorization_needed) return;

        // Your route redirects the browser to this URL, and some day the callback arrives.
        const std::string callback = browser_says_yes(coze, result.authorization().url);
        const auto done = client.resume<rekey::HttpRequest>(callback, browser);
        std::printf("  %s\n", done ? "resumed, answered" : done.error().describe().c_str());
        const auto twice = client.resume<rekey::HttpRequest>(callback, browser);
        if (!twice) std::puts("  the same callback again is refused");
    };

    visit("the first visit");
    clock.advance(std::chrono::hours{1});
    visit("an hour later: the token has expired and is refreshed");
    clock.advance(std::chrono::minutes{1});
    coze.move();
    visit("after the move");
    clock.advance(std::chrono::hours{24});
    visit("the next day");

    const auto totals = coze.totals();
    const auto exchanges = [&totals](const char* grant) {
        return static_cast<long long>(totals.token_exchanges.at(grant));
    };
    std::printf("the service saw %lld chats answered, %lld codes, %lld refreshes\n",
                static_cast<long long>(totals.chats_executed), exchanges("authorization_code"),
                exchanges("refresh_token"));
}

// Output:
//   the first visit
//     authorization_needed after 1 attempt(s)
//     resumed, answered
//     the same callback again is refused
//   an hour later: the token has expired and is refreshed
//     answered at once
//   after the move
//     authorization_needed after 2 attempt(s)
//     resumed, answered
//     the same callback again is refused
//   the next day
//     answered at once
//   the service saw 4 chats answered, 2 codes, 3 refreshes
