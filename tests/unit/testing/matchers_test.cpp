// SPDX-License-Identifier: BSL-1.0
#include <rekey/testing/catch2.hpp>

#include "catch.hpp"
#include "support/clients.hpp"

#include <map>
#include <sstream>
#include <string>
#include <vector>

namespace {

using namespace clients;
using namespace rekey::testing;

const char* const secret = "pat_personal_1";

struct Three {
    Script http;
    Result<HttpResponse> fell_back = go(http.then(200, 4101).then(200));
    Script refusing;
    Result<HttpResponse> refused = go(refusing.then(200, 4101).then(401, 4100, "no permission"));
    Script down;
    Result<HttpResponse> unanswered =
        go(down.then(TransportError{Reach::sent_unanswered, "reset"}));

    static Result<HttpResponse> go(Script& script) {
        return Client{script, both(), OnCodes{}}.send(chat());
    }
};
/// What GoogleMock would show.
template <class Claim, class Subject>
std::string explained(const Matcher<Claim>& matcher, const Subject& subject) {
    std::ostringstream out;
    CHECK_FALSE(matcher.MatchAndExplain(subject, &out));
    return out.str();
}
template <class Claim> std::string negated(const Matcher<Claim>& matcher) {
    std::ostringstream out;
    matcher.DescribeNegationTo(&out);
    return out.str();
}

}  // namespace

TEST_CASE("a test says of a result who served it, over whom, and how often it was sent") {
    const Three calls;
    CHECK_THAT(calls.fell_back, Succeeded());
    CHECK_THAT(calls.fell_back, SucceededWith("enterprise") && Attempts(2));
    CHECK_THAT(calls.fell_back, UsedCredentials("personal", "enterprise"));
    CHECK_THAT(calls.fell_back, !SucceededWith("personal") && !UsedCredentials("enterprise"));
    CHECK_THAT(calls.fell_back, StoppedFor(StopReason::success));
    CHECK_THAT(calls.refused, !Succeeded() || Attempts(7));
    CHECK_THAT(calls.refused, FailedWith(ErrorKind::refused));
    CHECK_THAT(calls.refused, FailedWith(ErrorKind::refused, "code 4101"));
    CHECK_THAT(calls.refused, !FailedWith(ErrorKind::refused, "code 4100"));
    CHECK_THAT(calls.refused, StoppedFor(StopReason::remedies_used_up));
    CHECK_THAT(calls.unanswered, FailedWith(ErrorKind::transport) && Attempts(1));
    CHECK_THAT(calls.unanswered, !FailedWith(ErrorKind::refused));
}

TEST_CASE("a test says of a script what it was sent, and what it was never sent") {
    const Three calls;
    CHECK_THAT(calls.http, UsedCredentials("personal", "enterprise") && Attempts(2));
    CHECK_THAT(calls.http, !NeverSent("authorization", secret));
    CHECK_THAT(calls.http, NeverSent("X-Key", secret));
    CHECK_THAT(calls.http, NeverSent("X-Key", "") && !NeverSent("Authorization", ""));
    CHECK_THAT(calls.http, NeverSent("nowhere") && !NeverSent(secret));
    CHECK_THAT(calls.http, !NeverSent("conversation_id") && !NeverSent("bot_id"));
    CHECK_THAT(Script(), UsedCredentials() && Attempts(0) && NeverSent(secret));
}

TEST_CASE("a script answers with whatever message the test says") {
    Script http;
    const std::string message = "no \"bot\" in C:\\bots,\n\xe6\xb2\xa1\xe6\x9c\x89";
    http.then(200, 4101, message);
    const auto result = Client{http, CredentialChain{Personal{}}, OnCodes{}}.send(chat());
    CHECK_THAT(result, FailedWith(ErrorKind::refused, "code 4101"));
    CHECK(body::Json::text(http.then(200, 4101, message)(chat(), Attempt{})->body, "msg") ==
          message);
}

TEST_CASE("a script sees the headers of the request as well") {
    Script http;
    http.then(200);
    const Client client{http, both(), OnCodes{}};
    HttpRequest request = chat();
    request.headers.push_back({"X-Legacy-Token", "an-old-token-1"});
    request.headers.push_back({"X-Empty", ""});
    CHECK_THAT(client.send(request), SucceededWith("personal"));
    CHECK_THAT(http, !NeverSent("x-legacy-token", "an-old-token-1") && !NeverSent("an-old-token"));
    CHECK_THAT(http, NeverSent("X-Legacy-Token", "another") && NeverSent("X-Other", ""));
    CHECK_THAT(http, !NeverSent("X-Empty", "") && NeverSent("X-Empty", "any"));
    CHECK(http.sends().at(0).headers.size() == request.headers.size());
}

TEST_CASE("the idempotency key of a call was sent, unless the request brought its own") {
    Script http;
    http.then(200).then(200);
    const Client client{http, both(), OnCodes{}};
    CHECK_THAT(http, NeverSent("idempotency-key", ""));
    CHECK_THAT(client.send(chat(), IdempotencyKey{"key-of-call-1"}), Succeeded());
    CHECK_THAT(http, !NeverSent("idempotency-key", "") && !NeverSent("key-of-call-1"));
    CHECK_THAT(http, !NeverSent("Idempotency-Key", "call-1") && NeverSent("X-Key", "call-1"));
    HttpRequest request = chat();
    request.headers.push_back({"Idempotency-Key", "key-of-request"});
    CHECK_THAT(client.send(request, IdempotencyKey{"key-of-call-2"}), Succeeded());
    CHECK_THAT(http, !NeverSent("key-of-request") && NeverSent("key-of-call-2"));
}

