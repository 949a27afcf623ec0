// expect: rekey: CredentialChain<> is empty.
// SPDX-License-Identifier: BSL-1.0
#include <rekey/rekey.hpp>

#include <string>

struct Personal {
    static constexpr auto name = "personal";
    std::string token;
};
struct Enterprise {
    static constexpr auto name = "enterprise";
    std::string token;
};

#ifndef REKEY_REJECT
using Chain = rekey::CredentialChain<Personal, Enterprise>;
#else
using Chain = rekey::CredentialChain<>;
#endif

int main() { return sizeof(Chain) == 0; }
