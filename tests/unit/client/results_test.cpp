// SPDX-License-Identifier: BSL-1.0
#include <rekey/result.hpp>

#include "catch.hpp"
#include "support/clients.hpp"

#include <cstddef>
#include <cstdint>
#include <functional>
#include <sstream>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

namespace {

using namespace clients;
using testing::Script;

using Broad = RetryOn<AuthRejected, NotFound, RateLimited, Transient>;

struct Spare {
    static constexpr std::string_view name = "spare";
    std::string token = "pat_spare_1";
};

HttpResponse with_log(HttpResponse response, std::string log_id) {
    response.headers.push_back({"X-Request-Id", std::move(log_id)});
    return response;
}

// Everything an error says in words.
template <class Response> std::string words_of(const Result<Response>& result) {
    std::ostringstream all;
    all << result << '\n' << result.trail();
    all << result.error().message() << '\n'
        << result.error().log_id() << '\n'
        << result.error().describe() << '\n'
        << result.error().credential << result.credential();
    return all.str();
}

// A service whose codes are read; what they mean, the status says.
struct Numbered : Service {
    static constexpr bool names_codes = true;
};

// Answers from a list, and tells what it was asked. It cannot fail, so that its responses are made
// where the result keeps them.
struct Listed {
    const std::vector<HttpResponse>* answers;
    std::string* asked;
    HttpResponse operator()(const HttpRequest&, const Attempt& attempt) const {
        *asked += std::to_string(attempt.number()) + ' ' + std::string(attempt.authorization());
        *asked += ' ' + std::string(attempt.credential()) + '\n';
        return (*answers)[attempt.number() - 1];
    }
};

constexpr std::string_view canary = "canary_0123456789_canary";

struct Canary {
    static constexpr std::string_view name = "canary";
    std::string token{canary};
};
struct CanaryFunction {
    static constexpr std::string_view name = "canary function";
    static std::string token() { return std::string(canary); }
};

}  // namespace

// --- Both sides ---

TEST_CASE("a success names its credential, its reason and its trail") {
    Script http;
    http.then(401).then(200);
    const auto result = Client{http, both(), OnRefusal{}}.send(chat());
    REQUIRE(result.has_value());
    REQUIRE(static_cast<bool>(result));
    CHECK(result.credential() == "enterprise");
    CHECK(result.slot() == 1);
    CHECK(result.stop_reason() == StopReason::success);
    REQUIRE(result.trail().count() == 2);
    CHECK((*result).status == 200);
    CHECK(result->status == 200);
}

TEST_CASE("S56 a success lists the refusals before it, with their credentials") {
    Script http;
    http.then(401, 4101).then(404).then(200);
    const auto result =
        Client{http, CredentialChain{Personal{}, Enterprise{}, Spare{}}, OnRefusal{}}.send(chat());
    REQUIRE(result);
    const Trail& trail = result.trail();
    REQUIRE(trail.count() == 3);
    CHECK(trail.credential(trail[0]) == "personal");
    CHECK(trail[0].failure == AuthRejected);
    CHECK(trail[0].http_status == 401);
    CHECK(trail[0].move == Move::first);
    CHECK(trail.credential(trail[1]) == "enterprise");
    CHECK(trail[1].failure == NotFound);
    CHECK(trail[1].move == Move::fall_back);
    CHECK(trail.credential(trail[2]) == "spare");
    CHECK(trail[2].failure == NoFailure);
    CHECK(trail.back().number == 3);
}

TEST_CASE("a trail entry holds status, code, reach and number of its attempt") {
    Script http;
    http.then(200, 4101).then(TransportError{Reach::cut_short, "cut"});
    const auto result = Client{http, both(), OnCodes{}}.send(chat());
    REQUIRE(result.trail().count() == 2);
    CHECK(result.trail()[0].has_service_code);
    CHECK(result.trail()[0].service_code == 4101);
    CHECK(result.trail()[0].reach == Reach::answered);
    CHECK_FALSE(result.trail()[0].exchange);
    CHECK(result.trail()[1].reach == Reach::cut_short);
    CHECK(result.trail()[1].http_status == 0);
    CHECK_FALSE(result.trail()[1].has_service_code);
    CHECK(result.trail()[1].number == 2);
}

