// SPDX-License-Identifier: BSL-1.0
// UserCalls: what a client can do beside `send` when its users may have to authorize.
#ifndef REKEY_USER_CALLS_HPP
#define REKEY_USER_CALLS_HPP

#include <rekey/asked.hpp>
#include <rekey/authorization.hpp>
#include <rekey/extras.hpp>
#include <rekey/result.hpp>

#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

namespace rekey {
inline namespace v0_1 {

struct AuthorizationEnd;  // <rekey/resumable.hpp>

/// Where the browser goes when it has come back from an authorization: a path of this site.
struct ReturnTo {
    std::string_view path;

    void add_to(detail::CallExtras& extras) const noexcept { extras.return_to = path; }
};

/// Beside a callback: whose the tokens are from now on, if signing in changes that. A site whose
/// users are sessions gives a fresh one here, so that nobody who knew the old one shares the
/// tokens.
struct SignedInAs {
    std::string_view user;

    void add_to(detail::CallExtras& extras) const noexcept {
        extras.signs_in = true;
        extras.subject = user;
    }
};

namespace driver {

/// Whether a call says which browser it belongs to, where it has to.
template <class Client, class... Extras> constexpr void require_binding() noexcept {
    constexpr bool says_which =
        ((std::is_same_v<Extras, Binding> || std::is_same_v<Extras, WithoutBinding>) || ...);
    static_assert(says_which || !Client::needs_binding,
                  "rekey: a web flow belongs to the browser that begins it: add "
                  "Binding{session cookie}, or say WithoutBinding{}.");
}
/// The result of a call that was not sent again, with the reason.
///
/// end   an `AuthorizationEnd` without an authorization.
template <class Response, class End>
Result<Response> unfinished(const End& end, const detail::Names& names) {
    Result<Response> result(names, true);
    typename Result<Response>::Writer writer(result);
    writer.error().kind = end.kind;
    writer.note(std::string(end.message));
    writer.log_id(std::string(end.log_id));
    if (end.kind == ErrorKind::authorization_needed) {
        AuthorizationRequest begin_again;
        begin_again.url = begin_again.page = end.url;
        begin_again.subject = end.subject;
        writer.ask(std::move(begin_again));
    }
    writer.end(end.kind == ErrorKind::cancelled ? StopReason::cancelled : StopReason::needs_user,
               0);
    return result;
}
/// Why a request is not sent although its user has authorized.
template <class End> End without_request(End end) {
    end.is_authorized = false;
    end.kind = ErrorKind::configuration;
    end.message =
        "the user has authorized, but the request that was refused is not here any more: it "
        "waited too long, was resumed already, or waits in another process";
    return end;
}

/// With a flow, which keeps the users' tokens and knows how they come back.
template <class Client> class UserCalls<Client, Asks::flow> {
public:
    /// Finishes a call that ended with `authorization_needed`: takes what the person brought back,
    /// gets the user's tokens, and sends the very request that was refused, as a fresh call.
    ///
    /// Request   the type of that request; this client has kept it in memory.
    /// brought   the callback as it arrived (`/callback?code=…&state=…`); for a device flow
    ///           `result.authorization().flow`, and then it polls until the person has decided.
    /// Bound     `Binding{session cookie}` of the browser that came back, or `WithoutBinding{}`;
    ///           `SignedInAs{user}` if the tokens are somebody else's than who began.
    /// Errors    `authorization_denied`: the person refused, or it is no answer to a flow of this
    ///           browser; `exchange_failed`; `configuration`: the request is not here any more.
    /// Threads   any; of several callbacks with one state one counts.
    template <class Request, class... Bound>
    auto resume(std::string_view brought, const Bound&... bound) const {
        return finish<Request>(authorize(brought, bound...), bound...);
    }
    /// The second half of it, for who has called `authorize` and has something to do in between.
    ///
    /// end     what `authorize` gave; the request goes out with the tokens of `end.subject`.
    template <class Request, class End, class... Bound,
              std::enable_if_t<std::is_same_v<End, AuthorizationEnd>, int> = 0>
    auto resume(End end, const Bound&... bound) const {
        static_assert(
            (detail::IsExtra<Bound>::value && ...) && detail::count_of<Subject, Bound...> == 0,
            "rekey: behind the end of an authorization, which says who it is, stands "
            "Binding{session cookie} or WithoutBinding{}, and Cancellation{...} if somebody may "
            "stop it.");
        return finish<Request>(std::move(end), bound...);
    }
    /// The same with a request that the caller has kept; only together with the end of its own
    /// authorization.
    template <class Request, class... Bound>
    auto resume(const Resumable<Request>& waiting, std::string_view brought,
                const Bound&... bound) const {
        auto end = authorize(brought, bound...);
        if (!end) return unfinished<Request>(end);
        if (end.flow == waiting.flow) return self().run_again(waiting, end.subject, bound...);
        return unfinished<Request>(
            gone(std::move(end),
                 "the user has authorized, but this request belongs to another "
                 "authorization than the one that has ended"));
    }

    /// Begins an authorization without a refused request: for a page to sign in.
    ///
    /// Extras    `Subject{user}`, `Binding{cookie}` or `WithoutBinding{}`, `ReturnTo{path}`.
    /// Gives     an `AuthorizationBegin`: where to send the browser, or what is wrong.
    template <class... Extras> auto begin_authorization(const Extras&... extras) const {
        require_binding<Client, Extras...>();
        detail::CallExtras sorted;
        (sorted.take(extras), ...);
        auto&& clock = self().clock();
        return self().user_source().begin(sorted, self().exchanger(), clock);
    }
    /// Takes what the person brought back and gets the user's tokens; sends nothing else. Gives an
    /// `AuthorizationEnd`. With `SignedInAs{user}` the tokens are that user's, whoever began; what
    /// the beginner had before stays, so `forget` a session that is no more.
    template <class... Bound>
    auto authorize(std::string_view brought, const Bound&... bound) const {
        require_binding<Client, Bound...>();
        static_assert(
            ((detail::IsExtra<Bound>::value || std::is_same_v<Bound, SignedInAs>)&&...) &&
                detail::count_of<Subject, Bound...> == 0,
            "rekey: behind what the browser brought stands Binding{session cookie} or "
            "WithoutBinding{}, Cancellation{...} if somebody may stop it, and "
            "SignedInAs{user} if signing in changes who it is; a Subject would not count.");
        detail::CallExtras sorted;
        (sorted.take(bound), ...);
        auto&& clock = self().clock();
        return self().user_source().finish(brought, sorted, self().exchanger(), clock);
    }
    /// Takes over tokens of a user that were kept elsewhere. They count as accepted before.
    ///
    /// TokenSet  `oauth::TokenSet`; an empty access token makes the next call refresh.
    template <class TokenSet> void adopt(const Subject& user, TokenSet tokens) const {
        auto&& clock = self().clock();
        self().user_source().adopt(user.user, std::move(tokens), clock);
    }
    /// Forgets the tokens of a user. Calls that run finish with the old ones.
    void forget(const Subject& user) const { self().user_source().forget(user.user); }
    /// The same, and revokes them at the service if the flow names an endpoint for that. Gives an
    /// `oauth::SignOut`: the tokens are forgotten here whatever the service says.
    auto sign_out(const Subject& user) const {
        return self().user_source().sign_out(user.user, self().exchanger());
    }

private:
    const Client& self() const noexcept { return static_cast<const Client&>(*this); }
    template <class Request, class End, class... Bound>
    auto finish(End end, const Bound&... bound) const {
        if (!end) return unfinished<Request>(end);
        auto waiting = self().user_source().parked().template take<Request>(
            end.flow, self().clock().unix_seconds());
        if (waiting) return self().run_again(*waiting, end.subject, bound...);
        return unfinished<Request>(without_request(std::move(end)));
    }
    template <class Request, class End> auto unfinished(const End& end) const {
        return driver::unfinished<typename Client::template ResponseTo<Request>>(
            end, self().slots_->names());
    }
    template <class End> static End gone(End&& end, const char* why) {
        end.is_authorized = false;
        end.kind = ErrorKind::configuration;
        end.message = why;
        return std::forward<End>(end);
    }
};

}  // namespace driver
}  // namespace v0_1
}  // namespace rekey

#endif
