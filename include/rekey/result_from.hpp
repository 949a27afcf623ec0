// SPDX-License-Identifier: BSL-1.0
// result_from: a Result made of another library's result.
#ifndef REKEY_RESULT_FROM_HPP
#define REKEY_RESULT_FROM_HPP

#include <rekey/result.hpp>
#include <rekey/transport.hpp>

#include <string>
#include <type_traits>
#include <utility>

namespace rekey {
inline namespace v0_1 {
namespace detail {

template <class Type, class = void> struct AssumesValue : std::false_type {};
template <class Type>
struct AssumesValue<Type, std::void_t<decltype(std::declval<Type>().assume_value())>>
    : std::true_type {};

template <class Expected> decltype(auto) value_of_expected(Expected&& expected) {
    if constexpr (AssumesValue<Expected>::value)
        return std::forward<Expected>(expected).assume_value();
    else
        return *std::forward<Expected>(expected);
}
template <class Expected>
using ValueOfExpected = std::decay_t<decltype(detail::value_of_expected(std::declval<Expected>()))>;

/// The errors that rekey knows, as an error of a call.
template <class Response> struct KnownErrors {
    Error<Response> operator()(Error<Response> error) const { return error; }
    Error<Response> operator()(TransportError error) const {
        Error<Response> made{error.verdict == TransportVerdict::cancelled ? ErrorKind::cancelled
                                                                          : ErrorKind::transport,
                             std::move(error.detail)};
        made.reach = error.reach;
        return made;
    }
};

}  // namespace detail

/// The Result of anything with `has_value()`, `*` or `assume_value()`, and `error()`:
/// `std::expected`, `tl::expected`, a Boost.Outcome result, a class of yours. Its trail is empty.
///
/// to_error   makes a `rekey::Error<Response>` of its error; not needed if that is one, or a
///            `rekey::TransportError`.
/// Example    result_from(std::move(theirs), rekey::error_of<Response>)   // of std::error_code
template <class Expected, class ToError>
Result<detail::ValueOfExpected<Expected>> result_from(Expected&& expected,
                                                      const ToError& to_error) {
    using Response = detail::ValueOfExpected<Expected>;
    using Failure = decltype(std::forward<Expected>(expected).error());
    constexpr bool fits = std::is_invocable_r_v<Error<Response>, const ToError&, Failure>;
    static_assert(
        fits,
        "rekey: result_from cannot tell what this error means. Give it a second argument, "
        "a callable that makes a rekey::Error<Response> of it.");
    if constexpr (fits) {
        if (expected.has_value())
            return Response(detail::value_of_expected(std::forward<Expected>(expected)));
        return to_error(std::forward<Expected>(expected).error());
    } else {
        return {};
    }
}
template <class Expected>
Result<detail::ValueOfExpected<Expected>> result_from(Expected&& expected) {
    return rekey::result_from(std::forward<Expected>(expected),
                              detail::KnownErrors<detail::ValueOfExpected<Expected>>{});
}

}  // namespace v0_1
}  // namespace rekey

#endif