TEST_CASE("a trail keeps the first four and the last four attempts and counts them all") {
    const unsigned attempts = GENERATE(1u, 4u, 7u, 8u, 9u, 10u, 11u, 12u, 13u, 100u);
    Script http;
    for (unsigned i = 0; i != attempts; ++i) http.then(429);
    const auto result =
        Client{http, both(), RetryOn<RateLimited>{}, MaxAttempts{attempts}}.send(chat());
    REQUIRE_FALSE(result);
    const Trail& trail = result.trail();
    CHECK(trail.count() == attempts);
    CHECK(trail.size() == (attempts < 8 ? attempts : 8));
    CHECK(trail.omitted() == attempts - trail.size());
    for (std::size_t i = 0; i != trail.size(); ++i) {
        CAPTURE(i, attempts);
        CHECK(trail[i].number == (i < 4 || attempts <= 8 ? i + 1 : attempts - 8 + i + 1));
    }
    CHECK(trail.back().number == attempts);
}

TEST_CASE("a result is a value: copies and moves keep all of it") {
    Script http;
    http.then(with_log(refusal(), "log-1")).then(401);
    auto result = Client{http, both(), OnCodes{}}.send(chat());
    REQUIRE_FALSE(result);
    const auto copy = result;
    auto moved = std::move(result);
    for (const auto* each : {&copy, const_cast<const decltype(moved)*>(&moved)}) {
        CHECK(each->error().log_id() == "log-1");
        CHECK(each->error().message() == "refused");
        CHECK(each->trail().count() == 2);
        CHECK(each->credential() == "personal");
    }
    auto assigned = copy;
    assigned = std::move(moved);
    CHECK(assigned.error().service_code == 4101);
    CHECK(copy.error().service_code == 4101);
}

TEST_CASE("an error that was taken out of its result still knows a name made at run time") {
    struct Named {
        std::string name = "a name too long for a small buffer";
        std::string token = "t";
    };
    const auto refused = [] {
        Script http;
        http.then(401);
        return Client{http, CredentialChain{Named{}}, OnRefusal{}}.send(chat());
    };
    const Error<HttpResponse> moved = refused().error();
    const Error<HttpResponse> copied = [&refused] {
        const auto result = refused();
        return result.error();
    }();
    CHECK(moved.credential == "a name too long for a small buffer");
    CHECK(copied.credential == "a name too long for a small buffer");
    CHECK(copied.describe().find("small buffer") != std::string::npos);
}

TEST_CASE("the response moves out of a result") {
    Script http;
    http.then(answer(200, std::string(1000, 'x')));
    auto result = Client{http, both(), OnRefusal{}}.send(chat());
    REQUIRE(result);
    const HttpResponse response = *std::move(result);
    CHECK(response.body.size() == 1000);
}

TEST_CASE("a result is not ignored by accident and converts to bool only where asked") {
    using Outcome = Result<HttpResponse>;
    STATIC_REQUIRE_FALSE(std::is_convertible_v<Outcome, bool>);
    STATIC_REQUIRE(std::is_constructible_v<bool, Outcome>);
    STATIC_REQUIRE(std::is_same_v<Outcome::value_type, HttpResponse>);
    STATIC_REQUIRE(std::is_same_v<Outcome::error_type, Error<HttpResponse>>);
}

// --- Which error is reported ---

TEST_CASE("of two refusals the first is reported, and the second is in the trail") {
    Script http;
    http.then(with_log(refusal(4100), "first")).then(with_log(refusal(4101), "second"));
    const auto result = Client{http, both(), OnCodes{}}.send(chat());
    REQUIRE_FALSE(result);
    CHECK(result.error().kind == ErrorKind::refused);
    CHECK(result.error().service_code == 4100);
    CHECK(result.error().credential == "personal");
    CHECK(result.error().log_id() == "first");
    CHECK(result.credential() == "personal");
    CHECK(result.trail()[1].service_code == 4101);
}

TEST_CASE("a refusal and a not-found: the first of them is reported") {
    Script refused_first;
    refused_first.then(401).then(404);
    CHECK(Client{refused_first, both(), OnRefusal{}}.send(chat()).error().kind ==
          ErrorKind::refused);
    Script absent_first;
    absent_first.then(404).then(401);
    const auto result = Client{absent_first, both(), OnRefusal{}}.send(chat());
    CHECK(result.error().kind == ErrorKind::not_found);
    CHECK(result.error().http_status == 404);
    CHECK(result.credential() == "personal");
}

