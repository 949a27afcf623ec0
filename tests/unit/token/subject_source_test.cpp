// SPDX-License-Identifier: BSL-1.0
#include <rekey/token/subject_source.hpp>

#include "catch.hpp"
#include "support/obo.hpp"

#include <rekey/cancellation.hpp>
#include <rekey/detail/shared.hpp>

#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <limits>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

using namespace rekey;
using namespace std::chrono_literals;
using obo::at_once;
using obo::Clock;
using obo::Gate;
using obo::let_others_run;

namespace {

/// A flow whose asking is a function of the test; its refresh requests are real ones.
struct Flow {
    using Exchange = token::PerSubject;
    std::function<void(const oauth::FlowUser&, oauth::FlowAnswer&)> person{};

    std::function<void()> before_request{};
    oauth::TokenRequest refresh_request(const Secret& refresh_token) const {
        if (before_request) before_request();
        return oauth::refresh_request({"https://auth.example", "client-1", false},
                                      oauth::PublicClient{}, refresh_token);
    }
    template <class Exchanger, class Clock>
    void ask(const oauth::FlowUser& user, const Exchanger&, Clock&, oauth::FlowAnswer& answer) {
        person(user, answer);
    }
    /// The tokens that somebody wanted to be void, in pairs.
    std::vector<std::string> revoked{};
    template <class Exchanger>
    oauth::SignOut revoke(const Secret& refresh_token, const Secret& access_token,
                          const Exchanger&) {
        revoked.push_back(std::string(refresh_token.expose()) + "/" +
                          std::string(access_token.expose()));
        return {};
    }
};

struct User {
    static constexpr std::string_view name = "user";
    using Exchange = token::PerSubject;
    Flow* lent;
    Flow& flow() noexcept { return *lent; }
};

using Source = token::SubjectSource<User>;

struct Answer {
    Reach reach = Reach::answered;
    bool lasting = false;
    bool cancelled = false;
    int status = 200;
    std::string content_type = "application/json";
    std::string body{};
    std::string log_id{};
    std::string detail{};
    Duration retry_after{0};
};
Answer granted(const std::string& access, const std::string& more, std::int64_t seconds = 900) {
    Answer answer;
    answer.body = R"({"access_token":")" + access + R"(","expires_in":)" + std::to_string(seconds) +
                  more + "}";
    return answer;
}
Answer granted(int number) {
    const std::string n = std::to_string(number);
    return granted("access-" + n, R"(,"refresh_token":"refresh-)" + n + "\"");
}
Answer failing(int status, std::string body = {}) {
    Answer answer;
    answer.status = status;
    answer.body = std::move(body);
    return answer;
}
Answer dead() { return failing(400, R"({"error_code":"invalid_grant"})"); }
Answer unanswered(Reach reach) {
    Answer answer;
    answer.reach = reach;
    answer.detail = "gone";
    return answer;
}
Answer stopped(Reach reach) {
    Answer answer = unanswered(reach);
    answer.lasting = true;
    answer.cancelled = true;
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

/// A token endpoint that answers what the test says and remembers the refresh tokens it saw.
struct Endpoint {
    std::function<Answer(int)> answer = [](int number) { return granted(number); };
    mutable std::atomic<int> calls{0};
    mutable std::mutex mutex{};
    mutable std::vector<std::string> bodies{};

    Answer operator()(const HttpRequest& request, std::string_view, std::string_view) const {
        int number = 0;
        {
            const std::lock_guard<std::mutex> lock(mutex);
            bodies.push_back(request.body);
            number = ++calls;
        }
        return answer(number);
    }
    /// How often that refresh token was sent.
    int sent(const std::string& refresh_token) const {
        int count = 0;
        for (const std::string& body : bodies)
            if (body.find("\"" + refresh_token + "\"") != std::string::npos) ++count;
        return count;
    }
};

/// One app with its users, at a desk of its own.
struct Desk {
    Clock clock{};
    Flow flow{};
    Endpoint endpoint{};
    Source source{User{&flow}};

    Fetched fetch(token::Pin& pin, bool renew = false, std::string_view subject = "ann") {
        Report report;
        return fetch(pin, renew, subject, report);
    }
    Fetched fetch(token::Pin& pin, bool renew, std::string_view subject, Report& report) {
        detail::CallExtras extras;
        extras.subject = subject;
        return source.fetch(pin, renew, extras, endpoint, clock, report);
    }
    /// The token that a call gets now; empty without one.
    std::string token(std::string_view subject = "ann") {
        token::Pin pin;
        return fetch(pin, false, subject) <= Fetched::renewed ? std::string(pin->token())
                                                              : std::string();
    }
    void adopt(const std::string& access, const std::string& refresh_token, std::int64_t seconds,
               std::string_view subject = "ann") {
        oauth::TokenSet tokens;
        tokens.access_token = Secret{access};
        tokens.refresh_token = Secret{refresh_token};
        tokens.expires_at = clock.unix_seconds() + seconds;
        source.adopt(subject, std::move(tokens), clock);
    }
    /// A user whose access token has just expired.
    void adopt_expired() { adopt("access-0", "refresh-0", 0); }

    oauth::FlowAnswer ask(std::uint64_t refused = 0, std::string_view subject = "ann") {
        oauth::FlowAnswer answer;
        oauth::FlowUser whom;
        whom.subject = subject;
        source.reauthorize(whom, refused, endpoint, clock, answer);
        return answer;
    }
    /// The person says yes and these tokens come.
    void say_yes(const std::string& access, const std::string& refresh_token) {
        flow.person = [this, access, refresh_token](const oauth::FlowUser&,
                                                    oauth::FlowAnswer& answer) {
            oauth::TokenSet tokens;
            tokens.access_token = Secret{access};
            tokens.refresh_token = Secret{refresh_token};
            tokens.expires_at = clock.unix_seconds() + 900;
            answer.outcome = Reauthorized::authorized;
            answer.tokens = oauth::UncommittedTokens{std::move(tokens)};
        };
    }
};

}  // namespace

