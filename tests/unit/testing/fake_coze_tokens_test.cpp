// SPDX-License-Identifier: BSL-1.0
// fake_coze_tokens_test: consent, codes, PKCE, devices, JWTs, refresh: all strict.
#include <rekey/testing/fake_coze.hpp>

#include "catch.hpp"
#include "support/coze_desk.hpp"

#include <cstdint>
#include <string>
#include <string_view>

using rekey::testing::FakeApp;
using rekey::testing::FakeAppKind;
using rekey::testing::FakeErrorShape;
using rekey::testing::FakeFault;
using rekey::testing::FakeWire;
namespace fake = rekey::testing::fake;
using Answer = CozeDesk::Answer;

namespace {

const std::string token_path = "/api/permission/oauth2/token";
const std::string authorize_path = "/api/permission/oauth2/authorize";
// RFC 7636 appendix B.
const std::string verifier = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
const std::string challenge = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";

std::string web_query(const CozeDesk& desk) {
    return "?response_type=code&client_id=" + desk.options.web_client_id +
           "&redirect_uri=" + fake::percent_encoded(desk.options.web_redirect_uri) + "&state=s%26t";
}
std::string pkce_query(const CozeDesk& desk, const std::string& more) {
    return "?response_type=code&client_id=" + desk.options.pkce_client_id +
           "&redirect_uri=" + fake::percent_encoded(desk.options.pkce_redirect_uri) + more;
}
std::string parameter(const Answer& redirect, std::string_view name) {
    return std::string{fake::Target{redirect.header("Location")}.value(name)};
}
std::string web_code(CozeDesk& desk) {
    return parameter(desk.get(authorize_path + web_query(desk) + "&auto_approve=1"), "code");
}
std::string pkce_code(CozeDesk& desk, const std::string& more) {
    return parameter(desk.get(authorize_path + pkce_query(desk, more) + "&auto_approve=1"), "code");
}
Answer redeem(CozeDesk& desk, const std::string& code, const std::string& secret) {
    return desk.post(token_path, secret,
                     fake::Object{}
                         .text("grant_type", "authorization_code")
                         .text("client_id", desk.options.web_client_id)
                         .text("code", code)
                         .text("redirect_uri", desk.options.web_redirect_uri)
                         .done());
}
Answer redeem(CozeDesk& desk, const std::string& code) {
    return redeem(desk, code, desk.options.web_client_secret);
}
Answer prove(CozeDesk& desk, const std::string& code, const std::string& proof) {
    return desk.post(token_path, {},
                     fake::Object{}
                         .text("grant_type", "authorization_code")
                         .text("client_id", desk.options.pkce_client_id)
                         .text("code", code)
                         .text("redirect_uri", desk.options.pkce_redirect_uri)
                         .text("code_verifier", proof)
                         .done());
}
Answer refresh(CozeDesk& desk, const std::string& refresh_token) {
    return desk.post(token_path, desk.options.web_client_secret,
                     fake::Object{}
                         .text("grant_type", "refresh_token")
                         .text("client_id", desk.options.web_client_id)
                         .text("refresh_token", refresh_token)
                         .done());
}
Answer device_code(CozeDesk& desk) {
    return desk.post("/api/permission/oauth2/device/code", {},
                     R"({"client_id":")" + desk.options.device_client_id + "\"}");
}
Answer poll(CozeDesk& desk, const Answer& device) {
    return desk.post(token_path, {},
                     fake::Object{}
                         .text("grant_type", "urn:ietf:params:oauth:grant-type:device_code")
                         .text("client_id", desk.options.device_client_id)
                         .text("device_code", device.text("device_code"))
                         .done());
}

/// A JWT whose every part a test can spoil.
struct Jwt {
    std::string alg = "RS256";
    std::string kid;
    std::string iss;
    std::string aud = "api.coze.com";
    std::int64_t iat;
    std::int64_t exp;
    std::string jti = "j1";
    std::string more{};
    std::string signature{};

    explicit Jwt(const CozeDesk& desk)
        : kid(desk.options.public_key_id),
          iss(desk.options.jwt_client_id),
          iat(desk.now),
          exp(desk.now + 600) {}

