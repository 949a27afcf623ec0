// SPDX-License-Identifier: BSL-1.0
// AnyClient: a client without the types of its transport and policies, for members of classes.
#ifndef REKEY_ANY_CLIENT_HPP
#define REKEY_ANY_CLIENT_HPP

#include <rekey/client.hpp>
#include <rekey/extras.hpp>
#include <rekey/policy/limits.hpp>
#include <rekey/stop_signal.hpp>

#include <memory>
#include <type_traits>
#include <utility>

namespace rekey {
inline namespace v0_1 {

namespace detail {

/// The extras of a call as they go through an `AnyClient`: sorted before the types are lost.
struct ErasedExtras {
    static constexpr bool is_extra = true;
    static constexpr bool brings_key = true;
    const CallExtras& sorted;

    void add_to(CallExtras& extras) const noexcept { extras = sorted; }
};
template <> struct StopsCall<ErasedExtras> : std::true_type {};

/// Extras that say all they say at run time. `Binding` and `NestedIn` choose code when compiled.
template <class Extra>
inline constexpr bool can_be_erased =
    std::is_same_v<Extra, Idempotent> || std::is_same_v<Extra, IdempotencyKey> ||
    std::is_same_v<Extra, Subject> || std::is_same_v<Extra, SameCredentialAs> ||
    std::is_same_v<Extra, Deadline> || StopsCall<Extra>::value;

template <class Client, class Request, class = void> struct SendsBlocking : std::false_type {};
template <class Client, class Request>
struct SendsBlocking<
    Client, Request,
    std::void_t<decltype(std::declval<const Client&>().send(std::declval<const Request&>())),
                decltype(std::declval<const Client&>().send(std::declval<const Request&>(),
                                                            std::declval<ErasedExtras>()))>>
    : std::true_type {};

template <class Client, class = void> struct NeedsBinding : std::false_type {};
template <class Client>
struct NeedsBinding<Client, std::enable_if_t<Client::needs_binding>> : std::true_type {};

}  // namespace detail

/// Any blocking client that sends `Request` and gets `Response`, whatever its transport and
/// policies: the member of a class that should not be a template, and the seam for its tests.
///
/// Client    a `rekey::Client`, moved in; copies of an AnyClient share it. Never empty.
/// Requires  `client.send(request)` is a `Result<Response>`, and no web flow among its policies:
///           whether a call brings the `Binding` of its browser is known when compiled only. The
///           transport can carry an idempotency key.
/// Extras    `Idempotent{}`, `IdempotencyKey{…}`, `Subject{…}`, `SameCredentialAs{result}`,
///           `Deadline{2s}`, `Cancellation{…}` or `StopWith{…}`; each once, any order.
/// Errors    as the client: values; an exception of the transport passes through unchanged.
/// Threads   as the client: `send` is const and as thread-safe as the transport's call.
/// Cost      one allocation when made; a send is one indirect call more. Holds the code of three
///           calls: without extras, with them, with a `Deadline` among them.
/// Example   examples/cookbook/class_member.cpp
template <class Request, class Response> class AnyClient {
public:
    template <class Client, class = std::enable_if_t<!std::is_same_v<Client, AnyClient>>>
    AnyClient(Client client) {
        constexpr bool asks_for_binding = detail::NeedsBinding<Client>::value;
        static_assert(!asks_for_binding,
                      "rekey: this client may send a browser away, and each of its calls says with "
                      "a Binding whose browser that is, which AnyClient cannot ask for. Keep it by "
                      "its own type.");
        if constexpr (!asks_for_binding) {
            constexpr bool sends = detail::SendsBlocking<Client, Request>::value;
            static_assert(sends,
                          "rekey: AnyClient<Request, Response> holds a client with send(request, "
                          "extras...), such as rekey::Client; this is none, or an asynchronous "
                          "one.");
            if constexpr (sends) hold(std::move(client));
        }
    }
    AnyClient(const AnyClient&) = default;  // and no move: what was moved from would be empty
    AnyClient& operator=(const AnyClient&) = default;

    /// Sends the request as the client does.
    template <class... Extras>
    Result<Response> send(const Request& request, const Extras&... extras) const {
        constexpr bool fit = (detail::can_be_erased<Extras> && ...);
        static_assert(
            fit,
            "rekey: AnyClient takes Idempotent{}, IdempotencyKey{...}, Subject{...}, "
            "SameCredentialAs{result}, Deadline{...} and Cancellation{...}; what else a call "
            "may bring needs the type of the client.");
        static_assert(((detail::count_of<Extras, Extras...> == 1) && ...),
                      "rekey: AnyClient takes each extra of a call once.");
        if constexpr (sizeof...(Extras) == 0 || !fit) {
            return calls_->plain(client_.get(), request);
        } else {
            detail::CallExtras sorted;
            (sorted.take(extras), ...);
            constexpr bool timed = (std::is_same_v<Extras, Deadline> || ...);
            return (timed ? calls_->timed : calls_->with)(client_.get(), request, sorted);
        }
    }

private:
    struct Calls {
        Result<Response> (*plain)(const void*, const Request&);
        Result<Response> (*with)(const void*, const Request&, const detail::CallExtras&);
        Result<Response> (*timed)(const void*, const Request&, const detail::CallExtras&);
    };
    template <class Client>
    static constexpr Calls calls_of = {
        [](const void* client, const Request& request) {
            return static_cast<const Client*>(client)->send(request);
        },
        [](const void* client, const Request& request, const detail::CallExtras& sorted) {
            return static_cast<const Client*>(client)->send(request, detail::ErasedExtras{sorted});
        },
        [](const void* client, const Request& request, const detail::CallExtras& sorted) {
            return static_cast<const Client*>(client)->send(request, detail::ErasedExtras{sorted},
                                                            Deadline{sorted.time_limit});
        }};

    template <class Client> void hold(Client&& client) {
        using Sent = decltype(client.send(std::declval<const Request&>()));
        static_assert(std::is_same_v<Sent, Result<Response>> || std::is_void_v<Sent>,
                      "rekey: the transport of this client returns another response than "
                      "AnyClient<Request, Response> names.");
        if constexpr (std::is_same_v<Sent, Result<Response>>) {
            calls_ = &calls_of<Client>;
            client_ = std::make_shared<const Client>(std::move(client));
        }
    }

    std::shared_ptr<const void> client_{};
    const Calls* calls_ = nullptr;
};

}  // namespace v0_1
}  // namespace rekey

#endif