TEST_CASE("a later failure that is no refusal stopped the call and is reported") {
    struct Case {
        HttpResponse last;
        ErrorKind kind;
        StopReason reason;
    };
    const Case cases[] = {
        {answer(429), ErrorKind::rate_limited, StopReason::attempts_used_up},
        {answer(503), ErrorKind::transient, StopReason::unsafe_to_repeat},
        {answer(400, R"({"msg":"bad"})"), ErrorKind::permanent, StopReason::not_retryable},
        {answer(302), ErrorKind::permanent, StopReason::not_retryable},
    };
    for (const Case& each : cases) {
        CAPTURE(each.last.status);
        Script http;
        http.then(refusal(4101, 401)).then(with_log(each.last, "last"));
        const auto result = Client{http, both(), Broad{}, MaxAttempts<2>{}}.send(chat());
        REQUIRE_FALSE(result);
        CHECK(result.error().kind == each.kind);
        CHECK(result.stop_reason() == each.reason);
        CHECK(result.error().http_status == each.last.status);
        CHECK(result.error().credential == "enterprise");
        CHECK(result.credential() == "enterprise");
        CHECK(result.error().log_id() == "last");
    }
}

TEST_CASE("a later transport failure is reported with its own words") {
    Script http;
    http.then(with_log(refusal(4101, 401), "first"))
        .then(TransportError{Reach::sent_unanswered, "connection reset"});
    const auto result = Client{http, both(), OnRefusal{}}.send(chat());
    REQUIRE_FALSE(result);
    CHECK(result.error().kind == ErrorKind::transport);
    CHECK(result.error().message() == "connection reset");
    CHECK(result.error().http_status == 0);
    CHECK_FALSE(result.error().has_service_code);
    CHECK(result.error().response() == nullptr);
    CHECK(result.error().log_id().empty());
    CHECK(result.stop_reason() == StopReason::not_retryable);
}

TEST_CASE("a passing failure before a refusal does not hide the refusal") {
    Script http;
    http.then(429).then(refusal(4100, 401)).then(401);
    const auto result = Client{http, both(), Broad{}, MaxAttempts<5>{}}.send(chat());
    REQUIRE_FALSE(result);
    CHECK(result.error().kind == ErrorKind::refused);
    CHECK(result.trail().count() == 3);
    CHECK(result.stop_reason() == StopReason::remedies_used_up);
}

TEST_CASE("a refusal, then a rate limit, then a refusal again reports the refusals' first") {
    Script http;
    http.then(with_log(refusal(4100, 401), "one"))
        .then(429)
        .then(with_log(refusal(4101, 401), "3"));
    const auto result = Client{http, both(), Broad{}, MaxAttempts<5>{}}.send(chat());
    REQUIRE_FALSE(result);
    // The rate limit was answered by a repeat, so it did not stop the call.
    CHECK(result.stop_reason() == StopReason::remedies_used_up);
    CHECK(result.error().kind == ErrorKind::refused);
}

TEST_CASE("the response that an error reports is there whole, whichever attempt it answered") {
    struct Case {
        std::vector<int> answers;
        std::size_t reported;  // which of them
    };
    const Case cases[] = {
        {{400}, 0},           {{503, 400}, 1},      {{503, 503, 400}, 2},
        {{401, 400}, 1},      {{401, 404}, 0},      {{503, 503, 503, 503}, 3},
        {{401, 503, 401}, 0}, {{503, 401, 401}, 1}, {{503, 503, 401, 401}, 2},
        {{401, 503, 400}, 2}, {{401, 429, 404}, 0}, {{401, 503, 503, 503}, 3},
    };
    for (const Case& each : cases) {
        Script http;
        for (std::size_t i = 0; i != each.answers.size(); ++i)
            http.then(
                with_log(answer(each.answers[i], "{\"msg\":\"body " + std::to_string(i) + "\"}"),
                         "log " + std::to_string(i)));
        CAPTURE(each.answers.size(), each.answers.front(), each.answers.back(), each.reported);
        const auto result =
            Client{http, both(), Broad{}, MaxAttempts<4>{}}.send(chat(), Idempotent{});
        REQUIRE_FALSE(result);
        CHECK(result.trail().count() == each.answers.size());
        CHECK(result.error().http_status == each.answers[each.reported]);
        CHECK(result.error().message() == "body " + std::to_string(each.reported));
        CHECK(result.error().log_id() == "log " + std::to_string(each.reported));
        REQUIRE(result.error().response() != nullptr);
        CHECK(result.error().response()->headers.size() == 2);
    }
}

