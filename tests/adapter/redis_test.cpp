// SPDX-License-Identifier: BSL-1.0
// The store in Redis against a real redis-server.
#include <rekey/adapter/redis.hpp>

#include "../support/redis_server.hpp"
#include "../support/stores.hpp"
#include "catch.hpp"

#include <rekey/detail/system_clock.hpp>
#include <rekey/tokens_in.hpp>

#include <array>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

using namespace rekey;
using namespace rekey::token;
using namespace std::chrono_literals;
using adapter::RedisAddress;
using adapter::RedisStore;
using redis_server::RedisServer;

namespace {

RedisStore store_of(const RedisServer& server, Duration timeout = 2s) {
    RedisAddress address;
    address.unix_socket = server.socket();
    address.connect_timeout = timeout;
    address.command_timeout = timeout;
    return RedisStore(address);
}
/// False, and a word about it, where there is no redis-server.
bool is_here(const RedisServer& server) {
    if (!server.runs()) WARN("skipped: there is no redis-server");
    return server.runs();
}
/// Waits until the store answers again, for 5 s at most.
bool comes_back(RedisStore& store) {
    for (int i = 0; i != 500; ++i) {
        if (store.load("any").outcome != Loaded::unavailable) return true;
        std::this_thread::sleep_for(10ms);
    }
    return false;
}

}  // namespace

TEST_CASE("the store in Redis keeps the contract of a store") {
    const RedisServer server;
    if (!is_here(server)) return;
    stores::keeps_the_contract(store_of(server), "key");
}

TEST_CASE("a lease in Redis ends with its life, and renewing makes it longer") {
    const RedisServer server;
    if (!is_here(server)) return;
    RedisStore store = store_of(server);
    CHECK(store.acquire("k", "ann", 300ms).outcome == Leased::acquired);
    CHECK(store.acquire("k", "bob", 300ms).left <= 300ms);
    std::this_thread::sleep_for(200ms);
    CHECK(store.renew("k", "ann", 300ms) == Leased::acquired);
    std::this_thread::sleep_for(200ms);
    CHECK(store.acquire("k", "bob", 300ms).outcome == Leased::held);
    std::this_thread::sleep_for(200ms);
    CHECK(store.acquire("k", "bob", 300ms).outcome == Leased::acquired);
    CHECK(store.renew("k", "ann", 300ms) == Leased::held);
}

TEST_CASE("of many threads on Redis one takes the lease and one writes a version") {
    const RedisServer server;
    if (!is_here(server)) return;
    RedisStore store = store_of(server);
    std::atomic<int> leases{0};
    std::atomic<int> writes{0};
    std::atomic<int> answers{0};
    std::vector<std::thread> threads;
    for (int i = 0; i != 8; ++i)
        threads.emplace_back([&, i] {
            const std::string name = std::to_string(i);
            if (store.acquire("k", name, 30s).outcome == Leased::acquired) ++leases;
            if (store.swap("k", 0, 1, Secret(std::string_view(name))) == Swapped::done) ++writes;
            for (int j = 0; j != 50; ++j) {  // an answer always belongs to its question
                const std::string own = "own" + name;
                (void)store.swap(own, static_cast<std::uint64_t>(j),
                                 static_cast<std::uint64_t>(j) + 1, Secret(std::string_view(own)));
                const StoreEntry entry = store.load(own);
                if (entry.value.expose() == own &&
                    entry.version == static_cast<std::uint64_t>(j) + 1)
                    ++answers;
            }
        });
    for (std::thread& thread : threads) thread.join();
    CHECK(leases == 1);
    CHECK(writes == 1);
    CHECK(answers == 8 * 50);
}

TEST_CASE("a Redis that is away is unavailable at once, and used again when it is back") {
    RedisServer server;
    if (!is_here(server)) return;
    RedisStore store = store_of(server);
    CHECK(store.swap("k", 0, 1, Secret("one")) == Swapped::done);
    server.kill();
    const auto before = std::chrono::steady_clock::now();
    CHECK(store.load("k").outcome == Loaded::unavailable);
    CHECK(store.swap("k", 1, 2, Secret("two")) == Swapped::unavailable);
    CHECK(store.acquire("k", "ann", 1s).outcome == Leased::unavailable);
    CHECK(store.renew("k", "ann", 1s) == Leased::unavailable);
    store.release("k", "ann");
    CHECK(std::chrono::steady_clock::now() - before < 1s);
    CHECK(store.problem() == "Redis does not answer");
    server.start();
    REQUIRE(server.runs());
    CHECK(comes_back(store));
    CHECK(store.load("k").value.expose() == "one");
}

TEST_CASE("after a restart in between, a load and a lease use a new connection") {
    RedisServer server;
    if (!is_here(server)) return;
    RedisStore store = store_of(server);
    CHECK(store.swap("k", 0, 1, Secret("one")) == Swapped::done);
    server.kill();
    server.start();
    REQUIRE(server.runs());
    CHECK(store.load("k").value.expose() == "one");
    server.kill();
    server.start();
    REQUIRE(server.runs());
    // A write is not repeated: on the old connection it may have been done.
    CHECK(store.swap("k", 1, 2, Secret("two")) == Swapped::unavailable);
    CHECK(store.load("k").version == 1);
    CHECK(store.swap("k", 1, 2, Secret("two")) == Swapped::done);
}

