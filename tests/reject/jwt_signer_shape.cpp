// expect: rekey: a signer is a callable std::string
// SPDX-License-Identifier: BSL-1.0
#include <rekey/oauth/jwt.hpp>

rekey::oauth::Signer signer() {
#ifdef REKEY_REJECT
    return rekey::oauth::Signer{[](int) { return std::string(); }};
#else
    return rekey::oauth::Signer{[](std::string_view) { return std::string(); }};
#endif
}
