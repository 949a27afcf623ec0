// SPDX-License-Identifier: BSL-1.0
// The suite of all transports over libcurl's multi interface.
#include <rekey/adapter/curl_multi.hpp>

#include "../support/libcurl_version.hpp"
#include "../support/transport_harness.hpp"

struct CurlMulti : harness::Asynchronous<CurlMulti> {
    static inline const bool drops_bare_mark = harness::libcurl_drops_bare_mark();
    rekey::curl::Loop loop{};
    rekey::curl::LoopTransport transport = loop.transport();

    void turn() { loop.run_once(std::chrono::milliseconds{5}); }
};

#define REKEY_TRANSPORT CurlMulti
#include "../support/transport_suite.hpp"
