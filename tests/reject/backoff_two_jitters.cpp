// expect: rekey: Backoff{...} takes one jitter, one Only<...> and one generator.
// SPDX-License-Identifier: BSL-1.0
#include <rekey/policy/backoff.hpp>

#include <chrono>

using namespace std::chrono_literals;

#ifndef REKEY_REJECT
const rekey::Backoff pace{100ms, rekey::EqualJitter{}};
#else
const rekey::Backoff pace{100ms, rekey::EqualJitter{}, rekey::NoJitter{}};
#endif

int main() { return pace.rule().longest(0) == 100ms ? 0 : 1; }
