// expect: rekey: this client asks users and may wait for them, and an asynchronous client must not.
// SPDX-License-Identifier: BSL-1.0
#include <rekey/coze.hpp>
#include <rekey/coze/web_flow.hpp>
#include <rekey/driver/callback.hpp>
#include <rekey/http.hpp>
#include <rekey/rekey.hpp>

#include <functional>

using Done = std::function<void(rekey::HttpResponse)>;
void http(const rekey::HttpRequest&, const rekey::Attempt&, const Done& done) {
    done({200, {}, {}, false});
}
void ended(const rekey::Result<rekey::HttpResponse>&) {}

struct Timer {
    void cancel() const {}
};
struct Timers {
    Timer after(rekey::Duration, const std::function<void()>&) { return {}; }
};

#ifdef REKEY_REJECT
rekey::Authorized shown(const rekey::AuthorizationRequest&) { return {}; }
#else
rekey::HandedOver shown(const rekey::AuthorizationRequest&) { return {}; }
#endif

int main() {
    const rekey::driver::callback::Client client{
        http, Timers{}, rekey::OboReauth{rekey::coze::WebFlow<decltype(&shown)>{{}, &shown}},
        rekey::coze::RetryOnRefusal{}};
    client.send(rekey::HttpRequest{}, ended, rekey::Binding{"cookie"});
}
