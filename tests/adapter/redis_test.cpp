// SPDX-License-Identifier: BSL-1.0
// The store in Redis against a real redis-server.
#include <rekey/adapter/redis.hpp>

#include "../support/redis_server.hpp"
#include "../support/stores.hpp"
#include "catch.hpp"

#include <rekey/detail/system_clock.hpp>
#include <rekey/http.hpp>
#include <rekey/policy/remember.hpp>
#include <rekey/rekey.hpp>
#include <rekey/token/sealed_flows.hpp>
#include <rekey/token/shared_route.hpp>
#include <rekey/tokens_in.hpp>

#include <array>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

using namespace rekey;
using namespace rekey::token;
using namespace std::chrono_literals;
using adapter::Ack;
using adapter::RedisAddress;
using adapter::RedisStore;
using adapter::Replicas;
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
/// Waits until it holds, for 10 s at most.
template <class Claim> bool comes_true(const Claim& claim) {
    for (int i = 0; i != 1000; ++i) {
        if (claim()) return true;
        std::this_thread::sleep_for(10ms);
    }
    return false;
}
/// Waits until the store answers again.
template <class Store> bool comes_back(Store& store, const char* key = "any") {
    return comes_true([&] { return store.load(key).outcome != Loaded::unavailable; });
}

RedisAddress address_of(const RedisServer& server) {
    RedisAddress address;
    address.unix_socket = server.socket();
    return address;
}
/// One command that the store would not send; its answer as a text.
std::string tell(const RedisServer& server, std::initializer_list<std::string_view> words) {
    const adapter::redis_detail::Context context(address_of(server)());
    if (!context) return {};
    const auto reply = adapter::redis_detail::command(*context, words);
    return reply && reply->str != nullptr
               ? std::string(reply->str, static_cast<std::size_t>(reply->len))
               : std::string();
}

/// A server with one replica, and a store whose writes wait for it.
struct Pair {
    int port = redis_server::free_port();
    RedisServer primary{port};
    RedisServer replica{0, port};

    auto store() const {
        RedisAddress address = address_of(primary);
        address.command_timeout = 2s;
        return adapter::BasicRedisStore{address, Ack<Replicas<1, 300>>{}};
    }
    bool is_here() const {
        if (!::is_here(primary) || !::is_here(replica)) return false;
        // A write may be in the copy of all data that a new replica gets; the second is not.
        auto one = store();
        const auto writes = [&one] {
            return one.acquire("any", "ann", 1ms).outcome == Leased::acquired;
        };
        return comes_true([&] { return writes() && writes(); });
    }
};

struct Machine {
    static TimePoint now() { return rekey::detail::SystemClock::now(); }
    static std::int64_t unix_seconds() { return rekey::detail::SystemClock::unix_seconds(); }
    static void sleep(Duration time) { rekey::detail::SystemClock::sleep(time); }
};

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

TEST_CASE("a test that is killed leaves no server behind, and no folder") {
    if (const RedisServer server; !is_here(server)) return;
    int ends[2];
    REQUIRE(pipe(ends) == 0);
    const pid_t test = fork();
    REQUIRE(test >= 0);
    if (test == 0) {
        alarm(20);
        const RedisServer server;
        const std::string path = server.socket();
        if (write(ends[1], path.data(), path.size()) < 0) _exit(1);
        for (;;) pause();
    }
    close(ends[1]);
    char bytes[256] = {};
    const auto size = read(ends[0], bytes, sizeof bytes - 1);
    close(ends[0]);
    REQUIRE(size > 0);
    RedisAddress there;
    there.unix_socket = bytes;
    CHECK(adapter::redis_detail::Context(there()));
    kill(test, SIGKILL);
    waitpid(test, nullptr, 0);
    CHECK(comes_true([&] { return !adapter::redis_detail::Context(there()); }));
    const std::string folder = there.unix_socket.substr(0, there.unix_socket.rfind('/'));
    CHECK(comes_true([&] { return access(folder.c_str(), F_OK) != 0; }));
}

