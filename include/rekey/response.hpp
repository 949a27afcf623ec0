// SPDX-License-Identifier: BSL-1.0
// ResponseTraits and RequestTraits: how rekey looks at types that are not its own.
#ifndef REKEY_RESPONSE_HPP
#define REKEY_RESPONSE_HPP

#include <rekey/detail/ascii.hpp>
#include <rekey/detail/bytes.hpp>
#include <rekey/detail/detect.hpp>
#include <rekey/version.hpp>

#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

namespace rekey {
inline namespace v0_1 {

namespace detail {

template <class Type> using Plain = std::remove_cv_t<std::remove_reference_t<Type>>;

REKEY_DETECT(HasStatusMember, Type, static_cast<int>(std::declval<const Type&>().status))
REKEY_DETECT(HasStatusMethod, Type, static_cast<int>(std::declval<const Type&>().status()))
REKEY_DETECT(HasStatusCodeMember, Type, static_cast<int>(std::declval<const Type&>().status_code))
REKEY_DETECT(HasStatusCodeMethod, Type, static_cast<int>(std::declval<const Type&>().status_code()))
REKEY_DETECT(HasResultInt, Type, static_cast<int>(std::declval<const Type&>().result_int()))
REKEY_DETECT(HasBodyMember, Type,
             std::enable_if_t<is_text<Plain<decltype(std::declval<const Type&>().body)>>>())
REKEY_DETECT(HasBodyMethod, Type,
             std::enable_if_t<is_text<Plain<decltype(std::declval<const Type&>().body())>>>())
REKEY_DETECT(HasTextMember, Type,
             std::enable_if_t<is_text<Plain<decltype(std::declval<const Type&>().text)>>>())
REKEY_DETECT(HasTextMethod, Type,
             std::enable_if_t<is_text<Plain<decltype(std::declval<const Type&>().text())>>>())
REKEY_DETECT(
    HasHeaderMethod, Type,
    std::enable_if_t<
        is_text<Plain<decltype(std::declval<const Type&>().header(std::string_view{}))>>>())
REKEY_DETECT(HasSomeBody, Type, std::declval<const Type&>().body)
REKEY_DETECT(HasSomeBodyMethod, Type, std::declval<const Type&>().body())
REKEY_DETECT(HasHeadersMember, Type,
             std::declval<const Type&>().headers.begin() !=
                 std::declval<const Type&>().headers.end())
REKEY_DETECT(HasHeadersMethod, Type,
             std::declval<const Type&>().headers().begin() !=
                 std::declval<const Type&>().headers().end())
REKEY_DETECT(HasHeaderMember, Type,
             std::declval<const Type&>().header.begin() != std::declval<const Type&>().header.end())
REKEY_DETECT(HasDeliveredMember, Type, static_cast<bool>(std::declval<const Type&>().delivered))
REKEY_DETECT(HasPairFields, Type,
             std::enable_if_t<is_text<decltype(std::declval<const Type&>().first)>>())
REKEY_DETECT(HasNameFields, Type,
             std::enable_if_t<is_text<decltype(std::declval<const Type&>().name)>>())
REKEY_DETECT(HoldsTexts, Type,
             std::enable_if_t<is_text<Plain<decltype(*std::declval<const Type&>().begin())>>>())
REKEY_DETECT(HasHeaderList, Type,
             std::declval<Type&>().headers.push_back({std::string(), std::string()}))
REKEY_DETECT(HasHeaderMap, Type,
             std::declval<Type&>().headers.emplace(std::string(), std::string()))
REKEY_DETECT(HasMethodMember, Type, std::string_view(std::declval<const Type&>().method))
REKEY_DETECT(HasUrlMember, Type, std::string_view(std::declval<const Type&>().url))
REKEY_DETECT(HasStreamBody, Type, std::declval<const Type&>().body.rdbuf())
REKEY_DETECT(HasStreamPointerBody, Type, std::declval<const Type&>().body->rdbuf())

/// What keeps the text that an expression yields: a copy if it would not outlive the expression.
template <class Text>
using KeptText =
    std::conditional_t<std::is_lvalue_reference_v<Text> || std::is_pointer_v<Plain<Text>> ||
                           std::is_same_v<Plain<Text>, std::string_view>,
                       std::string_view, std::string>;
template <class Text> KeptText<Text> kept(Text&& text) { return KeptText<Text>(text_in(text)); }
inline bool kept(bool claim) noexcept { return claim; }

/// The value of a header field; the first of several. Never null, for the header is there.
template <class Value> std::string_view field_text(const Value& value) {
    if constexpr (is_text<Value>) return text_in(value);
    if constexpr (HoldsTexts<Value>::value)
        if (value.begin() != value.end()) return text_in(*value.begin());
    return "";
}

/// The value of a header in a map of pairs or a list of {name, value}; an empty view if absent.
template <class Headers> KeptText<Headers> header_in(Headers&& headers, std::string_view wanted) {
    using Text = KeptText<Headers>;
    for (const auto& it : headers) {
        using Field = std::decay_t<decltype(it)>;
        if constexpr (HasPairFields<Field>::value) {
            if (same_ignoring_case(text_in(it.first), wanted)) return Text(field_text(it.second));
        } else if constexpr (HasNameFields<Field>::value) {
            if (same_ignoring_case(text_in(it.name), wanted)) return Text(field_text(it.value));
        }
    }
    return Text();
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
/// A view lives as long as the response; a text that is made anew is returned as a `std::string`,
/// by a method as well as here. Texts may be bytes (`std::vector<char>`) or null pointers, which
/// are empty; of a header with several values the first counts.
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
    /// False: it has a body that is no text, in which no code can be looked up.
    static constexpr bool body_is_text =
        !(detail::HasSomeBody<Response>::value || detail::HasSomeBodyMethod<Response>::value) ||
        detail::HasBodyMember<Response>::value || detail::HasTextMember<Response>::value ||
        detail::HasBodyMethod<Response>::value || detail::HasTextMethod<Response>::value;

    static auto body([[maybe_unused]] const Response& response) {
        if constexpr (detail::HasBodyMember<Response>::value)
            return detail::text_in(response.body);
        else if constexpr (detail::HasTextMember<Response>::value)
            return detail::text_in(response.text);
        else if constexpr (detail::HasBodyMethod<Response>::value)
            return detail::kept(response.body());
        else if constexpr (detail::HasTextMethod<Response>::value)
            return detail::kept(response.text());
        else
            return std::string_view();
    }
    static auto header([[maybe_unused]] const Response& response,
                       [[maybe_unused]] std::string_view name) {
        if constexpr (detail::HasHeaderMethod<Response>::value)
            return detail::kept(response.header(name));
        else if constexpr (detail::HasHeadersMember<Response>::value)
            return detail::header_in(response.headers, name);
        else if constexpr (detail::HasHeadersMethod<Response>::value)
            return detail::header_in(response.headers(), name);
        else if constexpr (detail::HasHeaderMember<Response>::value)
            return detail::header_in(response.header, name);
        else
            return std::string_view();
    }
    /// True if a part of the answer already reached the caller (a stream that has begun).
    static bool delivered([[maybe_unused]] const Response& response) {
        if constexpr (detail::HasDeliveredMember<Response>::value)
            return static_cast<bool>(response.delivered);
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
        return {};
    }
    /// False for a type without a `url` member: where it goes is then the caller's to watch.
    static constexpr bool knows_url = detail::HasUrlMember<Request>::value;

    /// The absolute URL; empty if the type does not tell. Guards the origin of a credential.
    static std::string_view url([[maybe_unused]] const Request& request) {
        if constexpr (detail::HasUrlMember<Request>::value) return std::string_view(request.url);
        return {};
    }
    /// The value of a header that the caller set, or an empty view.
    static std::string_view header([[maybe_unused]] const Request& request,
                                   [[maybe_unused]] std::string_view name) {
        if constexpr (detail::HasHeadersMember<Request>::value)
            return detail::header_in(request.headers, name);
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
        std::string text(value);  // not in the braces, where a throw would lose the name
        if constexpr (detail::HasHeaderList<Request>::value)
            request.headers.push_back({std::string(name), std::move(text)});
        else
            request.headers.emplace(std::string(name), std::move(text));
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
REKEY_DETECT_STATIC(TraitsCannotReadBody, std::enable_if_t<!ResponseTraits<Type>::body_is_text>())
#undef REKEY_DETECT_STATIC

/// A function of the traits; what stands for it where a user's specialisation leaves it out.
#define REKEY_COMPLETE(function, Traits, IsThere, otherwise)                                      \
    template <class... Name>                                                                      \
    static auto function([[maybe_unused]] const Type& it, [[maybe_unused]] const Name&... name) { \
        if constexpr (IsThere<Type>::value)                                                       \
            return kept(Traits<Type>::function(it, name...));                                     \
        else                                                                                      \
            return otherwise;                                                                     \
    }

/// The traits of a response, complete: `body(response)`, `header(response, name)` and
/// `delivered(response)`. Texts are views of what the response holds, or copies of what it made.
template <class Type> struct Reads {
    static constexpr bool known = !ResponseTraitsUnknown<Type>::value;
    static constexpr bool body_is_text = !TraitsCannotReadBody<Type>::value;
    static int status(const Type& response) { return ResponseTraits<Type>::status(response); }
    REKEY_COMPLETE(body, ResponseTraits, TraitsKnowBody, std::string_view())
    REKEY_COMPLETE(header, ResponseTraits, TraitsKnowHeader, std::string_view())
    REKEY_COMPLETE(delivered, ResponseTraits, TraitsKnowDelivered, false)
};

/// The traits of a request, complete: `method(request)`, `url(request)`, `header(request, name)`
/// and `has_header(request, name)`.
template <class Type> struct Asks {
    static constexpr bool can_set_header = !RequestTraitsKnowCanSet<Type>::value;
    static constexpr bool knows_url =
        RequestTraitsKnowUrl<Type>::value && !RequestTraitsKnowNoUrl<Type>::value;
    /// Whether a send uses the request up: its body is a stream, or it or its traits say
    /// `static constexpr bool one_shot = true`. A body that is a function opens its stream anew.
    static constexpr bool is_one_shot =
        HasStreamBody<Type>::value || HasStreamPointerBody<Type>::value ||
        RequestSaysOneShot<Type>::value || RequestTraitsSayOneShot<Type>::value;
    REKEY_COMPLETE(method, RequestTraits, RequestTraitsKnowMethod, std::string_view())
    REKEY_COMPLETE(url, RequestTraits, RequestTraitsKnowUrl, std::string_view())
    REKEY_COMPLETE(header, RequestTraits, RequestTraitsKnowHeader, std::string_view())
    REKEY_COMPLETE(has_header, RequestTraits, RequestTraitsKnowPresence,
                   !header(it, name...).empty())
};
#undef REKEY_COMPLETE

}  // namespace detail

}  // namespace v0_1
}  // namespace rekey

#endif
