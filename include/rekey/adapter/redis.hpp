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
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <sys/time.h>

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

inline timeval to_timeval(Duration duration) noexcept {
    const auto microseconds =
        std::chrono::duration_cast<std::chrono::microseconds>(duration).count();
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
inline Reply command(redisContext& context, std::initializer_list<std::string_view> words) {
    std::vector<const char*> texts;
    std::vector<std::size_t> sizes;
    for (const std::string_view word : words) {
        texts.push_back(word.data());
        sizes.push_back(word.size());
    }
    const NoBrokenPipe quiet;
    return Reply(static_cast<redisReply*>(
        redisCommandArgv(&context, static_cast<int>(texts.size()), texts.data(), sizes.data())));
}

constexpr std::string_view load_script =
    "local r = redis.call('HMGET', KEYS[1], 'v', 'd') "
    "return {r[1], r[2], redis.call('TIME')[1]}";
constexpr std::string_view swap_script =
    "if (redis.call('HGET', KEYS[1], 'v') or '0') ~= ARGV[1] then return 0 end "
    "redis.call('HMSET', KEYS[1], 'v', ARGV[2], 'd', ARGV[3]) "
    "return 1";
constexpr std::string_view acquire_script =
    "local owner = redis.call('GET', KEYS[1]) "
    "if owner and owner ~= ARGV[1] then return math.max(redis.call('PTTL', KEYS[1]), 1) end "
    "redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2]) "
    "return 0";
constexpr std::string_view renew_script =
    "if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end "
    "redis.call('PEXPIRE', KEYS[1], ARGV[2]) "
    "return 1";
constexpr std::string_view release_script =
    "if redis.call('GET', KEYS[1]) == ARGV[1] then redis.call('DEL', KEYS[1]) end "
    "return 1";

}  // namespace redis_detail

/// Where a Redis server is, and how long it may take. An aggregate: name what you need.
struct RedisAddress {
    std::string host = "127.0.0.1";
    int port = 6379;
    std::string unix_socket{};  ///< A path, instead of host and port.
    std::string user{};         ///< Redis 6 and later; empty for the default user.
    Secret password{};
    int database = 0;
    Duration connect_timeout = std::chrono::milliseconds{500};
    Duration command_timeout = std::chrono::milliseconds{500};

    /// A new connection, ready for commands; null if there is none to be had. Whoever needs TLS
    /// or a sentinel writes a type with such a function.
    redisContext* operator()() const {
        using namespace redis_detail;
        const timeval connects = to_timeval(connect_timeout);
        Context context(unix_socket.empty()
                            ? redisConnectWithTimeout(host.c_str(), port, connects)
                            : redisConnectUnixWithTimeout(unix_socket.c_str(), connects));
        if (!context || context->err != 0) return nullptr;
        if (redisSetTimeout(context.get(), to_timeval(command_timeout)) != REDIS_OK) return nullptr;
        if (!password.empty()) {
            const Reply reply = user.empty() ? command(*context, {"AUTH", password.expose()})
                                             : command(*context, {"AUTH", user, password.expose()});
            if (!reply || reply->type == REDIS_REPLY_ERROR) return nullptr;
        }
        if (database != 0) {
            const Reply reply = command(*context, {"SELECT", std::to_string(database)});
            if (!reply || reply->type == REDIS_REPLY_ERROR) return nullptr;
        }
        return context.release();
    }
};

