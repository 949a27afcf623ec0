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
namespace driver {

/// What came back from the token endpoint, whatever type the transport answers with.
struct ExchangeAnswer {
    Reach reach = Reach::answered;
    bool lasting = false;
    bool cancelled = false;
    int status = 0;
    std::string content_type{};
    std::string body{};
    std::string log_id{};
    std::string detail{};
    std::string date{};       ///< The server's clock, as it wrote it.
    Duration retry_after{0};  ///< The server's hint in seconds; zero without one.
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
        answer.retry_after = seconds_in(Reads::header(response, "Retry-After"));
        for (const std::string_view name : Service::log_id_headers)
            if (answer.log_id.empty()) answer.log_id = std::string(Reads::header(response, name));
        return answer;
    }
    /// RFC 9110 §10.2.3, delay-seconds; a day at most.
    static Duration seconds_in(std::string_view text) noexcept {
        constexpr std::int64_t day = 86400;
        std::int64_t seconds = 0;
        for (const char c : text) {
            if (c < '0' || c > '9') return Duration{0};
            seconds = seconds >= day ? day : seconds * 10 + (c - '0');
        }
        return std::chrono::seconds{seconds < day ? seconds : day};
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

/// Makes the attempt that was signed last.
template <class Frame, class Transport>
[[gnu::always_inline]] inline typename Frame::Answer send_signed(const Frame& frame,
                                                                 Transport& transport) {
    if constexpr (Frame::TransportCall::with_attempt) {
        return transport(frame.request(), frame.attempt());
    } else {
        auto copy = frame.signed_copy();
        return transport(copy);
    }
}

/// How far a call came before `go_on`: nothing yet, so that `next` counts; the last attempt was
/// signed and cannot be sent; or it got an answer.
enum class SoFar : unsigned char { nothing, unsendable, answered };

/// Runs a call to its end. Nearly all of a blocking driver: do what the core says, answer it.
///
/// Cold, so that it is made small: what it adds to a call is little beside one more send.
///
/// `earlier`  the first answer, if it was judged and not yet settled; `answer` is the last one.
template <class Plan, class Frame, class Transport, class Exchanger, class Clock, class Slots>
[[gnu::noinline, gnu::cold]] void go_on(Frame frame, SoFar so_far, Action next,
                                        typename Frame::Answer* answer,
                                        typename Frame::Answer* earlier, Transport& transport,
                                        const Exchanger& exchanger, Clock& clock, Slots& slot_set) {
    const auto now = [&clock] { return now_of<Plan>(clock); };
    [[maybe_unused]] auto& call = frame.call();
    [[maybe_unused]] auto doors = frame.doors();
    if (earlier != nullptr) frame.settle_first(*earlier, next);
    if (so_far == SoFar::answered)
        next = Frame::has_response(*answer) ? frame.judge(*answer, now())
                                            : frame.received(std::move(*answer), now());
    if (so_far == SoFar::unsendable) next = frame.unsendable(now());
    for (;;) {
        if (frame.is_cancelled() && next.kind != Kind::finish) next = call.cancelled();
        switch (next.kind) {
            case Kind::send:
                if (frame.sign(next)) {
                    if constexpr (Plan::admits) doors.sending();
                    auto received = send_signed(frame, transport);
                    const bool done = frame.ends_with(received, &Trail::add);
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
                    next = call.waited(now());
                }
                break;
            case Kind::fetch:
                if constexpr (Plan::Chain::fetching != 0) {
                    Fetched outcome = Fetched::failed;
                    ExchangeReport report;
                    slot_set.with(next.slot, [&](auto& slot) {
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
                    next = call.admitted(doors.ask(next, now(), frame.request()), now());
                break;
            case Kind::reauthorize:
                if constexpr (Plan::reauthorizes) {
                    UserReport report;
                    const Reauthorized outcome =
                        frame.ask_user(next.slot, frame.over(exchanger), clock, slot_set, report);
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

/// Runs a call. One whose first attempt is accepted, or whose second is sent at once and accepted,
/// ends here, where all of it is inlined; any other goes on in `go_on`.
template <class Plan, class Frame, class Transport, class Exchanger, class Clock, class Slots>
[[gnu::always_inline]] inline void run(Frame& frame, Transport& transport,
                                       const Exchanger& exchanger, Clock& clock, Slots& slot_set) {
    const auto now = [&clock] { return now_of<Plan>(clock); };
    Action next = frame.call().start(now());
    SoFar so_far = SoFar::nothing;
    if (Frame::is_inlined && next.kind == Kind::send)
        so_far = frame.sign(next) ? SoFar::answered : SoFar::unsendable;
    if (so_far != SoFar::answered) {
        go_on<Plan>(std::move(frame), so_far, next, nullptr, nullptr, transport, exchanger, clock,
                    slot_set);
        return;
    }
    auto first = send_signed(frame, transport);
    if (frame.ends_with(first, &Trail::first)) return;

    bool judged = false;
    if (Frame::has_response(first)) {
        judged = true;
        so_far = SoFar::nothing;
        const Action judgement = frame.judge_first(first, now());
        if (judgement.kind == Kind::send && !frame.is_cancelled()) {
            so_far = frame.sign(judgement) ? SoFar::answered : SoFar::unsendable;
            next = frame.last_send();  // not the judgement: it would be kept in memory for this
        } else {
            next = judgement;
        }
        if (so_far == SoFar::answered) {
            auto second = send_signed(frame, transport);
            if (frame.ends_with(second, &Trail::second)) return;
            const Action sent = frame.last_send();
            go_on<Plan>(std::move(frame), so_far, sent, &second, &first, transport, exchanger,
                        clock, slot_set);
            return;
        }
    }
    go_on<Plan>(std::move(frame), so_far, next, judged ? nullptr : &first,
                judged ? &first : nullptr, transport, exchanger, clock, slot_set);
}

}  // namespace driver
}  // namespace v0_1
}  // namespace rekey

#endif
