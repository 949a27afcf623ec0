// SPDX-License-Identifier: BSL-1.0
#include <rekey/token/refresh_protocol.hpp>

#include "catch.hpp"

#include <chrono>
#include <cstdint>

using namespace rekey;
using namespace rekey::token;
using namespace std::chrono_literals;

namespace {

constexpr TimePoint t0{};

constexpr RecordFacts record(RecordState state, std::uint64_t version) {
    RecordFacts facts;
    facts.is_available = true;
    facts.state = state;
    facts.version = version;
    return facts;
}
constexpr RecordFacts stale(std::uint64_t version) { return record(RecordState::live, version); }
constexpr RecordFacts fresh(std::uint64_t version) {
    RecordFacts facts = stale(version);
    facts.is_fresh = true;
    facts.is_alive = true;
    return facts;
}
constexpr RecordFacts mine(RecordFacts facts) {
    facts.is_mine = true;
    return facts;
}
constexpr LeaseAnswer acquired{Leased::acquired, Duration{0}};

constexpr RefreshProtocol protocol(Grant grant = Grant::rotating) {
    return RefreshProtocol(grant, RefreshTimes{});
}
/// A protocol that has got as far as to send.
constexpr RefreshProtocol sending() {
    RefreshProtocol p = protocol();
    (void)p.start(t0);
    (void)p.loaded(stale(4), t0);
    (void)p.leased(acquired, t0);
    (void)p.loaded(stale(4), t0);
    (void)p.swapped(Swapped::done, t0);
    return p;
}

/// The whole way of one process alone; it also runs in the compiler.
constexpr bool one_process_alone() {
    RefreshProtocol p = protocol();
    if (p.start(t0).step != RefreshStep::load) return false;
    if (p.loaded(stale(4), t0).step != RefreshStep::acquire) return false;
    if (p.leased(acquired, t0).step != RefreshStep::load) return false;
    const RefreshAction mark = p.loaded(stale(4), t0);
    if (mark.step != RefreshStep::mark || mark.version != 4) return false;
    if (p.swapped(Swapped::done, t0).step != RefreshStep::send) return false;
    const RefreshAction commit = p.sent(Spent::ok, false, t0);
    if (commit.step != RefreshStep::commit || commit.version != 5) return false;
    if (p.swapped(Swapped::done, t0).step != RefreshStep::release) return false;
    const RefreshAction last = p.released(t0);
    return last.step == RefreshStep::finish && last.end == RefreshEnd::committed;
}
static_assert(one_process_alone());

}  // namespace

TEST_CASE("a refresh is marked before it is sent and stored before it is used") {
    CHECK(one_process_alone());
}

TEST_CASE("a fresh record of another process is used without a lease") {
    RefreshProtocol p = protocol();
    (void)p.start(t0);
    const RefreshAction next = p.loaded(fresh(7), t0);
    CHECK(next.step == RefreshStep::finish);
    CHECK(next.end == RefreshEnd::use);
}

TEST_CASE("whoever was slower to the lease reads again and uses what the faster one wrote") {
    RefreshProtocol p = protocol();
    (void)p.start(t0);
    (void)p.loaded(stale(4), t0);
    CHECK(p.leased(acquired, t0).step == RefreshStep::load);
    CHECK(p.loaded(fresh(6), t0).step == RefreshStep::release);
    CHECK(p.released(t0).end == RefreshEnd::use);
}

TEST_CASE("a lease that somebody else holds is waited for, no longer than it lives") {
    RefreshProtocol p = protocol();
    (void)p.start(t0);
    (void)p.loaded(stale(4), t0);
    const RefreshAction wait = p.leased({Leased::held, 3s}, t0);
    CHECK(wait.step == RefreshStep::wait);
    CHECK(wait.delay == 3s);
    CHECK(p.waited(t0 + 3s).step == RefreshStep::load);
}

