// SPDX-License-Identifier: BSL-1.0
// error_code: how a call failed as a std::error_code, and an error_code as a failed call.
#ifndef REKEY_ERROR_CODE_HPP
#define REKEY_ERROR_CODE_HPP

#include <rekey/result.hpp>
#include <rekey/transport.hpp>

#include <string>
#include <system_error>
#include <type_traits>
#include <utility>

namespace rekey {
inline namespace v0_1 {

/// What a `std::error_code` of a call is compared with: `code == rekey::errc::refused`.
///
/// The kinds of `ErrorKind`, from 1, since a code of 0 is no error.
enum class errc : int {
    refused = 1,
    not_found,
    rate_limited,
    quota_exhausted,
    transient,
    permanent,
    transport,
    malformed_response,
    exchange_failed,
    configuration,
    authorization_needed,
    authorization_denied,
    cancelled,
    not_admitted
};

constexpr errc to_errc(ErrorKind kind) noexcept {
    return static_cast<errc>(static_cast<int>(kind) + 1);
}
static_assert(to_errc(ErrorKind::refused) == errc::refused &&
              to_errc(ErrorKind::not_admitted) == errc::not_admitted);

namespace detail {

class CallCategory final : public std::error_category {
public:
    const char* name() const noexcept override { return "rekey"; }
    std::string message(int value) const override {
        return std::string(to_string(static_cast<ErrorKind>(value - 1)));
    }
    /// Where one of the portable conditions says the same, a code equals that too.
    bool equivalent(int value, const std::error_condition& condition) const noexcept override {
        return std::error_category::equivalent(value, condition) ||
               (condition.category() == std::generic_category() && is_also(value, condition));
    }

private:
    static bool is_also(int value, const std::error_condition& condition) noexcept {
        switch (static_cast<errc>(value)) {
            case errc::refused:
            case errc::authorization_needed:
            case errc::authorization_denied: return condition == std::errc::permission_denied;
            case errc::rate_limited:
            case errc::transient:
            case errc::not_admitted: return condition == std::errc::resource_unavailable_try_again;
            case errc::configuration: return condition == std::errc::invalid_argument;
            case errc::malformed_response: return condition == std::errc::bad_message;
            case errc::cancelled: return condition == std::errc::operation_canceled;
            default: return false;
        }
    }
};

}  // namespace detail

/// The category `rekey`. Its codes also equal the portable condition that says the same, if there
/// is one: a refusal `std::errc::permission_denied`, a cancelled call `operation_canceled`.
inline const std::error_category& error_category() noexcept {
    static const detail::CallCategory category;
    return category;
}
inline std::error_condition make_error_condition(errc value) noexcept {
    return {static_cast<int>(value), error_category()};
}
inline std::error_code make_error_code(ErrorKind kind) noexcept {
    return {static_cast<int>(to_errc(kind)), error_category()};
}
/// The code of an error; of a result, which is no error if that is a success.
inline std::error_code make_error_code(const ErrorFacts& error) noexcept {
    return make_error_code(error.kind);
}
template <class Response> std::error_code error_code_of(const Result<Response>& result) noexcept {
    return result ? std::error_code() : make_error_code(result.error());
}

/// An error is compared as it is: `result.error() == rekey::errc::refused`.
constexpr bool operator==(const ErrorFacts& error, errc value) noexcept {
    return to_errc(error.kind) == value;
}
constexpr bool operator!=(const ErrorFacts& error, errc value) noexcept {
    return !(error == value);
}

/// Of an error that a system call or a library names: how far the attempt came, as far as the code
/// can tell. What is not known counts as sent without an answer.
inline TransportError transport_error(const std::error_code& code) {
    TransportError error{Reach::sent_unanswered, code.message()};
    for (const std::errc never : {std::errc::connection_refused, std::errc::host_unreachable,
                                  std::errc::network_unreachable, std::errc::network_down,
                                  std::errc::address_not_available})
        if (code == never) error.reach = Reach::never_sent;
    if (code == std::errc::operation_canceled) error.verdict = TransportVerdict::cancelled;
    return error;
}

/// The error that a code stands for: one of rekey's its kind, any other a failed transport. For
/// `result_from(expected, error_of<Response>)`.
template <class Response> Error<Response> error_of(const std::error_code& code) {
    if (code.category() == error_category() && code.value() > 0)
        return {static_cast<ErrorKind>(code.value() - 1), code.message()};
    TransportError told = transport_error(code);
    Error<Response> error{
        told.verdict == TransportVerdict::cancelled ? ErrorKind::cancelled : ErrorKind::transport,
        std::move(told.detail)};
    error.reach = told.reach;
    return error;
}

}  // namespace v0_1
}  // namespace rekey

template <> struct std::is_error_condition_enum<rekey::errc> : std::true_type {};

#endif
