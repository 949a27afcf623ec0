// expect: rekey: AsGrace<seconds> is how long the server still takes a rotated refresh token
// SPDX-License-Identifier: BSL-1.0
// security: S40
#include <rekey/oauth/code_exchange.hpp>

#ifdef REKEY_REJECT
using Grace = rekey::oauth::AsGrace<0>;
#else
using Grace = rekey::oauth::AsGrace<30>;
#endif

bool repeats() { return Grace::repeats_unknown(1); }
