// SPDX-License-Identifier: BSL-1.0
#include <rekey/observe/meter.hpp>

#include <rekey/policy/backoff.hpp>
#include <rekey/policy/observe.hpp>
#include <rekey/rekey.hpp>
#include <rekey/testing.hpp>

#include "catch.hpp"
#include "tests/support/clients.hpp"

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

namespace {

using namespace clients;
using namespace std::chrono_literals;
using observe::Meter;
using observe::Snapshot;
using testing::ManualClock;
using testing::Script;

/// The bot of a request, which these tests write as the whole body.
struct BotOf {
    std::string_view operator()(const HttpRequest& request) const { return request.body; }
};
HttpRequest chat_with(std::string bot) {
    return {"GET", "https://api.coze.com/", {}, std::move(bot)};
}

observe::Attempted attempt_of(std::uint8_t slot, FailureClass failure, Duration duration,
                              TimePoint now = {}) {
    observe::Attempted event;
    event.slot = slot;
    event.credential = slot == 0 ? "personal" : "enterprise";
    event.failure = failure;
    event.duration = duration;
    event.now = now;
    return event;
}
std::uint64_t count_of(const Snapshot& snapshot, std::uint8_t slot, std::int64_t code) {
    std::uint64_t count = 0;
    for (const observe::CodeCount& counted : snapshot.codes)
        if (counted.slot == slot && counted.code == code) count += counted.count;
    return count;
}

}  // namespace

TEST_CASE("a meter counts attempts by credential and class, and the calls that each served") {
    Script script;
    script.then(401, 4101).then(200).then(200).then(503);
    auto meter = std::make_unique<Meter<>>();
    const Client client{script, both(), OnCodes{}, Observe{*meter}};
    REQUIRE(client.send(chat()));
    REQUIRE(client.send(chat()));
    CHECK_FALSE(client.send(chat()));
    const Snapshot seen = meter->snapshot({});
    REQUIRE(seen.credentials.size() == 2);
    CHECK(seen.credentials[0].name == "personal");
    CHECK(seen.credentials[0].by_class[AuthRejected] == 1);
    CHECK(seen.credentials[0].by_class[NoFailure] == 1);
    CHECK(seen.credentials[0].by_class[Transient] == 1);
    CHECK(seen.credentials[0].served == 1);
    CHECK(seen.credentials[0].passed == 1);
    CHECK(seen.credentials[1].name == "enterprise");
    CHECK(seen.credentials[1].attempts() == 1);
    CHECK(seen.credentials[1].served == 1);
    CHECK(seen.credentials[1].passed == 0);
    CHECK(seen.calls() == 3);
    CHECK(seen.calls_by_reason[static_cast<std::size_t>(StopReason::success)] == 2);
    CHECK(count_of(seen, 0, 4101) == 1);
    CHECK(count_of(seen, 0, 503) == 1);
}

TEST_CASE("a histogram puts each duration where it belongs, and adds them up exactly") {
    using observe::Histogram;
    auto meter = std::make_unique<Meter<>>();
    const auto bucket_of = [](Duration duration) {
        auto alone = std::make_unique<Meter<>>();
        Meter<>::PerCall call;
        alone->attempted(attempt_of(0, NoFailure, duration), call);
        const Histogram latency = alone->snapshot({}).credentials[0].latency;
        std::size_t found = 0;
        while (latency.buckets[found] == 0) ++found;
        CHECK(latency.count() == 1);
        return found;
    };
    CHECK(bucket_of(0ns) == 0);
    CHECK(bucket_of(1ns) == 0);
    for (std::size_t i = 0; i != Histogram::bounds; ++i) {
        CHECK(bucket_of(Histogram::bound(i)) == i);
        CHECK(bucket_of(Histogram::bound(i) + 1ns) == i + 1);
    }
    CHECK(bucket_of(24h) == Histogram::bounds);
    Meter<>::PerCall call;
    meter->attempted(attempt_of(0, NoFailure, 3ns), call);
    meter->attempted(attempt_of(0, Permanent, 2s), call);
    CHECK(meter->snapshot({}).credentials[0].latency.sum == 2s + 3ns);
}

