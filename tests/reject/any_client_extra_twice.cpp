// expect: rekey: AnyClient takes each extra of a call once.
// SPDX-License-Identifier: BSL-1.0
#include <rekey/any_client.hpp>
#include <rekey/http.hpp>

using Held = rekey::AnyClient<rekey::HttpRequest, rekey::HttpResponse>;

#ifndef REKEY_REJECT
using Second = rekey::Idempotent;
#else
using Second = rekey::Subject;
#endif

void send(const Held& client) {
    (void)client.send(rekey::HttpRequest{}, rekey::Subject{"ada"}, Second{});
}
