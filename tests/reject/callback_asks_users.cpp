// expect: rekey: this client asks users, which blocks, and its asynchronous driver does not do it.
// SPDX-License-Identifier: BSL-1.0
#include <rekey/driver/callback.hpp>
#include <rekey/http.hpp>
#include <rekey/rekey.hpp>

#include <functional>

using Done = std::function<void(rekey::HttpResponse)>;
void http(const rekey::HttpRequest&, const rekey::Attempt&, const Done& done) {
    done({200, {}, {}, false});
}
void ended(const rekey::Result<rekey::HttpResponse>&) {}

int main() {
    const rekey::driver::callback::Client client{http, rekey::driver::NoScheduler{},
#ifdef REKEY_REJECT
                                                 rekey::OboReauth{rekey::HandOver{}},
#endif
                                                 rekey::RetryOn<rekey::AuthRejected>{}};
    client.send(rekey::HttpRequest{}, ended);
}
