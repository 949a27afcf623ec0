// SPDX-License-Identifier: BSL-1.0
// OboReauth: when a user's authorization is refused, ask the user to authorize again.
#ifndef REKEY_POLICY_OBO_REAUTH_HPP
#define REKEY_POLICY_OBO_REAUTH_HPP

#include <rekey/authorization.hpp>
#include <rekey/detail/atomic.hpp>
#include <rekey/detail/detect.hpp>
#include <rekey/detail/shared.hpp>
#include <rekey/detail/system_clock.hpp>
#include <rekey/policy/role.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

namespace rekey {
inline namespace v0_1 {

namespace detail {

REKEY_DETECT(IsFlow, Asked, static_cast<typename Asked::Credential*>(nullptr))

/// Whether a call says which browser its user sits at, because a flow sends browsers away.
template <class Reauthorizer> constexpr bool needs_binding() noexcept {
    if constexpr (IsFlow<Reauthorizer>::value)
        return Reauthorizer::needs_binding;
    else
        return false;
}

/// One user at a time is asked once: who comes while somebody asks waits and shares the answer, and
/// who was refused before the user authorized is not asked for it again.
class AskedUsers {
public:
    AskedUsers() = default;
    AskedUsers(const AskedUsers&) = delete;
    AskedUsers& operator=(const AskedUsers&) = delete;
    ~AskedUsers() {
        while (first_ != nullptr) delete std::exchange(first_, first_->next);
    }

    /// How many authorizations there were so far; a call notes it before it sends.
    std::uint64_t mark() noexcept {
        const Locked locked(*this);
        return authorizations_;
    }

    /// `stop` says whether the caller was stopped while it waited; the answer is a refusal then.
    template <class Stop, class Ask>
    RedirectorAnswer once(std::string_view subject, std::uint64_t mark, const Stop& stop,
                          Ask&& ask) {
        RedirectorAnswer unless{Reauthorized::denied, "the Redirector gave no answer"};
        bool has_waited = false;
        for (;; has_waited = true) {
            {
                const Locked locked(*this);
                User& user = of(subject);
                if (user.authorized_at > mark) return {Reauthorized::authorized, {}};
                if (has_waited && !user.is_asked && user.last.outcome != Reauthorized::authorized)
                    return user.last;
                if (!user.is_asked) {
                    user.is_asked = true;
                    break;
                }
            }
            if (stop.is_cancelled()) return {Reauthorized::denied, {}};
            SystemClock::sleep(std::chrono::milliseconds{5});  // a person takes seconds
        }
        // Lets the others go on, also if the Redirector throws.
        Asking asking{*this, subject, std::move(unless)};
        asking.answer = ask();
        return asking.answer;
    }

private:
    struct User {
        std::string subject{};
        bool is_asked = false;
        std::uint64_t authorized_at = 0;
        RedirectorAnswer last{};
        User* next = nullptr;
    };
    struct Locked {
        explicit Locked(AskedUsers& users) noexcept : users_(users) {
            while (users_.locked_.exchange(true, Order::acquire))
                SystemClock::sleep(std::chrono::microseconds{50});  // the holder may need the core
        }
        Locked(const Locked&) = delete;
        Locked& operator=(const Locked&) = delete;
        ~Locked() { users_.locked_.store(false, Order::release); }
        AskedUsers& users_;
    };
    struct Asking {
        AskedUsers& users;
        std::string_view subject;
        RedirectorAnswer answer;
        Asking(AskedUsers& all, std::string_view whom, RedirectorAnswer&& unless) noexcept
            : users(all), subject(whom), answer(std::move(unless)) {}
        Asking(const Asking&) = delete;
        ~Asking() {
            const Locked locked(users);
            User& user = users.of(subject);
            user.is_asked = false;
            if (answer.outcome == Reauthorized::authorized)
                user.authorized_at = ++users.authorizations_;
            user.last = std::move(answer);
        }
    };

    /// The entry of a user, the newest first; the oldest who is not being asked makes room.
    User& of(std::string_view subject) {
        std::size_t count = 0;
        User** oldest = nullptr;
        for (User** link = &first_; *link != nullptr; link = &(*link)->next, ++count) {
            if ((*link)->subject == subject) return **link;
            if (!(*link)->is_asked) oldest = link;
        }
        if (count >= most_remembered && oldest != nullptr) {
            User* const gone = *oldest;
            *oldest = gone->next;
            delete gone;
        }
        User* const user = new User{std::string(subject)};
        user->next = std::exchange(first_, user);
        return *user;
    }

    static constexpr std::size_t most_remembered = 1024;
    Atomic<bool> locked_{false};
    User* first_ = nullptr;
    std::uint64_t authorizations_ = 0;
};

template <class Redirector> struct AskedBy {
    explicit AskedBy(Redirector given) : redirector(std::move(given)) {}
    Redirector redirector;
    AskedUsers users{};
};

/// What a flow and a bare Redirector have in common, and where they differ.
template <class Asked, bool = IsFlow<Asked>::value> class ReauthorizesBy {
public:
    /// The user's credential, which the flow brings; it is the first of the client's chain.
    using Credential = typename Asked::Credential;
    static constexpr bool needs_binding = Asked::needs_binding;
    explicit ReauthorizesBy(Asked flow) : flow_(std::move(flow)) {}
    Credential credential() const { return flow_.credential(); }

private:
    Asked flow_;
};

template <class Asked> class ReauthorizesBy<Asked, false> {
public:
    explicit ReauthorizesBy(Asked redirector)
        : state_(Shared<AskedBy<Asked>>::make(std::move(redirector))) {}

    std::uint64_t mark() const noexcept { return state_->users.mark(); }
    template <class Stop>
    RedirectorAnswer reauthorize(std::string_view subject, std::uint64_t mark, const Stop& stop,
                                 AuthorizationRequest& request) const {
        request.subject = std::string(subject);
        return state_->users.once(subject, mark, stop,
                                  [&] { return ask(state_->redirector, request); });
    }

private:
    Shared<AskedBy<Asked>> state_;
};

}  // namespace detail

/// Asks the user to authorize again when everything else is refused, and goes on with the request.
///
/// Redirector   a flow (`coze::WebFlow`, `coze::PkceLoopback`, `coze::DeviceFlow`), which brings
///              the user's tokens, refreshes them and knows the URL; or a callable
///              `R operator()(const AuthorizationRequest&)` that renews a credential of the user's
///              own chain. R is `Authorized` (it waited: the request is sent again), `HandedOver`
///              (the call ends with `authorization_needed` and can be resumed), or a
///              `std::variant` of these and `Denied`.
/// Requires     `Subject{user}` tells users apart; without it there is one user.
/// Ends with    StopReason::needs_user if the user was sent away or refused.
/// Settles      right after an authorization a refusal that the service says may pass (Coze: 4100
///              and 4101) is repeated after 500 ms, 1 s and 2 s, with the new token, and only then.
/// Threads      one authorization per user at a time: calls that are refused while it is on its way
///              wait and share the answer, so that 64 of them open one window. Users are asked
///              side by side, so the Redirector is as thread-safe as the callers need.
/// Source       coze-api R18, §3.6
/// Example      examples/08_ask_the_user.cpp
template <class Redirector> class OboReauth : public detail::ReauthorizesBy<Redirector> {
public:
    static constexpr Role role = Role::reauthorizer;
    static constexpr std::uint32_t settle_repeats = 3;
    static constexpr Duration settle_delay(std::uint32_t repeats) noexcept {
        return std::chrono::milliseconds{500} * (1 << repeats);
    }

    explicit OboReauth(Redirector redirector)
        : detail::ReauthorizesBy<Redirector>(std::move(redirector)) {}
};

}  // namespace v0_1
}  // namespace rekey

#endif