// --- Refreshing ---

TEST_CASE("a user without tokens costs no token call and is to be asked") {
    Desk desk;
    token::Pin pin;
    Report report;
    CHECK(desk.fetch(pin, false, "ann", report) == Fetched::refused);
    CHECK(!pin);
    CHECK(report.message == "this user has not authorized, or the authorization is over");
    CHECK(desk.endpoint.calls == 0);
}

TEST_CASE("adopted tokens count as accepted, and each user has their own") {
    Desk desk;
    desk.adopt("of-ann", "refresh-ann", 900, "ann");
    desk.adopt("of-bob", "refresh-bob", 900, "bob");
    token::Pin pin;
    CHECK(desk.fetch(pin, false, "ann") == Fetched::proven);
    CHECK(pin->token() == "of-ann");
    CHECK(desk.fetch(pin, false, "bob") == Fetched::proven);
    CHECK(pin->token() == "of-bob");
    CHECK(desk.fetch(pin, false, "") == Fetched::refused);
    CHECK(desk.endpoint.calls == 0);
}

TEST_CASE("S34 64 callers that meet one expired token make one refresh, and nobody is left out") {
    Desk desk;
    desk.adopt_expired();
    std::atomic<int> started{0};
    std::atomic<int> good{0};
    desk.endpoint.answer = [&](int number) {
        while (started != 64) std::this_thread::yield();
        let_others_run();
        return granted(number);
    };
    at_once(64, [&](int) {
        ++started;
        if (desk.token() == "access-1") ++good;
    });
    CHECK(good == 64);
    CHECK(desk.endpoint.calls == 1);
    CHECK(desk.endpoint.sent("refresh-0") == 1);
}

TEST_CASE("S34 64 callers through 20 expiries make 20 refreshes, each with the token of the last") {
    Desk desk;
    desk.adopt_expired();
    for (int expiry = 1; expiry != 21; ++expiry) {
        std::atomic<int> good{0};
        at_once(16, [&](int) {
            if (!desk.token().empty()) ++good;
        });
        CHECK(good == 16);
        CHECK(desk.endpoint.calls == expiry);
        CHECK(desk.endpoint.sent("refresh-" + std::to_string(expiry - 1)) == 1);
        desk.clock.advance(900s);
    }
}

TEST_CASE("users refresh side by side") {
    Desk desk;
    desk.adopt("a", "refresh-ann", 0, "ann");
    desk.adopt("b", "refresh-bob", 0, "bob");
    std::atomic<int> inside{0};
    desk.endpoint.answer = [&](int number) {
        ++inside;
        while (inside != 2) std::this_thread::yield();  // hangs if they queue
        return granted(number);
    };
    std::atomic<int> served{0};
    at_once(2, [&](int i) {
        if (!desk.token(i == 0 ? "ann" : "bob").empty()) ++served;
    });
    CHECK(served == 2);
    CHECK(desk.endpoint.calls == 2);
}

