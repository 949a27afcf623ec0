// expect: rekey: this client may have to wait, and it has no scheduler. Give it one, with
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
void ended(const rekey::Result<rekey::HttpResponse>&) {}
rekey::HandedOver shown(const rekey::AuthorizationRequest&) { return {}; }

#ifndef REKEY_REJECT
struct Timer {
    void cancel() const {}
};
struct Timers {
    static Timer after(rekey::Duration, const std::function<void()>&) { return {}; }
};
#else
using Timers = rekey::driver::NoScheduler;
#endif

}  // namespace

int main() {
    const rekey::driver::callback::Client client{
        http, Timers{}, rekey::OboReauth{rekey::coze::WebFlow<decltype(&shown)>{{}, &shown}},
        rekey::coze::RetryOnRefusal{}};
    client.send(rekey::HttpRequest{}, ended, rekey::Binding{"cookie"});
}
