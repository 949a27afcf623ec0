// expect: rekey: send(request, done, extras...) takes each extra once.
// SPDX-License-Identifier: BSL-1.0
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

}  // namespace

#ifdef REKEY_REJECT
using Second = rekey::Subject;
#else
using Second = rekey::IdempotencyKey;
#endif

int main() {
    const rekey::driver::callback::Client client{http, rekey::driver::NoScheduler{}};
    client.send(rekey::HttpRequest{}, ended, rekey::Subject{"ann"}, Second{"7"});
}