    std::string text() const {
        fake::Object claims;
        claims.text("iss", iss).text("aud", aud).number("iat", iat).number("exp", exp);
        if (!jti.empty()) claims.text("jti", jti);
        if (!more.empty()) claims.text("session_name", more);
        const std::string input =
            fake::base64url(fake::Object{}.text("alg", alg).text("kid", kid).done()) + '.' +
            fake::base64url(claims.done());
        return input + '.' +
               fake::base64url(signature.empty() ? CozeDesk::signature_of(input) : signature);
    }
};
Answer present(CozeDesk& desk, const std::string& jwt, const std::string& path = token_path,
               const std::string& more = {}) {
    return desk.post(path, jwt,
                     R"({"grant_type":"urn:ietf:params:oauth:grant-type:jwt-bearer")" + more + "}");
}

}  // namespace

// --- Consent and code (E1 to E3) ---

TEST_CASE("the consent page offers allow and deny, and each leads back with the state") {
    CozeDesk desk;
    const auto page = desk.get(authorize_path + web_query(desk));
    CHECK(page.status == 200);
    CHECK(page.holds("decision=allow"));
    CHECK(page.holds("decision=deny"));
    const auto allowed = desk.get(authorize_path + web_query(desk) + "&decision=allow");
    CHECK(allowed.status == 302);
    CHECK(allowed.header("Location").find(desk.options.web_redirect_uri + "?code=code_") == 0);
    CHECK(parameter(allowed, "state") == "s&t");
    const auto denied = desk.get(authorize_path + web_query(desk) + "&decision=deny");
    CHECK(parameter(denied, "error") == "access_denied");
    CHECK(parameter(denied, "state") == "s&t");
}

TEST_CASE("the consent page can be told to redirect at once") {
    CozeDesk::Options options;
    options.auto_approve = true;
    CozeDesk desk{options};
    CHECK(desk.get(authorize_path + web_query(desk)).status == 302);
}

TEST_CASE("the consent page never redirects to an address nobody registered") {
    CozeDesk desk;
    const std::string allow = "&decision=allow&response_type=code";
    for (const std::string& query :
         {"?client_id=unknown&redirect_uri=http%3A%2F%2Fevil" + allow,
          "?client_id=" + desk.options.web_client_id + "&redirect_uri=http%3A%2F%2Fevil" + allow,
          "?client_id=" + desk.options.web_client_id + allow,
          "?client_id=" + desk.options.web_client_id +
              "&redirect_uri=http%3A%2F%2F127.0.0.1%3A9%2Fcallback" + allow,
          "?client_id=" + desk.options.jwt_client_id + "&redirect_uri=x" + allow}) {
        const auto answer = desk.get(authorize_path + query);
        CHECK(answer.status == 400);
        CHECK(answer.header("Location").empty());
    }
}

TEST_CASE("a desktop app may choose its loopback port, but no other path") {
    CozeDesk desk;
    const auto asked = [&](const char* uri) {
        return desk
            .get(authorize_path + "?response_type=code&auto_approve=1&code_challenge=x&client_id=" +
                 desk.options.pkce_client_id + "&redirect_uri=" + fake::percent_encoded(uri))
            .status;
    };
    CHECK(asked("http://127.0.0.1:54321/callback") == 302);
    CHECK(asked("http://127.0.0.1/callback") == 302);
    CHECK(asked("http://127.0.0.1:54321/other") == 400);
    CHECK(asked("http://127.0.0.1.evil:54321/callback") == 400);
    CHECK(asked("http://127.0.0.1:@evil/callback") == 400);
    CHECK(asked("http://127.0.0.1:1\r\nX: y/callback") == 400);
    CHECK(asked("https://127.0.0.1:54321/callback") == 400);
}

