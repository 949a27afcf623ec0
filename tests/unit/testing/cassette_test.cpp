// SPDX-License-Identifier: BSL-1.0
#include <rekey/testing/cassette.hpp>

#include <rekey/driver/callback.hpp>
#include <rekey/testing/async_script.hpp>
#include <rekey/testing/print.hpp>

#include "catch.hpp"
#include "support/clients.hpp"
#include "support/traded.hpp"

#include <chrono>
#include <cstddef>
#include <random>
#include <sstream>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace {

using namespace clients;
using testing::CassettePlayer;
using testing::CassetteRecorder;
using testing::Playing;
using testing::read_cassette;
using testing::Scrubber;

template <class Recording> std::string saved(const Recording& recording) {
    std::ostringstream out;
    CHECK(recording.save(out));
    return out.str();
}
testing::Cassette read(const std::string& text) {
    std::istringstream in(text);
    return read_cassette(in);
}
HttpRequest get(std::string url) { return {"GET", std::move(url), {}, {}}; }

constexpr const char* whole =
    "rekey cassette 1\n"
    "\n"
    "# A remark.\n"
    "> POST https://api.coze.com/v3/chat?conversation_id=7\n"
    "> Content-Type: application/json\n"
    "> Authorization: __scrubbed__\n"
    "@ personal\n"
    "| {\"bot_id\":\"1\",\"stream\":false}\n"
    "< 200\n"
    "< Content-Type: application/json\n"
    "| {\"code\":4101,\"msg\":\"two\\x09tabs\"}\n"
    "|\n"
    "\n"
    "> POST https://api.coze.com/v3/chat?conversation_id=7\n"
    "@ enterprise\n"
    "| {\"bot_id\":\"1\",\"stream\":false}\n"
    "! never_sent lasting certificate expired\n";

}  // namespace

TEST_CASE("traffic that was recorded once plays again, and the client does the same") {
    testing::Script http;
    http.then(200, 4101, "no permission").then(200);
    CassetteRecorder recorder{http};
    const Client live{recorder, both(), OnCodes{}};
    const auto first = live.send(chat());

    CassettePlayer player{read(saved(recorder))};
    const Client tested{player,
                        CredentialChain{Personal{"another_token_1"}, Enterprise{"another_token_2"}},
                        OnCodes{}};
    const auto again = tested.send(chat());
    REQUIRE(again);
    CHECK(again.credential() == first.credential());
    CHECK(again.trail().count() == first.trail().count());
    CHECK(again->body == first->body);
    CHECK(player.left() == 0);
    CHECK(player.problem().empty());
}

TEST_CASE("a cassette is a text that people can read, without a secret in it") {
    testing::Script http;
    http.then(200, 4101, "no token pat_personal_1 here");
    CassetteRecorder recorder{http};
    const Client live{recorder, CredentialChain{Personal{}}, OnCodes{}};
    (void)live.send(chat());
    CHECK(saved(recorder) ==
          "rekey cassette 1\n"
          "\n"
          "> POST https://api.coze.com/v3/chat?conversation_id=7\n"
          "> Content-Type: application/json\n"
          "> Authorization: __scrubbed__\n"
          "@ personal\n"
          "| {\"bot_id\":\"1\",\"stream\":false}\n"
          "< 200\n"
          "< Content-Type: application/json\n"
          "< X-Tt-Logid: log-1\n"
          "| {\"code\":4101,\"msg\":\"no token __scrubbed__ here\"}\n");
}

TEST_CASE("a cassette keeps every byte of a body, and failures of the transport") {
    std::string any;
    for (int i = 0; i != 256; ++i) any.push_back(static_cast<char>(i));
    const auto body = GENERATE_COPY(std::string(), std::string("\n"), std::string("\n\n"),
                                    std::string("one\ntwo\n"), std::string("\r\n| <\\x"), any);
    testing::Script http;
    http.then(HttpResponse{201, {{"X", ""}}, body, true})
        .then(TransportError{Reach::cut_short, "reset by peer", TransportVerdict::passing});
    CassetteRecorder recorder{http};
    (void)recorder(HttpRequest{"PUT", "https://api.example/a", {}, body}, Attempt{});
    (void)recorder(get("https://api.example/b"), Attempt{});

    const auto cassette = read(saved(recorder));
    CHECK(cassette.problem.empty());
    REQUIRE(cassette.sends.size() == 2);
    CHECK(cassette.sends[0].request.body == body);
    CHECK(cassette.sends[0].response.body == body);
    CHECK(cassette.sends[0].response.status == 201);
    CHECK(cassette.sends[0].response.delivered);
    CHECK_FALSE(cassette.sends[1].answered);
    CHECK(cassette.sends[1].error.reach == Reach::cut_short);
    CHECK(cassette.sends[1].error.detail == "reset by peer");
}