TEST_CASE("a connection to Redis does not go to the programs that a process starts") {
    const RedisServer server;
    if (!is_here(server)) return;
    const adapter::redis_detail::Context context(address_of(server)());
    REQUIRE(context);
    CHECK((fcntl(context->fd, F_GETFD) & FD_CLOEXEC) != 0);
}

TEST_CASE("a process that was forked talks to Redis over a connection of its own") {
    const RedisServer server;
    if (!is_here(server)) return;
    RedisStore store = store_of(server);
    CHECK(store.swap("of-parent", 0, 1, Secret("of-parent")) == Swapped::done);
    CHECK(store.swap("of-child", 0, 1, Secret("of-child")) == Swapped::done);
    const auto answers = [](RedisStore& asked, const char* key) {
        int count = 0;
        for (int i = 0; i != 500; ++i)
            if (asked.load(key).value.expose() == key) ++count;
        return count;
    };
    CHECK(store.problem().empty());  // asked at start, it leaves a connection behind
    const pid_t child = fork();
    REQUIRE(child >= 0);
    if (child == 0) {
        alarm(20);
        _exit(answers(store, "of-child") == 500 ? 0 : 1);
    }
    CHECK(answers(store, "of-parent") == 500);
    int status = 1;
    REQUIRE(waitpid(child, &status, 0) == child);
    CHECK(status == 0);
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
    CHECK(store.problem() == "Redis at " + server.socket() + " does not answer");
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

TEST_CASE("a timeout of nothing waits for no Redis") {
    RedisServer server;
    if (!is_here(server)) return;
    server.stop();
    RedisAddress address = address_of(server);
    address.connect_timeout = address.command_timeout = GENERATE(0ms, -1ms);
    RedisStore store{address};
    const auto before = std::chrono::steady_clock::now();
    CHECK(store.load("a").outcome == Loaded::unavailable);
    CHECK(std::chrono::steady_clock::now() - before < 2s);
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

TEST_CASE("a Redis that refuses a password, or its lack, is not said to be away") {
    const RedisServer server;
    if (!is_here(server)) return;
    RedisAddress address = address_of(server);
    const auto problem = [&address] { return RedisStore{address}.problem(); };
    address.database = 4711;
    CHECK(problem() == "Redis refuses database 4711 (ERR)");
    address.database = 0;
    tell(server, {"CONFIG", "SET", "requirepass", "open-sesame"});
    CHECK(problem() == "Redis asks for a password and was given none (NOAUTH)");
    address.password = Secret("close-sesame");
    const std::string refused = problem();
    CHECK(refused.find("Redis refuses the password (") == 0);
    CHECK(refused.find("sesame") == std::string::npos);
    address.password = Secret("open-sesame");
    CHECK(problem().empty());

    address.unix_socket.clear();
    address.port = redis_server::free_port();
    CHECK(problem() == "Redis at 127.0.0.1:" + std::to_string(address.port) + " does not answer");
    struct Nobody {
        redisContext* operator()() const { return nullptr; }
    };
    CHECK(adapter::BasicRedisStore{Nobody{}}.problem() == "Redis does not answer");
}

TEST_CASE("a connection that was closed idle is no problem of the server's") {
    const RedisServer server;
    if (!is_here(server)) return;
    RedisStore store = store_of(server);
    CHECK(store.load("k").outcome == Loaded::absent);
    tell(server, {"CLIENT", "KILL", "TYPE", "normal"});
    CHECK(store.problem().empty());
}

TEST_CASE("a token call that is slower than its lease keeps it by renewing") {
    const RedisServer server;
    if (!is_here(server)) return;
    RefreshTimes times;
    times.lease = 300ms;
    times.call = 50ms;
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

TEST_CASE("a script goes to Redis as a whole once, and again when the server has forgotten it") {
    const RedisServer server;
    if (!is_here(server)) return;
    RedisStore store = store_of(server);
    const auto sent_whole = [&server] {
        const std::string text = tell(server, {"INFO", "commandstats"});
        const std::string label = "cmdstat_eval:calls=";
        const std::size_t at = text.find(label);
        return at == text.npos ? 0 : std::atoi(text.c_str() + at + label.size());
    };
    for (std::uint64_t version = 0; version != 5; ++version) {
        CHECK(store.acquire("k", "ann", 1s).outcome == Leased::acquired);
        CHECK(store.renew("k", "ann", 1s) == Leased::acquired);
        CHECK(store.swap("k", version, version + 1, Secret("one")) == Swapped::done);
        CHECK(store.load("k").version == version + 1);
        store.release("k", "ann");
    }
    CHECK(sent_whole() == 5);  // five scripts
    CHECK(tell(server, {"SCRIPT", "FLUSH"}) == "OK");
    CHECK(store.swap("k", 5, 6, Secret("two")) == Swapped::done);
    CHECK(store.load("k").value.expose() == "two");
    CHECK(sent_whole() == 7);
    using namespace adapter::redis_detail;
    for (const Script& script : {load_script, swap_script, touch_script, put_script, take_script,
                                 acquire_script, renew_script, release_script})
        CHECK(tell(server, {"SCRIPT", "LOAD", script.text}) == script.name);
}

TEST_CASE("a server that has become a replica is left, and the write is made on the next one") {
    const RedisServer old;
    const RedisServer fresh;
    if (!is_here(old) || !is_here(fresh)) return;
    /// What a name of a fail-over does: it leads elsewhere from some moment on.
    struct Moving {
        std::array<RedisAddress, 2> addresses;
        std::shared_ptr<std::atomic<std::size_t>> now =
            std::make_shared<std::atomic<std::size_t>>(0u);
        redisContext* operator()() const { return addresses[*now](); }
    };
    const Moving moving{{address_of(old), address_of(fresh)}};
    adapter::BasicRedisStore<Moving> store{moving};
    CHECK(store.swap("k", 0, 1, Secret("one")) == Swapped::done);
    CHECK(tell(old, {"REPLICAOF", "127.0.0.1", "1"}) == "OK");
    CHECK(store.acquire("k", "ann", 1s).outcome == Leased::unavailable);
    *moving.now = 1;
    CHECK(store.swap("k", 0, 1, Secret("one")) == Swapped::done);
    CHECK(tell(old, {"REPLICAOF", "NO", "ONE"}) == "OK");
}

TEST_CASE("with Ack<Replicas<1>> the store keeps its contract, and a write is on the replica") {
    const Pair pair;
    if (!pair.is_here()) return;
    auto store = pair.store();
    stores::keeps_the_contract(store, "key");
    CHECK(store.problem().empty());
    CHECK(store.swap("k", 0, 1, Secret("one")) == Swapped::done);
    CHECK(store_of(pair.replica).load("k").value.expose() == "one");
}

TEST_CASE("a write that no replica has counts for nothing until one has it") {
    Pair pair;
    if (!pair.is_here()) return;
    auto store = pair.store();
    RedisStore other = store_of(pair.primary);
    CHECK(store.swap("k", 0, 1, Secret("one")) == Swapped::done);
    pair.replica.stop();
    CHECK(store.acquire("k", "ann", 5s).outcome == Leased::unavailable);
    CHECK(other.acquire("k", "bob", 5s).outcome == Leased::acquired);  // it was given back
    CHECK(store.swap("k", 1, 2, Secret("two")) == Swapped::unavailable);
    CHECK(store.load("k").outcome == Loaded::unavailable);
    CHECK(store.load("other").outcome == Loaded::absent);
    CHECK(other.load("k").value.expose() == "two");  // it stands there all the same
    pair.replica.resume();
    CHECK(comes_back(store, "k"));
    CHECK(store.load("k").value.expose() == "two");
    CHECK(store_of(pair.replica).load("k").value.expose() == "two");

    // What somebody else has written since is theirs to wait for.
    pair.replica.kill();
    CHECK(store.swap("k", 2, 3, Secret("three")) == Swapped::unavailable);
    CHECK(store.load("k").outcome == Loaded::unavailable);
    CHECK(other.swap("k", 3, 4, Secret("four")) == Swapped::done);
    CHECK(store.load("k").value.expose() == "four");
    CHECK(comes_true([&] { return !store.problem().empty(); }));
    CHECK(store.problem().find("0 replicas") != std::string::npos);
}

TEST_CASE("S32 no refresh token is sent, and no new token used, that a fail-over would undo") {
    Pair pair;
    if (!pair.is_here()) return;
    Machine clock;
    RefreshTimes times;
    times.lease = 2s;
    times.call = 100ms;
    times.patience = 1s;
    SharedTokens shared{TokensIn{pair.store(), stores::sealer("key-1"), times}};
    const std::string key = shared.key("app", "ann");
    oauth::TokenSet old;
    old.access_token = Secret("old");
    old.refresh_token = Secret("refresh");
    CHECK(shared.keep(key, old, clock));
    int calls = 0;
    bool replica_dies = false;
    const auto send = [&](const Secret&, const auto&) {
        ++calls;
        oauth::TokenSet fresh;
        fresh.access_token = Secret("fresh-" + std::to_string(calls));
        fresh.refresh_token = Secret("next");
        fresh.expires_at = Machine::unix_seconds() + (replica_dies ? 900 : 1);
        if (replica_dies) pair.replica.stop();
        return SentTokens{Spent::ok, std::move(fresh)};
    };
    const auto obtain = [&] { return shared.obtain(Grant::rotating, key, {}, {}, clock, send); };

    pair.replica.stop();
    CHECK(obtain().end == RefreshEnd::unavailable);
    CHECK(calls == 0);
    pair.replica.resume();
    CHECK(comes_true([&] { return obtain().end == RefreshEnd::committed; }));
    CHECK(calls == 1);

    // The replica hangs while the server rotates: the new tokens are kept here and not used.
    std::this_thread::sleep_for(1100ms);
    replica_dies = true;
    CHECK(obtain().end == RefreshEnd::uncommitted);
    CHECK(obtain().end == RefreshEnd::uncommitted);
    CHECK(calls == 2);
    pair.replica.resume();
    Obtained last;
    CHECK(comes_true([&] { return (last = obtain()).has_token(); }));
    CHECK(last.access_token.expose() == "fresh-2");
    CHECK(calls == 2);

    // And now the fail-over: who asks the replica finds them.
    pair.primary.kill();
    CHECK(tell(pair.replica, {"REPLICAOF", "NO", "ONE"}) == "OK");
    SharedTokens after{TokensIn{store_of(pair.replica), stores::sealer("key-1"), times}};
    CHECK(after.obtain(Grant::rotating, key, {}, {}, clock, send).access_token.expose() ==
          "fresh-2");
    CHECK(calls == 2);
}

TEST_CASE("S3 of eight replicas that get one callback at once, one finds its flow in Redis") {
    RedisServer server;
    if (!is_here(server)) return;
    const auto flows = [&server] { return SealedFlows{store_of(server), stores::sealer("key-1")}; };
    oauth::PendingKey key{};
    key.fill(7);
    oauth::PendingRecord record;
    record.state = "state";
    record.verifier = Secret("canary-verifier");
    for (int round = 0; round != 20; ++round) {
        CHECK(flows().put(key, record, 0));
        CHECK_FALSE(flows().put(key, record, 0));
        std::atomic<int> found{0};
        std::vector<std::thread> threads;
        for (int i = 0; i != 8; ++i)
            threads.emplace_back([&] {
                oauth::PendingRecord taken;
                if (flows().take(key, taken, 0) == oauth::PendingFound::found &&
                    taken.verifier.expose() == "canary-verifier")
                    ++found;
            });
        for (std::thread& thread : threads) thread.join();
        CHECK(found == 1);
    }
    RedisStore texts = store_of(server);
    CHECK(texts.put("short", Secret("text"), 50ms));
    std::this_thread::sleep_for(100ms);
    CHECK(texts.take("short").outcome == Loaded::absent);
    server.kill();
    CHECK_FALSE(flows().put(key, record, 0));
    CHECK(flows().take(key, record, 0) == oauth::PendingFound::unreachable);
}

TEST_CASE("S3 a flow begins and ends on the first try after its connection was closed idle") {
    const RedisServer server;
    if (!is_here(server)) return;
    RedisStore store = store_of(server);
    const auto close_idle = [&server] { tell(server, {"CLIENT", "KILL", "TYPE", "normal"}); };
    CHECK(store.put("one", Secret("text"), 10s));
    close_idle();
    CHECK(store.put("two", Secret("more"), 10s));
    CHECK_FALSE(store.put("two", Secret("other"), 10s));
    close_idle();
    CHECK(store.take("one").value.expose() == "text");
    close_idle();
    CHECK(store.take("two").value.expose() == "more");
    CHECK(store.take("two").outcome == Loaded::absent);
}

TEST_CASE("S3 a callback whose answer was lost on the way is not said to have no flow") {
    const RedisServer other;  // whose folder has room for a socket
    if (!is_here(other)) return;
    const std::string path = other.socket() + "2";
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    REQUIRE(path.size() < sizeof address.sun_path);
    path.copy(address.sun_path, path.size());
    const int door = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    const timeval patience{5, 0};
    (void)setsockopt(door, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    void* const generic = &address;
    REQUIRE(::bind(door, static_cast<const sockaddr*>(generic), sizeof address) == 0);
    REQUIRE(::listen(door, 4) == 0);
    // On the first connection it keeps a text, takes it out and hangs up; then it has none.
    std::thread server([door] {
        char bytes[4096];
        const auto answer = [&bytes](int peer, std::string_view text) {
            if (::recv(peer, bytes, sizeof bytes, 0) > 0)
                (void)::send(peer, text.data(), text.size(), MSG_NOSIGNAL);
        };
        const int first = ::accept(door, nullptr, nullptr);
        answer(first, ":1\r\n");
        answer(first, "");
        ::close(first);
        const int second = ::accept(door, nullptr, nullptr);
        answer(second, "$-1\r\n");
        ::close(second);
    });
    RedisAddress there;
    there.unix_socket = path;
    RedisStore store(there);
    CHECK(store.put("key", Secret("text"), 10s));
    CHECK(store.take("key").outcome == Loaded::unavailable);
    server.join();
    ::close(door);
}

namespace {

struct PersonalToken {
    static constexpr std::string_view name = "personal";
    std::string token = "pat_1";
};
struct EnterpriseToken {
    static constexpr std::string_view name = "enterprise";
    std::string token = "pat_2";
};
struct WholeBody {
    std::string_view operator()(const HttpRequest& request) const { return request.body; }
};

}  // namespace

TEST_CASE("replicas learn from each other over Redis, and go on alone while it is away") {
    RedisServer server;
    if (!is_here(server)) return;
    int calls = 0;
    const auto moved = [&calls](const HttpRequest&, const Attempt& attempt) {
        ++calls;
        return HttpResponse{attempt.credential() == "enterprise" ? 200 : 401, {}, "", false};
    };
    const auto replica = [&] {
        return Client{moved, CredentialChain{PersonalToken{}, EnterpriseToken{}},
                      RetryOn<AuthRejected>{}, Remember<WholeBody, 64>{}};
    };
    const auto one = replica();
    const auto two = replica();
    SharedRoute shared_one{store_of(server)};
    SharedRoute shared_two{store_of(server)};
    const HttpRequest request{"POST", "https://api.coze.com/v3/chat", {}, "bot"};
    CHECK(one.send(request));
    CHECK(calls == 2);
    CHECK(shared_one.sync(one.route()).given == 1);
    CHECK(shared_two.sync(two.route()).taken == 1);
    CHECK(two.send(request));
    CHECK(calls == 3);
    server.kill();
    const RouteSync away = shared_two.sync(two.route());
    CHECK_FALSE(away);
    CHECK(std::string(away.problem) == "the store does not answer");
    CHECK(two.send(request));
    CHECK(calls == 4);
}
