// expect: rekey: what this client asks for stays with a personal account
// SPDX-License-Identifier: BSL-1.0
#include <rekey/coze.hpp>
#include <rekey/coze/web_flow.hpp>

namespace {

rekey::HttpResponse http(const rekey::HttpRequest&, const rekey::Attempt&) { return {}; }

}  // namespace

void reach() {
#ifdef REKEY_REJECT
    rekey::Client client{http, rekey::OboReauth{rekey::coze::WebFlow<>{{}}},
                         rekey::coze::RetryOnRefusal{}, rekey::coze::PersonalAccountResources{}};
#else
    rekey::Client client{http, rekey::CredentialChain{rekey::coze::Pat<>{"pat_1"}},
                         rekey::coze::RetryOnRefusal{}, rekey::coze::PersonalAccountResources{}};
#endif
    (void)client;
}
