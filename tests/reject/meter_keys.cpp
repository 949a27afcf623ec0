// expect: rekey: Meter<KeyOf, Keys> has room for a power of two of keys
// SPDX-License-Identifier: BSL-1.0
#include <rekey/observe/meter.hpp>

#ifndef REKEY_REJECT
constexpr int keys = 16;
#else
constexpr int keys = 20;
#endif

int main() {
    const rekey::observe::Meter<rekey::observe::NoKeys, keys> meter;
    return static_cast<int>(meter.snapshot({}).calls());
}
