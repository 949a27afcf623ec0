// SPDX-License-Identifier: BSL-1.0
// Question: what does reading a token cost, and what does its expiry? Rival: a mutex and a string.
//
//   tokens read SIDE N      N reads of a live token after the first
//   tokens pair SIDE N      the processor time of N reads by one of two threads, over that of N
//   reads
//                           by one alone: the least of some rounds
//   tokens expired SIDE     64 threads meet an expired token
//   tokens early SIDE       64 threads meet a token in its early window; the rival has none, so
//                           they meet one within its margin
//     SIDE  source; call (as a call of a client fetches it); mutex (the rival); loop (nothing)
//
// Instructions per read = (read N - read 0) / N under callgrind, less the same of the loop. Time is
// given to the source, which reads no clock of its own; an exchange takes 300 ms. It does not show
// cache misses, nor what a call does beside reading its token.
#include <rekey/token/source.hpp>

#include "counted.hpp"

#include <rekey/driver/sync.hpp>
#include <rekey/http.hpp>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include <time.h>

namespace {

using namespace rekey;
using SteadyClock = std::chrono::steady_clock;
using Report = driver::ExchangeReport;

constexpr int threads_count = 64;
constexpr auto exchange_time = std::chrono::milliseconds{300};

struct App {
    static constexpr std::string_view name = "app";
    using Exchange = token::Exchanged;
    struct Request {
        HttpRequest http{"POST", "https://auth.example/token", {}, {}};
        Secret authorization{"Bearer assertion-of-the-app"};
        std::string problem{};
    };
    static Request token_request(std::int64_t) { return {}; }
    static oauth::TokenAnswer read_token(int status, std::string_view type, std::string_view body,
                                         std::int64_t now) {
        oauth::TokenRules rules;
        rules.now = now;
        return oauth::read_token_answer(status, type, body, rules);
    }
};

/// The wall clock stands where it was put, the steady one goes on.
struct Time {
    std::int64_t seconds = 1'790'000'000;
    std::int64_t unix_seconds() const noexcept { return seconds; }
    static TimePoint now() noexcept { return rekey::detail::SystemClock::now(); }
    static void sleep(Duration delay) noexcept { rekey::detail::SystemClock::sleep(delay); }
};

/// A token endpoint; each token lives for 900 seconds.
struct Endpoint {
    std::atomic<int> exchanges{0};
    std::atomic<bool> is_slow{false};
    SteadyClock::time_point began{};
    SteadyClock::time_point ended{};

    std::string token() {
        const int number = ++exchanges;
        if (is_slow) {
            began = SteadyClock::now();
            std::this_thread::sleep_for(exchange_time);
            ended = SteadyClock::now();
        }
        return "czs_0123456789abcdef0123456789abcdef_" + std::to_string(number);
    }
};

/// A token as rekey keeps it.
class WithSource {
public:
    explicit WithSource(Endpoint& endpoint) : endpoint_(endpoint) {}
    Time time{};

    /// The size of the finished header value.
    [[gnu::always_inline]] std::size_t read(Report& report) {
        if (const token::Pin pin = source_.settled(time.unix_seconds())) return seen(*pin);
        return fetch(report);
    }
    /// The same as a call does it.
    [[gnu::noinline]] std::size_t fetch(Report& report) {
        token::Pin pin;
        const auto exchanger = [this](const HttpRequest&, std::string_view, std::string_view) {
            driver::ExchangeAnswer answer;
            answer.status = 200;
            answer.body = R"({"expires_in":900,"access_token":")" + endpoint_.token() + "\"}";
            return answer;
        };
        if (source_.fetch(pin, false, Context{}, exchanger, time, report) > Fetched::renewed)
            return 0;
        return seen(*pin);
    }

private:
    static std::size_t seen(const token::Signature& signature) {
        const std::string_view value = signature.value.expose();
        __asm__ volatile("" : : "r"(value.data()));
        return value.size();
    }
    Endpoint& endpoint_;
    token::Source<App> source_{App{}};
};

/// The floor: a careful engineer's cache, which hands out copies.
class WithMutex {
public:
    explicit WithMutex(Endpoint& endpoint) : endpoint_(endpoint) {}
    Time time{};

    [[gnu::always_inline]] std::size_t read(Report&) {
        const std::string value = current();
        __asm__ volatile("" : : "r"(value.data()));
        return value.size();
    }

private:
    std::string current() {
        const std::lock_guard<std::mutex> lock(mutex_);
        if (time.unix_seconds() >= usable_until_) {
            value_ = "Bearer " + endpoint_.token();
            usable_until_ = time.unix_seconds() + 870;
        }
        return value_;
    }
    Endpoint& endpoint_;
    std::mutex mutex_{};
    std::string value_{};
    std::int64_t usable_until_ = 0;
};

/// A token as a call has it fetched.
class WithCall : public WithSource {
public:
    using WithSource::WithSource;
    [[gnu::always_inline]] std::size_t read(Report& report) { return fetch(report); }
};

