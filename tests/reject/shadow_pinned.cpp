// expect: rekey: shadow(client, result, request) chooses the credential itself
// SPDX-License-Identifier: BSL-1.0
#include <rekey/rekey.hpp>
#include <rekey/shadow.hpp>

#include <string>

struct Request {
    std::string method = "GET";
};
struct Response {
    int status;
    std::string body;
};
Response http(const Request&, const rekey::Attempt&) { return {200, "{}"}; }

int main() {
    const rekey::Client client{http};
    const auto result = client.send(Request{});
#ifndef REKEY_REJECT
    return rekey::shadow(client, result, Request{}).was_made ? 1 : 0;
#else
    return rekey::shadow(client, result, Request{}, rekey::SameCredentialAs{result}).was_made;
#endif
}