TEST_CASE("S35 those who wait for a refresh share its failure") {
    Desk desk;
    desk.adopt_expired();
    Answer answer;
    Fetched wanted = Fetched::refused;
    SECTION("the grant is dead") { answer = dead(); }
    SECTION("the answer is lost") { answer = unanswered(Reach::sent_unanswered); }
    SECTION("the client is wrong") {
        answer = failing(401, R"({"error_code":"invalid_client"})");
        wanted = Fetched::misconfigured;
    }
    Gate leader_is_asking;
    Gate others_wait;
    desk.endpoint.answer = [&](int) {
        leader_is_asking.open();
        others_wait.wait();
        return answer;
    };
    std::atomic<int> equal{0};
    std::string words;
    const auto call = [&](bool leads) {
        token::Pin pin;
        Report report;
        const Fetched outcome = desk.fetch(pin, false, "ann", report);
        if (leads) words = report.message;
        if (outcome == wanted && !pin) ++equal;
    };
    std::thread leader{call, true};
    leader_is_asking.wait();
    std::atomic<int> started{0};
    std::vector<std::thread> waiters;
    for (int i = 0; i != 63; ++i)
        waiters.emplace_back([&] {
            ++started;
            call(false);
        });
    while (started != 63) std::this_thread::yield();
    for (int i = 0; i != 20; ++i) let_others_run();
    others_wait.open();
    leader.join();
    for (std::thread& waiter : waiters) waiter.join();
    CHECK(equal == 64);
    CHECK(!words.empty());
    if (wanted == Fetched::refused) CHECK(desk.endpoint.calls == 1);
}

TEST_CASE("who waits for a refresh of another sleeps until it has ended or the call is stopped") {
    static std::atomic<int> sleepers{0};
    sleepers = 0;
    Desk desk;
    desk.adopt_expired();
    const Canceller stop;
    detail::CallExtras extras;
    extras.take(Subject{"ann"});
    extras.take(Cancellation{stop});
    extras.stop.sleeper = [](const detail::Atomic<bool>* flag) {
        ++sleepers;
        return detail::StopList::sleeper(flag);
    };
    const auto follow = [&](Report& report) {
        token::Pin pin;
        return desk.source.fetch(pin, false, extras, desk.endpoint, desk.clock, report);
    };
    std::atomic<Fetched> served{Fetched::failed};
    std::thread patient;
    desk.endpoint.answer = [&](int number) {
        patient = std::thread([&] {
            Report report;
            served = follow(report);
        });
        while (sleepers == 0) std::this_thread::yield();
        return granted(number);
    };
    token::Pin pin;
    Report report;
    CHECK(desk.fetch(pin, false, "ann", report) == Fetched::unproven);
    patient.join();
    CHECK(served == Fetched::unproven);
    CHECK(sleepers == 1);

    desk.clock.advance(2h);
    desk.endpoint.answer = [&](int number) {
        Report its_report;
        std::thread impatient([&] { served = follow(its_report); });
        while (sleepers == 1) std::this_thread::yield();
        stop.cancel();
        impatient.join();  // the leader is still at it
        CHECK(its_report.cancelled);
        return granted(number);
    };
    CHECK(desk.fetch(pin, false, "ann", report) == Fetched::unproven);
    CHECK(served == Fetched::failed);
    CHECK(sleepers == 2);
}

TEST_CASE("S36 when the leader is cancelled another caller takes over") {
    const Reach reach = GENERATE(Reach::never_sent, Reach::sent_unanswered);
    Desk desk;
    desk.adopt_expired();
    Gate leader_is_asking;
    Gate others_wait;
    desk.endpoint.answer = [&](int number) {
        if (number != 1) return granted(number);
        leader_is_asking.open();
        others_wait.wait();
        return stopped(reach);
    };
    Report led;
    Fetched outcome_of_leader = Fetched::proven;
    std::thread leader{[&] {
        token::Pin pin;
        outcome_of_leader = desk.fetch(pin, false, "ann", led);
    }};
    leader_is_asking.wait();
    std::atomic<int> served{0};
    std::atomic<int> cancelled{0};
    std::thread followers{[&] {
        at_once(4, [&](int) {
            token::Pin pin;
            Report report;
            if (desk.fetch(pin, false, "ann", report) <= Fetched::renewed) ++served;
            if (report.cancelled) ++cancelled;
        });
    }};
    for (int i = 0; i != 20; ++i) let_others_run();
    others_wait.open();
    leader.join();
    followers.join();
    CHECK(led.cancelled);
    CHECK(outcome_of_leader > Fetched::renewed);
    CHECK(cancelled == 0);  // his cancellation is nobody else's
    // If it had left, the refresh token may be used up: nobody sends it again.
    const bool was_sent = reach == Reach::sent_unanswered;
    CHECK(served == (was_sent ? 0 : 4));
    CHECK(desk.endpoint.sent("refresh-0") == (was_sent ? 1 : 2));
}

TEST_CASE("S38 a refusal that comes after a winner does not touch the winner's tokens") {
    Desk desk;
    desk.adopt_expired();
    Answer late;
    SECTION("dead") { late = dead(); }
    SECTION("lost") { late = unanswered(Reach::sent_unanswered); }
    SECTION("granted, but to the old grant") { late = granted(1); }
    desk.endpoint.answer = [&](int number) {
        if (number != 1) return granted(number);
        desk.adopt("of-the-winner", "refresh-winner", 900);
        return late;
    };
    CHECK(desk.token() == "of-the-winner");
    CHECK(desk.token() == "of-the-winner");
    desk.clock.advance(900s);
    CHECK(desk.token() == "access-2");
    CHECK(desk.endpoint.sent("refresh-winner") == 1);
    CHECK(desk.endpoint.sent("refresh-0") == 1);
}

