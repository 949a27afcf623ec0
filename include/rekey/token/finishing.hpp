// SPDX-License-Identifier: BSL-1.0
// Finishing: the end of an authorization for a call that must not block.
#ifndef REKEY_TOKEN_FINISHING_HPP
#define REKEY_TOKEN_FINISHING_HPP

#include <rekey/authorization.hpp>
#include <rekey/detail/maybe.hpp>
#include <rekey/extras.hpp>
#include <rekey/oauth/code_exchange.hpp>
#include <rekey/oauth/flow.hpp>
#include <rekey/resumable.hpp>
#include <rekey/token/source.hpp>

#include <string_view>
#include <utility>

namespace rekey {
inline namespace v0_1 {
namespace token {

/// The end of an authorization that was handed over, without I/O and waiting: it says what to do
/// next. For a call that must not block; `SubjectSource::finish` is the same for one that may.
///
/// Source   a `SubjectSource` whose flow has `accept` and `conclude`.
template <class Source> class Finishing {
public:
    struct Request {
        const oauth::TokenRequest& made;
        std::string_view credential;
    };

    /// `extras`   as for `finish`; they outlive this.
    Finishing(Source& source, const detail::CallExtras& extras) noexcept
        : source_(source), extras_(extras), binding_(extras.binding) {}
    Finishing(const Finishing&) = delete;
    Finishing& operator=(const Finishing&) = delete;

    template <class Clock> FetchStep start(std::string_view brought, Clock& clock) {
        oauth::FlowUser whom;
        whom.binding = extras_.has_binding ? &binding_ : nullptr;
        if (Source::names_somebody(extras_, answer_)) {
            auto code = flow().accept(brought, whom, clock.unix_seconds(), answer_);
            if (code) {
                exchange_.set(std::move(*code));
                return go_on((*exchange_).start(clock.unix_seconds()), clock);
            }
        }
        return finish(clock);
    }
    template <class Answer, class Clock> FetchStep answered(const Answer& answer, Clock& clock) {
        notes_.take(answer, (*exchange_).request());
        return go_on((*exchange_).answered(oauth::endpoint_answer(answer), clock.unix_seconds()),
                     clock);
    }
    FetchStep waited() const noexcept { return FetchStep::send; }
    template <class Clock> FetchStep stopped(Clock& clock) {
        notes_.cancelled = true;
        flow().conclude(*exchange_, notes_, answer_);
        return finish(clock);
    }

    Request request() const noexcept { return {(*exchange_).request(), source_.credential_.name}; }
    Duration delay() const noexcept { return delay_; }
    AuthorizationEnd& end() noexcept { return end_; }

private:
    struct Exchange : oauth::CodeExchange {
        explicit Exchange(oauth::AcceptedCode&& code)
            : CodeExchange(std::move(code.request), code.received_at) {}
    };
    auto& flow() noexcept { return source_.credential_.flow(); }
    template <class Clock> FetchStep go_on(const oauth::ExchangeAction& next, Clock& clock) {
        if (next.step == oauth::ExchangeStep::send && !notes_.cancelled) {
            delay_ = next.delay;
            return delay_ > Duration{0} ? FetchStep::wait : FetchStep::send;
        }
        flow().conclude(*exchange_, notes_, answer_);
        return finish(clock);
    }
    template <class Clock> FetchStep finish(Clock& clock) {
        end_ = source_.ended(answer_, extras_, clock);
        return FetchStep::finish;
    }

    Source& source_;
    const detail::CallExtras& extras_;
    const Binding binding_;
    oauth::FlowAnswer answer_{};
    oauth::ExchangeNotes notes_{};
    Duration delay_{0};
    detail::Maybe<Exchange> exchange_{};
    AuthorizationEnd end_{};
};

}  // namespace token
}  // namespace v0_1
}  // namespace rekey

#endif
