// expect: rekey: write each policy once, as Observe{a, b}.
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
    void attempted(const rekey::observe::Attempted&) {}
};

int main() {
    Sink left;
    Sink right;
#ifndef REKEY_REJECT
    const rekey::Client client{http, rekey::Observe{left, right}};
#else
    const rekey::Client client{http, rekey::Observe{left}, rekey::Observe{right}};
#endif
    return client.send(Request{}) ? 0 : 1;
}
