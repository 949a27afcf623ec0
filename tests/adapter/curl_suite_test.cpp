// SPDX-License-Identifier: BSL-1.0
// The suite of all transports over libcurl's easy interface.
#include <rekey/adapter/curl.hpp>

#include "../support/transport_harness.hpp"

using Curl = harness::Blocking<rekey::curl::Transport>;

#define REKEY_TRANSPORT Curl
#include "../support/transport_suite.hpp"
