// SPDX-License-Identifier: BSL-1.0
// timeline: words for testing the state machine by hand, usable in a static_assert.
#ifndef REKEY_TESTING_TIMELINE_HPP
#define REKEY_TESTING_TIMELINE_HPP

#include <rekey/action.hpp>
#include <rekey/facts.hpp>

#include <cstdint>

namespace rekey {
inline namespace v0_1 {
namespace testing {

/// An action as far as a test names it.
struct Expected {
    Kind kind = Kind::finish;
    std::uint8_t slot = 0;
    StopReason reason = StopReason::success;
    Duration delay{0};

    friend constexpr bool operator==(const Action& action, const Expected& wanted) noexcept {
        if (action.kind != wanted.kind) return false;
        if (wanted.kind == Kind::finish) return action.reason == wanted.reason;
        if (wanted.kind == Kind::wait) return action.delay == wanted.delay;
        return action.slot == wanted.slot;
    }
};

constexpr Expected send(std::uint8_t slot) noexcept {
    return {Kind::send, slot, StopReason::success, Duration{0}};
}
constexpr Expected fetch(std::uint8_t slot) noexcept {
    return {Kind::fetch, slot, StopReason::success, Duration{0}};
}
constexpr Expected admit(std::uint8_t slot) noexcept {
    return {Kind::admit, slot, StopReason::success, Duration{0}};
}
constexpr Expected reauthorize(std::uint8_t slot) noexcept {
    return {Kind::reauthorize, slot, StopReason::success, Duration{0}};
}
constexpr Expected wait(Duration delay) noexcept {
    return {Kind::wait, 0, StopReason::success, delay};
}
constexpr Expected finish(StopReason reason) noexcept {
    return {Kind::finish, 0, reason, Duration{0}};
}

/// The position of a credential in a plan's chain: `slot_of<Migration, Personal>`.
template <class Plan, class Credential>
inline constexpr std::uint8_t slot_of = Plan::template slot_of<Credential>();

/// A whole answer that is accepted.
constexpr Facts success() noexcept {
    Facts facts;
    facts.http_status = 200;
    return facts;
}
/// A whole answer of a class, with a service code if it is not 0.
constexpr Facts answer(FailureClass failure, int http_status, std::int64_t code = 0) noexcept {
    Facts facts;
    facts.failure = failure;
    facts.http_status = http_status;
    facts.has_service_code = code != 0;
    facts.service_code = code;
    return facts;
}
constexpr Facts refused(std::int64_t code, int http_status = 200) noexcept {
    return answer(AuthRejected, http_status, code);
}
constexpr Facts not_found(std::int64_t code, int http_status = 200) noexcept {
    return answer(NotFound, http_status, code);
}
/// No whole answer.
constexpr Facts unanswered(Reach reach) noexcept {
    Facts facts;
    facts.reach = reach;
    facts.failure = Transient;
    return facts;
}

}  // namespace testing
}  // namespace v0_1
}  // namespace rekey

#endif
