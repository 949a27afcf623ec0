// SPDX-License-Identifier: BSL-1.0
// sync: the blocking driver, one short loop.
#ifndef REKEY_DRIVER_SYNC_HPP
#define REKEY_DRIVER_SYNC_HPP

#include <rekey/detail/system_clock.hpp>
#include <rekey/driver/frame.hpp>

#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

namespace rekey {
inline namespace v0_1 {
namespace token {
template <class Text> Duration asked_pause(const Text& retry_after, std::string_view date) noexcept;
}
namespace driver {

/// What came back from the token endpoint, whatever type the transport answers with.
struct ExchangeAnswer {
    Reach reach = Reach::answered;
    bool lasting = false, cancelled = false;
    int status = 0;
    std::string content_type{}, body{}, log_id{}, detail{};
    std::string date{};       ///< The server's clock, as it wrote it.
    Duration retry_after{0};  ///< The server's hint; zero without one.
};

/// Sends one token request over a transport and waits for the answer.
template <class Transport, class Service> struct Exchanger {
    Transport& transport;

    /// Whether the transport takes such a request; `JudgedExchange` of a token source asks.
    template <class TokenRequest>
    static constexpr bool takes = detail::TransportCall<Transport, TokenRequest>::fits;

    template <class TokenRequest>
    ExchangeAnswer operator()(const TokenRequest& request, std::string_view authorization,
                              std::string_view credential) const {
        if constexpr (takes<TokenRequest>) {
            AttemptFields fields;
            fields.authorization = authorization;
            fields.credential = credential;
            return told(call(request, Attempt{fields}));
        }
        return {};
    }
    /// What an answer of the transport says.
    template <class Answer> static ExchangeAnswer told(Answer&& answer) {
        if constexpr (detail::IsExpectedLike<detail::Plain<Answer>>::value) {
            if (!answer.has_value())
                return failed(detail::transport_error(std::move(answer).error()));
            return read(detail::value_in(answer));
        } else {
            return read(answer);
        }
    }

private:
    template <class TokenRequest>
    auto call(const TokenRequest& request, const Attempt& attempt) const {
        if constexpr (detail::TransportCall<Transport, TokenRequest>::with_attempt) {
            return transport(request, attempt);
        } else {
            TokenRequest copy = request;
            if (!attempt.authorization().empty())
                RequestTraits<TokenRequest>::set_header(copy, attempt.header(),
                                                        attempt.authorization());
            return transport(copy);
        }
    }
    template <class Response> static ExchangeAnswer read(const Response& response) {
        using Reads = detail::Reads<Response>;
        ExchangeAnswer answer;
        answer.status = Reads::status(response);
        answer.content_type = std::string(Reads::header(response, "Content-Type"));
        answer.body = std::string(Reads::body(response));
        answer.date = std::string(Reads::header(response, "Date"));
        answer.retry_after =
            token::asked_pause(Reads::header(response, "Retry-After"), answer.date);
        for (const std::string_view name : Service::log_id_headers)
            if (answer.log_id.empty()) answer.log_id = std::string(Reads::header(response, name));
        return answer;
    }
    static ExchangeAnswer failed(TransportError&& error) {
        ExchangeAnswer answer;
        answer.reach = error.reach == Reach::answered ? Reach::cut_short : error.reach;
        answer.lasting = error.verdict != TransportVerdict::passing;
        answer.cancelled = error.verdict == TransportVerdict::cancelled;
        answer.detail = std::move(error.detail);
        return answer;
    }
};

/// The time, if the plan reads it.
template <class Plan, class Clock> TimePoint now_of([[maybe_unused]] Clock& clock) {
    if constexpr (Plan::reads_clock) return clock.now();
    return TimePoint{};
}

/// How far a call came before it goes on out of line: with its first attempts, or to an action.
struct Begun {
    SoFar so_far;
    Action next;
};

/// Runs a call to its end. Nearly all of a blocking driver: do what the core says, answer it.
///
/// Cold, so that it is made small: what it adds to a call is little beside one more send.
template <class Plan, class Frame, class Transport, class Exchanger, class Clock>
[[gnu::noinline, gnu::cold]] void go_on(Frame frame, const Begun& begun,
                                        typename Frame::Inbox& inbox, Transport& transport,
                                        const Exchanger& exchanger, Clock& clock) {
    const auto now = [&clock] { return now_of<Plan>(clock); };
    [[maybe_unused]] auto doors = frame.doors();
    frame.writer().fill();
    Action next = begun.next;
    if (begun.so_far != SoFar::nothing) next = frame.settle_first(begun.so_far, inbox, now());
    for (;;) {
        if (frame.is_cancelled() && next.kind != Kind::finish) next = frame.call().cancelled();
        switch (next.kind) {
            case Kind::send:
                if (frame.sign(next)) {
                    if constexpr (Plan::admits) doors.sending();
                    auto received = frame.send(transport, frame.attempt());
                    const bool done = frame.ends_with(received);
                    if (!done) next = frame.received(std::move(received), now());
                    if constexpr (Plan::admits) doors.ended(frame.writer(), next.reason, now());
                    if (done) return;
                } else {
                    next = frame.unsendable(now());
                }
                break;
            case Kind::wait:
                if constexpr (Plan::waits) {
                    frame.sleep(clock, next.delay);
                    next = frame.call().waited(now());
                }
                break;
            case Kind::fetch:
                if constexpr (Plan::Chain::fetching != 0) {
                    Fetched outcome = Fetched::failed;
                    ExchangeReport report;
                    frame.all_slots().with(next.slot, [&](auto& slot) {
                        if constexpr (detail::Plain<decltype(slot)>::exchanges)
                            outcome = slot.fetch(frame.pin(next.move == Move::renew),
                                                 next.move == Move::renew, frame.extras(),
                                                 frame.over(exchanger), clock, report);
                    });
                    next = frame.fetched(next, outcome, std::move(report), now());
                }
                break;
            case Kind::admit:
                if constexpr (Plan::admits)
                    next = frame.call().admitted(doors.ask(next, now(), frame), now());
                break;
            case Kind::reauthorize:
                if constexpr (Plan::reauthorizes) {
                    UserReport report;
                    const Reauthorized outcome = frame.ask_user(next.slot, frame.over(exchanger),
                                                                clock, frame.all_slots(), report);
                    next = frame.reauthorized(outcome, std::move(report), now());
                }
                break;
            case Kind::finish:
                if constexpr (Plan::admits) doors.explain(next.reason, frame.writer());
                frame.end(next.reason);
                return;
        }
    }
}

/// Makes the send of that number, which was signed, and those that follow it at once; says how far
/// this came. All of it is inlined, so that each of them knows which it is.
template <unsigned Number, class Frame, class Transport>
[[gnu::always_inline]] inline SoFar send_first(Frame& frame, typename Frame::Inbox& inbox,
                                               Attempt& attempt, Transport& transport) {
    auto* const response = frame.template receive<Number>(inbox, transport, attempt);
    if (response == nullptr) return SoFar::answered;
    if (frame.template ends_with_response<Number>(*response)) return SoFar::over;
    if constexpr (Number < Frame::first_sends && Number < Frame::Plan::most_moves) {
        const Facts facts = frame.facts_of(*response);
        auto call = frame.call();  // the frame's own is told where anything but a send follows
        const Action next = call.sent(facts);
        if (next.kind == Kind::send && !frame.is_cancelled()) {
            frame.call() = call;
            frame.template pass_over<Number>(facts, *response, inbox);
            if (!frame.sign_after(attempt, next)) return SoFar::unsendable;
            return send_first<Number + 1>(frame, inbox, attempt, transport);
        }
    }
    return SoFar::answered;
}

/// Runs a call. As long as one of its first attempts is sent at once after the other, all of it is
/// inlined here; what else there is to do is done in `go_on`.
template <class Plan, class Frame, class Transport, class Exchanger, class Clock>
[[gnu::always_inline]] inline void run(Frame& frame, Transport& transport,
                                       const Exchanger& exchanger, Clock& clock) {
    const Action next = frame.call().start(now_of<Plan>(clock));
    SoFar so_far = SoFar::nothing;
    typename Frame::Inbox inbox;
    if (Frame::is_inlined && next.kind == Kind::send) {
        so_far = SoFar::unsendable;
        if (frame.sign(next)) {
            Attempt attempt = frame.attempt();
            so_far = send_first<1>(frame, inbox, attempt, transport);
            if (so_far == SoFar::over) return;
        }
    }
    // A send is not told again: only if it is must the first action be in memory.
    const Begun begun{so_far, Frame::is_inlined && next.kind == Kind::send ? Action{} : next};
    go_on<Plan>(std::move(frame), begun, inbox, transport, exchanger, clock);
}

}  // namespace driver
}  // namespace v0_1
}  // namespace rekey

#endif
