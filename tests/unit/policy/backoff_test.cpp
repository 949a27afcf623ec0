// SPDX-License-Identifier: BSL-1.0
#include <rekey/policy/backoff.hpp>

#include <rekey/core/call.hpp>
#include <rekey/policy/limits.hpp>
#include <rekey/policy/retry_on.hpp>
#include <rekey/testing/print.hpp>
#include <rekey/testing/timeline.hpp>

#include "catch.hpp"

#include <chrono>
#include <cstdint>
#include <type_traits>
#include <vector>

namespace {

using namespace rekey;
using namespace rekey::testing;
using namespace std::chrono_literals;

constexpr TimePoint t0{};
constexpr Duration forever = (Duration::max)();

template <class Policy>
std::vector<Duration> delays(const Policy& policy, unsigned count, std::uint64_t seed = 0,
                             FailureClass failure = Transient) {
    std::vector<Duration> list;
    for (std::uint32_t i = 0; i != count; ++i)
        list.push_back(policy.rule().delay(answer(failure, 503), i, seed));
    return list;
}
using Times = std::vector<Duration>;

template <class... Policies> Call<Plan<Policies...>> call_with(const Policies&... policies) {
    CallOptions options;
    options.idempotent = true;
    return Call<Plan<Policies...>>(typename Plan<Policies...>::Rules(policies...), options);
}

struct Seven {
    std::uint64_t operator()() const noexcept { return 7; }
};

}  // namespace

TEST_CASE("a constant Backoff waits the same time before each repeat") {
    CHECK(delays(Backoff{Constant{1s}, NoJitter{}}, 3) == Times{1s, 1s, 1s});
}

TEST_CASE("a linear Backoff grows by its first delay up to its cap") {
    CHECK(delays(Backoff{Linear{200ms, 1s}, NoJitter{}}, 6) ==
          Times{200ms, 400ms, 600ms, 800ms, 1s, 1s});
}

TEST_CASE("an exponential Backoff doubles up to its cap") {
    CHECK(delays(Backoff{Exponential{100ms, 2s}, NoJitter{}}, 7) ==
          Times{100ms, 200ms, 400ms, 800ms, 1600ms, 2s, 2s});
    CHECK(delays(Backoff{Exponential{100ms, 2s, 3}, NoJitter{}}, 5) ==
          Times{100ms, 300ms, 900ms, 2s, 2s});
    CHECK(delays(Backoff{Exponential{100ms, 2s, 1}, NoJitter{}}, 3) == Times{100ms, 100ms, 100ms});
}

TEST_CASE("a Backoff of a time doubles from there up to 30 seconds, with full jitter") {
    using Short = decltype(Backoff{100ms});
    STATIC_REQUIRE(std::is_same_v<Short, Backoff<Exponential>>);
    STATIC_REQUIRE(Short::uses_randomness);
    CHECK(delays(Backoff{8s, NoJitter{}}, 4) == Times{8s, 16s, 30s, 30s});
}

TEST_CASE("no delay is negative or beyond its cap, at any number of repeats") {
    const Duration firsts[] = {-1s, 0s, 1ns, 100ms, 1h, forever - 1ns, forever, Duration::min()};
    const Duration caps[] = {-1s, 0s, 1ns, 30s, forever};
    std::vector<std::uint32_t> counts;
    for (std::uint32_t n = 0; n <= 200; ++n) counts.push_back(n);
    counts.push_back(0x7fffffff);
    counts.push_back(0xffffffff);
    std::uint64_t wrong = 0;
    const auto look = [&](const auto& policy, Duration most) {
        const auto rule = policy.rule();
        for (const std::uint32_t n : counts)
            for (const std::uint64_t seed :
                 {std::uint64_t{0}, std::uint64_t{1}, ~std::uint64_t{0}}) {
                const Duration delay = rule.delay(answer(Transient, 503), n, seed);
                if (delay < Duration{0} || delay > most || delay > rule.longest(n)) ++wrong;
            }
    };
    for (const Duration first : firsts) {
        const Duration most = first > Duration{0} ? first : Duration{0};
        look(Backoff{Constant{first}, NoJitter{}}, most);
        look(Backoff{Constant{first}, FullJitter{}}, most);
        look(Backoff{Constant{first}, EqualJitter{}}, most);
        for (const Duration cap : caps) {
            const Duration top = cap > Duration{0} ? cap : Duration{0};
            look(Backoff{Linear{first, cap}, NoJitter{}}, top);
            look(Backoff{Linear{first, cap}, FullJitter{}}, top);
            look(Backoff{Exponential{first, cap}, NoJitter{}}, top);
            look(Backoff{Exponential{first, cap, 0xffffffff}, EqualJitter{}}, top);
            look(Backoff{Exponential{first, cap}, FullJitter{}}, top);
            look(Backoff{Exponential{first, cap}, DecorrelatedJitter{}}, top);
        }
    }
    CHECK(wrong == 0);
}

