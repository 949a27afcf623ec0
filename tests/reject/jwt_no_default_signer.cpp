// expect: rekey: no RS256 signer is known here.
// SPDX-License-Identifier: BSL-1.0
#include <rekey/oauth/jwt.hpp>

rekey::oauth::SignerResult signer(std::string_view pem) {
#ifdef REKEY_REJECT
    return rekey::oauth::DefaultSigner<rekey::oauth::Rs256>::from_pem(pem);
#else
    static_cast<void>(pem);
    return {rekey::oauth::Signer{[](std::string_view) { return std::string("signature"); }}, {}};
#endif
}
