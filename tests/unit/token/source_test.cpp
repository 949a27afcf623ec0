// SPDX-License-Identifier: BSL-1.0
#include <rekey/token/source.hpp>

#include "catch.hpp"

#include <rekey/cancellation.hpp>
#include <rekey/coze.hpp>
#include <rekey/testing.hpp>

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <mutex>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

using namespace rekey;

namespace {

/// A credential whose endpoint is a function of the test.
struct Traded {
    static constexpr auto name = "traded";
    using Exchange = token::Exchanged;

    std::string client = "client-1";

    struct Request {
        HttpRequest http{"POST", "https://auth.example/token", {}, {}};
        Secret authorization{"Bearer assertion-of-the-client"};
        std::string problem{};
    };
    Request token_request(std::int64_t) const { return {}; }
    oauth::TokenAnswer read_token(int status, std::string_view type, std::string_view body,
                                  std::int64_t now) const {
        oauth::TokenRules rules;
        rules.now = now;
        return oauth::read_token_answer(status, type, body, rules);
    }
};

struct Answer {
    Reach reach = Reach::answered;
    bool lasting = false;
    bool cancelled = false;
    int status = 200;
    std::string content_type = "application/json";
    std::string body{};
    std::string log_id{};
    std::string detail{};
    std::string date{};
    Duration retry_after{0};
};
Answer granted(const std::string& token) {
    Answer answer;
    answer.body = R"({"access_token":")" + token + R"(","expires_in":900})";
    return answer;
}
Answer failing(int status) {
    Answer answer;
    answer.status = status;
    return answer;
}

struct Report {
    Reach reach = Reach::answered;
    bool cancelled = false;
    int http_status = 0;
    bool has_service_code = false;
    std::int64_t service_code = 0;
    std::string message{};
    std::string log_id{};
};

/// Lets a test hold an exchange until it has seen what it wanted to see.
class Gate {
public:
    void open() {
        const std::lock_guard<std::mutex> lock(mutex_);
        open_ = true;
        changed_.notify_all();
    }
    void wait() {
        std::unique_lock<std::mutex> lock(mutex_);
        changed_.wait(lock, [this] { return open_; });
    }

private:
    std::mutex mutex_;
    std::condition_variable changed_;
    bool open_ = false;
};

template <class Exchanger>
Fetched fetch(token::Source<Traded>& source, token::Pin& pin, bool renew,
              const Exchanger& exchanger, testing::ManualClock& clock) {
    Report report;
    return source.fetch(pin, renew, Context{}, exchanger, clock, report);
}

}  // namespace

TEST_CASE("64 callers that meet no token make one exchange") {
    constexpr int callers_count = 64;
    token::Source<Traded> source{Traded{}};
    testing::ManualClock clock;
    std::atomic<int> started{0};
    std::atomic<int> exchanges{0};
    std::atomic<int> good{0};
    const auto exchanger = [&](const HttpRequest&, std::string_view, std::string_view) {
        ++exchanges;
        // Every caller is there before the token is, and gets time to ask for one as well.
        while (started != callers_count) std::this_thread::yield();
        for (int i = 0; i != 2000; ++i) std::this_thread::yield();
        return granted("token-1");
    };
    std::vector<std::thread> callers;
    for (int i = 0; i != callers_count; ++i)
        callers.emplace_back([&] {
            ++started;
            token::Pin pin;
            if (fetch(source, pin, false, exchanger, clock) == Fetched::unproven &&
                pin->token() == "token-1")
                ++good;
        });
    for (std::thread& caller : callers) caller.join();
    CHECK(exchanges == 1);
    CHECK(good == callers_count);
}