TEST_CASE("the success rate slides: what is older than its window no longer counts") {
    auto meter = std::make_unique<Meter<>>();
    Meter<>::PerCall call;
    const TimePoint start{1000h};
    for (int minute = 0; minute != 60; ++minute)
        for (int i = 0; i != 10; ++i)
            meter->attempted(attempt_of(0, minute < 30 || i < 4 ? NoFailure : Permanent, 1ms,
                                        start + minute * 1min),
                             call);
    const auto seen = meter->snapshot(start + 59min).credentials[0];
    CHECK(seen.last_minute.attempts == 20);  // whole cells: the 59th minute and the one before
    CHECK(seen.last_minute.accepted == 8);
    CHECK(seen.last_ten_minutes.attempts >= 100);
    CHECK(seen.last_ten_minutes.attempts <= 110);
    CHECK(seen.last_ten_minutes.accepted * 10 == seen.last_ten_minutes.attempts * 4);
    CHECK(seen.last_hour.attempts == 600);
    CHECK(seen.last_hour.accepted == 300 + 120);
    // A ring comes round: what was counted 73 minutes ago stands where the new cells are.
    const auto later = meter->snapshot(start + 5h).credentials[0];
    CHECK(later.last_hour.attempts == 0);
    meter->attempted(attempt_of(0, NoFailure, 1ms, start + 5h), call);
    CHECK(meter->snapshot(start + 5h).credentials[0].last_hour.attempts == 1);
    CHECK(meter->snapshot(start + 5h).credentials[0].attempts() == 601);
}

TEST_CASE("a meter counts by key, and by the credential that served it") {
    Script script;
    script.then(200).then(401).then(200).then(401).then(403).then(200);
    ManualClock clock;
    auto meter = std::make_unique<Meter<BotOf>>();
    const Client client{script, both(), OnRefusal{}, UseClock{clock}, Observe{*meter}};
    REQUIRE(client.send(chat_with("bot_1")));
    clock.advance(1min);
    REQUIRE(client.send(chat_with("bot_2")));
    CHECK_FALSE(client.send(chat_with("bot_2")));
    REQUIRE(client.send(chat_with("")));
    std::map<std::string, observe::KeyCounts> keys;
    for (const auto& key : meter->snapshot(clock.now()).keys) keys[key.key] = key;
    REQUIRE(keys.size() == 2);
    REQUIRE(keys["bot_1"].by_credential.size() == 1);
    CHECK(keys["bot_1"].by_credential[0].slot == 0);
    CHECK(keys["bot_1"].by_credential[0].served == 1);
    CHECK(keys["bot_1"].by_credential[0].last_served == TimePoint{});
    REQUIRE(keys["bot_2"].by_credential.size() == 1);
    CHECK(keys["bot_2"].by_credential[0].slot == 1);
    CHECK(keys["bot_2"].by_credential[0].last_served == TimePoint{1min});
    CHECK(keys["bot_2"].failed == 1);
}

TEST_CASE("keys and codes beyond the room of a meter are counted as such, and never mixed up") {
    auto meter = std::make_unique<Meter<BotOf, 8>>();
    for (int i = 0; i != 100; ++i) {
        Meter<BotOf, 8>::PerCall call;
        const std::string key = "bot_" + std::to_string(i);
        observe::Began began;
        began.key = key;
        meter->began(began, call);
        observe::Attempted event = attempt_of(0, Permanent, 1ms);
        event.has_service_code = true;
        event.service_code = -i;
        meter->attempted(event, call);
        observe::Ended ended;
        ended.key = key;
        meter->ended(ended, call);
    }
    const Snapshot seen = meter->snapshot({});
    CHECK(seen.keys.size() == 8);
    CHECK(seen.keys_without_room == 92);
    CHECK(seen.codes.size() == 64);
    CHECK(seen.codes_without_room == 36);
    for (const auto& key : seen.keys) CHECK(key.by_credential.at(0).served == 1);
    std::uint64_t codes = 0;
    for (const auto& code : seen.codes) {
        CHECK(code.count == 1);
        CHECK(code.code <= 0);
        CHECK(code.code > -100);
        codes += code.count;
    }
    CHECK(codes == 64);
    CHECK(seen.credentials[0].attempts() == 100);
    CHECK(seen.calls() == 100);
}

