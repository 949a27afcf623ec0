// expect: rekey: RateLimit takes up to 8 rates, one per credential of the chain
// SPDX-License-Identifier: BSL-1.0
#include <rekey/policy/rate_limit.hpp>

using Rate = rekey::PerSecond;

#ifndef REKEY_REJECT
const rekey::RateLimit limit{Rate{1}, Rate{2}, Rate{3}, Rate{4},
                             Rate{5}, Rate{6}, Rate{7}, Rate{8}};
#else
const rekey::RateLimit limit{Rate{1}, Rate{2}, Rate{3}, Rate{4}, Rate{5},
                             Rate{6}, Rate{7}, Rate{8}, Rate{9}};
#endif

int main() { return limit.admit({}, {}).verdict == rekey::Admitted::go ? 0 : 1; }
