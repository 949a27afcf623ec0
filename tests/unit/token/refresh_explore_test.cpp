// SPDX-License-Identifier: BSL-1.0
// Every order of the steps of three equal processes that share one refresh token, with a crash at
// any step, a store that fails before or after it acted, leases that end early, and lost answers.
#include <rekey/token/refresh_protocol.hpp>

#include "catch.hpp"

#include <algorithm>
#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

using namespace rekey;
using namespace rekey::token;
using namespace std::chrono_literals;

namespace {

constexpr int nobody = -1;
constexpr TimePoint t0{};
constexpr TimePoint late = t0 + 25s;        // of the lease too little is left to send
constexpr TimePoint too_late = t0 + 3600s;  // every patience is over

/// A record, with small numbers for texts. Token 0 is the first; `family` counts authorizations.
struct Record {
    RecordState state = RecordState::live;
    signed char attempt = nobody;
    signed char token = 0;
    signed char family = 0;
    bool has_expired = true;  // the access token
    bool is_repeated = false;
    bool is_lost = false;
};
using Cell = token::store_parts::StoreCell<int, Record, int>;

enum class Life : char { works, in_flight, answered, ended, crashed };

struct Process {
    RefreshProtocol protocol{Grant::rotating, RefreshTimes{}};
    RefreshAction next{};
    Record seen{};  // by the last load
    Life life = Life::works;
    signed char fresh_token = nobody;  // of the answer
    signed char family = 0;            // of the refresh token that was sent
    bool is_stored = false;
};

/// What may still go wrong.
struct Faults {
    int crashes = 0;
    int store_faults = 0;
    int early_ends = 0;  // of a lease
    int lost_answers = 0;
    int not_sents = 0;
    int refusals = 0;
    int expiries = 0;  // of the access token, later on
    int authorizations = 0;
    int impatient = 0;
    int doubts = 0;  // whether somebody who is gone may come back
    bool has_grace = false;
};

struct World {
    Cell cell{};
    std::array<Process, 3> processes{};
    Faults left{};
    std::uint32_t consumed = 0;  // tokens that the server has rotated, one bit each
    std::uint32_t repeats = 0;   // tokens that came twice, inside the grace
    std::array<signed char, 16> successor{};
    signed char tokens = 1;
    signed char sends = 0;
    signed char needed = 1;   // refreshes: one per expiry
    bool is_quiet = true;     // nothing has gone wrong so far
    bool is_stalled = false;  // a lease ended under a process that lives, or an answer was lost
};

/// A text of numbers.
class Key {
public:
    std::string text{};

