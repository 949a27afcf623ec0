// SPDX-License-Identifier: BSL-1.0
// The suite of all transports over Boost.Beast, blocking.
#include <rekey/adapter/beast.hpp>

#include "../support/transport_harness.hpp"

struct Beast : harness::Blocking<rekey::beast::Transport> {};

#define REKEY_TRANSPORT Beast
#include "../support/transport_suite.hpp"