TEST_CASE("a code is exchanged once, with the secret and the same redirect address") {
    CozeDesk desk;
    const std::string code = web_code(desk);
    const auto wrong = redeem(desk, code, "not the secret");
    CHECK(wrong.status == 401);
    CHECK(wrong.text("error_code") == "invalid_client");
    const auto tokens = redeem(desk, code);
    CHECK(tokens.status == 200);
    CHECK(tokens.number("expires_in") == desk.now + 900);
    CHECK(tokens.text("token_type") == "Bearer");
    CHECK(tokens.header("Cache-Control") == "no-store");
    CHECK(desk.chat(tokens.text("access_token")).succeeded());
    CHECK(desk.coze.records().back().credential == "web:alice");
    CHECK(desk.coze.totals().token_exchanges.at("authorization_code") == 1);
    CHECK(desk.coze.totals().token_refusals == 1);

    const auto again = redeem(desk, code);
    CHECK(again.status == 400);
    CHECK(again.text("error_code") == "invalid_request");
    CHECK(again.text("error_message") == "invalid request: code");
    CHECK(desk.coze.totals().code_reuse == 1);
    CHECK(desk.chat(tokens.text("access_token")).code() == 4101);
    CHECK(refresh(desk, tokens.text("refresh_token")).status == 400);
}

TEST_CASE("a code expires, and belongs to its app and address") {
    CozeDesk desk;
    const std::string late = web_code(desk);
    desk.now += desk.options.code_seconds;
    CHECK(redeem(desk, late).text("error_message") == "invalid request: code");
    CHECK(prove(desk, web_code(desk), verifier).text("error_message") == "invalid request: code");
    const auto elsewhere = desk.post(token_path, desk.options.web_client_secret,
                                     fake::Object{}
                                         .text("grant_type", "authorization_code")
                                         .text("client_id", desk.options.web_client_id)
                                         .text("code", web_code(desk))
                                         .text("redirect_uri", "http://elsewhere")
                                         .done());
    CHECK(elsewhere.text("error_message") == "invalid request: redirect_uri");
}

TEST_CASE("PKCE checks the verifier against an S256 or plain challenge") {
    CozeDesk desk;
    const std::string hashed = "&code_challenge=" + challenge + "&code_challenge_method=S256";
    const std::string code = pkce_code(desk, hashed);
    CHECK(prove(desk, code, "another").text("error_message") == "invalid request: code_verifier");
    CHECK(prove(desk, code, "").status == 400);
    const auto tokens = prove(desk, code, verifier);
    CHECK(tokens.status == 200);
    CHECK(desk.chat(tokens.text("access_token")).succeeded());
    CHECK(desk.coze.records().back().credential == "pkce:alice");
    CHECK(prove(desk, pkce_code(desk, "&code_challenge=abc&code_challenge_method=plain"), "abc")
              .status == 200);
    CHECK(prove(desk, pkce_code(desk, "&code_challenge=" + challenge), verifier).status == 400);
}

TEST_CASE("a PKCE app without a challenge is sent back with an error") {
    CozeDesk desk;
    for (const char* more : {"", "&code_challenge=x&code_challenge_method=MD5"}) {
        const auto answer = desk.get(authorize_path + pkce_query(desk, more) + "&decision=allow");
        CHECK(answer.status == 302);
        CHECK(parameter(answer, "error") == "invalid_request");
        CHECK(parameter(answer, "code").empty());
    }
}

TEST_CASE("an empty bearer stands for no secret") {
    CozeDesk desk;
    const std::string code = pkce_code(desk, "&code_challenge=abc");
    const auto answer = desk.send("POST", token_path, {},
                                  fake::Object{}
                                      .text("grant_type", "authorization_code")
                                      .text("client_id", desk.options.pkce_client_id)
                                      .text("code", code)
                                      .text("redirect_uri", desk.options.pkce_redirect_uri)
                                      .text("code_verifier", "abc")
                                      .done(),
                                  {{"Authorization", "Bearer "}});
    CHECK(answer.status == 200);
}

TEST_CASE("who consented before the move must consent again after it") {
    CozeDesk desk;
    const auto before = redeem(desk, web_code(desk));
    desk.coze.move();
    CHECK(desk.chat(before.text("access_token")).code() == 4101);
    const auto renewed = refresh(desk, before.text("refresh_token"));
    CHECK(renewed.status == 200);
    CHECK(desk.chat(renewed.text("access_token")).code() == 4101);
    const auto after = redeem(desk, web_code(desk));
    CHECK(desk.chat(after.text("access_token")).succeeded());
}

