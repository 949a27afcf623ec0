// expect: rekey: this request can be sent only once, for its body is a stream, and this client
// SPDX-License-Identifier: BSL-1.0
#include <rekey/driver/callback.hpp>
#include <rekey/rekey.hpp>

#include <functional>
#include <memory>
#include <sstream>
#include <string>

namespace {

struct Upload {
    std::shared_ptr<std::istream> body;
};
struct Response {
    int status;
    std::string body;
};
using Done = std::function<void(Response)>;
void http(const Upload&, const rekey::Attempt&, const Done& done) { done({200, "{}"}); }
void ended(const rekey::Result<Response>&) {}

using Gate = rekey::RetryOn<rekey::RateLimited>;
#ifndef REKEY_REJECT
using Limit = rekey::NoRetry;
#else
using Limit = rekey::MaxAttempts<3>;
#endif

}  // namespace

int main() {
    const rekey::driver::callback::Client client{http, rekey::driver::NoScheduler{}, Gate{},
                                                 Limit{}};
    client.send(Upload{}, ended);
}