#if defined(__cpp_exceptions)
TEST_CASE("a send that an exception ended plays as one that is not repeated either") {
    CassetteRecorder recorder{[](const HttpRequest&, const Attempt&) -> HttpResponse {
        throw std::runtime_error("out of paper");
    }};
    const Client live{recorder, both(), RetryOn<4101, Transient>{}, MaxAttempts<5>{}};
    CHECK_THROWS_AS(live.send(chat(), Idempotent{}), std::runtime_error);

    CassettePlayer player{read(saved(recorder))};
    const Client tested{player, both(), RetryOn<4101, Transient>{}, MaxAttempts<5>{}};
    const auto result = tested.send(chat(), Idempotent{});
    REQUIRE_FALSE(result);
    CHECK(result.trail().count() == 1);
    CHECK_THAT(result.error().message(), ContainsSubstring("by an exception"));
    CHECK(player.problem().empty());
    CHECK(player.left() == 0);
}
#endif

TEST_CASE("a request that tells neither method nor URL is recorded, and plays again") {
    struct Reply {
        int status;
        std::string body;
    };
    CassetteRecorder recorder{[](const std::string&, const Attempt&) {
        return Reply{200, " \n "};
    }};
    (void)recorder(std::string("/v1/me"), Attempt{});
    const std::string text = saved(recorder);
    CHECK(text == "rekey cassette 1\n\n> - -\n< 200\n| \\x20\n| \\x20\n");
    CassettePlayer player{read(text)};
    CHECK(player(std::string("/v1/me"), Attempt{})->body == " \n ");
}

TEST_CASE(
    "an answer without a status is recorded, and plays again; one of four digits is refused") {
    testing::Script http;
    http.then(HttpResponse{0, {}, {}, false}).then(HttpResponse{1000, {}, {}, false});
    CassetteRecorder recorder{http};
    const auto kind = [](auto& transport) {
        return Client{transport}.send(get("https://a.example")).error().kind;
    };
    CHECK(kind(recorder) == ErrorKind::transport);
    const std::string text = saved(recorder);
    CHECK(text == "rekey cassette 1\n\n> GET https://a.example\n< 0\n");
    CassettePlayer player{read(text)};
    CHECK(kind(player) == ErrorKind::transport);
    CHECK(player.problem().empty());
    CHECK(player.left() == 0);

    (void)recorder(get("https://a.example"), Attempt{});
    CHECK_THAT(recorder.cassette().problem, ContainsSubstring("has the status 1000"));
    CHECK(recorder.cassette().sends.empty());
    std::ostringstream out;
    CHECK_FALSE(recorder.save(out));
    CHECK(out.str().empty());
}

TEST_CASE("no line of a cassette ends in a blank, and a body may have empty lines") {
    testing::Script http;
    http.then(HttpResponse{200, {{"X-Empty", ""}}, "one \n\n", false});
    CassetteRecorder recorder{http};
    (void)recorder(get("https://a.example"), Attempt{});
    const std::string text = saved(recorder);
    CHECK(text.find(" \n") == std::string::npos);
    CHECK_THAT(text, ContainsSubstring("< X-Empty:\\x20\n| one\\x20\n|\n|\n"));
    CHECK(read(text).sends.at(0).response.body == "one \n\n");
    CHECK(read(text).sends.at(0).response.headers.at(0).value.empty());
}

TEST_CASE("a cassette may be written by hand") {
    const auto cassette = read(whole);
    CHECK(cassette.problem.empty());
    REQUIRE(cassette.sends.size() == 2);
    CHECK(cassette.sends[0].request.headers.size() == 2);
    CHECK(cassette.sends[0].credential == "personal");
    CHECK(cassette.sends[0].response.body == "{\"code\":4101,\"msg\":\"two\ttabs\"}\n");
    CHECK(cassette.sends[1].error.verdict == TransportVerdict::lasting);

    CassettePlayer player{cassette};
    const Client client{player, both(), OnCodes{}};
    const auto result = client.send(chat());
    REQUIRE_FALSE(result);
    CHECK(result.error().kind == ErrorKind::transport);
    CHECK(result.error().message() == "certificate expired");
}

