// expect: rekey: AnyCredential holds credentials of an app. One that acts for a user
// SPDX-License-Identifier: BSL-1.0
#include <rekey/any_credential.hpp>
#include <rekey/identity.hpp>

#include <string>

struct Row {
    std::string name;
    std::string token;
#ifdef REKEY_REJECT
    static constexpr rekey::Identity identity = rekey::Identity::user;
#endif
};

rekey::AnyCredential make() { return Row{}; }
