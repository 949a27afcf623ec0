// SPDX-License-Identifier: BSL-1.0
#include <rekey/core/call.hpp>

#include <rekey/policy/credential_chain.hpp>
#include <rekey/policy/limits.hpp>
#include <rekey/policy/retry_on.hpp>
#include <rekey/testing/print.hpp>
#include <rekey/testing/timeline.hpp>

#include "catch.hpp"

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace {

using namespace rekey;
using namespace rekey::testing;

constexpr TimePoint t0{};

struct Personal {};
struct Enterprise {};
struct Spare {};
template <int> struct Number {};

// Credentials that obtain their token by an exchange: the core only sees that they do.
struct PersonalApp {
    struct Exchange {};
};
struct EnterpriseApp {
    struct Exchange {};
};

using Refusals = RetryOn<4100, 4101, NotFound>;
using AnyRefusal = RetryOn<AuthRejected, NotFound>;
using Migration = Plan<CredentialChain<Personal, Enterprise>, Refusals>;
using Three = Plan<CredentialChain<Personal, Enterprise, Spare>, AnyRefusal>;
using Eight = Plan<CredentialChain<Number<0>, Number<1>, Number<2>, Number<3>, Number<4>, Number<5>,
                                   Number<6>, Number<7>>,
                   AnyRefusal>;
using Apps = Plan<CredentialChain<PersonalApp, EnterpriseApp>, AnyRefusal>;
using Repeating = Plan<CredentialChain<Personal, Enterprise>,
                       RetryOn<AuthRejected, RateLimited, Transient>, MaxAttempts<3>>;

// Waits 100 ms, 200 ms, 300 ms, … and never less than the server's hint.
struct Pace {
    static constexpr Role role = Role::pace;
    static constexpr bool reads_time = false;
    struct Rule {
        static constexpr Duration delay(const Facts& facts, std::uint32_t repeats) noexcept {
            const Duration own = std::chrono::milliseconds{100} * (repeats + 1);
            return facts.retry_after > own ? facts.retry_after : own;
        }
    };
    constexpr Rule rule() const noexcept { return {}; }
};
// A door to shared state; what it says is the test's to choose.
struct Door {
    static constexpr Role role = Role::admission;
};
struct AsksUser {
    static constexpr Role role = Role::reauthorizer;
};
// Ends the call at a point in time; the whole wait must fit.
struct Until {
    static constexpr Role role = Role::limit;
    static constexpr bool bounds_call = true;
    static constexpr bool reads_time = true;
    TimePoint end{};
    struct Rule {
        TimePoint end{};
        constexpr Ruling judge(const Proposal& proposal) const noexcept {
            return {proposal.now + proposal.delay < end, StopReason::deadline};
        }
    };
    constexpr Rule rule() const noexcept { return Rule{end}; }
};

constexpr Facts rate_limited() { return answer(RateLimited, 429); }
constexpr Facts unavailable() { return answer(Transient, 503); }
constexpr Facts faulty(Fault fault, Reach reach = Reach::answered) {
    Facts facts = answer(Permanent, 200);
    facts.fault = fault;
    facts.reach = reach;
    return facts;
}
constexpr Facts delivered(FailureClass failure = NoFailure) {
    Facts facts = answer(failure, 200);
    facts.reach = Reach::delivered;
    return facts;
}

CallOptions from_slot(std::uint8_t slot, bool pinned = false) { return {slot, pinned, false}; }
constexpr CallOptions idempotent{0, false, true};

// --- Timelines that the compiler checks ---

constexpr bool a_success_is_one_send() {
    Call<Migration> call;
    return call.start(t0) == send(slot_of<Migration, Personal>) &&
           call.sent(success(), t0) == finish(StopReason::success) && call.sends() == 1;
}
static_assert(a_success_is_one_send());

constexpr bool a_refusal_falls_back() {
    Call<Migration> call;
    return call.start(t0) == send(slot_of<Migration, Personal>) &&
           call.sent(refused(4100), t0) == send(slot_of<Migration, Enterprise>) &&
           call.sent(success(), t0) == finish(StopReason::success) && call.sends() == 2;
}
static_assert(a_refusal_falls_back());

constexpr bool two_refusals_end_the_call() {
    Call<Migration> call;
    return call.start(t0) == send(0) && call.sent(not_found(4200), t0) == send(1) &&
           call.sent(refused(4101), t0) == finish(StopReason::remedies_used_up);
}
static_assert(two_refusals_end_the_call());

constexpr bool a_code_that_is_not_listed_ends_the_call() {
    Call<Migration> call;
    return call.start(t0) == send(0) &&
           call.sent(refused(700012006, 401), t0) == finish(StopReason::not_retryable);
}
static_assert(a_code_that_is_not_listed_ends_the_call());

constexpr bool a_proven_token_is_renewed_once() {
    Call<Apps> call;
    return call.start(t0) == fetch(0) && call.fetched(Fetched::proven, t0) == send(0) &&
           call.sent(refused(4101, 401), t0) == fetch(0) &&
           call.fetched(Fetched::renewed, t0) == send(0) &&
           call.sent(refused(4101, 401), t0) == fetch(1) &&
           call.fetched(Fetched::unproven, t0) == send(1) &&
           call.sent(success(), t0) == finish(StopReason::success) && call.sends() == 3;
}
static_assert(a_proven_token_is_renewed_once());

constexpr bool an_unproven_token_is_not_renewed() {
    Call<Apps> call;
    return call.start(t0) == fetch(0) && call.fetched(Fetched::unproven, t0) == send(0) &&
           call.sent(refused(4101, 401), t0) == fetch(1);
}
static_assert(an_unproven_token_is_not_renewed());

constexpr bool a_call_can_be_cancelled_before_its_first_answer() {
    Call<Migration> call;
    return call.start(t0) == send(0) && call.cancelled() == finish(StopReason::cancelled);
}
static_assert(a_call_can_be_cancelled_before_its_first_answer());

}  // namespace