TEST_CASE("a malformed cassette is refused with the line and what is wrong with it") {
    const auto [text, problem] = GENERATE(table<std::string, std::string>({
        {"", "line 0 is empty"},
        {"rekey cassette 2\n", "line 1 is not `rekey cassette 1`"},
        {"rekey cassette 1\n\n> GET\n", "line 3 is no request"},
        {"rekey cassette 1\n\n> GET \n", "line 3 is no request"},
        {"rekey cassette 1\n\n? GET https://a\n", "line 3 begins with none of the marks"},
        {"rekey cassette 1\n\nGET https://a\n", "line 3 begins with none of the marks"},
        {"rekey cassette 1\n\n> GET https://a\n> no header\n< 200\n", "line 4 is no header"},
        {"rekey cassette 1\n\n> GET https://a\n", "line 3 is the end"},
        {"rekey cassette 1\n\n> GET https://a\n< 200\n| {\"code\":410", "line 5 is cut short"},
        {"rekey cassette 1\n\n> GET https://a\n\n", "line 4 ends a request that has neither"},
        {"rekey cassette 1\n\n> GET https://a\n< 20\n", "line 4 is no answer"},
        {"rekey cassette 1\n\n> GET https://a\n< 2000\n", "line 4 is no answer"},
        {"rekey cassette 1\n\n> GET https://a\n< 099\n", "line 4 is no answer"},
        {"rekey cassette 1\n\n> GET https://a\n< 000\n", "line 4 is no answer"},
        {"rekey cassette 1\n\n> GET https://a\n< 0 late\n", "line 4 is no answer"},
        {"rekey cassette 1\n\n< 200\n", "line 3 is an answer that belongs to no request"},
        {"rekey cassette 1\n\n| body\n", "line 3 is a body that belongs to nothing"},
        {"rekey cassette 1\n\n@ personal\n", "line 3 names a credential outside"},
        {"rekey cassette 1\n\n! never_sent passing\n", "line 3 is a failure that belongs to no"},
        {"rekey cassette 1\n\n> GET https://a\n! never\n", "line 4 is no failure"},
        {"rekey cassette 1\n\n> GET https://a\n! never_sent maybe\n", "line 4 is no failure"},
        {"rekey cassette 1\n\n> GET https://a\n! never_sent passing\n| body\n",
         "line 5 is a body that belongs to nothing"},
        {"rekey cassette 1\n\n> GET https://a\n< 200\n> GET https://b\n< 200\n",
         "line 5 begins a request"},
        {"rekey cassette 1\n\n> GET https://a\n| \\q\n< 200\n", "line 4 holds a control character"},
        {"rekey cassette 1\n\n> GET https://a\n| \\x0\n< 200\n", "line 4 holds"},
        {"rekey cassette 1\n\n> GET https://a\n| \t\n< 200\n", "line 4 holds"},
    }));
    const auto cassette = read(text);
    CHECK_THAT(cassette.problem, ContainsSubstring("cassette: " + problem));
    CHECK(cassette.sends.empty());

    CassettePlayer player{cassette};
    const Client client{player, both(), OnCodes{}};
    CHECK_THAT(client.send(chat()).error().message(), ContainsSubstring(problem));
}

TEST_CASE("a cassette that was cut anywhere is refused or is the start of the whole one") {
    const std::string text = whole;
    const auto all = read(text);
    for (std::size_t length = 0; length != text.size(); ++length) {
        const auto part = read(text.substr(0, length));
        if (!part.problem.empty()) continue;
        CAPTURE(length);
        CHECK(text[length - 1] == '\n');
        REQUIRE(part.sends.size() <= all.sends.size());
        for (std::size_t i = 0; i != part.sends.size(); ++i)
            CHECK(part.sends[i].request.url == all.sends[i].request.url);
    }
}

TEST_CASE("a request that does not fit fails in words and is not repeated") {
    CassettePlayer player{read(whole)};
    const Client client{player, both(), RetryOn<4101, Transient>{}, MaxAttempts<5>{}};
    HttpRequest other = chat();
    other.body = R"({"bot_id":"2"})";
    const auto result = client.send(other);
    REQUIRE_FALSE(result);
    CHECK(result.trail().count() == 1);
    CHECK(result.error().message() ==
          R"(cassette: the next send 1 has the body `{"bot_id":"1","stream":false}`, )"
          R"(and this one `{"bot_id":"2"}`)");
    CHECK(player.problem() == result.error().message());
    CHECK(player.left() == 2);
}