TEST_CASE("consent for one workspace is for enterprises, and gives no conversations") {
    CozeDesk desk;
    const auto asked = [&](const std::string& workspace) {
        return desk.get("/api/permission/oauth2/workspace_id/" + workspace + "/authorize" +
                        web_query(desk) + "&auto_approve=1");
    };
    const std::string personal =
        desk.get("/v1/bots/" + desk.options.bot_id, desk.options.personal_token)
            .text("data", "workspace_id");
    CHECK(asked(personal).status == 400);
    CHECK(asked("1").status == 400);
    desk.coze.move();
    const auto tokens = redeem(desk, parameter(asked(personal), "code"));
    const std::string access = tokens.text("access_token");
    CHECK(desk.chat(access).succeeded());
    CHECK(desk.post("/v1/conversation/create", access).code() == 4101);
    CHECK(desk.get("/v1/workspaces", access).number("data", "total_count") == 1);
    CHECK(desk.post("/v3/chat", access,
                    R"({"user_id":"u","bot_id":")" + desk.options.enterprise_bot_id + "\"}")
              .code() == 4101);
}

// --- Refresh (E9) ---

TEST_CASE("a refresh rotates the refresh token") {
    CozeDesk desk;
    const auto first = redeem(desk, web_code(desk));
    desk.now += 900;
    CHECK(desk.chat(first.text("access_token")).code() == 4101);
    const auto second = refresh(desk, first.text("refresh_token"));
    CHECK(second.status == 200);
    CHECK(second.number("expires_in") == desk.now + 900);
    CHECK(second.text("refresh_token") != first.text("refresh_token"));
    CHECK(desk.chat(second.text("access_token")).succeeded());
    CHECK(refresh(desk, second.text("refresh_token")).status == 200);
    CHECK(desk.coze.totals().token_exchanges.at("refresh_token") == 2);
}

TEST_CASE("a rotated refresh token that comes again revokes the whole family") {
    CozeDesk desk;
    const auto other = redeem(desk, web_code(desk));
    const auto first = redeem(desk, web_code(desk));
    const auto second = refresh(desk, first.text("refresh_token"));
    const auto reused = refresh(desk, first.text("refresh_token"));
    CHECK(reused.status == 400);
    CHECK(reused.text("error_code") == "invalid_request");
    CHECK(desk.coze.totals().refresh_reuse == 1);
    CHECK(desk.chat(second.text("access_token")).code() == 4101);
    CHECK(refresh(desk, second.text("refresh_token")).status == 400);
    CHECK(desk.coze.totals().refresh_reuse == 1);
    CHECK(desk.chat(other.text("access_token")).succeeded());
}

TEST_CASE("a new consent is refused until the service has taken it in, its refreshed token too") {
    CozeDesk::Options options;
    options.consent_seconds = 4;
    CozeDesk desk{options};
    const auto first = redeem(desk, web_code(desk));
    CHECK(desk.chat(first.text("access_token")).code() == 4101);
    const auto second = refresh(desk, first.text("refresh_token"));
    desk.now += 3;
    CHECK(desk.chat(second.text("access_token")).code() == 4101);
    desk.now += 1;
    CHECK(desk.chat(first.text("access_token")).succeeded());
    CHECK(desk.chat(second.text("access_token")).succeeded());
}

TEST_CASE("within the grace a rotated refresh token answers its successor again") {
    CozeDesk::Options options;
    options.refresh_grace = 10;
    CozeDesk desk{options};
    const auto first = redeem(desk, web_code(desk));
    const auto second = refresh(desk, first.text("refresh_token"));
    desk.now += 10;
    const auto again = refresh(desk, first.text("refresh_token"));
    CHECK(again.body == second.body);
    CHECK(desk.coze.totals().refresh_grace == 1);
    CHECK(desk.coze.totals().refresh_reuse == 0);
    desk.now += 1;
    CHECK(refresh(desk, first.text("refresh_token")).status == 400);
    CHECK(desk.coze.totals().refresh_reuse == 1);
}

