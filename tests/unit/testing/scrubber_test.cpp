// SPDX-License-Identifier: BSL-1.0
#include <rekey/testing/scrubber.hpp>

#include "catch.hpp"

#include <string>
#include <utility>

using rekey::testing::Scrubber;

TEST_CASE("a scrubber takes the tokens out of a body by the names of their fields") {
    Scrubber scrubber;
    CHECK(scrubber.text(R"({"access_token":"czu_1","expires_in":900,"refresh_token" : "r\"2"})") ==
          R"({"access_token":"__scrubbed__","expires_in":900,"refresh_token" : "__scrubbed__"})");
    CHECK(scrubber.text("grant_type=refresh_token&refresh_token=abc&client_secret=s%2B3") ==
          "grant_type=refresh_token&refresh_token=__scrubbed__&client_secret=__scrubbed__");
    CHECK(scrubber.text("https://site.example/back?code=abc-1&state=7#top") ==
          "https://site.example/back?code=__scrubbed__&state=7#top");
}

TEST_CASE("a scrubber knows the names of secrets in every spelling") {
    Scrubber scrubber;
    CHECK(scrubber.text(R"({"accessToken":"a1","Refresh-Token":"b2","tokenType":"Bearer"})") ==
          R"({"accessToken":"__scrubbed__","Refresh-Token":"__scrubbed__","tokenType":"Bearer"})");
    CHECK(scrubber.text("clientSecret=c3&api-key=d4&nextToken=5") ==
          "clientSecret=__scrubbed__&api-key=__scrubbed__&nextToken=5");
}

TEST_CASE("a header that is named as a secret field is one, with an X- before it or without") {
    for (const char* const name :
         {"Access-Token", "X-Access-Token", "x-refresh-token", "Client-Secret", "apikey",
          "X-APIKEY", "X-Api-Key", "token", "X-User-Password", "access_token"}) {
        CAPTURE(name);
        Scrubber scrubber;
        CHECK(scrubber.header_value(name, "s3cret-of-mine") == Scrubber::instead);
        CHECK(scrubber.text("https://a.example/s3cret-of-mine") ==
              "https://a.example/" + std::string(Scrubber::instead));
    }
    Scrubber scrubber;
    for (const char* const name : {"X-Tt-Logid", "Content-Type", "X-", "X", "Code", "X-Request-Id"})
        CHECK(scrubber.header_value(name, "application/json") == "application/json");
}

TEST_CASE("a scrubber leaves the codes of a service where they are") {
    Scrubber scrubber;
    for (const char* const body :
         {R"({"code":4101,"msg":"no"})", R"({"code":"4101"})", R"({"code":"AccessDenied"})",
          "https://api.example/v1?code=4101", R"({"usage":{"token_count":3}})"})
        CHECK(scrubber.text(body) == body);
    CHECK(scrubber.text(R"({"grant_type":"authorization_code","code":"abc-1"})") ==
          R"({"grant_type":"authorization_code","code":"__scrubbed__"})");
}

TEST_CASE("what a scrubber took out once it takes out everywhere, encoded or not") {
    Scrubber scrubber;
    CHECK(scrubber.header_value("authorization", "Bearer pat/one+two") == "__scrubbed__");
    CHECK(scrubber.text("no such token: pat/one+two") == "no such token: __scrubbed__");
    CHECK(scrubber.text("?again=pat%2Fone%2Btwo") == "?again=__scrubbed__");
    CHECK(scrubber.text("?again=pat%2fone%2btwo") == "?again=__scrubbed__");
    CHECK(scrubber.text(R"({"echo":"pat\/one+two"})") == R"({"echo":"__scrubbed__"})");
}

TEST_CASE("the value of a cookie is a secret wherever it stands, its attributes are none") {
    Scrubber scrubber;
    CHECK(scrubber.header_value("Set-Cookie", "sid=session-of-ann; Path=/; SameSite=Lax") ==
          "__scrubbed__");
    CHECK(scrubber.header_value("cookie", "a=1; csrf=\"token-of-bob\"; c=%2Fone%2Ftwo") ==
          "__scrubbed__");
    CHECK(scrubber.text(R"({"session":"session-of-ann","csrf":"token-of-bob"})") ==
          R"({"session":"__scrubbed__","csrf":"__scrubbed__"})");
    CHECK(scrubber.text("https://a.example/;sid=session-of-ann at /one/two") ==
          "https://a.example/;__scrubbed__ at __scrubbed__");
    CHECK(scrubber.text("Path=/; SameSite=Lax") == "Path=/; SameSite=Lax");
}