TEST_CASE("a send beyond the end of a cassette says so") {
    CassettePlayer player{read("rekey cassette 1\n\n> GET https://a.example\n< 200\n")};
    const Client client{player};
    CHECK(client.send(get("https://a.example")));
    CHECK(client.send(get("https://a.example")).error().message() ==
          "cassette: it is over, and there is one more send: GET https://a.example");
}

TEST_CASE("a cassette plays with any token, also one that is a word of the traffic") {
    testing::Script http;
    http.then(401, 4101).then(200);
    CassetteRecorder recorder{http};
    REQUIRE(Client{recorder, both(), OnCodes{}}.send(chat()));
    for (const std::string word : {"personal", "enterprise", "conversation_id", "api.coze.com"}) {
        CAPTURE(word);
        CassettePlayer player{read(saved(recorder))};
        const Client client{player, Both{Personal{word}, Enterprise{word}}, OnCodes{}};
        CHECK(client.send(chat()));
        CHECK(player.problem().empty());
    }
    CassettePlayer player{read(saved(recorder))};
    HttpRequest another = chat();
    another.body = R"({"bot_id":"2","stream":false})";
    CHECK_FALSE(Client{player, Both{Personal{"personal"}, Enterprise{}}, OnCodes{}}.send(another));
    CHECK_THAT(player.problem(), ContainsSubstring("the next send 1 has the body"));
}

TEST_CASE("calls that run side by side play a cassette in any order") {
    const std::string text =
        "rekey cassette 1\n\n> GET https://a.example\n< 201\n\n> GET https://b.example\n< 202\n"
        "\n> GET https://a.example\n< 203\n";
    CassettePlayer player{read(text), Playing::any_order};
    const Client client{player};
    CHECK(client.send(get("https://b.example"))->status == 202);
    CHECK(client.send(get("https://a.example"))->status == 201);
    CHECK(client.send(get("https://a.example"))->status == 203);
    CHECK_THAT(client.send(get("https://b.example")).error().message(),
               ContainsSubstring("it is over"));
    CassettePlayer fresh{read(text), Playing::any_order};
    const Client picky{fresh};
    CHECK_THAT(picky.send(get("https://c.example")).error().message(),
               ContainsSubstring("no send that is left fits GET https://c.example"));
}

TEST_CASE("a token exchange is recorded without its secrets, and plays again") {
    const HttpRequest exchange{"POST",
                               "https://api.coze.com/api/permission/oauth2/token",
                               {{"Authorization", "Bearer eyJhbGciOi.eyJpc3MiOi.c2lnbmF0dXJl"}},
                               R"({"grant_type":"authorization_code","code":"one-time-code-1",)"
                               R"("client_secret":"hush-hush-1"})"};
    const HttpRequest use = get("https://api.coze.com/v1/me?hint=oat_fresh_token_1");
    testing::Script http;
    http.then(HttpResponse{200, {}, R"({"access_token":"oat_fresh_token_1"})", false})
        .then(HttpResponse{401, {}, R"({"code":4100,"msg":"dead: oat_fresh_token_1"})", false});
    CassetteRecorder recorder{http};
    (void)recorder(exchange, Attempt{});
    (void)recorder(use, Attempt{});

    const std::string text = saved(recorder);
    for (const char* const secret : {"eyJhbGciOi", "one-time-code-1", "hush-hush-1", "oat_fresh"})
        CHECK_THAT(text, !ContainsSubstring(secret));
    CHECK_THAT(text, ContainsSubstring(R"("msg":"dead: __scrubbed__")"));

    CassettePlayer player{read(text)};
    const auto token = player(exchange, Attempt{});
    REQUIRE(token.has_value());
    CHECK(token->body == R"({"access_token":"__scrubbed__"})");
    CHECK(player(get("https://api.coze.com/v1/me?hint=__scrubbed__"), Attempt{}).has_value());
}

