// expect: rekey: this transport takes a request alone, so that the idempotency key goes into a
// SPDX-License-Identifier: BSL-1.0
#include <rekey/driver/callback.hpp>
#include <rekey/rekey.hpp>

#include <functional>
#include <string>

namespace {

struct Request {};
struct Response {
    int status;
    std::string body;
};
using Done = std::function<void(Response)>;
#ifndef REKEY_REJECT
void http(const Request&, const rekey::Attempt&, const Done& done) { done({200, "{}"}); }
#else
void http(Request&, const Done& done) { done({200, "{}"}); }
#endif
void ended(const rekey::Result<Response>&) {}

}  // namespace

int main() {
    const rekey::driver::callback::Client client{http, rekey::driver::NoScheduler{}};
    client.send(Request{}, ended, rekey::IdempotencyKey{"key-1"});
}
