// expect: rekey: this client may send a browser away, and each of its calls says with
// SPDX-License-Identifier: BSL-1.0
#include <rekey/any_client.hpp>
#include <rekey/coze.hpp>
#include <rekey/coze/web_flow.hpp>

namespace {

rekey::HttpResponse http(const rekey::HttpRequest&, const rekey::Attempt&) { return {}; }

}  // namespace

rekey::AnyClient<rekey::HttpRequest, rekey::HttpResponse> make() {
#ifdef REKEY_REJECT
    return rekey::Client{http, rekey::OboReauth{rekey::coze::WebFlow<>{{}}},
                         rekey::coze::RetryOnRefusal{}};
#else
    return rekey::Client{http, rekey::coze::RetryOnRefusal{}};
#endif
}