    void add(std::uint64_t value, int bytes) {
        for (; bytes != 0; --bytes, value >>= 8u) text.push_back(static_cast<char>(value & 0xffu));
    }
    void add(const Record& r, int attempt) {
        add(static_cast<std::uint64_t>(r.state) | std::uint64_t{r.has_expired} << 3u |
                std::uint64_t{r.is_repeated} << 4u | std::uint64_t{r.is_lost} << 5u,
            1);
        add(static_cast<std::uint64_t>(attempt + 1) | static_cast<std::uint64_t>(r.token) << 2u, 1);
        add(static_cast<std::uint64_t>(r.family), 1);
    }
    /// `attempt`: whose the record is that the process has seen.
    void add(const Process& p, int attempt) {
        add(static_cast<std::uint64_t>(p.life), 1);
        if (p.life == Life::crashed || p.life == Life::ended) return;
        add(p.protocol.fingerprint(), 4);
        add(static_cast<std::uint64_t>(p.next.step) | std::uint64_t{p.next.is_lost} << 4u |
                std::uint64_t{p.next.is_repeat} << 5u | std::uint64_t{p.is_stored} << 6u,
            1);
        add(static_cast<std::uint64_t>(p.next.end), 1);
        add(static_cast<std::uint64_t>(p.fresh_token + 1), 1);
        add(static_cast<std::uint64_t>(p.family), 1);
        add(p.seen, attempt);
    }
};

/// The same world with its processes in an order of their own: worlds that differ in nothing but
/// who is called first, second and third are one. `worlds`: how many differ in that.
World sorted(World w, std::size_t& worlds) {
    std::array<std::pair<std::string, int>, 3> order{};
    for (int who = 0; who != 3; ++who) {
        const Process& p = w.processes[static_cast<std::size_t>(who)];
        const auto is_mine = [who](int whose) { return whose == nobody ? nobody : whose == who; };
        Key key;
        key.add(p, is_mine(p.seen.attempt));
        key.add(static_cast<std::uint64_t>(is_mine(w.cell.value.attempt) + 1), 1);
        key.add(std::uint64_t{w.cell.is_leased && w.cell.owner == who}, 1);
        order[static_cast<std::size_t>(who)] = {std::move(key.text), who};
    }
    std::sort(order.begin(), order.end());
    const bool is_second_like_first = order[0].first == order[1].first;
    const bool is_third_like_second = order[1].first == order[2].first;
    worlds = is_second_like_first && is_third_like_second   ? 1
             : is_second_like_first || is_third_like_second ? 3
                                                            : 6;
    std::array<signed char, 3> place{};
    const auto processes = w.processes;
    for (std::size_t i = 0; i != order.size(); ++i) {
        const auto from = static_cast<std::size_t>(order[i].second);
        w.processes[i] = processes[from];
        place[from] = static_cast<signed char>(i);
    }
    const auto renamed = [&place](auto& whose) {
        if (whose != nobody) whose = place[static_cast<std::size_t>(whose)];
    };
    renamed(w.cell.value.attempt);
    if (w.cell.is_leased) renamed(w.cell.owner);
    for (Process& p : w.processes) renamed(p.seen.attempt);
    return w;
}

std::string key_of(const World& w) {
    Key key;
    key.add(w.cell.version, 1);
    key.add(w.cell.value, w.cell.value.attempt);
    key.add(w.cell.is_leased ? static_cast<std::uint64_t>(w.cell.owner + 1) : 0, 1);
    key.add(static_cast<std::uint64_t>(w.cell.leased_until), 1);
    for (const Process& p : w.processes) key.add(p, p.seen.attempt);
    key.add(w.consumed, 2);
    key.add(w.repeats, 2);
    for (const int left : {w.left.crashes, w.left.store_faults, w.left.early_ends,
                           w.left.lost_answers, w.left.not_sents, w.left.refusals, w.left.expiries,
                           w.left.authorizations, w.left.impatient, w.left.doubts})
        key.add(static_cast<std::uint64_t>(left), 1);
    key.add(static_cast<std::uint64_t>(w.sends), 1);
    key.add(std::uint64_t{w.is_quiet} | std::uint64_t{w.is_stalled} << 1u, 1);
    return std::move(key.text);
}

class Explorer {
public:
    std::vector<std::string> violations{};
    std::size_t state_count() const { return state_count_; }

    void explore(const Faults& faults) {
        World first;
        first.cell.version = 1;
        first.left = faults;
        for (Process& p : first.processes) p.next = p.protocol.start(t0);
        (void)visit(first, 0, true);
        for (std::size_t i = 0; i != worlds_.size() && violations.empty(); ++i) {
            at_ = i;
            const World world = worlds_[i];
            const std::size_t before = edges_.size();
            for (int who = 0; who != 3; ++who) steps_of(world, who);
            events(world);
            if (edges_.size() == before) ends(world);
        }
        if (violations.empty()) everybody_can_end();
    }

private:
    using Way = std::pair<std::uint32_t, std::uint32_t>;