TEST_CASE("what a call reports does not depend on where its responses are made") {
    constexpr std::size_t kinds = 6, length = 4;
    std::size_t sequences = 1;
    for (std::size_t i = 0; i != length; ++i) sequences *= kinds;
    for (std::size_t sequence = 0; sequence != sequences; ++sequence) {
        std::vector<HttpResponse> answers;
        Script script;
        for (std::size_t i = 0, rest = sequence; i != length; ++i, rest /= kinds) {
            const std::string at = std::to_string(i);
            const std::string words = R"(,"msg":"answer )" + at + R"("})";
            const HttpResponse all[kinds] = {
                answer(401, R"({"code":4100)" + words), answer(404, R"({"code":4200)" + words),
                answer(429, R"({"code":4013)" + words), answer(503, R"({"code":5000)" + words),
                answer(400, R"({"code":4000)" + words), answer(200, R"({"code":0)" + words)};
            answers.push_back(with_log(all[rest % kinds], "log " + at));
            script.then(answers.back());
        }
        CAPTURE(sequence);
        std::string asked;
        const auto scripted = Client{script, both(), Broad{}, MaxAttempts<4>{}, Numbered{}}.send(
            chat(), Idempotent{});
        const auto listed =
            Client{Listed{&answers, &asked}, both(), Broad{}, MaxAttempts<4>{}, Numbered{}}.send(
                chat(), Idempotent{});
        REQUIRE(scripted.has_value() == listed.has_value());
        CHECK(scripted.stop_reason() == listed.stop_reason());
        CHECK(scripted.slot() == listed.slot());
        std::string sends;
        for (std::size_t i = 0; i != listed.trail().size(); ++i) {
            const TrailEntry& entry = listed.trail()[i];
            CHECK(entry.http_status == answers[i].status);
            CHECK(entry.has_service_code);
            CHECK(entry.service_code == scripted.trail()[i].service_code);
            CHECK(entry.move == scripted.trail()[i].move);
            CHECK(entry.slot == scripted.trail()[i].slot);
            const bool is_personal = entry.slot == 0;
            sends += std::to_string(i + 1);
            sends += is_personal ? " Bearer pat_personal_1 personal\n"
                                 : " Bearer pat_enterprise_1 enterprise\n";
        }
        CHECK(asked == sends);
        if (listed) {
            CHECK(listed->body == scripted->body);
            continue;
        }
        CHECK(listed.error().describe() == scripted.error().describe());
        CHECK(listed.error().message() == scripted.error().message());
        REQUIRE(listed.error().response() != nullptr);
        CHECK(listed.error().response()->body == scripted.error().response()->body);
        CHECK(listed.error().log_id() == "log " + listed.error().message().substr(7));
    }
}

TEST_CASE("when MaxAttempts ends a fallback the refusal is reported") {
    Script http;
    http.then(refusal());
    const auto result = Client{http, both(), OnCodes{}, MaxAttempts<1>{}}.send(chat());
    REQUIRE_FALSE(result);
    CHECK(result.error().kind == ErrorKind::refused);
    CHECK(result.stop_reason() == StopReason::attempts_used_up);
}

TEST_CASE("each failure class has its own kind of error") {
    const auto kind = [](HttpResponse response) {
        Script http;
        http.then(std::move(response));
        return Client{http, both()}.send(chat()).error().kind;
    };
    CHECK(kind(answer(401)) == ErrorKind::refused);
    CHECK(kind(answer(403)) == ErrorKind::refused);
    CHECK(kind(answer(404)) == ErrorKind::not_found);
    CHECK(kind(answer(429)) == ErrorKind::rate_limited);
    CHECK(kind(answer(500)) == ErrorKind::transient);
    CHECK(kind(answer(408)) == ErrorKind::transient);
    CHECK(kind(answer(400)) == ErrorKind::permanent);
    CHECK(kind(answer(301)) == ErrorKind::permanent);
    CHECK(kind(answer(0)) == ErrorKind::transport);
}

// --- Words ---

TEST_CASE("an error describes itself in one line") {
    Script http;
    http.then(HttpResponse{401,
                           {{"X-Request-Id", "id-7"}},
                           "{\"code\":4100,\"msg\":\"line one\\nline two\"}",
                           false})
        .then(401);
    const auto result = Client{http, both(), OnCodes{}}.send(chat());
    CHECK(result.error().message() == "line one\nline two");
    CHECK(result.error().describe() ==
          "refused: HTTP 401, code 4100, line one line two, log id id-7, credential personal, "
          "not_retryable after 2 attempts; create a credential that may use this resource, or "
          "authorize it again");
}

