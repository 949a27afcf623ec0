// SPDX-License-Identifier: BSL-1.0
// Right after an authorization the service may refuse what it will soon accept.
#include <rekey/core/call.hpp>

#include <rekey/coze/api.hpp>
#include <rekey/policy/credential_chain.hpp>
#include <rekey/policy/limits.hpp>
#include <rekey/policy/obo_reauth.hpp>
#include <rekey/policy/retry_on.hpp>
#include <rekey/testing/print.hpp>
#include <rekey/testing/timeline.hpp>

#include "catch.hpp"

#include <chrono>
#include <cstdint>

namespace {

using namespace rekey;
using namespace rekey::testing;
using namespace std::chrono_literals;

constexpr TimePoint t0{};
constexpr auto yes = Reauthorized::authorized;

struct Waits {
    Authorized operator()(const AuthorizationRequest&) const { return {}; }
};
struct UserToken {
    static constexpr Identity identity = Identity::user;
    struct Exchange {};
};
struct OtherUserToken {
    static constexpr Identity identity = Identity::user;
};
struct AsksAtOnce {
    static constexpr Role role = Role::reauthorizer;
};

using Refusals = RetryOn<AuthRejected, NotFound>;
using Consent = Plan<CredentialChain<UserToken>, Refusals, coze::Api, OboReauth<Waits>>;
using Plain = Plan<CredentialChain<UserToken>, Refusals, coze::Api>;
using NotCoze = Plan<CredentialChain<UserToken>, Refusals, OboReauth<Waits>>;
using Impatient = Plan<CredentialChain<UserToken>, Refusals, coze::Api, AsksAtOnce>;
using Bounded =
    Plan<CredentialChain<UserToken>, Refusals, coze::Api, OboReauth<Waits>, MaxAttempts<3>>;
using Two = Plan<CredentialChain<UserToken, OtherUserToken>, Refusals, coze::Api, OboReauth<Waits>>;

/// A call whose user was asked and said yes, at its first send with the new token.
template <class Plan> constexpr bool comes_to_the_new_token(Call<Plan>& call) {
    return call.start(t0) == fetch(0) && call.fetched(Fetched::unproven, t0) == send(0) &&
           call.sent(refused(4101), t0) == reauthorize(0) &&
           call.reauthorized(yes, t0) == fetch(0) && call.fetched(Fetched::renewed, t0) == send(0);
}
/// One more refusal, one more wait, one more send.
template <class Plan>
constexpr bool repeats_after(Call<Plan>& call, const Facts& facts, Duration delay) {
    return call.sent(facts, t0) == wait(delay) && call.waited(t0) == fetch(0) &&
           call.fetched(Fetched::unproven, t0) == send(0);
}

// --- Timelines that the compiler checks ---

constexpr bool it_is_repeated_three_times_and_no_more() {
    Call<Consent> call;
    return comes_to_the_new_token(call) && repeats_after(call, refused(4101), 500ms) &&
           repeats_after(call, refused(4100, 401), 1s) && repeats_after(call, refused(4101), 2s) &&
           call.sent(refused(4101), t0) == finish(StopReason::remedies_used_up) &&
           call.sends() == 5;
}
static_assert(it_is_repeated_three_times_and_no_more());

constexpr bool a_repeat_that_is_accepted_ends_it() {
    Call<Consent> call;
    return comes_to_the_new_token(call) && repeats_after(call, refused(4101), 500ms) &&
           call.sent(success(), t0) == finish(StopReason::success);
}
static_assert(a_repeat_that_is_accepted_ends_it());

constexpr bool another_refusal_is_not_repeated(const Facts& facts) {
    Call<Consent> call;
    return comes_to_the_new_token(call) &&
           call.sent(facts, t0) == finish(StopReason::remedies_used_up);
}
static_assert(another_refusal_is_not_repeated(refused(700012006)));
static_assert(another_refusal_is_not_repeated(answer(AuthRejected, 401)));
static_assert(another_refusal_is_not_repeated(answer(AuthRejected, 403)));
static_assert(another_refusal_is_not_repeated(not_found(4200)));

constexpr bool a_call_that_asked_nobody_is_not_repeated() {
    Call<Consent> call;
    return call.start(t0) == fetch(0) && call.fetched(Fetched::unproven, t0) == send(0) &&
           call.sent(refused(4101), t0) == reauthorize(0);
}
static_assert(a_call_that_asked_nobody_is_not_repeated());

constexpr bool a_resumed_call_settles_and_never_asks() {
    CallOptions options;
    options.reauthorized = true;
    Call<Consent> call{options};
    return call.start(t0) == fetch(0) && call.fetched(Fetched::unproven, t0) == send(0) &&
           repeats_after(call, refused(4101), 500ms) && repeats_after(call, refused(4101), 1s) &&
           repeats_after(call, refused(4101), 2s) &&
           call.sent(refused(4101), t0) == finish(StopReason::remedies_used_up);
}
static_assert(a_resumed_call_settles_and_never_asks());

constexpr bool a_resumed_call_without_a_token_never_asks() {
    CallOptions options;
    options.reauthorized = true;
    Call<Consent> call{options};
    return call.start(t0) == fetch(0) &&
           call.fetched(Fetched::refused, t0) == finish(StopReason::remedies_used_up);
}
static_assert(a_resumed_call_without_a_token_never_asks());

template <class Plan> constexpr bool nothing_settles() {
    Call<Plan> call;
    return comes_to_the_new_token(call) &&
           call.sent(refused(4101), t0) == finish(StopReason::remedies_used_up);
}
static_assert(nothing_settles<NotCoze>());    // a service without such a time
static_assert(nothing_settles<Impatient>());  // a reauthorizer without such patience

constexpr bool without_a_reauthorizer_nothing_changes() {
    Call<Plain> call;
    return call.start(t0) == fetch(0) && call.fetched(Fetched::unproven, t0) == send(0) &&
           call.sent(refused(4101), t0) == finish(StopReason::remedies_used_up);
}
static_assert(without_a_reauthorizer_nothing_changes());
static_assert(!Plain::waits && Consent::waits);
static_assert(sizeof(Call<Plain>) == sizeof(Call<Consent>));

constexpr bool a_limit_bounds_the_repeats_too() {
    Call<Bounded> call;
    return comes_to_the_new_token(call) && repeats_after(call, refused(4101), 500ms) &&
           call.sent(refused(4101), t0) == finish(StopReason::attempts_used_up);
}
static_assert(a_limit_bounds_the_repeats_too());

// A call that was refused right after *another* call's user had authorized: nobody is asked, and
// its first repeat waits as well.
constexpr bool a_token_of_a_moment_ago_is_waited_for_at_once() {
    Call<Consent> call;
    return call.start(t0) == fetch(0) && call.fetched(Fetched::unproven, t0) == send(0) &&
           call.sent(refused(4101), t0) == reauthorize(0) &&
           call.reauthorized(Reauthorized::settling, t0) == wait(500ms) &&
           call.waited(t0) == fetch(0) && call.fetched(Fetched::unproven, t0) == send(0) &&
           repeats_after(call, refused(4101), 1s) && repeats_after(call, refused(4100), 2s) &&
           call.sent(refused(4101), t0) == finish(StopReason::remedies_used_up) &&
           call.sends() == 4;
}
static_assert(a_token_of_a_moment_ago_is_waited_for_at_once());

constexpr bool a_reauthorizer_without_patience_has_no_time_to_settle() {
    Call<Impatient> call;
    return call.start(t0) == fetch(0) && call.fetched(Fetched::unproven, t0) == send(0) &&
           call.sent(refused(4101), t0) == reauthorize(0) &&
           call.reauthorized(Reauthorized::settling, t0) == fetch(0) &&
           call.fetched(Fetched::unproven, t0) == send(0) &&
           call.sent(refused(4101), t0) == finish(StopReason::remedies_used_up);
}
static_assert(a_reauthorizer_without_patience_has_no_time_to_settle());

// The user is asked when every credential was refused, and the user's own slot goes on.
constexpr bool the_asked_users_slot_settles() {
    Call<Two> call;
    return call.start(t0) == fetch(0) && call.fetched(Fetched::unproven, t0) == send(0) &&
           call.sent(refused(4101), t0) == send(1) &&
           call.sent(refused(4101), t0) == reauthorize(0) &&
           call.reauthorized(yes, t0) == fetch(0) &&
           call.fetched(Fetched::renewed, t0) == send(0) &&
           repeats_after(call, refused(4101), 500ms) &&
           call.sent(success(), t0) == finish(StopReason::success);
}
static_assert(the_asked_users_slot_settles());

// A proven token that is refused is refreshed before anybody is asked, and once.
constexpr bool a_proven_token_is_refreshed_first() {
    Call<Consent> call;
    return call.start(t0) == fetch(0) && call.fetched(Fetched::proven, t0) == send(0) &&
           call.sent(refused(4101), t0) == fetch(0) &&
           call.fetched(Fetched::renewed, t0) == send(0) &&
           call.sent(refused(4101), t0) == reauthorize(0) &&
           call.reauthorized(yes, t0) == fetch(0) &&
           call.fetched(Fetched::renewed, t0) == send(0) &&
           repeats_after(call, refused(4101), 500ms);
}
static_assert(a_proven_token_is_refreshed_first());

}  // namespace

