// SPDX-License-Identifier: BSL-1.0
// worst_case: the most sends and the longest waits that a set of policies allows.
#ifndef REKEY_CORE_WORST_CASE_HPP
#define REKEY_CORE_WORST_CASE_HPP

#include <rekey/core/plan.hpp>

#include <cstdint>
#include <string>
#include <type_traits>

namespace rekey {
inline namespace v0_1 {

/// What a call can cost at worst.
struct WorstCase {
    /// Where only time ends a call, or a wait has no bound.
    static constexpr std::uint32_t unbounded_sends = 0xffffffff;
    static constexpr Duration unbounded_wait = (Duration::max)();

    std::uint32_t sends = 1;   ///< The most sends, fallbacks and renewals included.
    std::uint32_t copies = 0;  ///< The most that `Hedge` adds to them, where its quota has as many.
    Duration longest_wait{0};  ///< The longest single wait that a pace asks for before a send.
    Duration all_waits{0};     ///< All of these in one call together.
    bool waits_at_doors = false;  ///< A door may make each send wait besides, such as `RateLimit`.
    Duration longest_attempt{
        0};  ///< What the first send is given; zero: its transport's own limit.
};

namespace detail {

template <class Policy, class = void> struct BoundsWaits : std::false_type {};
template <class Policy>
struct BoundsWaits<
    Policy,
    std::void_t<decltype(std::declval<const typename Policy::Rule&>().longest(std::uint32_t{}))>>
    : std::true_type {};
template <class Policy, class = void> struct BoundsTime : std::false_type {};
template <class Policy>
struct BoundsTime<Policy,
                  std::void_t<decltype(std::declval<const typename Policy::Rule&>().most_time())>>
    : std::true_type {};

template <class Policy, class = void> struct NeverMakesWait : std::false_type {};
template <class Policy>
struct NeverMakesWait<Policy, std::enable_if_t<!Policy::makes_wait>> : std::true_type {};

template <class Policy> constexpr std::uint32_t copies_of(const Policy& policy) noexcept {
    if constexpr (Policy::role == Role::hedge) return policy.most_copies() - 1;
    (void)policy;
    return 0;
}
/// What is added to each send.
constexpr WorstCase with_copies(WorstCase worst, std::uint32_t each) noexcept {
    constexpr std::uint32_t most = WorstCase::unbounded_sends;
    if (each != 0) worst.copies = worst.sends > most / each ? most : worst.sends * each;
    return worst;
}
/// A client that hedges says how many copies of a send it makes, the first included.
template <class Client, class = void> struct Copies {
    static constexpr std::uint32_t of(const Client&) noexcept { return 0; }
};
template <class Client>
struct Copies<Client, std::void_t<decltype(std::declval<const Client&>().most_copies())>> {
    static std::uint32_t of(const Client& client) noexcept { return client.most_copies() - 1; }
};

/// Sums that stop at the end of what a Duration can hold.
constexpr Duration sum_of(Duration left, Duration right) noexcept {
    constexpr Duration most = WorstCase::unbounded_wait;
    return left >= most - right ? most : left + right;
}
constexpr Duration times(Duration one, std::uint32_t count) noexcept {
    constexpr Duration most = WorstCase::unbounded_wait;
    return count != 0 && one > most / std::int64_t{count} ? most : one * std::int64_t{count};
}

template <class... Policies, class Rules>
constexpr WorstCase worst_case(const Plan<Policies...>&, const Rules& rules) noexcept {
    using Plan = rekey::Plan<Policies...>;
    WorstCase worst;
    worst.sends = Plan::most_sends(rules);
    worst.longest_attempt = Plan::timeout(rules, Duration{0}, 0);
    worst.waits_at_doors =
        ((Policies::role == Role::admission && !NeverMakesWait<Policies>::value) || ...);

    Duration time = WorstCase::unbounded_wait;
    [[maybe_unused]] const auto bound_time = [&time, &rules](auto* policy) {
        using Policy = std::remove_pointer_t<decltype(policy)>;
        if constexpr (Policy::role == Role::limit && BoundsTime<Policy>::value) {
            const Duration most = static_cast<const HeldRule<Policy, true>&>(rules).most_time();
            if (most < time) time = most > Duration{0} ? most : Duration{0};
        }
        (void)rules;
    };
    (bound_time(static_cast<Policies*>(nullptr)), ...);

    // Of the repeat with this number; it never sinks from one repeat to the next.
    const auto longest = [&rules](std::uint32_t repeats) {
        Duration found{0};
        [[maybe_unused]] const auto ask = [&](auto* policy) {
            using Policy = std::remove_pointer_t<decltype(policy)>;
            if constexpr (Policy::role == Role::pace) {
                Duration wait = WorstCase::unbounded_wait;
                if constexpr (BoundsWaits<Policy>::value)
                    wait = static_cast<const HeldRule<Policy, true>&>(rules).longest(repeats);
                if (wait > found) found = wait;
            }
        };
        (ask(static_cast<Policies*>(nullptr)), ...);
        (void)rules;
        return found;
    };
    if (worst.sends > 1 && Plan::most_moves == Plan::unbounded) {
        constexpr std::uint32_t counted = 64;  // by then an exponential delay is at its cap
        const std::uint32_t waits = worst.sends - 1;
        worst.longest_wait = longest(waits - 1);
        for (std::uint32_t i = 0; i != waits && i != counted; ++i)
            worst.all_waits = sum_of(worst.all_waits, longest(i));
        if (waits > counted)
            worst.all_waits = sum_of(worst.all_waits, times(worst.longest_wait, waits - counted));
    }
    for (std::uint32_t i = 0; i != Plan::Settling::settle_repeats; ++i) {
        const Duration wait = Plan::Settling::settle_delay(i);
        if (wait > worst.longest_wait) worst.longest_wait = wait;
        worst.all_waits = sum_of(worst.all_waits, wait);
    }
    if (worst.longest_wait > time) worst.longest_wait = time;
    if (worst.all_waits > time) worst.all_waits = time;
    return worst;
}

}  // namespace detail

/// What a client with these policies can do at worst: `worst_case(RetryOn<RateLimited>{},
/// MaxAttempts<4>{}, Backoff{100ms})`, in a `static_assert` too where the policies are literal.
template <class... Policies> constexpr WorstCase worst_case(const Policies&... policies) noexcept {
    using Rules = typename Plan<Policies...>::Rules;
    if constexpr (sizeof...(Policies) == 0)
        return detail::worst_case(Plan<>{}, Rules{});
    else
        return detail::with_copies(detail::worst_case(Plan<Policies...>{}, Rules(policies...)),
                                   (detail::copies_of(policies) + ...));
}

/// The same of a plan whose numbers are all in its type.
template <class Plan> constexpr WorstCase worst_case() noexcept {
    static_assert(std::is_empty_v<typename Plan::Rules>,
                  "rekey: worst_case<Plan>() of a plan with numbers of run time. Give it the "
                  "policies, worst_case(policies...), or the client, worst_case_of(client).");
    if constexpr (std::is_empty_v<typename Plan::Rules>)
        return detail::worst_case(Plan{}, typename Plan::Rules{});
    else
        return {};
}

/// The same of a client, its numbers of run time included.
template <class Client> constexpr WorstCase worst_case_of(const Client& client) noexcept {
    return detail::with_copies(detail::worst_case(typename Client::WorkingPlan{}, client.rules()),
                               detail::Copies<Client>::of(client));
}

/// For people: `at most 4 sends; waits of 0.4 s at most, 0.7 s in all`.
inline std::string describe(const WorstCase& worst) {
    const auto time = [](Duration span) {
        if (span == WorstCase::unbounded_wait) return std::string("any time");
        const auto milliseconds = std::chrono::ceil<std::chrono::milliseconds>(span).count();
        std::string text = std::to_string(milliseconds / 1000);
        if (milliseconds % 1000 != 0) {
            std::string digits = std::to_string(1000 + milliseconds % 1000);
            while (digits.back() == '0') digits.pop_back();
            text += '.' + digits.substr(1);
        }
        return text + " s";
    };
    std::string text =
        worst.sends == WorstCase::unbounded_sends
            ? "any number of sends"
            : "at most " + std::to_string(worst.sends) + (worst.sends == 1 ? " send" : " sends");
    if (worst.copies == WorstCase::unbounded_sends)
        text += ", and copies";
    else if (worst.copies != 0)
        text += ", and " + std::to_string(worst.copies) + (worst.copies == 1 ? " copy" : " copies");
    if (worst.longest_wait == Duration{0})
        text += worst.waits_at_doors ? "; no wait but at its doors" : "; no wait";
    else
        text += "; waits of " + time(worst.longest_wait) + " at most, " + time(worst.all_waits) +
                (worst.waits_at_doors ? " in all, and those at its doors" : " in all");
    if (worst.longest_attempt > Duration{0})
        text += "; " + time(worst.longest_attempt) + " for the first send";
    return text;
}

}  // namespace v0_1
}  // namespace rekey

#endif
