// expect: rekey: RetryOn<...> lists a success (code 0, NoFailure or HTTP 1xx/2xx).
// SPDX-License-Identifier: BSL-1.0
#include <rekey/policy/retry_on.hpp>

#ifndef REKEY_REJECT
constexpr rekey::RetryOn<4100> policy{};
#else
constexpr rekey::RetryOn<4100, 0> policy{};
#endif

int main() { return policy.rule().lists_any_code ? 0 : 1; }
