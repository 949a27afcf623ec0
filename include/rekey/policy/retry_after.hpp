// SPDX-License-Identifier: BSL-1.0
// RetryAfter: waits as long as the server asks, or stops and says when to come back.
#ifndef REKEY_POLICY_RETRY_AFTER_HPP
#define REKEY_POLICY_RETRY_AFTER_HPP

#include <rekey/detail/ascii.hpp>
#include <rekey/detail/http_date.hpp>
#include <rekey/policy/role.hpp>

#include <chrono>
#include <cstdint>
#include <string_view>

namespace rekey {
inline namespace v0_1 {

/// Before a repeat, waits at least as long as the server asks, up to a cap: `RetryAfter{30s}`.
///
/// Reads        `Retry-After` as seconds or as a date in any of the three HTTP forms. A date is
///              measured from the answer's own `Date`, so that a wrong clock here does not matter,
///              and from this machine's clock only where there is none. Also `retry-after-ms` and
///              `grpc-retry-pushback-ms`, in milliseconds; a header that asks for no retry at all
///              (`x-should-retry: false`, a negative pushback) ends the call.
/// Of           failures that are repeated: RateLimited and Transient, on whatever HTTP status the
///              service says it; a rate code inside a 200 body counts.
/// Never less   beside a `Backoff` the longer wait counts; its jitter never shortens the hint.
/// Never cut    a hint beyond the cap, or beyond the `Deadline`, ends the call at once with
///              StopReason::come_back_later, and `result.error().retry_after()` says when.
/// Garbage      and a negative number count as no hint; a number that is too large as beyond any
///              cap.
/// Source       RFC 9110 §5.6.7, §10.2.3; RFC 6585 §4; gRPC A6.
class RetryAfter {
public:
    static constexpr Role role = Role::pace;
    static constexpr bool reads_time = false;
    static constexpr bool reads_hints = true;

    /// The cap is 30 s unless you say otherwise; a negative one counts as zero.
    constexpr explicit RetryAfter(Duration cap = std::chrono::seconds{30}) noexcept : cap_(cap) {}

    struct Rule {
        Duration cap{0};
        constexpr Duration delay(const Facts& facts, std::uint32_t) const noexcept {
            return facts.retry_after;
        }
        constexpr Ruling judge(const Proposal& proposal) const noexcept {
            return {proposal.hint <= Duration{0} || proposal.hint <= cap,
                    StopReason::come_back_later};
        }
        constexpr Duration longest(std::uint32_t) const noexcept {
            return cap > Duration{0} ? cap : Duration{0};
        }
    };
    constexpr Rule rule() const noexcept { return Rule{cap_}; }

    template <class Words> void say(Words& words) const {
        words("Waits as long as the server asks, up to ", cap_,
              "; if it asks for more, the call ends and says when to come back.");
    }

    /// What an answer asks for: a wait, zero for none, a negative time for "do not retry".
    ///
    /// Header  `std::string_view(std::string_view name)` or a copy, empty if it is absent.
    /// Clock   `std::int64_t()`: seconds since 1970, asked only for a date without a `Date`.
    template <class Header, class Clock>
    static Duration read(const Header& header, const Clock& unix_seconds) {
        for (const std::string_view name : {"x-should-retry", "stripe-should-retry"})
            if (detail::same_ignoring_case(trimmed(header(name)), "false")) return never;
        const auto& grpc = header("grpc-retry-pushback-ms");
        if (const std::string_view pushback = trimmed(grpc); !pushback.empty()) {
            const Number number = number_in(pushback);
            if (!number.is_number) return never;  // gRPC A6: negative or unreadable
            return in<std::chrono::milliseconds>(number.value);
        }
        if (const Number number = number_in(trimmed(header("retry-after-ms"))); number.is_number)
            return in<std::chrono::milliseconds>(number.value);
        const auto& retry_after = header("Retry-After");
        const std::string_view text = trimmed(retry_after);
        if (text.empty()) return Duration{0};
        if (const Number number = number_in(text); number.is_number)
            return in<std::chrono::seconds>(number.value);
        // A year of two digits needs no better base than this to find its century.
        constexpr std::int64_t about_now = 1'800'000'000;
        const detail::HttpDate sent = detail::http_date(trimmed(header("Date")), about_now);
        const std::int64_t base = sent.is_date ? sent.unix_seconds : about_now;
        const detail::HttpDate date = detail::http_date(text, base);
        if (!date.is_date) return Duration{0};
        const std::int64_t now = sent.is_date ? base : unix_seconds();
        return date.unix_seconds > now ? in<std::chrono::seconds>(date.unix_seconds - now)
                                       : Duration{0};
    }

private:
    static constexpr Duration never{-1};
    struct Number {
        bool is_number = false;
        std::int64_t value = 0;
    };

    /// Digits and nothing else; what does not fit is the largest number there is.
    static constexpr Number number_in(std::string_view text) noexcept {
        constexpr std::int64_t most = (Duration::max)().count();
        Number number{!text.empty(), 0};
        for (const char c : text) {
            if (c < '0' || c > '9') return {};
            const std::int64_t digit = c - '0';
            number.value = number.value > (most - digit) / 10 ? most : number.value * 10 + digit;
        }
        return number;
    }
    template <class Unit> static constexpr Duration in(std::int64_t count) noexcept {
        constexpr std::int64_t scale = Duration{Unit{1}}.count();
        constexpr Duration most = (Duration::max)();
        return count > most.count() / scale ? most : Duration{count * scale};
    }
    static constexpr std::string_view trimmed(std::string_view text) noexcept {
        while (!text.empty() && (text.front() == ' ' || text.front() == '\t'))
            text.remove_prefix(1);
        while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
        return text;
    }

    Duration cap_;
};

}  // namespace v0_1
}  // namespace rekey

#endif
