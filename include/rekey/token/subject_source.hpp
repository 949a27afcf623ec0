// SPDX-License-Identifier: BSL-1.0
// SubjectSource: the tokens of many users, each refreshed and asked for by one caller at a time.
#ifndef REKEY_TOKEN_SUBJECT_SOURCE_HPP
#define REKEY_TOKEN_SUBJECT_SOURCE_HPP

#include <rekey/action.hpp>
#include <rekey/detail/atomic.hpp>
#include <rekey/oauth/flow.hpp>
#include <rekey/oauth/parked.hpp>
#include <rekey/oauth/revocation.hpp>
#include <rekey/stop_signal.hpp>
#include <rekey/token/signature.hpp>
#include <rekey/token/source.hpp>

#include <algorithm>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <iterator>
#include <map>
#include <mutex>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

namespace rekey {
inline namespace v0_1 {
namespace token {

/// So long after an authorization its token counts as new: a refusal is answered by waiting and
/// repeating, not by asking the user once more.
inline constexpr Duration settling_time = std::chrono::seconds{10};

/// So long a refresh that failed in passing is not tried again while the old token still lives.
inline constexpr Duration refresh_pause = std::chrono::seconds{5};

/// Of so many users who were sent away a source remembers that it need not disturb them again.
inline constexpr std::size_t most_sent_away = 10000;

/// The tokens of the users of one app, kept in memory.
///
/// A token is refreshed shortly before it expires, and once after a refusal if it had been accepted
/// before. A refresh token is sent once: its successor is stored before the new access token is
/// used, and after a send without an answer it is not sent again, but the user is asked. While a
/// refresh fails in passing, the old token serves until it really expires. A user whose tokens are
/// dead is forgotten when room is made for others.
///
/// Credential   `flow()`, which makes refresh requests and asks users.
/// Threads      any number of callers; per user one of them talks to the endpoint or asks, the
///              others wait and share what came of it. A caller whose transport throws frees them.
/// Cost         with a live token: a lookup under a lock, a pinned read, two clocks.
/// Self         who refreshes in the place of this class: `lead`, see stored_sources.hpp.
/// Source       RFC 6749 §6; RFC 9700 §4.14; coze-api §3 E9
template <class Credential, class Self = void> class SubjectSource {
public:
    static constexpr bool asks_users = true;

    explicit SubjectSource(const Credential& credential) : credential_(credential) {}

    /// Nothing to look at without knowing whose token is meant.
    static Pin peek() noexcept { return {}; }

    /// Puts a user's signature into `pin`, refreshing the token if that is needed.
    ///
    /// `renew`      the signature in `pin` was refused: only a newer one will do.
    template <class Exchanger, class Clock, class Report>
    Fetched fetch(Pin& pin, bool renew, const detail::CallExtras& extras,
                  const Exchanger& exchanger, Clock& clock, Report& report) {
        constexpr bool is_keeper = std::is_void_v<Self>;  // of refresh tokens
        Refused refused;
        if (renew && pin) refused = {pin->generation, Secret(pin->token())};
        const Held user = user_of(extras.subject, clock);
        if (take_if_usable(pin, *user, refused.generation, clock)) return found(pin, renew);

        std::unique_lock<std::mutex> lock(user->mutex);
        for (;;) {
            if (take_if_usable(pin, *user, refused.generation, clock)) return found(pin, renew);
            if (!user->is_refreshing) break;
            const std::uint64_t joined = user->flight;
            const auto is_over = [&] { return !user->is_refreshing || user->flight != joined; };
            if (!wait(*user, lock, extras.stop, is_over)) return stopped(report);
            if (user->failed_flight != joined) continue;
            if (!renew && take_if_alive(pin, *user, clock)) return found(pin, renew);
            return fail(report, user->failure);
        }
        const bool has_none = is_keeper && user->refresh_token.empty();
        const bool pauses = clock.now() < user->refresh_again_at;
        if ((pauses || has_none) && !renew && take_if_alive(pin, *user, clock))
            return found(pin, renew);
        if (has_none) return fail(report, without_refresh_token(*user));

        user->is_refreshing = true;
        ++user->flight;
        const Busy refreshing{*user, user->is_refreshing, lock};
        Failure failure;
        bool is_refreshed = false;
        if constexpr (is_keeper)
            is_refreshed = lead(*user, lock, refused, extras, exchanger, clock, failure);
        else
            is_refreshed = static_cast<Self&>(*this).lead(*user, lock, refused, extras, exchanger,
                                                          clock, failure);
        if (is_refreshed) {
            pin = user->current.read();  // the new one, however short it lives
            return found(pin, renew);
        }
        if (!failure.cancelled) {  // who waits asks for himself after a cancellation
            user->failed_flight = user->flight;
            user->failure = failure;
            if (!renew && take_if_alive(pin, *user, clock)) return found(pin, renew);
        }
        pin.release();
        return fail(report, failure);
    }

    /// Asks a user to authorize. `refused` is the generation of the token that was refused last, or
    /// 0: a newer token that lives is answer enough.
    template <class Exchanger, class Clock>
    void reauthorize(const oauth::FlowUser& whom, std::uint64_t refused, const Exchanger& exchanger,
                     Clock& clock, oauth::FlowAnswer& answer) {
        const Held user = user_of(whom.subject, clock);
        std::unique_lock<std::mutex> lock(user->mutex);
        bool is_shown = false;  // while this call waited, the person was asked and did not come
        for (;;) {
            Pin pin;
            if (take_if_usable(pin, *user, refused, clock)) {
                answer.outcome = Reauthorized::authorized;
                return;
            }
            if (is_settling(*user, clock)) {
                answer.outcome = Reauthorized::settling;
                return;
            }
            if (!user->is_asked) break;
            const std::uint64_t joined = user->asking;
            const auto is_over = [&] { return !user->is_asked || user->asking != joined; };
            if (!wait(*user, lock, whom.stop, is_over)) {
                answer.cancelled = true;
                return;
            }
            if (user->denied_asking >= joined) {
                answer.deny(user->denial, user->denial_words);
                answer.request = user->denied_request;
                return;
            }
            is_shown = is_shown || user->open_asking >= joined;
        }
        user->is_asked = true;
        ++user->asking;
        oauth::FlowUser asked = whom;
        asked.deliver = !is_shown && clock.now() >= user->asked_until;
        asked.generation = user->current.read()->generation;
        lock.unlock();
        const Busy asking{*user, user->is_asked, lock};
        credential_.flow().ask(asked, exchanger, clock, answer);
        answer.request.subject = std::string(whom.subject);
        if (answer.is_authorized() && answer.tokens) keep(*user, answer, clock);

        lock.lock();
        if (answer.is_authorized()) {
            Pin pin;
            if (!take_if_usable(pin, *user, refused, clock))
                answer.deny(ErrorKind::authorization_denied,
                            "the Redirector said that the user authorized, and no token came");
        }
        if (answer.sent_away)  // until it is over the person is not disturbed again
            user->asked_until = end_of(answer.request, clock);
        if (answer.outcome == Reauthorized::handed_over && asked.deliver)
            user->open_asking = user->asking;  // who waited gets a URL and disturbs nobody
        if (answer.outcome == Reauthorized::denied && !answer.cancelled) {
            user->denied_asking = user->asking;
            user->denial = answer.kind;
            user->denial_words = answer.message;
            user->denied_request = answer.request;
        }
    }

    /// The same for a call: what it said beside its request, and the request, which waits here if
    /// its user is sent away.
    template <class Request, class Exchanger, class Clock, class Report>
    Reauthorized ask(const detail::CallExtras& extras, std::uint64_t refused,
                     const Request& request, const Exchanger& exchanger, Clock& clock,
                     Report& report) {
        const Binding binding(extras.binding);
        oauth::FlowUser whom;
        whom.subject = extras.subject;
        whom.binding = extras.has_binding ? &binding : nullptr;
        whom.stop = extras.stop;
        oauth::FlowAnswer answer;
        reauthorize(whom, refused, exchanger, clock, answer);
        if constexpr (std::is_copy_constructible_v<Request>) {
            if (answer.outcome == Reauthorized::handed_over)
                parked_.keep(Resumable<Request>(request, answer.request.flow, extras),
                             answer.request.expires_at, clock.unix_seconds());
        }
        report.request = std::move(answer.request);
        report.kind = answer.kind;
        report.message = std::move(answer.message);
        report.log_id = std::move(answer.log_id);
        report.cancelled = answer.cancelled;
        return answer.outcome;
    }

    /// Begins an authorization that no refused request asked for: a page to sign in.
    template <class Exchanger, class Clock>
    AuthorizationBegin begin(const detail::CallExtras& extras, const Exchanger& exchanger,
                             Clock& clock) {
        const Binding binding(extras.binding);
        oauth::FlowUser whom;
        whom.subject = extras.subject;
        whom.binding = extras.has_binding ? &binding : nullptr;
        whom.return_to = extras.return_to;
        whom.stop = extras.stop;
        with_known(whom.subject,
                   [&whom](User& user) { whom.generation = user.current.read()->generation; });
        oauth::FlowAnswer answer;
        credential_.flow().begin(whom, exchanger, clock, answer);
        answer.request.subject = std::string(whom.subject);
        return {std::move(answer.request), std::move(answer.message)};
    }

    /// Ends a flow that was handed over, by what the browser brought or by polling on; the tokens
    /// of the user are there afterwards.
    template <class Exchanger, class Clock>
    AuthorizationEnd finish(std::string_view brought, const detail::CallExtras& extras,
                            const Exchanger& exchanger, Clock& clock) {
        const Binding binding(extras.binding);
        oauth::FlowUser whom;
        whom.binding = extras.has_binding ? &binding : nullptr;
        whom.stop = extras.stop;
        const Looker<Clock> looker{this, &clock};
        if (!extras.signs_in) whom.newer = {&looker, &Looker<Clock>::has};
        oauth::FlowAnswer answer;
        if (extras.signs_in && extras.subject.empty())
            answer.deny(ErrorKind::configuration, "SignedInAs{user} names nobody");
        else
            credential_.flow().finish(brought, whom, exchanger, clock, answer);
        if (!answer.request.flow.empty()) {
            // Once it is over the next refusal is brought to the person again.
            with_known(answer.request.subject, [&answer](User& user) {
                if (!answer.sent_away) user.asked_until = TimePoint{};
            });
            if (answer.is_authorized()) {
                if (extras.signs_in) answer.request.subject = std::string(extras.subject);
                if (answer.tokens) keep(*user_of(answer.request.subject, clock), answer, clock);
            }
        }
        AuthorizationEnd end;
        end.is_authorized = answer.is_authorized();
        end.kind = answer.cancelled ? ErrorKind::cancelled : answer.kind;
        end.message = std::move(answer.message);
        end.log_id = std::move(answer.log_id);
        end.subject = std::move(answer.request.subject);
        end.return_to = std::move(answer.return_to);
        end.flow = std::move(answer.request.flow);
        if (end.kind == ErrorKind::authorization_needed) end.url = std::move(answer.request.url);
        return end;
    }

    /// Takes over tokens that were kept elsewhere, for one user. They count as accepted before.
    template <class Clock>
    void adopt(std::string_view subject, oauth::TokenSet tokens, Clock& clock) {
        const Held user = user_of(subject, clock);
        oauth::UncommittedTokens held{std::move(tokens)};
        const std::lock_guard<std::mutex> lock(user->mutex);
        ++user->version;
        publish(*user, held, true, clock);
    }

    /// Forgets the tokens of a user. Calls that run finish with the old ones.
    void forget(std::string_view subject) {
        with_known(subject, [](User& user) { forget(user); });
    }

    /// The same, and tells the service if it wants to know. A refresh that is on its way tells it
    /// of what it brings.
    template <class Exchanger>
    oauth::SignOut sign_out(std::string_view subject, const Exchanger& exchanger) {
        Secret refresh_token;
        Secret access_token;
        with_known(subject, [&](User& user) {
            refresh_token = user.refresh_token;
            access_token = Secret(user.current.read()->token());
            forget(user);
            user.signed_out_at = user.version;
        });
        return credential_.flow().revoke(refresh_token, access_token, exchanger);
    }

    /// The requests that wait for a user who was sent away.
    oauth::ParkedRequests& parked() noexcept { return parked_; }

protected:
    /// How a refresh failed; shared by all who waited for it.
    struct Failure {
        Fetched outcome = Fetched::refused;
        oauth::ExchangeNotes notes{};
        bool has_service_code = false;
        std::int64_t service_code = 0;
        std::string message{};
        bool cancelled = false;
    };
    /// The signature that was refused, if one was.
    struct Refused {
        std::uint64_t generation = 0;
        Secret token{};
    };
    /// What is known about a user. All of it is gone when the user is forgotten.
    struct Standing {
        Secret refresh_token{};
        std::int64_t dies_at = 0;         // unix seconds: when the access token really expires
        TimePoint dies_at_latest{};       // the same on the clock that nobody sets back
        std::uint64_t version = 0;        // grows with each change that a refresh must not undo
        std::uint64_t signed_out_at = 0;  // the version that a sign-out made
        bool lost_refresh = false;  // a refresh token was sent and nobody knows what became of it
        bool has_authorized = false;
        TimePoint authorized_at{};
        std::uint64_t authorized_generation = 0;
        TimePoint refresh_again_at{};
        bool is_refreshing = false;
        std::uint64_t flight = 0;
        std::uint64_t failed_flight = 0;
        Failure failure{};
        bool is_asked = false;
        std::uint64_t asking = 0;
        std::uint64_t denied_asking = 0;  // the last one that ended in a refusal
        ErrorKind denial = ErrorKind::authorization_denied;
        std::string denial_words{};
        AuthorizationRequest denied_request{};
        std::uint64_t open_asking = 0;  // the last one whose person was asked and is not back
        TimePoint asked_until{};        // until then a Redirector has sent the user away
    };
    struct User : Standing {
        detail::Atomic<unsigned> holders{0};
        // A user's own: a call that streams for another keeps no old token of this one alive.
        detail::Readers readers{};
        Snapshot current{new Signature, readers};
        std::mutex mutex{};
        std::condition_variable ended{};  // a refresh or a question
        detail::WakerList sleepers{};     // those of them whose call may be stopped
    };

    /// Lets the others go on when the caller that was busy for all is done, or throws.
    class Busy {
    public:
        Busy(User& user, bool& flag, std::unique_lock<std::mutex>& lock) noexcept
            : user_(user), flag_(flag), lock_(lock) {}
        Busy(const Busy&) = delete;
        Busy& operator=(const Busy&) = delete;
        ~Busy() {
            if (!lock_.owns_lock()) lock_.lock();
            flag_ = false;
            user_.ended.notify_all();
            user_.sleepers.wake_all();
        }

    private:
        User& user_;
        bool& flag_;
        std::unique_lock<std::mutex>& lock_;
    };
    /// A user that is not dropped while somebody works with it.
    class Held {
    public:
        explicit Held(User& user) noexcept : user_(user) {
            user_.holders.fetch_add(1, detail::Order::relaxed);
        }
        Held(const Held&) = delete;
        Held& operator=(const Held&) = delete;
        ~Held() { user_.holders.fetch_sub(1, detail::Order::release); }
        User& operator*() const noexcept { return user_; }
        User* operator->() const noexcept { return &user_; }

    private:
        User& user_;
    };

    /// For the caller that talks to the endpoint. Begins and ends under the lock of the user; true:
    /// there is a token that will do.
    template <class Exchanger, class Clock>
    bool lead(User& user, std::unique_lock<std::mutex>& lock, const Refused& refused,
              const detail::CallExtras& extras, const Exchanger& exchanger, Clock& clock,
              Failure& failure) {
        const std::uint64_t version = user.version;
        // Gone before it is sent, and back only if it was not taken: a transport that throws in
        // between leaves nothing behind that would be sent twice.
        const Secret refresh_token = std::exchange(user.refresh_token, Secret{});
        user.lost_refresh = true;
        lock.unlock();
        oauth::RefreshExchange<> exchange(credential_.flow().refresh_request(refresh_token));
        const oauth::ExchangeNotes notes =
            oauth::run_exchange(exchange, Credential::name, extras.stop, exchanger, clock);

        lock.lock();
        if (user.signed_out_at > version) {
            lock.unlock();
            revoke(refresh_token, exchange, exchanger);
            lock.lock();
        }
        failure = settle(user, version, refused.generation, refresh_token, exchange, notes, clock);
        if (failure.outcome <= Fetched::renewed) return true;
        Pin pin;
        return user.version != version && take_if_usable(pin, user, refused.generation, clock);
    }

    template <class Clock> Held user_of(std::string_view subject, Clock& clock) {
        const std::lock_guard<std::mutex> lock(mutex_);
        const auto place = users_.find(subject);
        if (place != users_.end()) return Held(place->second);
        if (users_.size() >= sweep_at_) sweep(clock);
        User& user = seat_for(std::string(subject));
        if (newest_dropped_ != 0) {
            Signature* const none = new Signature;
            none->generation = newest_dropped_ + 1;
            user.current.replace(none);
        }
        return Held(user);
    }
    User& seat_for(std::string subject) {
        if (spare_.empty()) return users_[std::move(subject)];
        auto seat = spare_.extract(spare_.begin());
        seat.key() = std::move(subject);
        return users_.insert(std::move(seat)).position->second;
    }
    /// Does something under the lock of a user; about one whom nobody knows nothing is kept.
    template <class Act> void with_known(std::string_view subject, const Act& act) {
        std::unique_lock<std::mutex> all(mutex_);
        const auto place = users_.find(subject);
        if (place == users_.end()) return;
        const Held user(place->second);
        all.unlock();
        const std::lock_guard<std::mutex> lock(user->mutex);
        act(*user);
    }
    /// Drops the users whose tokens are dead. Each sweep doubles the size at which the next one
    /// comes, so that it costs little per user. Of too many who were sent away none is remembered:
    /// their Redirector is told again.
    template <class Clock> void sweep(Clock& clock) {
        if (drop(clock, false) >= most_sent_away) (void)drop(clock, true);
        sweep_at_ = 2 * users_.size() < first_sweep ? first_sweep : 2 * users_.size();
    }
    /// Says how many are left that were sent away and have no token.
    ///
    /// Nobody works with a user who is idle, and who wants to needs `mutex_`. But a call may still
    /// hold the token: it is retired like any other that was replaced, and its readers have to
    /// outlive that hold. So a seat is never destroyed, only given to somebody else.
    template <class Clock> std::size_t drop(Clock& clock, bool also_sent_away) {
        std::size_t sent_away = 0;
        for (auto place = users_.begin(); place != users_.end();) {
            const auto here = place++;
            User& user = here->second;
            const bool is_idle = user.holders.load(detail::Order::acquire) == 0;
            if (!is_idle || !user.refresh_token.empty() || is_alive(user, clock)) continue;
            if (!also_sent_away && clock.now() < user.asked_until) {
                ++sent_away;
                continue;
            }
            // Who comes back goes on counting, for calls that remember which token was refused.
            newest_dropped_ = (std::max)(newest_dropped_, user.current.read()->generation);
            user.current.replace(new Signature);
            static_cast<Standing&>(user) = Standing{};
            auto seat = users_.extract(here);
            seat.key().clear();
            spare_.insert(std::move(seat));
        }
        return sent_away;
    }

    /// Waits until another caller has ended; false if this one was stopped first.
    template <class IsOver>
    static bool wait(User& user, std::unique_lock<std::mutex>& lock, const detail::Stop& stop,
                     const IsOver& is_over) {
        while (!is_over()) {
            if (stop.sleeper == nullptr)
                user.ended.wait(lock);
            else if (!detail::sleep_in(user.sleepers, lock, stop))
                return false;
        }
        return true;
    }
    template <class Report> static Fetched stopped(Report& report) {
        report = Report{};
        report.cancelled = true;
        return Fetched::failed;
    }

    template <class Clock>
    static bool take_if_usable(Pin& pin, User& user, std::uint64_t refused, Clock& clock) {
        pin = user.current.read();
        if (!pin->value.empty() && pin->generation > refused &&
            clock.unix_seconds() < pin->expires_at && clock.now() < pin->expires_at_latest)
            return true;
        pin.release();
        return false;
    }
    /// A token of a moment ago that nobody was accepted with yet: it is repeated, not asked for.
    template <class Clock> static bool is_settling(User& user, Clock& clock) {
        const bool is_new = user.has_authorized && clock.now() - user.authorized_at < settling_time;
        Pin pin;
        return is_new && take_if_alive(pin, user, clock) &&
               pin->generation == user.authorized_generation &&
               !pin->accepted.load(detail::Order::relaxed);
    }
    template <class Clock> static bool is_alive(const User& user, Clock& clock) {
        return clock.unix_seconds() < user.dies_at && clock.now() < user.dies_at_latest;
    }
    /// A token that has not expired, though it is late for a refresh.
    template <class Clock> static bool take_if_alive(Pin& pin, User& user, Clock& clock) {
        if (!is_alive(user, clock)) return false;
        pin = user.current.read();
        if (!pin->value.empty()) return true;
        pin.release();
        return false;
    }
    static Fetched found(const Pin& pin, bool renew) noexcept {
        if (renew) return Fetched::renewed;
        return pin->accepted.load(detail::Order::relaxed) ? Fetched::proven : Fetched::unproven;
    }
    /// When an authorization is over, on the clock that nobody sets back.
    template <class Clock>
    static TimePoint end_of(const AuthorizationRequest& request, Clock& clock) {
        const std::int64_t now = clock.unix_seconds();
        const std::int64_t left = request.expires_at > now ? request.expires_at - now : 0;
        return clock.now() +
               std::chrono::seconds{(std::min)(left, oauth::detail::longest_lifetime)};
    }
    /// Whether a flow that waits need not wait any more.
    template <class Clock> struct Looker {
        SubjectSource* source;
        Clock* clock;

        static bool has(const void* looker, std::string_view subject, std::uint64_t since) {
            const Looker& here = *static_cast<const Looker*>(looker);
            bool is_here = false;
            here.source->with_known(subject, [&](User& user) {
                Pin pin;
                is_here = take_if_usable(pin, user, since, *here.clock);
            });
            return is_here;
        }
    };
    /// What a refresh brought whose user has signed out meanwhile, or has left unused.
    template <class Exchanger>
    void revoke(const Secret& refresh_token, oauth::RefreshExchange<>& exchange,
                const Exchanger& exchanger) {
        if (exchange.outcome() == oauth::RefreshOutcome::refused) return;
        const oauth::TokenSet* const tokens =
            exchange.tokens().commit([](const oauth::TokenSet&) { return true; });
        (void)credential_.flow().revoke(tokens != nullptr ? tokens->refresh_token : refresh_token,
                                        tokens != nullptr ? tokens->access_token : Secret{},
                                        exchanger);
    }
    /// Under the lock.
    static void forget(User& user) {
        ++user.version;
        user.refresh_token = Secret{};
        user.lost_refresh = false;
        user.asked_until = TimePoint{};
        user.authorized_at = TimePoint{};
        user.has_authorized = false;
        user.dies_at = 0;
        Signature* const none = new Signature;
        none->generation = user.current.read()->generation + 1;
        user.current.replace(none);
    }
    template <class Report> static Fetched fail(Report& report, const Failure& failure) {
        report = Report{};
        report.reach = failure.notes.reach;
        report.cancelled = failure.cancelled;
        report.http_status = failure.notes.http_status;
        report.has_service_code = failure.has_service_code;
        report.service_code = failure.service_code;
        report.message = failure.message;
        report.log_id = failure.notes.log_id;
        return failure.outcome;
    }
    static Failure without_refresh_token(const User& user) {
        Failure failure;
        failure.message = user.lost_refresh
                              ? "the answer to the last refresh was lost, so the refresh token "
                                "may be used up"
                              : "this user has not authorized, or the authorization is over";
        return failure;
    }

    /// Draws the conclusions from a refresh, under the lock.
    template <class Clock>
    Failure settle(User& user, std::uint64_t version, std::uint64_t refused,
                   const Secret& refresh_token, oauth::RefreshExchange<>& exchange,
                   const oauth::ExchangeNotes& notes, Clock& clock) {
        Failure failure;
        failure.notes = notes;
        failure.cancelled = notes.cancelled;
        if (failure.notes.log_id.empty()) failure.notes.log_id = exchange.details().log_id;
        failure.has_service_code = exchange.details().has_service_code;
        failure.service_code = exchange.details().service_code;
        if (user.version != version) {  // the user authorized anew, or signed out: that counts
            failure.outcome = user.refresh_token.empty() ? Fetched::refused : Fetched::failed;
            failure.message = "the user's tokens were replaced while they were being refreshed";
            return failure;
        }
        failure.message = "refreshing the user's token: " + words_of(exchange, notes);
        switch (exchange.outcome()) {
            case oauth::RefreshOutcome::ok:
                if (publish(user, exchange.tokens(), false, clock, refused)) {
                    failure.outcome = Fetched::unproven;
                } else {
                    failure.outcome = Fetched::refused;
                    failure.message = "the token endpoint gave the refused token once more";
                }
                return failure;
            case oauth::RefreshOutcome::refused:
                user.lost_refresh = false;
                if (exchange.refusal() == oauth::Refusal::client) {
                    user.refresh_token = refresh_token;
                    failure.outcome = Fetched::misconfigured;
                    return failure;
                }
                failure.outcome = Fetched::refused;  // dead: nobody sends it again
                return failure;
            case oauth::RefreshOutcome::unknown: failure.outcome = Fetched::refused; return failure;
            case oauth::RefreshOutcome::not_sent: break;
        }
        user.refresh_token = refresh_token;
        user.lost_refresh = false;
        user.refresh_again_at = clock.now() + refresh_pause;
        failure.outcome = notes.reach == Reach::answered ? Fetched::failed : Fetched::not_sent;
        return failure;
    }

    /// Stores tokens, then lets them be used. False: the access token is the refused one.
    template <class Clock>
    bool publish(User& user, oauth::UncommittedTokens& fresh, bool accepted, Clock& clock,
                 std::uint64_t refused = 0) {
        const oauth::TokenSet* const tokens = fresh.commit([&user](const oauth::TokenSet& set) {
            user.refresh_token = set.refresh_token;
            return true;
        });
        user.lost_refresh = false;
        user.refresh_again_at = TimePoint{};
        user.asked_until = TimePoint{};
        const Pin old = user.current.read();
        if (refused != 0 && old->generation == refused &&
            constant_time_equal(old->token(), tokens->access_token.expose()))
            return false;
        const std::int64_t now = clock.unix_seconds();
        std::int64_t lifetime = 0;  // what was kept elsewhere may say anything
        if (tokens->expires_at > now)
            lifetime = (std::min)(tokens->expires_at - now, oauth::detail::longest_lifetime);
        user.dies_at = now + lifetime;
        user.dies_at_latest = clock.now() + std::chrono::seconds{lifetime};
        Signature* const signature =
            make_signature(credential_, tokens->access_token.expose(), old->generation + 1);
        signature->expires_at = user.dies_at - expiry_margin(lifetime);
        signature->expires_at_latest =
            user.dies_at_latest - std::chrono::seconds{expiry_margin(lifetime)};
        signature->accepted.store(accepted, detail::Order::relaxed);
        user.current.replace(signature);
        return true;
    }
    /// The tokens of an authorization: they replace whatever was there.
    template <class Clock> void keep(User& user, oauth::FlowAnswer& answer, Clock& clock) {
        const std::lock_guard<std::mutex> lock(user.mutex);
        ++user.version;
        publish(user, answer.tokens, false, clock);
        user.has_authorized = true;
        user.authorized_at = clock.now();
        user.authorized_generation = user.current.read()->generation;
    }

    static constexpr std::size_t first_sweep = 1024;

    Credential credential_;
    std::mutex mutex_{};
    std::map<std::string, User, std::less<>> users_{};
    std::multimap<std::string, User, std::less<>> spare_{};  // seats of users who were dropped
    std::uint64_t newest_dropped_ = 0;                       // the highest generation among them
    std::size_t sweep_at_ = first_sweep;
    oauth::ParkedRequests parked_{};
};

/// What a credential names as its `Exchange` to keep the tokens of many users this way.
struct PerSubject {
    template <class Credential> using Source = SubjectSource<Credential>;
};

}  // namespace token
}  // namespace v0_1
}  // namespace rekey

#endif
