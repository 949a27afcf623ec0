// expect: rekey: the transport cannot be called with this request.
// SPDX-License-Identifier: BSL-1.0
#include <rekey/http.hpp>
#include <rekey/rekey.hpp>

#include <memory>
#include <string>
#include <vector>

struct Personal {
    static constexpr auto name = "personal";
    std::string token;
};
struct Enterprise {
    static constexpr auto name = "enterprise";
    std::string token;
};

struct Request {
    std::vector<rekey::HttpHeader> headers;
#ifdef REKEY_REJECT
    std::unique_ptr<std::string> body;
#endif
};
struct Response {
    int status;
    std::string body;
};
Response http(const Request&) { return {200, "{}"}; }

int main() {
    const rekey::Client client{http, rekey::CredentialChain{Personal{"token"}}};
    (void)client.send(Request{});
}
