// SPDX-License-Identifier: BSL-1.0
#include <rekey/core/call.hpp>

#include <rekey/policy/credential_chain.hpp>
#include <rekey/policy/limits.hpp>
#include <rekey/policy/retry_on.hpp>
#include <rekey/testing/print.hpp>
#include <rekey/testing/timeline.hpp>

#include "catch.hpp"

#include <cstdint>
#include <vector>

namespace {

using namespace rekey;
using namespace rekey::testing;

struct Fixed {};
struct Spare {};
struct App {
    struct Exchange {};
};
struct OtherApp {
    struct Exchange {};
};
struct Door {
    static constexpr Role role = Role::admission;
};
struct AsksUser {
    static constexpr Role role = Role::reauthorizer;
};

// Every way an attempt can go that the core tells apart.
const std::vector<Facts>& facts_alphabet() {
    static const std::vector<Facts> all = [] {
        std::vector<Facts> list{success(),
                                refused(4101, 401),
                                refused(4101, 403),
                                not_found(4200),
                                answer(RateLimited, 429),
                                answer(Transient, 503),
                                answer(Permanent, 400),
                                unanswered(Reach::never_sent),
                                unanswered(Reach::sent_unanswered)};
        Facts begun = refused(4101);
        begun.reach = Reach::delivered;
        list.push_back(begun);
        Facts cut = answer(Permanent, 200);
        cut.fault = Fault::malformed;
        list.push_back(cut);
        return list;
    }();
    return all;
}

// Tries every answer to every action and checks what must always hold.
template <class Plan> struct Explorer {
    std::uint32_t most_sends = 0;  // 0: no limit in the plan
    bool is_idempotent = false;
    unsigned depth_limit = 0;  // 0: explore to the end
    std::uint64_t calls_ended = 0;
    std::uint64_t broken = 0;
    std::uint64_t too_deep = 0;
    const char* first_broken = "nothing";

    // What happened on the way to an action.
    struct Story {
        std::uint32_t sends = 0;
        std::uint32_t sent_slots = 0;
        unsigned depth = 0;
        unsigned renewals = 0;
        unsigned straddles = 0;
        bool reached_caller = false;
        bool was_proven = false;  // the token of the last send
        bool may_fall_back = false;
        bool may_renew = false;
        bool may_repeat = false;
        std::uint8_t slot = 0;
    };

    void run(const CallOptions& options) {
        Call<Plan> call{options};
        const Action first = call.start();
        visit(call, first, Story{});
    }

    void demand(bool holds, const char* what) {
        if (holds) return;
        if (broken++ == 0) first_broken = what;
    }

    void visit(const Call<Plan>& call, const Action& action, Story story) {
        if (action.kind == Kind::finish) {
            ++calls_ended;
            demand(call.sends() == story.sends, "the count of sends is exact");
            return;
        }
        if (++story.depth > (depth_limit != 0 ? depth_limit : 64)) {
            ++too_deep;
            return;
        }
        if (action.move == Move::fall_back)
            demand(story.may_fall_back, "a fallback answers a refusal");
        if (action.move == Move::renew) demand(story.may_renew, "a renewal answers a refusal");
        if (action.move == Move::repeat) demand(story.may_repeat, "a repeat is harmless");
        switch (action.kind) {
            case Kind::send: return after_send(call, action, story);
            case Kind::fetch: return after_fetch(call, story, action);
            case Kind::admit: return after_admit(call, action, story);
            case Kind::reauthorize: return after_question(call, story);
            case Kind::wait: {
                Call<Plan> next = call;
                const Action action_after = next.waited();
                return visit(next, action_after, story);
            }
            case Kind::finish: return;
        }
    }

    void after_send(const Call<Plan>& call, const Action& action, Story story) {
        demand(!story.reached_caller, "nothing is sent after a part reached the caller");
        ++story.sends;
        demand(action.number == story.sends, "sends are numbered from 1");
        demand(most_sends == 0 || story.sends <= most_sends, "MaxAttempts bounds the sends");
        const std::uint32_t bit = std::uint32_t{1} << action.slot;
        demand((story.sent_slots & bit) == 0 || action.move == Move::repeat ||
                   action.move == Move::renew || action.move == Move::straddle,
               "no credential is sent twice but to repeat, renew or straddle");
        if (action.move == Move::renew) ++story.renewals;
        if (action.move == Move::straddle) ++story.straddles;
        demand(story.straddles <= 1, "there is one straddle at most");
        story.sent_slots |= bit;
        story.slot = action.slot;
        const bool was_proven = story.was_proven;
        for (const Facts& facts : facts_alphabet()) {
            Story next = story;
            const bool whole = facts.reach == Reach::answered && facts.fault == Fault::nothing;
            const bool refusal =
                whole && (facts.failure == AuthRejected || facts.failure == NotFound);
            next.may_fall_back = refusal;
            next.may_renew =
                whole && facts.failure == AuthRejected && facts.http_status != 403 && was_proven;
            next.may_repeat = (whole && facts.failure == RateLimited) ||
                              facts.reach == Reach::never_sent ||
                              (is_idempotent && facts.failure == Transient);
            next.reached_caller = facts.reach == Reach::delivered;
            next.was_proven = false;
            Call<Plan> copy = call;
            const Action following = copy.sent(facts);
            if (whole && facts.failure == NoFailure)
                demand(following == finish(StopReason::success), "a success ends the call");
            visit(copy, following, next);
        }
    }

    void after_fetch(const Call<Plan>& call, const Story& story, const Action& action) {
        for (const Fetched outcome :
             {Fetched::proven, Fetched::unproven, Fetched::renewed, Fetched::refused,
              Fetched::not_sent, Fetched::unknown, Fetched::failed, Fetched::misconfigured}) {
            if (action.move == Move::renew && outcome == Fetched::proven) continue;
            Story next = story;
            next.was_proven = outcome == Fetched::proven;
            if (outcome == Fetched::refused) next.may_fall_back = true;
            if (outcome > Fetched::refused)
                next.may_fall_back = Plan::falls_back_on_exchange_failure;
            Call<Plan> copy = call;
            const Action following = copy.fetched(outcome);
            visit(copy, following, next);
        }
    }

    void after_admit(const Call<Plan>& call, const Action& action, const Story& story) {
        constexpr Duration second = std::chrono::seconds{1};
        for (const Admission said :
             {Admission{}, Admission{Admitted::skip_slot, 0, {}, 0},
              Admission{Admitted::skip_slot, 0, second, 0}, Admission{Admitted::spent, 0, {}, 0},
              Admission{Admitted::later, 0, second, 0}}) {
            if (action.move == Move::straddle && said.verdict == Admitted::go) continue;
            Story next = story;
            if (said.verdict == Admitted::skip_slot) next.may_fall_back = true;
            Call<Plan> copy = call;
            const Action following = copy.admitted(said);
            if (said.verdict == Admitted::later || said.verdict == Admitted::spent)
                demand(following.kind == Kind::finish, "a door that ends a call ends it");
            visit(copy, following, next);
        }
    }

    void after_question(const Call<Plan>& call, const Story& story) {
        for (const Reauthorized outcome : {Reauthorized::authorized, Reauthorized::handed_over,
                                           Reauthorized::denied, Reauthorized::settling}) {
            Story next = story;
            const bool is_settling = outcome == Reauthorized::settling;
            const bool waits = is_settling && Plan::Settling::settle_repeats != 0;
            next.may_renew = outcome == Reauthorized::authorized || (is_settling && !waits);
            next.may_repeat = waits;
            Call<Plan> copy = call;
            const Action following = copy.reauthorized(outcome);
            visit(copy, following, next);
        }
    }
};

template <class Plan> void check_to_the_end(const CallOptions& options = {}) {
    Explorer<Plan> explorer;
    explorer.run(options);
    CAPTURE(explorer.first_broken);
    CHECK(explorer.broken == 0);
    CHECK(explorer.too_deep == 0);
    CHECK(explorer.calls_ended > 10);
}

template <class Plan>
void check_to_depth(unsigned depth, std::uint32_t most_sends, const CallOptions& options = {}) {
    Explorer<Plan> explorer;
    explorer.most_sends = most_sends;
    explorer.is_idempotent = options.idempotent;
    explorer.depth_limit = depth;
    explorer.run(options);
    CAPTURE(explorer.first_broken);
    CHECK(explorer.broken == 0);
    CHECK(explorer.calls_ended > 100);
}

using Refusals = RetryOn<AuthRejected, NotFound>;
using Everything = RetryOn<AuthRejected, NotFound, RateLimited, Transient>;

}  // namespace

