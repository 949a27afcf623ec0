// expect: rekey: client.route() is there for clients that learn one
// SPDX-License-Identifier: BSL-1.0
#include <rekey/policy/remember.hpp>
#include <rekey/rekey.hpp>

#include <string>

struct Personal {
    static constexpr auto name = "personal";
    std::string token = "pat_1";
};
struct Enterprise {
    static constexpr auto name = "enterprise";
    std::string token = "pat_2";
};
struct Request {
    std::string bot;
};
struct Response {
    int status;
    std::string body;
};
struct BotOf {
    const std::string& operator()(const Request& request) const { return request.bot; }
};
Response http(const Request&, const rekey::Attempt&) { return {200, "{}"}; }

int main() {
    const rekey::CredentialChain chain{Personal{}, Enterprise{}};
#ifndef REKEY_REJECT
    const rekey::Client client{http, chain, rekey::Remember{BotOf{}}};
#else
    const rekey::Client client{http, chain};
#endif
    client.route().automatic();
}
