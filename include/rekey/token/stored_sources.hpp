// SPDX-License-Identifier: BSL-1.0
// StoredSource and StoredSubjectSource: sources of tokens that lie in a store.
#ifndef REKEY_TOKEN_STORED_SOURCES_HPP
#define REKEY_TOKEN_STORED_SOURCES_HPP

#include <rekey/detail/shared.hpp>
#include <rekey/token/shared_tokens.hpp>
#include <rekey/token/source.hpp>
#include <rekey/token/subject_source.hpp>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <mutex>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

namespace rekey {
inline namespace v0_1 {
namespace token {

template <class Exchange, class Credential, class Tokens> struct StoredSourceOf;

namespace store_parts {

template <class Credential, class = void> struct SaysWhose : std::false_type {};
template <class Credential>
struct SaysWhose<Credential,
                 std::enable_if_t<std::is_convertible_v<
                     decltype(std::declval<const Credential&>().stored_as()), std::string>>>
    : std::true_type {};

}  // namespace store_parts

/// A credential whose tokens lie in a store: the same, with the store beside it.
template <class Credential, class Tokens> struct InStore : Credential {
    using Keeper = rekey::detail::Shared<SharedTokens<Tokens>>;
    struct Exchange {
        template <class>
        using Source =
            typename StoredSourceOf<typename Credential::Exchange, Credential, Tokens>::type;
    };

    InStore(const Credential& credential, Keeper shared)
        : Credential(credential), keeper(std::move(shared)) {}
    Keeper keeper;
};

/// The token of an app: obtained once for all processes, and by each for itself while the store
/// does not answer.
template <class Credential, class Tokens>
class StoredSource : public Source<InStore<Credential, Tokens>, StoredSource<Credential, Tokens>> {
    using Stored = InStore<Credential, Tokens>;
    using Base = Source<Stored, StoredSource>;

public:
    explicit StoredSource(const Stored& credential)
        : Base(credential), keeper_(credential.keeper) {}

    void replace(const Credential& credential) { Base::replace(Stored(credential, keeper_)); }

    /// For the caller that talks to the endpoint: the others of this process wait for it.
    template <class Extras, class Exchanger, class Clock, class Report>
    Fetched lead(Pin& pin, const Extras& extras, const Exchanger& exchanger, Clock& clock,
                 std::uint64_t refused, Report& report) {
        const std::uint64_t replacements = this->replacements();
        const std::string key = keeper_->key(this->credential_.read()->stored_as(), {});
        Secret refused_token;
        if (const Pin old = this->current_.read(); refused != 0 && old->generation == refused)
            refused_token = Secret(old->token());
        report = Report{};
        Fetched outcome = Fetched::failed;
        bool has_sent = false;
        const auto send = [&](const Secret&, const auto&) {
            has_sent = true;
            outcome = this->exchange(pin, exchanger, clock, extras.stop, refused, report);
            SentTokens sent;
            sent.outcome = outcome == Fetched::misconfigured ? Spent::misfit : Spent::not_sent;
            if (outcome > Fetched::renewed) return sent;
            if (this->replacements() != replacements) return sent;  // of another record
            sent.outcome = Spent::ok;
            sent.tokens.access_token = Secret(pin->token());
            sent.tokens.expires_at = whole(pin->expires_at, clock.unix_seconds());
            return sent;
        };
        const Obtained obtained = keeper_->obtain(Grant::repeatable, key, refused_token.expose(),
                                                  extras.stop, clock, send, extras.time_limit);
        if (has_sent && outcome <= Fetched::renewed) return outcome;
        if (obtained.has_token() && !(has_sent && holds(obtained.access_token))) {
            const Fetched taken = this->take_over(pin, obtained, replacements, report);
            if (taken > Fetched::renewed)  // it was replaced
                return lead(pin, extras, exchanger, clock, refused, report);
            if (!has_sent) return taken;
        }
        pin.release();
        if (has_sent) return outcome;  // a pause follows; an old token serves meanwhile
        report.reach = Reach::never_sent;
        report.cancelled = obtained.cancelled;
        report.message = sentence(obtained.end, false);
        return Fetched::failed;
    }

private:
    bool holds(const Secret& token) {
        return constant_time_equal(this->current_.read()->token(), token.expose());
    }
    /// When a token expires that is handed out until then: the margin put back.
    static std::int64_t whole(std::int64_t fresh_until, std::int64_t now) noexcept {
        const std::int64_t left = fresh_until > now ? fresh_until - now : 0;
        return fresh_until + (left >= 270 ? 30 : left / 9);
    }
    typename Stored::Keeper keeper_;
};

/// The tokens of users: refreshed once for all processes. Only the store keeps refresh tokens; this
/// keeps access tokens while they live.
template <class Credential, class Tokens>
class StoredSubjectSource
    : public SubjectSource<InStore<Credential, Tokens>, StoredSubjectSource<Credential, Tokens>> {
    using Stored = InStore<Credential, Tokens>;
    using Base = SubjectSource<Stored, StoredSubjectSource>;
    using Failure = typename Base::Failure;
    using Refused = typename Base::Refused;
    using User = typename Base::User;

public:
    explicit StoredSubjectSource(const Stored& credential)
        : Base(credential), keeper_(credential.keeper) {}

    /// For the caller of this process that asks the store, and then the endpoint.
    template <class Exchanger, class Clock>
    bool lead(User& user, std::unique_lock<std::mutex>& lock, const Refused& refused,
              const rekey::detail::CallExtras& extras, const Exchanger& exchanger, Clock& clock,
              Failure& failure) {
        const std::uint64_t version = user.version;
        Secret over;  // by the steady clock: a wall clock that was set back may call it fresh
        if (clock.now() >= user.dies_at_latest && clock.unix_seconds() < user.dies_at)
            over = Secret(user.current.read()->token());
        lock.unlock();
        oauth::TokenSet brought;
        const auto send = [&](const Secret& refresh_token, const auto& is_held) {
            SentTokens sent =
                refresh(refresh_token, is_held, extras.stop, exchanger, clock, failure);
            brought = sent.tokens;
            return sent;
        };
        const Obtained obtained =
            keeper_->obtain(Grant::rotating, key(extras.subject),
                            over.empty() ? refused.token.expose() : over.expose(), extras.stop,
                            clock, send, extras.time_limit);

        lock.lock();
        if (user.version != version) {  // the user authorized anew, or signed out: that counts
            Pin pin;
            if (Base::take_if_usable(pin, user, refused.generation, clock)) return true;
            failure = Failure{};
            failure.outcome = user.dies_at == 0 ? Fetched::refused : Fetched::failed;
            failure.message = "the user's tokens were replaced while they were being refreshed";
            if (user.signed_out_at > version && !brought.access_token.empty()) {
                lock.unlock();
                (void)this->credential_.flow().revoke(brought.refresh_token, brought.access_token,
                                                      exchanger);
                lock.lock();
            }
            return false;
        }
        const bool is_new =
            obtained.has_token() &&
            (refused.token.empty() ||
             !constant_time_equal(obtained.access_token.expose(), refused.token.expose()));
        if (obtained.end != RefreshEnd::use && obtained.end != RefreshEnd::committed)
            user.refresh_again_at = clock.now() + refresh_pause;
        if (is_new)
            publish(user, obtained, clock);
        else
            settle(obtained, failure);
        return is_new;
    }

    template <class Request, class Exchanger, class Clock, class Report>
    Reauthorized ask(const rekey::detail::CallExtras& extras, std::uint64_t refused,
                     const Request& request, const Exchanger& exchanger, Clock& clock,
                     Report& report) {
        const Reauthorized outcome = Base::ask(extras, refused, request, exchanger, clock, report);
        if (outcome == Reauthorized::authorized) hand_over(extras.subject, clock);
        return outcome;
    }
    template <class Exchanger, class Clock>
    AuthorizationEnd finish(std::string_view brought, const rekey::detail::CallExtras& extras,
                            const Exchanger& exchanger, Clock& clock) {
        AuthorizationEnd end = Base::finish(brought, extras, exchanger, clock);
        if (end.is_authorized) hand_over(end.subject, clock);
        return end;
    }
    template <class Clock>
    void adopt(std::string_view subject, oauth::TokenSet tokens, Clock& clock) {
        Base::adopt(subject, std::move(tokens), clock);
        hand_over(subject, clock);
    }
    void forget(std::string_view subject) {
        Base::forget(subject);
        (void)keeper_->forget(key(subject));
    }
    /// For all processes: each ends with the access token that it holds, at its next refresh.
    template <class Exchanger>
    oauth::SignOut sign_out(std::string_view subject, const Exchanger& exchanger) {
        oauth::TokenSet last;
        Secret held;
        const auto leave = [&](User& user) {  // first, so that a refresh on its way knows of it
            if (held.empty()) held = Secret(user.current.read()->token());
            Base::forget(user);
            user.signed_out_at = user.version;
        };
        Base::with_known(subject, leave);
        const bool is_forgotten = keeper_->forget(key(subject), &last);
        Base::with_known(subject, leave);
        if (last.access_token.empty()) last.access_token = std::move(held);
        oauth::SignOut end =
            this->credential_.flow().revoke(last.refresh_token, last.access_token, exchanger);
        if (!is_forgotten) {
            end.is_revoked = false;
            end.message = "the token store does not answer: other processes still have the tokens";
        }
        return end;
    }

private:
    std::string key(std::string_view subject) {
        return keeper_->key(this->credential_.flow().stored_as(), subject);
    }

    /// Sends one refresh token, and again only what never left, while the lease is ours.
    template <class IsHeld, class Exchanger, class Clock>
    SentTokens refresh(const Secret& refresh_token, const IsHeld& is_held,
                       const rekey::detail::Stop& stop, const Exchanger& exchanger, Clock& clock,
                       Failure& failure) {
        SentTokens sent;
        if (refresh_token.empty()) {
            sent.outcome = Spent::refused;
            failure.message = "the service gave no refresh token";
            return sent;
        }
        const auto while_held = [&](const HttpRequest& request, std::string_view authorization,
                                    std::string_view credential) {
            if (is_held()) return exchanger(request, authorization, credential);
            decltype(exchanger(request, authorization, credential)) answer{};
            answer.reach = Reach::never_sent;
            answer.lasting = true;
            answer.detail = "the lease of the token was lost";
            return answer;
        };
        oauth::RefreshExchange<> exchange(this->credential_.flow().refresh_request(refresh_token));
        failure = Failure{};
        failure.notes = oauth::run_exchange(exchange, Stored::name, stop, while_held, clock);
        failure.cancelled = failure.notes.cancelled;
        if (failure.notes.log_id.empty()) failure.notes.log_id = exchange.details().log_id;
        failure.has_service_code = exchange.details().has_service_code;
        failure.service_code = exchange.details().service_code;
        if (exchange.outcome() != oauth::RefreshOutcome::ok)
            failure.message = "refreshing the user's token: " + words_of(exchange, failure.notes);
        switch (exchange.outcome()) {
            case oauth::RefreshOutcome::ok: {
                // Nobody uses them before the protocol has stored them.
                (void)!exchange.tokens().commit([&sent](const oauth::TokenSet& tokens) {
                    sent.tokens = tokens;
                    return true;
                });
                sent.outcome = Spent::ok;
                break;
            }
            case oauth::RefreshOutcome::refused:
                sent.outcome =
                    exchange.refusal() == oauth::Refusal::client ? Spent::misfit : Spent::refused;
                break;
            case oauth::RefreshOutcome::not_sent: sent.outcome = Spent::not_sent; break;
            case oauth::RefreshOutcome::unknown: sent.outcome = Spent::unknown; break;
        }
        return sent;
    }

    /// What an end without a token means to a call.
    static void settle(const Obtained& obtained, Failure& failure) {
        const bool has_sent = !failure.message.empty();
        failure.cancelled = failure.cancelled || obtained.cancelled;
        switch (obtained.end) {
            case RefreshEnd::use:
            case RefreshEnd::committed:
            case RefreshEnd::alone:
                failure.outcome = Fetched::refused;
                failure.message = "the token endpoint gave the refused token once more";
                return;
            case RefreshEnd::absent:
            case RefreshEnd::dead: failure.outcome = Fetched::refused; break;
            case RefreshEnd::misfit:
            case RefreshEnd::unreadable: failure.outcome = Fetched::misconfigured; break;
            case RefreshEnd::failed:
                failure.outcome =
                    failure.notes.reach == Reach::answered ? Fetched::failed : Fetched::not_sent;
                break;
            case RefreshEnd::late:
            case RefreshEnd::unavailable:
            case RefreshEnd::uncommitted:
                failure.outcome = Fetched::failed;
                failure.message = sentence(obtained.end, false);
                return;
        }
        if (!has_sent) failure.message = sentence(obtained.end, obtained.is_lost);
    }

    template <class Clock> void publish(User& user, const Obtained& obtained, Clock& clock) {
        const std::int64_t now = clock.unix_seconds();
        const auto left = [now](std::int64_t until) {
            return std::chrono::seconds{
                (std::min)(until > now ? until - now : 0, oauth::detail::longest_lifetime)};
        };
        const Pin old = user.current.read();
        const bool is_same = constant_time_equal(old->token(), obtained.access_token.expose());
        if (is_same && obtained.expires_at <= user.dies_at && user.is_alive(clock)) return;
        ++user.version;
        user.dies_at = obtained.expires_at;
        user.dies_at_latest = clock.now() + left(obtained.expires_at);
        Signature* const fresh = make_signature(this->credential_, obtained.access_token.expose(),
                                                is_same ? old->generation : old->generation + 1);
        fresh->expires_at = obtained.fresh_until;
        fresh->expires_at_latest = clock.now() + left(obtained.fresh_until);
        // Others may have used it with success; what this process asked for nobody has.
        fresh->accepted.store(is_same ? old->accepted.load(rekey::detail::Order::relaxed)
                                      : obtained.end != RefreshEnd::committed,
                              rekey::detail::Order::relaxed);
        user.current.replace(fresh);
    }

    /// Moves the tokens of a new authorization into the store.
    template <class Clock> void hand_over(std::string_view subject, Clock& clock) {
        const std::string name = key(subject);
        oauth::TokenSet tokens;
        {
            const auto user = Base::user_of(subject, clock);
            const std::lock_guard<std::mutex> lock(user->mutex);
            if (user->refresh_token.empty()) return;
            tokens.access_token = Secret(user->current.read()->token());
            tokens.refresh_token = std::exchange(user->refresh_token, Secret{});
            tokens.expires_at = user->dies_at;
        }
        (void)keeper_->keep(name, tokens, clock);
    }

    typename Stored::Keeper keeper_;
};

template <class Credential, class Tokens> struct StoredSourceOf<Exchanged, Credential, Tokens> {
    using type = StoredSource<Credential, Tokens>;
};
template <class Credential, class Tokens> struct StoredSourceOf<PerSubject, Credential, Tokens> {
    using type = StoredSubjectSource<Credential, Tokens>;
};

}  // namespace token

template <class Credential, class Tokens>
struct CredentialTraits<token::InStore<Credential, Tokens>> : CredentialTraits<Credential> {};

}  // namespace v0_1
}  // namespace rekey

#endif
