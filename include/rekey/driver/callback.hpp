// SPDX-License-Identifier: BSL-1.0
// callback: the asynchronous driver for callables, without threads of its own.
#ifndef REKEY_DRIVER_CALLBACK_HPP
#define REKEY_DRIVER_CALLBACK_HPP

#include <rekey/driver/async_user_calls.hpp>
#include <rekey/driver/operation.hpp>

#include <cstddef>
#include <cstdint>
#include <functional>
#include <type_traits>
#include <utility>

namespace rekey {
inline namespace v0_1 {
namespace driver {
namespace callback {

/// Whether a policy that asks users never waits for them.
template <class Policy> struct NeverWaits : std::false_type {};
template <class Flow> struct NeverWaits<OboReauth<Flow>> : HandsOver<Flow> {};

/// Whether what blocks in a policy that keeps tokens is done by somebody else; nothing keeps none.
template <class Tokens> struct RunsElsewhere : std::bool_constant<Tokens::runs_elsewhere> {};
template <> struct RunsElsewhere<void> : std::true_type {};

using driver::CallHandle;

/// Sends requests over an asynchronous transport, as its policies say.
///
/// Transport  called as `transport(const Request&, const Attempt&, done)` or `transport(Request&,
///            done)`, where `done` is a `Completion<Answer>`: a callable that any
///            `std::function<void(Answer)>` can hold. It returns at once and calls `done(answer)`
///            once, now or later, on any thread. Request and attempt live until then. What it
///            answers with stands in its type: `using Answer = …;`, or the parameter of a
///            `std::function<void(Answer)>`, or `answering<Answer>(lambda)`. If it returns
///            something with `cancel()`, a call that is cancelled calls that.
/// Scheduler  `after(Duration, f)` calls `f()` once after that time and returns something with
///            `cancel()`; `NoScheduler{}` for policies that never wait. If it has `execute(f)`,
///            which calls `f()` once where your loop is, all of a call happens in there, whoever
///            brings an event. Both are copied or moved in; an lvalue that cannot be copied, or
///            `std::ref(x)`, is borrowed.
/// Policies   as those of `rekey::Client`, which documents what they mean.
/// Errors     values. What the transport throws goes to `done.failed(std::exception_ptr)` if `done`
///            has such a member, else to whoever called into rekey: `send`, the `Completion`, or
///            the timer.
/// Threads    `send` is const and as thread-safe as the transport. `done` runs on the thread that
///            brought the last event, without a lock held. Copies share everything.
/// Lifetime   a client may be destroyed with calls on their way: they end as if it lived. A call
///            that begins inside the `done` of another begins when that has returned. A scheduler
///            that is destroyed with its timers takes the calls along that wait for one: their
///            `done` is destroyed and not called, and they are not on their way any more.
/// Cost       one allocation per call, one per attempt.
/// Example    examples/21_callbacks.cpp
template <class Transport, class Scheduler, class... Policies>
class Client : public AsyncUserCalls<
                   Client<Transport, Scheduler, Policies...>,
                   asks_of<typename driver::Core<Transport, Scheduler, Policies...>::Parts>()> {
    using Understood = rekey::Plan<Policies...>;
    using Core = driver::Core<Transport, Scheduler, Policies...>;
    using Parts = typename Core::Parts;
    using Bare = detail::Plain<Transport>;

    // Before anything is built on them, so that few lines stand above what they have to say.
    static_assert(sizeof(typename Core::Slots) != 0);
    static constexpr bool tokens_are_carried = carries_tokens<Parts>();
    static_assert(tokens_are_carried,
                  "rekey: a credential of this chain gets its token over HTTP, and the "
                  "asynchronous transport does not take rekey::HttpRequest. Add "
                  "ExchangeOver{an asynchronous transport that does} to the client.");
    static constexpr bool never_waits =
        !Parts::Plan::reauthorizes || NeverWaits<typename Parts::Reauthorizer>::value;
    static_assert(never_waits,
                  "rekey: this client asks users and may wait for them, and an asynchronous client "
                  "must not. Give OboReauth a flow that sends people away (coze::WebFlow with a "
                  "Redirector that returns HandedOver), or use rekey::Client on a thread of its "
                  "own.");
    static_assert(RunsElsewhere<typename Parts::template First<Role::store>>::value,
                  "rekey: a token store (TokensIn) blocks, and this client must not. Say where it "
                  "may: TokensIn{token::RunOn{store, post}}, or use rekey::Client on a thread of "
                  "its own.");
    static constexpr bool has_time =
        !Core::may_wait || !never_waits || !std::is_same_v<detail::Plain<Scheduler>, NoScheduler>;
    static_assert(has_time,
                  "rekey: this client may have to wait, and it has no scheduler. Give it one, with "
                  "after(Duration, f) that returns something with cancel().");

public:
    using Plan = Understood;

    Client(Transport transport, Scheduler scheduler, Policies... policies)
        : core_(detail::Shared<Core>::make(std::forward<Transport>(transport),
                                           std::forward<Scheduler>(scheduler), policies...)) {}

    /// Sends the request, and again as the policies say; then calls `done(Result<Response>)`.
    ///
    /// Request  copied; the transport sees the copy, which lives as long as the call.
    /// Extras   as those of `rekey::Client::send`; their texts are copied.
    template <class Request, class Done, class... Extras>
    CallHandle send(const Request& request, Done done, const Extras&... extras) const {
        const Owner<AnyOperation> call = make(request, std::move(done), extras...);
        if (call) Starts::begin(call);
        return CallHandle(call);
    }
    /// The same call, on its way but not begun: `Starts::begin(call)` begins it. For a driver that
    /// must know the call before it can end.
    template <class Request, class Done, class... Extras>
    Owner<AnyOperation> make(const Request& request, Done done, const Extras&... extras) const {
        using Async = AsyncCall<Bare, Request>;
        static_assert(Async::known,
                      "rekey: what this asynchronous transport answers with is not known. Give its "
                      "type `using Answer = ...;`, or wrap it: answering<Answer>(transport).");
        static_assert(!Async::known || Async::fits,
                      "rekey: the asynchronous transport cannot be called with this request. It is "
                      "called as transport(const Request&, const rekey::Attempt&, done) or "
                      "transport(Request&, done).");
        constexpr bool sends_again = !Plan::sends_once || Plan::hedges;
        constexpr bool sets_header = !Async::plain || detail::Asks<Request>::can_set_header;
        constexpr bool is_signed = std::is_void_v<typename Parts::Chain> || sets_header;
        static_assert(!detail::Asks<Request>::is_one_shot || !sends_again,
                      "rekey: this request can be sent only once, for its body is a stream, and "
                      "this client may send it again. Let its body be a function that opens the "
                      "stream anew, or use a client with NoRetry{} and without Hedge.");
        static_assert(is_signed,
                      "rekey: this transport takes a request alone, and rekey cannot set a header "
                      "of it. Let it be called as transport(const Request&, const rekey::Attempt&, "
                      "done), or specialise rekey::RequestTraits<Request> with set_header.");
        static_assert(sets_header || !(detail::BringsKey<Extras>::value || ...),
                      "rekey: this transport takes a request alone, so that the idempotency key "
                      "goes into a header, and rekey cannot set one of it. Let it be called as "
                      "transport(const Request&, const rekey::Attempt&, done), or specialise "
                      "rekey::RequestTraits<Request> with set_header.");
        static_assert((detail::IsExtra<Extras>::value && ...),
                      "rekey: send(request, done, extras...) takes Idempotent{}, "
                      "IdempotencyKey{...}, Subject{...}, SameCredentialAs{result}, Deadline{...} "
                      "and Cancellation{...}; one of these is something else.");
        static_assert(!Parts::needs_binding || detail::count_of<Binding, Extras...> != 0 ||
                          detail::count_of<WithoutBinding, Extras...> != 0,
                      "rekey: this client may send a browser away and has to know it again: add "
                      "Binding{session cookie} to send(request, done, ...), or say "
                      "WithoutBinding{}.");
        static_assert(((detail::count_of<Extras, Extras...> == 1) && ...),
                      "rekey: send(request, done, extras...) takes each extra once.");
        static_assert((0 + ... + int{detail::StopsCall<Extras>::value}) <= 1,
                      "rekey: send(request, done, extras...) takes one of Cancellation and "
                      "StopWith, not both.");
        if constexpr (Async::fits && is_signed && (detail::IsExtra<Extras>::value && ...)) {
            using Answer = typename Async::Answer;
            using Response = typename detail::ResponseOf<Answer>::type;
            static_assert(((sizeof(typename detail::JudgeOf<Plan::understood, void, Policies,
                                                            Request, Policies...>::type) != 0) &&
                           ...));
            static_assert(std::is_invocable_v<Done&, Result<Response>>,
                          "rekey: `done` is called as done(rekey::Result<Response>) when the call "
                          "has ended.");
            if constexpr (has_time && std::is_invocable_v<Done&, Result<Response>>)
                return made(request, std::move(done), extras...);
        }
        return {};
    }

    /// As `rekey::Client::replace`.
    template <class Credential> void replace(const Credential& credential) const {
        constexpr std::uint8_t slot = Plan::template slot_of<Credential>();
        if constexpr (slot < Plan::slot_count) core_->slot_set->replace(slot, credential);
    }
    /// As `rekey::Client::route`: what `Remember` has learned, and the operator's switch.
    template <class = void> auto route() const { return detail::route_of<Policies...>(*this); }

    /// How many calls are on their way.
    std::size_t in_flight() const noexcept { return core_->calls.count(); }
    /// From now on a call ends with `ErrorKind::cancelled` and sends nothing; those on their way go
    /// on, a `resume` with its request.
    void close() const noexcept { core_->calls.close(); }
    /// Cancels the calls that are on their way. Of a `resume` the code that was sent goes on, for
    /// it cannot be sent again; its tokens are kept, and the request is not sent.
    void cancel_all() const { core_->calls.cancel_all(); }
    /// Calls `f()` once when no call is on its way: now, or where the last one ends.
    void when_idle(std::function<void()> f) const { core_->calls.when_idle(std::move(f)); }

    /// For `worst_case_of(client)`, as in `rekey::Client`.
    using WorkingPlan = typename Parts::Plan;
    const typename WorkingPlan::Rules& rules() const noexcept { return core_->rules; }
    /// The same: how many copies of a send there may be, the first included.
    std::uint32_t most_copies() const noexcept {
        if constexpr (Core::hedges)
            return Parts::template policy<Role::hedge>(core_->store).most_copies();
        else
            return 1;
    }

    static constexpr bool needs_binding = Parts::needs_binding;
    static constexpr bool calls_back = true;

private:
    friend class rekey::Route<Client>;
    template <class, Asks> friend class driver::UserCalls;  // which look into each client
    template <class, Asks> friend class driver::AsyncUserCalls;
    template <class Request>
    using ResponseTo = typename detail::ResponseOf<typename AsyncCall<Bare, Request>::Answer>::type;

    /// The call, whose parts were looked at before.
    template <class Request, class Done, class... Extras>
    Owner<AnyOperation> made(const Request& request, Done done, const Extras&... extras) const {
        using Base =
            std::conditional_t<(std::is_same_v<Extras, NestedIn> || ...), Nested<Parts>, Parts>;
        using With =
            std::conditional_t<(std::is_same_v<Extras, Deadline> || ...), TimedParts<Base>, Base>;
        using Operation =
            driver::Operation<With, Core, Request, typename AsyncCall<Bare, Request>::Answer, Done>;
        Operation* const call = new Operation(core_, request, std::move(done), extras...);
        call->enter();
        return Owner<AnyOperation>::of_new(call);
    }
    template <class Request, class Done, class... Extras>
    void begin(const Request& request, Done done, const Extras&... extras) const {
        Starts::begin(made(request, std::move(done), extras...));
    }
    detail::Shared<Core> core_;
};

template <class Transport, class Scheduler, class... Policies>
Client(Transport&&, Scheduler&&, Policies...)
    -> Client<detail::Held<Transport>, detail::Held<Scheduler>, Policies...>;

}  // namespace callback
}  // namespace driver
}  // namespace v0_1
}  // namespace rekey

#endif