TEST_CASE("a status and a service code of the same number are told apart, and classes add up") {
    auto meter = std::make_unique<Meter<>>();
    Meter<>::PerCall call;
    const auto attempt = [&](FailureClass failure, bool has_code, std::int64_t number) {
        observe::Attempted event = attempt_of(0, failure, 1ms);
        event.has_service_code = has_code;
        event.service_code = has_code ? number : 0;
        event.http_status = has_code ? 200 : static_cast<int>(number);
        meter->attempted(event, call);
    };
    attempt(AuthRejected, true, 401);
    attempt(AuthRejected, false, 401);
    attempt(NotFound, false, 401);  // as a service of one's own may say
    attempt(Transient, false, 0);
    attempt(Permanent, true, -5);
    attempt(Permanent, true, 700012006);
    const Snapshot seen = meter->snapshot({});
    REQUIRE(seen.codes.size() == 5);
    const auto count = [&seen](bool is_http, std::int64_t code) {
        std::uint64_t all = 0;
        for (const auto& each : seen.codes)
            if (each.is_http == is_http && each.code == code) all += each.count;
        return all;
    };
    CHECK(count(false, 401) == 1);
    CHECK(count(true, 401) == 2);
    CHECK(count(true, 0) == 1);
    CHECK(count(false, -5) == 1);
    CHECK(count(false, 700012006) == 1);
    CHECK(seen.credentials[0].by_class[AuthRejected] == 2);
    CHECK(seen.credentials[0].by_class[NotFound] == 1);
    CHECK(seen.credentials[0].by_class[Permanent] == 2);
    CHECK(seen.credentials[0].attempts() == 6);
}

TEST_CASE("a code that is too large for a meter is counted without it, and is no HTTP status") {
    auto meter = std::make_unique<Meter<>>();
    Meter<>::PerCall call;
    constexpr std::int64_t end = std::int64_t{1} << 56;
    constexpr std::int64_t most = (std::numeric_limits<std::int64_t>::max)();
    for (const std::int64_t code : {end - 1, -end, end, -end - 1, most, -most - 1, 4 * end}) {
        observe::Attempted event = attempt_of(0, AuthRejected, 1ms);
        event.has_service_code = true;
        event.service_code = code;
        meter->attempted(event, call);
    }
    const Snapshot seen = meter->snapshot({});
    REQUIRE(seen.codes.size() == 2);
    for (const observe::CodeCount& code : seen.codes) CHECK_FALSE(code.is_http);
    CHECK(count_of(seen, 0, end - 1) == 1);
    CHECK(count_of(seen, 0, -end) == 1);
    CHECK(seen.codes_without_room == 5);
    CHECK(seen.credentials.at(0).by_class[AuthRejected] == 7);
}

TEST_CASE("who comes late to a cell of the window is counted where it belongs") {
    auto meter = std::make_unique<Meter<>>();
    Meter<>::PerCall call;
    const TimePoint start{1000h};
    const auto at = [&](TimePoint now) {
        meter->attempted(attempt_of(0, NoFailure, 1ms, now), call);
    };
    at(start);
    at(start + 20s);
    at(start);
    at(start + 20s);
    at(start + 40s);
    const auto seen = meter->snapshot(start + 40s).credentials[0];
    CHECK(seen.last_minute.attempts == 5);
    const auto later = meter->snapshot(start + 80s).credentials[0];
    CHECK(later.last_minute.attempts >= 1);
    CHECK(later.last_minute.attempts <= 3);  // the two of the begin are too old
}