/// What is counted in every loop: the value is there.
class WithNothing {
public:
    explicit WithNothing(Endpoint& endpoint) : value_("Bearer " + endpoint.token()) {}
    Time time{};

    [[gnu::always_inline]] std::size_t read(Report&) const {
        const std::string_view value = value_;
        __asm__ volatile("" : : "r"(value.data()));
        return value.size();
    }

private:
    std::string value_;
};

template <class Cache> int read(long reads) {
    Endpoint endpoint;
    Cache cache(endpoint);
    Report report;
    const std::size_t size = cache.read(report);
    bool right = size == std::string_view("Bearer czs_0123456789abcdef0123456789abcdef_1").size();
    const bench::Counts before = bench::counts;
    for (long i = 0; i != reads; ++i) right = cache.read(report) == size && right;
    const bench::Counts after = bench::counts;
    right = right && endpoint.exchanges == 1;
    std::printf("allocations %ld clock %ld locks %ld %s\n", after.allocations - before.allocations,
                after.clock_reads - before.clock_reads, after.locks - before.locks,
                right ? "right" : "WRONG");
    return right ? 0 : 1;
}

double processor_seconds() {
    struct timespec time = {};
    ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
    return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_nsec) / 1e9;
}

/// The seconds that a thread takes for its reads, so many of them at once; the longest.
template <class Cache> double seconds_for(Cache& cache, int threads, long reads) {
    std::atomic<int> ready{0};
    std::atomic<std::size_t> sum{0};
    std::vector<double> took(static_cast<std::size_t>(threads));
    std::vector<std::thread> readers;
    for (std::size_t i = 0; i != took.size(); ++i)
        readers.emplace_back([&, i] {
            Report report;
            ++ready;
            while (ready != threads) std::this_thread::yield();
            const double from = processor_seconds();
            std::size_t own = 0;
            for (long n = 0; n != reads; ++n) own += cache.read(report);
            took[i] = processor_seconds() - from;
            sum += own;
        });
    for (std::thread& reader : readers) reader.join();
    return sum == 0 ? 0 : *std::max_element(took.begin(), took.end());
}

template <class Cache> int pair(long reads) {
    Endpoint endpoint;
    Cache cache(endpoint);
    Report first;
    if (cache.read(first) == 0) return 1;
    double one = 1e9;
    double two = 1e9;
    for (int round = 0; round != 15; ++round) {  // in turns, since others use the machine too
        const double alone = seconds_for(cache, 1, reads);
        const double both = seconds_for(cache, 2, reads);
        if (alone < one) one = alone;
        if (both < two) two = both;
    }
    std::printf("two %.2f\n", two / one);
    return 0;
}

/// 64 threads that read at once, so many seconds after the token was obtained.
template <class Cache> int crowd(std::int64_t later) {
    Endpoint endpoint;
    Cache cache(endpoint);
    Report first;
    if (cache.read(first) == 0) return 1;
    cache.time.seconds += later;
    endpoint.exchanges = 0;
    endpoint.is_slow = true;
    std::atomic<int> ready{0};
    std::atomic<int> good{0};
    std::vector<SteadyClock::time_point> done(threads_count);
    std::vector<std::thread> callers;
    for (std::size_t i = 0; i != threads_count; ++i)
        callers.emplace_back([&, i] {
            Report report;
            ++ready;
            while (ready <= threads_count) std::this_thread::yield();
            if (cache.read(report) != 0) ++good;
            done[i] = SteadyClock::now();
        });
    while (ready < threads_count) std::this_thread::yield();
    const auto from = SteadyClock::now();
    ++ready;
    for (std::thread& caller : callers) caller.join();
    int waited = 0;
    auto last = from;
    for (const auto& end : done) {
        if (end >= endpoint.ended) ++waited;
        if (end > last) last = end;
    }
    const std::chrono::duration<double> wall = last - from;
    const std::chrono::duration<double> exchange = endpoint.ended - endpoint.began;
    std::printf("exchanges %d waited %d wall %.3f %s\n", endpoint.exchanges.load(), waited,
                wall / exchange, good == threads_count ? "right" : "WRONG");
    return good == threads_count ? 0 : 1;
}

template <class Cache> int run(std::string_view what, long count, std::int64_t early) {
    if (what == "read") return read<Cache>(count);
    if (what == "pair") return pair<Cache>(count);
    if (what == "expired") return crowd<Cache>(900);
    if (what == "early") return crowd<Cache>(early);
    return std::fputs("tokens: no such case\n", stderr), 2;
}

}  // namespace

int main(int argc, char** argv) {
    if (argc < 3)
        return std::fputs("usage: tokens read|pair SIDE N, or expired|early SIDE\n", stderr), 2;
    const std::string_view side = argv[2];
    const long count = argc > 3 ? std::strtol(argv[3], nullptr, 10) : 0;
    if (side == "source") return run<WithSource>(argv[1], count, 800);
    if (side == "call") return run<WithCall>(argv[1], count, 800);
    if (side == "loop") return read<WithNothing>(count);
    if (side == "mutex") return run<WithMutex>(argv[1], count, 871);
    return std::fputs("tokens: no such side\n", stderr), 2;
}
