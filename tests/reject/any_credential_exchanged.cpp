// expect: rekey: this credential gets its token by an exchange, which a chain has to
// SPDX-License-Identifier: BSL-1.0
#include <rekey/any_exchange.hpp>
#include <rekey/coze.hpp>

#ifndef REKEY_REJECT
using Any = rekey::AnyCredentialOf<rekey::coze::Api, rekey::MayExchange>;
#else
using Any = rekey::AnyCredentialOf<rekey::coze::Api>;
#endif

Any make() { return rekey::coze::AppAuth<rekey::coze::Owner>{{}}; }
