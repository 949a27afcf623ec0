// expect: rekey: a flow belongs to the browser that begins it
// SPDX-License-Identifier: BSL-1.0
// security: S5
#include <rekey/oauth/pending.hpp>

using namespace rekey::oauth;

BegunFlow begin(PendingFlows<>& flows, const FlowStart& start) {
#ifdef REKEY_REJECT
    return flows.begin(start, 1790000000);
#else
    return flows.begin(Binding{"session cookie"}, start, 1790000000);
#endif
}
