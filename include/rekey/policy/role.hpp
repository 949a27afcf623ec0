// SPDX-License-Identifier: BSL-1.0
// Role: what a policy is for. Roles decide order; the written order never counts.
#ifndef REKEY_POLICY_ROLE_HPP
#define REKEY_POLICY_ROLE_HPP

#include <rekey/action.hpp>

namespace rekey {
inline namespace v0_1 {

/// What a policy is for. Each policy type says `static constexpr Role role`.
///
/// The core's roles, in the order in which they are asked about an answer: `service` names the
/// class of a failure, `gate` asks whether to act on it, a remedy proposes the move, `pace` adds a
/// delay, `limit` judges the proposal, `admission` asks the shared state. The rest belong to
/// drivers and cost the core nothing.
///
/// What a pace may say: `uses_randomness = true`, then its `Rule::delay(facts, repeats, seed)`
/// takes the call's seed and the policy gives it, `std::uint64_t random() const`; `reads_hints =
/// true`, then `read(header, unix_seconds)` fills `Facts::retry_after`, negative for "do not
/// repeat"; `Rule::longest(repeats)`, for `worst_case`. What a limit may say:
/// `Rule::timeout(elapsed, sends_left)`, the time of the next send; `Rule::most_sends()`;
/// `Rule::most_time()`. Neither costs anything where no policy says it.
enum class Role : unsigned char {
    service,        ///< At most one. `class_of(code)`, `class_of_http(status)`, `checks_body`.
    gate,           ///< At most one. Which failures deserve another attempt.
    chain,          ///< At most one. Remedy: renew, then fall back; the slots of the call.
    reauthorizer,   ///< At most one. Remedy: ask the user. `Reauthorized reauthorize(context)`.
                    ///< One that brings the user's credential names its type: `Credential`.
    pace,           ///< Any number; the longest delay counts. May also object, as a limit does.
    limit,          ///< Any number; one that objects ends the call. If several do, the reason that
                    ///< stands first in `StopReason` is given.
    admission,      ///< Doors to shared state: one plain `Admission admit(const Action&)`, or
                    ///< any number that stand in the order of `AtDoor` (policy/admissions.hpp).
    reader,         ///< Driver. At most one. Reads the service code from a body.
    rewrite,        ///< Driver. Changes a copy of the original request for an attempt.
    clock,          ///< Driver. At most one. Time and waiting, replaced in tests.
    framing,        ///< Driver. Says that bodies are whole.
    exchange,       ///< Driver. At most one. The transport of token requests.
    exchange_gate,  ///< At most one. Whether a failed exchange may fall back.
    identity_gate,  ///< At most one. Whether a chain may change who acts.
    app_only,       ///< Says that no user's credential reaches what this client asks for.
    store,          ///< Driver. At most one. Keeps tokens where other processes find them.
    hedge,          ///< Asynchronous driver. At most one. When to send a second copy.
    observer        ///< Driver. Any number. Told what calls do (policy/observe.hpp).
};

/// A move that a remedy proposes and the limits judge.
struct Proposal {
    Move move = Move::first;
    std::uint32_t number = 1;  ///< Which send of the call this would be, from 1.
    Duration delay{0};         ///< The wait before it.
    TimePoint now{};
    Duration elapsed{0};  ///< Since the call began, in a plan that reads the clock.
    Duration hint{0};     ///< The wait that the server asked for, in a plan that reads hints.
};

/// A limit's judgement of a proposal.
struct Ruling {
    bool allowed = true;
    StopReason reason = StopReason::success;
};

namespace detail {

/// Of two judgements the one that counts, whatever their order.
constexpr Ruling stricter(const Ruling& left, const Ruling& right) noexcept {
    if (left.allowed != right.allowed) return left.allowed ? right : left;
    return right.reason < left.reason ? right : left;
}
/// Of two times the shorter one; zero means no limit.
constexpr Duration shorter(Duration left, Duration right) noexcept {
    if (left <= Duration{0} || right <= Duration{0}) return left > right ? left : right;
    return left < right ? left : right;
}

}  // namespace detail

}  // namespace v0_1
}  // namespace rekey

#endif