TEST_CASE("credentials that refused one call are passed, each once, and not the one that served") {
    auto meter = std::make_unique<Meter<>>();
    const TimePoint start{1000h};
    for (const std::uint8_t served : {std::uint8_t{2}, std::uint8_t{1}}) {
        Meter<>::PerCall call;
        for (const std::uint8_t slot : {std::uint8_t{0}, std::uint8_t{1}}) {
            observe::Attempted event = attempt_of(slot, AuthRejected, 1ms, start);
            event.http_status = 401;
            meter->attempted(event, call);
        }
        meter->attempted(attempt_of(served, NoFailure, 1ms, start), call);
        observe::Ended ended;
        ended.slot = served;
        ended.now = start + served * 1s;
        meter->ended(ended, call);
    }
    const Snapshot seen = meter->snapshot(start + 1min);
    REQUIRE(seen.credentials.size() == 3);
    CHECK(seen.credentials[0].passed == 2);
    CHECK(seen.credentials[1].passed == 1);
    CHECK(seen.credentials[2].passed == 0);
    CHECK(seen.credentials[0].last_passed.time == start + 2s);
    CHECK(seen.credentials[1].served == 1);
    CHECK(seen.credentials[1].last_served.time == start + 1s);
    CHECK(seen.calls_by_reason[0] == 2);
}

TEST_CASE("a window with more attempts than a cell has room for begins anew, and is no other one",
          "[one_thread]") {
    constexpr Duration cell{std::int64_t{1} << 34};
    const auto meter = std::make_unique<Meter<>>();
    TimePoint now{1h};
    const auto attempt = [&](FailureClass failure, int times) {
        Meter<>::PerCall call;
        const observe::Attempted event = attempt_of(0, failure, 1ms, now);
        for (int i = 0; i != times; ++i) meter->attempted(event, call);
    };
    const auto all_were_accepted = [&](std::uint64_t count) {
        const observe::Share seen = meter->snapshot(now).credentials.at(0).last_minute;
        return seen.attempts == count && seen.accepted == count;
    };
    attempt(Transient, 1);
    attempt(NoFailure, (1 << 22) + 4);
    CHECK(all_were_accepted(5));
    now += cell;
    attempt(NoFailure, 10);
    CHECK(all_were_accepted(15));
    now += 2 * cell;
    attempt(NoFailure, 1);
    CHECK(all_were_accepted(16));
}

TEST_CASE("keys that differ in one character are spread over the room that there is") {
    auto meter = std::make_unique<Meter<BotOf, 256>>();
    for (int i = 0; i != 100; ++i) {
        Meter<BotOf, 256>::PerCall call;
        const std::string key =
            "73794621893651988" + std::to_string(10 + i % 90) + (i < 90 ? "" : "x");
        observe::Began began;
        began.key = key;
        meter->began(began, call);
        CHECK(call.key != nullptr);
    }
    CHECK(meter->snapshot({}).keys.size() == 100);
}

TEST_CASE("keys that differ in two characters are two keys") {
    for (const std::string form : {"tenant-?/workflow-?", "tenant-?/workflow-0000?",
                                   "1234567?8765432?", "tenant-?:agent-?", "0000000?0000000000?"}) {
        std::set<std::uint64_t> hashes;
        for (char first = '0'; first <= 'z'; ++first)
            for (char last = '0'; last <= 'z'; ++last) {
                std::string key = form;
                key[key.find('?')] = first;
                key[key.rfind('?')] = last;
                hashes.insert(observe::metering::hash_of(key));
            }
        CAPTURE(form);
        CHECK(hashes.size() == std::size_t{75 * 75});
    }
}

TEST_CASE("a meter has room for as many keys as it says, whatever they are") {
    const auto begin = [](auto& meter, const std::string& key) {
        typename std::remove_reference_t<decltype(meter)>::PerCall call;
        observe::Began began;
        began.key = key;
        meter.began(began, call);
        return call.key;
    };
    for (int family = 0; family != 20; ++family) {
        CAPTURE(family);
        const auto meter = std::make_unique<Meter<BotOf, 64>>();
        const auto name = [family](int i) { return std::to_string(family * 7919 + i * 104729); };
        std::set<void*> places;
        for (int i = 0; i != 64; ++i) places.insert(begin(*meter, name(i)));
        CHECK(places.size() == 64);
        CHECK(places.count(nullptr) == 0);
        CHECK(begin(*meter, "one more") == nullptr);
        CHECK(begin(*meter, name(63)) != nullptr);
        CHECK(meter->snapshot({}).keys.size() == 64);
        CHECK(meter->snapshot({}).keys_without_room == 1);
    }
    const auto large = std::make_unique<Meter<BotOf, 1024>>();
    for (int i = 0; i != 680; ++i) CHECK(begin(*large, "bot_" + std::to_string(i)) != nullptr);
}

