// expect: rekey: AnyCredential holds a credential: a type with a `name` and a
// SPDX-License-Identifier: BSL-1.0
#include <rekey/any_credential.hpp>

#include <string>

struct Row {
    std::string name;
#ifndef REKEY_REJECT
    std::string token;
#endif
};

rekey::AnyCredential make() { return Row{}; }
