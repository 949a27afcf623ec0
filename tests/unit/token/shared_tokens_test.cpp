// SPDX-License-Identifier: BSL-1.0
#include <rekey/token/shared_tokens.hpp>

#include "catch.hpp"
#include "support/obo.hpp"
#include "support/stores.hpp"

#include <rekey/token/memory_store.hpp>
#include <rekey/tokens_in.hpp>

#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <mutex>
#include <set>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

using namespace rekey;
using namespace rekey::token;
using namespace std::chrono_literals;
using obo::Clock;

namespace {

struct Lent {
    Clock* clock;
    TimePoint now() const noexcept { return clock->now(); }
    std::int64_t unix_seconds() const noexcept { return clock->unix_seconds(); }
};
using Memory = BasicMemoryStore<Lent>;

/// A store in memory that fails at one of its operations: before it acts, or after.
struct Failing {
    Memory memory;
    std::shared_ptr<int> operations = std::make_shared<int>(0);
    int failing_from = 0;  // 1 is the first operation
    int failing_for = 0;
    bool acts = false;

    bool fails() {
        const int number = ++*operations;
        return number >= failing_from && number < failing_from + failing_for;
    }
    StoreEntry load(std::string_view key) {
        if (fails()) return {};
        return memory.load(key);
    }
    Swapped swap(std::string_view key, std::uint64_t from, std::uint64_t to, const Secret& value) {
        if (!fails()) return memory.swap(key, from, to, value);
        if (acts) (void)memory.swap(key, from, to, value);
        return Swapped::unavailable;
    }
    LeaseAnswer acquire(std::string_view key, std::string_view owner, Duration life) {
        if (!fails()) return memory.acquire(key, owner, life);
        if (acts) (void)memory.acquire(key, owner, life);
        return {};
    }
    Leased renew(std::string_view key, std::string_view owner, Duration life) {
        return fails() ? Leased::unavailable : memory.renew(key, owner, life);
    }
    void release(std::string_view key, std::string_view owner) {
        if (!fails() || acts) memory.release(key, owner);
    }
};

/// An authorization server that revokes everything when a refresh token comes twice.
class Server {
public:
    std::function<Spent(int)> answer = [](int) { return Spent::ok; };
    std::function<void()> meanwhile{};
    std::int64_t seconds = 900;

    explicit Server(Clock& clock) : clock_(clock) {}
    SentTokens operator()(const Secret& refresh_token) {
        if (meanwhile) meanwhile();
        const std::lock_guard<std::mutex> lock(mutex_);
        const Spent outcome = answer(++calls);
        if (outcome == Spent::not_sent || outcome == Spent::misfit) return {outcome, {}};
        if (!consumed_.insert(std::string(refresh_token.expose())).second) ++reuse;
        if (outcome != Spent::ok) return {outcome, {}};
        return {outcome, next_pair()};
    }
    oauth::TokenSet next_pair() {
        const std::string number = std::to_string(++pairs_);
        oauth::TokenSet tokens;
        tokens.access_token = Secret("access-" + number);
        tokens.refresh_token = Secret("refresh-" + number);
        tokens.expires_at = clock_.unix_seconds() + seconds;
        return tokens;
    }
    int calls = 0;
    int reuse = 0;

private:
    Clock& clock_;
    std::mutex mutex_{};
    std::set<std::string> consumed_{};
    int pairs_ = 0;
};

/// One process: its own memory of what the store has not taken yet.
template <class Tokens> struct Process {
    SharedTokens<Tokens> shared;
    std::string key;
    explicit Process(Tokens tokens) : shared(std::move(tokens)), key(shared.key("app", "ann")) {}

    Obtained obtain(Server& server, Clock& clock, std::string_view refused = {},
                    Grant grant = Grant::rotating) {
        return shared.obtain(
            grant, key, refused, {}, clock,
            [&server](const Secret& refresh_token, const auto&) { return server(refresh_token); });
    }
};
template <class Tokens> Process(Tokens) -> Process<Tokens>;

struct Desk {
    Clock clock{};
    Memory memory{Lent{&clock}};
    Server server{clock};

    auto process() const { return Process{TokensIn{memory, stores::sealer("key-1")}}; }
    void authorize() {
        auto first = process();
        CHECK(first.shared.keep(first.key, server.next_pair(), clock));
    }
    void expire() { clock.advance(std::chrono::seconds{server.seconds}); }
};

}  // namespace

