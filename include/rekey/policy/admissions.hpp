// SPDX-License-Identifier: BSL-1.0
// Admissions: asks several doors to shared state, in one fixed order, and tells them how it ended.
#ifndef REKEY_POLICY_ADMISSIONS_HPP
#define REKEY_POLICY_ADMISSIONS_HPP

#include <rekey/detail/ascii.hpp>
#include <rekey/detail/pack.hpp>
#include <rekey/detail/roles.hpp>
#include <rekey/extras.hpp>
#include <rekey/policy/role.hpp>
#include <rekey/response.hpp>
#include <rekey/result.hpp>
#include <rekey/trail.hpp>

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

namespace rekey {
inline namespace v0_1 {

/// Where a door stands. A call asks them in this order, whatever the order they are written in:
/// whether to go there at all, whether another attempt is affordable, when, and beside how many.
enum class Door : unsigned char {
    route,       ///< `Remember`, which chooses the credential that the others are asked about.
    chain,       ///< That of a chain with empty slots: whether a credential stands there at all.
    own,         ///< One of the user's.
    host,        ///< `CircuitBreaker` of a host.
    credential,  ///< `CircuitBreaker` of a credential.
    budget,      ///< `RetryBudget`
    rate,        ///< `RateLimit`
    bulkhead     ///< `Bulkhead`
};

/// What a door is told when it is asked.
struct Asking {
    TimePoint now{};          ///< If the policy says `reads_time`.
    std::string_view host{};  ///< Of the URL, if the request type tells it; with a port that is not
                              ///< the usual one of its scheme.
    Duration waited{0};       ///< How long this door has made this attempt wait.
    std::uint32_t ticket = 0;  ///< What came with this door's last `busy`; it is handed back here.
    std::uint32_t credentials = 1;  ///< How many a call chooses from, that of a flow included.
};

/// How an attempt ended that a door had let through.
struct Ending {
    bool sent = true;    ///< False: it was not made. What was taken for it goes back.
    bool judged = true;  ///< False: the caller stopped it; neither a success nor a failure.
    Facts facts{};       ///< What it told us, if `sent` and `judged`.
    TimePoint now{};
    std::uint32_t ticket = 0;  ///< What came with the door's `go`, or with a `busy` it gave up on.
};

template <class Store, class... Policies> class Admissions;
namespace detail {
template <class... Policies> constexpr std::uint32_t slots_of() noexcept;
template <std::uint32_t Slots, class... Doors> struct JudgedDoors;
template <class Policy>
using DoorOrVoid = std::conditional_t<Policy::role == Role::admission, Policy, void>;
/// The same for all sets with these doors and as many credentials.
template <class... Policies>
using JudgedDoorsOf = JudgedDoors<slots_of<Policies...>(), DoorOrVoid<Policies>...>;
}  // namespace detail

/// The base of a policy that is one of several doors to state that calls share.
///
/// A door has `Admission admit(const Action&, const Asking&) const`, asked before each send, and
/// may have `void settled(const Action&, const Ending&) const noexcept`. After a `go` that is told
/// exactly once, on every way out: an answer, none, another door's no, no token, a cancelled call,
/// an exception of the transport (which counts as sent, no answer). After a `busy` with a ticket
/// the door is either asked again with that ticket, or told that the attempt was not made.
///
/// The first door that says anything but go ends the round; those before it are told that nothing
/// was sent, and are asked again in the next round. Only a `busy` keeps its ticket.
///
/// A door that names a type `Trip` chooses where calls start. `set_out(Trip&, request, extras,
/// slots)` is told of each first send before it is asked, `admit(const Action&, Trip&)` is asked,
/// and `arrived(const Trip&, const Trail&)` is told of the call's success. If the credential that
/// it sent a call to rests, it is asked once more with `Trip::follows` false. It needs a chain of
/// two credentials at least.
template <Door Place> struct AtDoor {
    static constexpr Role role = Role::admission;
    static constexpr Door door = Place;
    static constexpr bool reads_time = false;  ///< True: `Asking::now` and `Ending::now` count.
    static constexpr bool reads_host = false;  ///< True: `Asking::host` counts.
    static constexpr bool straddles = false;   ///< True: asked for one extra try after the chain.
    /// False: it never says `busy`, so that no call waits for it.
    static constexpr bool makes_wait =
        Place == Door::own || Place == Door::rate || Place == Door::bulkhead;
    /// Why nothing was sent, for people.
    static constexpr const char* says_no = "a door of this client let no attempt through";
    template <class Store, class... Policies> using Doors = Admissions<Store, Policies...>;
    template <class Request, class... Policies> using Judge = detail::JudgedDoorsOf<Policies...>;
};

namespace detail {

template <class Policy, class = void> struct HearsOfEnd : std::false_type {};
template <class Policy>
struct HearsOfEnd<Policy, std::void_t<decltype(std::declval<const Policy&>().settled(
                              std::declval<const Action&>(), std::declval<const Ending&>()))>>
    : std::true_type {};

template <class Policy, class = void> struct Routes : std::false_type {};
template <class Policy>
struct Routes<Policy, std::void_t<typename Policy::Trip>> : std::true_type {};

/// What a call remembers for the one door that chooses where it starts.
struct NoTrip {};
template <class Policy, class Otherwise, class = void> struct TripOfOne : Otherwise {};
template <class Policy, class Otherwise>
struct TripOfOne<Policy, Otherwise, std::void_t<typename Policy::Trip>> {
    using type = typename Policy::Trip;
};
template <class... Policies> struct TripOf { using type = NoTrip; };
template <class First, class... Rest>
struct TripOf<First, Rest...> : TripOfOne<First, TripOf<Rest...>> {};

template <class Policy, class = void> struct BringsCredential : std::false_type {};
template <class Policy>
struct BringsCredential<Policy, std::void_t<typename Policy::Credential>> : std::true_type {};

/// How many credentials the calls of a client choose from.
template <class... Policies> constexpr std::uint32_t slots_of() noexcept {
    using Chain = typename FirstOfRole<Role::chain, Policies...>::type;
    using Reauthorizer = typename FirstOfRole<Role::reauthorizer, Policies...>::type;
    std::uint32_t slot_total = 0;
    if constexpr (!std::is_void_v<Chain>) slot_total = Chain::Rule::slot_count;
    return slot_total + (BringsCredential<Reauthorizer>::value ? 1 : 0);
}

inline constexpr std::size_t door_places = static_cast<std::size_t>(Door::bulkhead) + 1;
template <class Door> constexpr std::size_t place_of() noexcept {
    if constexpr (std::is_void_v<Door>)
        return static_cast<std::size_t>(-1);
    else
        return static_cast<std::size_t>(Door::door);
}
template <class... Doors> constexpr bool alone_at_their_places() noexcept {
    constexpr std::size_t count = sizeof...(Doors);
    constexpr std::size_t place[] = {place_of<Doors>()..., count};
    for (std::size_t i = 0; i != count; ++i)
        for (std::size_t j = 0; j != i; ++j)
            if (place[i] < door_places && place[i] == place[j]) return false;
    return true;
}

/// Whether the doors of a client fit together.
template <std::uint32_t Slots, class... Doors> struct JudgedDoors {
    static constexpr bool stand_apart = alone_at_their_places<Doors...>();
    static_assert(stand_apart,
                  "rekey: two policies of this client stand at the same door, such as two "
                  "RetryBudget or two RateLimit. Keep one of each.");

    static constexpr bool has_choice =
        std::is_same_v<typename TripOf<Doors...>::type, NoTrip> || Slots >= 2;
    static_assert(has_choice,
                  "rekey: Remember learns which of several credentials to begin with, and this "
                  "client has no two. Put them into a CredentialChain, or leave Remember out.");
};

/// `host:port` of an absolute URL as it is written there, without a user and without the port that
/// its scheme has anyway; empty if there is none.
constexpr std::string_view host_in(std::string_view url) noexcept {
    const std::size_t scheme = url.find("://");
    if (scheme == std::string_view::npos) return {};
    const std::string_view name = url.substr(0, scheme);
    const std::string_view usual = same_ignoring_case(name, "https")  ? ":443"
                                   : same_ignoring_case(name, "http") ? ":80"
                                                                      : "";
    url.remove_prefix(scheme + 3);
    url = url.substr(0, url.find_first_of("/?#"));
    const std::size_t user = url.rfind('@');
    if (user != std::string_view::npos) url.remove_prefix(user + 1);
    const bool is_usual =
        url.size() > usual.size() && url.substr(url.size() - usual.size()) == usual;
    if (is_usual) url.remove_suffix(usual.size());
    return url;
}

}  // namespace detail

/// The doors of one call: what they were asked, what they gave, and what they are still owed.
///
/// Store     a `detail::Pack` with one value per policy; those that are no doors are passed over.
/// Requires  no two doors at one place.
/// Threads   one call's, so one thread at a time; the doors themselves are shared.
/// Cost      some 200 bytes of the driver's frame, no allocation; nothing where nobody is a door.
template <class Store, class... Policies> class Admissions {
    static constexpr std::size_t count = sizeof...(Policies);
    static constexpr std::size_t places = detail::door_places;
    static_assert(sizeof(detail::JudgedDoorsOf<Policies...>) != 0);

    using Trip = typename detail::TripOf<Policies...>::type;
    static constexpr bool routes = !std::is_same_v<Trip, detail::NoTrip>;
    static constexpr bool rewrites = detail::count_role<Role::rewrite, Policies...>() != 0;
    static constexpr std::uint32_t slot_total = detail::slots_of<Policies...>();

    /// The position of the policy at a place; `count` if nobody stands there.
    static constexpr std::size_t index_at(std::size_t wanted) noexcept {
        constexpr std::size_t place[] = {detail::place_of<detail::DoorOrVoid<Policies>>()...,
                                         count};
        for (std::size_t i = 0; i != count; ++i)
            if (place[i] == wanted) return i;
        return count;
    }

public:
    Admissions(const Store& store, const detail::CallExtras& extras) noexcept
        : store_(store), extras_(extras) {}
    Admissions(const Admissions&) = delete;
    Admissions& operator=(const Admissions&) = delete;
    /// What is still owed to the doors is settled here, also when an exception passes.
    ~Admissions() {
        Ending end;
        end.sent = sending_;
        end.facts.reach = Reach::sent_unanswered;
        end.facts.failure = Transient;
        settle(end);
    }

    /// Asks the doors about a send.
    ///
    /// frame   has the request as each credential sends it, which tells the host.
    template <class Frame> Admission ask(const Action& action, TimePoint now, Frame& frame) {
        if (let_in_)
            not_sent();  // for an attempt that came to nothing, such as one without a token
        if (action != asked_) start_over();
        asked_ = action;
        action_ = action;
        now_ = now;
        if constexpr (routes)
            if (action.move == Move::first)
                router().set_out(trip_, request_of(frame, extras_.slot), extras_, slot_total);
        Admission said = ask_all(frame);
        if constexpr (routes) {
            if (said.verdict == Admitted::skip_slot && action.move == Move::first &&
                action_.slot != action.slot) {
                // The core did not ask about this slot: as if nobody had chosen it.
                trip_.follows = false;
                action_ = action;
                said = ask_all(frame);
            }
        }
        return said;
    }
    /// The send is made now: whatever comes, an exception included, it counts as made.
    void sending() noexcept { sending_ = true; }
    /// It ended as the last line of the trail says; `reason` is that of the core's next action.
    template <class Writer> void ended(Writer& result, StopReason reason, TimePoint now) noexcept {
        const TrailEntry& entry = result.trail().back();
        Ending end;
        end.judged = reason != StopReason::cancelled;
        end.facts.reach = entry.reach;
        end.facts.failure = entry.failure;
        end.facts.fault = entry.fault;
        end.facts.has_service_code = entry.has_service_code;
        end.facts.http_status = entry.http_status;
        end.facts.service_code = entry.service_code;
        now_ = now;
        settle(end);
        if constexpr (routes) {
            const bool whole = entry.reach == Reach::answered || entry.reach == Reach::delivered;
            if (whole && entry.failure == NoFailure && entry.fault == Fault::nothing)
                router().arrived(trip_, result.trail());
        }
    }
    /// It was not made.
    void not_sent() noexcept { settle(unsent()); }

    /// The shortest wait after which a door that said no may say yes; zero if it is not known.
    Duration come_back_after() const noexcept { return soonest_; }
    /// Says when to come back, and why nothing was sent, in the result of a call that a door ended.
    template <class Writer> void explain(StopReason reason, Writer& result) const {
        if (reason != StopReason::come_back_later && reason != StopReason::budget_spent) return;
        if (soonest_ > Duration{0}) result.come_back_after(soonest_);
        if (!result.trail().empty()) return;
        result.error().kind = ErrorKind::not_admitted;
        result.note(why_);
    }

private:
    enum class Standing : unsigned char { outside, waiting, inside };
    struct Seat {
        Duration waited{0};
        std::uint32_t ticket = 0;
        std::uint8_t slot = 0;  // what the ticket is for
        Standing standing = Standing::outside;
    };

    const auto& router() const noexcept {
        return detail::at<index_at(static_cast<std::size_t>(Door::route))>(store_);
    }
    template <class Frame> static const auto& request_of(Frame& frame, std::uint8_t slot) {
        if constexpr (rewrites) frame.rewrite(slot);
        (void)slot;
        return frame.request();
    }
    template <class Frame> Admission ask_all(Frame& frame) {
        Admission said;
        let_in_ = ask_all(said, frame, std::make_index_sequence<places>{});
        if (!let_in_) turn_away(said);
        return said;
    }
    template <class Frame, std::size_t... Places>
    bool ask_all(Admission& said, Frame& frame, std::index_sequence<Places...>) {
        return (ask_at<Places>(said, frame) && ...);
    }
    /// Asks one door; the first of them may have chosen another credential for the others.
    template <class Policy, class Frame>
    Admission ask_one(const Policy& door, Asking& asking, [[maybe_unused]] Frame& frame) {
        if constexpr (detail::Routes<Policy>::value) {
            return door.admit(action_, trip_);
        } else if constexpr (Policy::reads_host) {
            const auto& request = request_of(frame, action_.slot);
            const auto& url = detail::Asks<std::decay_t<decltype(request)>>::url(request);
            asking.host = detail::host_in(url);
            return door.admit(action_, asking);
        } else {
            return door.admit(action_, asking);
        }
    }
    template <std::size_t Place, class Frame>
    bool ask_at(Admission& said, [[maybe_unused]] Frame& frame) {
        if constexpr (index_at(Place) != count) {
            Seat& seat = seats_[Place];
            const auto& door = detail::at<index_at(Place)>(store_);
            if (seat.slot != action_.slot) {
                if (seat.standing == Standing::waiting) tell(door, seat, unsent());
                seat.waited = Duration{0};
            }
            seat.slot = action_.slot;
            Asking asking;
            asking.now = now_;
            asking.waited = seat.waited;
            asking.ticket = std::exchange(seat.ticket, 0u);
            asking.credentials = slot_total;
            const Admission answer = ask_one(door, asking, frame);
            seat.ticket = answer.ticket;
            seat.standing = Standing::inside;
            if (answer.verdict == Admitted::go) return true;
            said = answer;
            if (answer.verdict == Admitted::go_to) {
                action_.slot = answer.slot;
                return true;
            }
            seat.standing = Standing::outside;
            if (answer.verdict == Admitted::busy) {
                seat.waited += answer.delay;
                if (answer.ticket != 0) seat.standing = Standing::waiting;
            }
            why_ = door.says_no;
            return false;
        } else {
            return true;
        }
    }
    static Ending unsent() noexcept {
        Ending end;
        end.sent = false;
        return end;
    }
    /// A door said no: what the others gave goes back.
    void turn_away(const Admission& said) noexcept {
        each_seat([&](const auto& door, Seat& seat) {
            if (seat.standing == Standing::inside ||
                (seat.standing == Standing::waiting && said.verdict != Admitted::busy))
                tell(door, seat, unsent());
        });
        if (said.verdict == Admitted::busy) return;
        if (said.delay > Duration{0} && (soonest_ == Duration{0} || said.delay < soonest_))
            soonest_ = said.delay;
    }
    /// Another attempt than the one that was asked about before.
    void start_over() noexcept {
        not_sent();
        for (Seat& seat : seats_) seat.waited = Duration{0};
    }
    void settle(const Ending& end) noexcept {
        each_seat([&](const auto& door, Seat& seat) {
            if (seat.standing != Standing::outside) tell(door, seat, end);
        });
        let_in_ = false;
        sending_ = false;
    }
    template <class Policy> void tell(const Policy& door, Seat& seat, Ending end) noexcept {
        end.now = now_;
        end.ticket = std::exchange(seat.ticket, 0u);
        seat.standing = Standing::outside;
        if constexpr (detail::HearsOfEnd<Policy>::value) {
            Action action = action_;
            action.slot = seat.slot;
            door.settled(action, end);
        }
    }
    template <class Act> void each_seat(const Act& act) noexcept {
        each_seat(act, std::make_index_sequence<places>{});
    }
    template <class Act, std::size_t... Places>
    void each_seat(const Act& act, std::index_sequence<Places...>) noexcept {
        (at_seat<Places>(act), ...);
    }
    template <std::size_t Place, class Act> void at_seat(const Act& act) noexcept {
        if constexpr (index_at(Place) != count)
            act(detail::at<index_at(Place)>(store_), seats_[Place]);
    }

    const Store& store_;
    const detail::CallExtras& extras_;
    Trip trip_{};
    Action asked_{};   // the question of the core
    Action action_{};  // the same, after a door sent it elsewhere
    TimePoint now_{};
    Duration soonest_{0};
    const char* why_ = "";
    bool let_in_ = false;
    bool sending_ = false;
    Seat seats_[places]{};
};

}  // namespace v0_1
}  // namespace rekey

#endif
