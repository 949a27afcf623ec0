// SPDX-License-Identifier: BSL-1.0
// Observe: tells sinks what calls do: attempts, fallbacks, exchanges, waits, ends.
#ifndef REKEY_POLICY_OBSERVE_HPP
#define REKEY_POLICY_OBSERVE_HPP

#include <rekey/detail/atomic.hpp>
#include <rekey/detail/pack.hpp>
#include <rekey/detail/shared.hpp>
#include <rekey/detail/system_clock.hpp>
#include <rekey/observed.hpp>
#include <rekey/policy/role.hpp>
#include <rekey/response.hpp>
#include <rekey/transport.hpp>

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

namespace rekey {
inline namespace v0_1 {

namespace detail {

template <class Frame> class Watched;

// The hooks of a sink, each with the event alone or with the sink's note of the call as well.
#define REKEY_HOOK(Hook, member)                                          \
    struct Hook {                                                         \
        template <class Sink, class Event, class... Note>                 \
        static auto call(Sink& sink, const Event& event, Note&... note)   \
            -> decltype(static_cast<void>(sink.member(event, note...))) { \
            sink.member(event, note...);                                  \
        }                                                                 \
    };
REKEY_HOOK(BeganHook, began)
REKEY_HOOK(AttemptedHook, attempted)
REKEY_HOOK(FellBackHook, fell_back)
REKEY_HOOK(ExchangedHook, exchanged)
REKEY_HOOK(AskedUserHook, asked_user)
REKEY_HOOK(WaitedHook, waited)
REKEY_HOOK(EndedHook, ended)
#undef REKEY_HOOK

template <class Sink, class = void> struct NoteOf {
    struct type {};
};
template <class Sink> struct NoteOf<Sink, std::void_t<typename Sink::PerCall>> {
    using type = typename Sink::PerCall;
};

template <class Hook, class Sink, class Event, class = void, class... Note>
struct Hears : std::false_type {};
template <class Hook, class Sink, class Event, class... Note>
struct Hears<Hook, Sink, Event,
             std::void_t<decltype(Hook::call(std::declval<Sink&>(), std::declval<const Event&>(),
                                             std::declval<Note&>()...))>,
             Note...> : std::true_type {};

template <class Hook, class Event, class Sink>
inline constexpr bool hears_alone = Hears<Hook, Sink, Event, void>::value;
template <class Hook, class Event, class Sink>
inline constexpr bool hears_with_note =
    Hears<Hook, Sink, Event, void, typename NoteOf<Sink>::type>::value;
template <class Hook, class Event, class Sink>
inline constexpr bool hears = hears_alone<Hook, Event, Sink> || hears_with_note<Hook, Event, Sink>;

template <class Sink>
inline constexpr bool hears_anything =
    hears<BeganHook, observe::Began, Sink> || hears<AttemptedHook, observe::Attempted, Sink> ||
    hears<FellBackHook, observe::FellBack, Sink> ||
    hears<ExchangedHook, observe::Exchanged, Sink> ||
    hears<AskedUserHook, observe::AskedUser, Sink> || hears<WaitedHook, observe::Waited, Sink> ||
    hears<EndedHook, observe::Ended, Sink>;

#define REKEY_WISH(Trait, member)                                          \
    template <class Sink, class = void> struct Trait : std::false_type {}; \
    template <class Sink> struct Trait<Sink, std::enable_if_t<Sink::member>> : std::true_type {};
REKEY_WISH(WantsTime, wants_time)
REKEY_WISH(WantsDate, wants_date)
REKEY_WISH(WantsLogIds, wants_log_ids)
#undef REKEY_WISH

/// What a sink's `key_of` makes of a request: a view, or a text that the call then owns.
template <class Sink, class Request, class = void> struct KeyMadeBy {
    static constexpr bool makes_one = false;
    using type = std::string_view;
};
template <class Sink, class Request>
struct KeyMadeBy<Sink, Request,
                 std::void_t<decltype(std::string_view(
                     std::declval<const Sink&>().key_of(std::declval<const Request&>())))>> {
    static constexpr bool makes_one = true;
    using Made = decltype(std::declval<const Sink&>().key_of(std::declval<const Request&>()));
    using type = std::conditional_t<std::is_same_v<std::decay_t<Made>, std::string>, std::string,
                                    std::string_view>;
};

/// What a call keeps for one sink.
template <class Sink, class Request> struct Seat {
    typename KeyMadeBy<Sink, Request>::type key{};
    typename NoteOf<Sink>::type note{};
};

/// A sink, borrowed or owned.
template <class Sink> struct SinkHolder {
    explicit SinkHolder(Sink&& given) : sink(std::move(given)) {}
    Sink& get() noexcept { return sink; }
    Sink sink;
};
template <class Sink> struct SinkHolder<Sink&> {
    explicit SinkHolder(Sink& given) noexcept : sink(&given) {}
    Sink& get() noexcept { return *sink; }
    Sink* sink;
};

/// Lets a user's code run that may throw; a call goes on whatever it does.
template <class Act>
void run_guarded([[maybe_unused]] Atomic<std::uint64_t>& broken, Act&& act) noexcept {
#if defined(__cpp_exceptions)
    try {
        act();
    } catch (...) {
        broken.fetch_add(1, Order::relaxed);
    }
#else
    act();
#endif
}

}  // namespace detail

/// Tells sinks what each call does, while it does it.
///
/// Sinks     any type with one of these hooks or several; the others cost nothing:
///           `began(const observe::Began&)`, `attempted(const observe::Attempted&)`, and in the
///           same way `fell_back`, `exchanged`, `asked_user`, `waited`, `ended`. A sink may also
///           have `using PerCall = …`, a note that each call keeps for it and hands to hooks that
///           take a second argument; `key_of(const Request&)`, which gives a text that lives as
///           long as the request, or a std::string; and say `wants_time`, `wants_date` or
///           `wants_log_ids` (each `static constexpr bool … = true`), without which the clock is
///           not read and no log id is decoded.
///           `Observe{sink}` borrows a sink that has a name, so it outlives the client;
///           `Observe{Sink{…}}` keeps it, for all copies of the client.
/// Order     as it happens; sinks in the order in which they are written. A client may have several
///           of these policies; sinks of one type stand in one of them, `Observe{left, right}`
///           (checked when compiled).
/// Errors    a hook that throws is left out and counted (`broken_hooks`); the call goes on. In a
///           program that mixes files with and without exceptions no hook may throw.
/// Threads   hooks run in the thread of the call, so that those of two calls run at once.
/// Cost      nothing where no policy observes. With one, a call is not inlined into its caller.
/// Example   examples/18_observe.cpp
template <class... Sinks> class Observe {
    template <class Sink> using Bare = std::remove_reference_t<Sink>;
    static_assert(
        (detail::hears_anything<Bare<Sinks>> && ...),
        "rekey: a sink of Observe{...} has none of the hooks began, attempted, fell_back, "
        "exchanged, asked_user, waited, ended, so that nobody would tell it anything. "
        "Write one, such as void attempted(const rekey::observe::Attempted&).");

public:
    static constexpr Role role = Role::observer;

    explicit Observe(Sinks&&... sinks)
        : shared_(detail::Shared<State>::make(std::forward<Sinks>(sinks)...)) {}

    /// How many hooks have thrown so far.
    std::uint64_t broken_hooks() const noexcept {
        return shared_->broken.load(detail::Order::relaxed);
    }

    template <class Words> static void say(Words& words) {
        std::size_t count = 0;
        words("Tells ");
        ((words(count++ == 0 ? "" : " and "), words.template name_of<Bare<Sinks>>()), ...);
        words(" what each call does.");
    }

    /// The frame of a call that is watched; for the driver.
    template <class Frame> using Watched = detail::Watched<Frame>;

private:
    template <class> friend class detail::Watched;
    template <class Request> using Seats = detail::Pack<detail::Seat<Bare<Sinks>, Request>...>;
    static constexpr bool wants_time = (detail::WantsTime<Bare<Sinks>>::value || ...);
    static constexpr bool wants_date = (detail::WantsDate<Bare<Sinks>>::value || ...);
    static constexpr bool wants_log_ids = (detail::WantsLogIds<Bare<Sinks>>::value || ...);

    struct State {
        explicit State(Sinks&&... given)
            : sinks(detail::SinkHolder<Sinks>(std::forward<Sinks>(given))...) {}
        detail::Pack<detail::SinkHolder<Sinks>...> sinks;
        detail::Atomic<std::uint64_t> broken{0};
    };

    template <class Seats, class Act> void each(Seats& seats, const Act& act) const {
        each(seats, act, std::index_sequence_for<Sinks...>{});
    }
    template <class Seats, class Act, std::size_t... Indices>
    void each(Seats& seats, const Act& act, std::index_sequence<Indices...>) const {
        (act(detail::at<Indices>(shared_->sinks).get(), detail::at<Indices>(seats),
             shared_->broken),
         ...);
    }

    detail::Shared<State> shared_;
};

template <class... Given> Observe(Given&&...) -> Observe<Given...>;

namespace detail {

/// The frame of a call that is watched: tells the sinks what it does for the driver.
template <template <class, class, class, bool> class Base, class Parts, class Transport,
          class Request, bool MayStop>
class Watched<Base<Parts, Transport, Request, MayStop>>
    : public Base<Parts, Transport, Request, MayStop> {
    using Frame = Base<Parts, Transport, Request, MayStop>;
    using Store = typename Parts::Store;

    // Each policy's sinks; nothing for a policy that does not observe.
    struct Nobody {
        static constexpr bool wants_time = false, wants_date = false, wants_log_ids = false;
        template <class> using Seats = Nobody;
    };
    template <class Policy> struct IsObserver : std::false_type {};
    template <class... Sinks> struct IsObserver<Observe<Sinks...>> : std::true_type {};
    template <class Policy>
    using Told = std::conditional_t<IsObserver<Policy>::value, Policy, Nobody>;
    template <class> struct All;
    template <class... Policies> struct All<Pack<Policies...>> {
        using Seats = Pack<typename Told<Policies>::template Seats<Request>...>;
        using Indices = std::index_sequence_for<Policies...>;
        static constexpr bool wants_time = (Told<Policies>::wants_time || ...);
        static constexpr bool wants_date = (Told<Policies>::wants_date || ...);
        static constexpr bool wants_log_ids = (Told<Policies>::wants_log_ids || ...);
    };
    using Everyone = All<Store>;

public:
    static constexpr bool is_inlined = false;
    using typename Frame::Answer;
    using typename Frame::Plan;
    using typename Frame::Response;

    template <class Slots, class Rules, class Extras, class Result>
    Watched(Slots& slot_set, const Store& store, const Rules& rules, const Request& request,
            const Extras& extras, Result& result)
        : Frame(slot_set, store, rules, request, extras, result) {
        each([&request](auto& sink, auto& seat, auto& broken) {
            using KeyGiven =
                KeyMadeBy<std::remove_cv_t<std::remove_reference_t<decltype(sink)>>, Request>;
            if constexpr (KeyGiven::makes_one)
                run_guarded(broken, [&] { seat.key = std::as_const(sink).key_of(request); });
        });
        began_ = now();
        observe::Began event;
        at(event, extras.slot, began_);
        tell<BeganHook>(event);
    }
    Watched(Watched&& other)
        : Frame(std::move(other)),
          seats_(std::move(other.seats_)),
          began_(other.began_),
          sent_(other.sent_),
          answered_(other.answered_),
          last_slot_(other.last_slot_),
          is_sending_(other.is_sending_),
          is_live_(std::exchange(other.is_live_, false)) {}
    Watched& operator=(Watched&&) = delete;
    /// A call that has no end was left by an exception.
    ~Watched() {
        if (!is_live_) return;
        if (is_sending_) {
            observe::Attempted event;
            at(event, this->slot_, now());
            event.number = this->number_;
            event.move = this->move_;
            event.reach = Reach::sent_unanswered;
            event.failure = Transient;
            event.threw = true;
            event.duration = since(sent_, event.now);
            tell<AttemptedHook>(event);
        }
        finish(StopReason::cancelled, this->slot_, true);
    }

    // What follows are the steps of the frame that the sinks hear of.

    bool sign(const Action& action) {
        turn_to(action);
        is_sending_ = false;
        const bool can_be_sent = Frame::sign(action);
        is_sending_ = can_be_sent;
        sent_ = now();
        return can_be_sent;
    }
    bool ends_with(Answer& answer) {
        is_sending_ = false;
        answered_ = now();
        if (!Frame::ends_with(answer)) return false;
        std::string log_id;
        if constexpr (Everyone::wants_log_ids)
            if (const Response* const kept = this->result_.kept()) log_id = log_id_in(*kept);
        attempted(log_id);
        finish(StopReason::success, this->slot_, false);
        return true;
    }
    Action received(Answer&& answer, TimePoint at_time) {
        std::string log_id;
        if constexpr (Everyone::wants_log_ids)
            if (Frame::has_response(answer)) log_id = log_id_in(Frame::response_in(answer));
        const Action next = Frame::received(std::move(answer), at_time);
        attempted(log_id);
        turn_to(next);
        return next;
    }
    /// Of the asynchronous drivers: an attempt that nobody will answer, or that was cancelled.
    Action unanswered(TransportError&& error, TimePoint at_time) {
        is_sending_ = false;
        answered_ = now();
        const Action next = Frame::unanswered(std::move(error), at_time);
        attempted({});
        turn_to(next);
        return next;
    }
    Action unsendable(TimePoint at_time) {
        const Action next = Frame::unsendable(at_time);
        sent_ = answered_ = now();
        attempted({});
        turn_to(next);
        return next;
    }
    template <class Clock> void sleep(Clock& clock, Duration delay) {
        Frame::sleep(clock, delay);
        observe::Waited event;
        at(event, last_slot_ == nowhere ? this->slot_ : last_slot_, now());
        event.delay = delay;
        tell<WaitedHook>(event);
    }

    /// Sends the token requests of this call, and notes that it did.
    template <class Exchanger> class Noting {
    public:
        Noting(const Exchanger& exchanger, Watched& frame) noexcept
            : exchanger_(exchanger), frame_(frame) {}
        template <class TokenRequest>
        auto operator()(const TokenRequest& request, std::string_view authorization,
                        std::string_view credential) const {
            ++frame_.requests_;
            auto answer = exchanger_(request, authorization, credential);
            frame_.token_status_ = answer.status;
            frame_.token_log_id_.clear();
            if constexpr (Everyone::wants_log_ids)
                if (!repeats_secret(answer.log_id, authorization) &&
                    !repeats_value(answer.log_id, answer.body))
                    frame_.token_log_id_ = answer.log_id;
            return answer;
        }

    private:
        const Exchanger& exchanger_;
        Watched& frame_;
    };
    template <class Exchanger> Noting<Exchanger> over(const Exchanger& exchanger) {
        requests_ = 0;
        token_status_ = 0;
        token_log_id_.clear();
        asked_ = now();
        return Noting<Exchanger>(exchanger, *this);
    }
    template <class Report>
    Action fetched(const Action& action, Fetched outcome, Report&& said, TimePoint at_time) {
        turn_to(action);
        observe::Exchanged event;
        at(event, action.slot, now());
        event.outcome = outcome;
        event.renews = action.move == Move::renew;
        event.requests = requests_;
        event.http_status = said.http_status != 0 ? said.http_status : token_status_;
        event.has_service_code = said.has_service_code;
        event.service_code = said.service_code;
        event.duration = since(asked_, event.now);
        const Action next = Frame::fetched(action, outcome, std::forward<Report>(said), at_time);
        if (requests_ != 0 || outcome > Fetched::renewed) {
            const std::string log_id = without_token(std::move(token_log_id_));
            tell<ExchangedHook>(event, log_id);
        }
        turn_to(next);
        return next;
    }
    template <class Report>
    Action reauthorized(Reauthorized outcome, Report&& said, TimePoint at_time) {
        observe::AskedUser event;
        at(event, this->slot_, now());
        event.outcome = outcome;
        event.requests = requests_;
        event.duration = since(asked_, event.now);
        const Action next = Frame::reauthorized(outcome, std::forward<Report>(said), at_time);
        tell<AskedUserHook>(event);
        return next;
    }

    void end(StopReason reason) {
        Frame::end(reason);
        finish(reason, reason == StopReason::success ? this->slot_ : this->reported_slot_, false);
    }
    void refuse_to_start(const char* why) {
        Frame::refuse_to_start(why);
        finish(StopReason::not_retryable, this->extras_.slot, false);
    }
    void stop_before_start() {
        Frame::stop_before_start();
        finish(StopReason::cancelled, this->extras_.slot, false);
    }

private:
    static constexpr std::uint8_t nowhere = 0xff;

    template <class Act> void each(const Act& act) { each_of(act, typename Everyone::Indices{}); }
    template <class Act, std::size_t... Indices>
    void each_of(const Act& act, std::index_sequence<Indices...>) {
        (each_in(detail::at<Indices>(this->store_), detail::at<Indices>(seats_), act), ...);
    }
    template <class Policy, class Seats, class Act>
    static void each_in([[maybe_unused]] const Policy& policy, [[maybe_unused]] Seats& seats,
                        [[maybe_unused]] const Act& act) {
        if constexpr (IsObserver<Policy>::value) policy.each(seats, act);
    }

    template <class Hook, class Event>
    void tell(Event& event, [[maybe_unused]] std::string_view log_id = {}) {
        each([&event, log_id](auto& sink, auto& seat, auto& broken) {
            using SinkGiven = std::remove_reference_t<decltype(sink)>;
            if constexpr (hears<Hook, Event, SinkGiven>) {
                event.key = seat.key;
                if constexpr (std::is_same_v<Event, observe::Attempted> ||
                              std::is_same_v<Event, observe::Exchanged>)
                    event.log_id = WantsLogIds<SinkGiven>::value ? log_id : std::string_view{};
                (void)log_id;
                run_guarded(broken, [&] {
                    if constexpr (hears_with_note<Hook, Event, SinkGiven>)
                        Hook::call(sink, std::as_const(event), seat.note);
                    else
                        Hook::call(sink, std::as_const(event));
                });
            }
        });
    }

    void at(observe::Event& event, std::uint8_t slot, TimePoint when) {
        event.slot = slot;
        event.credential = this->slots_.names()[slot < Plan::slot_count ? slot : 0];
        event.now = when;
        if constexpr (Everyone::wants_date)
            event.unix_seconds = with_clock([](auto& clock) { return clock.unix_seconds(); });
    }
    static Duration since(TimePoint then, TimePoint now) noexcept {
        return now > then ? now - then : Duration{0};
    }
    TimePoint now() const {
        if constexpr (Everyone::wants_time)
            return with_clock([](auto& clock) { return TimePoint(clock.now()); });
        else
            return {};
    }
    template <class Act> auto with_clock(const Act& act) const {
        if constexpr (std::is_void_v<typename Parts::Clock>) {
            SystemClock clock;
            return act(clock);
        } else {
            return act(Parts::template policy<Role::clock>(this->store_).clock());
        }
    }

    /// Tells of the last line of the trail.
    void attempted(std::string_view log_id) {
        const TrailEntry& entry = this->result_.trail().back();
        observe::Attempted event;
        at(event, entry.slot, answered_);
        event.number = entry.number;
        event.move = entry.move;
        event.reach = entry.reach;
        event.failure = entry.failure;
        event.fault = entry.fault;
        event.has_service_code = entry.has_service_code;
        event.http_status = entry.http_status;
        event.service_code = entry.has_service_code ? entry.service_code : 0;
        event.duration = since(sent_, answered_);
        tell<AttemptedHook>(event, log_id);
    }
    /// Tells that the next step is another credential's, once.
    void turn_to(const Action& next) {
        if (next.kind != Kind::send && next.kind != Kind::fetch) return;
        const std::uint8_t from = std::exchange(last_slot_, next.slot);
        if (from == next.slot || this->result_.trail().empty()) return;
        const TrailEntry& why = this->result_.trail().back();
        observe::FellBack event;
        at(event, next.slot, now());
        event.from = why.slot;
        event.from_credential = this->slots_.names()[why.slot];
        event.move = next.move;
        event.failure = why.failure;
        event.has_service_code = why.has_service_code;
        event.http_status = why.http_status;
        event.service_code = why.has_service_code ? why.service_code : 0;
        tell<FellBackHook>(event);
    }
    void finish(StopReason reason, std::uint8_t slot, bool threw) {
        is_live_ = false;
        observe::Ended event;
        at(event, slot, now());
        event.reason = reason;
        event.kind = threw ? ErrorKind::transport : this->result_.error().kind;
        event.threw = threw;
        event.trail = &this->result_.trail();
        event.attempts = event.trail->count();
        event.duration = since(began_, event.now);
        tell<EndedHook>(event);
    }

    std::string log_id_in(const Response& response) {
        return without_token(Frame::Examiner::log_id(response));
    }
    /// An id and nothing else: short, visible ASCII, no part of it a token of this call.
    std::string without_token(std::string log_id) {
        bool repeats = log_id.size() > 128;
        for (const char symbol : log_id)
            if (symbol <= ' ' || symbol > '~') repeats = true;
        if constexpr (!std::is_void_v<typename Parts::Chain>) {
            const auto look_at = [&](const auto& pin) {
                if (pin && repeats_secret(log_id, pin->token())) repeats = true;
            };
            look_at(this->pin_);
            look_at(this->reported_pin_);
            for (std::uint8_t slot = 0; slot != Plan::slot_count; ++slot)
                this->slots_.with(slot, [&](auto& source) { look_at(source.peek()); });
        }
        if (repeats) log_id.clear();
        return log_id;
    }
    static bool repeats_secret(std::string_view log_id, std::string_view secret) noexcept {
        if (secret.empty() || log_id.empty()) return false;
        return log_id.find(secret) != std::string_view::npos ||
               (log_id.size() >= 8 && secret.find(log_id) != std::string_view::npos);
    }
    /// Whether an id holds a text of a token answer, any of which may be a token, but for the id.
    static bool repeats_value(std::string_view log_id, std::string_view body) noexcept {
        std::string_view name;  // the text in quotes before the present one
        for (bool is_inside = false; !body.empty(); is_inside = !is_inside) {
            const std::string_view text = body.substr(0, body.find('"'));
            body.remove_prefix(text.size() < body.size() ? text.size() + 1 : text.size());
            if (!is_inside) continue;
            const bool is_id = name == "logid" || name == "log_id";
            if (!is_id && text.size() >= 8 && repeats_secret(log_id, text)) return true;
            name = text;
        }
        return false;
    }

    typename Everyone::Seats seats_{};
    TimePoint began_{};
    TimePoint sent_{};
    TimePoint answered_{};
    TimePoint asked_{};           // the token endpoint, or the user
    std::string token_log_id_{};  // of the last token request
    std::uint32_t requests_ = 0;  // token requests since then
    int token_status_ = 0;
    std::uint8_t last_slot_ = nowhere;
    bool is_sending_ = false;
    bool is_live_ = true;
};

}  // namespace detail

}  // namespace v0_1
}  // namespace rekey

#endif
