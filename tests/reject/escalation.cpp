// expect: rekey: this CredentialChain goes from a user's credential to the app's own
// SPDX-License-Identifier: BSL-1.0
// security: S52
#include <rekey/rekey.hpp>

#include <string>

struct Personal {
    static constexpr auto name = "personal";
    std::string token;
};
struct Enterprise {
    static constexpr auto name = "enterprise";
    std::string token;
};

struct Request {};
struct Response {
    int status;
    std::string body;
};
Response http(const Request&, const rekey::Attempt&) { return {200, "{}"}; }

struct UserToken {
    static constexpr auto name = "user";
    static constexpr rekey::Identity identity = rekey::Identity::user;
    std::string token;
};

#ifndef REKEY_REJECT
const rekey::Client client{http, rekey::CredentialChain{UserToken{"token"}, Enterprise{"token"}},
                           rekey::RetryOn<4100>{}, rekey::EscalateToAppIdentity{}};
#else
const rekey::Client client{http, rekey::CredentialChain{UserToken{"token"}, Enterprise{"token"}},
                           rekey::RetryOn<4100>{}};
#endif

int main() { return client.send(Request{}) ? 0 : 1; }