TEST_CASE("a refresh token expires, and belongs to its app") {
    CozeDesk::Options options;
    options.bad_refresh_word = "invalid_grant";
    CozeDesk desk{options};
    const auto tokens = redeem(desk, web_code(desk));
    const auto stolen = desk.post(token_path, {},
                                  fake::Object{}
                                      .text("grant_type", "refresh_token")
                                      .text("client_id", desk.options.pkce_client_id)
                                      .text("refresh_token", tokens.text("refresh_token"))
                                      .done());
    CHECK(stolen.text("error_code") == "invalid_grant");
    CHECK(refresh(desk, "refresh_made_up").text("error") == "invalid_grant");
    desk.now += desk.options.refresh_seconds;
    CHECK(refresh(desk, tokens.text("refresh_token")).status == 400);
}

// --- Device (E4, E5) ---

TEST_CASE("a device waits for a person and then gets its tokens, once") {
    CozeDesk desk;
    const auto device = device_code(desk);
    CHECK(device.number("expires_in") == 300);
    CHECK(device.number("interval") == 5);
    CHECK(device.text("verification_uri") == desk.options.base + "/device");
    CHECK(device.text("user_code").size() == 9);
    const auto waiting = poll(desk, device);
    CHECK(waiting.status == 400);
    CHECK(waiting.text("error_code") == "authorization_pending");
    CHECK(desk.coze.approve_device(device.text("user_code"), "bob"));
    CHECK_FALSE(desk.coze.approve_device(device.text("user_code")));
    CHECK_FALSE(desk.coze.approve_device("AAAA-AAAA"));
    desk.now += 5;
    const auto tokens = poll(desk, device);
    CHECK(tokens.status == 200);
    CHECK(tokens.number("expires_in") == desk.now + 900);
    CHECK_FALSE(tokens.text("refresh_token").empty());
    CHECK(desk.chat(tokens.text("access_token")).succeeded());
    CHECK(desk.coze.records().back().credential == "device:bob");
    desk.now += 5;
    CHECK(poll(desk, device).text("error_message") == "invalid request: device_code");
}

TEST_CASE("a poll before the interval is over slows the device down for good") {
    CozeDesk desk;
    const auto device = device_code(desk);
    CHECK(poll(desk, device).text("error_code") == "authorization_pending");
    desk.now += 4;
    CHECK(poll(desk, device).text("error_code") == "slow_down");
    desk.now += 9;
    CHECK(poll(desk, device).text("error_code") == "slow_down");
    desk.now += 15;
    CHECK(poll(desk, device).text("error_code") == "authorization_pending");
    CHECK(desk.coze.totals().slow_downs == 2);
}

TEST_CASE("a device hears of a refusal and of its code's end") {
    CozeDesk desk;
    const auto refused = device_code(desk);
    CHECK(desk.coze.deny_device(refused.text("user_code")));
    CHECK(poll(desk, refused).text("error_code") == "access_denied");
    const auto late = device_code(desk);
    desk.now += 300;
    CHECK(poll(desk, late).text("error_code") == "expired_token");
    CHECK_FALSE(desk.coze.approve_device(late.text("user_code")));
}

TEST_CASE("the device page lets the person decide, and a patient server decides itself") {
    CozeDesk::Options options;
    options.device_auto_approve_polls = 1;
    CozeDesk desk{options};
    const auto by_page = device_code(desk);
    const std::string page = "/device?user_code=" + by_page.text("user_code");
    CHECK(desk.get(page).holds("decision=allow"));
    CHECK(desk.get(page + "&decision=allow").status == 200);
    CHECK(desk.get(page + "&decision=allow").status == 400);
    CHECK(poll(desk, by_page).status == 200);
    const auto by_itself = device_code(desk);
    CHECK(poll(desk, by_itself).text("error") == "authorization_pending");
    desk.now += 5;
    CHECK(poll(desk, by_itself).status == 200);
}

TEST_CASE("only a device app gets a device code") {
    CozeDesk desk;
    const std::string path = "/api/permission/oauth2/device/code";
    CHECK(desk.post(path, {}, "{}").text("error_message") == "invalid request: client_id");
    const auto wrong =
        desk.post(path, {}, R"({"client_id":")" + desk.options.web_client_id + "\"}");
    CHECK(wrong.text("error_code") == "access_deny");
    CHECK(wrong.text("error_message") == "invalid app type");
    const std::string mine = R"({"client_id":")" + desk.options.device_client_id + "\"}";
    CHECK(desk.post("/api/permission/oauth2/workspace_id/1/device/code", {}, mine).status == 400);
}

