// expect: rekey: the transport returns a type that rekey cannot read
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
};

#ifndef REKEY_REJECT
Response http(const Request&, const rekey::Attempt&) { return {200}; }
#else
void http(const Request&, const rekey::Attempt&) {}
#endif

int main() {
    const rekey::Client client{http, rekey::CredentialChain{Personal{"token"}}};
    (void)client.send(Request{});
}
