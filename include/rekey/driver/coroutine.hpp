// SPDX-License-Identifier: BSL-1.0
// coroutine: the asynchronous driver for C++20 coroutines.
#ifndef REKEY_DRIVER_COROUTINE_HPP
#define REKEY_DRIVER_COROUTINE_HPP

#if !defined(__cpp_impl_coroutine)
#error "rekey: driver/coroutine.hpp needs C++20 (-std=c++20); before that, driver/callback.hpp."
#else

#include <rekey/detail/shared.hpp>
#include <rekey/driver/callback.hpp>
#include <rekey/driver/over_callback.hpp>

#include <coroutine>
#include <cstdint>
#include <exception>
#include <string_view>
#include <type_traits>
#include <utility>

namespace rekey {
inline namespace v0_1 {
namespace driver {
namespace coroutine {

namespace coroutine_parts {

template <class Awaitable> decltype(auto) awaiter_of(Awaitable&& awaitable) {
    if constexpr (requires { std::forward<Awaitable>(awaitable).operator co_await(); })
        return std::forward<Awaitable>(awaitable).operator co_await();
    else if constexpr (requires { operator co_await(std::forward<Awaitable>(awaitable)); })
        return operator co_await(std::forward<Awaitable>(awaitable));
    else
        return std::forward<Awaitable>(awaitable);
}
template <class Awaitable>
using Awaited = detail::Plain<decltype(awaiter_of(std::declval<Awaitable>()).await_resume())>;

/// A coroutine that nobody waits for: it ends itself.
struct Detached {
    struct promise_type {
        Detached get_return_object() const noexcept { return {}; }
        std::suspend_never initial_suspend() const noexcept { return {}; }
        std::suspend_never final_suspend() const noexcept { return {}; }
        void return_void() const noexcept {}
        /// Of whoever goes on with the answer: to whoever brought it.
        void unhandled_exception() const {
#if defined(__cpp_exceptions)
            throw;
#endif
        }
    };
};

/// A transport of awaitables, as the callback driver calls it.
template <class Transport> struct Awaiting {
    using Bare = detail::Plain<Transport>;
    static constexpr bool vouches_for_whole_bodies = detail::vouches_for_whole_bodies<Bare>();
    static constexpr bool follows_redirects =
        detail::follows_redirects<typename detail::Lent<Bare>::type>();

    detail::TransportHolder<Transport> transport;

    template <class Request>
    static constexpr bool with_attempt = std::is_invocable_v<Bare&, const Request&, const Attempt&>;
    template <class Request>
    static constexpr bool plain = !with_attempt<Request> && std::is_invocable_v<Bare&, Request&>;

    template <class Request> struct AnswerTo {};
    template <class Request>
    requires with_attempt<Request>
    struct AnswerTo<Request> {
        using type = Awaited<decltype(std::declval<Bare&>()(std::declval<const Request&>(),
                                                            std::declval<const Attempt&>()))>;
    };
    template <class Request>
    requires plain<Request>
    struct AnswerTo<Request> {
        using type = Awaited<decltype(std::declval<Bare&>()(std::declval<Request&>()))>;
    };

    template <class Request, class Answer>
    requires with_attempt<Request>
    void operator()(const Request& request, const Attempt& attempt, Completion<Answer> done) const {
        answer([&]() -> decltype(auto) { return transport.get()(request, attempt); },
               std::move(done));
    }
    template <class Request, class Answer>
    requires plain<Request>
    void operator()(Request& request, Completion<Answer> done) const {
        answer([&]() -> decltype(auto) { return transport.get()(request); }, std::move(done));
    }

private:
    /// `begin` is called before the first suspension, so that it may live on the caller's stack.
    template <class Begin, class Answer>
    static Detached answer(const Begin& begin, Completion<Answer> done) {
#if defined(__cpp_exceptions)
        detail::Maybe<Answer> answer;
        std::exception_ptr error;
        try {
            answer.set(co_await begin());
        } catch (...) {
            error = std::current_exception();
        }
        if (error)
            done.fail(std::move(error));
        else
            tell(std::move(done), std::move(*answer));
#else
        done(co_await begin());
#endif
    }
    /// The frame keeps nothing of the call if this throws: not every compiler destroys it then.
    template <class Answer> static void tell(const Completion<Answer> done, Answer&& answer) {
        done(std::move(answer));
    }
};

}  // namespace coroutine_parts

/// What a client gives to be awaited: once, which begins it.
///
/// A coroutine that is destroyed while it waits is not resumed; what it began is abandoned.
/// Value    what it brings.
/// Handle   has `abandon()`.
/// Begin    called as `begin(done, handle)`; fills the handle in before anything is on its way.
template <class Value, class Handle, class Begin> class [[nodiscard]] Beginning {
    /// Told once, with a value or an exception.
    struct Done {
        Beginning* waiting;
        void operator()(Value&& value) const {
#if defined(__cpp_exceptions)
            try {
                waiting->value_.set(std::move(value));
            } catch (...) {  // a value whose move may throw: the coroutine hears of it
                waiting->error_ = std::current_exception();
            }
#else
            waiting->value_.set(std::move(value));
#endif
            waiting->go_on();
        }
        void failed(std::exception_ptr error) const {
            waiting->error_ = std::move(error);
            waiting->go_on();
        }
    };

public:
    explicit Beginning(Begin begin) : begin_(std::move(begin)) {}
    Beginning(const Beginning&) = delete;
    Beginning& operator=(const Beginning&) = delete;
    ~Beginning() {
        if (!is_told_) handle_.abandon();
    }

    bool await_ready() const noexcept { return false; }
    /// False if it has ended before this returns: then nobody is resumed inside it. What passes
    /// through here may be another call's; this one is abandoned then, if it is on its way.
    bool await_suspend(std::coroutine_handle<> waiting) {
        waiting_ = waiting;
        begin_(Done{this}, handle_);
        return !has_come_.exchange(true, detail::Order::acq_rel);
    }
    Value await_resume() {
#if defined(__cpp_exceptions)
        if (error_) std::rethrow_exception(error_);
#endif
        return std::move(*value_);
    }

private:
    void go_on() {
        is_told_ = true;
        if (has_come_.exchange(true, detail::Order::acq_rel)) waiting_.resume();
    }
    Begin begin_;
    Handle handle_{};
    std::coroutine_handle<> waiting_{};
    detail::Maybe<Value> value_{};
    std::exception_ptr error_{};
    detail::Atomic<bool> has_come_{false};
    bool is_told_ = false;
};

namespace coroutine_parts {

/// Stands between a coroutine and what cannot be ended as one call: whichever comes first, the end
/// or the coroutine's own, the other finds nobody.
struct Relay {
    detail::Atomic<bool> is_used{false};
};
template <class Done> struct RelayDone {
    detail::Shared<Relay> relay;
    Done done;

    template <class Value> auto operator()(Value value) const -> decltype(done(std::move(value))) {
        if (!relay->is_used.exchange(true, detail::Order::acq_rel)) done(std::move(value));
    }
    void failed(std::exception_ptr error) const {
        if (!relay->is_used.exchange(true, detail::Order::acq_rel)) done.failed(std::move(error));
    }
};
struct RelayHandle {
    detail::Shared<Relay> relay{};

    void abandon() const {
        if (relay) relay->is_used.store(true, detail::Order::release);
    }
};

}  // namespace coroutine_parts

/// Sends requests over a transport of awaitables: `co_await client.send(request, extras...)`.
///
/// Transport  called as `transport(const Request&, const Attempt&)` or `transport(Request&)`;
///            returns anything that can be awaited in any coroutine and brings the answer. Request
///            and attempt live until then.
/// Scheduler, Policies, Lifetime   as those of `driver::callback::Client`.
/// Errors     values; what the transport throws passes through the `co_await` unchanged.
/// Threads    a coroutine goes on where the last event was brought: on the thread of the
///            transport's answer or of the timer.
/// Cost       two allocations per attempt and one per call.
/// Others     what `driver::OverCallback` hands on: `replace`, `route`, `begin_authorization`, …
/// Example    examples/22_coroutines.cpp
template <class Transport, class Scheduler, class... Policies>
class Client
    : public OverCallback<
          callback::Client<coroutine_parts::Awaiting<Transport>, Scheduler, Policies...> > {
    using Awaiting = coroutine_parts::Awaiting<Transport>;
    using RelayHandle = coroutine_parts::RelayHandle;
    using Callback = callback::Client<Awaiting, Scheduler, Policies...>;
    using OverCallback<Callback>::client_;

public:
    Client(Transport transport, Scheduler scheduler, Policies... policies)
        : OverCallback<Callback>(Callback(
              Awaiting{detail::TransportHolder<Transport>(std::forward<Transport>(transport))},
              std::forward<Scheduler>(scheduler), std::move(policies)...)) {}

    /// Request  copied. Extras   as those of `rekey::Client::send`; their texts live until the call
    /// is awaited.
    template <class Request, class... Extras>
    [[nodiscard]] auto send(const Request& request, const Extras&... extras) const {
        constexpr bool fits =
            Awaiting::template with_attempt<Request> || Awaiting::template plain<Request>;
        static_assert(fits,
                      "rekey: the transport cannot be called with this request. It is called as "
                      "transport(const Request&, const rekey::Attempt&) or transport(Request&), "
                      "and returns something to co_await.");
        if constexpr (fits)
            return beginning<Result<ResponseTo<Request> >, CallHandle>(
                [&client = client_, request, extras...](auto done, CallHandle& handle) {
                    const auto call = client.make(request, std::move(done), extras...);
                    handle = CallHandle(call);
                    if (call) Starts::begin(call);
                });
    }

    /// As those of `driver::callback::Client`, awaited: `co_await client.resume<Request>(…)`. Their
    /// texts live until then.
    template <class... Bound>
    [[nodiscard]] auto authorize(std::string_view brought, const Bound&... bound) const {
        return beginning<AuthorizationEnd, RelayHandle>(
            [&client = client_, brought, bound...](auto done, RelayHandle& handle) {
                client.authorize(brought, relayed(done, handle), bound...);
            });
    }
    template <class Request, class... Bound>
    [[nodiscard]] auto resume(std::string_view brought, const Bound&... bound) const {
        return beginning<Result<ResponseTo<Request> >, RelayHandle>(
            [&client = client_, brought, bound...](auto done, RelayHandle& handle) {
                client.template resume<Request>(brought, relayed(done, handle), bound...);
            });
    }
    void when_idle(std::function<void()> f) const { client_.when_idle(std::move(f)); }

private:
    template <class Request>
    using ResponseTo = typename detail::ResponseOf<
        typename AsyncCall<detail::Plain<Awaiting>, Request>::Answer>::type;
    template <class Value, class Handle, class Begin> static auto beginning(Begin begin) {
        return Beginning<Value, Handle, Begin>(std::move(begin));
    }
    template <class Done> static auto relayed(const Done& done, RelayHandle& handle) {
        handle.relay = detail::Shared<coroutine_parts::Relay>::make();
        return coroutine_parts::RelayDone<Done>{handle.relay, done};
    }
};

template <class Transport, class Scheduler, class... Policies>
Client(Transport&&, Scheduler&&, Policies...)
    -> Client<detail::Held<Transport>, detail::Held<Scheduler>, Policies...>;

}  // namespace coroutine
}  // namespace driver
}  // namespace v0_1
}  // namespace rekey

#endif  // C++20

#endif
