// expect: rekey: this CredentialChain goes from a user's credential to the app's own
// SPDX-License-Identifier: BSL-1.0
// security: S52
#include <rekey/coze.hpp>
#include <rekey/coze/web_flow.hpp>
#include <rekey/http.hpp>
#include <rekey/rekey.hpp>

using namespace rekey;

HttpResponse http(const HttpRequest&, const Attempt&) { return {}; }

auto users() { return OboReauth{coze::WebFlow{coze::WebFlowOptions{}}}; }
auto app() { return CredentialChain{coze::Pat<coze::Enterprise>{"pat_enterprise"}}; }

#ifndef REKEY_REJECT
const Client client{http, users(), app(), coze::RetryOnRefusal{}, EscalateToAppIdentity{}};
#else
const Client client{http, users(), app(), coze::RetryOnRefusal{}};
#endif

int main() { return client.send(HttpRequest{}, WithoutBinding{}) ? 0 : 1; }
