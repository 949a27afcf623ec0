// SPDX-License-Identifier: BSL-1.0
// coze_device_oauth: your program runs where there is no browser: on a television, a device, a
// server behind ssh. It shows a code, and its user types it in at another screen. After the move
// the user's token is refused; the program shows a new code, and when the user has said yes it
// sends the very request that was refused.
//
//     $ export PUBLISHED_BOT_ID=7379… USER_ID=user_1 COZE_DEVICE_OAUTH_CLIENT_ID=…
//     $ coze_device_oauth --message "Hello"
//     Open https://www.coze.com/… and enter the code WDJB-MJHT
//     or open https://www.coze.com/…?user_code=WDJB-MJHT
//     {"code":0,"msg":"","data":{"id":"7300…","conversation_id":"7300…",…}}
//
// It polls as often as the server says and no more, until the code expires: then it ends with 3 and
// the URL on stdout. With --qr a telephone reads the second address from the terminal.
#include "support/chat_program.hpp"
#include "support/qr_code.hpp"

#include <rekey/coze.hpp>
#include <rekey/coze/device_flow.hpp>

#include <unistd.h>

#include <iostream>
#include <variant>

int main(int argc, char** argv) {
    namespace coze = rekey::coze;
    bool draws = false;
    coze::DeviceFlowOptions app;
    support::ChatProgram program{"coze_device_oauth",
                                 "One chat with a Coze agent, for a user at another screen",
                                 support::ActsFor::user};
    program.add_flag("--qr", draws, "Draw the address as a QR code on stderr");
    program.add_text("--workspace", app.workspace_id,
                     "Ask for access to this workspace only (enterprise)");
    if (!program.read(argc, argv)) return program.exit_status();

    app.client_id = program.need("COZE_DEVICE_OAUTH_CLIENT_ID");
    app.base = program.api_base();
    app.allow_http = program.allows_http();
    if (program.exit_status() != 0) return program.exit_status();

    using Answer = std::variant<rekey::Authorized, rekey::HandedOver>;
    const auto show = [&](const rekey::AuthorizationRequest& request) -> Answer {
        if (!program.waits_for_user()) return rekey::HandedOver{};
        std::cerr << "Open " << request.page << " and enter the code " << request.user_code
                  << "\nor open " << request.url << '\n';
        if (draws) std::cerr << support::qr_code(request.url, isatty(STDERR_FILENO) == 1);
        return rekey::Authorized{};
    };

    const rekey::Client client{program.transport(), rekey::OboReauth{coze::DeviceFlow{app, show}},
                               coze::RetryOnRefusal{}};
    return program.run(client);
}
