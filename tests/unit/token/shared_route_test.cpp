// SPDX-License-Identifier: BSL-1.0
#include <rekey/token/shared_route.hpp>

#include <rekey/policy/remember.hpp>
#include <rekey/rekey.hpp>
#include <rekey/testing.hpp>
#include <rekey/token/memory_store.hpp>

#include "catch.hpp"
#include "support/clients.hpp"

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

// Replicas learn from each other; a wrong word of another one costs a call, never an answer.

namespace {

using namespace clients;
using namespace rekey::token;

struct BotOf {
    std::string_view operator()(const HttpRequest& request) const { return request.body; }
};
HttpRequest about(std::string bot) {
    return {"POST", "https://api.coze.com/v3/chat", {}, std::move(bot)};
}

/// A service in which all bots belong to one of two accounts.
struct World {
    bool moved = false;
    int calls = 0;
    HttpResponse operator()(const HttpRequest&, const Attempt& attempt) {
        ++calls;
        return (attempt.credential() == "enterprise") == moved ? accepted() : answer(401);
    }
    int take() { return std::exchange(calls, 0); }
};

/// A process: a client that learns, and its share of what the fleet knows.
template <class Store, std::size_t Keys = 64> struct Replica {
    World& world;
    decltype(rekey::Client{std::ref(std::declval<World&>()), both(), OnRefusal{},
                           Remember<BotOf, Keys>{}}) client;
    SharedRoute<Store> shared;

    Replica(World& of, Store store)
        : world(of),
          client{std::ref(of), both(), OnRefusal{}, Remember<BotOf, Keys>{}},
          shared(store) {}
    RouteSync sync() { return shared.sync(client.route()); }
    std::string begins(const std::string& bot) const {
        return std::string(client.route().learned(bot));
    }
    /// How many calls one request takes; it must be answered.
    int ask(const std::string& bot) {
        world.take();
        CHECK(client.send(about(bot)));
        return world.take();
    }
};

/// A store that is out of order, or that another process writes to between load and swap.
struct Disturbed {
    MemoryStore store{};
    bool loads = true;
    bool swaps = true;
    std::function<void()> meanwhile{};

    StoreEntry load(std::string_view key) {
        if (!loads) return {};
        StoreEntry entry = store.load(key);
        if (meanwhile) std::exchange(meanwhile, nullptr)();
        return entry;
    }
    Swapped swap(std::string_view key, std::uint64_t from, std::uint64_t to, const Secret& text) {
        return swaps ? store.swap(key, from, to, text) : Swapped::unavailable;
    }
    LeaseAnswer acquire(std::string_view, std::string_view, Duration) { return {}; }
    Leased renew(std::string_view, std::string_view, Duration) { return Leased::unavailable; }
    void release(std::string_view, std::string_view) {}
};
struct Lent {
    Disturbed* store;
    StoreEntry load(std::string_view key) { return store->load(key); }
    Swapped swap(std::string_view key, std::uint64_t from, std::uint64_t to, const Secret& text) {
        return store->swap(key, from, to, text);
    }
    LeaseAnswer acquire(std::string_view, std::string_view, Duration) { return {}; }
    Leased renew(std::string_view, std::string_view, Duration) { return Leased::unavailable; }
    void release(std::string_view, std::string_view) {}
};

struct Third {
    static constexpr std::string_view name = "third";
    std::string token = "pat_third";
};

constexpr const char* place = "rekey-route";
std::string text_in(MemoryStore store) { return std::string(store.load(place).value.expose()); }

}  // namespace

TEST_CASE("replicas learn from each other: a move costs one call in all of them") {
    World world{true};
    MemoryStore store;
    Replica<MemoryStore> one{world, store};
    Replica<MemoryStore> two{world, store};
    CHECK(one.ask("bot") == 2);
    const RouteSync given = one.sync();
    REQUIRE(given);
    CHECK(given.given == 1);
    CHECK(given.taken == 0);
    const RouteSync taken = two.sync();
    REQUIRE(taken);
    CHECK(taken.taken == 1);
    CHECK(taken.given == 0);
    CHECK(taken.keys == 1);
    CHECK(two.ask("bot") == 1);

    world.moved = false;  // and back
    CHECK(two.ask("bot") == 2);
    CHECK(two.sync().given == 1);
    CHECK(one.sync().taken == 1);
    CHECK(one.ask("bot") == 1);
    CHECK(one.sync().given == 0);
}

