// SPDX-License-Identifier: BSL-1.0
#include <rekey/oauth/code_exchange.hpp>

#include "catch.hpp"
#include "support/coze_desk.hpp"

#include <rekey/body/json.hpp>
#include <rekey/oauth/authorize_url.hpp>
#include <rekey/oauth/callback.hpp>
#include <rekey/oauth/pkce.hpp>

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

namespace {

using namespace rekey::oauth;
using rekey::Duration;
using rekey::HttpResponse;
using rekey::Reach;
using rekey::Secret;
using rekey::testing::FakeFault;
using rekey::testing::FakeWire;
using std::chrono::milliseconds;

constexpr std::int64_t noon = 1790000000;
constexpr auto verifier = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
constexpr ExchangeAction send_now{ExchangeStep::send, Duration{0}};
constexpr ExchangeAction finished{};

TokenEndpoint endpoint() { return {"https://api.coze.com", "app_1", false}; }

TokenRequest code_of(std::string_view code = "code_canary_1") {
    return code_request(endpoint(), PublicClient{}, Secret{code}, "http://127.0.0.1/cb",
                        Secret{verifier});
}
TokenRequest refresh_of(std::string_view token = "refresh_canary_1") {
    return refresh_request(endpoint(), PublicClient{}, Secret{token});
}

EndpointAnswer says(int status, std::string_view body) {
    EndpointAnswer answer;
    answer.status = status;
    answer.content_type = "application/json";
    answer.body = body;
    return answer;
}
EndpointAnswer lost(Reach reach, bool lasting = false) {
    EndpointAnswer answer;
    answer.reach = reach;
    answer.lasting = lasting;
    return answer;
}
constexpr std::string_view granted_body =
    R"({"access_token":"czu_new_1","expires_in":1790000900,"refresh_token":"refresh_new_1"})";

/// Every way in which one send can end.
struct Ending {
    const char* what;
    EndpointAnswer answer;
    CodeOutcome outcome;
    RefreshOutcome refresh;
};
std::vector<Ending> endings() {
    using C = CodeOutcome;
    using R = RefreshOutcome;
    return {
        {"granted", says(200, granted_body), C::granted, R::ok},
        {"no answer", lost(Reach::sent_unanswered), C::unknown, R::unknown},
        {"answer cut", lost(Reach::cut_short), C::unknown, R::unknown},
        {"delivered", lost(Reach::delivered), C::unknown, R::unknown},
        {"no answer, lasting", lost(Reach::sent_unanswered, true), C::unknown, R::unknown},
        {"bad certificate", lost(Reach::never_sent, true), C::not_sent, R::not_sent},
        {"500", says(500, ""), C::failed, R::unknown},
        {"502 page", says(502, "<html>"), C::failed, R::unknown},
        {"503", says(503, ""), C::failed, R::not_sent},
        {"504", says(504, ""), C::failed, R::unknown},
        {"429", says(429, ""), C::failed, R::not_sent},
        {"408", says(408, ""), C::failed, R::unknown},
        {"internal_error", says(500, R"({"error_code":"internal_error"})"), C::failed, R::unknown},
        {"301", says(301, ""), C::failed, R::unknown},
        {"307", says(307, ""), C::failed, R::unknown},
        {"200 empty", says(200, ""), C::failed, R::unknown},
        {"200 page", says(200, "<html>"), C::failed, R::unknown},
        {"200 without a token", says(200, "{}"), C::failed, R::unknown},
        {"200 empty token", says(200, R"({"access_token":""})"), C::failed, R::unknown},
        {"invalid_grant", says(400, R"({"error":"invalid_grant"})"), C::code_rejected, R::refused},
        {"invalid_request", says(400, R"({"error_code":"invalid_request"})"), C::code_rejected,
         R::refused},
        {"access_deny", says(401, R"({"error_code":"access_deny"})"), C::refused, R::refused},
        {"invalid_client", says(401, R"({"error_code":"invalid_client"})"), C::misconfigured,
         R::refused},
        {"envelope 4101", says(401, R"({"code":4101,"msg":"no"})"), C::misconfigured, R::refused},
        {"404", says(404, ""), C::misconfigured, R::refused},
    };
}

/// The text of one member of a request body.
std::string member(const TokenRequest& request, std::string_view key) {
    return rekey::body::Json::text(request.http.body, key);
}

/// Sends one step to a FakeCoze as a transport would.
struct Wire {
    CozeDesk& desk;
    int sends = 0;
    HttpResponse held{};
    std::string content_type{};

