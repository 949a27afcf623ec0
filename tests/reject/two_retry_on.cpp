// expect: rekey: a client takes one RetryOn.
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
const rekey::Client client{http, rekey::CredentialChain{Personal{"token"}},
                           rekey::RetryOn<4100, 4101>{}};
#else
const rekey::Client client{http, rekey::CredentialChain{Personal{"token"}}, rekey::RetryOn<4100>{},
                           rekey::RetryOn<4101>{}};
#endif

int main() { return client.send(Request{}) ? 0 : 1; }
