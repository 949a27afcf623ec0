// expect: rekey: a Redirector is called as redirector(const rekey::AuthorizationRequest&)
// SPDX-License-Identifier: BSL-1.0
#include <rekey/authorization.hpp>

rekey::RedirectorAnswer answer() {
#ifdef REKEY_REJECT
    const auto redirector = [](int) { return rekey::HandedOver{}; };
#else
    const auto redirector = [](const rekey::AuthorizationRequest&) { return rekey::HandedOver{}; };
#endif
    return rekey::ask(redirector, rekey::AuthorizationRequest{});
}