TEST_CASE("a credential with an exchange is recorded with it, and plays again with another token") {
    testing::Script http;
    http.then(granted("exchanged_token_1")).then(200, 4101).then(200);
    CassetteRecorder recorder{http};
    const Client live{recorder, CredentialChain{Traded{}, Enterprise{}}, OnCodes{}};
    CHECK(live.send(chat()).credential() == "enterprise");
    const std::string text = saved(recorder);
    for (const char* const secret : {"exchanged_token_1", "assertion-of-the", "pat_enterprise"})
        CHECK_THAT(text, !ContainsSubstring(secret));

    CassettePlayer player{read(text)};
    const Client tested{player, CredentialChain{Traded{}, Enterprise{"any_other_token"}},
                        OnCodes{}};
    CHECK(tested.send(chat()).credential() == "enterprise");
    CHECK(player.problem().empty());
    CHECK(player.left() == 0);
}

TEST_CASE("what only the program knows to be secret is scrubbed when it says so") {
    const auto rules = [] { return Scrubber{}.secret("customer-4711").field("pin"); };
    testing::Script http;
    http.then(HttpResponse{200, {}, R"({"pin":"0815","for":"customer-4711"})", false});
    CassetteRecorder recorder{http, rules()};
    (void)recorder(get("https://api.example/customer-4711"), Attempt{});
    const std::string text = saved(recorder);
    CHECK_THAT(text, !ContainsSubstring("4711"));
    CHECK_THAT(text, !ContainsSubstring("0815"));
    CassettePlayer player{read(text), Playing::in_order, rules()};
    CHECK(player(get("https://api.example/customer-4711"), Attempt{}).has_value());
}

TEST_CASE("a secret that is a word of the format itself is not saved at all") {
    testing::Script http;
    http.then(200);
    CassetteRecorder recorder{http};
    const Client live{recorder, CredentialChain{Personal{"cassette"}}, OnCodes{}};
    (void)live.send(chat());
    std::ostringstream out;
    CHECK_FALSE(recorder.save(out));
    CHECK(out.str().empty());
    CHECK_THAT(recorder.cassette().problem, ContainsSubstring("cannot be taken out"));
}

TEST_CASE("a secret that comes about where another one was taken out is not saved either") {
    testing::Script http;
    http.then(HttpResponse{200, {}, "pat_personal_1\nthe end", false});
    CassetteRecorder recorder{http, Scrubber{}.secret("__scrubbed__\nthe end")};
    const Client live{recorder, CredentialChain{Personal{}}, OnCodes{}};
    (void)live.send(chat());
    std::ostringstream out;
    CHECK_FALSE(recorder.save(out));
}

TEST_CASE("no secret of eight characters is ever in a saved cassette, wherever it was repeated") {
    std::mt19937 random(20260921);
    const auto below = [&random](std::size_t limit) {
        return static_cast<std::size_t>(random() % static_cast<unsigned>(limit));
    };
    // Few letters, so that secrets overlap and contain each other; and what needs escapes.
    static constexpr std::string_view letters = "abAB01-_./+=%&\"\\{}:, ~";
    const auto make = [&](bool visible) {
        std::string text;
        for (std::size_t i = 8 + below(12); i != 0; --i) {
            char c = letters[below(letters.size())];
            if (visible && c == ' ') c = 'x';
            text += c;
        }
        return text;
    };
    int kept = 0;
    for (int round = 0; round != 300; ++round) {
        const std::string token = make(true);
        const std::string password = make(true);
        const std::string named = make(false);
        const std::string secrets[] = {token, password, named};
        const auto noise = [&] {
            std::string text;
            for (std::size_t i = below(6); i != 0; --i) {
                const std::string& secret = secrets[below(3)];
                text += below(3) == 0 ? secret.substr(below(secret.size())) : secret;
                if (below(2) == 0) text += letters[below(letters.size())];
                if (below(4) == 0) text += '\n';
            }
            return text;
        };
        testing::Script http;
        HttpHeaders headers{{"X-Echo", noise()}, {"Set-Cookie", password}};
        http.then(HttpResponse{200, headers, noise(), false})
            .then(TransportError{Reach::sent_unanswered, noise()});
        CassetteRecorder recorder{http, Scrubber{}.secret(named)};
        AttemptFields fields;
        const std::string authorization = "Bearer " + token;
        fields.authorization = authorization;
        fields.credential = "someone";
        const Attempt attempt{fields};
        (void)recorder(
            HttpRequest{"POST", "https://a.example/" + noise(), {{"Y", noise()}}, noise()},
            attempt);
        (void)recorder(HttpRequest{"POST", "https://a.example/" + noise(), {}, noise()}, attempt);
        std::ostringstream out;
        if (!recorder.save(out)) continue;
        ++kept;
        for (const std::string& secret : secrets) {
            INFO("round " << round);
            CHECK(out.str().find(secret) == std::string::npos);
        }
        for (const auto& send : read(out.str()).sends)
            for (const std::string* const text :
                 {&send.request.url, &send.request.body, &send.response.body, &send.error.detail})
                for (const std::string& secret : secrets)
                    CHECK(text->find(secret) == std::string::npos);
    }
    CHECK(kept > 290);
}

