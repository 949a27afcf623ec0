// expect: rekey: this client may send a browser away and has to know it again
// SPDX-License-Identifier: BSL-1.0
#include <rekey/coze.hpp>
#include <rekey/coze/web_flow.hpp>

namespace {

rekey::HttpResponse http(const rekey::HttpRequest&, const rekey::Attempt&) { return {}; }

}  // namespace

void send() {
    rekey::Client client{http, rekey::OboReauth{rekey::coze::WebFlow<>{{}}},
                         rekey::coze::RetryOnRefusal{}};
#ifdef REKEY_REJECT
    (void)client.send(rekey::HttpRequest{}, rekey::Subject{"ann"});
#else
    (void)client.send(rekey::HttpRequest{}, rekey::Subject{"ann"}, rekey::Binding{"cookie"});
#endif
}
