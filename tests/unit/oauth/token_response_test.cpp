// SPDX-License-Identifier: BSL-1.0
#include <rekey/oauth/token_response.hpp>

#include "catch.hpp"

#include <cstdint>
#include <limits>
#include <string>
#include <string_view>

namespace {

using namespace rekey::oauth;

constexpr std::int64_t now = 1700000000;
constexpr std::string_view json = "application/json";

TokenRules coze() {
    TokenRules rules;
    rules.now = now;
    return rules;
}

TokenRules strict() {
    TokenRules rules = coze();
    rules.expires_in = ExpiresIn::duration;
    rules.token_type_required = true;
    return rules;
}

TokenAnswer answer(int status, std::string_view body, const TokenRules& rules = coze(),
                   std::string_view content_type = json) {
    const TokenAnswer read = read_token_answer(status, content_type, body, rules);
    const bool granted = read.outcome == TokenOutcome::granted;
    CHECK(read.problem.empty() == granted);
    CHECK(read.access_token.empty() != granted);
    CHECK((granted || read.refresh_token.empty()));
    CHECK((read.expires_at > now) == granted);
    CHECK(read.message.size() <= 200);
    return read;
}

TokenOutcome outcome(int status, std::string_view body, const TokenRules& rules = coze(),
                     std::string_view content_type = json) {
    return answer(status, body, rules, content_type).outcome;
}

std::string with_token(std::string_view rest) {
    return R"({"access_token":"czs_token")" + std::string(rest) + "}";
}

std::string with_expiry(std::string_view number) {
    return with_token(",\"expires_in\":" + std::string(number));
}

std::string with_text(std::string_view json_text) {
    return "{\"access_token\":\"" + std::string(json_text) + "\"}";
}

}  // namespace

TEST_CASE("a token answer of Coze is granted with its token, refresh token and expiry") {
    const TokenAnswer read =
        answer(200, R"({"access_token":"czu_a","expires_in":1700000900,"refresh_token":"r1",)"
                    R"("token_type":"Bearer"})");
    CHECK(read.outcome == TokenOutcome::granted);
    CHECK(read.access_token.expose() == "czu_a");
    CHECK(read.refresh_token.expose() == "r1");
    CHECK(read.expires_at == now + 900);
    CHECK_FALSE(read.has_service_code);
    CHECK(read.error_word.empty());
}

TEST_CASE("markers that say nothing do not stop a grant (S26)") {
    for (const std::string_view rest :
         {R"(,"code":0,"msg":"success")", R"(,"error":null,"error_code":"","error_message":"")",
          R"(,"error":"","error_description":"","msg":"")", R"(,"error_code":0,"error":false)",
          R"(,"token_type":"bearer")", R"(,"token_type":"BEARER")", R"(,"token_type":null)",
          R"(,"token_type":"")", R"(,"detail":{"logid":"20260101","access_token":7})",
          R"(,"data":{"code":4100})"}) {
        CAPTURE(rest);
        CHECK(outcome(200, with_token(rest)) == TokenOutcome::granted);
    }
    CHECK(outcome(201, with_token("")) == TokenOutcome::granted);
    CHECK(outcome(200, with_token(""), coze(), "text/plain") == TokenOutcome::granted);
    CHECK(outcome(200, with_token(""), coze(), "") == TokenOutcome::granted);
}

TEST_CASE("a 200 without a usable access token is malformed (S26)") {
    for (const std::string_view body : {"{}",
                                        R"({"access_token":null})",
                                        R"({"access_token":""})",
                                        R"({"access_token":12345})",
                                        R"({"access_token":true})",
                                        R"({"access_token":{"token":"a"}})",
                                        R"({"access_token":["a"]})",
                                        R"({"data":{"access_token":"a"}})",
                                        R"({"code":0,"msg":"","data":{"access_token":"a"}})",
                                        R"({"Access_Token":"a"})",
                                        "",
                                        "   ",
                                        "null",
                                        R"("token")",
                                        "[]",
                                        R"([{"access_token":"a"}])",
                                        "access_token=a&token_type=bearer",
                                        "not json",
                                        R"({"access_token":"a")",
                                        R"({"access_token":"a"}x)",
                                        R"({"access_token":"a",})",
                                        R"({"access_token":"a","x":[1,,]})",
                                        "{\"access_token\":\"\xff\"}"}) {
        CAPTURE(body);
        CHECK(outcome(200, body) == TokenOutcome::malformed);
    }
}

