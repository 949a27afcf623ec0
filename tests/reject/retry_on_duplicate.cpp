// expect: rekey: RetryOn<...> lists the same code, class or status twice.
// SPDX-License-Identifier: BSL-1.0
#include <rekey/policy/retry_on.hpp>

#ifndef REKEY_REJECT
constexpr rekey::RetryOn<4100, 4101> policy{};
#else
constexpr rekey::RetryOn<4100, rekey::as_transient(4100)> policy{};
#endif

int main() { return policy.rule().lists_any_code ? 0 : 1; }
