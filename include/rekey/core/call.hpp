// SPDX-License-Identifier: BSL-1.0
// Call<Plan>: the state machine; no clock, lock, allocation or I/O.
#ifndef REKEY_CORE_CALL_HPP
#define REKEY_CORE_CALL_HPP

#include <rekey/core/plan.hpp>

#include <cassert>
#include <cstdint>

namespace rekey {
inline namespace v0_1 {

/// What a driver knows about one call before it starts.
struct CallOptions {
    std::uint8_t first_slot = 0;  ///< Where the ring of credentials starts.
    bool pinned = false;          ///< Only that slot: no fallback (`SameCredentialAs`).
    bool idempotent = false;      ///< Sending it twice does what sending it once does.
    bool reauthorized = false;    ///< The user has just authorized: not asked again in this call.
};

namespace detail {

/// When a call began, where a policy asks.
template <bool Reads> struct Began {
    constexpr void begin(TimePoint) noexcept {}
    static constexpr Duration elapsed(TimePoint) noexcept { return Duration{0}; }
};
template <> struct Began<true> {
    TimePoint began{};
    constexpr void begin(TimePoint now) noexcept { began = now; }
    constexpr Duration elapsed(TimePoint now) const noexcept {
        return now > began ? now - began : Duration{0};
    }
};
/// The random number of a call, where a pace draws its delays.
template <bool Uses> struct Seeded {
    static constexpr std::uint64_t seed = 0;
    constexpr void plant(std::uint64_t) noexcept {}
};
template <> struct Seeded<true> {
    std::uint64_t seed = 0;
    constexpr void plant(std::uint64_t number) noexcept { seed = number; }
};

}  // namespace detail

/// One call, from its first send to its end: facts in, one action out.
///
/// Plan      a `Plan<Policies...>`.
/// Use       `start()`, then answer each action with its own participle until `Kind::finish`.
///           `cancelled()` may be said at any time. An answer out of turn is an assertion, so a
///           driver drops late answers itself.
/// Threads   a small value that one thread at a time owns.
/// Cost      16 bytes and what the limits hold; each step is a few branches; all constexpr.
/// Example   examples/02_by_hand.cpp
template <class Plan> class Call {
public:
    using Rules = typename Plan::Rules;

    constexpr Call() = default;
    constexpr explicit Call(const Rules& rules, CallOptions options = {}) : held_(rules, options) {}
    constexpr explicit Call(CallOptions options) : held_(Rules{}, options) {}

    /// The first action.
    [[gnu::always_inline]] constexpr Action start(TimePoint now = {}) noexcept {
        held_.begin(now);
        return propose(Move::first, held_.slot, Duration{0}, now);
    }

    /// The answer to `Kind::send`: how the attempt went.
    [[gnu::always_inline]] constexpr Action sent(const Facts& facts, TimePoint now = {}) noexcept {
        answer_to(Kind::send);
        // Field by field: g++ makes one comparison of three neighbours, and for that alone it would
        // keep the facts in memory.
        const Reach reach = facts.reach;
        const FailureClass failure = facts.failure;
        const Fault fault = facts.fault;
        if (reach == Reach::answered && failure == NoFailure && fault == Fault::nothing)
            return finish(StopReason::success);
        return failed(facts, now);
    }

    /// The same for an attempt that cannot be put on the wire, which no other attempt mends.
    constexpr Action unsendable() noexcept {
        answer_to(Kind::send);
        return finish(StopReason::not_retryable);
    }

    /// The answer to `Kind::wait`: the delay is over.
    constexpr Action waited(TimePoint now = {}) noexcept {
        answer_to(Kind::wait);
        return propose(held_.move, held_.slot, Duration{0}, now);
    }

    /// The answer to `Kind::fetch`.
    constexpr Action fetched(Fetched outcome, TimePoint now = {}) noexcept {
        answer_to(Kind::fetch);
        switch (outcome) {
            case Fetched::proven: set(proven); return send_in_time(now);
            case Fetched::unproven:
            case Fetched::renewed: clear(proven); return send_in_time(now);
            case Fetched::refused: clear(proven); return fall_back(now, may_ask_user());
            case Fetched::not_sent:
            case Fetched::unknown:
            case Fetched::failed:
            case Fetched::misconfigured: break;
        }
        visit(held_.slot);
        if (Plan::falls_back_on_exchange_failure && has_next())
            return propose(Move::fall_back, next_slot(), Duration{0}, now);
        return finish(StopReason::exchange_failed);
    }

    /// The answer to `Kind::admit`.
    constexpr Action admitted(const Admission& admission, TimePoint now = {}) noexcept {
        answer_to(Kind::admit);
        switch (admission.verdict) {
            case Admitted::go: break;
            case Admitted::go_to: held_.slot = admission.slot; break;
            case Admitted::skip_slot:
                if (held_.move == Move::straddle) return finish(used_up());
                visit(held_.slot);
                if (admission.delay > Duration{0}) set(rested);
                return fall_back(now);
            case Admitted::busy: return propose(held_.move, held_.slot, admission.delay, now);
            case Admitted::spent:
                return finish(held_.move == Move::straddle ? used_up() : StopReason::budget_spent);
            case Admitted::later:
                return finish(held_.move == Move::straddle ? used_up()
                                                           : StopReason::come_back_later);
        }
        if (fetches(held_.slot)) return act(Kind::fetch);
        return send_in_time(now);
    }

    /// The answer to `Kind::reauthorize`.
    constexpr Action reauthorized(Reauthorized outcome, TimePoint now = {}) noexcept {
        answer_to(Kind::reauthorize);
        const bool is_settling = outcome == Reauthorized::settling;
        if (outcome != Reauthorized::authorized && !is_settling)
            return finish(StopReason::needs_user);
        clear(proven);
        held_.repeats = 0;
        if (is_settling && Plan::Settling::settle_repeats != 0) return settle(now);
        return propose(Move::renew, held_.slot, Duration{0}, now);
    }

    /// The caller cancelled. Allowed at any time; nothing is sent after it.
    constexpr Action cancelled() noexcept { return finish(StopReason::cancelled); }

    /// The random number out of which this call draws its delays, before the first answer that is
    /// no success. Of no effect unless `Plan::uses_randomness`.
    constexpr void seed(std::uint64_t random) noexcept { held_.plant(random); }

    /// How many attempts were sent so far.
    constexpr std::uint32_t sends() const noexcept { return held_.sends; }

private:
    enum Flag : std::uint8_t {
        pinned = 1,
        idempotent = 2,
        proven = 4,       // the token of this slot had been accepted before this call
        straddled = 8,    // the one extra try after a change of route is used
        asked_user = 16,  // the user was asked to authorize again
        rested = 32       // a credential was passed over that will be back
    };

    struct Held : Rules, detail::Began<Plan::reads_clock>, detail::Seeded<Plan::uses_randomness> {
        std::uint32_t sends = 0;
        std::uint32_t visited = 0;  // slots that were tried, one bit each
        std::uint32_t repeats = 0;  // of the current slot
        std::uint8_t slot = 0;
        std::uint8_t flags = 0;
        Move move = Move::first;
        Kind awaits = Kind::finish;

        constexpr Held() = default;
        constexpr Held(const Rules& rules, CallOptions options)
            : Rules(rules),
              slot(options.first_slot),
              flags(static_cast<std::uint8_t>((options.pinned ? pinned : 0) |
                                              (options.idempotent ? idempotent : 0) |
                                              (options.reauthorized ? asked_user : 0))) {}
    };
    Held held_{};

    constexpr bool is(Flag flag) const noexcept { return (held_.flags & flag) != 0; }
    constexpr void set(Flag flag) noexcept {
        held_.flags = static_cast<std::uint8_t>(held_.flags | flag);
    }
    constexpr void clear(Flag flag) noexcept {
        held_.flags = static_cast<std::uint8_t>(held_.flags & ~flag);
    }
    constexpr void visit(std::uint8_t slot) noexcept { held_.visited |= std::uint32_t{1} << slot; }
    static constexpr bool fetches(std::uint8_t slot) noexcept {
        return Plan::Chain::fetching != 0 && ((Plan::Chain::fetching >> slot) & 1u) != 0;
    }
    constexpr void answer_to(Kind kind) noexcept {
        assert(held_.awaits == kind && "rekey: this answer does not belong to the last action");
        (void)kind;
    }

    /// What to do about an attempt that was not accepted.
    [[gnu::always_inline]] constexpr Action failed(const Facts& facts, TimePoint now) noexcept {
        if (facts.reach == Reach::delivered)
            return finish(facts.failure == NoFailure && facts.fault == Fault::nothing
                              ? StopReason::success
                              : StopReason::not_retryable);
        if (facts.fault != Fault::nothing || !Plan::acts_on(facts))
            return finish(StopReason::not_retryable);
        // What the plan rules out is not compiled, for all of this is inlined more than once.
        const bool whole = facts.reach == Reach::answered;
        if constexpr (!Plan::Service::refuses_before_acting)
            if (whole && !is(idempotent) &&
                (facts.failure == AuthRejected || facts.failure == NotFound))
                return finish(StopReason::unsafe_to_repeat);
        if (whole && facts.failure == AuthRejected) {
            if constexpr (Plan::Chain::fetching != 0)
                if (fetches(held_.slot) && is(proven) && facts.http_status != 403) {
                    clear(proven);
                    return propose(Move::renew, held_.slot, Duration{0}, now);
                }
            if constexpr (Plan::Settling::settle_repeats != 0)
                if (may_settle(facts)) return settle(now);
            return fall_back(now, may_ask_user());
        }
        if (whole && facts.failure == NotFound) return fall_back(now);
        if constexpr (Plan::is_nested || Plan::most_moves != Plan::unbounded)
            return finish(StopReason::not_retryable);  // nothing is repeated
        const bool harmless = (whole && facts.failure == RateLimited) ||
                              facts.reach == Reach::never_sent || is(idempotent);
        if (!harmless) return finish(StopReason::unsafe_to_repeat);
        if constexpr (Plan::reads_hints)
            if (facts.retry_after < Duration{0})
                return finish(StopReason::not_retryable);  // the server says: do not repeat
        const Duration delay = Plan::delay(held_, facts, held_.repeats, held_.seed);
        ++held_.repeats;
        return propose(Move::repeat, held_.slot, delay, now,
                       Plan::reads_hints ? facts.retry_after : Duration{0});
    }

    [[gnu::always_inline]] constexpr bool has_next() const noexcept {
        return !is(pinned) && Plan::slot_count > 1 && next_slot() != held_.slot;
    }
    /// The next slot of the ring that was not tried; the current one if there is none.
    [[gnu::always_inline]] constexpr std::uint8_t next_slot() const noexcept {
        for (std::uint32_t step = 1; step < Plan::slot_count; ++step) {
            const std::uint32_t slot = (held_.slot + step) % Plan::slot_count;
            if (((held_.visited >> slot) & 1u) == 0) return static_cast<std::uint8_t>(slot);
        }
        return held_.slot;
    }
    /// The slot whose user is asked: the first that is a user's, else the one refused last.
    constexpr std::uint8_t slot_of_user() const noexcept {
        for (std::uint8_t slot = 0; slot != Plan::slot_count; ++slot)
            if (((Plan::Chain::user_slots >> slot) & 1u) != 0) return slot;
        return held_.slot;
    }
    constexpr bool may_ask_user() const noexcept {
        return Plan::reauthorizes && !is(asked_user) &&
               (!is(pinned) || slot_of_user() == held_.slot);
    }
    /// Right after an authorization the service may still refuse what it will soon accept.
    constexpr bool may_settle(const Facts& facts) const noexcept {
        return Plan::Settling::settle_repeats != 0 && is(asked_user) &&
               held_.repeats < Plan::Settling::settle_repeats && held_.slot == slot_of_user() &&
               Plan::settles(facts);
    }
    /// The same credential once more, after a while that grows.
    constexpr Action settle(TimePoint now) noexcept {
        const Duration delay = Plan::Settling::settle_delay(held_.repeats);
        ++held_.repeats;
        return propose(Move::repeat, held_.slot, delay, now);
    }
    [[gnu::always_inline]] constexpr Action fall_back(
        TimePoint now, [[maybe_unused]] bool then_ask_user = false) noexcept {
        visit(held_.slot);
        if constexpr (Plan::slot_count > 1)
            if (has_next()) return propose(Move::fall_back, next_slot(), Duration{0}, now);
        if constexpr (Plan::reauthorizes)
            if (then_ask_user) {
                set(asked_user);
                held_.slot = slot_of_user();
                return act(Kind::reauthorize);
            }
        if constexpr (Plan::straddles)
            if (!is(straddled) && !is(pinned)) {
                set(straddled);
                return propose(Move::straddle, held_.slot, Duration{0}, now);
            }
        return finish(used_up());
    }
    /// Every credential was refused, or one was passed over that will be back.
    constexpr StopReason used_up() const noexcept {
        return Plan::admits && is(rested) ? StopReason::come_back_later
                                          : StopReason::remedies_used_up;
    }

    /// Puts a move before the limits; if they allow it, the next step towards its send.
    [[gnu::always_inline]] constexpr Action propose(Move move, std::uint8_t slot, Duration delay,
                                                    TimePoint now,
                                                    Duration hint = Duration{0}) noexcept {
        const Ruling ruling = Plan::judge(
            held_, Proposal{move, held_.sends + 1, delay, now, held_.elapsed(now), hint});
        if (!ruling.allowed)
            return finish(Plan::straddles && move == Move::straddle ? used_up() : ruling.reason);
        if (slot != held_.slot) {
            held_.repeats = 0;
            clear(proven);
        }
        held_.slot = slot;
        held_.move = move;
        if constexpr (Plan::waits)
            if (delay > Duration{0}) {
                Action action = act(Kind::wait);
                action.delay = delay;
                return action;
            }
        if constexpr (Plan::admits) return act(Kind::admit);
        if constexpr (Plan::Chain::fetching != 0)
            if (fetches(held_.slot)) return act(Kind::fetch);
        return send(now);
    }
    /// A send after something that took time, if the limits still allow it.
    constexpr Action send_in_time(TimePoint now) noexcept {
        if constexpr (Plan::reads_clock) {
            const Ruling ruling =
                Plan::judge(held_, Proposal{held_.move, held_.sends + 1, Duration{0}, now,
                                            held_.elapsed(now), Duration{0}});
            if (!ruling.allowed) return finish(ruling.reason);
        }
        return send(now);
    }
    [[gnu::always_inline]] constexpr Action send(TimePoint now) noexcept {
        const Duration timeout = Plan::timeout(held_, held_.elapsed(now), held_.sends);
        ++held_.sends;
        visit(held_.slot);
        Action action = act(Kind::send);
        action.timeout = timeout;
        return action;
    }
    [[gnu::always_inline]] constexpr Action act(Kind kind) noexcept {
        held_.awaits = kind;
        return Action{kind,
                      held_.move,
                      held_.slot,
                      StopReason::success,
                      held_.sends + (kind == Kind::send ? 0u : 1u),
                      Duration{0},
                      Duration{0}};
    }
    [[gnu::always_inline]] constexpr Action finish(StopReason reason) noexcept {
        held_.awaits = Kind::finish;
        return Action{Kind::finish, held_.move,  held_.slot, reason,
                      held_.sends,  Duration{0}, Duration{0}};
    }
};

}  // namespace v0_1
}  // namespace rekey

#endif