// --- The ring of credentials ---

TEST_CASE("a refused personal credential falls back to the enterprise one") {
    Call<Migration> call;
    CHECK(call.start(t0) == send(slot_of<Migration, Personal>));
    CHECK(call.sent(refused(4100), t0) == send(slot_of<Migration, Enterprise>));
    CHECK(call.sent(success(), t0) == finish(StopReason::success));
}

TEST_CASE("the first send is called first and the next one fall_back") {
    Call<Migration> call;
    const Action first = call.start(t0);
    CHECK(first.move == Move::first);
    CHECK(first.number == 1);
    const Action second = call.sent(refused(4101), t0);
    CHECK(second.move == Move::fall_back);
    CHECK(second.number == 2);
}

TEST_CASE("a resource that is not found falls back as a refusal does") {
    Call<Migration> call;
    CHECK(call.start(t0) == send(0));
    CHECK(call.sent(not_found(4200), t0) == send(1));
}

TEST_CASE("the chain is a ring from the starting slot and visits each credential once") {
    Call<Three> call{from_slot(1)};
    CHECK(call.start(t0) == send(1));
    CHECK(call.sent(refused(4100), t0) == send(2));
    CHECK(call.sent(refused(4100), t0) == send(0));
    CHECK(call.sent(refused(4100), t0) == finish(StopReason::remedies_used_up));
}

TEST_CASE("eight credentials are tried in order from any slot") {
    const std::uint8_t start = GENERATE(as<std::uint8_t>{}, 0, 3, 7);
    Call<Eight> call{from_slot(start)};
    Action next = call.start(t0);
    for (unsigned step = 0; step != 8; ++step) {
        CAPTURE(step, int{start});
        REQUIRE(next == send(static_cast<std::uint8_t>((start + step) % 8u)));
        next = call.sent(refused(4100), t0);
    }
    CHECK(next == finish(StopReason::remedies_used_up));
    CHECK(call.sends() == 8);
}

TEST_CASE("a chain of one credential ends with its first refusal") {
    Call<Plan<CredentialChain<Personal>, AnyRefusal>> call;
    CHECK(call.start(t0) == send(0));
    CHECK(call.sent(refused(4100), t0) == finish(StopReason::remedies_used_up));
}

