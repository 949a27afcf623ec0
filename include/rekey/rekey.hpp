// SPDX-License-Identifier: BSL-1.0
// rekey: the front door, whatever needs only C++17 and the standard library.
#ifndef REKEY_REKEY_HPP
#define REKEY_REKEY_HPP

#include <rekey/client.hpp>
#include <rekey/policy/credential_chain.hpp>
#include <rekey/policy/limits.hpp>
#include <rekey/policy/obo_reauth.hpp>
#include <rekey/policy/parts.hpp>
#include <rekey/policy/retry_on.hpp>

#endif
