// SPDX-License-Identifier: BSL-1.0
// prometheus_text: what a Meter has counted, in the text format that Prometheus reads.
#ifndef REKEY_OBSERVE_PROMETHEUS_HPP
#define REKEY_OBSERVE_PROMETHEUS_HPP

#include <rekey/detail/system_clock.hpp>
#include <rekey/observe/seconds.hpp>
#include <rekey/observe/snapshot.hpp>
#include <rekey/observe/words.hpp>

#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>
#include <utility>

namespace rekey {
inline namespace v0_1 {
namespace observe {

namespace exposition {

/// Writes one family after the other; each has its help, its type and its lines together.
class Page {
public:
    void family(std::string_view name, std::string_view type, std::string_view help) {
        name_ = name;
        add({"# HELP ", name, " ", help, "\n# TYPE ", name, " ", type, "\n"});
    }
    /// Begins the labels of the next line.
    Page& label(std::string_view name, std::string_view value) {
        labels_ += labels_.empty() ? "" : ",";
        labels_ += name;
        labels_ += "=\"";
        for (const char symbol : value) {
            if (symbol == '\n') {
                labels_ += "\\n";
                continue;
            }
            if (symbol == '\\' || symbol == '"') labels_ += '\\';
            labels_ += symbol;
        }
        labels_ += '"';
        return *this;
    }
    /// Ends the line.
    void is(std::string_view value, std::string_view suffix = {}) {
        add({name_, suffix});
        if (!labels_.empty()) add({"{", labels_, "}"});
        add({" ", value, "\n"});
        labels_.clear();
    }
    void is(std::uint64_t value, std::string_view suffix = {}) {
        is(std::to_string(value), suffix);
    }
    /// The lines of a histogram with the labels that were begun.
    void is(const Histogram& histogram) {
        const std::string labels = labels_;
        std::uint64_t so_far = 0;
        for (std::size_t i = 0; i <= Histogram::bounds; ++i) {
            so_far += histogram.buckets[i];
            labels_ = labels;
            label("le", i == Histogram::bounds ? "+Inf" : seconds_text(Histogram::bound(i)));
            is(so_far, "_bucket");
        }
        labels_ = labels;
        is(seconds_text(histogram.sum), "_sum");
        labels_ = labels;
        is(so_far, "_count");
    }
    std::string text() && { return std::move(text_); }

private:
    void add(std::initializer_list<std::string_view> parts) {
        for (const std::string_view part : parts) text_ += part;
    }
    std::string text_{};
    std::string name_{};
    std::string labels_{};
};

/// A part of a whole, with four digits; a whole of nothing is not a number.
inline std::string ratio_text(const Share& share) {
    if (share.attempts == 0) return "NaN";
    const std::uint64_t parts = 10'000 + share.accepted * 10'000 / share.attempts;
    const std::string digits = std::to_string(parts);
    return parts == 20'000 ? "1" : "0." + digits.substr(1);
}

}  // namespace exposition

/// A page for the exporter's `/metrics`: text exposition format 0.0.4.
///
/// Cardinality  credentials × classes, credentials × codes (64), keys × credentials: all bounded by
///              the size of the meter.
/// Source       Prometheus, "Exposition formats"; names after its "Metric and label naming".
inline std::string prometheus_text(const Snapshot& snapshot) {
    exposition::Page page;
    const auto of = [&page](const CredentialCounts& from) -> exposition::Page& {
        return page.label("slot", std::to_string(from.slot)).label("credential", from.name);
    };
    const auto of_slot = [&](std::uint8_t slot) -> exposition::Page& {
        for (const CredentialCounts& from : snapshot.credentials)
            if (from.slot == slot) return of(from);
        return page.label("slot", std::to_string(slot)).label("credential", "");
    };

    page.family("rekey_calls_total", "counter", "Calls that have ended, by the reason.");
    for (std::size_t i = 0; i != 11; ++i)
        page.label("reason", to_string(static_cast<StopReason>(i))).is(snapshot.calls_by_reason[i]);
    page.label("reason", "exception").is(snapshot.calls_thrown);
    page.family("rekey_call_duration_seconds", "histogram",
                "How long calls took, with all attempts and waits.");
    page.is(snapshot.call_latency);

    page.family("rekey_attempts_total", "counter", "Attempts, by credential and class of answer.");
    for (const CredentialCounts& from : snapshot.credentials)
        for (std::size_t i = 0; i != 7; ++i)
            of(from).label("class", word(static_cast<FailureClass>(i))).is(from.by_class[i]);
    page.family("rekey_attempt_duration_seconds", "histogram", "How long attempts took.");
    for (const CredentialCounts& from : snapshot.credentials) of(from).is(from.latency);
    page.family("rekey_attempt_success_ratio", "gauge",
                "Accepted attempts of all attempts in a sliding window; NaN without any.");
    for (const CredentialCounts& from : snapshot.credentials) {
        of(from).label("window", "1m").is(exposition::ratio_text(from.last_minute));
        of(from).label("window", "10m").is(exposition::ratio_text(from.last_ten_minutes));
        of(from).label("window", "1h").is(exposition::ratio_text(from.last_hour));
    }
    page.family("rekey_error_answers_total", "counter",
                "Answers that were no success, by service code, or HTTP status without one.");
    for (const CodeCount& from : snapshot.codes)
        of_slot(from.slot)
            .label(from.is_http ? "http_status" : "code", std::to_string(from.code))
            .is(from.count);

    page.family("rekey_calls_served_total", "counter", "Calls by the credential that served them.");
    for (const CredentialCounts& from : snapshot.credentials) of(from).is(from.served);
    page.family("rekey_calls_passed_total", "counter",
                "Calls that this credential refused and another one served.");
    for (const CredentialCounts& from : snapshot.credentials) of(from).is(from.passed);
    page.family("rekey_credential_idle_seconds", "gauge",
                "Time since this credential served a call.");
    for (const CredentialCounts& from : snapshot.credentials)
        if (from.last_served.is_known)
            of(from).is(seconds_text(snapshot.now - from.last_served.time));

    page.family("rekey_exchanges_total", "counter", "Tokens that were asked for, by outcome.");
    for (const CredentialCounts& from : snapshot.credentials)
        for (std::size_t i = 0; i != 8; ++i)
            if (from.exchanges[i] != 0)
                of(from).label("outcome", word(static_cast<Fetched>(i))).is(from.exchanges[i]);
    page.family("rekey_token_requests_total", "counter", "Requests to the token endpoint.");
    for (const CredentialCounts& from : snapshot.credentials) of(from).is(from.token_requests);
    page.family("rekey_exchange_seconds_total", "counter", "Time that calls spent on exchanges.");
    for (const CredentialCounts& from : snapshot.credentials)
        of(from).is(seconds_text(from.exchange_time));

    page.family("rekey_waits_total", "counter", "Waits between attempts.");
    page.is(snapshot.waits);
    page.family("rekey_wait_seconds_total", "counter", "Time that calls spent waiting.");
    page.is(seconds_text(snapshot.wait_time));
    page.family("rekey_reauthorizations_total", "counter", "Users who were asked, by outcome.");
    for (std::size_t i = 0; i != 4; ++i)
        page.label("outcome", word(static_cast<Reauthorized>(i))).is(snapshot.asked_user[i]);

    page.family("rekey_key_served_total", "counter", "Calls by key and by credential.");
    for (const KeyCounts& from : snapshot.keys)
        for (const KeyCount& count : from.by_credential)
            of_slot(count.slot).label("key", from.key).is(count.served);
    page.family("rekey_key_failed_total", "counter", "Calls by key that no credential served.");
    for (const KeyCounts& from : snapshot.keys) page.label("key", from.key).is(from.failed);
    page.family("rekey_uncounted_total", "counter",
                "What was not counted by itself, for the meter had no room.");
    page.label("what", "key").is(snapshot.keys_without_room);
    page.label("what", "code").is(snapshot.codes_without_room);
    return std::move(page).text();
}

/// The same of a meter. `now` is a moment of the clients' clock.
template <class Meter> std::string prometheus_text(const Meter& meter, TimePoint now) {
    return prometheus_text(meter.snapshot(now));
}
/// The same with the clock of the machine, which a client without `UseClock` has.
template <class Meter>
auto prometheus_text(const Meter& meter) -> decltype(prometheus_text(meter.snapshot(TimePoint{}))) {
    return prometheus_text(meter.snapshot(detail::SystemClock::now()));
}

}  // namespace observe
}  // namespace v0_1
}  // namespace rekey

#endif
