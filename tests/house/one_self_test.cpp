// SPDX-License-Identifier: BSL-1.0
// one_self_test: what .ci/one compiles to know that it works.
#include <rekey/version.hpp>

#include "catch.hpp"

TEST_CASE("the version of a release is not zero") {
    CHECK(REKEY_VERSION_MAJOR + REKEY_VERSION_MINOR + REKEY_VERSION_PATCH > 0);
}