TEST_CASE("a user who signs out while the tokens are refreshed stays signed out") {
    Desk desk;
    desk.adopt_expired();
    desk.endpoint.answer = [&](int number) {
        desk.source.forget("ann");
        return granted(number);
    };
    token::Pin pin;
    Report report;
    CHECK(desk.fetch(pin, false, "ann", report) == Fetched::refused);
    CHECK(desk.token().empty());
    CHECK(desk.endpoint.calls == 1);
}

#ifdef __cpp_exceptions
TEST_CASE("S37 a refresh that fails before its request is made loses no refresh token") {
    Desk desk;
    desk.adopt_expired();
    struct NoMemory {};
    desk.flow.before_request = [] { throw NoMemory{}; };
    CHECK_THROWS_AS(desk.token(), NoMemory);
    CHECK(desk.endpoint.calls == 0);
    desk.flow.before_request = {};
    CHECK(desk.token() == "access-1");
    CHECK(desk.endpoint.sent("refresh-0") == 1);
}
#endif

TEST_CASE("S39 after a grant has died 1000 calls make no token call") {
    Desk desk;
    desk.adopt_expired();
    desk.endpoint.answer = [](int) { return dead(); };
    CHECK(desk.token().empty());
    REQUIRE(desk.endpoint.calls == 1);
    for (int i = 0; i != 1000; ++i) CHECK(desk.token().empty());
    CHECK(desk.endpoint.calls == 1);

    // Until there is a new grant.
    desk.adopt("access-5", "refresh-5", 900);
    CHECK(desk.token() == "access-5");
}

TEST_CASE("S33 S40 a refresh without an answer is not sent again, and the user is to be asked") {
    const Reach reach = GENERATE(Reach::sent_unanswered, Reach::cut_short);
    Desk desk;
    desk.adopt_expired();
    desk.endpoint.answer = [&](int) { return unanswered(reach); };
    token::Pin pin;
    Report report;
    CHECK(desk.fetch(pin, false, "ann", report) == Fetched::refused);
    for (int i = 0; i != 10; ++i) CHECK(desk.fetch(pin, false, "ann", report) == Fetched::refused);
    CHECK(report.message ==
          "the answer to the last refresh was lost, so the refresh token may be used up");
    CHECK(desk.endpoint.sent("refresh-0") == 1);
}

TEST_CASE("S40 S42 when a refresh is lost the old access token serves until it expires") {
    Desk desk;
    desk.adopt("access-0", "refresh-0", 900);
    desk.endpoint.answer = [](int) { return unanswered(Reach::sent_unanswered); };
    desk.clock.advance(871s);  // in the margin
    for (int second = 871; second != 900; ++second) {
        CHECK(desk.token() == "access-0");
        desk.clock.advance(1s);
    }
    CHECK(desk.token().empty());
    CHECK(desk.endpoint.calls == 1);
}

TEST_CASE("S42 while a refresh fails in passing the old access token serves until it expires") {
    const Answer passing = GENERATE(failing(503), failing(429), unanswered(Reach::never_sent));
    Desk desk;
    desk.adopt("access-0", "refresh-0", 900);
    desk.endpoint.answer = [&](int) { return passing; };
    const std::int64_t expiry = desk.clock.unix_seconds() + 900;
    desk.clock.advance(840s);
    while (desk.clock.unix_seconds() < expiry) {
        CHECK(desk.token() == "access-0");
        desk.clock.advance(1s);
    }
    // The margin is 30 s, and a pause of 5 s follows each try; what never left goes out thrice.
    const int calls = desk.endpoint.calls;
    CHECK(calls >= 5);
    CHECK(calls <= (passing.reach == Reach::never_sent ? 3 : 1) * 7);
    CHECK(desk.token().empty());
    CHECK(desk.endpoint.calls > calls);  // without a token each call tries

    desk.endpoint.answer = [](int number) { return granted(number); };
    CHECK(!desk.token().empty());  // the refresh token was still good
}

TEST_CASE("S41 an answer without a refresh token keeps the old one") {
    const std::string more = GENERATE(std::string(), std::string(R"(,"refresh_token":"")"),
                                      std::string(R"(,"refresh_token":null)"));
    Desk desk;
    desk.adopt_expired();
    desk.endpoint.answer = [&](int number) {
        return granted("access-" + std::to_string(number), more);
    };
    CHECK(desk.token() == "access-1");
    desk.clock.advance(900s);
    CHECK(desk.token() == "access-2");
    CHECK(desk.endpoint.sent("refresh-0") == 2);
}

