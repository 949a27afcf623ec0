// SPDX-License-Identifier: BSL-1.0
#include <rekey/core/call.hpp>

#include "catch.hpp"

#include <rekey/policy/credential_chain.hpp>
#include <rekey/policy/retry_on.hpp>
#include <rekey/testing/print.hpp>
#include <rekey/testing/timeline.hpp>

using namespace rekey;
using namespace rekey::testing;

namespace {

/// A service that checks permissions row by row: a refused write may have written some rows.
struct Ledger : Service {
    static constexpr bool refuses_before_acting = false;
};
struct First {};
struct Second {};
using Plain = Plan<CredentialChain<First, Second>, RetryOn<AuthRejected, NotFound>>;
using Partial = Plan<CredentialChain<First, Second>, RetryOn<AuthRejected, NotFound>, Ledger>;

constexpr CallOptions safe{0, false, true};

}  // namespace

TEST_CASE("S58 where a refusal can follow a part of the work, a write does not fall back") {
    for (const Facts& refusal : {refused(4100, 401), not_found(4200, 404)}) {
        Call<Partial> call;
        CHECK(call.start() == send(0));
        CHECK(call.sent(refusal) == finish(StopReason::unsafe_to_repeat));
        CHECK(call.sends() == 1);
    }
}

TEST_CASE("S58 a read falls back there, and elsewhere a write does") {
    Call<Partial> read{safe};
    CHECK(read.start() == send(0));
    CHECK(read.sent(refused(4100, 401)) == send(1));

    Call<Plain> write;
    CHECK(write.start() == send(0));
    CHECK(write.sent(refused(4100, 401)) == send(1));
}