TEST_CASE("another process finds the tokens of a user, and a restarted one too") {
    Desk desk;
    CHECK(desk.process().obtain(desk.server, desk.clock).end == RefreshEnd::absent);
    desk.authorize();
    const Obtained found = desk.process().obtain(desk.server, desk.clock);
    CHECK(found.end == RefreshEnd::use);
    CHECK(found.access_token.expose() == "access-1");
    CHECK(found.expires_at == desk.clock.unix_seconds() + 900);
    CHECK(found.fresh_until == found.expires_at - 30);
    CHECK(desk.server.calls == 0);
}

TEST_CASE("S34 two processes with one expired token refresh it once") {
    Desk desk;
    desk.authorize();
    auto one = desk.process();
    auto two = desk.process();
    for (int expiry = 1; expiry != 4; ++expiry) {
        desk.expire();
        CHECK(one.obtain(desk.server, desk.clock).end == RefreshEnd::committed);
        const Obtained second = two.obtain(desk.server, desk.clock);
        CHECK(second.end == RefreshEnd::use);
        CHECK(second.access_token.expose() == "access-" + std::to_string(expiry + 1));
        CHECK(desk.server.calls == expiry);
    }
    CHECK(desk.server.reuse == 0);
}

TEST_CASE("many processes at once refresh an expired token once") {
    /// Time stands still, so that no lease ends while a thread is not scheduled.
    struct Still {
        Clock* clock;
        TimePoint now() const noexcept { return clock->now(); }
        std::int64_t unix_seconds() const noexcept { return clock->unix_seconds(); }
        static void sleep(Duration) { obo::let_others_run(); }
    };
    Desk desk;
    desk.authorize();
    desk.expire();
    std::atomic<int> good{0};
    obo::at_once(8, [&](int) {
        Still clock{&desk.clock};
        auto process = desk.process();
        const Obtained got = process.shared.obtain(
            Grant::rotating, process.key, {}, {}, clock,
            [&desk](const Secret& token, const auto&) { return desk.server(token); });
        if (got.access_token.expose() == "access-2") ++good;
    });
    CHECK(good == 8);
    CHECK(desk.server.calls == 1);
}

TEST_CASE("a refused token is renewed once for all, though it has not expired") {
    Desk desk;
    desk.authorize();
    auto one = desk.process();
    auto two = desk.process();
    CHECK(one.obtain(desk.server, desk.clock, "access-1").access_token.expose() == "access-2");
    CHECK(two.obtain(desk.server, desk.clock, "access-1").access_token.expose() == "access-2");
    CHECK(desk.server.calls == 1);
}

TEST_CASE("S39 a dead grant costs no token call in any process until the user authorizes") {
    Desk desk;
    desk.authorize();
    desk.expire();
    desk.server.answer = [](int) { return Spent::refused; };
    CHECK(desk.process().obtain(desk.server, desk.clock).end == RefreshEnd::dead);
    for (int i = 0; i != 100; ++i)
        CHECK(desk.process().obtain(desk.server, desk.clock).end == RefreshEnd::dead);
    CHECK(desk.server.calls == 1);
    desk.authorize();
    CHECK(desk.process().obtain(desk.server, desk.clock).end == RefreshEnd::use);
}

TEST_CASE("an endpoint that was not reached leaves the refresh token as good as before") {
    Desk desk;
    desk.authorize();
    desk.clock.advance(880s);  // late for a refresh, and alive
    desk.server.answer = [](int call) { return call == 1 ? Spent::not_sent : Spent::ok; };
    const Obtained old = desk.process().obtain(desk.server, desk.clock);
    CHECK(old.end == RefreshEnd::failed);
    CHECK(old.access_token.expose() == "access-1");
    CHECK(desk.process().obtain(desk.server, desk.clock).end == RefreshEnd::committed);
    CHECK(desk.server.reuse == 0);
}

TEST_CASE("a lost answer asks for the user, in words that say why") {
    Desk desk;
    desk.authorize();
    desk.expire();
    desk.server.answer = [](int) { return Spent::unknown; };
    const Obtained lost = desk.process().obtain(desk.server, desk.clock);
    CHECK(lost.end == RefreshEnd::dead);
    CHECK(lost.is_lost);
    CHECK(desk.process().obtain(desk.server, desk.clock).is_lost);
    CHECK(desk.server.calls == 1);
    CHECK(std::string(sentence(RefreshEnd::dead, true)).find("died") != std::string::npos);
}