// --- JWT (E6 to E8) ---

TEST_CASE("a JWT gives a token of the app's owner, of its account or of its enterprise") {
    CozeDesk desk;
    Jwt jwt{desk};
    const auto own = present(desk, jwt.text());
    CHECK(own.status == 200);
    CHECK(own.number("expires_in") == desk.now + 900);
    CHECK_FALSE(own.holds("refresh_token"));
    CHECK(desk.chat(own.text("access_token")).succeeded());
    CHECK(desk.coze.records().back().credential == "jwt:12345");
    jwt.jti = "j2";
    const auto account = present(desk, jwt.text(), "/api/permission/oauth2/account/12345/token");
    CHECK(desk.chat(account.text("access_token")).succeeded());
    jwt.jti = "j3";
    const auto enterprise =
        present(desk, jwt.text(), "/api/permission/oauth2/enterprise_id/volcano_2105850/token");
    CHECK(desk.chat(enterprise.text("access_token")).code() == 4200);
    desk.coze.move();
    CHECK(desk.chat(enterprise.text("access_token")).succeeded());
    CHECK(desk.coze.records().back().credential == "jwt:volcano_2105850");
    CHECK(desk.chat(account.text("access_token")).code() == 4101);
    CHECK(desk.coze.totals().token_exchanges.at("jwt_bearer") == 3);
}

TEST_CASE("an account or enterprise that is not the app's gets no token") {
    CozeDesk desk;
    Jwt jwt{desk};
    const auto asked = [&](const std::string& whose) {
        jwt.jti += 'x';
        return present(desk, jwt.text(), "/api/permission/oauth2/" + whose + "/token")
            .text("error_message");
    };
    CHECK(asked("account/54321") == "invalid request: account_id");
    CHECK(asked("enterprise_id/volcano_1") == "invalid request: enterprise_id");
    CHECK(asked("enterprise_id/12345") == "invalid request: enterprise_id");
    CHECK(asked("account/volcano_2105850").empty());
    FakeApp app;
    app.client_id = desk.options.jwt_client_id;
    app.public_key_id = desk.options.public_key_id;
    app.installed_in_enterprise = false;
    desk.coze.add_app(app);
    CHECK(asked("enterprise_id/volcano_2105850").find("is not installed") != std::string::npos);
}

TEST_CASE("a JWT with anything wrong in it is refused") {
    CozeDesk desk;
    const auto refused = [&](void (*spoil)(Jwt&)) {
        Jwt jwt{desk};
        spoil(jwt);
        const auto answer = present(desk, jwt.text());
        CHECK(answer.status == 401);
        CHECK(answer.text("error_code") == "invalid_client");
        return answer.text("error_message");
    };
    CHECK(refused([](Jwt& jwt) { jwt.alg = "none"; }) == "jwt: alg is not RS256");
    CHECK(refused([](Jwt& jwt) { jwt.alg = "HS256"; }) == "jwt: alg is not RS256");
    CHECK(refused([](Jwt& jwt) { jwt.kid = "x"; }) == "jwt: unknown kid");
    CHECK(refused([](Jwt& jwt) { jwt.kid.clear(); }) == "jwt: unknown kid");
    CHECK(refused([](Jwt& jwt) { jwt.iss = "x"; }) == "jwt: unknown iss");
    CHECK(refused([](Jwt& jwt) { jwt.aud = "api.coze.cn"; }) == "jwt: wrong aud");
    CHECK(refused([](Jwt& jwt) { jwt.signature = "x"; }) == "jwt: wrong signature");
    CHECK(refused([](Jwt& jwt) { jwt.jti.clear(); }) == "jwt: no jti");
    CHECK(refused([](Jwt& jwt) { jwt.exp = jwt.iat; }) == "jwt: iat or exp out of range");
    CHECK(refused([](Jwt& jwt) { jwt.iat += 61; }) == "jwt: iat or exp out of range");
    CHECK(refused([](Jwt& jwt) {
              jwt.iat -= 1000;
              jwt.exp = jwt.iat + 940;
          }) == "jwt: iat or exp out of range");
    for (const char* text : {"x", "x.y", "..", "e30.e30.", "e30.e30.x=", "e30", "e30.e30.e30.e30"})
        CHECK(present(desk, text).text("error_code") == "invalid_client");
    CHECK(present(desk, {}).text("error_message") == "verify jwt empty error");
    CHECK(desk.coze.totals().token_exchanges.empty());
}

