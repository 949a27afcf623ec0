// expect: rekey: the asynchronous transport cannot be called with this request. It is called as
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
using Sent = std::string;
#else
using Sent = rekey::HttpRequest;
#endif

int main() {
    const rekey::driver::callback::Client client{http, rekey::driver::NoScheduler{}};
    client.send(Sent{}, ended);
}