TEST_CASE("a plan without a chain sends once and ends with the refusal") {
    Call<Plan<AnyRefusal>> call;
    CHECK(call.start(t0) == send(0));
    CHECK(call.sent(refused(4100), t0) == finish(StopReason::remedies_used_up));
}

TEST_CASE("a plan without any policy acts on no failure") {
    Call<Plan<>> call;
    CHECK(call.start(t0) == send(0));
    CHECK(call.sent(refused(4100), t0) == finish(StopReason::not_retryable));
}

TEST_CASE("a pinned call stays with its credential") {
    Call<Three> call{from_slot(1, true)};
    CHECK(call.start(t0) == send(1));
    CHECK(call.sent(refused(4100), t0) == finish(StopReason::remedies_used_up));
}

// --- Renewal ---

TEST_CASE("S48 a proven token is renewed once, and its renewed one is not renewed again") {
    Call<Apps> call;
    CHECK(call.start(t0) == fetch(0));
    CHECK(call.fetched(Fetched::proven, t0) == send(0));
    const Action renewal = call.sent(refused(4101, 401), t0);
    CHECK(renewal == fetch(0));
    CHECK(renewal.move == Move::renew);
    const Action second = call.fetched(Fetched::renewed, t0);
    CHECK(second == send(0));
    CHECK(second.move == Move::renew);
    CHECK(call.sent(refused(4101, 401), t0) == fetch(1));
}

TEST_CASE("S49 HTTP 403 never renews, it falls back") {
    Call<Apps> call;
    CHECK(call.start(t0) == fetch(0));
    CHECK(call.fetched(Fetched::proven, t0) == send(0));
    const Action next = call.sent(refused(4101, 403), t0);
    CHECK(next == fetch(1));
    CHECK(next.move == Move::fall_back);
}

TEST_CASE("a resource that is not found never renews, whatever the token did before") {
    Call<Apps> call;
    CHECK(call.start(t0) == fetch(0));
    CHECK(call.fetched(Fetched::proven, t0) == send(0));
    CHECK(call.sent(not_found(4200), t0) == fetch(1));
}

TEST_CASE("a static credential is never renewed") {
    Call<Migration> call;
    CHECK(call.start(t0) == send(0));
    CHECK(call.sent(refused(4100), t0) == send(1));
}

TEST_CASE("proof belongs to one credential and is not carried to the next") {
    Call<Apps> call;
    CHECK(call.start(t0) == fetch(0));
    CHECK(call.fetched(Fetched::proven, t0) == send(0));
    CHECK(call.sent(not_found(4200), t0) == fetch(1));
    CHECK(call.fetched(Fetched::unproven, t0) == send(1));
    CHECK(call.sent(refused(4101), t0) == finish(StopReason::remedies_used_up));
}

TEST_CASE("a pinned credential is renewed all the same") {
    Call<Apps> call{from_slot(1, true)};
    CHECK(call.start(t0) == fetch(1));
    CHECK(call.fetched(Fetched::proven, t0) == send(1));
    CHECK(call.sent(refused(4101, 401), t0) == fetch(1));
    CHECK(call.fetched(Fetched::renewed, t0) == send(1));
    CHECK(call.sent(refused(4101, 401), t0) == finish(StopReason::remedies_used_up));
}

// --- Fetching ---

TEST_CASE("each outcome of a fetch has its own next step") {
    const auto after = [](Fetched outcome) {
        Call<Apps> call;
        CHECK(call.start(t0) == fetch(0));
        return call.fetched(outcome, t0);
    };
    CHECK(after(Fetched::proven) == send(0));
    CHECK(after(Fetched::unproven) == send(0));
    CHECK(after(Fetched::renewed) == send(0));
    CHECK(after(Fetched::refused) == fetch(1));
    CHECK(after(Fetched::not_sent) == finish(StopReason::exchange_failed));
    CHECK(after(Fetched::unknown) == finish(StopReason::exchange_failed));
    CHECK(after(Fetched::failed) == finish(StopReason::exchange_failed));
    CHECK(after(Fetched::misconfigured) == finish(StopReason::exchange_failed));
}

