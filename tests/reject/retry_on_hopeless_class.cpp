// expect: rekey: RetryOn<...> cannot list QuotaExhausted or Permanent
// SPDX-License-Identifier: BSL-1.0
#include <rekey/policy/retry_on.hpp>

#ifndef REKEY_REJECT
constexpr rekey::RetryOn<4100, rekey::NotFound> policy{};
#else
constexpr rekey::RetryOn<4100, rekey::QuotaExhausted> policy{};
#endif

int main() { return policy.rule().lists_any_code ? 0 : 1; }
