// SPDX-License-Identifier: BSL-1.0
// shadow: would the next credential have done? Sends a harmless request once more, with that one.
#ifndef REKEY_SHADOW_HPP
#define REKEY_SHADOW_HPP

#include <rekey/extras.hpp>
#include <rekey/response.hpp>
#include <rekey/result.hpp>

#include <cstdint>
#include <string_view>
#include <type_traits>

namespace rekey {
inline namespace v0_1 {

/// What the credential behind the one that served a call got for the same request.
template <class Response> struct Shadow {
    bool was_made = false;          ///< False: nothing was sent, and the rest means nothing.
    std::string_view credential{};  ///< Which one; lives as long as `result`.
    bool was_accepted = false;
    bool same_status = false;  ///< As the answer that was served, and so for the body.
    bool same_body = false;    ///< Bodies with times or ids of their own differ all the same.
    Result<Response> result{};

    /// Whether the move would have changed nothing that a status shows.
    bool agrees() const noexcept { return was_made && was_accepted && same_status; }
};

namespace detail {

/// Uses one credential and no other, and asks no user.
struct OnlySlot {
    static constexpr bool is_extra = true;
    std::uint8_t slot;
    std::string_view name;

    void add_to(CallExtras& extras) const noexcept {
        extras.pinned = true;
        extras.slot = slot;
        extras.pinned_name = name;
        extras.reauthorized = true;
    }
};

/// RFC 9110 §9.2.1.
constexpr bool is_safe_method(std::string_view method) noexcept {
    return method == "GET" || method == "HEAD" || method == "OPTIONS" || method == "TRACE";
}

}  // namespace detail

/// Sends the request once more, pinned to the credential behind the one that served `served`.
///
/// `served`   a success of this client and this very request; after a failure, or if the last
///            credential served it, nothing is sent.
/// `request`  of a safe method (RFC 9110 §9.2.1), or `Idempotent{}` is among the extras: then the
///            caller knows that another identity may do it a second time. Any other is not sent.
/// Extras     as for `client.send`, but `SameCredentialAs`.
/// Cost       a call, in the thread of the caller; sample as you like. The client's policies hold
///            for it and its sinks count it: use a client without `Observe` to leave it out.
/// Threads    as `client.send`.
/// Example    docs/observe.md
template <class Client, class Response, class Request, class... Extras>
Shadow<Response> shadow(const Client& client, const Result<Response>& served,
                        const Request& request, const Extras&... extras) {
    static_assert(detail::count_of<SameCredentialAs, Extras...> == 0,
                  "rekey: shadow(client, result, request) chooses the credential itself, the one "
                  "behind that of the result. Leave SameCredentialAs out.");
    Shadow<Response> seen;
    const unsigned next = served.slot() + 1u;
    if (!served || next >= Client::Plan::slot_count) return seen;
    if (detail::count_of<Idempotent, Extras...> == 0 &&
        !detail::is_safe_method(detail::Asks<Request>::method(request)))
        return seen;
    const auto slot = static_cast<std::uint8_t>(next);
    const detail::OnlySlot only{slot, served.trail().credential(slot)};
    seen.result = client.send(request, extras..., only);
    seen.was_made = true;
    seen.was_accepted = seen.result.has_value();
    seen.credential = seen.result.trail().credential(slot);
    using Reads = detail::Reads<Response>;
    const Response* const answer =
        seen.was_accepted ? &*seen.result : seen.result.error().response();
    if (answer != nullptr) {
        seen.same_status = Reads::status(*answer) == Reads::status(*served);
        seen.same_body = Reads::body(*answer) == Reads::body(*served);
    }
    return seen;
}

}  // namespace v0_1
}  // namespace rekey

#endif