TEST_CASE("an app that is refused at the token endpoint costs no send") {
    Call<Apps> call;
    CHECK(call.start(t0) == fetch(0));
    CHECK(call.fetched(Fetched::refused, t0) == fetch(1));
    CHECK(call.fetched(Fetched::refused, t0) == finish(StopReason::remedies_used_up));
    CHECK(call.sends() == 0);
}

TEST_CASE("FallBackOnExchangeFailure goes on after each kind of failed exchange") {
    using Plan =
        Plan<CredentialChain<PersonalApp, Enterprise>, AnyRefusal, FallBackOnExchangeFailure>;
    const auto outcome =
        GENERATE(Fetched::not_sent, Fetched::unknown, Fetched::failed, Fetched::misconfigured);
    Call<Plan> call;
    CHECK(call.start(t0) == fetch(0));
    const Action next = call.fetched(outcome, t0);
    CHECK(next == send(1));
    CHECK(next.move == Move::fall_back);
    CHECK(call.sent(refused(4101), t0) == finish(StopReason::remedies_used_up));
}

TEST_CASE("FallBackOnExchangeFailure ends when every exchange failed") {
    Call<Plan<CredentialChain<PersonalApp, EnterpriseApp>, AnyRefusal, FallBackOnExchangeFailure>>
        call;
    CHECK(call.start(t0) == fetch(0));
    CHECK(call.fetched(Fetched::failed, t0) == fetch(1));
    CHECK(call.fetched(Fetched::failed, t0) == finish(StopReason::exchange_failed));
}

// --- Repeating ---

TEST_CASE("a rate limit repeats on the same credential, also a call that is not idempotent") {
    Call<Repeating> call;
    CHECK(call.start(t0) == send(0));
    const Action next = call.sent(rate_limited(), t0);
    CHECK(next == send(0));
    CHECK(next.move == Move::repeat);
}

TEST_CASE("S65 a passing failure of a call that is not idempotent is unsafe to repeat") {
    const Facts facts =
        GENERATE(unavailable(), unanswered(Reach::sent_unanswered), unanswered(Reach::cut_short));
    Call<Repeating> call;
    CHECK(call.start(t0) == send(0));
    CHECK(call.sent(facts, t0) == finish(StopReason::unsafe_to_repeat));
}

TEST_CASE("a passing failure of an idempotent call repeats on the same credential") {
    const Facts facts = GENERATE(unavailable(), unanswered(Reach::sent_unanswered),
                                 unanswered(Reach::cut_short), unanswered(Reach::never_sent));
    Call<Repeating> call{idempotent};
    CHECK(call.start(t0) == send(0));
    CHECK(call.sent(facts, t0) == send(0));
}

TEST_CASE("what was never sent may be repeated, idempotent or not") {
    Call<Repeating> call;
    CHECK(call.start(t0) == send(0));
    CHECK(call.sent(unanswered(Reach::never_sent), t0) == send(0));
}

TEST_CASE("S53 a plan that lists refusals only repeats nothing") {
    const Facts facts = GENERATE(rate_limited(), unavailable(), unanswered(Reach::sent_unanswered),
                                 unanswered(Reach::never_sent), answer(QuotaExhausted, 200, 4028),
                                 answer(Permanent, 400, 4000));
    Call<Migration> call;
    CHECK(call.start(t0) == send(0));
    CHECK(call.sent(facts, t0) == finish(StopReason::not_retryable));
}

TEST_CASE("a malformed, misconfigured or lasting failure is never acted on") {
    const Fault fault = GENERATE(Fault::malformed, Fault::misconfigured, Fault::lasting);
    Call<Repeating> call{idempotent};
    CHECK(call.start(t0) == send(0));
    CHECK(call.sent(faulty(fault), t0) == finish(StopReason::not_retryable));
}

TEST_CASE("after a part of the answer reached the caller nothing is sent again") {
    Call<Repeating> call{idempotent};
    CHECK(call.start(t0) == send(0));
    CHECK(call.sent(delivered(AuthRejected), t0) == finish(StopReason::not_retryable));
}