TEST_CASE("callers that waited share a failure instead of asking one after another") {
    token::Source<Traded> source{Traded{}};
    testing::ManualClock clock;
    Gate leader_is_asking;
    Gate others_wait;
    std::atomic<int> exchanges{0};
    std::atomic<int> failed{0};
    const auto exchanger = [&](const HttpRequest&, std::string_view, std::string_view) {
        ++exchanges;
        leader_is_asking.open();
        others_wait.wait();
        Answer answer = failing(401);
        answer.body = R"({"error_code":"invalid_client"})";
        return answer;
    };
    const auto call = [&] {
        token::Pin pin;
        if (fetch(source, pin, false, exchanger, clock) == Fetched::misconfigured) ++failed;
    };
    std::thread leader{call};
    leader_is_asking.wait();
    std::vector<std::thread> callers;
    std::atomic<int> started{0};
    for (int i = 0; i != 8; ++i)
        callers.emplace_back([&] {
            ++started;
            call();
        });
    while (started != 8) std::this_thread::yield();
    others_wait.open();
    leader.join();
    for (std::thread& caller : callers) caller.join();
    CHECK(failed == 9);
    CHECK(exchanges == 1);
}

TEST_CASE("S27 a bad answer never replaces a good token") {
    const Answer bad[] = {failing(503), failing(401), granted(""), granted("with space")};
    for (const Answer& answer : bad) {
        token::Source<Traded> source{Traded{}};
        testing::ManualClock clock;
        token::Pin pin;
        const auto good = [](const HttpRequest&, std::string_view, std::string_view) {
            return granted("token-1");
        };
        const auto spoilt = [&answer](const HttpRequest&, std::string_view, std::string_view) {
            return answer;
        };
        REQUIRE(fetch(source, pin, false, good, clock) == Fetched::unproven);
        CHECK(fetch(source, pin, true, spoilt, clock) > Fetched::renewed);
        REQUIRE(fetch(source, pin, false, spoilt, clock) == Fetched::unproven);
        CHECK(pin->token() == "token-1");
    }
}

TEST_CASE("S48 a token endpoint that gives the refused token again counts as a refusal") {
    token::Source<Traded> source{Traded{}};
    testing::ManualClock clock;
    token::Pin pin;
    const auto stubborn = [](const HttpRequest&, std::string_view, std::string_view) {
        return granted("token-1");
    };
    REQUIRE(fetch(source, pin, false, stubborn, clock) == Fetched::unproven);
    CHECK(fetch(source, pin, true, stubborn, clock) == Fetched::refused);
}

TEST_CASE("a late refusal of an old token takes the newer one and makes no exchange") {
    token::Source<Traded> source{Traded{}};
    testing::ManualClock clock;
    int exchanges = 0;
    const auto exchanger = [&exchanges](const HttpRequest&, std::string_view, std::string_view) {
        return granted("token-" + std::to_string(++exchanges));
    };
    token::Pin early;
    token::Pin late;
    REQUIRE(fetch(source, early, false, exchanger, clock) == Fetched::unproven);
    REQUIRE(fetch(source, late, false, exchanger, clock) == Fetched::unproven);
    REQUIRE(fetch(source, early, true, exchanger, clock) == Fetched::renewed);
    REQUIRE(exchanges == 2);
    CHECK(fetch(source, late, true, exchanger, clock) == Fetched::renewed);
    CHECK(exchanges == 2);
    CHECK(late->token() == "token-2");
}

TEST_CASE("a transport that never reached the endpoint is asked again, one that may have is too") {
    token::Source<Traded> source{Traded{}};
    testing::ManualClock clock;
    for (const Reach reach : {Reach::never_sent, Reach::sent_unanswered, Reach::cut_short}) {
        clock.advance(std::chrono::minutes{1});  // the pause after the failure before
        int exchanges = 0;
        const auto lost = [&](const HttpRequest&, std::string_view, std::string_view) {
            ++exchanges;
            Answer answer;
            answer.reach = reach;
            answer.detail = "gone";
            return answer;
        };
        token::Pin pin;
        const Fetched outcome = fetch(source, pin, false, lost, clock);
        CHECK(outcome == (reach == Reach::never_sent ? Fetched::not_sent : Fetched::unknown));
        CHECK(exchanges == token::exchange_tries);
    }
}

