// SPDX-License-Identifier: BSL-1.0
// The suite of all transports over libcurl's easy interface.
#include <rekey/adapter/curl.hpp>

#include "../support/libcurl_version.hpp"
#include "../support/transport_harness.hpp"

struct Curl : harness::Blocking<rekey::curl::Transport> {
    static inline const bool drops_bare_mark = harness::libcurl_drops_bare_mark();
};

#define REKEY_TRANSPORT Curl
#include "../support/transport_suite.hpp"