TEST_CASE(
    "S40 with a declared grace a lost refresh is sent once more, here or by another process") {
    for (const bool dies : {false, true}) {
        Desk desk;
        desk.authorize();
        desk.expire();
        const auto graceful = [&desk] {
            return Process{TokensIn{desk.memory, stores::sealer("key-1"), oauth::AsGrace<30>{}}};
        };
        struct Death {};
        desk.server.answer = [](int call) { return call == 1 ? Spent::unknown : Spent::ok; };
        if (dies) {
            auto victim = graceful();
            CHECK_THROWS_AS(victim.shared.obtain(Grant::rotating, victim.key, {}, {}, desk.clock,
                                                 [&](const Secret& token, const auto&) {
                                                     (void)desk.server(token);
                                                     throw Death{};
                                                     return SentTokens{};
                                                 }),
                            Death);
        }
        CHECK(graceful().obtain(desk.server, desk.clock).end == RefreshEnd::committed);
        CHECK(desk.server.calls == 2);
        CHECK(desk.server.reuse == 1);  // which this server has promised to take
    }
}

TEST_CASE("S37 an exception of the transport gives the lease back and risks no second send") {
    Desk desk;
    desk.authorize();
    desk.expire();
    struct Broken {};
    auto one = desk.process();
    CHECK_THROWS_AS(one.shared.obtain(Grant::rotating, one.key, {}, {}, desk.clock,
                                      [](const Secret&, const auto&) {
                                          throw Broken{};
                                          return SentTokens{};
                                      }),
                    Broken);
    CHECK(desk.memory.acquire(one.key, "other", 1s).outcome == Leased::acquired);
    desk.memory.release(one.key, "other");
    const std::int64_t before = desk.clock.unix_seconds();
    const Obtained next = desk.process().obtain(desk.server, desk.clock);
    CHECK(next.end == RefreshEnd::dead);
    CHECK(next.is_lost);
    CHECK(desk.server.calls == 0);
    CHECK(desk.clock.unix_seconds() - before >= 29);  // its owner might have come back
    CHECK(desk.clock.unix_seconds() - before <= 31);
}

TEST_CASE("a process that died at the lease is waited for; with an old token nobody waits") {
    Desk desk;
    desk.authorize();
    auto one = desk.process();
    CHECK(desk.memory.acquire(one.key, "dead process", 20s).outcome == Leased::acquired);
    desk.clock.advance(880s - 20s);
    CHECK(desk.memory.acquire(one.key, "dead process", 20s).outcome == Leased::acquired);
    desk.clock.advance(15s);
    CHECK(one.obtain(desk.server, desk.clock).access_token.expose() == "access-1");
    CHECK(desk.server.calls == 0);
    desk.clock.advance(30s);
    CHECK(desk.memory.acquire(one.key, "dead process", 20s).outcome == Leased::acquired);
    const std::int64_t before = desk.clock.unix_seconds();
    CHECK(one.obtain(desk.server, desk.clock).end == RefreshEnd::committed);
    CHECK(desk.clock.unix_seconds() - before >= 19);
    CHECK(desk.clock.unix_seconds() - before <= 21);
}

TEST_CASE(
    "a caller whose patience is shorter than another's refresh gets no token and sends none") {
    Desk desk;
    desk.authorize();
    desk.expire();
    RefreshTimes times;
    times.patience = 2s;
    Process hasty{TokensIn{desk.memory, stores::sealer("key-1"), times}};
    CHECK(desk.memory.acquire(hasty.key, "other", 30s).outcome == Leased::acquired);
    const Obtained late = hasty.obtain(desk.server, desk.clock);
    CHECK(late.end == RefreshEnd::late);
    CHECK_FALSE(late.has_token());
    CHECK(desk.server.calls == 0);
}

TEST_CASE("a caller that is cancelled while it waits for another process ends as cancelled") {
    Desk desk;
    desk.authorize();
    desk.expire();
    auto one = desk.process();
    CHECK(desk.memory.acquire(one.key, "other", 30s).outcome == Leased::acquired);
    const rekey::detail::Atomic<bool> cancelled{true};
    const Obtained end =
        one.shared.obtain(Grant::rotating, one.key, {}, rekey::detail::Stop{&cancelled}, desk.clock,
                          [&desk](const Secret& token, const auto&) { return desk.server(token); });
    CHECK(end.cancelled);
    CHECK(desk.server.calls == 0);
}