TEST_CASE("a failure that lasts is not tried again") {
    token::Source<Traded> source{Traded{}};
    testing::ManualClock clock;
    int exchanges = 0;
    const auto untrusted = [&](const HttpRequest&, std::string_view, std::string_view) {
        ++exchanges;
        Answer answer;
        answer.reach = Reach::never_sent;
        answer.lasting = true;
        answer.detail = "the certificate does not verify";
        return answer;
    };
    token::Pin pin;
    CHECK(fetch(source, pin, false, untrusted, clock) == Fetched::not_sent);
    CHECK(exchanges == 1);
    CHECK(clock.waits().empty());
}

TEST_CASE("a caller whose transport throws does not strand the others") {
    token::Source<Traded> source{Traded{}};
    testing::ManualClock clock;
    token::Pin pin;
    const auto broken = [](const HttpRequest&, std::string_view, std::string_view) -> Answer {
        throw std::runtime_error("broken");
    };
    CHECK_THROWS_AS(fetch(source, pin, false, broken, clock), std::runtime_error);
    const auto good = [](const HttpRequest&, std::string_view, std::string_view) {
        return granted("token-1");
    };
    CHECK(fetch(source, pin, false, good, clock) == Fetched::unproven);
}

TEST_CASE("a caller that is cancelled does not wait for the exchange of another") {
    token::Source<Traded> source{Traded{}};
    testing::ManualClock clock;
    Gate begun;
    Gate answered;
    std::thread leader([&] {
        token::Pin pin;
        const auto exchanger = [&](const HttpRequest&, std::string_view, std::string_view) {
            begun.open();
            answered.wait();
            return granted("the-token-of-the-leader");
        };
        CHECK(fetch(source, pin, false, exchanger, clock) == Fetched::unproven);
    });
    begun.wait();
    const Canceller stop;
    stop.cancel();
    detail::CallExtras call;
    call.take(Cancellation{stop});
    testing::ManualClock own_clock;
    token::Pin pin;
    Report report;
    const auto nobody = [](const HttpRequest&, std::string_view, std::string_view) {
        return failing(500);
    };
    CHECK(source.fetch(pin, false, call, nobody, own_clock, report) == Fetched::failed);
    CHECK(report.cancelled);

    const Canceller later;
    std::atomic<bool> was_cancelled{false};
    std::thread follower([&] {  // cancelled while it waits, or just before
        detail::CallExtras extras;
        extras.take(Cancellation{later});
        token::Pin its_pin;
        Report its_report;
        source.fetch(its_pin, false, extras, nobody, own_clock, its_report);
        was_cancelled = its_report.cancelled;
    });
    later.cancel();
    follower.join();
    CHECK(was_cancelled);
    answered.open();
    leader.join();
}

TEST_CASE("a caller that waits for the exchange of another looks at nothing until it is stopped") {
    static std::atomic<int> sleepers{0};
    token::Source<Traded> source{Traded{}};
    const Canceller stop;
    detail::CallExtras extras;
    extras.take(Cancellation{stop});
    extras.stop.sleeper = [](const detail::Atomic<bool>* flag) {
        ++sleepers;
        return detail::StopList::sleeper(flag);
    };
    testing::ManualClock clock;
    token::Pin pin;
    Report report;
    const auto leads = [&](const HttpRequest&, std::string_view, std::string_view) {
        std::thread follower([&] {
            token::Pin its_pin;
            Report its_report;
            testing::ManualClock its_clock;
            const auto nobody = [](const HttpRequest&, std::string_view, std::string_view) {
                return failing(500);
            };
            CHECK(source.fetch(its_pin, false, extras, nobody, its_clock, its_report) ==
                  Fetched::failed);
            CHECK(its_report.cancelled);
        });
        while (sleepers == 0) std::this_thread::yield();
        stop.cancel();
        follower.join();  // the leader is still at it
        return granted("token-1");
    };
    CHECK(fetch(source, pin, false, leads, clock) == Fetched::unproven);
    CHECK(sleepers == 1);
}

