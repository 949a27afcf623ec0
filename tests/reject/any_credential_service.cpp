// expect: rekey: this credential says what the codes of its service mean, and
// SPDX-License-Identifier: BSL-1.0
#include <rekey/any_credential.hpp>
#include <rekey/coze.hpp>

#ifndef REKEY_REJECT
using Any = rekey::AnyCredentialOf<rekey::coze::Api>;
#else
using Any = rekey::AnyCredential;
#endif

Any make() { return rekey::coze::Pat<>{"pat_0001"}; }
