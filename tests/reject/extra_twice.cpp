// expect: rekey: send(request, extras...) takes each extra once.
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

int main() {
    const rekey::Client client{http, rekey::CredentialChain{Personal{"token"}}};
#ifndef REKEY_REJECT
    (void)client.send(Request{}, rekey::Idempotent{}, rekey::Subject{"ada"});
#else
    (void)client.send(Request{}, rekey::Subject{"bob"}, rekey::Subject{"ada"});
#endif
}