TEST_CASE("a caller that is cancelled between two tries of its exchange makes no other") {
    token::Source<Traded> source{Traded{}};
    testing::ManualClock clock;
    const Canceller stop;
    detail::CallExtras call;
    call.take(Cancellation{stop});
    int exchanges = 0;
    const auto exchanger = [&](const HttpRequest&, std::string_view, std::string_view) {
        ++exchanges;
        stop.cancel();
        return failing(503);
    };
    token::Pin pin;
    Report report;
    CHECK(source.fetch(pin, false, call, exchanger, clock, report) == Fetched::failed);
    CHECK(report.cancelled);
    CHECK(exchanges == 1);
    CHECK(clock.waits().empty());
}

TEST_CASE("a credential that was replaced is not overtaken by the token of the old one") {
    token::Source<Traded> source{Traded{"old"}};
    testing::ManualClock clock;
    int exchanges = 0;
    const auto exchanger = [&](const HttpRequest&, std::string_view, std::string_view) {
        if (++exchanges == 1) source.replace(Traded{"new"});
        return granted("token-" + std::to_string(exchanges));
    };
    token::Pin pin;
    REQUIRE(fetch(source, pin, false, exchanger, clock) == Fetched::unproven);
    CHECK(pin->token() == "token-2");
    CHECK(exchanges == 2);
}

TEST_CASE("a token is proven once a request with it was accepted") {
    token::Source<Traded> source{Traded{}};
    testing::ManualClock clock;
    const auto good = [](const HttpRequest&, std::string_view, std::string_view) {
        return granted("token-1");
    };
    token::Pin pin;
    REQUIRE(fetch(source, pin, false, good, clock) == Fetched::unproven);
    REQUIRE(fetch(source, pin, false, good, clock) == Fetched::unproven);
    pin->accepted.store(true, std::memory_order_relaxed);
    CHECK(fetch(source, pin, false, good, clock) == Fetched::proven);
}

TEST_CASE("S34 64 callers that meet an expired token make one exchange") {
    constexpr int callers_count = 64;
    token::Source<Traded> source{Traded{}};
    testing::ManualClock clock;
    token::Pin first;
    const auto old = [](const HttpRequest&, std::string_view, std::string_view) {
        return granted("token-1");
    };
    REQUIRE(fetch(source, first, false, old, clock) == Fetched::unproven);
    clock.advance(std::chrono::seconds{900});
    std::atomic<int> started{0};
    std::atomic<int> exchanges{0};
    std::atomic<int> good{0};
    const auto exchanger = [&](const HttpRequest&, std::string_view, std::string_view) {
        ++exchanges;
        while (started != callers_count) std::this_thread::yield();
        for (int i = 0; i != 2000; ++i) std::this_thread::yield();
        return granted("token-2");
    };
    std::vector<std::thread> callers;
    for (int i = 0; i != callers_count; ++i)
        callers.emplace_back([&] {
            ++started;
            token::Pin pin;
            if (fetch(source, pin, false, exchanger, clock) == Fetched::unproven &&
                pin->token() == "token-2")
                ++good;
        });
    for (std::thread& caller : callers) caller.join();
    CHECK(exchanges == 1);
    CHECK(good == callers_count);
}

TEST_CASE("S34 in its early window a token is refreshed by one caller, and no other waits") {
    constexpr int others_count = 63;
    token::Source<Traded> source{Traded{}};
    testing::ManualClock clock;
    token::Pin pin;
    const auto old = [](const HttpRequest&, std::string_view, std::string_view) {
        return granted("token-1");
    };
    REQUIRE(fetch(source, pin, false, old, clock) == Fetched::unproven);
    pin.release();
    clock.advance(std::chrono::seconds{850});
    std::atomic<int> exchanges{0};
    std::atomic<int> with_old{0};
    Gate begun;
    Gate others_are_done;
    const auto exchanger = [&](const HttpRequest&, std::string_view, std::string_view) {
        if (++exchanges != 1) return granted("token-3");
        clock.advance(std::chrono::seconds{10});  // a slow one
        begun.open();
        others_are_done.wait();
        return granted("token-2");
    };
    std::thread leader([&] {
        token::Pin its_pin;
        CHECK(fetch(source, its_pin, false, exchanger, clock) == Fetched::unproven);
        CHECK(its_pin->token() == "token-2");
    });
    begun.wait();
    std::vector<std::thread> others;
    for (int i = 0; i != others_count; ++i)
        others.emplace_back([&] {
            token::Pin its_pin;
            if (fetch(source, its_pin, false, exchanger, clock) == Fetched::unproven &&
                its_pin->token() == "token-1")
                ++with_old;
        });
    for (std::thread& other : others) other.join();  // while the exchange goes on
    CHECK(with_old == others_count);
    others_are_done.open();
    leader.join();
    CHECK(exchanges == 1);
    CHECK(fetch(source, pin, false, exchanger, clock) == Fetched::unproven);
    CHECK(pin->token() == "token-2");
}

