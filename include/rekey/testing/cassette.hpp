// SPDX-License-Identifier: BSL-1.0
// Cassette: real traffic, recorded once, scrubbed of secrets, and replayed in tests.
#ifndef REKEY_TESTING_CASSETTE_HPP
#define REKEY_TESTING_CASSETTE_HPP

#include <rekey/attempt.hpp>
#include <rekey/detail/ascii.hpp>
#include <rekey/driver/transport_call.hpp>
#include <rekey/http.hpp>
#include <rekey/response.hpp>
#include <rekey/testing/late_answers.hpp>
#include <rekey/testing/manual_scheduler.hpp>
#include <rekey/testing/recorder.hpp>
#include <rekey/testing/scrubber.hpp>
#include <rekey/transport.hpp>

#include <cstddef>
#include <istream>
#include <ostream>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

namespace rekey {
inline namespace v0_1 {
namespace testing {

/// One send of a cassette and what came of it.
struct TapedSend {
    HttpRequest request{};
    std::string credential{};  ///< Its name; empty for a token request and without a chain.
    bool answered = true;
    HttpResponse response{};
    TransportError error{};  ///< If not `answered`.
};

/// Traffic as a list, in the order in which it happened.
struct Cassette {
    std::vector<TapedSend> sends{};
    std::string problem{};  ///< Why it could not be read, with its line; empty if nothing is wrong.
};

namespace taping {

/// A text on one line: control characters and backslashes become `\xNN` and `\\`.
inline std::string taped_text(std::string_view text) {
    static constexpr char digits[] = "0123456789abcdef";
    std::string line;
    for (const char c : text) {
        const auto byte = static_cast<unsigned char>(c);
        if (c == '\\') {
            line += "\\\\";
        } else if (byte < 0x20 || byte == 0x7f) {
            line += "\\x";
            line += digits[byte >> 4];
            line += digits[byte & 15u];
        } else {
            line += c;
        }
    }
    return line;
}
/// The text of a line; false if it holds what no cassette is written with.
inline bool read_taped_text(std::string_view line, std::string& text) {
    text.clear();
    for (std::size_t i = 0; i != line.size(); ++i) {
        const auto byte = static_cast<unsigned char>(line[i]);
        if (byte < 0x20 || byte == 0x7f) return false;
        if (line[i] != '\\') {
            text += line[i];
            continue;
        }
        if (line.size() - i >= 2 && line[i + 1] == '\\') {
            text += '\\';
            ++i;
            continue;
        }
        if (line.size() - i < 4 || line[i + 1] != 'x') return false;
        const int high = oauth::detail::hex_value(line[i + 2]);
        const int low = oauth::detail::hex_value(line[i + 3]);
        if (high < 0 || low < 0) return false;
        text += static_cast<char>(static_cast<unsigned char>(high * 16 + low));
        i += 3;
    }
    return true;
}
/// A line with its mark; none ends in a blank, which an editor would take away.
inline void write_taped(std::string& out, char mark, std::string_view text) {
    out += mark;
    if (!text.empty()) out += ' ' + taped_text(text);
    if (out.back() == ' ') {
        out.pop_back();
        out += "\\x20";
    }
    out += '\n';
}
inline void write_taped_headers(std::string& out, char mark, const HttpHeaders& headers) {
    for (const HttpHeader& header : headers)
        write_taped(out, mark, header.name + ": " + header.value);
}
inline void write_taped_body(std::string& out, std::string_view body) {
    while (!body.empty()) {
        const std::size_t end = body.find('\n');
        write_taped(out, '|', body.substr(0, end));
        if (end == body.npos) return;
        body.remove_prefix(end + 1);
        if (body.empty()) write_taped(out, '|', {});
    }
}
/// Stands for a method or a URL that the type of a request does not tell.
inline constexpr std::string_view not_told = "-";
inline std::string_view or_not_told(std::string_view text) {
    return text.empty() ? not_told : text;
}

inline constexpr std::string_view first_line_of_cassettes = "rekey cassette 1";
inline constexpr std::string_view words_of_reach[] = {"never_sent", "sent_unanswered", "cut_short"};
inline constexpr std::string_view words_of_verdict[] = {"passing", "lasting", "cancelled"};

template <std::size_t Count>
std::size_t word_in(std::string_view word, const std::string_view (&list)[Count]) {
    std::size_t i = 0;
    while (i != Count && list[i] != word) ++i;
    return i;
}

/// What a cassette looks like, without secrets that are still to be found.
inline std::string taped(const Cassette& cassette) {
    std::string out(first_line_of_cassettes);
    out += '\n';
    for (const TapedSend& send : cassette.sends) {
        out += '\n';
        write_taped(out, '>',
                    std::string(or_not_told(send.request.method)) + ' ' +
                        std::string(or_not_told(send.request.url)));
        write_taped_headers(out, '>', send.request.headers);
        if (!send.credential.empty()) write_taped(out, '@', send.credential);
        write_taped_body(out, send.request.body);
        if (!send.answered) {
            const auto reach = static_cast<std::size_t>(send.error.reach);
            std::string failure(words_of_reach[reach < 3 ? reach : 2]);
            failure += ' ';
            failure += words_of_verdict[static_cast<std::size_t>(send.error.verdict)];
            if (!send.error.detail.empty()) failure += ' ' + send.error.detail;
            write_taped(out, '!', failure);
            continue;
        }
        write_taped(
            out, '<',
            std::to_string(send.response.status) + (send.response.delivered ? " delivered" : ""));
        write_taped_headers(out, '<', send.response.headers);
        write_taped_body(out, send.response.body);
    }
    return out;
}

/// Reads a cassette line by line. See `read_cassette`.
class CassetteReader {
public:
    Cassette read(std::istream& in) {
        std::string line;
        while (result_.problem.empty() && std::getline(in, line)) {
            ++number_;
            if (!line.empty() && line.back() == '\r') line.pop_back();
            take(line);
            if (result_.problem.empty() && in.eof())
                fail("is cut short: each line of a cassette ends with a line feed");
        }
        if (result_.problem.empty() && number_ == 0)
            fail("is empty; the first line is `rekey cassette 1`");
        if (result_.problem.empty() && place_ != Place::between && !has_answer_)
            fail("is the end, and the last request has neither an answer (<) nor a failure (!)");
        if (!result_.problem.empty()) result_.sends.clear();
        return std::move(result_);
    }

private:
    enum class Place : unsigned char { start, between, request, request_body, answer, answer_body };

    void fail(const std::string& why) {
        result_.problem = "cassette: line " + std::to_string(number_) + ' ' + why;
    }
    void take(const std::string& line) {
        if (place_ == Place::start) {
            if (line != first_line_of_cassettes)
                return fail(
                    "is not `rekey cassette 1`: this is no cassette, or one of a later "
                    "format");
            place_ = Place::between;
            return;
        }
        if (line.empty()) {
            if (place_ != Place::between && !has_answer_)
                return fail("ends a request that has neither an answer (<) nor a failure (!)");
            place_ = Place::between;
            return;
        }
        if (line[0] == '#' && place_ == Place::between) return;  // a remark
        if (line != "|" && (line.size() < 2 || line[1] != ' '))
            return fail("begins with none of the marks `> `, `@ `, `| `, `< ` and `! `");
        std::string text;
        const bool readable =
            line == "|" || read_taped_text(std::string_view(line).substr(2), text);
        if (!readable) return fail("holds a control character or an escape that is none");
        switch (line[0]) {
            case '>': return take_request(text);
            case '@': return take_credential(text);
            case '|': return take_body(text);
            case '<': return take_answer(text);
            case '!': return take_failure(text);
            default: fail("begins with none of the marks `> `, `@ `, `| `, `< ` and `! `");
        }
    }
    void take_request(const std::string& text) {
        if (place_ == Place::request) return take_header(text, send().request.headers);
        if (place_ != Place::between) return fail("begins a request; an empty line goes before it");
        const std::size_t space = text.find(' ');
        if (space == text.npos || space == 0 || space + 1 == text.size())
            return fail("is no request; it should be `> METHOD URL`, with - for what is not known");
        result_.sends.emplace_back();
        if (text.substr(0, space) != not_told) send().request.method = text.substr(0, space);
        if (text.substr(space + 1) != not_told) send().request.url = text.substr(space + 1);
        place_ = Place::request;
        has_answer_ = has_lines_ = false;
    }
    void take_credential(const std::string& text) {
        if (place_ != Place::request) return fail("names a credential outside of a request");
        send().credential = text;
    }
    void take_header(const std::string& text, HttpHeaders& headers) {
        const std::size_t colon = text.find(": ");
        if (colon == text.npos || colon == 0)
            return fail("is no header; it should be `Name: value`");
        rekey::detail::add_header(headers, text.substr(0, colon), text.substr(colon + 2));
    }
    void take_body(const std::string& text) {
        if (place_ == Place::request) place_ = Place::request_body;
        if (place_ == Place::answer && send().answered) place_ = Place::answer_body;
        if (place_ != Place::request_body && place_ != Place::answer_body)
            return fail("is a body that belongs to nothing");
        std::string& body =
            place_ == Place::request_body ? send().request.body : send().response.body;
        if (std::exchange(has_lines_, true)) body += '\n';
        body += text;
    }
    void take_answer(const std::string& text) {
        if (place_ == Place::answer && send().answered)
            return take_header(text, send().response.headers);
        if (place_ != Place::request && place_ != Place::request_body)
            return fail("is an answer that belongs to no request");
        const std::string_view digits = std::string_view(text).substr(0, text.find(' '));
        const std::string_view rest = std::string_view(text).substr(digits.size());
        const bool is_status = digits.size() == 3 && digits[0] != '0' &&
                               digits.find_first_not_of("0123456789") == digits.npos;
        if ((!is_status && digits != "0") || (!rest.empty() && rest != " delivered"))
            return fail("is no answer; it should be `< 200`, with a status of three digits, or 0");
        for (const char c : digits)
            send().response.status = send().response.status * 10 + (c - '0');
        send().response.delivered = !rest.empty();
        place_ = Place::answer;
        has_answer_ = true;
        has_lines_ = false;
    }
    void take_failure(const std::string& text) {
        if (place_ != Place::request && place_ != Place::request_body)
            return fail("is a failure that belongs to no request");
        const std::size_t first = text.find(' ');
        const std::size_t second = first == text.npos ? first : text.find(' ', first + 1);
        const std::size_t reach = word_in(text.substr(0, first), words_of_reach);
        const std::size_t verdict =
            first == text.npos
                ? 3
                : word_in(text.substr(first + 1, second - first - 1), words_of_verdict);
        if (reach == 3 || verdict == 3)
            return fail("is no failure; it should be `! sent_unanswered passing` and words");
        send().answered = false;
        send().error = {static_cast<Reach>(reach),
                        second == text.npos ? std::string() : text.substr(second + 1),
                        static_cast<TransportVerdict>(verdict)};
        place_ = Place::answer;
        has_answer_ = true;
    }
    TapedSend& send() { return result_.sends.back(); }

    Cassette result_{};
    std::size_t number_ = 0;
    Place place_ = Place::start;
    bool has_answer_ = false;
    bool has_lines_ = false;  // of the body that is being read
};

/// Calls `act` with every text of a send that is no header.
template <class Act> void each_text(TapedSend& send, const Act& act) {
    for (std::string* const text : {&send.request.method, &send.request.url, &send.request.body,
                                    &send.credential, &send.response.body, &send.error.detail})
        act(*text);
}
/// Takes the secrets out of everything that a send holds.
inline void scrub(TapedSend& send, Scrubber& scrubber) {
    const auto headers = [&scrubber](HttpHeaders& list) {
        for (HttpHeader& header : list)
            header.value = scrubber.header_value(header.name, header.value);
    };
    headers(send.request.headers);
    headers(send.response.headers);
    each_text(send, [&scrubber](std::string& text) { text = scrubber.text(text); });
}

}  // namespace taping

/// Reads what `CassetteRecorder::save` wrote, from any stream: a file that the test opened.
///
/// Errors  `problem` says what is wrong, in which line; there are no sends then. One that was cut
///         inside a line is refused; what was cut between two lines cannot always be told.
inline Cassette read_cassette(std::istream& in) { return taping::CassetteReader{}.read(in); }

/// Writes down the traffic of a transport, to be saved without secrets.
///
/// Transport  as of `Recorder`; an lvalue is borrowed. Token requests that go over it are
///            recorded as well. A send that an exception ended plays as one without an answer,
///            which no client repeats.
/// Scrubber   what it knows beside its names; see there.
/// Threads    any, as the transport; sends are kept in the order in which they came back.
/// Secrets    stay in memory until the recorder is gone, for what is secret may come to light in a
///            later send. Nothing here prints them.
/// Example    examples/cookbook/cassette.cpp
template <class Transport> class CassetteRecorder {
public:
    static constexpr bool follows_redirects = Recorder<Transport>::follows_redirects;
    static constexpr bool vouches_for_whole_bodies = Recorder<Transport>::vouches_for_whole_bodies;

    explicit CassetteRecorder(Transport&& transport, Scrubber scrubber = {})
        : recorder_(std::forward<Transport>(transport)), scrubber_(std::move(scrubber)) {}

    template <class Request>
    using AnswerTo = typename Recorder<Transport>::template AnswerTo<Request>;

    template <class Request, class... Done>
    auto operator()(const Request& request, const Attempt& attempt, Done... done)
        -> decltype(std::declval<Recorder<Transport>&>()(request, attempt, std::move(done)...)) {
        return recorder_(request, attempt, std::move(done)...);
    }

    /// The traffic so far, without secrets.
    Cassette cassette() const {
        Scrubber scrubber = scrubber_;
        Cassette result;
        const auto sends = recorder_.sends();
        for (int pass = 0; pass != 2; ++pass) {  // the first learns what the second takes out
            result.sends.clear();
            for (const RecordedSend& send : sends) {
                result.sends.push_back(taped(send, scrubber));
                taping::scrub(result.sends.back(), scrubber);
            }
        }
        for (const TapedSend& send : result.sends) {
            const int status = send.response.status;
            if (!send.answered || status == 0 || (status >= 100 && status <= 999)) continue;
            result.problem = "cassette: an answer has the status " + std::to_string(status) +
                             ", and a cassette holds those of three digits, and 0";
            result.sends.clear();
            return result;
        }
        bool is_clean = !scrubber.finds_secret_in(taping::taped(result));
        for (TapedSend& send : result.sends)  // and not only line by line
            taping::each_text(send, [&](const std::string& text) {
                is_clean = is_clean && !scrubber.finds_secret_in(text);
            });
        for (const TapedSend& send : result.sends)
            for (const HttpHeaders* const list : {&send.request.headers, &send.response.headers})
                for (const HttpHeader& header : *list)
                    is_clean = is_clean && !scrubber.finds_secret_in(header.value);
        if (!is_clean) {
            result.sends.clear();
            result.problem =
                "cassette: a secret is a part of what every cassette says, such as the "
                "name of a header, and cannot be taken out";
        }
        return result;
    }
    /// Writes it to a stream. False, and nothing is written, if a secret cannot be taken out, if a
    /// status is none that a cassette holds, or if the stream is not good.
    bool save(std::ostream& out) const {
        const Cassette result = cassette();
        if (!result.problem.empty()) return false;
        out << taping::taped(result);
        return out.good();
    }

private:
    static TapedSend taped(const RecordedSend& recorded, Scrubber& scrubber) {
        TapedSend send;
        send.request.method = recorded.method;
        send.request.url = recorded.url;
        send.request.headers = recorded.headers;
        send.request.body = recorded.body;
        send.credential = recorded.credential;
        if (!recorded.authorization.empty()) {
            scrubber.learn_header(recorded.authorization);
            rekey::detail::add_header(send.request.headers, recorded.header,
                                      std::string(Scrubber::instead));
        }
        send.answered = recorded.answered;
        send.response = recorded.response;
        send.error = recorded.error;
        return send;
    }
    Recorder<Transport> recorder_;
    Scrubber scrubber_;
};
template <class Given> CassetteRecorder(Given&&) -> CassetteRecorder<Given>;
template <class Given> CassetteRecorder(Given&&, Scrubber) -> CassetteRecorder<Given>;

/// How a request finds its place on a cassette.
enum class Playing : unsigned char {
    in_order,  ///< Each request is the next one.
    any_order  ///< The first that fits and was not played; for calls that run side by side.
};

/// A transport that answers as a cassette says: `CassettePlayer http{read_cassette(file)};`
///
/// A request fits if method, URL and body are those of the cassette after the same scrubbing; of
/// the header values only that of the credential's name counts, if the cassette has one. One that
/// does not fit fails in words, is never repeated, and is kept in `problem()`.
/// An asynchronous client is answered before its send has returned, or in virtual time:
/// `CassettePlayer http{read_cassette(file)}; http.answer_through(time, 20ms);`
/// Not copied: a client borrows it. One thread at a time.
class CassettePlayer {
public:
    using Answer = TransportResult<HttpResponse>;

    explicit CassettePlayer(Cassette cassette, Playing playing = Playing::in_order,
                            Scrubber scrubber = {})
        : cassette_(std::move(cassette)),
          played_(cassette_.sends.size(), false),
          problem_(cassette_.problem),
          given_(scrubber),
          scrubber_(std::move(scrubber)),
          playing_(playing) {}
    CassettePlayer(const CassettePlayer&) = delete;
    CassettePlayer& operator=(const CassettePlayer&) = delete;
    ~CassettePlayer() { late_.end(); }

    /// From now on asynchronous sends are answered by timers, which a call that is cancelled
    /// cancels. A send finds its place on the cassette when it is sent. If the player or the time
    /// ends before, the calls are told nothing, as with `AsyncScript`.
    CassettePlayer& answer_through(ManualScheduler& time, Duration delay = Duration{0}) noexcept {
        late_.come_through(time);
        delay_ = delay;
        return *this;
    }

    template <class Request, class Done>
    ManualScheduler::Handle operator()(const Request& request, const Attempt& attempt, Done done) {
        Answer answer = (*this)(request, attempt);
        if (late_.have_time()) return late_.answer(delay_, std::move(done), std::move(answer));
        done(std::move(answer));
        return ManualScheduler::Handle({});
    }
    template <class Request> Answer operator()(const Request& request, const Attempt& attempt) {
        if (!cassette_.problem.empty()) return refuse(cassette_.problem);
        const RecordedSend seen(request, attempt);
        TapedSend asked;
        asked.request.method = seen.method;
        asked.request.url = seen.url;
        asked.request.body = seen.body;
        asked.credential = seen.credential;
        TapedSend plain = asked;
        scrubber_.learn_header(seen.authorization);
        taping::scrub(asked, scrubber_);

        std::string why;
        std::size_t place = place_of(asked, asked, why);
        if (place == played_.size() && !why.empty()) {
            // The token of a test may be a word that stands in the traffic, such as `personal`.
            Scrubber fresh = given_;
            taping::scrub(plain, fresh);
            why.clear();
            place = place_of(asked, plain, why);
        }
        if (place != played_.size()) {
            played_[place] = true;
            if (!cassette_.sends[place].answered) return cassette_.sends[place].error;
            return cassette_.sends[place].response;
        }
        const std::string what = asked.request.method + ' ' + asked.request.url;
        if (why.empty()) return refuse("cassette: it is over, and there is one more send: " + what);
        if (playing_ == Playing::any_order)
            return refuse("cassette: no send that is left fits " + what + "; " + why);
        return refuse("cassette: the next " + why);
    }

    /// How many sends were not played.
    std::size_t left() const {
        std::size_t count = 0;
        for (const bool played : played_) count += played ? 0u : 1u;
        return count;
    }
    /// What went wrong first: a cassette that cannot be read, or a request that does not fit.
    const std::string& problem() const noexcept { return problem_; }

private:
    /// The place of the send that fits in one spelling of each text or in the other, or the end.
    std::size_t place_of(const TapedSend& asked, const TapedSend& other, std::string& why) const {
        for (std::size_t i = 0; i != played_.size(); ++i) {
            if (played_[i]) continue;
            const std::string difference = difference_of(cassette_.sends[i], asked, other);
            if (difference.empty()) return i;
            if (why.empty()) why = "send " + std::to_string(i + 1) + " has " + difference;
            if (playing_ == Playing::in_order) break;
        }
        return played_.size();
    }
    static std::string difference_of(const TapedSend& taped, const TapedSend& asked,
                                     const TapedSend& other) {
        const auto differ = [](const char* what, const std::string& wanted,
                               const std::string& found) {
            return std::string(what) + " `" + taping::taped_text(wanted) + "`, and this one `" +
                   taping::taped_text(found) + "`";
        };
        const HttpRequest& wanted = taped.request;
        const HttpRequest& one = asked.request;
        const HttpRequest& two = other.request;
        if (wanted.method != one.method && wanted.method != two.method)
            return differ("the method", wanted.method, one.method);
        if (wanted.url != one.url && wanted.url != two.url)
            return differ("the URL", wanted.url, one.url);
        if (!taped.credential.empty() && taped.credential != asked.credential &&
            taped.credential != other.credential)
            return differ("the credential", taped.credential, asked.credential);
        if (wanted.body != one.body && wanted.body != two.body)
            return differ("the body", wanted.body, one.body);
        return {};
    }
    TransportError refuse(const std::string& why) {
        if (problem_.empty()) problem_ = why;
        return TransportError{Reach::never_sent, why, TransportVerdict::lasting};
    }

    Cassette cassette_;
    std::vector<bool> played_;
    std::string problem_;
    Scrubber given_;     // has learned nothing
    Scrubber scrubber_;  // knows what went by
    Playing playing_;
    Duration delay_{0};
    LateAnswers late_{};
};

}  // namespace testing
}  // namespace v0_1
}  // namespace rekey

#endif
