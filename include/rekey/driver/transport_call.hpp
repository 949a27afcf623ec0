// SPDX-License-Identifier: BSL-1.0
// TransportCall: the shapes of a transport, and what its answer comes to.
#ifndef REKEY_DRIVER_TRANSPORT_CALL_HPP
#define REKEY_DRIVER_TRANSPORT_CALL_HPP

#include <rekey/attempt.hpp>
#include <rekey/detail/detect.hpp>
#include <rekey/response.hpp>
#include <rekey/transport.hpp>

#include <string>
#include <type_traits>
#include <utility>

namespace rekey {
inline namespace v0_1 {
namespace detail {

REKEY_DETECT(IsExpectedLike, Type, static_cast<bool>(std::declval<Type&>().has_value()),
             std::declval<Type&>().error())
REKEY_DETECT(HasAssumeValue, Type, std::declval<Type&>().assume_value())

template <class Expected> decltype(auto) value_in(Expected& expected) {
    if constexpr (HasAssumeValue<Expected>::value)
        return expected.assume_value();
    else
        return *expected;
}

template <class Answer, bool = IsExpectedLike<Answer>::value> struct ResponseOf {
    using type = Answer;
};
template <class Answer> struct ResponseOf<Answer, true> {
    using type = Plain<decltype(value_in(std::declval<Answer&>()))>;
};

/// The error of an expected-like answer; one that is not ours counts as sent, no answer.
template <class Failure> TransportError transport_error(Failure&& failure) {
    if constexpr (std::is_convertible_v<Failure&&, TransportError>)
        return std::forward<Failure>(failure);
    else
        return TransportError{Reach::sent_unanswered, "the transport reports an error of its own"};
}

/// The transport inside a `std::reference_wrapper`, whose promises are the ones that count.
template <class Transport, class = void> struct Lent { using type = Transport; };
template <class Transport>
struct Lent<Transport,
            std::enable_if_t<std::is_same_v<decltype(std::declval<const Transport&>().get()),
                                            typename Transport::type&>>> {
    using type = Plain<typename Transport::type>;
};

REKEY_DETECT(PromisesWholeBodies, Transport, Transport::vouches_for_whole_bodies)
REKEY_DETECT(SaysRedirects, Transport, Transport::follows_redirects)
template <class Transport> constexpr bool follows_redirects() noexcept {
    if constexpr (SaysRedirects<Transport>::value)
        return Transport::follows_redirects;
    else
        return false;
}
template <class Transport> constexpr bool vouches_for_whole_bodies() noexcept {
    using Promising = typename Lent<Plain<Transport>>::type;
    if constexpr (PromisesWholeBodies<Promising>::value)
        return Promising::vouches_for_whole_bodies;
    else
        return false;
}

/// Whether a transport has one operator, which takes a request and cannot change it.
template <class Transport, class Request> struct Called {
    using Callable = Transport;
    template <class Answer, class Type> static void with(Answer (Type::*)(const Request&) const);
    template <class Answer, class Type> static void with(Answer (Type::*)(const Request&));
};
REKEY_DETECT(TakesConstant, Call, Call::with(&Call::Callable::operator()))

/// What a transport returns that returns nothing.
struct NoAnswer {};

/// How a transport is called with a request. The two-argument shape wins if both fit. A pointer to
/// a member is no transport, though it can be invoked; the other shape takes a copy.
template <class Transport, class Request> struct TransportCall {
    static constexpr bool is_called = !std::is_member_pointer_v<Transport>;
    static constexpr bool with_attempt =
        is_called && std::is_invocable_v<Transport&, const Request&, const Attempt&>;
    static constexpr bool plain = !with_attempt && is_called &&
                                  std::is_copy_constructible_v<Request> &&
                                  std::is_invocable_v<Transport&, Request&>;
    static constexpr bool fits = with_attempt || plain;

    template <class Type>
    struct TypeIs : std::conditional<std::is_void_v<Type>, NoAnswer, Plain<Type>> {};
    static auto shape() {
        if constexpr (with_attempt)
            return TypeIs<std::invoke_result_t<Transport&, const Request&, const Attempt&>>{};
        else if constexpr (plain)
            return TypeIs<std::invoke_result_t<Transport&, Request&>>{};
        else
            return TypeIs<void>{};
    }

    using Answer = typename decltype(shape())::type;
};

}  // namespace detail
}  // namespace v0_1
}  // namespace rekey

#endif
