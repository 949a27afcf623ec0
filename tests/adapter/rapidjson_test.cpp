// SPDX-License-Identifier: BSL-1.0
// RapidJSON 1.1.0 adds to a null pointer when its stack is still empty, which a sanitizer reports.
// The check stays for everything else.
#if defined(__clang__)
#pragma clang attribute push(__attribute__((no_sanitize("pointer-overflow"))), apply_to = function)
#endif
#include <rapidjson/reader.h>
#if defined(__clang__)
#pragma clang attribute pop
#endif

#include <rekey/adapter/rapidjson.hpp>

#include "catch.hpp"
#include "support/body_reader_suite.hpp"

TEST_CASE(
    "RapidJSON reads bodies as the built-in reader does, and refuses numbers that are too large") {
    body_reader_suite::all<rekey::body::RapidJson>(
        {{"1e309", "1e400", "-1e400", "1e99999999999999999999", "0e99999999999999999999",
          "0e400"}});
}
