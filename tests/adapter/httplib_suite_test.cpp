// SPDX-License-Identifier: BSL-1.0
// The suite of all transports over cpp-httplib.
#include <rekey/adapter/httplib.hpp>

#include "../support/transport_harness.hpp"

struct Httplib : harness::Blocking<rekey::httplib::Transport> {
    static constexpr bool bounds_dribble = false;
    static constexpr bool keeps_header_order = false;  // Since its headers are a hash table.
    static constexpr bool sees_broken_head = false;
};

#define REKEY_TRANSPORT Httplib
#include "../support/transport_suite.hpp"
