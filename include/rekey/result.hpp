// SPDX-License-Identifier: BSL-1.0
// Result: how a call ended, why, and the trail of attempts.
#ifndef REKEY_RESULT_HPP
#define REKEY_RESULT_HPP

#include <rekey/authorization.hpp>
#include <rekey/detail/foreign_text.hpp>
#include <rekey/detail/maybe.hpp>
#include <rekey/trail.hpp>

#include <cassert>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

namespace rekey {
inline namespace v0_1 {

/// What went wrong, for a program to decide by. More are added at the end.
enum class ErrorKind : unsigned char {
    refused,               ///< Every credential was refused.
    not_found,             ///< Absent for every credential.
    rate_limited,          ///< Too many requests.
    quota_exhausted,       ///< Money or quota is used up.
    transient,             ///< The service failed; trying later may help.
    permanent,             ///< The request is wrong.
    transport,             ///< No whole answer came.
    malformed_response,    ///< The answer is not what the service promises.
    exchange_failed,       ///< No token could be obtained.
    configuration,         ///< A credential or a setting cannot work; nothing useful was sent.
    authorization_needed,  ///< The user must authorize; the result can be resumed.
    authorization_denied,  ///< The user refused.
    cancelled              ///< The caller cancelled.
};

/// `refused`, `not_found`, …: the enumerator's own spelling.
std::string_view to_string(ErrorKind kind) noexcept;
/// `success`, `remedies_used_up`, …: the enumerator's own spelling.
std::string_view to_string(StopReason reason) noexcept;

template <class Response> class Result;

namespace detail {

/// Decodes a text of a refused response when somebody asks for it.
template <class Response> struct Decoders {
    std::string (*message)(const Response&);
    std::string (*log_id)(const Response&);
};

/// What a user has to open, beside the few results that ask for it: code that asks no user has none
/// to destroy it either.
class AskedOfUser {
public:
    AskedOfUser() = default;
    AskedOfUser(const AskedOfUser&) = delete;
    AskedOfUser& operator=(const AskedOfUser&) = delete;
    ~AskedOfUser() {
        if (request_ != nullptr) destroy_(request_);
    }
    void set(AuthorizationRequest&& request) {
        const auto* const made = new AuthorizationRequest(std::move(request));
        if (request_ != nullptr) destroy_(request_);
        request_ = made;
        destroy_ = [](const AuthorizationRequest* kept) { delete kept; };
    }
    const AuthorizationRequest* get() const noexcept { return request_; }

private:
    const AuthorizationRequest* request_ = nullptr;
    void (*destroy_)(const AuthorizationRequest*) = nullptr;
};

/// Texts that were not in a response. Few calls have any, so they live behind one pointer.
struct Words {
    std::string note{};
    std::string log_id{};
    AskedOfUser authorization{};
    Shared<Names::Owned> names{};  // keeps a name alive that was made at run time
};

struct ErrorText;
std::string describe(const ErrorText& error);

/// What `describe` puts into words.
struct ErrorText {
    ErrorKind kind;
    StopReason reason;
    int http_status;
    bool has_service_code;
    std::int64_t service_code;
    std::string_view credential;
    std::string_view message;
    std::string_view log_id;
    std::size_t attempts;
};

}  // namespace detail

/// Why a call failed: the attempt that is reported, and what it said.
///
/// Which one: the first refusal (AuthRejected, NotFound) of the trail that a renewal did not
/// answer; but a later attempt that ended in anything else stopped the call and is reported.
/// `message()` and `log_id()` decode on demand. No text of an error ever holds a token: where a
/// service repeats one, it is cut out.
template <class Response> class Error {
public:
    ErrorKind kind = ErrorKind::permanent;
    int http_status = 0;            ///< 0 without an answer.
    std::int64_t service_code = 0;  ///< The body's `code`; 0 if there was none.
    bool has_service_code = false;
    Reach reach = Reach::never_sent;
    std::string_view credential{};  ///< The name of the credential that signed the attempt.

    /// What the service said, or what happened to the attempt, in words.
    std::string message() const {
        if (words_ && !words_->note.empty()) return words_->note;
        return response_ && decode_ != nullptr ? decode_->message(*response_) : std::string();
    }
    /// The id under which the service logged the attempt; support asks for it. May be empty.
    std::string log_id() const {
        if (words_ && !words_->log_id.empty()) return words_->log_id;
        return response_ && decode_ != nullptr ? decode_->log_id(*response_) : std::string();
    }
    /// Of `authorization_needed`: what the user has to open. Empty for every other kind.
    const AuthorizationRequest& authorization() const noexcept {
        static const AuthorizationRequest nobody_is_asked{};
        const AuthorizationRequest* const asked = words_ ? words_->authorization.get() : nullptr;
        return asked != nullptr ? *asked : nobody_is_asked;
    }
    /// The refused response, if there was one.
    const Response* response() const noexcept { return response_ ? &*response_ : nullptr; }

    /// One line for people: kind, HTTP status, code, message, log id, credential, what to do.
    std::string describe() const {
        const std::string said = message();
        const std::string id = log_id();
        return detail::describe({kind, reason_, http_status, has_service_code, service_code,
                                 credential, said, id, attempts_});
    }

private:
    template <class> friend class Result;
    detail::Maybe<Response> response_{};
    const detail::Decoders<Response>* decode_ = nullptr;
    detail::Shared<detail::Words> words_{};  // written by the driver only, before there are copies
    std::size_t attempts_ = 0;
    StopReason reason_ = StopReason::success;
};

/// How a call ended: the response that was accepted, or the error; and always the trail.
///
/// Response  whatever the transport returns.
/// Threads   a value; as `Response`.
/// Cost      no allocation of its own on success.
template <class Response> class [[nodiscard]] Result {
public:
    using value_type = Response;
    using error_type = Error<Response>;

    Result() noexcept {}
    Result(Result&&) = default;
    Result(const Result&) = default;
    Result& operator=(Result&&) = default;
    Result& operator=(const Result&) = default;

    bool has_value() const noexcept { return reason_ == StopReason::success; }
    explicit operator bool() const noexcept { return has_value(); }

    /// The accepted response. Requires `has_value()`.
    Response& operator*() & noexcept { return *held(); }
    const Response& operator*() const& noexcept { return *held(); }
    Response&& operator*() && noexcept { return std::move(*held()); }
    Response* operator->() noexcept { return &*held(); }
    const Response* operator->() const noexcept { return &*held(); }

    /// Why it failed. Requires `!has_value()`.
    const Error<Response>& error() const& noexcept {
        assert(!has_value() && "rekey: this result is a success and has no error");
        return error_;
    }
    Error<Response>&& error() && noexcept {
        assert(!has_value() && "rekey: this result is a success and has no error");
        return std::move(error_);
    }

    /// The name of the credential that was accepted, or whose refusal is reported.
    std::string_view credential() const noexcept { return trail_.credential(slot_); }
    /// Its position in the chain.
    std::uint8_t slot() const noexcept { return slot_; }
    StopReason stop_reason() const noexcept { return reason_; }
    /// Of `authorization_needed`: what the user has to open. Requires `!has_value()`.
    const AuthorizationRequest& authorization() const noexcept { return error().authorization(); }
    const Trail& trail() const noexcept { return trail_; }

    /// What a driver does to a result while its call runs; of no use to others.
    class Writer {
    public:
        explicit Writer(Result& result) noexcept : result_(result) {}
        Trail& trail() noexcept { return result_.trail_; }
        Error<Response>& error() noexcept { return result_.error_; }
        template <class From> void keep(From&& response) {
            result_.error_.response_.set(std::forward<From>(response));
        }
        void drop() noexcept { result_.error_.response_.reset(); }
        const Response* kept() const noexcept { return result_.error_.response(); }
        void note(std::string text) { words().note = std::move(text); }
        void log_id(std::string text) { words().log_id = std::move(text); }
        void ask(AuthorizationRequest request) { words().authorization.set(std::move(request)); }
        void no_words() noexcept { result_.error_.words_ = {}; }
        /// The decoders must outlive every result: static ones.
        void decode_with(const detail::Decoders<Response>& decoders) noexcept {
            result_.error_.decode_ = &decoders;
        }
        void succeed(std::uint8_t slot) noexcept {
            result_.reason_ = StopReason::success;
            result_.slot_ = slot;
        }
        void end(StopReason reason, std::uint8_t slot) noexcept {
            result_.reason_ = reason;
            result_.slot_ = slot;
            result_.error_.reason_ = reason;
            result_.error_.attempts_ = result_.trail_.count();
            result_.error_.credential = result_.trail_.credential(slot);
            if (const auto& names = result_.trail_.names(); names.owned)
                words().names = names.owned;
        }

    private:
        detail::Words& words() {
            detail::Shared<detail::Words>& words = result_.error_.words_;
            if (!words) words = detail::Shared<detail::Words>::make();
            return *words;
        }
        Result& result_;
    };

private:
    detail::Maybe<Response>& held() noexcept {
        assert(has_value() && "rekey: this result is an error and has no response; test it first");
        return error_.response_;
    }
    const detail::Maybe<Response>& held() const noexcept {
        assert(has_value() && "rekey: this result is an error and has no response; test it first");
        return error_.response_;
    }

    Error<Response> error_;
    StopReason reason_ = StopReason::cancelled;
    std::uint8_t slot_ = 0;
    Trail trail_;
};

inline std::string_view to_string(ErrorKind kind) noexcept {
    switch (kind) {
        case ErrorKind::refused: return "refused";
        case ErrorKind::not_found: return "not_found";
        case ErrorKind::rate_limited: return "rate_limited";
        case ErrorKind::quota_exhausted: return "quota_exhausted";
        case ErrorKind::transient: return "transient";
        case ErrorKind::permanent: return "permanent";
        case ErrorKind::transport: return "transport";
        case ErrorKind::malformed_response: return "malformed_response";
        case ErrorKind::exchange_failed: return "exchange_failed";
        case ErrorKind::configuration: return "configuration";
        case ErrorKind::authorization_needed: return "authorization_needed";
        case ErrorKind::authorization_denied: return "authorization_denied";
        case ErrorKind::cancelled: return "cancelled";
    }
    return "unknown";
}

inline std::string_view to_string(StopReason reason) noexcept {
    switch (reason) {
        case StopReason::success: return "success";
        case StopReason::remedies_used_up: return "remedies_used_up";
        case StopReason::attempts_used_up: return "attempts_used_up";
        case StopReason::deadline: return "deadline";
        case StopReason::budget_spent: return "budget_spent";
        case StopReason::not_retryable: return "not_retryable";
        case StopReason::unsafe_to_repeat: return "unsafe_to_repeat";
        case StopReason::come_back_later: return "come_back_later";
        case StopReason::needs_user: return "needs_user";
        case StopReason::exchange_failed: return "exchange_failed";
        case StopReason::cancelled: return "cancelled";
    }
    return "unknown";
}

namespace detail {

inline std::string_view advice(const ErrorText& error) noexcept {
    if (error.reason == StopReason::unsafe_to_repeat)
        return "the service may have acted; declare the call Idempotent{} if repeating it is "
               "harmless";
    switch (error.kind) {
        case ErrorKind::refused:
            return "create a credential that may use this resource, or authorize it again";
        case ErrorKind::not_found:
            return "compare the id with the account and region that the credentials belong to";
        case ErrorKind::rate_limited: return "send fewer requests, or wait and try again";
        case ErrorKind::quota_exhausted: return "raise the quota or settle the bill";
        case ErrorKind::transient: return "try again later";
        case ErrorKind::permanent: return "correct the request";
        case ErrorKind::transport: return "look at the network between here and the service";
        case ErrorKind::malformed_response:
            return "look for a proxy or a gateway that answers in place of the service";
        case ErrorKind::exchange_failed: return "look at the token endpoint, then try again";
        case ErrorKind::configuration: return "correct the configuration";
        case ErrorKind::authorization_needed: return "let the user authorize";
        case ErrorKind::authorization_denied: return "ask the user again only if they want to";
        case ErrorKind::cancelled: return {};
    }
    return {};
}

inline std::string describe(const ErrorText& error) {
    std::string text(to_string(error.kind));
    const auto add = [&text](std::string_view before, std::string_view what) {
        text.append(before);
        text.append(what);
    };
    const char* separator = ": ";
    if (error.http_status != 0) {
        add(separator, "HTTP ");
        text += std::to_string(error.http_status);
        separator = ", ";
    }
    if (error.has_service_code) {
        add(separator, "code ");
        text += std::to_string(error.service_code);
        separator = ", ";
    }
    if (!error.message.empty()) {
        add(separator, error.message);
        separator = ", ";
    }
    if (!error.log_id.empty()) {
        add(separator, "log id ");
        text.append(error.log_id);
        separator = ", ";
    }
    if (!error.credential.empty()) {
        add(separator, "credential ");
        text.append(error.credential);
        separator = ", ";
    }
    add(separator, to_string(error.reason));
    if (error.attempts > 1) {
        text += " after ";
        text += std::to_string(error.attempts);
        text += " attempts";
    }
    const std::string_view hint = advice(error);
    if (!hint.empty()) add("; ", hint);
    keep_to_one_line(text);
    return text;
}

}  // namespace detail

}  // namespace v0_1
}  // namespace rekey

#endif
