// expect: rekey: this response has a body that is no text
// SPDX-License-Identifier: BSL-1.0
#include <rekey/rekey.hpp>

#include <string>
#include <string_view>
#include <vector>

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
    std::vector<std::string> body;
};
Response http(const Request&, const rekey::Attempt&) { return {200, {"{}"}}; }

#ifndef REKEY_REJECT
template <> struct rekey::ResponseTraits<Response> {
    static int status(const Response& response) { return response.status; }
    static std::string_view body(const Response& response) { return response.body.at(0); }
};
#endif

int main() {
    const rekey::Client client{http, rekey::CredentialChain{Personal{"token"}},
                               rekey::RetryOn<4100>{}};
    (void)client.send(Request{});
}
