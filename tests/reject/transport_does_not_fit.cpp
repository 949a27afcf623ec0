// expect: rekey: the transport cannot be called with this request.
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
using Sent = Request;
#else
using Sent = std::string;
#endif

int main() {
    const rekey::Client client{http, rekey::CredentialChain{Personal{"token"}}};
    (void)client.send(Sent{});
}
