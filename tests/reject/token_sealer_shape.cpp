// expect: rekey: TokensIn{store, sealer} takes token::Sealed{key_id, seal, open}
// SPDX-License-Identifier: BSL-1.0
#include <rekey/token/memory_store.hpp>
#include <rekey/tokens_in.hpp>

#include <string>
#include <string_view>

std::string seal_token(std::string_view plain, std::string_view) { return std::string(plain); }
rekey::Secret open_token(std::string_view sealed, std::string_view, std::string_view) {
    return rekey::Secret(sealed);
}

#ifndef REKEY_REJECT
const rekey::TokensIn tokens{rekey::token::MemoryStore{},
                             rekey::token::Sealed{"k1", seal_token, open_token}};
#else
const rekey::TokensIn tokens{rekey::token::MemoryStore{}, seal_token};
#endif