TEST_CASE("a caller whose patience ends first sends nothing") {
    RefreshProtocol p = protocol();
    (void)p.start(t0);
    (void)p.loaded(stale(4), t0);
    CHECK(p.leased({Leased::held, 60s}, t0).delay == RefreshTimes{}.patience);
    CHECK(p.waited(t0 + RefreshTimes{}.patience).end == RefreshEnd::late);
}

TEST_CASE("an app that has waited long enough asks for a token of its own") {
    RefreshProtocol p = protocol(Grant::repeatable);
    (void)p.start(t0);
    (void)p.loaded(record(RecordState::absent, 0), t0);
    (void)p.leased({Leased::held, 60s}, t0);
    CHECK(p.waited(t0 + RefreshTimes{}.patience).step == RefreshStep::send);
}

TEST_CASE("while somebody else refreshes, a token that still lives is used") {
    RefreshProtocol p = protocol();
    (void)p.start(t0);
    RecordFacts late = record(RecordState::pending, 5);
    late.is_alive = true;
    (void)p.loaded(late, t0);
    const RefreshAction next = p.leased({Leased::held, 3s}, t0);
    CHECK(next.step == RefreshStep::finish);
    CHECK(next.end == RefreshEnd::use);
}

TEST_CASE("with too little of the lease left nothing is sent and the mark is taken back") {
    RefreshProtocol p = protocol();
    (void)p.start(t0);
    (void)p.loaded(stale(4), t0);
    (void)p.leased(acquired, t0);
    (void)p.loaded(stale(4), t0);
    const RefreshAction next = p.swapped(Swapped::done, t0 + RefreshTimes{}.lease - 9s);
    CHECK(next.step == RefreshStep::restore);
    CHECK(next.version == 5);
    CHECK(p.swapped(Swapped::done, t0 + 22s).step == RefreshStep::release);
    CHECK(p.released(t0 + 22s).step == RefreshStep::wait);
    CHECK(p.waited(t0 + 23s).step == RefreshStep::load);
}

TEST_CASE("a mark that met another version is not followed by a send") {
    RefreshProtocol p = protocol();
    (void)p.start(t0);
    (void)p.loaded(stale(4), t0);
    (void)p.leased(acquired, t0);
    (void)p.loaded(stale(4), t0);
    CHECK(p.swapped(Swapped::moved, t0).step == RefreshStep::release);
    CHECK(p.released(t0).step == RefreshStep::wait);
}

TEST_CASE("a mark without an answer is looked up before anything is sent") {
    for (const bool was_written : {true, false}) {
        RefreshProtocol p = protocol();
        (void)p.start(t0);
        (void)p.loaded(stale(4), t0);
        (void)p.leased(acquired, t0);
        (void)p.loaded(stale(4), t0);
        CHECK(p.swapped(Swapped::unavailable, t0).step == RefreshStep::wait);
        CHECK(p.waited(t0).step == RefreshStep::load);
        const RecordFacts found = was_written ? mine(record(RecordState::pending, 5)) : stale(4);
        CHECK(p.loaded(found, t0).step == (was_written ? RefreshStep::send : RefreshStep::release));
    }
}

TEST_CASE("without the store a refresh token is not risked, and an assertion goes alone") {
    RefreshProtocol rotating = protocol();
    (void)rotating.start(t0);
    CHECK(rotating.loaded(RecordFacts{}, t0).end == RefreshEnd::unavailable);

    RefreshProtocol repeatable = protocol(Grant::repeatable);
    (void)repeatable.start(t0);
    CHECK(repeatable.loaded(RecordFacts{}, t0).step == RefreshStep::send);
    CHECK(repeatable.sent(Spent::ok, false, t0).step == RefreshStep::commit);
    CHECK(repeatable.swapped(Swapped::unavailable, t0).end == RefreshEnd::alone);
}

