// SPDX-License-Identifier: BSL-1.0
// Result: how a call ended, why, and the trail of attempts.
#ifndef REKEY_RESULT_HPP
#define REKEY_RESULT_HPP

#include <rekey/authorization.hpp>
#include <rekey/detail/foreign_text.hpp>
#include <rekey/detail/maybe.hpp>
#include <rekey/trail.hpp>

#include <cassert>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <type_traits>
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
    cancelled,             ///< The caller cancelled.
    not_admitted           ///< A budget, breaker, rate limit or bulkhead of this client let no
                           ///< attempt through: nothing was sent.
};

/// `refused`, `not_found`, …: the enumerator's own spelling.
std::string_view to_string(ErrorKind kind) noexcept;
/// `success`, `remedies_used_up`, …: the enumerator's own spelling.
std::string_view to_string(StopReason reason) noexcept;

template <class Response> class Result;

/// What is known of a failure, whatever the type of the response.
struct ErrorFacts {
    ErrorKind kind;
    int http_status;            ///< 0 without an answer.
    std::int64_t service_code;  ///< The body's `code`; 0 if there was none.
    bool has_service_code;
    Reach reach;
    union {                           // lest a call that is accepted fills it in
        std::string_view credential;  ///< The name of the credential that signed the attempt.
    };

    ErrorFacts() noexcept : credential() {
        kind = ErrorKind::permanent, reach = Reach::never_sent;
        http_status = 0, service_code = 0, has_service_code = false;
    }
    /// With nothing filled in: a call that is accepted has no error to be read.
    explicit ErrorFacts(std::nullptr_t) noexcept {}
};

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
    std::string note{}, log_id{};
    AskedOfUser authorization{};
    Duration retry_after{0};
    Shared<Names::Owned> names{};  // keeps a name alive that was made at run time
};

/// What `describe` puts into words.
struct ErrorText : ErrorFacts {
    StopReason reason;
    std::string_view message, log_id;
    std::size_t attempts;
    Duration retry_after;
};
std::string describe(const ErrorText& error);

}  // namespace detail

