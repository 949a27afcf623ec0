// expect: rekey: this client may have to wait, and it has no scheduler. Give it one, with
// SPDX-License-Identifier: BSL-1.0
#include <rekey/driver/callback.hpp>
#include <rekey/http.hpp>
#include <rekey/policy/backoff.hpp>
#include <rekey/rekey.hpp>

#include <chrono>
#include <functional>

namespace {

using Done = std::function<void(rekey::HttpResponse)>;
void http(const rekey::HttpRequest&, const rekey::Attempt&, const Done& done) {
    done({200, {}, {}, false});
}
void ended(const rekey::Result<rekey::HttpResponse>&) {}

}  // namespace

int main() {
    const rekey::driver::callback::Client client{http, rekey::driver::NoScheduler{},
#ifdef REKEY_REJECT
                                                 rekey::Backoff{std::chrono::seconds{1}},
#endif
                                                 rekey::RetryOn<rekey::Transient>{},
                                                 rekey::MaxAttempts<3>{}};
    client.send(rekey::HttpRequest{}, ended);
}
