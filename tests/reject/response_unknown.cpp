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
    int outcome;
};
Response http(const Request&, const rekey::Attempt&) { return {200}; }

#ifndef REKEY_REJECT
template <> struct rekey::ResponseTraits<Response> {
    static int status(const Response& response) { return response.outcome; }
};
#endif

int main() {
    const rekey::Client client{http, rekey::CredentialChain{Personal{"token"}}};
    (void)client.send(Request{});
}
