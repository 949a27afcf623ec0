// SPDX-License-Identifier: BSL-1.0
#include <rekey/adapter/boost_json.hpp>

#include <boost/json/src.hpp>

#include "catch.hpp"
#include "support/body_reader_suite.hpp"

#include <boost/version.hpp>

TEST_CASE(
    "Boost.JSON reads bodies as the built-in reader does, and refuses numbers that are too large") {
#if BOOST_VERSION >= 108300
    body_reader_suite::all<rekey::body::BoostJson>({});
#else
    body_reader_suite::all<rekey::body::BoostJson>(
        {{"1e99999999999999999999", "1e-99999999999999999999", "0e99999999999999999999"}});
#endif
}
