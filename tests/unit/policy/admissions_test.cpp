// SPDX-License-Identifier: BSL-1.0
#include <rekey/policy/admissions.hpp>

#include <rekey/cancellation.hpp>
#include <rekey/coze.hpp>
#include <rekey/policy/backoff.hpp>
#include <rekey/policy/retry_after.hpp>
#include <rekey/rekey.hpp>
#include <rekey/testing.hpp>

#include "catch.hpp"
#include "tests/support/clients.hpp"
#include "tests/support/traded.hpp"

#include <string>
#include <vector>

namespace {

using namespace clients;
using rekey::Door;
using namespace std::chrono_literals;

/// What the doors of a test were asked and told, and what they are owed.
struct Book {
    std::vector<std::string> lines{};
    int owed = 0;
};

/// A door that says what the test wants, in turn and then always go, and writes down all of it.
template <Door Place> struct Noted : AtDoor<Place> {
    static constexpr const char* says_no = "the noted door is shut";
    Book* book;
    mutable std::vector<Admission> answers{};

    explicit Noted(Book& where, std::vector<Admission> says = {})
        : book(&where), answers(std::move(says)) {}
    static std::string name() {
        return std::to_string(static_cast<int>(Place) - static_cast<int>(Door::own));
    }
    Admission admit(const Action& action, const Asking& asking) const {
        book->lines.push_back(name() + " asked for " + std::to_string(action.slot) +
                              (asking.ticket != 0 ? " again" : ""));
        if (asking.ticket != 0) --book->owed;
        Admission said;
        if (!answers.empty()) {
            said = answers.front();
            answers.erase(answers.begin());
        }
        if (said.verdict == Admitted::go || said.verdict == Admitted::go_to || said.ticket != 0)
            ++book->owed;
        return said;
    }
    void settled(const Action& action, const Ending& end) const noexcept {
        --book->owed;
        const std::string how = !end.sent                              ? " back"
                                : !end.judged                          ? " stopped"
                                : end.facts.failure == NoFailure       ? " done"
                                : end.facts.reach == Reach::answered   ? " failed"
                                : end.facts.reach == Reach::never_sent ? " never left"
                                                                       : " unanswered";
        book->lines.push_back(name() + how + " for " + std::to_string(action.slot));
    }
};

using Host = Noted<Door::host>;
using Budget = Noted<Door::budget>;
using Bulk = Noted<Door::bulkhead>;
using Own = Noted<Door::own>;

using Repeats = RetryOn<AuthRejected, NotFound, Transient>;
constexpr Admission busy{Admitted::busy, 0, 5ms, 0};
constexpr Admission busy_with_ticket{Admitted::busy, 0, 5ms, 7};
constexpr Admission spent{Admitted::spent, 0, Duration{0}, 0};
constexpr Admission skip{Admitted::skip_slot, 0, 2s, 0};
constexpr Admission later{Admitted::later, 0, 3s, 0};

using Lines = std::vector<std::string>;

template <class... Doors> Lines lines_of(Book& book, const Doors&... doors) {
    testing::Script http;
    http.then(401).then(200);
    const Client client{http, both(), OnRefusal{}, doors...};
    CHECK(client.send(chat()));
    CHECK(book.owed == 0);
    Lines lines;
    lines.swap(book.lines);
    return lines;
}

}  // namespace

TEST_CASE("doors are asked in one order, whatever the order they are written in") {
    const Lines wanted{"1 asked for 0",  "3 asked for 0",  "5 asked for 0", "1 failed for 0",
                       "3 failed for 0", "5 failed for 0", "1 asked for 1", "3 asked for 1",
                       "5 asked for 1",  "1 done for 1",   "3 done for 1",  "5 done for 1"};
    Book book;
    const Host a{book};
    const Budget b{book};
    const Bulk c{book};
    CHECK(lines_of(book, a, b, c) == wanted);
    CHECK(lines_of(book, a, c, b) == wanted);
    CHECK(lines_of(book, b, a, c) == wanted);
    CHECK(lines_of(book, b, c, a) == wanted);
    CHECK(lines_of(book, c, a, b) == wanted);
    CHECK(lines_of(book, c, b, a) == wanted);
}

