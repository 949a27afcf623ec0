// SPDX-License-Identifier: BSL-1.0
// Plan<Policies...>: sorts policies by role, refuses nonsense in plain words.
#ifndef REKEY_CORE_PLAN_HPP
#define REKEY_CORE_PLAN_HPP

#include <rekey/body/reading.hpp>
#include <rekey/detail/detect.hpp>
#include <rekey/detail/roles.hpp>
#include <rekey/policy/credential_chain.hpp>
#include <rekey/policy/role.hpp>
#include <rekey/service.hpp>

#include <cstdint>
#include <type_traits>

namespace rekey {
inline namespace v0_1 {

namespace detail {

struct NoGateRule {
    static constexpr bool lists_any_code = false;
    static constexpr bool lists_code(std::int64_t) noexcept { return false; }
    static constexpr FailureClass forced_class(std::int64_t) noexcept { return NoFailure; }
    static constexpr bool lists_class(FailureClass) noexcept { return false; }
    static constexpr bool lists_status(int) noexcept { return false; }
};
struct NoGate {
    using Rule = NoGateRule;
    template <class> static constexpr bool repeats() noexcept { return false; }
    template <class> static constexpr bool lists_hopeless_code() noexcept { return false; }
    template <class> static constexpr bool overlaps() noexcept { return false; }
};
struct NoChain {
    static constexpr bool mixes_identities = false;
    using Services = TypeList<>;
    struct Rule {
        static constexpr std::uint32_t slot_count = 1, fetching = 0, user_slots = 0;
    };
};

/// How a reauthorizer waits for a new authorization to act: not at all, unless it says so.
struct SettlesAtOnce {
    static constexpr std::uint32_t settle_repeats = 0;
    static constexpr Duration settle_delay(std::uint32_t) noexcept { return Duration{0}; }
};
template <class Policy, class = void> struct SettlingOf { using type = SettlesAtOnce; };
template <class Policy> struct SettlingOf<Policy, std::void_t<decltype(Policy::settle_repeats)>> {
    using type = Policy;
};

REKEY_DETECT(IsPolicy, Policy,
             std::enable_if_t<std::is_same_v<decltype(Policy::role), const Role>>())

template <class Policy> constexpr bool bounds_call() noexcept {
    if constexpr (Policy::role == Role::limit)
        return Policy::bounds_call;
    else
        return false;
}
/// A door that stands in the order of `AtDoor` says what it needs; a plain one stands alone, reads
/// no clock and may ask for a straddle.
template <class Policy, class = void> struct IsPlainDoor {
    static constexpr bool value = Policy::role == Role::admission, straddles = value;
    static constexpr bool reads_time = false;
};
template <class Policy> struct IsPlainDoor<Policy, std::void_t<decltype(Policy::door)>> {
    static constexpr bool value = false, straddles = Policy::straddles;
    static constexpr bool reads_time = Policy::reads_time;
};
template <class Policy> constexpr bool reads_time() noexcept {
    if constexpr (Policy::role == Role::limit || Policy::role == Role::pace)
        return Policy::reads_time;
    else
        return IsPlainDoor<Policy>::reads_time;
}
REKEY_DETECT(SaysRandomness, Policy, Policy::uses_randomness)
REKEY_DETECT(SaysHints, Policy, Policy::reads_hints)
REKEY_DETECT(MayObject, Policy, std::declval<const typename Policy::Rule&>().judge(Proposal{}))
REKEY_DETECT(TimesAttempts, Policy,
             std::declval<const typename Policy::Rule&>().timeout(Duration{}, 1u))
REKEY_DETECT(CountsSends, Policy, std::declval<const typename Policy::Rule&>().most_sends())

/// Whether a pace draws its delays, and needs a seed.
template <class Policy> constexpr bool uses_randomness() noexcept {
    if constexpr (Policy::role == Role::pace && SaysRandomness<Policy>::value)
        return Policy::uses_randomness;
    else
        return false;
}
/// A pace that wants to know how long the server asks to wait, else void.
template <class Policy>
using HintReader =
    std::conditional_t<Policy::role == Role::pace && SaysHints<Policy>::value, Policy, void>;
/// A limit that lets one send through, and says so in its type.
template <class Policy> constexpr bool is_single() noexcept {
    if constexpr (Policy::role == Role::limit && CountsSends<Policy>::value)
        if constexpr (std::is_empty_v<typename Policy::Rule>)
            return typename Policy::Rule{}.most_sends() == 1;
    return false;
}

constexpr std::uint32_t ones(std::uint32_t mask) noexcept {
    std::uint32_t count = 0;
    for (; mask != 0; mask &= mask - 1) ++count;
    return count;
}

template <class Policy>
using ServiceNamedBy = std::conditional_t<Policy::role == Role::service, Policy, void>;

template <class List, class... More> struct Joined;
template <class... Types, class... More> struct Joined<TypeList<Types...>, More...> {
    using type = typename Unique<TypeList<>, Types..., More...>::type;
};

/// What `Plan` is once every policy is known to be one, and nothing is wrong with the set.
template <class... Policies> class SortedPlan {
    static constexpr bool checked = (std::is_base_of_v<CheckedBefore, Policies> || ...);
    template <Role Wanted> using First = typename FirstOfRole<Wanted, Policies...>::type;

    using Reauthorizer = First<Role::reauthorizer>;
    using WrittenChain = typename WholeChain<Reauthorizer, First<Role::chain>>::type;
    using ChainPolicy = std::conditional_t<std::is_void_v<WrittenChain>, NoChain, WrittenChain>;
    using GatePolicy =
        std::conditional_t<std::is_void_v<First<Role::gate>>, NoGate, First<Role::gate>>;
    using Services = OneService<
        typename Joined<typename ChainPolicy::Services, ServiceNamedBy<Policies>...>::type,
        rekey::Service>;

public:
    /// The position of a credential type in the chain; `slot_count`, and a compile error with a
    /// sentence, if it is not there.
    template <class Credential> static constexpr std::uint8_t slot_of() noexcept {
        constexpr bool is_there = ChainPolicy::template slot_of<Credential>() < Chain::slot_count;
        static_assert(is_there,
                      "rekey: this credential is not in the CredentialChain of the client.");
        return ChainPolicy::template slot_of<Credential>();
    }
    using Service = typename Services::type;
    using Gate = typename GatePolicy::Rule;
    using Chain = typename ChainPolicy::Rule;

    // What is wrong with a set, which `Plan` says in a sentence each.
    template <Role Wanted>
    static constexpr bool at_most_one = checked || count_role<Wanted, Policies...>() <= 1;
    static constexpr bool doors_fit =
        at_most_one<Role::admission> || !(IsPlainDoor<Policies>::value || ...);
    static constexpr bool one_service = checked || Services::count <= 1;
    static constexpr bool ends =
        (bounds_call<Policies>() || ... || (checked || !GatePolicy::template repeats<Service>()));
    static constexpr bool one_identity =
        checked || !ChainPolicy::mixes_identities || !std::is_void_v<First<Role::identity_gate>>;
    static constexpr bool app_only = checked || count_role<Role::app_only, Policies...>() == 0 ||
                                     (Chain::user_slots == 0 && std::is_void_v<Reauthorizer>);
    static constexpr bool no_overlap = checked || !GatePolicy::template overlaps<Service>();
    static constexpr bool no_hopeless =
        checked || !GatePolicy::template lists_hopeless_code<Service>();
    static constexpr bool no_twins = checked || all_different<Policies...>();
    static constexpr bool is_sound =
        no_twins && at_most_one<Role::gate> && at_most_one<Role::chain> &&
        at_most_one<Role::reauthorizer> && doors_fit && at_most_one<Role::reader> &&
        at_most_one<Role::clock> && at_most_one<Role::exchange> && at_most_one<Role::store> &&
        one_service && ends && one_identity && app_only && no_overlap && no_hopeless;

    static constexpr std::uint32_t slot_count = Chain::slot_count;
    /// Whether it matters that a request is idempotent: some failure is answered by a repeat, or a
    /// refusal can follow a part of the work.
    static constexpr bool reads_idempotence =
        GatePolicy::template repeats<Service>() || !Service::refuses_before_acting;
    /// Whether the code in a body is looked up at all.
    static constexpr bool reads_body = Service::names_codes || Gate::lists_any_code;
    /// True for a call inside an attempt of another one, which is left to do the repeating.
    static constexpr bool is_nested = false;
    static constexpr bool admits = !std::is_void_v<First<Role::admission>>;
    static constexpr bool hedges = !std::is_void_v<First<Role::hedge>>;
    /// Whether a door may have changed the route while a call ran.
    static constexpr bool straddles = (IsPlainDoor<Policies>::straddles || ...);
    static constexpr bool reauthorizes = !std::is_void_v<Reauthorizer>;
    /// The repeats right after the user has authorized, while the service takes it in.
    using Settling = typename SettlingOf<Reauthorizer>::type;
    static constexpr bool settles(const Facts& facts) noexcept {
        return facts.has_service_code && Service::settles(facts.service_code);
    }
    /// Whether a wait can come before a send.
    static constexpr bool waits =
        admits || Settling::settle_repeats != 0 || count_role<Role::pace, Policies...>() != 0;
    static constexpr bool falls_back_on_exchange_failure =
        !std::is_void_v<First<Role::exchange_gate>>;
    /// False: the driver passes no time and reads no clock.
    static constexpr bool reads_clock = (reads_time<Policies>() || ...);
    /// False: the driver draws no random number.
    static constexpr bool uses_randomness = (detail::uses_randomness<Policies>() || ...);
    /// The policy that reads how long the server asks to wait; void if nobody wants to know.
    using Hints = typename FirstType<void, HintReader<Policies>..., void>::type;
    static constexpr bool reads_hints = !std::is_void_v<Hints>;
    /// False: no policy says how long an attempt may take.
    static constexpr bool times_attempts =
        ((Policies::role == Role::limit && TimesAttempts<Policies>::value) || ...);
    /// The most sends of a call as its moves allow them, whatever its limits say: each credential
    /// once, and once more with a renewed token; so after a straddle; after the user was asked
    /// once, and the repeats while the service takes that in. `unbounded` if a failure is answered
    /// by a repeat.
    static constexpr std::uint32_t unbounded = 0xffffffff;
    static constexpr std::uint32_t most_moves =
        std::is_same_v<GatePolicy, NoGate> ? 1
        : GatePolicy::template repeats<Service>()
            ? unbounded
            : slot_count + ones(Chain::fetching) + (straddles ? 1 + (Chain::fetching != 0) : 0) +
                  (reauthorizes ? 1 + Settling::settle_repeats * (Chain::fetching != 0 ? 2 : 1)
                                : 0);

    /// Whether the types alone say that a call sends once at most.
    static constexpr bool sends_once = most_moves == 1 || (is_single<Policies>() || ...);

    /// What is known at run time only, by value; rules without data take no space.
    template <class Policy>
    using Held = HeldRule<Policy, Policy::role == Role::limit || Policy::role == Role::pace>;
    struct Rules : Held<Policies>... {
        constexpr Rules() = default;
        template <class... Given, class = std::enable_if_t<
                                      sizeof...(Given) != 0 &&
                                      std::is_same_v<TypeList<Given...>, TypeList<Policies...>>>>
        constexpr explicit Rules(const Given&... policies) : Held<Policies>(policies)... {}
    };

    /// The class of an answer: body first, HTTP second (coze-api §5).
    [[gnu::always_inline]] static constexpr FailureClass classify(
        int http_status, const body::Reading& reading) noexcept {
        if (reading.found == body::Found::present) {
            if (const FailureClass forced = Gate::forced_class(reading.code); forced != NoFailure)
                return forced;
            if (const FailureClass known = Service::class_of(reading.code); known != NoFailure)
                return known;
            if (Gate::lists_code(reading.code)) return AuthRejected;
            if (Service::names_codes && reading.code != 0 && http_status >= 200 &&
                http_status < 300)
                return Permanent;
        }
        const FailureClass by_http = Service::class_of_http(http_status);
        return by_http == Permanent && Gate::lists_status(http_status) ? AuthRejected : by_http;
    }

    /// Whether the gate asks for another attempt after this failure.
    static constexpr bool acts_on(const Facts& facts) noexcept {
        if (Gate::lists_class(facts.failure)) return true;
        if (facts.has_service_code) {
            if (Gate::lists_code(facts.service_code)) return true;
            if (Service::class_of(facts.service_code) != NoFailure) return false;
        }
        return facts.http_status != 0 && Gate::lists_status(facts.http_status);
    }

    /// The longest wait that a pace asks for before the repeat.
    static constexpr Duration delay([[maybe_unused]] const Rules& rules,
                                    [[maybe_unused]] const Facts& facts,
                                    [[maybe_unused]] std::uint32_t repeats,
                                    [[maybe_unused]] std::uint64_t seed) noexcept {
        Duration longest{0};
        (ask_pace<Policies>(rules, facts, repeats, seed, longest), ...);
        return longest;
    }
    /// The most sends that the moves and the limits of a call allow.
    static constexpr std::uint32_t most_sends([[maybe_unused]] const Rules& rules) noexcept {
        std::uint32_t most = most_moves;
        (count_sends<Policies>(rules, most), ...);
        return most;
    }
    /// Over how many sends the time that is left is divided, after so many. One if nobody knows.
    static constexpr std::uint32_t sends_left(const Rules& rules, std::uint32_t sends) noexcept {
        const std::uint32_t most = most_sends(rules);
        return most == unbounded || most <= sends ? 1 : most - sends;
    }
    /// How long the next send may take: the shortest time that a limit gives it. Zero: no limit.
    static constexpr Duration timeout([[maybe_unused]] const Rules& rules,
                                      [[maybe_unused]] Duration elapsed,
                                      [[maybe_unused]] std::uint32_t sends) noexcept {
        Duration shortest{0};
        if constexpr (times_attempts) {
            const std::uint32_t left = sends_left(rules, sends);
            (ask_time<Policies>(rules, elapsed, left, shortest), ...);
        }
        return shortest;
    }
    /// The objection of a limit, or leave to go on.
    static constexpr Ruling judge([[maybe_unused]] const Rules& rules,
                                  [[maybe_unused]] const Proposal& proposal) noexcept {
        Ruling ruling{};
        (ask_limit<Policies>(rules, proposal, ruling), ...);
        return ruling;
    }

private:
    template <class Policy>
    static constexpr void ask_limit(const Rules& rules, const Proposal& proposal,
                                    Ruling& ruling) noexcept {
        if constexpr (Policy::role == Role::limit ||
                      (Policy::role == Role::pace && MayObject<Policy>::value))
            ruling = stricter(ruling, rule_of<Policy>(rules).judge(proposal));
    }
    template <class Policy>
    static constexpr void ask_pace(const Rules& rules, const Facts& facts, std::uint32_t repeats,
                                   [[maybe_unused]] std::uint64_t seed,
                                   Duration& longest) noexcept {
        if constexpr (Policy::role == Role::pace) {
            Duration wait{0};
            if constexpr (detail::uses_randomness<Policy>())
                wait = rule_of<Policy>(rules).delay(facts, repeats, seed);
            else
                wait = rule_of<Policy>(rules).delay(facts, repeats);
            if (wait > longest) longest = wait;
        }
    }
    template <class Policy>
    static constexpr void count_sends(const Rules& rules, std::uint32_t& most) noexcept {
        if constexpr (Policy::role == Role::limit && CountsSends<Policy>::value) {
            const std::uint32_t counted = rule_of<Policy>(rules).most_sends();
            if (counted < most) most = counted;
        }
    }
    template <class Policy>
    static constexpr void ask_time(const Rules& rules, Duration elapsed, std::uint32_t left,
                                   Duration& shortest) noexcept {
        if constexpr (Policy::role == Role::limit && TimesAttempts<Policy>::value)
            shortest = shorter(shortest, rule_of<Policy>(rules).timeout(elapsed, left));
    }
    template <class Policy> static constexpr const auto& rule_of(const Rules& rules) noexcept {
        return static_cast<const HeldRule<Policy, true>&>(rules);
    }
};

/// What a policy of a sound set has to say about a request type and the set, in the assertions of
/// its `Judge<Request, Policies...>`. A client has it judge before it makes a call, so that few
/// lines stand between the user's line and the sentence.
template <bool Sound, class, class Policy, class... Met> struct JudgeOf { using type = char; };
template <class Policy, class... Met>
struct JudgeOf<true, std::void_t<typename Policy::template Judge<Met...>>, Policy, Met...> {
    using type = typename Policy::template Judge<Met...>;
};

/// Of policies that are not understood there is none, so that one mistake gives one error.
template <class... Policies>
using Understood =
    std::conditional_t<(IsPolicy<Policies>::value && ...), SortedPlan<Policies...>, SortedPlan<>>;
/// The plan without its sentences: of a set that is none, that of no policy.
template <class... Policies>
using SoundPlan =
    std::conditional_t<Understood<Policies...>::is_sound, Understood<Policies...>, SortedPlan<>>;
template <class... Policies>
inline constexpr bool is_sound = std::is_same_v<SoundPlan<Policies...>, SortedPlan<Policies...>>;

}  // namespace detail

/// A set of policies, sorted by role: the type that `Call` runs.
///
/// Policies  any order; each says `static constexpr Role role`. The written order never counts.
/// Requires  at most one policy of most roles, one service, a bound on repeats; all checked when
///           compiled, each with a sentence that says what to write instead.
/// Cost      a type; `Plan::Rules` holds what is only known at run time.
template <class... Policies> class Plan : public detail::SoundPlan<Policies...> {
    using Set = detail::Understood<Policies...>;
    static constexpr bool are_policies = (detail::IsPolicy<Policies>::value && ...);
    template <Role Wanted> static constexpr bool one = Set::template at_most_one<Wanted>;

public:
    static constexpr bool understood = detail::is_sound<Policies...>;

    // Last, and here: a compiler gives up a class at the first of them that fails, and those that
    // derive from it.
    static_assert(are_policies,
                  "rekey: a Client takes a transport first and then policies, such as "
                  "CredentialChain{...}, RetryOn<...>{} or MaxAttempts<3>{}. One of these "
                  "arguments is no policy: it has no `static constexpr rekey::Role role`.");
    static_assert(one<Role::gate>,
                  "rekey: a client takes one RetryOn. Put all conditions between its brackets.");
    static_assert(one<Role::chain>,
                  "rekey: a client takes one CredentialChain. Put all credentials into it.");
    static_assert(one<Role::reauthorizer>, "rekey: a client takes one OboReauth.");
    static_assert(Set::doors_fit,
                  "rekey: a client takes one door to shared state, or several that derive from "
                  "AtDoor<Door::own> and its like in <rekey/policy/admissions.hpp>.");
    static_assert(one<Role::reader>, "rekey: a client takes one body reader (ReadWith).");
    static_assert(one<Role::clock>, "rekey: a client takes one clock (UseClock).");
    static_assert(one<Role::exchange>, "rekey: a client takes one ExchangeOver.");
    static_assert(one<Role::store>, "rekey: a client takes one token store (TokensIn).");
    static_assert(Set::one_service,
                  "rekey: this client has two services, and a code can mean only one thing. Use "
                  "one client per service; a credential such as coze::Pat brings its own.");
    static_assert(Set::ends,
                  "rekey: RetryOn lists a class that is answered by repeating (RateLimited or "
                  "Transient) and nothing ends it. Add MaxAttempts<3>{} or a Deadline.");
    static_assert(Set::one_identity,
                  "rekey: this CredentialChain goes from a user's credential to the app's own, so "
                  "that a refusal would change who acts. Use a client for each, or add "
                  "EscalateToAppIdentity{} if that is what you want.");
    static_assert(Set::app_only,
                  "rekey: what this client asks for stays with a personal account, and only a "
                  "personal access token or AppAuth reaches it, never a user's authorization "
                  "(OBO). Use a client with coze::Pat or coze::AppAuth for it.");
    static_assert(Set::no_overlap,
                  "rekey: RetryOn lists a code or an HTTP status by itself and through its class, "
                  "such as AuthRejected and HttpStatus{401}. Keep one.");
    static_assert(Set::no_hopeless,
                  "rekey: RetryOn lists a code that the service calls QuotaExhausted or "
                  "Permanent: another attempt gives the same answer. If you know better, write "
                  "as_transient(code) or as_rate_limited(code).");
    static_assert(Set::no_twins, "rekey: write each policy once, as Observe{a, b}.");
};

}  // namespace v0_1
}  // namespace rekey

#endif