TEST_CASE("an old verdict never takes the place of a newer one, in whatever order replicas come") {
    World world{true};
    MemoryStore store;
    Replica<MemoryStore> one{world, store};
    Replica<MemoryStore> two{world, store};
    CHECK(one.ask("bot") == 2);
    CHECK(one.sync());
    CHECK(two.sync());
    world.moved = false;
    CHECK(one.ask("bot") == 2);
    SECTION("who has found out nothing takes what is newer") {
        CHECK(one.sync().given == 1);
        CHECK(two.sync().given == 0);
        CHECK(two.begins("bot") == "personal");
    }
    SECTION("and gives nothing old, though it comes first") {
        CHECK(two.sync().given == 0);
        CHECK(one.sync().given == 1);
        CHECK(two.sync().taken == 1);
        CHECK(two.begins("bot") == "personal");
    }
    SECTION("what a process has found out itself stays, and is given") {
        CHECK(one.sync().given == 1);
        world.moved = true;
        (void)two.client.route().forget("bot");
        CHECK(two.ask("bot") == 2);
        const RouteSync end = two.sync();
        CHECK(end.given == 1);
        CHECK(end.taken == 0);
        CHECK(two.begins("bot") == "enterprise");
        CHECK(one.sync().taken == 1);
        CHECK(one.begins("bot") == "enterprise");
    }
}

TEST_CASE("a wrong word of the fleet costs a call, never an answer, and is corrected") {
    World world{true};
    MemoryStore store;
    Replica<MemoryStore> one{world, store};
    Replica<MemoryStore> two{world, store};
    CHECK(one.ask("bot") == 2);
    CHECK(one.sync());
    world.moved = false;
    CHECK(two.sync().taken == 1);  // it is wrong by now
    CHECK(two.ask("bot") == 2);
    CHECK(two.ask("bot") == 1);
    CHECK(two.sync().given == 1);
    CHECK(one.sync().taken == 1);
    CHECK(one.ask("bot") == 1);
}

TEST_CASE("S55: what one user learned in one replica counts for no other user in another") {
    World world{true};
    MemoryStore store;
    Replica<MemoryStore> one{world, store};
    Replica<MemoryStore> two{world, store};
    CHECK(one.client.send(about("bot"), Subject{"ann"}));
    CHECK(one.sync().given == 1);
    CHECK(two.sync().taken == 1);
    CHECK(two.client.route().learned("bot", Subject{"ann"}) == "enterprise");
    CHECK(two.client.route().learned("bot", Subject{"bob"}).empty());
    CHECK(two.begins("bot").empty());
}

TEST_CASE("the record of a fleet holds hashes and names, and neither keys nor tokens") {
    World world{true};
    MemoryStore store;
    Replica<MemoryStore> one{world, store};
    CHECK(one.ask("secret bot") == 2);
    CHECK(one.sync());
    const std::string text = text_in(store);
    CHECK(text.rfind("rekey shared route 1, round: 1, keys: 1\n", 0) == 0);
    CHECK(text.find("secret") == std::string::npos);
    CHECK(text.find("pat_") == std::string::npos);
    CHECK(text.find(" 1 enterprise\n") != std::string::npos);
}