namespace {

/// An endpoint that fails unless told otherwise, and counts.
struct Flaky {
    Answer answer = failing(503);
    int exchanges = 0;
    Answer operator()() {
        ++exchanges;
        return answer;
    }
};
struct Life {
    token::Source<Traded> source{Traded{}};
    testing::ManualClock clock{};
    Flaky endpoint{};
    token::Pin pin{};
    Report report{};

    Fetched call(bool renew = false) {
        return source.fetch(
            pin, renew, Context{},
            [this](const HttpRequest&, std::string_view, std::string_view) { return endpoint(); },
            clock, report);
    }
    /// A token of 900 seconds that somebody used; the endpoint fails from then on.
    void begin() {
        endpoint.answer = granted("token-1");
        REQUIRE(call() == Fetched::unproven);
        pin->accepted.store(true, std::memory_order_relaxed);
        endpoint = Flaky{};
    }
};

}  // namespace

TEST_CASE("S42 an early refresh that fails leaves the live token to all, and the endpoint alone") {
    Life life;
    life.begin();
    life.clock.advance(std::chrono::seconds{780});  // its window began, wherever it was drawn
    std::vector<int> asked;
    for (int second = 0; second != 64; ++second) {
        for (int i = 0; i != 10; ++i) {
            REQUIRE(life.call() == Fetched::proven);
            CHECK(life.pin->token() == "token-1");
        }
        const int before = static_cast<int>(asked.size());
        if (life.endpoint.exchanges != before) asked.push_back(second);
        REQUIRE(life.endpoint.exchanges == static_cast<int>(asked.size()));
        life.clock.advance(std::chrono::seconds{1});
    }
    CHECK(asked == std::vector<int>{0, 1, 3, 7, 15, 31, 61});
    CHECK(life.clock.waits().empty());  // who tried did not wait to try again

    SECTION("a refresh that works ends it") {
        life.clock.advance(std::chrono::seconds{25});
        life.endpoint.answer = granted("token-2");
        CHECK(life.call() == Fetched::proven);
        life.clock.advance(std::chrono::seconds{2});
        CHECK(life.call() == Fetched::unproven);
        CHECK(life.pin->token() == "token-2");
    }
    SECTION("it holds up nobody who meets the expired token") {
        life.clock.advance(std::chrono::seconds{56});
        life.endpoint.exchanges = 0;
        CHECK(life.call() == Fetched::failed);
        CHECK(life.endpoint.exchanges == token::exchange_tries);
        life.clock.advance(std::chrono::seconds{1});  // the first pause of these
        CHECK(life.call() == Fetched::failed);
        CHECK(life.endpoint.exchanges == 2 * token::exchange_tries);
    }
}

TEST_CASE("S42 a passing failure leaves a token in use until it really expires, another does not") {
    Life life;
    life.begin();
    life.clock.advance(std::chrono::seconds{880});  // within its margin
    SECTION("the endpoint is down") {
        CHECK(life.call() == Fetched::proven);
        CHECK(life.endpoint.exchanges == token::exchange_tries);
        CHECK(life.call() == Fetched::proven);  // from memory
        CHECK(life.endpoint.exchanges == token::exchange_tries);
        CHECK(life.call(true) == Fetched::failed);  // the token was refused
        life.clock.advance(std::chrono::seconds{20});
        CHECK(life.call() == Fetched::failed);
        CHECK(life.endpoint.exchanges == 2 * token::exchange_tries);
    }
    SECTION("the endpoint refuses") {
        life.endpoint.answer = failing(401);
        CHECK(life.call() == Fetched::misconfigured);
        CHECK(life.call() == Fetched::misconfigured);
        CHECK(life.endpoint.exchanges == 1);
    }
    SECTION("the credential was replaced") {
        life.source.replace(Traded{"new"});
        CHECK(life.call() == Fetched::failed);
    }
}