TEST_CASE("S27 an answer that is none leaves the tokens as they are") {
    const Answer bad = GENERATE(granted("", ""), granted("with space", ""), failing(500),
                                failing(200, "<html></html>"), failing(302), failing(307));
    Desk desk;
    desk.adopt("access-0", "refresh-0", 900);
    desk.clock.advance(880s);
    desk.endpoint.answer = [&](int) { return bad; };
    CHECK(desk.token() == "access-0");
    CHECK(desk.token() == "access-0");
    CHECK(desk.endpoint.sent("refresh-0") == 1);
}

// --- Clocks ---

TEST_CASE(
    "S33 S43 an answer that came later than its token lives saves the refresh token it brings") {
    Desk desk;
    desk.adopt_expired();
    desk.endpoint.answer = [&](int number) {
        Answer answer = granted(number);
        if (number == 1) {  // a point in time, which is over when the machine wakes up
            answer = granted("access-1", R"(,"refresh_token":"refresh-1")",
                             desk.clock.unix_seconds() + 900);
            desk.clock.jump(7200);
        }
        return answer;
    };
    token::Pin pin;
    Report report;
    CHECK(desk.fetch(pin, false, "ann", report) == Fetched::failed);
    CHECK(!pin);
    CHECK(report.message.find("was over when its answer came") != std::string::npos);
    CHECK(desk.token() == "access-2");
    CHECK(desk.endpoint.sent("refresh-0") == 1);
    CHECK(desk.endpoint.sent("refresh-1") == 1);
}

TEST_CASE("S43 after a suspend the expiry is judged by the wall clock") {
    Desk desk;
    desk.adopt("access-0", "refresh-0", 3600);
    CHECK(desk.token() == "access-0");
    desk.clock.jump(7200);  // the steady clock stood still
    CHECK(desk.token() == "access-1");
    CHECK(desk.endpoint.calls == 1);
}

TEST_CASE("S44 a wall clock that is set back revives no token") {
    Desk desk;
    desk.adopt("access-0", "refresh-0", 3600);
    desk.clock.advance(3600s);
    desk.clock.jump(-86400);
    SECTION("it is refreshed") {
        CHECK(desk.token() == "access-1");
        CHECK(desk.endpoint.calls == 1);
    }
    SECTION("and does not serve though the refresh fails") {
        desk.endpoint.answer = [](int) { return failing(503); };
        CHECK(desk.token().empty());
    }
}

TEST_CASE("a kept expiry that no clock can hold is no expiry to trust") {
    const std::int64_t expires_at =
        GENERATE(std::int64_t{0}, std::int64_t{-1}, (std::numeric_limits<std::int64_t>::max)(),
                 (std::numeric_limits<std::int64_t>::min)(), std::int64_t{40'000'000'000'000});
    Desk desk;
    oauth::TokenSet tokens;
    tokens.access_token = Secret{"access-0"};
    tokens.refresh_token = Secret{"refresh-0"};
    tokens.expires_at = expires_at;
    desk.source.adopt("ann", std::move(tokens), desk.clock);
    CHECK(!desk.token().empty());
    CHECK(desk.endpoint.calls <= 1);
}

// --- Renewing after a refusal ---

TEST_CASE("S48 a refused token is renewed once for all who were refused with it") {
    Desk desk;
    desk.adopt("access-0", "refresh-0", 900);
    token::Pin first;
    token::Pin second;
    REQUIRE(desk.fetch(first) == Fetched::proven);
    REQUIRE(desk.fetch(second) == Fetched::proven);
    CHECK(desk.fetch(first, true) == Fetched::renewed);
    CHECK(desk.fetch(second, true) == Fetched::renewed);
    CHECK(first->token() == "access-1");
    CHECK(second->token() == "access-1");
    CHECK(desk.endpoint.calls == 1);
}

TEST_CASE("S48 a renewal never gives the refused token again") {
    Desk desk;
    desk.adopt("access-0", "refresh-0", 900);
    token::Pin pin;
    SECTION("because the endpoint did") {
        desk.endpoint.answer = [](int) {
            return granted("access-0", R"(,"refresh_token":"refresh-1")");
        };
        REQUIRE(desk.fetch(pin) == Fetched::proven);
        CHECK(desk.fetch(pin, true) == Fetched::refused);
        CHECK(desk.endpoint.calls == 1);
    }
    SECTION("because the refresh failed") {
        desk.endpoint.answer = [](int) { return failing(503); };
        REQUIRE(desk.fetch(pin) == Fetched::proven);
        CHECK(desk.fetch(pin, true) == Fetched::failed);
    }
    SECTION("because the user has just authorized") {
        desk.say_yes("access-7", "refresh-7");
        CHECK(desk.ask(2).is_authorized());
        REQUIRE(desk.fetch(pin) <= Fetched::unproven);
        REQUIRE(pin->token() == "access-7");
        pin->accepted.store(true, detail::Order::relaxed);
        CHECK(desk.fetch(pin, true) == Fetched::renewed);
        CHECK(pin->token() == "access-1");
        CHECK(desk.endpoint.sent("refresh-7") == 1);
    }
}

