// SPDX-License-Identifier: BSL-1.0
#include <rekey/core/tightened.hpp>

#include <rekey/core/call.hpp>
#include <rekey/policy/attempt_timeout.hpp>
#include <rekey/policy/retry_on.hpp>
#include <rekey/testing/print.hpp>
#include <rekey/testing/timeline.hpp>

#include "catch.hpp"

#include <chrono>

namespace {

using namespace rekey;
using namespace rekey::testing;
using namespace std::chrono_literals;

constexpr TimePoint t0{};

template <class... Policies>
Call<Tightened<Plan<Policies...>>> call_with(Duration time, const Policies&... policies) {
    using Tight = Tightened<Plan<Policies...>>;
    return Call<Tight>(typename Tight::Rules(typename Plan<Policies...>::Rules(policies...), time));
}

}  // namespace

TEST_CASE("the deadline of a call ends it where its client knows no time") {
    auto call = call_with(2s, RetryOn<RateLimited>{}, MaxAttempts<9>{});
    CHECK(call.start(t0) == send(0));
    CHECK(call.sent(answer(RateLimited, 429), t0 + 1s) == send(0));
    CHECK(call.sent(answer(RateLimited, 429), t0 + 2s) == finish(StopReason::deadline));
}

TEST_CASE("the deadline of a call tightens that of its client") {
    auto call = call_with(2s, RetryOn<RateLimited>{}, Deadline{10s});
    CHECK(call.start(t0).timeout == 2s);
    CHECK(call.sent(answer(RateLimited, 429), t0 + 2s) == finish(StopReason::deadline));
}

TEST_CASE("the deadline of a call cannot loosen that of its client") {
    auto call = call_with(10s, RetryOn<RateLimited>{}, Deadline{2s});
    CHECK(call.start(t0).timeout == 2s);
    CHECK(call.sent(answer(RateLimited, 429), t0 + 2s) == finish(StopReason::deadline));
}

TEST_CASE("the deadline of a call is divided over its sends like that of a client") {
    auto call = call_with(9s, RetryOn<RateLimited>{}, MaxAttempts<3>{}, PerAttemptTimeout{3500ms});
    CHECK(call.start(t0).timeout == 3s);
    CHECK(call.sent(answer(RateLimited, 429), t0).timeout == 3500ms);
    CHECK(call.sent(answer(RateLimited, 429), t0 + 6s).timeout == 3s);
}
