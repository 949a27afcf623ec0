// SPDX-License-Identifier: BSL-1.0
// flow: what every way of asking a user has in common: who is asked, how it ended, the sending.
#ifndef REKEY_OAUTH_FLOW_HPP
#define REKEY_OAUTH_FLOW_HPP

#include <rekey/authorization.hpp>
#include <rekey/extras.hpp>
#include <rekey/oauth/code_exchange.hpp>
#include <rekey/result.hpp>
#include <rekey/stop_signal.hpp>
#include <rekey/user_calls.hpp>

#include <cstdint>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

namespace rekey {
inline namespace v0_1 {
namespace oauth {

namespace flow_parts {

template <class Answer> struct SaysAuthorized : std::is_same<Answer, Authorized> {};
template <template <class...> class Variant, class... Answers>
struct SaysAuthorized<Variant<Answers...>>
    : std::bool_constant<(std::is_same_v<Answers, Authorized> || ...)> {};

}  // namespace flow_parts

/// Whether a Redirector never waits for the person: then its answer cannot be `Authorized`.
template <class Redirector> constexpr bool never_waits() noexcept {
    if constexpr (std::is_invocable_v<Redirector&, const AuthorizationRequest&>)
        return !flow_parts::SaysAuthorized<
            std::invoke_result_t<Redirector&, const AuthorizationRequest&>>::value;
    else
        return false;
}

/// A code that a callback has brought, to be exchanged once.
struct AcceptedCode {
    TokenRequest request{};
    std::int64_t received_at = 0;
};

/// Tells a flow that waits for a person whether a newer token of that user has come meanwhile, by
/// another flow.
struct NewerToken {
    const void* source = nullptr;
    bool (*has)(const void* source, std::string_view subject, std::uint64_t since) = nullptr;

    /// `since`: `FlowUser::generation` of when the flow began.
    bool is_here(std::string_view subject, std::uint64_t since) const {
        return has != nullptr && has(source, subject, since);
    }
};

/// The user that a flow asks, and where.
struct FlowUser {
    std::string_view subject{};
    const Binding* binding = nullptr;  ///< The browser; null for `WithoutBinding`.
    std::string_view return_to{};      ///< A path of this site for afterwards, or empty.
    bool deliver = true;               ///< False: a Redirector has been asked already.
    std::uint64_t generation = 0;      ///< Of the user's token when the flow begins.
    NewerToken newer{};                ///< For a flow that is finished.
    rekey::detail::Stop stop{};        ///< Of the call that asks.
};

/// How asking ended, or how far it came.
struct FlowAnswer {
    Reauthorized outcome = Reauthorized::denied;
    AuthorizationRequest request{};  ///< Of `handed_over`; its `flow` and `subject` always.
    UncommittedTokens tokens{};      ///< Of `authorized`, unless somebody else kept them.
    ErrorKind kind = ErrorKind::authorization_denied;  ///< Of `denied`.
    std::string message{};                             ///< For people, without a secret.
    std::string log_id{};
    std::string return_to{};  ///< As it was given when the flow began.
    bool sent_away = false;  ///< The Redirector has brought the request to the person, who is away.
    bool cancelled = false;  ///< The caller stopped it.

    bool is_authorized() const noexcept { return outcome == Reauthorized::authorized; }

    /// Takes what the Redirector said of `request`.
    void take(RedirectorAnswer&& said) {
        outcome = said.outcome;
        message = std::move(said.reason);
        sent_away = outcome == Reauthorized::handed_over;
    }
    void deny(ErrorKind why, std::string words) {
        outcome = Reauthorized::denied;
        kind = why;
        message = std::move(words);
    }
};

/// What an exchanger of the driver brought, as the exchanges read it. A view of it.
template <class Answer> EndpointAnswer endpoint_answer(const Answer& answer) {
    EndpointAnswer seen;
    seen.reach = answer.reach;
    seen.status = answer.status;
    seen.content_type = answer.content_type;
    seen.body = answer.body;
    seen.retry_after = answer.retry_after;
    seen.lasting = answer.lasting;
    return seen;
}

/// What is known about the last answer of a token endpoint beside the exchange itself.
struct ExchangeNotes {
    Reach reach = Reach::never_sent;
    int http_status = 0;
    std::string log_id{};
    std::string detail{};
    bool cancelled = false;

    /// Without what the request sent, should the answer repeat it.
    template <class Answer> void take(const Answer& answer, const TokenRequest& request) {
        reach = answer.reach;
        http_status = answer.status;
        log_id = answer.log_id;
        detail = answer.detail;
        cancelled = answer.cancelled;
        for (std::string* text : {&log_id, &detail}) oauth::detail::withhold(request, *text);
    }
};

/// Runs a `CodeExchange` or a `RefreshExchange` to its end: sends what it says, waits as it says.
template <class Exchange, class Exchanger, class Clock>
ExchangeNotes run_exchange(Exchange& exchange, std::string_view credential,
                           const rekey::detail::Stop& stop, const Exchanger& exchanger,
                           Clock& clock) {
    ExchangeNotes notes;
    ExchangeAction next = exchange.start(clock.unix_seconds());
    while (next.step == ExchangeStep::send && !notes.cancelled) {
        if (next.delay > Duration{0} && !stop.sleep(clock, next.delay)) {
            notes.cancelled = true;
            break;
        }
        const TokenRequest& request = exchange.request();
        const auto answer = exchanger(request.http, request.authorization.expose(), credential);
        notes.take(answer, request);
        next = exchange.answered(endpoint_answer(answer), clock.unix_seconds());
    }
    return notes;
}

/// What an exchange says went wrong, in one line.
template <class Exchange>
std::string words_of(const Exchange& exchange, const ExchangeNotes& notes) {
    std::string text(exchange.problem());
    const auto add = [&text](std::string_view what) {
        if (what.empty()) return;
        if (!text.empty()) text += ": ";
        text += what;
    };
    add(exchange.details().error_word);
    add(exchange.details().message);
    if (notes.reach != Reach::answered) add(notes.detail);
    return text;
}

}  // namespace oauth
}  // namespace v0_1
}  // namespace rekey

#endif
