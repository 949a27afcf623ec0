// SPDX-License-Identifier: BSL-1.0
// ResponseTraits and RequestTraits: how rekey looks at types that are not its own.
#ifndef REKEY_RESPONSE_HPP
#define REKEY_RESPONSE_HPP

#include <rekey/detail/ascii.hpp>
#include <rekey/detail/detect.hpp>
#include <rekey/version.hpp>

#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

namespace rekey {
inline namespace v0_1 {

namespace detail {

REKEY_DETECT(HasStatusMember, Type, static_cast<int>(std::declval<const Type&>().status))
REKEY_DETECT(HasStatusMethod, Type, static_cast<int>(std::declval<const Type&>().status()))
REKEY_DETECT(HasStatusCodeMember, Type, static_cast<int>(std::declval<const Type&>().status_code))
REKEY_DETECT(HasStatusCodeMethod, Type, static_cast<int>(std::declval<const Type&>().status_code()))
REKEY_DETECT(HasResultInt, Type, static_cast<int>(std::declval<const Type&>().result_int()))
REKEY_DETECT(HasBodyMember, Type, std::string_view(std::declval<const Type&>().body))
REKEY_DETECT(HasBodyMethod, Type, std::string_view(std::declval<const Type&>().body()))
REKEY_DETECT(HasTextMember, Type, std::string_view(std::declval<const Type&>().text))
REKEY_DETECT(HasTextMethod, Type, std::string_view(std::declval<const Type&>().text()))
REKEY_DETECT(HasHeaderMethod, Type,
             std::string_view(std::declval<const Type&>().header(std::string_view{})))
REKEY_DETECT(HasHeadersMember, Type,
             std::declval<const Type&>().headers.begin() !=
                 std::declval<const Type&>().headers.end())
REKEY_DETECT(HasHeadersMethod, Type,
             std::declval<const Type&>().headers().begin() !=
                 std::declval<const Type&>().headers().end())
REKEY_DETECT(HasHeaderMember, Type,
             std::declval<const Type&>().header.begin() != std::declval<const Type&>().header.end())
REKEY_DETECT(HasDeliveredMember, Type, static_cast<bool>(std::declval<const Type&>().delivered))
REKEY_DETECT(HasPairFields, Type, std::string_view(std::declval<const Type&>().first))
REKEY_DETECT(HasNameFields, Type, std::string_view(std::declval<const Type&>().name))
REKEY_DETECT(HasHeaderList, Type,
             std::declval<Type&>().headers.push_back({std::string(), std::string()}))
REKEY_DETECT(HasHeaderMap, Type,
             std::declval<Type&>().headers.emplace(std::string(), std::string()))
REKEY_DETECT(HasMethodMember, Type, std::string_view(std::declval<const Type&>().method))
REKEY_DETECT(HasUrlMember, Type, std::string_view(std::declval<const Type&>().url))
REKEY_DETECT(HasStreamBody, Type, std::declval<const Type&>().body.rdbuf())
REKEY_DETECT(HasStreamPointerBody, Type, std::declval<const Type&>().body->rdbuf())

/// The value of a header in a map of pairs or a list of {name, value}; an empty view if absent.
template <class Headers>
std::string_view header_in(const Headers& headers, std::string_view wanted) {
    for (const auto& field : headers) {
        using Field = std::decay_t<decltype(field)>;
        if constexpr (HasPairFields<Field>::value) {
            if (same_ignoring_case(field.first, wanted)) return field.second;
        } else if constexpr (HasNameFields<Field>::value) {
            if (same_ignoring_case(field.name, wanted)) return field.value;
        }
    }
    return {};
}

}  // namespace detail

/// How rekey reads a response type. The primary template knows the common shapes, as members or
/// as methods: `status` or `status_code` (or `result_int()`), `body` or `text`, `header(name)`,
/// `headers` or `header` (a map or a list of name and value), `delivered`.
///
/// For any other type, specialise it in a few lines:
/// ```
/// template <> struct rekey::ResponseTraits<Answer> {
///     static int status(const Answer& answer) { return answer.code; }
///     static std::string_view body(const Answer& answer) { return answer.payload; }
///     static std::string_view header(const Answer&, std::string_view) { return {}; }
/// };
/// ```
/// The views live as long as the response. `header` and `body` may return an empty view.
template <class Response> struct ResponseTraits {
    static constexpr bool known =
        detail::HasStatusMember<Response>::value || detail::HasStatusMethod<Response>::value ||
        detail::HasStatusCodeMember<Response>::value ||
        detail::HasStatusCodeMethod<Response>::value || detail::HasResultInt<Response>::value;

    static int status(const Response& response) {
        if constexpr (detail::HasStatusMember<Response>::value)
            return static_cast<int>(response.status);
        else if constexpr (detail::HasStatusCodeMember<Response>::value)
            return static_cast<int>(response.status_code);
        else if constexpr (detail::HasStatusMethod<Response>::value)
            return static_cast<int>(response.status());
        else if constexpr (detail::HasStatusCodeMethod<Response>::value)
            return static_cast<int>(response.status_code());
        else
            return static_cast<int>(response.result_int());
    }
    static std::string_view body(const Response& response) {
        if constexpr (detail::HasBodyMember<Response>::value)
            return std::string_view(response.body);
        else if constexpr (detail::HasTextMember<Response>::value)
            return std::string_view(response.text);
        else if constexpr (detail::HasBodyMethod<Response>::value)
            return std::string_view(response.body());
        else if constexpr (detail::HasTextMethod<Response>::value)
            return std::string_view(response.text());
        else
            return {};
    }
    static std::string_view header([[maybe_unused]] const Response& response,
                                   [[maybe_unused]] std::string_view name) {
        if constexpr (detail::HasHeaderMethod<Response>::value)
            return std::string_view(response.header(name));
        else if constexpr (detail::HasHeadersMember<Response>::value)
            return detail::header_in(response.headers, name);
        else if constexpr (detail::HasHeadersMethod<Response>::value)
            return detail::header_in(response.headers(), name);
        else if constexpr (detail::HasHeaderMember<Response>::value)
            return detail::header_in(response.header, name);
        else
            return {};
    }
    /// True if a part of the answer already reached the caller (a stream that has begun).
    static bool delivered([[maybe_unused]] const Response& response) {
        if constexpr (detail::HasDeliveredMember<Response>::value)
            return static_cast<bool>(response.delivered);
        else
            return false;
    }
};

/// How rekey reads and signs a request type. The primary template knows `method`, `url` and
/// `headers` members by name; nothing is required of a request that goes to a transport of the
/// shape `Response(const Request&, const Attempt&)`.
///
/// A transport of the shape `Response(const Request&)` needs `set_header`, which rekey calls on a
/// private copy. It is built in for lists of {name, value} and maps; else specialise it.
template <class Request> struct RequestTraits {
    /// `GET`, `POST`, …; empty if the type does not tell.
    static std::string_view method([[maybe_unused]] const Request& request) {
        if constexpr (detail::HasMethodMember<Request>::value)
            return std::string_view(request.method);
        else
            return {};
    }
    /// False for a type without a `url` member: where it goes is then the caller's to watch.
    static constexpr bool knows_url = detail::HasUrlMember<Request>::value;

    /// The absolute URL; empty if the type does not tell. Guards the origin of a credential.
    static std::string_view url([[maybe_unused]] const Request& request) {
        if constexpr (detail::HasUrlMember<Request>::value)
            return std::string_view(request.url);
        else
            return {};
    }
    /// The value of a header that the caller set, or an empty view.
    static std::string_view header([[maybe_unused]] const Request& request,
                                   [[maybe_unused]] std::string_view name) {
        if constexpr (detail::HasHeadersMember<Request>::value)
            return detail::header_in(request.headers, name);
        else
            return {};
    }
    /// Whether the caller set a header, be it to nothing.
    static bool has_header(const Request& request, std::string_view name) {
        return header(request, name).data() != nullptr;
    }
    /// Whether `set_header` is known for this type.
    static constexpr bool can_set_header =
        detail::HasHeaderList<Request>::value || detail::HasHeaderMap<Request>::value;

    /// Adds a header to a private copy of the request. rekey asks `header` before.
    static void set_header(Request& request, std::string_view name, std::string_view value) {
        if constexpr (detail::HasHeaderList<Request>::value)
            request.headers.push_back({std::string(name), std::string(value)});
        else
            request.headers.emplace(std::string(name), std::string(value));
    }
};

namespace detail {

#define REKEY_DETECT_STATIC(Trait, expression)                             \
    template <class Type, class = void> struct Trait : std::false_type {}; \
    template <class Type> struct Trait<Type, std::void_t<decltype(expression)>> : std::true_type {};
REKEY_DETECT_STATIC(TraitsKnowBody, ResponseTraits<Type>::body(std::declval<const Type&>()))
REKEY_DETECT_STATIC(TraitsKnowHeader,
                    ResponseTraits<Type>::header(std::declval<const Type&>(), std::string_view{}))
REKEY_DETECT_STATIC(TraitsKnowDelivered,
                    ResponseTraits<Type>::delivered(std::declval<const Type&>()))
REKEY_DETECT_STATIC(RequestTraitsKnowMethod,
                    RequestTraits<Type>::method(std::declval<const Type&>()))
REKEY_DETECT_STATIC(RequestTraitsKnowUrl, RequestTraits<Type>::url(std::declval<const Type&>()))
REKEY_DETECT_STATIC(RequestTraitsKnowHeader,
                    RequestTraits<Type>::header(std::declval<const Type&>(), std::string_view{}))
REKEY_DETECT_STATIC(RequestTraitsKnowPresence,
                    RequestTraits<Type>::has_header(std::declval<const Type&>(),
                                                    std::string_view{}))
REKEY_DETECT_STATIC(RequestTraitsKnowNoUrl, std::enable_if_t<!RequestTraits<Type>::knows_url>())
REKEY_DETECT_STATIC(RequestTraitsKnowCanSet,
                    std::enable_if_t<!RequestTraits<Type>::can_set_header>())
REKEY_DETECT_STATIC(RequestSaysOneShot, std::enable_if_t<Type::one_shot>())
REKEY_DETECT_STATIC(RequestTraitsSayOneShot, std::enable_if_t<RequestTraits<Type>::one_shot>())
REKEY_DETECT_STATIC(ResponseTraitsUnknown, std::enable_if_t<!ResponseTraits<Type>::known>())
#undef REKEY_DETECT_STATIC

/// The traits of a response, complete: what a user's specialisation leaves out is empty.
template <class Response> struct Reads {
    static constexpr bool known = !ResponseTraitsUnknown<Response>::value;

    static int status(const Response& response) {
        return ResponseTraits<Response>::status(response);
    }
    static std::string_view body([[maybe_unused]] const Response& response) {
        if constexpr (TraitsKnowBody<Response>::value)
            return ResponseTraits<Response>::body(response);
        else
            return {};
    }
    static std::string_view header([[maybe_unused]] const Response& response,
                                   [[maybe_unused]] std::string_view name) {
        if constexpr (TraitsKnowHeader<Response>::value)
            return ResponseTraits<Response>::header(response, name);
        else
            return {};
    }
    static bool delivered([[maybe_unused]] const Response& response) {
        if constexpr (TraitsKnowDelivered<Response>::value)
            return ResponseTraits<Response>::delivered(response);
        else
            return false;
    }
};

/// The traits of a request, complete.
template <class Request> struct Asks {
    static constexpr bool can_set_header = !RequestTraitsKnowCanSet<Request>::value;
    static constexpr bool knows_url =
        RequestTraitsKnowUrl<Request>::value && !RequestTraitsKnowNoUrl<Request>::value;
    /// Whether a send uses the request up: its body is a stream, or it or its traits say
    /// `static constexpr bool one_shot = true`. A body that is a function opens its stream anew.
    static constexpr bool is_one_shot =
        HasStreamBody<Request>::value || HasStreamPointerBody<Request>::value ||
        RequestSaysOneShot<Request>::value || RequestTraitsSayOneShot<Request>::value;

    static std::string_view method([[maybe_unused]] const Request& request) {
        if constexpr (RequestTraitsKnowMethod<Request>::value)
            return RequestTraits<Request>::method(request);
        else
            return {};
    }
    static std::string_view url([[maybe_unused]] const Request& request) {
        if constexpr (RequestTraitsKnowUrl<Request>::value)
            return RequestTraits<Request>::url(request);
        else
            return {};
    }
    static std::string_view header([[maybe_unused]] const Request& request,
                                   [[maybe_unused]] std::string_view name) {
        if constexpr (RequestTraitsKnowHeader<Request>::value)
            return RequestTraits<Request>::header(request, name);
        else
            return {};
    }
    static bool has_header([[maybe_unused]] const Request& request,
                           [[maybe_unused]] std::string_view name) {
        if constexpr (RequestTraitsKnowPresence<Request>::value)
            return RequestTraits<Request>::has_header(request, name);
        else
            return !header(request, name).empty();
    }
};

}  // namespace detail

}  // namespace v0_1
}  // namespace rekey

#endif
