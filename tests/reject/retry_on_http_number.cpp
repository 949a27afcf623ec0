// expect: rekey: RetryOn<404> means service code 404, not HTTP 404.
// SPDX-License-Identifier: BSL-1.0
#include <rekey/policy/retry_on.hpp>

#ifndef REKEY_REJECT
constexpr rekey::RetryOn<rekey::ServiceCode{404}> policy{};
#else
constexpr rekey::RetryOn<404> policy{};
#endif

int main() { return policy.rule().lists_any_code ? 0 : 1; }