TEST_CASE("the no of a later door gives back what the earlier ones gave") {
    Book book;
    testing::Script http;
    testing::ManualClock clock;
    http.then(200);
    const Client client{http, Bulk{book, {busy}}, Budget{book}, Host{book}, UseClock{clock}};
    CHECK(client.send(chat()));
    CHECK(clock.waits() == std::vector<Duration>{5ms});
    CHECK(book.owed == 0);
    CHECK(book.lines == Lines{"1 asked for 0", "3 asked for 0", "5 asked for 0", "1 back for 0",
                              "3 back for 0", "1 asked for 0", "3 asked for 0", "5 asked for 0",
                              "1 done for 0", "3 done for 0", "5 done for 0"});
}

TEST_CASE("a busy door keeps its ticket while the call waits, and is asked again with it") {
    Book book;
    testing::Script http;
    testing::ManualClock clock;
    http.then(200);
    const Client client{http, Bulk{book, {busy_with_ticket, busy_with_ticket}}, UseClock{clock}};
    CHECK(client.send(chat()));
    CHECK(book.owed == 0);
    CHECK(book.lines ==
          Lines{"5 asked for 0", "5 asked for 0 again", "5 asked for 0 again", "5 done for 0"});
}

TEST_CASE("a ticket goes back when another door ends the wait") {
    Book book;
    testing::Script http;
    testing::ManualClock clock;
    const Client client{http, Bulk{book, {busy_with_ticket}}, Budget{book, {{}, spent}},
                        UseClock{clock}};
    const auto result = client.send(chat());
    CHECK(result.stop_reason() == StopReason::budget_spent);
    CHECK(book.owed == 0);
    CHECK(book.lines ==
          Lines{"3 asked for 0", "5 asked for 0", "3 back for 0", "3 asked for 0", "5 back for 0"});
}

TEST_CASE("a ticket goes back when the call passes on to another credential") {
    Book book;
    testing::Script http;
    testing::ManualClock clock;
    http.then(200);
    const Client client{
        http,           both(), OnRefusal{}, Bulk{book, {busy_with_ticket}}, Host{book, {{}, skip}},
        UseClock{clock}};
    const auto result = client.send(chat());
    REQUIRE(result);
    CHECK(result.credential() == "enterprise");
    CHECK(book.owed == 0);
    CHECK(book.lines == Lines{"1 asked for 0", "5 asked for 0", "1 back for 0", "1 asked for 0",
                              "5 back for 0", "1 asked for 1", "5 asked for 1", "1 done for 1",
                              "5 done for 1"});
}

TEST_CASE("a door may send a call elsewhere, and the others are asked about that credential") {
    Book book;
    testing::Script http;
    testing::ManualClock clock;
    http.then(200);
    const Admission to_second{Admitted::go_to, 1, Duration{0}, 0};
    const Admission to_first{Admitted::go_to, 0, Duration{0}, 0};
    SECTION("at once") {
        const Client client{http, both(), Budget{book}, Own{book, {to_second}}};
        CHECK(client.send(chat()).credential() == "enterprise");
        CHECK(book.lines ==
              Lines{"0 asked for 0", "3 asked for 1", "0 done for 0", "3 done for 1"});
    }
    SECTION("the ticket of a wait is for the credential it was given for") {
        const Client client{http, both(), Bulk{book, {busy_with_ticket, busy_with_ticket}},
                            Own{book, {to_second, to_second, to_first}}, UseClock{clock}};
        CHECK(client.send(chat()).credential() == "personal");
        CHECK(book.lines == Lines{"0 asked for 0", "5 asked for 1", "0 back for 0", "0 asked for 0",
                                  "5 asked for 1 again", "0 back for 0", "0 asked for 0",
                                  "5 back for 1", "5 asked for 0", "0 done for 0", "5 done for 0"});
    }
    CHECK(book.owed == 0);
}

