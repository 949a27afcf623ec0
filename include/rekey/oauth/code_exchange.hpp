// SPDX-License-Identifier: BSL-1.0
// code_exchange: an authorization code or a refresh token for a token, and what may be sent twice.
#ifndef REKEY_OAUTH_CODE_EXCHANGE_HPP
#define REKEY_OAUTH_CODE_EXCHANGE_HPP

#include <rekey/body/json_writer.hpp>
#include <rekey/credential.hpp>
#include <rekey/detail/cut_parts.hpp>
#include <rekey/facts.hpp>
#include <rekey/http.hpp>
#include <rekey/oauth/client_authentication.hpp>
#include <rekey/oauth/edit_url.hpp>
#include <rekey/oauth/token_response.hpp>
#include <rekey/oauth/url.hpp>
#include <rekey/secret.hpp>

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

namespace rekey {
inline namespace v0_1 {
namespace oauth {

/// Whose token endpoint, and for which OAuth app.
struct TokenEndpoint {
    std::string base{};  ///< `https://api.coze.com`; http on loopback only.
    std::string client_id{};
    bool allow_http = false;  ///< An http base outside loopback: everyone on the way reads it.
};

namespace detail {
/// The token endpoint that the options of a flow name.
template <class Options> TokenEndpoint token_endpoint(const Options& options) {
    TokenEndpoint endpoint;
    endpoint.base = options.base;
    endpoint.client_id = options.client_id;
    endpoint.allow_http = options.allow_http;
    return endpoint;
}
}  // namespace detail

/// What is sent to a token endpoint: a request, its Authorization value (empty: no such header), or
/// the sentence why there is none. Its body holds secrets and is wiped when it is dropped.
struct TokenRequest {
    HttpRequest http{};
    Secret authorization{};
    std::string problem{};
    Secret sent_secret{};    ///< The code or token in the body: never part of a text.
    Secret sent_verifier{};  ///< The same for the PKCE verifier.

    TokenRequest() = default;
    TokenRequest(TokenRequest&&) = default;
    TokenRequest& operator=(TokenRequest&& other) {
        rekey::detail::wipe(http.body);  // a string that is assigned to keeps its old bytes
        http = std::move(other.http);
        authorization = std::move(other.authorization);
        problem = std::move(other.problem);
        sent_secret = std::move(other.sent_secret);
        sent_verifier = std::move(other.sent_verifier);
        return *this;
    }
    ~TokenRequest() { rekey::detail::wipe(http.body); }
};

/// What came back for a token request. Views: they live as long as the caller's texts.
struct EndpointAnswer {
    Reach reach = Reach::answered;  ///< Anything else: there is no answer.
    int status = 0;
    std::string_view content_type{};
    std::string_view body{};
    Duration retry_after{0};  ///< The server's hint; zero without one.
    bool lasting = false;     ///< Without an answer: another attempt meets the same.
};

/// The request that turns a code into a token (E2, E3).
///
/// `redirect_uri`    byte for byte the one of the authorization URL: take it from the record.
/// `verifier`        of the record; empty without PKCE, which a public client cannot do without.
/// Authentication    `ClientSecretBearer` (web) or `PublicClient` (PKCE).
/// Source            RFC 6749 §4.1.3; RFC 7636 §4.5; coze-api §3, §3.1
template <class Authentication>
TokenRequest code_request(const TokenEndpoint& endpoint, const Authentication& authentication,
                          const Secret& code, std::string_view redirect_uri,
                          const Secret& verifier);

/// The request that turns a refresh token into new tokens (E9).
///
/// Source            RFC 6749 §6; coze-api §3
template <class Authentication>
TokenRequest refresh_request(const TokenEndpoint& endpoint, const Authentication& authentication,
                             const Secret& refresh_token);

/// The tokens of one user.
struct TokenSet {
    Secret access_token{};
    Secret refresh_token{};       ///< Empty: the service gave none.
    std::int64_t expires_at = 0;  ///< Unix time in seconds, of the access token.
    std::string scope{};          ///< As reported; empty if it was not.
};

/// New tokens that nobody may use before they are stored: if the process died in between, the old
/// refresh token would be spent and the new one lost.
///
/// Source       RFC 9700 §2.2.2, §4.14
/// Example      `const TokenSet* tokens = fresh.commit([&](const TokenSet& set) { … return true;
/// });`
class UncommittedTokens {
public:
    UncommittedTokens() = default;
    explicit UncommittedTokens(TokenSet tokens) : tokens_(std::move(tokens)), has_tokens_(true) {}

    /// Whether there are tokens, committed or not.
    explicit operator bool() const noexcept { return has_tokens_; }

    /// Hands the tokens to `store` and, if that says true, to the caller; null otherwise, and then
    /// it may be tried again. The tokens live as long as this object.
    template <class Store> [[nodiscard]] const TokenSet* commit(Store&& store) {
        constexpr bool fits = std::is_invocable_r_v<bool, Store&, const TokenSet&>;
        static_assert(fits,
                      "rekey: tokens are stored before they are used; commit takes a callable "
                      "bool(const rekey::oauth::TokenSet&) that returns true once they are "
                      "durable.");
        if constexpr (fits) {
            if (has_tokens_ && !committed_) committed_ = store(std::as_const(tokens_));
            return committed_ ? &tokens_ : nullptr;
        } else {
            return nullptr;
        }
    }

private:
    TokenSet tokens_{};
    bool has_tokens_ = false;
    bool committed_ = false;
};

/// What an exchange asks for next: one send after `delay`, or nothing more.
enum class ExchangeStep : unsigned char { send, finish };
struct [[nodiscard]] ExchangeAction {
    ExchangeStep step = ExchangeStep::finish;
    Duration delay{0};

    friend constexpr bool operator==(const ExchangeAction& a, const ExchangeAction& b) noexcept {
        return a.step == b.step && a.delay == b.delay;
    }
};

/// How often a request that never left this machine is tried, and the wait before the second try;
/// it doubles after that: 200 ms, 400 ms.
inline constexpr int exchange_sends = 3;
inline constexpr Duration first_exchange_delay = std::chrono::milliseconds{200};

/// What may go out twice: nothing. Only a request that never left is tried again.
///
/// Source       RFC 6749 §4.1.2; RFC 9110 §9.2.2
struct SentOnce {
    static constexpr bool repeats_unknown(std::int64_t) noexcept { return false; }
};

/// The server still takes a rotated refresh token for so many seconds and answers its successor: a
/// request without an answer is then sent once more, within that time from its first send.
///
/// Only what the server documents counts. Coze documents none.
template <std::int64_t Seconds> struct AsGrace {
    static_assert(Seconds > 0,
                  "rekey: AsGrace<seconds> is how long the server still takes a rotated refresh "
                  "token; write at least 1, or leave it out.");
    static constexpr bool repeats_unknown(std::int64_t since_first_send) noexcept {
        return since_first_send >= 0 && since_first_send < Seconds;
    }
};

/// Seconds after which a code is not sent any more.
///
/// Source       RFC 6749 §4.1.2
inline constexpr std::int64_t oldest_code = 600;

/// How the exchange of a code ended.
enum class CodeOutcome : unsigned char {
    granted,
    refused,        ///< `access_deny`: the app is disabled, or the session is gone.
    code_rejected,  ///< The code, the verifier or the redirect URI: used, expired, not this one.
    misconfigured,  ///< The client: the id, the secret, the base URL. Authorizing does not help.
    not_sent,       ///< It never left this machine.
    unknown,        ///< It left and no answer came: the code counts as used.
    failed,         ///< The endpoint failed or answered nonsense: the code counts as used.
    too_old         ///< The code was too old to be sent.
};

/// Whether a new authorization by the person is the way on.
constexpr bool needs_authorization(CodeOutcome outcome) noexcept {
    return outcome == CodeOutcome::code_rejected || outcome == CodeOutcome::not_sent ||
           outcome == CodeOutcome::unknown || outcome == CodeOutcome::failed ||
           outcome == CodeOutcome::too_old;
}

/// Exchanges one code: says when to send, and how it ended. No I/O, no clock.
///
/// A code goes out once. No answer, an error and a redirect all end it; only a request that never
/// left is tried again, while the code is young. It cannot be copied, for the copy would send too.
///
/// Threads      one at a time
/// Source       RFC 6749 §4.1.2; RFC 9110 §9.2.2
/// Example      `for (auto next = exchange.start(now); next.step == ExchangeStep::send;)
///                   next = exchange.answered(send(exchange.request(), next.delay), now);`
class CodeExchange {
public:
    /// `received_at`: Unix time in seconds at which the callback brought the code.
    CodeExchange(TokenRequest request, std::int64_t received_at)
        : request_(std::move(request)), received_at_(received_at) {}
    CodeExchange(const CodeExchange&) = delete;
    CodeExchange& operator=(const CodeExchange&) = delete;

    /// The first step. A second call sends nothing.
    ExchangeAction start(std::int64_t unix_seconds);

    /// The answer to a `send`. Without one, nothing happens.
    ExchangeAction answered(const EndpointAnswer& answer, std::int64_t unix_seconds);

    /// What to send, while the step is `send`.
    const TokenRequest& request() const noexcept { return request_; }

    CodeOutcome outcome() const noexcept { return outcome_; }
    /// The tokens of `granted`, to be stored first.
    UncommittedTokens& tokens() noexcept { return tokens_; }
    /// What the endpoint said, without its tokens and without the code.
    const TokenAnswer& details() const noexcept { return details_; }
    /// One sentence for people.
    std::string_view problem() const noexcept {
        return request_.problem.empty() ? details_.problem : std::string_view(request_.problem);
    }

private:
    ExchangeAction send_after(Duration delay, std::int64_t unix_seconds);
    ExchangeAction finish(CodeOutcome outcome, std::string_view problem = {});

    TokenRequest request_;
    std::int64_t received_at_;
    int sends_ = 0;
    bool in_flight_ = false;
    CodeOutcome outcome_ = CodeOutcome::not_sent;
    UncommittedTokens tokens_{};
    TokenAnswer details_{};
};

/// How a refresh ended: all that the record of the refresh token has to know.
enum class RefreshOutcome : unsigned char {
    ok,        ///< New tokens: store them before anyone uses them.
    refused,   ///< The server does not take it; see `Refusal`.
    not_sent,  ///< It never left, or the server said that it did not act (429, 503): still good.
    unknown    ///< It left and nobody knows what the server did: not to be sent again.
};

/// What a refused refresh means.
enum class Refusal : unsigned char {
    nothing,
    grant,  ///< The refresh token is used, expired or unknown: read the store again (another
            ///< process may have won), and only then ask the person.
    client  ///< The app's settings are wrong; the refresh token may still be good.
};

/// Refreshes tokens once: says when to send, and how it ended. No I/O, no clock.
///
/// `Repeats`    `SentOnce`, or `AsGrace<seconds>` if the server documents one.
/// Threads      one at a time
/// Source       RFC 6749 §6; RFC 9700 §4.14
template <class Repeats = SentOnce> class RefreshExchange {
public:
    explicit RefreshExchange(TokenRequest request) : request_(std::move(request)) {}
    RefreshExchange(const RefreshExchange&) = delete;
    RefreshExchange& operator=(const RefreshExchange&) = delete;

    ExchangeAction start(std::int64_t unix_seconds);
    ExchangeAction answered(const EndpointAnswer& answer, std::int64_t unix_seconds);

    const TokenRequest& request() const noexcept { return request_; }
    RefreshOutcome outcome() const noexcept { return outcome_; }
    Refusal refusal() const noexcept { return refusal_; }
    /// Whether a new authorization by the person is the way on.
    bool needs_authorization() const noexcept {
        return refusal_ == Refusal::grant || outcome_ == RefreshOutcome::unknown;
    }
    /// The tokens of `ok`, to be stored first. An answer without a refresh token keeps the old one.
    UncommittedTokens& tokens() noexcept { return tokens_; }
    /// What the endpoint said, without its tokens and without ours.
    const TokenAnswer& details() const noexcept { return details_; }
    /// One sentence for people.
    std::string_view problem() const noexcept {
        return request_.problem.empty() ? details_.problem : std::string_view(request_.problem);
    }

private:
    ExchangeAction send_after(Duration delay);
    ExchangeAction finish(RefreshOutcome outcome, std::string_view problem = {});

    TokenRequest request_;
    std::int64_t first_sent_at_ = 0;
    int sends_ = 0;
    bool in_flight_ = false;
    bool is_unknown_ = false;  // a send went out and was not answered
    RefreshOutcome outcome_ = RefreshOutcome::not_sent;
    Refusal refusal_ = Refusal::nothing;
    UncommittedTokens tokens_{};
    TokenAnswer details_{};
};

namespace detail {

template <class Authentication>
inline constexpr bool is_coze_authentication = std::is_same_v<Authentication, ClientSecretBearer> ||
                                               std::is_same_v<Authentication, PublicClient>;

inline std::string problem_of(const TokenEndpoint& endpoint) {
    if (const JoinedUrl url = join(endpoint.base, "/"); !url)
        return "the API base: " + std::string(sentence(url.error));
    if (!endpoint.allow_http && !allowed_for_secrets(parse_url(endpoint.base)))
        return "the API base is http outside loopback: everyone on the way could read the token; "
               "use https";
    if (endpoint.client_id.empty()) return "the client id of the OAuth app is empty";
    return {};
}

/// A POST with the members that `write` adds behind the client id.
template <class Write>
TokenRequest json_request(const TokenEndpoint& endpoint, std::string_view path, Write&& write) {
    TokenRequest request;
    request.problem = problem_of(endpoint);
    if (!request.problem.empty()) return request;
    JoinedUrl url = join(endpoint.base, path);
    if (!url) {
        request.problem = "the API base: " + std::string(sentence(url.error));
        return request;
    }
    body::JsonWriter writer;
    writer.object_begin();
    write(writer);
    writer.object_end();
    request.http.method = "POST";
    request.http.url = std::move(url.text);
    request.http.headers = {{"Content-Type", "application/json"}};
    request.http.body = std::move(writer).text();
    if (request.http.body.empty()) request.problem = "a value of the token request is not UTF-8";
    return request;
}

template <class Authentication, class Write>
TokenRequest token_request(const TokenEndpoint& endpoint, const Authentication& authentication,
                           Write&& write) {
    constexpr bool fits = is_coze_authentication<Authentication>;
    static_assert(fits,
                  "rekey: Coze's token endpoint takes ClientSecretBearer (an app with a secret) or "
                  "PublicClient (PKCE, device).");
    if constexpr (fits) {
        TokenRequest request = json_request(endpoint, "/api/permission/oauth2/token", write);
        if (!request.problem.empty()) return request;
        request.authorization = authentication.authorization();
        request.problem = std::string(problem_with_authorization(request.authorization));
        return request;
    } else {
        return {};
    }
}

/// Cuts what we sent, and pieces of it, out of what is said about it: a service may quote the code
/// that it refuses.
inline void withhold(const TokenRequest& request, std::string& text) {
    rekey::detail::cut_out_credential(text, request.authorization.expose());
    for (const std::string_view secret :
         {request.sent_secret.expose(), request.sent_verifier.expose()})
        rekey::detail::cut_out_parts(text, secret);
}

/// Reads the answer; the tokens are moved out of it.
inline TokenSet read_tokens(const EndpointAnswer& answer, std::int64_t unix_seconds,
                            const TokenRequest& request, TokenAnswer& details,
                            bool takes_expired = false) {
    TokenRules rules;
    rules.now = unix_seconds;
    rules.takes_expired = takes_expired;
    details = read_token_answer(answer.status, answer.content_type, answer.body, rules);
    for (std::string* text : {&details.message, &details.error_word, &details.log_id})
        withhold(request, *text);
    TokenSet tokens;
    tokens.access_token = std::move(details.access_token);
    tokens.refresh_token = std::move(details.refresh_token);
    tokens.expires_at = details.expires_at;
    tokens.scope = details.scope;
    return tokens;
}

/// Whether a word says that the code or refresh token is bad: the person has to authorize again.
constexpr bool blames_grant(std::string_view word) noexcept {
    return word == "invalid_grant" || word == "invalid_request" || word == "expired_token";
}

/// 200 ms before the second send, 400 ms before the third.
constexpr Duration delay_before(int send) noexcept {
    Duration delay = first_exchange_delay;
    for (int i = 2; i < send; ++i) delay *= 2;
    return delay;
}

}  // namespace detail

template <class Authentication>
TokenRequest code_request(const TokenEndpoint& endpoint, const Authentication& authentication,
                          const Secret& code, std::string_view redirect_uri,
                          const Secret& verifier) {
    TokenRequest request =
        detail::token_request(endpoint, authentication, [&](body::JsonWriter& writer) {
            writer.member("grant_type", "authorization_code");
            writer.member("client_id", endpoint.client_id);
            writer.member("code", code.expose());
            writer.member("redirect_uri", redirect_uri);
            if (!verifier.empty()) writer.member("code_verifier", verifier.expose());
        });
    request.sent_secret = code;
    request.sent_verifier = verifier;
    if (!request.problem.empty()) return request;
    if (code.empty())
        request.problem = "there is no authorization code";
    else if (redirect_uri.empty())
        request.problem = "the redirect URI is empty";
    else if (verifier.empty() && std::is_same_v<Authentication, PublicClient>)
        request.problem = "a client without a secret needs PKCE, and there is no verifier";
    return request;
}

template <class Authentication>
TokenRequest refresh_request(const TokenEndpoint& endpoint, const Authentication& authentication,
                             const Secret& refresh_token) {
    TokenRequest request =
        detail::token_request(endpoint, authentication, [&](body::JsonWriter& writer) {
            writer.member("grant_type", "refresh_token");
            writer.member("client_id", endpoint.client_id);
            writer.member("refresh_token", refresh_token.expose());
        });
    request.sent_secret = refresh_token;
    if (request.problem.empty() && refresh_token.empty())
        request.problem = "there is no refresh token";
    return request;
}

inline ExchangeAction CodeExchange::start(std::int64_t unix_seconds) {
    if (sends_ != 0 || in_flight_) return {};
    if (!request_.problem.empty()) return finish(CodeOutcome::misconfigured);
    return send_after(Duration{0}, unix_seconds);
}

inline ExchangeAction CodeExchange::send_after(Duration delay, std::int64_t unix_seconds) {
    const std::int64_t waits = delay.count() == 0 ? 0 : 1;  // all delays are below a second
    if (unix_seconds + waits - received_at_ >= oldest_code)
        return finish(CodeOutcome::too_old, "the authorization code is older than 10 minutes");
    ++sends_;
    in_flight_ = true;
    return {ExchangeStep::send, delay};
}

inline ExchangeAction CodeExchange::finish(CodeOutcome outcome, std::string_view problem) {
    outcome_ = outcome;
    if (!problem.empty()) details_.problem = problem;
    sends_ = exchange_sends;  // whatever is called from here on, nothing is sent
    in_flight_ = false;
    rekey::detail::wipe(request_.http.body);
    return {};
}

inline ExchangeAction CodeExchange::answered(const EndpointAnswer& answer,
                                             std::int64_t unix_seconds) {
    if (!in_flight_) return {};
    in_flight_ = false;
    if (answer.reach == Reach::never_sent) {
        if (sends_ < exchange_sends && !answer.lasting)
            return send_after(detail::delay_before(sends_ + 1), unix_seconds);
        return finish(CodeOutcome::not_sent, "the token endpoint could not be reached");
    }
    if (answer.reach != Reach::answered)
        return finish(CodeOutcome::unknown,
                      "the token endpoint did not answer; the authorization code counts as used");
    TokenSet tokens = detail::read_tokens(answer, unix_seconds, request_, details_);
    switch (details_.outcome) {
        case TokenOutcome::granted:
            tokens_ = UncommittedTokens{std::move(tokens)};
            return finish(CodeOutcome::granted);
        case TokenOutcome::refused: return finish(CodeOutcome::refused);
        case TokenOutcome::misconfigured:
            return finish(detail::blames_grant(details_.error_word) ? CodeOutcome::code_rejected
                                                                    : CodeOutcome::misconfigured);
        case TokenOutcome::failed:
        case TokenOutcome::malformed: break;
    }
    return finish(CodeOutcome::failed);
}

template <class Repeats> ExchangeAction RefreshExchange<Repeats>::start(std::int64_t unix_seconds) {
    if (sends_ != 0 || in_flight_) return {};
    if (!request_.problem.empty()) {
        refusal_ = Refusal::client;
        return finish(RefreshOutcome::refused);
    }
    first_sent_at_ = unix_seconds;
    return send_after(Duration{0});
}

template <class Repeats> ExchangeAction RefreshExchange<Repeats>::send_after(Duration delay) {
    ++sends_;
    in_flight_ = true;
    return {ExchangeStep::send, delay};
}

template <class Repeats>
ExchangeAction RefreshExchange<Repeats>::finish(RefreshOutcome outcome, std::string_view problem) {
    // Once a send is lost, a later one that did not arrive proves nothing about it.
    outcome_ =
        outcome == RefreshOutcome::not_sent && is_unknown_ ? RefreshOutcome::unknown : outcome;
    if (!problem.empty()) details_.problem = problem;
    sends_ = exchange_sends;
    in_flight_ = false;
    rekey::detail::wipe(request_.http.body);
    return {};
}

template <class Repeats>
ExchangeAction RefreshExchange<Repeats>::answered(const EndpointAnswer& answer,
                                                  std::int64_t unix_seconds) {
    if (!in_flight_) return {};
    in_flight_ = false;
    if (answer.reach == Reach::never_sent) {
        if (sends_ < exchange_sends && !answer.lasting && !is_unknown_)
            return send_after(detail::delay_before(sends_ + 1));
        return finish(RefreshOutcome::not_sent, "the token endpoint could not be reached");
    }
    if (answer.reach != Reach::answered) {
        const bool is_second = std::exchange(is_unknown_, true);
        if (!is_second && Repeats::repeats_unknown(unix_seconds - first_sent_at_))
            return send_after(Duration{0});
        return finish(RefreshOutcome::unknown,
                      "the token endpoint did not answer; the refresh token may be used up");
    }
    // By the time of the sending: an answer that was slower than its access token lives, or came to
    // a machine that slept, still brings the only refresh token that is good. So does one that is
    // over by a clock ahead of the server's.
    TokenSet tokens = detail::read_tokens(answer, first_sent_at_, request_, details_, true);
    switch (details_.outcome) {
        case TokenOutcome::granted:
            if (tokens.refresh_token.empty()) tokens.refresh_token = request_.sent_secret;
            tokens_ = UncommittedTokens{std::move(tokens)};
            return finish(RefreshOutcome::ok);
        case TokenOutcome::refused:  // the session is gone, or the app off: the consent page tells
            refusal_ = Refusal::grant;
            return finish(RefreshOutcome::refused);
        case TokenOutcome::misconfigured:
            refusal_ = detail::blames_grant(details_.error_word) ? Refusal::grant : Refusal::client;
            return finish(RefreshOutcome::refused);
        case TokenOutcome::failed:
            if (answer.status == 429 || answer.status == 503)
                return finish(RefreshOutcome::not_sent);
            break;
        case TokenOutcome::malformed: break;
    }
    return finish(RefreshOutcome::unknown);
}

}  // namespace oauth
}  // namespace v0_1
}  // namespace rekey

#endif
