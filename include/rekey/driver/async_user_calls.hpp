// SPDX-License-Identifier: BSL-1.0
// AsyncUserCalls: what an asynchronous client can do beside `send` when its users may have to
// authorize.
#ifndef REKEY_DRIVER_ASYNC_USER_CALLS_HPP
#define REKEY_DRIVER_ASYNC_USER_CALLS_HPP

#include <rekey/detail/maybe.hpp>
#include <rekey/driver/operation.hpp>
#include <rekey/driver/waiting_exchanger.hpp>
#include <rekey/http.hpp>
#include <rekey/resumable.hpp>
#include <rekey/token/finishing.hpp>
#include <rekey/user_calls.hpp>

#include <cstdint>
#include <exception>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

namespace rekey {
inline namespace v0_1 {
namespace driver {

/// Whether a flow only sends people away, and never waits for them.
template <class Flow, class = void> struct HandsOver : std::false_type {};
template <class Flow>
struct HandsOver<Flow, std::enable_if_t<Flow::never_waits>> : std::true_type {};

inline AuthorizationEnd cancelled_end() {
    AuthorizationEnd end;
    end.kind = ErrorKind::cancelled;
    return end;
}
/// The `done` of a `resume`, which sends a request unless that was stopped.
template <class Done, class = void> struct EndsAResume : std::false_type {};
template <class Done>
struct EndsAResume<Done, std::void_t<decltype(std::declval<Done&>().is_resume_stopped = false)>>
    : std::true_type {};

/// The end of an authorization on its way: a callback is judged, its code exchanged once.
///
/// One thing is waited for at a time, so whoever brings it goes on, there where a scheduler with
/// `execute(f)` says; a code is sent three times at most, and only while it never left.
///
/// Source   a `token::SubjectSource`, or one that keeps its tokens in a store.
/// Done     called as `done(AuthorizationEnd)`.
template <class Core, class Source, class Done>
class Authorizing final
    : public AnyOperation,
      public Receiver<typename AsyncCall<
          detail::Plain<decltype(std::declval<const Core&>().exchange_transport())>,
          HttpRequest>::Answer> {
    using FetchStep = token::FetchStep;
    using Transport = detail::Plain<decltype(std::declval<const Core&>().exchange_transport())>;
    using Async = AsyncCall<Transport, HttpRequest>;
    using Answer = typename Async::Answer;
    using Service = typename Core::Parts::Service;
    using Scheduler = detail::Plain<decltype(std::declval<const Core&>().timers())>;

    /// Does all of it, on a thread that may block.
    struct Job {
        Completion<AuthorizationEnd> done;
        Authorizing* call;

        void operator()() const {
#if defined(__cpp_exceptions)
            detail::Maybe<AuthorizationEnd> end;
            std::exception_ptr error;
            try {
                end.set(call->finish());
            } catch (...) {
                error = std::current_exception();
            }
            if (error)
                done.fail(std::move(error));
            else
                done(std::move(*end));
#else
            done(call->finish());
#endif
        }
    };
    struct JobReader final : Receiver<AuthorizationEnd> {
        explicit JobReader(Authorizing& waiting) noexcept : call(waiting) {}
        void keep() noexcept override { call.keep(); }
        void drop() noexcept override { call.drop(); }
        void answered(std::uint64_t, AuthorizationEnd* end) override {
            call.done_there(end != nullptr ? std::move(*end) : cancelled_end());
        }
        void failed(std::uint64_t, std::exception_ptr error) override {
            call.broke_there(std::move(error));
        }
        Authorizing& call;
    };

public:
    template <class... Extras>
    Authorizing(const detail::Shared<Core>& core, Source& source, std::string_view brought,
                Done&& done, const Extras&... extras)
        : core_(core),
          source_(source),
          brought_(std::string(brought)),
          done_(std::move(done)),
          extras_(extras...),
          finishing_(source, extras_.sorted) {}

    void keep() noexcept override { AnyOperation::keep(); }
    void drop() noexcept override { AnyOperation::drop(); }
    /// Nobody can bring an event any more: its timer was destroyed with the scheduler.
    ~Authorizing() override {
        if (!is_over_.load(detail::Order::acquire)) core_->calls.leave(*this);
    }

    void enter() noexcept { is_too_late_ = !core_->calls.enter(*this); }
    /// What was sent goes on: a code cannot be sent again.
    void stop() override { is_stopped_.store(true, detail::Order::release); }
    void abandon() override {
        is_told_.store(true, detail::Order::release);
        stop();
    }

    void begin() override {
        there([](Authorizing& self) { self.begin_there(); });
    }
    void answered(std::uint64_t, Answer* answer) override {
        if constexpr (!Source::blocks) {
#if defined(__cpp_exceptions)
            std::exception_ptr error;
            try {
                read(answer);
            } catch (...) {
                error = std::current_exception();
            }
            if (error) return broke_there(std::move(error));
#else
            read(answer);
#endif
            there([](Authorizing& self) { self.guarded([&self] { self.judge(); }); });
        }
    }
    void failed(std::uint64_t, std::exception_ptr error) override { broke_there(std::move(error)); }

private:
    /// Does it where the scheduler says, or here.
    template <class Act> void there(const Act& act) {
        if constexpr (Executes<Scheduler>::value)
            core_->timers().execute([self = Owner<Authorizing>(*this), act] { act(*self); });
        else
            act(*this);
    }
    void broke_there(std::exception_ptr error) {
        error_ = std::move(error);
        there([](Authorizing& self) { self.broke(std::move(self.error_)); });
    }
    void done_there(AuthorizationEnd&& end) {
        end_ = std::move(end);
        there([](Authorizing& self) { self.tell(std::move(self.end_)); });
    }
    void begin_there() {
        if (is_too_late_ || is_stopped_.load(detail::Order::acquire)) return tell(cancelled_end());
        const Owner<Authorizing> self(*this);
        guarded([this] {
            if constexpr (Source::blocks) {
                core_->executor()(
                    Job{Completion<AuthorizationEnd>(Owner<Receiver<AuthorizationEnd>>(reader_), 0),
                        this});
            } else {
                auto&& clock = core_->clock();
                go_on(finishing_.start(brought_.expose(), clock));
            }
        });
    }
    void read(Answer* answer) {
        told_ = ExchangeAnswer{};
        told_.reach = Reach::sent_unanswered;
        told_.detail = "the transport dropped its callback without an answer";
        if (answer != nullptr) told_ = Exchanger<Transport, Service>::told(std::move(*answer));
    }
    void judge() {
        auto&& clock = core_->clock();
        const ExchangeAnswer told = std::move(told_);
        go_on(finishing_.answered(told, clock));
    }
    AuthorizationEnd finish() {
        auto&& clock = core_->clock();
        return source_.finish(brought_.expose(), extras_.sorted,
                              WaitingExchanger<Transport, Service>{core_->exchange_transport()},
                              clock);
    }
    void go_on(FetchStep step) {
        switch (step) {
            case FetchStep::send: return send();
            case FetchStep::wait:
                (void)core_->timers().after(finishing_.delay(), [self = Owner<Authorizing>(*this)] {
                    self->there(
                        [](Authorizing& here) { here.guarded([&here] { here.waited(); }); });
                });
                return;
            default: return tell(std::move(finishing_.end()));
        }
    }
    void waited() {
        auto&& clock = core_->clock();
        go_on(is_stopped_.load(detail::Order::acquire) ? finishing_.stopped(clock)
                                                       : finishing_.waited());
    }
    /// Nothing of this is touched when the transport has returned: it may be over by then.
    void send() {
        const auto& made = finishing_.request().made;
        AttemptFields fields;
        fields.authorization = made.authorization.expose();
        fields.credential = finishing_.request().credential;
        attempt_ = Attempt{fields};
        const Completion<Answer> completion(Owner<Receiver<Answer>>(*this), 0);
#if defined(__cpp_exceptions)
        try {
            send(made.http, completion);
        } catch (...) {
            completion.fail(std::current_exception());  // before it is dropped, which is an answer
        }
#else
        send(made.http, completion);
#endif
    }
    void send(const HttpRequest& request, const Completion<Answer>& completion) {
        [[maybe_unused]] auto& transport = core_->exchange_transport();
        if constexpr (Async::with_attempt) {
            (void)transport(request, std::as_const(attempt_), completion);
        } else if constexpr (Async::plain) {
            copy_ = request;
            if (!attempt_.authorization().empty())
                RequestTraits<HttpRequest>::set_header(copy_, attempt_.header(),
                                                       attempt_.authorization());
            (void)transport(copy_, completion);
        }
    }
    /// Whatever throws ends the call, once.
    template <class Act> void guarded(const Act& act) {
#if defined(__cpp_exceptions)
        std::exception_ptr error;
        try {
            act();
        } catch (...) {
            error = std::current_exception();
        }
        if (error) broke(std::move(error));
#else
        act();
#endif
    }
    void broke([[maybe_unused]] std::exception_ptr error) {
#if defined(__cpp_exceptions)
        if (is_over_.load(detail::Order::acquire)) std::rethrow_exception(std::move(error));
        end([&error](Done& done) {
            if constexpr (TakesExceptions<Done>::value)
                done.failed(std::move(error));
            else
                std::rethrow_exception(std::move(error));
        });
#endif
    }
    void tell(AuthorizationEnd&& end_of) {
        end([&](Done& done) {
            if constexpr (EndsAResume<Done>::value)
                done.is_resume_stopped = is_stopped_.load(detail::Order::acquire);
            done(std::move(end_of));
        });
    }
    template <class Tell> void end(const Tell& tell_done) {
        if (is_over_.exchange(true, detail::Order::acq_rel)) return;
        const Owner<Authorizing> self(*this);
        Starts::run([&] {
            detail::FirstThrown thrown;
            thrown.by([&] {
                auto done = std::move(done_);
                if (!is_told_.exchange(true, detail::Order::acq_rel)) tell_done(done);
            });
            thrown.by([this] { core_->calls.leave(*this); });
            thrown.pass_on();
        });
    }

    detail::Shared<Core> core_;
    Source& source_;
    Secret brought_;
    Done done_;
    OwnedExtras extras_;
    token::Finishing<Source> finishing_;
    JobReader reader_{*this};
    Attempt attempt_{};
    HttpRequest copy_{};
    ExchangeAnswer told_{};
    AuthorizationEnd end_{};
    std::exception_ptr error_{};
    detail::Atomic<bool> is_stopped_{false};
    detail::Atomic<bool> is_over_{false};
    detail::Atomic<bool> is_told_{false};  // or nobody is there any more
    bool is_too_late_ = false;             // begun after the client was closed
};

/// A client whose users are never asked has nothing to resume.
template <class Client, Asks> class AsyncUserCalls {};

/// With a flow that sends people away; see `UserCalls`, which is the same for a blocking client.
template <class Client> class AsyncUserCalls<Client, Asks::flow> {
public:
    /// Begins an authorization without a refused request. Gives an `AuthorizationBegin`.
    ///
    /// Extras    `Subject{user}`, `Binding{cookie}` or `WithoutBinding{}`, `ReturnTo{path}`.
    template <class... Extras> auto begin_authorization(const Extras&... extras) const {
        require_binding<Client, Extras...>();
        detail::CallExtras sorted;
        (sorted.take(extras), ...);
        auto&& clock = core().clock();
        return user_source().begin(sorted, NoExchanger{}, clock);
    }
    /// Takes what the person brought back and gets the user's tokens; then calls
    /// `done(AuthorizationEnd)`. Sends nothing else.
    ///
    /// brought   the callback as it arrived. Copied, as the texts of the extras.
    /// Bound     `Binding{session cookie}` or `WithoutBinding{}`; `SignedInAs{user}`.
    /// Errors    what the transport throws goes to `done.failed`, as for `send`.
    template <class Done, class... Bound>
    void authorize(std::string_view brought, Done done, const Bound&... bound) const {
        require_binding<Client, Bound...>();
        static_assert(
            ((std::is_same_v<Bound, Binding> || std::is_same_v<Bound, WithoutBinding> ||
              std::is_same_v<Bound, SignedInAs>)&&...),
            "rekey: behind `done` stands Binding{session cookie} or WithoutBinding{}, and "
            "SignedInAs{user} if signing in changes who it is.");
        using Call = Authorizing<detail::Plain<decltype(core())>,
                                 detail::Plain<decltype(user_source())>, Done>;
        Call* const made =
            new Call(self().core_, user_source(), brought, std::move(done), bound...);
        const auto call = Owner<AnyOperation>::of_new(made);
        made->enter();
        Starts::begin(call);
    }
    /// Finishes a call that ended with `authorization_needed`: `authorize`, and then the very
    /// request that was refused goes out as a fresh call, which ends with
    /// `done(Result<Response>)`.
    ///
    /// Request   the type of that request; this client has kept it in memory.
    template <class Request, class Done, class... Bound>
    void resume(std::string_view brought, Done done, const Bound&... bound) const {
        detail::CallExtras sorted;
        (sorted.take(bound), ...);
        std::string binding(sorted.binding);
        authorize(brought,
                  Resuming<Request, Done>{self(), std::move(done), std::move(binding),
                                          sorted.has_binding},
                  bound...);
    }
    /// Takes over tokens of a user that were kept elsewhere. They count as accepted before. With a
    /// token store this talks to it, and blocks.
    template <class TokenSet> void adopt(const Subject& user, TokenSet tokens) const {
        auto&& clock = core().clock();
        user_source().adopt(user.user, std::move(tokens), clock);
    }
    /// Forgets the tokens of a user. Calls that run finish with the old ones. With a token store
    /// this talks to it, and blocks.
    void forget(const Subject& user) const { user_source().forget(user.user); }

private:
    /// A flow that sends people away sends nothing itself.
    struct NoExchanger {};

    /// Sends a request again when its user has authorized.
    template <class Request, class Done> struct Resuming {
        Client client;
        Done done;
        std::string binding;
        bool has_binding;
        bool is_resume_stopped = false;

        void operator()(AuthorizationEnd end) {
            using Response = typename Client::template ResponseTo<Request>;
            const auto& names = client.core_->slot_set->names();
            if (end && is_resume_stopped) end = cancelled_end();
            if (!end) return done(unfinished<Response>(end, names));
            auto waiting = client.user_source().parked().template take<Request>(
                end.flow, client.core().clock().unix_seconds());
            if (!waiting) return done(unfinished<Response>(without_request(std::move(end)), names));
            const detail::ResumedCall<Request> resumed{*waiting, end.subject};
            if (has_binding)
                client.begin((*waiting).request, std::move(done), Binding{binding}, resumed);
            else
                client.begin((*waiting).request, std::move(done), WithoutBinding{}, resumed);
        }
        template <class Asked = Done, class = std::enable_if_t<TakesExceptions<Asked>::value>>
        void failed(std::exception_ptr error) {
            done.failed(std::move(error));
        }
    };
    const Client& self() const noexcept { return static_cast<const Client&>(*this); }
    auto& core() const noexcept { return *self().core_; }
    /// The keeper of the users' tokens.
    auto& user_source() const noexcept {
        using Core = detail::Plain<decltype(core())>;
        return core().slot_set->template of<typename Core::Parts::Reauthorizer::Credential>();
    }
};

}  // namespace driver
}  // namespace v0_1
}  // namespace rekey

#endif