    bool visit(const World& given, std::size_t from, bool is_first = false) {
        std::size_t worlds = 0;
        World world = sorted(given, worlds);
        const auto [place, is_new] =
            numbers_.emplace(key_of(world), static_cast<std::uint32_t>(worlds_.size()));
        if (is_new) {
            worlds_.push_back(std::move(world));
            state_count_ += worlds;
        }
        if (!is_first) edges_.emplace_back(static_cast<std::uint32_t>(from), place->second);
        return is_new;
    }
    void wrong(const World& world, const std::string& what) {
        violations.push_back(what + " after " + std::to_string(world.sends) + " sends");
    }
    void go(World world) {
        const Record& record = world.cell.value;
        if (record.state == RecordState::live && (world.consumed >> record.token & 1u) != 0)
            wrong(world, "a live record holds a refresh token that was sent");
        if (world.is_quiet && world.sends > world.needed) wrong(world, "more sends than expiries");
        for (Process& p : world.processes)
            if (p.fresh_token != nobody && record.token == p.fresh_token &&
                record.state == RecordState::live)
                p.is_stored = true;
        (void)visit(world, at_);
    }
    void then(World world, int who, RefreshAction next) {
        Process& p = world.processes[static_cast<std::size_t>(who)];
        p.next = next;
        if (next.step == RefreshStep::finish) finished(world, p);
        go(std::move(world));
    }
    void finished(const World& world, Process& p) {
        // The commit may have been given up for another authorization of the user, never for less.
        if (p.next.end == RefreshEnd::committed && !p.is_stored &&
            world.cell.value.token != p.fresh_token)
            wrong(world, "a token was used that was not stored");
        const bool is_good = p.next.end == RefreshEnd::use || p.next.end == RefreshEnd::committed;
        if (world.is_quiet && !is_good) wrong(world, "a failure though nothing went wrong");
        if (p.next.end == RefreshEnd::use &&
            (p.seen.state != RecordState::live || p.seen.has_expired))
            wrong(world, "a token was used that does not live");
        p.life = Life::ended;
    }

    static RecordFacts facts_of(const World& world, int who, const Record& record) {
        RecordFacts facts;
        facts.is_available = true;
        facts.state = record.state;
        facts.version = world.cell.version;
        facts.is_fresh = record.state == RecordState::live && !record.has_expired;
        facts.is_mine = record.attempt == who;
        facts.is_lost = record.is_lost;
        facts.may_repeat =
            world.left.has_grace && record.state == RecordState::pending && !record.is_repeated;
        return facts;
    }

