// SPDX-License-Identifier: BSL-1.0
// AuthorizationRequest: what a person is asked to open, and what a Redirector answers.
#ifndef REKEY_OAUTH_AUTHORIZATION_REQUEST_HPP
#define REKEY_OAUTH_AUTHORIZATION_REQUEST_HPP

#include <rekey/action.hpp>
#include <rekey/version.hpp>

#include <cstdint>
#include <string>
#include <type_traits>
#include <variant>

namespace rekey {
inline namespace v0_1 {

/// What a Redirector brings to a person: open `url` and say yes.
///
/// `url` holds the `state` or the user code of one flow and belongs to that person only: send it to
/// their browser or screen, not into a log.
struct AuthorizationRequest {
    std::string url{};            ///< To be opened; with the user code in it for a device.
    std::string page{};           ///< Device: the address without the code, for who types it.
    std::string user_code{};      ///< Device: what the page asks for; empty for other flows.
    std::string subject{};        ///< Which user is asked (`Subject{user}`), or empty.
    std::int64_t expires_at = 0;  ///< Unix time in seconds; 0 if nobody knows.
};

/// A Redirector's answer: it waited, the person said yes and the new token is there.
struct Authorized {};

/// A Redirector's answer: the person was sent away; the call ends and can be resumed.
struct HandedOver {};

/// A Redirector's answer: the person refused, or could not be asked.
struct Denied {
    std::string reason{};  ///< For people, without a secret.
};

/// What a Redirector answered, whichever of the types it used.
struct RedirectorAnswer {
    Reauthorized outcome = Reauthorized::denied;
    std::string reason{};  ///< Of a `Denied`.
};

namespace detail {

template <class Answer>
inline constexpr bool is_redirector_word =
    std::is_same_v<Answer, Authorized> || std::is_same_v<Answer, HandedOver> ||
    std::is_same_v<Answer, Denied>;

/// A Redirector that can only refuse is a mistake, so `Denied` alone does not count.
template <class Answer>
struct IsRedirectorAnswer
    : std::bool_constant<is_redirector_word<Answer> && !std::is_same_v<Answer, Denied>> {};
template <class... Answers>
struct IsRedirectorAnswer<std::variant<Answers...>>
    : std::bool_constant<(is_redirector_word<Answers> && ...)> {};

inline RedirectorAnswer answer_of(const Authorized&) { return {Reauthorized::authorized, {}}; }
inline RedirectorAnswer answer_of(const HandedOver&) { return {Reauthorized::handed_over, {}}; }
inline RedirectorAnswer answer_of(const Denied& denied) {
    return {Reauthorized::denied, denied.reason};
}
template <class... Answers> RedirectorAnswer answer_of(const std::variant<Answers...>& answer) {
    RedirectorAnswer found{Reauthorized::denied, "the Redirector gave no answer"};
    const auto look = [&found](const auto* held) {
        if (held != nullptr) found = answer_of(*held);
    };
    (look(std::get_if<Answers>(&answer)), ...);  // a variant without a value matches none
    return found;
}

}  // namespace detail

/// One shape for every answer that a Redirector may give.
///
/// Answer   `Authorized`, `HandedOver`, or a `std::variant` of any of these and `Denied`, each
/// once.
template <class Answer> RedirectorAnswer redirector_answer(const Answer& answer) {
    constexpr bool fits = detail::IsRedirectorAnswer<Answer>::value;
    static_assert(fits,
                  "rekey: a Redirector returns Authorized (it waited), HandedOver (the person was "
                  "sent away), or a std::variant of these and Denied.");
    if constexpr (fits)
        return detail::answer_of(answer);
    else
        return {};
}

}  // namespace v0_1
}  // namespace rekey

#endif
