// expect: rekey: behind what the browser brought stands Binding
// SPDX-License-Identifier: BSL-1.0
#include <rekey/coze.hpp>
#include <rekey/coze/web_flow.hpp>

namespace {

rekey::HttpResponse http(const rekey::HttpRequest&, const rekey::Attempt&) { return {}; }

}  // namespace

struct Stranger {
    void add_to(rekey::detail::CallExtras&) const {}
};

void back() {
    rekey::Client client{http, rekey::OboReauth{rekey::coze::WebFlow<>{{}}},
                         rekey::coze::RetryOnRefusal{}};
#ifdef REKEY_REJECT
    (void)client.authorize("/callback?code=1&state=2", rekey::WithoutBinding{}, Stranger{});
#else
    (void)client.authorize("/callback?code=1&state=2", rekey::WithoutBinding{});
#endif
}
