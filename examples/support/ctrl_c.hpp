// SPDX-License-Identifier: BSL-1.0
// cancel_on_ctrl_c: Ctrl-C ends a program in order, and within a second.
#ifndef REKEY_EXAMPLES_SUPPORT_CTRL_C_HPP
#define REKEY_EXAMPLES_SUPPORT_CTRL_C_HPP

#include <rekey/cancellation.hpp>

namespace support {

/// From now on SIGINT and SIGTERM cancel `stop`: a call that waits ends within 50 ms. If the
/// program still runs a second later (an attempt is on its way), it ends with status 1 there and
/// then; so does a second signal, by the signal itself.
void cancel_on_ctrl_c(const rekey::Canceller& stop);

}  // namespace support

#endif