TEST_CASE("regression elsewhere: the delay at the 32nd and the 64th attempt is not negative") {
    const auto rule = Backoff{Exponential{1s, forever}, NoJitter{}}.rule();
    Duration before{0};
    for (std::uint32_t n = 0; n <= 200; ++n) {
        const Duration delay = rule.delay(answer(Transient, 503), n);
        CHECK(delay >= before);
        before = delay;
    }
    CHECK(rule.delay(answer(Transient, 503), 31) == 2147483648s);
    CHECK(rule.delay(answer(Transient, 503), 63) == forever);
}

TEST_CASE("each jitter stays within its bounds and reaches both ends of them") {
    const auto ends = [](const auto& policy, std::uint32_t repeats) {
        Duration least = forever;
        Duration most{0};
        for (std::uint64_t seed = 0; seed != 4000; ++seed) {
            const Duration delay = policy.rule().delay(answer(Transient, 503), repeats, seed);
            if (delay < least) least = delay;
            if (delay > most) most = delay;
        }
        return std::vector<Duration>{least, most};
    };
    const auto full = ends(Backoff{Exponential{100ms, 2s}, FullJitter{}}, 2);
    CHECK(full[0] < 4ms);
    CHECK((full[1] > 396ms && full[1] <= 400ms));
    const auto equal = ends(Backoff{Exponential{100ms, 2s}, EqualJitter{}}, 2);
    CHECK((equal[0] >= 200ms && equal[0] < 204ms));
    CHECK((equal[1] > 396ms && equal[1] <= 400ms));
    const auto first = ends(Backoff{Exponential{100ms, 2s}, DecorrelatedJitter{}}, 0);
    CHECK((first[0] >= 100ms && first[0] < 102ms));
    CHECK((first[1] > 298ms && first[1] <= 300ms));
    const auto tenth = ends(Backoff{Exponential{100ms, 2s}, DecorrelatedJitter{}}, 9);
    CHECK((tenth[0] >= 100ms && tenth[0] < 120ms));
    CHECK((tenth[1] > 1980ms && tenth[1] <= 2s));
}

TEST_CASE("decorrelated jitter draws from the first delay to three times the one before") {
    const auto policy = Backoff{Exponential{100ms, 2s}, DecorrelatedJitter{}};
    for (std::uint64_t seed = 0; seed != 200; ++seed) {
        const auto list = delays(policy, 12, seed);
        for (std::size_t i = 0; i != list.size(); ++i) {
            const Duration before = i == 0 ? 100ms : list[i - 1];
            CHECK(list[i] >= 100ms);
            CHECK(list[i] <= 3 * before);
            CHECK(list[i] <= 2s);
        }
    }
}

TEST_CASE("the same seed gives the same delays, another one others") {
    const auto policy = Backoff{Exponential{100ms, 2s}, FullJitter{}};
    CHECK(delays(policy, 8, 1) == delays(policy, 8, 1));
    CHECK(delays(policy, 8, 1) != delays(policy, 8, 2));
}

