// SPDX-License-Identifier: BSL-1.0
#include <rekey/policy/observe.hpp>

#include <rekey/cancellation.hpp>
#include <rekey/nested.hpp>
#include <rekey/policy/backoff.hpp>
#include <rekey/policy/budget.hpp>
#include <rekey/rekey.hpp>
#include <rekey/testing.hpp>
#include <rekey/token/source.hpp>

#include "catch.hpp"
#include "tests/support/clients.hpp"

#include <chrono>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

namespace {

using namespace clients;
using namespace std::chrono_literals;
using testing::ManualClock;
using testing::Script;

/// Writes down everything that it is told, in order.
struct Diary {
    static constexpr bool wants_time = true;
    static constexpr bool wants_log_ids = true;
    std::vector<std::string> lines{};

    static std::string number(std::int64_t value) { return std::to_string(value); }
    static std::string at(const observe::Event& event) {
        return number(event.now.time_since_epoch() / 1ms) + " ";
    }
    static std::string of(std::string_view text) { return std::string(text); }

    void began(const observe::Began& event) { lines.push_back(at(event) + "began"); }
    void attempted(const observe::Attempted& event) {
        lines.push_back(at(event) + "attempted " + of(event.credential) + " " +
                        number(event.number) + " " + number(event.http_status) + "/" +
                        number(event.service_code) + " " + number(event.duration / 1ms) + " ms " +
                        of(event.log_id));
    }
    void fell_back(const observe::FellBack& event) {
        lines.push_back(at(event) + "fell back " + of(event.from_credential) + " > " +
                        of(event.credential) + " " + number(event.http_status) + "/" +
                        number(event.service_code));
    }
    void exchanged(const observe::Exchanged& event) {
        lines.push_back(at(event) + "exchanged " + of(event.credential) + " " +
                        number(static_cast<int>(event.outcome)) + " " + number(event.requests) +
                        " " + number(event.http_status) + " " + number(event.duration / 1ms) +
                        " ms" + (event.renews ? " renews" : ""));
    }
    void asked_user(const observe::AskedUser& event) {
        lines.push_back(at(event) + "asked user " + number(static_cast<int>(event.outcome)));
    }
    void waited(const observe::Waited& event) {
        lines.push_back(at(event) + "waited " + number(event.delay / 1ms) + " ms");
    }
    void ended(const observe::Ended& event) {
        lines.push_back(at(event) + "ended " + std::string(to_string(event.reason)) + " " +
                        of(event.credential) + " " + number(static_cast<int>(event.attempts)) +
                        " " + number(event.duration / 1ms) + " ms" + (event.threw ? " threw" : ""));
    }
};
using Lines = std::vector<std::string>;

/// A transport that takes its time.
struct Slow {
    Script& script;
    ManualClock& clock;
    TransportResult<HttpResponse> operator()(const HttpRequest& request, const Attempt& attempt) {
        clock.advance(30ms);
        return script(request, attempt);
    }
};

HttpResponse with_log_id(HttpResponse response, std::string_view id) {
    response.headers.push_back({"X-Request-Id", std::string(id)});
    return response;
}
HttpRequest fetch_bot() { return {"GET", "https://api.coze.com/v1/bots", {}, {}}; }

/// A credential that gets its token over HTTP.
struct Exchanging {
    static constexpr std::string_view name = "exchanging";
    using Exchange = token::Exchanged;
    struct Request {
        HttpRequest http;
        Secret authorization;
        std::string problem;
    };
    static Request token_request(std::int64_t) {
        return {{"POST", "https://api.coze.com/token", {}, "{}"}, Secret{"Bearer assertion"}, {}};
    }
    static oauth::TokenAnswer read_token(int status, std::string_view type, std::string_view body,
                                         std::int64_t now) {
        oauth::TokenRules rules;
        rules.now = now;
        return oauth::read_token_answer(status, type, body, rules);
    }
};
HttpResponse token_answer(int status) {
    return {status,
            {{"Content-Type", "application/json"}},
            status == 200 ? R"({"access_token":"exchanged_token","expires_in":900})"
                          : R"({"error":"access_denied"})",
            false};
}

constexpr std::string_view canary = "canary_0123456789_canary";
struct Canary {
    static constexpr std::string_view name = "canary";
    std::string token{canary};
};

}  // namespace