TEST_CASE("a JWT within the clock tolerance is accepted") {
    CozeDesk desk;
    Jwt fast{desk};
    fast.iat += 60;
    CHECK(present(desk, fast.text()).status == 200);
    Jwt slow{desk};
    slow.jti = "j2";
    slow.iat -= 1000;
    slow.exp = slow.iat + 941;
    CHECK(present(desk, slow.text()).status == 200);
}

TEST_CASE("a JWT works once, even if nobody heard the answer") {
    CozeDesk desk;
    const Jwt jwt{desk};
    FakeFault fault;
    fault.wire = FakeWire::reset_before_answer;
    desk.coze.fault(fault);
    present(desk, jwt.text());
    const auto again = present(desk, jwt.text());
    CHECK(again.text("error_code") == "invalid_client");
    CHECK(again.text("error_message") == "jwt: used before");
    CHECK(desk.coze.totals().jti_replays == 1);
    CHECK(desk.coze.totals().token_exchanges.at("jwt_bearer") == 1);
}

TEST_CASE("the lifetime of a JWT token is chosen within the limit") {
    CozeDesk desk;
    Jwt jwt{desk};
    const auto asked = [&](const char* seconds) {
        jwt.jti += 'x';
        return present(desk, jwt.text(), token_path,
                       std::string{",\"duration_seconds\":"} + seconds);
    };
    CHECK(asked("86399").number("expires_in") == desk.now + 86399);
    CHECK(asked("null").number("expires_in") == desk.now + 900);
    for (const char* seconds : {"86400", "0", "-1", "\"900\"", "0.5", "99999999999999999999"})
        CHECK(asked(seconds).text("error_message") == "invalid request: duration_seconds");
}

TEST_CASE("the audience of a JWT is the host and port of the base, or what the options say") {
    CozeDesk desk;
    desk.coze.set_base("http://127.0.0.1:8640");
    Jwt jwt{desk};
    CHECK(present(desk, jwt.text()).text("error_message") == "jwt: wrong aud");
    jwt.aud = "127.0.0.1:8640";
    CHECK(present(desk, jwt.text()).status == 200);
    CozeDesk::Options options;
    options.audience = "api.coze.cn";
    CozeDesk other{options};
    Jwt elsewhere{other};
    elsewhere.aud = "api.coze.cn";
    CHECK(present(other, elsewhere.text()).status == 200);
}

TEST_CASE("a scope limits a JWT token to its bots, a session name to its conversations") {
    CozeDesk desk;
    Jwt jwt{desk};
    const auto scope = [](const std::string& bot) {
        return R"(,"scope":{"attribute_constraint":{"connector_bot_chat_attribute":)"
               R"({"bot_id_list":[")" +
               bot + R"("]}}})";
    };
    const auto narrow = present(desk, jwt.text(), token_path, scope("1"));
    CHECK(desk.chat(narrow.text("access_token")).code() == 4101);
    jwt.jti = "j2";
    jwt.more = "ann";
    const auto ann = present(desk, jwt.text(), token_path, scope(desk.options.bot_id));
    const auto chat = desk.chat(ann.text("access_token"));
    CHECK(chat.succeeded());
    jwt.jti = "j3";
    jwt.more = "ben";
    const auto ben = present(desk, jwt.text());
    CHECK(desk.chat(ben.text("access_token"), {},
                    "?conversation_id=" + chat.text("data", "conversation_id"))
              .code() == 4002);
}

TEST_CASE("without a verifier no JWT is accepted") {
    rekey::testing::FakeCoze coze;
    CozeDesk desk;
    desk.now = 1700000000;
    const auto reply =
        coze.handle({"POST",
                     token_path,
                     {{"Authorization", "Bearer " + Jwt{desk}.text()}},
                     R"({"grant_type":"urn:ietf:params:oauth:grant-type:jwt-bearer"})"});
    CHECK(reply.response.status == 401);
    CHECK(reply.response.body.find("no verifier") != std::string::npos);
}

