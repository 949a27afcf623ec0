// SPDX-License-Identifier: BSL-1.0
#include <rekey/policy/retry_after.hpp>

#include <rekey/client.hpp>
#include <rekey/core/call.hpp>
#include <rekey/core/worst_case.hpp>
#include <rekey/coze/api.hpp>
#include <rekey/http.hpp>
#include <rekey/policy/backoff.hpp>
#include <rekey/policy/credential_chain.hpp>
#include <rekey/policy/limits.hpp>
#include <rekey/policy/parts.hpp>
#include <rekey/policy/retry_on.hpp>
#include <rekey/testing/manual_clock.hpp>
#include <rekey/testing/print.hpp>
#include <rekey/testing/script.hpp>
#include <rekey/testing/timeline.hpp>

#include "catch.hpp"

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace {

using namespace rekey;
using namespace rekey::testing;
using namespace std::chrono_literals;

constexpr TimePoint t0{};
constexpr Duration forever = (Duration::max)();
constexpr std::int64_t here = 1'790'000'000;  // the wall clock of this machine
const HttpRequest get{"GET", "https://api.example/things", {}, {}};
const HttpRequest post{"POST", "https://api.example/things", {}, {}};
using Times = std::vector<Duration>;

Duration hint_in(const HttpHeaders& headers, std::int64_t now = here) {
    return RetryAfter::read([&](std::string_view name) { return find_header(headers, name); },
                            [now] { return now; });
}
Duration hint_of(std::string text) { return hint_in({{"Retry-After", std::move(text)}}); }

HttpResponse limited(std::string retry_after, int status = 429, std::string body = {}) {
    return {status, {{"retry-after", std::move(retry_after)}}, std::move(body), false};
}
Facts asked(Duration hint) {
    Facts facts = answer(RateLimited, 429);
    facts.retry_after = hint;
    return facts;
}
template <class... Policies> Call<Plan<Policies...>> call_with(const Policies&... policies) {
    return Call<Plan<Policies...>>(typename Plan<Policies...>::Rules(policies...), CallOptions{});
}

struct Personal {};
struct Enterprise {};

}  // namespace

TEST_CASE("S66 Retry-After is read as seconds") {
    CHECK(hint_of("0") == 0s);
    CHECK(hint_of("120") == 120s);
    CHECK(hint_of(" 7\t") == 7s);
    CHECK(hint_of("0000000000000000000000000000007") == 7s);
    CHECK(hint_in({}) == 0s);
}

TEST_CASE("S66 Retry-After is read as a date in each of its three forms") {
    const std::string date = "Sun, 06 Nov 1994 08:49:07 GMT";
    for (const char* const text : {"Sun, 06 Nov 1994 08:49:37 GMT",
                                   "Sunday, 06-Nov-94 08:49:37 GMT", "Sun Nov  6 08:49:37 1994"})
        CHECK(hint_in({{"Date", date}, {"Retry-After", text}}) == 30s);
}

TEST_CASE("S66 garbage and a negative Retry-After count as none") {
    for (const char* const text : {"-5", "+5", "1.5", "5s", "0x10", "soon", "5, 6", "",
                                   "Sun, 31 Feb 1994 08:49:37 GMT", "\xff\xff"})
        CHECK(hint_of(text) == 0s);
}