    EndpointAnswer operator()(const TokenRequest& request) {
        ++sends;
        rekey::HttpRequest http = request.http;
        if (!request.authorization.empty())
            http.headers.push_back({"Authorization", std::string(request.authorization.expose())});
        auto answer = desk.coze(http);
        if (!answer) return lost(answer.error().reach);
        held = *std::move(answer);
        content_type = std::string(rekey::find_header(held.headers, "Content-Type"));
        EndpointAnswer given = says(held.status, held.body);
        given.content_type = content_type;
        return given;
    }
    template <class Exchange> void run(Exchange& exchange) {
        for (ExchangeAction next = exchange.start(desk.now); next.step == ExchangeStep::send;)
            next = exchange.answered((*this)(exchange.request()), desk.now);
    }
};

bool remember(const TokenSet&) { return true; }

/// A code that the consent page gave for these parameters.
std::string consent(CozeDesk& desk, std::string_view url) {
    const auto page = desk.get(std::string(url.substr(url.find("/api"))) + "&decision=allow");
    const Callback callback = read_callback(page.header("Location"));
    REQUIRE(callback);
    return std::string(callback.code.expose());
}

AuthorizeOptions page_of(const CozeDesk& desk, const std::string& client, const std::string& uri) {
    AuthorizeOptions options;
    options.www_base = www_base(desk.options.base);
    options.client_id = client;
    options.redirect_uri = uri;
    options.state = "state";
    return options;
}

}  // namespace

TEST_CASE("the web flow's code goes with the secret as a bearer") {
    const TokenRequest request =
        code_request(endpoint(), ClientSecretBearer{Secret{"secret_1"}}, Secret{"code_1"},
                     "http://127.0.0.1:8080/callback", Secret{});
    CHECK(request.problem.empty());
    CHECK(request.http.method == "POST");
    CHECK(request.http.url == "https://api.coze.com/api/permission/oauth2/token");
    CHECK(request.authorization.expose() == "Bearer secret_1");
    REQUIRE(request.http.headers.size() == 1);
    CHECK(request.http.headers[0].name == "Content-Type");
    CHECK(request.http.headers[0].value == "application/json");
    CHECK(request.http.body ==
          R"({"grant_type":"authorization_code","client_id":"app_1","code":"code_1",)"
          R"("redirect_uri":"http://127.0.0.1:8080/callback"})");
}

TEST_CASE("the PKCE flow's code goes with the verifier and without an Authorization header") {
    const TokenRequest request = code_of("code_1");
    CHECK(request.problem.empty());
    CHECK(request.authorization.empty());
    CHECK(request.http.body ==
          R"({"grant_type":"authorization_code","client_id":"app_1","code":"code_1",)"
          R"("redirect_uri":"http://127.0.0.1/cb","code_verifier":")" +
              std::string(verifier) + R"("})");
}

TEST_CASE("a refresh token goes with what its flow had") {
    const TokenRequest open = refresh_of("refresh_1");
    CHECK(open.http.url == "https://api.coze.com/api/permission/oauth2/token");
    CHECK(open.authorization.empty());
    CHECK(open.http.body ==
          R"({"grant_type":"refresh_token","client_id":"app_1","refresh_token":"refresh_1"})");
    const TokenRequest web =
        refresh_request(endpoint(), ClientSecretBearer{Secret{"secret_1"}}, Secret{"refresh_1"});
    CHECK(web.authorization.expose() == "Bearer secret_1");
    CHECK(web.http.body == open.http.body);
}

TEST_CASE("a client without a secret sends no Authorization header, not an empty bearer") {
    CHECK(code_request(endpoint(), ClientSecretBearer{}, Secret{"code_1"}, "http://127.0.0.1/cb",
                       Secret{})
              .authorization.empty());
    CHECK(code_of().authorization.empty());
    CHECK(refresh_of().authorization.empty());
}