TEST_CASE("a script and a recorder see all values of headers that are lists") {
    struct Listed {
        std::string method = "GET";
        std::string url = "https://api.example/";
        std::map<std::string, std::vector<std::string>> headers{{"X-Key", {"one", "two"}}};
    };
    Script http;
    http.then(200).then(200);
    CHECK_THAT((Client{http, both(), OnCodes{}}.send(Listed{})), Succeeded());
    Recorder recorder{http};
    CHECK_THAT((Client{recorder, both(), OnCodes{}}.send(Listed{})), Succeeded());
    CHECK_THAT(http, !NeverSent("x-key", "one") && !NeverSent("x-key", "two"));
    CHECK_THAT(recorder, !NeverSent("x-key", "one") && !NeverSent("x-key", "two"));
}

TEST_CASE("a recorder sees the headers of the request as well") {
    Script http;
    http.then(200);
    Recorder recorder{http};
    const Client client{recorder, both(), OnCodes{}};
    CHECK_THAT(client.send(chat()), SucceededWith("personal"));
    CHECK_THAT(recorder, !NeverSent("content-type", "json") && NeverSent("accept", "json"));
    CHECK_THAT(recorder, UsedCredentials("personal") && !NeverSent("application/json"));
    CHECK_THAT(recorder.sends().at(0), SignedBy("personal") && !SignedBy("enterprise"));
}

TEST_CASE("repeats by one credential count once in its name, and each as an attempt") {
    Script http;
    for (int i = 0; i != 11; ++i) http.then(503);
    const Client client{http, CredentialChain{Personal{}}, RetryOn<Transient>{}, MaxAttempts<11>{}};
    const auto result = client.send(chat(), Idempotent{});
    CHECK_THAT(result, UsedCredentials("personal") && Attempts(11));
    CHECK_THAT(http, UsedCredentials("personal") && Attempts(11));
}

TEST_CASE("an attempt is recognised by its credential") {
    AttemptFields fields;
    fields.credential = "personal";
    CHECK_THAT(Attempt{fields}, SignedBy("personal"));
    CHECK(explained(SignedBy("enterprise"), Attempt{fields}) == "which is signed by personal");
}

TEST_CASE("a matcher says what it wants and what it found instead, and never a secret") {
    const Three calls;
    CHECK((SucceededWith("enterprise") && Attempts(1)).toString() ==
          "succeeded with enterprise and took 1 attempt");
    CHECK((Succeeded() || !Attempts(2)).toString() == "succeeded or did not take 2 attempts");
    CHECK(negated(Succeeded() && Attempts(2)) == "did not succeed or did not take 2 attempts");
    CHECK(negated(UsedCredentials("a", "b")) == "did not use a, b");
    CHECK(UsedCredentials().toString() == "used nobody");
    CHECK(FailedWith(ErrorKind::refused, "code 4100").toString() ==
          "failed as refused and said \"code 4100\"");
    CHECK(NeverSent("Authorization", secret).toString() ==
          "never sent a certain text in the header Authorization");
    CHECK(explained(NeverSent(secret), calls.http) == "which sent it with send 1");
    CHECK(explained(UsedCredentials("enterprise"), calls.http) ==
          "which used personal, enterprise");
    CHECK(explained(Attempts(3), calls.fell_back) == "which sent this often: 2");
    CHECK(explained(SucceededWith("personal"), calls.fell_back) ==
          "which succeeded with enterprise");
    CHECK_THAT(explained(Succeeded(), calls.refused), ContainsSubstring("refused: HTTP 200"));
    CHECK_THAT(explained(FailedWith(ErrorKind::not_found), calls.refused),
               ContainsSubstring("which failed otherwise: refused"));
    CHECK(explained(FailedWith(ErrorKind::not_found), calls.fell_back) ==
          "which succeeded with enterprise");
    CHECK(explained(StoppedFor(StopReason::deadline), calls.refused) ==
          "which stopped for remedies_used_up");
}

TEST_CASE("what a test framework prints holds no secret") {
    const Three calls;
    std::ostringstream out;
    Recorder recorder{[](const HttpRequest&, const Attempt&) {
        return HttpResponse{200, {{"Set-Cookie", secret}}, secret, false};
    }};
    const Client client{recorder, CredentialChain{Personal{}}, OnCodes{}};
    (void)client.send(chat());
    out << calls.fell_back << calls.fell_back.trail() << calls.refused << calls.http << recorder
        << HttpRequest{"GET", "https://a.example/?token=" + std::string(secret), {}, secret}
        << HttpResponse{200, {{"X", secret}}, secret, true}
        << TransportError{Reach::cut_short, "access_token=" + std::string(secret)};
    CHECK(out.str().find(secret) == std::string::npos);
    CHECK_THAT(Catch::StringMaker<Script>::convert(calls.http),
               ContainsSubstring("0 answers left"));
}