// --- Apps and error shapes ---

TEST_CASE("an app that its owner switched off gets access_deny, and its tokens are dead") {
    CozeDesk desk;
    Jwt jwt{desk};
    const auto tokens = present(desk, jwt.text());
    desk.coze.disable_app(desk.options.jwt_client_id);
    CHECK(desk.chat(tokens.text("access_token")).code() == 4101);
    jwt.jti = "j2";
    const auto denied = present(desk, jwt.text());
    CHECK(denied.status == 401);
    CHECK(denied.text("error_code") == "access_deny");
    CHECK(denied.holds("is currently deactivated by the owner"));
    desk.coze.enable_app(desk.options.jwt_client_id);
    CHECK(desk.chat(tokens.text("access_token")).succeeded());
    const std::string code = web_code(desk);
    desk.coze.disable_app(desk.options.web_client_id);
    CHECK(redeem(desk, code).text("error_code") == "access_deny");
    CHECK(desk.get(authorize_path + web_query(desk)).status == 400);
}

TEST_CASE("another app can be registered") {
    CozeDesk desk;
    FakeApp app;
    app.kind = FakeAppKind::web;
    app.client_id = "9";
    app.client_secret = "s";
    app.redirect_uris = {"https://a.example/1", "https://a.example/2"};
    desk.coze.add_app(app);
    CHECK(desk.get(authorize_path +
                   "?response_type=code&client_id=9&redirect_uri=https%3A%2F%2Fa.example%2F2")
              .status == 200);
}

TEST_CASE("an error of a token endpoint comes in the shape the options ask for") {
    CozeDesk::Options options;
    CozeDesk coze{options};
    CHECK(refresh(coze, "x").body ==
          R"({"error_code":"invalid_request","error_message":"invalid request: refresh_token",)"
          R"("error":"invalid_request"})");
    options.error_shape = FakeErrorShape::device;
    CozeDesk device{options};
    CHECK(refresh(device, "x").body ==
          R"({"error":"invalid_request","error_description":"invalid request: refresh_token"})");
    options.error_shape = FakeErrorShape::envelope;
    CozeDesk envelope{options};
    CHECK(refresh(envelope, "x").code() == 4101);
    CHECK(envelope.coze.totals().token_refusals == 1);
}

TEST_CASE("expires_in can be a duration for clients that must survive one") {
    CozeDesk::Options options;
    options.relative_expiry = true;
    options.access_seconds = 60;
    CozeDesk desk{options};
    CHECK(redeem(desk, web_code(desk)).number("expires_in") == 60);
}

TEST_CASE("an unknown grant type or app, or a body that is no object, is refused") {
    CozeDesk desk;
    const auto unknown = desk.post(token_path, {}, R"({"grant_type":"password"})");
    CHECK(unknown.status == 400);
    CHECK(unknown.text("error_code") == "unsupported_grant_type");
    CHECK(desk.post("/api/permission/oauth2/account/12345/token", {}, "{}").text("error_code") ==
          "unsupported_grant_type");
    CHECK(desk.post(token_path, {}, "grant_type=refresh_token").text("error_message") ==
          "invalid request: body");
    CHECK(desk.post(token_path, {}, R"({"grant_type":"refresh_token","client_id":"x"})")
              .text("error_message") == "invalid request: client_id");
    CHECK(desk.get(token_path).status == 404);
    CHECK(desk.coze.totals().token_refusals == 4);
}

TEST_CASE("no token of any grant stands in the ledger") {
    CozeDesk desk;
    const std::string code = web_code(desk);
    const auto tokens = redeem(desk, code);
    refresh(desk, tokens.text("refresh_token"));
    desk.chat(tokens.text("access_token"));
    const std::string ledger = desk.coze.ledger_json();
    for (const std::string& secret : {code, tokens.text("access_token"),
                                      tokens.text("refresh_token"), desk.options.web_client_secret})
        CHECK(ledger.find(secret) == std::string::npos);
}