TEST_CASE("a sink hears of a fallback step by step, with times from the client's clock") {
    Script script;
    script.then(with_log_id(refusal(4101, 401), "log-1")).then(with_log_id(accepted(), "log-2"));
    ManualClock clock;
    Diary diary;
    const Client client{Slow{script, clock}, both(), OnCodes{}, UseClock{clock}, Observe{diary}};
    REQUIRE(client.send(chat()));
    CHECK(diary.lines == Lines{"0 began", "30 attempted personal 1 401/4101 30 ms log-1",
                               "30 fell back personal > enterprise 401/4101",
                               "60 attempted enterprise 2 200/0 30 ms log-2",
                               "60 ended success enterprise 2 60 ms"});
}

TEST_CASE("a sink hears of waits, and of the attempt without an answer") {
    Script script;
    script.then(503).then(TransportError{Reach::never_sent, "no route"}).then(200);
    ManualClock clock;
    Diary diary;
    const Client client{Slow{script, clock}, both(),         RetryOn<Transient>{},
                        MaxAttempts<3>{},    Backoff{100ms}, UseClock{clock},
                        Observe{diary}};
    REQUIRE(client.send(fetch_bot()));
    REQUIRE(clock.waits().size() == 2);
    REQUIRE(diary.lines.size() == 7);
    CHECK(diary.lines[0] == "0 began");
    CHECK(diary.lines[1] == "30 attempted personal 1 503/0 30 ms ");
    CHECK(diary.lines[2].find("waited") != std::string::npos);
    CHECK(diary.lines[3].find("attempted personal 2 0/0 30 ms") != std::string::npos);
    CHECK(diary.lines[5].find("attempted personal 3 200/0 30 ms") != std::string::npos);
    CHECK(diary.lines[6].find("ended success personal 3") != std::string::npos);
}

TEST_CASE("a sink hears of a call that fails") {
    Script script;
    script.then(401).then(403);
    Diary diary;
    const Client client{script, both(), OnRefusal{}, Observe{diary}};
    CHECK_FALSE(client.send(chat()));
    CHECK(diary.lines.back().find("ended remedies_used_up personal 2") != std::string::npos);
    REQUIRE(diary.lines.size() == 5);
}

TEST_CASE("a sink hears of token requests, and not of a token that is there") {
    Script script;
    script.then(token_answer(200)).then(200).then(200);
    ManualClock clock;
    Diary diary;
    const Client client{Slow{script, clock}, CredentialChain{Exchanging{}}, OnRefusal{},
                        UseClock{clock}, Observe{diary}};
    REQUIRE(client.send(chat()));
    CHECK(diary.lines == Lines{"0 began", "30 exchanged exchanging 1 1 200 30 ms",
                               "60 attempted exchanging 1 200/0 30 ms ",
                               "60 ended success exchanging 1 60 ms"});
    diary.lines.clear();
    REQUIRE(client.send(chat()));
    CHECK(diary.lines == Lines{"60 began", "90 attempted exchanging 1 200/0 30 ms ",
                               "90 ended success exchanging 1 30 ms"});
}

TEST_CASE("a refused exchange is told before the fallback that it causes") {
    Script script;
    script.then(401).then(token_answer(401)).then(200);
    ManualClock clock;
    Diary diary;
    const Client client{Slow{script, clock},
                        CredentialChain{Personal{}, Exchanging{}, Enterprise{}}, OnRefusal{},
                        UseClock{clock}, Observe{diary}};
    REQUIRE(client.send(chat()));
    CHECK(diary.lines ==
          Lines{"0 began", "30 attempted personal 1 401/0 30 ms ",
                "30 fell back personal > exchanging 401/0", "60 exchanged exchanging 3 1 401 30 ms",
                "60 fell back exchanging > enterprise 401/0",
                "90 attempted enterprise 2 200/0 30 ms ", "90 ended success enterprise 3 90 ms"});
}