TEST_CASE("a token that was not taken is as good as before") {
    for (const Spent outcome : {Spent::not_sent, Spent::misfit}) {
        RefreshProtocol p = sending();
        const RefreshAction next = p.sent(outcome, false, t0);
        CHECK(next.step == RefreshStep::restore);
        CHECK(next.version == 5);
        CHECK(p.swapped(Swapped::done, t0).step == RefreshStep::release);
        CHECK(p.released(t0).end ==
              (outcome == Spent::misfit ? RefreshEnd::misfit : RefreshEnd::failed));
    }
}

TEST_CASE("S38 a refused token is dead only if nobody else was faster") {
    RefreshProtocol beaten = sending();
    CHECK(beaten.sent(Spent::refused, false, t0).step == RefreshStep::load);
    CHECK(beaten.loaded(fresh(8), t0).step == RefreshStep::release);
    CHECK(beaten.released(t0).end == RefreshEnd::use);

    RefreshProtocol dead = sending();
    (void)dead.sent(Spent::refused, false, t0);
    const RefreshAction bury = dead.loaded(mine(record(RecordState::pending, 5)), t0);
    CHECK(bury.step == RefreshStep::bury);
    CHECK_FALSE(bury.is_lost);
    (void)dead.swapped(Swapped::done, t0);
    CHECK(dead.released(t0).end == RefreshEnd::dead);
}

TEST_CASE("S40 a send without an answer is repeated once, and only inside a declared grace") {
    RefreshProtocol without = sending();
    const RefreshAction bury = without.sent(Spent::unknown, false, t0);
    CHECK(bury.step == RefreshStep::bury);
    CHECK(bury.is_lost);

    for (const Spent second : {Spent::unknown, Spent::not_sent, Spent::misfit}) {
        RefreshProtocol within = sending();
        const RefreshAction mark = within.sent(Spent::unknown, true, t0);
        CHECK(mark.step == RefreshStep::mark);
        CHECK(mark.is_repeat);
        CHECK(within.swapped(Swapped::done, t0).step == RefreshStep::send);
        const RefreshAction end = within.sent(second, true, t0);
        CHECK(end.step == RefreshStep::bury);
        CHECK(end.is_lost);
    }
}

TEST_CASE("a repeat that has too little of its lease left gives the token up") {
    RefreshProtocol p = sending();
    (void)p.sent(Spent::unknown, true, t0);
    const RefreshAction next = p.swapped(Swapped::done, t0 + 25s);
    CHECK(next.step == RefreshStep::bury);
    CHECK(next.is_lost);
}

TEST_CASE("a record that is being spent by somebody who is gone asks for the user") {
    RefreshProtocol p = protocol();
    (void)p.start(t0);
    (void)p.loaded(record(RecordState::pending, 5), t0);
    (void)p.leased(acquired, t0);
    const RefreshAction bury = p.loaded(record(RecordState::pending, 5), t0);
    CHECK(bury.step == RefreshStep::bury);
    CHECK(bury.is_lost);

    RefreshProtocol patient = protocol();
    (void)patient.start(t0);
    (void)patient.loaded(record(RecordState::pending, 5), t0);
    (void)patient.leased(acquired, t0);
    RecordFacts recent = record(RecordState::pending, 5);
    recent.may_return = true;
    CHECK(patient.loaded(recent, t0).step == RefreshStep::release);
    CHECK(patient.released(t0).step == RefreshStep::wait);

    RefreshProtocol again = protocol();
    (void)again.start(t0);
    (void)again.loaded(record(RecordState::pending, 5), t0);
    (void)again.leased(acquired, t0);
    RecordFacts graceful = record(RecordState::pending, 5);
    graceful.may_repeat = true;
    CHECK(again.loaded(graceful, t0).is_repeat);
}

