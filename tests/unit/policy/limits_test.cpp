// SPDX-License-Identifier: BSL-1.0
#include <rekey/policy/limits.hpp>

#include <rekey/testing/print.hpp>

#include "catch.hpp"

#include <cstdint>
#include <type_traits>

namespace {

using namespace rekey;

template <class Policy> Ruling judged(const Policy& policy, std::uint32_t number) {
    Proposal proposal;
    proposal.number = number;
    return policy.rule().judge(proposal);
}

}  // namespace

TEST_CASE("MaxAttempts in the type allows that many sends and no more") {
    const MaxAttempts<3> limit;
    CHECK(judged(limit, 1).allowed);
    CHECK(judged(limit, 3).allowed);
    CHECK_FALSE(judged(limit, 4).allowed);
    CHECK(judged(limit, 4).reason == StopReason::attempts_used_up);
    STATIC_REQUIRE(std::is_empty_v<MaxAttempts<3>::Rule>);
}

TEST_CASE("MaxAttempts at run time allows that many sends and no more") {
    const int configured = 3;
    const MaxAttempts limit{configured};
    CHECK(judged(limit, 3).allowed);
    CHECK_FALSE(judged(limit, 4).allowed);
    CHECK(judged(limit, 4).reason == StopReason::attempts_used_up);
    STATIC_REQUIRE(sizeof(MaxAttempts<>::Rule) == 4);
}

TEST_CASE("MaxAttempts takes a number that a program read, whatever its integer type") {
    int configured = 2;
    unsigned other = 2;
    std::int64_t third = 2;
    signed char fourth = 2;
    CHECK_FALSE(judged(MaxAttempts{configured}, 3).allowed);
    CHECK_FALSE(judged(MaxAttempts{other}, 3).allowed);
    CHECK_FALSE(judged(MaxAttempts{third}, 3).allowed);
    CHECK_FALSE(judged(MaxAttempts{fourth}, 3).allowed);
}

TEST_CASE("a MaxAttempts of zero or less sends once all the same") {
    for (const int given : {0, -1, -1000}) {
        CHECK(judged(MaxAttempts{given}, 1).allowed);
        CHECK_FALSE(judged(MaxAttempts{given}, 2).allowed);
    }
}

TEST_CASE("a MaxAttempts beyond 32 bits is as good as none") {
    CHECK(judged(MaxAttempts{std::int64_t{1} << 40}, 0xffffffff).allowed);
}
