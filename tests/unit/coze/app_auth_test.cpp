// SPDX-License-Identifier: BSL-1.0
#include <rekey/coze/app_auth.hpp>

#include "catch.hpp"

#include <rekey/coze.hpp>
#include <rekey/testing.hpp>

#include "support/coze_desk.hpp"

#include <cstddef>
#include <cstdint>
#include <functional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

using namespace rekey;

namespace {

oauth::Signer signer() {
    return oauth::Signer{[](std::string_view input) { return CozeDesk::signature_of(input); }};
}

coze::AppAuthOptions options_for(const CozeDesk& desk, std::string id = {}) {
    coze::AppAuthOptions options;
    options.client_id = desk.options.jwt_client_id;
    options.public_key_id = desk.options.public_key_id;
    options.signer = signer();
    options.id = std::move(id);
    options.base = desk.options.base;
    return options;
}

/// A clock for a client that follows the desk's.
struct DeskClock {
    CozeDesk* desk;
    std::vector<Duration> waits{};

    TimePoint now() const { return {}; }
    std::int64_t unix_seconds() const { return desk->now; }
    void sleep(Duration delay) { waits.push_back(delay); }
};

/// Personal and enterprise over the desk, with everything that a test wants to look at.
struct Lane {
    CozeDesk desk{};
    DeskClock clock{&desk};

