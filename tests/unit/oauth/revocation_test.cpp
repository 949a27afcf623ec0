// SPDX-License-Identifier: BSL-1.0
// Revocation: tells the service on sign-out that a user's tokens are void.
#include <rekey/oauth/revocation.hpp>

#include "catch.hpp"
#include "support/coze_desk.hpp"

#include <rekey/coze.hpp>
#include <rekey/coze/web_flow.hpp>
#include <rekey/testing.hpp>

#include <string>
#include <vector>

using namespace rekey;

namespace {

const oauth::RevocationEndpoint endpoint{"https://id.example/revoke", "shop app", false};

/// What an exchanger of the driver answers, and what it was given.
struct Answer {
    Reach reach = Reach::answered;
    int status = 200;
};
struct Endpoint {
    std::vector<Answer> answers{};
    std::vector<std::string> bodies{};
    std::vector<std::string> authorizations{};

    auto exchanger() {
        return
            [this](const HttpRequest& request, std::string_view authorization, std::string_view) {
                bodies.push_back(request.body);
                authorizations.emplace_back(authorization);
                return answers[bodies.size() - 1];
            };
    }
};

oauth::SignOut revoke(Endpoint& at, const Secret& refresh, const Secret& access) {
    return oauth::revoke(endpoint, oauth::ClientSecretBasic{"shop app", Secret{"s:1"}}, refresh,
                         access, "user", at.exchanger());
}

}  // namespace

TEST_CASE("S31 a sign-out revokes the refresh token first, then the access token") {
    Endpoint at{{{}, {}}};
    const oauth::SignOut end = revoke(at, Secret{"refresh&1"}, Secret{"access_1"});
    CHECK(end);
    CHECK(end.message.empty());
    REQUIRE(at.bodies.size() == 2);
    CHECK(at.bodies[0] == "token=refresh%261&token_type_hint=refresh_token&client_id=shop+app");
    CHECK(at.bodies[1] == "token=access_1&token_type_hint=access_token&client_id=shop+app");
    CHECK(at.authorizations[0] == "Basic c2hvcCthcHA6cyUzQTE=");
}

TEST_CASE("S31 a revocation that fails is reported, and the other token is still revoked") {
    Endpoint busy{{{Reach::answered, 503}, {}}};
    const oauth::SignOut first = revoke(busy, Secret{"refresh_1"}, Secret{"access_1"});
    CHECK(!first);
    CHECK(first.message == "refresh_token: the revocation endpoint answered HTTP 503");
    CHECK(busy.bodies.size() == 2);

    Endpoint gone{{{}, {Reach::sent_unanswered, 0}}};
    const oauth::SignOut second = revoke(gone, Secret{"refresh_1"}, Secret{"access_1"});
    CHECK(second.message == "access_token: the revocation endpoint did not answer");
    CHECK(second.message.find("access_1") == std::string::npos);

    Endpoint redirect{{{Reach::answered, 307}, {Reach::answered, 302}}};
    CHECK(!revoke(redirect, Secret{"refresh_1"}, Secret{"access_1"}));
}

TEST_CASE("a revocation sends nothing without a token, and none over http") {
    Endpoint at{};
    CHECK(revoke(at, Secret{}, Secret{}));
    CHECK(at.bodies.empty());

    const oauth::RevocationEndpoint open{"http://id.example/revoke", "shop", false};
    const oauth::TokenRequest request =
        oauth::revoke_request(open, oauth::PublicClient{}, Secret{"refresh_1"}, "refresh_token");
    CHECK(request.problem.find("https") != std::string::npos);
    CHECK(request.http.body.empty());
    CHECK(!oauth::revoke_request({"id.example", "shop", false}, oauth::PublicClient{},
                                 Secret{"refresh_1"}, "refresh_token")
               .problem.empty());
}

TEST_CASE("S30 a revocation does not send a client secret that no header may carry") {
    Endpoint at{};
    const oauth::SignOut end =
        oauth::revoke(endpoint, oauth::ClientSecretBearer{Secret{"secret\r\nX-Evil: 1"}},
                      Secret{"refresh_1"}, Secret{"access_1"}, "user", at.exchanger());
    CHECK(!end);
    CHECK(end.message.find("client secret") != std::string::npos);
    CHECK(end.message.find("Evil") == std::string::npos);
    CHECK(at.bodies.empty());
}

TEST_CASE("S31 signing out deletes the user's tokens whatever the service says") {
    std::vector<std::string> sent;
    int status = 200;
    const auto http = [&](const HttpRequest& request, const Attempt& attempt) {
        sent.push_back(request.url + " " + request.body);
        if (request.url == "https://id.example/revoke") return HttpResponse{status, {}, "", false};
        const bool knows = attempt.authorization() == "Bearer czu_ann_1";
        return HttpResponse{knows ? 200 : 401, {}, knows ? R"({"code":0})" : "{}", false};
    };
    coze::WebFlowOptions app;
    app.client_id = "shop";
    app.client_secret = Secret{"secret_1"};
    app.redirect_uri = "https://shop.example/callback";
    app.revocation_url = "https://id.example/revoke";
    testing::ManualClock clock;
    Client client{http, OboReauth{coze::WebFlow{app}}, coze::RetryOnRefusal{}, UseClock{clock}};
    const HttpRequest chat{"POST", "https://api.coze.com/v3/chat", {}, "{}"};
    const Subject ann{"ann"};
    const auto sign_in = [&] {
        oauth::TokenSet tokens;
        tokens.access_token = Secret{"czu_ann_1"};
        tokens.refresh_token = Secret{"refresh_ann_1"};
        tokens.expires_at = clock.unix_seconds() + 900;
        client.adopt(ann, std::move(tokens));
    };
    for (const int says : {200, 503}) {
        status = says;
        sign_in();
        CHECK(client.send(chat, ann, Binding{"cookie"}));
        sent.clear();
        const oauth::SignOut end = client.sign_out(ann);
        CHECK(end.is_revoked == (says == 200));
        REQUIRE(sent.size() == 2);
        CHECK(sent[0].find("refresh_ann_1") != std::string::npos);
        CHECK(sent[1].find("czu_ann_1") != std::string::npos);
        const auto after = client.send(chat, ann, Binding{"cookie"});
        CHECK(after.error().kind == ErrorKind::authorization_needed);
        CHECK(sent.size() == 2);  // no token is left to try
    }
}
