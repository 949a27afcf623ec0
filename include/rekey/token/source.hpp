// SPDX-License-Identifier: BSL-1.0
// Source: obtains the token of an exchanging credential and keeps it; one caller at a time asks.
#ifndef REKEY_TOKEN_SOURCE_HPP
#define REKEY_TOKEN_SOURCE_HPP

#include <rekey/action.hpp>
#include <rekey/detail/mutex.hpp>
#include <rekey/extras.hpp>
#include <rekey/oauth/token_response.hpp>
#include <rekey/token/signature.hpp>

#include <cstdint>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

namespace rekey {
inline namespace v0_1 {
namespace token {

/// Seconds before its expiry at which a token is no longer handed out: a tenth of its life, 30 at
/// most, so that a request that starts now still arrives with a live one.
constexpr std::int64_t expiry_margin(std::int64_t lifetime) noexcept {
    return lifetime / 10 < 30 ? lifetime / 10 : 30;
}

/// How often one exchange is tried when the endpoint fails in passing, each time with a new
/// assertion, and the wait before the second try; it doubles after that.
inline constexpr int exchange_tries = 3;
inline constexpr Duration first_exchange_wait = std::chrono::milliseconds{200};

/// The token of one credential, obtained when first needed and kept until shortly before expiry.
///
/// Credential  `token_request(unix_seconds)` gives {http, authorization, problem}: a new one, with
/// a
///             new assertion, for every try; `read_token(status, content_type, body, now)` gives an
///             `oauth::TokenAnswer`.
/// Threads     any number of callers; one of them asks the endpoint, the others wait and share what
///             it got, a failure too. A caller whose transport throws frees the queue.
/// Cost        with a live token: a pinned read, no lock, no allocation.
/// Self        who obtains the token in the place of this class: `lead`, see stored_sources.hpp.
template <class Credential, class Self = void> class Source {
public:
    explicit Source(const Credential& credential)
        : credential_(new Credential(credential), readers_), current_(new Signature, readers_) {}

    Pin peek() { return current_.read(); }

    /// Puts a signature into `pin`, asking the endpoint if there is none that lives.
    ///
    /// `renew`      the signature in `pin` was refused: only a newer one will do.
    /// `call`       what the call said beside its request: who is cancelled does not wait on.
    /// `exchanger`  sends one token request and returns what came back.
    /// `report`     says what happened if the outcome is not a signature.
    template <class Call, class Exchanger, class Clock, class Report>
    Fetched fetch(Pin& pin, bool renew, const Call& call, const Exchanger& exchanger, Clock& clock,
                  Report& report) {
        const detail::Stop stop = stop_of(call);
        const std::uint64_t refused = renew && pin ? pin->generation : 0;
        pin = current_.read();
        if (lives(*pin, clock.unix_seconds()) && pin->generation > refused)
            return found(pin, renew);
        pin.release();

        detail::Locked lock(mutex_);
        for (;;) {
            pin = current_.read();
            if (lives(*pin, clock.unix_seconds()) && pin->generation > refused)
                return found(pin, renew);
            pin.release();
            if (!busy_) break;
            const std::uint64_t joined = flight_;
            while (busy_ && flight_ == joined) {
                if (stop.is_cancelled()) return stopped(report);
                if (stop.flag == nullptr)
                    ended_.wait(mutex_);
                else
                    ended_.wait_a_while(mutex_);
            }
            if (failed_flight_ == joined) {
                report = Report{};
                take(report, failure_);
                return failure_.outcome;
            }
        }
        busy_ = true;
        ++flight_;
        lock.unlock();
        Leading leading{*this};  // frees the queue, also if the transport throws
        Fetched outcome = Fetched::failed;
        if constexpr (std::is_void_v<Self>)
            outcome = exchange(pin, exchanger, clock, stop, refused, report);
        else
            outcome = static_cast<Self&>(*this).lead(pin, call, exchanger, clock, refused, report);
        if (outcome <= Fetched::renewed) return renew ? Fetched::renewed : outcome;
        if (!report.cancelled) leading.failed(outcome, report);  // the others ask for themselves
        return outcome;
    }

    /// Puts another credential in the place of this one; its token is obtained when needed.
    void replace(const Credential& credential) {
        const detail::Locked lock(mutex_);
        credential_.replace(new Credential(credential));
        ++replacements_;
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
        explicit Leading(Source& source) noexcept : source_(source) {}
        Leading(const Leading&) = delete;
        Leading& operator=(const Leading&) = delete;
        ~Leading() {
            const detail::Locked lock(source_.mutex_);
            source_.busy_ = false;
            source_.ended_.wake_all();
        }
        template <class Report> void failed(Fetched outcome, const Report& report) {
            const detail::Locked lock(source_.mutex_);
            source_.failed_flight_ = source_.flight_;
            take(source_.failure_, report);
            source_.failure_.outcome = outcome;
        }

    private:
        Source& source_;
    };

    static detail::Stop stop_of(const detail::CallExtras& call) noexcept { return call.stop; }
    template <class Other> static detail::Stop stop_of(const Other&) noexcept { return {}; }
    template <class Report> static Fetched stopped(Report& report) {
        report = Report{};
        report.cancelled = true;
        return Fetched::failed;
    }

    static bool lives(const Signature& signature, std::int64_t now) noexcept {
        return !signature.value.empty() && now < signature.expires_at;
    }
    static Fetched found(const Pin& pin, bool renew) noexcept {
        if (renew) return Fetched::renewed;
        return pin->accepted.load(detail::Order::relaxed) ? Fetched::proven : Fetched::unproven;
    }

    template <class Exchanger, class Clock, class Report>
    Fetched exchange(Pin& pin, const Exchanger& exchanger, Clock& clock, const detail::Stop& stop,
                     std::uint64_t refused, Report& report) {
        Duration wait = first_exchange_wait;
        for (int attempt = 1;; ++attempt, wait *= 2) {
            const Fetched outcome = exchange_once(pin, exchanger, clock, refused, report);
            const bool passing = outcome == Fetched::failed || outcome == Fetched::not_sent ||
                                 outcome == Fetched::unknown;
            if (!passing || lasting_ || attempt == exchange_tries) return outcome;
            if (!stop.sleep(clock, wait)) return stopped(report);
        }
    }

    template <class Exchanger, class Clock, class Report>
    Fetched exchange_once(Pin& pin, const Exchanger& exchanger, Clock& clock, std::uint64_t refused,
                          Report& report) {
        report = Report{};
        lasting_ = false;
        detail::Locked lock(mutex_);
        const auto pinned = credential_.read();
        const std::uint64_t replacements = replacements_;
        lock.unlock();
        const Credential& credential = *pinned;
        const auto request = credential.token_request(clock.unix_seconds());
        if (!request.problem.empty()) {
            report.reach = Reach::never_sent;
            report.message = request.problem;
            return Fetched::misconfigured;
        }
        const auto answer = exchanger(request.http, request.authorization.expose(),
                                      CredentialTraits<Credential>::name(credential));
        report.reach = answer.reach;
        report.http_status = answer.status;
        report.log_id = answer.log_id;
        if (answer.reach != Reach::answered) {
            report.message = "token request: " + answer.detail;
            lasting_ = answer.lasting;
            report.cancelled = answer.cancelled;
            if (answer.reach == Reach::never_sent) return Fetched::not_sent;
            return Fetched::unknown;
        }
        const std::int64_t now = clock.unix_seconds();
        const oauth::TokenAnswer token =
            credential.read_token(answer.status, answer.content_type, answer.body, now);
        report.has_service_code = token.has_service_code;
        report.service_code = token.service_code;
        if (report.log_id.empty()) report.log_id = token.log_id;
        report.message = sentence(token);
        const std::string_view sent = request.authorization.expose();  // without its scheme
        detail::cut_out(report.message, sent.substr(sent.find(' ') + 1));
        switch (token.outcome) {
            case oauth::TokenOutcome::granted:
                return publish(pin, credential, token, now, refused, replacements, report);
            case oauth::TokenOutcome::refused: return Fetched::refused;
            case oauth::TokenOutcome::misconfigured: return Fetched::misconfigured;
            case oauth::TokenOutcome::failed: break;
            case oauth::TokenOutcome::malformed: lasting_ = true; break;
        }
        return Fetched::failed;
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
        if (refused != 0 && old->generation == refused &&
            constant_time_equal(old->token(), token.access_token.expose())) {
            report.message = "the token endpoint gave the refused token once more";
            return Fetched::refused;
        }
        Signature* const fresh =
            make_signature(credential, token.access_token.expose(), old->generation + 1);
        fresh->expires_at = token.expires_at - expiry_margin(token.expires_at - now);
        current_.replace(fresh);
        pin = current_.read();  // here, under the lock: a replacement may follow at once
        return Fetched::unproven;
    }

    static std::string sentence(const oauth::TokenAnswer& token) {
        std::string text = "token request refused";
        const auto add = [&text](std::string_view what) {
            if (what.empty()) return;
            text += ": ";
            text += what;
        };
        add(token.problem);
        add(token.error_word);
        add(token.message);
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
        fresh->expires_at = obtained.fresh_until;
        fresh->accepted.store(true, detail::Order::relaxed);
        current_.replace(fresh);
        pin = current_.read();
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
    bool busy_ = false;
    bool lasting_ = false;  // owned by the caller that leads
};

/// What a credential names as its `Exchange` to get its token this way.
struct Exchanged {
    template <class Credential> using Source = token::Source<Credential>;
};

}  // namespace token
}  // namespace v0_1
}  // namespace rekey

#endif