    template <class... More> auto client(More... more) {
        return Client{
            desk.coze,
            CredentialChain{
                coze::AppAuth<coze::Account>{options_for(desk, desk.options.account_id)},
                coze::AppAuth<coze::EnterpriseId>{options_for(desk, desk.options.enterprise_id)}},
            coze::RetryOnRefusal{}, UseClock{clock}, std::move(more)...};
    }
    HttpRequest chat() const {
        return {"POST",
                desk.options.base + "/v3/chat",
                {{"Content-Type", "application/json"}},
                desk.chat_body()};
    }
    std::int64_t exchanges() { return desk.coze.totals().token_exchanges["jwt_bearer"]; }
};

template <class Which> coze::TokenRequest request_of(coze::AppAuthOptions options) {
    return coze::AppAuth<Which>{std::move(options)}.token_request(1'700'000'000);
}
std::string payload_of(const coze::TokenRequest& request) {
    const std::string_view text = request.authorization.expose();
    const std::size_t first = text.find('.');
    const std::size_t second = text.find('.', first + 1);
    std::string payload;
    REQUIRE(oauth::base64url_decode(text.substr(first + 1, second - first - 1), payload));
    return payload;
}

}  // namespace

TEST_CASE("each kind of AppAuth asks its own endpoint") {
    CozeDesk desk;
    const std::string base = desk.options.base;
    CHECK(request_of<coze::Account>(options_for(desk, "12345")).http.url ==
          base + "/api/permission/oauth2/account/12345/token");
    CHECK(request_of<coze::EnterpriseId>(options_for(desk, "volcano_2105850")).http.url ==
          base + "/api/permission/oauth2/enterprise_id/volcano_2105850/token");
    CHECK(request_of<coze::Owner>(options_for(desk)).http.url ==
          base + "/api/permission/oauth2/token");
}

TEST_CASE("S21 the token request carries its parameters in the body and no secret in the URL") {
    CozeDesk desk;
    coze::AppAuthOptions options = options_for(desk, "12345");
    options.scope = R"({"account_permission":{"permission_list":["Connector.botChat"]}})";
    const auto request = request_of<coze::Account>(options);
    CHECK(request.problem.empty());
    CHECK(request.http.method == "POST");
    CHECK(request.http.url.find('?') == std::string::npos);
    CHECK(request.http.body ==
          R"({"grant_type":"urn:ietf:params:oauth:grant-type:jwt-bearer","duration_seconds":900,)"
          R"("scope":{"account_permission":{"permission_list":["Connector.botChat"]}}})");
    CHECK(request.authorization.expose().substr(0, 7) == "Bearer ");
    const std::string jwt(request.authorization.expose().substr(7));
    CHECK(request.http.url.find(jwt) == std::string::npos);
    CHECK(request.http.body.find(jwt) == std::string::npos);
}

TEST_CASE("S21 an http base outside loopback is refused unless it is allowed by name") {
    CozeDesk desk;
    coze::AppAuthOptions options = options_for(desk, "12345");
    options.base = "http://api.example.com";
    CHECK_THAT(request_of<coze::Account>(options).problem, ContainsSubstring("http"));
    CHECK(request_of<coze::Account>(options).authorization.empty());
    options.allow_http = true;
    CHECK(request_of<coze::Account>(options).problem.empty());
    options.allow_http = false;
    options.base = "http://127.0.0.1:8080/";
    CHECK(request_of<coze::Account>(options).http.url ==
          "http://127.0.0.1:8080/api/permission/oauth2/account/12345/token");
}

TEST_CASE("S24 the assertion is for the host of the API base, used once and short-lived") {
    CozeDesk desk;
    coze::AppAuthOptions options = options_for(desk, "12345");
    options.session_name = "ada";
    options.device_id = "d-1";
    options.custom_consumer = "c-1";
    const struct {
        const char* base;
        const char* audience;
    } table[] = {{"https://api.coze.cn", "api.coze.cn"},
                 {"https://api.coze.com:443/", "api.coze.com"},
                 {"HTTPS://API.Coze.COM:443", "api.coze.com"},
                 {"https://api.coze.com:80", "api.coze.com:80"},
                 {"http://127.0.0.1", "127.0.0.1"},
                 {"http://127.0.0.1:80/", "127.0.0.1"},
                 {"http://127.0.0.1:443", "127.0.0.1:443"},
                 {"http://127.0.0.1:8080", "127.0.0.1:8080"}};
    for (const auto& row : table) {
        options.base = row.base;
        const std::string payload = payload_of(request_of<coze::Account>(options));
        CHECK(body::find(payload, "aud").kind == body::Kind::string);
        CHECK(body::decode(body::find(payload, "aud")) == row.audience);
        CHECK(body::find(payload, "exp").integer - body::find(payload, "iat").integer <= 300);
        CHECK(body::decode(body::find(payload, "session_name")) == "ada");
        CHECK(body::decode(body::find(payload, "session_context", "device_info", "device_id")) ==
              "d-1");
        CHECK(body::decode(body::find(payload, "session_context", "device_info",
                                      "custom_consumer")) == "c-1");
        CHECK(body::decode(body::find(payload, "jti")).size() > 32);
    }
    CHECK(body::decode(body::find(payload_of(request_of<coze::Account>(options)), "jti")) !=
          body::decode(body::find(payload_of(request_of<coze::Account>(options)), "jti")));
}

TEST_CASE("an app's token is stored under everything that makes it another one") {
    CozeDesk desk;
    const coze::AppAuthOptions options = options_for(desk, "12345");
    const auto stored = [](const coze::AppAuthOptions& of) {
        return coze::AppAuth<coze::Account>{of}.stored_as();
    };
    std::set<std::string> names{stored(options),
                                coze::AppAuth<coze::EnterpriseId>{options}.stored_as(),
                                coze::AppAuth<coze::Owner>{options}.stored_as()};
    for (std::string coze::AppAuthOptions::*const member :
         {&coze::AppAuthOptions::client_id, &coze::AppAuthOptions::id, &coze::AppAuthOptions::scope,
          &coze::AppAuthOptions::session_name, &coze::AppAuthOptions::device_id,
          &coze::AppAuthOptions::custom_consumer}) {
        coze::AppAuthOptions other = options;
        other.*member = "another";
        names.insert(stored(other));
    }
    coze::AppAuthOptions elsewhere = options;
    elsewhere.base = "https://api.coze.cn";
    names.insert(stored(elsewhere));
    CHECK(names.size() == 10);

    coze::AppAuthOptions rotated = options;
    rotated.public_key_id = "another key of the same app";
    rotated.duration_seconds = 60;
    rotated.base += "///";
    CHECK(stored(rotated) == stored(options));
}

TEST_CASE("without expires_in a token lives as long as it was asked for") {
    CozeDesk desk;
    coze::AppAuthOptions options = options_for(desk, "12345");
    options.duration_seconds = 3600;
    const auto token = coze::AppAuth<coze::Account>{options}.read_token(
        200, "application/json", R"({"access_token":"czs_1"})", 1'700'000'000);
    CHECK(token.outcome == oauth::TokenOutcome::granted);
    CHECK(token.expires_at == 1'700'003'600);
}

TEST_CASE("an id that would change the path is refused and named, never injected") {
    CozeDesk desk;
    for (const char* const id : {"", "1/2", "1 2", "..", ".", "1\\2", "1\n2", "\xe4\xbd\xa0"}) {
        const auto request = request_of<coze::Account>(options_for(desk, id));
        CAPTURE(id);
        CHECK_THAT(request.problem, ContainsSubstring("COZE_ACCOUNT_ID"));
        CHECK(request.http.url.empty());
        CHECK(request.authorization.empty());
    }
    CHECK(request_of<coze::EnterpriseId>(options_for(desk, "a?b#c%d")).http.url ==
          desk.options.base + "/api/permission/oauth2/enterprise_id/a%3Fb%23c%25d/token");
}

TEST_CASE("settings that cannot work are named before anything is sent") {
    CozeDesk desk;
    const auto problem = [&desk](auto spoil) {
        coze::AppAuthOptions options = options_for(desk, "12345");
        spoil(options);
        const std::string text = request_of<coze::Account>(options).problem;
        const std::string before = coze::AppAuth<coze::Account>{options}.problem();
        if (text.find("signature") == text.npos) CHECK(before == text);  // it is asked for none
        return text;
    };
    CHECK(problem([](auto&) {}).empty());
    CHECK(problem([](auto& o) { o.session_name = "\xe4\xbd\xa0\xe5\xa5\xbd \"1\""; }).empty());
    CHECK_THAT(problem([](auto& o) { o.client_id.clear(); }), ContainsSubstring("client id"));
    for (const char* const bad : {"\xff", "1128\r", "1128\n", " 1128", "app 1", "\xe4\xbd\xa0"}) {
        CAPTURE(bad);
        CHECK_THAT(problem([bad](auto& o) { o.client_id = bad; }), ContainsSubstring("client id"));
        CHECK_THAT(problem([bad](auto& o) { o.public_key_id = bad; }),
                   ContainsSubstring("public key id"));
    }
    CHECK_THAT(problem([](auto& o) { o.session_name = "\xff"; }),
               ContainsSubstring("session_name"));
    CHECK_THAT(problem([](auto& o) { o.device_id = "\xff"; }), ContainsSubstring("device_id"));
    CHECK_THAT(problem([](auto& o) { o.custom_consumer = "\xff"; }),
               ContainsSubstring("custom_consumer"));
    CHECK_THAT(problem([](auto& o) { o.public_key_id.clear(); }),
               ContainsSubstring("public key id"));
    CHECK_THAT(problem([](auto& o) { o.signer = oauth::Signer{}; }), ContainsSubstring("signer"));
    CHECK_THAT(problem([](auto& o) { o.duration_seconds = 86400; }), ContainsSubstring("86399"));
    CHECK_THAT(problem([](auto& o) { o.duration_seconds = 0; }), ContainsSubstring("86399"));
    CHECK_THAT(problem([](auto& o) { o.base = "api.coze.com"; }), ContainsSubstring("absolute"));
    CHECK_THAT(problem([](auto& o) { o.base = "https://api.coze.com?x=1"; }),
               ContainsSubstring("no query"));
    CHECK_THAT(problem([](auto& o) { o.scope = "{"; }), ContainsSubstring("scope"));
    CHECK_THAT(problem([](auto& o) {
                   o.signer = oauth::Signer{[](std::string_view) { return std::string(); }};
               }),
               ContainsSubstring("signature"));
}

TEST_CASE("a chat over AppAuth: one exchange, then the token is kept") {
    Lane lane;
    const auto client = lane.client();
    for (int i = 0; i != 5; ++i) {
        const auto result = client.send(lane.chat());
        REQUIRE(result);
        CHECK(result.credential() == "personal");
        CHECK(result.trail().count() == 1);
    }
    CHECK(lane.exchanges() == 1);
}

TEST_CASE("a token is renewed shortly before it expires, not after") {
    Lane lane;
    const auto client = lane.client();
    REQUIRE(client.send(lane.chat()));
    lane.desk.now += 900 - 30 - 180 - 1;  // before its early window
    REQUIRE(client.send(lane.chat()));
    CHECK(lane.exchanges() == 1);
    lane.desk.now += 91;  // in it, wherever it was drawn
    REQUIRE(client.send(lane.chat()));
    CHECK(lane.exchanges() == 2);
}

TEST_CASE("S28 expires_in is read as absolute or relative by its size") {
    for (const char* const expires_in : {"900", "1790000900"}) {
        CAPTURE(expires_in);
        Lane lane;
        testing::Script http;
        const std::string token =
            std::string(R"({"access_token":"czs_1","expires_in":)") + expires_in + "}";
        http.then({200, {}, token, false}).then(200).then(200).then({200, {}, token, false});
        testing::ManualClock clock;
        clock.set_unix_seconds(1'790'000'000);
        const Client client{
            http, CredentialChain{coze::AppAuth<coze::Account>{options_for(lane.desk, "12345")}},
            coze::RetryOnRefusal{}, UseClock{clock}};
        REQUIRE(client.send(lane.chat()));
        clock.advance(std::chrono::seconds{689});
        REQUIRE(client.send(lane.chat()));
        CHECK(http.sends().size() == 3);
        clock.advance(std::chrono::seconds{182});
        (void)client.send(lane.chat());
        CHECK(http.sends()[3].url.find("/api/permission/oauth2/") != std::string::npos);
    }
}

TEST_CASE("S48 a move costs one extra exchange per process and two sends per request") {
    Lane lane;
    const auto client = lane.client();
    REQUIRE(client.send(lane.chat()));
    REQUIRE(lane.exchanges() == 1);
    lane.desk.coze.move();

    const auto first = client.send(lane.chat());
    REQUIRE(first);
    CHECK(first.credential() == "enterprise");
    CHECK(first.trail().count() == 3);  // refused, renewed and refused, enterprise
    CHECK(lane.exchanges() == 3);       // before the move, one more personal, one enterprise

    for (int i = 0; i != 100; ++i) {
        const auto result = client.send(lane.chat());
        REQUIRE(result);
        REQUIRE(result.trail().count() == 2);
    }
    CHECK(lane.exchanges() == 3);
    CHECK(lane.desk.coze.totals().jti_replays == 0);
}

TEST_CASE("S49 a 403 never renews: the next credential is asked at once") {
    Lane lane;
    const auto client = lane.client();
    REQUIRE(client.send(lane.chat()));
    lane.desk.coze.refuse_with({4101, 403, {}});
    lane.desk.coze.move();
    const auto result = client.send(lane.chat());
    REQUIRE(result);
    CHECK(result.trail().count() == 2);
    CHECK(lane.exchanges() == 2);
}

TEST_CASE("after a rollback the personal credential serves again") {
    Lane lane;
    const auto client = lane.client();
    REQUIRE(client.send(lane.chat()));
    lane.desk.coze.move();
    REQUIRE(client.send(lane.chat()));
    lane.desk.coze.rollback();
    const auto result = client.send(lane.chat());
    REQUIRE(result);
    CHECK(result.credential() == "personal");
    CHECK(result.trail().count() == 1);
}

TEST_CASE("a disabled app is a refusal of that credential: falls back and says so") {
    Lane lane;
    testing::Script http;
    http.then({400,
               {{"Content-Type", "application/json"}},
               R"({"error_code":"access_deny","error_message":"app: x is currently deactivated"})",
               false})
        .then({200,
               {{"Content-Type", "application/json"}},
               R"({"access_token":"czs_enterprise_1","expires_in":1790000900})",
               false})
        .then(200);
    testing::ManualClock clock;
    const Client client{
        http,
        CredentialChain{coze::AppAuth<coze::Account>{options_for(lane.desk, "12345")},
                        coze::AppAuth<coze::EnterpriseId>{options_for(lane.desk, "volcano_1")}},
        coze::RetryOnRefusal{}, UseClock{clock}};
    const auto result = client.send(lane.chat());
    REQUIRE(result);
    CHECK(result.credential() == "enterprise");
    REQUIRE(result.trail().count() == 2);
    CHECK(result.trail()[0].exchange);
    CHECK(result.trail()[0].failure == AuthRejected);
    CHECK(result.trail().credential(result.trail()[0]) == "personal");
}

TEST_CASE("invalid_client stops with configuration and asks no other credential") {
    Lane lane;
    testing::Script http;
    http.then({401,
               {{"Content-Type", "application/json"}},
               R"({"error_code":"invalid_client","error_message":""})",
               false});
    const Client client{
        http,
        CredentialChain{coze::AppAuth<coze::Account>{options_for(lane.desk, "12345")},
                        coze::AppAuth<coze::EnterpriseId>{options_for(lane.desk, "volcano_1")}},
        coze::RetryOnRefusal{}};
    const auto result = client.send(lane.chat());
    REQUIRE_FALSE(result);
    CHECK(result.error().kind == ErrorKind::configuration);
    CHECK(result.stop_reason() == StopReason::exchange_failed);
    CHECK(result.error().credential == "personal");
    CHECK_THAT(result.error().message(), ContainsSubstring("invalid_client"));
    CHECK(http.sends().size() == 1);
}

TEST_CASE("a failing token endpoint is asked three times, each time with a new assertion") {
    Lane lane;
    testing::Script http;
    http.then(503).then(500).then(
        {500,
         {{"Content-Type", "application/json"}},
         R"({"error_code":"internal_error","error_message":"Service internal error."})",
         false});
    testing::ManualClock clock;
    const Client client{
        http,
        CredentialChain{coze::AppAuth<coze::Account>{options_for(lane.desk, "12345")},
                        coze::AppAuth<coze::EnterpriseId>{options_for(lane.desk, "volcano_1")}},
        coze::RetryOnRefusal{}, UseClock{clock}};
    const auto result = client.send(lane.chat());
    REQUIRE_FALSE(result);
    CHECK(result.error().kind == ErrorKind::exchange_failed);
    CHECK(result.stop_reason() == StopReason::exchange_failed);
    CHECK(result.error().http_status == 500);
    REQUIRE(http.sends().size() == 3);
    std::set<std::string> assertions;
    for (const auto& send : http.sends()) {
        CHECK(send.credential == "personal");
        assertions.insert(send.authorization);
    }
    CHECK(assertions.size() == 3);
    CHECK(clock.waits() ==
          std::vector<Duration>{std::chrono::milliseconds{200}, std::chrono::milliseconds{400}});
}

TEST_CASE("S66 S67 a token endpoint that names a time is left alone until then, by its own clock") {
    Lane lane;
    const auto answer = [](std::string date, std::string retry_after) {
        return HttpResponse{
            503, {{"Date", std::move(date)}, {"Retry-After", std::move(retry_after)}}, "", false};
    };
    const std::string dates[] = {"Mon, 21 Sep 2026 09:02:10 GMT", "Monday, 21-Sep-26 09:02:10 GMT",
                                 "Mon Sep 21 09:02:10 2026"};
    for (const std::string& date : dates) {
        testing::Script http;
        http.then(answer("Mon, 21 Sep 2026 09:00:10 GMT", date));
        http.then(HttpResponse{200, {}, R"({"access_token":"czs_1","expires_in":900})", false});
        http.then(200);
        testing::ManualClock clock;  // hours ahead of the endpoint's
        const Client client{
            http, CredentialChain{coze::AppAuth<coze::Account>{options_for(lane.desk, "12345")}},
            coze::RetryOnRefusal{}, UseClock{clock}};
        CHECK_FALSE(client.send(lane.chat()));
        clock.advance(std::chrono::seconds{119});
        CHECK_FALSE(client.send(lane.chat()));
        CHECK(http.sends().size() == 1);
        CHECK(clock.waits().empty());
        clock.advance(std::chrono::seconds{1});
        CHECK(client.send(lane.chat()));
        CHECK(http.sends().size() == 3);
    }
}

namespace {

/// A service whose clock is not ours: it takes assertions of its own minute only, and its tokens
/// expire at a point in its time.
struct OtherTime {
    testing::ManualClock* clock;
    std::int64_t ahead = 0;
    std::int64_t date_ahead = 0;  // what its answers say
    int exchanges = 0;
    int chats = 0;

    static std::string date(std::int64_t at) {
        const std::int64_t seconds = at - 1'790'000'000 + 14 * 3600 + 13 * 60 + 20;
        const auto two = [](std::int64_t number) {
            return std::string(number < 10 ? "0" : "") + std::to_string(number);
        };
        return "Mon, 21 Sep 2026 " + two(seconds / 3600) + ":" + two(seconds / 60 % 60) + ":" +
               two(seconds % 60) + " GMT";
    }
    HttpResponse operator()(const HttpRequest& request, const Attempt& attempt) {
        const std::int64_t now = clock->unix_seconds() + ahead;
        if (request.url.find("/oauth2/") == std::string::npos) {
            ++chats;
            return {200, {}, R"({"code":0,"msg":"","data":{}})", false};
        }
        ++exchanges;
        const std::string said = date(clock->unix_seconds() + date_ahead);
        const std::string token(attempt.authorization());
        const std::size_t claims = token.find('.') + 1;
        std::string text;
        (void)oauth::base64url_decode(token.substr(claims, token.rfind('.') - claims), text);
        const std::int64_t issued = std::stoll(text.substr(text.find("\"iat\":") + 6));
        if (issued < now - 60 || issued > now + 60)
            return {401, {{"Date", said}}, R"({"error_code":"invalid_client"})", false};
        return {200,
                {{"Date", said}},
                R"({"access_token":"czs_)" + std::to_string(exchanges) + R"(","expires_in":)" +
                    std::to_string(now + 900) + "}",
                false};
    }
};

}  // namespace

TEST_CASE("a machine whose clock is wrong gets its token, and keeps it as long as it lives") {
    for (const int ahead : {-3600, -90, 90, 3600}) {
        CAPTURE(ahead);
        Lane lane;
        testing::ManualClock clock;
        OtherTime service{&clock, ahead, ahead};
        const Client client{
            std::ref(service),
            CredentialChain{coze::AppAuth<coze::Account>{options_for(lane.desk, "12345")}},
            coze::RetryOnRefusal{}, UseClock{clock}};
        REQUIRE(client.send(lane.chat()));
        CHECK(service.exchanges == 2);  // dated by our clock, and then by the server's
        clock.advance(std::chrono::seconds{685});
        REQUIRE(client.send(lane.chat()));
        CHECK(service.exchanges == 2);
        clock.advance(std::chrono::seconds{190});
        REQUIRE(client.send(lane.chat()));
        CHECK(service.exchanges == 3);  // the clock that served is tried first

        service.ahead = service.date_ahead = 0;  // somebody set our clock right
        clock.advance(std::chrono::seconds{880});
        REQUIRE(client.send(lane.chat()));
        CHECK(service.exchanges == 5);
    }
}

TEST_CASE("a Date that is wrong while both clocks are right costs a try and no token") {
    Lane lane;
    testing::ManualClock clock;
    OtherTime service{&clock, 0, 300};
    const Client client{
        std::ref(service),
        CredentialChain{coze::AppAuth<coze::Account>{options_for(lane.desk, "12345")}},
        coze::RetryOnRefusal{}, UseClock{clock}};
    REQUIRE(client.send(lane.chat()));
    CHECK(service.exchanges == 1);
    service.ahead = 10'000;  // nothing would do now
    clock.advance(std::chrono::seconds{880});
    const auto refused = client.send(lane.chat());
    REQUIRE_FALSE(refused);
    CHECK(service.exchanges == 3);
    CHECK_THAT(refused.error().message(),
               ContainsSubstring("the clock of this machine is 300 seconds behind the server's"));
    service.ahead = 0;
    clock.advance(std::chrono::seconds{2});
    CHECK(client.send(lane.chat()));
}

TEST_CASE("FallBackOnExchangeFailure goes on where a failed exchange would stop") {
    Lane lane;
    testing::Script http;
    http.then({401, {}, R"({"error_code":"invalid_client"})", false})
        .then({200, {}, R"({"access_token":"czs_enterprise_1","expires_in":900})", false})
        .then(200);
    testing::ManualClock clock;
    const Client client{
        http,
        CredentialChain{coze::AppAuth<coze::Account>{options_for(lane.desk, "12345")},
                        coze::AppAuth<coze::EnterpriseId>{options_for(lane.desk, "volcano_1")}},
        coze::RetryOnRefusal{}, UseClock{clock}, FallBackOnExchangeFailure{}};
    const auto result = client.send(lane.chat());
    REQUIRE(result);
    CHECK(result.credential() == "enterprise");
}

TEST_CASE("S26 an answer that is no token never becomes an empty bearer") {
    const struct {
        int status;
        const char* body;
    } table[] = {{200, R"({"access_token":"","expires_in":900})"},
                 {200, R"({"code":4101,"msg":"no"})"},
                 {200, R"({"access_token":"x y","expires_in":900})"},
                 {200, R"({"access_token":12345678,"expires_in":900})"},
                 {200, R"({"access_token":"czs_1","token_type":"mac"})"},
                 {200, R"({"access_token":"czs_1","expires_in":900)"},
                 {200, "<html></html>"},
                 {200, ""},
                 {401, R"({"code":4101,"msg":"no"})"},
                 {400, R"({"access_token":"czs_1","expires_in":900})"},
                 {302, ""}};
    for (const auto& row : table) {
        CAPTURE(row.status, row.body);
        Lane lane;
        testing::Script http;
        for (int i = 0; i != 3; ++i) http.then({row.status, {}, row.body, false});
        testing::ManualClock clock;
        const Client client{
            http, CredentialChain{coze::AppAuth<coze::Account>{options_for(lane.desk, "12345")}},
            coze::RetryOnRefusal{}, UseClock{clock}};
        const auto result = client.send(lane.chat());
        REQUIRE_FALSE(result);
        CHECK((result.error().kind == ErrorKind::exchange_failed ||
               result.error().kind == ErrorKind::configuration));
        for (const auto& send : http.sends())
            CHECK(send.url.find("/api/permission/oauth2/") != std::string::npos);
    }
}

TEST_CASE("S22 a redirect of the token endpoint is an error and is not followed") {
    for (const int status : {301, 302, 303, 307, 308}) {
        CAPTURE(status);
        Lane lane;
        testing::Script http;
        http.then({status, {{"Location", "https://evil.example/token"}}, {}, false});
        testing::ManualClock clock;
        const Client client{
            http, CredentialChain{coze::AppAuth<coze::Account>{options_for(lane.desk, "12345")}},
            coze::RetryOnRefusal{}, UseClock{clock}};
        const auto result = client.send(lane.chat());
        REQUIRE_FALSE(result);
        for (const auto& send : http.sends()) CHECK(send.url.find("evil") == std::string::npos);
    }
}

TEST_CASE("S71 no part of an assertion that is repeated reaches the error") {
    // What is said of an assertion: where it stands whole, cut off, or with its signature alone.
    using Quote = std::string (*)(const std::string&);
    const Quote quotes[] = {
        [](const std::string& jwt) { return jwt; },
        [](const std::string& jwt) { return jwt.substr(0, 150); },
        [](const std::string& jwt) { return jwt.substr(jwt.size() / 2); },
        [](const std::string& jwt) { return jwt.substr(jwt.rfind('.') + 1); },
        [](const std::string& jwt) { return std::string(150, 'x') + ' ' + jwt; }};
    enum class Where { message, log_id, transport };
    for (const Quote quote : quotes)
        for (const Where where : {Where::message, Where::log_id, Where::transport}) {
            Lane lane;
            std::string assertion;
            using Answer = TransportResult<HttpResponse>;
            const auto http = [&](const HttpRequest&, const Attempt& attempt) -> Answer {
                assertion = std::string(attempt.authorization().substr(7));
                const std::string said = quote(assertion);
                if (where == Where::transport)
                    return TransportError{Reach::never_sent, "no way for " + said,
                                          TransportVerdict::lasting};
                const std::string words = where == Where::message ? said : std::string();
                return HttpResponse{
                    401,
                    {{"X-Tt-Logid", where == Where::log_id ? said : std::string("id")}},
                    R"({"error_code":"invalid_request","error_message":"bad jwt )" + words + "\"}",
                    false};
            };
            const Client client{
                http,
                CredentialChain{coze::AppAuth<coze::Account>{options_for(lane.desk, "12345")}},
                coze::RetryOnRefusal{}};
            const auto result = client.send(lane.chat());
            REQUIRE_FALSE(result);
            const std::string told = result.error().describe();
            CAPTURE(told);
            CHECK(told.find("[token]") != std::string::npos);
            for (std::size_t at = 0; at + 16 <= assertion.size(); ++at)
                REQUIRE(told.find(assertion.substr(at, 16)) == std::string::npos);
        }
}

TEST_CASE("a call that is cancelled while its token is on the way was cancelled, it did not fail") {
    Lane lane;
    testing::Script http;
    http.then(TransportError{Reach::sent_unanswered, "stopped", TransportVerdict::cancelled})
        .then({200, {}, R"({"access_token":"czs_1","expires_in":900})", false})
        .then(200);
    testing::ManualClock clock;
    const Client client{
        http,
        CredentialChain{coze::AppAuth<coze::Account>{options_for(lane.desk, "12345")},
                        coze::AppAuth<coze::EnterpriseId>{options_for(lane.desk, "volcano_1")}},
        coze::RetryOnRefusal{}, UseClock{clock}};
    const auto result = client.send(lane.chat());
    REQUIRE_FALSE(result);
    CHECK(result.error().kind == ErrorKind::cancelled);
    CHECK(result.stop_reason() == StopReason::cancelled);
    CHECK(http.sends().size() == 1);
    CHECK(clock.waits().empty());
    CHECK(client.send(lane.chat()));
}

TEST_CASE("S70 a token request that outlasts the Deadline is kept, and nothing is sent after it") {
    Lane lane;
    testing::ManualClock clock;
    clock.set_unix_seconds(lane.desk.now);
    std::vector<Duration> limits;
    const auto http = [&](const HttpRequest& sent, const Attempt& attempt) {
        if (sent.url.find("/oauth2/") != std::string::npos) {
            clock.advance(std::chrono::seconds{11});
            limits.push_back(attempt.timeout());
        }
        return lane.desk.coze(sent, attempt);
    };
    const Client client{
        http,
        CredentialChain{
            coze::AppAuth<coze::Account>{options_for(lane.desk, lane.desk.options.account_id)}},
        coze::RetryOnRefusal{}, Deadline{std::chrono::seconds{10}}, UseClock{clock}};
    const auto late = client.send(lane.chat());
    REQUIRE_FALSE(late);
    CHECK(late.stop_reason() == StopReason::deadline);
    CHECK(lane.desk.coze.totals().chats_executed == 0);
    CHECK(client.send(lane.chat()));  // its token is there
    CHECK(lane.exchanges() == 1);
    CHECK(limits == std::vector<Duration>{Duration{0}});  // others may wait for the same one
}
