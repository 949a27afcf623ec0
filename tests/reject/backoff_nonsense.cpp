// expect: rekey: Backoff{curve, options...} takes a time or a curve (Constant, Linear,
// SPDX-License-Identifier: BSL-1.0
#include <rekey/policy/backoff.hpp>

#include <chrono>

using namespace std::chrono_literals;

#ifndef REKEY_REJECT
const rekey::Backoff pace{rekey::Exponential{100ms, 5s}, rekey::EqualJitter{}};
#else
const rekey::Backoff pace{100};
#endif

int main() { return pace.rule().longest(0) == 100ms ? 0 : 1; }
