// expect: rekey: a transport type that makes promises (vouches_for_whole_bodies) must also
// SPDX-License-Identifier: BSL-1.0
// security: S46
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
struct Http {
    static constexpr bool vouches_for_whole_bodies = true;
#ifndef REKEY_REJECT
    static constexpr bool follows_redirects = false;
#endif
    Response operator()(const Request&, const rekey::Attempt&) const { return {200, "{}"}; }
};

int main() {
    const rekey::Client client{Http{}, rekey::CredentialChain{Personal{"token"}}};
    return client.send(Request{}) ? 0 : 1;
}