TEST_CASE("S67 a date counts from the server's own Date, whatever the clock says here") {
    const HttpHeaders headers{{"Date", "Sun, 06 Nov 1994 08:49:07 GMT"},
                              {"Retry-After", "Sun, 06 Nov 1994 08:49:37 GMT"}};
    for (const std::int64_t skew : {-3600, 0, 3600, 1'000'000'000})
        CHECK(hint_in(headers, 784111747 + skew) == 30s);
}

TEST_CASE("a date without a Date counts from the clock here, and one in the past is no hint") {
    const HttpHeaders headers{{"Retry-After", "Sun, 06 Nov 1994 08:49:37 GMT"}};
    CHECK(hint_in(headers, 784111777 - 90) == 90s);
    CHECK(hint_in(headers, 784111777) == 0s);
    CHECK(hint_in(headers, 784111777 + 90) == 0s);
    CHECK(hint_in({{"Date", "yesterday"}, headers[0]}, 784111777 - 90) == 90s);
}

TEST_CASE("regression elsewhere: the longest date and the largest number are beyond any cap") {
    CHECK(hint_of("9223372037") == forever);
    CHECK(hint_of("99999999999999999999999999999999") == forever);
    CHECK(hint_of("Fri, 31 Dec 9999 23:59:59 GMT") == forever);
    CHECK(hint_of("9223372036") == 9223372036s);
    for (const Duration hint : {forever, Duration{9223372036s}}) {
        auto call = call_with(RetryOn<RateLimited>{}, MaxAttempts<9>{}, RetryAfter{24h});
        CHECK(call.start(t0) == send(0));
        CHECK(call.sent(asked(hint), t0) == finish(StopReason::come_back_later));
    }
}

TEST_CASE(
    "M11 what overflowed, was negative or a date elsewhere is neither an immediate retry nor "
    "ignored here") {
    CHECK(hint_of("9223372037") > 1h);
    CHECK(hint_of("-5") == 0s);  // then Backoff decides
    CHECK(hint_in({{"Retry-After", "Sun, 06 Nov 1994 08:49:37 GMT"}}, 784111777 - 5) == 5s);
    const Backoff pace{Constant{5s}};
    for (std::uint64_t seed = 0; seed != 200; ++seed) {  // jitter never undercuts the server
        auto call = call_with(RetryOn<RateLimited>{}, MaxAttempts<9>{}, RetryAfter{}, pace);
        call.seed(seed);
        CHECK(call.start(t0) == send(0));
        CHECK(call.sent(asked(3s), t0).delay >= 3s);
    }
}

TEST_CASE("S66 no wait is shorter than the hint, and none is longer than the cap") {
    const Duration caps[] = {0s, 1ns, 1s, 30s, forever};
    const Duration hints[] = {1ns, 999ms, 1s, 1s + 1ns, 30s, 1h, forever};
    for (const Duration cap : caps)
        for (const Duration hint : hints)
            for (std::uint64_t seed = 0; seed != 20; ++seed) {
                auto call = call_with(RetryOn<RateLimited>{}, MaxAttempts<9>{}, RetryAfter{cap},
                                      Backoff{100ms});
                call.seed(seed);
                CHECK(call.start(t0) == send(0));
                const Action next = call.sent(asked(hint), t0);
                if (hint <= cap)
                    CHECK((next.kind == Kind::wait && next.delay >= hint));
                else
                    CHECK(next == finish(StopReason::come_back_later));
            }
}

TEST_CASE("a hint that reaches beyond the Deadline ends the call at once") {
    auto call = call_with(RetryOn<RateLimited>{}, RetryAfter{1h}, Deadline{10s});
    CHECK(call.start(t0) == send(0));
    CHECK(call.sent(asked(5s), t0 + 1s) == wait(5s));
    CHECK(call.waited(t0 + 6s) == send(0));
    CHECK(call.sent(asked(4s), t0 + 6s) == finish(StopReason::come_back_later));
}

TEST_CASE("a hint does not delay the next credential") {
    auto call = call_with(CredentialChain<Personal, Enterprise>(Personal{}, Enterprise{}),
                          RetryOn<AuthRejected>{}, RetryAfter{});
    CHECK(call.start(t0) == send(0));
    Facts facts = refused(4101);
    facts.retry_after = 20s;
    CHECK(call.sent(facts, t0) == send(1));
}

TEST_CASE("S69 a server that says: do not retry, is not asked again") {
    for (const HttpHeader& header :
         {HttpHeader{"x-should-retry", "false"}, HttpHeader{"Stripe-Should-Retry", "False"},
          HttpHeader{"grpc-retry-pushback-ms", "-1"}, HttpHeader{"grpc-retry-pushback-ms", "no"}}) {
        Script http;
        http.then(HttpResponse{429, {header, {"Retry-After", "1"}}, {}, false}).then(200);
        const Client client{http, RetryOn<RateLimited>{}, MaxAttempts<3>{}, RetryAfter{}};
        const auto result = client.send(get);
        CHECK(result.stop_reason() == StopReason::not_retryable);
        CHECK(result.error().kind == ErrorKind::rate_limited);
        CHECK(http.sends().size() == 1);
    }
    CHECK(hint_in({{"x-should-retry", "true"}, {"Retry-After", "1"}}) == 1s);
}

TEST_CASE("a hint in milliseconds goes before one in seconds") {
    CHECK(hint_in({{"retry-after-ms", "250"}, {"Retry-After", "1"}}) == 250ms);
    CHECK(hint_in({{"grpc-retry-pushback-ms", "40"}}) == 40ms);
    CHECK(hint_in({{"retry-after-ms", "x"}, {"Retry-After", "1"}}) == 1s);
}

TEST_CASE("a client waits as long as the server asks, or longer if its Backoff says so") {
    Script http;
    http.then(limited("2")).then(limited("1", 503)).then(429).then(200);
    ManualClock clock;
    const Client client{http,         RetryOn<RateLimited, Transient>{}, MaxAttempts<5>{},
                        RetryAfter{}, Backoff{1s, NoJitter{}},           UseClock{clock}};
    CHECK(client.send(get));
    CHECK(clock.waits() == Times{2s, 2s, 4s});
}

TEST_CASE("a rate code of Coze inside a 200 body is waited for like HTTP 429") {
    for (const char* const code : {"4009", "4013", "4020"}) {
        Script http;
        http.then(limited("3", 200, std::string("{\"code\":") + code + ",\"msg\":\"slow\"}"))
            .then(200);
        ManualClock clock;
        const Client client{http,         coze::Api{},    RetryOn<RateLimited>{}, MaxAttempts<5>{},
                            RetryAfter{}, UseClock{clock}};
        CHECK(client.send(post));
        CHECK(clock.waits() == Times{3s});
    }
}

TEST_CASE("a call that is told to come back later says when") {
    Script http;
    http.then(limited("90"));
    ManualClock clock;
    const Client client{http, RetryOn<RateLimited>{}, MaxAttempts<3>{}, RetryAfter{30s},
                        UseClock{clock}};
    const auto result = client.send(get);
    CHECK(result.stop_reason() == StopReason::come_back_later);
    CHECK(result.error().kind == ErrorKind::rate_limited);
    CHECK(result.error().retry_after() == 90s);
    CHECK(result.error().describe() ==
          "rate_limited: HTTP 429, come_back_later, retry after 90 s; "
          "send fewer requests, or wait and try again");
    CHECK(clock.waits().empty());
}

TEST_CASE("a failed call says when to come back, whatever stopped it") {
    Script http;
    http.then(limited("1")).then(limited("7")).then(limited("5", 503)).then(429);
    ManualClock clock;
    const Client client{http, RetryOn<RateLimited, Transient>{}, MaxAttempts<2>{}, RetryAfter{30s},
                        UseClock{clock}};
    const auto used_up = client.send(get);
    CHECK(used_up.stop_reason() == StopReason::attempts_used_up);
    CHECK(used_up.error().retry_after() == 7s);
    const auto unsafe = client.send(post);
    CHECK(unsafe.stop_reason() == StopReason::unsafe_to_repeat);
    CHECK(unsafe.error().retry_after() == 5s);

    Script other;
    other.then(limited("1", 401));
    const Client refused{other, RetryOn<RateLimited>{}, MaxAttempts<2>{}, RetryAfter{}};
    CHECK(refused.send(get).error().retry_after() == 0s);
}

TEST_CASE("the wall clock is asked only for a date without a Date") {
    struct NoWallClock {
        ManualClock& clock;
        unsigned asked = 0;
        TimePoint now() const noexcept { return clock.now(); }
        void sleep(Duration delay) { clock.sleep(delay); }
        std::int64_t unix_seconds() { return ++asked, clock.unix_seconds(); }
    };
    Script http;
    http.then(limited("1")).then(limited("soon")).then(limited("Sun, 06 Nov 1994 08:49:37 GMT"));
    http.then(200);
    ManualClock time;
    NoWallClock clock{time};
    const Client client{http, RetryOn<RateLimited>{}, MaxAttempts<5>{}, RetryAfter{},
                        UseClock{clock}};
    CHECK(client.send(get));
    CHECK(clock.asked == 1);
}

TEST_CASE("no text of Retry-After asks for less than nothing or is read past its end") {
    std::uint64_t state = 1;
    const auto random = [&state] {
        state = state * 6364136223846793005u + 1442695040888963407u;
        return static_cast<unsigned>(state >> 33);
    };
    const std::string_view letters = "0123456789 -,:GMTSunNov\xff";
    unsigned wrong = 0;
    for (int i = 0; i != 50'000; ++i) {
        std::string text = i % 2 == 0 ? "Sun, 06 Nov 1994 08:49:37 GMT" : "";
        for (unsigned j = random() % 5; j != 0; --j)
            text.insert(random() % (text.size() + 1), 1, letters[random() % letters.size()]);
        text.resize(random() % (text.size() + 1));
        if (hint_of(text) < 0s) ++wrong;
    }
    CHECK(wrong == 0);
}

TEST_CASE("a client that reads no hint has none in its plan") {
    STATIC_REQUIRE_FALSE(
        Plan<RetryOn<RateLimited>, MaxAttempts<3>, Backoff<Constant>>::reads_hints);
    STATIC_REQUIRE_FALSE(Plan<RetryOn<RateLimited>, MaxAttempts<3>, RetryAfter>::reads_clock);
    CHECK(worst_case(RetryOn<RateLimited>{}, MaxAttempts<3>{}, RetryAfter{20s}).all_waits == 40s);
}
