// SPDX-License-Identifier: BSL-1.0
// ChatStream: the events of one chat, watched, so that an error inside them is an error of the
// call.
#ifndef REKEY_COZE_CHAT_STREAM_HPP
#define REKEY_COZE_CHAT_STREAM_HPP

#include <rekey/attempt.hpp>
#include <rekey/body/json.hpp>
#include <rekey/body/json_writer.hpp>
#include <rekey/coze/chat_failure.hpp>
#include <rekey/http.hpp>
#include <rekey/secret.hpp>
#include <rekey/stream/gate.hpp>
#include <rekey/transport.hpp>

#include <cstddef>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

namespace rekey {
inline namespace v0_1 {
namespace coze {

/// Watches the events of a chat while they are handed on. No I/O: it is fed what passed the gate.
///
/// Fails with  `event:error` and `conversation.chat.failed`, wherever they stand in what passed (a
///             first `event:error` with a code does not: it is an ordinary answer). `failure()` has
///             their kind, code, message and log id; the token of the attempt is cut out of both.
/// Ended       only with the last event (`done`): a stream that stops before it was cut short. What
///             comes behind it, and how the connection ends then, makes no difference.
/// Threads     one call at a time.
/// Source      coze-api §2.4
/// Example     examples/19_your_own_stream.cpp
class ChatStream {
public:
    /// `limit`: bytes of one event, past which nothing more is read.
    explicit ChatStream(std::size_t limit = stream::EventScanner::default_limit) noexcept
        : limit_(limit), scanner_(limit) {}

    /// A new answer begins, to an attempt that was signed with this header value.
    void begin(std::string_view authorization = {}) {
        scanner_ = stream::EventScanner(limit_);
        token_ = Secret{authorization.substr(authorization.find(' ') + 1)};
        failure_ = ChatFailure{};
        chat_id_.clear();
        conversation_id_.clear();
        failed_ = false;
    }
    /// Takes the next bytes and hands whole events on: `on_event(name, data)`, two string_views
    /// that live during that call.
    template <class OnEvent> void feed(std::string_view chunk, OnEvent&& on_event) {
        scanner_.feed(chunk, [&](std::string_view name, std::string_view data) {
            take(name, data);
            on_event(name, data);
        });
    }
    void feed(std::string_view chunk) {
        feed(chunk, [](std::string_view, std::string_view) {});
    }

    /// The stream said that it is complete.
    bool ended() const noexcept { return scanner_.ended(); }
    /// One event was larger than the limit.
    bool overflowed() const noexcept { return scanner_.overflowed(); }
    /// One of the events says that the chat failed; it is the first such.
    bool failed() const noexcept { return failed_; }
    const ChatFailure& failure() const noexcept { return failure_; }
    /// From the first event that names them.
    const std::string& chat_id() const noexcept { return chat_id_; }
    const std::string& conversation_id() const noexcept { return conversation_id_; }

    /// What a transport returns in place of an answer that was delivered: the same, if the stream
    /// was whole and without an error. Else the call fails, and nothing is sent again:
    /// an error with a code becomes the body of the answer, as if Coze had said it at once; one
    /// without a code, and a stream that was cut short, a `TransportError`. What the events have
    /// said counts, however the connection ended behind them: a sink may stop after the last.
    TransportResult<HttpResponse> judged(TransportResult<HttpResponse> answer) {
        if (!answer) {
            const bool is_told = ended() || (failed_ && failure_.has_service_code);
            if (answer.error().reach != Reach::delivered || !is_told) return answer;
            answer = HttpResponse{200, {}, {}, true};  // all that is known of its head
        }
        if (!answer->delivered) return answer;
        scanner_.finish([this](std::string_view name, std::string_view data) { take(name, data); });
        if (ended() && !failed_) return answer;
        failure_.http_status = answer->status;
        if (failed_ && failure_.has_service_code) {
            answer->body = envelope();
            return answer;
        }
        return TransportError{Reach::delivered, in_words(*answer), TransportVerdict::lasting};
    }

private:
    void take(std::string_view name, std::string_view data) {
        const bool is_chat = name.substr(0, 18) == "conversation.chat.";
        if (conversation_id_.empty()) conversation_id_ = body::Json::text(data, "conversation_id");
        if (is_chat && chat_id_.empty()) chat_id_ = body::Json::text(data, "id");
        if (failed_ || (name != "error" && name != "conversation.chat.failed")) return;
        failed_ = true;
        failure_ = read_chat_failure(data);
        cut_out_token(failure_, token_.expose());
    }
    /// Without the texts that are not UTF-8: the code has to be readable.
    std::string envelope() const {
        const auto readable = [](std::string_view text) {
            body::JsonWriter alone;
            alone.value(text);
            return alone.ok() ? text : std::string_view{};
        };
        body::JsonWriter writer;
        writer.object_begin();
        writer.member("code", failure_.service_code);
        writer.member("msg", readable(failure_.message));
        if (!readable(failure_.log_id).empty()) {
            writer.key("detail");
            writer.object_begin();
            writer.member("logid", failure_.log_id);
            writer.object_end();
        }
        writer.object_end();
        return std::move(writer).text();
    }
    /// A `TransportError` has one text, so all that is known stands in it.
    std::string in_words(const HttpResponse& answer) const {
        std::string text = "HTTP " + std::to_string(answer.status);
        text += failed_        ? ", the stream ended in an error"
                : overflowed() ? ", an event of the stream is too long"
                               : ", the stream ended before its last event";
        if (!failure_.message.empty()) text += ": " + failure_.message;
        std::string_view log_id = failure_.log_id;
        if (log_id.empty()) log_id = find_header(answer.headers, Api::log_id_headers[0]);
        if (!log_id.empty()) text += ", log id " + std::string(log_id);
        return text;
    }

    std::size_t limit_;
    stream::EventScanner scanner_;
    Secret token_{};
    ChatFailure failure_{};
    std::string chat_id_{};
    std::string conversation_id_{};
    bool failed_ = false;
};

namespace detail {

template <class Transport, class = void> struct SameRedirects {};
template <class Transport>
struct SameRedirects<Transport, std::void_t<decltype(Transport::follows_redirects)>> {
    static constexpr bool follows_redirects = Transport::follows_redirects;
};
template <class Transport, class = void> struct SameFraming {};
template <class Transport>
struct SameFraming<Transport, std::void_t<decltype(Transport::vouches_for_whole_bodies)>> {
    static constexpr bool vouches_for_whole_bodies = Transport::vouches_for_whole_bodies;
};

}  // namespace detail

/// A streaming transport whose calls fail if the stream does: `WatchedStream{transport, chat}`.
///
/// Transport  takes a request and an Attempt, and returns `TransportResult<HttpResponse>` or what
///            converts to it, with `delivered` set once its sink was called; its sink feeds `chat`.
///            `curl::Transport::stream` is one, and any that asks a `stream::Gate`. What it
///            promises, this promises.
/// Requires   a client that knows what Coze's codes mean: the credentials of `rekey/coze.hpp` bring
///            `coze::Api`, with others it is a policy. Without it an error with a code that is not
///            listed in `RetryOn` is a success of HTTP 200; `chat.failed()` still says so.
/// Errors     `result.error()` has the kind, code, message and log id of the event; the reach is
///            `delivered`, so nothing is sent again, and `result.error().response()` is the answer.
/// Threads    borrows `chat`: one call at a time.
template <class Transport>
class WatchedStream : public detail::SameRedirects<Transport>,
                      public detail::SameFraming<Transport> {
public:
    WatchedStream(Transport transport, ChatStream& chat)
        : transport_(std::move(transport)), chat_(&chat) {}

    template <class Request>
    TransportResult<HttpResponse> operator()(const Request& request, const Attempt& attempt) const {
        chat_->begin(attempt.authorization());
        return chat_->judged(transport_(request, attempt));
    }

private:
    Transport transport_;
    ChatStream* chat_;
};

}  // namespace coze
}  // namespace v0_1
}  // namespace rekey

#endif