TEST_CASE("a request that cannot work says why and is never sent") {
    const auto problem = [](TokenRequest request) {
        std::string text = request.problem;
        CodeExchange exchange{std::move(request), noon};
        CHECK(exchange.start(noon) == finished);
        CHECK(exchange.outcome() == CodeOutcome::misconfigured);
        CHECK(exchange.problem() == text);
        return text;
    };
    const auto at = [](std::string base, std::string client = "app_1") {
        return code_request({std::move(base), std::move(client), false}, PublicClient{},
                            Secret{"code_1"}, "http://127.0.0.1/cb", Secret{verifier});
    };
    CHECK_THAT(problem(at("")), ContainsSubstring("API base"));
    CHECK_THAT(problem(at("api.coze.com")), ContainsSubstring("API base"));
    CHECK_THAT(problem(at("https://api.coze.com?x")), ContainsSubstring("API base"));
    CHECK_THAT(problem(at("https://api.coze.com", "")), ContainsSubstring("client id"));
    CHECK_THAT(problem(at("https://api.coze.com", "\xff")), ContainsSubstring("UTF-8"));
    CHECK_THAT(problem(code_of("")), ContainsSubstring("authorization code"));
    CHECK_THAT(problem(code_request(endpoint(), PublicClient{}, Secret{"c"}, "", Secret{verifier})),
               ContainsSubstring("redirect URI"));

    RefreshExchange<> refresh{refresh_of("")};
    CHECK(refresh.start(noon) == finished);
    CHECK(refresh.outcome() == RefreshOutcome::refused);
    CHECK(refresh.refusal() == Refusal::client);
    CHECK_THAT(std::string(refresh.problem()), ContainsSubstring("no refresh token"));
}

TEST_CASE("S30 a client secret that no header may carry is not sent") {
    for (const char* bad :
         {"secret\r\nX-Evil: 1", "secret\n", "two words", "s\xc3\xa9", " secret"}) {
        const ClientSecretBearer secret{Secret{bad}};
        const TokenRequest requests[] = {
            code_request(endpoint(), secret, Secret{"code_1"}, "http://127.0.0.1/cb", Secret{}),
            refresh_request(endpoint(), secret, Secret{"refresh_1"})};
        for (const TokenRequest& request : requests)
            CHECK_THAT(request.problem, ContainsSubstring("client secret"));
        RefreshExchange<> refresh{refresh_request(endpoint(), secret, Secret{"refresh_1"})};
        CHECK(refresh.start(noon) == finished);
        CHECK(refresh.refusal() == Refusal::client);
    }
    const ClientSecretBearer good{Secret{"!~secret_1=="}};
    CHECK(refresh_request(endpoint(), good, Secret{"refresh_1"}).problem.empty());
}

TEST_CASE("S16 a client without a secret cannot exchange a code without a verifier") {
    const TokenRequest request =
        code_request(endpoint(), PublicClient{}, Secret{"code_1"}, "http://127.0.0.1/cb", Secret{});
    CHECK_THAT(request.problem, ContainsSubstring("PKCE"));
}

TEST_CASE("S21 a code goes over TLS, or http on loopback, or by the caller's word") {
    const auto at = [](std::string base, bool allow_http) {
        return code_request({std::move(base), "app_1", allow_http}, PublicClient{}, Secret{"c"},
                            "http://127.0.0.1/cb", Secret{verifier});
    };
    CHECK_THAT(at("http://api.coze.com", false).problem, ContainsSubstring("loopback"));
    CHECK(at("http://127.0.0.1:8080/", false).problem.empty());
    CHECK(at("http://127.0.0.1:8080/", false).http.url ==
          "http://127.0.0.1:8080/api/permission/oauth2/token");
    CHECK(at("http://api.coze.com", true).problem.empty());
    const TokenRequest request = code_of();
    CHECK(request.http.url.find('?') == std::string::npos);
}

TEST_CASE("S13 no request can have the grant type password") {
    CHECK(member(code_of(), "grant_type") == "authorization_code");
    CHECK(member(refresh_of(), "grant_type") == "refresh_token");
    const TokenRequest forged = code_request(
        {"https://api.coze.com", R"(x","grant_type":"password)"}, PublicClient{},
        Secret{R"(c","grant_type":"password)"}, "http://127.0.0.1/cb", Secret{verifier});
    CHECK(member(forged, "grant_type") == "authorization_code");
    CHECK(member(forged, "client_id") == R"(x","grant_type":"password)");
    CHECK(member(forged, "code") == R"(c","grant_type":"password)");
}

