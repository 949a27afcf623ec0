// expect: rekey: a Redirector returns Authorized (it waited), HandedOver
// SPDX-License-Identifier: BSL-1.0
#include <rekey/authorization.hpp>

rekey::RedirectorAnswer answer() {
#ifdef REKEY_REJECT
    return rekey::redirector_answer(true);
#else
    return rekey::redirector_answer(rekey::HandedOver{});
#endif
}
