// SPDX-License-Identifier: BSL-1.0
// WebFlow: a web backend whose users authorize in their browser and come back by a callback.
#ifndef REKEY_COZE_WEB_FLOW_HPP
#define REKEY_COZE_WEB_FLOW_HPP

#include <rekey/coze/code_flow.hpp>
#include <rekey/detail/shared.hpp>
#include <rekey/token/subject_source.hpp>

#include <string>
#include <string_view>
#include <utility>

namespace rekey {
inline namespace v0_1 {
namespace coze {

/// The settings of a Coze OAuth web app. An aggregate: name what you need.
struct WebFlowOptions {
    std::string client_id{};
    Secret client_secret{};
    std::string redirect_uri{};    ///< Byte for byte as registered; of this app alone.
    std::string base{api_base};    ///< https, or http on loopback.
    std::string www_base{};        ///< Of the consent page; empty: made of `base`.
    std::string workspace_id{};    ///< Consent for this workspace only (enterprise); empty for all.
    std::string revocation_url{};  ///< RFC 7009; Coze documents none.
    bool allow_http = false;       ///< An http base outside loopback: everyone on the way reads it.
};

namespace detail {

/// A web app proves itself by its secret; Coze's web flow documents no PKCE.
struct WebProof {
    Secret client_secret{};
    oauth::ClientSecretBearer authentication() const { return {client_secret}; }
    std::string_view problem() const {
        if (client_secret.empty()) return "the client secret of the OAuth app is empty";
        return oauth::detail::problem_with_authorization(authentication().authorization());
    }
    struct NoPkce {
        Secret verifier() const { return {}; }
        oauth::WithoutPkce for_url() const noexcept { return {}; }
    };
    NoPkce pkce() const noexcept { return {}; }
};

}  // namespace detail

/// Authorizes users of a web backend (E1, E1w, E2, E9): `OboReauth{coze::WebFlow{options}}`.
///
/// A call whose user must authorize ends with `authorization_needed`; send the browser to
/// `result.authorization().url`, and give what it brings back to `client.resume`. Each call needs
/// `Subject{user}` and `Binding{session cookie}`; several tabs have a flow each.
///
/// Redirector  `HandOver` by default; called once per user while an authorization is pending.
/// Store       of the pending flows, for replicas that share them; see `oauth::PendingMemory`.
/// Threads     any; copies share their flows.
/// Source      coze-api §3, R18; RFC 6749 §4.1; RFC 9700 §2.1
template <class Redirector = HandOver, class Store = oauth::PendingMemory> class WebFlow {
public:
    using Exchange = token::PerSubject;
    using Credential = UserAuthorization<WebFlow>;
    static constexpr bool needs_binding = true;
    /// So that an asynchronous client may ask.
    static constexpr bool never_waits = oauth::never_waits<Redirector>();

    explicit WebFlow(WebFlowOptions options, Redirector redirector = Redirector{})
        : state_(rekey::detail::Shared<State>::make(std::move(options), std::move(redirector))) {}

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
    }
    template <class Exchanger, class Clock>
    void finish(std::string_view callback, const oauth::FlowUser& user, const Exchanger& exchanger,
                Clock& clock, oauth::FlowAnswer& answer) {
        state_->flow.finish(callback, user, Credential::name, exchanger, clock, answer);
    }
    /// The two halves of that, for a client that must not wait in between.
    auto accept(std::string_view callback, const oauth::FlowUser& user, std::int64_t now,
                oauth::FlowAnswer& answer) {
        return state_->flow.accept(callback, user, now, answer);
    }
    void conclude(oauth::CodeExchange& exchange, const oauth::ExchangeNotes& notes,
                  oauth::FlowAnswer& answer) const {
        state_->flow.conclude(exchange, notes, answer);
    }

private:
    struct State {
        State(WebFlowOptions&& options, Redirector&& given)
            : flow({std::move(options.client_id), std::move(options.redirect_uri),
                    std::move(options.base), std::move(options.www_base),
                    std::move(options.workspace_id), std::move(options.revocation_url),
                    options.allow_http},
                   detail::WebProof{std::move(options.client_secret)}),
              redirector(std::move(given)) {}
        CodeFlow<detail::WebProof, Store> flow;
        Redirector redirector;
    };
    rekey::detail::Shared<State> state_;
};

}  // namespace coze
}  // namespace v0_1
}  // namespace rekey

#endif
