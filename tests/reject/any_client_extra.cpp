// expect: rekey: AnyClient takes Idempotent{}, IdempotencyKey{...}, Subject{...},
// SPDX-License-Identifier: BSL-1.0
#include <rekey/any_client.hpp>
#include <rekey/http.hpp>

using Held = rekey::AnyClient<rekey::HttpRequest, rekey::HttpResponse>;

#ifndef REKEY_REJECT
constexpr rekey::Idempotent extra{};
#else
const rekey::Binding extra{"session-of-a-browser"};
#endif

void send(const Held& client) { (void)client.send(rekey::HttpRequest{}, extra); }
