// SPDX-License-Identifier: BSL-1.0
// Operation: one asynchronous call on its way, which does what the core says and never recurses.
#ifndef REKEY_DRIVER_OPERATION_HPP
#define REKEY_DRIVER_OPERATION_HPP

#include <rekey/cancellation.hpp>
#include <rekey/detail/maybe.hpp>
#include <rekey/detail/mutex.hpp>
#include <rekey/detail/waker.hpp>
#include <rekey/driver/async_core.hpp>
#include <rekey/driver/async_fetch.hpp>
#include <rekey/driver/calls.hpp>
#include <rekey/driver/completion.hpp>
#include <rekey/driver/kernel.hpp>
#include <rekey/driver/woken.hpp>
#include <rekey/token/asking.hpp>

#include <cstdint>
#include <exception>
#include <forward_list>
#include <functional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

namespace rekey {
inline namespace v0_1 {
namespace driver {

/// The extras of a call, with texts that live as long as the call.
class OwnedExtras {
public:
    template <class... Extras> explicit OwnedExtras(const Extras&... extras) {
        (sorted.take(extras), ...);
        own(sorted.pinned_name, texts_[0]);
        own(sorted.idempotency_key, texts_[1]);
        own(sorted.subject, texts_[2]);
        own(sorted.binding, texts_[3]);
        own(sorted.return_to, texts_[4]);
    }
    OwnedExtras(const OwnedExtras&) = delete;
    OwnedExtras& operator=(const OwnedExtras&) = delete;

    detail::CallExtras sorted{};

private:
    static void own(std::string_view& text, std::string& place) {
        place = std::string(text);
        text = place;
    }
    std::string texts_[5];
};

/// An extra around a `Cancellation`, which works while it lives.
template <class Extra, class = void> struct BringsCancellation : std::false_type {};
template <class Extra>
struct BringsCancellation<Extra, std::void_t<decltype(std::declval<const Extra&>().cancellation())>>
    : std::true_type {};

/// A `done` that wants what the transport throws. Asked by name: a generic lambda takes anything.
template <class Done, class = void> struct TakesExceptions : std::false_type {};
template <class Done>
struct TakesExceptions<
    Done, std::void_t<decltype(std::declval<Done&>().failed(std::declval<std::exception_ptr>()))>>
    : std::true_type {};

/// One call, from its first action to its `done`.
///
/// One thread at a time pumps it: whoever brings the event that the call waits for. An event that
/// comes while somebody pumps is left to that one, so that an answer inside the transport's own
/// call is a turn of a loop. An event of an earlier turn (a late answer, a timer that was
/// cancelled) is dropped. With a scheduler that has `execute(f)`, whoever brings the event has the
/// call pumped there.
///
/// A call that nobody can bring an event any more (its timer was destroyed with the scheduler, or
/// what `execute` was given) is abandoned: its `done` is destroyed and not called. Whoever still
/// holds it can cancel it. The same if `execute` throws, which passes to whoever brought the event.
///
/// With   the parts of the client, as this call's extras change them.
/// Cost   one allocation, one short lock per event.
template <class With, class Core, class Request, class Answer, class Done>
class Operation final : public AnyOperation, public Receiver<Answer>, public detail::Waker {
    using FetchStep = token::FetchStep;
    using Plan = typename With::Plan;
    using Frame = typename With::Observer::template Watched<
        driver::Frame<With, AnswersWith<Answer>, Request, true>>;
    static constexpr bool is_watched = !Frame::is_inlined;
    using Response = typename Frame::Response;
    using Bare = detail::Plain<decltype(std::declval<Core&>().transport.get())>;
    using Async = AsyncCall<Bare, Request>;
    using Scheduler = detail::Plain<decltype(std::declval<Core&>().timers())>;
    using Timer = typename TimerOf<Scheduler>::type;
    static constexpr bool can_cancel_send = async_parts::CanCancel<typename Async::Handle>::value;
    static constexpr bool executes = Executes<Scheduler>::value;

public:
    using Service = typename With::Service;

    template <class... Extras>
    Operation(const detail::Shared<Core>& core, const Request& request, Done&& done,
              const Extras&... extras)
        : core_(core),
          request_(request),
          done_(std::move(done)),
          extras_(extras...),
          result_(core_->slot_set->names(), true),
          hold_(core_->slot_set->hold()),
          frame_(*core_->slot_set, core_->store, rules(), request_, extras_.sorted, result_) {
        extras_.sorted.stop.flag = &is_cancelled_;
        extras_.sorted.stop.wait = nullptr;
        extras_.sorted.stop.sleeper = nullptr;
        if constexpr (Plan::admits) doors_.set(frame_);
        (watch(extras), ...);
    }

    ~Operation() override {
        if (phase_ == Phase::over) return;
        close();
        core_->calls.leave(*this);
    }

    void keep() noexcept override { AnyOperation::keep(); }
    void drop() noexcept override { AnyOperation::drop(); }
    const Core& core() const noexcept { return *core_; }
    const detail::CallExtras& extras() const noexcept { return extras_.sorted; }

    /// From now on the call is on its way: it waits for `begin`, which always follows.
    void enter() noexcept {
        const bool is_open = core_->calls.enter(*this);
        is_too_late_ = !is_open && !extras_.sorted.reauthorized;  // a `resume` goes on
    }
    void begin() override { go_on(); }
    /// Cancels the call, from any thread.
    void stop() override {
        {
            const detail::Locked lock(mutex_);
            is_cancelled_.store(true, detail::Order::release);
            if (phase_ != Phase::parked) return;
            claim();
        }
        go_on();
    }
    void abandon() override {
        {
            const detail::Locked lock(mutex_);
            if (phase_ == Phase::over) return;
            is_silent_ = true;
            // Its scheduler did not take it, and nobody else knows of it: it ends with its owner.
            if (phase_ == Phase::parked && !is_begun_) return;
        }
        stop();
    }
    void answered(std::uint64_t turn, Answer* answer) override {
        happened(turn, answer != nullptr ? Event::answered : Event::dropped, [&](unsigned source) {
            if (answer != nullptr) answers_[source].set(std::move(*answer));
        });
    }
    void failed(std::uint64_t turn, std::exception_ptr error) override {
        happened(turn, Event::failed, [&](unsigned) { error_ = std::move(error); });
    }
    /// The answer to a token request. False: the call does not wait for it any more.
    bool exchanged(std::uint64_t turn, ExchangeAnswer&& answer) {
        return happened(turn, Event::answered,
                        [&](unsigned) { exchange_answer_ = std::move(answer); });
    }
    bool exchange_threw(std::uint64_t turn, const std::exception_ptr& error) {
        return happened(turn, Event::failed, [&](unsigned) { error_ = error; });
    }
    /// The executor has obtained the token, or has dropped its job.
    bool led(std::uint64_t turn, const FetchStep* step) {
        return happened(turn + job_source, step != nullptr ? Event::answered : Event::dropped,
                        [&](unsigned) {
                            if (step != nullptr) led_ = *step;
                        });
    }
    bool job_threw(std::uint64_t turn, const std::exception_ptr& error) {
        return happened(turn + job_source, Event::failed, [&](unsigned) { error_ = error; });
    }
    /// Something of the call goes on when it has ended, until as many `part_over` follow. So long
    /// it counts as on its way.
    void stay() noexcept { parts_.fetch_add(1, detail::Order::relaxed); }
    void part_over() {
        if (parts_.fetch_sub(1, detail::Order::acq_rel) == 1) core_->calls.leave(*this);
    }
    /// The signature for one; empty if there is none.
    void signed_with(std::uint64_t turn, std::string&& signature) {
        happened(turn + signer_source, Event::answered,
                 [&](unsigned) { signature_ = Secret(std::move(signature)); });
    }
    /// Another call has ended that obtained the token for this one too.
    void wake() override {
        std::uint64_t turn = 0;
        {
            const detail::Locked lock(mutex_);
            turn = turn_;  // a call that waits to be woken waits for nothing else
        }
        Woken::by([this, turn] { happened(turn + waker_source, Event::waited, [](unsigned) {}); });
    }

private:
    /// `given` is what the scheduler was told to execute and has not begun.
    enum class Phase : unsigned char { given, running, parked, over };
    enum class Event : unsigned char { answered, dropped, failed, waited };
    /// What became of the events that the call had waited for.
    enum class Settled : unsigned char { not_yet, next, over };

    // An event comes from one of the copies of a send, or from the timer. A turn is a number for
    // all that the call waits for at one time, and its low bits are the source.
    static constexpr const char* dropped = "the transport dropped its callback without an answer";
    static constexpr const char* closed = "this client is closed and begins no more calls";
    static constexpr unsigned most_copies = Core::hedges ? 4 : 1;
    static constexpr unsigned timer_source = 4;
    static constexpr unsigned waker_source = 5;
    static constexpr unsigned job_source = 6;
    static constexpr unsigned signer_source = 7;
    static constexpr unsigned sources = 8;

    /// The clock of a wait that is over.
    struct NoWait {
        static void sleep(Duration) noexcept {}
    };
    /// What the transport is called with at one send. Copies that come too late may still look at
    /// it when the next send is made.
    struct Sent {
        Attempt attempts[most_copies]{};
        const Request* request = nullptr;
        detail::Maybe<std::conditional_t<Async::plain, Request, char>> copies[most_copies]{};
    };
    /// The same with texts of its own.
    struct OwnedSent : Sent {
        /// The attempt of a copy, which may take so long.
        Attempt of_copy(Duration timeout) const {
            const Attempt& first = this->attempts[0];
            AttemptFields fields;
            fields.authorization = authorization.expose();
            fields.header = header;
            fields.credential = first.credential();
            fields.idempotency_key = first.idempotency_key();
            fields.timeout = timeout;
            fields.number = first.number();
            return Attempt{fields};
        }
        void own(bool is_rewritten) {
            authorization = Secret(this->attempts[0].authorization());
            header = std::string(this->attempts[0].header());
            this->attempts[0] = of_copy(this->attempts[0].timeout());
            if (!is_rewritten) return;
            rewritten.set(*this->request);
            this->request = &*rewritten;
        }
        Secret authorization{};
        std::string header{};
        detail::Maybe<Request> rewritten{};
    };
    /// A `doors()` is made where it stays.
    struct Doors {
        explicit Doors(Frame& frame) : asked(frame.doors()) {}
        decltype(std::declval<Frame&>().doors()) asked;
    };

    /// An event, with what it brings; whoever brings it goes on with the call if nobody does.
    /// False: it comes too late.
    template <class Bring> bool happened(std::uint64_t turn, Event event, const Bring& bring) {
        {
            const detail::Locked lock(mutex_);
            const auto source = static_cast<unsigned>(turn % sources);
            if (turn - source != turn_ || phase_ == Phase::over) return false;
#if defined(__cpp_exceptions)
            try {
                bring(source);
            } catch (...) {  // an answer whose move may throw, for one that has none is copied
                error_ = std::current_exception();
                event = Event::failed;
            }
#else
            bring(source);
#endif
            events_[source] = event;
            arrived_ |= 1u << source;
            if (phase_ != Phase::parked) return true;  // whoever pumps will see it
            claim();
        }
        go_on();
        return true;
    }
    /// From here on only events of this turn count.
    void next_turn() noexcept {
        const detail::Locked lock(mutex_);
        arrived_ = 0;
        turn_ += sources;
    }
    /// False: nothing has happened yet, and whoever brings the event goes on.
    bool goes_on(unsigned& arrived) noexcept {
        const detail::Locked lock(mutex_);
        arrived = std::exchange(arrived_, 0u);
        if (arrived != 0 || is_cancelled_.load(detail::Order::relaxed)) return true;
        phase_ = Phase::parked;
        return false;
    }

    /// What a scheduler executes: it pumps the call, once. If all copies are destroyed before, as
    /// by an `execute` that throws, the call waits again, for whoever can still cancel it.
    class Errand {
    public:
        /// Counted by `claim`.
        explicit Errand(Operation& call) noexcept : call_(call) {}
        Errand(const Errand& other) noexcept : call_(other.call_) {
            if (!call_) return;
            const detail::Locked lock(call_->mutex_);
            ++call_->errands_;
        }
        Errand(Errand&&) noexcept = default;
        Errand& operator=(const Errand&) = delete;
        ~Errand() {
            if (!call_) return;
            const detail::Locked lock(call_->mutex_);
            if (--call_->errands_ == 0 && call_->phase_ == Phase::given)
                call_->phase_ = Phase::parked;
        }
        void operator()() const {
            {
                const detail::Locked lock(call_->mutex_);
                if (call_->phase_ != Phase::given) return;
                call_->phase_ = Phase::running;
            }
            call_->pump();
        }

    private:
        Owner<Operation> call_;
    };
    /// Under the mutex: from here on it is this caller who goes on.
    void claim() noexcept {
        phase_ = executes ? Phase::given : Phase::running;
        errands_ += executes ? 1u : 0u;
    }
    /// Pumps where the scheduler says, or here.
    void go_on() {
        if constexpr (executes)
            core_->timers().execute(Errand(*this));
        else
            pump();
    }
    /// Before the first turn. True: the call is over.
    bool ends_before_start() {
        is_begun_ = true;
        if (const char* const why = frame_.problem()) {
            frame_.refuse_to_start(why);
            return true;
        }
        if (is_too_late_ || is_cancelled_.load(detail::Order::acquire)) {
            frame_.stop_before_start();
            if (is_too_late_) frame_.writer().note(closed);
            return true;
        }
        const TimePoint began = now();
        if constexpr (Core::hedges) began_ = began;
        next_ = frame_.call().start(began);
        return false;
    }

    void pump() {
        Woken woken;
        bool is_over = false;
#if defined(__cpp_exceptions)
        std::exception_ptr broken;
        try {
            is_over = turn_over();
        } catch (...) {
            broken = std::current_exception();
        }
        if (broken) {
            woken.thrown().by([this] { end_activity(); });
            const auto tell = [&broken](Done& done) {
                if constexpr (TakesExceptions<Done>::value)
                    done.failed(std::move(broken));
                else
                    std::rethrow_exception(std::move(broken));
            };
            woken.thrown().by([&] { end(tell); });
        }
#else
        is_over = turn_over();
#endif
        if (is_over) woken.thrown().by([this] { complete(); });
        woken.thrown().pass_on();
    }
    /// Does what the core says until there is something to wait for. True: the call is over.
    bool turn_over() {
        if (!is_begun_ && ends_before_start()) return true;
        for (;;) {
            if (is_awaiting_) {
                unsigned arrived = 0;
                if (!goes_on(arrived)) return false;
                let_go(arrived);
                const Settled settled = settle(arrived);
                if (settled == Settled::over) return true;
                if (settled == Settled::not_yet) continue;
            }
            if (next_.kind != Kind::finish && is_cancelled_.load(detail::Order::acquire))
                next_ = frame_.call().cancelled();
            switch (next_.kind) {
                case Kind::send: send(); break;
                case Kind::wait:
                    next_turn();
                    is_awaiting_ = true;
                    wait(next_.delay);
                    break;
                case Kind::admit:
                    if constexpr (Plan::admits)
                        next_ = frame_.call().admitted((*doors_).asked.ask(next_, now(), frame_),
                                                       now());
                    break;
                case Kind::fetch: fetch(); break;
                case Kind::reauthorize: ask(); break;
                case Kind::finish:
                    if constexpr (Plan::admits)
                        (*doors_).asked.explain(next_.reason, frame_.writer());
                    frame_.end(next_.reason);
                    return true;
            }
        }
    }

    void send() {
        if (!frame_.sign(next_)) {
            next_ = frame_.unsendable(now());
            return;
        }
        if constexpr (Plan::admits) (*doors_).asked.sending();
        next_turn();
        is_awaiting_ = true;
        remember();
        copies_ = on_the_way_ = 0;
        send_copy();
        if constexpr (Core::hedges) {
            hedge().sent();
            hedge_later();
        }
    }
    void send_copy() {
        const unsigned copy = copies_++;
        ++on_the_way_;
        const Completion<Answer> completion(Owner<Receiver<Answer>>(*this), turn_ + copy);
        auto& transport = core_->transport.get();
        if constexpr (Async::with_attempt) {
            keep_handle(copy, [&]() -> decltype(auto) {
                return transport(*sent().request, std::as_const(sent().attempts[copy]), completion);
            });
        } else {
            auto& place = sent().copies[copy];
            place.set(frame_.signed_copy(frame_.attempt()));
            keep_handle(copy, [&]() -> decltype(auto) { return transport(*place, completion); });
        }
    }
    /// What the transport is called with, until nobody looks at it any more.
    void remember() {
        if constexpr (Core::hedges)
            if (sent_.empty() || on_the_way_ != 0) sent_.emplace_front();
        Sent& now = sent();
        now.attempts[0] = frame_.attempt();
        now.request = &frame_.request();
        if constexpr (Core::hedges) sent_.front().own(With::rewrites);
    }
    Sent& sent() noexcept {
        if constexpr (Core::hedges)
            return sent_.front();
        else
            return sent_;
    }
    template <class Act> void keep_handle([[maybe_unused]] unsigned copy, const Act& act) {
        if constexpr (can_cancel_send)
            handles_[copy].set(act());
        else
            (void)act();
    }
    void wait(Duration delay) {
        if constexpr (Core::may_wait)
            timer_.set(core_->timers().after(
                delay, [self = Owner<Operation>(*this), turn = turn_ + timer_source] {
                    self->happened(turn, Event::waited, [](unsigned) {});
                }));
    }

    /// What has answered or fired is not cancelled any more.
    void let_go([[maybe_unused]] unsigned arrived) {
        if constexpr (Core::may_wait)
            if ((arrived >> timer_source & 1u) != 0) timer_.reset();
        if constexpr (can_cancel_send)
            for (unsigned copy = 0; copy != most_copies; ++copy)
                if ((arrived >> copy & 1u) != 0) handles_[copy].reset();
    }
    /// What has happened, each bit a source; nothing if the call was cancelled.
    Settled settle(unsigned arrived) {
        if (next_.kind == Kind::fetch) return settle_fetch(arrived);
        if (next_.kind == Kind::reauthorize) return settle_question(arrived);
        if (next_.kind == Kind::wait) {
            end_activity();
            if constexpr (is_watched) {
                NoWait over;
                frame_.sleep(over, next_.delay);
            }
            next_ = arrived != 0 ? frame_.call().waited(now()) : frame_.call().cancelled();
            return Settled::next;
        }
        if (arrived == 0) {
            end_activity();
            return goes_on_with(
                frame_.unanswered(
                    TransportError{Reach::sent_unanswered, {}, TransportVerdict::cancelled}, now()),
                false);
        }
        for (unsigned copy = 0; copy != most_copies; ++copy) {
            if ((arrived >> copy & 1u) == 0) continue;
            --on_the_way_;
            if constexpr (Core::hedges)
                if (on_the_way_ != 0 && !is_conclusive(copy)) continue;
            return take(copy);
        }
        if constexpr (Core::hedges)
            if ((arrived >> timer_source & 1u) != 0 && !is_cancelled_.load(detail::Order::acquire))
                hedge_now();
        return Settled::not_yet;
    }
    /// Goes on with the answer to one copy; the others come too late.
    Settled take(unsigned copy) {
        const Event event = events_[copy];
        end_activity();
        bool is_over = false;
        Action next;
        switch (event) {
            case Event::answered: {
                Answer answer = std::move(*answers_[copy]);
                answers_[copy].reset();
                is_over = frame_.ends_with(answer);
                if (!is_over) next = frame_.received(std::move(answer), now());
                break;
            }
            case Event::failed: rethrow(); break;
            default:
                next = frame_.unanswered(TransportError{Reach::sent_unanswered, dropped}, now());
                break;
        }
        return goes_on_with(next, is_over);
    }
    Settled goes_on_with(const Action& next, bool is_over) {
        if (!is_over) next_ = next;
        if constexpr (Plan::admits) (*doors_).asked.ended(frame_.writer(), next_.reason, now());
        return is_over ? Settled::over : Settled::next;
    }
    /// Whatever else the call waits for comes too late, and is told so.
    void end_activity() {
        is_awaiting_ = false;
        next_turn();
        if constexpr (Core::may_wait) {
            if (timer_) (*timer_).cancel();
            timer_.reset();
        }
        if constexpr (can_cancel_send)
            for (unsigned copy = 0; copy != copies_; ++copy) {
                if (handles_[copy]) (*handles_[copy]).cancel();
                handles_[copy].reset();
            }
    }

    /// Obtains the token of a slot.
    void fetch() {
        if constexpr (Plan::Chain::fetching != 0) {
            report_ = ExchangeReport{};
            (void)frame_.over(*this);
            const bool renew = next_.move == Move::renew;
            FetchStep step = FetchStep::finish;
            next_turn();  // lest a waker comes before it is expected
            is_awaiting_ = true;
            core_->slot_set->with(next_.slot, [&](auto& slot) {
                using Slot = detail::Plain<decltype(slot)>;
                if constexpr (Slot::exchanges) {
                    fetch_.set(new FetchOf<Operation, Slot>(*this, slot, frame_.pin(renew), renew,
                                                            report_));
                    step = fetch_->start();
                }
            });
            fetch_on(step);
        }
    }
    void fetch_on(FetchStep step) {
        switch (step) {
            case FetchStep::finish: {
                is_awaiting_ = false;
                next_turn();
                const Fetched outcome = fetch_->finish();
                next_ = frame_.fetched(next_, outcome, std::move(report_), now());
                break;
            }
            case FetchStep::join: break;
            case FetchStep::lead: fetch_->lead(turn_); break;
            case FetchStep::sign: fetch_->sign(turn_); break;
            case FetchStep::send: fetch_->send(turn_); break;
            case FetchStep::wait: wait(fetch_->delay()); break;
        }
    }
    Settled settle_fetch(unsigned arrived) {
        if constexpr (Plan::Chain::fetching != 0) {
            const auto has = [arrived](unsigned source) { return (arrived >> source & 1u) != 0; };
            if (arrived == 0) {
                end_activity();
                fetch_on(fetch_->stopped());
                return Settled::next;
            }
            for (const unsigned source : {0u, job_source})
                if (has(source) && events_[source] == Event::failed) {
                    fetch_->broken();
                    rethrow();
                }
            next_turn();
            FetchStep step = FetchStep::finish;
            if (has(waker_source)) {
                step = fetch_->woken();
            } else if (has(timer_source)) {
                step = fetch_->waited();
            } else if (has(job_source)) {
                step = fetch_->led(events_[job_source] == Event::answered ? &led_ : nullptr);
            } else if (has(signer_source)) {
                const Secret signature = std::move(signature_);
                step = signature.empty() ? fetch_->answered(unsigned_exchange())
                                         : fetch_->signed_with(signature.expose());
            } else {
                note_exchange();
                step = fetch_->answered(exchange_answer_);
            }
            const bool asks = step == FetchStep::send || step == FetchStep::sign;
            if (asks && is_cancelled_.load(detail::Order::acquire)) step = fetch_->stopped();
            fetch_on(step);
            return is_awaiting_ ? Settled::not_yet : Settled::next;
        } else {
            return Settled::next;
        }
    }
    /// Asks the user, unless another call does.
    void ask() {
        if constexpr (Plan::reauthorizes) {
            next_turn();  // lest a waker comes before it is expected
            is_awaiting_ = true;
            UserReport report;
            auto&& clock = core_->clock();
            const token::WithoutWaiting asking{*this, waiting_};
            const Reauthorized outcome =
                frame_.ask_user(next_.slot, asking, clock, *core_->slot_set, report);
            if (!waiting_.has_joined) answer_question(outcome, std::move(report));
        }
    }
    Settled settle_question([[maybe_unused]] unsigned arrived) {
        if constexpr (Plan::reauthorizes) {
            end_activity();
            if (arrived != 0) return Settled::next;  // and asks once more
            UserReport stopped;
            stopped.cancelled = true;
            answer_question(Reauthorized::denied, std::move(stopped));
        }
        return Settled::next;
    }
    void answer_question(Reauthorized outcome, UserReport&& report) {
        is_awaiting_ = false;
        next_turn();
        waiting_ = token::Waiting{};
        next_ = frame_.reauthorized(outcome, std::move(report), now());
    }
    /// Sinks hear of a token request as if it had been sent here.
    void note_exchange() {
        if constexpr (is_watched) {
            const auto replay = [this](const auto&...) { return exchange_answer_; };
            typename Frame::template Noting<decltype(replay)> noting(replay, frame_);
            (void)noting(0, fetch_->authorization(), {});
        }
    }
    static ExchangeAnswer unsigned_exchange() {
        ExchangeAnswer answer;
        answer.reach = Reach::never_sent;
        answer.detail = "the signer gave no signature";
        return answer;
    }
    void rethrow() {
#if defined(__cpp_exceptions)
        std::rethrow_exception(std::exchange(error_, nullptr));
#endif
    }

    auto& hedge() const noexcept { return With::template policy<Role::hedge>(core_->store); }
    void hedge_later() {
        const bool idempotent = extras_.sorted.idempotent ||
                                Frame::idempotent_method(detail::Asks<Request>::method(request_));
        if (idempotent && copies_ < hedge().most_copies()) wait(hedge().after());
    }
    void hedge_now() {
        Duration timeout = sent().attempts[0].timeout();
        if constexpr (Plan::reads_clock) {  // it begins later, and has to end with the call
            const TimePoint time = now();
            const Duration elapsed = time > began_ ? time - began_ : Duration{0};
            const std::uint32_t sends = frame_.call().sends();
            const Proposal copy{next_.move, sends, Duration{0}, time, elapsed, Duration{0}};
            if (!Plan::judge(rules(), copy).allowed) return;
            timeout = Plan::timeout(rules(), elapsed, sends - 1);
        }
        if (!hedge().may_send()) return;
        OwnedSent& present = sent_.front();
        present.attempts[copies_] = present.of_copy(timeout);
        send_copy();
        hedge_later();
    }
    /// Whether an answer ends the waiting for the other copies.
    bool is_conclusive(unsigned copy) {
        if (events_[copy] == Event::failed) return true;
        if (events_[copy] != Event::answered || !Frame::has_response(*answers_[copy])) return false;
        const FailureClass failure =
            Frame::Examiner::facts_of(Frame::response_in(*answers_[copy])).failure;
        return failure != Transient && failure != RateLimited;
    }

    /// The call is over: nothing reaches it any more.
    void close() {
        {
            const detail::Locked lock(mutex_);
            phase_ = Phase::over;
        }
        if constexpr (Plan::admits) doors_.reset();
        if (fetch_) fetch_->hand_over();
        if (canceller_) (*canceller_).leave(*this);
    }
    void complete() {
        end([this](Done& done) { done(std::move(result_)); });
    }
    /// Tells `done`, and then whoever waits until no call is on its way.
    template <class Tell> void end(const Tell& tell) {
        const Owner<Operation> self(*this);  // `done` may drop the last other owner
        close();
        Starts::run([&] {
            detail::FirstThrown thrown;
            thrown.by([&] {
                auto done = std::move(done_);
                if (!is_silent_) tell(done);
            });
            thrown.by([this] { part_over(); });
            thrown.pass_on();
        });
    }

    template <class Extra> void watch(const Extra& extra) {
        if constexpr (std::is_same_v<Extra, Cancellation>) {
            canceller_.set(extra);
            if (!extra.enter(*this)) is_cancelled_.store(true, detail::Order::release);
        } else if constexpr (BringsCancellation<Extra>::value) {
            kept_ = [extra] {};
            watch(extra.cancellation());
        }
    }
    typename Plan::Rules rules() const {
        if constexpr (std::is_same_v<typename Plan::Rules, typename Core::Rules>)
            return core_->rules;
        else
            return typename Plan::Rules(core_->rules, extras_.sorted.time_limit);
    }
    TimePoint now() const {
        auto&& clock = core_->clock();
        return now_of<Plan>(clock);
    }

    detail::Shared<Core> core_;
    Request request_;
    Done done_;
    OwnedExtras extras_;
    detail::Atomic<bool> is_cancelled_{false};
    Result<Response> result_;
    typename Frame::Slots::Hold hold_;  // until the operation is gone
    Frame frame_;
    detail::Maybe<std::conditional_t<Plan::admits, Doors, char>> doors_{};
    detail::Maybe<Cancellation> canceller_{};
    std::function<void()> kept_{};  // an extra that cancels as long as it lives
    Action next_{};
    std::conditional_t<Core::hedges, TimePoint, char> began_{};  // its copies count from there
    std::conditional_t<Core::hedges, std::forward_list<OwnedSent>, Sent> sent_{};
    detail::Maybe<std::conditional_t<can_cancel_send, typename Async::Handle, char>>
        handles_[most_copies]{};
    detail::Maybe<Timer> timer_{};
    ExchangeReport report_{};
    FetchHolder fetch_{};
    token::Waiting waiting_{};  // while another call asks the user of this one
    detail::Atomic<unsigned> parts_{1};
    unsigned copies_ = 0;       // of the present send
    unsigned on_the_way_ = 0;   // of them
    bool is_awaiting_ = false;  // of whoever pumps
    bool is_begun_ = false;     // the same
    bool is_too_late_ = false;  // begun after the client was closed
    detail::Mutex mutex_;
    std::uint64_t turn_ = 0;  // from here on under the mutex; whoever pumps alone changes it
    unsigned arrived_ = 0;    // sources, one bit each
    bool is_silent_ = false;  // nobody is told of its end; changes before it is over
    Phase phase_ = executes ? Phase::given : Phase::running;
    unsigned errands_ = executes ? 1 : 0;  // not yet destroyed
    Event events_[sources]{};
    detail::Maybe<Answer> answers_[most_copies]{};
    ExchangeAnswer exchange_answer_{};
    FetchStep led_ = FetchStep::finish;
    Secret signature_{};
    std::exception_ptr error_{};
};

}  // namespace driver
}  // namespace v0_1
}  // namespace rekey

#endif