TEST_CASE("if every credential rests, the call says so and when to come back") {
    Book book;
    testing::Script http;
    const Client client{http, both(), OnRefusal{},
                        Host{book, {skip, {Admitted::skip_slot, 0, 1s, 0}}}};
    const auto result = client.send(chat());
    REQUIRE_FALSE(result);
    CHECK(http.sends().empty());
    CHECK(result.stop_reason() == StopReason::come_back_later);
    CHECK(result.error().kind == ErrorKind::not_admitted);
    CHECK(result.error().retry_after() == 1s);
    CHECK(result.error().describe() ==
          "not_admitted: the noted door is shut, credential personal, "
          "come_back_later, retry after 1 s; try again later");
}

TEST_CASE("if one credential rests and the other is refused, the refusal and the time are told") {
    Book book;
    testing::Script http;
    http.then(200, 4101, "no access");
    const Client client{http, both(), RetryOn<4101>{}, Host{book, {skip}}};
    const auto result = client.send(chat());
    REQUIRE_FALSE(result);
    CHECK(result.stop_reason() == StopReason::come_back_later);
    CHECK(result.error().kind == ErrorKind::refused);
    CHECK(result.error().retry_after() == 2s);
    CHECK(result.error().message() == "no access");
}

TEST_CASE("a door may end a call at once and say when to come back") {
    Book book;
    testing::Script http;
    const Client client{http, both(), OnRefusal{}, Bulk{book, {later}}};
    const auto result = client.send(chat());
    CHECK(result.stop_reason() == StopReason::come_back_later);
    CHECK(result.error().retry_after() == 3s);
    CHECK(http.sends().empty());
}

TEST_CASE("the time of a door that ends a call counts where the service asks for less") {
    Book book;
    testing::Script http;
    testing::ManualClock clock;
    const auto slow = [&http](const char* seconds) {
        http.then(HttpResponse{503, {{"Retry-After", seconds}}, R"({"code":5000})", false});
    };
    const Client client{http,
                        RetryOn<Transient>{},
                        MaxAttempts<3>{},
                        RetryAfter{10s},
                        Host{book, {{}, later, {}}},
                        UseClock{clock}};
    slow("1");
    const auto result = client.send(chat(), Idempotent{});
    CHECK(result.stop_reason() == StopReason::come_back_later);
    CHECK(result.error().http_status == 503);
    CHECK(result.error().retry_after() == 3s);

    slow("60");  // beyond the cap: now it is the service that ends the call
    CHECK(client.send(chat(), Idempotent{}).error().retry_after() == 60s);
}

// --- Which error is reported where the repeat of an attempt behind a refusal is stopped ---

namespace {

using OnMost = RetryOn<4100, 4101, Transient>;

/// A clock whose waits take longer than they should.
struct LateClock : testing::ManualClock {
    void sleep(Duration delay) { testing::ManualClock::sleep(delay + 1s); }
};

testing::Script& refused_then_failing(testing::Script& http) {
    return http.then(401, 4100, "no access").then(503, 5000, "down: pat_enterprise_1");
}
template <class Result> void check_failing(const Result& result, StopReason reason) {
    REQUIRE_FALSE(result);
    CHECK(result.stop_reason() == reason);
    CHECK(result.credential() == "enterprise");
    CHECK(result.error().credential == "enterprise");
    CHECK(result.error().kind == ErrorKind::transient);
    CHECK(result.error().http_status == 503);
    CHECK(result.error().service_code == 5000);
    CHECK(result.error().message() == "down: [token]");
    REQUIRE(result.error().response() != nullptr);
    CHECK(result.error().response()->status == 503);
    CHECK(result.trail().count() == 2);
}

}  // namespace

TEST_CASE("a failure behind a refusal is reported if a door stops its repeat") {
    Book book;
    testing::Script http;
    testing::ManualClock clock;
    refused_then_failing(http);
    SECTION("no repeat is left") {
        const Client client{http, both(), OnMost{}, MaxAttempts<5>{},
                            Budget{book, {{}, {}, spent}}};
        check_failing(client.send(chat(), Idempotent{}), StopReason::budget_spent);
    }
    SECTION("not now") {
        const Client client{http, both(), OnMost{}, MaxAttempts<5>{}, Host{book, {{}, {}, later}}};
        const auto result = client.send(chat(), Idempotent{});
        check_failing(result, StopReason::come_back_later);
        CHECK(result.error().retry_after() == 3s);
    }
    SECTION("the wait for a place would take too long") {
        const Client client{
            http,           both(), OnMost{}, Deadline{1s}, Bulk{book, {{}, {}, busy_with_ticket}},
            UseClock{clock}};
        clock.advance(1h);
        check_failing(client.send(chat(), Idempotent{}, Deadline{1ms}), StopReason::deadline);
    }
}

