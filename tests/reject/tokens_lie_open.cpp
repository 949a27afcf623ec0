// expect: rekey: what this store keeps leaves the machine, and tokens would lie open there.
// SPDX-License-Identifier: BSL-1.0
// security: S75
#include <rekey/token/memory_store.hpp>
#include <rekey/tokens_in.hpp>

// As a store in a database: what it keeps leaves the machine.
struct Remote : rekey::token::MemoryStore {
    static constexpr bool leaves_machine = true;
};

#ifndef REKEY_REJECT
const rekey::TokensIn tokens{Remote{}, rekey::token::Unsealed{}};
#else
const rekey::TokensIn tokens{Remote{}};
#endif
