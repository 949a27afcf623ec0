// expect: rekey: Remember learns which of several credentials to begin with
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
#ifndef REKEY_REJECT
    const rekey::CredentialChain chain{Personal{}, Enterprise{}};
#else
    const rekey::CredentialChain chain{Personal{}};
#endif
    const rekey::Client client{http, chain, rekey::Remember{BotOf{}}};
    return client.send(Request{"7"}) ? 0 : 1;
}
