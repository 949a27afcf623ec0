// SPDX-License-Identifier: BSL-1.0
// coze_jwt_chat: your service is an OAuth JWT app (AppAuth): it signs an assertion and gets a token
// of 15 minutes for one account. After the move that account's tokens are refused, while the same
// app, authorized by the enterprise, gets tokens for the enterprise id. Name both ids, and the
// request that is refused goes out once more, with a token of the enterprise.
//
//     $ export PUBLISHED_BOT_ID=7379… USER_ID=user_1 COZE_ACCOUNT_ID=… COZE_ENTERPRISE_ID=volcano_…
//     $ export COZE_JWT_OAUTH_CLIENT_ID=… COZE_JWT_OAUTH_PUBLIC_KEY_ID=…
//     $ export COZE_JWT_OAUTH_PRIVATE_KEY_FILE_PATH=key.pem     # or …_PRIVATE_KEY, the text itself
//     $ coze_jwt_chat --repeat 3 >/dev/null                     # after the move
//     3 requests, 6 calls, 0 served by personal, 3 served by enterprise, 0 failed
//
// Tokens are kept until shortly before they expire: these three requests cost two token requests.
#include "support/chat_program.hpp"

#include <rekey/adapter/openssl.hpp>
#include <rekey/coze.hpp>
#include <rekey/policy/remember.hpp>

int main(int argc, char** argv) {
    namespace coze = rekey::coze;
    support::ChatProgram program{"coze_jwt_chat", "One chat with a Coze agent, by OAuth JWT app"};
    if (!program.read(argc, argv)) return program.exit_status();

    const auto chain = coze::from_environment<coze::AppAuth>(program.allows_http());
    if (!chain) return program.complain(chain.error());

    const rekey::Client client{program.transport(), *chain, coze::RetryOnRefusal{},
                               coze::FreshConversation{}, rekey::Remember{program.bot_if_asked()}};
    return program.run(client);
}
