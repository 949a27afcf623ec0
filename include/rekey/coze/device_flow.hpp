// SPDX-License-Identifier: BSL-1.0
// DeviceFlow: a device without a browser: a code here, a decision at another screen.
#ifndef REKEY_COZE_DEVICE_FLOW_HPP
#define REKEY_COZE_DEVICE_FLOW_HPP

#include <rekey/coze/code_flow.hpp>
#include <rekey/detail/aged_map.hpp>
#include <rekey/detail/shared.hpp>
#include <rekey/oauth/device.hpp>
#include <rekey/oauth/random_token.hpp>
#include <rekey/oauth/revocation.hpp>
#include <rekey/token/subject_source.hpp>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <utility>

namespace rekey {
inline namespace v0_1 {
namespace coze {

/// The settings of a Coze OAuth device app. An aggregate: name what you need.
struct DeviceFlowOptions {
    std::string client_id{};
    std::string base{api_base};    ///< https, or http on loopback.
    std::string workspace_id{};    ///< Consent for this workspace only (enterprise); empty for all.
    std::string revocation_url{};  ///< RFC 7009; Coze documents none.
    bool allow_http = false;       ///< An http base outside loopback: everyone on the way reads it.
};

/// Authorizes the user of a device, a TV or a command line (E4, E4w, E5, E9).
///
/// Redirector  shows `user_code` and `page`, or `url` as a QR code. `Authorized` says: it is shown,
///             poll until the person has decided; `HandedOver` ends the call, and
///             `client.resume<Request>(result.authorization().flow)` polls later.
/// Binding     one that a call gives has to come with its `resume` too: on a backend with many
///             screens the name of a flow alone finishes nobody's request.
/// Time        polls after the server's interval, never earlier, until the code expires; the waits
///             are the client's clock's.
/// Threads     any; copies share their flows.
/// Source      coze-api §3, §3.3; RFC 8628
template <class Redirector> class DeviceFlow {
public:
    using Exchange = token::PerSubject;
    using Credential = UserAuthorization<DeviceFlow>;
    static constexpr bool needs_binding = false;

    explicit DeviceFlow(DeviceFlowOptions options, Redirector redirector)
        : state_(rekey::detail::Shared<State>::make(std::move(options), std::move(redirector))) {}

    Credential credential() const { return Credential(*this, state_->options.base); }

    /// Whose records they are in a store: of this app at this service.
    std::string stored_as() const {
        return "user " + detail::origin_of(state_->options.base) + ' ' + state_->options.client_id;
    }
    oauth::TokenRequest refresh_request(const Secret& refresh_token) const {
        return oauth::refresh_request(endpoint(), oauth::PublicClient{}, refresh_token);
    }
    template <class Exchanger>
    oauth::SignOut revoke(const Secret& refresh_token, const Secret& access_token,
                          const Exchanger& exchanger) const {
        const DeviceFlowOptions& options = state_->options;
        if (options.revocation_url.empty()) return {};
        return oauth::revoke(oauth::detail::revocation_endpoint(options), oauth::PublicClient{},
                             refresh_token, access_token, Credential::name, exchanger);
    }
    /// Asks for a code that nobody is shown here; `finish` polls.
    template <class Exchanger, class Clock>
    void begin(const oauth::FlowUser& user, const Exchanger& exchanger, Clock& clock,
               oauth::FlowAnswer& answer) {
        oauth::FlowUser silent = user;
        silent.deliver = false;
        ask(silent, exchanger, clock, answer);
    }
    template <class Exchanger, class Clock>
    void ask(const oauth::FlowUser& user, const Exchanger& exchanger, Clock& clock,
             oauth::FlowAnswer& answer) {
        answer.request.subject = std::string(user.subject);
        if (user.binding != nullptr && user.binding->text.empty())
            return answer.deny(ErrorKind::configuration,
                               "there is no session to bind the flow to, its handle is empty");
        auto device =
            std::make_unique<oauth::DeviceAuthorization>(endpoint(), state_->options.workspace_id);
        const oauth::DeviceAction next = run(*device, device->start(), user.stop, exchanger, clock,
                                             answer, [] { return false; });
        if (next.step != oauth::DeviceStep::show) return end(*device, answer);

        answer.request = device->shown_request();
        answer.request.subject = std::string(user.subject);
        answer.request.flow = oauth::random_token(16);
        answer.outcome = Reauthorized::handed_over;
        if (user.deliver) answer.take(rekey::ask(state_->redirector, answer.request));
        if (answer.outcome == Reauthorized::denied) return;
        if (answer.outcome == Reauthorized::handed_over) {
            Waiting waiting{answer.request, std::move(device), user.generation, {}, false};
            if (user.binding != nullptr) waiting.bind_to(*user.binding);
            keep(std::move(waiting), clock.unix_seconds());
            return;
        }
        (void)run(*device, device->shown(clock.now()), user.stop, exchanger, clock, answer,
                  [] { return false; });
        end(*device, answer);
    }
    /// Goes on polling for a flow that was handed over; `flow` is its name. Ends at once when the
    /// user has authorized by another flow meanwhile: the code of this one may be on no screen. Who
    /// is stopped, or whose transport throws, may come again.
    template <class Exchanger, class Clock>
    void finish(std::string_view flow, const oauth::FlowUser& user, const Exchanger& exchanger,
                Clock& clock, oauth::FlowAnswer& answer) {
        Returned<Clock> taken{*state_, clock, take(flow, user.binding)};
        if (!taken.waiting)
            return answer.deny(ErrorKind::authorization_denied,
                               "no authorization of this name waits here, or it was finished "
                               "already");
        const Waiting& waiting = taken.waiting.value();
        oauth::DeviceAuthorization& device = *waiting.device;
        answer.request = waiting.request;
        bool is_authorized = false;
        (void)run(device, device.shown(clock.now()), user.stop, exchanger, clock, answer, [&] {
            return is_authorized = user.newer.is_here(waiting.request.subject, waiting.generation);
        });
        answer.sent_away = answer.cancelled;  // it waits on, and the person knows of it
        if (is_authorized && device.outcome() != oauth::DeviceOutcome::granted) {
            (void)device.cancelled();
            answer.outcome = Reauthorized::authorized;
            return;
        }
        end(device, answer);
    }

private:
    struct Waiting {
        AuthorizationRequest request{};
        std::unique_ptr<oauth::DeviceAuthorization> device{};
        std::uint64_t generation = 0;  // of the user's token when it began
        Secret binding{};              // the browser that began it, if it was named
        bool is_bound = false;

        void bind_to(const Binding& browser) {
            binding = Secret{browser.text};
            is_bound = true;
        }
        bool is_of(const Binding* browser) const noexcept {
            const std::string_view here = browser != nullptr ? browser->text : std::string_view{};
            return is_bound == (browser != nullptr) && constant_time_equal(binding.expose(), here);
        }
    };
    using AllWaiting = rekey::detail::AgedMap<std::string, Waiting>;
    static constexpr std::size_t most_waiting = 10000;
    struct State {
        State(DeviceFlowOptions&& given, Redirector&& shows)
            : options(std::move(given)), redirector(std::move(shows)) {}
        DeviceFlowOptions options;
        Redirector redirector;
        std::mutex mutex{};
        AllWaiting waiting{most_waiting};
    };
    /// A flow that was taken out, to be polled. It goes back unless it has ended, whatever ended
    /// the polling; a poll that is on its way counts as lost then, so that the next one waits.
    template <class Clock> struct Returned {
        State& state;
        Clock& clock;
        typename AllWaiting::Taken waiting;

        Returned(State& from, Clock& time, typename AllWaiting::Taken&& taken) noexcept
            : state(from), clock(time), waiting(std::move(taken)) {}
        Returned(const Returned&) = delete;
        Returned& operator=(const Returned&) = delete;
        ~Returned() {
            if (!waiting) return;
            oauth::DeviceAuthorization& device = *waiting.value().device;
            oauth::EndpointAnswer lost;
            lost.reach = Reach::sent_unanswered;
            (void)device.answered(lost, clock.now(), clock.unix_seconds());
            if (device.outcome() != oauth::DeviceOutcome::unfinished) return;
            const std::lock_guard<std::mutex> lock(state.mutex);
            state.waiting.put_back(std::move(waiting));
        }
    };

    oauth::TokenEndpoint endpoint() const { return oauth::detail::token_endpoint(state_->options); }

    /// Does what the device flow says until there is something to show, it ends or is stopped, or
    /// it is needed no more.
    template <class Exchanger, class Clock, class IsOver>
    static oauth::DeviceAction run(oauth::DeviceAuthorization& device, oauth::DeviceAction next,
                                   const rekey::detail::Stop& stop, const Exchanger& exchanger,
                                   Clock& clock, oauth::FlowAnswer& answer, const IsOver& is_over) {
        while (!is_over()) {
            switch (next.step) {
                case oauth::DeviceStep::ask:
                case oauth::DeviceStep::poll: {
                    const auto came = exchanger(device.request().http, {}, Credential::name);
                    answer.log_id = came.log_id;
                    oauth::detail::withhold(device.request(), answer.log_id);
                    if (came.cancelled) {
                        answer.cancelled = true;
                        return next;
                    }
                    next = device.answered(oauth::endpoint_answer(came), clock.now(),
                                           clock.unix_seconds());
                    break;
                }
                case oauth::DeviceStep::wait:
                    if (!stop.sleep(clock, next.delay)) {
                        answer.cancelled = true;
                        return next;
                    }
                    next = device.waited(clock.now());
                    break;
                case oauth::DeviceStep::show:
                case oauth::DeviceStep::finish: return next;
            }
        }
        return next;
    }
    static void end(oauth::DeviceAuthorization& device, oauth::FlowAnswer& answer) {
        std::string words = "device authorization: ";
        words += device.outcome() == oauth::DeviceOutcome::unfinished ? "it was cancelled"
                                                                      : device.problem();
        switch (device.outcome()) {
            case oauth::DeviceOutcome::granted:
                answer.outcome = Reauthorized::authorized;
                answer.tokens = std::move(device.tokens());
                return;
            case oauth::DeviceOutcome::misconfigured:
                return answer.deny(ErrorKind::configuration, words);
            case oauth::DeviceOutcome::failed:
            case oauth::DeviceOutcome::malformed:
                return answer.deny(ErrorKind::exchange_failed, words);
            case oauth::DeviceOutcome::expired:
                answer.request.url = answer.request.page;  // nobody is to type a dead code
                answer.request.user_code.clear();
                return answer.deny(ErrorKind::authorization_needed, words);
            case oauth::DeviceOutcome::unfinished:
            case oauth::DeviceOutcome::denied:
            case oauth::DeviceOutcome::refused:
            case oauth::DeviceOutcome::cancelled: break;
        }
        answer.deny(ErrorKind::authorization_denied, words);
    }

    void keep(Waiting kept, std::int64_t now) {
        std::string flow = kept.request.flow;
        const std::lock_guard<std::mutex> lock(state_->mutex);
        (void)state_->waiting.add(std::move(flow), std::move(kept), [now](const Waiting& oldest) {
            return oldest.request.expires_at <= now;
        });
    }
    /// A flow of another browser stays where it is.
    typename AllWaiting::Taken take(std::string_view flow, const Binding* binding) {
        const std::lock_guard<std::mutex> lock(state_->mutex);
        const Waiting* const waiting = state_->waiting.find(flow);
        if (waiting == nullptr || !waiting->is_of(binding)) return {};
        return state_->waiting.take(flow);
    }

    rekey::detail::Shared<State> state_;
};

}  // namespace coze
}  // namespace v0_1
}  // namespace rekey

#endif
