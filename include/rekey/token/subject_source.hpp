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
#include <rekey/token/asking.hpp>
#include <rekey/token/signature.hpp>
#include <rekey/token/source.hpp>
#include <rekey/token/user_seats.hpp>

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

template <class Source> class Finishing;  // <rekey/token/finishing.hpp>

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
    /// Whether a caller that leads has to block: somebody else obtains the token.
    static constexpr bool blocks = !std::is_void_v<Self>;

    explicit SubjectSource(const Credential& credential) : credential_(credential) {}

    /// Nothing to look at without knowing whose token is meant.
    static Pin peek() noexcept { return {}; }

    /// Puts a user's signature into `pin`, refreshing the token if that is needed.
    ///
    /// `renew`      the signature in `pin` was refused: only a newer one will do.
    template <class Exchanger, class Clock, class Report>
    Fetched fetch(Pin& pin, bool renew, const detail::CallExtras& extras,
                  const Exchanger& exchanger, Clock& clock, Report& report) {
        Fetching<Report> fetching(*this, pin, renew, report, extras);
        for (FetchStep next = fetching.start(clock);;) {
            switch (next) {
                case FetchStep::sign:  // a refresh needs no assertion
                case FetchStep::finish: fetching.revoke(exchanger); return fetching.outcome();
                case FetchStep::join:
                    next = fetching.ended() ? fetching.woken(clock) : fetching.stopped(clock);
                    break;
                case FetchStep::lead: next = fetching.lead(extras, exchanger, clock); break;
                case FetchStep::send:
                    next =
                        fetching.answered(exchanger(fetching.request().made.http,
                                                    fetching.request().made.authorization.expose(),
                                                    fetching.request().credential),
                                          clock);
                    break;
                case FetchStep::wait:
                    next = extras.stop.sleep(clock, fetching.delay()) ? fetching.waited(clock)
                                                                      : fetching.stopped(clock);
                    break;
            }
        }
    }

    /// One caller's way to a user's token, without I/O and waiting: see `Source::Fetching`.
    template <class Report> class Fetching;

    /// Asks a user to authorize. `refused` is the generation of the token that was refused last, or
    /// 0: a newer token that lives is answer enough.
    template <class Exchanger, class Clock>
    void reauthorize(const oauth::FlowUser& whom, std::uint64_t refused, const Exchanger& exchanger,
                     Clock& clock, oauth::FlowAnswer& answer) {
        const HeldUser user = user_of(whom.subject, clock);
        std::unique_lock<std::mutex> lock(user->mutex);
        if constexpr (std::is_same_v<Exchanger, WithoutWaiting>) {
            if (!ask(*user, lock, exchanger.waiting, whom, refused, exchanger, clock, answer))
                user->wakers.add(exchanger.waker);
        } else {
            Waiting waiting;
            while (!ask(*user, lock, waiting, whom, refused, exchanger, clock, answer)) {
                const auto is_over = [&] {
                    return !user->is_asked || user->asking != waiting.joined;
                };
                if (wait(*user, lock, whom.stop, is_over)) continue;
                answer.cancelled = true;
                return;
            }
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
        if (names_somebody(extras, answer))
            credential_.flow().finish(brought, whom, exchanger, clock, answer);
        return ended(answer, extras, clock);
    }

    /// Takes over tokens that were kept elsewhere, for one user. They count as accepted before.
    template <class Clock>
    void adopt(std::string_view subject, oauth::TokenSet tokens, Clock& clock) {
        const HeldUser user = user_of(subject, clock);
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
    template <class Source> friend class Finishing;
    using Failure = RefreshFailure;
    using User = token::User;
    /// The signature that was refused, if one was.
    struct Refused {
        std::uint64_t generation = 0;
        Secret token{};
    };
    template <class Clock> HeldUser user_of(std::string_view subject, Clock& clock) {
        return HeldUser(seats_.take(subject, clock));
    }
    template <class Act> void with_known(std::string_view subject, const Act& act) {
        seats_.with_known(subject, act);
    }

    /// Waits until another caller has ended; false if this one was stopped first.
    template <class IsOver>
    static bool wait(User& user, std::unique_lock<std::mutex>& lock, const detail::Stop& stop,
                     const IsOver& is_over) {
        while (!is_over()) {
            if (stop.sleeper == nullptr)
                user.ended.wait(lock);
            else if (!detail::sleep_in(user.wakers, lock, stop))
                return false;
        }
        return true;
    }
    static bool names_somebody(const detail::CallExtras& extras, oauth::FlowAnswer& answer) {
        if (!extras.signs_in || !extras.subject.empty()) return true;
        answer.deny(ErrorKind::configuration, "SignedInAs{user} names nobody");
        return false;
    }
    /// Keeps what the end of a flow has brought.
    template <class Clock>
    AuthorizationEnd ended(oauth::FlowAnswer& answer, const detail::CallExtras& extras,
                           Clock& clock) {
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

    /// Under the lock. False: another caller asks; once more when that has ended. True: unlocked,
    /// if this one asked.
    template <class Exchanger, class Clock>
    bool ask(User& user, std::unique_lock<std::mutex>& lock, Waiting& waiting,
             const oauth::FlowUser& whom, std::uint64_t refused, const Exchanger& exchanger,
             Clock& clock, oauth::FlowAnswer& answer) {
        if (std::exchange(waiting.has_joined, false)) {
            if (user.denied_asking >= waiting.joined) {
                answer.deny(user.denial, user.denial_words);
                answer.request = user.denied_request;
                return true;
            }
            waiting.is_shown = waiting.is_shown || user.open_asking >= waiting.joined;
        }
        if (Pin pin; take_if_usable(pin, user, refused, clock)) {
            answer.outcome = Reauthorized::authorized;
            return true;
        }
        if (is_settling(user, clock)) {
            answer.outcome = Reauthorized::settling;
            return true;
        }
        if (user.is_asked) {
            waiting.joined = user.asking;
            waiting.has_joined = true;
            return false;
        }
        oauth::FlowUser asked = whom;
        asked.deliver = !waiting.is_shown && clock.now() >= user.asked_until;
        asked.generation = user.current.read()->generation;
        user.is_asked = true;  // nothing throws from here until `asking` is there to take it back
        ++user.asking;
        lock.unlock();
        {
            const Busy asking(user, user.is_asked);
            credential_.flow().ask(asked, exchanger, clock, answer);
            answer.request.subject = std::string(whom.subject);
            if (answer.is_authorized() && answer.tokens) keep(user, answer, clock);

            const std::lock_guard<std::mutex> again(user.mutex);  // ends before `asking` does
            if (answer.is_authorized()) {
                Pin pin;
                if (!take_if_usable(pin, user, refused, clock))
                    answer.deny(ErrorKind::authorization_denied,
                                "the Redirector said that the user authorized, and no token came");
            }
            if (answer.sent_away)  // until it is over the person is not disturbed again
                user.asked_until = end_of(answer.request, clock);
            if (answer.outcome == Reauthorized::handed_over && asked.deliver)
                user.open_asking = user.asking;  // who waited gets a URL and disturbs nobody
            if (answer.outcome == Reauthorized::denied && !answer.cancelled) {
                user.denied_asking = user.asking;
                user.denial = answer.kind;
                user.denial_words = answer.message;
                user.denied_request = answer.request;
            }
        }
        return true;
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
    /// A token that has not expired, though it is late for a refresh.
    template <class Clock> static bool take_if_alive(Pin& pin, User& user, Clock& clock) {
        if (!user.is_alive(clock)) return false;
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

    Credential credential_;
    UserSeats seats_{};
    oauth::ParkedRequests parked_{};
};

template <class Credential, class Self>
template <class Report>
class SubjectSource<Credential, Self>::Fetching {
    static constexpr bool is_keeper = !blocks;  // of refresh tokens

public:
    /// A refresh token that is on its way is not sent again: its answer counts also when the call
    /// that sent it has ended.
    static constexpr bool outlives_its_call = true;
    struct Request {
        const oauth::TokenRequest& made;
        std::string_view credential;
    };

    /// `pin`      gets the signature. To renew, it holds the one that was refused.
    /// `extras`   of the call; they outlive this.
    Fetching(SubjectSource& source, Pin& pin, bool renew, Report& report,
             const detail::CallExtras& extras, detail::Waker* waker = nullptr)
        : source_(source),
          pin_(pin),
          report_(report),
          extras_(extras),
          waker_(waker),
          renew_(renew) {
        if (renew && pin) refused_ = {pin->generation, Secret(pin->token())};
    }
    Fetching(const Fetching&) = delete;
    Fetching& operator=(const Fetching&) = delete;

    template <class Clock> FetchStep start(Clock& clock) {
        held_.set(source_.seats_.take(extras_.subject, clock));
        if (take_if_usable(pin_, user(), refused_.generation, clock)) return found();
        return look(clock);
    }
    template <class Clock> FetchStep woken(Clock& clock) {
        {
            const std::lock_guard<std::mutex> lock(user().mutex);
            if (user().failed_flight == joined_) {
                if (!renew_ && take_if_alive(pin_, user(), clock)) return found();
                return finish(fail(report_, user().failure));
            }
        }
        return look(clock);
    }
    template <class Answer, class Clock> FetchStep answered(const Answer& answer, Clock& clock) {
        notes_.take(answer, (*exchange_).request());
        return go_on((*exchange_).answered(oauth::endpoint_answer(answer), clock.unix_seconds()),
                     clock);
    }
    template <class Clock> FetchStep waited(Clock&) { return FetchStep::send; }
    /// The caller does not wait any longer. Nothing of his is on its way.
    template <class Clock> FetchStep stopped(Clock& clock) {
        if (leading_ && exchange_) {
            notes_.cancelled = true;
            return conclude(clock);
        }
        report_ = Report{};
        report_.cancelled = true;
        return finish(Fetched::failed);
    }
    /// Obtains the token where a source is led by another class; blocks.
    template <class Exchanger, class Clock>
    FetchStep lead([[maybe_unused]] const detail::CallExtras& extras,
                   [[maybe_unused]] const Exchanger& exchanger, [[maybe_unused]] Clock& clock) {
        if constexpr (!is_keeper) {
            Failure failure;
            std::unique_lock<std::mutex> lock(user().mutex);
            const bool is_refreshed = static_cast<Self&>(source_).lead(
                user(), lock, refused_, extras, exchanger, clock, failure);
            return conclude(is_refreshed, failure, lock, clock);
        } else {
            return FetchStep::finish;
        }
    }
    /// Blocks until the caller that this one has joined has ended; false if it was stopped first.
    bool ended() {
        std::unique_lock<std::mutex> lock(user().mutex);
        return wait(user(), lock, extras_.stop,
                    [this] { return !user().is_refreshing || user().flight != joined_; });
    }
    /// Tells the service of tokens that came after their user had signed out.
    template <class Exchanger> void revoke(const Exchanger& exchanger) {
        if (!signed_out_) return;
        (void)source_.credential_.flow().revoke((*signed_out_).refresh_token,
                                                (*signed_out_).access_token, exchanger);
    }

    Request request() const noexcept { return {(*exchange_).request(), Credential::name}; }
    Duration delay() const noexcept { return delay_; }
    Fetched outcome() const noexcept { return outcome_; }
    /// Lets somebody else lead.
    void hand_over() noexcept { leading_.reset(); }

private:
    struct Lead : Busy {
        explicit Lead(User& user) noexcept : Busy(user, user.is_refreshing) {}
    };
    User& user() noexcept { return **held_; }
    FetchStep finish(Fetched outcome) noexcept {
        outcome_ = outcome;
        return FetchStep::finish;
    }
    FetchStep found() { return finish(SubjectSource::found(pin_, renew_)); }

    template <class Clock> FetchStep look(Clock& clock) {
        pin_.release();
        {
            const std::lock_guard<std::mutex> lock(user().mutex);
            if (take_if_usable(pin_, user(), refused_.generation, clock)) return found();
            if (user().is_refreshing) {
                joined_ = user().flight;
                if (waker_ != nullptr) user().wakers.add(*waker_);
                return FetchStep::join;
            }
            const bool has_none = is_keeper && user().refresh_token.empty();
            const bool pauses = clock.now() < user().refresh_again_at;
            if ((pauses || has_none) && !renew_ && take_if_alive(pin_, user(), clock))
                return found();
            if (has_none) return finish(fail(report_, without_refresh_token(user())));
            // Made while the refresh token is still there: what fails here has sent nothing.
            if constexpr (is_keeper)
                exchange_.set(source_.credential_.flow().refresh_request(user().refresh_token));
            user().is_refreshing = true;
            ++user().flight;
            leading_.set(user());
            if constexpr (is_keeper) {
                version_ = user().version;
                // Gone before it is sent, and back only if it was not taken: a transport that
                // throws in between leaves nothing behind that would be sent twice.
                refresh_token_ = std::exchange(user().refresh_token, Secret{});
                user().lost_refresh = true;
            }
        }
        if constexpr (is_keeper) {
            return go_on((*exchange_).start(clock.unix_seconds()), clock);
        } else {
            return FetchStep::lead;
        }
    }
    template <class Clock> FetchStep go_on(const oauth::ExchangeAction& next, Clock& clock) {
        if (next.step != oauth::ExchangeStep::send || notes_.cancelled) return conclude(clock);
        delay_ = next.delay;
        return delay_ > Duration{0} ? FetchStep::wait : FetchStep::send;
    }
    /// Draws the conclusions from the exchange of this caller.
    template <class Clock> FetchStep conclude(Clock& clock) {
        std::unique_lock<std::mutex> lock(user().mutex);
        if (user().signed_out_at > version_) keep_for_revocation();
        Failure failure = source_.settle(user(), version_, refused_.generation, refresh_token_,
                                         *exchange_, notes_, clock);
        const bool is_refreshed = failure.outcome <= Fetched::renewed ||
                                  (user().version != version_ &&
                                   take_if_usable(pin_, user(), refused_.generation, clock));
        return conclude(is_refreshed, failure, lock, clock);
    }
    template <class Clock>
    FetchStep conclude(bool is_refreshed, Failure& failure, std::unique_lock<std::mutex>& lock,
                       Clock& clock) {
        pin_.release();
        if (is_refreshed && !user().is_alive(clock)) {
            is_refreshed = false;
            failure = Failure{};
            failure.outcome = Fetched::failed;
            failure.message =
                "the new token was over when its answer came, by the clock of this machine; a next "
                "call refreshes it";
        }
        if (is_refreshed) {
            pin_ = user().current.read();  // the new one, however short it lives
            (void)found();
        } else {
            bool is_found = false;
            if (!failure.cancelled) {  // who waits asks for himself after a cancellation
                user().failed_flight = user().flight;
                user().failure = failure;
                is_found = !renew_ && take_if_alive(pin_, user(), clock);
            }
            (void)(is_found ? found() : finish(fail(report_, failure)));
        }
        lock.unlock();
        leading_.reset();
        return FetchStep::finish;
    }
    /// What a refresh brought whose user has signed out meanwhile, or has left unused.
    void keep_for_revocation() {
        if ((*exchange_).outcome() == oauth::RefreshOutcome::refused) return;
        oauth::TokenSet unwanted;
        const oauth::TokenSet* const fresh =
            (*exchange_).tokens().commit([](const oauth::TokenSet&) { return true; });
        if (fresh != nullptr)
            unwanted = *fresh;
        else
            unwanted.refresh_token = refresh_token_;
        signed_out_.set(std::move(unwanted));
    }

    SubjectSource& source_;
    Pin& pin_;
    Report& report_;
    const detail::CallExtras& extras_;
    detail::Waker* waker_;
    const bool renew_;
    Refused refused_{};
    std::uint64_t joined_ = 0;
    std::uint64_t version_ = 0;
    Duration delay_{0};
    Fetched outcome_ = Fetched::failed;
    Secret refresh_token_{};
    oauth::ExchangeNotes notes_{};
    detail::Maybe<oauth::TokenSet> signed_out_{};
    detail::Maybe<HeldUser> held_{};
    detail::Maybe<oauth::RefreshExchange<>> exchange_{};
    detail::Maybe<Lead> leading_{};
};

/// What a credential names as its `Exchange` to keep the tokens of many users this way.
struct PerSubject {
    template <class Credential> using Source = SubjectSource<Credential>;
    template <class Exchanger, class Chain> using Judge = JudgedExchange<Exchanger, Chain>;
};

}  // namespace token
}  // namespace v0_1
}  // namespace rekey

#endif
