// SPDX-License-Identifier: BSL-1.0
// http_date: the three forms in which a server may write a time.
#ifndef REKEY_DETAIL_HTTP_DATE_HPP
#define REKEY_DETAIL_HTTP_DATE_HPP

#include <rekey/version.hpp>

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace rekey {
inline namespace v0_1 {
namespace detail {

/// What a text says as a time: seconds since 1970, if it is one.
struct HttpDate {
    bool is_date = false;
    std::int64_t unix_seconds = 0;
};

/// Takes a text apart from its beginning; once something does not fit, nothing does.
class DateScanner {
public:
    constexpr explicit DateScanner(std::string_view text) noexcept : left_(text) {}

    constexpr bool fits() const noexcept { return fits_ && left_.empty(); }
    constexpr void literal(std::string_view wanted) noexcept {
        if (left_.substr(0, wanted.size()) != wanted)
            fits_ = false;
        else
            left_.remove_prefix(wanted.size());
    }
    /// Exactly `digits` digits; the first may be a space in `asctime`.
    constexpr int number(std::size_t digits, bool padded = false) noexcept {
        if (left_.size() < digits) fits_ = false;
        if (!fits_) return 0;
        int value = 0;
        for (std::size_t i = 0; i != digits; ++i) {
            const char c = left_[i];
            if (c == ' ' && padded && i == 0) continue;
            if (c < '0' || c > '9') fits_ = false;
            value = value * 10 + (c - '0');
        }
        left_.remove_prefix(digits);
        return fits_ ? value : 0;
    }
    /// The position of the word that comes next in a list of words of that length.
    constexpr int word(std::string_view list, std::size_t length) noexcept {
        for (std::size_t i = 0; i * length < list.size(); ++i)
            if (left_.substr(0, length) == list.substr(i * length, length)) {
                left_.remove_prefix(length);
                return static_cast<int>(i);
            }
        fits_ = false;
        return 0;
    }

private:
    std::string_view left_;
    bool fits_ = true;
};

inline constexpr std::string_view days_short = "SunMonTueWedThuFriSat";
inline constexpr std::string_view months_short = "JanFebMarAprMayJunJulAugSepOctNovDec";

/// Days from 1970-01-01 to a day of the Gregorian calendar (month from 1).
constexpr std::int64_t days_to(std::int64_t year, int month, int day) noexcept {
    // Years begin in March, so that the leap day is the last of its year.
    const std::int64_t y = month > 2 ? year : year - 1;
    const std::int64_t m = month > 2 ? month - 3 : month + 9;
    const std::int64_t in_year = (153 * m + 2) / 5 + day - 1;
    return 365 * y + y / 4 - y / 100 + y / 400 + in_year - 719468;
}
constexpr int days_in(std::int64_t year, int month) noexcept {
    constexpr int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    const bool leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    return days[month - 1] + (month == 2 && leap ? 1 : 0);
}

/// Reads an HTTP-date: `Sun, 06 Nov 1994 08:49:37 GMT`, `Sunday, 06-Nov-94 08:49:37 GMT`,
/// `Sun Nov  6 08:49:37 1994`. Two digits of a year mean the year within 50 years of `now`.
///
/// Source  RFC 9110 §5.6.7
constexpr HttpDate http_date(std::string_view text, std::int64_t now) noexcept {
    DateScanner scan(text);
    std::int64_t year = 0;
    int month = 0;
    int day = 0;
    int hour = 0;
    int minute = 0;
    int second = 0;
    const auto clock = [&] {
        hour = scan.number(2);
        scan.literal(":");
        minute = scan.number(2);
        scan.literal(":");
        second = scan.number(2);
    };
    const std::size_t comma = text.find(',');
    if (comma == 3) {
        (void)scan.word(days_short, 3);
        scan.literal(", ");
        day = scan.number(2);
        scan.literal(" ");
        month = scan.word(months_short, 3);
        scan.literal(" ");
        year = scan.number(4);
        scan.literal(" ");
        clock();
        scan.literal(" GMT");
    } else if (comma != std::string_view::npos) {
        constexpr std::string_view long_names[] = {"Sunday",   "Monday", "Tuesday", "Wednesday",
                                                   "Thursday", "Friday", "Saturday"};
        std::string_view name = "?";
        for (const std::string_view one : long_names)
            if (text.substr(0, comma) == one) name = one;
        scan.literal(name);
        scan.literal(", ");
        day = scan.number(2);
        scan.literal("-");
        month = scan.word(months_short, 3);
        scan.literal("-");
        year = scan.number(2);
        scan.literal(" ");
        clock();
        scan.literal(" GMT");
        const std::int64_t this_year = 1970 + now / 31556952;  // of 365.2425 days
        year += this_year - this_year % 100;
        if (year > this_year + 50) year -= 100;
        if (year <= this_year - 50) year += 100;
    } else {
        (void)scan.word(days_short, 3);
        scan.literal(" ");
        month = scan.word(months_short, 3);
        scan.literal(" ");
        day = scan.number(2, true);
        scan.literal(" ");
        clock();
        scan.literal(" ");
        year = scan.number(4);
    }
    ++month;
    if (!scan.fits() || day < 1 || day > days_in(year, month) || hour > 23 || minute > 59 ||
        second > 60)  // 60 is a leap second
        return {};
    return {true, days_to(year, month, day) * 86400 + hour * 3600 + minute * 60 + second};
}

}  // namespace detail
}  // namespace v0_1
}  // namespace rekey

#endif