TEST_CASE("a token that dies while its early refresh fails is asked for like one that was dead") {
    Life life;
    life.begin();
    life.clock.advance(std::chrono::seconds{869});
    int exchanges = 0;
    const auto slow = [&](const HttpRequest&, std::string_view, std::string_view) {
        life.clock.advance(std::chrono::seconds{40});
        return ++exchanges == 1 ? failing(503) : granted("token-2");
    };
    CHECK(fetch(life.source, life.pin, false, slow, life.clock) == Fetched::unproven);
    CHECK(life.pin->token() == "token-2");
    CHECK(exchanges == 2);
}

TEST_CASE("S37 an early refresh whose transport throws is not tried by one caller after another") {
    Life life;
    life.begin();
    life.clock.advance(std::chrono::seconds{800});
    int exchanges = 0;
    const auto broken = [&](const HttpRequest&, std::string_view, std::string_view) -> Answer {
        ++exchanges;
        throw std::runtime_error("broken");
    };
    CHECK_THROWS_AS(fetch(life.source, life.pin, false, broken, life.clock), std::runtime_error);
    for (int i = 0; i != 10; ++i)
        CHECK(fetch(life.source, life.pin, false, broken, life.clock) == Fetched::proven);
    CHECK(exchanges == 1);
    life.clock.advance(std::chrono::seconds{1});
    life.endpoint.answer = granted("token-2");
    CHECK(life.call() == Fetched::unproven);
}

namespace {

/// The caller of this exchange was stopped meanwhile.
Answer stopped(const HttpRequest&, std::string_view, std::string_view) {
    Answer answer;
    answer.reach = Reach::sent_unanswered;
    answer.lasting = true;
    answer.cancelled = true;
    return answer;
}

}  // namespace

TEST_CASE("S36 an early refresh that is cancelled is done by another caller, a second later") {
    Life life;
    life.begin();
    life.clock.advance(std::chrono::seconds{800});
    Report report;
    token::Pin pin;
    CHECK(life.source.fetch(pin, false, Context{}, stopped, life.clock, report) > Fetched::renewed);
    CHECK(report.cancelled);
    life.endpoint.answer = granted("token-2");
    CHECK(life.call() == Fetched::proven);
    life.clock.advance(std::chrono::seconds{1});
    CHECK(life.call() == Fetched::unproven);
    CHECK(life.endpoint.exchanges == 1);
}

TEST_CASE("S36 S37 an early refresh that was given up holds up nobody whose token was refused") {
    Life life;
    life.begin();
    life.clock.advance(std::chrono::seconds{800});
    const auto broken = [](const HttpRequest&, std::string_view, std::string_view) -> Answer {
        throw std::runtime_error("broken");
    };
    token::Pin other;
    SECTION("its transport threw") {
        CHECK_THROWS_AS(fetch(life.source, other, false, broken, life.clock), std::runtime_error);
    }
    SECTION("its caller was cancelled") {
        CHECK(fetch(life.source, other, false, stopped, life.clock) == Fetched::unknown);
    }
    life.endpoint.answer = granted("token-2");
    REQUIRE(life.call(true) == Fetched::renewed);  // the token of `life.pin` was refused
    CHECK(life.endpoint.exchanges == 1);
    CHECK(life.pin->token() == "token-2");
}

