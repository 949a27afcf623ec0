// expect: rekey: this client has two services, and a code can mean only one thing.
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

struct Shop : rekey::Service {};
struct Bank : rekey::Service {};

#ifndef REKEY_REJECT
const rekey::Client client{http, rekey::CredentialChain{Personal{"token"}}, Shop{}};
#else
const rekey::Client client{http, rekey::CredentialChain{Personal{"token"}}, Shop{}, Bank{}};
#endif

int main() { return client.send(Request{}) ? 0 : 1; }