TEST_CASE("a cancelled caller that has to wait for the store asks it now and then, not on and on") {
    for (const bool is_sent : {false, true}) {
        Desk desk;
        desk.authorize();
        desk.expire();
        Failing store{desk.memory};
        store.failing_from = is_sent ? 5 : 4;  // its mark, or what takes the mark back
        store.failing_for = 5000;
        desk.server.answer = [](int call) { return call == 1 ? Spent::not_sent : Spent::ok; };
        Process one{TokensIn{store, stores::sealer("key-1")}};
        const rekey::detail::Atomic<bool> cancelled{true};
        const Obtained end = one.shared.obtain(
            Grant::rotating, one.key, {}, rekey::detail::Stop{&cancelled}, desk.clock,
            [&desk](const Secret& token, const auto&) { return desk.server(token); });
        CHECK(end.cancelled);
        CHECK(*store.operations > 50);  // as long as its lease
        CHECK(*store.operations < 2000);
        CHECK(desk.server.calls == (is_sent ? 1 : 0));
        *store.operations = 10000;
        desk.server.answer = [](int) { return Spent::ok; };
        CHECK(one.obtain(desk.server, desk.clock).has_token());
        CHECK(desk.server.reuse == 0);
    }
}

namespace {

/// A store that is full: it can be read, and from some write on no more be written.
struct Full {
    Memory memory;
    std::shared_ptr<int> writes = std::make_shared<int>(0);
    int last = 0;  // that it takes

    StoreEntry load(std::string_view key) { return memory.load(key); }
    Swapped swap(std::string_view key, std::uint64_t from, std::uint64_t to, const Secret& value) {
        if (++*writes > last) return Swapped::unavailable;
        return memory.swap(key, from, to, value);
    }
    LeaseAnswer acquire(std::string_view key, std::string_view owner, Duration life) {
        return memory.acquire(key, owner, life);
    }
    Leased renew(std::string_view key, std::string_view owner, Duration life) {
        return memory.renew(key, owner, life);
    }
    void release(std::string_view key, std::string_view owner) { memory.release(key, owner); }
};

}  // namespace

TEST_CASE("S32 a store that is full holds up no call, and no user is lost by it") {
    for (const int last : {0, 1}) {
        for (const bool arrives : {true, false}) {
            INFO("full after write " << last << (arrives ? "" : ", and the endpoint is away"));
            Desk desk;
            desk.authorize();
            desk.expire();
            Full store{desk.memory};
            store.last = last;
            desk.server.answer = [&](int) { return arrives ? Spent::ok : Spent::not_sent; };
            Process one{TokensIn{store, stores::sealer("key-1")}};
            const TimePoint begin = desk.clock.now();
            desk.clock.while_waiting = [&](Duration) {
                if (desk.clock.now() - begin > 1h) *store.writes = -1000000;  // or it never ends
            };
            const Obtained end = one.obtain(desk.server, desk.clock);
            CHECK_FALSE(end.has_token());
            if (last == 1)
                CHECK(end.end == (arrives ? RefreshEnd::uncommitted : RefreshEnd::failed));
            CHECK(desk.clock.now() - begin < 2min);
            CHECK(desk.server.calls == last);

            const TimePoint again = desk.clock.now();  // the next call waits no longer
            CHECK_FALSE(one.obtain(desk.server, desk.clock).has_token());
            CHECK(desk.clock.now() - again < 2min);
            *store.writes = -1000000;
            desk.server.answer = [](int) { return Spent::ok; };
            CHECK(one.obtain(desk.server, desk.clock).has_token());
            CHECK(desk.server.reuse == 0);
        }
    }
}