    void steps_of(const World& world, int who) {
        const Process& p = world.processes[static_cast<std::size_t>(who)];
        if (p.life == Life::ended || p.life == Life::crashed) return;
        if (world.left.crashes > 0) {
            World after = world;
            --after.left.crashes;
            after.is_quiet = false;
            after.processes[static_cast<std::size_t>(who)].life = Life::crashed;
            go(std::move(after));
        }
        switch (p.next.step) {
            case RefreshStep::load: return load(world, who);
            case RefreshStep::acquire: return acquire(world, who);
            case RefreshStep::mark:
            case RefreshStep::commit:
            case RefreshStep::restore:
            case RefreshStep::bury: return swap(world, who);
            case RefreshStep::send: return send(world, who);
            case RefreshStep::release: return release(world, who);
            case RefreshStep::wait: return wait(world, who);
            case RefreshStep::finish: return;
        }
    }
    static Process& in(World& world, int who) {
        return world.processes[static_cast<std::size_t>(who)];
    }
    static World after_store_fault(const World& world) {
        World after = world;
        --after.left.store_faults;
        after.is_quiet = false;
        return after;
    }
    void load(const World& world, int who) {
        World after = world;
        in(after, who).seen = world.cell.value;
        const RecordFacts facts = facts_of(world, who, world.cell.value);
        const RefreshAction next = in(after, who).protocol.loaded(facts, t0);
        then(std::move(after), who, next);
        if (facts.state == RecordState::pending && world.left.doubts > 0) {
            World doubted = world;
            --doubted.left.doubts;
            in(doubted, who).seen = world.cell.value;
            RecordFacts recent = facts;
            recent.may_return = true;
            const RefreshAction waits = in(doubted, who).protocol.loaded(recent, t0);
            then(std::move(doubted), who, waits);
        }
        if (world.left.store_faults == 0) return;
        World failed = after_store_fault(world);
        const RefreshAction without = in(failed, who).protocol.loaded(RecordFacts{}, t0);
        then(std::move(failed), who, without);
    }
    void acquire(const World& world, int who) {
        World after = world;
        const bool is_mine = after.cell.acquire(who, 1, 0);
        const RefreshAction next =
            in(after, who).protocol.leased({is_mine ? Leased::acquired : Leased::held, 1s}, t0);
        then(std::move(after), who, next);
        if (world.left.store_faults == 0) return;
        for (const bool acted : {false, true}) {
            World failed = after_store_fault(world);
            if (acted) (void)failed.cell.acquire(who, 1, 0);
            const RefreshAction without =
                in(failed, who).protocol.leased({Leased::unavailable, 0s}, t0);
            then(std::move(failed), who, without);
        }
    }
    /// What the driver writes for a step, out of what it has read.
    static Record written_by(const Process& p, int who) {
        Record record = p.seen;
        switch (p.next.step) {
            case RefreshStep::mark:
                record.state = RecordState::pending;
                record.attempt = static_cast<signed char>(who);
                record.is_repeated = p.next.is_repeat;
                break;
            case RefreshStep::restore:
                record.state = RecordState::live;
                record.attempt = static_cast<signed char>(who);
                record.is_repeated = false;
                break;
            case RefreshStep::commit:
                record = Record{};
                record.family = p.family;
                record.attempt = static_cast<signed char>(who);
                record.token = p.fresh_token;
                record.has_expired = false;
                break;
            default:  // bury: whose send was lost stays known
                record.state = RecordState::dead;
                record.is_lost = p.next.is_lost;
                break;
        }
        return record;
    }
    void write(World& world, int who, Swapped& outcome) {
        const Process& p = in(world, who);
        const Record before = world.cell.value;
        const bool is_first_mark = p.next.step == RefreshStep::mark && !p.next.is_repeat;
        outcome = world.cell.swap(p.next.version, p.next.version + 1, written_by(p, who));
        if (outcome == Swapped::moved && world.is_quiet)
            wrong(world, "two wrote at once though a lease was there to prevent it");
        if (outcome != Swapped::done) return;
        if (world.cell.value.family < before.family)
            wrong(world, "an old refresh overwrote a new authorization");
        if (is_first_mark && before.state != RecordState::live)
            wrong(world, "a mark on a record that is not live");
        // A bury by somebody else keeps the attempt of the send that it gives up.
        if (p.next.step == RefreshStep::bury && before.state != RecordState::pending)
            wrong(world, "buried what nobody was spending");
    }
    void swap(const World& world, int who) {
        for (const bool is_late : {false, true}) {
            if (is_late && (world.left.early_ends == 0 ||
                            in(const_cast<World&>(world), who).next.step != RefreshStep::mark))
                continue;
            World after = world;
            if (is_late) {
                --after.left.early_ends;
                after.is_quiet = false;
            }
            Swapped outcome{};
            write(after, who, outcome);
            keep_seen(after, who, outcome);
            const RefreshAction next =
                in(after, who).protocol.swapped(outcome, is_late ? late : t0);
            then(std::move(after), who, next);
        }
        if (world.left.store_faults == 0) return;
        for (const bool acted : {false, true}) {
            World failed = after_store_fault(world);
            Swapped ignored{};
            if (acted) write(failed, who, ignored);
            keep_seen(failed, who, Swapped::done);  // what it meant to write
            const RefreshAction next = in(failed, who).protocol.swapped(Swapped::unavailable, t0);
            then(std::move(failed), who, next);
        }
    }
    /// The driver knows what it has written without reading it again.
    static void keep_seen(World& world, int who, Swapped outcome) {
        Process& p = in(world, who);
        if (outcome == Swapped::done && p.next.step == RefreshStep::mark)
            p.seen = written_by(p, who);
    }
    void send(const World& world, int who) {
        const Process& p = world.processes[static_cast<std::size_t>(who)];
        const auto token = static_cast<unsigned>(p.seen.token);
        if (p.life == Life::works) {  // it arrives, or not
            World after = world;
            ++after.sends;
            in(after, who).family = p.seen.family;
            if ((world.consumed >> token & 1u) != 0) {
                if (!world.left.has_grace) {
                    wrong(world, "a refresh token was sent that had been sent before");
                    return;
                }
                if ((world.repeats >> token & 1u) != 0)
                    wrong(world, "a refresh token was sent three times");
                after.repeats |= 1u << token;
                in(after, who).fresh_token = world.successor[token];
            } else {
                after.consumed |= 1u << token;
                in(after, who).fresh_token = after.tokens;
                after.successor[token] = after.tokens++;
            }
            in(after, who).life = Life::in_flight;
            go(std::move(after));
            if (world.left.not_sents > 0) {
                World kept = world;
                --kept.left.not_sents;
                kept.is_quiet = false;
                answer(std::move(kept), who, Spent::not_sent);
            }
            if (world.left.refusals > 0 && (world.consumed >> token & 1u) == 0) {
                World refused = world;
                --refused.left.refusals;
                refused.is_quiet = false;
                refused.is_stalled = true;  // the grant was revoked: this user is asked
                answer(std::move(refused), who, Spent::refused);
            }
            return;
        }
        World after = world;
        in(after, who).life = Life::works;
        answer(std::move(after), who, Spent::ok);
        if (world.left.lost_answers > 0) {
            World lost = world;
            --lost.left.lost_answers;
            lost.is_quiet = false;
            lost.is_stalled = true;
            in(lost, who).life = Life::works;
            in(lost, who).fresh_token = nobody;
            answer(std::move(lost), who, Spent::unknown);
        }
    }
    void answer(World world, int who, Spent outcome) {
        const Process& p = in(world, who);
        const bool may_repeat = world.left.has_grace && !p.seen.is_repeated;
        const RefreshAction next = in(world, who).protocol.sent(outcome, may_repeat, t0);
        then(std::move(world), who, next);
    }
    void release(const World& world, int who) {
        const auto try_it = [&](World& after) {
            const bool was_of_another = after.cell.is_leased && after.cell.owner != who;
            after.cell.release(who);
            if (was_of_another && !after.cell.is_leased)
                wrong(after, "somebody released a lease that was not his");
        };
        World after = world;
        try_it(after);
        const RefreshAction next = in(after, who).protocol.released(t0);
        then(std::move(after), who, next);
        if (world.left.store_faults == 0) return;
        World failed = after_store_fault(world);
        const RefreshAction without = in(failed, who).protocol.released(t0);
        then(std::move(failed), who, without);
    }
    void wait(const World& world, int who) {
        World after = world;
        const RefreshAction next = in(after, who).protocol.waited(t0);
        then(std::move(after), who, next);
        if (world.left.impatient == 0) return;
        World hasty = world;
        --hasty.left.impatient;
        hasty.is_quiet = false;
        const RefreshAction end = in(hasty, who).protocol.waited(too_late);
        then(std::move(hasty), who, end);
    }

