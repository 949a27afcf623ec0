// SPDX-License-Identifier: BSL-1.0
#include <rekey/adapter/nlohmann_json.hpp>

#include "catch.hpp"
#include "support/body_reader_suite.hpp"

TEST_CASE(
    "nlohmann/json reads bodies as the built-in reader does, and refuses numbers that are too "
    "large") {
    body_reader_suite::all<rekey::body::NlohmannJson>(
        {{"1e309", "1e400", "-1e400", "1e99999999999999999999"}});
}