// --- Asking ---

TEST_CASE("64 refused callers of one user ask once, and the answer serves all") {
    Desk desk;
    std::atomic<int> asked{0};
    std::atomic<int> started{0};
    desk.say_yes("access-1", "refresh-1");
    const auto yes = desk.flow.person;
    desk.flow.person = [&](const oauth::FlowUser& user, oauth::FlowAnswer& answer) {
        ++asked;
        while (started != 64) std::this_thread::yield();
        let_others_run();
        yes(user, answer);
    };
    std::atomic<int> good{0};
    at_once(64, [&](int) {
        ++started;
        if (desk.ask().is_authorized() && desk.token() == "access-1") ++good;
    });
    CHECK(good == 64);
    CHECK(asked == 1);
}

TEST_CASE("a refusal that comes late asks nobody: a newer token is there") {
    Desk desk;
    desk.adopt("access-0", "refresh-0", 900);
    token::Pin late;
    REQUIRE(desk.fetch(late) == Fetched::proven);
    const std::uint64_t refused = late->generation;
    int asked = 0;
    desk.say_yes("access-1", "refresh-1");
    const auto yes = desk.flow.person;
    desk.flow.person = [&](const oauth::FlowUser& user, oauth::FlowAnswer& answer) {
        ++asked;
        yes(user, answer);
    };
    CHECK(desk.ask(refused).is_authorized());
    desk.clock.advance(60s);
    CHECK(desk.ask(refused).is_authorized());
    CHECK(asked == 1);
}

TEST_CASE("one user's question does not hold up another's") {
    Desk desk;
    Gate bob_is_done;
    desk.flow.person = [&](const oauth::FlowUser& user, oauth::FlowAnswer& answer) {
        if (user.subject == "ann") bob_is_done.wait();
        answer.deny(ErrorKind::authorization_denied, "no");
    };
    std::atomic<int> denied{0};
    at_once(2, [&](int i) {
        const bool is_bob = i == 1;
        if (!desk.ask(0, is_bob ? "bob" : "ann").is_authorized()) ++denied;
        if (is_bob) bob_is_done.open();
    });
    CHECK(denied == 2);
}

TEST_CASE("a question that was cancelled is nobody else's answer") {
    Desk desk;
    Gate first_is_asking;
    Gate others_wait;
    std::atomic<int> asked{0};
    desk.say_yes("access-1", "refresh-1");
    const auto yes = desk.flow.person;
    desk.flow.person = [&](const oauth::FlowUser& user, oauth::FlowAnswer& answer) {
        if (++asked != 1) return yes(user, answer);
        first_is_asking.open();
        others_wait.wait();
        answer.deny(ErrorKind::cancelled, "stopped");
        answer.cancelled = true;
    };
    bool is_cancelled = false;
    bool is_authorized = false;
    std::thread first{[&] { is_cancelled = desk.ask().cancelled; }};
    first_is_asking.wait();
    std::thread second{[&] { is_authorized = desk.ask().is_authorized(); }};
    let_others_run();
    others_wait.open();
    first.join();
    second.join();
    CHECK(is_cancelled);
    CHECK(is_authorized);
    CHECK(asked == 2);
}

TEST_CASE("a new authorization counts though an old refresh is still on its way") {
    Desk desk;
    desk.adopt_expired();
    desk.say_yes("access-new", "refresh-new");
    desk.endpoint.answer = [&](int number) {
        if (number == 1) CHECK(desk.ask().is_authorized());
        return number == 1 ? granted(1) : granted(number);
    };
    CHECK(desk.token() == "access-new");
    desk.clock.advance(900s);
    CHECK(desk.token() == "access-2");
    CHECK(desk.endpoint.sent("refresh-new") == 1);
}

TEST_CASE("who waited while a person was asked and did not come disturbs nobody again") {
    Desk desk;
    std::atomic<int> shown{0};
    std::atomic<int> started{0};
    desk.flow.person = [&](const oauth::FlowUser& user, oauth::FlowAnswer& answer) {
        answer.outcome = Reauthorized::handed_over;  // and `sent_away` is false: nobody came
        if (!user.deliver) return;
        ++shown;
        while (started != 16) std::this_thread::yield();
        for (int i = 0; i != 20; ++i) let_others_run();
    };
    std::atomic<int> handed{0};
    at_once(16, [&](int) {
        ++started;
        if (desk.ask().outcome == Reauthorized::handed_over) ++handed;
    });
    CHECK(handed == 16);
    CHECK(shown < 8);  // who comes after the end asks for himself
    const int before = shown;
    CHECK(desk.ask().outcome == Reauthorized::handed_over);
    CHECK(shown == before + 1);
}

