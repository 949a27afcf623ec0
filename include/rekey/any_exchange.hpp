// SPDX-License-Identifier: BSL-1.0
// MayExchange: chains that are known only at run time, of credentials that may exchange.
#ifndef REKEY_ANY_EXCHANGE_HPP
#define REKEY_ANY_EXCHANGE_HPP

#include <rekey/any_credential.hpp>
#include <rekey/detail/maybe.hpp>
#include <rekey/extras.hpp>
#include <rekey/http.hpp>
#include <rekey/oauth/token_response.hpp>
#include <rekey/secret.hpp>
#include <rekey/token/source.hpp>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

namespace rekey {
inline namespace v0_1 {

namespace driver {
class AnySource;
}

/// Says of a list that known at run time is only which credentials stand in it, and that some may
/// get their tokens by an exchange: `AnyChain<8, coze::Api, MayExchange>` takes `coze::AppAuth` and
/// `coze::Pat`. A chain has to know that when it is compiled, so it is said for the whole list.
///
/// Credential  any type that `AnyCredential` takes, and what asks for its token as
///             `token::Exchanged` does, with a `rekey::HttpRequest`. `oauth::SignedLater` and
///             credentials with a store (`TokensIn`) keep their types.
/// Tokens      each place keeps its own, as a credential of a `CredentialChain` does: one caller at
///             a time asks, the token serves until shortly before its expiry, a failure makes a
///             pause. One that stands in its credential never expires and is never asked for.
/// Threads     as `Client` and its asynchronous siblings.
/// Cost        some 900 bytes a place. A call takes some 60 instructions more than with
///             `TokenAtHand`, some 190 more than over a chain of known types, and no allocation.
/// Example     examples/cookbook/tenant_apps.cpp
struct MayExchange {
    static constexpr bool is_optional = true;
    template <class> using Source = driver::AnySource;
};

namespace detail {

/// What a credential sends to get its token.
struct AnyTokenRequest {
    HttpRequest http{};
    Secret authorization{};
    std::string problem{};
};

/// Whether a credential asks for its token in the one way that can be done without its type.
template <class Credential, class = void> struct ExchangesPlainly : std::false_type {};
template <class Credential>
struct ExchangesPlainly<
    Credential, std::void_t<decltype(std::declval<const Credential&>().token_request(0).http)>>
    : std::bool_constant<
          std::is_same_v<typename Credential::Exchange, token::Exchanged> &&
          !token::SignsLater<Credential>::value &&
          std::is_same_v<decltype(std::declval<const Credential&>().token_request(0).http),
                         HttpRequest>> {};

/// A credential behind a pointer that has its token at hand or knows how to ask for it.
class ErasedExchanging : public ErasedCredential {
public:
    bool exchanges() const noexcept { return exchange_ != nullptr; }
    /// For one that exchanges, as a `token::Source` asks.
    AnyTokenRequest token_request(std::int64_t unix_seconds) const {
        return exchange_->request(credential_.get(), unix_seconds);
    }
    oauth::TokenAnswer read_token(int status, std::string_view content_type, std::string_view body,
                                  std::int64_t now) const {
        return exchange_->read(credential_.get(), status, content_type, body, now);
    }
    const std::string& header() const noexcept { return header_; }
    const std::string& scheme() const noexcept { return scheme_; }
    const std::string& origin() const noexcept { return origin_; }

protected:
    template <class Credential> void hold(Credential&& credential) {
        using Held = std::decay_t<Credential>;
        if constexpr (driver::slot_kind<Held> == driver::SlotKind::exchanged) {
            using Traits = CredentialTraits<Held>;
            exchange_ = &exchange_of<Held>;
            header_ = std::string(Traits::header(credential));
            scheme_ = std::string(Traits::scheme(credential));
            origin_ = std::string(Traits::origin(credential));
        }
        ErasedCredential::hold(std::forward<Credential>(credential));
    }

private:
    struct Exchange {
        AnyTokenRequest (*request)(const void* credential, std::int64_t unix_seconds);
        oauth::TokenAnswer (*read)(const void* credential, int status,
                                   std::string_view content_type, std::string_view body,
                                   std::int64_t now);
    };
    template <class Credential>
    static AnyTokenRequest request(const void* erased, std::int64_t unix_seconds) {
        auto made = static_cast<const Credential*>(erased)->token_request(unix_seconds);
        AnyTokenRequest plain;
        plain.http = std::move(made.http);
        plain.authorization = std::move(made.authorization);
        plain.problem = std::string(std::move(made.problem));
        return plain;
    }
    template <class Credential>
    static oauth::TokenAnswer read(const void* erased, int status, std::string_view content_type,
                                   std::string_view body, std::int64_t now) {
        return static_cast<const Credential*>(erased)->read_token(status, content_type, body, now);
    }
    template <class Credential>
    static constexpr Exchange exchange_of{&request<Credential>, &read<Credential>};

    const Exchange* exchange_ = nullptr;
    std::string header_{};
    std::string scheme_{};
    std::string origin_{};
};

/// Who stands at a place, as a credential for a `token::Source`; or why nobody does.
class AnyPlace {
public:
    std::string name;
    std::string header{};
    std::string scheme{};
    std::string origin{};

    explicit AnyPlace(std::shared_ptr<const ErasedExchanging> held)
        : name(held->name()),
          header(held->header()),
          scheme(held->scheme()),
          origin(held->origin()),
          held_(std::move(held)) {}
    explicit AnyPlace(const char* why) : name("(nobody)"), why_(why) {}

    bool exchanges() const noexcept { return held_ && held_->exchanges(); }
    bool is_fixed() const noexcept { return !held_ || held_->is_fixed(); }
    /// Of one that does not exchange; with a problem where nobody stands.
    token::Signature* signature(const Context& context, std::uint64_t generation) const {
        if (held_) return held_->signature(context, generation);
        auto made = std::make_unique<token::Signature>();
        made->problem = why_;
        made->generation = generation;
        return made.release();
    }
    /// What a caller gets who asks for the token of a credential that has meanwhile been replaced
    /// by one with its token at hand: nothing to send, and `AnySource` looks once more.
    AnyTokenRequest token_request(std::int64_t unix_seconds) const {
        if (exchanges()) return held_->token_request(unix_seconds);
        AnyTokenRequest nothing;
        nothing.problem = "its token is at hand";
        return nothing;
    }
    oauth::TokenAnswer read_token(int status, std::string_view content_type, std::string_view body,
                                  std::int64_t now) const {
        return held_->read_token(status, content_type, body, now);
    }

private:
    std::shared_ptr<const ErasedExchanging> held_{};
    const char* why_ = "";
};

}  // namespace detail

template <class Service>
class AnyCredentialOf<Service, MayExchange> : public detail::ErasedExchanging {
public:
    template <class Credential,
              class = std::enable_if_t<!std::is_same_v<Credential, AnyCredentialOf>>>
    AnyCredentialOf(Credential credential) {
        take(std::move(credential));
    }
    template <class Credential> AnyCredentialOf(std::string name, Credential credential) {
        name_ = std::move(name);
        take(std::move(credential));
    }

private:
    template <class Credential> void take(Credential&& credential) {
        using Erasable = detail::Erasable<Credential, Service>;
        Erasable::require();
        constexpr bool erasable = Erasable::value;
        constexpr bool plainly = driver::slot_kind<Credential> != driver::SlotKind::exchanged ||
                                 detail::ExchangesPlainly<Credential>::value;
        static_assert(!erasable || plainly,
                      "rekey: MayExchange asks for tokens as token::Exchanged does, with a "
                      "rekey::HttpRequest and a signer that answers at once. This credential does "
                      "it otherwise and keeps its type: put it into a CredentialChain.");
        if constexpr (erasable && plainly) hold(std::forward<Credential>(credential));
    }
};

template <std::size_t Place, class ServiceOfChain>
class AnySlot<Place, ServiceOfChain, MayExchange> : public detail::AnyPlace {
public:
    using Service = ServiceOfChain;
    using Credential = AnyCredentialOf<Service, MayExchange>;
    using Exchange = MayExchange;
    /// Not in a store, for nobody knows when compiled whose record it would be.
    static constexpr bool keeps_own_tokens = true;

    explicit AnySlot(Credential credential)
        : AnyPlace(std::make_shared<const Credential>(std::move(credential))) {}
    /// A place where nobody stands, and why nothing can be sent from there: static text.
    explicit AnySlot(const char* why) : AnyPlace(why) {}
};

namespace driver {

/// The token of a place, at hand or obtained by an exchange, whatever stands there at the moment.
///
/// An exchange is that of `token::Source`, which this is. A token at hand stands beside it: signed
/// once if it is a credential's member, made for each attempt if a function gives it. To the core
/// such a token is never proven, so that its refusal falls back and is no reason to ask anybody.
///
/// Threads  as `token::Source`. A call whose credential is replaced while it waits for a token goes
///          on with the new one, whatever its kind.
/// Cost     with a token that lives: two pinned reads, no lock, no allocation.
class AnySource : public token::Source<detail::AnyPlace> {
    using Place = detail::AnyPlace;
    using Base = token::Source<Place>;
    using FetchStep = token::FetchStep;

public:
    explicit AnySource(const Place& place) : Base(place), fixed_(signed_once(place, 1), readers_) {}

    token::Pin peek() {
        token::Pin pin = fixed_.read();
        return pin ? std::move(pin) : Base::peek();
    }

    /// As `token::Source::fetch`.
    template <class Call, class Exchanger, class Clock, class Report>
    Fetched fetch(token::Pin& pin, bool renew, const Call& call, const Exchanger& exchanger,
                  Clock& clock, Report& report) {
        if (token::Pin fixed = fixed_.read()) {
            pin = std::move(fixed);
            return at_hand(renew);
        }
        if (token::Pin live; !renew && (live = settled(clock.unix_seconds()))) {
            pin = std::move(live);
            return found(pin, false);
        }
        for (;;) {
            const std::uint64_t before = generation();
            if (take_at_hand(pin, Context{call.subject})) return at_hand(renew);
            const Fetched outcome = Base::fetch(pin, renew, call, exchanger, clock, report);
            if (!is_outdated(outcome, report, before)) return outcome;
        }
    }

    template <class Report> class Fetching;

    /// Puts another credential in the place of this one, of whatever kind.
    void replace(const Place& place) {
        // A call looks for a fixed token first, and finds that or asks the credential that is new.
        if (!place.is_fixed()) Base::replace(place);
        const token::Pin before = fixed_.read();
        fixed_.replace(signed_once(place, before ? before->generation + 1 : 1));
        if (place.is_fixed()) Base::replace(place);
    }

private:
    static token::Signature* signed_once(const Place& place, std::uint64_t generation) {
        return place.is_fixed() ? place.signature(Context{}, generation) : nullptr;
    }
    static Fetched at_hand(bool renew) noexcept {
        return renew ? Fetched::renewed : Fetched::unproven;
    }
    /// A token that nobody need be asked for. The function of a credential is called here.
    bool take_at_hand(token::Pin& pin, const Context& context) {
        if (token::Pin fixed = fixed_.read()) {
            pin = std::move(fixed);
            return true;
        }
        const auto place = credential_.read();
        if (place->exchanges()) return false;
        pin = token::Snapshot::own(place->signature(context, 1));
        return true;
    }
    /// Grows with each replacement, and with each token.
    std::uint64_t generation() { return current_.read()->generation; }
    /// Whether a failure is of a credential that does not stand there any more. Clears the report.
    template <class Report>
    bool is_outdated(Fetched outcome, Report& report, std::uint64_t before) {
        if (outcome <= Fetched::renewed || report.cancelled || generation() == before) return false;
        report = Report{};
        return true;
    }

    token::Snapshot fixed_;  // empty where a function or an exchange gives the token
};

/// As `token::Source::Fetching`.
template <class Report> class AnySource::Fetching {
    using Exchange = typename Base::template Fetching<Report>;

public:
    Fetching(AnySource& source, token::Pin& pin, bool renew, Report& report,
             const detail::CallExtras& call, detail::Waker* waker) noexcept
        : source_(source), pin_(pin), report_(report), call_(call), waker_(waker), renew_(renew) {}
    Fetching(const Fetching&) = delete;
    Fetching& operator=(const Fetching&) = delete;

    template <class Clock> FetchStep start(Clock& clock) {
        before_ = source_.generation();
        if (source_.take_at_hand(pin_, Context{call_.subject})) {
            outcome_ = at_hand(renew_);
            return FetchStep::finish;
        }
        exchange_.set(Task{source_, pin_, renew_, report_, waker_});
        return go_on((*exchange_).start(clock), clock);
    }
    template <class Clock> FetchStep woken(Clock& clock) {
        return go_on((*exchange_).woken(clock), clock);
    }
    template <class Clock> FetchStep waited(Clock& clock) {
        return go_on((*exchange_).waited(clock), clock);
    }
    template <class Answer, class Clock> FetchStep answered(const Answer& answer, Clock& clock) {
        return go_on((*exchange_).answered(answer, clock), clock);
    }
    template <class Clock> FetchStep stopped(Clock& clock) {
        return go_on((*exchange_).stopped(clock), clock);
    }

    const auto& request() noexcept { return (*exchange_).request(); }
    Duration delay() noexcept { return (*exchange_).delay(); }
    Fetched outcome() const noexcept { return outcome_; }
    void hand_over() noexcept {
        if (exchange_) (*exchange_).hand_over();
    }

private:
    // Made where it stays.
    struct Task {
        AnySource& source;
        token::Pin& pin;
        bool renew;
        Report& report;
        detail::Waker* waker;
    };
    struct Made : Exchange {
        explicit Made(const Task& task)
            : Exchange(task.source, task.pin, task.renew, task.report, task.waker) {}
    };

    template <class Clock> FetchStep go_on(FetchStep next, Clock& clock) {
        if (next != FetchStep::finish) return next;
        outcome_ = (*exchange_).outcome();
        return source_.is_outdated(outcome_, report_, before_) ? start(clock) : next;
    }

    AnySource& source_;
    token::Pin& pin_;
    Report& report_;
    const detail::CallExtras& call_;
    detail::Waker* waker_;
    const bool renew_;
    std::uint64_t before_ = 0;
    Fetched outcome_ = Fetched::failed;
    detail::Maybe<Made> exchange_{};
};

}  // namespace driver

}  // namespace v0_1
}  // namespace rekey

#endif