TEST_CASE("a record that is no route of a fleet is said in words and left alone") {
    World world{true};
    MemoryStore made;
    Replica<MemoryStore> giver{world, made};
    CHECK(giver.ask("bot") == 2);
    CHECK(giver.ask("two") == 2);
    CHECK(giver.sync().given == 2);
    const std::string whole = text_in(made);
    const auto refuses = [&](const std::string& text) {
        MemoryStore store;
        Replica<MemoryStore> one{world, store};
        CHECK(store.swap(place, 0, 5, Secret(std::string_view(text))) == Swapped::done);
        CHECK(one.ask("mine") == 2);
        const RouteSync end = one.sync();
        return !end && std::string_view(end.problem).size() > 10 && end.taken == 0 &&
               end.given == 0 && text_in(store) == text && store.load(place).version == 5 &&
               one.begins("bot").empty() && one.ask("mine") == 1;
    };
    for (std::size_t size = 0; size != whole.size(); ++size) {
        INFO(size);
        CHECK(refuses(whole.substr(0, size)));
    }
    const auto with = [&whole](const char* old, const char* other) {
        std::string changed = whole;
        return changed.replace(changed.find(old), std::string_view(old).size(), other);
    };
    CHECK(refuses(with("route 1", "route 2")));
    CHECK(refuses(with("keys: 2", "keys: 1")));
    CHECK(refuses(with("keys: 2", "keys: 3")));
    CHECK(refuses(with("keys: 2", "keys: 1025")));
    CHECK(refuses(with("round: 1", "round: 0")));  // a verdict of a round that was not yet
    CHECK(refuses(with("round: 1", "round: 99999999999999999999")));
    CHECK(refuses(with(" 1 enterprise", " x enterprise")));
    CHECK(refuses(with(" 1 enterprise", " 1 ")));
    CHECK(refuses(with(" 1 enterprise", " 1 a_name_that_is_longer_than_it_may_be")));
    CHECK(refuses(whole + "\n"));
    CHECK(refuses(whole + whole));
    CHECK(refuses("rekey-token-1 L - 0 0 0"));
    CHECK(refuses(std::string(70000, 'x')));
}

TEST_CASE("a swap that another process has overtaken is made again with what came in between") {
    World world{true};
    Disturbed store;
    Replica<Lent> one{world, Lent{&store}};
    Replica<Lent> two{world, Lent{&store}};
    CHECK(one.ask("a") == 2);
    CHECK(two.ask("b") == 2);
    store.meanwhile = [&] { CHECK(two.sync().given == 1); };
    const RouteSync end = one.sync();
    REQUIRE(end);
    CHECK(end.given == 1);
    CHECK(end.taken == 1);
    CHECK(end.keys == 2);
    CHECK(one.begins("b") == "enterprise");
    CHECK(two.sync().taken == 1);
    CHECK(two.begins("a") == "enterprise");
}

TEST_CASE("who is overtaken again and again says so, and gives it the next time") {
    World world{true};
    Disturbed store;
    Replica<Lent> one{world, Lent{&store}};
    CHECK(one.ask("a") == 2);
    std::uint64_t version = 0;
    std::function<void()> overtake = [&] {
        ++version;
        CHECK(store.store.swap(place, version - 1, version,
                               Secret("rekey shared route 1, round: 0, keys: 0\n")) ==
              Swapped::done);
        store.meanwhile = overtake;
    };
    store.meanwhile = overtake;
    const RouteSync end = one.sync();
    CHECK_FALSE(end);
    CHECK(end.given == 0);
    store.meanwhile = nullptr;
    CHECK(one.sync().given == 1);
}

TEST_CASE("without the store a process goes on with what it knows, and says so") {
    World world{true};
    Disturbed store;
    Replica<Lent> one{world, Lent{&store}};
    Replica<Lent> two{world, Lent{&store}};
    CHECK(one.ask("bot") == 2);
    store.loads = false;
    CHECK(std::string(one.sync().problem) == "the store does not answer");
    CHECK(one.ask("bot") == 1);
    store.loads = true;
    store.swaps = false;
    const RouteSync unknown = one.sync();
    CHECK_FALSE(unknown);
    CHECK(unknown.given == 0);
    store.swaps = true;
    CHECK(one.sync().given == 1);
    CHECK(two.sync().taken == 1);
}

TEST_CASE("a store that was emptied gets back what its processes know") {
    World world{true};
    Disturbed store;
    Replica<Lent> one{world, Lent{&store}};
    Replica<Lent> two{world, Lent{&store}};
    CHECK(one.ask("bot") == 2);
    CHECK(one.sync());
    CHECK(two.sync());
    store.store = MemoryStore{};
    CHECK(two.sync().given == 1);
    CHECK(one.sync().given == 0);
    CHECK(one.sync().keys == 1);
}

