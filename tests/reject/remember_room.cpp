// expect: rekey: Remember<KeyOf, Keys> keeps a power of two of keys
// SPDX-License-Identifier: BSL-1.0
#include <rekey/policy/remember.hpp>

struct KeyOf {
    int operator()(int request) const { return request; }
};

#ifndef REKEY_REJECT
const rekey::Remember<KeyOf, 1024> remember;
#else
const rekey::Remember<KeyOf, 1000> remember;
#endif

int main() { return remember.key_of(1, rekey::Subject{}) ? 0 : 1; }
