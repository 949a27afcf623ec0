// SPDX-License-Identifier: BSL-1.0
// Client: a transport and its policies; the first type a user writes.
#ifndef REKEY_CLIENT_HPP
#define REKEY_CLIENT_HPP

#include <rekey/asked.hpp>
#include <rekey/driver/kernel.hpp>

#include <cstdint>
#include <type_traits>
#include <utility>

namespace rekey {
inline namespace v0_1 {

/// Sends requests over a transport of the user's, as its policies say.
///
/// Transport  any callable `Response(const Request&, const Attempt&)`, which puts
///            `attempt.authorization()` on the wire; or `Response(const Request&)` for request
///            types whose header rekey can set. Returns the response or an expected-like value.
///            Copied or moved in; an lvalue that cannot be copied, or `std::ref(x)`, is borrowed.
/// Policies   any order: `CredentialChain{…}`, `RetryOn<…>{}`, `MaxAttempts<3>{}`, a service, …
/// Errors     values; an exception of the transport or of a credential's function ends the call
///            unchanged, is never retried and leaves the client usable.
/// Threads    `send` is const and exactly as thread-safe as the transport's call. Copies share
///            tokens and replaced credentials.
/// Cost       one allocation when made; none in a call whose first credential is accepted.
/// Example    examples/01_fall_back.cpp
template <class Transport, class... Policies>
class Client : driver::Kernel<Transport, typename driver::Untyping<Transport, Policies...>::type>,
               public driver::UserCalls<
                   Client<Transport, Policies...>,
                   driver::asks_of<typename driver::Untyping<Transport, Policies...>::type>()> {
    using Understood = rekey::Plan<Policies...>;
    using Untyping = driver::Untyping<Transport, Policies...>;
    using Parts = typename Untyping::type;
    using Kernel = driver::Kernel<Transport, Parts>;
    using Bare = detail::Plain<Transport>;

    // Before anything is built on them, so that few lines stand above what they have to say.
    static_assert(sizeof(typename Kernel::Slots) != 0 &&
                  sizeof(typename detail::JudgeOf<
                         true, void, typename detail::ExchangeOf<typename Parts::Credentials>::type,
                         typename Kernel::Exchanger, typename Parts::Credentials>::type) != 0);

    using Promising = typename detail::Lent<Bare>::type;
    static_assert(!detail::follows_redirects<Promising>(),
                  "rekey: this transport follows redirects on its own, and would carry the "
                  "credential to another server. Turn that off in the transport.");
    static_assert(!detail::PromisesWholeBodies<Promising>::value ||
                      detail::SaysRedirects<Promising>::value,
                  "rekey: a transport type that makes promises (vouches_for_whole_bodies) must "
                  "also say `static constexpr bool follows_redirects = false`.");

    static_assert(sizeof(Understood) != 0 && !Untyping::Plan::hedges,
                  "rekey: Hedge sends a second copy while the first is on its way, which a client "
                  "that blocks cannot do. Use driver::callback::Client.");

public:
    using Plan = Understood;
    using Service = typename Parts::Service;

    explicit Client(Transport transport, Policies... policies)
        : Client(Understood{}, std::forward<Transport>(transport), policies...) {}

    /// Sends the request, and again as the policies say, until it is accepted or given up.
    ///
    /// Request  any type that the transport takes; never changed.
    /// Extras   `Idempotent{}`, `IdempotencyKey{…}`, `Subject{…}`, `SameCredentialAs{result}`,
    ///          `Deadline{2s}`, `Cancellation{…}`, `Binding{session cookie}` where a web flow asks
    ///          the user.
    template <class Request, class... Extras>
    auto send(const Request& request, const Extras&... extras) const {
        using TransportCall = detail::TransportCall<Bare, Request>;
        constexpr bool sets_header = !TransportCall::plain || detail::Asks<Request>::can_set_header;
        constexpr bool is_signed = std::is_void_v<typename Parts::Chain> || sets_header;
        static_assert(TransportCall::fits,
                      "rekey: the transport cannot be called with this request. It is called as "
                      "transport(const Request&, const rekey::Attempt&) or, with a copy of "
                      "the request, transport(Request&).");
        static_assert(is_signed,
                      "rekey: this transport takes a request alone, and rekey cannot set a header "
                      "of it. Take a second argument, const rekey::Attempt&, or specialise "
                      "rekey::RequestTraits<Request> with set_header.");
        static_assert(
            !detail::Asks<Request>::is_one_shot || Plan::sends_once,
            "rekey: this request can be sent only once, for its body is a stream, and this "
            "client may send it again. Let its body be a function that opens the stream "
            "anew, or use a client with NoRetry{}.");
        static_assert(sets_header || !(detail::BringsKey<Extras>::value || ...),
                      "rekey: this transport takes a request alone, so that the idempotency key "
                      "goes into a header, and rekey cannot set one of it. Take a second argument, "
                      "const rekey::Attempt&, or specialise rekey::RequestTraits<Request>.");
        static_assert((detail::IsExtra<Extras>::value && ...),
                      "rekey: send(request, extras...) takes Idempotent{}, IdempotencyKey{...}, "
                      "Subject{...}, SameCredentialAs{result}, Deadline{...} and Binding{...}; one "
                      "of these is something else.");
        static_assert(!Parts::needs_binding || detail::count_of<Binding, Extras...> != 0 ||
                          detail::count_of<WithoutBinding, Extras...> != 0,
                      "rekey: this client may send a browser away and has to know it again: add "
                      "Binding{session cookie} to send(request, ...), or say WithoutBinding{}.");
        static_assert(((detail::count_of<Extras, Extras...> == 1) && ...),
                      "rekey: send(request, extras...) takes each extra once.");
        if constexpr (TransportCall::fits && is_signed && (detail::IsExtra<Extras>::value && ...)) {
            using Response = typename detail::ResponseOf<typename TransportCall::Answer>::type;
            static_assert(detail::Reads<Response>::known,
                          "rekey: the transport returns a type that rekey cannot read: it has no "
                          "status, status_code, status() or status_code(). Specialise "
                          "rekey::ResponseTraits<Response> in a few lines.");
            static_assert(sizeof(driver::Examiner<Parts, Response>) != 0 &&
                          ((sizeof(typename detail::JudgeOf<Plan::understood, void, Policies,
                                                            Request, Policies...>::type) != 0) &&
                           ...));
            if constexpr (detail::Reads<Response>::known)
                return this->template run<Request, Response>(request, extras...);
        }
    }

    /// Puts another credential of that type in the place of the present one, for all copies of
    /// this client: calls that run finish with the old one, the next take the new one.
    ///
    /// Threads  any thread, any time. The old token is wiped when the calls that run have ended.
    template <class Credential> void replace(const Credential& credential) const {
        constexpr std::uint8_t slot = Plan::template slot_of<Credential>();
        if constexpr (slot < Plan::slot_count) slots_->replace(slot, credential);
    }

    /// What `Remember` has learned, and the operator's switch: `client.route().automatic()`,
    /// `.force<Enterprise>()`; see `Route` (<rekey/route.hpp>). Lives no longer than this client.
    template <class = void> auto route() const { return detail::route_of<Policies...>(*this); }

    /// For `worst_case_of(client)`: what its policies come to, and their numbers.
    using WorkingPlan = typename Parts::Plan;
    constexpr const typename WorkingPlan::Rules& rules() const noexcept { return this->rules_; }

    static constexpr bool needs_binding = Parts::needs_binding;

private:
    template <class, driver::Asks> friend class driver::UserCalls;
    friend class Route<Client>;
    template <class Request>
    using ResponseTo =
        typename detail::ResponseOf<typename detail::TransportCall<Bare, Request>::Answer>::type;
    using Kernel::slots_;
    using typename Kernel::Slots;

    /// The keeper of the users' tokens.
    template <class = void> auto& user_source() const noexcept {
        return slots_->template of<typename Parts::Reauthorizer::Credential>();
    }
    /// A fresh call for a request whose user has just authorized; `subject` is who that is.
    template <class Request, class... Extras>
    Result<ResponseTo<Request>> run_again(const Resumable<Request>& waiting,
                                          std::string_view subject, const Extras&... more) const {
        const detail::ResumedCall<Request> resumed{waiting, subject};
        return this->template run<Request, ResponseTo<Request>>(waiting.request, more..., resumed);
    }

    explicit Client(Understood, Transport&& transport, const Policies&... policies)
        : Kernel(std::forward<Transport>(transport), Untyping::store_of(policies...),
                 Untyping::rules_of(policies...), Untyping::make_slots(policies...)) {}
};

template <class Given, class... Policies>
Client(Given&&, Policies...) -> Client<detail::Held<Given>, Policies...>;

}  // namespace v0_1
}  // namespace rekey

#endif