TEST_CASE("a call that only falls back ends, whatever the world answers") {
    check_to_the_end<Plan<CredentialChain<Fixed, Spare>, Refusals>>();
}

TEST_CASE("a call that exchanges, renews and falls back ends, whatever the world answers") {
    check_to_the_end<Plan<CredentialChain<App, Fixed, OtherApp>, Refusals>>();
    check_to_the_end<Plan<CredentialChain<App, OtherApp>, Refusals>>({1, false, false});
    check_to_the_end<Plan<CredentialChain<App, OtherApp>, Refusals>>({1, true, false});
}

TEST_CASE("a call that goes on after failed exchanges ends, whatever the world answers") {
    check_to_the_end<
        Plan<CredentialChain<App, OtherApp, Fixed>, Refusals, FallBackOnExchangeFailure>>();
    check_to_the_end<Plan<CredentialChain<App, OtherApp>, Refusals, FallBackOnExchangeFailure>>();
}

TEST_CASE("a call with a door to shared state ends, whatever the door says") {
    check_to_the_end<Plan<CredentialChain<App, Fixed>, Refusals, Door>>();
}

TEST_CASE("a call that may ask the user ends, whatever the user does") {
    check_to_the_end<Plan<CredentialChain<App, Fixed>, Refusals, AsksUser>>();
}