TEST_CASE("a token type other than Bearer is malformed (S26)") {
    for (const std::string_view type :
         {R"("mac")", R"("DPoP")", R"("Bearer ")", R"("N_A")", "1", "{}", "true"}) {
        CAPTURE(type);
        CHECK(outcome(200, with_token(",\"token_type\":" + std::string(type))) ==
              TokenOutcome::malformed);
    }
}

TEST_CASE("a missing token type means Bearer in the Coze dialect and nothing elsewhere (S26)") {
    CHECK(outcome(200, with_token(""), coze()) == TokenOutcome::granted);
    CHECK(outcome(200, with_token(""), strict()) == TokenOutcome::malformed);
    CHECK(outcome(200, with_token(R"(,"token_type":"")"), strict()) == TokenOutcome::malformed);
    CHECK(outcome(200, with_token(R"(,"token_type":"Bearer")"), strict()) == TokenOutcome::granted);
}

TEST_CASE("a 200 with an error marker is an error, even beside a token (S26)") {
    struct Row {
        std::string_view rest;
        TokenOutcome outcome;
    };
    for (const Row& row :
         {Row{R"(,"error_code":"access_deny")", TokenOutcome::refused},
          Row{R"(,"error":"access_denied")", TokenOutcome::refused},
          Row{R"(,"error_code":"internal_error")", TokenOutcome::failed},
          Row{R"(,"error":"slow_down")", TokenOutcome::failed},
          Row{R"(,"error_code":"invalid_client")", TokenOutcome::misconfigured},
          Row{R"(,"error":"invalid_grant")", TokenOutcome::misconfigured},
          Row{R"(,"error_message":"verify jwt empty error")", TokenOutcome::misconfigured},
          Row{R"(,"error_description":"no")", TokenOutcome::misconfigured},
          Row{R"(,"error":{"logid":"1"})", TokenOutcome::misconfigured},
          Row{R"(,"error":true)", TokenOutcome::misconfigured},
          Row{R"(,"error_code":["x"])", TokenOutcome::misconfigured},
          Row{R"(,"code":4101,"msg":"no")", TokenOutcome::misconfigured},
          Row{R"(,"code":"4101")", TokenOutcome::misconfigured},
          Row{R"(,"code":-1)", TokenOutcome::misconfigured},
          Row{R"(,"code":5000)", TokenOutcome::failed},
          Row{R"(,"code":4009)", TokenOutcome::failed},
          Row{R"(,"code":4016)", TokenOutcome::failed},
          Row{R"(,"code":4020)", TokenOutcome::failed},
          Row{R"(,"code":4102)", TokenOutcome::failed},
          Row{R"(,"code":710005002)", TokenOutcome::failed},
          Row{R"(,"error_code":4013)", TokenOutcome::failed}}) {
        CAPTURE(row.rest);
        CHECK(outcome(200, with_token(row.rest)) == row.outcome);
    }
}

TEST_CASE("a token on an error status counts for nothing (S26)") {
    for (const int status : {400, 401, 403, 404, 418})
        CHECK(outcome(status, with_token("")) == TokenOutcome::misconfigured);
    for (const int status : {408, 425, 429, 500, 503, 599})
        CHECK(outcome(status, with_token("")) == TokenOutcome::failed);
    CHECK(outcome(100, with_token("")) == TokenOutcome::misconfigured);
    CHECK(outcome(0, with_token("")) == TokenOutcome::failed);
}

