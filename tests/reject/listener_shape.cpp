// expect: rekey: the listener of PkceLoopback is called as std::string
// SPDX-License-Identifier: BSL-1.0
#include <rekey/coze.hpp>
#include <rekey/coze/pkce_loopback.hpp>

#include <string>

namespace {

rekey::HttpResponse http(const rekey::HttpRequest&, const rekey::Attempt&) { return {}; }

}  // namespace

void send() {
    const auto show = [](const rekey::AuthorizationRequest&) { return rekey::Authorized{}; };
#ifdef REKEY_REJECT
    const auto listen = [](const rekey::AuthorizationRequest&) { return true; };
#else
    const auto listen = [](const rekey::AuthorizationRequest&) { return std::string(); };
#endif
    rekey::Client client{
        http,
        rekey::OboReauth{rekey::coze::PkceLoopback{rekey::coze::CodeFlowOptions{}, show, listen}},
        rekey::coze::RetryOnRefusal{}};
    (void)client.send(rekey::HttpRequest{});
}
