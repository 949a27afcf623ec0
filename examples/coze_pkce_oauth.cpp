// SPDX-License-Identifier: BSL-1.0
// coze_pkce_oauth: your desktop program acts for the person in front of it. They say yes in the
// browser once, the program keeps and renews the token. After the move that token is refused, and
// there is no second credential: the person has to say yes again. So the program asks, waits for
// the browser on loopback, and sends the very request that was refused.
//
//     $ export PUBLISHED_BOT_ID=7379… USER_ID=user_1
//     $ export COZE_PKCE_OAUTH_CLIENT_ID=…
//     $ export COZE_PKCE_OAUTH_REDIRECT_URI=http://127.0.0.1:8090/callback
//     $ coze_pkce_oauth --message "Hello"
//     Open this page in a browser on this machine and say yes:
//     https://www.coze.com/api/permission/oauth2/authorize?response_type=code&client_id=…
//     {"code":0,"msg":"","data":{"id":"7300…","conversation_id":"7300…",…}}
//
// If nobody comes back within --timeout seconds it ends with 3 and the URL on stdout. The redirect
// URI is the registered one, byte for byte; write 127.0.0.1 rather than localhost (RFC 8252 §8.3).
// There is no secret in this program: PKCE proves that who brings the code is who asked for it.
#include "support/chat_program.hpp"
#include "support/loopback_listener.hpp"

#include <rekey/coze.hpp>
#include <rekey/coze/pkce_loopback.hpp>

#include <chrono>
#include <cstdint>
#include <iostream>
#include <string>
#include <variant>

int main(int argc, char** argv) {
    namespace coze = rekey::coze;
    std::uint64_t timeout = 300;
    coze::CodeFlowOptions app;
    support::ChatProgram program{"coze_pkce_oauth",
                                 "One chat with a Coze agent, for the person at this machine",
                                 support::ActsFor::user};
    program.add_seconds("--timeout", timeout, 600, "How long to wait for the browser, in seconds");
    program.add_text("--workspace", app.workspace_id,
                     "Ask for access to this workspace only (enterprise)");
    if (!program.read(argc, argv)) return program.exit_status();

    app.client_id = program.need("COZE_PKCE_OAUTH_CLIENT_ID");
    app.redirect_uri = program.need("COZE_PKCE_OAUTH_REDIRECT_URI");
    app.base = program.api_base();
    app.www_base = program.www_base();
    app.allow_http = program.allows_http();
    if (program.exit_status() != 0) return program.exit_status();
    if (const std::string why = support::LoopbackListener::problem(app.redirect_uri); !why.empty())
        return program.complain("COZE_PKCE_OAUTH_REDIRECT_URI: " + why);

    // Listen first, then show the URL: the browser may be fast.
    support::LoopbackListener listener{app.redirect_uri, program.stop()};
    using Answer = std::variant<rekey::Authorized, rekey::HandedOver, rekey::Denied>;
    const auto show = [&](const rekey::AuthorizationRequest& request) -> Answer {
        if (!program.waits_for_user()) return rekey::HandedOver{};
        if (!listener.begin(std::chrono::seconds{timeout}))
            return rekey::Denied{"the port of COZE_PKCE_OAUTH_REDIRECT_URI is taken"};
        std::cerr << "Open this page in a browser on this machine and say yes:\n"
                  << request.url << '\n';
        return rekey::Authorized{};
    };
    const auto wait = [&](const rekey::AuthorizationRequest&) { return listener.wait(); };

    const rekey::Client client{program.transport(),
                               rekey::OboReauth{coze::PkceLoopback{app, show, wait}},
                               coze::RetryOnRefusal{}};
    return program.run(client);
}
