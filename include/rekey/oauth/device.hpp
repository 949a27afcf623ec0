// SPDX-License-Identifier: BSL-1.0
// DeviceAuthorization: a code on this screen, a decision at another, and polling in between.
#ifndef REKEY_OAUTH_DEVICE_HPP
#define REKEY_OAUTH_DEVICE_HPP

#include <rekey/authorization.hpp>
#include <rekey/body/json.hpp>
#include <rekey/facts.hpp>
#include <rekey/oauth/authorize_url.hpp>
#include <rekey/oauth/code_exchange.hpp>
#include <rekey/oauth/percent.hpp>
#include <rekey/oauth/token_response.hpp>
#include <rekey/oauth/url.hpp>
#include <rekey/secret.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

namespace rekey {
inline namespace v0_1 {
namespace oauth {

/// What the device flow asks for next. Verb out, participle in.
enum class DeviceStep : unsigned char {
    ask,    ///< Send `request()` for a device code; answer `answered`.
    show,   ///< Show `shown_request()` to the person; answer `shown`.
    wait,   ///< Let `delay` pass; answer `waited`.
    poll,   ///< Send `request()` for the token; answer `answered`.
    finish  ///< It has ended; see `outcome()`.
};
struct [[nodiscard]] DeviceAction {
    DeviceStep step = DeviceStep::finish;
    Duration delay{0};

    friend constexpr bool operator==(const DeviceAction& a, const DeviceAction& b) noexcept {
        return a.step == b.step && a.delay == b.delay;
    }
};

/// How a device flow ended. Nothing starts it again but a person.
enum class DeviceOutcome : unsigned char {
    unfinished,
    granted,
    denied,         ///< The person said no.
    refused,        ///< The service shuts the app out (`access_deny`).
    expired,        ///< The code's time is over, by our clock or the server's.
    misconfigured,  ///< The client id, the workspace, the base URL.
    failed,         ///< Another error, or the device code could not be obtained.
    malformed,      ///< An answer that is none, or an address that no person should open.
    cancelled
};

/// The device flow for one person: when to ask, what to show, when to poll. No I/O, no clock.
///
/// The first poll comes one interval after the device code, never earlier. `slow_down` adds 5
/// seconds for good, and no answer makes the interval smaller; a lost connection doubles the wait
/// (5 s, 10 s, 20 s, …) until an answer comes; so does a gateway's 502 or a 429, and Retry-After is
/// waited out. Every other error ends it, and so does `expires_in` on our own clock. The device
/// code is in the request to the token endpoint and nowhere else.
///
/// Time         `now` never jumps and decides the polling; `unix_seconds` dates the tokens.
/// Threads      one at a time
/// Source       RFC 8628 §3.1 to §3.5, §5; coze-api §3 E4, E4w, E5, §3.3
/// Example      `for (auto next = device.start(); next.step != DeviceStep::finish;) switch …`
class DeviceAuthorization {
public:
    /// `workspace_id`: consent for this workspace only (enterprise); empty for all.
    explicit DeviceAuthorization(TokenEndpoint endpoint, std::string workspace_id = {})
        : endpoint_(std::move(endpoint)), workspace_id_(std::move(workspace_id)) {}
    DeviceAuthorization(const DeviceAuthorization&) = delete;
    DeviceAuthorization& operator=(const DeviceAuthorization&) = delete;

    DeviceAction start();
    DeviceAction answered(const EndpointAnswer& answer, TimePoint now, std::int64_t unix_seconds);
    DeviceAction shown(TimePoint now);
    DeviceAction waited(TimePoint now);
    /// At any time; an outcome that is there stays.
    DeviceAction cancelled() { return finish(DeviceOutcome::cancelled, "it was cancelled"); }

    /// What to send, while the step is `ask` or `poll`. There is never an Authorization header.
    const TokenRequest& request() const noexcept { return request_; }
    /// What to show, from the step `show` on.
    const AuthorizationRequest& shown_request() const noexcept { return shown_; }

    DeviceOutcome outcome() const noexcept { return outcome_; }
    /// The tokens of `granted`, to be stored first.
    UncommittedTokens& tokens() noexcept { return tokens_; }
    /// What the endpoint said last, without its tokens and without the device code.
    const TokenAnswer& details() const noexcept { return details_; }
    /// One sentence for people.
    std::string_view problem() const noexcept { return problem_; }

    static constexpr std::int64_t default_interval = 5;      ///< Seconds; RFC 8628 §3.2.
    static constexpr std::int64_t default_expires_in = 300;  ///< Seconds; documented by Coze.
    static constexpr std::int64_t slow_down_step = 5;        ///< Seconds; RFC 8628 §3.5.

private:
    DeviceAction read_device_code(const EndpointAnswer& answer, TimePoint now,
                                  std::int64_t unix_seconds);
    std::string_view read_code(std::string_view body, std::int64_t unix_seconds);
    DeviceAction read_poll(const EndpointAnswer& answer, TimePoint now, std::int64_t unix_seconds);
    DeviceAction poll_after(Duration wait, TimePoint now);
    DeviceAction wait_on(TimePoint now);
    DeviceAction finish(DeviceOutcome outcome, std::string_view problem);
    DeviceAction finish_as_answered();

    TokenEndpoint endpoint_;
    std::string workspace_id_;
    TokenRequest request_{};
    AuthorizationRequest shown_{};
    Duration interval_{0};
    Duration wait_{0};  // never below the interval
    Duration expires_in_{0};
    TimePoint wake_{};
    TimePoint deadline_{};
    DeviceStep step_ = DeviceStep::finish;
    bool started_ = false;
    DeviceOutcome outcome_ = DeviceOutcome::unfinished;
    UncommittedTokens tokens_{};
    TokenAnswer details_{};
    std::string problem_{};
};

namespace detail {

inline constexpr std::size_t longest_user_code = 64;
inline constexpr std::size_t longest_device_code = 2048;

/// The address with the code as a parameter, in front of a fragment.
inline std::string with_user_code(std::string_view uri, std::string_view user_code) {
    const std::size_t hash = uri.find('#');
    std::string url(uri.substr(0, hash));
    url += url.find('?') == std::string::npos ? '?' : '&';
    url += "user_code=" + percent_encode(user_code);
    if (hash != uri.npos) url.append(uri.substr(hash));
    return url;
}

/// A text, or a whole number as it stands; empty for anything else.
inline std::string text_or_number(const body::Value& value, std::size_t longest) {
    const bool is_number = value.kind == body::Kind::integer || value.kind == body::Kind::number;
    if (value.kind != body::Kind::string && !is_number) return {};
    if (is_number && value.raw.find_first_not_of("0123456789") != value.raw.npos) return {};
    return cleaned(body::decode(value), longest);
}

/// An `interval` in whole seconds, never less than it says: 7.5 is 8, what no integer holds is
/// `longest_lifetime`. Below 1 for less than a second, and 0 for what is no number.
inline std::int64_t whole_seconds(const body::Value& value) noexcept {
    if (value.kind != body::Kind::number || value.raw.front() == '-') return value.integer;
    double seconds = 0;
    double place = 1;
    bool in_fraction = false;
    const char* at = value.raw.data();
    const char* const last = at + value.raw.size();
    for (; at != last && (*at | 0x20) != 'e'; ++at) {
        if (*at == '.') {
            in_fraction = true;
            continue;
        }
        seconds = seconds * 10 + (*at - '0');
        if (in_fraction) place *= 10;
    }
    int exponent = 0;
    const bool is_small = last - at > 1 && at[1] == '-';
    for (; at != last; ++at)
        if (is_digit(*at) && exponent < 400) exponent = exponent * 10 + (*at - '0');
    for (; exponent > 0; --exponent) (is_small ? place : seconds) *= 10;
    if (seconds >= place * static_cast<double>(longest_lifetime)) return longest_lifetime;
    const auto whole = static_cast<std::int64_t>(seconds / place);
    return whole > 0 && static_cast<double>(whole) * place < seconds ? whole + 1 : whole;
}

/// Answers that say nothing about the authorization: a gateway's, or "too many requests".
inline bool is_passing_poll(int status, const TokenAnswer& answer) noexcept {
    if (answer.outcome != TokenOutcome::failed || !answer.error_word.empty()) return false;
    return status == 408 || status == 425 || status == 429 || status == 502 || status == 503 ||
           status == 504 || (answer.has_service_code && is_passing_code(answer.service_code));
}

}  // namespace detail

inline DeviceAction DeviceAuthorization::start() {
    if (std::exchange(started_, true)) return {};
    if (!workspace_id_.empty() && !is_path_id(workspace_id_))
        return finish(DeviceOutcome::misconfigured,
                      "the workspace id holds a character that no id has");
    std::string path = "/api/permission/oauth2/";
    if (!workspace_id_.empty())
        path += "workspace_id/" + percent_encode_segment(workspace_id_) + "/";
    path += "device/code";
    request_ = detail::json_request(endpoint_, path, [&](body::JsonWriter& writer) {
        writer.member("client_id", endpoint_.client_id);
    });
    if (!request_.problem.empty()) return finish(DeviceOutcome::misconfigured, request_.problem);
    step_ = DeviceStep::ask;
    return {step_, Duration{0}};
}

inline DeviceAction DeviceAuthorization::answered(const EndpointAnswer& answer, TimePoint now,
                                                  std::int64_t unix_seconds) {
    if (step_ == DeviceStep::ask) return read_device_code(answer, now, unix_seconds);
    if (step_ == DeviceStep::poll) return read_poll(answer, now, unix_seconds);
    return wait_on(now);
}

inline DeviceAction DeviceAuthorization::shown(TimePoint now) {
    if (step_ == DeviceStep::show) step_ = DeviceStep::wait;
    return waited(now);
}

inline DeviceAction DeviceAuthorization::waited(TimePoint now) {
    if (step_ != DeviceStep::wait) return wait_on(now);
    if (now >= deadline_)
        return finish(DeviceOutcome::expired, "nobody authorized before the code expired");
    if (now < wake_) return wait_on(now);
    step_ = DeviceStep::poll;
    return {step_, Duration{0}};
}

/// The present step once more, for a driver that answered out of turn.
inline DeviceAction DeviceAuthorization::wait_on(TimePoint now) {
    const Duration left = wake_ - now;
    return {step_, step_ == DeviceStep::wait && left.count() > 0 ? left : Duration{0}};
}

inline DeviceAction DeviceAuthorization::poll_after(Duration wait, TimePoint now) {
    const Duration longest = now < deadline_ ? deadline_ - now : Duration{0};
    wake_ = now + (wait < longest ? wait : longest);  // at the deadline it ends without a poll
    step_ = DeviceStep::wait;
    return wait_on(now);
}

inline DeviceAction DeviceAuthorization::finish(DeviceOutcome outcome, std::string_view problem) {
    started_ = true;
    step_ = DeviceStep::finish;
    if (outcome_ == DeviceOutcome::unfinished) {
        outcome_ = outcome;
        problem_ = std::string(problem);
    }
    request_ = TokenRequest{};
    return {};
}

/// An error that ends the flow: what it means follows from what was read.
inline DeviceAction DeviceAuthorization::finish_as_answered() {
    switch (details_.outcome) {
        case TokenOutcome::refused:
            return finish(details_.error_word == "access_denied" ? DeviceOutcome::denied
                                                                 : DeviceOutcome::refused,
                          details_.problem);
        case TokenOutcome::misconfigured:
            if (details_.error_word == "expired_token")
                return finish(DeviceOutcome::expired, "nobody authorized before the code expired");
            return finish(DeviceOutcome::misconfigured, details_.problem);
        case TokenOutcome::malformed: return finish(DeviceOutcome::malformed, details_.problem);
        case TokenOutcome::granted:
        case TokenOutcome::failed: break;
    }
    return finish(DeviceOutcome::failed, details_.problem);
}

inline DeviceAction DeviceAuthorization::read_device_code(const EndpointAnswer& answer,
                                                          TimePoint now,
                                                          std::int64_t unix_seconds) {
    if (answer.reach != Reach::answered)
        return finish(DeviceOutcome::failed, "no device code: the endpoint could not be reached");
    details_ = TokenAnswer{};
    const bool is_success = answer.status >= 200 && answer.status <= 299;
    if (is_success) details_.problem = detail::unreadable(answer.content_type, answer.body);
    if (!is_success || !details_.problem.empty()) {
        if (!is_success)
            details_ = read_token_answer(answer.status, answer.content_type, answer.body, {});
        return finish_as_answered();
    }
    detail::TokenErrorReader errors{answer.body, details_};
    errors.read();
    if (errors.marked) {
        detail::classify_token_error(answer.status, details_);
        return finish_as_answered();
    }
    const std::string_view problem = read_code(answer.body, unix_seconds);
    if (!problem.empty()) return finish(DeviceOutcome::malformed, problem);
    deadline_ = now + expires_in_;
    wait_ = interval_;
    (void)poll_after(wait_, now);  // counted from the answer, however long showing takes
    step_ = DeviceStep::show;
    return {step_, Duration{0}};
}

/// Takes over a device code answer; a sentence if it cannot be used.
inline std::string_view DeviceAuthorization::read_code(std::string_view body,
                                                       std::int64_t unix_seconds) {
    const body::Value code = body::find(body, "device_code");
    Secret device_code;
    if (code.kind == body::Kind::string) device_code = Secret(body::decode(code));
    if (device_code.empty() || device_code.size() > detail::longest_device_code ||
        !detail::is_ascii_from('!', device_code.expose()))
        return "the answer has no usable device code";

    const std::string user_code =
        detail::text_or_number(body::find(body, "user_code"), detail::longest_user_code);
    if (user_code.empty()) return "the answer has no user code";

    const body::Value uri = body::find(body, "verification_uri");
    const std::string page = uri.kind == body::Kind::string ? body::decode(uri) : std::string();
    const Url url = parse_url(page);
    if (!url || page.size() > 2048 || !detail::is_ascii_from('!', page))
        return "the answer has no address that a person could open";
    if (!allowed_for_secrets(url)) return "the address to open is neither https nor on loopback";

    const body::Value expires_in = body::find(body, "expires_in");
    std::int64_t lifetime = default_expires_in;
    if (expires_in.kind == body::Kind::integer)
        lifetime = expires_in.integer;
    else if (expires_in.kind != body::Kind::absent && expires_in.kind != body::Kind::null)
        lifetime = 0;
    if (lifetime < 1 || lifetime > detail::longest_lifetime)
        return "expires_in is not a duration between 1 second and 10 years";

    std::int64_t pause = detail::whole_seconds(body::find(body, "interval"));
    if (pause < 1) pause = default_interval;
    if (pause > lifetime) pause = lifetime;
    interval_ = std::chrono::seconds{pause};
    expires_in_ = std::chrono::seconds{lifetime};

    shown_.url = detail::with_user_code(page, user_code);
    shown_.page = page;
    shown_.user_code = user_code;
    shown_.expires_at = unix_seconds + lifetime;
    request_ = detail::json_request(
        endpoint_, "/api/permission/oauth2/token", [&](body::JsonWriter& writer) {
            writer.member("grant_type", "urn:ietf:params:oauth:grant-type:device_code");
            writer.member("client_id", endpoint_.client_id);
            writer.member("device_code", device_code.expose());
        });
    request_.sent_secret = std::move(device_code);
    return {};
}

inline DeviceAction DeviceAuthorization::read_poll(const EndpointAnswer& answer, TimePoint now,
                                                   std::int64_t unix_seconds) {
    const auto doubled = [this] {
        return wait_ < expires_in_ ? 2 * wait_ : wait_;  // beyond expires_in it ends anyway
    };
    if (answer.reach != Reach::answered) {
        if (answer.lasting)
            return finish(DeviceOutcome::failed, "the token endpoint could not be reached");
        wait_ = doubled();
        return poll_after(wait_, now);
    }
    TokenSet tokens = detail::read_tokens(answer, unix_seconds, request_, details_);
    if (details_.outcome == TokenOutcome::granted) {
        tokens_ = UncommittedTokens{std::move(tokens)};
        return finish(DeviceOutcome::granted, {});
    }
    const bool is_pending = details_.error_word == "authorization_pending";
    const bool is_too_fast = details_.error_word == "slow_down";
    if (is_pending || is_too_fast) {
        if (is_too_fast) interval_ += std::chrono::seconds{slow_down_step};
        const std::int64_t asked = detail::whole_seconds(body::find(answer.body, "interval"));
        const Duration longest = expires_in_;  // no later poll would be sent
        const Duration wanted = asked < longest / std::chrono::seconds{1}
                                    ? Duration{std::chrono::seconds{asked < 0 ? 0 : asked}}
                                    : longest;
        if (wanted > interval_) interval_ = wanted;  // never lower
        wait_ = interval_;
    } else if (detail::is_passing_poll(answer.status, details_)) {
        wait_ = doubled();
    } else {
        return finish_as_answered();
    }
    return poll_after(answer.retry_after > wait_ ? answer.retry_after : wait_, now);
}

}  // namespace oauth
}  // namespace v0_1
}  // namespace rekey

#endif
