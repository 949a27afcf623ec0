// expect: rekey: worst_case<Plan>() of a plan with numbers of run time.
// SPDX-License-Identifier: BSL-1.0
#include <rekey/core/worst_case.hpp>
#include <rekey/policy/limits.hpp>

#ifndef REKEY_REJECT
using Plan = rekey::Plan<rekey::MaxAttempts<3>>;
#else
using Plan = rekey::Plan<rekey::MaxAttempts<>>;
#endif

int main() { return rekey::worst_case<Plan>().sends == 1 ? 0 : 1; }