TEST_CASE("a sink hears of a user who is asked") {
    Script script;
    script.then(401).then(200);
    Diary diary;
    const auto ask = [](const AuthorizationRequest&) { return Authorized{}; };
    const Client client{script, CredentialChain{Personal{}}, OnRefusal{}, OboReauth{ask},
                        Observe{diary}};
    REQUIRE(client.send(chat()));
    REQUIRE(diary.lines.size() == 5);
    CHECK(diary.lines[2].find("asked user 0") != std::string::npos);
    CHECK(diary.lines[3].find("attempted personal 2") != std::string::npos);
}

TEST_CASE("a credential that cannot be sent is an attempt that was never sent") {
    Script script;
    Diary diary;
    const Client client{script, CredentialChain{Personal{""}}, OnRefusal{}, Observe{diary}};
    CHECK_FALSE(client.send(chat()));
    REQUIRE(diary.lines.size() == 3);
    CHECK(diary.lines[1].find("attempted personal 1 0/0") != std::string::npos);
    CHECK(diary.lines[2].find("ended not_retryable personal 1") != std::string::npos);
}

TEST_CASE("a call that cannot start, or is stopped before it does, has a beginning and an end") {
    Script script;
    script.then(200);
    Diary diary;
    const Client other{script, CredentialChain{Personal{}, Enterprise{}}, OnRefusal{}};
    const auto earlier = other.send(chat());
    REQUIRE(earlier);
    const Client client{script, CredentialChain{Enterprise{}}, OnRefusal{}, Observe{diary}};
    CHECK_FALSE(client.send(chat(), SameCredentialAs{earlier}));
    CHECK(diary.lines.size() == 2);
    CHECK(diary.lines.back().find("ended not_retryable") != std::string::npos);

    diary.lines.clear();
    const Canceller canceller;
    canceller.cancel();
    CHECK_FALSE(client.send(chat(), Cancellation{canceller}));
    CHECK(diary.lines.size() == 2);
    CHECK(diary.lines.back().find("ended cancelled") != std::string::npos);
}

TEST_CASE("a call with a deadline, and one inside another, are told as well") {
    Script script;
    script.then(401).then(200).then(503);
    ManualClock clock;
    Diary diary;
    const Client client{script,           both(),          RetryOn<AuthRejected, Transient>{},
                        MaxAttempts<3>{}, UseClock{clock}, Observe{diary}};
    REQUIRE(client.send(chat(), Deadline{5s}));
    CHECK(diary.lines.size() == 5);
    diary.lines.clear();
    AttemptFields fields;
    CHECK_FALSE(client.send(fetch_bot(), NestedIn{Attempt{fields}}));
    CHECK(diary.lines.size() == 3);
}

TEST_CASE("doors that are shared do not hide an attempt") {
    Script script;
    script.then(401).then(503).then(200);
    Diary diary;
    const Client client{script,
                        both(),
                        RetryOn<AuthRejected, Transient>{},
                        MaxAttempts<4>{},
                        RetryBudget<20, 10>{},
                        Observe{diary}};
    REQUIRE(client.send(fetch_bot()));
    CHECK(diary.lines.size() == 6);  // began, three attempts, one fallback, ended
}

TEST_CASE("a sink is told only what it has a hook for, and several sinks are told in order") {
    struct Counts {
        int attempts = 0;
        void attempted(const observe::Attempted& event) {
            ++attempts;
            CHECK(event.log_id.empty());
            CHECK(event.now == TimePoint{});
            CHECK(event.duration == Duration{0});
        }
    };
    struct Ends {
        Counts& counts;
        int seen = 0;
        void ended(const observe::Ended&) { seen = counts.attempts; }
    };
    Script script;
    script.then(with_log_id(refusal(), "id")).then(200);
    Counts counts;
    Counts more;
    Ends ends{counts};
    const Client client{script, both(), OnCodes{}, Observe{counts, ends}, Observe{more}};
    const auto copy = client;
    REQUIRE(copy.send(chat()));
    CHECK(counts.attempts == 2);
    CHECK(more.attempts == 2);
    CHECK(ends.seen == 2);
}

