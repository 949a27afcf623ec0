// expect: rekey: `done` is called as done(rekey::Result<Response>) when the call has ended.
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

}  // namespace

#ifdef REKEY_REJECT
[[maybe_unused]] void done(const std::string&) {}
#else
[[maybe_unused]] void done(const rekey::Result<rekey::HttpResponse>&) {}
#endif

int main() {
    const rekey::driver::callback::Client client{http, rekey::driver::NoScheduler{}};
    client.send(rekey::HttpRequest{}, done);
}
