// SPDX-License-Identifier: BSL-1.0
// SharedTokens: does what the refresh protocol says, with a store, a clock and a token endpoint.
#ifndef REKEY_TOKEN_SHARED_TOKENS_HPP
#define REKEY_TOKEN_SHARED_TOKENS_HPP

#include <rekey/detail/atomic.hpp>
#include <rekey/detail/os_random.hpp>
#include <rekey/extras.hpp>
#include <rekey/oauth/code_exchange.hpp>
#include <rekey/oauth/random_token.hpp>
#include <rekey/token/record.hpp>
#include <rekey/token/refresh_protocol.hpp>
#include <rekey/token/source.hpp>
#include <rekey/token/store.hpp>
#include <rekey/token/store_counts.hpp>

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <map>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>
#include <utility>

namespace rekey {
inline namespace v0_1 {
namespace token {

/// What a token request brought. The tokens are those of `Spent::ok`.
struct SentTokens {
    Spent outcome = Spent::unknown;
    oauth::TokenSet tokens{};
};

/// How obtaining a token ended, and the token if there is one to use.
struct Obtained {
    RefreshEnd end = RefreshEnd::failed;
    bool is_lost = false;    ///< Of `dead`: nobody knows what became of the last refresh token.
    bool cancelled = false;  ///< The caller stopped it.
    std::int64_t fresh_until = 0;
    std::int64_t expires_at = 0;
    Secret access_token{};

    bool has_token() const noexcept { return !access_token.empty(); }
};

/// What to say of an end without a token.
inline const char* sentence(RefreshEnd end, bool is_lost) noexcept {
    switch (end) {
        case RefreshEnd::absent: return "this user has not authorized, or has signed out";
        case RefreshEnd::dead:
            return is_lost ? "the answer to the last refresh was lost, or the process that sent it "
                             "died before the new tokens were stored, so the refresh token may be "
                             "used up"
                           : "the authorization of this user is over";
        case RefreshEnd::unreadable:
            return "the token store has a record of this user that cannot be read here: written by "
                   "another version, sealed with another key, or changed";
        case RefreshEnd::late: return "another process is still refreshing the token";
        case RefreshEnd::unavailable:
            return "the token store does not answer, and without it the refresh token is not sent";
        case RefreshEnd::uncommitted:
            return "the token store does not answer; the new tokens are used when it has them";
        default: return "the token could not be refreshed";
    }
}

namespace store_parts {

/// Does something of which an exception has nowhere to go; false: there was one.
template <class Act> bool without_throwing(const Act& act) noexcept {
#if defined(__cpp_exceptions)
    try {
        act();
        return true;
    } catch (...) {
        return false;
    }
#else
    act();
    return true;
#endif
}

/// Renews a lease every third of its life while a token request is on its way.
template <class Store> class LeaseKeeper {
public:
    LeaseKeeper(Store& store, std::string_view key, std::string_view owner, Duration life)
        : store_(store), key_(key), owner_(owner), life_(life), thread_([this] { run(); }) {}
    LeaseKeeper(const LeaseKeeper&) = delete;
    LeaseKeeper& operator=(const LeaseKeeper&) = delete;
    ~LeaseKeeper() {
        {
            const std::lock_guard<std::mutex> lock(mutex_);
            is_over_ = true;
        }
        ended_.notify_all();
        thread_.join();
    }
    /// False: somebody else may have it by now, so nothing more is sent.
    bool is_held() const noexcept { return is_held_.load(rekey::detail::Order::acquire); }

private:
    void run() {
        std::unique_lock<std::mutex> lock(mutex_);
        auto asked_at = std::chrono::steady_clock::now();
        while (!ended_.wait_for(lock, life_ / 3, [this] { return is_over_; })) {
            lock.unlock();
            const auto now = std::chrono::steady_clock::now();
            Leased answer = Leased::unavailable;  // also if the store throws
            without_throwing([&] { answer = store_.renew(key_, owner_, life_); });
            if (answer == Leased::acquired) asked_at = now;
            const bool may_be_over = answer == Leased::unavailable &&
                                     std::chrono::steady_clock::now() - asked_at >= life_;
            if (answer == Leased::held || may_be_over)
                is_held_.store(false, rekey::detail::Order::release);
            lock.lock();
        }
    }

    Store& store_;
    std::string_view key_;
    std::string_view owner_;
    Duration life_;
    std::mutex mutex_{};
    std::condition_variable ended_{};
    bool is_over_ = false;
    rekey::detail::Atomic<bool> is_held_{true};
    std::thread thread_;
};

/// What the store does not know yet: new tokens, or that there are none any more.
struct Unstored {
    std::string attempt{};
    std::uint64_t version = 0;
    TokenRecord record{};
    bool is_anew = false;  ///< Of an authorization or a sign-out: replaces whatever is there.
};

}  // namespace store_parts

/// The tokens of a client in a store.
///
/// Tokens    a `TokensIn`.
/// Threads   any; for one key one caller at a time, which the sources see to.
template <class Tokens> class SharedTokens {
public:
    static constexpr bool is_shared = true;

    explicit SharedTokens(Tokens tokens) : tokens_(std::move(tokens)) {}

    /// The name of a user's record.
    std::string key(std::string_view app, std::string_view subject) const {
        return record_key(app, subject, tokens_.sealer());
    }

    /// Obtains a token: from the store, or by one token request of all processes.
    ///
    /// `refused`   the access token that was refused, which will not do; or empty.
    /// `send`      `SentTokens(const Secret& refresh_token, is_held)`: makes the token request;
    ///             before each further send of it, `is_held()` says whether it still may.
    /// `limit`     of the call that asks: it waits no longer for other processes; 0 for none.
    template <class Clock, class Send>
    Obtained obtain(Grant grant, const std::string& key, std::string_view refused,
                    const rekey::detail::Stop& stop, Clock& clock, Send&& send,
                    Duration limit = Duration{0}) {
        store_parts::Unstored unstored;
        if (take_unstored(key, unstored)) {
            Obtained stored = store_at_last(key, unstored, refused, stop, clock, send);
            const bool is_away =
                stored.end == RefreshEnd::uncommitted || stored.end == RefreshEnd::unavailable;
            if (stored.has_token() || is_away) return stored;
        }
        Work<Clock> work{*this, grant, key, refused, clock, limit};
        work.attempt = oauth::random_token(16);
        if (work.attempt.empty()) return {};
        return run(work, work.protocol.start(clock.now()), stop, send);
    }

    /// Puts the tokens of a new authorization into the store, over whatever is there. False: the
    /// store does not answer; it gets them before this user's next refresh.
    template <class Clock>
    bool keep(const std::string& key, const oauth::TokenSet& tokens, Clock& clock) {
        store_parts::Unstored anew;
        anew.record = record_of(tokens, clock.unix_seconds());
        anew.record.attempt = oauth::random_token(16);
        anew.is_anew = true;
        (void)take_unstored(key);
        return put_or_remember(key, anew);
    }

    /// Removes the tokens of a user, and gives them to who wants to revoke them. False: the store
    /// does not answer; they are removed before anybody gets them here.
    bool forget(const std::string& key, oauth::TokenSet* last = nullptr) {
        store_parts::Unstored unstored;
        const bool has_unstored = take_unstored(key, unstored);
        store_parts::Unstored nothing;
        nothing.is_anew = true;
        Kept kept(*this, key, nothing);
        if (last != nullptr) {
            const StoreEntry entry = tokens_.store().load(key);
            TokenRecord record;
            if (entry.outcome == Loaded::found)
                record = read_record(entry.value.expose(), key, entry.version, tokens_.sealer(),
                                     Opening::both);
            const bool is_newer = has_unstored && unstored.record.state == RecordState::live &&
                                  (entry.outcome != Loaded::found || unstored.is_anew ||
                                   unstored.attempt == record.attempt);
            if (is_newer) record = std::move(unstored.record);
            last->access_token = std::move(record.access_token);
            last->refresh_token = std::move(record.refresh_token);
        }
        return kept.put();
    }

private:
    /// What only this process has, and keeps for later if an exception ends the work here.
    enum class Unkept : unsigned char {
        nothing,
        mark,   ///< The record may say that the refresh token is being spent; it was not sent.
        tokens  ///< New ones, which the store may lack.
    };
    template <class Clock> struct Work {
        Work(SharedTokens& all, Grant grant, const std::string& name, std::string_view without,
             Clock& time, Duration limit = Duration{0})
            : owner(all),
              key(name),
              refused(without),
              clock(time),
              protocol(grant, within(all.times(), limit)) {}
        Work(const Work&) = delete;
        Work& operator=(const Work&) = delete;
        ~Work() {  // also if a transport or the store throws, or memory runs out
            using store_parts::without_throwing;
            if (unkept != Unkept::nothing) without_throwing([this] { owner.remember(*this); });
            if (protocol.has_lease())
                without_throwing([this] { owner.tokens_.store().release(key, attempt); });
        }

        SharedTokens& owner;
        const std::string& key;
        std::string_view refused;
        Clock& clock;
        RefreshProtocol protocol;
        std::string attempt{};
        TokenRecord record{};  // as it was read, or written, last
        TokenRecord fresh{};   // of the answer
        std::int64_t store_time = 0;
        std::int64_t age_at_mark = 0;
        TimePoint marked_at{};
        bool is_record_alive = false;
        bool had_lease = false;
        std::size_t waits = 0;
        Unkept unkept = Unkept::nothing;
    };

    const RefreshTimes& times() const noexcept { return tokens_.times(); }
    static RefreshTimes within(RefreshTimes times, Duration limit) noexcept {
        if (limit > Duration{0} && limit < times.patience) times.patience = limit;
        return times;
    }
    void count(StoreCounter::Number what) const noexcept { tokens_.counter().count(what); }

    template <class Clock, class Send>
    Obtained run(Work<Clock>& work, RefreshAction next, const rekey::detail::Stop& stop,
                 Send& send) {
        RefreshProtocol& protocol = work.protocol;
        auto& store = tokens_.store();
        Clock& clock = work.clock;
        bool is_stopped = false;
        for (;;) {
            switch (next.step) {
                case RefreshStep::load: next = protocol.loaded(read(work), clock.now()); break;
                case RefreshStep::acquire: {
                    const LeaseAnswer answer = store.acquire(work.key, work.attempt, times().lease);
                    if (answer.outcome == Leased::acquired) work.had_lease = true;
                    if (answer.outcome == Leased::held) count(StoreCounter::lease_waits);
                    if (answer.outcome == Leased::unavailable) count(StoreCounter::unavailable);
                    next = protocol.leased(answer, clock.now());
                    break;
                }
                case RefreshStep::mark:
                case RefreshStep::commit:
                case RefreshStep::restore:
                case RefreshStep::bury:
                    next = protocol.swapped(write(work, next), clock.now());
                    break;
                case RefreshStep::send: next = send_with_lease(work, send); break;
                case RefreshStep::release:
                    store.release(work.key, work.attempt);
                    next = protocol.released(clock.now());
                    break;
                case RefreshStep::wait: {
                    const Duration delay = shorter(work, next.delay);
                    if (!is_stopped && stop.sleep(clock, delay)) {
                        next = protocol.waited(clock.now());
                        break;
                    }
                    next = protocol.stopped(clock.now());
                    // What has to be written is waited for, and not asked for on and on.
                    if (is_stopped && next.step == RefreshStep::load)
                        (void)rekey::detail::Stop{}.sleep(clock, delay);
                    is_stopped = true;
                    break;
                }
                case RefreshStep::finish: return end_of(work, next.end, is_stopped);
            }
        }
    }

    template <class Clock, class Send>
    RefreshAction send_with_lease(Work<Clock>& work, Send& send) {
        RefreshProtocol& protocol = work.protocol;
        auto& store = tokens_.store();
        SentTokens sent;
        count(StoreCounter::sends);
        if (protocol.has_lease()) {
            const store_parts::LeaseKeeper<std::remove_reference_t<decltype(store)>> keeper(
                store, work.key, work.attempt, times().lease);
            work.unkept = Unkept::nothing;
            sent = send(work.record.refresh_token, [&keeper] { return keeper.is_held(); });
            if (!keeper.is_held()) count(StoreCounter::leases_lost);
        } else {
            sent = send(work.record.refresh_token, [] { return true; });
        }
        if (sent.outcome == Spent::unknown) count(StoreCounter::unknown);
        Clock& clock = work.clock;
        bool may_repeat = false;
        if (sent.outcome == Spent::ok) {
            work.fresh = record_of(sent.tokens, clock.unix_seconds());
            work.fresh.attempt = work.attempt;
            if (!work.fresh.refresh_token.empty()) work.unkept = Unkept::tokens;
        } else if (sent.outcome == Spent::unknown && !work.record.is_repeated) {
            const TimePoint now = clock.now();
            const std::int64_t age =
                work.age_at_mark +
                std::chrono::duration_cast<std::chrono::seconds>(now - work.marked_at).count() + 1;
            may_repeat = Tokens::GraceOf::repeats_unknown(age) &&
                         store.renew(work.key, work.attempt, times().lease) == Leased::acquired;
            if (may_repeat) protocol.renewed(now);
        }
        return protocol.sent(sent.outcome, may_repeat, clock.now());
    }

    template <class Clock> RecordFacts read(Work<Clock>& work) {
        StoreEntry entry = tokens_.store().load(work.key);
        RecordFacts facts;
        facts.is_available = entry.outcome != Loaded::unavailable;
        facts.version = entry.version;
        if (!facts.is_available) {
            count(StoreCounter::unavailable);
            return facts;
        }
        work.store_time = entry.now;
        work.record = TokenRecord{};
        work.is_record_alive = false;
        if (entry.outcome == Loaded::absent) return facts;
        const bool may_spend = work.protocol.has_lease();
        work.record = read_record(entry.value.expose(), work.key, entry.version, tokens_.sealer(),
                                  may_spend ? Opening::both : Opening::access_only);
        const TokenRecord& record = work.record;
        facts.state = record.state;
        facts.is_mine = record.attempt == work.attempt;
        facts.is_lost = record.is_lost;
        if (record.state == RecordState::pending) {
            const std::int64_t age = entry.now - record.since;
            facts.may_repeat = !record.is_repeated && Tokens::GraceOf::repeats_unknown(age);
            facts.may_return =
                !facts.may_repeat && age >= 0 && std::chrono::seconds{age} < times().doubt;
        }
        if (record.state != RecordState::live && record.state != RecordState::pending) return facts;
        const std::int64_t now = work.clock.unix_seconds();
        const bool will_do = !record.access_token.empty() &&
                             (work.refused.empty() ||
                              !constant_time_equal(record.access_token.expose(), work.refused));
        facts.is_alive = will_do && now < record.expires_at;
        facts.is_fresh = will_do && record.state == RecordState::live && now < record.fresh_until;
        work.is_record_alive = facts.is_alive;
        return facts;
    }

    template <class Clock> Swapped write(Work<Clock>& work, const RefreshAction& action) {
        TokenRecord record;
        switch (action.step) {
            case RefreshStep::mark: {
                const bool is_first = work.record.state != RecordState::pending;
                record = work.record;
                record.state = RecordState::pending;
                record.attempt = work.attempt;
                record.is_repeated = action.is_repeat;
                if (is_first) record.since = work.store_time;
                work.age_at_mark = work.store_time - record.since;
                if (is_first || !action.is_repeat || work.marked_at == TimePoint{})
                    work.marked_at = work.clock.now();
                break;
            }
            case RefreshStep::restore:
                record = work.record;
                record.state = RecordState::live;
                record.attempt = work.attempt;
                record.is_repeated = false;
                break;
            case RefreshStep::commit: record = work.fresh; break;
            default:
                record.state = RecordState::dead;
                record.attempt = work.record.attempt;
                record.is_lost = action.is_lost;
                break;
        }
        if (action.step == RefreshStep::mark && !action.is_repeat) work.unkept = Unkept::mark;
        const Swapped outcome = swap(work.key, action.version, record);
        const bool is_settled = action.step == RefreshStep::mark ? outcome == Swapped::moved
                                : action.step == RefreshStep::commit
                                    ? outcome == Swapped::done
                                    : outcome != Swapped::unavailable;
        if (is_settled) work.unkept = Unkept::nothing;
        if (outcome == Swapped::moved) count(StoreCounter::swaps_lost);
        if (outcome == Swapped::unavailable) count(StoreCounter::unavailable);
        if (outcome == Swapped::done && record.state == RecordState::dead)
            count(record.is_lost ? StoreCounter::dead_lost : StoreCounter::dead_refused);
        // A mark without an answer may stand there: what was meant is what may have to be undone.
        if (action.step != RefreshStep::commit && outcome != Swapped::moved)
            work.record = std::move(record);
        return outcome;
    }
    Swapped swap(const std::string& key, std::uint64_t from, const TokenRecord& record) {
        const std::uint64_t to = from == 0 ? first_version() : from + 1;
        const Secret text = write_record(record, key, to, tokens_.sealer());
        if (text.empty() || to == 0) return Swapped::unavailable;  // it cannot be sealed
        return tokens_.store().swap(key, from, to, text);
    }
    /// Where versions begin: never where they began before, should a store have lost its records.
    static std::uint64_t first_version() {
        std::uint64_t bits = 0;
        if (!rekey::detail::os_random(&bits, sizeof bits)) return 0;
        return (bits >> 16u) + 1;
    }
    bool put(const std::string& key, const TokenRecord& record) {
        for (int attempt = 0; attempt != 8; ++attempt) {
            const StoreEntry entry = tokens_.store().load(key);
            if (entry.outcome == Loaded::unavailable) return false;
            if (swap(key, entry.version, record) == Swapped::done) return true;
        }
        return false;
    }

    /// Others usually need milliseconds: who waits looks again soon, and not all at once.
    template <class Clock> static Duration shorter(Work<Clock>& work, Duration limit) {
        const std::size_t doubled = work.waits < 5 ? work.waits : 5;
        const auto random = static_cast<unsigned char>(work.attempt[work.waits % 16]) % 64;
        ++work.waits;
        const Duration look = std::chrono::microseconds{(5'000 + 80 * random) << doubled};
        return look < limit ? look : limit;
    }

    template <class Clock> Obtained end_of(Work<Clock>& work, RefreshEnd end, bool is_stopped) {
        Obtained obtained;
        obtained.end = end;
        obtained.is_lost = work.record.is_lost;
        work.unkept = Unkept::nothing;
        if (work.protocol.leaves_mark()) work.unkept = Unkept::mark;
        if (end == RefreshEnd::uncommitted) work.unkept = Unkept::tokens;
        if (work.unkept != Unkept::nothing) remember(work);
        work.unkept = Unkept::nothing;
        const auto take = [&obtained](TokenRecord& record) {
            obtained.fresh_until = record.fresh_until;
            obtained.expires_at = record.expires_at;
            obtained.access_token = std::move(record.access_token);
        };
        switch (end) {
            case RefreshEnd::use:
                if (work.had_lease) count(StoreCounter::saved_by_reading);
                take(work.record);
                return obtained;
            case RefreshEnd::committed:
            case RefreshEnd::alone: take(work.fresh); return obtained;
            case RefreshEnd::failed:
            case RefreshEnd::late:
            case RefreshEnd::unavailable:  // the old token serves as long as it lives
                if (work.is_record_alive && work.clock.unix_seconds() < work.record.expires_at &&
                    !is_stopped)
                    take(work.record);
                break;
            default: break;
        }
        obtained.cancelled = is_stopped && !obtained.has_token();
        return obtained;
    }

    template <class Clock, class Send>
    Obtained store_at_last(const std::string& key, store_parts::Unstored& unstored,
                           std::string_view refused, const rekey::detail::Stop& stop, Clock& clock,
                           Send& send) {
        if (unstored.is_anew) {
            Obtained waiting;
            if (!put_or_remember(key, unstored)) waiting.end = RefreshEnd::unavailable;
            return waiting;
        }
        Work<Clock> work{*this, Grant::rotating, key, refused, clock};
        work.attempt = std::move(unstored.attempt);
        work.fresh = std::move(unstored.record);
        work.unkept = Unkept::tokens;
        Obtained end =
            run(work, work.protocol.start_commit(unstored.version, clock.now()), stop, send);
        const bool is_refused =
            !refused.empty() && constant_time_equal(end.access_token.expose(), refused);
        if (is_refused || clock.unix_seconds() >= end.fresh_until) end.access_token = Secret{};
        return end;
    }

    static TokenRecord record_of(const oauth::TokenSet& tokens, std::int64_t now) {
        TokenRecord record;
        record.state = RecordState::live;
        std::int64_t lifetime = 0;  // what was kept elsewhere may say anything
        if (tokens.expires_at > now)
            lifetime = (std::min)(tokens.expires_at - now, oauth::detail::longest_lifetime);
        record.expires_at = lifetime != 0 ? now + lifetime : (std::min)(now, tokens.expires_at);
        record.fresh_until = record.expires_at - expiry_margin(lifetime);
        record.access_token = tokens.access_token;
        record.refresh_token = tokens.refresh_token;
        return record;
    }

    /// What replaces a record: if the store does not take it, also since it throws, it is kept.
    class Kept {
    public:
        Kept(SharedTokens& all, const std::string& name, store_parts::Unstored& unstored)
            : owner_(all), key_(name), unstored_(unstored) {}
        Kept(const Kept&) = delete;
        Kept& operator=(const Kept&) = delete;
        ~Kept() {
            if (is_stored_) return;
            store_parts::without_throwing([this] { owner_.remember(key_, std::move(unstored_)); });
        }
        bool put() { return is_stored_ = owner_.put(key_, unstored_.record); }

    private:
        SharedTokens& owner_;
        const std::string& key_;
        store_parts::Unstored& unstored_;
        bool is_stored_ = false;
    };
    bool put_or_remember(const std::string& key, store_parts::Unstored& anew) {
        return Kept(*this, key, anew).put();
    }
    template <class Clock> void remember(const Work<Clock>& work) {
        store_parts::Unstored unstored;
        unstored.attempt = work.attempt;
        if (work.unkept == Unkept::tokens) {
            unstored.version = work.protocol.version();
            unstored.record = work.fresh;
        } else {
            unstored.record = work.record;
            unstored.record.state = RecordState::live;
        }
        remember(work.key, std::move(unstored));
    }
    void remember(const std::string& key, store_parts::Unstored unstored) {
        const std::lock_guard<std::mutex> lock(mutex_);
        store_parts::Unstored& place = unstored_[key];
        if (place.is_anew && !unstored.is_anew) return;  // the user authorized meanwhile
        place = std::move(unstored);
    }
    bool take_unstored(const std::string& key, store_parts::Unstored& unstored) {
        const std::lock_guard<std::mutex> lock(mutex_);
        const auto place = unstored_.find(key);
        if (place == unstored_.end()) return false;
        unstored = std::move(place->second);
        unstored_.erase(place);
        return true;
    }
    bool take_unstored(const std::string& key) {
        store_parts::Unstored dropped;
        return take_unstored(key, dropped);
    }

    Tokens tokens_;
    std::mutex mutex_{};
    std::map<std::string, store_parts::Unstored> unstored_{};
};

}  // namespace token
}  // namespace v0_1
}  // namespace rekey

#endif