TEST_CASE("S18 whatever comes back, a code goes out once; only one that never left goes again") {
    for (const Ending& ending : endings()) {
        for (int unsent = 0; unsent != exchange_sends; ++unsent) {
            CAPTURE(ending.what, unsent);
            CodeExchange exchange{code_of(), noon};
            ExchangeAction next = exchange.start(noon);
            CHECK(next == send_now);
            for (int i = 0; i != unsent; ++i) {
                next = exchange.answered(lost(Reach::never_sent), noon);
                CHECK(next == ExchangeAction{ExchangeStep::send, milliseconds{200} * (1 << i)});
            }
            next = exchange.answered(ending.answer, noon);
            CHECK(next == finished);
            CHECK(exchange.outcome() == ending.outcome);
            CHECK(static_cast<bool>(exchange.tokens()) == (ending.outcome == CodeOutcome::granted));
            CHECK(exchange.problem().empty() == (ending.outcome == CodeOutcome::granted));
            // Whatever a confused driver does now, nothing more is sent.
            CHECK(exchange.start(noon) == finished);
            CHECK(exchange.answered(lost(Reach::never_sent), noon) == finished);
            CHECK(exchange.answered(says(200, granted_body), noon) == finished);
            CHECK(exchange.outcome() == ending.outcome);
            CHECK(exchange.request().http.body.empty());
        }
    }
}

TEST_CASE("S18 a second start while a code is on its way sends nothing") {
    CodeExchange exchange{code_of(), noon};
    CHECK(exchange.answered(says(200, granted_body), noon) == finished);  // nothing was sent yet
    CHECK(exchange.start(noon) == send_now);
    CHECK(exchange.start(noon) == finished);
    CHECK(exchange.answered(says(200, granted_body), noon) == finished);
    CHECK(exchange.outcome() == CodeOutcome::granted);
    STATIC_REQUIRE_FALSE(std::is_copy_constructible_v<CodeExchange>);
    STATIC_REQUIRE_FALSE(std::is_move_constructible_v<CodeExchange>);
}

TEST_CASE("S18 the server counts one code, after a 503, a reset and a redirect") {
    for (const int fault : {503, 307, 0}) {
        CozeDesk desk;
        FakeFault script;
        script.path = "/api/permission/oauth2/token";
        script.status = fault;
        if (fault == 0) script.wire = FakeWire::reset_before_answer;
        desk.coze.fault(script);
        CodeExchange exchange{code_of(), desk.now};
        Wire wire{desk};
        wire.run(exchange);
        CAPTURE(fault);
        CHECK(wire.sends == 1);
        CHECK(desk.coze.records().size() == 1);
        CHECK(needs_authorization(exchange.outcome()));
    }
}

TEST_CASE("S19 a code older than ten minutes is not sent") {
    CodeExchange young{code_of(), noon};
    CHECK(young.start(noon + 599) == send_now);
    CodeExchange old{code_of(), noon};
    CHECK(old.start(noon + 600) == finished);
    CHECK(old.outcome() == CodeOutcome::too_old);
    CHECK(needs_authorization(old.outcome()));
    CHECK_THAT(std::string(old.problem()), ContainsSubstring("10 minutes"));
    CHECK(old.start(noon) == finished);
}

TEST_CASE("S19 a code that grows old between two tries is not sent again") {
    CodeExchange exchange{code_of(), noon};
    CHECK(exchange.start(noon + 598) == send_now);
    // The wait before the next try could cross the limit.
    CHECK(exchange.answered(lost(Reach::never_sent), noon + 599) == finished);
    CHECK(exchange.outcome() == CodeOutcome::too_old);
}

TEST_CASE("S20 a fault before the first byte may be repeated, three sends in all") {
    CodeExchange exchange{code_of(), noon};
    CHECK(exchange.start(noon) == send_now);
    CHECK(exchange.answered(lost(Reach::never_sent), noon) ==
          ExchangeAction{ExchangeStep::send, milliseconds{200}});
    CHECK(exchange.answered(lost(Reach::never_sent), noon) ==
          ExchangeAction{ExchangeStep::send, milliseconds{400}});
    CHECK(exchange.answered(lost(Reach::never_sent), noon) == finished);
    CHECK(exchange.outcome() == CodeOutcome::not_sent);
}

