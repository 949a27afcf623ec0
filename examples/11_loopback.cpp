// SPDX-License-Identifier: BSL-1.0
//
// Dear reader,
//
// your program runs on the desk of the person it works for. There is a browser beside it, so a
// click is enough; but anybody can read your program, so it holds no secret. It proves with PKCE
// that who brings the code is who asked for it, and it listens on 127.0.0.1 for the browser.
//
// `open_browser` and `listener` are yours. A real listener takes the next GET of the redirect URI
// and gives up after a while; examples/support/loopback_listener.hpp is one.

#include <rekey/coze.hpp>
#include <rekey/coze/pkce_loopback.hpp>
#include <rekey/testing/fake_coze.hpp>

#include <cstdio>
#include <deque>
#include <string>

int main() {
    rekey::testing::FakeCoze coze;
    const auto& world = coze.options();
    std::deque<std::string> arrived;  // what came to the port

    const auto open_browser = [&](const rekey::AuthorizationRequest& request) {
        std::puts("the browser opens the consent page");
        arrived.push_back("/favicon.ico");
        arrived.push_back("/callback?code=forged&state=guessed");
        const auto page = coze.handle({"GET", request.url + "&decision=allow", {}, {}});
        const std::string back(rekey::find_header(page.response.headers, "Location"));
        arrived.push_back(back.substr(back.find("/callback")));
        return rekey::Authorized{};  // the person is on it: go on and listen
    };
    const auto listener = [&](const rekey::AuthorizationRequest&) -> std::string {
        if (arrived.empty()) return {};  // nobody came in time
        std::string target = arrived.front();
        arrived.pop_front();
        std::printf("somebody asks for %s\n", target.substr(0, target.find('?')).c_str());
        return target;
    };

    rekey::coze::CodeFlowOptions app;
    app.client_id = world.pkce_client_id;
    app.redirect_uri = world.pkce_redirect_uri;
    app.base = world.base;

    const rekey::Client client{
        coze, rekey::OboReauth{rekey::coze::PkceLoopback{app, open_browser, listener}},
        rekey::coze::RetryOnRefusal{}};

    const rekey::HttpRequest chat{"POST",
                                  world.base + "/v3/chat",
                                  {{"Content-Type", "application/json"}},
                                  R"({"bot_id":")" + world.bot_id + R"(","user_id":"ann"})"};
    for (int day = 1; day <= 2; ++day) {
        const auto result = client.send(chat);
        if (!result) return std::puts(result.error().describe().c_str()), 1;
        std::printf("day %d: answered\n", day);
    }
}

// Output:
//   the browser opens the consent page
//   somebody asks for /favicon.ico
//   somebody asks for /callback
//   somebody asks for /callback
//   day 1: answered
//   day 2: answered
