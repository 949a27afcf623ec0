// expect: rekey: SharedRoute{store} takes a token store, with load, swap, acquire, renew
// SPDX-License-Identifier: BSL-1.0
#include <rekey/token/memory_store.hpp>
#include <rekey/token/shared_route.hpp>

#include <string_view>

// Without compare-and-swap an old verdict would be written over a newer one.
struct Cache {
    static rekey::token::StoreEntry load(std::string_view) { return {}; }
    static void save(std::string_view, const rekey::Secret&) {}
};

#ifndef REKEY_REJECT
const rekey::token::SharedRoute shared{rekey::token::MemoryStore{}};
#else
const rekey::token::SharedRoute shared{Cache{}};
#endif
