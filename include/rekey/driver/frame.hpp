// SPDX-License-Identifier: BSL-1.0
// Frame: one call at work, all that every driver needs beside the core's Call.
#ifndef REKEY_DRIVER_FRAME_HPP
#define REKEY_DRIVER_FRAME_HPP

#include <rekey/core/call.hpp>
#include <rekey/detail/bytes.hpp>
#include <rekey/detail/detect.hpp>
#include <rekey/detail/system_clock.hpp>
#include <rekey/driver/examiner.hpp>
#include <rekey/driver/parts.hpp>
#include <rekey/driver/slots.hpp>
#include <rekey/driver/transport_call.hpp>
#include <rekey/extras.hpp>
#include <rekey/oauth/parse_url.hpp>
#include <rekey/result.hpp>

#include <new>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

namespace rekey {
inline namespace v0_1 {
namespace driver {

/// How an attempt at the token endpoint ended, as a token source tells it.
struct ExchangeReport {
    Reach reach = Reach::answered;
    bool cancelled = false;  ///< The caller stopped it: the call ends, nothing failed.
    int http_status = 0;
    bool has_service_code = false;
    std::int64_t service_code = 0;
    std::string message{};  ///< For people; no secret.
    std::string log_id{};
};

/// How asking a user ended, as the policy or the flow that asked tells it.
struct UserReport {
    AuthorizationRequest request{};
    ErrorKind kind = ErrorKind::authorization_denied;  ///< If the user did not authorize.
    std::string message{};                             ///< For people; no secret.
    std::string log_id{};
    bool cancelled = false;  ///< The caller stopped it: the call ends.
};

/// A policy that asks users and can tell which calls were on their way before a user authorized.
REKEY_DETECT(Marks, Policy, std::declval<const Policy&>().mark())

/// What a call remembers for the user it may have to ask; nothing where no policy asks.
template <bool Reauthorizes> struct Asked { static constexpr std::uint64_t generation = 0; };
template <> struct Asked<true> {
    std::uint64_t generation = 0;  // of the user's token that was sent last
    std::uint64_t mark = 0;        // of the policy when the call began
};

/// The texts of an error, out of which the tokens of a call are cut.
struct TokenFreeWords {
    std::string message, log_id;
    bool message_changed = false, log_id_changed = false;

    template <class Pin> void cut_out(const Pin& pin) {
        if (pin) cut_out_of(*pin);
    }
    [[gnu::noinline, gnu::cold]] void cut_out_of(const token::Signature& signature) {
        const std::string_view token = signature.token();
        if (detail::cut_out(message, token)) message_changed = true;
        if (detail::cut_out(log_id, token)) log_id_changed = true;
    }
};

/// Why a credential cannot be sent, for people.
[[gnu::noinline, gnu::cold]] inline std::string cannot_be_sent(std::string_view credential,
                                                               const char* why) {
    const std::string_view parts[] = {
        "credential ", credential, " cannot be sent: ", why != nullptr ? why : "it has no token"};
    std::string note;
    for (unsigned i = credential.empty() ? 3 : 0; i != 4; ++i)
        note.append(parts[i].data(), parts[i].size());
    return note;
}

/// How far a call came with its first attempts: none was made; the last one got an answer, of which
/// the core was not told; it was signed and cannot be sent; or it was accepted.
enum class SoFar : unsigned char { nothing, answered, unsendable, over };

/// One call at work: signs attempts, turns answers into facts, keeps the trail and the result.
///
/// A driver makes one per call, runs `call()` and does what the actions say; whatever waits or
/// sends is the driver's. Not copied, owned by one thread at a time.
///
/// What a call needs whose first or second attempt is accepted is inlined and never takes the
/// frame's address, so that the frame is never written to memory. The rest is out of line; a driver
/// moves the frame into memory before it goes there. The driver holds the slots for longer.
///
/// MayStop  whether an extra of the call can stop it.
template <class Parts, class Transport, class Request, bool MayStop> class Frame {
public:
    using Plan = typename Parts::Plan;
    using Chain = typename Parts::Chain;
    using Slots = driver::Slots<Chain>;
    using Pin = typename Slots::Pin;
    using TransportCall = detail::TransportCall<Transport, Request>;
    using Answer = typename TransportCall::Answer;
    using Response = typename detail::ResponseOf<Answer>::type;
    using Examiner = driver::Examiner<Parts, Response>;
    /// Whether the first attempts of a call make their response where the result keeps it.
    static constexpr bool in_place = std::is_same_v<Answer, Response>;
    /// Whether a send can follow a refusal at once.
    static constexpr bool goes_on_refused = Plan::slot_count > 1 || Plan::reauthorizes;
    /// Whether a door or the time may stop what follows an attempt that is not reported.
    static constexpr bool keeps_later =
        (Plan::admits || Plan::reads_clock) &&
        (Plan::Chain::fetching != 0 || (goes_on_refused && Plan::most_moves == Plan::unbounded));
    struct Nothing {};
    /// Whether a signed copy of the request may be sent again when an attempt is repeated.
    static constexpr bool keeps_copy =
        !TransportCall::with_attempt && Plan::most_moves == Plan::unbounded &&
        detail::TakesConstant<detail::Called<Transport, Request>>::value;
    using Copy = std::conditional_t<keeps_copy, detail::Maybe<Request>, Nothing>;
    using Refused = std::conditional_t<goes_on_refused, detail::Maybe<Response>, Nothing>;
    using Last = std::conditional_t<in_place, Nothing, detail::Maybe<Answer>>;
    /// What the first answers of a call need beside its result.
    struct Inbox {
        Refused refused{};  ///< What stays reported while others are tried.
        Last answer{};      ///< The last one, if it is not in the result.
        Copy copy{};        ///< What a transport without an Attempt was given.
    };
    /// False for a frame that has to hear of everything that its call does: see `driver::run`.
    static constexpr bool is_inlined = true;

    [[gnu::always_inline]] Frame(Slots& slot_set, const typename Parts::Store& store,
                                 const typename Plan::Rules& rules, const Request& request,
                                 const detail::CallExtras& extras, Result<Response>& result)
        : slots_(slot_set),
          store_(store),
          original_(request),
          sent_(&request),
          extras_(extras),
          call_(rules, options(request, extras)),
          result_(result) {
        if constexpr (Plan::reauthorizes && Marks<typename Parts::Reauthorizer>::value)
            asked_.mark = Parts::template policy<Role::reauthorizer>(store_).mark();
    }
    [[gnu::always_inline]] Frame(Frame&&) = default;
    [[gnu::always_inline]] ~Frame() {}
    Frame& operator=(Frame&&) = delete;

    Call<Plan>& call() noexcept { return call_; }
    Slots& all_slots() const noexcept { return slots_; }
    Context context() const noexcept { return Context{extras_.subject}; }
    const detail::CallExtras& extras() const noexcept { return extras_; }
    bool is_cancelled() const noexcept { return MayStop && extras_.stop.is_cancelled(); }
    /// Waits, but no longer than until the call is stopped.
    template <class Clock> void sleep(Clock& clock, Duration delay) const {
        if constexpr (MayStop)
            (void)extras_.stop.sleep(clock, delay);
        else
            clock.sleep(delay);
    }

    /// Why this call cannot even start, or nullptr.
    const char* problem() const noexcept {
        if (!extras_.pinned) return nullptr;
        if (extras_.slot < Plan::slot_count && slots_.names()[extras_.slot] == extras_.pinned_name)
            return nullptr;
        return "SameCredentialAs: the earlier result was not served by a credential of this client";
    }
    /// Ends a call that cannot start.
    [[gnu::always_inline]] void refuse_to_start(const char* why) {
        Frame elsewhere(std::move(*this));
        elsewhere.refuse_all(why);
    }
    /// Ends a call that was cancelled before it began.
    [[gnu::noinline, gnu::cold]] void stop_before_start() {
        result_.fill();
        end(call_.cancelled().reason);
    }
    [[gnu::noinline, gnu::cold]] void refuse_all(const char* why) {
        result_.fill();
        TrailEntry refused{};  // not of the trail: nothing was tried
        refused.reach = Reach::never_sent;
        refused.failure = Permanent;
        refused.fault = Fault::misconfigured;
        refused.slot = extras_.slot;
        report(refused);
        result_.note(cannot_be_sent({}, why));
        end_in_failure(StopReason::not_retryable);
    }

    /// Signs an attempt. False: it cannot be sent, and `unsendable()` is the answer to `send`.
    [[gnu::always_inline]] bool sign(const Action& action) {
        slot_ = action.slot;
        move_ = action.move;
        number_ = action.number;
        if constexpr (Plan::times_attempts) timeout_ = action.timeout;
        if constexpr (Parts::rewrites) rewrite(slot_);
        if constexpr (!std::is_void_v<Chain>) {
            if constexpr (Plan::Chain::fetching == 0)
                pin_ = slots_.read(slot_, context());
            else if (((Plan::Chain::fetching >> slot_) & 1u) == 0)
                pin_ = slots_.read(slot_, context());
            if (pin_->value.empty()) return false;  // of a signature with a problem
            if constexpr (Slots::may_be_bound && detail::Asks<Request>::knows_url) {
                if (!pin_->origin.empty() &&
                    !may_go_to(detail::Asks<Request>::url(*sent_), pin_->origin))
                    return refuse("it is bound to another origin than the URL of this request");
            }
            if (detail::Asks<Request>::has_header(*sent_, pin_->header))
                return refuse("the request already carries the header that the credential sets");
        }
        return true;
    }

    /// The same after another attempt, which is kept as it is where it is repeated.
    [[gnu::always_inline]] bool sign_after(Attempt& attempt, const Action& action) {
        if (!std::is_pointer_v<Pin> || action.move != Move::repeat)
            return sign(action) && (attempt = this->attempt(), true);
        move_ = Move::repeat;
        attempt.fields_.number = number_ = action.number;
        if constexpr (Plan::times_attempts) attempt.fields_.timeout = timeout_ = action.timeout;
        return true;
    }
    /// What the transport is told about the attempt that was signed last.
    [[gnu::always_inline]] Attempt attempt() const noexcept {
        AttemptFields fields;
        if constexpr (!std::is_void_v<Chain>) {
            fields.authorization = pin_->value.expose();
            fields.header = pin_->header;
            fields.credential = slots_.names()[slot_];
        }
        fields.idempotency_key = extras_.idempotency_key;
        fields.timeout = timeout_;
        fields.number = number_;
        return Attempt{fields};
    }
    /// The request of that attempt: the caller's own, or a copy that was rewritten.
    const Request& request() const noexcept { return *sent_; }
    /// Makes it that of an attempt with this credential; for doors, which ask before it is signed.
    [[gnu::noinline]] void rewrite(std::uint8_t slot) {
        sent_ = &original_;
        if (slot == extras_.slot) return;
        if constexpr (std::is_copy_constructible_v<Request>) {  // else a policy has said so
            copy_.set(original_);
            Parts::rewrite(store_, *copy_);
            sent_ = &*copy_;
        }
    }

    /// A copy of the request with the header set, for a transport that takes no Attempt.
    [[gnu::always_inline]] auto signed_copy([[maybe_unused]] const Attempt& attempt) const {
        Request copy = *sent_;
        if constexpr (!std::is_void_v<Chain>)
            RequestTraits<Request>::set_header(copy, attempt.header(), attempt.authorization());
        if constexpr (detail::Asks<Request>::can_set_header) {
            constexpr std::string_view header = "Idempotency-Key";
            const std::string_view key = extras_.idempotency_key;
            if (!key.empty() && !detail::Asks<Request>::has_header(copy, header))
                RequestTraits<Request>::set_header(copy, header, key);
        }
        return copy;
    }

    /// Makes the attempt that was signed last.
    template <class Bare>
    [[gnu::always_inline]] Answer send(Bare& transport, const Attempt& attempt) const {
        if constexpr (TransportCall::with_attempt) {
            return transport(*sent_, attempt);
        } else {
            auto copy = signed_copy(attempt);
            return transport(copy);
        }
    }

    /// The answer to `send`: what the transport returned.
    [[gnu::noinline]] Action received(Answer&& answer, TimePoint now) {
        if constexpr (detail::IsExpectedLike<Answer>::value) {
            if (!answer.has_value())
                return unanswered(detail::transport_error(std::move(answer).error()), now);
        }
        const Facts facts = facts_of(response_in(answer));
        seed_call();
        const Action next = call_.sent(facts, now);
        const TrailEntry& entry = record(facts, false);
        const bool is_over = next.kind == Kind::finish && next.reason == StopReason::success;
        if (!is_over && !is_reported(entry, next)) {
            if constexpr (keeps_later) put_aside(&response_in(answer), nullptr);
            return next;
        }
        if (!is_over) reported_pin_ = std::move(pin_);
        report(entry);  // of no meaning in a success
        result_.keep(std::move(response_in(answer)));
        return next;
    }
    /// The same for a transport that failed.
    [[gnu::noinline, gnu::cold]] Action unanswered(TransportError&& error, TimePoint now) {
        Facts facts;
        facts.reach = error.reach == Reach::answered ? Reach::cut_short : error.reach;
        facts.failure = error.verdict == TransportVerdict::lasting ? Permanent : Transient;
        facts.fault = error.verdict == TransportVerdict::lasting ? Fault::lasting : Fault::nothing;
        seed_call();
        const Action next = error.verdict == TransportVerdict::cancelled ? call_.cancelled()
                                                                         : call_.sent(facts, now);
        const TrailEntry& entry = record(facts, false);
        if (refusal_reported_ && next.kind != Kind::finish) {
            if constexpr (keeps_later) put_aside(nullptr, &error.detail);
            return next;
        }
        report(entry);
        reported_pin_ = std::move(pin_);
        result_.drop();
        if (!error.detail.empty()) result_.note(std::move(error.detail));
        return next;
    }
    /// Completes the call if the answer is a plain success, of which the core can only say that it
    /// is the end. It is told of any other.
    [[gnu::always_inline]] bool ends_with(Answer& answer) {
        return has_response(answer) && ends_with_response<0>(response_in(answer));
    }
    /// How many sends of a call may be inlined.
    static constexpr unsigned first_sends = Plan::reads_clock || Plan::uses_randomness ? 1 : 3;
    /// Makes one of the first attempts of a call; the response, or nullptr if there is none.
    template <unsigned Number, class Bare>
    [[gnu::always_inline]] Response* receive([[maybe_unused]] Inbox& inbox, Bare& transport,
                                             const Attempt& attempt) {
        auto& place = place_of_answer(inbox);
        constexpr bool is_trivial = std::is_trivially_destructible_v<Answer>;
        void* const room = place.template room<Number == 1>();
        if (is_trivial && Number == 1) place.filled();  // whatever the transport throws
        if constexpr (keeps_copy) {
            if (Number == 1 || move_ != Move::repeat) {
                ::new (inbox.copy.template room<Number == 1>()) Request(signed_copy(attempt));
                inbox.copy.filled();
            }
            ::new (room) Answer(transport(std::as_const(*inbox.copy)));
        } else {
            ::new (room) Answer(send(transport, attempt));
        }
        if (!is_trivial) place.filled();
        return has_response(*place) ? &response_in(*place) : nullptr;
    }
    /// The same for the response to one of the first attempts; `Number` 0 is any other.
    template <unsigned Number> [[gnu::always_inline]] bool ends_with_response(Response& response) {
        Facts facts;
        if (!Examiner::is_plain_success(response, facts)) return false;
        record<Number>(facts, false);
        if (Number != 0) result_.trail().has(Number);
        if (Number == 0 || !in_place) result_.keep(std::move(response));
        succeed();
        return true;
    }
    /// Whether an answer holds a response.
    static bool has_response([[maybe_unused]] Answer& answer) noexcept {
        if constexpr (detail::IsExpectedLike<Answer>::value) return answer.has_value();
        return true;
    }
    /// The response in it.
    static Response& response_in(Answer& answer) noexcept {
        if constexpr (detail::IsExpectedLike<Answer>::value)
            return detail::value_in(answer);
        else
            return answer;
    }
    /// RFC 9110 §9.2.2.
    static bool idempotent_method(std::string_view method) noexcept {
        switch (method.size()) {  // a comparison of a known size is one instruction
            case 3: return is(method, "GET") || is(method, "PUT");
            case 4: return is(method, "HEAD");
            case 5: return is(method, "TRACE");
            case 6: return is(method, "DELETE");
            case 7: return is(method, "OPTIONS");
            default: return false;
        }
    }
    /// Another attempt follows one of the first: a refusal stays reported, and is put aside for it.
    template <unsigned Number>
    [[gnu::always_inline]] void pass_over(const Facts& facts, Response& response, Inbox& inbox) {
        record<Number>(facts, false);
        if (refusal_reported_) return;
        unkept_ = Number;
        reported_pin_ = std::move(pin_);
        refusal_reported_ = is_refusal(facts.failure);
        if constexpr (goes_on_refused)
            if (refusal_reported_) inbox.refused.fill(std::move(response));
    }
    /// Brings the result up to date after the first attempts, and tells the core of the last one.
    [[gnu::noinline, gnu::cold]] Action settle_first(SoFar so_far, Inbox& inbox, TimePoint now) {
        result_.trail().has(number_ - 1);
        auto last = std::move(place_of_answer(inbox));
        result_.drop();
        if (unkept_ != 0) report(result_.trail()[unkept_ - 1]);
        if constexpr (goes_on_refused)
            if (inbox.refused) result_.keep(std::move(*inbox.refused));
        return so_far == SoFar::answered ? received(std::move(*last), now) : unsendable(now);
    }
    [[gnu::noinline, gnu::cold]] Action unsendable(TimePoint) {
        Facts facts;
        facts.reach = Reach::never_sent;
        facts.failure = Permanent;
        facts.fault = Fault::misconfigured;
        report(record(facts, false));
        result_.drop();
        if (problem_ == nullptr) problem_ = pin_->problem;
        result_.note(cannot_be_sent(slots_.names()[slot_], problem_));
        return call_.unsendable();
    }

    /// The answer to `fetch`: a token source has put its signature into `pin()`, or says why not.
    Action fetched(const Action& action, Fetched outcome, ExchangeReport&& said, TimePoint now) {
        slot_ = action.slot;
        move_ = action.move;
        number_ = action.number;
        const Action next = said.cancelled ? call_.cancelled() : call_.fetched(outcome, now);
        if constexpr (Plan::reauthorizes) {
            const bool is_users = ((Plan::Chain::user_slots >> action.slot) & 1u) != 0;
            if (is_users && outcome <= Fetched::renewed) asked_.generation = pin_->generation;
        }
        if (outcome <= Fetched::renewed) return next;
        Facts facts;
        facts.reach = said.reach;
        facts.http_status = said.http_status;
        facts.has_service_code = said.has_service_code;
        facts.service_code = said.service_code;
        facts.failure = outcome == Fetched::refused ? AuthRejected : Transient;
        facts.fault = outcome == Fetched::misconfigured ? Fault::misconfigured : Fault::nothing;
        const TrailEntry& entry = record(facts, true);
        const bool stops = next.kind == Kind::finish && outcome != Fetched::refused;
        if (stops || !refusal_reported_) {
            report(entry);
            refusal_reported_ = outcome == Fetched::refused;
            exchange_reported_ = outcome != Fetched::refused;
            result_.drop();
            result_.note(std::move(said.message));
            result_.log_id(std::move(said.log_id));
        }
        return next;
    }
    /// Where a token source puts its signature. To renew, it holds the one that was refused.
    Pin& pin(bool renew) noexcept {
        if (renew && !pin_ && !asks_for_any_) pin_ = std::move(reported_pin_);
        asks_for_any_ = false;
        return pin_;
    }

    /// What sends the token requests of this call.
    template <class Exchanger> static const Exchanger& over(const Exchanger& exchanger) noexcept {
        return exchanger;
    }
    /// What this call asks before each send.
    auto doors() const noexcept { return Parts::doors(store_, extras_); }
    auto& writer() noexcept { return result_; }
    /// Has the user of this call asked, by the flow that keeps the user's tokens or by the policy.
    template <class Exchanger, class Clock>
    Reauthorized ask_user(std::uint8_t slot, const Exchanger& exchanger, Clock& clock,
                          Slots& slot_set, UserReport& report) const {
        using Policy = typename Parts::Reauthorizer;
        const auto& policy = Parts::template policy<Role::reauthorizer>(store_);
        if constexpr (Parts::asks_by_flow) {
            Reauthorized outcome = Reauthorized::denied;
            slot_set.with(slot, [&](auto& source) {
                if constexpr (detail::Plain<decltype(source)>::asks_users)
                    outcome =
                        source.ask(extras_, asked_.generation, original_, exchanger, clock, report);
            });
            return outcome;
        } else if constexpr (Marks<Policy>::value) {
            RedirectorAnswer said =
                policy.reauthorize(extras_.subject, asked_.mark, extras_.stop, report.request);
            report.message = std::move(said.reason);
            report.cancelled = is_cancelled();
            return said.outcome;
        } else {
            return policy.reauthorize(context());
        }
    }
    /// The answer to `reauthorize`.
    Action reauthorized(Reauthorized outcome, UserReport&& said, TimePoint now) {
        const Action next = said.cancelled ? call_.cancelled() : call_.reauthorized(outcome, now);
        if (outcome == Reauthorized::authorized || outcome == Reauthorized::settling) {
            // Cured, as by a renewal: what the user's next token meets is what counts.
            if (reported_slot_ == next.slot) refusal_reported_ = false;
            if (!reported_pin_) reported_pin_ = std::move(pin_);
            pin_ = Pin{};
            asks_for_any_ = true;  // the user's next token, whatever was refused before
            return next;
        }
        ErrorKind& kind = result_.error().kind;
        kind = outcome == Reauthorized::handed_over ? ErrorKind::authorization_needed : said.kind;
        exchange_reported_ = false;
        if (!said.message.empty()) result_.note(std::move(said.message));
        if (!said.log_id.empty()) result_.log_id(std::move(said.log_id));
        if (kind == ErrorKind::authorization_needed) result_.ask(std::move(said.request));
        return next;
    }

    /// The last action: completes the result.
    void end(StopReason reason) {
        if (reason == StopReason::success)
            succeed();
        else
            end_in_failure(reason);
    }

    [[gnu::always_inline]] Facts facts_of(const Response& response) const {
        Facts facts = Examiner::facts_of(response);
        if constexpr (Plan::reads_hints) facts.retry_after = hint_in(response, facts.failure);
        return facts;
    }

protected:
    [[gnu::always_inline]] void succeed() {
        if constexpr (Plan::Chain::fetching != 0)  // nobody else asks whether a token was accepted
            if (!pin_->accepted.load(detail::Order::relaxed))
                pin_->accepted.store(true, detail::Order::relaxed);
        result_.succeed(slot_);
    }
    /// How long the service asks to wait, if this failure is one to wait for.
    Duration hint_in([[maybe_unused]] const Response& response,
                     [[maybe_unused]] FailureClass failure) const {
        if constexpr (Plan::reads_hints) {
            if (failure == RateLimited || failure == Transient)
                return Plan::Hints::read(
                    [&response](std::string_view name) {
                        return detail::Reads<Response>::header(response, name);
                    },
                    [this] { return unix_seconds(); });
        }
        return Duration{0};
    }
    std::int64_t unix_seconds() const {
        if constexpr (std::is_void_v<typename Parts::Clock>)
            return detail::SystemClock::unix_seconds();
        else
            return Parts::template policy<Role::clock>(store_).clock().unix_seconds();
    }
    /// Gives the call its random number, with its first failure, where a pace draws its delays.
    [[gnu::always_inline]] void seed_call() {
        if constexpr (Plan::uses_randomness)
            if (number_ == 1) call_.seed(Parts::random(store_));
    }
    static CallOptions options(const Request& request, const detail::CallExtras& extras) noexcept {
        CallOptions chosen;
        chosen.first_slot = extras.slot;
        chosen.pinned = extras.pinned;
        chosen.reauthorized = extras.reauthorized;
        if constexpr (Plan::reads_idempotence)
            chosen.idempotent =
                extras.idempotent || idempotent_method(detail::Asks<Request>::method(request));
        return chosen;
    }
    template <std::size_t Size>
    static bool is(std::string_view method, const char (&name)[Size]) noexcept {
        return detail::same_bytes(method.data(), name, Size - 1);
    }
    [[gnu::noinline]] static bool may_go_to(std::string_view url,
                                            std::string_view origin) noexcept {
        for (const char symbol : url)
            if (static_cast<unsigned char>(symbol) <= ' ' || symbol == '\\' || symbol == '\x7f')
                return false;
        if (url.substr(0, origin.size()) == origin &&
            (url.size() == origin.size() || url[origin.size()] == '/'))
            return true;
        return oauth::same_origin(oauth::parse_url(url), oauth::parse_url(origin));
    }
    bool refuse(const char* why) noexcept {
        problem_ = why;
        return false;
    }

    /// Whether an attempt is what the call reports so far.
    bool is_reported(const TrailEntry& entry, const Action& next) {
        const bool whole = entry.reach == Reach::answered && entry.fault == Fault::nothing;
        if (!whole || !is_refusal(entry.failure))  // unless it stopped the call, a refusal stays
            return !refusal_reported_ || next.kind == Kind::finish;
        const bool renewal_follows =
            next.kind != Kind::finish && next.kind != Kind::reauthorize && next.move == Move::renew;
        return !renewal_follows && !refusal_reported_ && (refusal_reported_ = true);
    }
    /// Keeps what came of an attempt that is not reported, for it is to be repeated or renewed.
    [[gnu::noinline, gnu::cold]] void put_aside(Response* response, const std::string* detail) {
        if (refusal_reported_ && is_refusal(result_.trail().back().failure)) return;
        TokenFreeWords words;
        if (response != nullptr) words.log_id = Examiner::log_id(*response);
        words.message = response != nullptr ? Examiner::message(*response) : *detail;
        words.cut_out(pin_);
        later_.set(Later{{}, std::move(words), result_.trail().count()});
        if (response != nullptr) (*later_).response.set(std::move(*response));
    }
    /// It is not: that stopped the call, and is reported.
    [[gnu::noinline, gnu::cold]] void report_later() {
        const Duration delay = result_.error().retry_after();
        report(result_.trail().back());
        result_.place() = std::move((*later_).response);
        result_.note(std::move((*later_).words.message));
        result_.log_id(std::move((*later_).words.log_id));
        result_.come_back_after(delay);
    }
    detail::Maybe<Answer>& place_of_answer([[maybe_unused]] Inbox& inbox) noexcept {
        if constexpr (in_place)
            return result_.place();
        else
            return inbox.answer;
    }
    static bool is_refusal(FailureClass failure) noexcept {
        return failure == AuthRejected || failure == NotFound;
    }

    /// Adds the last attempt to the trail. `Number` if it is one of the first, and all were sends.
    template <unsigned Number>
    [[gnu::always_inline]] const TrailEntry& record(const Facts& facts, bool exchange) {
        if constexpr (Number == 0) return record(facts, exchange);
        return put(writer().trail().of_send(Number), facts, exchange);
    }
    [[gnu::noinline, gnu::cold]] const TrailEntry& record(const Facts& facts, bool exchange) {
        return put(writer().trail().add(), facts, exchange);
    }
    [[gnu::always_inline]] auto& put(TrailEntry& entry, const Facts& facts, bool exchange) const {
        entry.number = number_;
        entry.move = move_;
        entry.reach = facts.reach;
        entry.failure = facts.failure;
        entry.fault = facts.fault;
        entry.slot = slot_;
        entry.exchange = exchange;
        entry.has_service_code = facts.has_service_code;
        entry.http_status = facts.http_status;
        entry.service_code = facts.service_code;
        return entry;
    }
    /// Makes this attempt the one that a failed call reports.
    void report(const TrailEntry& entry) noexcept {
        reported_slot_ = entry.slot;
        exchange_reported_ = false;
        Error<Response>& error = result_.error();
        result_.no_words();
        error.http_status = entry.http_status;
        error.service_code = entry.has_service_code ? entry.service_code : 0;
        error.has_service_code = entry.has_service_code;
        error.reach = entry.reach;
        error.kind = kind_of(entry);
    }
    static ErrorKind kind_of(const TrailEntry& entry) noexcept {
        if (entry.fault == Fault::misconfigured) return ErrorKind::configuration;
        if (entry.fault == Fault::malformed) return ErrorKind::malformed_response;
        // Many a library says with a status of 0 that no answer came.
        if (entry.http_status == 0 && !entry.has_service_code) return ErrorKind::transport;
        // The kinds that classes have stand in the order of the classes, without NoFailure.
        static_assert(ErrorKind{Permanent - 1} == ErrorKind::permanent);
        return ErrorKind((entry.failure == NoFailure ? Permanent : entry.failure) - 1);
    }

    [[gnu::noinline, gnu::cold]] void end_in_failure(StopReason reason) {
        if constexpr (keeps_later)
            if (later_ && (*later_).at == result_.trail().count() &&
                reason != StopReason::cancelled)
                report_later();
        if (reason == StopReason::cancelled)
            result_.error().kind = ErrorKind::cancelled;
        else if (exchange_reported_ && result_.error().kind != ErrorKind::configuration)
            result_.error().kind = ErrorKind::exchange_failed;
        if (Plan::reads_clock && reason == StopReason::deadline && result_.trail().empty()) {
            result_.error().kind = ErrorKind::transport;
            result_.note("the time of the call was over before its first send");
        }
        if constexpr (Plan::reads_hints) {
            if (const Response* const last = result_.kept())
                result_.come_back_after(hint_in(*last, Examiner::facts_of(*last).failure));
        }
        static constexpr detail::Decoders<Response> decoders{&Examiner::message, &Examiner::log_id};
        result_.decode_with(decoders);
        result_.end(reason, reported_slot_);
        if constexpr (!std::is_void_v<Chain>) cut_out_tokens();
    }
    /// A service may repeat the token in its words: what an error says never holds one.
    void cut_out_tokens() {
        std::string log_id = result_.error().log_id();
        TokenFreeWords words{result_.error().message(), std::move(log_id)};
        words.cut_out(pin_);
        words.cut_out(reported_pin_);
        for (std::uint8_t slot = 0; slot != Plan::slot_count; ++slot)
            slots_.with(slot, [&words](auto& source) { words.cut_out(source.peek()); });
        if (words.message_changed) result_.note(std::move(words.message));
        if (words.log_id_changed) result_.log_id(std::move(words.log_id));
    }

    Slots& slots_;
    const typename Parts::Store& store_;
    const Request& original_;
    const Request* sent_;
    const detail::CallExtras& extras_;
    Call<Plan> call_;
    typename Result<Response>::Writer result_;
    Pin pin_{};
    Pin reported_pin_{};  // of the attempt that is reported: its token may be in the words
    const char* problem_ = nullptr;
    Duration timeout_{0};
    std::uint32_t number_ = 0;
    Move move_ = Move::first;
    std::uint8_t slot_ = 0, reported_slot_ = 0;
    std::uint8_t unkept_ = 0;  // which of the first attempts is reported so far, from 1
    bool refusal_reported_ = false, exchange_reported_ = false, asks_for_any_ = false;
    Asked<Plan::reauthorizes> asked_{};
    std::conditional_t<Parts::rewrites, detail::Maybe<Request>, char> copy_{};
    struct Later {
        detail::Maybe<Response> response;
        TokenFreeWords words;  // the token of the attempt may be another one by then
        std::size_t at;        // how long the trail was
    };
    std::conditional_t<keeps_later, detail::Maybe<Later>, Nothing> later_{};
};

}  // namespace driver
}  // namespace v0_1
}  // namespace rekey

#endif