TEST_CASE("a stream that was delivered whole is a success") {
    Call<Repeating> call;
    CHECK(call.start(t0) == send(0));
    CHECK(call.sent(delivered(), t0) == finish(StopReason::success));
}

// --- Limits ---

TEST_CASE("MaxAttempts in the type counts every send of the call") {
    Call<Repeating> call{idempotent};
    CHECK(call.start(t0) == send(0));
    CHECK(call.sent(rate_limited(), t0) == send(0));
    CHECK(call.sent(refused(4100), t0) == send(1));
    CHECK(call.sent(unavailable(), t0) == finish(StopReason::attempts_used_up));
    CHECK(call.sends() == 3);
}

TEST_CASE("MaxAttempts at run time counts every send of the call") {
    using Plan = Plan<CredentialChain<Personal, Enterprise>, RetryOn<RateLimited>, MaxAttempts<>>;
    const unsigned limit = GENERATE(1u, 2u, 5u);
    const CredentialChain<Personal, Enterprise> chain{Personal{}, Enterprise{}};
    Call<Plan> call{Plan::Rules(chain, RetryOn<RateLimited>{}, MaxAttempts<>{limit})};
    Action next = call.start(t0);
    while (next.kind == Kind::send) next = call.sent(rate_limited(), t0);
    CHECK(next == finish(StopReason::attempts_used_up));
    CHECK(call.sends() == limit);
}

TEST_CASE("MaxAttempts also ends a fallback") {
    Call<Plan<CredentialChain<Personal, Enterprise>, AnyRefusal, MaxAttempts<1>>> call;
    CHECK(call.start(t0) == send(0));
    CHECK(call.sent(refused(4100), t0) == finish(StopReason::attempts_used_up));
}

TEST_CASE("a renewal that MaxAttempts forbids is not fetched") {
    Call<Plan<CredentialChain<PersonalApp>, AnyRefusal, MaxAttempts<1>>> call;
    CHECK(call.start(t0) == fetch(0));
    CHECK(call.fetched(Fetched::proven, t0) == send(0));
    CHECK(call.sent(refused(4100, 401), t0) == finish(StopReason::attempts_used_up));
}

TEST_CASE("the first limit that objects names the reason, and both are asked") {
    using Chain = CredentialChain<Personal>;
    using Gate = RetryOn<RateLimited>;
    using Plan = Plan<Chain, Gate, MaxAttempts<5>, Until>;
    const TimePoint end = t0 + std::chrono::seconds{1};
    Call<Plan> call{Plan::Rules(Chain{Personal{}}, Gate{}, MaxAttempts<5>{}, Until{end})};
    CHECK(call.start(t0) == send(0));
    CHECK(call.sent(rate_limited(), t0) == send(0));
    CHECK(call.sent(rate_limited(), end) == finish(StopReason::deadline));
    STATIC_REQUIRE(Plan::reads_clock);
}

TEST_CASE("a limit that reads time may refuse the very first send") {
    using Plan = Plan<Until>;
    Call<Plan> call{Plan::Rules(Until{t0})};
    CHECK(call.start(t0) == finish(StopReason::deadline));
    CHECK(call.sends() == 0);
}

// --- Waiting ---

TEST_CASE("a pace policy delays a repeat, and the wait grows") {
    using namespace std::chrono_literals;
    using Plan = Plan<CredentialChain<Personal>, RetryOn<RateLimited>, MaxAttempts<3>, Pace>;
    Call<Plan> call;
    CHECK(call.start(t0) == send(0));
    CHECK(call.sent(rate_limited(), t0) == wait(100ms));
    CHECK(call.waited(t0) == send(0));
    CHECK(call.sent(rate_limited(), t0) == wait(200ms));
    CHECK(call.waited(t0) == send(0));
    CHECK(call.sent(rate_limited(), t0) == finish(StopReason::attempts_used_up));
    STATIC_REQUIRE_FALSE(Plan::reads_clock);
}

