// SPDX-License-Identifier: BSL-1.0
// advise: whether an old credential can go, from what a Meter has counted.
#ifndef REKEY_OBSERVE_ADVICE_HPP
#define REKEY_OBSERVE_ADVICE_HPP

#include <rekey/observe/seconds.hpp>
#include <rekey/observe/snapshot.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

namespace rekey {
inline namespace v0_1 {
namespace observe {

/// What a credential is told to do.
enum class Retirement : unsigned char {
    stay,     ///< Something still needs it.
    go,       ///< Nothing has needed it for the quiet period, and another one serves.
    unproven  ///< Nothing needs it so far, but it was not watched for the quiet period, or no other
              ///< one has served since.
};

/// How careful the advice is.
struct AdviceOptions {
    Duration quiet = std::chrono::hours{24 * 14};  ///< So long unneeded is long enough.
    /// A date of the wall clock, in seconds since 1970; 0 for none. See `Sunset`, which reports
    /// each use after it; the advice names it and says how far it is.
    std::int64_t sunset = 0;
    std::int64_t unix_seconds = 0;  ///< Today's date, for the sunset.
    /// False if requests without a key succeed with any credential, so that nobody needs this one
    /// for them.
    bool counts_calls_without_key = true;
};

/// A key that still lives on a credential: its newest accepted answer came with it.
struct KeyInNeed {
    std::string key{};
    std::uint64_t served = 0;
    Duration idle{0};  ///< Since that answer.
};

/// The advice for one credential that is not the last of the chain.
struct CredentialAdvice {
    std::uint8_t slot = 0;
    std::string credential{};
    Retirement retirement = Retirement::stay;
    bool has_served = false;
    Duration watched{0};  ///< Since it was first seen.
    Duration idle{0};     ///< Since it served a call, or since it was first seen.
    bool was_passed = false;
    Duration since_passed{0};             ///< Since another one served a call that it refused.
    bool another_serves = false;          ///< Another one has served since this one last did.
    std::vector<KeyInNeed> keys{};        ///< Those that still need it, the most served first.
    std::uint64_t calls_without_key = 0;  ///< That it served, and of which no key is known.
    bool is_past_sunset = false;
    std::string sentence{};  ///< All of this for people.
};

namespace advising {

inline std::string number_of(std::uint64_t count, const char* one, const char* many) {
    return std::to_string(count) + ' ' + (count == 1 ? one : many);
}

inline std::string ago(Duration duration) {
    if (duration < std::chrono::seconds{1}) return "just now";
    return span_text(duration) + " ago";
}

/// `2027-01-31` of seconds since 1970. Source: days to a civil date by counting 400-year eras.
inline std::string date_text(std::int64_t unix_seconds) {
    const std::int64_t second_of_day = ((unix_seconds % 86400) + 86400) % 86400;
    std::int64_t days = (unix_seconds - second_of_day) / 86400;
    std::int64_t year = 1970;
    const auto is_leap = [](std::int64_t y) {
        return (y % 4 == 0 && y % 100 != 0) || y % 400 == 0;
    };
    const std::int64_t eras = (days >= 0 ? days : days - 146096) / 146097;
    year += eras * 400;
    days -= eras * 146097;
    for (std::int64_t length = 0; days >= (length = is_leap(year) ? 366 : 365); ++year)
        days -= length;
    int month = 1;
    for (;; ++month) {
        const bool is_short = month == 4 || month == 6 || month == 9 || month == 11;
        const std::int64_t length = month == 2 ? (is_leap(year) ? 29 : 28) : (is_short ? 30 : 31);
        if (days < length) break;
        days -= length;
    }
    const auto two = [](std::int64_t number) {
        return (number < 10 ? "0" : "") + std::to_string(number);
    };
    return std::to_string(year) + '-' + two(month) + '-' + two(days + 1);
}

inline std::string sentence_of(const CredentialAdvice& advice, const AdviceOptions& options) {
    const Duration seen = (std::min)(advice.idle, advice.watched);
    std::string text = advice.credential;
    switch (advice.retirement) {
        case Retirement::go: text += " can go: "; break;
        case Retirement::stay: text += " must stay: "; break;
        case Retirement::unproven:
            text += seen < options.quiet ? " may be able to go, but it is early: "
                                         : " may be able to go, but nothing shows it: ";
            break;
    }
    text += advice.has_served ? "it last served a call " + ago(advice.idle)
                              : "it has served nothing in the " + span_text(advice.watched) +
                                    " since it was first seen";
    if (advice.was_passed)
        text += ", and another credential served what it refused " + ago(advice.since_passed);
    text += '.';
    if (!advice.keys.empty()) {
        const std::string keys = number_of(advice.keys.size(), "key", "keys");
        text += advice.retirement == Retirement::go
                    ? " Not used since then by " + keys + ", so try before: "
                    : " If it went today, " + keys + " might break: ";
        std::size_t named = 0;
        for (const KeyInNeed& key : advice.keys) {
            if (named == 5) break;
            text += named++ == 0 ? "" : ", ";
            text += key.key + " (" + number_of(key.served, "call", "calls") + ", the last " +
                    ago(key.idle) + ")";
        }
        if (advice.keys.size() > named)
            text += " and " + std::to_string(advice.keys.size() - named) + " more";
        text += '.';
    }
    if (advice.calls_without_key != 0 && advice.retirement != Retirement::go)
        text += " Of " + number_of(advice.calls_without_key, "call", "calls") +
                " that it served no key is known.";
    if (advice.retirement == Retirement::unproven && !advice.another_serves)
        text +=
            " No other credential has served a call since then: it may be the only one that works.";
    if (advice.retirement == Retirement::unproven && seen < options.quiet)
        text += " Watch it for " + span_text(options.quiet - seen) + " more.";
    if (options.sunset != 0)
        text += advice.is_past_sunset
                    ? " Its sunset was " + date_text(options.sunset) + ": each use is reported."
                    : " Its sunset is " + date_text(options.sunset) +
                          ": each use from then on is reported.";
    return text;
}

inline CredentialAdvice advice_for(const CredentialCounts& credential, const Snapshot& snapshot,
                                   const AdviceOptions& options) {
    const auto since = [&snapshot](const Moment& moment) {
        return moment.is_known && snapshot.now > moment.time ? snapshot.now - moment.time
                                                             : Duration{0};
    };
    CredentialAdvice advice;
    advice.slot = credential.slot;
    advice.credential = credential.name;
    advice.has_served = credential.last_served.is_known;
    advice.watched = since(credential.first_seen);
    advice.idle = advice.has_served ? since(credential.last_served) : advice.watched;
    advice.was_passed = credential.last_passed.is_known;
    advice.since_passed = since(credential.last_passed);
    for (const CredentialCounts& other : snapshot.credentials)
        if (other.slot != credential.slot && other.last_served.is_known &&
            (!advice.has_served || other.last_served.time >= credential.last_served.time))
            advice.another_serves = true;
    advice.calls_without_key = credential.served;
    bool is_newly_needed = false;
    for (const KeyCounts& key : snapshot.keys) {
        const KeyCount* newest = nullptr;
        for (const KeyCount& count : key.by_credential) {
            if (count.slot == credential.slot)
                advice.calls_without_key -= (std::min)(count.served, advice.calls_without_key);
            if (newest == nullptr || count.last_served > newest->last_served) newest = &count;
        }
        if (newest == nullptr || newest->slot != credential.slot) continue;
        const Duration idle = since({true, newest->last_served});
        if (idle < options.quiet) is_newly_needed = true;
        advice.keys.push_back({key.key, newest->served, idle});
    }
    std::sort(advice.keys.begin(), advice.keys.end(), [](const KeyInNeed& a, const KeyInNeed& b) {
        return a.served != b.served ? a.served > b.served : a.key < b.key;
    });
    const bool knows_keys = !snapshot.keys.empty() &&
                            (advice.calls_without_key == 0 || !options.counts_calls_without_key);
    const bool is_idle = !advice.has_served || advice.idle >= options.quiet;
    if (is_newly_needed || (!knows_keys && !is_idle))
        advice.retirement = Retirement::stay;
    else if (is_idle && advice.watched >= options.quiet && advice.another_serves)
        advice.retirement = Retirement::go;
    else
        advice.retirement = Retirement::unproven;
    advice.is_past_sunset = options.sunset != 0 && options.unix_seconds >= options.sunset;
    advice.sentence = sentence_of(advice, options);
    return advice;
}

}  // namespace advising

/// Whether each credential but the last can go, and what would break today if it went.
///
/// A credential is *needed* by a key whose newest accepted answer came with it: nobody knows that
/// another one would do. It is not needed any more when calls that it refuses are served by
/// another, or when it is not even asked. The last credential in use is never advised to go, nor is
/// one that was the last to serve.
/// Nothing is deleted; the word is advice.
inline std::vector<CredentialAdvice> advise(const Snapshot& snapshot,
                                            const AdviceOptions& options = {}) {
    std::vector<CredentialAdvice> all;
    for (std::size_t i = 0; i + 1 < snapshot.credentials.size(); ++i)
        all.push_back(advising::advice_for(snapshot.credentials[i], snapshot, options));
    return all;
}

/// The same of a meter. `now` is a moment of the clients' clock.
template <class Meter>
std::vector<CredentialAdvice> advise(const Meter& meter, TimePoint now,
                                     const AdviceOptions& options = {}) {
    return advise(meter.snapshot(now), options);
}

}  // namespace observe
}  // namespace v0_1
}  // namespace rekey

#endif
