// expect: rekey: RetryBudget<Percent, Reserve> keeps 1 to 1,000,000 repeats in reserve
// SPDX-License-Identifier: BSL-1.0
#include <rekey/policy/budget.hpp>

#ifndef REKEY_REJECT
const rekey::RetryBudget<20, 1> budget;
#else
const rekey::RetryBudget<20, 0> budget;
#endif

int main() { return budget.left() == 1 ? 0 : 1; }