TEST_CASE(
    "right after an authorization a refusal that may pass is repeated thrice, then it is final") {
    CHECK(it_is_repeated_three_times_and_no_more());
    CHECK(a_resumed_call_settles_and_never_asks());
    CHECK(a_limit_bounds_the_repeats_too());
}

TEST_CASE("S57 a token of a moment ago is waited for before it is sent again") {
    CHECK(a_token_of_a_moment_ago_is_waited_for_at_once());
    CHECK(a_reauthorizer_without_patience_has_no_time_to_settle());
    Call<Bounded> call;
    CHECK(call.start(t0) == fetch(0));
    CHECK(call.fetched(Fetched::unproven, t0) == send(0));
    CHECK(call.sent(refused(4101), t0) == reauthorize(0));
    CHECK(call.reauthorized(Reauthorized::settling, t0) == wait(500ms));
    CHECK(call.cancelled() == finish(StopReason::cancelled));
}

TEST_CASE("S49 a 403 that may pass is repeated while it settles, and never renewed") {
    Call<Consent> call;
    REQUIRE(comes_to_the_new_token(call));
    CHECK(call.sent(refused(4101, 403), t0) == wait(500ms));
    CHECK(call.waited(t0) == fetch(0));
    CHECK(call.fetched(Fetched::proven, t0) == send(0));  // accepted meanwhile, elsewhere
    CHECK(call.sent(refused(4101, 403), t0) == wait(1s));
}

TEST_CASE("a call can be cancelled while it settles") {
    Call<Consent> call;
    REQUIRE(comes_to_the_new_token(call));
    CHECK(call.sent(refused(4101), t0) == wait(500ms));
    CHECK(call.cancelled() == finish(StopReason::cancelled));
}

TEST_CASE("a pinned call asks only the user whose credential it is pinned to") {
    CallOptions of_user;
    of_user.pinned = true;
    Call<Two> first{of_user};
    CHECK(first.start(t0) == fetch(0));
    CHECK(first.fetched(Fetched::unproven, t0) == send(0));
    CHECK(first.sent(refused(4101), t0) == reauthorize(0));

    CallOptions of_other;
    of_other.pinned = true;
    of_other.first_slot = 1;
    Call<Two> second{of_other};
    CHECK(second.start(t0) == send(1));
    CHECK(second.sent(refused(4101), t0) == finish(StopReason::remedies_used_up));
}
