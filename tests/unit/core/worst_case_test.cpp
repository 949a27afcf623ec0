// SPDX-License-Identifier: BSL-1.0
#include <rekey/core/worst_case.hpp>

#include <rekey/client.hpp>
#include <rekey/core/call.hpp>
#include <rekey/coze/api.hpp>
#include <rekey/driver/callback.hpp>
#include <rekey/http.hpp>
#include <rekey/policy/attempt_timeout.hpp>
#include <rekey/policy/backoff.hpp>
#include <rekey/policy/budget.hpp>
#include <rekey/policy/bulkhead.hpp>
#include <rekey/policy/circuit_breaker.hpp>
#include <rekey/policy/hedge.hpp>
#include <rekey/policy/obo_reauth.hpp>
#include <rekey/policy/rate_limit.hpp>
#include <rekey/policy/retry_on.hpp>
#include <rekey/testing/manual_clock.hpp>
#include <rekey/testing/manual_scheduler.hpp>
#include <rekey/testing/print.hpp>
#include <rekey/testing/script.hpp>
#include <rekey/testing/timeline.hpp>

#include "catch.hpp"

#include <chrono>
#include <cstdint>

namespace {

using namespace rekey;
using namespace rekey::testing;
using namespace std::chrono_literals;

struct A {};
struct B {};
struct C {
    struct Exchange {};
};
struct D {
    struct Exchange {};
};
struct User {
    static constexpr Identity identity = Identity::user;
    struct Exchange {};
};
struct PlainDoor {
    static constexpr Role role = Role::admission;
};
struct OrderedDoor : AtDoor<Door::own> {};
struct Asks {
    Authorized operator()(const AuthorizationRequest&) const { return {}; }
};

/// The most sends of any call of a plan, found by giving every answer to every action.
template <class Plan> std::uint32_t most_sends(Call<Plan> call, Action action) {
    std::uint32_t most = call.sends();
    const auto follow = [&most](Call<Plan> next, auto answer) {
        const Action then = answer(next);
        const std::uint32_t found = most_sends(next, then);
        if (found > most) most = found;
    };
    switch (action.kind) {
        case Kind::send:
            for (const Facts& facts : {refused(4101, 401), refused(4101, 403), not_found(4200),
                                       answer(RateLimited, 429), answer(Transient, 503)})
                follow(call, [&](auto& next) { return next.sent(facts); });
            break;
        case Kind::wait: follow(call, [](auto& next) { return next.waited(); }); break;
        case Kind::fetch:
            for (const Fetched outcome :
                 {Fetched::proven, Fetched::unproven, Fetched::renewed, Fetched::refused}) {
                // To a renewal the answer is never the token that was refused.
                if (action.move == Move::renew && outcome < Fetched::renewed) continue;
                follow(call, [&](auto& next) { return next.fetched(outcome); });
            }
            break;
        case Kind::reauthorize:
            follow(call, [](auto& next) { return next.reauthorized(Reauthorized::authorized); });
            break;
        case Kind::admit:
            for (std::uint8_t slot = 0; Plan::straddles && slot != Plan::slot_count; ++slot)
                if (action.move == Move::first || action.move == Move::straddle)
                    follow(call, [slot](auto& next) {
                        return next.admitted({Admitted::go_to, slot, Duration{0}, 0});
                    });
            for (const Admitted verdict : {Admitted::go, Admitted::skip_slot})
                follow(call, [verdict](auto& next) {
                    return next.admitted({verdict, 0, Duration{0}, 0});
                });
            break;
        case Kind::finish: break;
    }
    return most;
}
template <class Plan> std::uint32_t most_sends_found() {
    CallOptions options;
    options.idempotent = true;
    Call<Plan> call(options);
    const Action first = call.start();
    return most_sends(call, first);
}

using Refusals = RetryOn<AuthRejected, NotFound>;
using All = RetryOn<AuthRejected, NotFound, RateLimited, Transient>;

}  // namespace

