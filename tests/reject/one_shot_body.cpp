// expect: rekey: this request can be sent only once, for its body is a stream, and this
// SPDX-License-Identifier: BSL-1.0
#include <rekey/rekey.hpp>

#include <memory>
#include <sstream>
#include <string>

struct Upload {
    std::unique_ptr<std::istream> body;
};
struct Response {
    int status;
    std::string body;
};
Response http(const Upload&, const rekey::Attempt&) { return {200, "{}"}; }

using Gate = rekey::RetryOn<rekey::RateLimited>;
#ifndef REKEY_REJECT
const rekey::Client client{http, Gate{}, rekey::NoRetry{}};
#else
const rekey::Client client{http, Gate{}, rekey::MaxAttempts<3>{}};
#endif

int main() { return client.send(Upload{}) ? 0 : 1; }
