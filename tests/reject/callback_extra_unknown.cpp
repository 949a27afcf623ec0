// expect: rekey: send(request, done, extras...) takes Idempotent{}, IdempotencyKey{...},
// SPDX-License-Identifier: BSL-1.0
#include <rekey/driver/callback.hpp>
#include <rekey/http.hpp>
#include <rekey/rekey.hpp>

#include <functional>
#include <string>

namespace {

using Done = std::function<void(rekey::HttpResponse)>;
void http(const rekey::HttpRequest&, const rekey::Attempt&, const Done& done) {
    done({200, {}, {}, false});
}
void ended(const rekey::Result<rekey::HttpResponse>&) {}

}  // namespace

#ifdef REKEY_REJECT
using Extra = std::string;
#else
using Extra = rekey::Idempotent;
#endif

int main() {
    const rekey::driver::callback::Client client{http, rekey::driver::NoScheduler{}};
    client.send(rekey::HttpRequest{}, ended, Extra{});
}