TEST_CASE("copies of a client share a sink that the policy keeps") {
    struct Owned {
        int* ended_calls;
        void ended(const observe::Ended&) { ++*ended_calls; }
    };
    Script script;
    script.then(200).then(200);
    int ended_calls = 0;
    const Client client{script, both(), OnRefusal{}, Observe{Owned{&ended_calls}}};
    const auto copy = client;
    REQUIRE(client.send(chat()));
    REQUIRE(copy.send(chat()));
    CHECK(ended_calls == 2);
}

TEST_CASE("a sink gets its own note of each call, and the key that it asks for") {
    struct Keyed {
        using PerCall = int;
        std::vector<std::string> seen{};
        std::vector<int> attempts{};
        static std::string_view key_of(const HttpRequest& request) { return request.body; }
        void attempted(const observe::Attempted&, int& note) { ++note; }
        void ended(const observe::Ended& event, int& note) {
            seen.emplace_back(event.key);
            attempts.push_back(note);
        }
    };
    struct OwnText {
        std::string seen{};
        static std::string key_of(const HttpRequest& request) { return "of " + request.method; }
        void ended(const observe::Ended& event) { seen = event.key; }
    };
    Script script;
    script.then(401).then(200).then(200);
    Keyed keyed;
    OwnText own_text;
    const Client client{script, both(), OnRefusal{}, Observe{keyed, own_text}};
    HttpRequest request = chat();
    request.body = "bot_7";
    REQUIRE(client.send(request));
    request.body = "bot_8";
    REQUIRE(client.send(request));
    CHECK(keyed.seen == Lines{"bot_7", "bot_8"});
    CHECK(keyed.attempts == std::vector<int>{2, 1});
    CHECK(own_text.seen == "of POST");
}

TEST_CASE("the answer and the trail are the same with and without a sink") {
    const std::vector<std::vector<int>> scripts{{200}, {401, 200}, {401, 403}, {503}, {404, 500}};
    for (const auto& statuses : scripts) {
        Script plain;
        Script watched;
        for (const int status : statuses) {
            plain.then(status);
            watched.then(status);
        }
        Diary diary;
        const auto expected = Client{plain, both(), OnRefusal{}}.send(chat());
        const auto seen = Client{watched, both(), OnRefusal{}, Observe{diary}}.send(chat());
        CHECK(seen.has_value() == expected.has_value());
        CHECK(seen.stop_reason() == expected.stop_reason());
        CHECK(seen.credential() == expected.credential());
        REQUIRE(seen.trail().count() == expected.trail().count());
        if (!expected) CHECK(seen.error().describe() == expected.error().describe());
        std::size_t attempts = 0;
        for (const std::string& line : diary.lines)
            if (line.find("attempted") != std::string::npos) ++attempts;
        CHECK(attempts == expected.trail().count());
    }
}

TEST_CASE("S71 no event holds a token, a part of the URL, a header or a body") {
    // The service repeats the token wherever a log id could stand.
    for (const std::string& id :
         {std::string(canary), "id-" + std::string(canary), std::string(canary.substr(3, 12))}) {
        Script script;
        script.then(with_log_id(refusal(4101, 401), id)).then(with_log_id(accepted(), id));
        Diary diary;
        const Client client{script, CredentialChain{Canary{}, Personal{}}, OnRefusal{},
                            Observe{diary}};
        HttpRequest request = chat();
        request.url += "&secret=canary_0123456789_canary";
        request.body = canary;
        REQUIRE(client.send(request));
        for (const std::string& line : diary.lines) {
            CHECK(line.find(canary) == std::string::npos);
            CHECK(line.find("0123456789") == std::string::npos);
            CHECK(line.find("secret") == std::string::npos);
        }
    }
    // Nor what no log would take for an id.
    Script script;
    script.then(with_log_id(accepted(), "two lines\nof a log"));
    Diary diary;
    REQUIRE(Client{script, both(), OnRefusal{}, Observe{diary}}.send(chat()));
    CHECK(diary.lines[1].find("lines") == std::string::npos);
}
