// expect: rekey: a web flow belongs to the browser that begins it
// SPDX-License-Identifier: BSL-1.0
#include <rekey/coze.hpp>
#include <rekey/coze/web_flow.hpp>

namespace {

rekey::HttpResponse http(const rekey::HttpRequest&, const rekey::Attempt&) { return {}; }

}  // namespace

void back() {
    rekey::Client client{http, rekey::OboReauth{rekey::coze::WebFlow<>{{}}},
                         rekey::coze::RetryOnRefusal{}};
#ifdef REKEY_REJECT
    (void)client.authorize("/callback?code=1&state=2");
#else
    (void)client.authorize("/callback?code=1&state=2", rekey::Binding{"cookie"});
#endif
}
