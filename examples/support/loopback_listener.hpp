// SPDX-License-Identifier: BSL-1.0
// LoopbackListener: waits on this machine for the browser that comes back from a consent page.
#ifndef REKEY_EXAMPLES_SUPPORT_LOOPBACK_LISTENER_HPP
#define REKEY_EXAMPLES_SUPPORT_LOOPBACK_LISTENER_HPP

#include <rekey/cancellation.hpp>

#include <chrono>
#include <memory>
#include <string>
#include <string_view>

namespace support {

/// Listens on a loopback redirect URI, as RFC 8252 §7.3 has it.
///
/// It takes `GET` of the URI's path and nothing else, and judges nothing: what belongs to no flow
/// is the flow's to ignore. The browser gets a page without script that may be closed.
class LoopbackListener {
public:
    /// Empty if it can be listened on: http, a loopback host, no fragment. Else why not, in words
    /// that do not repeat it.
    static std::string problem(std::string_view redirect_uri);

    /// Requires `problem(redirect_uri).empty()`.
    LoopbackListener(std::string_view redirect_uri, const rekey::Canceller& stop);
    /// Waits two seconds at most for those who are being answered.
    ~LoopbackListener();
    LoopbackListener(const LoopbackListener&) = delete;
    LoopbackListener& operator=(const LoopbackListener&) = delete;

    /// Binds the port at the first time; whoever came earlier is forgotten, and the patience begins
    /// anew. False: the port cannot be had.
    bool begin(std::chrono::seconds patience);
    /// The target of the next request (`/callback?code=…`); empty when the patience is at its end
    /// or it was stopped.
    std::string wait();

private:
    struct Inside;
    std::shared_ptr<Inside> inside_;  // the server's thread has a part in it
};

}  // namespace support

#endif
