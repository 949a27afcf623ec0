// SPDX-License-Identifier: BSL-1.0
// Facts: what one attempt told us (status, service code, class, reach, Retry-After).
#ifndef REKEY_FACTS_HPP
#define REKEY_FACTS_HPP

#include <rekey/version.hpp>

#include <chrono>
#include <cstdint>

namespace rekey {
inline namespace v0_1 {

/// Every span of time in rekey. The unit is in the type: `std::chrono::milliseconds{50}` converts.
using Duration = std::chrono::nanoseconds;

/// A point on a clock that never jumps. Only differences mean anything.
using TimePoint = std::chrono::time_point<std::chrono::steady_clock, Duration>;

/// What kind of failure an answer is. The service policy decides; `RetryOn` lists some of them.
///
/// An unscoped enum on purpose: `RetryOn<4100, NotFound>` needs `NotFound` to be a value.
enum FailureClass : unsigned char {
    NoFailure,       ///< A success.
    AuthRejected,    ///< This credential is refused: HTTP 401, 403; Coze 4100, 4101, 700012006.
    NotFound,        ///< Absent, or invisible to this credential: HTTP 404; Coze 4200, 4006, …
    RateLimited,     ///< Too many requests, later is fine: HTTP 429; Coze 4009, 4013, 4020.
    QuotaExhausted,  ///< Money or quota is used up; waiting seconds does not help: Coze 4008, 4028.
    Transient,       ///< The service or the network failed: HTTP 408, 5xx; Coze 5000, 4016.
    Permanent        ///< The request itself is wrong; sending it again gives the same answer.
};

/// How far an attempt came. Decides what may be sent again (RFC 9110 §9.2.2).
enum class Reach : unsigned char {
    never_sent,       ///< It never left this machine; repeating is safe.
    sent_unanswered,  ///< It was sent and nothing came back; the service may have acted.
    cut_short,        ///< An answer began and broke off, or was not understood.
    answered,         ///< A whole answer.
    delivered         ///< Part of the answer reached the caller; never another send.
};

/// What is wrong with an answer or an attempt beside its class. Chooses the `ErrorKind`.
enum class Fault : unsigned char {
    nothing,
    malformed,      ///< The body is not what the service promises: HTML, cut, no JSON.
    misconfigured,  ///< The credential cannot be used: empty token, wrong origin, bad header.
    lasting         ///< The transport says another attempt meets the same: a bad certificate.
};

/// What one attempt told us: all that the core ever learns about the world.
///
/// The driver fills it from a response; tests write it by hand (`testing::refused(4100)`).
struct Facts {
    Reach reach = Reach::answered;
    FailureClass failure = NoFailure;
    Fault fault = Fault::nothing;
    bool has_service_code = false;
    int http_status = 0;            ///< 0 without an answer.
    std::int64_t service_code = 0;  ///< The body's `code`; meaningful if `has_service_code`.
    Duration retry_after{0};        ///< The server's hint, for a pace; zero without one.
};

}  // namespace v0_1
}  // namespace rekey

#endif
