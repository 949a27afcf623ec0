// SPDX-License-Identifier: BSL-1.0
// AuthorizationRequest: what a person is asked to open, and what a Redirector answers.
#ifndef REKEY_AUTHORIZATION_HPP
#define REKEY_AUTHORIZATION_HPP

#include <rekey/action.hpp>
#include <rekey/version.hpp>

#include <cstdint>
#include <string>
#include <string_view>
#include <type_traits>

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
    /// Names this authorization. It opens nothing in another browser than the `Binding` of the
    /// call; a device flow that was begun without one is finished by whoever knows the name.
    std::string flow{};
};

/// The browser that begins a flow or brings its callback: an unguessable text that only this
/// browser has, such as the value of its session cookie. An empty one is refused.
struct Binding {
    explicit Binding(std::string_view handle) noexcept : text(handle) {}
    std::string_view text;
};

/// Says aloud that nothing ties the callback to a browser: anyone who gets hold of the URL can
/// finish the flow in his own session. For one person's own machine: a loopback listener.
struct WithoutBinding {};

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
template <template <class...> class Variant, class... Answers>
struct IsRedirectorAnswer<Variant<Answers...>>
    : std::bool_constant<(is_redirector_word<Answers> && ...)> {};

inline RedirectorAnswer answer_of(const Authorized&) { return {Reauthorized::authorized, {}}; }
inline RedirectorAnswer answer_of(const HandedOver&) { return {Reauthorized::handed_over, {}}; }
inline RedirectorAnswer answer_of(const Denied& denied) {
    return {Reauthorized::denied, denied.reason};
}

/// Makes `get_if<Type>(…)` below a call of a template; the variant's own namespace has the one that
/// is meant. So <variant> is read only by those who use it.
template <class> void get_if();

template <template <class...> class Variant, class... Answers>
RedirectorAnswer answer_of(const Variant<Answers...>& answer) {
    RedirectorAnswer found{Reauthorized::denied, "the Redirector gave no answer"};
    const auto look = [&found](const auto* held) {
        if (held != nullptr) found = answer_of(*held);
    };
    (look(get_if<Answers>(&answer)), ...);  // a variant without a value matches none
    return found;
}

}  // namespace detail

/// One shape for every answer that a Redirector may give.
///
/// Answer   `Authorized`, `HandedOver`, or a `std::variant` of any of these and `Denied`, each
///          once.
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

/// Brings a request to a person and gives the answer in one shape.
///
/// Redirector  `R operator()(const AuthorizationRequest&)`.
template <class Redirector>
RedirectorAnswer ask(Redirector& redirector, const AuthorizationRequest& request) {
    constexpr bool fits = std::is_invocable_v<Redirector&, const AuthorizationRequest&>;
    static_assert(fits,
                  "rekey: a Redirector is called as redirector(const rekey::AuthorizationRequest&) "
                  "and brings its url, or its user_code, to a person.");
    if constexpr (fits)
        return redirector_answer(redirector(request));
    else
        return {};
}

/// The Redirector of a web backend: the URL goes to the browser with the answer of the route, from
/// `result.authorization().url`.
struct HandOver {
    HandedOver operator()(const AuthorizationRequest&) const noexcept { return {}; }
};

}  // namespace v0_1
}  // namespace rekey

#endif