TEST_CASE("an endpoint that early gives the same token once more leaves it proven") {
    Life life;
    life.begin();
    const std::uint64_t generation = life.pin->generation;
    life.clock.advance(std::chrono::seconds{800});
    life.endpoint.answer = granted("token-1");
    CHECK(life.call() == Fetched::proven);
    CHECK(life.pin->generation == generation);
    life.clock.advance(std::chrono::seconds{600});
    CHECK(life.call() == Fetched::proven);
    CHECK(life.endpoint.exchanges == 1);  // it lives from the second answer on
}

TEST_CASE("while the endpoint is down a thousand calls a second make an exchange now and then",
          "[one_thread]") {
    Life life;
    const Answer bad[] = {failing(503), failing(401)};
    for (const Answer& answer : bad) {
        life.endpoint.answer = answer;
        life.source.replace(Traded{});
        REQUIRE(life.call() > Fetched::renewed);
        const std::string words = life.report.message;
        const int tries = life.endpoint.exchanges;
        std::vector<int> asked;
        TimePoint ended = life.clock.now();
        for (int i = 0; i != 93'000; ++i) {
            life.clock.advance(std::chrono::milliseconds{1});
            const int before = life.endpoint.exchanges;
            const TimePoint began = life.clock.now();
            REQUIRE(life.call() > Fetched::renewed);
            REQUIRE(life.report.message == words);
            REQUIRE(life.report.http_status == answer.status);
            if (life.endpoint.exchanges == before) continue;
            REQUIRE(life.endpoint.exchanges == before + tries);
            asked.push_back(static_cast<int>((began - ended) / std::chrono::seconds{1}));
            ended = life.clock.now();
        }
        CHECK(asked == std::vector<int>{1, 2, 4, 8, 16, 30, 30});
        life.endpoint.exchanges = 0;
    }
}

TEST_CASE("a credential that was replaced is asked for at once, whatever failed before") {
    Life life;
    CHECK(life.call() == Fetched::failed);
    const int exchanges = life.endpoint.exchanges;
    CHECK(life.call() == Fetched::failed);
    CHECK(life.endpoint.exchanges == exchanges);
    life.endpoint.answer = granted("token-1");
    life.source.replace(Traded{"new"});
    CHECK(life.call() == Fetched::unproven);
}

TEST_CASE("a failure of the credential before is not held against the one that replaced it") {
    Life life;
    int exchanges = 0;
    const auto refusing = [&](const HttpRequest&, std::string_view, std::string_view) {
        ++exchanges;
        life.source.replace(Traded{"new"});
        return failing(401);
    };
    CHECK(fetch(life.source, life.pin, false, refusing, life.clock) == Fetched::misconfigured);
    CHECK(fetch(life.source, life.pin, false, refusing, life.clock) == Fetched::misconfigured);
    CHECK(exchanges == 2);
}

TEST_CASE("who waits for the token of a credential that is replaced is not told its failure") {
    token::Source<Traded> source{Traded{"old"}};
    testing::ManualClock clock;
    token::Pin pin, later_pin;
    Report report, later_report;
    using Fetching = token::Source<Traded>::Fetching<Report>;
    Fetching leader(source, pin, false, report);
    REQUIRE(leader.start(clock) == token::FetchStep::send);
    source.replace(Traded{"new"});
    Fetching later(source, later_pin, false, later_report);
    REQUIRE(later.start(clock) == token::FetchStep::join);
    REQUIRE(leader.answered(failing(401), clock) == token::FetchStep::finish);
    CHECK(leader.outcome() == Fetched::misconfigured);
    REQUIRE(later.woken(clock) == token::FetchStep::send);
    REQUIRE(later.answered(granted("token-of-the-new"), clock) == token::FetchStep::finish);
    CHECK(later.outcome() == Fetched::unproven);
    CHECK(later_pin->token() == "token-of-the-new");
}

TEST_CASE("S66 an endpoint that asks for a pause is left alone so long") {
    Life life;
    life.endpoint.answer.retry_after = std::chrono::seconds{90};
    CHECK(life.call() == Fetched::failed);
    CHECK(life.endpoint.exchanges == 1);
    CHECK(life.clock.waits().empty());
    life.clock.advance(std::chrono::seconds{89});
    CHECK(life.call() == Fetched::failed);
    CHECK(life.endpoint.exchanges == 1);
    life.clock.advance(std::chrono::seconds{1});
    life.endpoint.answer = granted("token-1");
    CHECK(life.call() == Fetched::unproven);
}

