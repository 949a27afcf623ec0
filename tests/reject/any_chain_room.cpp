// expect: rekey: AnyChain<Room> has room for 1 to 32 credentials.
// SPDX-License-Identifier: BSL-1.0
#include <rekey/any_credential.hpp>

#include <vector>

#ifndef REKEY_REJECT
constexpr int room = 32;
#else
constexpr int room = 33;
#endif

const char* problem() {
    const rekey::AnyChain<room> chain{std::vector<rekey::AnyCredential>{}};
    return chain.problem();
}
