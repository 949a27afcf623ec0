// expect: rekey: a sink of Observe{...} has none of the hooks
// SPDX-License-Identifier: BSL-1.0
#include <rekey/policy/observe.hpp>
#include <rekey/rekey.hpp>

#include <string>

struct Request {};
struct Response {
    int status;
    std::string body;
};
Response http(const Request&, const rekey::Attempt&) { return {200, "{}"}; }

struct Sink {
#ifndef REKEY_REJECT
    void attempted(const rekey::observe::Attempted&) {}
#else
    void atempted(const rekey::observe::Attempted&) {}
#endif
};

int main() {
    const rekey::Client client{http, rekey::Observe{Sink{}}};
    return client.send(Request{}) ? 0 : 1;
}
