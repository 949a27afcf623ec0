// expect: rekey: the function of OnFallBack is called as f(Request&)
// SPDX-License-Identifier: BSL-1.0
#include <rekey/rekey.hpp>

#include <memory>
#include <string>

struct Personal {
    static constexpr auto name = "personal";
    std::string token;
};
struct Enterprise {
    static constexpr auto name = "enterprise";
    std::string token;
};

struct Request {
#ifndef REKEY_REJECT
    std::shared_ptr<std::string> body;
#else
    std::unique_ptr<std::string> body;
#endif
};
struct Response {
    int status;
    std::string body;
};
Response http(const Request&, const rekey::Attempt&) { return {200, "{}"}; }

int main() {
    const auto rewrite = [](Request& copy) { copy.body = nullptr; };
    const rekey::Client client{http, rekey::CredentialChain{Personal{"a"}, Enterprise{"b"}},
                               rekey::RetryOn<4100>{}, rekey::OnFallBack{rewrite}};
    (void)client.send(Request{});
}
