// expect: rekey: this credential is not in the CredentialChain of the client.
// SPDX-License-Identifier: BSL-1.0
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

#ifndef REKEY_REJECT
using Replaced = Personal;
#else
using Replaced = Enterprise;
#endif

int main() {
    const rekey::Client client{http, rekey::CredentialChain{Personal{"token"}}};
    client.replace(Replaced{"another"});
}
