// expect: rekey: RetryOn lists a code or an HTTP status by itself and through its class
// SPDX-License-Identifier: BSL-1.0
#include <rekey/rekey.hpp>

#include <string>

struct Personal {
    static constexpr auto name = "personal";
    std::string token;
};
struct Request {};
struct Response {
    int status;
    std::string body;
};
Response http(const Request&, const rekey::Attempt&) { return {200, "{}"}; }

#ifndef REKEY_REJECT
using Gate = rekey::RetryOn<rekey::AuthRejected, rekey::HttpStatus{410}>;
#else
using Gate = rekey::RetryOn<rekey::AuthRejected, rekey::HttpStatus{401}>;
#endif

int main() {
    const rekey::Client client{http, rekey::CredentialChain{Personal{"token"}}, Gate{}};
    return client.send(Request{}) ? 0 : 1;
}
