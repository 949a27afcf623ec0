// SPDX-License-Identifier: BSL-1.0
// Asks and UserCalls: who asks the user of a client, and what the client can do for it.
#ifndef REKEY_ASKED_HPP
#define REKEY_ASKED_HPP

#include <rekey/version.hpp>

#include <type_traits>

namespace rekey {
inline namespace v0_1 {

template <class Request> struct Resumable;  // <rekey/resumable.hpp>, for those who use one
template <class Client> class Route;        // <rekey/route.hpp>, which comes with Remember

namespace detail {

template <class Request> struct ResumedCall;  // <rekey/resumable.hpp>

/// The base of the policy that learns a route.
struct LearnsRoute {};
/// What `route()` of a client with these policies returns; without that policy it says so.
template <class... Policies, class Client> auto route_of(const Client& client) {
    constexpr bool learns = (std::is_base_of_v<LearnsRoute, Policies> || ...);
    static_assert(learns,
                  "rekey: client.route() is there for clients that learn one. Add Remember{...} "
                  "of <rekey/policy/remember.hpp> to the client.");
    if constexpr (learns) return Route<Client>(client);
}

}  // namespace detail

namespace driver {

/// Who asks the user of a client, if anybody does.
enum class Asks : unsigned char { nobody, redirector, flow };

/// A client whose users are never asked has nothing to resume.
template <class Client, Asks> class UserCalls {};

/// With a Redirector of the user's own, which keeps the tokens somewhere else.
template <class Client> class UserCalls<Client, Asks::redirector> {
public:
    /// Sends a request again that ended with `authorization_needed`, as a fresh call, once the
    /// user has authorized and the new token is in place.
    template <class Request> auto resume(const Resumable<Request>& waiting) const {
        return static_cast<const Client&>(*this).run_again(waiting, waiting.subject);
    }
};

/// With a flow: <rekey/user_calls.hpp>, which comes with each flow.
template <class Client> class UserCalls<Client, Asks::flow>;

}  // namespace driver
}  // namespace v0_1
}  // namespace rekey

#endif