/// Why a call failed: the attempt that is reported, and what it said.
///
/// Which one: the first refusal (AuthRejected, NotFound) of the trail that a renewal did not
/// answer; but a later attempt that ended in anything else stopped the call and is reported.
/// `message()` and `log_id()` decode on demand. No text of an error ever holds a token: where a
/// service repeats one, it is cut out.
template <class Response> class Error : public ErrorFacts {
public:
    Error() noexcept : decode_(nullptr), attempts_(0), reason_(StopReason::not_retryable) {}
    /// An error of one's own, for a Result that one makes; `text` must hold no secret.
    Error(ErrorKind what, std::string text) : Error() {
        kind = what;
        words_.made().note = std::move(text);
    }

    /// What the service said, or what happened to the attempt, in words.
    std::string message() const {
        return text(&detail::Words::note, &detail::Decoders<Response>::message);
    }
    /// The id under which the service logged the attempt; support asks for it. May be empty.
    std::string log_id() const {
        return text(&detail::Words::log_id, &detail::Decoders<Response>::log_id);
    }
    /// Of `authorization_needed`: what the user has to open. Empty for every other kind.
    const AuthorizationRequest& authorization() const noexcept {
        static const AuthorizationRequest nobody_is_asked{};
        const AuthorizationRequest* const asked = words_ ? words_->authorization.get() : nullptr;
        return asked != nullptr ? *asked : nobody_is_asked;
    }
    /// After what time another call may do better: what the service asks for, counted from its
    /// answer (`RetryAfter`), or when a door that stays shut will open; zero if nobody knows.
    Duration retry_after() const noexcept { return words_ ? words_->retry_after : Duration{0}; }
    /// The refused response, if there was one.
    const Response* response() const noexcept { return response_ ? &*response_ : nullptr; }

    /// One line for people: kind, HTTP status, code, message, log id, credential, what to do.
    std::string describe() const {
        return detail::describe({*this, reason_, message(), log_id(), attempts_, retry_after()});
    }

private:
    template <class> friend class Result;
    using Decoder = std::string (*detail::Decoders<Response>::*)(const Response&);
    [[gnu::noinline, gnu::cold]] std::string text(std::string detail::Words::*own,
                                                  Decoder decoder) const {
        if (words_ && !((*words_).*own).empty()) return (*words_).*own;
        if (response_ && decode_ != nullptr) return (decode_->*decoder)(*response_);
        return {};
    }

    explicit Error(std::nullptr_t) noexcept : ErrorFacts(nullptr) {}

    detail::Maybe<Response> response_{};
    const detail::Decoders<Response>* decode_;
    detail::Shared<detail::Words> words_{};  // written by the driver only, before there are copies
    std::size_t attempts_;
    StopReason reason_;
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

    Result() noexcept : reason_(StopReason::cancelled), slot_(0) {}
    /// A success or a failure of one's own, with an empty trail: for `and_then` and `or_else`.
    Result(Response response) : reason_(StopReason::success), slot_(0), trail_(nullptr) {
        error_.response_.set(std::move(response));
    }
    Result(Error<Response> error)
        : error_(std::move(error)), reason_(error_.reason_), slot_(0), trail_(nullptr) {}
    /// That of a call that begins; the driver's. Either `filled`, or `Writer::fill` does it before
    /// the call goes on after its first sends.
    [[gnu::always_inline]] Result(const detail::Names& names, bool filled) noexcept
        : error_(nullptr), trail_(names) {
        if (filled) Writer(*this).fill();
    }

    bool has_value() const noexcept { return reason_ == StopReason::success; }
    explicit operator bool() const noexcept { return has_value(); }

    /// The accepted response, in two spellings. Requires `has_value()`.
    Response& operator*() & noexcept { return *held(); }
    const Response& operator*() const& noexcept { return *held(); }
    Response&& operator*() && noexcept { return std::move(*held()); }
    Response& assume_value() & noexcept { return **this; }
    const Response& assume_value() const& noexcept { return **this; }
    Response&& assume_value() && noexcept { return *std::move(*this); }
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

    /// What `next(response)` returns, itself a Result; or this failure. On an lvalue these four
    /// work on a copy. `next` is called, so a pointer to a member goes through `std::mem_fn`.
    template <class Next> auto and_then(Next&& next) && {
        using Other = std::decay_t<decltype(next(*std::move(*this)))>;
        return has_value() ? next(*std::move(*this)) : std::move(*this).template failed_as<Other>();
    }
    template <class Next> auto and_then(Next&& next) const& { return Result(*this).and_then(next); }
    /// A Result of `map(response)` with this trail; or this failure. The error of a Result with
    /// another response keeps its texts and leaves the refused response behind.
    template <class Map> auto transform(Map&& map) && {
        using Other = Result<std::decay_t<decltype(map(*std::move(*this)))>>;
        if (!has_value()) return std::move(*this).template failed_as<Other>();
        Other other;
        typename Other::Writer to(other);
        to.trail() = trail_;
        to.keep(map(*std::move(*this)));
        to.succeed(slot_);
        return other;
    }
    template <class Map> auto transform(Map&& map) const& { return Result(*this).transform(map); }
    /// This success; or what `next(error)` returns, another Result of this type.
    template <class Next> Result or_else(Next&& next) && {
        return has_value() ? std::move(*this) : next(std::move(error_));
    }
    template <class Next> Result or_else(Next&& next) const& { return Result(*this).or_else(next); }
    /// The response; or `other`.
    template <class Or> Response value_or(Or&& other) && {
        return has_value() ? *std::move(*this) : static_cast<Response>(std::forward<Or>(other));
    }
    template <class Or> Response value_or(Or&& to) const& { return Result(*this).value_or(to); }

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
        template <class From> void keep(From&& it) {
            error().response_.set(std::forward<From>(it));
        }
        detail::Maybe<Response>& place() noexcept { return result_.error_.response_; }
        void drop() noexcept { result_.error_.response_.reset(); }
        const Response* kept() const noexcept { return result_.error_.response(); }
        void note(std::string&& text) { words().note.swap(text); }
        void log_id(std::string&& text) { words().log_id.swap(text); }
        void ask(AuthorizationRequest request) { words().authorization.set(std::move(request)); }
        void come_back_after(Duration delay) {
            if (delay > error().retry_after()) words().retry_after = delay;
        }
        /// Says that nothing has happened so far.
        void fill() noexcept {
            static_cast<ErrorFacts&>(error()) = ErrorFacts();
            error().decode_ = nullptr;
            trail().has(0);
        }
        void no_words() noexcept { result_.error_.words_ = {}; }
        /// The decoders must outlive every result: static ones.
        void decode_with(const detail::Decoders<Response>& to) noexcept { error().decode_ = &to; }
        void succeed(std::uint8_t slot) noexcept {
            result_.reason_ = StopReason::success;
            result_.slot_ = slot;
        }
        void end(StopReason reason, std::uint8_t slot) {
            result_.reason_ = reason;
            result_.slot_ = slot;
            result_.error_.reason_ = reason;
            result_.error_.attempts_ = result_.trail_.count();
            result_.error_.credential = result_.trail_.credential(slot);
            if (result_.trail_.names().owned) words().names = result_.trail_.names().owned;
        }

    private:
        detail::Words& words() { return result_.error_.words_.made(); }
        Result& result_;
    };