TEST_CASE("S32 a store that goes away at any step: no token is sent twice, no user is lost") {
    int faults = 0;
    for (const bool acts : {false, true}) {
        for (const int failing_for : {1, 3, 100000}) {
            for (int at = 1; at <= 9; ++at) {
                INFO("from operation " << at << " for " << failing_for << (acts ? ", after" : ""));
                Desk desk;
                desk.authorize();
                desk.expire();
                Failing failing{desk.memory};
                failing.failing_from = at;
                failing.failing_for = failing_for;
                failing.acts = acts;
                RefreshTimes times;
                times.lease = 30s;
                Process one{TokensIn{failing, stores::sealer("key-1"), times}};
                const Obtained first = one.obtain(desk.server, desk.clock);
                faults += first.has_token() ? 0 : 1;
                if (first.has_token())  // what is used is in the store
                    CHECK(desk.process().obtain(desk.server, desk.clock).access_token.expose() ==
                          first.access_token.expose());
                CHECK(desk.server.calls <= 1);

                // The store is back, and so is the process: it still holds what was not stored.
                *failing.operations = 1000000;
                desk.clock.advance(60s);
                const Obtained second = one.obtain(desk.server, desk.clock);
                CHECK(desk.server.reuse == 0);
                CHECK(second.has_token());
                CHECK(desk.process().obtain(desk.server, desk.clock).access_token.expose() ==
                      second.access_token.expose());
            }
        }
    }
    CHECK(faults > 10);
}

#ifdef __cpp_exceptions
namespace {

struct Broken {};

/// A store in memory that throws at one of its operations: before it acts, or after.
struct Throwing {
    Memory memory;
    int throwing_at = 0;  // 1 is the first operation
    bool acts = false;
    std::shared_ptr<int> operations = std::make_shared<int>(0);

    template <class Act> auto with(const Act& act) {
        const bool throws = ++*operations == throwing_at;
        if (throws && !acts) throw Broken{};
        const auto outcome = act();
        if (throws) throw Broken{};
        return outcome;
    }
    StoreEntry load(std::string_view key) {
        return with([&] { return memory.load(key); });
    }
    Swapped swap(std::string_view key, std::uint64_t from, std::uint64_t to, const Secret& value) {
        return with([&] { return memory.swap(key, from, to, value); });
    }
    LeaseAnswer acquire(std::string_view key, std::string_view owner, Duration life) {
        return with([&] { return memory.acquire(key, owner, life); });
    }
    Leased renew(std::string_view key, std::string_view owner, Duration life) {
        return with([&] { return memory.renew(key, owner, life); });
    }
    void release(std::string_view key, std::string_view owner) {
        with([&] { return memory.release(key, owner), true; });
    }
};

/// A store whose leases cannot be renewed, in the words of an exception.
struct NeverRenewing : Memory {
    std::shared_ptr<std::atomic<int>> renewals = std::make_shared<std::atomic<int>>(0);
    explicit NeverRenewing(const Memory& memory) : Memory(memory) {}
    Leased renew(std::string_view, std::string_view, Duration) {
        ++*renewals;
        throw Broken{};
    }
};

}  // namespace

TEST_CASE("S32 S37 a store that throws at any step loses no user, and ends no program") {
    int thrown = 0;
    for (const bool acts : {false, true}) {
        for (int at = 1; at <= 6; ++at) {
            INFO("at operation " << at << (acts ? ", after" : ""));
            Desk desk;
            desk.authorize();
            desk.expire();
            Process one{TokensIn{Throwing{desk.memory, at, acts}, stores::sealer("key-1")}};
            try {
                (void)one.obtain(desk.server, desk.clock);
            } catch (const Broken&) {
                ++thrown;
            }
            const Obtained second = one.obtain(desk.server, desk.clock);
            CHECK(second.has_token());
            CHECK(desk.server.calls == 1);
            CHECK(desk.server.reuse == 0);
            CHECK(desk.process().obtain(desk.server, desk.clock).access_token.expose() ==
                  second.access_token.expose());
        }
    }
    CHECK(thrown == 12);
}

TEST_CASE("a lease that cannot be renewed, since the store throws, ends no program") {
    Desk desk;
    desk.authorize();
    desk.expire();
    const NeverRenewing store{desk.memory};
    RefreshTimes times;
    times.lease = 3ms;
    times.call = 1ms;
    desk.server.meanwhile = [&store] {
        while (*store.renewals == 0) std::this_thread::yield();
    };
    Process one{TokensIn{store, stores::sealer("key-1"), times}};
    CHECK(one.obtain(desk.server, desk.clock).end == RefreshEnd::committed);
}

TEST_CASE("S32 an authorization that a throwing store does not take is stored later") {
    for (const int at : {1, 2}) {
        Desk desk;
        Process one{TokensIn{Throwing{desk.memory, at, false}, stores::sealer("key-1")}};
        CHECK_THROWS_AS(one.shared.keep(one.key, desk.server.next_pair(), desk.clock), Broken);
        CHECK(one.obtain(desk.server, desk.clock).access_token.expose() == "access-1");
        CHECK(desk.process().obtain(desk.server, desk.clock).access_token.expose() == "access-1");
    }
}

