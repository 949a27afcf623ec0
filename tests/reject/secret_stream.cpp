// expect: rekey: a Secret is never printed
// SPDX-License-Identifier: BSL-1.0
// security: S72
#include <rekey/secret.hpp>

#include <sstream>

void log(std::ostream& stream, const rekey::Secret& token) {
#ifdef REKEY_REJECT
    stream << "token: " << token;
#else
    stream << "token of " << token.size() << " bytes";
#endif
}
