// expect: rekey: Coze's token endpoint takes ClientSecretBearer
// SPDX-License-Identifier: BSL-1.0
// security: S23
#include <rekey/oauth/code_exchange.hpp>

using namespace rekey::oauth;

TokenRequest refresh(const TokenEndpoint& endpoint, const rekey::Secret& refresh_token) {
#ifdef REKEY_REJECT
    return refresh_request(endpoint, ClientSecretBasic{}, refresh_token);
#else
    return refresh_request(endpoint, PublicClient{}, refresh_token);
#endif
}