TEST_CASE("every kind and reason has its own spelling") {
    CHECK(to_string(ErrorKind::refused) == "refused");
    CHECK(to_string(ErrorKind::authorization_needed) == "authorization_needed");
    CHECK(to_string(ErrorKind::cancelled) == "cancelled");
    CHECK(to_string(StopReason::success) == "success");
    CHECK(to_string(StopReason::come_back_later) == "come_back_later");
    CHECK(to_string(StopReason::cancelled) == "cancelled");
}

TEST_CASE("S71 a token that the service repeats is cut out of the error") {
    Script http;
    http.then(HttpResponse{401,
                           {{"X-Request-Id", "id"}},
                           "{\"code\":4100,\"msg\":\"bad token " + std::string(canary) + "!\"}",
                           false});
    const auto result = Client{http, CredentialChain{Canary{}}, OnRefusal{}}.send(chat());
    REQUIRE_FALSE(result);
    CHECK(result.error().message() == "bad token [token]!");
    CHECK(words_of(result).find(canary) == std::string::npos);
}

TEST_CASE("S71 the token of a function is cut out, also when another credential came later") {
    Script http;
    http.then(answer(401, "{\"code\":4100,\"msg\":\"bad " + std::string(canary) + "\"}")).then(401);
    const auto result =
        Client{http, CredentialChain{CanaryFunction{}, Enterprise{}}, OnRefusal{}}.send(chat());
    REQUIRE_FALSE(result);
    CHECK(words_of(result).find(canary) == std::string::npos);
}

TEST_CASE("S71 a token that was replaced while its call ran is cut out") {
    int sends = 0;
    const Client<std::function<HttpResponse(const HttpRequest&, const Attempt&)>,
                 CredentialChain<Canary, Enterprise>, OnRefusal>* self = nullptr;
    const Client client{
        std::function<HttpResponse(const HttpRequest&, const Attempt&)>{
            [&](const HttpRequest&, const Attempt&) {
                if (++sends == 1) self->replace(Canary{"pat_of_tomorrow"});
                return answer(401, "{\"code\":4100,\"msg\":\"bad " + std::string(canary) + "\"}");
            }},
        CredentialChain{Canary{}, Enterprise{}}, OnRefusal{}};
    self = &client;
    const auto result = client.send(chat());
    REQUIRE_FALSE(result);
    CHECK(words_of(result).find(canary) == std::string::npos);
}

TEST_CASE("S71 a token in the words of a transport failure or in a log id is cut out") {
    Script http;
    http.then(TransportError{Reach::never_sent, "cannot send " + std::string(canary)});
    const auto failed = Client{http, CredentialChain{Canary{}}, OnRefusal{}}.send(chat());
    REQUIRE_FALSE(failed);
    CHECK(failed.error().message() == "cannot send [token]");
    Script echo;
    echo.then(with_log(answer(401), "id-" + std::string(canary)));
    const auto refused = Client{echo, CredentialChain{Canary{}}, OnRefusal{}}.send(chat());
    REQUIRE_FALSE(refused);
    CHECK(words_of(refused).find(canary) == std::string::npos);
}

TEST_CASE("S71 what the testing header prints of a script holds no token") {
    Script http;
    http.then(200);
    REQUIRE(Client{http, CredentialChain{Canary{}}, OnRefusal{}}.send(chat()));
    std::ostringstream printed;
    printed << http.sends()[0];
    CHECK(printed.str().find(canary) == std::string::npos);
    CHECK(printed.str().find("canary") != std::string::npos);
}

// --- S57 ---

TEST_CASE("S57 no credential is tried more than once in a call that only falls back") {
    Script http;
    for (int i = 0; i != 9; ++i) http.then(401);
    const auto result =
        Client{http, CredentialChain{Personal{}, Enterprise{}, Spare{}}, OnRefusal{}}.send(chat());
    REQUIRE_FALSE(result);
    REQUIRE(http.sends().size() == 3);
    CHECK(http.sends()[0].credential == "personal");
    CHECK(http.sends()[1].credential == "enterprise");
    CHECK(http.sends()[2].credential == "spare");
}
