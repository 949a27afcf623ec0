// SPDX-License-Identifier: BSL-1.0
// PkceLoopback: a program on the user's own machine that waits for the browser on loopback.
#ifndef REKEY_COZE_PKCE_LOOPBACK_HPP
#define REKEY_COZE_PKCE_LOOPBACK_HPP

#include <rekey/coze/code_flow.hpp>
#include <rekey/detail/shared.hpp>
#include <rekey/token/subject_source.hpp>

#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

namespace rekey {
inline namespace v0_1 {
namespace coze {

/// Nobody listens: the callback arrives elsewhere and goes to `client.resume`.
struct NoListener {};

namespace detail {

/// A public client proves that it began the flow: PKCE with S256, a verifier for each flow.
struct PkceProof {
    static oauth::PublicClient authentication() noexcept { return {}; }
    static std::string_view problem() noexcept { return {}; }
    struct Fresh {
        oauth::Pkce pkce = oauth::Pkce::fresh();
        Secret verifier() const { return pkce.verifier(); }
        const oauth::Pkce& for_url() const noexcept { return pkce; }
    };
    static Fresh pkce() { return {}; }
};

}  // namespace detail

/// Authorizes the user of a desktop or mobile app (E1, E1w, E3, E9).
///
/// Redirector  shows the URL or opens a browser. `Authorized` says: the person is on it, wait for
///             the listener; `HandedOver` ends the call.
/// Listener    a callable `std::string listener(const AuthorizationRequest&)` that waits for the
///             next request at the redirect URI and returns its target (`/callback?code=…`), or an
///             empty text when it gives up. It listens before it is handed over here, since the
///             browser may be fast. Requests that belong to no flow are ignored. One that takes a
///             `const StopSignal&` beside the request can see that its call was stopped.
/// Threads     any; copies share their flows.
/// Source      coze-api §3, §3.5; RFC 7636; RFC 8252 §7.3
/// Example     `OboReauth{coze::PkceLoopback{options, open_browser, listener}}`
template <class Redirector, class Listener = NoListener> class PkceLoopback {
    static constexpr bool takes_stop =
        std::is_invocable_r_v<std::string, Listener&, const AuthorizationRequest&,
                              const StopSignal&>;
    static constexpr bool takes_request =
        std::is_invocable_r_v<std::string, Listener&, const AuthorizationRequest&>;
    static constexpr bool listens = takes_stop || takes_request;
    static constexpr bool is_understood = listens || std::is_same_v<Listener, NoListener>;
    static_assert(is_understood,
                  "rekey: the listener of PkceLoopback is called as std::string "
                  "listener(const rekey::AuthorizationRequest&) and returns the target of the "
                  "callback, or an empty text when nobody came.");

public:
    using Exchange = token::PerSubject;
    using Credential = UserAuthorization<PkceLoopback>;
    static constexpr bool needs_binding = false;

    explicit PkceLoopback(CodeFlowOptions options, Redirector redirector,
                          Listener listener = Listener{})
        : state_(rekey::detail::Shared<State>::make(std::move(options), std::move(redirector),
                                                    std::move(listener))) {}

    Credential credential() const { return Credential(*this, state_->flow.options().base); }

    std::string stored_as() const { return state_->flow.stored_as(); }
    oauth::TokenRequest refresh_request(const Secret& refresh_token) const {
        return state_->flow.refresh_request(refresh_token);
    }
    template <class Exchanger>
    oauth::SignOut revoke(const Secret& refresh_token, const Secret& access_token,
                          const Exchanger& exchanger) const {
        return state_->flow.revoke(refresh_token, access_token, Credential::name, exchanger);
    }
    template <class Exchanger, class Clock>
    void begin(const oauth::FlowUser& user, const Exchanger&, Clock& clock,
               oauth::FlowAnswer& answer) {
        state_->flow.begin(user, clock.unix_seconds(), answer);
    }
    template <class Exchanger, class Clock>
    void ask(const oauth::FlowUser& user, const Exchanger& exchanger, Clock& clock,
             oauth::FlowAnswer& answer) {
        begin(user, exchanger, clock, answer);
        if (answer.outcome != Reauthorized::handed_over || !user.deliver) return;
        answer.request.subject = std::string(user.subject);
        answer.take(rekey::ask(state_->redirector, answer.request));
        if constexpr (listens) {
            if (answer.is_authorized()) listen(user, exchanger, clock, answer);
        }
    }
    template <class Exchanger, class Clock>
    void finish(std::string_view callback, const oauth::FlowUser& user, const Exchanger& exchanger,
                Clock& clock, oauth::FlowAnswer& answer) {
        state_->flow.finish(callback, user, Credential::name, exchanger, clock, answer);
    }

private:
    /// Waits for the callback of this flow. What does not belong to it does not end it: any page
    /// in the user's browser can send a request to loopback.
    template <class Exchanger, class Clock>
    void listen(const oauth::FlowUser& user, const Exchanger& exchanger, Clock& clock,
                oauth::FlowAnswer& answer) {
        const AuthorizationRequest request = answer.request;
        for (;;) {
            std::string target;
            if constexpr (takes_stop)
                target = state_->listener(request, user.stop);
            else
                target = state_->listener(request);
            answer = oauth::FlowAnswer{};
            answer.request = request;
            if (user.stop.is_cancelled()) {
                answer.cancelled = true;
                return;
            }
            if (target.empty()) {  // the flow goes on: the callback may still be given to `resume`
                answer.outcome = Reauthorized::handed_over;
                answer.message = "nobody came back from the browser in time";
                return;
            }
            if (!CodeFlow<detail::PkceProof>::answers(target, user, request.flow)) continue;
            finish(target, user, exchanger, clock, answer);
            break;
        }
        answer.request = request;
    }

    struct State {
        State(CodeFlowOptions&& options, Redirector&& shows, Listener&& hears)
            : flow(std::move(options), detail::PkceProof{}),
              redirector(std::move(shows)),
              listener(std::move(hears)) {}
        CodeFlow<detail::PkceProof> flow;
        Redirector redirector;
        Listener listener;
    };
    rekey::detail::Shared<State> state_;
};

}  // namespace coze
}  // namespace v0_1
}  // namespace rekey

#endif