TEST_CASE("of two secrets the longer one is taken out first, so that none of it is left") {
    Scrubber scrubber;
    scrubber.secret("abcdefgh").secret("abcdefgh-ijkl");
    CHECK(scrubber.text("is abcdefgh-ijkl or abcdefgh") == "is __scrubbed__ or __scrubbed__");
}

TEST_CASE("a value of a form is taken out whole, whatever its writer left as it is") {
    Scrubber scrubber;
    CHECK(scrubber.text("user=ann&password=it's,one;long&x=1") ==
          "user=ann&password=__scrubbed__&x=1");
    CHECK(scrubber.text("(password=hunter2, 'token=abc-1', code=4101;)") ==
          "(password=__scrubbed__, 'token=__scrubbed__', code=4101;)");
    CHECK(scrubber.text("jwt=first-secret;token=second-secret and second-secret") ==
          "jwt=__scrubbed__ and __scrubbed__");
}

TEST_CASE("a secret with spaces is one secret in a form and in JSON") {
    Scrubber scrubber;
    CHECK(scrubber.text("password=my+long+secret") == "password=__scrubbed__");
    CHECK(scrubber.text("as my long secret, and ?q=my%20long%20secret") ==
          "as __scrubbed__, and ?q=__scrubbed__");
    scrubber.secret("another long & good one");
    CHECK(scrubber.text("memo=another+long+%26+good+one") == "memo=__scrubbed__");
}

TEST_CASE("a short text is taken out only where its name says what it is") {
    Scrubber scrubber;
    CHECK(scrubber.text(R"({"password":"hotel"})") == R"({"password":"__scrubbed__"})");
    CHECK(scrubber.text("a hotel") == "a hotel");
    CHECK(scrubber.text("old_Passwd=inn&next=1") == "old_Passwd=__scrubbed__&next=1");
}

