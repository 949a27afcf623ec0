// expect: rekey: a credential of this chain gets its token over HTTP, and the asynchronous
// SPDX-License-Identifier: BSL-1.0
#include <rekey/coze.hpp>
#include <rekey/coze/web_flow.hpp>
#include <rekey/driver/callback.hpp>
#include <rekey/http.hpp>
#include <rekey/rekey.hpp>

#include <functional>
#include <string>

namespace {

using Done = std::function<void(rekey::HttpResponse)>;
#ifdef REKEY_REJECT
void http(const std::string&, const rekey::Attempt&, const Done& done) {
#else
void http(const rekey::HttpRequest&, const rekey::Attempt&, const Done& done) {
#endif
    done({200, {}, {}, false});
}

struct Timer {
    void cancel() const {}
};
struct Timers {
    Timer after(rekey::Duration, const std::function<void()>&) { return {}; }
};
void ended(const rekey::AuthorizationEnd&) {}

}  // namespace

int main() {
    const rekey::driver::callback::Client client{http, Timers{},
                                                 rekey::OboReauth{rekey::coze::WebFlow<>{{}}},
                                                 rekey::coze::RetryOnRefusal{}};
    client.authorize("/callback?code=1&state=2", ended, rekey::Binding{"cookie"});
}
