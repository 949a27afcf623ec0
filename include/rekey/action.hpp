// SPDX-License-Identifier: BSL-1.0
// Action: what to do next, the answer each action gets, and StopReason.
#ifndef REKEY_ACTION_HPP
#define REKEY_ACTION_HPP

#include <rekey/facts.hpp>

#include <cstdint>

namespace rekey {
inline namespace v0_1 {

/// What a driver is asked to do. Verb out, participle in: each has exactly one answer.
enum class Kind : unsigned char {
    send,         ///< Make one attempt with the credential of `slot`; answer `sent`.
    wait,         ///< Let `delay` pass; answer `waited`.
    fetch,        ///< Have a token for `slot` (a new one if `move` is `renew`); answer `fetched`.
    admit,        ///< Ask the shared state (budget, breaker, bulkhead); answer `admitted`.
    reauthorize,  ///< Ask the user of `slot` to authorize again; answer `reauthorized`.
    finish        ///< The call has ended; `reason` says why.
};

/// Why an attempt is made. Drives rewriting, budgets and the trail.
enum class Move : unsigned char {
    first,      ///< The first send of the call.
    repeat,     ///< The same credential again, after a rate limit or a passing failure.
    renew,      ///< The same credential with a new token.
    fall_back,  ///< The next credential.
    straddle    ///< One bounded extra try, because the route changed while the call ran.
};

/// Why a call ended. More are added at the end.
enum class StopReason : unsigned char {
    success,           ///< An attempt was accepted.
    remedies_used_up,  ///< Every credential was refused.
    attempts_used_up,  ///< `MaxAttempts` is reached.
    deadline,          ///< The time of the call is over.
    budget_spent,      ///< The retry budget that all calls share is empty.
    not_retryable,     ///< The policy does not act on this failure.
    unsafe_to_repeat,  ///< The service may have acted and the request is not declared idempotent.
    come_back_later,   ///< The server or a door asks for a wait that is longer than the policy
                       ///< allows.
    needs_user,        ///< The user must authorize; the result can be resumed.
    exchange_failed,   ///< No token could be obtained.
    cancelled          ///< The caller cancelled.
};

/// The next thing to do. Never ignore one: the call goes on only with its answer.
struct [[nodiscard]] Action {
    Kind kind = Kind::finish;
    Move move = Move::first;
    std::uint8_t slot = 0;                    ///< Which credential, by its position in the chain.
    StopReason reason = StopReason::success;  ///< Meaningful for `finish`.
    std::uint32_t number = 0;                 ///< Of the send, from 1.
    Duration delay{0};                        ///< Of a `wait`.
    Duration timeout{0};                      ///< Of a `send`; zero means no limit.

    friend constexpr bool operator==(const Action& a, const Action& b) noexcept {
        return a.kind == b.kind && a.move == b.move && a.slot == b.slot && a.reason == b.reason &&
               a.number == b.number && a.delay == b.delay && a.timeout == b.timeout;
    }
    friend constexpr bool operator!=(const Action& a, const Action& b) noexcept {
        return !(a == b);
    }
};

/// The answer to `fetch`. *Proven*: a request with this very token was accepted before, or it
/// comes from a store and nobody knows. Only a proven token is worth renewing after a refusal.
enum class Fetched : unsigned char {
    proven,
    unproven,      ///< A token that no request has been accepted with yet.
    renewed,       ///< A newer token than the refused one, from us or from a caller beside us.
    refused,       ///< The token endpoint refuses this credential: `access_deny`.
    not_sent,      ///< The token endpoint could not be reached.
    unknown,       ///< It was reached and gave no answer.
    failed,        ///< It failed or answered nonsense, after its own bounded repeats.
    misconfigured  ///< The client id, the key or the request is wrong; nothing else would work.
};

/// The answer to `admit`, the only door for state that calls share.
enum class Admitted : unsigned char {
    go,         ///< Send.
    go_to,      ///< Send, with the credential of `slot` instead.
    skip_slot,  ///< This credential rests, for `delay` if it is known; propose the next move.
    busy,       ///< Ask again after `delay`.
    spent,      ///< No further attempt is allowed: the budget is empty.
    later       ///< No attempt now, whatever the credential: come back after `delay`.
};

/// `Admitted` with its parameters.
struct Admission {
    Admitted verdict = Admitted::go;
    std::uint8_t slot = 0;
    Duration delay{0};
    std::uint32_t ticket = 0;  ///< What the door wants to be told again; see `AtDoor`.
};

/// The answer to `reauthorize`. More are added at the end.
enum class Reauthorized : unsigned char {
    authorized,   ///< The user authorized and a new token is there.
    handed_over,  ///< The user was sent away to authorize; the call can be resumed later.
    denied,       ///< The user refused, or the flow failed.
    settling      ///< The refused token is of a moment ago: it may need seconds to act.
};

}  // namespace v0_1
}  // namespace rekey

#endif
