// SPDX-License-Identifier: BSL-1.0
// hold_standard_streams: no socket takes the place of a standard stream that was closed.
#ifndef REKEY_EXAMPLES_SUPPORT_STANDARD_STREAMS_HPP
#define REKEY_EXAMPLES_SUPPORT_STANDARD_STREAMS_HPP

#include <fcntl.h>
#include <unistd.h>

namespace support {

/// Before anything is opened. Whoever starts a program with `>&-` leaves the number 1 free, and the
/// first socket would get it: what is printed would go to the server. Held by a file that cannot be
/// written instead, so that printing fails and can be reported.
inline void hold_standard_streams() {
    for (int stream = STDIN_FILENO; stream <= STDERR_FILENO; ++stream)
        if (fcntl(stream, F_GETFD) == -1)
            static_cast<void>(open("/dev/null", stream == STDIN_FILENO ? O_WRONLY : O_RDONLY));
}

}  // namespace support

#endif
