// SPDX-License-Identifier: BSL-1.0
// Identity: whose authority a credential carries.
#ifndef REKEY_IDENTITY_HPP
#define REKEY_IDENTITY_HPP

#include <rekey/version.hpp>

namespace rekey {
inline namespace v0_1 {

/// Whose authority a credential carries. A credential says `static constexpr Identity identity`;
/// without it, it is the app's. Only OBO credentials are a user's.
enum class Identity : unsigned char { app, user };

}  // namespace v0_1
}  // namespace rekey

#endif