TEST_CASE("S20 a fault after the first byte may not be repeated") {
    for (const Reach reach : {Reach::sent_unanswered, Reach::cut_short}) {
        CodeExchange exchange{code_of(), noon};
        CHECK(exchange.start(noon) == send_now);
        CHECK(exchange.answered(lost(reach), noon) == finished);
        CHECK(exchange.outcome() == CodeOutcome::unknown);
    }
}

TEST_CASE("S20 against the server: a reset before it was read is repeated, and the code works") {
    CozeDesk desk;
    const Pkce pkce = Pkce::fresh();
    const AuthorizeUrl url = authorize_url(
        page_of(desk, desk.options.pkce_client_id, desk.options.pkce_redirect_uri), pkce);
    const std::string code = consent(desk, url.text);
    FakeFault script;
    script.path = "/api/permission/oauth2/token";
    script.wire = FakeWire::reset_before_read;
    script.times = 2;
    desk.coze.fault(script);
    CodeExchange exchange{
        code_request({desk.options.base, desk.options.pkce_client_id, false}, PublicClient{},
                     Secret{code}, desk.options.pkce_redirect_uri, pkce.verifier()),
        desk.now};
    Wire wire{desk};
    wire.run(exchange);
    CHECK(wire.sends == 3);
    CHECK(exchange.outcome() == CodeOutcome::granted);
    CHECK(desk.coze.totals().code_reuse == 0);
}

TEST_CASE("S9 the redirect URI of the token request is that of the consent page, byte for byte") {
    PendingMemory memory;
    PendingFlows flows{memory};
    for (const char* uri : {"http://127.0.0.1:8080/callback?a=1&b=2", "https://app.example/c#d",
                            "https://app.example/%7Ec", "HTTPS://App.example/C"}) {
        FlowStart start;
        start.redirect_uri = uri;
        start.issuer = "https://www.coze.com";
        const BegunFlow flow = flows.begin(Binding{"cookie"}, std::move(start), noon);
        AuthorizeOptions options;
        options.www_base = "https://www.coze.com";
        options.client_id = "app_1";
        options.redirect_uri = uri;
        options.state = flow.state;
        const std::string url = authorize_url(options, WithoutPkce{}).text;
        const AcceptedCallback accepted =
            accept_callback("code=x&state=" + flow.state, flows, Binding{"cookie"},
                            CallbackIssuers{IssuerByRedirectUri{"https://www.coze.com"}}, noon);
        REQUIRE(accepted);
        const TokenRequest request =
            code_request(endpoint(), ClientSecretBearer{}, accepted.code,
                         accepted.record.redirect_uri, accepted.record.verifier);
        CHECK(member(request, "redirect_uri") == uri);
        CHECK(url.find("redirect_uri=" + percent_encode(uri) + "&") != std::string::npos);
    }
}

TEST_CASE("the web flow against the server, and the code works once") {
    CozeDesk desk;
    const TokenEndpoint web{desk.options.base, desk.options.web_client_id, false};
    const ClientSecretBearer secret{Secret{desk.options.web_client_secret}};
    const AuthorizeUrl url = authorize_url(
        page_of(desk, desk.options.web_client_id, desk.options.web_redirect_uri), WithoutPkce{});
    const std::string code = consent(desk, url.text);
    CodeExchange exchange{
        code_request(web, secret, Secret{code}, desk.options.web_redirect_uri, Secret{}), desk.now};
    Wire wire{desk};
    wire.run(exchange);
    REQUIRE(exchange.outcome() == CodeOutcome::granted);
    const TokenSet* tokens = exchange.tokens().commit(remember);
    REQUIRE(tokens != nullptr);
    CHECK(tokens->expires_at == desk.now + 900);
    CHECK(desk.chat(tokens->access_token.expose()).succeeded());

    CodeExchange again{
        code_request(web, secret, Secret{code}, desk.options.web_redirect_uri, Secret{}), desk.now};
    wire.run(again);
    CHECK(again.outcome() == CodeOutcome::code_rejected);
}

