// expect: rekey: a credential whose tokens are kept in a store says whose record it is
// SPDX-License-Identifier: BSL-1.0
#include <rekey/http.hpp>
#include <rekey/rekey.hpp>
#include <rekey/token/memory_store.hpp>
#include <rekey/tokens_in.hpp>

#include <cstdint>
#include <string>
#include <string_view>

struct Request {
    rekey::HttpRequest http;
    rekey::Secret authorization;
    std::string problem;
};
struct App {
    static constexpr std::string_view name = "app";
    using Exchange = rekey::token::Exchanged;
#ifndef REKEY_REJECT
    std::string stored_as() const { return "app 1"; }
#endif
    Request token_request(std::int64_t) const { return {}; }
    rekey::oauth::TokenAnswer read_token(int, std::string_view, std::string_view,
                                         std::int64_t) const {
        return {};
    }
};

rekey::HttpResponse http(const rekey::HttpRequest&, const rekey::Attempt&) { return {}; }

const rekey::Client client{http, rekey::CredentialChain{App{}},
                           rekey::TokensIn{rekey::token::MemoryStore{}}};
