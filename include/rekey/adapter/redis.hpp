// SPDX-License-Identifier: BSL-1.0
// redis: tokens in Redis, through hiredis, for all replicas of a service.
#ifndef REKEY_ADAPTER_REDIS_HPP
#define REKEY_ADAPTER_REDIS_HPP

#include <rekey/detail/os_random.hpp>
#include <rekey/detail/shared.hpp>
#include <rekey/token/store.hpp>

#include <hiredis/hiredis.h>

#include <chrono>
#include <csignal>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <fcntl.h>
#include <sys/time.h>
#include <unistd.h>

namespace rekey {
inline namespace v0_1 {
namespace adapter {
namespace redis_detail {

struct Deleter {
    void operator()(redisContext* context) const noexcept { redisFree(context); }
    void operator()(redisReply* reply) const noexcept { freeReplyObject(reply); }
};
using Context = std::unique_ptr<redisContext, Deleter>;
using Reply = std::unique_ptr<redisReply, Deleter>;

/// At least a microsecond, since hiredis takes nothing for no limit.
inline timeval to_timeval(Duration duration) noexcept {
    auto microseconds = std::chrono::duration_cast<std::chrono::microseconds>(duration).count();
    if (microseconds < 1) microseconds = 1;
    timeval time{};
    time.tv_sec = static_cast<decltype(time.tv_sec)>(microseconds / 1'000'000);
    time.tv_usec = static_cast<decltype(time.tv_usec)>(microseconds % 1'000'000);
    return time;
}

/// hiredis writes to sockets without asking for no SIGPIPE: a server that has gone away would end
/// the process. Holds the signal back on this thread, and takes away one that came meanwhile.
class NoBrokenPipe {
public:
    NoBrokenPipe() noexcept {
        sigset_t pending;
        sigemptyset(&pipe_);
        sigaddset(&pipe_, SIGPIPE);
        sigemptyset(&pending);
        sigpending(&pending);
        was_pending_ = sigismember(&pending, SIGPIPE) == 1;
        pthread_sigmask(SIG_BLOCK, &pipe_, &before_);
    }
    NoBrokenPipe(const NoBrokenPipe&) = delete;
    NoBrokenPipe& operator=(const NoBrokenPipe&) = delete;
    ~NoBrokenPipe() {
        sigset_t pending;
        sigemptyset(&pending);
        sigpending(&pending);
        if (!was_pending_ && sigismember(&pending, SIGPIPE) == 1) {
            int signal = 0;
            sigwait(&pipe_, &signal);
        }
        pthread_sigmask(SIG_SETMASK, &before_, nullptr);
    }

private:
    sigset_t pipe_{};
    sigset_t before_{};
    bool was_pending_ = false;
};

/// Sends one command as separate texts, so that no byte of a token or key means anything.
inline Reply command(redisContext& context, std::initializer_list<std::string_view> words,
                     std::initializer_list<std::string_view> more = {}) {
    std::vector<const char*> texts;
    std::vector<std::size_t> sizes;
    for (const std::string_view word : words) {
        texts.push_back(word.data());
        sizes.push_back(word.size());
    }
    for (const std::string_view word : more) {
        texts.push_back(word.data());
        sizes.push_back(word.size());
    }
    const NoBrokenPipe quiet;
    return Reply(static_cast<redisReply*>(
        redisCommandArgv(&context, static_cast<int>(texts.size()), texts.data(), sizes.data())));
}

inline bool is_error(const Reply& reply) noexcept {
    return reply && reply->type == REDIS_REPLY_ERROR;
}
/// The first word of an error, its code. No more of it: some repeat what they were sent.
inline std::string refusal_of(const redisReply& error) {
    const std::string_view text(error.str, static_cast<std::size_t>(error.len));
    return std::string(text.substr(0, text.find(' ')));
}
/// Whether the server says that it knows no such script, or that it takes no writes (any more).
inline bool says(const Reply& reply, std::string_view word) noexcept {
    return is_error(reply) &&
           std::string_view(reply->str, static_cast<std::size_t>(reply->len)).find(word) !=
               std::string_view::npos;
}

/// A script, and the name under which a server that has seen it keeps it: its SHA-1.
struct Script {
    std::string_view text;
    std::string_view name;
};
constexpr Script load_script{
    "local r = redis.call('HMGET', KEYS[1], 'v', 'd') "
    "return {r[1], r[2], redis.call('TIME')[1]}",
    "beb4ceff0d59612041b199a12fc4da6373083ecd"};
constexpr Script swap_script{
    "if (redis.call('HGET', KEYS[1], 'v') or '0') ~= ARGV[1] then return 0 end "
    "redis.call('HMSET', KEYS[1], 'v', ARGV[2], 'd', ARGV[3]) "
    "return 1",
    "e057cb0646f46e99a297ac246026d933fe2b304b"};
constexpr Script touch_script{
    "if redis.call('HGET', KEYS[1], 'v') ~= ARGV[1] then return 0 end "
    "redis.call('HSET', KEYS[1], 'v', ARGV[1]) "
    "return 1",
    "54d2f876886c446bb98448869046e845449ef6a5"};
constexpr Script acquire_script{
    "local owner = redis.call('GET', KEYS[1]) "
    "if owner and owner ~= ARGV[1] then return math.max(redis.call('PTTL', KEYS[1]), 1) end "
    "redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2]) "
    "return 0",
    "7f413497c33ebd40bc0825966cc4746781c85cee"};
constexpr Script renew_script{
    "if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end "
    "redis.call('PEXPIRE', KEYS[1], ARGV[2]) "
    "return 1",
    "4973dec762593b28343282d1550d9d7975e07afb"};
constexpr Script release_script{
    "if redis.call('GET', KEYS[1]) == ARGV[1] then redis.call('DEL', KEYS[1]) end "
    "return 1",
    "ecb40af576f9fd1d6fa51e15c003aa05ba33c3af"};
constexpr Script put_script{
    "if redis.call('SET', KEYS[1], ARGV[1], 'NX', 'PX', ARGV[2]) then return 1 end "
    "return 0",
    "4f68f51f298f4c9564e124b9bfd3f768b5d5b2ae"};
constexpr Script take_script{
    "local r = redis.call('GET', KEYS[1]) "
    "if r then redis.call('DEL', KEYS[1]) end "
    "return r",
    "ef444d585908e8cda9d27f714ee1689109a2eb93"};

}  // namespace redis_detail

/// Where a Redis server is, and how long it may take. An aggregate: name what you need.
struct RedisAddress {
    std::string host = "127.0.0.1";
    int port = 6379;
    std::string unix_socket{};  ///< A path, instead of host and port.
    std::string user{};         ///< Redis 6 and later; empty for the default user.
    Secret password{};
    int database = 0;
    // Nothing waits for ever: zero and less than that is the shortest time there is.
    Duration connect_timeout = std::chrono::milliseconds{500};
    Duration command_timeout = std::chrono::milliseconds{500};

    /// A new connection, ready for commands; null if there is none to be had. Whoever needs TLS
    /// or a sentinel writes a type with such a function.
    redisContext* operator()() const {
        std::string why;
        return connect(why).release();
    }
    /// Why there is no connection to be had, in a sentence; empty if there is one. A type of your
    /// own may have such a function too.
    std::string problem() const {
        std::string why;
        (void)connect(why);
        return why;
    }

private:
    redis_detail::Context connect(std::string& why) const {
        using namespace redis_detail;
        const bool is_local = !unix_socket.empty();
        why = "Redis at " + (is_local ? unix_socket : host + ":" + std::to_string(port)) +
              " does not answer";
        const timeval connects = to_timeval(connect_timeout);
        Context context(is_local ? redisConnectUnixWithTimeout(unix_socket.c_str(), connects)
                                 : redisConnectWithTimeout(host.c_str(), port, connects));
        if (!context || context->err != 0) return nullptr;
        // A program that this process starts has no business on a connection that is signed in.
        if (fcntl(context->fd, F_SETFD, FD_CLOEXEC) != 0) return nullptr;
        if (redisSetTimeout(context.get(), to_timeval(command_timeout)) != REDIS_OK) return nullptr;
        if (!password.empty()) {
            const Reply reply = user.empty() ? command(*context, {"AUTH", password.expose()})
                                             : command(*context, {"AUTH", user, password.expose()});
            if (is_error(reply)) why = "Redis refuses the password (" + refusal_of(*reply) + ")";
            if (!reply || is_error(reply)) return nullptr;
        }
        if (database != 0) {
            const Reply reply = command(*context, {"SELECT", std::to_string(database)});
            if (is_error(reply))
                why = "Redis refuses database " + std::to_string(database) + " (" +
                      refusal_of(*reply) + ")";
            if (!reply || is_error(reply)) return nullptr;
        }
        why.clear();
        return context;
    }
};

/// A write counts when the server has it: what Redis does by itself.
struct NoReplicas {
    static constexpr int count = 0;
    static constexpr int milliseconds = 0;
};
/// A write counts when so many replicas have it as well, waited for so long: `Replicas<1, 100>`.
///
/// Count         one or more, and no more than the server usually has.
/// Milliseconds  shorter than the timeout of a command.
template <int Count, int Milliseconds> struct Replicas {
    static_assert(Count > 0 && Milliseconds > 0,
                  "rekey: Replicas<count, milliseconds> waits for one replica or more, for one "
                  "millisecond or more, which Redis would take for ever. Write Ack<NoReplicas> to "
                  "wait for none.");
    static constexpr int count = Count;
    static constexpr int milliseconds = Milliseconds;
};
/// What makes a write durable: `Ack<NoReplicas>{}`, the default, or `Ack<Replicas<1, 100>>{}`.
///
/// A fail-over to a replica that lacks the last write brings back a refresh token that was used up,
/// and whoever sends it logs the user out. With `Replicas` a refresh token is not sent before so
/// many replicas know that it is being spent, and the process that got new tokens does not use them
/// before so many have them. While there are too few, no refresh begins. This narrows the gap and
/// does not close it: a server may choose another replica.
///
/// Errors   too few replicas in time: `unavailable`, as if the server had not answered, until they
///          have it; for `load` of that record as well.
/// Cost     one more round trip for each write, as long as the replicas need.
/// Source   https://redis.io/docs/latest/commands/wait/
template <class Durability = NoReplicas> struct Ack : Durability {};

/// Keeps tokens in Redis, so that all replicas of a service refresh each of them once.
///
/// A record is a hash `rekey:{key}:rec` without an expiry, a lease a string `rekey:{key}:lease`
/// with one, as is a flow that waits for its callback, `rekey:{key}:flow`; what depends on what was
/// there before is a script. Redis has to keep what it was given: a policy that evicts, or a
/// restart without its data, asks users to authorize again.
///
/// Connect   makes a connection: `RedisAddress`, or a type of your own with
///           `redisContext* operator()() const` (TLS, sentinel), whose timeouts are its own.
/// Durability  when a write counts: `BasicRedisStore{address, Ack<Replicas<1, 100>>{}}`.
/// Requires  hiredis 0.14 or later (before 1.0.2 with the fix of CVE-2021-32765, as distributions
///           have it); Redis 2.8 or later, or what speaks like it.
/// Errors    no answer, an error and an answer of another type are `unavailable`, and that
///           connection is not used again; nor are the others to a server that has become a
///           replica. After a failed connect none is tried for 50 ms, 100 ms,
///           … 2 s.
/// Threads   any; copies are the same store. Each command has a connection of its own; idle ones
///           are kept, and left to the parent after a `fork`.
/// Cost      one round trip each; a script is sent as a whole only to a server that is new to it.
/// Source    docs/tokens.md
template <class Connect = RedisAddress, class Durability = NoReplicas> class BasicRedisStore {
public:
    static constexpr bool leaves_machine = true;

    explicit BasicRedisStore(Connect connect, std::string prefix = "rekey")
        : state_(detail::Shared<State>::make(std::move(connect), std::move(prefix))) {}
    BasicRedisStore(Connect connect, Ack<Durability>, std::string prefix = "rekey")
        : BasicRedisStore(std::move(connect), std::move(prefix)) {}

    token::StoreEntry load(std::string_view key) {
        token::StoreEntry entry;
        if (!is_settled(key)) return entry;
        const Reply reply = run(redis_detail::load_script, name(key, ":rec"), {}, true);
        if (!reply || reply->type != REDIS_REPLY_ARRAY || reply->elements != 3) return entry;
        const redisReply& version = *reply->element[0];
        const redisReply& value = *reply->element[1];
        std::uint64_t now = 0;
        if (!number_in(*reply->element[2], now)) return entry;
        entry.now = static_cast<std::int64_t>(now);
        if (version.type == REDIS_REPLY_NIL && value.type == REDIS_REPLY_NIL) {
            entry.outcome = token::Loaded::absent;
            return entry;
        }
        if (value.type != REDIS_REPLY_STRING || !number_in(version, entry.version) ||
            entry.version == 0)
            return entry;
        entry.value = Secret(std::string_view(value.str, static_cast<std::size_t>(value.len)));
        detail::wipe(value.str, static_cast<std::size_t>(value.len));
        entry.outcome = token::Loaded::found;
        return entry;
    }
    token::Swapped swap(std::string_view key, std::uint64_t from, std::uint64_t to,
                        const Secret& value) {
        // Never again on another connection: a lost answer may belong to a write that happened.
        Durable durable{1};
        const long long done = number(
            run(redis_detail::swap_script, name(key, ":rec"),
                {std::to_string(from), std::to_string(to), value.expose()}, false, &durable));
        if (done == 0) return token::Swapped::moved;
        if (done == 1 && durable.holds) {
            settle(key);
            return token::Swapped::done;
        }
        owe(key, to);  // it may be written, and is not where it has to be
        return token::Swapped::unavailable;
    }
    token::LeaseAnswer acquire(std::string_view key, std::string_view owner, Duration life) {
        Durable durable{0};
        const long long left = number(run(redis_detail::acquire_script, name(key, ":lease"),
                                          {owner, milliseconds(life)}, true, &durable));
        if (left < 0) return {};
        if (left > 0) return {token::Leased::held, std::chrono::milliseconds{left}};
        if (durable.holds) return {token::Leased::acquired, life};
        release(key, owner);  // better nothing begun than a mark that no replica takes
        return {};
    }
    token::Leased renew(std::string_view key, std::string_view owner, Duration life) {
        const long long done = number(run(redis_detail::renew_script, name(key, ":lease"),
                                          {owner, milliseconds(life)}, true));
        if (done < 0) return token::Leased::unavailable;
        return done == 1 ? token::Leased::acquired : token::Leased::held;
    }
    void release(std::string_view key, std::string_view owner) {
        (void)run(redis_detail::release_script, name(key, ":lease"), {owner}, true);
    }

    /// Keeps a text for a while, where there is none yet; false if it was not kept. For flows that
    /// wait for their callback: `token::SealedFlows`.
    bool put(std::string_view key, const Secret& value, Duration life) {
        return number(run(redis_detail::put_script, name(key, ":flow"),
                          {value.expose(), milliseconds(life)}, true)) == 1;
    }
    /// Takes a text out: of all who ask, one gets it.
    token::StoreEntry take(std::string_view key) {
        token::StoreEntry entry;
        bool is_second = false;  // and the first may have taken it, without an answer
        const Reply reply =
            run(redis_detail::take_script, name(key, ":flow"), {}, true, nullptr, &is_second);
        if (reply && reply->type == REDIS_REPLY_NIL && !is_second)
            entry.outcome = token::Loaded::absent;
        if (!reply || reply->type != REDIS_REPLY_STRING) return entry;
        entry.value = Secret(std::string_view(reply->str, static_cast<std::size_t>(reply->len)));
        detail::wipe(reply->str, static_cast<std::size_t>(reply->len));
        entry.outcome = token::Loaded::found;
        return entry;
    }

    /// Why this server is no place for tokens, in a sentence; empty if nothing speaks against it.
    /// To be asked once at start: a server that evicts keys logs users out when memory is short.
    std::string problem() {
        Redis connection = take();
        Reply ping =
            connection.context ? redis_detail::command(*connection.context, {"PING"}) : nullptr;
        if (!ping && connection.is_used) {  // it may have been closed while it was idle
            drop_idle();
            connection = take();
            if (connection.context) ping = redis_detail::command(*connection.context, {"PING"});
        }
        if (redis_detail::says(ping, "NOAUTH"))
            return "Redis asks for a password and was given none (NOAUTH)";
        if (redis_detail::is_error(ping))
            return "Redis refuses commands (" + redis_detail::refusal_of(*ping) + ")";
        if (!ping) return why_not(state_->connect, 0);
        const Reply policy =
            redis_detail::command(*connection.context, {"CONFIG", "GET", "maxmemory-policy"});
        const bool says = policy && policy->type == REDIS_REPLY_ARRAY && policy->elements == 2 &&
                          policy->element[1]->type == REDIS_REPLY_STRING;
        const int replicas = replicas_of(*connection.context);
        if (connection.context->err == 0) give_back(std::move(connection));
        if (replicas < waits_for)
            return "Redis has " + std::to_string(replicas) + " replicas and each write waits for " +
                   std::to_string(waits_for) + ": no token would be refreshed";
        if (says && std::string_view(policy->element[1]->str).substr(0, 7) == "allkeys")
            return "Redis evicts keys when memory is short (maxmemory-policy " +
                   std::string(policy->element[1]->str) +
                   "): users would have to authorize again; use noeviction";
        return {};
    }

private:
    using Reply = redis_detail::Reply;
    using Context = redis_detail::Context;
    using Time = std::chrono::steady_clock::time_point;
    struct Redis {
        Context context{};
        bool is_used = false;  ///< It may have died since.
    };
    struct State {
        State(Connect&& given, std::string&& text)
            : connect(std::move(given)), prefix(std::move(text)) {}
        Connect connect;
        std::string prefix;
        std::mutex mutex{};
        std::vector<Context> idle{};
        pid_t process = getpid();  // whose they are
        int failures = 0;          // of connecting, in a row
        Time again_at{};
        std::map<std::string, std::uint64_t> owed{};  // written, and not on enough replicas
    };
    static constexpr std::size_t most_idle = 16;

    template <class Any>
    static auto why_not(const Any& connect, int) -> decltype(std::string(connect.problem())) {
        const std::string why = connect.problem();
        return why.empty() ? "Redis does not answer" : why;
    }
    template <class Any> static std::string why_not(const Any&, long) {
        return "Redis does not answer";
    }

    std::string name(std::string_view key, std::string_view ending) const {
        std::string text = state_->prefix;
        text += ":{";
        text += key;
        text += '}';
        text += ending;
        return text;
    }
    static constexpr int waits_for = Durability::count;
    /// Of a command: the answer that says that it wrote, and whether enough replicas have that.
    struct Durable {
        long long written;
        bool holds = waits_for == 0;
    };

    /// How many replicas follow the server; none if it does not say.
    static int replicas_of(redisContext& context) {
        if constexpr (waits_for == 0) return 0;
        const Reply reply = redis_detail::command(context, {"INFO", "replication"});
        if (!reply || reply->type != REDIS_REPLY_STRING) return 0;
        const std::string_view text(reply->str, static_cast<std::size_t>(reply->len));
        constexpr std::string_view label = "connected_slaves:";
        const std::size_t begin = text.find(label);
        int count = 0;
        if (begin == text.npos) return 0;
        for (const char c : text.substr(begin + label.size(), 6)) {
            if (c < '0' || c > '9') break;
            count = count * 10 + (c - '0');
        }
        return count;
    }
    /// Whether enough replicas have what this connection wrote.
    static bool has_replicas(redisContext& context) {
        return number(redis_detail::command(context, {"WAIT", std::to_string(waits_for),
                                                      std::to_string(Durability::milliseconds)})) >=
               waits_for;
    }
    void owe([[maybe_unused]] std::string_view key, [[maybe_unused]] std::uint64_t version) {
        if constexpr (waits_for != 0) {
            const std::lock_guard<std::mutex> lock(state_->mutex);
            state_->owed[std::string(key)] = version;
        }
    }
    void settle([[maybe_unused]] std::string_view key) {
        if constexpr (waits_for != 0) {
            const std::lock_guard<std::mutex> lock(state_->mutex);
            state_->owed.erase(std::string(key));
        }
    }
    /// False: a write of ours to this record has not reached enough replicas, and does not now.
    bool is_settled([[maybe_unused]] std::string_view key) {
        if constexpr (waits_for != 0) {
            std::uint64_t version = 0;
            {
                const std::lock_guard<std::mutex> lock(state_->mutex);
                const auto place = state_->owed.find(std::string(key));
                if (place == state_->owed.end()) return true;
                version = place->second;
            }
            // WAIT speaks of the writes of its own connection, so the record is written once more.
            Durable durable{1};
            const long long stands = number(run(redis_detail::touch_script, name(key, ":rec"),
                                                {std::to_string(version)}, true, &durable));
            if (stands != 0 && !durable.holds) return false;
            settle(key);  // of 0: another version stands there, and whoever wrote it waits for it
        }
        return true;
    }

    static std::string milliseconds(Duration life) {
        const auto whole = std::chrono::duration_cast<std::chrono::milliseconds>(life).count();
        return std::to_string(whole < 1 ? 1 : whole);
    }
    static long long number(const Reply& reply) noexcept {
        return reply && reply->type == REDIS_REPLY_INTEGER ? reply->integer : -1;
    }
    static bool number_in(const redisReply& reply, std::uint64_t& number) noexcept {
        if (reply.type != REDIS_REPLY_STRING || reply.len == 0 || reply.len > 20) return false;
        number = 0;
        for (const char c : std::string_view(reply.str, static_cast<std::size_t>(reply.len))) {
            if (c < '0' || c > '9') return false;
            number = number * 10 + static_cast<std::uint64_t>(c - '0');
        }
        return true;
    }

    Redis take() {
        {
            const std::lock_guard<std::mutex> lock(state_->mutex);
            if (getpid() != state_->process) {  // forked: they are its parent's, who reads there
                state_->idle.clear();
                state_->process = getpid();
            }
            if (!state_->idle.empty()) {
                Redis used{std::move(state_->idle.back()), true};
                state_->idle.pop_back();
                return used;
            }
            if (std::chrono::steady_clock::now() < state_->again_at) return {};
        }
        Redis fresh{Context(state_->connect()), false};
        const std::lock_guard<std::mutex> lock(state_->mutex);
        if (fresh.context) {
            state_->failures = 0;
            state_->again_at = Time{};
        } else {
            const int doubled = state_->failures < 5 ? state_->failures : 5;
            ++state_->failures;
            unsigned char random = 0;
            (void)detail::os_random(&random, 1);
            const std::chrono::milliseconds pause{(50 << doubled) + (random % 32 << doubled)};
            state_->again_at = std::chrono::steady_clock::now() + pause;
        }
        return fresh;
    }
    void give_back(Redis connection) {
        const std::lock_guard<std::mutex> lock(state_->mutex);
        if (state_->idle.size() < most_idle) state_->idle.push_back(std::move(connection.context));
    }
    /// One failed: the others that waited beside it are likely to be dead as well.
    void drop_idle() {
        std::vector<Context> dropped;
        const std::lock_guard<std::mutex> lock(state_->mutex);
        dropped.swap(state_->idle);
    }

    Reply run(const redis_detail::Script& script, const std::string& key,
              std::initializer_list<std::string_view> arguments, bool may_repeat,
              [[maybe_unused]] Durable* durable = nullptr, bool* is_second = nullptr) {
        for (;;) {
            Redis connection = take();
            if (!connection.context) return nullptr;
            Reply reply = send(*connection.context, script, key, arguments);
            if (reply && connection.context->err == 0 && !redis_detail::is_error(reply)) {
                if constexpr (waits_for != 0)
                    if (durable != nullptr && number(reply) == durable->written)
                        durable->holds = has_replicas(*connection.context);
                if (connection.context->err == 0) give_back(std::move(connection));
                return reply;
            }
            // Replies could be off by one from here on, so the connection is dropped.
            const bool is_broken = !reply || connection.context->err != 0;
            const bool is_replica = !is_broken && redis_detail::says(reply, "READONLY");
            if (is_broken || is_replica) drop_idle();
            if (!connection.is_used) return nullptr;
            if (!is_replica && !(is_broken && may_repeat)) return nullptr;  // a replica did nothing
            if (is_broken && is_second != nullptr) *is_second = true;
        }
    }
    static Reply send(redisContext& context, const redis_detail::Script& script,
                      const std::string& key, std::initializer_list<std::string_view> arguments) {
        using redis_detail::command;
        Reply reply = command(context, {"EVALSHA", script.name, "1", key}, arguments);
        if (!redis_detail::says(reply, "NOSCRIPT")) return reply;
        return command(context, {"EVAL", script.text, "1", key}, arguments);
    }

    detail::Shared<State> state_;
};

/// The one to use.
using RedisStore = BasicRedisStore<>;

}  // namespace adapter
}  // namespace v0_1
}  // namespace rekey

#endif
