// SPDX-License-Identifier: BSL-1.0
// CodeFlow: the authorization code flow of a Coze OAuth app, from the consent page to the tokens.
#ifndef REKEY_COZE_CODE_FLOW_HPP
#define REKEY_COZE_CODE_FLOW_HPP

#include <rekey/coze/api.hpp>
#include <rekey/coze/pat.hpp>
#include <rekey/detail/maybe.hpp>
#include <rekey/oauth/authorize_url.hpp>
#include <rekey/oauth/callback.hpp>
#include <rekey/oauth/flow.hpp>
#include <rekey/oauth/pkce.hpp>
#include <rekey/oauth/revocation.hpp>

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

namespace rekey {
inline namespace v0_1 {
namespace coze {

/// The settings of an OAuth app whose users come back from a consent page.
struct CodeFlowOptions {
    std::string client_id{};
    std::string redirect_uri{};    ///< Byte for byte as registered.
    std::string base{api_base};    ///< https, or http on loopback.
    std::string www_base{};        ///< Of the consent page; empty: made of `base`.
    std::string workspace_id{};    ///< Consent for this workspace only (enterprise); empty for all.
    std::string revocation_url{};  ///< RFC 7009; Coze documents none.
    bool allow_http = false;       ///< An http base outside loopback: everyone on the way reads it.
};

namespace detail {

/// How the exchange of a code that failed is reported.
constexpr ErrorKind kind_of(oauth::CodeOutcome outcome) noexcept {
    switch (outcome) {
        case oauth::CodeOutcome::misconfigured: return ErrorKind::configuration;
        case oauth::CodeOutcome::not_sent:
        case oauth::CodeOutcome::unknown:
        case oauth::CodeOutcome::failed: return ErrorKind::exchange_failed;
        case oauth::CodeOutcome::granted:
        case oauth::CodeOutcome::refused:
        case oauth::CodeOutcome::code_rejected:
        case oauth::CodeOutcome::too_old: break;
    }
    return ErrorKind::authorization_denied;
}

}  // namespace detail

/// What the web flow and the PKCE flow have in common; `Proof` says how they differ.
///
/// Proof     how the app proves itself: `authentication()`, and whether the flow uses PKCE.
/// Store     of the pending flows; see `oauth::PendingMemory`.
/// Threads   any
template <class Proof, class Store = oauth::PendingMemory> class CodeFlow {
public:
    CodeFlow(CodeFlowOptions options, Proof proof)
        : options_(std::move(options)),
          proof_(std::move(proof)),
          issuers_(oauth::IssuerByRedirectUri{www_base()}) {}
    CodeFlow(const CodeFlow&) = delete;
    CodeFlow& operator=(const CodeFlow&) = delete;

    const CodeFlowOptions& options() const noexcept { return options_; }
    oauth::TokenEndpoint endpoint() const { return oauth::detail::token_endpoint(options_); }
    /// Whose records they are in a store: of this app at this service.
    std::string stored_as() const {
        return "user " + detail::origin_of(options_.base) + ' ' + options_.client_id;
    }
    oauth::TokenRequest refresh_request(const Secret& refresh_token) const {
        return oauth::refresh_request(endpoint(), proof_.authentication(), refresh_token);
    }

    /// Tells the service that a user's tokens are void, if it has an endpoint for that.
    template <class Exchanger>
    oauth::SignOut revoke(const Secret& refresh_token, const Secret& access_token,
                          std::string_view credential, const Exchanger& exchanger) const {
        if (options_.revocation_url.empty()) return {};
        return oauth::revoke(oauth::detail::revocation_endpoint(options_), proof_.authentication(),
                             refresh_token, access_token, credential, exchanger);
    }

    /// Begins a flow: a record of its own, and the URL of the consent page.
    void begin(const oauth::FlowUser& user, std::int64_t now, oauth::FlowAnswer& answer) {
        if (const std::string_view problem = proof_.problem(); !problem.empty())
            return answer.deny(ErrorKind::configuration, std::string(problem));
        if (std::string problem = oauth::detail::problem_of(endpoint()); !problem.empty())
            return answer.deny(ErrorKind::configuration, std::move(problem));
        oauth::FlowStart start;
        start.redirect_uri = options_.redirect_uri;
        start.issuer = www_base();
        start.return_to = std::string(user.return_to);
        start.subject = std::string(user.subject);
        const auto pkce = proof_.pkce();
        start.verifier = pkce.verifier();
        const oauth::BegunFlow flow = user.binding != nullptr
                                          ? flows_.begin(*user.binding, std::move(start), now)
                                          : flows_.begin(WithoutBinding{}, std::move(start), now);
        if (!flow) return answer.deny(ErrorKind::configuration, std::string(flow.problem));

        oauth::AuthorizeOptions page;
        page.www_base = www_base();
        page.client_id = options_.client_id;
        page.redirect_uri = options_.redirect_uri;
        page.state = flow.state;
        page.workspace_id = options_.workspace_id;
        page.allow_http = options_.allow_http;
        oauth::AuthorizeUrl url = oauth::authorize_url(page, pkce.for_url());
        if (!url) return answer.deny(ErrorKind::configuration, std::move(url.problem));
        answer.outcome = Reauthorized::handed_over;
        answer.request.url = std::move(url.text);
        answer.request.expires_at = now + oauth::pending_lifetime;
        answer.request.flow = name_of(flow.state, user.binding);
    }

    /// Whether a callback bears the state of the flow of that name. Touches no flow.
    static bool answers(std::string_view callback, const oauth::FlowUser& user,
                        std::string_view flow) {
        const oauth::Callback read = oauth::read_callback(callback);
        return read && name_of(read.state, user.binding) == flow;
    }

    /// Judges a callback and exchanges its code, once.
    template <class Exchanger, class Clock>
    void finish(std::string_view callback, const oauth::FlowUser& user, std::string_view credential,
                const Exchanger& exchanger, Clock& clock, oauth::FlowAnswer& answer) {
        rekey::detail::Maybe<oauth::AcceptedCode> code =
            accept(callback, user, clock.unix_seconds(), answer);
        if (!code) return;
        oauth::CodeExchange exchange(std::move((*code).request), (*code).received_at);
        const oauth::ExchangeNotes notes =
            oauth::run_exchange(exchange, credential, user.stop, exchanger, clock);
        conclude(exchange, notes, answer);
    }
    /// The first half: judges the callback. Without a code `answer` says why.
    rekey::detail::Maybe<oauth::AcceptedCode> accept(std::string_view callback,
                                                     const oauth::FlowUser& user, std::int64_t now,
                                                     oauth::FlowAnswer& answer) {
        rekey::detail::Maybe<oauth::AcceptedCode> code;
        const Binding* const binding = user.binding;
        oauth::AcceptedCallback accepted =
            binding != nullptr
                ? oauth::accept_callback(callback, flows_, *binding, issuers_, now)
                : oauth::accept_callback(callback, flows_, WithoutBinding{}, issuers_, now);
        answer.return_to = accepted.record.return_to;
        answer.request.subject = accepted.record.subject;
        if (!accepted.record.state.empty())
            answer.request.flow = name_of(accepted.record.state, binding);
        if (!accepted) {
            std::string words(accepted.sentence);
            if (accepted.outcome == oauth::CallbackOutcome::failed)
                words += " (" + accepted.error + ")";
            answer.deny(ErrorKind::authorization_denied, std::move(words));
            return code;
        }
        code.set(oauth::AcceptedCode{
            oauth::code_request(endpoint(), proof_.authentication(), accepted.code,
                                accepted.record.redirect_uri, accepted.record.verifier),
            accepted.received_at});
        return code;
    }
    /// The second half: what the exchange of the code came to.
    static void conclude(oauth::CodeExchange& exchange, const oauth::ExchangeNotes& notes,
                         oauth::FlowAnswer& answer) {
        answer.log_id = notes.log_id.empty() ? exchange.details().log_id : notes.log_id;
        answer.cancelled = notes.cancelled;
        if (exchange.outcome() != oauth::CodeOutcome::granted)
            return answer.deny(detail::kind_of(exchange.outcome()),
                               "exchanging the authorization code: " + words_of(exchange, notes));
        answer.outcome = Reauthorized::authorized;
        answer.tokens = std::move(exchange.tokens());
    }

private:
    std::string www_base() const {
        return options_.www_base.empty() ? oauth::www_base(options_.base) : options_.www_base;
    }
    /// A digest of what only the browser and the service know: it names the flow and opens nothing.
    static std::string name_of(std::string_view state, const Binding* binding) {
        const oauth::PendingKey key = oauth::detail::pending_key(
            state, binding != nullptr ? binding->text : std::string_view{});
        return oauth::base64url_encode({reinterpret_cast<const char*>(key.data()), key.size()});
    }

    CodeFlowOptions options_;
    Proof proof_;
    Store store_{};
    oauth::PendingFlows<Store> flows_{store_};
    oauth::CallbackIssuers<oauth::IssuerByRedirectUri> issuers_;
};

/// What the credential of every flow is: the authorization of one user, by name `user`.
///
/// Flow   `state()` gives the flow that makes refresh requests and asks.
template <class Flow> struct UserAuthorization {
    static constexpr std::string_view name = "user";
    static constexpr Identity identity = Identity::user;
    using Service = Api;
    using Exchange = typename Flow::Exchange;

    std::string origin;

    UserAuthorization(Flow flow, std::string_view base)
        : origin(detail::origin_of(base)), flow_(std::move(flow)) {}
    Flow& flow() noexcept { return flow_; }
    /// Whose records they are in a store, beside the user.
    std::string stored_as() const { return flow_.stored_as(); }

private:
    Flow flow_;
};

}  // namespace coze
}  // namespace v0_1
}  // namespace rekey

#endif
