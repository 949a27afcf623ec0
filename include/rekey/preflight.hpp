// SPDX-License-Identifier: BSL-1.0
// preflight: what each credential of a chain gets alone, asked probe by probe, before it matters.
#ifndef REKEY_PREFLIGHT_HPP
#define REKEY_PREFLIGHT_HPP

#include <rekey/detail/http_date.hpp>
#include <rekey/detail/system_clock.hpp>
#include <rekey/http.hpp>
#include <rekey/response.hpp>
#include <rekey/result.hpp>
#include <rekey/shadow.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace rekey {
inline namespace v0_1 {
namespace preflight {

/// One question. Probes of one name are one row of the table, whatever each credential is asked.
struct Probe {
    std::string name{};
    HttpRequest request{};
    std::uint32_t asked_of = 0xffffffffu;  ///< Bit n: credential n of the chain.
};

enum class Verdict : unsigned char {
    not_asked,  ///< The probe is not for this credential, or the preflight was stopped before.
    accepted,
    refused,    ///< The service has judged, and asking again changes nothing.
    unanswered  ///< Nobody judged: network, overload, an answer that is none.
};
/// `not_asked`, `accepted`, …: the enumerator's own spelling.
std::string_view to_string(Verdict verdict) noexcept;

/// What one credential got for one probe; `answer_of(result)` fills it from a `Result`.
struct Answer {
    Verdict verdict = Verdict::not_asked;
    bool passing = false;      ///< Unanswered, and another try may do better.
    bool no_token = false;     ///< The credential has none: no other probe can be signed either.
    bool was_stopped = false;  ///< The caller cancelled.
    Duration retry_after{0};   ///< What the server asks for; negative: do not ask again.
    ErrorKind kind = ErrorKind::permanent;  ///< Meaningful unless accepted.
    int http_status = 0;                    ///< 0 without an answer.
    bool has_service_code = false;
    std::int64_t service_code = 0;
    std::string message{};
    std::string log_id{};
    std::string body{};  ///< Of one that was accepted.
    bool has_skew = false;
    std::int64_t skew = 0;  ///< Seconds by which the server's clock is ahead; by its `Date`.
};

/// Reads what a call told us. `sent_at`, `answered_at`: the wall clock around it, for the skew.
template <class Response>
Answer answer_of(const Result<Response>& result, std::int64_t sent_at, std::int64_t answered_at);

/// How fast, and how often once more.
struct Options {
    Duration pause = std::chrono::milliseconds{250};    ///< Between any two requests.
    int tries = 3;                                      ///< Of a probe that nobody answered.
    Duration longest_pause = std::chrono::seconds{30};  ///< A server that asks for more gets none.
};

/// What a preflight wants next. Verb out, participle in.
enum class Step : unsigned char {
    wait,   ///< Let `delay` pass; answer `waited`.
    send,   ///< Send `request()` with credential `slot` and no other; answer `answered`.
    finish  ///< All is asked; see `answer`.
};
struct [[nodiscard]] Action {
    Step step = Step::finish;
    Duration delay{0};
    std::size_t slot = 0;
    std::size_t probe = 0;

    friend constexpr bool operator==(const Action& a, const Action& b) noexcept {
        return a.step == b.step && a.delay == b.delay && a.slot == b.slot && a.probe == b.probe;
    }
};

/// Asks every probe of every credential, one credential after the other. No I/O, no clock.
///
/// Pace      one request at a time, with a pause after each; a probe that nobody answered is tried
///           again after 1 s, 2 s, …, or when `Retry-After` says so; not if it is more than a
///           question (RFC 9110 §9.2.1).
/// Ends      a credential that gets no token, or no answer to its first probe, is not asked
///           further: that answer stands for all its probes.
/// Requires  the names of the credentials in the order of the chain.
/// Threads   one at a time.
/// Example   docs/preflight.md
class Preflight {
public:
    Preflight(std::vector<Probe> probes, std::vector<std::string> credentials, Options options = {})
        : probes_(std::move(probes)),
          credentials_(std::move(credentials)),
          options_(options),
          answers_(probes_.size() * credentials_.size()) {}

    Action start() { return look_from(0); }
    Action answered(Answer answer);
    Action waited() {
        if (action_.step == Step::wait) action_ = {Step::send, Duration{0}, slot(), probe()};
        return action_;
    }
    /// At any time; what was not asked stays so.
    Action cancelled() { return action_ = {}; }

    /// What to send, while the step is `send`.
    const HttpRequest& request() const noexcept { return probes_[probe()].request; }

    const std::vector<Probe>& probes() const noexcept { return probes_; }
    const std::vector<std::string>& credentials() const noexcept { return credentials_; }
    /// Requires a slot below `credentials().size()` and a probe below `probes().size()`.
    const Answer& answer(std::size_t slot, std::size_t probe) const noexcept {
        return answers_[slot * probes_.size() + probe];
    }
    /// The answer to the probe of that name that this credential was asked; nullptr without one.
    const Answer* find(std::size_t slot, std::string_view name) const noexcept {
        for (std::size_t probe = 0; slot < credentials_.size() && probe != probes_.size(); ++probe)
            if (probes_[probe].name == name && answer(slot, probe).verdict != Verdict::not_asked)
                return &answer(slot, probe);
        return nullptr;
    }

private:
    std::size_t slot() const noexcept { return place_ / probes_.size(); }
    std::size_t probe() const noexcept { return place_ % probes_.size(); }
    bool is_asked(std::size_t place) const noexcept {
        const std::size_t slot = place / probes_.size();
        return slot < 32 && ((probes_[place % probes_.size()].asked_of >> slot) & 1u) != 0;
    }
    Action look_from(std::size_t place) {
        tries_ = 0;
        for (place_ = place; place_ < answers_.size(); ++place_) {
            if (!is_asked(place_)) continue;
            if (const Answer* const none = standing_for_all()) {
                answers_[place_] = *none;
                continue;
            }
            if (any_sent_) return action_ = {Step::wait, options_.pause, 0, 0};
            any_sent_ = true;
            return action_ = {Step::send, Duration{0}, slot(), probe()};
        }
        return action_ = {};
    }
    /// An earlier answer of the same credential that says enough about the others: it has no
    /// token, or its very first question got no answer.
    const Answer* standing_for_all() const noexcept {
        bool is_first = true;
        for (std::size_t at = slot() * probes_.size(); at != place_; ++at) {
            const Answer& answer = answers_[at];
            if (answer.no_token || (is_first && answer.verdict == Verdict::unanswered))
                return &answer;
            is_first = is_first && answer.verdict == Verdict::not_asked;
        }
        return nullptr;
    }

    std::vector<Probe> probes_;
    std::vector<std::string> credentials_;
    Options options_;
    std::vector<Answer> answers_;
    Action action_{};
    std::size_t place_ = 0;
    int tries_ = 0;
    bool any_sent_ = false;
};

inline Action Preflight::answered(Answer answer) {
    if (action_.step != Step::send) return action_;
    if (answer.was_stopped) return cancelled();
    Duration delay = std::chrono::seconds{1} * (1 << (tries_ < 4 ? tries_ : 4));
    if (delay < answer.retry_after) delay = answer.retry_after;
    const bool again = answer.passing && rekey::detail::is_safe_method(request().method) &&
                       ++tries_ < options_.tries && answer.retry_after >= Duration{0} &&
                       delay <= options_.longest_pause;
    answers_[place_] = std::move(answer);
    if (again) return action_ = {Step::wait, delay, 0, 0};
    return look_from(place_ + 1);
}

namespace detail {

template <class Response> auto response_header(const Response& response, std::string_view name) {
    return rekey::detail::Reads<Response>::header(response, name);
}

}  // namespace detail

/// Runs it over a client: each probe is a call that uses one credential and no other.
///
/// Client   best without `RetryOn`: a preflight repeats by itself. Its transport takes
///          `HttpRequest`.
/// Clock    `unix_seconds()` and `sleep(Duration)`; without one, those of the machine.
/// Extras   as for `client.send`: `Cancellation{…}`.
/// Cost     blocks for the pauses; credentials × probes requests.
template <class Client, class Clock, class... Extras>
void run(const Client& client, Preflight& preflight, Clock&& clock, const Extras&... extras) {
    for (Action next = preflight.start(); next.step != Step::finish;) {
        if (next.step == Step::wait) {
            clock.sleep(next.delay);
            next = preflight.waited();
            continue;
        }
        const rekey::detail::OnlySlot only{static_cast<std::uint8_t>(next.slot),
                                           preflight.credentials()[next.slot]};
        const std::int64_t sent_at = clock.unix_seconds();
        const auto result = client.send(preflight.request(), extras..., only);
        Answer answer = answer_of(result, sent_at, clock.unix_seconds());
        if (result)
            for (const std::string_view name : Client::Service::log_id_headers)
                if (answer.log_id.empty())
                    answer.log_id = std::string(detail::response_header(*result, name));
        next = preflight.answered(std::move(answer));
    }
}
template <class Client> void run(const Client& client, Preflight& preflight) {
    run(client, preflight, rekey::detail::SystemClock{});
}

template <class Response>
Answer answer_of(const Result<Response>& result, std::int64_t sent_at, std::int64_t answered_at) {
    using Reads = rekey::detail::Reads<Response>;
    Answer answer;
    const auto read = [&](const Response& response) {
        const auto date = rekey::detail::http_date(Reads::header(response, "Date"), answered_at);
        answer.has_skew = date.is_date;
        if (!date.is_date) return;
        if (date.unix_seconds > answered_at) answer.skew = date.unix_seconds - answered_at;
        // The date was cut to whole seconds.
        if (date.unix_seconds + 1 < sent_at) answer.skew = date.unix_seconds + 1 - sent_at;
    };
    if (result) {
        answer.verdict = Verdict::accepted;
        answer.http_status = Reads::status(*result);
        answer.body = std::string(Reads::body(*result));
        read(*result);
        return answer;
    }
    const Error<Response>& error = result.error();
    answer.kind = error.kind;
    answer.http_status = error.http_status;
    answer.has_service_code = error.has_service_code;
    answer.service_code = error.service_code;
    answer.message = error.message();
    answer.log_id = error.log_id();
    answer.retry_after = error.retry_after();
    if (const Response* const response = error.response()) read(*response);
    const Trail& trail = result.trail();
    const bool was_exchange = !trail.empty() && trail.back().exchange;
    switch (error.kind) {
        case ErrorKind::cancelled: answer.was_stopped = true; break;
        case ErrorKind::rate_limited:
        case ErrorKind::transient:
        case ErrorKind::not_admitted: answer.passing = true; break;
        case ErrorKind::transport:
            answer.passing = trail.empty() || trail.back().fault != Fault::lasting;
            break;
        case ErrorKind::exchange_failed:  // the client has tried that more than once
        case ErrorKind::malformed_response: break;
        default: answer.verdict = Verdict::refused;
    }
    if (answer.verdict == Verdict::not_asked) answer.verdict = Verdict::unanswered;
    answer.no_token = was_exchange || error.kind == ErrorKind::configuration;
    return answer;
}

inline std::string_view to_string(Verdict verdict) noexcept {
    switch (verdict) {
        case Verdict::not_asked: return "not_asked";
        case Verdict::accepted: return "accepted";
        case Verdict::refused: return "refused";
        case Verdict::unanswered: return "unanswered";
    }
    return "unknown";
}

}  // namespace preflight
}  // namespace v0_1
}  // namespace rekey

#endif