TEST_CASE("callers that fail together come back apart") {
    const auto policy = Backoff{Exponential{100ms, 2s}};
    std::vector<unsigned> of_ten(10);
    for (std::uint64_t seed = 0; seed != 10'000; ++seed) {
        const Duration delay = policy.rule().delay(answer(Transient, 503), 0, seed);
        const auto tenth = static_cast<std::size_t>(delay / 10ms);
        ++of_ten[tenth < 10 ? tenth : 9];
    }
    for (const unsigned count : of_ten) CHECK((count > 850 && count < 1150));
}

TEST_CASE("a Backoff that is for some failures says nothing to the others") {
    const auto slow = Backoff{Constant{5s}, NoJitter{}, Only<RateLimited>{}};
    CHECK(delays(slow, 1, 0, RateLimited) == Times{5s});
    CHECK(delays(slow, 1, 0, Transient) == Times{0s});

    auto call = call_with(RetryOn<RateLimited, Transient>{}, MaxAttempts<9>{}, slow,
                          Backoff{100ms, Only<Transient>{}, NoJitter{}});
    CHECK(call.start(t0) == send(0));
    CHECK(call.sent(answer(RateLimited, 429), t0) == wait(5s));
    CHECK(call.waited(t0) == send(0));
    CHECK(call.sent(answer(Transient, 503), t0) == wait(200ms));
    CHECK(call.waited(t0) == send(0));
    CHECK(call.sent(answer(RateLimited, 429), t0) == wait(5s));
}

TEST_CASE("of two Backoffs for one failure the longer delay counts") {
    auto call = call_with(RetryOn<RateLimited>{}, MaxAttempts<9>{},
                          Backoff{Constant{1s}, NoJitter{}}, Backoff{400ms, NoJitter{}});
    CHECK(call.start(t0) == send(0));
    for (const Duration delay : {Duration{1s}, Duration{1s}, Duration{1600ms}}) {
        CHECK(call.sent(answer(RateLimited, 429), t0) == wait(delay));
        CHECK(call.waited(t0) == send(0));
    }
}

TEST_CASE("the next credential does not wait, and a call that draws holds eight bytes more") {
    using Drawn = Plan<RetryOn<RateLimited>, MaxAttempts<3>, Backoff<Exponential>>;
    using Fixed = Plan<RetryOn<RateLimited>, MaxAttempts<3>, Backoff<Exponential, NoJitter>>;
    STATIC_REQUIRE(Drawn::uses_randomness);
    STATIC_REQUIRE_FALSE(Fixed::uses_randomness);
    STATIC_REQUIRE_FALSE(Drawn::reads_clock);
    STATIC_REQUIRE(sizeof(Call<Drawn>) == sizeof(Call<Fixed>) + 8);
    STATIC_REQUIRE_FALSE(Plan<RetryOn<4100>>::waits);
}

TEST_CASE("the delays of a call follow from the number it was seeded with") {
    const Backoff pace{Exponential{100ms, 2s}};
    auto call = call_with(RetryOn<RateLimited>{}, MaxAttempts<5>{}, pace);
    call.seed(42);
    CHECK(call.start(t0) == send(0));
    for (std::uint32_t i = 0; i != 4; ++i) {
        const Duration delay = pace.rule().delay(answer(RateLimited, 429), i, 42);
        CHECK(call.sent(answer(RateLimited, 429), t0) == wait(delay));
        CHECK(call.waited(t0) == send(0));
    }
}

TEST_CASE("a generator of one's own gives the seed, whatever stands beside it") {
    CHECK(Backoff{100ms, Seven{}}.random() == 7);
    CHECK(Backoff{Exponential{100ms}, Only<RateLimited>{}, Seven{}, EqualJitter{}}.random() == 7);
    std::uint64_t next = 10;
    const auto counting = [&next] { return next++; };
    const Backoff pace{Constant{1s}, counting, FullJitter{}};
    CHECK(pace.random() == 10);
    CHECK(pace.random() == 11);
}
