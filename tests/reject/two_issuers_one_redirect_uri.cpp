// expect: rekey: two authorization servers share one redirect URI
// SPDX-License-Identifier: BSL-1.0
// security: S8
#include <rekey/oauth/callback.hpp>

using namespace rekey::oauth;

bool accept() {
#ifdef REKEY_REJECT
    const CallbackIssuers issuers{IssuerInCallback{"https://a.example"},
                                  IssuerByRedirectUri{"https://b.example"}};
#else
    const CallbackIssuers issuers{IssuerInCallback{"https://a.example"},
                                  IssuerInCallback{"https://b.example"}};
#endif
    return issuers.accept("https://a.example", "https://a.example");
}