    void events(const World& world) {
        if (world.cell.is_leased && world.cell.leased_until != 0) {
            // A lease that nobody renews ends by itself; one that is renewed only in bad times.
            const Life owner = world.processes[static_cast<std::size_t>(world.cell.owner)].life;
            const bool is_abandoned = owner == Life::crashed || owner == Life::ended;
            if (is_abandoned || world.left.early_ends > 0) {
                World after = world;
                after.cell.leased_until = 0;
                if (!is_abandoned) {
                    --after.left.early_ends;
                    after.is_quiet = false;
                    after.is_stalled = true;
                }
                go(std::move(after));
            }
        }
        const Record& record = world.cell.value;
        if (world.left.expiries > 0 && record.state == RecordState::live && !record.has_expired) {
            World after = world;
            --after.left.expiries;
            ++after.needed;
            after.cell.value.has_expired = true;
            go(std::move(after));
        }
        if (world.left.authorizations > 0 && record.state == RecordState::dead) {
            World after = world;
            --after.left.authorizations;
            Record anew;
            anew.family = static_cast<signed char>(record.family + 1);
            anew.token = after.tokens++;
            anew.has_expired = false;
            (void)after.cell.swap(after.cell.version, after.cell.version + 1, anew);
            go(std::move(after));
        }
    }
    /// Nothing can happen any more.
    void ends(const World& world) {
        for (const Process& p : world.processes)
            if (p.life != Life::ended && p.life != Life::crashed)
                wrong(world, "a process waits for ever");
        ends_.push_back(static_cast<std::uint32_t>(at_));
        int crashed = 0;
        for (const Process& p : world.processes) crashed += p.life == Life::crashed ? 1 : 0;
        if (crashed == 0 && !world.is_stalled && world.cell.value.state != RecordState::live)
            wrong(world, "a user was logged out though nobody died and no answer was lost");
    }

