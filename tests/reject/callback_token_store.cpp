// expect: rekey: a token store (TokensIn) blocks, and this client must not. Say where it may:
// SPDX-License-Identifier: BSL-1.0
#include <rekey/driver/callback.hpp>
#include <rekey/http.hpp>
#include <rekey/rekey.hpp>
#include <rekey/token/memory_store.hpp>
#include <rekey/token/run_on.hpp>
#include <rekey/tokens_in.hpp>

#include <functional>

using Done = std::function<void(rekey::HttpResponse)>;
void http(const rekey::HttpRequest&, const rekey::Attempt&, const Done& done) {
    done({200, {}, {}, false});
}
void ended(const rekey::Result<rekey::HttpResponse>&) {}
void post(const std::function<void()>& job) { job(); }

int main() {
    const rekey::token::MemoryStore store;
    const rekey::driver::callback::Client client{http, rekey::driver::NoScheduler{},
#ifdef REKEY_REJECT
                                                 rekey::TokensIn{store},
#else
                                                 rekey::TokensIn{rekey::token::RunOn{store, post}},
#endif
                                                 rekey::RetryOn<rekey::AuthRejected>{}};
    client.send(rekey::HttpRequest{}, ended);
}
