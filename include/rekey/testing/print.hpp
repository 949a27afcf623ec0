// SPDX-License-Identifier: BSL-1.0
// print: what a test framework shows of rekey's values. Never a token.
#ifndef REKEY_TESTING_PRINT_HPP
#define REKEY_TESTING_PRINT_HPP

#include <rekey/attempt.hpp>
#include <rekey/body/json.hpp>
#include <rekey/http.hpp>
#include <rekey/result.hpp>
#include <rekey/testing/recorder.hpp>
#include <rekey/testing/script.hpp>
#include <rekey/testing/scrubber.hpp>
#include <rekey/testing/timeline.hpp>
#include <rekey/transport.hpp>

#include <ostream>
#include <string_view>

namespace rekey {
inline namespace v0_1 {

namespace testing {

constexpr std::string_view word(Kind kind) noexcept {
    switch (kind) {
        case Kind::send: return "send";
        case Kind::wait: return "wait";
        case Kind::fetch: return "fetch";
        case Kind::admit: return "admit";
        case Kind::reauthorize: return "reauthorize";
        case Kind::finish: return "finish";
    }
    return "?";
}
constexpr std::string_view word(Move move) noexcept {
    switch (move) {
        case Move::first: return "first";
        case Move::repeat: return "repeat";
        case Move::renew: return "renew";
        case Move::fall_back: return "fall_back";
        case Move::straddle: return "straddle";
    }
    return "?";
}
constexpr std::string_view word(FailureClass failure) noexcept {
    switch (failure) {
        case NoFailure: return "success";
        case AuthRejected: return "AuthRejected";
        case NotFound: return "NotFound";
        case RateLimited: return "RateLimited";
        case QuotaExhausted: return "QuotaExhausted";
        case Transient: return "Transient";
        case Permanent: return "Permanent";
    }
    return "?";
}
constexpr std::string_view word(Reach reach) noexcept {
    switch (reach) {
        case Reach::never_sent: return "never sent";
        case Reach::sent_unanswered: return "sent, no answer";
        case Reach::cut_short: return "cut short";
        case Reach::answered: return "answered";
        case Reach::delivered: return "delivered";
    }
    return "?";
}

inline std::ostream& operator<<(std::ostream& out, const Expected& wanted) {
    out << word(wanted.kind);
    if (wanted.kind == Kind::finish) return out << '(' << to_string(wanted.reason) << ')';
    if (wanted.kind == Kind::wait) return out << '(' << wanted.delay.count() << " ns)";
    return out << '(' << int{wanted.slot} << ')';
}
inline std::ostream& operator<<(std::ostream& out, const ScriptedSend& send) {
    Scrubber scrubber;
    scrubber.learn_header(send.authorization);
    return out << send.method << ' ' << scrubber.text(send.url) << " #" << send.number << " as "
               << send.credential
               << (send.authorization.empty() ? "" : " [authorization redacted]");
}
/// Without the script's answers: a test knows what it wrote.
inline std::ostream& operator<<(std::ostream& out, const Script& http) {
    for (const ScriptedSend& send : http.sends()) out << send << '\n';
    return out << http.left() << " answers left";
}

}  // namespace testing

/// Neither headers nor body, which may hold secrets.
inline std::ostream& operator<<(std::ostream& out, const HttpRequest& request) {
    return out << request.method << ' ' << testing::Scrubber{}.text(request.url) << " ("
               << request.headers.size() << " headers, " << request.body.size() << " bytes)";
}
/// The status and the service code; no body, for it may be that of a token endpoint.
inline std::ostream& operator<<(std::ostream& out, const HttpResponse& response) {
    out << "HTTP " << response.status;
    const body::Reading reading = body::Json::code(response.body);
    if (reading.found == body::Found::present) out << " code " << reading.code;
    return out << (response.delivered ? " (delivered)" : "");
}
inline std::ostream& operator<<(std::ostream& out, const TransportError& error) {
    return out << testing::word(error.reach)
               << (error.verdict == TransportVerdict::lasting     ? ", for good"
                   : error.verdict == TransportVerdict::cancelled ? ", cancelled"
                                                                  : "")
               << ": " << testing::Scrubber{}.text(error.detail);
}

namespace testing {

inline std::ostream& operator<<(std::ostream& out, const RecordedSend& send) {
    out << static_cast<const ScriptedSend&>(send) << ": ";
    if (send.answered) return out << send.response;
    Scrubber scrubber;
    scrubber.learn_header(send.authorization);
    TransportError error = send.error;
    error.detail = scrubber.text(error.detail);
    return out << error;
}
template <class Transport>
std::ostream& operator<<(std::ostream& out, const Recorder<Transport>& recorder) {
    for (const RecordedSend& send : recorder.sends()) out << send << '\n';
    return out;
}

}  // namespace testing

inline std::ostream& operator<<(std::ostream& out, const Action& action) {
    out << testing::word(action.kind);
    if (action.kind == Kind::finish) return out << '(' << to_string(action.reason) << ')';
    if (action.kind == Kind::wait) return out << '(' << action.delay.count() << " ns)";
    return out << '(' << int{action.slot} << ", " << testing::word(action.move) << ", #"
               << action.number << ')';
}
inline std::ostream& operator<<(std::ostream& out, ErrorKind kind) {
    return out << to_string(kind);
}
inline std::ostream& operator<<(std::ostream& out, StopReason reason) {
    return out << to_string(reason);
}
inline std::ostream& operator<<(std::ostream& out, const Attempt& attempt) {
    return out << '#' << attempt.number() << " as " << attempt.credential()
               << (attempt.authorization().empty() ? "" : " [authorization redacted]");
}
/// One line an attempt: `1 first personal: HTTP 200 code 4101 AuthRejected`.
inline std::ostream& operator<<(std::ostream& out, const Trail& trail) {
    for (std::size_t i = 0; i != trail.size(); ++i) {
        const TrailEntry& entry = trail[i];
        if (i == 4 && trail.omitted() != 0) out << "… " << trail.omitted() << " more\n";
        out << entry.number << ' ' << testing::word(entry.move) << ' ' << trail.credential(entry)
            << (entry.exchange ? " (token endpoint)" : "") << ':';
        if (entry.http_status != 0) out << " HTTP " << entry.http_status;
        if (entry.has_service_code) out << " code " << entry.service_code;
        if (entry.reach != Reach::answered) out << ' ' << testing::word(entry.reach);
        out << ' ' << testing::word(entry.failure) << '\n';
    }
    return out;
}
template <class Response>
std::ostream& operator<<(std::ostream& out, const Result<Response>& result) {
    if (result) return out << "success by " << result.credential();
    return out << result.error().describe();
}

}  // namespace v0_1
}  // namespace rekey

#endif