TEST_CASE("the most sends of a plan are those that some call comes to") {
    using Fixed = Plan<CredentialChain<A, B>, Refusals>;
    using Mixed = Plan<CredentialChain<A, C, D>, Refusals>;
    using Three = Plan<CredentialChain<A, B, C>, All, MaxAttempts<3>>;
    using Seven = Plan<CredentialChain<A, B, C>, All, MaxAttempts<7>>;
    using Short = Plan<CredentialChain<A, B>, Refusals, MaxAttempts<7>>;
    using Once = Plan<CredentialChain<A, B>, All, NoRetry>;
    CHECK(worst_case<Fixed>().sends == 2);
    CHECK(most_sends_found<Fixed>() == 2);
    CHECK(worst_case<Mixed>().sends == 5);
    CHECK(most_sends_found<Mixed>() == 5);
    CHECK(worst_case<Three>().sends == 3);
    CHECK(most_sends_found<Three>() == 3);
    CHECK(worst_case<Seven>().sends == 7);
    CHECK(most_sends_found<Seven>() == 7);
    CHECK(worst_case<Short>().sends == 2);
    CHECK(most_sends_found<Short>() == 2);
    CHECK(worst_case<Once>().sends == 1);
    CHECK(most_sends_found<Once>() == 1);
}

TEST_CASE(
    "a user who is asked allows one more send, and the repeats while the service takes it in") {
    using Consent = Plan<CredentialChain<User>, Refusals, coze::Api, OboReauth<Asks>>;
    CHECK(worst_case<Consent>().sends == most_sends_found<Consent>());
    CHECK(worst_case<Consent>().longest_wait == 2s);
    CHECK(worst_case<Consent>().all_waits == 3500ms);
}

TEST_CASE("a door adds no send to a call, but for a straddle where one chooses the route") {
    using Ordered = Plan<CredentialChain<A, C>, Refusals, OrderedDoor>;
    using Routed = Plan<CredentialChain<A, B>, Refusals, PlainDoor>;
    using Renewed = Plan<CredentialChain<A, C>, Refusals, PlainDoor>;
    CHECK(worst_case<Ordered>().sends == 3);
    CHECK(most_sends_found<Ordered>() == 3);
    CHECK(worst_case<Routed>().sends == 3);
    CHECK(most_sends_found<Routed>() == 3);
    CHECK(worst_case<Renewed>().sends == 5);
    CHECK(most_sends_found<Renewed>() == 5);
}

TEST_CASE("the only send of a call behind doors has all the time of its Deadline") {
    Script http;
    http.then(200);
    ManualClock clock;
    const Client client{http,
                        RetryOn<AuthRejected>{},
                        Deadline{9s},
                        UseClock{clock},
                        RateLimit{PerSecond{20}},
                        Bulkhead{8}};
    CHECK(client.send(HttpRequest{"GET", "https://api.coze.com/v1/bots/7", {}, {}}));
    CHECK(http.sends()[0].timeout == 9s);
}

TEST_CASE("the worst case of literal policies is known when compiled") {
    constexpr WorstCase worst =
        worst_case(RetryOn<RateLimited>{}, Backoff{100ms}, MaxAttempts<4>{}, PerAttemptTimeout{2s});
    STATIC_REQUIRE(worst.sends == 4);
    STATIC_REQUIRE(worst.longest_wait == 400ms);
    STATIC_REQUIRE(worst.all_waits == 700ms);
    STATIC_REQUIRE(worst.longest_attempt == 2s);
    STATIC_REQUIRE(worst_case<Plan<NoRetry>>().sends == 1);
    STATIC_REQUIRE(worst_case().sends == 1);
}

TEST_CASE("a Deadline bounds the waits of a call that only time ends") {
    const WorstCase worst = worst_case(RetryOn<RateLimited>{}, Backoff{100ms}, Deadline{5s});
    CHECK(worst.sends == WorstCase::unbounded_sends);
    CHECK(worst.longest_wait == 5s);
    CHECK(worst.all_waits == 5s);
    CHECK(worst.longest_attempt == 5s);
    CHECK(worst_case(RetryOn<RateLimited>{}, Backoff{100ms}, Deadline{-5s}).all_waits == 0s);
}

