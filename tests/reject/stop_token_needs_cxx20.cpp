// expect: rekey: StopWith needs C++20 (-std=c++20); before that, use Cancellation{canceller}.
// SPDX-License-Identifier: BSL-1.0
#ifndef REKEY_REJECT
#include <rekey/cancellation.hpp>
#else
#include <rekey/stop_token.hpp>
#endif

int main() {
    const rekey::Canceller stop;
    return rekey::Cancellation{stop}.is_cancelled() ? 1 : 0;
}