TEST_CASE("a Redis that hangs is unavailable after the timeout, and its late answers go nowhere") {
    RedisServer server;
    if (!is_here(server)) return;
    RedisStore store = store_of(server, 200ms);
    CHECK(store.swap("a", 0, 1, Secret("of a")) == Swapped::done);
    CHECK(store.swap("b", 0, 1, Secret("of b")) == Swapped::done);
    server.stop();
    const auto before = std::chrono::steady_clock::now();
    CHECK(store.load("a").outcome == Loaded::unavailable);
    CHECK(std::chrono::steady_clock::now() - before < 2s);
    server.resume();
    CHECK(comes_back(store));
    CHECK(store.load("b").value.expose() == "of b");
}

TEST_CASE("what is not a record of ours in Redis is unavailable, not absent") {
    const RedisServer server;
    if (!is_here(server)) return;
    RedisAddress address;
    address.unix_socket = server.socket();
    const adapter::redis_detail::Context context(address());
    REQUIRE(context);
    using adapter::redis_detail::command;
    (void)command(*context, {"SET", "rekey:{wrong}:rec", "a string"});
    (void)command(*context, {"HSET", "rekey:{half}:rec", "d", "value"});
    (void)command(*context, {"HSET", "rekey:{word}:rec", "v", "one"});
    RedisStore store(address);
    for (const char* const key : {"wrong", "half", "word"})
        CHECK(store.load(key).outcome == Loaded::unavailable);
    CHECK(store.load("none").outcome == Loaded::absent);
}

TEST_CASE("S75 two records that are swapped in Redis both refuse to open") {
    const RedisServer server;
    if (!is_here(server)) return;
    RedisStore store = store_of(server);
    const auto sealer = stores::sealer("key-1");
    const std::string ann = record_key("app", "ann", sealer);
    const std::string bob = record_key("app", "bob", sealer);
    for (const auto& [key, token] : {std::pair(ann, "token-of-ann"), std::pair(bob, "of-bob")}) {
        TokenRecord record;
        record.state = RecordState::live;
        record.access_token = Secret(token);
        CHECK(store.swap(key, 0, 5, write_record(record, key, 5, sealer)) == Swapped::done);
    }
    const StoreEntry of_ann = store.load(ann);
    const StoreEntry of_bob = store.load(bob);
    const auto opens = [&](const std::string& key, const StoreEntry& entry) {
        return read_record(entry.value.expose(), key, entry.version, sealer, Opening::both).state ==
               RecordState::live;
    };
    CHECK(opens(ann, of_ann));
    CHECK_FALSE(opens(ann, of_bob));
    CHECK_FALSE(opens(bob, of_ann));
    CHECK(of_ann.value.expose().find("token-of-ann") == std::string_view::npos);
}

TEST_CASE("a Redis that would evict tokens is named") {
    const RedisServer server;
    if (!is_here(server)) return;
    RedisStore store = store_of(server);
    CHECK(store.problem().empty());
    RedisAddress address;
    address.unix_socket = server.socket();
    const adapter::redis_detail::Context context(address());
    REQUIRE(context);
    (void)adapter::redis_detail::command(*context,
                                         {"CONFIG", "SET", "maxmemory-policy", "allkeys-lru"});
    CHECK(store.problem().find("noeviction") != std::string::npos);
}

TEST_CASE("a token call that is slower than its lease keeps it by renewing") {
    const RedisServer server;
    if (!is_here(server)) return;
    RefreshTimes times;
    times.lease = 300ms;
    times.call = 50ms;
    struct Machine {
        static TimePoint now() { return rekey::detail::SystemClock::now(); }
        static std::int64_t unix_seconds() { return rekey::detail::SystemClock::unix_seconds(); }
        static void sleep(Duration time) { rekey::detail::SystemClock::sleep(time); }
    };
    std::atomic<int> calls{0};
    std::atomic<int> good{0};
    {
        SharedTokens shared{TokensIn{store_of(server), stores::sealer("key-1"), times}};
        Machine clock;
        oauth::TokenSet old;
        old.access_token = Secret("old");
        old.refresh_token = Secret("refresh");
        CHECK(shared.keep(shared.key("app", "ann"), old, clock));
    }
    std::vector<std::thread> threads;
    for (int i = 0; i != 4; ++i)
        threads.emplace_back([&] {
            SharedTokens shared{TokensIn{store_of(server), stores::sealer("key-1"), times}};
            Machine clock;
            const Obtained got = shared.obtain(
                Grant::rotating, shared.key("app", "ann"), {}, {}, clock,
                [&calls](const Secret&, const auto& is_held) {
                    ++calls;
                    std::this_thread::sleep_for(1s);  // three leases
                    oauth::TokenSet fresh;
                    fresh.access_token = Secret("fresh");
                    fresh.refresh_token = Secret("next");
                    fresh.expires_at = Machine::unix_seconds() + 900;
                    return is_held() ? SentTokens{Spent::ok, std::move(fresh)} : SentTokens{};
                });
            if (got.access_token.expose() == "fresh") ++good;
        });
    for (std::thread& thread : threads) thread.join();
    CHECK(calls == 1);
    CHECK(good == 4);
}
