// SPDX-License-Identifier: BSL-1.0
// observed: what an observer of calls is told, which never is a secret.
#ifndef REKEY_OBSERVED_HPP
#define REKEY_OBSERVED_HPP

#include <rekey/action.hpp>
#include <rekey/result.hpp>
#include <rekey/trail.hpp>

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace rekey {
inline namespace v0_1 {

/// Watching calls: what a sink of `Observe` is told, and the sinks that come with rekey.
namespace observe {

/// What every event says. All views end with the hook: a sink copies what it keeps.
///
/// No event holds a token, a URL, a header or a body. `key` is what the sink's own `key_of` made of
/// the request; a `log_id` that repeats a token, or a part of one, is left out.
struct Event {
    std::uint8_t slot = 0;          ///< Position of the credential in the chain.
    std::string_view credential{};  ///< Its name; empty without a chain.
    std::string_view key{};         ///< Of the request, for a sink with `key_of`.
    TimePoint now{};                ///< For a sink that says `wants_time`.
    std::int64_t unix_seconds = 0;  ///< For a sink that says `wants_date`.
};

/// A call begins.
struct Began : Event {};

/// A send has ended, or could not be made: `began` and an `attempted` for each line of the trail
/// that is no exchange.
struct Attempted : Event {
    std::uint32_t number = 0;  ///< Of the send, from 1.
    Move move = Move::first;
    Reach reach = Reach::answered;
    FailureClass failure = NoFailure;
    Fault fault = Fault::nothing;
    bool threw = false;  ///< The transport left with an exception; the call ends with it.
    bool has_service_code = false;
    int http_status = 0;            ///< 0 without an answer.
    std::int64_t service_code = 0;  ///< Meaningful if `has_service_code`.
    Duration duration{0};           ///< For a sink that says `wants_time`.
    std::string_view log_id{};      ///< For a sink that says `wants_log_ids`.

    bool accepted() const noexcept {
        return failure == NoFailure && fault == Fault::nothing &&
               (reach == Reach::answered || reach == Reach::delivered);
    }
};

/// The call goes on with another credential, which is `slot`.
struct FellBack : Event {
    std::uint8_t from = 0;
    std::string_view from_credential{};
    Move move = Move::fall_back;
    FailureClass failure = NoFailure;  ///< Of the last attempt, which is the reason.
    bool has_service_code = false;
    int http_status = 0;
    std::int64_t service_code = 0;
};

/// A token was asked for at its endpoint, by this call or by one that it waited for and that
/// failed.
struct Exchanged : Event {
    Fetched outcome = Fetched::failed;
    bool renews = false;         ///< In place of a token that was refused.
    std::uint32_t requests = 0;  ///< How many token requests this very call sent.
    bool has_service_code = false;
    int http_status = 0;
    std::int64_t service_code = 0;
    Duration duration{0};
    std::string_view log_id{};
};

/// A user was asked to authorize again.
struct AskedUser : Event {
    Reauthorized outcome = Reauthorized::denied;
    std::uint32_t requests = 0;  ///< Token requests that this took.
    Duration duration{0};
};

/// The call has waited, for a pace, a door or a service that takes in an authorization.
struct Waited : Event {
    Duration delay{0};  ///< What was asked for; a call that is stopped waits less.
};

/// A call has ended. Always the last event of a call, and always there.
struct Ended : Event {
    StopReason reason = StopReason::success;
    ErrorKind kind = ErrorKind::permanent;  ///< Unless it is a success.
    bool threw = false;                     ///< An exception passes through it, `reason` is none.
    std::size_t attempts = 0;               ///< Lines of the trail.
    Duration duration{0};
    const Trail* trail = nullptr;  ///< Never null in a hook.

    bool succeeded() const noexcept { return reason == StopReason::success && !threw; }
};

}  // namespace observe

}  // namespace v0_1
}  // namespace rekey

#endif
