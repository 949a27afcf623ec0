// expect: rekey: the function of Sunset is called as f(const rekey::observe::Attempted&)
// SPDX-License-Identifier: BSL-1.0
#include <rekey/observe/sunset.hpp>

int main() {
#ifndef REKEY_REJECT
    const rekey::observe::Sunset sunset{"personal", 0, [](const rekey::observe::Attempted&) {}};
#else
    const rekey::observe::Sunset sunset{"personal", 0, [] {}};
#endif
    return sizeof sunset == 0 ? 1 : 0;
}
