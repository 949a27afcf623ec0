// SPDX-License-Identifier: BSL-1.0
// EventScanner and Gate: which events a body holds, and whether it may be handed on as a stream.
#ifndef REKEY_STREAM_GATE_HPP
#define REKEY_STREAM_GATE_HPP

#include <rekey/body/json.hpp>
#include <rekey/version.hpp>

#include <cstddef>
#include <string>
#include <string_view>

namespace rekey {
inline namespace v0_1 {
namespace stream {

/// Reads the events of a `text/event-stream` body from chunks cut anywhere.
///
/// `feed(chunk, on_event)` calls `on_event(std::string_view name, std::string_view data)` for
/// each whole event; both views live only during that call. Lines end with CR, LF or CRLF; the
/// space after the colon is optional; data lines join with a line feed; an event without a name
/// is called `message`; comments and unknown fields are skipped.
///
/// Ends    after an event named `done`, or one whose data is `[DONE]`, with or without quotes: it
///         is handed on, `ended()` is true, and what follows is not read. A body that stops with
///         `ended()` false was cut short, and its last, unfinished event is not handed on; where
///         the end of the body is known, `finish` hands it on (no blank line has to follow it).
/// Limit   `limit` bytes for one event (its name, data and current line). Past it `overflowed()`
///         is true and nothing more is read.
/// Source  WHATWG HTML §9.2.6; Coze chat streams. Unlike there, `done` needs no data. The stream of
///         a Coze workflow ends with `Done`, which is an event like any other here.
class EventScanner {
public:
    static constexpr std::size_t default_limit = std::size_t{8} << 20;

    explicit EventScanner(std::size_t limit = default_limit) noexcept : limit_(limit) {}

    template <class OnEvent> void feed(std::string_view chunk, OnEvent&& on_event) {
        while (!chunk.empty() && !ended_ && !overflowed_) {
            if (after_return_) {
                after_return_ = false;
                if (chunk.front() == '\n') {
                    chunk.remove_prefix(1);
                    continue;
                }
            }
            const std::size_t end = chunk.find_first_of("\r\n");
            const std::string_view part = chunk.substr(0, end);
            if (part.size() > limit_ - name_.size() - data_.size() - line_.size()) {
                overflowed_ = true;
            } else if (end == std::string_view::npos) {
                line_.append(part);
                return;
            } else {
                after_return_ = chunk[end] == '\r';
                chunk.remove_prefix(end + 1);
                if (line_.empty()) {
                    take_line(part, on_event);
                } else {
                    line_.append(part);
                    take_line(line_, on_event);
                    line_.clear();
                }
            }
        }
    }

    /// The body has ended, and not by a connection that broke: an event that no blank line
    /// follows is a whole one.
    template <class OnEvent> void finish(OnEvent&& on_event) {
        if (ended_ || overflowed_) return;
        if (!line_.empty()) take_line(line_, on_event);
        line_.clear();
        dispatch(on_event);
    }

    /// The stream said that it is complete.
    bool ended() const noexcept { return ended_; }
    /// One event was larger than the limit; nothing after it is read.
    bool overflowed() const noexcept { return overflowed_; }
    /// The `id` of the last whole event, or of the last one before it that had an `id`.
    std::string_view last_event_id() const noexcept { return id_; }

private:
    friend class Gate;  // It asks for the event in progress.

    template <class OnEvent> void take_line(std::string_view line, OnEvent& on_event) {
        if (first_line_ && line.substr(0, 3) == detail::byte_order_mark) line.remove_prefix(3);
        first_line_ = false;
        if (line.empty()) return dispatch(on_event);
        const std::size_t colon = line.find(':');
        const std::string_view field = line.substr(0, colon);
        std::string_view value =
            colon == std::string_view::npos ? std::string_view{} : line.substr(colon + 1);
        if (!value.empty() && value.front() == ' ') value.remove_prefix(1);
        if (field == "event") {
            name_ = value;
        } else if (field == "data") {
            if (has_data_) data_ += '\n';
            data_ += value;
            has_data_ = true;
        } else if (field == "id" && value.find('\0') == std::string_view::npos) {
            next_id_ = value;
        }
    }

    template <class OnEvent> void dispatch(OnEvent& on_event) {
        id_ = next_id_;
        ended_ = name_ == "done" || data_ == "[DONE]" || data_ == "\"[DONE]\"";
        if (has_data_ || ended_)
            on_event(name_.empty() ? std::string_view{"message"} : std::string_view{name_},
                     std::string_view{data_});
        name_.clear();
        data_.clear();
        has_data_ = false;
    }

    std::string line_{};
    std::string name_{};
    std::string data_{};
    std::string next_id_{};
    std::string id_{};
    std::size_t limit_;
    bool has_data_ = false;
    bool first_line_ = true;
    bool after_return_ = false;
    bool ended_ = false;
    bool overflowed_ = false;
};

/// What the gate thinks of the body so far.
enum class GateState : unsigned char {
    undecided,  ///< An event stream by its head, but nothing that proves it has come yet.
    hold,       ///< An ordinary answer: kept whole, for the service policy to classify.
    pass        ///< An event stream: every byte goes to the caller, nothing may be sent again.
};

/// Decides before the first event whether a response body may be handed to the caller.
///
/// A refused chat answers a stream request with HTTP 200 and a JSON object, some services even
/// under the stream's content type, or with a stream whose first event is an error. Only a 2xx
/// answer of type `text/event-stream` can pass. It is held if its first byte after white space
/// (and a byte order mark) is `{`, or if its first event is named `error` and its data is a JSON
/// object with a `code` (or else an `error_code`) other than 0: that data is then the answer, and
/// what follows it is not read. Blank lines, comments, `id` and `retry` before it decide nothing;
/// anything else passes at once.
///
/// An error without a code passes: as an ordinary answer it could not be told from a success. So
/// does the `Error` of a Coze workflow: names that differ in case are two names.
///
/// Limit   at most `limit` bytes are held, and what the event in progress says of them once more;
///         `overflowed()` says that there were more.
/// Splits  the outcome does not depend on where the body is cut into chunks.
/// Cost    a passing chunk is not copied, unless it completes what was held before it.
/// Source  Coze chat streams (coze-api §2.4); WHATWG HTML §9.2.5 for the byte order mark.
/// Example examples/19_your_own_stream.cpp
class Gate {
public:
    static constexpr std::size_t default_limit = std::size_t{64} << 20;

    Gate(int status, std::string_view content_type, std::size_t limit = default_limit)
        : limit_(limit),
          state_(status / 100 == 2 && is_event_stream(content_type) ? GateState::undecided
                                                                    : GateState::hold) {}

    /// Takes the next chunk. Returns the bytes to hand to the caller now, empty unless the state
    /// is `pass`; they live until the next call, and as long as `chunk`.
    std::string_view feed(std::string_view chunk) {
        if (state_ == GateState::pass) return chunk;
        if (state_ == GateState::undecided) decide(chunk);
        if (state_ != GateState::pass) {
            keep(chunk);
            return {};
        }
        if (held_.empty()) return chunk;
        held_.append(chunk);
        return held_;
    }

    /// The body has ended, and not by a connection that broke: an event that no blank line follows
    /// is a whole one, and a body without a line is an ordinary answer. Afterwards the state is
    /// `hold` or `pass`. Returns the bytes to hand to the caller that no chunk had decided.
    [[nodiscard]] std::string_view finish() {
        if (state_ != GateState::undecided) return {};
        first_.finish([this](std::string_view name, std::string_view data) {
            if (name == "error") take_error(data);  // its last line may give it another one
        });
        if (state_ == GateState::undecided) state_ = is_blank_ ? GateState::hold : GateState::pass;
        return state_ == GateState::pass ? std::string_view{held_} : std::string_view{};
    }

    GateState state() const noexcept { return state_; }
    /// The ordinary answer is whole before the body has ended: whoever reads may stop.
    bool has_answer() const noexcept { return has_answer_; }
    /// More came than may be held; `take_held()` is then only the beginning of the body.
    bool overflowed() const noexcept { return overflowed_; }
    /// The ordinary answer. Meaningful in the state `hold`; leaves the gate empty.
    std::string take_held() noexcept {
        std::string held;
        held.swap(held_);
        return held;
    }

    /// `text/event-stream` in any case, with or without parameters (RFC 9110 §8.3.1).
    static constexpr bool is_event_stream(std::string_view content_type) noexcept {
        content_type = content_type.substr(0, content_type.find(';'));
        while (!content_type.empty() && is_space(content_type.front()))
            content_type.remove_prefix(1);
        while (!content_type.empty() && is_space(content_type.back()))
            content_type.remove_suffix(1);
        constexpr std::string_view wanted = "text/event-stream";
        if (content_type.size() != wanted.size()) return false;
        for (std::size_t i = 0; i != wanted.size(); ++i) {
            const char c = content_type[i];
            if ((c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c) != wanted[i]) return false;
        }
        return true;
    }

private:
    static constexpr std::string_view byte_order_mark = detail::byte_order_mark;

    static constexpr bool is_space(char c) noexcept {
        return c == ' ' || c == '\t' || c == '\r' || c == '\n';
    }

    void decide(std::string_view chunk) {
        for (std::size_t at = 0; at != chunk.size(); ++at) {
            take(chunk.substr(at, 1));
            if (state_ == GateState::undecided && ++seen_ > limit_) state_ = GateState::hold;
            if (state_ != GateState::undecided) return;
        }
    }

    void take(std::string_view byte) {
        const char c = byte.front();
        if (seen_ == mark_ && mark_ < byte_order_mark.size()) {
            if (c == byte_order_mark[mark_]) {
                ++mark_;
                return;
            }
            if (mark_ != 0) state_ = GateState::pass;  // Half a mark is text, and no brace.
        }
        if (is_blank_ && !is_space(c)) {
            is_blank_ = false;
            if (c == '{' && state_ == GateState::undecided) state_ = GateState::hold;
        }
        const bool ends_line = c == '\r' || c == '\n';
        if (ends_line && !decides_nothing(first_.line_)) state_ = GateState::pass;
        if (state_ != GateState::undecided) return;
        first_.feed(byte, [this](std::string_view, std::string_view data) { take_error(data); });
        if (state_ == GateState::undecided && !may_become_error(c)) state_ = GateState::pass;
    }

    /// A line without a colon, which has come whole: nothing, spaces, or the name of a field.
    static bool decides_nothing(std::string_view line) noexcept {
        if (line.empty() || is_space(line.front()) || line.find(':') != line.npos) return true;
        for (const std::string_view field : fields)
            if (line == field) return true;
        return false;
    }

    /// Whether the first event can still be an error with an object for its data; `last` is the
    /// byte that came last, the ones before it have been looked at.
    bool may_become_error(char last) noexcept {
        const std::string_view line = first_.line_;
        if (line.empty()) return first_.name_ == "error" || (first_.name_.empty() && !has_data());
        if (line.front() == ':') return true;
        if (is_space(line.front())) return is_space(last);
        const std::size_t colon = line.find(':');
        const std::string_view name = line.substr(0, colon);
        if (colon == line.npos) {
            for (const std::string_view field : fields)
                if (field.substr(0, name.size()) == name) return true;
            return false;
        }
        std::string_view value = line.substr(colon + 1);
        if (name == "event") {
            if (!value.empty() && value.front() == ' ') value.remove_prefix(1);
            return value == std::string_view{"error"}.substr(0, value.size());
        }
        if (name != "data") return name == "id" || name == "retry";
        if (first_.name_ != "error") return false;
        if (last == '{' && !value.empty()) is_object_ = true;
        return is_object_ || value.empty() || is_space(last);
    }
    bool has_data() const noexcept { return first_.has_data_; }

    void take_error(std::string_view data) {
        body::Reading code = body::Json::code(data);
        if (code.found == body::Found::absent)
            code = body::reading_of(body::find(data, "error_code"));
        has_answer_ = code.found == body::Found::present && code.code != 0;
        if (has_answer_) held_ = data;
        state_ = has_answer_ ? GateState::hold : GateState::pass;
    }

    void keep(std::string_view chunk) {
        if (has_answer_) return;
        const std::size_t room = limit_ - held_.size();
        if (chunk.size() > room) overflowed_ = true;
        held_.append(chunk.substr(0, room));
    }

    static constexpr std::string_view fields[] = {"event", "data", "id", "retry"};

    std::string held_{};
    EventScanner first_{static_cast<std::size_t>(-1)};  // The limit is the gate's.
    std::size_t limit_;
    std::size_t seen_ = 0;
    std::size_t mark_ = 0;
    GateState state_;
    bool is_blank_ = true;    // White space and no more has come.
    bool is_object_ = false;  // The data of the error begins with a brace.
    bool has_answer_ = false;
    bool overflowed_ = false;
};

}  // namespace stream
}  // namespace v0_1
}  // namespace rekey

#endif
