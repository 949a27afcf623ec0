// SPDX-License-Identifier: BSL-1.0
// Remember: which credential served a bot, a workspace or any key last, so that calls begin there.
#ifndef REKEY_POLICY_REMEMBER_HPP
#define REKEY_POLICY_REMEMBER_HPP

#include <rekey/asked.hpp>
#include <rekey/detail/pack.hpp>
#include <rekey/detail/route_table.hpp>
#include <rekey/detail/shared.hpp>
#include <rekey/policy/admissions.hpp>
#include <rekey/route.hpp>

#include <cstddef>
#include <cstdint>
#include <type_traits>
#include <utility>

namespace rekey {
inline namespace v0_1 {

/// Begins each call with the credential that served its key last; the chain is a ring from there.
///
/// KeyOf      what a request is about: `key_of(request)` gives a text, an integer, a `RouteKey` or
///            an optional of one; empty where a request has none, for such a request would succeed
///            with either credential and teach nonsense. It then begins as without this policy.
///            What is learned for one `Subject` counts for no other; a function that takes
///            `(request, Subject)` decides that itself. Called by many threads at once.
/// Keys       room for so many keys, a power of two from 8 to 1048576, 16 bytes each. Take about
///            twice as many as there are: a key that finds its row full takes another's place,
///            which is then unknown again.
/// Learns     from a success after every earlier credential was refused, from the first success of
///            an unknown key, and from `client.route().probe`; only if nothing newer was written
///            since the call set out. A wrong memory costs a call, never an answer. Calls with
///            `SameCredentialAs` neither follow nor teach.
/// Straddle   a call that all credentials have refused is sent once more if another call has
///            changed the route of its key meanwhile.
/// Requires   a chain of two credentials at least (checked when compiled).
/// Threads    any; lock-free. Copies, and so the copies of a client, share what is learned.
/// Cost       one allocation when made; a call reads eight neighbouring words, and hashes its key.
/// Example    examples/17_learned_route.cpp
template <class KeyOf, std::size_t Keys = 4096>
class Remember : public AtDoor<Door::route>, public detail::LearnsRoute {
    static_assert(Keys >= 8 && Keys <= 1048576 && (Keys & (Keys - 1)) == 0,
                  "rekey: Remember<KeyOf, Keys> keeps a power of two of keys, from 8 to 1048576.");
    static constexpr bool fits = Keys >= 8 && Keys <= 1048576 && (Keys & (Keys - 1)) == 0;
    using Table = detail::RouteTable<fits ? Keys : 8>;
    using Word = detail::RouteWord;

    /// How the function is called with a request, and what it gives.
    template <class Request> struct Asks {
        static constexpr bool with_user =
            std::is_invocable_v<const KeyOf&, const Request&, Subject>;
        static constexpr bool alone = std::is_invocable_v<const KeyOf&, const Request&>;
        static constexpr bool fits = with_user || alone;
        static_assert(fits,
                      "rekey: the function of Remember is called as key_of(request), or as "
                      "key_of(request, Subject), and gives the key of the request.");
        static auto key() {
            if constexpr (with_user)
                return std::invoke_result<const KeyOf&, const Request&, Subject>{};
            else if constexpr (alone)
                return std::invoke_result<const KeyOf&, const Request&>{};
            else
                return std::decay<RouteKey>{};
        }
        using Key = std::decay_t<typename decltype(key())::type>;
    };

public:
    static constexpr bool straddles = true;
    static constexpr const char* says_no = "the route of this call has not changed";

    template <class Request, class... Policies>
    struct Judge : detail::JudgedDoorsOf<Policies...>,
                   detail::JudgedKey<typename Asks<Request>::Key> {};

    explicit Remember(KeyOf key_of = {})
        : table_(detail::Shared<Table>::make()), key_of_(std::move(key_of)) {}

    /// What one call remembers, for `Admissions`.
    struct Trip {
        RouteKey key{};
        std::uint64_t known = 0;  // of the key when the call set out
        std::uint32_t slot_total = 0;
        std::uint8_t start = 0;
        bool chooses = false;  // `start` counts
        bool learns = false;
        bool follows = true;
    };
    template <class Request>
    void set_out(Trip& trip, const Request& request, const detail::CallExtras& extras,
                 std::uint32_t slot_total) const {
        trip.slot_total = slot_total;
        trip.chooses = trip.learns = false;
        if (extras.pinned) return;
        if (const std::uint32_t forced = table_->forced(); forced != 0) {
            trip.start = static_cast<std::uint8_t>(forced - 1);
            trip.chooses = trip.start < slot_total;
            return;
        }
        trip.key = key_of(request, Subject{extras.subject});
        if (!trip.key) return;
        trip.known = table_->find(trip.key.hash());
        trip.start = Word::slot(trip.known);
        trip.chooses = trip.known != 0 && trip.start < slot_total;
        trip.learns = true;
    }
    Admission admit(const Action& action, Trip& trip) const noexcept {
        if (action.move == Move::first && trip.chooses && trip.follows && trip.start != action.slot)
            return {Admitted::go_to, trip.start, Duration{0}, 0};
        if (action.move != Move::straddle) return {};
        const std::uint64_t now = trip.learns ? table_->find(trip.key.hash()) : 0;
        if (now == 0 || now == trip.known || Word::slot(now) >= trip.slot_total)
            return {Admitted::spent, 0, Duration{0}, 0};
        return {Admitted::go_to, Word::slot(now), Duration{0}, 0};
    }
    void arrived(const Trip& trip, const Trail& trail) const noexcept {
        if (!trip.learns) return;
        const std::uint32_t served = trail.back().slot;
        if (trip.chooses && served == trip.start) return;  // as it is known
        const std::uint32_t refused = refused_in(trail);
        for (std::uint32_t slot = trip.chooses ? trip.start : 0; slot != served;
             slot = (slot + 1) % trip.slot_total)
            if (((refused >> slot) & 1u) == 0) return;  // it rested, or could not be asked
        (void)table_->write(trip.key.hash(), trip.known, static_cast<std::uint8_t>(served));
    }

    template <class Words> static void say(Words& words) {
        words("Begins with the credential that served the same key last, for ", Keys, " keys.");
    }

    /// The key of a request, as calls use it.
    template <class Request> RouteKey key_of(const Request& request, Subject user) const {
        if constexpr (Asks<Request>::with_user) {
            return detail::route_key(key_of_(request, user));
        } else if constexpr (Asks<Request>::alone) {
            RouteKey key = detail::route_key(key_of_(request));
            if (key && !user.user.empty()) key.with(user.user);
            return key;
        } else {
            return {};
        }
    }

private:
    template <class> friend class Route;
    Table& table() const noexcept { return *table_; }
    static std::uint8_t slot_in(std::uint64_t word) noexcept { return Word::slot(word); }
    static std::uint64_t tag_in(std::uint64_t word) noexcept { return Word::tag(word); }

    /// The credentials that were refused, one bit each; also by the token endpoint.
    static std::uint32_t refused_in(const Trail& trail) noexcept {
        std::uint32_t refused = 0;
        for (std::size_t i = 0; i != trail.size(); ++i) {
            const TrailEntry& entry = trail[i];
            const bool is_refusal = entry.reach == Reach::answered &&
                                    entry.fault == Fault::nothing &&
                                    (entry.failure == AuthRejected || entry.failure == NotFound);
            if (is_refusal) refused |= std::uint32_t{1} << entry.slot;
        }
        return refused;
    }

    detail::Shared<Table> table_;
    KeyOf key_of_;
};

/// The policy of a client that learns a route, by which `Route` finds it.
template <std::size_t Index, class KeyOf, std::size_t Keys>
const Remember<KeyOf, Keys>& remembering_in(
    const detail::Leaf<Index, Remember<KeyOf, Keys>>& leaf) noexcept {
    return leaf.value;
}

}  // namespace v0_1
}  // namespace rekey

#endif
