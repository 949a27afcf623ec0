// expect: rekey: AnyClient<Request, Response> holds a client with send(request, extras...),
// SPDX-License-Identifier: BSL-1.0
#include <rekey/any_client.hpp>
#include <rekey/http.hpp>

rekey::HttpResponse http(const rekey::HttpRequest&, const rekey::Attempt&) { return {}; }
using Held = rekey::AnyClient<rekey::HttpRequest, rekey::HttpResponse>;

#ifndef REKEY_REJECT
Held make() { return rekey::Client{http}; }
#else
Held make() { return http; }
#endif