TEST_CASE(
    "S17 neither code, verifier, secret nor token is in a text, though the server says them") {
    const std::string echo =
        R"({"error_code":"invalid_grant_code_canary_1","error_message":"bad code_canary_1 with )" +
        std::string(verifier) + R"( of secret_canary_1","detail":{"logid":"code_canary_1"}})";
    CodeExchange exchange{
        code_request(endpoint(), ClientSecretBearer{Secret{"secret_canary_1"}},
                     Secret{"code_canary_1"}, "http://127.0.0.1/cb", Secret{verifier}),
        noon};
    CHECK(exchange.start(noon) == send_now);
    CHECK(exchange.answered(says(400, echo), noon) == finished);
    for (const std::string_view text :
         {std::string_view(exchange.details().message),
          std::string_view(exchange.details().error_word),
          std::string_view(exchange.details().log_id), exchange.problem()}) {
        CHECK(text.find("canary") == text.npos);
        CHECK(text.find(verifier) == text.npos);
    }
    CHECK(exchange.details().message == "bad [token] with [token] of [token]");

    RefreshExchange<> refresh{refresh_of("refresh_canary_1")};
    CHECK(refresh.start(noon) == send_now);
    CHECK(refresh.answered(
              says(400, R"({"error":"invalid_grant","error_description":"refresh_canary_1"})"),
              noon) == finished);
    CHECK(refresh.details().message == "[token]");
}

TEST_CASE("S32 nobody gets tokens before they are stored") {
    UncommittedTokens none;
    int stores = 0;
    const auto count = [&](const TokenSet&) {
        ++stores;
        return true;
    };
    CHECK_FALSE(none);
    CHECK(none.commit(count) == nullptr);
    CHECK(stores == 0);

    RefreshExchange<> exchange{refresh_of()};
    CHECK(exchange.start(noon) == send_now);
    CHECK(exchange.tokens().commit(count) == nullptr);
    CHECK(exchange.answered(says(200, granted_body), noon) == finished);
    REQUIRE(exchange.tokens());
    CHECK(exchange.tokens().commit([](const TokenSet&) { return false; }) == nullptr);
    const TokenSet* tokens = exchange.tokens().commit([&](const TokenSet& set) {
        CHECK(set.refresh_token.expose() == "refresh_new_1");
        return count(set);
    });
    REQUIRE(tokens != nullptr);
    CHECK(tokens->access_token.expose() == "czu_new_1");
    CHECK(tokens->expires_at == noon + 900);
    CHECK(exchange.tokens().commit(count) == tokens);  // stored once
    CHECK(stores == 1);
}

TEST_CASE("S40 a refresh without an answer is unknown, and without a declared grace not repeated") {
    for (const Ending& ending : endings()) {
        for (int unsent = 0; unsent != exchange_sends; ++unsent) {
            CAPTURE(ending.what, unsent);
            RefreshExchange<> exchange{refresh_of()};
            ExchangeAction next = exchange.start(noon);
            CHECK(next == send_now);
            for (int i = 0; i != unsent; ++i) {
                next = exchange.answered(lost(Reach::never_sent), noon);
                CHECK(next == ExchangeAction{ExchangeStep::send, milliseconds{200} * (1 << i)});
            }
            CHECK(exchange.answered(ending.answer, noon) == finished);
            CHECK(exchange.outcome() == ending.refresh);
            CHECK(static_cast<bool>(exchange.tokens()) == (ending.refresh == RefreshOutcome::ok));
            CHECK(exchange.start(noon) == finished);
            CHECK(exchange.answered(lost(Reach::never_sent), noon) == finished);
            CHECK(exchange.answered(says(200, granted_body), noon) == finished);
            CHECK(exchange.outcome() == ending.refresh);
        }
    }
}

TEST_CASE("S40 with a declared grace it is repeated once, inside the grace only") {
    for (const Reach reach : {Reach::sent_unanswered, Reach::cut_short}) {
        RefreshExchange<AsGrace<30>> inside{refresh_of()};
        CHECK(inside.start(noon) == send_now);
        CHECK(inside.answered(lost(reach), noon + 29) == send_now);
        CHECK(inside.answered(lost(reach), noon + 29) == finished);
        CHECK(inside.outcome() == RefreshOutcome::unknown);

        RefreshExchange<AsGrace<30>> outside{refresh_of()};
        CHECK(outside.start(noon) == send_now);
        CHECK(outside.answered(lost(reach), noon + 30) == finished);
        CHECK(outside.outcome() == RefreshOutcome::unknown);

        RefreshExchange<AsGrace<30>> set_back{refresh_of()};
        CHECK(set_back.start(noon) == send_now);
        CHECK(set_back.answered(lost(reach), noon - 1) == finished);
    }
}

