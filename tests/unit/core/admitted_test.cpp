// SPDX-License-Identifier: BSL-1.0
#include <rekey/core/call.hpp>

#include <rekey/policy/credential_chain.hpp>
#include <rekey/policy/retry_on.hpp>
#include <rekey/testing/print.hpp>
#include <rekey/testing/timeline.hpp>

#include "catch.hpp"

namespace {

using namespace rekey;
using namespace rekey::testing;
using namespace std::chrono_literals;

struct First {};
struct Second {};
struct PlainDoor {
    static constexpr Role role = Role::admission;
};
struct OrderedDoor {
    static constexpr Role role = Role::admission;
    static constexpr int door = 0;
    static constexpr bool straddles = false;
    static constexpr bool reads_time = false;
};
using Plain = Plan<CredentialChain<First, Second>, RetryOn<AuthRejected>, PlainDoor>;
using Ordered = Plan<CredentialChain<First, Second>, RetryOn<AuthRejected>, OrderedDoor>;

}  // namespace

TEST_CASE("a door that says later ends the call before its send, to come back") {
    Call<Plain> call;
    CHECK(call.start() == admit(0));
    CHECK(call.admitted({Admitted::later, 0, 5s, 0}) == finish(StopReason::come_back_later));
    CHECK(call.sends() == 0);
}

TEST_CASE(
    "a credential that rests for a known time is worth coming back for, whatever the other says") {
    Call<Plain> call;
    CHECK(call.start() == admit(0));
    CHECK(call.admitted({Admitted::skip_slot, 0, 5s, 0}) == admit(1));
    CHECK(call.admitted({}) == send(1));
    const Action question = call.sent(refused(4100));
    CHECK(question.move == Move::straddle);
    SECTION("no straddle") {
        CHECK(call.admitted({Admitted::later, 0, 1s, 0}) == finish(StopReason::come_back_later));
    }
    SECTION("a straddle that is refused too") {
        CHECK(call.admitted({Admitted::go, 0, {}, 0}) == send(1));
        CHECK(call.sent(refused(4100)) == finish(StopReason::come_back_later));
    }
}

TEST_CASE("a door that knows of no route gives no reason for a straddle") {
    STATIC_REQUIRE(Plain::straddles);
    STATIC_REQUIRE_FALSE(Ordered::straddles);
    Call<Ordered> call;
    CHECK(call.start() == admit(0));
    CHECK(call.admitted({}) == send(0));
    CHECK(call.sent(refused(4100)) == admit(1));
    CHECK(call.admitted({Admitted::skip_slot, 0, {}, 0}) == finish(StopReason::remedies_used_up));
}

TEST_CASE("if the last credential rests for a known time, the call ends to come back") {
    Call<Ordered> call;
    CHECK(call.start() == admit(0));
    CHECK(call.admitted({Admitted::skip_slot, 0, 2s, 0}) == admit(1));
    CHECK(call.admitted({Admitted::skip_slot, 0, 1s, 0}) == finish(StopReason::come_back_later));
}
