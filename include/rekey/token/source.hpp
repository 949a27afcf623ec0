// SPDX-License-Identifier: BSL-1.0
// Source: obtains the token of an exchanging credential and keeps it; one caller at a time asks.
#ifndef REKEY_TOKEN_SOURCE_HPP
#define REKEY_TOKEN_SOURCE_HPP

#include <rekey/action.hpp>
#include <rekey/detail/atomic.hpp>
#include <rekey/detail/cut_parts.hpp>
#include <rekey/detail/http_date.hpp>
#include <rekey/detail/maybe.hpp>
#include <rekey/detail/mutex.hpp>
#include <rekey/detail/thread_random.hpp>
#include <rekey/detail/waker.hpp>
#include <rekey/extras.hpp>
#include <rekey/oauth/token_response.hpp>
#include <rekey/stop_signal.hpp>
#include <rekey/token/signature.hpp>

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

namespace rekey {
inline namespace v0_1 {

struct HttpRequest;  // <rekey/http.hpp>, which a credential with an exchange includes

namespace token {

/// Seconds before its expiry at which a token is no longer handed out: a tenth of its life, 30 at
/// most, so that a request that starts now still arrives with a live one.
constexpr std::int64_t expiry_margin(std::int64_t lifetime) noexcept {
    return lifetime / 10 < 30 ? lifetime / 10 : 30;
}

/// Seconds before that margin in which one caller gets the next token while the others go on with
/// the present one: a fifth of its life, five minutes at most.
constexpr std::int64_t early_window(std::int64_t lifetime) noexcept {
    return lifetime / 5 < 300 ? lifetime / 5 : 300;
}

/// When a token that is handed out until `usable_until` is refreshed early: somewhere in the first
/// half of its window, for each token of each process elsewhere, so that a fleet that started
/// together does not ask together.
constexpr std::int64_t early_refresh_at(std::int64_t usable_until, std::int64_t lifetime,
                                        std::uint64_t random) noexcept {
    const std::int64_t window = early_window(lifetime);
    const auto room = static_cast<std::uint64_t>(window / 2 + 1);
    return usable_until - window + static_cast<std::int64_t>(random % room);
}

/// So long the endpoint is left alone after so many failures in a row: 1 s, 2 s, 4 s, … 30 s.
constexpr Duration pause_after(unsigned failures) noexcept {
    return std::chrono::seconds{failures < 6 ? 1 << (failures == 0 ? 0 : failures - 1) : 30};
}

/// Clocks that differ by no more seconds than this are not worth a word, or another try.
inline constexpr std::int64_t skew_tolerance = 60;

/// By how many seconds the clock of a server is ahead of ours, if its answer says so with a `Date`:
/// nothing as long as the date lies between the sending and the answer.
///
/// Source  RFC 9110 §6.6.1
constexpr std::int64_t skew_of(std::string_view date, std::int64_t sent_at,
                               std::int64_t answered_at) noexcept {
    const detail::HttpDate theirs = detail::http_date(date, answered_at);
    if (!theirs.is_date) return 0;
    if (theirs.unix_seconds > answered_at) return theirs.unix_seconds - answered_at;
    if (theirs.unix_seconds + 1 < sent_at) return theirs.unix_seconds + 1 - sent_at;  // it was cut
    return 0;
}

/// So long an endpoint asks to be left alone, a day at most: seconds, or a date, which counts from
/// the `Date` of the same answer; nothing without that.
///
/// Source  RFC 9110 §10.2.3
template <class Text>
Duration asked_pause(const Text& retry_after, std::string_view date) noexcept {
    constexpr std::int64_t day = 86400;
    constexpr std::int64_t about_now = 1'800'000'000;  // for the century of two digits
    const std::string_view text(retry_after);
    std::int64_t seconds = 0;
    for (const char c : text) {
        if (c < '0' || c > '9') {
            const detail::HttpDate sent = detail::http_date(date, about_now);
            const detail::HttpDate until = detail::http_date(text, sent.unix_seconds);
            if (!sent.is_date || !until.is_date) return Duration{0};
            seconds = until.unix_seconds - sent.unix_seconds;
            break;
        }
        seconds = seconds >= day ? day : seconds * 10 + (c - '0');
    }
    return std::chrono::seconds{seconds < 0 ? 0 : seconds < day ? seconds : day};
}

/// How often one exchange is tried when the endpoint fails in passing, each time with a new
/// assertion, and the wait before the second try; it doubles after that.
inline constexpr int exchange_tries = 3;
inline constexpr Duration first_exchange_wait = std::chrono::milliseconds{200};

/// What a caller that fetches a token does next.
enum class FetchStep : unsigned char {
    finish,  ///< `outcome()`.
    join,    ///< Wait until the caller that obtains the token has ended; then `woken`.
    lead,    ///< Obtain it in the place of the exchange; then `led`.
    send,    ///< `request()`; then `answered`.
    wait,    ///< `delay()`; then `waited`.
    sign     ///< Have `request()` signed by `credential()`; then `signed_with` or `answered`.
};

/// Whether the assertions of a credential are signed by somebody who calls back: `SignedLater`.
template <class Credential, class = void> struct SignsLater : std::false_type {};
template <class Credential>
struct SignsLater<Credential, std::void_t<decltype(Credential::signs_later)>>
    : std::bool_constant<Credential::signs_later> {};

/// The token of one credential, obtained when first needed and kept until shortly before expiry.
///
/// Shortly before that, in its early window, one caller gets the next token and the others go on
/// with the present one; should that fail, the present one serves on. After a failure the endpoint
/// is left alone for a pause, in which who has no token gets that failure at once. A passing
/// failure leaves a token in use until it really expires.
///
/// Credential  `token_request(unix_seconds)` gives {http, authorization, problem}: a new one, with
/// a
///             new assertion, for every try; `read_token(status, content_type, body, now)` gives an
///             `oauth::TokenAnswer`.
/// Threads     any number of callers; one of them asks the endpoint, the others wait and share what
///             it got, a failure too. A caller whose transport throws frees the queue.
/// Cost        with a live token: a pinned read and one comparison, no lock, no allocation.
/// Self        who obtains the token in the place of this class: `lead`, see stored_sources.hpp.
template <class Credential, class Self = void> class Source {
public:
    /// Whether a caller that leads has to block: somebody else obtains the token.
    static constexpr bool blocks = !std::is_void_v<Self>;
    static constexpr bool signs_later = SignsLater<Credential>::value;

    explicit Source(const Credential& credential)
        : credential_(new Credential(credential), readers_), current_(new Signature, readers_) {}

    Pin peek() { return current_.read(); }

    /// The signature if it may be sent and nobody need look for the next one yet; else nothing.
    [[gnu::always_inline]] Pin settled(std::int64_t unix_seconds) noexcept {
        Pin pin = current_.read();
        if (unix_seconds >= pin->expires_at) pin.release();
        return pin;
    }

    /// Puts a signature into `pin`, asking the endpoint if there is none that lives.
    ///
    /// `renew`      the signature in `pin` was refused: only a newer one will do.
    /// `call`       what the call said beside its request: who is cancelled does not wait on.
    /// `exchanger`  sends one token request and returns what came back.
    /// `report`     says what happened if the outcome is not a signature.
    template <class Call, class Exchanger, class Clock, class Report>
    Fetched fetch(Pin& pin, bool renew, const Call& call, const Exchanger& exchanger, Clock& clock,
                  Report& report) {
        if (Pin fresh = settled(clock.unix_seconds());
            fresh && !(renew && pin && fresh->generation <= pin->generation)) {
            const Fetched outcome = found(fresh, renew);
            pin = std::move(fresh);
            return outcome;
        }
        return fetch_late(pin, renew, call, exchanger, clock, report);
    }

    /// One caller's way to a token, without I/O and waiting: it says what to do next.
    ///
    /// Kept until it has finished. Destroyed before, it hands the lead over to somebody who waits.
    /// Waker    who is told when another caller's exchange has ended; null for one that blocks.
    template <class Report> class Fetching;

    /// Puts another credential in the place of this one; its token is obtained when needed.
    void replace(const Credential& credential) {
        const detail::Locked lock(mutex_);
        credential_.replace(new Credential(credential));
        ++replacements_;
        end_pause();
        Signature* const none = new Signature;
        none->generation = current_.read()->generation + 1;
        current_.replace(none);
    }

protected:
    struct Failure {
        Fetched outcome = Fetched::failed;
        Reach reach = Reach::answered;
        int http_status = 0;
        bool has_service_code = false;
        std::int64_t service_code = 0;
        std::string message{};
        std::string log_id{};
    };
    template <class To, class From> static void take(To& to, const From& from) {
        to.reach = from.reach;
        to.http_status = from.http_status;
        to.has_service_code = from.has_service_code;
        to.service_code = from.service_code;
        to.message = from.message;
        to.log_id = from.log_id;
    }

    /// The caller that talks to the endpoint, until this is destroyed.
    class Leading {
    public:
        Leading(Source& source, std::uint64_t replacements) noexcept
            : source_(source), replacements_(replacements) {}
        Leading(const Leading&) = delete;
        Leading& operator=(const Leading&) = delete;
        ~Leading() {
            detail::Locked lock(source_.mutex_);
            source_.busy_.store(false, detail::Order::relaxed);
            source_.ended_.wake_all();
            detail::WakerList waiting(std::move(source_.wakers_));
            lock.unlock();
            waiting.wake_all();
        }
        /// Who waited for an early refresh that failed asks again, for it was tried only once, and
        /// so does who waited for the token of a credential that was replaced meanwhile.
        template <class Report>
        void failed(Fetched outcome, const Report& report, bool is_early, TimePoint now) {
            const detail::Locked lock(source_.mutex_);
            if (replacements_ != source_.replacements_) return;
            if (!is_early) source_.failed_flight_ = source_.flight_;
            take(source_.failure_, report);
            source_.failure_.outcome = outcome;
            source_.pause(is_early, now);
        }

    private:
        Source& source_;
        const std::uint64_t replacements_;  // when it began
    };

    static detail::Stop stop_of(const detail::CallExtras& call) noexcept { return call.stop; }
    template <class Other> static detail::Stop stop_of(const Other&) noexcept { return {}; }
    template <class Report> static Fetched stopped(Report& report) {
        report = Report{};
        report.cancelled = true;
        return Fetched::failed;
    }

    static Fetched found(const Pin& pin, bool renew) noexcept {
        if (renew) return Fetched::renewed;
        return pin->accepted.load(detail::Order::relaxed) ? Fetched::proven : Fetched::unproven;
    }

    /// As `fetch`, without a token that may be used for a while to come.
    template <class Call, class Exchanger, class Clock, class Report>
    [[gnu::noinline, gnu::cold]] Fetched fetch_late(Pin& pin, bool renew, const Call& call,
                                                    const Exchanger& exchanger, Clock& clock,
                                                    Report& report) {
        const detail::Stop stop = stop_of(call);
        Fetching<Report> fetching(*this, pin, renew, report);
        for (FetchStep next = fetching.start(clock);;) {
            switch (next) {
                case FetchStep::sign:  // refused when compiled
                case FetchStep::finish: return fetching.outcome();
                case FetchStep::join:
                    next = ended(fetching.joined(), stop) ? fetching.woken(clock)
                                                          : fetching.stopped(clock);
                    break;
                case FetchStep::lead: next = fetching.lead(call, exchanger, clock); break;
                case FetchStep::send:
                    next = fetching.answered(sent(fetching.request(), exchanger), clock);
                    break;
                case FetchStep::wait:
                    next = stop.sleep(clock, fetching.delay()) ? fetching.waited(clock)
                                                               : fetching.stopped(clock);
                    break;
            }
        }
    }
    /// Blocks until that caller has ended; false if this one was stopped first.
    bool ended(std::uint64_t joined, const detail::Stop& stop) {
        const detail::Locked lock(mutex_);
        while (busy_.load(detail::Order::relaxed) && flight_ == joined) {
            if (stop.sleeper == nullptr)
                ended_.wait(mutex_);
            else if (!detail::sleep_in(wakers_, mutex_, stop))
                return false;
        }
        return true;
    }
    template <class Request, class Exchanger>
    static auto sent(const Request& request, const Exchanger& exchanger) {
        return exchanger(request.made.http, request.made.authorization.expose(),
                         request.credential);
    }

    /// What the last exchange ended with. Under the lock.
    template <class Clock, class Report>
    Fetched failed_before(Pin& pin, std::uint64_t refused, bool renew, Clock& clock,
                          Report& report) {
        if (take_dying(failure_.outcome, pin, refused, clock)) return found(pin, renew);
        report = Report{};
        take(report, failure_);
        return failure_.outcome;
    }
    /// Whether the endpoint is left alone after a failure.
    template <class Clock> bool pauses(Clock& clock) const {
        const std::int64_t until = pause_until_.load(detail::Order::relaxed);
        return until != 0 && clock.now().time_since_epoch().count() < until;
    }
    void pause_until(TimePoint until) noexcept {
        pause_until_.store(until.time_since_epoch().count(), detail::Order::relaxed);
    }
    /// Under the lock. Early failures hold up nobody who has no token, nor do they count then.
    void pause(bool is_early, TimePoint now) noexcept {
        if (pause_is_early_ != is_early) failures_ = 0;
        pause_is_early_ = is_early;
        if (failures_ < 6) ++failures_;
        const Duration own = pause_after(failures_);
        pause_until(now + (own < least_pause_ ? least_pause_ : own));
    }
    /// Under the lock. A pause until an early refresh has ended, lest a transport that throws is
    /// tried by one caller after another.
    void begin_early(TimePoint now) noexcept {
        if (!pause_is_early_) failures_ = 0;
        pause_is_early_ = true;
        pause_until(now + pause_after(1));
    }
    void end_pause() noexcept {
        failures_ = 0;
        pause_until_.store(0, detail::Order::relaxed);
    }
    /// Under the lock: from now on callers get this one, which says when somebody should look for
    /// the next; this class says when it is not handed out any more, and when it really expires.
    void put(Pin& pin, Signature* fresh, std::int64_t usable_until, std::int64_t dies_at) {
        current_.replace(fresh);
        usable_until_.store(usable_until, detail::Order::release);
        dies_at_.store(dies_at, detail::Order::release);
        end_pause();
        pin = current_.read();  // here, under the lock: a replacement may follow at once
    }
    /// `end` was read first, so that the token is as new at least.
    template <class Clock>
    bool take_before(std::int64_t end, Pin& pin, std::uint64_t refused, Clock& clock) {
        pin = current_.read();
        if (!pin->value.empty() && pin->generation > refused && clock.unix_seconds() < end)
            return true;
        pin.release();
        return false;
    }
    /// A token that may be sent, though somebody should look for the next one.
    template <class Clock> bool take_live(Pin& pin, std::uint64_t refused, Clock& clock) {
        return take_before(usable_until_.load(detail::Order::acquire), pin, refused, clock);
    }
    /// A token that has not expired yet, if the next one could not be had for a passing reason.
    template <class Clock>
    bool take_dying(Fetched outcome, Pin& pin, std::uint64_t refused, Clock& clock) {
        return is_passing(outcome) &&
               take_before(dies_at_.load(detail::Order::acquire), pin, refused, clock);
    }
    static bool is_passing(Fetched outcome) noexcept {
        return outcome == Fetched::failed || outcome == Fetched::not_sent ||
               outcome == Fetched::unknown;
    }

    /// The exchange of one caller that leads: what it sends, and what the answers come to.
    class Exchanging {
        using Made = decltype(std::declval<const Credential&>().token_request(std::int64_t{}));

    public:
        /// What a credential is asked with.
        struct Asking {
            const Credential& credential;
            std::int64_t now;
        };
        /// A token request, and whose it is. Made where it stays: it need not be movable.
        struct Request {
            explicit Request(const Asking& asking)
                : made(asking.credential.token_request(asking.now)),
                  credential(CredentialTraits<Credential>::name(asking.credential)) {}
            Made made;
            std::string_view credential;
        };

        struct Task {
            Source& source;
            std::uint64_t refused;
            bool is_early;
        };
        explicit Exchanging(const Task& task) noexcept
            : source_(task.source), refused_(task.refused), is_early_(task.is_early) {}
        Exchanging(const Exchanging&) = delete;
        Exchanging& operator=(const Exchanging&) = delete;

        /// Makes the next request. False: there is nothing to send, and `outcome` says why.
        template <class Clock, class Report> bool prepare(Clock& clock, Report& report) {
            report = Report{};
            {
                const detail::Locked lock(source_.mutex_);
                credential_ = source_.credential_.read();
                replacements_ = source_.replacements_;
            }
            sent_at_ = clock.unix_seconds();
            request_.set(Asking{*credential_, sent_at_ + source_.dated_by_});
            const Made& made = (*request_).made;
            if (made.problem.empty()) return true;
            report.reach = Reach::never_sent;
            report.message = made.problem;
            outcome_ = Fetched::misconfigured;
            return false;
        }
        const Request& request() noexcept { return *request_; }
        const Credential& credential() const noexcept { return *credential_; }
        void signed_with(std::string_view signature) {
            if constexpr (SignsLater<Credential>::value)
                credential_->finish((*request_).made, signature);
        }

        /// True: another request follows, after `delay()`.
        template <class Answer, class Clock, class Report>
        bool answered(Pin& pin, const Answer& answer, Clock& clock, Report& report) {
            is_redated_ = is_lasting_ = false;
            outcome_ = judge(pin, answer, clock, report);
            delay_ = Duration{0};
            ++attempts_;
            if (is_redated_ && !was_redated_) return was_redated_ = true;
            if (!is_passing(outcome_) || is_lasting_ || is_early_ || attempts_ >= exchange_tries)
                return false;
            delay_ = first_exchange_wait * (1 << (attempts_ - 1));
            return source_.least_pause_ <= delay_;  // else the endpoint asks for more
        }
        Duration delay() const noexcept { return delay_; }
        Fetched outcome() const noexcept { return outcome_; }

    private:
        /// Cuts what was sent out of what is said about it.
        template <class Report> void withhold(Report& report) {
            for (std::string* text : {&report.message, &report.log_id})
                detail::cut_out_credential(*text, request().made.authorization.expose());
        }
        template <class Answer, class Clock, class Report>
        Fetched judge(Pin& pin, const Answer& answer, Clock& clock, Report& report) {
            report.reach = answer.reach;
            report.http_status = answer.status;
            report.log_id = answer.log_id;
            source_.least_pause_ = answer.retry_after;
            if (answer.reach != Reach::answered) {
                report.message = "token request: " + answer.detail;
                withhold(report);
                is_lasting_ = answer.lasting;
                report.cancelled = answer.cancelled;
                if (answer.reach == Reach::never_sent) return Fetched::not_sent;
                return Fetched::unknown;
            }
            const std::int64_t now = clock.unix_seconds();
            const std::int64_t skew = skew_of(answer.date, sent_at_, now);
            oauth::TokenAnswer token = credential_->read_token(answer.status, answer.content_type,
                                                               answer.body, now + skew);
            token.expires_at -= skew;  // by our clock from here on
            report.has_service_code = token.has_service_code;
            report.service_code = token.service_code;
            if (report.log_id.empty()) report.log_id = token.log_id;
            report.message = sentence(token, skew);
            withhold(report);
            switch (token.outcome) {
                case oauth::TokenOutcome::granted:
                    return source_.publish(pin, *credential_, token, now, refused_, replacements_,
                                           report);
                case oauth::TokenOutcome::refused: redate(skew); return Fetched::refused;
                case oauth::TokenOutcome::misconfigured:
                    redate(skew);
                    return Fetched::misconfigured;
                case oauth::TokenOutcome::failed: break;
                case oauth::TokenOutcome::malformed: is_lasting_ = true; break;
            }
            return Fetched::failed;
        }
        /// Has the next assertion dated by the server's clock if this one was dated by ours, and
        /// the other way round: that was refused, and a `Date` may be wrong too.
        void redate(std::int64_t skew) noexcept {
            const std::int64_t other = source_.dated_by_ == 0 ? skew : 0;
            const std::int64_t change = other - source_.dated_by_;
            is_redated_ = change > skew_tolerance || change < -skew_tolerance;
            if (is_redated_) source_.dated_by_ = other;
        }

        Source& source_;
        const std::uint64_t refused_;
        const bool is_early_;
        typename detail::Snapshot<Credential>::Pin credential_{};
        std::uint64_t replacements_ = 0;
        std::int64_t sent_at_ = 0;
        detail::Maybe<Request> request_{};
        int attempts_ = 0;
        Duration delay_{0};
        Fetched outcome_ = Fetched::failed;
        bool is_lasting_ = false;
        bool is_redated_ = false;
        bool was_redated_ = false;
    };
    /// The same for a caller that blocks. No assertion is signed later there: see `JudgedExchange`
    /// and `driver::JudgedStored`.
    template <class Exchanger, class Clock, class Report>
    Fetched exchange(Pin& pin, const Exchanger& exchanger, Clock& clock, const detail::Stop& stop,
                     std::uint64_t refused, Report& report) {
        Exchanging exchanging({*this, refused, false});
        while (exchanging.prepare(clock, report) &&
               exchanging.answered(pin, sent(exchanging.request(), exchanger), clock, report))
            if (!stop.sleep(clock, exchanging.delay())) return stopped(report);
        return exchanging.outcome();
    }

    /// A refused token that comes back is not tried again: it would be refused again (S48).
    template <class Report>
    Fetched publish(Pin& pin, const Credential& credential, const oauth::TokenAnswer& token,
                    std::int64_t now, std::uint64_t refused, std::uint64_t replacements,
                    Report& report) {
        const detail::Locked lock(mutex_);
        if (replacements != replacements_) {
            report.message = "the credential was replaced while its token was on the way";
            return Fetched::failed;
        }
        const Pin old = current_.read();
        const bool is_same = constant_time_equal(old->token(), token.access_token.expose());
        if (is_same && refused != 0 && old->generation == refused) {
            report.message = "the token endpoint gave the refused token once more";
            return Fetched::refused;
        }
        Signature* const fresh =
            make_signature(credential, token.access_token.expose(), old->generation + 1);
        if (is_same) {  // asked early, the endpoint goes on with it
            fresh->generation = old->generation;
            fresh->accepted.store(old->accepted.load(detail::Order::relaxed),
                                  detail::Order::relaxed);
        }
        const std::int64_t lifetime = token.expires_at - now;
        const std::int64_t usable_until = token.expires_at - expiry_margin(lifetime);
        // What a store gives has no window: asked early, it would give the same once more.
        fresh->expires_at = std::is_void_v<Self>
                                ? early_refresh_at(usable_until, lifetime, detail::ThreadRandom{}())
                                : usable_until;
        if (fresh->value.empty()) fresh->expires_at = 0;
        put(pin, fresh, usable_until, token.expires_at);
        return found(pin, false);
    }

    static std::string sentence(const oauth::TokenAnswer& token, std::int64_t skew) {
        std::string text = "token request refused";
        const auto add = [&text](std::string_view what) {
            if (what.empty()) return;
            text += ": ";
            text += what;
        };
        add(token.problem);
        add(token.error_word);
        add(token.message);
        const std::int64_t apart = skew < 0 ? -skew : skew;
        if (apart > skew_tolerance) {
            text += "; the clock of this machine is " + std::to_string(apart) + " seconds ";
            text += skew < 0 ? "ahead of" : "behind";
            text += " the server's";
        }
        return text;
    }

    /// Puts a token that somebody else has obtained in the place of the present one.
    ///
    /// `replacements`   of the credential, before it was asked for.
    template <class Obtained, class Report>
    Fetched take_over(Pin& pin, const Obtained& obtained, std::uint64_t replacements,
                      Report& report) {
        const detail::Locked lock(mutex_);
        if (replacements != replacements_) {
            report.message = "the credential was replaced while its token was on the way";
            return Fetched::failed;
        }
        const Pin old = current_.read();
        Signature* const fresh = make_signature(*credential_.read(), obtained.access_token.expose(),
                                                old->generation + 1);
        fresh->accepted.store(true, detail::Order::relaxed);
        fresh->expires_at = fresh->value.empty() ? 0 : obtained.fresh_until;
        put(pin, fresh, obtained.fresh_until, obtained.expires_at);
        return Fetched::proven;
    }
    std::uint64_t replacements() {
        const detail::Locked lock(mutex_);
        return replacements_;
    }

    detail::Readers readers_{};
    detail::Snapshot<Credential> credential_;
    Snapshot current_;
    detail::Mutex mutex_;
    detail::Waiters ended_;
    std::uint64_t flight_ = 0;
    std::uint64_t failed_flight_ = 0;
    std::uint64_t replacements_ = 0;
    Failure failure_{};
    detail::Atomic<std::int64_t> usable_until_{0};  // unix seconds, of the current signature
    detail::Atomic<std::int64_t> dies_at_{0};       // the same
    detail::Atomic<std::int64_t> pause_until_{0};   // nanoseconds of the steady clock
    detail::Atomic<bool> busy_{false};              // written under the lock, as the pause
    bool pause_is_early_ = false;
    unsigned failures_ = 0;      // in a row
    Duration least_pause_{0};    // owned by the caller that leads: what the endpoint asked for
    std::int64_t dated_by_ = 0;  // as well: seconds that are added to our clock in an assertion
    detail::WakerList wakers_{};
};

template <class Credential, class Self>
template <class Report>
class Source<Credential, Self>::Fetching {
public:
    /// `pin`   gets the signature. To renew, it holds the one that was refused.
    Fetching(Source& source, Pin& pin, bool renew, Report& report,
             detail::Waker* waker = nullptr) noexcept
        : source_(source),
          pin_(pin),
          report_(report),
          waker_(waker),
          refused_(renew && pin ? pin->generation : 0),
          renew_(renew) {}
    Fetching(const Fetching&) = delete;
    Fetching& operator=(const Fetching&) = delete;

    template <class Clock> FetchStep start(Clock& clock) {
        // In the window most callers go on without a lock.
        if (source_.take_live(pin_, refused_, clock) &&
            (source_.busy_.load(detail::Order::relaxed) || source_.pauses(clock)))
            return found();
        return look(clock);
    }
    template <class Clock> FetchStep woken(Clock& clock) {
        {
            const detail::Locked lock(source_.mutex_);
            if (source_.failed_flight_ == joined_)
                return finish(source_.failed_before(pin_, refused_, renew_, clock, report_));
        }
        return look(clock);
    }
    template <class Answer, class Clock> FetchStep answered(const Answer& answer, Clock& clock) {
        if (!(*exchanging_).answered(pin_, answer, clock, report_))
            return led((*exchanging_).outcome(), clock);
        return delay() > Duration{0} ? FetchStep::wait : prepare(clock);
    }
    template <class Clock> FetchStep waited(Clock& clock) { return prepare(clock); }
    FetchStep signed_with(std::string_view signature) {
        (*exchanging_).signed_with(signature);
        return FetchStep::send;
    }
    template <class Clock> FetchStep led(Fetched outcome, Clock& clock) {
        if (outcome <= Fetched::renewed) return finish(renew_ ? Fetched::renewed : outcome);
        if (report_.cancelled) return finish(outcome);  // the others ask for themselves
        (*leading_).failed(outcome, report_, is_early_, clock.now());
        if (!is_early_)
            return source_.take_dying(outcome, pin_, refused_, clock) ? found() : finish(outcome);
        if (source_.take_live(pin_, refused_, clock)) return found();
        leading_.reset();
        return look(clock);  // it died meanwhile, or its credential was replaced
    }
    /// Obtains the token where a source is led by another class; blocks.
    template <class Call, class Exchanger, class Clock>
    FetchStep lead([[maybe_unused]] const Call& call, [[maybe_unused]] const Exchanger& exchanger,
                   Clock& clock) {
        Fetched outcome = Fetched::failed;
        if constexpr (blocks)
            outcome =
                static_cast<Self&>(source_).lead(pin_, call, exchanger, clock, refused_, report_);
        return led(outcome, clock);
    }
    /// The caller does not wait any longer.
    template <class Clock> FetchStep stopped(Clock&) { return finish(Source::stopped(report_)); }

    std::uint64_t joined() const noexcept { return joined_; }
    const auto& request() noexcept { return (*exchanging_).request(); }
    /// Whose request it is, as long as it is not made anew.
    const Credential& credential() noexcept { return (*exchanging_).credential(); }
    Duration delay() noexcept { return (*exchanging_).delay(); }
    Fetched outcome() const noexcept { return outcome_; }
    /// Lets somebody else lead; a request that is on its way is kept.
    void hand_over() noexcept { leading_.reset(); }

private:
    FetchStep finish(Fetched outcome) {
        outcome_ = outcome;
        leading_.reset();
        return FetchStep::finish;
    }
    FetchStep found() { return finish(Source::found(pin_, renew_)); }

    template <class Clock> FetchStep look(Clock& clock) {
        pin_.release();
        {
            const detail::Locked lock(source_.mutex_);
            const bool busy = source_.busy_.load(detail::Order::relaxed);
            is_early_ = source_.take_live(pin_, refused_, clock);
            if (is_early_ &&
                (busy || source_.pauses(clock) || clock.unix_seconds() < pin_->expires_at))
                return found();
            pin_.release();
            if (busy) {
                joined_ = source_.flight_;
                if (waker_ != nullptr) source_.wakers_.add(*waker_);
                return FetchStep::join;
            }
            if (!is_early_ && !source_.pause_is_early_ && source_.pauses(clock))
                return finish(source_.failed_before(pin_, refused_, renew_, clock, report_));
            source_.busy_.store(true, detail::Order::relaxed);
            ++source_.flight_;
            source_.least_pause_ = Duration{0};
            if (is_early_) source_.begin_early(clock.now());
            leading_.set(LeadOf{source_, source_.replacements_});
        }
        if constexpr (std::is_void_v<Self>) {
            exchanging_.set(typename Exchanging::Task{source_, refused_, is_early_});
            return prepare(clock);
        } else {
            return FetchStep::lead;
        }
    }
    template <class Clock> FetchStep prepare(Clock& clock) {
        if ((*exchanging_).prepare(clock, report_))
            return SignsLater<Credential>::value ? FetchStep::sign : FetchStep::send;
        return led((*exchanging_).outcome(), clock);
    }

    // Made where it stays.
    struct LeadOf {
        Source& source;
        std::uint64_t replacements;
    };
    struct Lead : Leading {
        explicit Lead(const LeadOf& of) : Leading(of.source, of.replacements) {}
    };

    Source& source_;
    Pin& pin_;
    Report& report_;
    detail::Waker* waker_;
    const std::uint64_t refused_;
    const bool renew_;
    bool is_early_ = false;
    std::uint64_t joined_ = 0;
    Fetched outcome_ = Fetched::failed;
    detail::Maybe<Exchanging> exchanging_{};
    detail::Maybe<Lead> leading_{};
};

/// What is wrong with the credentials of a client that blocks, which sends their token requests
/// with this exchanger.
template <class Exchanger, class Chain> struct JudgedExchange;
template <class Exchanger, template <class...> class Chain, class... Credentials>
struct JudgedExchange<Exchanger, Chain<Credentials...>> {
    static constexpr bool takes_http = Exchanger::template takes<HttpRequest>;
    static_assert(takes_http,
                  "rekey: a credential of this chain gets its token over HTTP, and the transport "
                  "does not take rekey::HttpRequest. Add ExchangeOver{a transport that does} to "
                  "the client.");
    static constexpr bool signs_at_once = !(SignsLater<Credentials>::value || ...);
    static_assert(signs_at_once,
                  "rekey: SignedLater has a signer that calls back, and this client blocks. Give "
                  "AppAuth a signer that returns its signature, or use driver::callback::Client.");
};

/// What a credential names as its `Exchange` to get its token this way.
struct Exchanged {
    template <class Credential> using Source = token::Source<Credential>;
    template <class Exchanger, class Chain> using Judge = JudgedExchange<Exchanger, Chain>;
};

}  // namespace token
}  // namespace v0_1
}  // namespace rekey

#endif