namespace {

using namespace std::chrono_literals;
using testing::ManualScheduler;
using Ends = std::vector<std::string>;

auto note(Ends& ends) {
    return [&ends](const Result<HttpResponse>& result) {
        ends.push_back(result ? std::string(result.credential()) : result.error().message());
    };
}
/// What asynchronous calls with an exchange come to over a transport.
template <class Http> Ends traffic_over(Http& http, ManualScheduler& time, const char* token) {
    const driver::callback::Client client{http, time, UseClock{time},
                                          CredentialChain{Traded{}, Enterprise{token}}, OnCodes{}};
    Ends ends;
    client.send(chat(), note(ends));
    time.run();
    client.send(chat(), note(ends));
    time.run();
    return ends;
}

}  // namespace

TEST_CASE("asynchronous traffic that was recorded once plays again, at once and in virtual time") {
    ManualScheduler time;
    testing::AsyncScript http{time, 20ms};
    http.then(granted("token_of_the_app")).then(200).then(403, 4101, "no permission").then(200);
    CassetteRecorder recorder{http};
    const Ends wanted{"traded", "enterprise"};
    CHECK(traffic_over(recorder, time, "pat_of_the_enterprise") == wanted);
    const std::string text = saved(recorder);
    CHECK_THAT(text, !ContainsSubstring("token_of_the_app") &&
                         !ContainsSubstring("pat_of_the_enterprise"));

    ManualScheduler again;
    CassettePlayer at_once{read(text)};
    CHECK(traffic_over(at_once, again, "another_token_1") == wanted);
    CHECK(again.delays().empty());
    CHECK(at_once.left() == 0);

    CassettePlayer later{read(text)};
    later.answer_through(again, 30ms);
    CHECK(traffic_over(later, again, "another_token_1") == wanted);
    CHECK(again.delays() == std::vector<Duration>(4, 30ms));
    CHECK(later.problem().empty());
}

TEST_CASE("an asynchronous call that is cancelled cancels the answer of a cassette") {
    ManualScheduler time;
    CassettePlayer player{read(whole)};
    player.answer_through(time, 30ms);
    const driver::callback::Client client{player, time, both(), OnCodes{}};
    Ends ends;
    const auto call = client.send(chat(), note(ends));
    CHECK(time.waiting() == 1);
    call.cancel();
    CHECK(time.waiting() == 0);
    CHECK(ends.size() == 1);
    CHECK(player.left() == 1);
}

TEST_CASE("asynchronous calls that run side by side play a cassette in any order") {
    ManualScheduler time;
    testing::Script http;
    http.then(200).then(200, 4101).then(200);
    CassetteRecorder recorder{http};
    const Client live{recorder, both(), OnCodes{}};
    CHECK(live.send(get("https://api.coze.com/one")));
    CHECK(live.send(get("https://api.coze.com/two")));

    CassettePlayer player{read(saved(recorder)), Playing::any_order};
    player.answer_through(time, 30ms);
    const driver::callback::Client client{player, time, both(), OnCodes{}};
    Ends ends;
    client.send(get("https://api.coze.com/two"), note(ends));
    client.send(get("https://api.coze.com/one"), note(ends));
    time.run();
    CHECK(ends == Ends{"personal", "enterprise"});
    CHECK(player.left() == 0);
}

TEST_CASE("an asynchronous request that does not fit fails in words") {
    CassettePlayer player{read(whole)};
    const driver::callback::Client client{player, driver::NoScheduler{}, both(), OnCodes{}};
    Ends ends;
    client.send(get("https://api.coze.com/elsewhere"), note(ends));
    REQUIRE(ends.size() == 1);
    CHECK_THAT(ends[0], ContainsSubstring("the next send 1 has the method `POST`"));
    CHECK(player.problem() == ends[0]);
}