TEST_CASE("those who wait for a code that nobody types in are told where to begin again") {
    Desk desk;
    std::atomic<int> started{0};
    desk.flow.person = [&](const oauth::FlowUser&, oauth::FlowAnswer& answer) {
        while (started != 16) std::this_thread::yield();
        for (int i = 0; i != 20; ++i) let_others_run();
        answer.request.url = "https://auth.example/device";
        answer.deny(ErrorKind::authorization_needed, "nobody came");
    };
    std::atomic<int> told{0};
    at_once(16, [&](int) {
        ++started;
        const auto answer = desk.ask();
        if (answer.kind == ErrorKind::authorization_needed && answer.message == "nobody came" &&
            answer.request.url == "https://auth.example/device")
            ++told;
    });
    CHECK(told == 16);
}

TEST_CASE("a refused token of a moment ago is said to be settling, and nobody is asked") {
    Desk desk;
    desk.say_yes("access-1", "refresh-1");
    REQUIRE(desk.ask().is_authorized());
    token::Pin pin;
    REQUIRE(desk.fetch(pin) == Fetched::unproven);
    const std::uint64_t refused = pin->generation;
    desk.flow.person = [](const oauth::FlowUser&, oauth::FlowAnswer& answer) {
        answer.deny(ErrorKind::authorization_denied, "asked");
    };
    CHECK(desk.ask(refused).outcome == Reauthorized::settling);
    CHECK(desk.ask(refused - 1).outcome == Reauthorized::authorized);
    SECTION("until it was accepted") { pin->accepted.store(true, detail::Order::relaxed); }
    SECTION("until ten seconds are over") { desk.clock.advance(10s); }
    CHECK(desk.ask(refused).outcome == Reauthorized::denied);
}

// --- Signing out ---

TEST_CASE("S31 a sign-out while the tokens are refreshed makes void what the refresh brings") {
    Desk desk;
    desk.adopt_expired();
    using Pairs = std::vector<std::string>;
    Pairs wanted;
    Answer answer = granted(1);
    SECTION("a new pair") { wanted = {"/access-0", "refresh-1/access-1"}; }
    SECTION("an answer without a refresh token: the old one goes on, and is meant") {
        answer = granted("access-1", "");
        wanted = {"/access-0", "refresh-0/access-1"};
    }
    SECTION("no answer: the old refresh token may live") {
        answer = unanswered(Reach::sent_unanswered);
        wanted = {"/access-0", "refresh-0/"};
    }
    SECTION("a refusal: there is nothing left") {
        answer = dead();
        wanted = {"/access-0"};
    }
    desk.endpoint.answer = [&](int) {
        CHECK(desk.source.sign_out("ann", desk.endpoint));
        return answer;
    };
    CHECK(desk.token().empty());
    CHECK(desk.flow.revoked == wanted);
    CHECK(desk.endpoint.calls == 1);

    // A later life of the user is not concerned.
    desk.endpoint.answer = [](int number) { return granted(number); };
    desk.adopt_expired();
    CHECK(desk.token() == "access-2");
    CHECK(desk.flow.revoked == wanted);
}

TEST_CASE("S31 who only forgets, or authorizes anew, makes nothing void at the service") {
    Desk desk;
    desk.adopt_expired();
    desk.say_yes("access-new", "refresh-new");
    SECTION("forgets") {
        desk.endpoint.answer = [&](int number) {
            desk.source.forget("ann");
            return granted(number);
        };
        CHECK(desk.token().empty());
    }
    SECTION("authorizes") {
        desk.endpoint.answer = [&](int number) {
            CHECK(desk.ask().is_authorized());
            return granted(number);
        };
        CHECK(desk.token() == "access-new");
    }
    CHECK(desk.flow.revoked.empty());
}

// --- Memory ---

TEST_CASE("users whose tokens are worth nothing are dropped, and calls on their way do not care") {
    Desk desk;
    desk.adopt("access-of-ann", "", 100);
    token::Pin on_its_way;
    REQUIRE(desk.fetch(on_its_way) == Fetched::proven);
    desk.clock.advance(200s);
    for (int i = 0; i != 5000; ++i) CHECK(desk.token("stranger" + std::to_string(i)).empty());
    CHECK(on_its_way->token() == "access-of-ann");
    on_its_way->accepted.store(true, detail::Order::relaxed);
}

TEST_CASE("users with a refresh token are never dropped") {
    Desk desk;
    desk.adopt("access-of-ann", "refresh-of-ann", 100);
    desk.clock.advance(200s);
    for (int i = 0; i != 5000; ++i) CHECK(desk.token("stranger" + std::to_string(i)).empty());
    CHECK(!desk.token().empty());
    CHECK(desk.endpoint.sent("refresh-of-ann") == 1);
}