TEST_CASE("S40 once a send is lost, a repeat that fails in passing leaves it unknown") {
    for (const Ending& ending : endings()) {
        CAPTURE(ending.what);
        RefreshExchange<AsGrace<30>> exchange{refresh_of()};
        CHECK(exchange.start(noon) == send_now);
        CHECK(exchange.answered(lost(Reach::sent_unanswered), noon) == send_now);
        CHECK(exchange.answered(ending.answer, noon) == finished);
        const bool is_passing = ending.refresh == RefreshOutcome::not_sent;
        CHECK(exchange.outcome() == (is_passing ? RefreshOutcome::unknown : ending.refresh));
    }
    RefreshExchange<AsGrace<30>> exchange{refresh_of()};
    CHECK(exchange.start(noon) == send_now);
    CHECK(exchange.answered(lost(Reach::sent_unanswered), noon) == send_now);
    CHECK(exchange.answered(lost(Reach::never_sent), noon) == finished);
    CHECK(exchange.outcome() == RefreshOutcome::unknown);
}

namespace {

/// A desk with a user's tokens, and a refresh whose answer is lost behind the server's rotation.
template <class Repeats> struct LostAnswer {
    CozeDesk desk;
    RefreshExchange<Repeats> exchange;
    Wire wire{desk};

    explicit LostAnswer(CozeDesk::Options options)
        : desk(std::move(options)), exchange(request_for(desk)) {
        FakeFault script;
        script.path = "/api/permission/oauth2/token";
        script.wire = FakeWire::reset_before_answer;
        script.execute_first = true;
        desk.coze.fault(script);
        wire.run(exchange);
    }
    static TokenRequest request_for(CozeDesk& desk) {
        const TokenEndpoint app{desk.options.base, desk.options.pkce_client_id, false};
        const Pkce pkce = Pkce::fresh();
        const std::string code = consent(
            desk,
            authorize_url(page_of(desk, app.client_id, desk.options.pkce_redirect_uri), pkce).text);
        CodeExchange first{code_request(app, PublicClient{}, Secret{code},
                                        desk.options.pkce_redirect_uri, pkce.verifier()),
                           desk.now};
        Wire wire{desk};
        wire.run(first);
        const TokenSet* tokens = first.tokens().commit(remember);
        REQUIRE(tokens != nullptr);
        return refresh_request(app, PublicClient{}, tokens->refresh_token);
    }
};

}  // namespace

TEST_CASE("S40 against a server without grace, a lost answer reuses nothing and is no silence") {
    LostAnswer<SentOnce> lost_answer{{}};
    CHECK(lost_answer.wire.sends == 1);
    CHECK(lost_answer.desk.coze.totals().refresh_reuse == 0);
    CHECK(lost_answer.exchange.outcome() == RefreshOutcome::unknown);
    CHECK(lost_answer.exchange.needs_authorization());
    CHECK_THAT(std::string(lost_answer.exchange.problem()), ContainsSubstring("did not answer"));
}

TEST_CASE("S40 against a server with grace, a lost answer is fetched once more") {
    CozeDesk::Options options;
    options.refresh_grace = 30;
    LostAnswer<AsGrace<30>> lost_answer{options};
    CHECK(lost_answer.wire.sends == 2);
    CHECK(lost_answer.desk.coze.totals().refresh_reuse == 0);
    CHECK(lost_answer.desk.coze.totals().refresh_grace == 1);
    CHECK(lost_answer.exchange.outcome() == RefreshOutcome::ok);
    CHECK(lost_answer.exchange.tokens().commit(remember) != nullptr);
}

TEST_CASE(
    "S41 an answer without a refresh token keeps the old one, an empty one counts as absent") {
    for (const std::string_view body :
         {R"({"access_token":"czu_new_1","expires_in":900})",
          R"({"access_token":"czu_new_1","expires_in":900,"refresh_token":""})",
          R"({"access_token":"czu_new_1","expires_in":900,"refresh_token":null})"}) {
        RefreshExchange<> exchange{refresh_of("refresh_old_1")};
        CHECK(exchange.start(noon) == send_now);
        CHECK(exchange.answered(says(200, body), noon) == finished);
        const TokenSet* tokens = exchange.tokens().commit(remember);
        REQUIRE(tokens != nullptr);
        CHECK(tokens->refresh_token.expose() == "refresh_old_1");
    }
    RefreshExchange<> rotated{refresh_of("refresh_old_1")};
    CHECK(rotated.start(noon) == send_now);
    CHECK(rotated.answered(says(200, granted_body), noon) == finished);
    CHECK(rotated.tokens().commit(remember)->refresh_token.expose() == "refresh_new_1");
}