TEST_CASE("S32 new tokens that could not be stored are not used but stored later") {
    RefreshProtocol p = sending();
    CHECK(p.sent(Spent::ok, false, t0).step == RefreshStep::commit);
    CHECK(p.swapped(Swapped::unavailable, t0).step == RefreshStep::wait);
    CHECK(p.waited(t0 + 1s).step == RefreshStep::load);
    CHECK(p.loaded(RecordFacts{}, t0 + 1s).step == RefreshStep::wait);
    CHECK(p.waited(t0 + 50s).step == RefreshStep::load);
    CHECK(p.loaded(RecordFacts{}, t0 + 50s).step == RefreshStep::release);
    CHECK(p.released(t0 + 50s).end == RefreshEnd::uncommitted);

    RefreshProtocol later = protocol();
    CHECK(later.start_commit(5, t0).step == RefreshStep::load);
    CHECK(later.loaded(RecordFacts{}, t0).end == RefreshEnd::uncommitted);

    RefreshProtocol at_last = protocol();
    (void)at_last.start_commit(5, t0);
    CHECK(at_last.loaded(mine(record(RecordState::pending, 5)), t0).step == RefreshStep::commit);
    CHECK(at_last.swapped(Swapped::done, t0).end == RefreshEnd::committed);
}

TEST_CASE("a slow refresh comes back to a record that was given up, and saves it") {
    RefreshProtocol p = sending();
    (void)p.sent(Spent::ok, false, t0);
    CHECK(p.swapped(Swapped::moved, t0).step == RefreshStep::load);
    RecordFacts given_up = mine(record(RecordState::dead, 6));
    given_up.is_lost = true;
    const RefreshAction commit = p.loaded(given_up, t0);
    CHECK(commit.step == RefreshStep::commit);
    CHECK(commit.version == 6);
    (void)p.swapped(Swapped::done, t0);
    CHECK(p.released(t0).end == RefreshEnd::committed);
}

TEST_CASE("a slow refresh does not overwrite a new authorization of the user") {
    RefreshProtocol p = sending();
    (void)p.sent(Spent::ok, false, t0);
    (void)p.swapped(Swapped::moved, t0);
    CHECK(p.loaded(fresh(7), t0).step == RefreshStep::release);
    CHECK(p.released(t0).end == RefreshEnd::use);
}

TEST_CASE("a commit whose answer was lost is found where it was written") {
    RefreshProtocol p = sending();
    (void)p.sent(Spent::ok, false, t0);
    (void)p.swapped(Swapped::unavailable, t0);
    (void)p.waited(t0);
    CHECK(p.loaded(mine(fresh(6)), t0).step == RefreshStep::release);
    CHECK(p.released(t0).end == RefreshEnd::committed);
}

TEST_CASE("S76 a record that cannot be read is left alone") {
    RefreshProtocol p = protocol();
    (void)p.start(t0);
    CHECK(p.loaded(record(RecordState::unreadable, 5), t0).end == RefreshEnd::unreadable);
    RefreshProtocol repeatable = protocol(Grant::repeatable);
    (void)repeatable.start(t0);
    CHECK(repeatable.loaded(record(RecordState::unreadable, 5), t0).step == RefreshStep::send);
    CHECK(repeatable.sent(Spent::ok, false, t0).end == RefreshEnd::alone);
}

TEST_CASE("a user who never authorized is absent, and an app's first token is obtained") {
    RefreshProtocol p = protocol();
    (void)p.start(t0);
    CHECK(p.loaded(record(RecordState::absent, 0), t0).end == RefreshEnd::absent);
    RefreshProtocol app = protocol(Grant::repeatable);
    (void)app.start(t0);
    CHECK(app.loaded(record(RecordState::absent, 0), t0).step == RefreshStep::acquire);
    CHECK(app.leased(acquired, t0).step == RefreshStep::load);
    CHECK(app.loaded(record(RecordState::absent, 0), t0).step == RefreshStep::send);
    CHECK(app.sent(Spent::not_sent, false, t0).step == RefreshStep::release);
    CHECK(app.released(t0).end == RefreshEnd::failed);
}
