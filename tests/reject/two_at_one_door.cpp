// expect: rekey: two policies of this client stand at the same door
// SPDX-License-Identifier: BSL-1.0
#include <rekey/policy/budget.hpp>
#include <rekey/rekey.hpp>

#include <string>

struct Request {};
struct Response {
    int status;
    std::string body;
};
Response http(const Request&, const rekey::Attempt&) { return {200, "{}"}; }

#ifndef REKEY_REJECT
const rekey::Client client{http, rekey::RetryBudget<20>{}};
#else
const rekey::Client client{http, rekey::RetryBudget<20>{}, rekey::RetryBudget<10>{}};
#endif

int main() { return client.send(Request{}) ? 0 : 1; }
