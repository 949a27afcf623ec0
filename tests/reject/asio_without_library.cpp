// expect: rekey: driver::asio::Client{executor, transport, policies...} begins with an
// SPDX-License-Identifier: BSL-1.0
#include <rekey/driver/basic_asio.hpp>
#include <rekey/http.hpp>
#include <rekey/rekey.hpp>

#include <functional>

namespace {

using Done = std::function<void(rekey::HttpResponse)>;
void http(const rekey::HttpRequest&, const rekey::Attempt&, const Done& done) {
    done({200, {}, {}, false});
}
struct Context {};

}  // namespace

int main() {
#ifdef REKEY_REJECT
    const rekey::driver::asio::Client client{Context{}, http};
#else
    [[maybe_unused]] const Context context;
    const rekey::driver::callback::Client client{http, rekey::driver::NoScheduler{}};
#endif
    return static_cast<int>(client.in_flight());
}