TEST_CASE("a failure behind a refusal is reported if its wait outlasts the deadline") {
    testing::Script http;
    LateClock clock;
    refused_then_failing(http);
    const Client client{http,         both(),
                        OnMost{},     Backoff{Constant{100ms}, NoJitter{}},
                        Deadline{1s}, UseClock{clock}};
    check_failing(client.send(chat(), Idempotent{}), StopReason::deadline);
}

TEST_CASE("an answer that never came behind a refusal is reported with its own words") {
    Book book;
    testing::Script http;
    http.then(401, 4100, "no access").then(TransportError{Reach::never_sent, "no route to host"});
    const Client client{http, both(), OnMost{}, MaxAttempts<5>{}, Budget{book, {{}, {}, spent}}};
    const auto result = client.send(chat());
    REQUIRE_FALSE(result);
    CHECK(result.stop_reason() == StopReason::budget_spent);
    CHECK(result.error().kind == ErrorKind::transport);
    CHECK(result.error().reach == Reach::never_sent);
    CHECK(result.error().message() == "no route to host");
    CHECK(result.error().response() == nullptr);
    CHECK(result.credential() == "enterprise");
}

TEST_CASE("a failure behind a refusal that was repeated leaves the refusal reported") {
    Book book;
    testing::Script http;
    refused_then_failing(http).then(401, 4101, "nor this one");
    const Client client{http, both(), OnMost{}, MaxAttempts<5>{}, Budget{book}};
    const auto result = client.send(chat(), Idempotent{});
    REQUIRE_FALSE(result);
    CHECK(result.stop_reason() == StopReason::remedies_used_up);
    CHECK(result.error().kind == ErrorKind::refused);
    CHECK(result.error().service_code == 4100);
    CHECK(result.error().message() == "no access");
    CHECK(result.credential() == "personal");
}

TEST_CASE("a refusal whose renewal is stopped is reported, without the token that was refused") {
    Book book;
    testing::Script script;
    testing::ManualClock clock;
    script.then(granted("first-token")).then(200).then(401, 4100, "no: first-token");
    script.then(granted("second-token")).then(200);
    const auto check = [](const auto& result, StopReason reason) {
        REQUIRE_FALSE(result);
        CHECK(result.stop_reason() == reason);
        CHECK(result.error().kind == ErrorKind::refused);
        CHECK(result.error().http_status == 401);
        CHECK(result.error().service_code == 4100);
        CHECK(result.error().message() == "no: [token]");
        CHECK(result.credential() == "traded");
    };
    SECTION("the new token comes too late") {
        const auto http = [&](const HttpRequest& request, const Attempt& attempt) {
            auto answer = script(request, attempt);
            if (script.sends().size() == 4) clock.advance(10s);
            return answer;
        };
        const Client client{http, CredentialChain{Traded{}}, OnCodes{}, Deadline{5s},
                            UseClock{clock}};
        REQUIRE(client.send(chat()));
        check(client.send(chat()), StopReason::deadline);
    }
    SECTION("a door is shut") {
        const Client client{script, CredentialChain{Traded{}}, OnCodes{}, UseClock{clock},
                            Bulk{book, {{}, {}, later}}};
        REQUIRE(client.send(chat()));
        check(client.send(chat()), StopReason::come_back_later);
    }
}

TEST_CASE("doors that know of no route are not asked for a straddle") {
    Book book;
    testing::Script http;
    http.then(401).then(401);
    const Client client{http, both(), OnRefusal{}, Bulk{book}};
    CHECK(client.send(chat()).stop_reason() == StopReason::remedies_used_up);
    CHECK(http.sends().size() == 2);
    CHECK(book.owed == 0);
}

