// expect: rekey: behind what the browser brought stands Binding
// SPDX-License-Identifier: BSL-1.0
// security: S5
#include <rekey/coze.hpp>
#include <rekey/coze/web_flow.hpp>

namespace {

rekey::HttpResponse http(const rekey::HttpRequest&, const rekey::Attempt&) { return {}; }

}  // namespace

void back() {
    rekey::Client client{http, rekey::OboReauth{rekey::coze::WebFlow<>{{}}},
                         rekey::coze::RetryOnRefusal{}};
    const rekey::Binding browser{"cookie"};
#ifdef REKEY_REJECT
    (void)client.authorize("/callback?code=1&state=2", browser, rekey::Subject{"fresh"});
#else
    (void)client.authorize("/callback?code=1&state=2", browser, rekey::SignedInAs{"fresh"});
#endif
}