TEST_CASE("the worst case of the longest delays is not a negative one") {
    constexpr Duration forever = (Duration::max)();
    const WorstCase worst = worst_case(RetryOn<RateLimited>{}, MaxAttempts<200>{},
                                       Backoff{Exponential{1s, forever}, NoJitter{}});
    CHECK(worst.longest_wait == forever);
    CHECK(worst.all_waits == forever);
    const WorstCase drawn = worst_case(RetryOn<RateLimited>{}, MaxAttempts{100'000'000},
                                       Backoff{Exponential{1s, 20s}, DecorrelatedJitter{}});
    CHECK(drawn.longest_wait == 20s);
    CHECK(drawn.all_waits > 1'999'999'000s);
    CHECK(drawn.all_waits < 2'000'000'000s);
}

TEST_CASE("a client tells its worst case, with the numbers it was given at run time") {
    Script http;
    const int attempts = 3;
    const Client client{http, RetryOn<RateLimited>{}, MaxAttempts{attempts},
                        Backoff{1s, EqualJitter{}}};
    CHECK(worst_case_of(client).sends == 3);
    CHECK(worst_case_of(client).all_waits == 3s);
}

TEST_CASE("the copies of Hedge are counted beside the sends") {
    const WorstCase worst = worst_case(RetryOn<Transient>{}, MaxAttempts<3>{}, Hedge{200ms, 3});
    CHECK(worst.sends == 3);
    CHECK(worst.copies == 6);
    CHECK(describe(worst) == "at most 3 sends, and 6 copies; no wait");
    CHECK(describe(worst_case(Hedge{200ms})) == "at most 1 send, and 1 copy; no wait");
    const WorstCase any = worst_case(RetryOn<Transient>{}, Deadline{5s}, Hedge{200ms});
    CHECK(any.copies == WorstCase::unbounded_sends);
    CHECK(worst_case(MaxAttempts{2'000'000'000}, RetryOn<Transient>{}, Hedge{1s, 4}).copies ==
          WorstCase::unbounded_sends);

    ManualScheduler loop;
    const auto http = [](const HttpRequest&, const Attempt&, auto completion) {
        completion(HttpResponse{200, {}, "", false});
    };
    const driver::callback::Client client{
        http, loop, RetryOn<Transient>{}, MaxAttempts<3>{}, Hedge{200ms}, UseClock{loop}};
    CHECK(worst_case_of(client).copies == 3);
    const driver::callback::Client plain{http, loop, RetryOn<Transient>{}, MaxAttempts<3>{},
                                         UseClock{loop}};
    CHECK(worst_case_of(plain).copies == 0);
}

TEST_CASE("a worst case says that a door may make a call wait") {
    const Bulkhead places{1, Waiting{1}};
    const RateLimit rate{PerSecond{20}};
    CHECK(describe(worst_case(rate)) == "at most 1 send; no wait but at its doors");
    CHECK(describe(worst_case(RetryOn<RateLimited>{}, Backoff{100ms}, MaxAttempts<2>{}, places)) ==
          "at most 2 sends; waits of 0.1 s at most, 0.1 s in all, and those at its doors");
    CHECK_FALSE(worst_case(RetryBudget<>{}, CircuitBreaker<>{}).waits_at_doors);
    testing::Script http;
    CHECK(worst_case_of(Client{http, rate}).waits_at_doors);
}

TEST_CASE("a worst case is never told shorter than it is") {
    CHECK(describe(worst_case(RetryOn<RateLimited>{}, Backoff{Constant{100us}}, MaxAttempts<2>{},
                              PerAttemptTimeout{1500us})) ==
          "at most 2 sends; waits of 0.001 s at most, 0.001 s in all; 0.002 s for the first send");
}

TEST_CASE("a worst case reads as a line") {
    CHECK(describe(worst_case(RetryOn<RateLimited>{}, Backoff{100ms}, MaxAttempts<4>{})) ==
          "at most 4 sends; waits of 0.4 s at most, 0.7 s in all");
    CHECK(describe(worst_case(NoRetry{})) == "at most 1 send; no wait");
    CHECK(describe(worst_case(RetryOn<RateLimited>{}, MaxAttempts<2>{}, Deadline{5s})) ==
          "at most 2 sends; no wait; 2.5 s for the first send");
    CHECK(describe(worst_case(RetryOn<RateLimited>{}, Backoff{Constant{(Duration::max)()}},
                              Deadline{(Duration::max)()})) ==
          "any number of sends; waits of any time at most, any time in all; any time for the first "
          "send");
}
