// SPDX-License-Identifier: BSL-1.0
// RefreshProtocol: how many processes share one refresh token, and none sends it twice. No I/O.
#ifndef REKEY_TOKEN_REFRESH_PROTOCOL_HPP
#define REKEY_TOKEN_REFRESH_PROTOCOL_HPP

#include <rekey/facts.hpp>
#include <rekey/token/store.hpp>

#include <chrono>
#include <cstdint>

namespace rekey {
inline namespace v0_1 {
namespace token {

/// What a record of a store says.
enum class RecordState : unsigned char {
    absent,     ///< There is none, or its user has signed out.
    live,       ///< Tokens, and the refresh token was not sent.
    pending,    ///< Its refresh token is being spent by somebody, who may have died since.
    dead,       ///< The refresh token is of no use any more; the user has to authorize.
    unreadable  ///< Of another format or key: nobody touches it.
};

/// What a load found, as the protocol sees it.
struct RecordFacts {
    bool is_available = false;  ///< The store has answered.
    RecordState state = RecordState::absent;
    std::uint64_t version = 0;
    bool is_fresh = false;    ///< Live, not about to expire, and not the token that was refused.
    bool is_alive = false;    ///< The same, but late for a refresh, or pending.
    bool is_mine = false;     ///< The last who changed it is this attempt.
    bool is_lost = false;     ///< Dead because nobody knows what became of a send.
    bool may_return = false;  ///< Pending, and not for long: its owner may only be cut off.
    bool may_repeat = false;  ///< Pending, and the server's declared grace allows one more send.
};

/// How a token request ended, as the protocol sees it.
enum class Spent : unsigned char {
    ok,        ///< New tokens.
    refused,   ///< The server does not take this refresh token.
    not_sent,  ///< Not sent, or not acted on: the refresh token is as good as before.
    unknown,   ///< Sent, and nobody knows what the server did.
    misfit     ///< Refused for the settings of the app: the refresh token is as good as before.
};

/// What to do next. Each has one answer: the function named behind it.
enum class RefreshStep : unsigned char {
    load,     ///< `loaded`: read the record.
    acquire,  ///< `leased`: take the lease, under the name of this attempt.
    mark,     ///< `swapped`: write that the refresh token is being spent, before it is sent.
    send,     ///< `sent`: send the refresh token, and keep the lease meanwhile.
    commit,   ///< `swapped`: write the new tokens.
    restore,  ///< `swapped`: write that the refresh token was not spent.
    bury,     ///< `swapped`: write that the refresh token is dead.
    release,  ///< `released`: give the lease back, whoever holds it now.
    wait,     ///< `waited`
    finish
};

/// How it ended.
enum class RefreshEnd : unsigned char {
    use,          ///< The record that was loaded last has a token to use.
    committed,    ///< The new tokens are stored: use them.
    alone,        ///< The new tokens are stored nowhere, which harms nobody: use them.
    absent,       ///< Nobody has authorized.
    dead,         ///< The user has to authorize again.
    unreadable,   ///< The record is of another format or key.
    failed,       ///< The token endpoint failed in passing.
    misfit,       ///< The token endpoint does not accept the app.
    late,         ///< Somebody else is still at it, and the time to wait is over.
    unavailable,  ///< The store cannot say, so the refresh token is not risked.
    uncommitted   ///< New tokens that could not be stored. Keep them, `start_commit` later.
};

struct [[nodiscard]] RefreshAction {
    RefreshStep step = RefreshStep::finish;
    RefreshEnd end = RefreshEnd::failed;  ///< Of `finish`.
    Duration delay{0};                    ///< Of `wait`.
    bool is_lost = false;                 ///< Of `bury`: nobody knows what became of the send.
    bool is_repeat = false;               ///< Of `mark`: the one more send of the server's grace.
    std::uint64_t version = 0;            ///< Of what is written: the version it replaces.
};

/// What a grant stands if its token request is sent twice.
enum class Grant : unsigned char {
    rotating,   ///< A refresh token: never. Without the store nothing is sent.
    repeatable  ///< An assertion that is made anew each time: without the store go on alone.
};

/// Times of the protocol.
struct RefreshTimes {
    Duration lease = std::chrono::seconds{30};     ///< Renewed by its holder every third of it.
    Duration call = std::chrono::seconds{10};      ///< Left of the lease when the send begins.
    Duration doubt = std::chrono::seconds{30};     ///< A send without a lease is left to its owner.
    Duration patience = std::chrono::seconds{45};  ///< How long one caller waits for others.
    Duration pause = std::chrono::milliseconds{50};  ///< Before looking again.
};

/// Obtains one user's next token while other processes want to do the same.
///
/// The rules, each of which keeps a user from being logged out:
///  1. Whoever wants to send takes the lease and reads again: another may have been faster.
///  2. Before the refresh token is sent, the record says so. Nobody else sends it from then on.
///  3. New tokens are used when they are stored, not before.
///  4. Everything is written by compare-and-swap; a lease limits who talks, not who may write.
///  5. A store that does not answer has said nothing: read again, or leave the refresh token alone.
///  6. A record that says "being spent" without a lease belongs to somebody who died, or who is cut
///     off from the store: after a while one more send if the server declares a grace for it, else
///     the user is asked again.
///
/// A value without I/O, clock or lock: facts in, one action out.
/// Threads   one at a time
/// Source    RFC 9700 §2.2.2, §4.14.2
class RefreshProtocol {
public:
    constexpr RefreshProtocol(Grant grant, const RefreshTimes& times) noexcept
        : grant_(grant), times_(times) {}

    /// The first step.
    constexpr RefreshAction start(TimePoint now) noexcept {
        deadline_ = now + times_.patience;
        return look();
    }
    /// The first step for tokens of an earlier attempt that could not be stored; `version` is that
    /// of its mark.
    constexpr RefreshAction start_commit(std::uint64_t version, TimePoint now) noexcept {
        deadline_ = now;
        version_ = version;
        phase_ = Phase::check_commit;
        return act(RefreshStep::load);
    }

    constexpr RefreshAction loaded(const RecordFacts& facts, TimePoint now) noexcept {
        switch (phase_) {
            case Phase::look: return looked(facts, now);
            case Phase::look_again: return looked_again(facts, now);
            case Phase::check_mark: return checked_mark(facts, now);
            case Phase::check_restore: return checked_restore(facts, now);
            case Phase::check_refusal: return checked_refusal(facts);
            default: return checked_commit(facts, now);
        }
    }
    constexpr RefreshAction leased(const LeaseAnswer& answer, TimePoint now) noexcept {
        switch (answer.outcome) {
            case Leased::acquired:
                has_lease_ = true;
                leased_until_ = asked_at_ + times_.lease;
                phase_ = Phase::look_again;
                return act(RefreshStep::load);
            case Leased::held:
                if (is_alive_) return finish(RefreshEnd::use);
                if (now >= deadline_) return too_late();
                phase_ = Phase::pause;
                return wait(within(answer.left, deadline_ - now));
            case Leased::unavailable: break;
        }
        return without_store();
    }
    constexpr RefreshAction swapped(Swapped outcome, TimePoint now) noexcept {
        switch (phase_) {
            case Phase::mark:
                if (outcome == Swapped::done) return marked(now);
                if (outcome == Swapped::moved) return start_over();
                return check_later(Phase::check_mark);
            case Phase::commit:
                if (outcome == Swapped::done) return leave(RefreshEnd::committed);
                if (grant_ == Grant::repeatable) return leave(RefreshEnd::alone);
                if (outcome == Swapped::unavailable) {
                    if (fails_again() && now >= deadline_) return leave(RefreshEnd::uncommitted);
                    return check_later(Phase::check_commit);
                }
                phase_ = Phase::check_commit;
                return act(RefreshStep::load);
            case Phase::restore:
                if (outcome == Swapped::unavailable) {
                    if (fails_again() && now >= leased_until_) return give_up_mark(end_);
                    return check_later(Phase::check_restore);
                }
                return restored();
            default:  // bury
                if (outcome == Swapped::done) return leave(RefreshEnd::dead);
                if (outcome == Swapped::unavailable) return leave(RefreshEnd::unavailable);
                return start_over();
        }
    }
    constexpr RefreshAction sent(Spent outcome, bool may_repeat, TimePoint) noexcept {
        if (outcome == Spent::ok && leaves_record_) return leave(RefreshEnd::alone);
        if (outcome == Spent::ok) return write(Phase::commit, RefreshStep::commit);
        if (grant_ == Grant::repeatable)
            return leave(outcome == Spent::misfit ? RefreshEnd::misfit : RefreshEnd::failed);
        // Once a send is lost, a later one that did not arrive proves nothing about it.
        if (has_repeated_ && outcome != Spent::refused) return bury(true);
        switch (outcome) {
            case Spent::refused: phase_ = Phase::check_refusal; return act(RefreshStep::load);
            case Spent::unknown:
                if (may_repeat) return mark(true);
                return bury(true);
            case Spent::misfit: return restore(RefreshEnd::misfit);
            default: return restore(RefreshEnd::failed);
        }
    }
    constexpr RefreshAction released(TimePoint now) noexcept {
        has_lease_ = false;
        if (!starts_over_) return finish(end_);
        starts_over_ = false;
        if (now >= deadline_) return too_late();
        phase_ = Phase::pause;
        return wait(times_.pause);
    }
    constexpr RefreshAction waited(TimePoint now) noexcept {
        if (phase_ != Phase::pause) return act(RefreshStep::load);
        if (now >= deadline_) return too_late();
        return look();
    }

    /// The caller does not want to wait any longer. What has to be written is still waited for.
    constexpr RefreshAction stopped(TimePoint now) noexcept {
        if (phase_ == Phase::pause) return finish(RefreshEnd::late);
        if (phase_ == Phase::check_commit) return leave(RefreshEnd::uncommitted);
        return waited(now);
    }

    /// The lease was renewed by a request that began at `now`.
    constexpr void renewed(TimePoint now) noexcept { leased_until_ = now + times_.lease; }
    constexpr bool has_lease() const noexcept { return has_lease_; }
    /// A mark may stand in the store though nothing was sent: `start_commit` later, with the tokens
    /// that were there before.
    constexpr bool leaves_mark() const noexcept { return leaves_mark_; }
    /// The version of the mark, to `start_commit` with.
    constexpr std::uint64_t version() const noexcept { return version_; }

    /// Everything that decides what comes next, as a number: for tests that explore all orders.
    constexpr std::uint64_t fingerprint() const noexcept {
        return static_cast<std::uint64_t>(phase_) | std::uint64_t{has_lease_} << 4u |
               std::uint64_t{is_alive_} << 5u | std::uint64_t{starts_over_} << 6u |
               std::uint64_t{has_repeated_} << 7u | std::uint64_t{marks_repeat_} << 8u |
               static_cast<std::uint64_t>(end_) << 9u | std::uint64_t{has_failed_} << 13u |
               version_ << 14u;
    }

private:
    enum class Phase : unsigned char {
        look,
        look_again,
        mark,
        check_mark,
        send,
        commit,
        check_commit,
        restore,
        check_restore,
        check_refusal,
        bury,
        pause
    };

    static constexpr Duration within(Duration wanted, Duration limit) noexcept {
        return wanted < limit ? wanted : limit;
    }
    static constexpr RefreshAction act(RefreshStep step) noexcept {
        RefreshAction action;
        action.step = step;
        return action;
    }
    static constexpr RefreshAction wait(Duration delay) noexcept {
        RefreshAction action = act(RefreshStep::wait);
        action.delay = delay;
        return action;
    }
    static constexpr RefreshAction finish(RefreshEnd end) noexcept {
        RefreshAction action = act(RefreshStep::finish);
        action.end = end;
        return action;
    }
    constexpr RefreshAction write(Phase phase, RefreshStep step) noexcept {
        phase_ = phase;
        RefreshAction action = act(step);
        action.version = version_;
        return action;
    }
    constexpr RefreshAction look() noexcept {
        phase_ = Phase::look;
        return act(RefreshStep::load);
    }
    /// Gives the lease back, if there is one, and ends.
    constexpr RefreshAction leave(RefreshEnd end) noexcept {
        if (!has_lease_) return finish(end);
        end_ = end;
        return act(RefreshStep::release);
    }
    constexpr RefreshAction give_up_mark(RefreshEnd end) noexcept {
        leaves_mark_ = true;
        return leave(end);
    }
    constexpr RefreshAction start_over() noexcept {
        starts_over_ = true;
        return act(RefreshStep::release);
    }
    /// A store that can be read and not written, as one that is full, may stay so.
    constexpr bool fails_again() noexcept {
        const bool has_failed = has_failed_;
        has_failed_ = true;
        return has_failed;
    }
    constexpr RefreshAction check_later(Phase phase) noexcept {
        phase_ = phase;
        return wait(times_.pause);
    }
    constexpr RefreshAction without_store() noexcept {
        if (grant_ == Grant::rotating) return leave(RefreshEnd::unavailable);
        phase_ = Phase::send;
        return act(RefreshStep::send);
    }
    /// An assertion may be sent by two at once; a refresh token may not.
    constexpr RefreshAction too_late() noexcept {
        return grant_ == Grant::rotating ? finish(RefreshEnd::late) : without_store();
    }
    constexpr RefreshAction mark(bool is_repeat) noexcept {
        marks_repeat_ = is_repeat;
        RefreshAction action = write(Phase::mark, RefreshStep::mark);
        action.is_repeat = is_repeat;
        return action;
    }
    constexpr RefreshAction bury(bool is_lost) noexcept {
        RefreshAction action = write(Phase::bury, RefreshStep::bury);
        action.is_lost = is_lost;
        return action;
    }
    constexpr RefreshAction restore(RefreshEnd end) noexcept {
        end_ = end;
        return write(Phase::restore, RefreshStep::restore);
    }
    constexpr RefreshAction restored() noexcept {
        if (end_ == RefreshEnd::late) return start_over();  // there was too little of the lease
        return leave(end_);
    }

    constexpr RefreshAction looked(const RecordFacts& facts, TimePoint now) noexcept {
        is_alive_ = facts.is_alive;
        version_ = facts.version;
        if (!facts.is_available) return without_store();
        if (facts.is_fresh) return finish(RefreshEnd::use);
        switch (facts.state) {
            case RecordState::unreadable: return unreadable();
            case RecordState::dead: return finish(RefreshEnd::dead);
            case RecordState::absent:
                if (grant_ == Grant::rotating) return finish(RefreshEnd::absent);
                break;
            case RecordState::live:
            case RecordState::pending: break;
        }
        asked_at_ = now;
        return act(RefreshStep::acquire);
    }
    /// Under the lease: what was read before it was taken counts for nothing.
    constexpr RefreshAction looked_again(const RecordFacts& facts, TimePoint) noexcept {
        version_ = facts.version;
        if (!facts.is_available) return without_store();
        if (facts.is_fresh) return leave(RefreshEnd::use);
        switch (facts.state) {
            case RecordState::unreadable: return unreadable();
            case RecordState::dead: return leave(RefreshEnd::dead);
            case RecordState::absent:
                if (grant_ == Grant::rotating) return leave(RefreshEnd::absent);
                break;
            case RecordState::pending:  // its owner has no lease any more, and may be dead
                if (facts.may_return) return start_over();
                if (facts.may_repeat) return mark(true);
                return bury(true);
            case RecordState::live: break;
        }
        if (grant_ == Grant::rotating) return mark(false);
        phase_ = Phase::send;
        return act(RefreshStep::send);
    }
    constexpr RefreshAction unreadable() noexcept {
        // A repeatable grant needs no record: it goes on alone and leaves this one as it is.
        if (grant_ == Grant::rotating) return leave(RefreshEnd::unreadable);
        leaves_record_ = true;
        phase_ = Phase::send;
        return act(RefreshStep::send);
    }
    constexpr RefreshAction marked(TimePoint now) noexcept {
        ++version_;
        if (now + times_.call > leased_until_)
            return marks_repeat_ ? bury(true) : restore(RefreshEnd::late);
        has_repeated_ = marks_repeat_;
        phase_ = Phase::send;
        return act(RefreshStep::send);
    }

    constexpr RefreshAction checked_mark(const RecordFacts& facts, TimePoint now) noexcept {
        if (!facts.is_available) {
            if (now >= leased_until_) return give_up_mark(RefreshEnd::unavailable);
            return wait(times_.pause);
        }
        if (facts.state == RecordState::pending && facts.is_mine && facts.version == version_ + 1)
            return marked(now);
        return start_over();
    }
    constexpr RefreshAction checked_restore(const RecordFacts& facts, TimePoint now) noexcept {
        if (!facts.is_available) {
            if (now >= leased_until_) return give_up_mark(end_);
            return wait(times_.pause);
        }
        if (facts.state == RecordState::pending && facts.is_mine)
            return write(Phase::restore, RefreshStep::restore);
        return restored();
    }
    constexpr RefreshAction checked_refusal(const RecordFacts& facts) noexcept {
        if (!facts.is_available) return leave(RefreshEnd::unavailable);
        if (facts.is_fresh) return leave(RefreshEnd::use);  // a winner
        if (facts.version == version_) return bury(false);
        return start_over();
    }
    constexpr RefreshAction checked_commit(const RecordFacts& facts, TimePoint now) noexcept {
        if (!facts.is_available) {
            if (now >= deadline_) return leave(RefreshEnd::uncommitted);
            return wait(times_.pause);
        }
        // Ours as we left it, or given up for lost by somebody who could not know better.
        const bool is_waiting = facts.state == RecordState::pending;
        const bool is_given_up = facts.state == RecordState::dead && facts.is_lost;
        if (facts.is_mine && (is_waiting || is_given_up)) {
            version_ = facts.version;
            return write(Phase::commit, RefreshStep::commit);
        }
        if (facts.is_mine && facts.state == RecordState::live) return leave(RefreshEnd::committed);
        if (facts.is_fresh) return leave(RefreshEnd::use);  // the user authorized anew
        if (facts.state == RecordState::dead) return leave(RefreshEnd::dead);
        return leave(RefreshEnd::failed);
    }

    Grant grant_;
    RefreshTimes times_;
    Phase phase_ = Phase::look;
    RefreshEnd end_ = RefreshEnd::failed;
    bool has_lease_ = false;
    bool is_alive_ = false;
    bool starts_over_ = false;
    bool marks_repeat_ = false;
    bool has_repeated_ = false;
    bool leaves_record_ = false;
    bool leaves_mark_ = false;
    bool has_failed_ = false;  // to write what has to be written
    std::uint64_t version_ = 0;
    TimePoint deadline_{};
    TimePoint asked_at_{};
    TimePoint leased_until_{};
};

}  // namespace token
}  // namespace v0_1
}  // namespace rekey

#endif