TEST_CASE("a fallback does not wait") {
    using Plan = Plan<CredentialChain<Personal, Enterprise>, RetryOn<AuthRejected, RateLimited>,
                      MaxAttempts<3>, Pace>;
    Call<Plan> call;
    CHECK(call.start(t0) == send(0));
    CHECK(call.sent(refused(4100), t0) == send(1));
}

TEST_CASE("the repeats of one credential are not counted against the next") {
    using namespace std::chrono_literals;
    using Plan = Plan<CredentialChain<Personal, Enterprise>, RetryOn<AuthRejected, RateLimited>,
                      MaxAttempts<9>, Pace>;
    Call<Plan> call;
    CHECK(call.start(t0) == send(0));
    CHECK(call.sent(rate_limited(), t0) == wait(100ms));
    CHECK(call.waited(t0) == send(0));
    CHECK(call.sent(refused(4100), t0) == send(1));
    CHECK(call.sent(rate_limited(), t0) == wait(100ms));
}

TEST_CASE("the longest delay of several paces counts") {
    using namespace std::chrono_literals;
    struct Second : Pace {
        struct Rule {
            static constexpr Duration delay(const Facts&, std::uint32_t) noexcept { return 1s; }
        };
        constexpr Rule rule() const noexcept { return {}; }
    };
    Call<Plan<Pace, Second, RetryOn<RateLimited>, MaxAttempts<3>>> call;
    CHECK(call.start(t0) == send(0));
    CHECK(call.sent(rate_limited(), t0) == wait(1s));
}

TEST_CASE("a wait that a limit forbids is not begun") {
    using Plan = Plan<RetryOn<RateLimited>, Pace, Until>;
    using namespace std::chrono_literals;
    Call<Plan> call{Plan::Rules(RetryOn<RateLimited>{}, Pace{}, Until{t0 + 50ms})};
    CHECK(call.start(t0) == send(0));
    CHECK(call.sent(rate_limited(), t0) == finish(StopReason::deadline));
}

// --- The door to shared state ---

namespace {
using Guarded = Plan<CredentialChain<Personal, Enterprise>, AnyRefusal, Door>;
}

TEST_CASE("with a door every send is admitted first") {
    Call<Guarded> call;
    CHECK(call.start(t0) == admit(0));
    CHECK(call.admitted({Admitted::go, 0, {}}, t0) == send(0));
    CHECK(call.sent(refused(4100), t0) == admit(1));
    CHECK(call.admitted({Admitted::go, 0, {}}, t0) == send(1));
    CHECK(call.sent(success(), t0) == finish(StopReason::success));
}

TEST_CASE("go_to sends with another credential, and the ring goes on from there") {
    Call<Guarded> call;
    CHECK(call.start(t0) == admit(0));
    CHECK(call.admitted({Admitted::go_to, 1, {}}, t0) == send(1));
    CHECK(call.sent(refused(4100), t0) == admit(0));
    CHECK(call.admitted({Admitted::go, 0, {}}, t0) == send(0));
}

TEST_CASE("skip_slot proposes the next credential without a send") {
    Call<Guarded> call;
    CHECK(call.start(t0) == admit(0));
    CHECK(call.admitted({Admitted::skip_slot, 0, {}}, t0) == admit(1));
    CHECK(call.sends() == 0);
    CHECK(call.admitted({Admitted::go, 0, {}}, t0) == send(1));
}

TEST_CASE("busy waits and asks again") {
    using namespace std::chrono_literals;
    Call<Guarded> call;
    CHECK(call.start(t0) == admit(0));
    CHECK(call.admitted({Admitted::busy, 0, 5ms}, t0) == wait(5ms));
    CHECK(call.waited(t0) == admit(0));
    CHECK(call.admitted({Admitted::go, 0, {}}, t0) == send(0));
}

TEST_CASE("a spent budget ends the call before its send") {
    Call<Guarded> call;
    CHECK(call.start(t0) == admit(0));
    CHECK(call.admitted({Admitted::spent, 0, {}}, t0) == finish(StopReason::budget_spent));
    CHECK(call.sends() == 0);
}