namespace {

/// Lets so many strangers come by, of whom nothing is kept.
void strangers(Desk& desk, int count, const std::string& name = "stranger") {
    for (int i = 0; i != count; ++i) CHECK(desk.token(name + std::to_string(i)).empty());
}
/// Why a user has no token.
std::string reason(Desk& desk, std::string_view subject = "ann") {
    token::Pin pin;
    Report report;
    return desk.fetch(pin, false, subject, report) <= Fetched::renewed ? std::string("there is one")
                                                                       : report.message;
}
/// A user whose refresh was lost, which the source knows as long as it knows the user.
void lose_refresh(Desk& desk) {
    desk.adopt_expired();
    desk.endpoint.answer = [](int) { return unanswered(Reach::sent_unanswered); };
    REQUIRE(desk.token().empty());
    REQUIRE(reason(desk).find("was lost") != std::string::npos);
}

}  // namespace

TEST_CASE("a user whose tokens are dead is dropped, and comes back as somebody new") {
    Desk desk;
    lose_refresh(desk);
    strangers(desk, 3000);
    CHECK(reason(desk).find("has not authorized") != std::string::npos);
    desk.say_yes("access-1", "refresh-1");
    CHECK(desk.ask().is_authorized());
    CHECK(desk.token() == "access-1");
}

TEST_CASE("a user whose access token lives is not dropped") {
    Desk desk;
    desk.adopt("access-of-ann", "", 100);
    strangers(desk, 3000);
    CHECK(desk.token() == "access-of-ann");
}

TEST_CASE("a call keeps the token of a user who was dropped, whoever has the place now") {
    Desk desk;
    lose_refresh(desk);
    desk.adopt("access-of-ann", "", 100);
    token::Pin on_its_way;
    REQUIRE(desk.fetch(on_its_way) == Fetched::proven);
    const std::uint64_t refused = on_its_way->generation;
    desk.clock.advance(200s);
    strangers(desk, 3000);
    for (int i = 0; i != 3000; ++i)
        desk.adopt("access-of-somebody", "", 100, "somebody" + std::to_string(i));
    CHECK(on_its_way->token() == "access-of-ann");
    on_its_way->accepted.store(true, detail::Order::relaxed);
    desk.say_yes("access-1", "refresh-1");
    CHECK(desk.ask(refused).is_authorized());
    CHECK(desk.token() == "access-1");
    on_its_way.release();
}

TEST_CASE("who comes back after being dropped is not given an older generation") {
    Desk desk;
    for (int i = 0; i != 50; ++i) desk.adopt("access-" + std::to_string(i), "", 100);
    token::Pin pin;
    REQUIRE(desk.fetch(pin) == Fetched::proven);
    const std::uint64_t refused = pin->generation;
    pin.release();
    desk.clock.advance(200s);
    strangers(desk, 5000);
    desk.adopt("access-new", "", 100);
    REQUIRE(desk.fetch(pin) == Fetched::proven);
    CHECK(pin->generation > refused);
}

TEST_CASE("users who were sent away are remembered, but not any number of them", "[one_thread]") {
    Desk desk;
    int shown = 0;
    desk.flow.person = [&](const oauth::FlowUser& user, oauth::FlowAnswer& answer) {
        if (user.deliver) ++shown;
        answer.outcome = Reauthorized::handed_over;
        answer.sent_away = user.deliver;
        answer.request.expires_at = desk.clock.unix_seconds() + 600;
    };
    const auto visit = [&](int from, int to) {
        for (int i = from; i != to; ++i) (void)desk.ask(0, "visitor" + std::to_string(i));
    };
    visit(0, 5000);
    visit(0, 5000);
    CHECK(shown == 5000);
    SECTION("until there are too many") {
        visit(5000, 30000);
        const int before = shown;
        visit(0, 1);
        CHECK(shown == before + 1);
    }
    SECTION("until their authorization is over") {
        desk.clock.advance(600s);
        visit(0, 1);
        CHECK(shown == 5001);
    }
}

TEST_CASE("users come, go and are dropped while calls hold their tokens") {
    Desk desk;
    std::atomic<int> wrong{0};
    at_once(4, [&](int thread) {
        for (int i = 0; i != 1500; ++i) {
            // Two threads share each user.
            const std::string name = "user" + std::to_string(thread / 2) + "-" + std::to_string(i);
            desk.adopt("access-of-" + name, "", 1, name);
            token::Pin pin;
            const bool is_there = desk.fetch(pin, false, name) <= Fetched::renewed;
            if (is_there && pin->token() != "access-of-" + name) ++wrong;
            if (i % 16 == 0) desk.clock.advance(500ms);
            if (i % 64 == 0) desk.source.forget(name);
            if (is_there && pin->token() != "access-of-" + name) ++wrong;
        }
    });
    CHECK(wrong == 0);
}
