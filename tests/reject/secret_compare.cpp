// expect: rekey: == stops at the first difference
// SPDX-License-Identifier: BSL-1.0
// security: S72
#include <rekey/secret.hpp>

bool same(const rekey::Secret& expected, const rekey::Secret& received) {
#ifdef REKEY_REJECT
    return expected == received;
#else
    return rekey::constant_time_equal(expected.expose(), received.expose());
#endif
}
