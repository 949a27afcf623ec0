// SPDX-License-Identifier: BSL-1.0
// callback: reads what a browser brings back from the consent page, and trusts none of it.
#ifndef REKEY_OAUTH_CALLBACK_HPP
#define REKEY_OAUTH_CALLBACK_HPP

#include <rekey/oauth/pending.hpp>
#include <rekey/oauth/percent.hpp>
#include <rekey/oauth/token_response.hpp>
#include <rekey/secret.hpp>

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

namespace rekey {
inline namespace v0_1 {
namespace oauth {

/// Why a text is no callback. No flow is touched then.
enum class CallbackFault : unsigned char {
    nothing,
    too_long,
    bad_encoding,
    bad_character,
    duplicate,
    no_state,
    no_answer,
    two_answers
};

constexpr std::string_view sentence(CallbackFault fault) noexcept {
    switch (fault) {
        case CallbackFault::nothing: return "the callback is well formed";
        case CallbackFault::too_long: return "the callback is too long";
        case CallbackFault::bad_encoding: return "the callback has a broken percent escape";
        case CallbackFault::bad_character:
            return "the callback has a character that its parameters may not hold";
        case CallbackFault::duplicate: return "the callback has a parameter twice";
        case CallbackFault::no_state: return "the callback has no state";
        case CallbackFault::no_answer: return "the callback has neither a code nor an error";
        case CallbackFault::two_answers: return "the callback has both a code and an error";
    }
    return {};
}

/// The parameters of a callback, decoded. All empty if there is a fault.
struct Callback {
    CallbackFault fault = CallbackFault::no_state;
    std::string state{};
    Secret code{};
    std::string issuer{};       ///< `iss`, if the server says who it is.
    std::string error{};        ///< `access_denied`, …: a word of at most 64 visible characters.
    std::string description{};  ///< Written by whoever sent the browser here: cleaned, ≤ 200 bytes.

    explicit operator bool() const noexcept { return fault == CallbackFault::nothing; }
};

/// Reads a callback: an absolute URL of any scheme, a path with its query, or the query alone, each
/// with or without a fragment, which is dropped.
///
/// A parameter without a value counts as absent, but a second one of its name does not pass; names
/// are compared decoded. Parameters of other names, such as those of the redirect URI itself, are
/// not looked at.
///
/// Errors       `Callback::fault`; the texts of the callback are in no sentence.
/// Source       RFC 6749 §3.1, §4.1.2, §4.1.2.1, Appendix A and B; RFC 8252 §7.1; RFC 9207 §2
inline Callback read_callback(std::string_view target);

/// An authorization server that says who it is: each callback carries `iss`, and must.
///
/// Its metadata has `authorization_response_iss_parameter_supported` (RFC 9207 §3).
struct IssuerInCallback {
    static constexpr bool says_issuer = true;
    std::string issuer{};
};

/// An authorization server that does not: only the redirect URI, which no other server shares,
/// tells where a callback comes from. Coze is one. If it does send `iss`, it must be the right one.
struct IssuerByRedirectUri {
    static constexpr bool says_issuer = false;
    std::string issuer{};
};

/// The authorization servers whose callbacks arrive at one redirect URI: the defence against one
/// server's code being sent to another.
///
/// Source       RFC 9207 §2.4; RFC 9700 §2.1, §4.4
/// Example      `CallbackIssuers issuers{IssuerByRedirectUri{"https://www.coze.com"}};`
template <class... Servers> class CallbackIssuers {
    static constexpr bool told_apart = sizeof...(Servers) == 1 || (Servers::says_issuer && ...);
    static_assert(sizeof...(Servers) != 0 && told_apart,
                  "rekey: two authorization servers share one redirect URI and one of them does "
                  "not say who it is, so a code could go to the wrong one; give each its own "
                  "redirect URI, or use IssuerInCallback for all.");

public:
    explicit CallbackIssuers(Servers... servers) : issuers_{std::move(servers.issuer)...} {}

    /// Whether a callback with this `iss` (empty: none) may end a flow begun with `recorded`.
    bool accept(std::string_view recorded, std::string_view received) const noexcept {
        bool known = false;
        for (const std::string& issuer : issuers_) known = known || issuer == recorded;
        if (!known || recorded.empty()) return false;
        constexpr bool must_say = (Servers::says_issuer && ...);
        return received == recorded || (received.empty() && !must_say);
    }

private:
    std::string issuers_[sizeof...(Servers) == 0 ? 1 : sizeof...(Servers)];
};

/// How a callback ends its flow.
enum class CallbackOutcome : unsigned char {
    authorized,    ///< There is a code: exchange it, once.
    denied,        ///< The person said no (`access_denied`).
    failed,        ///< The consent page failed with another error word.
    wrong_issuer,  ///< It comes from another authorization server than the one that was asked.
    unmatched,     ///< It is no answer to a flow of this browser; see `match`.
    malformed      ///< It is no callback; see `fault`. No flow was touched.
};

/// A callback that was judged. `code` and `record` are set for `authorized`; `record` also for
/// `denied` and `failed`, so that the page can send the person back.
struct AcceptedCallback {
    CallbackOutcome outcome = CallbackOutcome::malformed;
    CallbackFault fault = CallbackFault::nothing;
    FlowMatch match = FlowMatch::unknown;
    std::string_view sentence{};  ///< A literal for people; no text of the callback is in it.
    Secret code{};
    PendingRecord record{};
    std::string error{};           ///< Of `denied` and `failed`.
    std::string description{};     ///< Untrusted; escape it, or better do not show it.
    std::int64_t received_at = 0;  ///< Unix time in seconds; a code ages from here.

    explicit operator bool() const noexcept { return outcome == CallbackOutcome::authorized; }
};

/// Reads a callback, takes its flow, and judges where it came from.
///
/// The flow is consumed here, before anything is sent, by an error callback too; a callback without
/// a valid state, or in another browser, touches nothing.
///
/// Flows        a `PendingFlows`.
/// Bound        `Binding{session cookie}` or `WithoutBinding{}`.
/// Source       RFC 6749 §4.1.2, §10.12; RFC 9700 §2.1, §4.7
template <class Flows, class Bound, class... Servers>
AcceptedCallback accept_callback(std::string_view target, Flows& flows, const Bound& binding,
                                 const CallbackIssuers<Servers...>& issuers, std::int64_t now) {
    AcceptedCallback accepted;
    Callback callback = read_callback(target);
    accepted.fault = callback.fault;
    accepted.received_at = now;
    if (!callback) {
        accepted.sentence = sentence(callback.fault);
        return accepted;
    }
    TakenFlow flow = flows.take(callback.state, binding, now);
    accepted.match = flow.match;
    if (!flow) {
        accepted.outcome = CallbackOutcome::unmatched;
        accepted.sentence = sentence(flow.match);
        return accepted;
    }
    if (!issuers.accept(flow.record.issuer, callback.issuer)) {
        accepted.outcome = CallbackOutcome::wrong_issuer;
        accepted.sentence =
            "the callback comes from another authorization server than the one "
            "that was asked";
        return accepted;
    }
    accepted.record = std::move(flow.record);
    if (!callback.error.empty()) {
        const bool is_denied = callback.error == "access_denied";
        accepted.outcome = is_denied ? CallbackOutcome::denied : CallbackOutcome::failed;
        accepted.sentence = is_denied ? "the person refused the authorization"
                                      : "the authorization server could not authorize";
        accepted.error = std::move(callback.error);
        accepted.description = std::move(callback.description);
        return accepted;
    }
    accepted.outcome = CallbackOutcome::authorized;
    accepted.sentence = "the person authorized";
    accepted.code = std::move(callback.code);
    return accepted;
}

namespace detail {

inline constexpr std::size_t longest_callback = 8192;
inline constexpr std::size_t longest_code = 2048;
inline constexpr std::size_t longest_state = 512;
inline constexpr std::size_t longest_issuer = 2048;
inline constexpr std::size_t longest_error = 64;

/// The query of a URL, a path with a query, or a query alone. The URL of a custom scheme may have
/// one slash, or none: `com.example.app:/callback?…` (RFC 8252 §7.1).
inline std::string_view query_of(std::string_view target) noexcept {
    target = target.substr(0, target.find('#'));
    const std::size_t mark = target.find('?');
    const std::string_view head = target.substr(0, target.find_first_of("?=&"));
    const bool has_scheme = head.find(head.size() == mark ? ":" : "://") != head.npos;
    const bool has_path = !head.empty() && (head.front() == '/' || has_scheme);
    if (has_path) return mark == target.npos ? std::string_view() : target.substr(mark + 1);
    return !target.empty() && target.front() == '?' ? target.substr(1) : target;
}

/// A name or value of a form: `+` is a space. Source: RFC 6749 Appendix B.
inline bool form_decode(std::string_view encoded, std::string& text) {
    std::string spaced(encoded);
    for (char& symbol : spaced)
        if (symbol == '+') symbol = ' ';
    const bool is_whole = percent_decode(spaced, text);
    rekey::detail::wipe(spaced);
    return is_whole;
}

/// One parameter that a callback may have once.
struct CallbackParameter {
    std::string_view name;
    std::size_t longest;
    bool visible;  // holds visible ASCII only (RFC 6749 Appendix A: VSCHAR)
    bool seen = false;
    std::string value{};
};

}  // namespace detail

inline Callback read_callback(std::string_view target) {
    Callback callback;
    detail::CallbackParameter parameters[] = {
        {"state", detail::longest_state, true},
        {"code", detail::longest_code, true},
        {"iss", detail::longest_issuer, true},
        {"error", detail::longest_error, true},
        {"error_description", detail::longest_callback, false},
        {"error_uri", detail::longest_callback, false},
    };
    const auto failed = [&](CallbackFault fault) {
        for (detail::CallbackParameter& parameter : parameters)
            rekey::detail::wipe(parameter.value);
        Callback none;
        none.fault = fault;
        return none;
    };
    if (target.size() > detail::longest_callback) return failed(CallbackFault::too_long);

    std::string name;
    const std::string_view query = detail::query_of(target);
    for (std::size_t start = 0; start < query.size();) {
        const std::string_view pair = query.substr(start, query.find('&', start) - start);
        start += pair.size() + 1;
        const std::size_t equals = pair.find('=');
        if (!detail::form_decode(pair.substr(0, equals), name)) continue;  // not one of ours
        for (detail::CallbackParameter& parameter : parameters) {
            if (parameter.name != name) continue;
            if (parameter.seen) return failed(CallbackFault::duplicate);
            parameter.seen = true;
            if (equals == pair.npos) continue;
            if (!detail::form_decode(pair.substr(equals + 1), parameter.value))
                return failed(CallbackFault::bad_encoding);
            if (parameter.value.size() > parameter.longest) return failed(CallbackFault::too_long);
            if (parameter.visible && !detail::is_ascii_from(' ', parameter.value))
                return failed(CallbackFault::bad_character);
        }
    }
    auto& [state, code, issuer, error, description, uri] = parameters;
    if (state.value.empty()) return failed(CallbackFault::no_state);
    if (code.value.empty() && error.value.empty()) return failed(CallbackFault::no_answer);
    if (!code.value.empty() && !error.value.empty()) return failed(CallbackFault::two_answers);
    (void)uri;

    callback.fault = CallbackFault::nothing;
    callback.state = std::move(state.value);
    callback.code = Secret(std::move(code.value));
    callback.issuer = std::move(issuer.value);
    callback.error = std::move(error.value);
    callback.description = detail::cleaned(description.value, detail::longest_token_message);
    return callback;
}

}  // namespace oauth
}  // namespace v0_1
}  // namespace rekey

#endif
