// SPDX-License-Identifier: BSL-1.0
//
// Dear reader,
//
// your program has an event loop of its own and nobody may block it. You do not need a driver: the
// core is a value that takes facts and gives one action, so you may run it by hand. It reads no
// clock, allocates nothing and can even run while your program is compiled.

#include <rekey/core/call.hpp>
#include <rekey/policy/credential_chain.hpp>
#include <rekey/policy/limits.hpp>
#include <rekey/policy/retry_on.hpp>

#include <cstdio>

struct Personal {};
struct Enterprise {};

using Migration = rekey::Plan<rekey::CredentialChain<Personal, Enterprise>,
                              rekey::RetryOn<4100, 4101, rekey::NotFound>, rekey::MaxAttempts<4>>;

// What your loop would learn from the wire.
constexpr rekey::Facts refused{
    rekey::Reach::answered, rekey::AuthRejected, rekey::Fault::nothing, true, 200, 4101};
constexpr rekey::Facts accepted{
    rekey::Reach::answered, rekey::NoFailure, rekey::Fault::nothing, true, 200, 0};

constexpr bool falls_back() {
    rekey::Call<Migration> call;
    if (call.start().slot != Migration::slot_of<Personal>()) return false;
    if (call.sent(refused).slot != Migration::slot_of<Enterprise>()) return false;
    return call.sent(accepted).kind == rekey::Kind::finish;
}
static_assert(falls_back(), "the timeline of a move, checked by the compiler");

int main() {
    rekey::Call<Migration> call;
    rekey::Action next = call.start();
    while (next.kind != rekey::Kind::finish) {
        std::printf("send %u with credential %d\n", next.number, int{next.slot});
        next = call.sent(next.slot == 0 ? refused : accepted);  // your loop waits in between
    }
    std::printf("finished: %s\n",
                next.reason == rekey::StopReason::success ? "success" : "no success");
}

// Output:
//   send 1 with credential 0
//   send 2 with credential 1
//   finished: success
