// expect: rekey: a client takes one token store (TokensIn).
// SPDX-License-Identifier: BSL-1.0
#include <rekey/rekey.hpp>
#include <rekey/token/memory_store.hpp>
#include <rekey/tokens_in.hpp>

#include <string>

struct Request {};
struct Response {
    int status;
    std::string body;
};
Response http(const Request&, const rekey::Attempt&) { return {200, "{}"}; }

const rekey::TokensIn store{rekey::token::MemoryStore{}};
#ifndef REKEY_REJECT
const rekey::Client client{http, store};
#else
const rekey::Client client{http, store, store};
#endif

int main() { return client.send(Request{}) ? 0 : 1; }