TEST_CASE("S66 what an endpoint asks for is seconds or a date, a day at most") {
    using std::chrono::seconds;
    constexpr auto date = "Mon, 21 Sep 2026 14:13:20 GMT";
    const auto asked = [&](std::string_view text) { return token::asked_pause(text, date); };
    CHECK(asked("") == seconds{0});
    CHECK(asked("90") == seconds{90});
    CHECK(asked("-90") == seconds{0});
    CHECK(asked("90 or more") == seconds{0});
    CHECK(asked("99999999999999999999999") == seconds{86400});
    CHECK(asked("Mon, 21 Sep 2026 14:14:50 GMT") == seconds{90});
    CHECK(asked("Monday, 21-Sep-26 14:14:50 GMT") == seconds{90});
    CHECK(asked("Mon Sep 21 14:14:50 2026") == seconds{90});
    CHECK(asked("Mon, 21 Sep 2026 14:13:19 GMT") == seconds{0});
    CHECK(asked("Fri, 31 Dec 9999 23:59:59 GMT") == seconds{86400});
    CHECK(asked("Mon, 31 Sep 2026 14:14:50 GMT") == seconds{0});
    CHECK(token::asked_pause(std::string("Mon, 21 Sep 2026 14:14:50 GMT"), "") == seconds{0});
    CHECK(token::asked_pause("Mon, 21 Sep 2026 14:14:50 GMT", "soon") == seconds{0});
}

TEST_CASE("a renewal that failed is not tried again within the pause, and the token serves on") {
    Life life;
    life.begin();
    CHECK(life.call(true) == Fetched::failed);
    const int exchanges = life.endpoint.exchanges;
    CHECK(life.call() == Fetched::proven);
    CHECK(life.call(true) == Fetched::failed);
    CHECK(life.endpoint.exchanges == exchanges);
    life.clock.advance(std::chrono::seconds{1});
    life.endpoint.answer = granted("token-2");
    CHECK(life.call() == Fetched::proven);
    CHECK(life.call(true) == Fetched::renewed);
}

TEST_CASE("a server whose clock differs is seen by its Date, within the time of the exchange") {
    constexpr std::int64_t now = 1'790'000'000;  // 2026-09-21 14:13:20
    CHECK(token::skew_of("Mon, 21 Sep 2026 14:13:20 GMT", now, now) == 0);
    CHECK(token::skew_of("Mon, 21 Sep 2026 14:13:19 GMT", now, now) == 0);
    CHECK(token::skew_of("Mon, 21 Sep 2026 14:13:20 GMT", now - 30, now + 30) == 0);
    CHECK(token::skew_of("Mon, 21 Sep 2026 14:23:20 GMT", now - 30, now) == 600);
    CHECK(token::skew_of("Mon, 21 Sep 2026 14:03:20 GMT", now, now + 30) == -599);
    CHECK(token::skew_of("yesterday", now, now) == 0);
    CHECK(token::skew_of("", now, now) == 0);
}

TEST_CASE("the early window is a fifth of the life, five minutes at most, and begins at random") {
    CHECK(token::early_window(900) == 180);
    CHECK(token::early_window(86399) == 300);
    CHECK(token::early_window(4) == 0);
    CHECK(token::early_refresh_at(870, 900, 0) == 690);
    CHECK(token::early_refresh_at(870, 900, 90) == 780);
    CHECK(token::early_refresh_at(870, 900, 91) == 690);
    CHECK(token::early_refresh_at(4, 4, 12345) == 4);
}

TEST_CASE("the margin before expiry is a tenth of the life, 30 seconds at most") {
    CHECK(token::expiry_margin(900) == 30);
    CHECK(token::expiry_margin(86399) == 30);
    CHECK(token::expiry_margin(100) == 10);
    CHECK(token::expiry_margin(5) == 0);
}
