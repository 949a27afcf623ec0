// SPDX-License-Identifier: BSL-1.0
// libFuzzer: whatever a server writes into the headers that ask for a wait is read within bounds;
// no wait is shorter than the number it said, and only the words for it forbid a retry.
#include <rekey/policy/retry_after.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

namespace {

void demand(bool condition) {
    if (!condition) std::abort();
}

constexpr std::string_view names[] = {"Retry-After", "Date", "retry-after-ms", "x-should-retry",
                                      "grpc-retry-pushback-ms"};

}  // namespace

// Each line is the value of one of the headers, in this order.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string text(data, data + size);
    std::string_view values[5];
    std::string_view rest = text;
    for (std::string_view& value : values) {
        const std::size_t end = rest.find('\n');
        value = rest.substr(0, end);
        rest.remove_prefix(end == rest.npos ? rest.size() : end + 1);
    }
    const auto header = [&values](std::string_view name) {
        for (std::size_t i = 0; i != 5; ++i)
            if (names[i] == name) return values[i];
        return std::string_view();
    };
    for (const std::int64_t now :
         {std::int64_t{0}, std::int64_t{1'700'000'000}, std::int64_t{-1}}) {
        const auto clock = [now] { return now; };
        const rekey::Duration wait = rekey::RetryAfter::read(header, clock);
        demand(wait >= rekey::Duration{-1});
        if (wait < rekey::Duration{0}) demand(!values[3].empty() || !values[4].empty());

        // Alone, a number of seconds is never waited for less, and never means "no retry".
        const auto alone = [&values](std::string_view name) {
            return name == "Retry-After" ? values[0] : std::string_view();
        };
        const rekey::Duration hint = rekey::RetryAfter::read(alone, clock);
        demand(hint >= rekey::Duration{0});
        const bool is_number = !values[0].empty() && values[0].size() <= 9 &&
                               values[0].find_first_not_of("0123456789") == std::string_view::npos;
        if (is_number) demand(hint == std::chrono::seconds{std::stoll(std::string(values[0]))});
        if (values[0].substr(0, 1) == "-") demand(hint == rekey::Duration{0});

        const rekey::detail::HttpDate date = rekey::detail::http_date(values[1], now);
        // The years 0 to 9999.
        if (date.is_date)
            demand(date.unix_seconds >= -62'167'219'200 &&
                   date.unix_seconds < 253'402'300'800 + 61);
    }
    return 0;
}
