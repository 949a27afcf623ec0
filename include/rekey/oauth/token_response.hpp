// SPDX-License-Identifier: BSL-1.0
// token_response: reads what a token endpoint answered, and trusts none of it.
#ifndef REKEY_OAUTH_TOKEN_RESPONSE_HPP
#define REKEY_OAUTH_TOKEN_RESPONSE_HPP

#include <rekey/body/json.hpp>
#include <rekey/body/strict_json.hpp>
#include <rekey/detail/foreign_text.hpp>
#include <rekey/oauth/url.hpp>
#include <rekey/secret.hpp>

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

namespace rekey {
inline namespace v0_1 {
namespace oauth {

/// How an exchange ended; what to do next follows from it.
enum class TokenOutcome : unsigned char {
    granted,        ///< There is a token, and every check passed.
    refused,        ///< This credential is shut out (`access_deny`): fall back to the next.
    misconfigured,  ///< The request or the client is wrong; the same again gives the same.
    failed,         ///< Network, 429, 5xx, `internal_error`: repeat with a new assertion, bounded.
    malformed       ///< Not what a token endpoint promises; nothing in it is used.
};

/// What `expires_in` means.
enum class ExpiresIn : unsigned char {
    by_size,  ///< Coze: below 10^9 a duration, otherwise a point in Unix time, both in seconds.
    duration  ///< RFC 6749: a duration in seconds, whatever its size.
};

/// The dialect of a token endpoint, and what was asked for. The defaults are Coze's.
struct TokenRules {
    std::int64_t now = 0;  ///< Unix time in seconds when the answer came.
    ExpiresIn expires_in = ExpiresIn::by_size;
    std::int64_t default_lifetime = 900;  ///< Seconds; used if the answer has no `expires_in`.
    bool token_type_required = false;     ///< Coze leaves `token_type` out and means Bearer.
    std::string_view scope{};             ///< Asked for, or granted first; empty: not compared.
    bool is_refresh = false;              ///< A wider scope than `scope` is then malformed.
    bool takes_expired = false;           ///< A point in time that is over is an expiry, too.
};

/// How the granted scope relates to `TokenRules::scope`.
enum class ScopeChange : unsigned char {
    nothing,   ///< The same set, none reported, or not compared.
    narrowed,  ///< Something that was asked for is missing.
    widened    ///< Something is there that was not asked for.
};

/// What a token endpoint answered. The tokens are set for `granted` only.
struct TokenAnswer {
    TokenOutcome outcome = TokenOutcome::malformed;
    Secret access_token{};
    Secret refresh_token{};       ///< Empty if absent: keep the old one (RFC 6749 §6).
    std::int64_t expires_at = 0;  ///< Unix time in seconds.
    std::string scope{};          ///< As reported; empty if it was not.
    ScopeChange scope_change = ScopeChange::nothing;
    bool has_service_code = false;
    std::int64_t service_code = 0;  ///< A number under `code` or `error_code`, other than 0.
    std::string error_word{};       ///< `error_code` or `error` as a word: `access_deny`.
    std::string message{};       ///< The service's own words, for people: cleaned, ≤ 200 bytes.
    std::string log_id{};        ///< `detail.logid`, for support.
    std::string_view problem{};  ///< Our sentence, a literal without any part of the answer.
};

/// Reads the answer of a token endpoint.
///
/// Granted means: status 2xx, not HTML, one well-formed JSON object of at most 64 KiB and 8 levels,
/// no error marker in it, a non-empty `access_token` of visible ASCII, token type Bearer, and an
/// expiry between 1 second and 10 years from `rules.now` (with `takes_expired` also one that a
/// clock ahead of the server's calls over). An error marker counts on any status, and a token on an
/// error status counts for nothing.
///
/// Errors       values only; see `TokenOutcome`. A word decides before a service code, and a known
///              code before the HTTP status. `authorization_pending` and `slow_down` are `failed`,
///              `access_denied` is `refused`; `invalid_grant` is `misconfigured`: a caller that
///              refreshes looks at `error_word`.
/// Threads      stateless
/// Source       RFC 6749 §5, §6; RFC 6750 §2.1; RFC 8628 §3.5; RFC 9700 §4.12
inline TokenAnswer read_token_answer(int http_status, std::string_view content_type,
                                     std::string_view body, const TokenRules& rules);

namespace detail {

constexpr std::size_t longest_token_body = 64 * 1024;
constexpr int deepest_token_body = 8;
constexpr std::size_t longest_token_message = 200;
constexpr std::int64_t longest_lifetime = std::int64_t{3653} * 24 * 60 * 60;  // ten years

/// Whether a body opens more than `limit` brackets at once. Strings are skipped.
constexpr bool nests_deeper_than(int limit, std::string_view body) noexcept {
    int depth = 0;
    bool in_string = false;
    for (std::size_t i = 0; i < body.size(); ++i) {
        const char symbol = body[i];
        if (in_string) {
            if (symbol == '\\') ++i;
            if (symbol == '"') in_string = false;
        } else if (symbol == '"') {
            in_string = true;
        } else if (symbol == '{' || symbol == '[') {
            if (++depth > limit) return true;
        } else if (symbol == '}' || symbol == ']') {
            --depth;
        }
    }
    return false;
}

constexpr bool is_html(std::string_view content_type, std::string_view body) noexcept {
    constexpr std::string_view name = "html";
    for (std::size_t i = 0; i + name.size() <= content_type.size(); ++i)
        if (same_ignoring_case(content_type.substr(i, name.size()), name)) return true;
    const std::size_t start = body.find_first_not_of(" \t\r\n");
    return start != body.npos && body[start] == '<';
}

/// Whether every byte lies between `first` and `~`.
constexpr bool is_ascii_from(char first, std::string_view text) noexcept {
    for (const char symbol : text)
        if (symbol < first || symbol > '~') return false;
    return true;
}

using rekey::detail::control_length;

/// Text from outside, fit for a person: no control characters, at most `limit` bytes, whole
/// characters.
inline std::string cleaned(std::string_view text, std::size_t limit) {
    std::string clean;
    while (!text.empty()) {
        const std::size_t dropped = control_length(text);
        if (dropped == 0) clean.push_back(text.front());
        text.remove_prefix(dropped == 0 ? 1 : dropped);
        if (clean.size() > limit) {
            std::size_t end = limit;
            while (end != 0 && (static_cast<unsigned char>(clean[end]) & 0xc0u) == 0x80) --end;
            clean.resize(end);
            break;
        }
    }
    return clean;
}

/// A short word that names an error; anything else is dropped.
inline std::string error_word(std::string_view text) {
    return text.size() <= 64 && is_ascii_from('!', text) ? std::string(text) : std::string();
}

/// Whether one space-separated list of scopes has a word that the other lacks.
constexpr bool has_scope_beyond(std::string_view scopes, std::string_view known) noexcept {
    const auto next = [](std::string_view& list) {
        while (!list.empty() && list.front() == ' ') list.remove_prefix(1);
        const std::string_view word = list.substr(0, list.find(' '));
        list.remove_prefix(word.size());
        return word;
    };
    for (std::string_view word = next(scopes); !word.empty(); word = next(scopes)) {
        bool found = false;
        std::string_view rest = known;
        for (std::string_view other = next(rest); !other.empty() && !found; other = next(rest))
            found = other == word;
        if (!found) return true;
    }
    return false;
}

constexpr TokenOutcome outcome_of_status(int http_status) noexcept {
    const bool passing = http_status == 0 || http_status == 408 || http_status == 425 ||
                         http_status == 429 || http_status >= 500;
    return passing ? TokenOutcome::failed : TokenOutcome::misconfigured;
}

/// Coze API error codes that a token endpoint may answer with, too.
constexpr bool is_passing_code(std::int64_t code) noexcept {
    return code == 4009 || code == 4013 || code == 4016 || code == 4020 || code == 4102 ||
           code == 5000 || code == 710005002;
}
constexpr bool is_rejecting_code(std::int64_t code) noexcept {
    return code == 4100 || code == 4101 || code == 700012006;
}

/// Why a body cannot be read at all; nothing if it is a JSON object within the limits.
inline std::string_view unreadable(std::string_view content_type, std::string_view body) noexcept {
    if (body.size() > longest_token_body)
        return "the token endpoint's answer is longer than 64 KiB";
    if (is_html(content_type, body))
        return "the token endpoint answered with a web page; check the base URL";
    if (nests_deeper_than(deepest_token_body, body))
        return "the token endpoint's answer is nested deeper than 8 levels";
    if (body::StrictJson::code(body).found == body::Found::malformed ||
        body::find(body).kind != body::Kind::object)
        return "the token endpoint's answer is not a JSON object";
    return {};
}

/// The error markers of a body: what they say, and whether there is one at all.
struct TokenErrorReader {
    std::string_view body;
    TokenAnswer& answer;
    bool marked = false;

    void read() {
        marker("error_code");
        marker("error");
        marker("code");
        for (const char* key : {"error_message", "error_description", "msg"}) text(key);
        const body::Value log_id = body::find(body, "detail", "logid");
        const body::Value older = body::find(body, "error", "logid");
        if (log_id.kind == body::Kind::string)
            answer.log_id = error_word(body::decode(log_id));
        else if (older.kind == body::Kind::string)
            answer.log_id = error_word(body::decode(older));
    }

private:
    void marker(const char* key) {
        const body::Value value = body::find(body, key);
        switch (value.kind) {
            case body::Kind::absent:
            case body::Kind::null: return;
            case body::Kind::boolean: marked = marked || value.raw == "true"; return;
            case body::Kind::integer: number(value.integer); return;
            case body::Kind::string: word(value); return;
            default: marked = true; return;  // the older `error` object, or nonsense
        }
    }
    void number(std::int64_t code) {
        if (code == 0) return;
        marked = true;
        if (answer.has_service_code) return;
        answer.has_service_code = true;
        answer.service_code = code;
    }
    void word(const body::Value& value) {
        const body::Reading code = body::reading_of(value);
        if (code.found == body::Found::present) return number(code.code);
        if (value.raw.empty()) return;
        marked = true;
        if (answer.error_word.empty()) answer.error_word = error_word(body::decode(value));
    }
    void text(const char* key) {
        const body::Value value = body::find(body, key);
        if (value.kind != body::Kind::string || value.raw.empty()) return;
        if (std::string_view(key) != "msg") marked = true;  // a success has "msg":"success"
        if (answer.message.empty())
            answer.message = cleaned(body::decode(value), longest_token_message);
    }
};

/// What an error answer means: its word, then its code, then the HTTP status.
inline void classify_token_error(int http_status, TokenAnswer& answer) {
    const std::string_view word = answer.error_word;
    const auto is = [&](TokenOutcome outcome, std::string_view problem) {
        answer.outcome = outcome;
        answer.problem = problem;
    };
    if (word == "access_deny")
        return is(TokenOutcome::refused,
                  "the service shuts this app or session out; its owner may have disabled it");
    if (word == "access_denied")
        return is(TokenOutcome::refused, "the user refused the authorization");
    if (word == "internal_error" || word == "server_error" || word == "temporarily_unavailable")
        return is(TokenOutcome::failed, "the token endpoint failed");
    if (word == "authorization_pending" || word == "slow_down")
        return is(TokenOutcome::failed, "the user has not answered yet");
    if (word == "invalid_client")
        return is(TokenOutcome::misconfigured,
                  "the client is not known: check the client id, the key id, the private key or "
                  "client secret, the audience and the clock");
    if (word == "invalid_grant" || word == "expired_token")
        return is(TokenOutcome::misconfigured,
                  "the code or refresh token is expired, used or unknown");
    if (word == "invalid_request" || word == "unsupported_grant_type" || word == "invalid_scope" ||
        word == "unauthorized_client" || word == "unsupported_response_type")
        return is(TokenOutcome::misconfigured, "the token endpoint does not accept this request");
    if (answer.has_service_code && is_rejecting_code(answer.service_code))
        return is(TokenOutcome::misconfigured,
                  "the token endpoint does not accept the assertion or client secret; the base URL "
                  "may be that of another region");
    if (answer.has_service_code && is_passing_code(answer.service_code))
        return is(TokenOutcome::failed, "the token endpoint is overloaded or failed");
    if (outcome_of_status(http_status) == TokenOutcome::failed)
        return is(TokenOutcome::failed, http_status == 0 ? "the token endpoint did not answer"
                                        : http_status == 429
                                            ? "the token endpoint asks for fewer requests"
                                            : "the token endpoint failed");
    is(TokenOutcome::misconfigured, "the token endpoint refused the request");
}

/// Sets `expires_at`; false if the value is none or lies outside 1 second to 10 years.
inline bool read_expiry(const body::Value& value, const TokenRules& rules, TokenAnswer& answer) {
    constexpr std::int64_t smallest_point_in_time = 1000000000;  // 2001-09-09
    std::int64_t lifetime = rules.default_lifetime;
    if (value.kind == body::Kind::integer) {
        const bool is_point =
            rules.expires_in == ExpiresIn::by_size && value.integer >= smallest_point_in_time;
        lifetime = is_point ? value.integer - rules.now : value.integer;
        if (is_point && lifetime < 1 && rules.takes_expired) {
            answer.expires_at = value.integer;
            return true;
        }
    } else if (value.kind != body::Kind::absent && value.kind != body::Kind::null) {
        return false;
    }
    if (lifetime < 1 || lifetime > longest_lifetime) return false;
    answer.expires_at = rules.now + lifetime;
    return true;
}

/// Checks a 2xx body without an error marker. The problem, or nothing if the token is granted.
inline std::string_view read_granted(std::string_view body, const TokenRules& rules,
                                     TokenAnswer& answer) {
    const body::Value token = body::find(body, "access_token");
    if (token.kind == body::Kind::absent || token.kind == body::Kind::null)
        return "the token endpoint's answer has no access token";
    if (token.kind != body::Kind::string) return "the access token is not a text";
    Secret access(body::decode(token));
    if (access.empty()) return "the access token is empty";
    if (!is_ascii_from('!', access.expose()))
        return "the access token has a character that no header may carry";

    const body::Value type = body::find(body, "token_type");
    const bool no_type = type.kind == body::Kind::absent || type.kind == body::Kind::null ||
                         (type.kind == body::Kind::string && type.raw.empty());
    if (no_type) {
        if (rules.token_type_required) return "the token endpoint's answer has no token type";
    } else if (type.kind != body::Kind::string ||
               !same_ignoring_case(body::decode(type), "bearer")) {
        return "the token type is not Bearer";
    }

    const body::Value refresh = body::find(body, "refresh_token");
    Secret renewal;
    if (refresh.kind == body::Kind::string)
        renewal = Secret(body::decode(refresh));
    else if (refresh.kind != body::Kind::absent && refresh.kind != body::Kind::null)
        return "the refresh token is not a text";
    if (!is_ascii_from(' ', renewal.expose()))
        return "the refresh token has a character outside visible ASCII";

    if (!read_expiry(body::find(body, "expires_in"), rules, answer))
        return "expires_in is not between 1 second and 10 years from now; check the clock and "
               "whether this service means a duration or a point in time";

    const body::Value scope = body::find(body, "scope");
    if (scope.kind == body::Kind::string) {
        std::string granted = body::decode(scope);
        if (!is_ascii_from(' ', granted)) return "the scope has a character outside visible ASCII";
        if (!rules.scope.empty() && granted.find_first_not_of(' ') != granted.npos) {
            if (has_scope_beyond(rules.scope, granted)) answer.scope_change = ScopeChange::narrowed;
            if (has_scope_beyond(granted, rules.scope)) {
                if (rules.is_refresh) return "the refreshed token has a wider scope than the first";
                answer.scope_change = ScopeChange::widened;
            }
        }
        answer.scope = std::move(granted);
    }
    answer.access_token = std::move(access);
    answer.refresh_token = std::move(renewal);
    return {};
}

}  // namespace detail

inline TokenAnswer read_token_answer(int http_status, std::string_view content_type,
                                     std::string_view body, const TokenRules& rules) {
    TokenAnswer answer;
    if (http_status >= 300 && http_status <= 399) {
        answer.outcome = TokenOutcome::failed;
        answer.problem = "the token endpoint answered with a redirect, which is never followed";
        return answer;
    }
    const bool is_success = http_status >= 200 && http_status <= 299;
    if (body.empty() && !is_success) {
        detail::classify_token_error(http_status, answer);
        return answer;
    }
    answer.problem = detail::unreadable(content_type, body);
    if (!answer.problem.empty()) {  // a gateway's page says nothing, but its status may
        if (detail::outcome_of_status(http_status) == TokenOutcome::failed)
            answer.outcome = TokenOutcome::failed;
        return answer;
    }

    detail::TokenErrorReader errors{body, answer};
    errors.read();
    if (errors.marked || !is_success) {
        detail::classify_token_error(http_status, answer);
        return answer;
    }
    answer.problem = detail::read_granted(body, rules, answer);
    if (answer.problem.empty()) {
        answer.outcome = TokenOutcome::granted;
    } else {
        answer.outcome = TokenOutcome::malformed;
        answer.expires_at = 0;
        answer.scope_change = ScopeChange::nothing;
    }
    return answer;
}

}  // namespace oauth
}  // namespace v0_1
}  // namespace rekey

#endif
