// expect: rekey: DecorrelatedJitter draws its own way from a first delay to a cap.
// SPDX-License-Identifier: BSL-1.0
#include <rekey/policy/backoff.hpp>

#include <chrono>

using namespace std::chrono_literals;

#ifndef REKEY_REJECT
const rekey::Backoff pace{rekey::Exponential{1s, 5s}, rekey::DecorrelatedJitter{}};
#else
const rekey::Backoff pace{rekey::Constant{1s}, rekey::DecorrelatedJitter{}};
#endif

int main() { return pace.rule().longest(0) == 3s ? 0 : 1; }
