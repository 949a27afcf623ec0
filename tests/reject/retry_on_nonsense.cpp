// expect: rekey: RetryOn<...> takes service codes (4100), failure classes (NotFound)
// SPDX-License-Identifier: BSL-1.0
#include <rekey/policy/retry_on.hpp>

#ifndef REKEY_REJECT
constexpr rekey::RetryOn<4100> policy{};
#else
constexpr rekey::RetryOn<4100, true> policy{};
#endif

int main() { return policy.rule().lists_any_code ? 0 : 1; }
