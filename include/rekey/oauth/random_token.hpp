// SPDX-License-Identifier: BSL-1.0
// random_token: an unguessable text for `state`, a PKCE verifier or a JWT id.
#ifndef REKEY_OAUTH_RANDOM_TOKEN_HPP
#define REKEY_OAUTH_RANDOM_TOKEN_HPP

#include <rekey/detail/os_random.hpp>
#include <rekey/oauth/base64url.hpp>
#include <rekey/secret.hpp>

#include <cstddef>
#include <string>

namespace rekey {
inline namespace v0_1 {
namespace oauth {

/// `bytes` random bytes as base64url: 32 bytes are 256 bits and 43 characters.
///
/// Requires     `source` is called as `bool(void* out, std::size_t size)`; false if it cannot fill.
/// Errors       empty if the source failed, or for 0 bytes; the caller then refuses the flow.
/// Threads      any, with the default source
/// Source       RFC 6749 §10.10; RFC 7636 §7.1
template <class Source = rekey::detail::OsRandom>
std::string random_token(std::size_t bytes, Source&& source = Source{}) {
    std::string raw(bytes, '\0');
    std::string token;
    if (bytes != 0 && source(static_cast<void*>(&raw[0]), bytes)) token = base64url_encode(raw);
    rekey::detail::wipe(raw);
    return token;
}

}  // namespace oauth
}  // namespace v0_1
}  // namespace rekey

#endif
