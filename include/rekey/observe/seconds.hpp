// SPDX-License-Identifier: BSL-1.0
// seconds: durations as texts that no locale changes.
#ifndef REKEY_OBSERVE_SECONDS_HPP
#define REKEY_OBSERVE_SECONDS_HPP

#include <rekey/facts.hpp>

#include <cstdint>
#include <string>

namespace rekey {
inline namespace v0_1 {
namespace observe {

/// Seconds as a decimal number: `0.00025`, `12`. Exact, with a point in every locale.
inline std::string seconds_text(Duration duration) {
    constexpr std::int64_t second = 1'000'000'000;
    const std::int64_t time = duration.count() > 0 ? duration.count() : 0;
    std::string text = std::to_string(time / second);
    if (const std::int64_t rest = time % second; rest != 0) {
        const std::string digits = std::to_string(rest + second);  // a 1 before nine digits
        text += '.';
        text.append(digits, 1, digits.find_last_not_of('0'));
    }
    return text;
}

/// A span for people, in its largest unit: `40 ms`, `17 s`, `3 min`, `5 h`, `12 days`.
inline std::string span_text(Duration duration) {
    const auto in = [&duration](Duration unit) { return duration / unit; };
    using namespace std::chrono;
    if (in(hours{1}) >= 48) return std::to_string(in(hours{24})) + " days";
    if (in(minutes{1}) >= 120) return std::to_string(in(hours{1})) + " h";
    if (in(seconds{1}) >= 120) return std::to_string(in(minutes{1})) + " min";
    if (in(milliseconds{1}) >= 2000) return std::to_string(in(seconds{1})) + " s";
    return std::to_string(in(milliseconds{1}) > 0 ? in(milliseconds{1}) : 0) + " ms";
}

}  // namespace observe
}  // namespace v0_1
}  // namespace rekey

#endif
