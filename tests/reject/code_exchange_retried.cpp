// expect: rekey: the transport cannot be called with this request.
// SPDX-License-Identifier: BSL-1.0
// security: S18
#include <rekey/http.hpp>
#include <rekey/oauth/code_exchange.hpp>
#include <rekey/rekey.hpp>

rekey::HttpResponse http(const rekey::HttpRequest&, const rekey::Attempt&) { return {}; }

#ifdef REKEY_REJECT
using Sent = rekey::oauth::TokenRequest;  // a code goes out once: no client repeats it
#else
using Sent = rekey::HttpRequest;
#endif

int main() {
    const rekey::Client client{http, rekey::RetryOn<rekey::Transient>{}, rekey::MaxAttempts<3>{}};
    return client.send(Sent{}) ? 0 : 1;
}