TEST_CASE("a key that no label can hold gets a name of its own") {
    auto meter = std::make_unique<Meter<BotOf>>();
    const auto use = [&meter](const std::string& key) {
        Meter<BotOf>::PerCall call;
        observe::Began began;
        began.key = key;
        meter->began(began, call);
    };
    const std::string prefix(60, 'a');
    use(prefix + "1");
    use(prefix + "2");
    use("\xff\n");
    use("\xfe\n");
    use(std::string(54, 'b'));
    std::map<std::string, int> names;
    for (const auto& key : meter->snapshot({}).keys) ++names[key.key];
    REQUIRE(names.size() == 5);
    CHECK(names.count(std::string(54, 'b')) == 1);
    for (const auto& [name, count] : names) {
        CHECK(name.size() <= 54);
        for (const char symbol : name) CHECK((symbol >= ' ' && symbol <= '~'));
    }
}

TEST_CASE("whatever the answers are, the counts of a meter are those of the trails") {
    std::uint64_t random = 2026;
    const auto below = [&random](unsigned limit) {
        random = random * 6364136223846793005u + 1442695040888963407u;
        return static_cast<unsigned>((random >> 33) % limit);
    };
    for (int round = 0; round != 40; ++round) {
        Script script;
        for (int i = 0; i != 200; ++i) {
            switch (below(8)) {
                case 0:
                case 1: script.then(401, 4101); break;
                case 2: script.then(200, 4200); break;
                case 3: script.then(429); break;
                case 4: script.then(503); break;
                case 5: script.then(TransportError{Reach::sent_unanswered, "gone"}); break;
                default: script.then(200);
            }
        }
        ManualClock clock;
        auto meter = std::make_unique<Meter<>>();
        const Client client{
            script,           both(),        RetryOn<4101, 4200, RateLimited, Transient>{},
            MaxAttempts<6>{}, Backoff{10ms}, UseClock{clock},
            Observe{*meter}};
        std::map<std::pair<int, int>, std::uint64_t> by_class;
        std::map<std::pair<int, std::int64_t>, std::uint64_t> by_code;
        std::map<int, std::uint64_t> served;
        std::map<StopReason, std::uint64_t> reasons;
        for (int i = 0; i != 30; ++i) {
            const auto result = client.send(chat_with("x"));
            ++reasons[result.stop_reason()];
            if (result) ++served[result.slot()];
            REQUIRE(result.trail().omitted() == 0);
            for (std::size_t j = 0; j != result.trail().size(); ++j) {
                const TrailEntry& entry = result.trail()[j];
                ++by_class[{entry.slot, entry.failure}];
                if (entry.failure != NoFailure)
                    ++by_code[{entry.slot,
                               entry.has_service_code ? entry.service_code : entry.http_status}];
            }
        }
        const Snapshot seen = meter->snapshot(clock.now());
        std::uint64_t attempts = 0;
        for (const auto& credential : seen.credentials) {
            for (int failure = 0; failure != 7; ++failure)
                CHECK(credential.by_class[failure] == by_class[{credential.slot, failure}]);
            CHECK(credential.latency.count() == credential.attempts());
            CHECK(credential.served == served[credential.slot]);
            attempts += credential.attempts();
        }
        for (const auto& [at, count] : by_code)
            CHECK(count_of(seen, static_cast<std::uint8_t>(at.first), at.second) == count);
        for (const auto& [reason, count] : reasons)
            CHECK(seen.calls_by_reason[static_cast<std::size_t>(reason)] == count);
        CHECK(attempts == script.sends().size());
        CHECK(seen.waits == clock.waits().size());
        CHECK(seen.calls() == 30);
        CHECK(seen.call_latency.count() == 30);
    }
}

