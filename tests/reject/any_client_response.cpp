// expect: rekey: the transport of this client returns another response than
// SPDX-License-Identifier: BSL-1.0
#include <rekey/any_client.hpp>
#include <rekey/http.hpp>

struct Answer {
    int status = 200;
};

#ifndef REKEY_REJECT
rekey::HttpResponse http(const rekey::HttpRequest&, const rekey::Attempt&) { return {}; }
#else
Answer http(const rekey::HttpRequest&, const rekey::Attempt&) { return {}; }
#endif

rekey::AnyClient<rekey::HttpRequest, rekey::HttpResponse> make() { return rekey::Client{http}; }
