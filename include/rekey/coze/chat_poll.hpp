// SPDX-License-Identifier: BSL-1.0
// ChatPoll: a chat that does not stream, from its beginning to its end: when to ask, and for what.
#ifndef REKEY_COZE_CHAT_POLL_HPP
#define REKEY_COZE_CHAT_POLL_HPP

#include <rekey/body/json.hpp>
#include <rekey/coze/chat_failure.hpp>
#include <rekey/coze/fresh_conversation.hpp>
#include <rekey/detail/system_clock.hpp>
#include <rekey/facts.hpp>
#include <rekey/http.hpp>
#include <rekey/oauth/percent.hpp>
#include <rekey/oauth/url.hpp>
#include <rekey/policy/retry_after.hpp>
#include <rekey/response.hpp>
#include <rekey/result.hpp>

#include <chrono>
#include <string>
#include <string_view>
#include <utility>

namespace rekey {
inline namespace v0_1 {
namespace coze {

/// What a poll asks for next. Verb out, participle in.
enum class PollStep : unsigned char {
    wait,      ///< Let `delay` pass; answer `waited`.
    retrieve,  ///< Send `request()`; answer `answered`.
    list,      ///< Send `request()`, which asks for the messages; answer `answered`.
    finish     ///< It has ended; see `end()`.
};
struct [[nodiscard]] PollAction {
    PollStep step = PollStep::finish;
    Duration delay{0};

    friend constexpr bool operator==(const PollAction& a, const PollAction& b) noexcept {
        return a.step == b.step && a.delay == b.delay;
    }
};

/// How waiting for a chat ended.
enum class ChatEnd : unsigned char {
    unfinished,
    completed,        ///< `messages()` holds the answer.
    requires_action,  ///< The chat waits for the outputs of tools; `messages()` and `chat()` say
                      ///< which.
    failed,           ///< The chat failed after it had begun.
    canceled,         ///< Somebody cancelled the chat.
    timed_out,        ///< The chat still runs; nothing will be asked before the deadline is over.
    call_failed,      ///< A call about the chat failed for good.
    malformed,        ///< An answer that names no chat.
    stopped           ///< The caller stopped waiting.
};

/// How often a chat is asked for, and how long.
struct PollOptions {
    /// Coze asks for one second at least; zero or less counts as that.
    Duration interval = std::chrono::seconds{1};
    /// Counted from `start`.
    Duration deadline = std::chrono::minutes{5};
    /// The longest pause after calls that failed: they double it.
    Duration longest_pause = std::chrono::seconds{30};
};

/// What one call about a chat told us; `poll_answer(result)` fills it from a `Result`.
struct PollAnswer {
    bool accepted = false;    ///< The call succeeded, so that `body` counts.
    bool passing = false;     ///< It failed, and the next one may succeed.
    Duration retry_after{0};  ///< What the server asks for; negative: do not ask again.
    std::string body{};
    ChatFailure failure{};  ///< Of one that succeeded only HTTP status and log id are known.
};

/// Reads what a call about a chat told us. A failed one is passing if it was rate limited, the
/// service or the network failed in passing, no token could be obtained, or a door of the client
/// was shut.
template <class Response> PollAnswer poll_answer(const Result<Response>& result);

/// Waits for a chat that was begun without `stream`: retrieve, at the interval, until its status is
/// completed, requires_action, failed or canceled; then the message list. No I/O, no clock.
///
/// Credential  every call belongs to the account that made the chat: send each with
///             `SameCredentialAs{created}`.
/// Pace        never faster than the interval and never earlier than `Retry-After` asks; calls that
///             fail in passing double the pause. A wait that would outlast the deadline is not
///             begun: it ends as `timed_out`, and `retry_after()` is what the server asked for.
/// Messages    are asked for after completed and requires_action.
/// Threads     one at a time.
/// Source      coze-api §2.4, §4.1
/// Example     examples/20_wait_for_a_chat.cpp
class ChatPoll {
public:
    /// `base`: the API base; `created`: the body of the answer to POST /v3/chat.
    ChatPoll(std::string_view base, std::string_view created, PollOptions options = {})
        : base_(base), options_(options), chat_(created) {
        if (options_.interval <= Duration{0}) options_.interval = std::chrono::seconds{1};
        constexpr Duration ten_years = std::chrono::hours{24 * 3650};  // no sum overflows
        if (options_.deadline > ten_years) options_.deadline = ten_years;
    }

    PollAction start(TimePoint now);
    PollAction answered(const PollAnswer& answer, TimePoint now);
    PollAction waited(TimePoint now);
    /// At any time; an end that is there stays.
    PollAction cancelled() {
        return finish(ChatEnd::stopped, ErrorKind::cancelled, "nobody waits for the chat any more");
    }

    /// What to send, while the step is `retrieve` or `list`.
    const HttpRequest& request() const noexcept { return request_; }

    ChatEnd end() const noexcept { return end_; }
    /// completed or requires_action.
    bool succeeded() const noexcept {
        return end_ == ChatEnd::completed || end_ == ChatEnd::requires_action;
    }
    /// Why not, once it has ended. Nobody has told the poll the token: if the words of a chat that
    /// failed go into a log, `cut_out_token` first.
    const ChatFailure& failure() const noexcept { return failure_; }
    /// Of `timed_out`: when the server wants to be asked again, counted from its last answer.
    Duration retry_after() const noexcept { return retry_after_; }
    /// The last answer about the chat, whole.
    const std::string& chat() const noexcept { return chat_; }
    /// The answer to the message list, whole; empty unless `succeeded()`.
    const std::string& messages() const noexcept { return messages_; }

private:
    PollAction read_chat(TimePoint now);
    PollAction ask(PollStep step);
    PollAction pause(PollStep then, Duration least, TimePoint now);
    PollAction time_is_over();
    PollAction finish(ChatEnd end, ErrorKind kind, std::string_view message);
    PollAction wait_on(TimePoint now) const;
    Duration left(TimePoint now) const noexcept { return options_.deadline - (now - started_at_); }
    std::string status() const { return body::Json::text(chat_, "data.status"); }

    std::string base_;
    PollOptions options_;
    std::string query_{};
    HttpRequest request_{};
    std::string chat_;
    std::string messages_{};
    ChatFailure failure_{};
    TimePoint started_at_{};
    TimePoint wake_{};
    Duration pause_{0};  // before the next call; zero until one has failed
    Duration retry_after_{0};
    ChatEnd end_ = ChatEnd::unfinished;
    ChatEnd status_ = ChatEnd::unfinished;  // of the chat, while its messages are asked for
    PollStep step_ = PollStep::finish;
    PollStep then_ = PollStep::retrieve;
    bool started_ = false;
    bool call_failed_ = false;  // the last one
};

template <class Response> PollAnswer poll_answer(const Result<Response>& result) {
    using Reads = rekey::detail::Reads<Response>;
    PollAnswer answer;
    const auto read_hint = [&answer](const Response& response) {
        answer.retry_after = RetryAfter::read(
            [&response](std::string_view name) { return Reads::header(response, name); },
            [] { return rekey::detail::SystemClock::unix_seconds(); });
    };
    if (result) {
        answer.accepted = true;
        answer.failure.http_status = Reads::status(*result);
        answer.failure.log_id = std::string(Reads::header(*result, Api::log_id_headers[0]));
        answer.body = std::string(Reads::body(*result));
        read_hint(*result);
        return answer;
    }
    const Error<Response>& error = result.error();
    std::string log_id = error.log_id();
    answer.failure = {error.kind,         error.http_status, error.has_service_code,
                      error.service_code, error.message(),   std::move(log_id)};
    if (const Response* const response = error.response()) read_hint(*response);
    if (answer.retry_after >= Duration{0} && answer.retry_after < error.retry_after())
        answer.retry_after = error.retry_after();
    switch (error.kind) {
        case ErrorKind::rate_limited:
        case ErrorKind::transient:
        case ErrorKind::exchange_failed:
        case ErrorKind::not_admitted: answer.passing = true; break;
        case ErrorKind::transport: {
            const Trail& trail = result.trail();
            answer.passing = trail.empty() || trail[trail.size() - 1].fault != Fault::lasting;
            break;
        }
        default: break;
    }
    return answer;
}

inline PollAction ChatPoll::start(TimePoint now) {
    if (std::exchange(started_, true)) return wait_on(now);
    started_at_ = now;
    const std::string conversation = conversation_id(chat_);
    const std::string chat = chat_id(chat_);
    if (conversation.empty() || chat.empty())
        return finish(ChatEnd::malformed, ErrorKind::malformed_response,
                      "the answer names no chat to wait for");
    query_ = "?conversation_id=" + oauth::percent_encode(conversation) +
             "&chat_id=" + oauth::percent_encode(chat);
    return read_chat(now);
}

inline PollAction ChatPoll::answered(const PollAnswer& answer, TimePoint now) {
    if (step_ != PollStep::retrieve && step_ != PollStep::list) return wait_on(now);
    failure_ = answer.failure;
    call_failed_ = !answer.accepted;
    if (call_failed_) {
        if (answer.failure.kind == ErrorKind::cancelled) return cancelled();
        if (!answer.passing || answer.retry_after < Duration{0})
            return finish(ChatEnd::call_failed, failure_.kind, failure_.message);
        const Duration before = pause_ > Duration{0} ? pause_ : options_.interval;
        pause_ = before < options_.longest_pause - before ? 2 * before : options_.longest_pause;
        return pause(step_, answer.retry_after, now);
    }
    pause_ = Duration{0};
    if (step_ == PollStep::list) {
        messages_ = answer.body;
        return finish(status_, failure_.kind, {});
    }
    chat_ = answer.body;
    retry_after_ = answer.retry_after;
    return read_chat(now);
}

/// What the chat's status asks for.
inline PollAction ChatPoll::read_chat(TimePoint now) {
    const std::string status = this->status();
    if (status.empty())
        return finish(ChatEnd::malformed, ErrorKind::malformed_response,
                      "the answer does not say how the chat is");
    if (status == "completed" || status == "requires_action") {
        status_ = status == "completed" ? ChatEnd::completed : ChatEnd::requires_action;
        return left(now) > Duration{0} ? ask(PollStep::list) : time_is_over();
    }
    if (status == "canceled")
        return finish(ChatEnd::canceled, ErrorKind::cancelled, "the chat was canceled");
    if (status == "failed") {
        ChatFailure why = read_chat_failure(body::find(chat_, "data").raw);
        why.http_status = failure_.http_status;
        if (why.log_id.empty()) why.log_id = failure_.log_id;
        failure_ = std::move(why);
        return finish(ChatEnd::failed, failure_.kind,
                      failure_.message.empty() ? std::string("the chat failed") : failure_.message);
    }
    return pause(PollStep::retrieve, std::exchange(retry_after_, Duration{0}), now);
}

inline PollAction ChatPoll::ask(PollStep step) {
    request_.method = "GET";
    request_.url = oauth::join(base_, (step == PollStep::list ? "/v3/chat/message/list"
                                                              : "/v3/chat/retrieve") +
                                          query_)
                       .text;
    step_ = step;
    return {step_, Duration{0}};
}

inline PollAction ChatPoll::pause(PollStep then, Duration least, TimePoint now) {
    Duration delay = pause_ > options_.interval ? pause_ : options_.interval;
    if (delay < least) delay = least;
    if (delay >= left(now)) {
        retry_after_ = least > Duration{0} ? least : Duration{0};
        return time_is_over();
    }
    then_ = then;
    wake_ = now + delay;
    step_ = PollStep::wait;
    return {step_, delay};
}

inline PollAction ChatPoll::waited(TimePoint now) {
    if (step_ != PollStep::wait || now < wake_) return wait_on(now);
    return left(now) > Duration{0} ? ask(then_) : time_is_over();
}

/// The present step once more, for a driver that answered out of turn or too early.
inline PollAction ChatPoll::wait_on(TimePoint now) const {
    const Duration rest = wake_ - now;
    return {step_, step_ == PollStep::wait && rest > Duration{0} ? rest : Duration{0}};
}

/// What failed last, if anything did, is why it took so long.
inline PollAction ChatPoll::time_is_over() {
    std::string message = "the chat was still " + status() + " when the time was over";
    if (status_ != ChatEnd::unfinished) message = "the messages of the chat did not come in time";
    if (!failure_.message.empty()) message += ": " + failure_.message;
    const ErrorKind kind = call_failed_ ? failure_.kind : ErrorKind::transient;
    return finish(ChatEnd::timed_out, kind, message);
}

inline PollAction ChatPoll::finish(ChatEnd end, ErrorKind kind, std::string_view message) {
    started_ = true;
    step_ = PollStep::finish;
    if (end_ != ChatEnd::unfinished) return {};
    end_ = end;
    request_ = HttpRequest{};
    if (succeeded()) return {};
    failure_.kind = kind;
    failure_.message = std::string(message);
    if (failure_.log_id.empty() && end != ChatEnd::call_failed)
        for (const std::string_view path : Api::log_id_paths)
            if (failure_.log_id.empty()) failure_.log_id = body::Json::text(chat_, path);
    return {};
}

}  // namespace coze
}  // namespace v0_1
}  // namespace rekey

#endif
