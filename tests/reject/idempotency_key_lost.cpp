// expect: rekey: this transport takes a request alone, so that the idempotency key goes into a
// SPDX-License-Identifier: BSL-1.0
#include <rekey/rekey.hpp>

#include <string>

struct Request {};
struct Response {
    int status;
    std::string body;
};

#ifndef REKEY_REJECT
Response http(const Request&, const rekey::Attempt&) { return {200, "{}"}; }
#else
Response http(const Request&) { return {200, "{}"}; }
#endif
const rekey::Client client{http};

int main() { return client.send(Request{}, rekey::IdempotencyKey{"key-1"}) ? 0 : 1; }
