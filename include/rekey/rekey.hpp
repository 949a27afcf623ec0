// SPDX-License-Identifier: BSL-1.0
// rekey: the front door, whatever needs only C++17 and the standard library.
#ifndef REKEY_REKEY_HPP
#define REKEY_REKEY_HPP

// First, so that a compiler lists few files above what it has to say.
#include <rekey/core/plan.hpp>
#include <rekey/driver/examiner.hpp>
#include <rekey/driver/slots.hpp>
#include <rekey/policy/parts.hpp>

#include <rekey/client.hpp>
#include <rekey/policy/credential_chain.hpp>
#include <rekey/policy/limits.hpp>
#include <rekey/policy/obo_reauth.hpp>
#include <rekey/policy/retry_on.hpp>

#endif