TEST_CASE("a data envelope on the token endpoint is an error with its code (S26, M10)") {
    for (const std::int64_t code :
         {std::int64_t{4100}, std::int64_t{4101}, std::int64_t{700012006}}) {
        for (const int status : {200, 401, 503}) {
            const TokenAnswer read =
                answer(status,
                       "{\"code\":" + std::to_string(code) +
                           R"(,"msg":"authentication is invalid","detail":{"logid":"20261120A"}})");
            CHECK(read.outcome == TokenOutcome::misconfigured);
            CHECK(read.has_service_code);
            CHECK(read.service_code == code);
            CHECK(read.message == "authentication is invalid");
            CHECK(read.log_id == "20261120A");
        }
    }
    CHECK(outcome(200, R"({"code":4020,"msg":"slow"})") == TokenOutcome::failed);
    CHECK(outcome(400, R"({"code":4000,"msg":"bad"})") == TokenOutcome::misconfigured);
    CHECK(outcome(500, R"({"code":4999,"msg":"bad"})") == TokenOutcome::failed);
    CHECK(outcome(200, R"({"code":4999,"msg":"bad"})") == TokenOutcome::misconfigured);
}

TEST_CASE("error words decide before status and code, in both shapes") {
    struct Row {
        std::string_view word;
        TokenOutcome outcome;
    };
    for (const Row& row :
         {Row{"access_deny", TokenOutcome::refused}, Row{"access_denied", TokenOutcome::refused},
          Row{"internal_error", TokenOutcome::failed}, Row{"server_error", TokenOutcome::failed},
          Row{"temporarily_unavailable", TokenOutcome::failed},
          Row{"authorization_pending", TokenOutcome::failed},
          Row{"slow_down", TokenOutcome::failed},
          Row{"invalid_client", TokenOutcome::misconfigured},
          Row{"invalid_request", TokenOutcome::misconfigured},
          Row{"invalid_grant", TokenOutcome::misconfigured},
          Row{"invalid_scope", TokenOutcome::misconfigured},
          Row{"expired_token", TokenOutcome::misconfigured},
          Row{"unauthorized_client", TokenOutcome::misconfigured},
          Row{"unsupported_grant_type", TokenOutcome::misconfigured}}) {
        CAPTURE(row.word);
        const std::string word(row.word);
        for (const int status : {200, 400, 401, 503}) {
            const TokenAnswer ours =
                answer(status, R"({"error_code":")" + word +
                                   R"(","error_message":"why it failed","error":""})");
            CHECK(ours.outcome == row.outcome);
            CHECK(ours.error_word == word);
            CHECK(ours.message == "why it failed");
            const TokenAnswer standard = answer(
                status, R"({"error":")" + word + R"(","error_description":"why it failed"})");
            CHECK(standard.outcome == row.outcome);
            CHECK(standard.error_word == word);
            CHECK(standard.message == "why it failed");
        }
    }
    CHECK(outcome(400, R"({"error_code":"new_word"})") == TokenOutcome::misconfigured);
    CHECK(outcome(200, R"({"error_code":"new_word"})") == TokenOutcome::misconfigured);
    CHECK(outcome(500, R"({"error_code":"new_word"})") == TokenOutcome::failed);
    CHECK(outcome(429, R"({"error_code":"new_word"})") == TokenOutcome::failed);
    CHECK(outcome(503, R"({"error_code":"access_deny","code":5000})") == TokenOutcome::refused);
}

TEST_CASE("no answer, a full server and an empty error follow the status") {
    CHECK(outcome(0, "", coze(), "") == TokenOutcome::failed);
    CHECK(outcome(429, "") == TokenOutcome::failed);
    CHECK(outcome(502, "") == TokenOutcome::failed);
    CHECK(outcome(401, "") == TokenOutcome::misconfigured);
    CHECK(outcome(403, "{}") == TokenOutcome::misconfigured);
    CHECK(outcome(401, R"({"message":"denied"})") == TokenOutcome::misconfigured);
    CHECK(outcome(204, "") == TokenOutcome::malformed);
    CHECK(outcome(404, "page not found") == TokenOutcome::malformed);
    CHECK(outcome(503, "upstream connect error") == TokenOutcome::failed);
}

