// expect: rekey: FreshConversation changes a copy of the request, whose `url` is a
// SPDX-License-Identifier: BSL-1.0
#include <rekey/coze.hpp>
#include <rekey/rekey.hpp>

#include <memory>
#include <string>

#ifndef REKEY_REJECT
struct Request {
    std::string url;
};
#else
struct Request {
    std::string url;
    std::unique_ptr<std::string> body;
};
#endif
struct Response {
    int status;
    std::string body;
};
Response http(const Request&, const rekey::Attempt&) { return {200, "{}"}; }

int main() {
    using rekey::coze::Enterprise;
    using rekey::coze::Pat;
    using rekey::coze::Personal;
    const rekey::Client client{http,
                               rekey::CredentialChain{Pat<Personal>{"a"}, Pat<Enterprise>{"b"}},
                               rekey::RetryOn<4100>{}, rekey::coze::FreshConversation{}};
    (void)client.send(Request{});
}