/// Keeps tokens in Redis, so that all replicas of a service refresh each of them once.
///
/// A record is a hash `rekey:{key}:rec` without an expiry, a lease a string `rekey:{key}:lease`
/// with one; what depends on what was there before is a script. Redis has to keep what it was
/// given: a policy that evicts, or a restart without its data, asks users to authorize again.
///
/// Connect   makes a connection: `RedisAddress`, or a type of your own with
///           `redisContext* operator()() const` (TLS, sentinel), whose timeouts are its own.
/// Requires  hiredis 0.14 or later (before 1.0.2 with the fix of CVE-2021-32765, as distributions
///           have it); Redis 2.8 or later, or what speaks like it.
/// Errors    no answer, an error and an answer of another type are `unavailable`, and that
///           connection is not used again. After a failed connect none is tried for 50 ms, 100 ms,
///           … 2 s.
/// Threads   any; copies are the same store. Each command has a connection of its own; idle ones
///           are kept.
/// Cost      one round trip each.
/// Source    docs/tokens.md
template <class Connect = RedisAddress> class BasicRedisStore {
public:
    static constexpr bool leaves_machine = true;

    explicit BasicRedisStore(Connect connect, std::string prefix = "rekey")
        : state_(detail::Shared<State>::make(std::move(connect), std::move(prefix))) {}

    token::StoreEntry load(std::string_view key) {
        token::StoreEntry entry;
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
        const long long done =
            number(run(redis_detail::swap_script, name(key, ":rec"),
                       {std::to_string(from), std::to_string(to), value.expose()}, false));
        if (done < 0) return token::Swapped::unavailable;
        return done == 1 ? token::Swapped::done : token::Swapped::moved;
    }
    token::LeaseAnswer acquire(std::string_view key, std::string_view owner, Duration life) {
        const long long left = number(run(redis_detail::acquire_script, name(key, ":lease"),
                                          {owner, milliseconds(life)}, true));
        if (left < 0) return {};
        if (left == 0) return {token::Leased::acquired, life};
        return {token::Leased::held, std::chrono::milliseconds{left}};
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

    /// Why this server is no place for tokens, in a sentence; empty if nothing speaks against it.
    /// To be asked once at start: a server that evicts keys logs users out when memory is short.
    std::string problem() {
        Redis connection = take();
        if (!connection.context) return "Redis does not answer";
        const Reply ping = redis_detail::command(*connection.context, {"PING"});
        if (!ping || ping->type == REDIS_REPLY_ERROR) return "Redis does not answer";
        const Reply policy =
            redis_detail::command(*connection.context, {"CONFIG", "GET", "maxmemory-policy"});
        const bool says = policy && policy->type == REDIS_REPLY_ARRAY && policy->elements == 2 &&
                          policy->element[1]->type == REDIS_REPLY_STRING;
        if (policy) give_back(std::move(connection));
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
        int failures = 0;  // of connecting, in a row
        Time again_at{};
    };
    static constexpr std::size_t most_idle = 16;

    std::string name(std::string_view key, std::string_view ending) const {
        std::string text = state_->prefix;
        text += ":{";
        text += key;
        text += '}';
        text += ending;
        return text;
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

    Reply run(std::string_view script, const std::string& key,
              std::initializer_list<std::string_view> arguments, bool may_repeat) {
        for (;;) {
            Redis connection = take();
            if (!connection.context) return nullptr;
            Reply reply = send(*connection.context, script, key, arguments);
            if (reply && connection.context->err == 0 && reply->type != REDIS_REPLY_ERROR) {
                give_back(std::move(connection));
                return reply;
            }
            // Replies could be off by one from here on, so the connection is dropped.
            const bool is_broken = !reply || connection.context->err != 0;
            if (is_broken) drop_idle();
            if (!is_broken || !connection.is_used || !may_repeat) return nullptr;
        }
    }
    static Reply send(redisContext& context, std::string_view script, const std::string& key,
                      std::initializer_list<std::string_view> arguments) {
        const auto* const first = arguments.begin();
        switch (arguments.size()) {
            case 0: return redis_detail::command(context, {"EVAL", script, "1", key});
            case 1: return redis_detail::command(context, {"EVAL", script, "1", key, first[0]});
            case 2:
                return redis_detail::command(context,
                                             {"EVAL", script, "1", key, first[0], first[1]});
            default:
                return redis_detail::command(
                    context, {"EVAL", script, "1", key, first[0], first[1], first[2]});
        }
    }

    detail::Shared<State> state_;
};

/// The one to use.
using RedisStore = BasicRedisStore<>;

}  // namespace adapter
}  // namespace v0_1
}  // namespace rekey

#endif
