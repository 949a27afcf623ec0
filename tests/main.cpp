// SPDX-License-Identifier: BSL-1.0
// The Catch2 2.13 main, compiled here: a packaged one may not match this language standard.
#define CATCH_CONFIG_MAIN
#include <catch2/catch.hpp>
