// expect: deleted function
// SPDX-License-Identifier: BSL-1.0
// security: S72
#include <rekey/secret.hpp>

#include <string>

std::string copy(const rekey::Secret& token) {
#ifdef REKEY_REJECT
    std::string text = token;
#else
    std::string text{token.expose()};
#endif
    return text;
}