TEST_CASE("a credential that a chain does not have is passed over and kept for the others") {
    World world{true};
    MemoryStore store;
    Replica<MemoryStore> one{world, store};
    CHECK(one.ask("bot") == 2);
    CHECK(one.sync());
    const Client other{std::ref(world), CredentialChain{Personal{}, Third{}}, OnRefusal{},
                       Remember<BotOf, 64>{}};
    SharedRoute<MemoryStore> shared{store};
    const RouteSync end = shared.sync(other.route());
    CHECK(end);
    CHECK(end.taken == 0);
    CHECK(end.given == 0);
    CHECK(end.keys == 1);
    CHECK(other.route().learned("bot").empty());
}

TEST_CASE(
    "a record of a fleet is bounded: what was learned last stays, and nobody writes in vain") {
    World world{true};
    MemoryStore store;
    Replica<MemoryStore, 4096> one{world, store};
    for (int i = 0; i != 1000; ++i) CHECK(one.ask("early " + std::to_string(i)) == 2);
    CHECK(one.sync().keys == 1000);
    for (int i = 0; i != 100; ++i) CHECK(one.ask("late " + std::to_string(i)) == 2);
    const RouteSync full = one.sync();
    CHECK(full.given == 100);
    CHECK(full.keys == 1024);
    CHECK(text_in(store).size() < 64 * 1024);
    CHECK(one.sync().given == 0);

    Replica<MemoryStore, 4096> two{world, store};
    CHECK(two.sync().taken > 1000);
    for (int i = 0; i != 100; ++i) CHECK(two.ask("late " + std::to_string(i)) == 1);
    CHECK(two.sync().given <= 1);
}

TEST_CASE("what a process has to give and finds no room for is not said to be given") {
    World world{true};
    MemoryStore store;
    Replica<MemoryStore, 4096> one{world, store};
    for (int i = 0; i != 1100; ++i) CHECK(one.ask(std::to_string(i)) == 2);
    const RouteSync full = one.sync();
    CHECK(full.keys == 1024);
    CHECK(full.given == 1024);
    Replica<MemoryStore, 8192> two{world, store};
    CHECK(two.sync().taken == 1024);
}

TEST_CASE("what was taken and had no room is not taken again and again") {
    World world{true};
    MemoryStore store;
    Replica<MemoryStore, 512> one{world, store};
    Replica<MemoryStore, 8> narrow{world, store};
    for (int i = 0; i != 40; ++i) CHECK(one.ask(std::to_string(i)) == 2);
    CHECK(one.sync().given == 40);
    CHECK(narrow.sync().taken == 40);
    CHECK(narrow.sync().taken == 0);
    CHECK(narrow.sync().given == 0);
}

TEST_CASE("clients send while what they learn is exchanged, and every call is answered") {
    std::atomic<bool> moved{true};
    const auto world = [&moved](const HttpRequest&, const Attempt& attempt) {
        return (attempt.credential() == "enterprise") == moved ? accepted() : answer(401);
    };
    MemoryStore store;
    const Client one{world, both(), OnRefusal{}, Remember<BotOf, 64>{}};
    const Client two{world, both(), OnRefusal{}, Remember<BotOf, 64>{}};
    const auto send = [](const auto& client) {
        int answers = 0;
        for (int i = 0; i != 500; ++i)
            if (client.send(about(std::to_string(i % 7)))) ++answers;
        return answers;
    };
    int answered[2] = {};
    std::thread first([&] { answered[0] = send(one); });
    std::thread second([&] { answered[1] = send(two); });
    SharedRoute<MemoryStore> shared_one{store};
    SharedRoute<MemoryStore> shared_two{store};
    for (int i = 0; i != 50; ++i) {
        CHECK(shared_one.sync(one.route()));
        CHECK(shared_two.sync(two.route()));
    }
    first.join();
    second.join();
    CHECK(answered[0] == 500);
    CHECK(answered[1] == 500);
    CHECK(shared_one.sync(one.route()));
    CHECK(shared_two.sync(two.route()).keys == 7);
}
