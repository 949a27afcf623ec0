// SPDX-License-Identifier: BSL-1.0
// catch2: matchers and printers for tests with Catch2, 2 or 3: CHECK_THAT(result, Succeeded()).
//
// Includes no header of Catch2: include yours, with its matchers, in whatever version you have. The
// matchers combine with each other by `&&`, `||` and `!`.
#ifndef REKEY_TESTING_CATCH2_HPP
#define REKEY_TESTING_CATCH2_HPP

#include <rekey/testing/manual_clock.hpp>
#include <rekey/testing/matchers.hpp>

#endif