TEST_CASE("S31 who signs out of a store that throws has no tokens there from then on") {
    for (const int at : {1, 2, 3}) {
        Desk desk;
        desk.authorize();
        Process one{TokensIn{Throwing{desk.memory, at, false}, stores::sealer("key-1")}};
        oauth::TokenSet last;
        CHECK_THROWS_AS(one.shared.forget(one.key, &last), Broken);
        CHECK(one.obtain(desk.server, desk.clock).end == RefreshEnd::absent);
        CHECK(desk.process().obtain(desk.server, desk.clock).end == RefreshEnd::absent);
    }
}
#endif

TEST_CASE("S32 S33 a store that goes away at any step, whatever the token endpoint says") {
    int asked = 0;
    int served = 0;
    for (const Spent outcome : {Spent::refused, Spent::not_sent, Spent::misfit, Spent::unknown}) {
        const bool is_over = outcome == Spent::refused || outcome == Spent::unknown;
        for (const bool acts : {false, true}) {
            for (const int failing_for : {1, 3, 100000}) {
                for (int at = 1; at <= 10; ++at) {
                    INFO("outcome " << static_cast<int>(outcome) << ", from operation " << at
                                    << " for " << failing_for << (acts ? ", after" : ""));
                    Desk desk;
                    desk.authorize();
                    desk.expire();
                    desk.server.answer = [outcome](int call) {
                        return call == 1 ? outcome : Spent::ok;
                    };
                    Failing failing{desk.memory};
                    failing.failing_from = at;
                    failing.failing_for = failing_for;
                    failing.acts = acts;
                    Process one{TokensIn{failing, stores::sealer("key-1")}};
                    const Obtained first = one.obtain(desk.server, desk.clock);
                    CHECK_FALSE(first.has_token());
                    CHECK(desk.server.calls <= 1);

                    // The store is back: what was sent stays sent, what was not is sent now.
                    *failing.operations = 1000000;
                    desk.clock.advance(60s);
                    Obtained last = one.obtain(desk.server, desk.clock);
                    if (!last.has_token() && last.end != RefreshEnd::dead)
                        last = one.obtain(desk.server, desk.clock);
                    CHECK(desk.server.reuse == 0);
                    CHECK(last.has_token() == !is_over);
                    CHECK((last.end == RefreshEnd::dead) == is_over);
                    CHECK(desk.server.calls == (is_over ? 1 : 2));
                    asked += is_over ? 1 : 0;
                    served += is_over ? 0 : 1;
                    CHECK(desk.process().obtain(desk.server, desk.clock).has_token() == !is_over);
                    desk.authorize();
                    CHECK(desk.process().obtain(desk.server, desk.clock).has_token());
                }
            }
        }
    }
    CHECK(asked == 120);
    CHECK(served == 120);
}

TEST_CASE("an authorization that the store does not take is stored before the next refresh") {
    Desk desk;
    Failing failing{desk.memory};
    failing.failing_from = 1;
    failing.failing_for = 2;
    Process one{TokensIn{failing, stores::sealer("key-1")}};
    CHECK_FALSE(one.shared.keep(one.key, desk.server.next_pair(), desk.clock));
    *failing.operations = 1000;
    CHECK(one.obtain(desk.server, desk.clock).access_token.expose() == "access-1");
    CHECK(desk.process().obtain(desk.server, desk.clock).access_token.expose() == "access-1");
}

TEST_CASE("S32 an authorization during a refresh is kept, if the store takes neither of them") {
    Desk desk;
    desk.authorize();
    desk.expire();
    Failing failing{desk.memory};
    failing.failing_from = 5;  // the commit of the refresh, if nothing came in between
    failing.failing_for = 100000;
    Process one{TokensIn{failing, stores::sealer("key-1")}};
    desk.server.meanwhile = [&] {  // access-2 is of the authorization, access-3 of the refresh
        CHECK_FALSE(one.shared.keep(one.key, desk.server.next_pair(), desk.clock));
        desk.server.meanwhile = nullptr;
    };
    CHECK(one.obtain(desk.server, desk.clock).end == RefreshEnd::uncommitted);
    *failing.operations = 1000000;
    CHECK(one.obtain(desk.server, desk.clock).access_token.expose() == "access-2");
    CHECK(desk.process().obtain(desk.server, desk.clock).access_token.expose() == "access-2");
    CHECK(desk.server.calls == 1);
}

