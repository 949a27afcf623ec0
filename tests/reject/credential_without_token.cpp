// expect: rekey: a credential needs a `name` (static or member) and a `token`
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

struct Nameless {
    std::string token;
};

#ifndef REKEY_REJECT
using Other = Enterprise;
#else
using Other = Nameless;
#endif

int main() {
    const rekey::Client client{http, rekey::CredentialChain{Personal{"token"}, Other{"other"}},
                               rekey::RetryOn<4100>{}};
    return client.send(Request{}) ? 0 : 1;
}
