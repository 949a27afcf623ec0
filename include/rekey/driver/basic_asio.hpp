// SPDX-License-Identifier: BSL-1.0
// asio::Client: the asynchronous driver for completion tokens, over either Asio.
#ifndef REKEY_DRIVER_BASIC_ASIO_HPP
#define REKEY_DRIVER_BASIC_ASIO_HPP

#include <rekey/detail/mutex.hpp>
#include <rekey/detail/shared.hpp>
#include <rekey/driver/callback.hpp>
#include <rekey/driver/over_callback.hpp>

#include <cstddef>
#include <cstdint>
#include <exception>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <tuple>
#include <type_traits>
#include <utility>

namespace rekey {
inline namespace v0_1 {
namespace driver {
namespace asio {

/// Which Asio an executor belongs to: `rekey/driver/asio.hpp` and `rekey/driver/boost_asio.hpp` say
/// it, each for its own. `type` has the names of that library that this header needs.
template <class Executor, class = void> struct LibraryOf {
    static constexpr bool known = false;
    using type = void;
};

namespace asio_parts {

/// In a library without cancellation slots.
struct NoSlot {
    static constexpr void clear() noexcept {}
};
struct NoSignal {
    static constexpr NoSlot slot() noexcept { return {}; }
};

/// What the operations of one send share: they never run at the same time as their cancellation.
template <class Library, class Executor> struct Lane {
    explicit Lane(const Executor& executor) : strand(Library::make_strand(executor)) {}
    typename Library::template Strand<Executor> strand;
    typename Library::Signal signal{};
};

/// An answer that can also be an error: that of the transport, or one that it is put into.
template <class Answer, class = void> struct WithErrors { using type = Answer; };
template <class Answer>
struct WithErrors<Answer, std::enable_if_t<!detail::IsExpectedLike<Answer>::value &&
                                           std::is_default_constructible_v<Answer>>> {
    using type = TransportResult<Answer>;
};

}  // namespace asio_parts

/// What the transport of an `asio::Client` calls with its answer; a completion handler of its
/// library, so it may be the token of an asynchronous operation.
///
/// Called    as `handler(answer)`, as `handler(error_code, response)`, or as
///           `handler(std::exception_ptr, answer)`, which is what `co_spawn` does; once, on any
///           thread, also before the transport has returned.
/// Executor  a strand of this send on the client's executor. The cancellation slot belongs to this
///           send: when its call is cancelled, the operation that it was given to is.
/// Threads   any; copies are the same.
template <class Library, class Executor, class Answer> class Handler {
    using Lane = asio_parts::Lane<Library, Executor>;

public:
    using executor_type = typename Library::template Strand<Executor>;
    using cancellation_slot_type = typename Library::Slot;

    Handler(std::shared_ptr<Lane> lane, Completion<Answer> completion) noexcept
        : lane_(std::move(lane)), completion_(std::move(completion)) {}

    executor_type get_executor() const noexcept { return lane_->strand; }
    cancellation_slot_type get_cancellation_slot() const noexcept { return lane_->signal.slot(); }

    void operator()(Answer answer) const {
        lane_->signal.slot().clear();
        completion_(std::move(answer));
    }
    /// An error is a failure of the transport (`Library::transport_error` says which), and the
    /// value beside it does not count.
    template <class Value,
              class = std::enable_if_t<std::is_convertible_v<Value&&, Answer> &&
                                       std::is_constructible_v<Answer, TransportError>>>
    void operator()(typename Library::ErrorCode error, Value&& value) const {
        if (error)
            (*this)(Answer(Library::transport_error(error)));
        else
            (*this)(Answer(std::forward<Value>(value)));
    }
    /// An exception ends the call, unchanged.
    template <class Value, class = std::enable_if_t<std::is_convertible_v<Value&&, Answer>>>
    void operator()(std::exception_ptr error, Value&& value) const {
        if (!error) return (*this)(Answer(std::forward<Value>(value)));
        lane_->signal.slot().clear();
        completion_.fail(std::move(error));
    }

private:
    std::shared_ptr<Lane> lane_;
    Completion<Answer> completion_;
};

namespace asio_parts {

/// What a send can be cancelled by: the transport's own handle, and the slot of its handler.
template <class Library, class Executor, class Own> class SendHandle {
public:
    SendHandle(std::shared_ptr<Lane<Library, Executor>> lane, Own own)
        : lane_(std::move(lane)), own_(std::move(own)) {}
    void cancel() {
        if constexpr (async_parts::CanCancel<Own>::value) own_.cancel();
        if constexpr (Library::has_slots)
            Library::dispatch(lane_->strand, [lane = lane_] { Library::set_off(lane->signal); });
    }

private:
    std::shared_ptr<Lane<Library, Executor>> lane_;
    Own own_;
};

/// A transport that takes handlers, as the callback driver calls it.
template <class Library, class Executor, class Transport> struct Calling {
    using Bare = detail::Plain<Transport>;
    using Given = typename detail::Lent<Bare>::type;
    static constexpr bool vouches_for_whole_bodies = detail::vouches_for_whole_bodies<Bare>();
    static constexpr bool follows_redirects = detail::follows_redirects<Given>();

    detail::TransportHolder<Transport> transport;
    Executor executor;

    template <class Request>
    struct AnswerTo : WithErrors<typename async_parts::AnswerOf<Given, Request>::type> {};

    template <class Answer> using HandlerOf = Handler<Library, Executor, Answer>;
    template <class Request, class Answer>
    static constexpr bool with_attempt =
        std::is_invocable_v<Bare&, const Request&, const Attempt&, HandlerOf<Answer>>;
    template <class Request, class Answer>
    static constexpr bool plain =
        !with_attempt<Request, Answer> && std::is_invocable_v<Bare&, Request&, HandlerOf<Answer>>;

    template <class Request, class Answer, std::enable_if_t<with_attempt<Request, Answer>, int> = 0>
    auto operator()(const Request& request, const Attempt& attempt,
                    Completion<Answer> completion) const {
        return call(
            [&](HandlerOf<Answer> handler) -> decltype(auto) {
                return transport.get()(request, attempt, std::move(handler));
            },
            std::move(completion));
    }
    template <class Request, class Answer, std::enable_if_t<plain<Request, Answer>, int> = 0>
    auto operator()(Request& request, Completion<Answer> completion) const {
        return call(
            [&](HandlerOf<Answer> handler) -> decltype(auto) {
                return transport.get()(request, std::move(handler));
            },
            std::move(completion));
    }

private:
    template <class Act, class Answer>
    auto call(const Act& act, Completion<Answer> completion) const {
        auto lane = std::make_shared<Lane<Library, Executor>>(executor);
        using Own = detail::Plain<decltype(act(std::declval<HandlerOf<Answer>>()))>;
        if constexpr (async_parts::CanCancel<Own>::value) {
            Own own = act(HandlerOf<Answer>(lane, std::move(completion)));
            return SendHandle<Library, Executor, Own>(std::move(lane), std::move(own));
        } else {
            (void)act(HandlerOf<Answer>(lane, std::move(completion)));
            return SendHandle<Library, Executor, char>(std::move(lane), char{});
        }
    }
};

/// In its place, in a client without a library.
struct CallsNobody {
    template <class Request>
    void operator()(const Request&, const Attempt&, const Completion<int>&) const noexcept {}
};

/// Timers on an executor, which everything of a call happens on.
template <class Library, class Executor> class Scheduler {
    using Timer = typename Library::template Timer<Executor>;

public:
    class Handle {
    public:
        explicit Handle(std::shared_ptr<Timer> timer) noexcept : timer_(std::move(timer)) {}
        void cancel() const { timer_->cancel(); }

    private:
        std::shared_ptr<Timer> timer_;
    };

    explicit Scheduler(const Executor& executor) : executor_(executor) {}

    template <class Act> Handle after(Duration delay, Act act) const {
        auto timer = std::make_shared<Timer>(executor_);
        timer->expires_after(
            std::chrono::duration_cast<std::chrono::steady_clock::duration>(delay));
        timer->async_wait([act = std::move(act)](const typename Library::ErrorCode& error) mutable {
            if (!error) act();
        });
        return Handle(std::move(timer));
    }
    template <class Act> void execute(Act act) const {
        Library::dispatch(executor_, std::move(act));
    }

private:
    Executor executor_;
};

/// Runs a handler on its own executor, with memory of its own allocator, and never inside the call
/// that ends. Until then both executors have work.
template <class Library, class Executor, class Handler> class Ending {
    using Own = typename Library::template ExecutorOf<Handler, Executor>;

    template <class Act> struct Posted {
        using allocator_type = typename Library::template AllocatorOf<Handler>;
        allocator_type get_allocator() const noexcept { return Library::allocator_of(handler); }
        void operator()() { act(std::move(handler)); }
        Handler handler;
        Act act;
    };

public:
    Ending(Handler&& handler, const Executor& executor)
        : own_work_(Library::executor_of(handler, executor)),
          work_(executor),
          handler_(std::move(handler)) {}

    /// Once: `act(Handler&&)`.
    template <class Act> void post(Act act) {
        Library::post(own_work_.get_executor(), Posted<Act>{std::move(handler_), std::move(act)});
    }

private:
    typename Library::template Work<Own> own_work_;
    typename Library::template Work<Executor> work_;
    Handler handler_;
};

/// How a cancellation slot reaches a call that it does not own: a signal may outlive the context,
/// whose end takes the call along.
class Stopping {
public:
    void reaches(AnyOperation& call) noexcept {
        const detail::Locked lock(mutex_);
        call_ = &call;
    }
    /// The call has ended, or is being destroyed.
    void is_over() noexcept {
        const detail::Locked lock(mutex_);
        call_ = nullptr;
    }
    void stop() {
        Owner<AnyOperation> call;
        {
            const detail::Locked lock(mutex_);
            if (call_ != nullptr && call_->try_keep()) call = Owner<AnyOperation>::of_new(call_);
        }
        if (call) call->stop();
    }

private:
    detail::Mutex mutex_;
    AnyOperation* call_ = nullptr;
};

/// Whether a token is a function of the result alone, and no token of another kind: those that can
/// be called with something give something back.
template <class Token, class Value> constexpr bool takes_result_alone() noexcept {
    if constexpr (std::is_invocable_v<Token, Value> &&
                  !std::is_invocable_v<Token, std::exception_ptr, Value>)
        return std::is_void_v<std::invoke_result_t<Token, Value>>;
    else
        return false;
}

/// What the callback driver tells the end of a call, or of an authorization.
template <class Library, class Executor, class Handler, class Value> class Done {
public:
    Done(Handler&& handler, const Executor& executor, detail::Shared<Stopping> stopping)
        : ending_(std::move(handler), executor), stopping_(std::move(stopping)) {}
    Done(Done&&) = default;
    Done& operator=(Done&&) = delete;
    ~Done() {
        if (stopping_) stopping_->is_over();
    }

    void operator()(Value result) { post(nullptr, std::move(result)); }
    void failed(std::exception_ptr error) { post(std::move(error), {}); }

private:
    void post(std::exception_ptr error, Value result) {
        ending_.post([error = std::move(error), result = std::move(result)](Handler&& own) mutable {
            Handler handler(std::move(own));
            if constexpr (Library::has_slots) Library::slot_of(handler).clear();
            if constexpr (!takes_result_alone<Handler, Value>()) {
                std::move(handler)(std::move(error), std::move(result));
            } else {
#if defined(__cpp_exceptions)
                if (error) std::rethrow_exception(std::move(error));
#endif
                std::move(handler)(std::move(result));
            }
        });
    }
    Ending<Library, Executor, Handler> ending_;
    detail::Shared<Stopping> stopping_;  // of a handler with a slot
};

/// The client of callbacks beneath an Asio client. Without a library a client of nothing, so that
/// one mistake is one error.
template <class Executor, class Transport, class... Policies> struct Over {
    static constexpr bool has_library = LibraryOf<Executor>::known;
    using Library = typename LibraryOf<Executor>::type;
    using Calling =
        std::conditional_t<has_library, asio_parts::Calling<Library, Executor, Transport>,
                           CallsNobody>;
    using Scheduler =
        std::conditional_t<has_library, asio_parts::Scheduler<Library, Executor>, NoScheduler>;
    using Callback =
        std::conditional_t<has_library, callback::Client<Calling, Scheduler, Policies...>,
                           callback::Client<Calling, Scheduler>>;

    static Callback made([[maybe_unused]] const Executor& executor,
                         [[maybe_unused]] Transport&& transport,
                         [[maybe_unused]] Policies&&... policies) {
        if constexpr (has_library)
            return Callback(
                Calling{detail::TransportHolder<Transport>(std::forward<Transport>(transport)),
                        executor},
                Scheduler(executor), std::move(policies)...);
        else
            return Callback(Calling{}, NoScheduler{});
    }
};

}  // namespace asio_parts

/// Sends requests over an asynchronous transport and completes as an operation of Asio does:
/// `client.async_send(request, token)`.
///
/// Executor   of Boost.Asio (include `rekey/driver/boost_asio.hpp`) or of standalone Asio
///            (`rekey/driver/asio.hpp`). All that rekey does of a call it does there: it calls the
///            transport and the policies, and waits with a `steady_timer`. With a strand they are
///            never called from two threads at once.
/// Transport  as that of `driver::callback::Client`, called with a `Handler`, which is a completion
///            token too: `transport(request, attempt, handler)` may hand it on to an asynchronous
///            operation of the library, `co_spawn` among them.
/// Policies   as those of `rekey::Client`.
/// Errors     values. What the transport throws goes to the handler's first parameter.
/// Threads    `async_send` is const and as thread-safe as the transport is on that executor.
/// Lifetime   a client may be destroyed with calls on their way: they end as if it lived. An
///            execution context that is destroyed takes its calls along: their handlers are
///            destroyed, not called, as those of all operations of that context.
/// Cost       as `driver::callback::Client`, and a strand per send and a post per call.
/// Others     what `driver::OverCallback` hands on: `replace`, `route`, `begin_authorization`, …
/// Example    examples/24_asio.cpp
template <class Executor, class Transport, class... Policies>
class Client
    : public OverCallback<typename asio_parts::Over<Executor, Transport, Policies...>::Callback> {
    using Over = asio_parts::Over<Executor, Transport, Policies...>;
    static constexpr bool has_library = Over::has_library;
    static_assert(has_library,
                  "rekey: driver::asio::Client{executor, transport, policies...} begins with an "
                  "executor, such as context.get_executor(). Include rekey/driver/boost_asio.hpp "
                  "for one of Boost.Asio, rekey/driver/asio.hpp for one of standalone Asio.");
    using Library = typename Over::Library;
    using Callback = typename Over::Callback;
    using OverCallback<Callback>::client_;

public:
    using Plan = typename Callback::Plan;
    using executor_type = Executor;

    Client(const Executor& executor, Transport transport, Policies... policies)
        : OverCallback<Callback>(
              Over::made(executor, std::forward<Transport>(transport), std::move(policies)...)),
          executor_(executor) {}

    executor_type get_executor() const noexcept { return executor_; }

    /// Sends the request, and again as the policies say: `async_send(request, extras..., token)`.
    ///
    /// Request  copied. Extras   as those of `rekey::Client::send`; their texts live until the call
    ///          begins, which with lazy tokens is later.
    /// Token    any of the library. The signature is `void(std::exception_ptr, Result<Response>)`:
    ///          `co_await` and `future.get()` give the result and throw only what the transport has
    ///          thrown. A handler may also be `void(Result<Response>)`; an exception of the
    ///          transport then leaves `run()`.
    /// Cancels  at once, when the token's cancellation slot hears `terminal` or `partial`: the
    ///          result is `ErrorKind::cancelled`.
    /// Handler  is posted, never called inside this function, to its associated executor (else the
    ///          client's), with memory of its associated allocator.
    template <class Request, class First, class... More>
    decltype(auto) async_send(const Request& request, First&& first, More&&... more) const {
        return send_all(
            request, std::forward_as_tuple(std::forward<First>(first), std::forward<More>(more)...),
            std::make_index_sequence<sizeof...(More)>{});
    }

    /// Completes when no call is on its way; `void()`. The handler is run as that of `async_send`.
    template <class Given> decltype(auto) async_drain(Given&& given) const {
        std::decay_t<Given> token(std::forward<Given>(given));
        return Library::template initiate<void()>(
            [](auto&& handler, const Callback& client, const Executor& executor) {
                using Handler = std::decay_t<decltype(handler)>;
                using Ending = asio_parts::Ending<Library, Executor, Handler>;
                auto ending = std::make_shared<Ending>(
                    Handler(std::forward<decltype(handler)>(handler)), executor);
                client.when_idle(
                    [ending] { ending->post([](Handler&& own) { std::move(own)(); }); });
            },
            token, client_, executor_);
    }

    /// As `authorize` and `resume` of `driver::callback::Client`:
    /// `async_resume<Request>(brought, Binding{cookie}, token)`.
    ///
    /// Token    of `void(std::exception_ptr, AuthorizationEnd)` and of the signature of
    ///          `async_send`; also functions of the result alone.
    /// Cancels  nothing: a code that was sent cannot be sent again.
    template <class First, class... More>
    decltype(auto) async_authorize(std::string_view brought, First&& first, More&&... more) const {
        return finish_all<AuthorizationEnd, Authorizes>(
            brought, std::forward_as_tuple(std::forward<First>(first), std::forward<More>(more)...),
            std::make_index_sequence<sizeof...(More)>{});
    }
    template <class Request, class First, class... More>
    decltype(auto) async_resume(std::string_view brought, First&& first, More&&... more) const {
        using Response = typename detail::ResponseOf<typename Async<Request>::Answer>::type;
        return finish_all<Result<Response>, Resumes<Request>>(
            brought, std::forward_as_tuple(std::forward<First>(first), std::forward<More>(more)...),
            std::make_index_sequence<sizeof...(More)>{});
    }

private:
    template <class Request> using Async = AsyncCall<typename Over::Calling, Request>;

    /// Begins a call that ends with the handler.
    template <class Response> struct Begin {
        template <class Handler, class Request, class... Extras>
        void operator()(Handler&& given, const Callback& client, const Executor& executor,
                        const Request& request, const Extras&... extras) const {
            using Own = std::decay_t<Handler>;
            Own handler(std::forward<Handler>(given));
            if constexpr (Library::has_slots) {
                auto slot = Library::slot_of(handler);
                detail::Shared<asio_parts::Stopping> stopping;
                if (slot.is_connected()) stopping = detail::Shared<asio_parts::Stopping>::make();
                const auto call =
                    made(std::move(handler), client, executor, stopping, request, extras...);
                if (stopping) {  // before it begins, for it may end at once
                    stopping->reaches(*call);
                    slot.assign([stopping](auto how) {
                        if (Library::ends(how)) stopping->stop();
                    });
                }
                Starts::begin(call);
            } else {
                Starts::begin(made(std::move(handler), client, executor, {}, request, extras...));
            }
        }
        template <class Handler, class Request, class... Extras>
        static auto made(Handler&& handler, const Callback& client, const Executor& executor,
                         const detail::Shared<asio_parts::Stopping>& stopping,
                         const Request& request, const Extras&... extras) {
            using Done = asio_parts::Done<Library, Executor, Handler, Result<Response>>;
            return client.make(request, Done(std::move(handler), executor, stopping), extras...);
        }
    };

    template <class Request, class More, std::size_t... Places>
    decltype(auto) send_all(const Request& request, More&& more,
                            std::index_sequence<Places...>) const {
        auto&& given = std::get<sizeof...(Places)>(more);
        using Token = std::decay_t<decltype(given)>;
        if constexpr (!Async<Request>::known || !Async<Request>::fits) {
            (void)client_.make(request, [](const auto&) {});  // says what is wrong
        } else {
            using Response = typename detail::ResponseOf<typename Async<Request>::Answer>::type;
            if constexpr (asio_parts::takes_result_alone<Token, Result<Response>>()) {
                Begin<Response>{}(
                    Token(std::forward<std::tuple_element_t<sizeof...(Places), std::decay_t<More>>>(
                        given)),
                    client_, executor_, request, std::get<Places>(more)...);
            } else {
                Token token(
                    std::forward<std::tuple_element_t<sizeof...(Places), std::decay_t<More>>>(
                        given));
                return Library::template initiate<void(std::exception_ptr, Result<Response>)>(
                    Begin<Response>{}, token, client_, executor_, request,
                    std::get<Places>(more)...);
            }
        }
    }

    /// What is done with what a person brought back.
    struct Authorizes {
        template <class Done, class... Bound>
        static void begin(const Callback& client, const std::string& brought, Done done,
                          const Bound&... bound) {
            client.authorize(brought, std::move(done), bound...);
        }
    };
    template <class Request> struct Resumes {
        template <class Done, class... Bound>
        static void begin(const Callback& client, const std::string& brought, Done done,
                          const Bound&... bound) {
            client.template resume<Request>(brought, std::move(done), bound...);
        }
    };
    template <class Value, class What> struct BeginFinish {
        template <class Handler, class... Bound>
        void operator()(Handler&& given, const Callback& client, const Executor& executor,
                        const std::string& brought, const Bound&... bound) const {
            using Own = std::decay_t<Handler>;
            using Done = asio_parts::Done<Library, Executor, Own, Value>;
            What::begin(client, brought,
                        Done(Own(std::forward<Handler>(given)), executor,
                             detail::Shared<asio_parts::Stopping>()),
                        bound...);
        }
    };
    template <class Value, class What, class More, std::size_t... Places>
    decltype(auto) finish_all(std::string_view brought, More&& more,
                              std::index_sequence<Places...>) const {
        auto&& given = std::get<sizeof...(Places)>(more);
        using Given = std::tuple_element_t<sizeof...(Places), std::decay_t<More>>;
        using Token = std::decay_t<decltype(given)>;
        Token token(std::forward<Given>(given));
        if constexpr (asio_parts::takes_result_alone<Token, Value>())
            BeginFinish<Value, What>{}(std::move(token), client_, executor_, std::string(brought),
                                       std::get<Places>(more)...);
        else
            return Library::template initiate<void(std::exception_ptr, Value)>(
                BeginFinish<Value, What>{}, token, client_, executor_, std::string(brought),
                std::get<Places>(more)...);
    }

    Executor executor_;
};

template <class Executor, class Transport, class... Policies>
Client(const Executor&, Transport&&, Policies...)
    -> Client<Executor, detail::Held<Transport>, Policies...>;

}  // namespace asio
}  // namespace driver
}  // namespace v0_1
}  // namespace rekey

#endif
