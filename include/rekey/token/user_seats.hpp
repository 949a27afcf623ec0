// SPDX-License-Identifier: BSL-1.0
// UserSeats: what is known of each user of an app, and whose place that is.
#ifndef REKEY_TOKEN_USER_SEATS_HPP
#define REKEY_TOKEN_USER_SEATS_HPP

#include <rekey/action.hpp>
#include <rekey/authorization.hpp>
#include <rekey/detail/atomic.hpp>
#include <rekey/detail/waker.hpp>
#include <rekey/oauth/flow.hpp>
#include <rekey/secret.hpp>
#include <rekey/token/signature.hpp>

#include <algorithm>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <map>
#include <mutex>
#include <string>
#include <string_view>
#include <utility>

namespace rekey {
inline namespace v0_1 {
namespace token {

/// Of so many users who were sent away a source remembers that it need not disturb them again.
inline constexpr std::size_t most_sent_away = 10000;

/// How a refresh failed; shared by all who waited for it.
struct RefreshFailure {
    Fetched outcome = Fetched::refused;
    oauth::ExchangeNotes notes{};
    bool has_service_code = false;
    std::int64_t service_code = 0;
    std::string message{};
    bool cancelled = false;
};

/// What is known about a user. All of it is gone when the user is forgotten.
struct UserStanding {
    Secret refresh_token{};
    std::int64_t dies_at = 0;         // unix seconds: when the access token really expires
    TimePoint dies_at_latest{};       // the same on the clock that nobody sets back
    std::uint64_t version = 0;        // grows with each change that a refresh must not undo
    std::uint64_t signed_out_at = 0;  // the version that a sign-out made
    bool lost_refresh = false;        // a refresh token was sent and nobody knows what became of it
    bool has_authorized = false;
    TimePoint authorized_at{};
    std::uint64_t authorized_generation = 0;
    TimePoint refresh_again_at{};
    bool is_refreshing = false;
    std::uint64_t flight = 0;
    std::uint64_t failed_flight = 0;
    RefreshFailure failure{};
    bool is_asked = false;
    std::uint64_t asking = 0;
    std::uint64_t denied_asking = 0;  // the last one that ended in a refusal
    ErrorKind denial = ErrorKind::authorization_denied;
    std::string denial_words{};
    AuthorizationRequest denied_request{};
    std::uint64_t open_asking = 0;  // the last one whose person was asked and is not back
    TimePoint asked_until{};        // until then a Redirector has sent the user away

    template <class Clock> bool is_alive(Clock& clock) const {
        return clock.unix_seconds() < dies_at && clock.now() < dies_at_latest;
    }
};

/// A user, and who waits for what another caller does for that user. Guarded by `mutex`, but for
/// the present signature, which is read without.
struct User : UserStanding {
    detail::Atomic<unsigned> holders{0};
    // A user's own: a call that streams for another keeps no old token of this one alive.
    detail::Readers readers{};
    Snapshot current{new Signature, readers};
    std::mutex mutex{};
    std::condition_variable ended{};  // a refresh or a question
    detail::WakerList wakers{};       // those who wait for it and must not block, or may be stopped
};

/// Lets the others go on when the caller that was busy for all is done, or throws. Made and
/// destroyed without the lock; the flag was set under it.
class Busy {
public:
    Busy(User& user, bool& flag) noexcept : user_(user), flag_(flag) {}
    Busy(const Busy&) = delete;
    Busy& operator=(const Busy&) = delete;
    ~Busy() {
        std::unique_lock<std::mutex> lock(user_.mutex);
        flag_ = false;
        user_.ended.notify_all();
        detail::WakerList waiting(std::move(user_.wakers));
        lock.unlock();
        waiting.wake_all();
    }

private:
    User& user_;
    bool& flag_;
};

/// A user that is not dropped while somebody works with it. Takes over a count.
class HeldUser {
public:
    explicit HeldUser(User& counted) noexcept : user_(counted) {}
    HeldUser(const HeldUser&) = delete;
    HeldUser& operator=(const HeldUser&) = delete;
    ~HeldUser() { user_.holders.fetch_sub(1, detail::Order::release); }
    User& operator*() const noexcept { return user_; }
    User* operator->() const noexcept { return &user_; }

private:
    User& user_;
};

/// The users of one app.
///
/// Nobody works with a user who is idle, and who wants to needs the lock of the seats. But a call
/// may still hold the token: it is retired like any other that was replaced, and its readers have
/// to outlive that hold. So a seat is never destroyed, only given to somebody else.
///
/// Threads   any
class UserSeats {
public:
    /// A user, known or new, counted as held: `HeldUser(seats.take(…))`.
    template <class Clock> User& take(std::string_view subject, Clock& clock) {
        const std::lock_guard<std::mutex> lock(mutex_);
        const auto place = users_.find(subject);
        if (place != users_.end()) return held(place->second);
        if (users_.size() >= sweep_at_) sweep(clock);
        User& user = seat_for(std::string(subject));
        if (newest_dropped_ != 0) {
            Signature* const none = new Signature;
            none->generation = newest_dropped_ + 1;
            user.current.replace(none);
        }
        return held(user);
    }
    /// Does something under the lock of a user; about one whom nobody knows nothing is kept.
    template <class Act> void with_known(std::string_view subject, const Act& act) {
        std::unique_lock<std::mutex> all(mutex_);
        const auto place = users_.find(subject);
        if (place == users_.end()) return;
        const HeldUser user(held(place->second));
        all.unlock();
        const std::lock_guard<std::mutex> lock(user->mutex);
        act(*user);
    }

private:
    static User& held(User& user) noexcept {
        user.holders.fetch_add(1, detail::Order::relaxed);
        return user;
    }
    User& seat_for(std::string subject) {
        if (spare_.empty()) return users_[std::move(subject)];
        auto seat = spare_.extract(spare_.begin());
        seat.key() = std::move(subject);
        return users_.insert(std::move(seat)).position->second;
    }
    /// Drops the users whose tokens are dead. Each sweep doubles the size at which the next one
    /// comes, so that it costs little per user. Of too many who were sent away none is remembered:
    /// their Redirector is told again.
    template <class Clock> void sweep(Clock& clock) {
        if (drop(clock, false) >= most_sent_away) (void)drop(clock, true);
        sweep_at_ = 2 * users_.size() < first_sweep ? first_sweep : 2 * users_.size();
    }
    /// Says how many are left that were sent away and have no token.
    template <class Clock> std::size_t drop(Clock& clock, bool also_sent_away) {
        std::size_t sent_away = 0;
        for (auto place = users_.begin(); place != users_.end();) {
            const auto here = place++;
            User& user = here->second;
            const bool is_idle = user.holders.load(detail::Order::acquire) == 0;
            if (!is_idle || !user.refresh_token.empty() || user.is_alive(clock)) continue;
            if (!also_sent_away && clock.now() < user.asked_until) {
                ++sent_away;
                continue;
            }
            // Who comes back goes on counting, for calls that remember which token was refused.
            newest_dropped_ = (std::max)(newest_dropped_, user.current.read()->generation);
            user.current.replace(new Signature);
            static_cast<UserStanding&>(user) = UserStanding{};
            auto seat = users_.extract(here);
            seat.key().clear();
            spare_.insert(std::move(seat));
        }
        return sent_away;
    }

    static constexpr std::size_t first_sweep = 1024;

    std::mutex mutex_{};
    std::map<std::string, User, std::less<>> users_{};
    std::multimap<std::string, User, std::less<>> spare_{};  // seats of users who were dropped
    std::uint64_t newest_dropped_ = 0;                       // the highest generation among them
    std::size_t sweep_at_ = first_sweep;
};

}  // namespace token
}  // namespace v0_1
}  // namespace rekey

#endif
