// expect: rekey: driver/coroutine.hpp needs C++20 (-std=c++20); before that, driver/callback.hpp.
// SPDX-License-Identifier: BSL-1.0
#ifndef REKEY_REJECT
#include <rekey/driver/callback.hpp>
#else
#include <rekey/driver/coroutine.hpp>
#endif
#include <rekey/http.hpp>
#include <rekey/rekey.hpp>

#include <functional>

namespace {

using Done = std::function<void(rekey::HttpResponse)>;
void http(const rekey::HttpRequest&, const rekey::Attempt&, const Done& done) {
    done({200, {}, {}, false});
}

}  // namespace

int main() {
    const rekey::driver::callback::Client client{http, rekey::driver::NoScheduler{}};
    return static_cast<int>(client.in_flight());
}
