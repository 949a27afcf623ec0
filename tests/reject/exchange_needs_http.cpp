// expect: rekey: a credential of this chain gets its token over HTTP, and the transport
// SPDX-License-Identifier: BSL-1.0
#include <rekey/coze.hpp>

#include <string>

struct Request {};
struct Response {
    int status;
    std::string body;
};
Response http(const Request&, const rekey::Attempt&) { return {200, "{}"}; }
Response token_http(const rekey::HttpRequest&, const rekey::Attempt&) { return {200, "{}"}; }

int main() {
    using rekey::coze::AppAuth;
    const rekey::CredentialChain chain{AppAuth<rekey::coze::Account>{{}}};
#ifndef REKEY_REJECT
    const rekey::Client client{http, chain, rekey::ExchangeOver{token_http}};
#else
    const rekey::Client client{http, chain};
#endif
    (void)client.send(Request{});
}
