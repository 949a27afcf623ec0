// expect: rekey: tokens are stored before they are used
// SPDX-License-Identifier: BSL-1.0
// security: S32
#include <rekey/oauth/code_exchange.hpp>

using namespace rekey::oauth;

const TokenSet* use(UncommittedTokens& tokens) {
#ifdef REKEY_REJECT
    return tokens.commit([] {});
#else
    return tokens.commit([](const TokenSet&) { return true; });
#endif
}