TEST_CASE("whatever ends an attempt, each door that let it through is told once") {
    Book book;
    const Host host{book};
    const Bulk bulk{book};

    SECTION("a connection that was not made, repeated") {
        testing::Script http;
        http.then(TransportError{Reach::never_sent, "refused"}).then(503).then(200);
        const Client client{http, both(), Repeats{}, MaxAttempts<3>{}, host, bulk};
        CHECK(client.send(chat(), Idempotent{}));
        CHECK(book.lines[2] == "1 never left for 0");
        CHECK(book.lines[6] == "1 failed for 0");
    }
    SECTION("an attempt without an answer that nobody repeats") {
        testing::Script http;
        http.then(TransportError{Reach::sent_unanswered, "reset"});
        const Client client{http, both(), OnRefusal{}, host, bulk};
        CHECK_FALSE(client.send(chat()));
        CHECK(book.lines.back() == "5 unanswered for 0");
    }
    SECTION("an attempt that the caller stopped is neither a success nor a failure") {
        testing::Script http;
        http.then(TransportError{Reach::sent_unanswered, "stopped", TransportVerdict::cancelled});
        const Client client{http, both(), OnRefusal{}, host, bulk};
        CHECK_FALSE(client.send(chat()));
        CHECK(book.lines.back() == "5 stopped for 0");
    }
    SECTION("a credential that cannot be sent") {
        testing::Script http;
        Personal empty;
        empty.token = "";
        const Client client{http, CredentialChain{empty}, OnRefusal{}, host, bulk};
        CHECK_FALSE(client.send(chat()));
        CHECK(book.lines.back() == "5 back for 0");
    }
    SECTION("a token that could not be had") {
        testing::Script http;
        http.then(500).then(500).then(500).then(500);
        coze::AppAuthOptions options;
        options.client_id = "1";
        options.public_key_id = "k";
        testing::ManualClock clock;
        options.id = "42";
        options.signer = oauth::Signer{[](std::string_view) { return std::string("signed"); }};
        const Client client{http,
                            CredentialChain{coze::AppAuth<coze::Account>{options}},
                            coze::RetryOnRefusal{},
                            host,
                            bulk,
                            UseClock{clock}};
        const auto result = client.send(chat());
        CHECK(result.stop_reason() == StopReason::exchange_failed);
        CHECK(book.lines ==
              Lines{"1 asked for 0", "5 asked for 0", "1 back for 0", "5 back for 0"});
    }
    SECTION("a call that was stopped while it waited") {
        testing::Script http;
        struct StoppingClock : testing::ManualClock {
            Canceller stop{};
            void sleep(Duration delay) {
                stop.cancel();
                ManualClock::sleep(delay);
            }
        } clock;
        const Client client{http, host, Bulk{book, {busy_with_ticket}}, UseClock{clock}};
        const auto result = client.send(chat(), Cancellation{clock.stop});
        CHECK(result.error().kind == ErrorKind::cancelled);
        CHECK(book.lines.back() == "5 back for 0");
        CHECK(http.sends().empty());
    }
    SECTION("a limit that ends the call while it waits") {
        testing::Script http;
        http.then(503);
        testing::ManualClock clock;
        const Client client{http, Repeats{},          MaxAttempts<1>{},
                            host, Bulk{book, {busy}}, UseClock{clock}};
        CHECK_FALSE(client.send(chat(), Idempotent{}));
    }
    CHECK(book.owed == 0);
    CHECK(book.lines.size() >= 2);
}

TEST_CASE("the host of a request is what stands in its URL") {
    using detail::host_in;
    CHECK(host_in("https://api.coze.com/v3/chat") == "api.coze.com");
    CHECK(host_in("https://api.coze.com:8443?x=@y/") == "api.coze.com:8443");
    CHECK(host_in("https://user:pa@ss@api.coze.com#f") == "api.coze.com");
    CHECK(host_in("http://[::1]:80/") == "[::1]");
    CHECK(host_in("HTTPS://api.coze.com:443?q") == "api.coze.com");
    CHECK(host_in("https://api.coze.com:80/") == "api.coze.com:80");
    CHECK(host_in("http://api.coze.com:443") == "api.coze.com:443");
    CHECK(host_in("ws://[::80]") == "[::80]");
    CHECK(host_in("/v3/chat").empty());
    CHECK(host_in("").empty());
}
