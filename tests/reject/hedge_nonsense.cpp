// expect: rekey: Hedge<Percent, Reserve> takes 1 to 100 copies per hundred sends, and 1 to
// SPDX-License-Identifier: BSL-1.0
#include <rekey/policy/hedge.hpp>

#include <chrono>

#ifdef REKEY_REJECT
using Hedge = rekey::Hedge<200>;
#else
using Hedge = rekey::Hedge<20>;
#endif

int main() { return Hedge{std::chrono::milliseconds{200}}.left() != 0 ? 0 : 1; }
