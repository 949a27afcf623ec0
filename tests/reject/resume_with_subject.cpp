// expect: rekey: behind the end of an authorization, which says who it is, stands
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
    const auto end = client.authorize("/callback?code=1&state=2", browser);
#ifdef REKEY_REJECT
    (void)client.resume<rekey::HttpRequest>(end, browser, rekey::Subject{"fresh"});
#else
    (void)client.resume<rekey::HttpRequest>(end, browser);
#endif
}
