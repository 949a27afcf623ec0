// SPDX-License-Identifier: BSL-1.0
// WithoutWaiting: how a call asks a user while it must not block.
#ifndef REKEY_TOKEN_ASKING_HPP
#define REKEY_TOKEN_ASKING_HPP

#include <rekey/detail/waker.hpp>

#include <cstdint>

namespace rekey {
inline namespace v0_1 {
namespace token {

/// What a caller keeps who waits while another one asks the same user.
struct Waiting {
    bool has_joined = false;
    bool is_shown = false;  ///< The person was asked meanwhile, and did not come.
    std::uint64_t joined = 0;
};

/// What an asynchronous call asks with in the place of an exchanger. If another call asks already,
/// `waiting.has_joined` is true afterwards, the waker will be woken, and then it asks once more.
struct WithoutWaiting {
    detail::Waker& waker;
    Waiting& waiting;
};

}  // namespace token
}  // namespace v0_1
}  // namespace rekey

#endif
