// SPDX-License-Identifier: BSL-1.0
#include <rekey/adapter/simdjson.hpp>

#include "catch.hpp"
#include "support/body_reader_suite.hpp"

TEST_CASE(
    "simdjson reads bodies as the built-in reader does, and refuses numbers that are too large") {
    body_reader_suite::all<rekey::body::SimdJson>(
        {{"1e309", "1e400", "-1e400", "1e99999999999999999999", "18446744073709551616",
          "-9223372036854775809", "123456789012345678901234567890"}});
}