TEST_CASE("an app's token is obtained without the store, and once for all with it") {
    Desk desk;
    CHECK(desk.process().obtain(desk.server, desk.clock, {}, Grant::repeatable).end ==
          RefreshEnd::committed);
    CHECK(desk.process().obtain(desk.server, desk.clock, {}, Grant::repeatable).end ==
          RefreshEnd::use);
    CHECK(desk.server.calls == 1);
    desk.expire();
    Failing gone{desk.memory};
    gone.failing_from = 1;
    gone.failing_for = 100000;
    desk.server.answer = [](int) { return Spent::ok; };
    Process alone{TokensIn{gone, stores::sealer("key-1")}};
    const Secret before("the assertion of a second call is another one");
    const Obtained own = alone.shared.obtain(
        Grant::repeatable, alone.key, {}, {}, desk.clock, [&desk](const Secret&, const auto&) {
            return SentTokens{Spent::ok, desk.server.next_pair()};
        });
    CHECK(own.end == RefreshEnd::alone);
    CHECK(own.has_token());
}

TEST_CASE("S76 a record that this process cannot read is neither used nor overwritten") {
    Desk desk;
    desk.authorize();
    desk.expire();
    Process other{TokensIn{desk.memory, stores::sealer("key-2")}};
    const std::string before(desk.memory.load(other.key).value.expose());
    CHECK(other.obtain(desk.server, desk.clock).end == RefreshEnd::unreadable);
    const Obtained app = other.shared.obtain(
        Grant::repeatable, other.key, {}, {}, desk.clock, [&desk](const Secret&, const auto&) {
            return SentTokens{Spent::ok, desk.server.next_pair()};
        });
    CHECK(app.end == RefreshEnd::alone);
    CHECK(std::string(desk.memory.load(other.key).value.expose()) == before);
    CHECK(desk.process().obtain(desk.server, desk.clock).end == RefreshEnd::committed);
}

TEST_CASE("a user who signs out is gone for every process") {
    Desk desk;
    desk.authorize();
    auto one = desk.process();
    oauth::TokenSet last;
    CHECK(one.shared.forget(one.key, &last));
    CHECK(last.refresh_token.expose() == "refresh-1");
    CHECK(desk.process().obtain(desk.server, desk.clock).end == RefreshEnd::absent);
    desk.authorize();
    CHECK(desk.process().obtain(desk.server, desk.clock).end == RefreshEnd::use);
}

TEST_CASE("S31 who signs out before the store had the newest tokens gets these to revoke") {
    Desk desk;
    desk.authorize();
    Failing failing{desk.memory};
    failing.failing_from = 1;
    oauth::TokenSet last;
    SECTION("of an authorization, and the store is back") {
        failing.failing_for = 2;
        Process one{TokensIn{failing, stores::sealer("key-1")}};
        CHECK_FALSE(one.shared.keep(one.key, desk.server.next_pair(), desk.clock));
        *failing.operations = 1000000;
        CHECK(one.shared.forget(one.key, &last));
    }
    SECTION("of an authorization, and the store is still away") {
        failing.failing_for = 1000;
        Process one{TokensIn{failing, stores::sealer("key-1")}};
        CHECK_FALSE(one.shared.keep(one.key, desk.server.next_pair(), desk.clock));
        CHECK_FALSE(one.shared.forget(one.key, &last));
    }
    SECTION("of a refresh") {
        desk.expire();
        failing.failing_from = 5;  // its commit
        failing.failing_for = 1000;
        Process one{TokensIn{failing, stores::sealer("key-1")}};
        CHECK(one.obtain(desk.server, desk.clock).end == RefreshEnd::uncommitted);
        *failing.operations = 1000000;
        CHECK(one.shared.forget(one.key, &last));
    }
    CHECK(last.access_token.expose() == "access-2");
    CHECK(last.refresh_token.expose() == "refresh-2");
}

