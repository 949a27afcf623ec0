// SPDX-License-Identifier: BSL-1.0
#include <rekey/detail/http_date.hpp>

#include "catch.hpp"

#include <cstdint>
#include <ctime>
#include <string>
#include <string_view>

namespace {

using rekey::detail::http_date;

constexpr std::int64_t now = 1'800'000'000;  // 2027-01-15

std::string written(std::int64_t seconds, const char* form) {
    const auto time = static_cast<std::time_t>(seconds);
    std::tm parts{};
#if defined(_WIN32)
    gmtime_s(&parts, &time);
#else
    gmtime_r(&time, &parts);
#endif
    char text[64];
    return std::string(text, std::strftime(text, sizeof(text), form, &parts));
}

}  // namespace

TEST_CASE("the three forms of an HTTP-date say the same time") {
    STATIC_REQUIRE(http_date("Sun, 06 Nov 1994 08:49:37 GMT", now).unix_seconds == 784111777);
    STATIC_REQUIRE(http_date("Sunday, 06-Nov-94 08:49:37 GMT", now).unix_seconds == 784111777);
    STATIC_REQUIRE(http_date("Sun Nov  6 08:49:37 1994", now).unix_seconds == 784111777);
    STATIC_REQUIRE(http_date("Sun Nov 16 08:49:37 1994", now).is_date);
}

TEST_CASE("every day of four centuries is read as the C library writes it") {
    unsigned wrong = 0;
    constexpr std::int64_t day = 86400;
    for (std::int64_t t = 0; t < 146097 * day; t += day + 3607) {
        const auto fixdate = http_date(written(t, "%a, %d %b %Y %H:%M:%S GMT"), now);
        const auto asctime = http_date(written(t, "%a %b %e %H:%M:%S %Y"), now);
        if (!fixdate.is_date || fixdate.unix_seconds != t) ++wrong;
        if (!asctime.is_date || asctime.unix_seconds != t) ++wrong;
    }
    for (std::int64_t t = now - 49 * 365 * day; t < now + 50 * 365 * day; t += 5 * day) {
        const auto old = http_date(written(t, "%A, %d-%b-%y %H:%M:%S GMT"), now);
        if (!old.is_date || old.unix_seconds != t) ++wrong;
    }
    CHECK(wrong == 0);
}

TEST_CASE("two digits of a year that lie more than 50 years ahead are in the past") {
    CHECK(http_date("Tuesday, 01-Jan-80 00:00:00 GMT", now).unix_seconds == 315532800);
    CHECK(http_date("Wednesday, 01-Jan-70 00:00:00 GMT", now).unix_seconds == 3155760000);
}

TEST_CASE("what is no HTTP-date is no date") {
    for (const std::string_view text : {"",
                                        "soon",
                                        "120",
                                        "Sun, 06 Nov 1994 08:49:37",
                                        "Sun, 06 Nov 1994 08:49:37 UTC",
                                        "Sun, 06 Nov 1994 08:49:37 GMT ",
                                        "Sun, 6 Nov 1994 08:49:37 GMT",
                                        "Sun, 31 Feb 2027 00:00:00 GMT",
                                        "Sun, 29 Feb 2027 00:00:00 GMT",
                                        "Sun, 00 Jan 2027 00:00:00 GMT",
                                        "Sun, 01 Jan 2027 24:00:00 GMT",
                                        "Sun, 01 Jan 2027 00:60:00 GMT",
                                        "Sun, 01 Jan 2027 00:00:61 GMT",
                                        "Sun, 01 jan 2027 00:00:00 GMT",
                                        "Xyz, 01 Jan 2027 00:00:00 GMT",
                                        "Noday, 01-Jan-27 00:00:00 GMT",
                                        "Sunday, 01 Jan 2027 00:00:00 GMT",
                                        "Sun Nov  6 08:49:37 94",
                                        "2027-01-01T00:00:00Z",
                                        "Sun, 01 Jan -027 00:00:00 GMT"})
        CHECK_FALSE(http_date(text, now).is_date);
    CHECK(http_date("Sun, 29 Feb 2028 23:59:60 GMT", now).is_date);
}

TEST_CASE("no part of a date and no date with a wrong byte is read past its end") {
    const std::string good[] = {"Sun, 06 Nov 1994 08:49:37 GMT", "Sunday, 06-Nov-94 08:49:37 GMT",
                                "Sun Nov  6 08:49:37 1994"};
    for (const std::string& text : good) {
        for (std::size_t length = 0; length != text.size(); ++length) {
            const std::string part(text, 0, length);
            CHECK_FALSE(http_date(part, now).is_date);
        }
        for (std::size_t i = 0; i != text.size(); ++i) {
            std::string wrong = text;
            wrong[i] = '\xff';
            CHECK_FALSE(http_date(wrong, now).is_date);
        }
    }
}
