// SPDX-License-Identifier: BSL-1.0
// Credential: what signs an attempt, and how rekey asks a user's type for it.
#ifndef REKEY_CREDENTIAL_HPP
#define REKEY_CREDENTIAL_HPP

#include <rekey/detail/bytes.hpp>
#include <rekey/detail/detect.hpp>
#include <rekey/identity.hpp>
#include <rekey/secret.hpp>
#include <rekey/version.hpp>

#include <cstddef>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

namespace rekey {
inline namespace v0_1 {

/// What a credential's `token(const Context&)` may look at.
struct Context {
    std::string_view subject{};  ///< The user of the call (`Subject{user}`), or empty.
};

namespace detail {

REKEY_DETECT(HasName, Type, std::string_view(std::declval<const Type&>().name))
REKEY_DETECT(HasTokenText, Type, std::string_view(std::declval<const Type&>().token))
REKEY_DETECT(HasTokenSecret, Type, std::declval<const Type&>().token.expose())
REKEY_DETECT(HasTokenCall, Type, std::declval<const Type&>().token())
REKEY_DETECT(HasTokenContextCall, Type,
             std::declval<const Type&>().token(std::declval<const Context&>()))
REKEY_DETECT(HasScheme, Type, std::string_view(std::declval<const Type&>().scheme))
REKEY_DETECT(HasHeaderName, Type, std::string_view(std::declval<const Type&>().header))
REKEY_DETECT(HasOrigin, Type, std::string_view(std::declval<const Type&>().origin))
REKEY_DETECT(HasExchangeType, Type, std::declval<typename Type::Exchange>())

/// True if `Type::name` is a static member: then it outlives everything.
REKEY_DETECT(NameIsStatic, Type,
             std::enable_if_t<!std::is_member_object_pointer_v<decltype(&Type::name)>>())

template <class Text> std::string_view exposed(const Text& token) { return text_in(token); }
inline std::string_view exposed(const Secret& token) noexcept { return token.expose(); }

}  // namespace detail

/// How rekey reads a credential type.
///
/// Credential  has a `name` (static or member, for people and logs) and a `token` (a member: text
///             or Secret; or a function with or without `const Context&`), or an exchange.
/// Optional    `scheme` (default `Bearer`; empty for none), `header` (default `Authorization`),
///             `origin` (`https://api.coze.com`: the token is sent nowhere else), `identity`.
template <class Credential> struct CredentialTraits {
    using Reads = Credential;  // what a specialisation derives from reads another, or has none
    static constexpr bool exchanges = detail::HasExchangeType<Credential>::value;
    static constexpr bool has_name = detail::HasName<Credential>::value;
    static constexpr bool token_is_member =
        detail::HasTokenText<Credential>::value || detail::HasTokenSecret<Credential>::value;
    static constexpr bool token_is_call =
        detail::HasTokenCall<Credential>::value || detail::HasTokenContextCall<Credential>::value;
    static constexpr bool understood = has_name && (exchanges || token_is_member || token_is_call);
    static constexpr bool name_is_static = detail::NameIsStatic<Credential>::value;
    /// False: no credential of this type has an origin, and no driver carries the code that checks
    /// one. A specialisation that does not say so is checked.
    static constexpr bool may_be_bound = detail::HasOrigin<Credential>::value;

    static std::string_view name([[maybe_unused]] const Credential& credential) noexcept {
        if constexpr (has_name) return detail::text_in(credential.name);
        return {};
    }
    static std::string_view scheme([[maybe_unused]] const Credential& credential) noexcept {
        if constexpr (detail::HasScheme<Credential>::value)
            return detail::text_in(credential.scheme);
        return "Bearer";
    }
    static std::string_view header([[maybe_unused]] const Credential& credential) noexcept {
        if constexpr (detail::HasHeaderName<Credential>::value)
            return detail::text_in(credential.header);
        return "Authorization";
    }
    static std::string_view origin([[maybe_unused]] const Credential& credential) noexcept {
        if constexpr (detail::HasOrigin<Credential>::value)
            return detail::text_in(credential.origin);
        return {};
    }
    /// The token, as text or Secret; whatever the user's function returns.
    static decltype(auto) token(const Credential& credential,
                                [[maybe_unused]] const Context& context) {
        if constexpr (detail::HasTokenText<Credential>::value)
            return detail::text_in(credential.token);
        else if constexpr (detail::HasTokenSecret<Credential>::value)
            return credential.token.expose();
        else if constexpr (detail::HasTokenContextCall<Credential>::value)
            return credential.token(context);
        else
            return credential.token();
    }
};

namespace detail {

/// Whether the name of a credential, a static one, is a constant, as its traits read it.
REKEY_DETECT(NameIsConstant, Type,
             std::enable_if_t<std::is_same_v<typename CredentialTraits<Type>::Reads, Type>>(),
             std::integral_constant<bool, std::string_view(Type::name).empty()>())

/// Whether credentials of these traits may have an origin; those that do not say so may.
template <class Traits, class = void> struct MayBeBound : std::true_type {};
template <class Traits>
struct MayBeBound<Traits, std::enable_if_t<!Traits::may_be_bound>> : std::false_type {};

/// What is wrong with a header value that a credential would make; nullptr if nothing.
/// Visible ASCII only: no CR, LF, NUL or space can enter a header (RFC 6750 §2.1, RFC 9110 §5.5).
inline const char* problem_with_token(std::string_view token) noexcept {
    if (token.empty()) return "its token is empty";
    for (const char c : token)
        if (c < '!' || c > '~')
            return "its token holds a character that no header may carry "
                   "(space, control or non-ASCII)";
    return nullptr;
}

/// Puts `[token]` where a text repeats a secret, which is not empty. True if it was there.
inline bool cut_out_all(std::string& text, std::string_view secret) {
    constexpr std::string_view instead = "[token]";  // never searched: a secret may stand in it
    bool found = false;
    for (std::size_t at = 0; (at = text.find(secret, at)) != text.npos; at += instead.size()) {
        text.replace(at, secret.size(), instead);
        found = true;
    }
    return found;
}
/// Cuts a secret out of a text that a server wrote. True if it was there. Fewer than eight
/// characters cannot be told from a word and stay.
[[gnu::noinline, gnu::cold]] inline bool cut_out(std::string& text, std::string_view secret) {
    return secret.size() >= 8 && cut_out_all(text, secret);
}

/// The finished header value, e.g. `Bearer pat_…`, made once and wiped when dropped. Once a token:
/// its size counts, not its speed.
[[gnu::noinline, gnu::cold]] inline Secret header_value(std::string_view scheme,
                                                        std::string_view token) {
    return Secret{WipedText<>(scheme, token)};
}

}  // namespace detail

}  // namespace v0_1
}  // namespace rekey

#endif