    /// From every state everybody can come to an end.
    void everybody_can_end() {
        std::vector<std::vector<std::uint32_t>> back(worlds_.size());
        for (const Way& way : edges_) back[way.second].push_back(way.first);
        std::vector<bool> can_end(worlds_.size(), false);
        std::vector<std::uint32_t> left = ends_;
        for (const std::uint32_t end : left) can_end[end] = true;
        while (!left.empty()) {
            const std::uint32_t to = left.back();
            left.pop_back();
            for (const std::uint32_t from : back[to]) {
                if (can_end[from]) continue;
                can_end[from] = true;
                left.push_back(from);
            }
        }
        std::size_t stuck = 0;
        for (std::size_t i = 0; i != worlds_.size(); ++i) stuck += can_end[i] ? 0u : 1u;
        if (stuck != 0)
            violations.push_back(std::to_string(stuck) + " states from which nobody comes home");
    }

    std::unordered_map<std::string, std::uint32_t> numbers_{};
    std::vector<World> worlds_{};
    std::size_t state_count_ = 0;  // with each order of the processes
    std::vector<Way> edges_{};
    std::vector<std::uint32_t> ends_{};
    std::size_t at_ = 0;
};

/// The number of states, all of them without a violation.
std::size_t explored(const Faults& faults) {
    Explorer explorer;
    explorer.explore(faults);
    INFO((explorer.violations.empty() ? std::string() : explorer.violations.front()));
    CHECK(explorer.violations.empty());
    return explorer.state_count();
}

}  // namespace

TEST_CASE("three processes and one expired token: one refresh, in every order of their steps") {
    Faults none;
    none.expiries = 1;
    CHECK(explored(none) > 500);
}

TEST_CASE("S33 a crash at any step: a refresh token that was sent is never sent again") {
    Faults faults;
    faults.crashes = 2;
    faults.expiries = 1;
    CHECK(explored(faults) > 5000);
}

TEST_CASE("a lease that ends under a slow or stopped process: no refresh token is sent twice") {
    Faults faults;
    faults.crashes = 1;
    faults.early_ends = 2;
    faults.authorizations = 1;
    faults.doubts = 1;
    CHECK(explored(faults) > 10000);
}

TEST_CASE("a store that fails before or after it acted: no refresh token is sent twice") {
    Faults faults;
    faults.store_faults = 2;
    faults.early_ends = 1;
    CHECK(explored(faults) > 10000);
}

TEST_CASE("a lost answer, an endpoint out of reach and a refusal: each to its end") {
    Faults faults;
    faults.lost_answers = 1;
    faults.not_sents = 1;
    faults.refusals = 1;
    faults.crashes = 1;
    faults.expiries = 1;
    CHECK(explored(faults) > 10000);
}

TEST_CASE("S40 inside a declared grace a lost refresh is sent once more, by whoever finds it") {
    Faults faults;
    faults.has_grace = true;
    faults.crashes = 1;
    faults.lost_answers = 1;
    faults.not_sents = 1;
    faults.early_ends = 1;
    CHECK(explored(faults) > 10000);
}

TEST_CASE("a new authorization of the user is never overwritten by an old refresh") {
    Faults faults;
    faults.crashes = 1;
    faults.early_ends = 1;
    faults.store_faults = 1;
    faults.authorizations = 1;
    faults.impatient = 1;
    CHECK(explored(faults) > 10000);
}
