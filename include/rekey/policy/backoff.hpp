// SPDX-License-Identifier: BSL-1.0
// Backoff: how long to wait before the same credential is tried again.
#ifndef REKEY_POLICY_BACKOFF_HPP
#define REKEY_POLICY_BACKOFF_HPP

#include <rekey/detail/thread_random.hpp>
#include <rekey/policy/role.hpp>

#include <chrono>
#include <cstdint>
#include <type_traits>
#include <utility>

namespace rekey {
inline namespace v0_1 {

/// The same delay before every repeat: `Constant{1s}` is 1 s, 1 s, 1 s, …
struct Constant {
    Duration delay{0};

    constexpr explicit Constant(Duration always) noexcept : delay(always) {}
    constexpr Duration at(std::uint32_t) const noexcept {
        return delay > Duration{0} ? delay : Duration{0};
    }
};

/// A delay that grows by itself: `Linear{200ms, 1s}` is 200 ms, 400 ms, 600 ms, 800 ms, 1 s, 1 s, …
struct Linear {
    Duration first{0};
    Duration cap{std::chrono::seconds{30}};

    constexpr explicit Linear(Duration step, Duration most = std::chrono::seconds{30}) noexcept
        : first(step), cap(most) {}
    constexpr Duration at(std::uint32_t repeats) const noexcept {
        if (first <= Duration{0} || cap <= Duration{0}) return Duration{0};
        const std::int64_t count = std::int64_t{repeats} + 1;
        return first > cap / count ? cap : first * count;
    }
};

/// A delay that doubles: `Exponential{100ms, 2s}` is 100 ms, 200 ms, 400 ms, 800 ms, 1.6 s, 2 s,
/// 2 s, …; with a factor of 3 it is 100 ms, 300 ms, 900 ms, 2 s, 2 s, …
struct Exponential {
    Duration first{0};
    Duration cap{std::chrono::seconds{30}};
    std::uint32_t factor = 2;

    constexpr explicit Exponential(Duration start, Duration most = std::chrono::seconds{30},
                                   std::uint32_t times = 2) noexcept
        : first(start), cap(most), factor(times) {}
    constexpr Duration at(std::uint32_t repeats) const noexcept {
        if (first <= Duration{0} || cap <= Duration{0}) return Duration{0};
        Duration delay = first < cap ? first : cap;
        if (factor < 2) return delay;
        for (; repeats != 0 && delay < cap; --repeats)
            delay = delay > cap / std::int64_t{factor} ? cap : delay * std::int64_t{factor};
        return delay;
    }
};

/// Exactly the delays of the curve, for those who are alone with their service.
struct NoJitter {
    static constexpr bool draws = false;
    template <class Words> static void say(Words& words) { words("; exactly that"); }
    template <class Curve>
    static constexpr Duration delay(const Curve& curve, std::uint32_t repeats,
                                    std::uint64_t) noexcept {
        return curve.at(repeats);
    }
};

/// Anything from nothing to the delay of the curve: 0…100 ms, 0…200 ms, 0…400 ms. Spreads many
/// callers best; the default.
struct FullJitter {
    static constexpr bool draws = true;
    template <class Words> static void say(Words& words) { words("; drawn from nothing to that"); }
    template <class Curve>
    static constexpr Duration delay(const Curve& curve, std::uint32_t repeats,
                                    std::uint64_t seed) noexcept {
        return detail::between(Duration{0}, curve.at(repeats), detail::drawn(seed, repeats));
    }
};

/// From half the delay of the curve to all of it: 50…100 ms, 100…200 ms, 200…400 ms.
struct EqualJitter {
    static constexpr bool draws = true;
    template <class Words> static void say(Words& words) {
        words("; drawn from half of that to all of it");
    }
    template <class Curve>
    static constexpr Duration delay(const Curve& curve, std::uint32_t repeats,
                                    std::uint64_t seed) noexcept {
        const Duration most = curve.at(repeats);
        return detail::between(most / 2, most, detail::drawn(seed, repeats));
    }
};

/// From the first delay to three times the one that was drawn before, up to the cap: with
/// `Exponential{100ms, 2s}` 100…300 ms, then, had that been 250 ms, 100…750 ms.
struct DecorrelatedJitter {
    static constexpr bool draws = true;
    template <class Words> static void say(Words& words) {
        words("; each drawn from the first to three times the one before");
    }
    template <class Curve>
    static constexpr Duration delay(const Curve& curve, std::uint32_t repeats,
                                    std::uint64_t seed) noexcept {
        const Duration first = curve.at(0);
        Duration delay = first;
        // What was drawn a hundred delays ago has no say any more.
        for (std::uint32_t i = repeats > 100 ? repeats - 100 : 0;; ++i) {
            const Duration most = delay > curve.cap / 3 ? curve.cap : delay * 3;
            delay = detail::between(first, most > first ? most : first, detail::drawn(seed, i));
            if (i == repeats) return delay;
        }
    }
};

/// Makes a pace count for these classes of failure only: `Only<RateLimited>{}`.
template <FailureClass... Classes> struct Only {
    static constexpr bool holds(FailureClass failure) noexcept {
        return ((failure == Classes) || ...);
    }
    template <class Words> static void say(Words& words) {
        const char* joint = ", after ";
        ((words(joint, Classes), joint = " or "), ...);
        words(" only");
    }
};

namespace detail {

struct EveryFailure {
    static constexpr bool holds(FailureClass) noexcept { return true; }
    template <class Words> static void say(Words&) {}
};

template <class Type> struct IsCurve : std::false_type {};
template <> struct IsCurve<Constant> : std::true_type {};
template <> struct IsCurve<Linear> : std::true_type {};
template <> struct IsCurve<Exponential> : std::true_type {};
template <class Type, class = void> struct IsJitter : std::false_type {};
template <class Type>
struct IsJitter<Type, std::enable_if_t<std::is_same_v<decltype(Type::draws), const bool>>>
    : std::true_type {};
template <class Type> struct IsOnly : std::false_type {};
template <FailureClass... Classes> struct IsOnly<Only<Classes...>> : std::true_type {};
template <class Type>
inline constexpr bool is_generator = std::is_invocable_r_v<std::uint64_t, const Type&>;

/// A jitter of a user's may say nothing about itself.
template <class Jitter, class Words, class = void> struct SaysJitter : std::false_type {};
template <class Jitter, class Words>
struct SaysJitter<Jitter, Words, std::void_t<decltype(Jitter::say(std::declval<Words&>()))>>
    : std::true_type {};

/// The first of a list that is of a kind, else the fallback.
template <template <class...> class Kind, class Fallback, class... Options> struct Chosen {
    using type = Fallback;
};
template <template <class...> class Kind, class Fallback, class First, class... Rest>
struct Chosen<Kind, Fallback, First, Rest...>
    : std::conditional_t<Kind<First>::value, Chosen<Kind, First>, Chosen<Kind, Fallback, Rest...>> {
};
template <class Type> struct IsGenerator : std::bool_constant<is_generator<Type>> {};

}  // namespace detail

/// Waits before a repeat: after a rate limit or a passing failure, never before the next
/// credential.
///
/// `Backoff{100ms}` doubles from 100 ms up to 30 s, each delay drawn from 0 to that (full jitter).
/// `Backoff{curve, options...}` says more: a curve (`Constant`, `Linear`, `Exponential`), then in
/// any order a jitter (`NoJitter`, `FullJitter`, `EqualJitter`, `DecorrelatedJitter`), the failures
/// it is for (`Only<RateLimited>{}`), and a generator, a function object that gives 64 random bits.
/// Several in one client: each for its failures; where two apply, the longer delay counts. The
/// count of repeats is that of the credential in this call.
///
/// Requires  delays of zero or more; a negative one counts as zero. Sums and products stop at the
///           cap, at any number of repeats.
/// Threads   stateless; the default generator is per thread. One of yours is called as const, from
///           whatever thread sends, and copied with the client.
/// Cost      nothing in a call that succeeds at once; 8 bytes in one that draws.
/// Source    AWS Architecture Blog, "Exponential Backoff And Jitter".
/// Example   examples/14_backoff_and_deadline.cpp
template <class Curve, class... Options> class Backoff {
    using Jitter = typename detail::Chosen<detail::IsJitter, FullJitter, Options...>::type;
    using For = typename detail::Chosen<detail::IsOnly, detail::EveryFailure, Options...>::type;
    using Generator =
        typename detail::Chosen<detail::IsGenerator, detail::ThreadRandom, Options...>::type;

    static constexpr bool understood =
        detail::IsCurve<Curve>::value &&
        ((detail::IsJitter<Options>::value || detail::IsOnly<Options>::value ||
          detail::is_generator<Options>)&&...);
    static_assert(
        understood,
        "rekey: Backoff{curve, options...} takes a time or a curve (Constant, Linear, "
        "Exponential) and then a jitter (NoJitter{}, FullJitter{}, EqualJitter{}, "
        "DecorrelatedJitter{}), Only<RateLimited>{}, or a function that returns 64 random "
        "bits and may be called as const.");
    static_assert((0 + ... + detail::IsJitter<Options>::value) <= 1 &&
                      (0 + ... + detail::IsOnly<Options>::value) <= 1 &&
                      (0 + ... + detail::is_generator<Options>) <= 1,
                  "rekey: Backoff{...} takes one jitter, one Only<...> and one generator.");
    static constexpr bool draws_its_own_way = std::is_same_v<Jitter, DecorrelatedJitter>;
    static constexpr bool may_draw = !draws_its_own_way || std::is_same_v<Curve, Exponential>;
    static_assert(!understood || may_draw,
                  "rekey: DecorrelatedJitter draws its own way from a first delay to a cap. Use it "
                  "with Exponential{first, cap}, whose factor it ignores.");
    using Held = std::conditional_t<understood && may_draw, Curve, Exponential>;

public:
    static constexpr Role role = Role::pace;
    static constexpr bool reads_time = false;
    static constexpr bool uses_randomness = Jitter::draws;

    constexpr explicit Backoff([[maybe_unused]] Curve curve,
                               [[maybe_unused]] const Options&... options)
        : generator_(pick(options...)) {
        if constexpr (std::is_same_v<Held, Curve>) curve_ = curve;
    }
    /// `Backoff{100ms}`, `Backoff{100ms, EqualJitter{}}`.
    template <class Time, class = std::enable_if_t<std::is_convertible_v<Time, Duration> &&
                                                   std::is_same_v<Curve, Exponential>>>
    constexpr explicit Backoff(Time first, const Options&... options)
        : Backoff(Exponential{first}, options...) {}

    /// The core's part: a pure function of the failure, the repeats so far and the call's seed.
    struct Rule {
        Held curve{Duration{0}};

        constexpr Duration delay(const Facts& facts, std::uint32_t repeats,
                                 std::uint64_t seed = 0) const noexcept {
            return For::holds(facts.failure) ? Jitter::delay(curve, repeats, seed) : Duration{0};
        }
        /// No delay before that repeat is longer.
        constexpr Duration longest(std::uint32_t repeats) const noexcept {
            if constexpr (draws_its_own_way)
                return Exponential{curve.first, curve.cap, 3}.at(repeats < 64 ? repeats + 1 : 64);
            else
                return curve.at(repeats);
        }
    };
    constexpr Rule rule() const noexcept { return Rule{curve_}; }

    /// For `sentence_of` (<rekey/describe.hpp>).
    template <class Words> void say(Words& words) const {
        words("Waits ");
        const Duration first = curve_.at(0);
        if constexpr (draws_its_own_way)
            words("from ", first, " on before each repeat, up to ", curve_.cap);
        else if (first == curve_.at(1))
            words(first, " before each repeat");
        else if constexpr (std::is_same_v<Held, Linear>)
            words(first, " before the first repeat, and as much longer each time, up to ",
                  curve_.cap);
        else if constexpr (std::is_same_v<Held, Exponential>)
            words(first, " before the first repeat, ", curve_.factor,
                  " times as long each time, up to ", curve_.cap);
        For::say(words);
        if constexpr (detail::SaysJitter<Jitter, Words>::value) Jitter::say(words);
        words(".");
    }

    /// The seed of one call. Asked only if the call comes to a failure.
    std::uint64_t random() const { return generator_(); }

private:
    static constexpr Generator pick() { return Generator{}; }
    template <class First, class... Rest>
    static constexpr Generator pick(const First& first, const Rest&... rest) {
        if constexpr (std::is_same_v<First, Generator>)
            return first;
        else
            return pick(rest...);
    }

    Held curve_{Duration{0}};
    Generator generator_;
};

template <class Curve, class... Options>
Backoff(Curve, Options...)
    -> Backoff<std::conditional_t<std::is_convertible_v<Curve, Duration>, Exponential, Curve>,
               Options...>;

}  // namespace v0_1
}  // namespace rekey

#endif