TEST_CASE("a web page is never read, whatever it holds (S26)") {
    const std::string_view page = "<!DOCTYPE html><html>{\"access_token\":\"a\"}</html>";
    CHECK(outcome(200, page, coze(), "text/html; charset=utf-8") == TokenOutcome::malformed);
    CHECK(outcome(200, page, coze(), json) == TokenOutcome::malformed);
    CHECK(outcome(200, "\r\n <html>", coze(), "") == TokenOutcome::malformed);
    CHECK(outcome(200, with_token(""), coze(), "Text/HTML") == TokenOutcome::malformed);
    CHECK(outcome(200, with_token(""), coze(), "application/xhtml+xml") == TokenOutcome::malformed);
    CHECK(outcome(401, page) == TokenOutcome::malformed);
    CHECK(outcome(502, page) == TokenOutcome::failed);
}

TEST_CASE("a redirect from the token endpoint is a failure with a sentence (S22)") {
    for (const int status : {300, 301, 302, 303, 304, 307, 308, 399}) {
        const TokenAnswer read = answer(status, with_token(""));
        CHECK(read.outcome == TokenOutcome::failed);
        CHECK_THAT(std::string(read.problem), ContainsSubstring("redirect"));
    }
}

TEST_CASE("a token answer has at most 64 KiB (S25)") {
    const std::string start = R"({"access_token":"a","x":")";
    const std::size_t limit = 64 * 1024;
    const std::string longest = start + std::string(limit - start.size() - 2, 'x') + "\"}";
    REQUIRE(longest.size() == limit);
    CHECK(outcome(200, longest) == TokenOutcome::granted);
    CHECK(outcome(200, longest + " ") == TokenOutcome::malformed);
    CHECK(outcome(500, longest + " ") == TokenOutcome::failed);
}

