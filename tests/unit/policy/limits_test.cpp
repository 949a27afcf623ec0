// SPDX-License-Identifier: BSL-1.0
#include <rekey/policy/limits.hpp>

#include <rekey/core/call.hpp>
#include <rekey/policy/attempt_timeout.hpp>
#include <rekey/policy/credential_chain.hpp>
#include <rekey/policy/retry_on.hpp>
#include <rekey/testing/print.hpp>
#include <rekey/testing/timeline.hpp>

#include "catch.hpp"

#include <chrono>
#include <cstdint>
#include <type_traits>

namespace {

using namespace rekey;
using namespace rekey::testing;
using namespace std::chrono_literals;

constexpr TimePoint t0{};

struct Personal {};
struct Enterprise {};
struct App {
    struct Exchange {};
};
struct Waits {
    static constexpr Role role = Role::pace;
    static constexpr bool reads_time = false;
    struct Rule {
        constexpr Duration delay(const Facts&, std::uint32_t) const noexcept { return 3s; }
    };
    constexpr Rule rule() const noexcept { return {}; }
};

template <class... Policies> Call<Plan<Policies...>> call_with(const Policies&... policies) {
    return Call<Plan<Policies...>>(typename Plan<Policies...>::Rules(policies...), CallOptions{});
}

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

TEST_CASE("NoRetry sends once, whatever the gate and the chain say") {
    Call<Plan<CredentialChain<Personal, Enterprise>, RetryOn<4100>, NoRetry>> call;
    CHECK(call.start(t0) == send(0));
    CHECK(call.sent(refused(4100), t0) == finish(StopReason::not_retryable));
    STATIC_REQUIRE(std::is_empty_v<NoRetry::Rule>);
}

TEST_CASE("a Deadline ends the call before a wait that would not end in time") {
    auto call = call_with(RetryOn<RateLimited>{}, Waits{}, Deadline{10s});
    CHECK(call.start(t0) == send(0));
    CHECK(call.sent(answer(RateLimited, 429), t0 + 1s) == wait(3s));
    CHECK(call.waited(t0 + 4s) == send(0));
    CHECK(call.sent(answer(RateLimited, 429), t0 + 6999ms) == wait(3s));
    CHECK(call.waited(t0 + 9999ms) == send(0));
    CHECK(call.sent(answer(RateLimited, 429), t0 + 9999ms) == finish(StopReason::deadline));
}

TEST_CASE("a wait that would end exactly with the time is not begun") {
    auto call = call_with(RetryOn<RateLimited>{}, Waits{}, Deadline{10s});
    CHECK(call.start(t0) == send(0));
    CHECK(call.sent(answer(RateLimited, 429), t0 + 7s) == finish(StopReason::deadline));
}

TEST_CASE("S70 nothing is sent after the Deadline, also if a wait took longer than asked") {
    auto call = call_with(RetryOn<RateLimited>{}, Waits{}, Deadline{10s});
    CHECK(call.start(t0) == send(0));
    CHECK(call.sent(answer(RateLimited, 429), t0 + 1s) == wait(3s));
    CHECK(call.waited(t0 + 10s) == finish(StopReason::deadline));
}

TEST_CASE("S70 nothing is sent after the Deadline, also if the token took its time") {
    auto call = call_with(CredentialChain<App>(App{}), RetryOn<4100>{}, Deadline{10s});
    CHECK(call.start(t0) == fetch(0));
    CHECK(call.fetched(Fetched::unproven, t0 + 10s) == finish(StopReason::deadline));
}

TEST_CASE("S70 no next credential after the Deadline") {
    auto call = call_with(CredentialChain<Personal, Enterprise>(Personal{}, Enterprise{}),
                          RetryOn<4100>{}, Deadline{10s});
    CHECK(call.start(t0) == send(0));
    CHECK(call.sent(refused(4100), t0 + 11s) == finish(StopReason::deadline));
}

TEST_CASE("a Deadline of nothing sends nothing") {
    for (const Duration time : {Duration{0}, Duration{-1s}, Duration::min()}) {
        auto call = call_with(Deadline{time});
        CHECK(call.start(t0) == finish(StopReason::deadline));
    }
}

TEST_CASE("the longest Deadline there is never ends a call") {
    auto call = call_with(RetryOn<RateLimited>{}, Waits{}, Deadline{(Duration::max)()});
    CHECK(call.start(t0) == send(0));
    CHECK(call.sent(answer(RateLimited, 429), t0 + std::chrono::hours{24 * 365 * 200}) == wait(3s));
}

TEST_CASE("the time that is left is divided over the sends that are left") {
    auto call = call_with(RetryOn<RateLimited>{}, MaxAttempts<3>{}, Deadline{9s});
    CHECK(call.start(t0).timeout == 3s);
    CHECK(call.sent(answer(RateLimited, 429), t0 + 1s).timeout == 4s);
    CHECK(call.sent(answer(RateLimited, 429), t0 + 2s).timeout == 7s);
    CHECK(call.sent(answer(RateLimited, 429), t0 + 3s) == finish(StopReason::attempts_used_up));
}

TEST_CASE("the sends that a chain can come to count without MaxAttempts") {
    auto call = call_with(CredentialChain<Personal, Enterprise>(Personal{}, Enterprise{}),
                          RetryOn<4100>{}, Deadline{10s});
    CHECK(call.start(t0).timeout == 5s);
    CHECK(call.sent(refused(4100), t0 + 1s).timeout == 9s);
}

TEST_CASE("a call without a known last send gives each all the time that is left") {
    auto call = call_with(RetryOn<RateLimited>{}, Deadline{10s});
    CHECK(call.start(t0).timeout == 10s);
    CHECK(call.sent(answer(RateLimited, 429), t0 + 4s).timeout == 6s);
}

TEST_CASE("the time for a send counts from when its token was there") {
    auto call = call_with(CredentialChain<App>(App{}), MaxAttempts<1>{}, Deadline{10s});
    CHECK(call.start(t0).timeout == 0s);
    CHECK(call.fetched(Fetched::unproven, t0 + 4s).timeout == 6s);
}

TEST_CASE("a PerAttemptTimeout is given to each send, and to no wait") {
    auto call = call_with(RetryOn<RateLimited>{}, Waits{}, MaxAttempts<3>{}, PerAttemptTimeout{2s});
    CHECK(call.start(t0).timeout == 2s);
    CHECK(call.sent(answer(RateLimited, 429), t0).timeout == 0s);
    CHECK(call.waited(t0).timeout == 2s);
    STATIC_REQUIRE_FALSE(Plan<PerAttemptTimeout>::reads_clock);
}

TEST_CASE("of a PerAttemptTimeout and what a Deadline leaves the shorter time counts") {
    auto call =
        call_with(RetryOn<RateLimited>{}, MaxAttempts<2>{}, PerAttemptTimeout{4s}, Deadline{10s});
    CHECK(call.start(t0).timeout == 4s);
    CHECK(call.sent(answer(RateLimited, 429), t0 + 7s).timeout == 3s);
}

TEST_CASE("a PerAttemptTimeout of nothing sets no limit") {
    CHECK(call_with(PerAttemptTimeout{Duration{0}}).start(t0).timeout == 0s);
    CHECK(call_with(PerAttemptTimeout{Duration{-1s}}, Deadline{1s}).start(t0).timeout == 1s);
}

TEST_CASE("what limits say costs nothing where there are none") {
    STATIC_REQUIRE_FALSE(Plan<MaxAttempts<3>>::times_attempts);
    STATIC_REQUIRE_FALSE(Plan<MaxAttempts<3>>::reads_clock);
    STATIC_REQUIRE(sizeof(Call<Plan<RetryOn<RateLimited>, MaxAttempts<3>>>) ==
                   sizeof(Call<Plan<RetryOn<4100>>>));
    STATIC_REQUIRE(sizeof(Call<Plan<Deadline>>) == sizeof(Call<Plan<>>) + 16);
}
