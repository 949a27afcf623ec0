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

struct Response {
    int status;
    std::string body;
};
struct Request {
    std::string url;
    Response fetch(const rekey::Attempt&) const { return {200, "{}"}; }
};

#ifndef REKEY_REJECT
constexpr auto http = [](const Request& request, const rekey::Attempt& attempt) {
    return request.fetch(attempt);
};
#else
constexpr auto http = &Request::fetch;
#endif

int main() {
    const rekey::Client client{http, rekey::CredentialChain{Personal{"token"}}};
    (void)client.send(Request{"https://api.example/"});
}