TEST_CASE("a call that repeats ends with MaxAttempts, whatever the world answers") {
    Explorer<Plan<CredentialChain<Fixed, Spare>, Everything, MaxAttempts<5>>> explorer;
    explorer.most_sends = 5;
    explorer.is_idempotent = true;
    explorer.run({0, false, true});
    CAPTURE(explorer.first_broken);
    CHECK(explorer.broken == 0);
    CHECK(explorer.too_deep == 0);
    CHECK(explorer.calls_ended > 1000);
}

TEST_CASE("S54 no call that is not idempotent repeats what may have been executed") {
    check_to_depth<Plan<CredentialChain<App, Fixed>, Everything, MaxAttempts<4>>>(8, 4);
}

TEST_CASE("all roles together keep every promise to depth eight") {
    check_to_depth<Plan<CredentialChain<App, Fixed, OtherApp>, Everything, MaxAttempts<4>, Door,
                        AsksUser, FallBackOnExchangeFailure>>(8, 4, {0, false, true});
}

// --- A move, request by request ---

namespace {

// What a process and the service know across calls.
struct World {
    bool moved = false;
    bool accepted[2] = {true, false};  // by credential: its present token was accepted before
    unsigned exchanges[2] = {1, 0};    // the personal token is there already
    unsigned sends = 0;

    // One request over the core alone, both credentials exchanging. True if it was answered.
    bool serve(bool believes_in_renewal) {
        Call<Plan<CredentialChain<App, OtherApp>, Refusals>> call;
        for (Action next = call.start();;) {
            const std::uint8_t slot = next.slot;
            switch (next.kind) {
                case Kind::send:
                    ++sends;
                    if ((slot == 1) == moved) {
                        accepted[slot] = true;
                        next = call.sent(success());
                    } else {
                        next = call.sent(refused(4101, 401));
                    }
                    break;
                case Kind::fetch:
                    if (next.move == Move::renew || exchanges[slot] == 0) {
                        ++exchanges[slot];
                        accepted[slot] = false;
                        next = call.fetched(next.move == Move::renew ? Fetched::renewed
                                                                     : Fetched::unproven);
                    } else {
                        next =
                            call.fetched(accepted[slot] || believes_in_renewal ? Fetched::proven
                                                                               : Fetched::unproven);
                    }
                    break;
                case Kind::finish: return next.reason == StopReason::success;
                default: return false;
            }
        }
    }
};

}  // namespace

TEST_CASE("a move costs two sends per request and one extra exchange, not one per request") {
    World world;
    for (int request = 0; request != 100; ++request) REQUIRE(world.serve(false));
    CHECK(world.sends == 100);

    world.moved = true;
    world.sends = 0;
    for (int request = 0; request != 100; ++request) REQUIRE(world.serve(false));
    CHECK(world.sends == 201);  // two a request, and the one send with the renewed token
    CHECK(world.exchanges[0] == 2);
    CHECK(world.exchanges[1] == 1);
}

TEST_CASE("without the rule of the proven token every request after a move would exchange") {
    World world;
    world.moved = true;
    for (int request = 0; request != 100; ++request) REQUIRE(world.serve(true));
    CHECK(world.sends == 300);
    CHECK(world.exchanges[0] == 101);
}