TEST_CASE("after the last refusal the door is asked once for a straddle") {
    Call<Guarded> call;
    CHECK(call.start(t0) == admit(0));
    CHECK(call.admitted({}, t0) == send(0));
    CHECK(call.sent(refused(4100), t0) == admit(1));
    CHECK(call.admitted({}, t0) == send(1));
    const Action question = call.sent(refused(4100), t0);
    CHECK(question == admit(1));
    CHECK(question.move == Move::straddle);

    SECTION("the route changed: one more try, and no other") {
        const Action extra = call.admitted({Admitted::go_to, 0, {}}, t0);
        CHECK(extra == send(0));
        CHECK(extra.move == Move::straddle);
        CHECK(call.sent(refused(4100), t0) == finish(StopReason::remedies_used_up));
        CHECK(call.sends() == 3);
    }
    SECTION("the route is what it was") {
        CHECK(call.admitted({Admitted::skip_slot, 0, {}}, t0) ==
              finish(StopReason::remedies_used_up));
    }
    SECTION("no budget for it") {
        CHECK(call.admitted({Admitted::spent, 0, {}}, t0) == finish(StopReason::remedies_used_up));
    }
}

TEST_CASE("a pinned call asks for no straddle") {
    Call<Guarded> call{from_slot(0, true)};
    CHECK(call.start(t0) == admit(0));
    CHECK(call.admitted({}, t0) == send(0));
    CHECK(call.sent(refused(4100), t0) == finish(StopReason::remedies_used_up));
}

// --- The user ---

namespace {
using Consent = Plan<CredentialChain<PersonalApp>, AnyRefusal, AsksUser>;
}

TEST_CASE("when no credential is left the user is asked once") {
    Call<Consent> call;
    CHECK(call.start(t0) == fetch(0));
    CHECK(call.fetched(Fetched::unproven, t0) == send(0));
    CHECK(call.sent(refused(4100), t0) == reauthorize(0));
    CHECK(call.reauthorized(Reauthorized::authorized, t0) == fetch(0));
    CHECK(call.fetched(Fetched::renewed, t0) == send(0));
    CHECK(call.sent(refused(4100), t0) == finish(StopReason::remedies_used_up));
}

TEST_CASE("a user who was sent away or refused ends the call") {
    const auto outcome = GENERATE(Reauthorized::handed_over, Reauthorized::denied);
    Call<Consent> call;
    CHECK(call.start(t0) == fetch(0));
    CHECK(call.fetched(Fetched::unproven, t0) == send(0));
    CHECK(call.sent(refused(4100), t0) == reauthorize(0));
    CHECK(call.reauthorized(outcome, t0) == finish(StopReason::needs_user));
}

TEST_CASE("a proven token is renewed before the user is asked") {
    Call<Consent> call;
    CHECK(call.start(t0) == fetch(0));
    CHECK(call.fetched(Fetched::proven, t0) == send(0));
    CHECK(call.sent(refused(4100, 401), t0) == fetch(0));
    CHECK(call.fetched(Fetched::renewed, t0) == send(0));
    CHECK(call.sent(refused(4100, 401), t0) == reauthorize(0));
}

TEST_CASE("a resource that is not found does not ask the user") {
    Call<Consent> call;
    CHECK(call.start(t0) == fetch(0));
    CHECK(call.fetched(Fetched::unproven, t0) == send(0));
    CHECK(call.sent(not_found(4200), t0) == finish(StopReason::remedies_used_up));
}

// --- Cancelling ---

TEST_CASE("a call can be cancelled while it waits for any answer") {
    using Everything =
        Plan<CredentialChain<PersonalApp, Enterprise>, RetryOn<AuthRejected, RateLimited>,
             MaxAttempts<9>, Pace, Door, AsksUser>;
    const auto ended = finish(StopReason::cancelled);
    Call<Everything> call;
    CHECK(call.start(t0) == admit(0));
    CHECK(Call<Everything>{call}.cancelled() == ended);
    CHECK(call.admitted({}, t0) == fetch(0));
    CHECK(Call<Everything>{call}.cancelled() == ended);
    CHECK(call.fetched(Fetched::unproven, t0) == send(0));
    CHECK(Call<Everything>{call}.cancelled() == ended);
    CHECK(call.sent(rate_limited(), t0).kind == Kind::wait);
    CHECK(Call<Everything>{call}.cancelled() == ended);
    CHECK(call.waited(t0) == admit(0));
    CHECK(call.admitted({}, t0) == fetch(0));
    CHECK(call.fetched(Fetched::unproven, t0) == send(0));
    CHECK(call.sent(refused(4100), t0) == admit(1));
    CHECK(call.admitted({}, t0) == send(1));
    CHECK(call.sent(refused(4100), t0) == reauthorize(1));
    CHECK(Call<Everything>{call}.cancelled() == ended);
}

