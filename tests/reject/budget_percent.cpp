// expect: rekey: RetryBudget<Percent, Reserve> takes 1 to 1000 percent
// SPDX-License-Identifier: BSL-1.0
#include <rekey/policy/budget.hpp>

#ifndef REKEY_REJECT
const rekey::RetryBudget<20> budget;
#else
const rekey::RetryBudget<0> budget;
#endif

int main() { return budget.left() == 10 ? 0 : 1; }
