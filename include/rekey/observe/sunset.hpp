// SPDX-License-Identifier: BSL-1.0
// Sunset: from a date on, reports each use of a credential that should be gone by then.
#ifndef REKEY_OBSERVE_SUNSET_HPP
#define REKEY_OBSERVE_SUNSET_HPP

#include <rekey/observed.hpp>

#include <cstdint>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

namespace rekey {
inline namespace v0_1 {
namespace observe {

/// Calls a function at each attempt with this credential from a moment of the wall clock on:
/// `Observe{observe::Sunset{"personal", 1798761600, [](const observe::Attempted& use) {…}}}`.
///
/// date     seconds since 1970; the attempt of that very second is reported.
/// Report   called as `report(const observe::Attempted&)`; the use is not prevented.
/// Threads  as `report`, which two calls may call at once.
template <class Report> class Sunset {
    static_assert(std::is_invocable_v<Report&, const Attempted&>,
                  "rekey: the function of Sunset is called as f(const rekey::observe::Attempted&), "
                  "at each use of the credential from the date on.");

public:
    static constexpr bool wants_date = true;
    static constexpr bool wants_log_ids = true;

    Sunset(std::string_view credential, std::int64_t date, Report report)
        : credential_(credential), date_(date), report_(std::move(report)) {}

    void attempted(const Attempted& event) {
        if (event.unix_seconds < date_ || event.credential != credential_) return;
        if constexpr (std::is_invocable_v<Report&, const Attempted&>) report_(event);
    }

private:
    std::string credential_;
    std::int64_t date_;
    Report report_;
};

}  // namespace observe
}  // namespace v0_1
}  // namespace rekey

#endif