TEST_CASE("8 threads lose no count") {
    constexpr int threads = 8;
    constexpr int calls = 2000;
    struct Answer {
        int status;
        std::string_view body;
    };
    struct Request {
        std::string_view bot;
    };
    struct Of {
        std::string_view operator()(const Request& request) const { return request.bot; }
    };
    // The personal credential is refused for every second bot.
    const auto http = [](const Request& request, const Attempt& attempt) {
        const bool refuses = attempt.credential() == "personal" && request.bot.back() % 2 == 0;
        return refuses ? Answer{401, R"({"code":4101})"} : Answer{200, R"({"code":0})"};
    };
    auto meter = std::make_unique<Meter<Of>>();
    const Client client{http, both(), OnCodes{}, Observe{*meter}};
    std::atomic<bool> go{false};
    std::vector<std::thread> team;
    std::atomic<int> failed{0};
    for (int thread = 0; thread != threads; ++thread)
        team.emplace_back([&] {
            static constexpr std::string_view bots[] = {"bot_0", "bot_1", "bot_2", "bot_3"};
            while (!go) std::this_thread::yield();
            for (int i = 0; i != calls; ++i)
                if (!client.send(Request{bots[i % 4]})) ++failed;
        });
    go = true;
    for (int i = 0; i != 50; ++i) (void)meter->snapshot({});
    for (std::thread& member : team) member.join();
    CHECK(failed == 0);
    constexpr std::uint64_t all = std::uint64_t{threads} * calls;
    const Snapshot seen = meter->snapshot(detail::SystemClock::now());
    REQUIRE(seen.credentials.size() == 2);
    CHECK(seen.calls() == all);
    CHECK(seen.call_latency.count() == all);
    CHECK(seen.credentials[0].attempts() == all);
    CHECK(seen.credentials[0].by_class[AuthRejected] == all / 2);
    CHECK(seen.credentials[0].latency.count() == all);
    CHECK(seen.credentials[0].passed == all / 2);
    CHECK(seen.credentials[0].last_hour.attempts == all);
    CHECK(seen.credentials[0].last_hour.accepted == all / 2);
    CHECK(seen.credentials[1].served == all / 2);
    CHECK(count_of(seen, 0, 4101) == all / 2);
    REQUIRE(seen.keys.size() == 4);
    for (const auto& key : seen.keys) {
        REQUIRE(key.by_credential.size() == 1);
        CHECK(key.by_credential[0].served == all / 4);
        CHECK(key.by_credential[0].slot == (key.key.back() % 2 == 0 ? 1 : 0));
    }
}

TEST_CASE("8 threads that do nothing but count lose nothing") {
    constexpr int threads = 8;
    constexpr int rounds = 200'000;  // so that a loss shows on one processor too
    auto meter = std::make_unique<Meter<BotOf>>();
    std::atomic<int> ready{0};
    std::vector<std::thread> team;
    for (int thread = 0; thread != threads; ++thread)
        team.emplace_back([&meter, &ready] {
            observe::Began began;
            began.key = "bot";
            const observe::Attempted accepted_one = attempt_of(0, NoFailure, 3ns);
            observe::Ended ended;
            ended.duration = 5ns;
            ++ready;
            while (ready != threads) std::this_thread::yield();
            for (int i = 0; i != rounds; ++i) {
                Meter<BotOf>::PerCall call;
                meter->began(began, call);
                meter->attempted(accepted_one, call);
                meter->ended(ended, call);
            }
        });
    for (std::thread& member : team) member.join();
    constexpr std::uint64_t all = std::uint64_t{threads} * rounds;
    const Snapshot seen = meter->snapshot({});
    CHECK(seen.calls() == all);
    CHECK(seen.call_latency.sum == Duration{5 * all});
    CHECK(seen.credentials.at(0).attempts() == all);
    CHECK(seen.credentials.at(0).latency.count() == all);
    CHECK(seen.credentials.at(0).last_minute.attempts == all);
    CHECK(seen.credentials.at(0).last_minute.accepted == all);
    REQUIRE(seen.keys.size() == 1);
    CHECK(seen.keys[0].by_credential.at(0).served == all);
}