TEST_CASE("a copy of a call goes on by itself") {
    Call<Migration> call;
    CHECK(call.start(t0) == send(0));
    Call<Migration> copy = call;
    CHECK(copy.sent(refused(4100), t0) == send(1));
    CHECK(call.sent(success(), t0) == finish(StopReason::success));
    CHECK(copy.sends() == 2);
    CHECK(call.sends() == 1);
}

// --- Size ---

TEST_CASE("a call of the common plan fits into 32 bytes, and limits in the type cost nothing") {
    using Common = Plan<CredentialChain<Personal, Enterprise>, Refusals, MaxAttempts<3>>;
    STATIC_REQUIRE(sizeof(Call<Common>) <= 32);
    STATIC_REQUIRE(sizeof(Call<Common>) == sizeof(Call<Migration>));
    STATIC_REQUIRE(
        sizeof(Call<Plan<CredentialChain<Personal, Enterprise>, Refusals, MaxAttempts<>>>) <= 32);
    STATIC_REQUIRE(sizeof(Call<Eight>) == sizeof(Call<Migration>));
}

// --- The written order never counts ---

namespace {

template <class... Types> struct Order {};
template <class Order> struct PlanOf;
template <class... Policies> struct PlanOf<Order<Policies...>> { using type = Plan<Policies...>; };

// Calls `use(Order<...>{})` with every permutation.
template <class... Done, class Use> void permute(Order<Done...>, Order<>, Order<>, const Use& use) {
    use(Order<Done...>{});
}
template <class... Done, class... Skipped, class Use>
void permute(Order<Done...>, Order<Skipped...>, Order<>, const Use&) {}
template <class... Done, class... Skipped, class First, class... Rest, class Use>
void permute(Order<Done...>, Order<Skipped...>, Order<First, Rest...>, const Use& use) {
    permute(Order<Done..., First>{}, Order<>{}, Order<Skipped..., Rest...>{}, use);
    permute(Order<Done...>{}, Order<Skipped..., First>{}, Order<Rest...>{}, use);
}

// One long story; the actions it leads to.
template <class Plan> std::vector<Action> story() {
    Call<Plan> call;
    std::vector<Action> actions{call.start(t0)};
    const auto step = [&actions](Action next) { actions.push_back(next); };
    step(call.admitted({}, t0));
    step(call.fetched(Fetched::proven, t0));
    step(call.sent(rate_limited(), t0));
    step(call.waited(t0));
    step(call.admitted({}, t0));
    step(call.fetched(Fetched::proven, t0));
    step(call.sent(refused(4100, 401), t0));
    step(call.admitted({}, t0));
    step(call.fetched(Fetched::renewed, t0));
    step(call.sent(refused(4100, 401), t0));
    step(call.admitted({}, t0));
    step(call.sent(rate_limited(), t0));
    return actions;
}

}  // namespace

TEST_CASE("every written order of the policies gives the same story") {
    using Chain = CredentialChain<PersonalApp, Enterprise>;
    using Gate = RetryOn<4100, RateLimited>;
    const auto wanted = story<Plan<Chain, Gate, MaxAttempts<4>, Pace, Door>>();
    REQUIRE(wanted.back() == finish(StopReason::attempts_used_up));
    int orders = 0;
    permute(Order<>{}, Order<>{}, Order<Chain, Gate, MaxAttempts<4>, Pace, Door>{},
            [&](auto order) {
                ++orders;
                CHECK(story<typename PlanOf<decltype(order)>::type>() == wanted);
            });
    CHECK(orders == 120);
}
