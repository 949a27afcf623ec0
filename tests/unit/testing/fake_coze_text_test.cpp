// SPDX-License-Identifier: BSL-1.0
// fake_coze_text_test: JSON, URLs and base64url as the fake server reads and writes them.
#include <rekey/testing/fake_coze/text.hpp>

#include "catch.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace fake = rekey::testing::fake;

TEST_CASE("a quoted text is JSON whatever its bytes are") {
    CHECK(fake::json_quoted("a\"b\\c\n\x01") == R"("a\"b\\c\u000a\u0001")");
    CHECK(fake::json_quoted("é€😀") == "\"é€😀\"");
    CHECK(fake::json_quoted("\xff") == R"("\ufffd")");
    CHECK(fake::json_quoted("\xc3") == R"("\ufffd")");
    CHECK(fake::json_quoted("\xc0\x80") == R"("\ufffd\ufffd")");
    CHECK(fake::json_quoted("\xed\xa0\x80") == R"("\ufffd\ufffd\ufffd")");
    CHECK(fake::json_quoted("\xf4\x90\x80\x80") == R"("\ufffd\ufffd\ufffd\ufffd")");
    for (int first = 0; first != 256; ++first)
        for (int second = 0; second != 256; ++second) {
            const std::string bytes{static_cast<char>(first), static_cast<char>(second)};
            REQUIRE(fake::is_object("{\"x\":" + fake::json_quoted(bytes) + "}"));
        }
}

TEST_CASE("the items of an array and the keys of an object are found by their commas") {
    CHECK(fake::items_of("[]").empty());
    CHECK(fake::items_of(" [ ] ").empty());
    CHECK(fake::items_of(R"([1, "a,]\"", {"b":[2,3]} ])") ==
          std::vector<std::string_view>{"1", R"("a,]\"")", R"({"b":[2,3]})"});
    CHECK(fake::key_of(R"("a\"b" : 1)") == R"(a\"b)");
    CHECK(fake::key_of("x").empty());
    CHECK(fake::strings_of(R"(["a",1,"\u00e9"])") == std::vector<std::string>{"a", "é"});
}

TEST_CASE("a date is written as HTTP wants it") {
    CHECK(fake::http_date_of(784111777) == "Sun, 06 Nov 1994 08:49:37 GMT");
    CHECK(fake::http_date_of(0) == "Thu, 01 Jan 1970 00:00:00 GMT");
    CHECK(fake::http_date_of(951782399) == "Mon, 28 Feb 2000 23:59:59 GMT");
    CHECK(fake::http_date_of(951782400) == "Tue, 29 Feb 2000 00:00:00 GMT");
    CHECK(fake::http_date_of(1798761599) == "Thu, 31 Dec 2026 23:59:59 GMT");
}

TEST_CASE("an object is one whole object and nothing else") {
    CHECK(fake::is_object(" {} "));
    for (const char* text : {"", "[]", "1", "{", "{}{}", "{},{}", "{},\"x\":{}", "{\"a\":[1,,]}"}) {
        CAPTURE(text);
        CHECK_FALSE(fake::is_object(text));
    }
}

TEST_CASE("a target falls into host, path and values") {
    const fake::Target target{"http://127.0.0.1:80/a/b?x=1&y=%41+b&&z&x=2#y=3"};
    CHECK(target.authority == "127.0.0.1:80");
    CHECK(target.path == "/a/b");
    CHECK(target.value("x") == "1");
    CHECK(target.value("y") == "A b");
    CHECK(target.value("z").empty());
    CHECK(fake::Target{"/a?u=http://h/b"}.authority.empty());
    CHECK(fake::Target{"/a?u=http://h/b"}.value("u") == "http://h/b");
    CHECK(fake::Target{"https://h"}.path == "/");
    CHECK(fake::percent_decoded("%4") == "%4");
    CHECK(fake::percent_decoded("%zz%") == "%zz%");
    CHECK(fake::percent_decoded(fake::percent_encoded("a/b c&\xff")) == "a/b c&\xff");
    CHECK(fake::path_piece("/v1/bots/7%2F8", "/v1/bots/*") == "7/8");
    CHECK_FALSE(fake::path_piece("/v1/bots/", "/v1/bots/*"));
    CHECK_FALSE(fake::path_piece("/v1/bots/7/8", "/v1/bots/*"));
    CHECK(fake::path_piece("/a/1/b", "/a/*/b") == "1");
}

TEST_CASE("base64url gives the RFC 4648 examples and takes back nothing else") {
    const char* const pairs[][2] = {
        {"", ""},           {"f", "Zg"},          {"fo", "Zm8"},         {"foo", "Zm9v"},
        {"foob", "Zm9vYg"}, {"fooba", "Zm9vYmE"}, {"foobar", "Zm9vYmFy"}};
    for (const auto& pair : pairs) {
        CHECK(fake::base64url(std::string_view{pair[0]}) == pair[1]);
        CHECK(fake::base64url_decoded(pair[1]) == pair[0]);
    }
    CHECK(fake::base64url(std::string_view{"\xfb\xff"}) == "-_8");
    for (const char* text : {"Z", "Zg==", "Zh", "Zm9", "+/8", "Zm 9", "Zm9vY"}) {
        CAPTURE(text);
        CHECK_FALSE(fake::base64url_decoded(text));
    }
}

TEST_CASE("text in a page cannot leave its place") {
    CHECK(fake::html_escaped("<a href=\"x\">&") == "&lt;a href=&quot;x&quot;&gt;&amp;");
}
