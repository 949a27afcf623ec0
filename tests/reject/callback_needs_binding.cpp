// expect: rekey: this client may send a browser away and has to know it again: add Binding{session
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
void ended(const rekey::Result<rekey::HttpResponse>&) {}

}  // namespace

int main() {
    const rekey::driver::callback::Client client{http, Timers{},
                                                 rekey::OboReauth{rekey::coze::WebFlow<>{{}}},
                                                 rekey::coze::RetryOnRefusal{}};
#ifdef REKEY_REJECT
    client.send(rekey::HttpRequest{}, ended);
#else
    client.send(rekey::HttpRequest{}, ended, rekey::WithoutBinding{});
#endif
}