TEST_CASE("the password in a URL is taken out, and everywhere else too") {
    Scrubber scrubber;
    CHECK(scrubber.text("https://ann:hunter2%21@a.example:80/x@y http://a.example:8080/:@") ==
          "https://ann:__scrubbed__@a.example:80/x@y http://a.example:8080/:@");
    CHECK(scrubber.text("was hunter2! and hunter2%21") == "was __scrubbed__ and __scrubbed__");
    CHECK(scrubber.text(R"({"proxy":"http:\/\/:abc@b.example"})") ==
          R"({"proxy":"http://:__scrubbed__@b.example"})");
    for (const char* const text : {"://", "a://@", "a://b:@c", "a://b@c:1", "a://b:__scrubbed__@c",
                                   "://:", "https://a.example/?q=b:c@d"})
        CHECK(scrubber.text(text) == text);
}

TEST_CASE("a URL, a form or JSON in a value of a URL is scrubbed too") {
    Scrubber scrubber;
    CHECK(
        scrubber.text("https://a.example/in?to=https%3A%2F%2Fb.example%2F%3Fcode%3Da-1%26s%3D7") ==
        "https://a.example/in?to=https%3A%2F%2Fb.example%2F%3Fcode%3D__scrubbed__%26s%3D7");
    CHECK(scrubber.text("payload=%7B%22access_token%22%3A%22abc%22%7D&x=%7e") ==
          "payload=%7B%22access_token%22%3A%22__scrubbed__%22%7D&x=%7e");
    CHECK(scrubber.text("to=%3fto=%253Ftoken%253Dlong-secret%2526x%253d1") ==
          "to=%3fto=%253Ftoken%253D__scrubbed__%2526x%253d1");
    scrubber.secret("p(at)/one");
    CHECK(scrubber.text("q=see%20p(at)%2Fone&r=p%28at)/one") ==
          "q=see%20__scrubbed__&r=__scrubbed__");
    for (const char* const text : {"q=%", "q=%zz", "q=%3D%3D", "q=%25%32%35", "code=%34"})
        CHECK(scrubber.text(text).size() < 32);
    CHECK(scrubber.text("q=%25%32%35&r=a%20b") == "q=%25%32%35&r=a%20b");
}

TEST_CASE("a JWT is known by its look") {
    Scrubber scrubber;
    CHECK(scrubber.text("see eyJhbGciOiJub25l.eyJzdWIiOiIxIn0.c2ln here") ==
          "see __scrubbed__ here");
    CHECK(scrubber.text("eyJust a word") == "eyJust a word");
    CHECK(scrubber.text("eyJ.one") == "eyJ.one");
}

TEST_CASE("JSON in a string of JSON is scrubbed too") {
    Scrubber scrubber;
    CHECK(scrubber.text(R"({"log":"{\"access_token\":\"abc\"}"})") ==
          R"({"log":"{\"access_token\":\"__scrubbed__\"}"})");
}

TEST_CASE("a secret is found behind the escapes of any writer of JSON") {
    Scrubber scrubber;
    scrubber.secret("pat/one+two==").secret("p\xc3\xa4sswort-1");
    CHECK(scrubber.text(R"({"echo":"no pat\/one\u002Btwo\u003d\u003D"})") ==
          R"({"echo":"no __scrubbed__"})");
    CHECK(scrubber.text(R"({"echo":"p\u00e4sswort-1"})") == R"({"echo":"__scrubbed__"})");
    CHECK(scrubber.text(R"({"log":"{\u0022access_token\u0022:\u0022abc\u0022}"})") ==
          R"({"log":"{\"access_token\":\"__scrubbed__\"}"})");
    CHECK(scrubber.text(R"({"next":"https:\/\/a.example\/?x=1\u0026token=ab\/cd\u002Bef"})") ==
          R"({"next":"https://a.example/?x=1&token=__scrubbed__"})");
    CHECK(scrubber.text(R"({"path":"C:\\dir","line":"a\nb"})") ==
          R"({"path":"C:\\dir","line":"a\nb"})");
}

TEST_CASE("long and deep texts take a scrubber no longer than they are") {
    Scrubber scrubber;
    std::string plain;
    std::string pairs;
    for (int i = 0; i != 100000; ++i) {
        plain += "x=1;";
        pairs += "token=a;";
    }
    CHECK(scrubber.text(plain) == plain);
    CHECK(scrubber.text(pairs) == "token=__scrubbed__;");

    std::string deep = "?code=abc-1";
    for (int i = 0; i != 60; ++i) deep = "\"\\n?x=" + rekey::oauth::percent_encode(deep) + "\"";
    CHECK(scrubber.text(deep).find("abc-1") == std::string::npos);
    std::string quoted = R"({"token":"abc-1"})";
    for (int i = 0; i != 12; ++i) {
        rekey::body::JsonWriter writer;
        writer.object_begin();
        writer.member("log", quoted);
        writer.object_end();
        quoted = std::move(writer).text();
    }
    CHECK(scrubber.text(quoted).find("abc-1") == std::string::npos);
}

TEST_CASE("a program adds headers, fields, texts and functions of its own") {
    Scrubber scrubber;
    scrubber.header("X-Customer").field("pin_code").secret("customer-4711").with([](std::string t) {
        for (char& c : t)
            if (c == '@') c = '#';
        return t;
    });
    CHECK(scrubber.hides_header("x-customer"));
    CHECK(scrubber.header_value("X-Customer", "4711") == "__scrubbed__");
    CHECK(scrubber.text(R"({"pin_code":"1234","who":"customer-4711","mail":"a@b"})") ==
          R"({"pin_code":"__scrubbed__","who":"__scrubbed__","mail":"a#b"})");
}

TEST_CASE("texts that are no JSON, no form and no URL stay as they are") {
    Scrubber scrubber;
    for (const char* const text : {"", "\"", "\"\\", "{\"a\":", "= == =", "code=", "a=b=c", "\\\"",
                                   "{\"a\" \"b\"}", "\"token\":", "\"token\":\"", "eyJ", "eyJ.."})
        CHECK(scrubber.text(text).size() < 32);
    CHECK(scrubber.text("a = b; \"quoted\"") == "a = b; \"quoted\"");
}

TEST_CASE("what stands in the place of a secret is none") {
    Scrubber scrubber;
    scrubber.secret(Scrubber::instead);
    scrubber.learn_header("Bearer __scrubbed__");
    CHECK_FALSE(scrubber.finds_secret_in("token __scrubbed__"));
    CHECK(scrubber.text("token=__scrubbed__&x=1") == "token=__scrubbed__&x=1");
}