TEST_CASE("a slow token call whose lease ended meanwhile saves its tokens all the same") {
    Desk desk;
    desk.authorize();
    desk.expire();
    bool is_first = true;
    desk.server.meanwhile = [&desk, &is_first] {
        if (!is_first) return;
        is_first = false;
        desk.clock.advance(100s);  // the process was stopped for longer than its lease
        const Obtained other = desk.process().obtain(desk.server, desk.clock);
        CHECK(other.end == RefreshEnd::dead);
        CHECK(other.is_lost);
    };
    CHECK(desk.process().obtain(desk.server, desk.clock).end == RefreshEnd::committed);
    CHECK(desk.process().obtain(desk.server, desk.clock).access_token.expose() == "access-2");
    CHECK(desk.server.calls == 1);
    CHECK(desk.server.reuse == 0);
}

TEST_CASE("a process counts what it meets at a shared store, by cause") {
    Desk desk;
    Failing failing{desk.memory};
    RefreshTimes times;
    times.patience = 200ms;
    const TokensIn tokens{failing, stores::sealer("key-1"), times};
    Process one{tokens};
    Process two = desk.process();
    desk.authorize();
    CHECK(one.obtain(desk.server, desk.clock).has_token());
    CHECK(tokens.counts().sends == 0);
    desk.expire();
    SECTION("a refresh") {
        CHECK(one.obtain(desk.server, desk.clock).has_token());
        CHECK(tokens.counts().sends == 1);
        CHECK(tokens.counts().swaps_lost == 0);
        CHECK(tokens.counts().unavailable == 0);
    }
    SECTION("another process at work") {
        CHECK(desk.memory.acquire(one.key, "somebody", 30s).outcome == Leased::acquired);
        (void)one.obtain(desk.server, desk.clock);
        CHECK(tokens.counts().lease_waits > 0);
        CHECK(tokens.counts().sends == 0);
    }
    SECTION("another process that was faster: the second reading saves the token") {
        // The record is stale at the first reading and fresh behind the lease.
        struct Faster : Failing {
            std::function<void()> before_lease{};
            LeaseAnswer acquire(std::string_view key, std::string_view owner, Duration life) {
                if (before_lease) std::exchange(before_lease, nullptr)();
                return Failing::acquire(key, owner, life);
            }
        };
        Faster store{{desk.memory}, [&] { (void)two.obtain(desk.server, desk.clock); }};
        const TokensIn late{store, stores::sealer("key-1")};
        Process third{late};
        CHECK(third.obtain(desk.server, desk.clock).has_token());
        CHECK(late.counts().saved_by_reading == 1);
        CHECK(late.counts().sends == 0);
        CHECK(desk.server.calls == 1);
    }
    SECTION("a refusal") {
        desk.server.answer = [](int) { return Spent::refused; };
        CHECK_FALSE(one.obtain(desk.server, desk.clock).has_token());
        CHECK(tokens.counts().dead_refused == 1);
        CHECK(tokens.counts().dead_lost == 0);
    }
    SECTION("a lost answer") {
        desk.server.answer = [](int) { return Spent::unknown; };
        CHECK_FALSE(one.obtain(desk.server, desk.clock).has_token());
        CHECK(tokens.counts().unknown == 1);
        CHECK(tokens.counts().dead_lost == 1);
    }
    SECTION("a lease that was lost while the token request was on its way") {
        struct Loses : Failing {
            static Leased renew(std::string_view, std::string_view, Duration) {
                return Leased::held;
            }
        };
        times.lease = 3ms;
        times.call = 1ms;
        const TokensIn losing{Loses{{desk.memory}}, stores::sealer("key-1"), times};
        Process slow{losing};
        const auto send = [&](const Secret& refresh_token, const auto& is_held) {
            while (is_held()) std::this_thread::yield();
            return desk.server(refresh_token);
        };
        CHECK(slow.shared.obtain(Grant::rotating, slow.key, {}, {}, desk.clock, send).has_token());
        CHECK(losing.counts().leases_lost == 1);
    }
    SECTION("a new authorization under a refresh") {
        desk.server.meanwhile = [&] {
            desk.server.meanwhile = nullptr;
            CHECK(two.shared.keep(two.key, desk.server.next_pair(), desk.clock));
        };
        CHECK(one.obtain(desk.server, desk.clock).has_token());
        CHECK(tokens.counts().swaps_lost == 1);
    }
    SECTION("a store that is away") {
        failing.failing_from = *failing.operations + 1;
        failing.failing_for = 1000;
        const TokensIn cut_off{failing, stores::sealer("key-1"), times};
        Process late{cut_off};
        CHECK_FALSE(late.obtain(desk.server, desk.clock).has_token());
        CHECK(cut_off.counts().unavailable > 0);
    }
}
