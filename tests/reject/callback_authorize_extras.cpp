// expect: rekey: behind `done` stands Binding{session cookie} or WithoutBinding{}, and
// SPDX-License-Identifier: BSL-1.0
#include <rekey/coze.hpp>
#include <rekey/coze/web_flow.hpp>
#include <rekey/driver/callback.hpp>
#include <rekey/http.hpp>
#include <rekey/rekey.hpp>

#include <functional>

namespace {

using Done = std::function<void(rekey::HttpResponse)>;
void http(const rekey::HttpRequest&, const rekey::Attempt&, const Done& done) {
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
    const rekey::Binding browser{"cookie"};
#ifdef REKEY_REJECT
    client.authorize("/callback?code=1&state=2", ended, browser, rekey::Subject{"fresh"});
#else
    client.authorize("/callback?code=1&state=2", ended, browser, rekey::SignedInAs{"fresh"});
#endif
}
