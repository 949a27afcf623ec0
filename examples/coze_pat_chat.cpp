// SPDX-License-Identifier: BSL-1.0
// coze_pat_chat: your service calls Coze with a personal access token, and one day an admin moves
// its workspace to the enterprise: from that second the token is refused. Hold the enterprise's
// token beside it, and the request that is refused goes out once more, with that one.
//
//     $ export PUBLISHED_BOT_ID=7379… USER_ID=user_1
//     $ export COZE_API_TOKEN=pat_… COZE_API_TOKEN_ENTERPRISE=pat_…
//     $ coze_pat_chat --trail --message "Hello"            # before the move
//     1 first personal: HTTP 200 code 0 success
//     {"code":0,"msg":"","data":{"id":"7300…","conversation_id":"7300…",…}}
//     $ coze_pat_chat --trail --message "Hello"            # after it
//     1 first personal: HTTP 200 code 4101 AuthRejected
//     2 fall_back enterprise: HTTP 200 code 0 success
//     {"code":0,"msg":"","data":{"id":"7300…","conversation_id":"7300…",…}}
//
// That is two calls for each request. A process that sends more than one asks its memory first:
//
//     $ coze_pat_chat --repeat 1000 --remember >/dev/null    # the move falls somewhere between
//     1000 requests, 1001 calls, 412 served by personal, 588 served by enterprise, 0 failed
//
// COZE_API_BASE chooses the region (https://api.coze.com). To rehearse without an account, start
// fake_coze and take the variables that it prints.
#include "support/chat_program.hpp"

#include <rekey/coze.hpp>
#include <rekey/policy/remember.hpp>

int main(int argc, char** argv) {
    namespace coze = rekey::coze;
    support::ChatProgram program{"coze_pat_chat", "One chat with a Coze agent, by access token"};
    if (!program.read(argc, argv)) return program.exit_status();

    const auto chain = coze::from_environment<coze::Pat>(program.allows_http());
    if (!chain) return program.complain(chain.error());

    const rekey::Client client{program.transport(), *chain, coze::RetryOnRefusal{},
                               coze::FreshConversation{}, rekey::Remember{program.bot_if_asked()}};
    return program.run(client);
}
