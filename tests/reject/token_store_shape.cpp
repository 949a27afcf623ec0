// expect: rekey: TokensIn{store} takes a type with load, swap, acquire, renew and release
// SPDX-License-Identifier: BSL-1.0
#include <rekey/token/memory_store.hpp>
#include <rekey/tokens_in.hpp>

#include <string_view>

// A cache alone is no store: without compare-and-swap the last writer wins, and a lease is missing.
struct Cache {
    static rekey::token::StoreEntry load(std::string_view) { return {}; }
    static void save(std::string_view, const rekey::Secret&) {}
};

#ifndef REKEY_REJECT
const rekey::TokensIn tokens{rekey::token::MemoryStore{}};
#else
const rekey::TokensIn tokens{Cache{}};
#endif