TEST_CASE("an answer that was slower than its access token lives still brings its refresh token") {
    RefreshExchange<> slow{refresh_of()};
    CHECK(slow.start(noon) == send_now);
    CHECK(slow.answered(says(200, granted_body), noon + 100000) == finished);
    REQUIRE(slow.outcome() == RefreshOutcome::ok);
    const TokenSet* tokens = slow.tokens().commit([](const TokenSet&) { return true; });
    REQUIRE(tokens != nullptr);
    CHECK(tokens->refresh_token.expose() == "refresh_new_1");
    CHECK(tokens->expires_at == noon + 900);
}

TEST_CASE("S44 a refresh token comes also to a machine whose clock calls its access token over") {
    constexpr std::int64_t expiry = noon + 900;  // as the server's clock has it
    for (const std::int64_t ahead : {900, 3600, 24 * 60 * 60}) {
        CAPTURE(ahead);
        RefreshExchange<> refresh{refresh_of()};
        CHECK(refresh.start(noon + ahead) == send_now);
        CHECK(refresh.answered(says(200, granted_body), noon + ahead) == finished);
        REQUIRE(refresh.outcome() == RefreshOutcome::ok);
        const TokenSet* tokens = refresh.tokens().commit(remember);
        REQUIRE(tokens != nullptr);
        CHECK(tokens->refresh_token.expose() == "refresh_new_1");
        CHECK(tokens->expires_at == expiry);
    }
    RefreshExchange<> nonsense{refresh_of()};  // a duration is none by any clock
    CHECK(nonsense.start(noon) == send_now);
    CHECK(nonsense.answered(says(200, R"({"access_token":"czu_new_1","expires_in":-1})"), noon) ==
          finished);
    CHECK(nonsense.outcome() == RefreshOutcome::unknown);
}

TEST_CASE("a refused refresh says whether the person or the settings have to change") {
    const auto refusal = [](int status, std::string_view body) {
        RefreshExchange<> exchange{refresh_of()};
        CHECK(exchange.start(noon) == send_now);
        CHECK(exchange.answered(says(status, body), noon) == finished);
        CHECK(exchange.outcome() == RefreshOutcome::refused);
        CHECK(exchange.needs_authorization() == (exchange.refusal() == Refusal::grant));
        return exchange.refusal();
    };
    CHECK(refusal(400, R"({"error_code":"invalid_grant"})") == Refusal::grant);
    CHECK(refusal(400, R"({"error":"invalid_grant"})") == Refusal::grant);
    CHECK(refusal(400, R"({"error_code":"expired_token"})") == Refusal::grant);
    CHECK(refusal(400, R"({"error_code":"invalid_request","error_message":"x"})") ==
          Refusal::grant);
    CHECK(refusal(200, R"({"error_code":"invalid_grant"})") == Refusal::grant);
    CHECK(refusal(401, R"({"error_code":"access_deny","error_message":"login session invalid"})") ==
          Refusal::grant);
    CHECK(refusal(401, R"({"error_code":"invalid_client"})") == Refusal::client);
    CHECK(refusal(400, R"({"error_code":"unsupported_grant_type"})") == Refusal::client);
    CHECK(refusal(401, R"({"code":4101,"msg":"token"})") == Refusal::client);
}

TEST_CASE("only what a new authorization can cure asks for one") {
    CHECK_FALSE(needs_authorization(CodeOutcome::granted));
    CHECK_FALSE(needs_authorization(CodeOutcome::refused));
    CHECK_FALSE(needs_authorization(CodeOutcome::misconfigured));
    CHECK(needs_authorization(CodeOutcome::code_rejected));
    CHECK(needs_authorization(CodeOutcome::not_sent));
    CHECK(needs_authorization(CodeOutcome::unknown));
    CHECK(needs_authorization(CodeOutcome::failed));
    CHECK(needs_authorization(CodeOutcome::too_old));
}
