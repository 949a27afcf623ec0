// expect: rekey: the places of an AnyChain keep their tokens in memory, and this client
// SPDX-License-Identifier: BSL-1.0
#include <rekey/any_exchange.hpp>
#include <rekey/client.hpp>
#include <rekey/http.hpp>
#include <rekey/token/memory_store.hpp>
#include <rekey/tokens_in.hpp>

#include <memory>
#include <vector>

namespace {

rekey::HttpResponse http(const rekey::HttpRequest&, const rekey::Attempt&) { return {}; }
using Any = rekey::AnyCredentialOf<void, rekey::MayExchange>;

}  // namespace

void make() {
    const rekey::AnyChain<2, void, rekey::MayExchange> chain{std::vector<Any>{}};
#ifndef REKEY_REJECT
    const rekey::Client client{http, chain.credentials(), chain.empty_places()};
#else
    rekey::token::MemoryStore store;
    const rekey::Client client{http, chain.credentials(), chain.empty_places(),
                               rekey::TokensIn{store}};
#endif
    (void)client;
}
