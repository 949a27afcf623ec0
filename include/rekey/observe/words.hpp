// SPDX-License-Identifier: BSL-1.0
// words: how metrics and log lines spell classes, outcomes and reasons.
#ifndef REKEY_OBSERVE_WORDS_HPP
#define REKEY_OBSERVE_WORDS_HPP

#include <rekey/observed.hpp>

#include <string_view>

namespace rekey {
inline namespace v0_1 {
namespace observe {

/// `accepted`, `auth_rejected`, …; these spellings are an interface, for dashboards hold them.
constexpr std::string_view word(FailureClass failure) noexcept {
    switch (failure) {
        case NoFailure: return "accepted";
        case AuthRejected: return "auth_rejected";
        case NotFound: return "not_found";
        case RateLimited: return "rate_limited";
        case QuotaExhausted: return "quota_exhausted";
        case Transient: return "transient";
        case Permanent: return "permanent";
    }
    return "unknown";
}
constexpr std::string_view word(Reach reach) noexcept {
    switch (reach) {
        case Reach::never_sent: return "never_sent";
        case Reach::sent_unanswered: return "sent_unanswered";
        case Reach::cut_short: return "cut_short";
        case Reach::answered: return "answered";
        case Reach::delivered: return "delivered";
    }
    return "unknown";
}
constexpr std::string_view word(Fetched outcome) noexcept {
    switch (outcome) {
        case Fetched::proven: return "proven";
        case Fetched::unproven: return "unproven";
        case Fetched::renewed: return "renewed";
        case Fetched::refused: return "refused";
        case Fetched::not_sent: return "not_sent";
        case Fetched::unknown: return "unknown";
        case Fetched::failed: return "failed";
        case Fetched::misconfigured: return "misconfigured";
    }
    return "unknown";
}
constexpr std::string_view word(Reauthorized outcome) noexcept {
    switch (outcome) {
        case Reauthorized::authorized: return "authorized";
        case Reauthorized::handed_over: return "handed_over";
        case Reauthorized::denied: return "denied";
        case Reauthorized::settling: return "settling";
    }
    return "unknown";
}

}  // namespace observe
}  // namespace v0_1
}  // namespace rekey

#endif