TEST_CASE("a token answer has at most 8 levels (S25)") {
    const auto nested = [](std::size_t levels) {
        return with_token(",\"x\":" + std::string(levels, '[') + std::string(levels, ']'));
    };
    CHECK(outcome(200, nested(7)) == TokenOutcome::granted);
    CHECK(outcome(200, nested(8)) == TokenOutcome::malformed);
    CHECK(outcome(200, nested(30000)) == TokenOutcome::malformed);
    CHECK(outcome(200, with_token(R"(,"x":"[[[[[[[[[[\"[[[[{{{{")")) == TokenOutcome::granted);
    CHECK(outcome(200, std::string(60000, '{')) == TokenOutcome::malformed);
}

TEST_CASE("a token answer cut off at any byte is never granted (S26)") {
    const std::string whole =
        R"({"access_token":"czs_token","expires_in":1700000900,"token_type":"Bearer",)"
        R"("scope":"a b"})";
    REQUIRE(outcome(200, whole) == TokenOutcome::granted);
    for (std::size_t size = 0; size != whole.size(); ++size)
        CHECK(outcome(200, whole.substr(0, size)) == TokenOutcome::malformed);
}

TEST_CASE("expires_in of Coze is a point in time, or a duration if it is below 10^9 (S28)") {
    CHECK(answer(200, with_expiry("1700000900")).expires_at == now + 900);
    CHECK(answer(200, with_expiry("1700000001")).expires_at == now + 1);
    CHECK(answer(200, with_expiry("900")).expires_at == now + 900);
    CHECK(answer(200, with_expiry("1")).expires_at == now + 1);
    CHECK(answer(200, with_expiry("315000000")).expires_at == now + 315000000);
    CHECK(answer(200, with_expiry("2015000000")).expires_at == 2015000000);
    CHECK(answer(200, with_expiry("9e2")).expires_at == now + 900);
}

TEST_CASE("a missing expires_in means the configured default (S28)") {
    CHECK(answer(200, with_token("")).expires_at == now + 900);
    CHECK(answer(200, with_expiry("null")).expires_at == now + 900);
    TokenRules rules = coze();
    rules.default_lifetime = 60;
    CHECK(answer(200, with_token(""), rules).expires_at == now + 60);
    rules.default_lifetime = 0;
    CHECK(outcome(200, with_token(""), rules) == TokenOutcome::malformed);
}

TEST_CASE("from 10^9 on expires_in is a point in time (S28)") {
    TokenRules rules = coze();
    rules.now = 999999900;
    const auto read = [&](std::string_view number) {
        return read_token_answer(200, json, with_expiry(number), rules);
    };
    CHECK(read("1000000000").expires_at == 1000000000);
    CHECK(read("1000000100").expires_at == 1000000100);
    CHECK(read("999999999").outcome == TokenOutcome::malformed);
}

TEST_CASE("an implausible expires_in is refused, never read as 53 years (S28)") {
    for (const std::string_view number : {"0",
                                          "-1",
                                          "-1700000900",
                                          "1700000000",
                                          "1699999999",
                                          "1000000000",
                                          "999999999",
                                          "400000000",
                                          "2100000000",
                                          "4000000000000",
                                          "1700000900000",
                                          "9223372036854775807",
                                          "-9223372036854775808",
                                          "9223372036854775808",
                                          "1e99",
                                          "900.5",
                                          "\"900\"",
                                          "\"\"",
                                          "true",
                                          "[900]",
                                          "{}"}) {
        CAPTURE(number);
        CHECK(outcome(200, with_expiry(number)) == TokenOutcome::malformed);
    }
}

TEST_CASE("in the relative dialect expires_in is a duration whatever its size (S28)") {
    const auto read = [](std::string_view number) {
        return answer(
            200, with_token(",\"token_type\":\"Bearer\",\"expires_in\":" + std::string(number)),
            strict());
    };
    CHECK(read("3600").expires_at == now + 3600);
    CHECK(read("315000000").expires_at == now + 315000000);
    for (const std::string_view number :
         {"1700000900", "400000000", "0", "-5", "9223372036854775807"}) {
        CAPTURE(number);
        const TokenAnswer refused = read(number);
        CHECK(refused.outcome == TokenOutcome::malformed);
        CHECK_THAT(std::string(refused.problem), ContainsSubstring("10 years"));
    }
}

TEST_CASE("a clock that was never set does not make tokens immortal (S28)") {
    TokenRules rules;
    rules.now = 0;
    CHECK(read_token_answer(200, json, with_expiry("1700000900"), rules).outcome ==
          TokenOutcome::malformed);
}

TEST_CASE("a narrowed scope is reported (S29)") {
    TokenRules rules = coze();
    rules.scope = "chat  read write";
    CHECK(answer(200, with_token(R"(,"scope":"write chat read")"), rules).scope_change ==
          ScopeChange::nothing);
    const TokenAnswer narrowed = answer(200, with_token(R"(,"scope":"chat read")"), rules);
    CHECK(narrowed.outcome == TokenOutcome::granted);
    CHECK(narrowed.scope_change == ScopeChange::narrowed);
    CHECK(narrowed.scope == "chat read");
    CHECK(answer(200, with_token(R"(,"scope":"chat readwrite")"), rules).scope_change ==
          ScopeChange::widened);
    CHECK(answer(200, with_token(""), rules).scope_change == ScopeChange::nothing);
    CHECK(answer(200, with_token(R"(,"scope":" ")"), rules).scope_change == ScopeChange::nothing);
    CHECK(answer(200, with_token(R"(,"scope":"any")"), coze()).scope_change ==
          ScopeChange::nothing);
    CHECK(outcome(200, with_token(R"(,"scope":"a\nb")"), rules) == TokenOutcome::malformed);
}

TEST_CASE("a refresh never widens the scope (S29)") {
    TokenRules rules = coze();
    rules.scope = "chat";
    CHECK(answer(200, with_token(R"(,"scope":"chat admin")"), rules).scope_change ==
          ScopeChange::widened);
    rules.is_refresh = true;
    CHECK(outcome(200, with_token(R"(,"scope":"chat admin")"), rules) == TokenOutcome::malformed);
    CHECK(outcome(200, with_token(R"(,"scope":"chat")"), rules) == TokenOutcome::granted);
}

TEST_CASE("a token with a character that no header may carry is malformed (S30)") {
    for (const std::string_view text :
         {R"(a\r\nX-Evil: 1)", R"(a\nb)", R"(a\rb)", R"(a\u0000b)", "a b", " a", "a ", R"(a\tb)",
          R"(a\u007fb)", R"(a\u0080b)", "a\xc3\xa9", R"(\u4f60)", R"(\u2028)"}) {
        CAPTURE(text);
        const TokenAnswer read = answer(200, with_text(text));
        CHECK(read.outcome == TokenOutcome::malformed);
        CHECK_THAT(std::string(read.problem), ContainsSubstring("character"));
    }
    for (const std::string_view text :
         {"a", "A-Z_a~z.0+9/==", R"(\u0061\/b)", "a!#$%&'()*,:;<>?@[]^`{|}"}) {
        CAPTURE(text);
        CHECK(outcome(200, with_text(text)) == TokenOutcome::granted);
    }
    CHECK(answer(200, with_text(R"(\u0061\/b)")).access_token.expose() == "a/b");
}

TEST_CASE("an empty refresh token counts as absent (S41)") {
    CHECK(answer(200, with_token(R"(,"refresh_token":"")")).refresh_token.empty());
    CHECK(answer(200, with_token(R"(,"refresh_token":null)")).refresh_token.empty());
    CHECK(answer(200, with_token(R"(,"refresh_token":"r 2")")).refresh_token.expose() == "r 2");
    CHECK(outcome(200, with_token(R"(,"refresh_token":5)")) == TokenOutcome::malformed);
    CHECK(outcome(200, with_token(R"(,"refresh_token":"a\nb")")) == TokenOutcome::malformed);
}

TEST_CASE("the service's words are short and cannot drive a terminal (S11, S71)") {
    const auto message = [](std::string_view text) {
        return answer(400, R"({"error_code":"invalid_request","error_message":")" +
                               std::string(text) + "\"}")
            .message;
    };
    CHECK(message(R"(a\u0007b\u001b[31mc\r\nd\u007f\u0085e\u202ef\u2066g\u200fh)") ==
          "ab[31mcdefgh");
    CHECK(message(R"(\u4f60\u00e9\u2019)") == "\xe4\xbd\xa0\xc3\xa9\xe2\x80\x99");
    CHECK(message(std::string(200, 'x')) == std::string(200, 'x'));
    CHECK(message(std::string(201, 'x')) == std::string(200, 'x'));
    CHECK(message(std::string(5000, 'x')) == std::string(200, 'x'));
    CHECK(message(std::string(199, 'x') + "\xe4\xbd\xa0") == std::string(199, 'x'));
    CHECK(message(std::string(197, 'x') + "\xe4\xbd\xa0") ==
          std::string(197, 'x') + "\xe4\xbd\xa0");
    CHECK(answer(400, R"({"error":"two words"})").error_word.empty());
    CHECK(answer(400, R"({"error":")" + std::string(65, 'w') + "\"}").error_word.empty());
    CHECK(answer(400, R"({"code":4000,"detail":{"logid":"a\nb"}})").log_id.empty());
    CHECK(answer(400, R"({"code":4000,"error":{"logid":"older"}})").log_id == "older");
}

TEST_CASE("the first of several codes and words is the one reported") {
    const TokenAnswer read = answer(
        400,
        R"({"error":"second","error_code":"first","code":4000,"msg":"b","error_message":"a"})");
    CHECK(read.error_word == "first");
    CHECK(read.service_code == 4000);
    CHECK(read.message == "a");
    CHECK(answer(400, R"({"error_code":4101,"code":4000})").service_code == 4101);
}
