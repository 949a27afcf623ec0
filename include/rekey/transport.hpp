// SPDX-License-Identifier: BSL-1.0
// TransportError and TransportResult: what a transport may return when no answer came.
#ifndef REKEY_TRANSPORT_HPP
#define REKEY_TRANSPORT_HPP

#include <rekey/facts.hpp>

#include <string>
#include <utility>

namespace rekey {
inline namespace v0_1 {

/// Whether another attempt can help after a transport failure.
enum class TransportVerdict : unsigned char {
    passing,   ///< Another attempt may succeed: a reset connection, a name that did not resolve.
    lasting,   ///< Another attempt meets the same: a certificate that does not verify.
    cancelled  ///< The caller stopped it; the call ends at once and counts as no failure.
};

/// Why there is no answer: a value, not an exception.
///
/// `detail` is for people and must hold no secret. Source: RFC 9110 §9.2.2 for what `reach` allows.
struct TransportError {
    Reach reach = Reach::sent_unanswered;
    std::string detail{};
    TransportVerdict verdict = TransportVerdict::passing;
};

/// A response or the reason why there is none; what rekey's own transports return.
///
/// Requires a default-constructible, movable Response. Any type with `has_value()`, `operator*`
/// and `error()` serves as well: `std::expected`, `tl::expected`, Boost.Outcome.
template <class Response> class [[nodiscard]] TransportResult {
public:
    TransportResult(Response response) : response_(std::move(response)), has_value_(true) {}
    TransportResult(TransportError error) : error_(std::move(error)) {}

    bool has_value() const noexcept { return has_value_; }
    explicit operator bool() const noexcept { return has_value_; }
    Response& operator*() & noexcept { return response_; }
    const Response& operator*() const& noexcept { return response_; }
    Response&& operator*() && noexcept { return std::move(response_); }
    Response* operator->() noexcept { return &response_; }
    const Response* operator->() const noexcept { return &response_; }
    const TransportError& error() const noexcept { return error_; }

private:
    Response response_{};
    TransportError error_{};
    bool has_value_ = false;
};

}  // namespace v0_1
}  // namespace rekey

#endif