private:
    /// This failure as one of another response.
    template <class Other> Other failed_as() && {
        if constexpr (!std::is_same_v<Other, Result>) {
            Other other;
            typename Other::Writer to(other);
            to.trail() = trail_;
            static_cast<ErrorFacts&>(to.error()) = error_;
            to.note(error_.message());
            to.log_id(error_.log_id());
            if (error_.kind == ErrorKind::authorization_needed) to.ask(error_.authorization());
            to.come_back_after(error_.retry_after());
            to.end(reason_, slot_);
            return other;
        } else {
            return std::move(*this);
        }
    }
    detail::Maybe<Response>& held() noexcept {
        assert(has_value() && "rekey: this result is an error and has no response; test it first");
        return error_.response_;
    }
    const detail::Maybe<Response>& held() const noexcept {
        assert(has_value() && "rekey: this result is an error and has no response; test it first");
        return error_.response_;
    }

    Error<Response> error_;
    StopReason reason_;
    std::uint8_t slot_;
    Trail trail_;
};

namespace detail {
/// The word at a place of words with such a sign between them; the last one for a place behind it.
inline std::string_view word(std::string_view words, unsigned at, char between = ' ') noexcept {
    for (; at != 0; --at) words.remove_prefix(words.find(between) + 1);
    return words.substr(0, words.find(between));
}
}  // namespace detail

inline std::string_view to_string(ErrorKind kind) noexcept {
    return detail::word(
        "refused not_found rate_limited quota_exhausted transient permanent "
        "transport malformed_response exchange_failed configuration "
        "authorization_needed authorization_denied cancelled not_admitted unknown",
        static_cast<unsigned>(kind));
}

inline std::string_view to_string(StopReason reason) noexcept {
    return detail::word(
        "success remedies_used_up attempts_used_up deadline budget_spent "
        "not_retryable unsafe_to_repeat come_back_later needs_user "
        "exchange_failed cancelled unknown",
        static_cast<unsigned>(reason));
}

namespace detail {

inline std::string_view advice(const ErrorText& error) noexcept {
    if (error.reason == StopReason::unsafe_to_repeat)
        return "the service may have acted; declare the call Idempotent{} if repeating it is "
               "harmless";
    if (error.reason == StopReason::deadline) return "give the call more time, or try again later";
    return word(
        "create a credential that may use this resource, or authorize it again|"
        "compare the id with the account and region that the credentials belong to|"
        "send fewer requests, or wait and try again|raise the quota or settle the bill|"
        "try again later|correct the request|look at the network between here and the service|"
        "look for a proxy or a gateway that answers in place of the service|"
        "look at the token endpoint, then try again|correct the configuration|"
        "let the user authorize|ask the user again only if they want to||try again later|",
        static_cast<unsigned>(error.kind), '|');
}

inline std::string describe(const ErrorText& error) {
    std::string text(to_string(error.kind));
    const char* separator = ": ";
    const auto add = [&](std::string_view what, std::string_view before = {}) {
        text.append(separator).append(before).append(what);
        separator = ", ";
    };
    if (error.http_status != 0) add(std::to_string(error.http_status), "HTTP ");
    if (error.has_service_code) add(std::to_string(error.service_code), "code ");
    if (!error.message.empty()) add(error.message);
    if (!error.log_id.empty()) add(error.log_id, "log id ");
    if (!error.credential.empty()) add(error.credential, "credential ");
    add(to_string(error.reason));
    if (error.attempts > 1)
        text.append(" after ").append(std::to_string(error.attempts)).append(" attempts");
    if (error.retry_after > Duration{0}) {  // rounded up: never earlier than the service asks
        const auto seconds = std::chrono::ceil<std::chrono::seconds>(error.retry_after).count();
        text.append(", retry after ").append(std::to_string(seconds)).append(" s");
    }
    const std::string_view hint = advice(error);
    if (!hint.empty()) text.append("; ").append(hint);
    keep_to_one_line(text);
    return text;
}

}  // namespace detail

}  // namespace v0_1
}  // namespace rekey

#endif
