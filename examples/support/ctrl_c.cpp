// SPDX-License-Identifier: BSL-1.0
// cancel_on_ctrl_c: the signal handlers. They store a flag and set an alarm, nothing else.
#include "ctrl_c.hpp"

#include <signal.h>
#include <unistd.h>

namespace support {

namespace {

const rekey::Canceller* stops = nullptr;

extern "C" void cancel(int) {
    stops->cancel();
    alarm(1);
}
extern "C" void end_now(int) { _exit(1); }

}  // namespace

void cancel_on_ctrl_c(const rekey::Canceller& stop) {
    stops = new rekey::Canceller(stop);  // never deleted: a signal may come at any time
    struct sigaction action {};
    action.sa_handler = end_now;
    sigaction(SIGALRM, &action, nullptr);
    action.sa_handler = cancel;
    action.sa_flags = static_cast<int>(SA_RESETHAND | SA_RESTART);
    sigaction(SIGINT, &action, nullptr);
    sigaction(SIGTERM, &action, nullptr);
}

}  // namespace support
