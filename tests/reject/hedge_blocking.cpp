// expect: rekey: Hedge sends a second copy while the first is on its way, which a client that
// SPDX-License-Identifier: BSL-1.0
#include <rekey/http.hpp>
#include <rekey/policy/hedge.hpp>
#include <rekey/rekey.hpp>

#include <chrono>

rekey::HttpResponse http(const rekey::HttpRequest&, const rekey::Attempt&) { return {}; }

int main() {
    const rekey::Client client{http,
#ifdef REKEY_REJECT
                               rekey::Hedge{std::chrono::milliseconds{200}},
#endif
                               rekey::RetryOn<rekey::Transient>{}, rekey::MaxAttempts<3>{}};
    return client.send(rekey::HttpRequest{}) ? 0 : 1;
}
