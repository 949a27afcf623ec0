// expect: rekey: a callback counts only in the browser that began its flow
// SPDX-License-Identifier: BSL-1.0
// security: S5
#include <rekey/oauth/pending.hpp>

#include <string>

using namespace rekey::oauth;

TakenFlow take(PendingFlows<>& flows, const std::string& state) {
#ifdef REKEY_REJECT
    return flows.take(state, 1790000000);
#else
    return flows.take(state, WithoutBinding{}, 1790000000);
#endif
}
