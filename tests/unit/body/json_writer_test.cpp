// SPDX-License-Identifier: BSL-1.0
// JsonWriter: what it writes, what it refuses, and that the readers read it back.
#include <rekey/body/json_writer.hpp>

#include <rekey/body/json.hpp>
#include <rekey/body/strict_json.hpp>

#include "catch.hpp"

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

using rekey::body::JsonWriter;
using rekey::body::StrictJson;

namespace {

/// What one text becomes, with its quotes; empty if it is refused.
std::string written(std::string_view text) {
    JsonWriter writer;
    writer.value(text);
    return std::move(writer).text();
}

}  // namespace

TEST_CASE("a token request is written in the order of the calls") {
    JsonWriter writer;
    writer.object_begin();
    writer.member("grant_type", "refresh_token");
    writer.member("duration_seconds", 900);
    writer.member("forced", true);
    writer.key("scope");
    writer.raw(R"({"account_permission":{"permission_list":["Account.chat"]}})");
    writer.key("list");
    writer.array_begin();
    writer.value(1);
    writer.value(std::string("two"));
    writer.object_begin();
    writer.object_end();
    writer.null();
    writer.array_begin();
    writer.array_end();
    writer.array_end();
    writer.member("last", std::string_view("x"));
    writer.object_end();
    CHECK(writer.ok());
    const std::string expected =
        R"({"grant_type":"refresh_token","duration_seconds":900,"forced":true,)"
        R"("scope":{"account_permission":{"permission_list":["Account.chat"]}},)"
        R"("list":[1,"two",{},null,[]],"last":"x"})";
    CHECK(writer.text() == expected);
    CHECK(std::move(writer).text() == expected);
}

TEST_CASE("quotes, backslashes and control characters are escaped") {
    CHECK(written("a\"b\\c") == R"("a\"b\\c")");
    CHECK(written("line\nend\t\x01\x1F\x7F") == R"("line\u000aend\u0009\u0001\u001f\u007f")");
    CHECK(written(std::string_view("\0", 1)) == R"("\u0000")");
    CHECK(written("") == R"("")");
}

TEST_CASE("a closing tag cannot appear in the text") {
    CHECK(written("</script>") == R"("<\/script>")");
    CHECK(written("a/b < / c") == R"("a/b < / c")");
    CHECK(written("/") == R"("/")");
}

TEST_CASE("UTF-8 passes, anything else fails for good") {
    CHECK(written("\xE4\xB8\xAD\xF0\x9F\x98\x80\xC3\xA9") ==
          "\"\xE4\xB8\xAD\xF0\x9F\x98\x80\xC3\xA9\"");
    for (const std::string_view bad : {"\x80", "\xC3", "\xC0\xAF", "\xE0\x80\x80", "\xED\xA0\x80",
                                       "\xF4\x90\x80\x80", "\xFF", "ok\xE4\xB8"})
        CHECK(written(bad).empty());
    JsonWriter writer;
    writer.object_begin();
    writer.member("\xFF", 1);
    CHECK_FALSE(writer.ok());
    writer.member("fine", 1);
    writer.object_end();
    CHECK_FALSE(writer.ok());
    CHECK(writer.text().empty());
}

TEST_CASE("whole numbers are written in full") {
    JsonWriter writer;
    writer.array_begin();
    writer.value(INT64_MIN);
    writer.value(UINT64_MAX);
    writer.value(0);
    writer.value(short{-1});
    writer.array_end();
    CHECK(writer.text() == "[-9223372036854775808,18446744073709551615,0,-1]");
}

TEST_CASE("a raw text that is no JSON fails") {
    for (const std::string_view bad : {"", " ", "{", "1,2", "1}", "\"", "nope",
                                       "\xEF\xBB\xBF"
                                       "1"}) {
        JsonWriter writer;
        writer.array_begin();
        writer.raw(bad);
        CHECK_FALSE(writer.ok());
        writer.array_end();
        CHECK(writer.text().empty());
    }
}

TEST_CASE("calls out of order fail instead of writing something else") {
    const auto outcome = [](auto steps) {
        JsonWriter writer;
        steps(writer);
        return std::pair<bool, std::string>(writer.ok(), writer.text());
    };
    const std::pair<bool, std::string> failed(false, "");
    CHECK(outcome([](JsonWriter& w) { w.key("a"); }) == failed);
    CHECK(outcome([](JsonWriter& w) { w.object_end(); }) == failed);
    CHECK(outcome([](JsonWriter& w) { w.object_begin(), w.value(1); }) == failed);
    CHECK(outcome([](JsonWriter& w) { w.object_begin(), w.key("a"), w.key("b"); }) == failed);
    CHECK(outcome([](JsonWriter& w) { w.object_begin(), w.key("a"), w.object_end(); }) == failed);
    CHECK(outcome([](JsonWriter& w) { w.object_begin(), w.array_end(); }) == failed);
    CHECK(outcome([](JsonWriter& w) { w.array_begin(), w.object_end(); }) == failed);
    CHECK(outcome([](JsonWriter& w) { w.array_begin(), w.key("a"); }) == failed);
    CHECK(outcome([](JsonWriter& w) { w.value(1), w.value(2); }) == failed);
}

TEST_CASE("a text without its end is empty, though nothing failed") {
    JsonWriter writer;
    CHECK(writer.ok());
    CHECK(writer.text().empty());
    writer.object_begin();
    writer.member("a", 1);
    CHECK(writer.ok());
    CHECK(writer.text().empty());
    writer.object_end();
    CHECK(writer.text() == R"({"a":1})");
}

TEST_CASE("the strict reader reads every written text back") {
    std::string all;
    for (int i = 0; i != 128; ++i) all += static_cast<char>(i);
    all += "</\xE4\xB8\xAD\xF0\x9F\x98\x80";
    JsonWriter writer;
    writer.object_begin();
    writer.member("o", 1);
    writer.key("n");
    writer.object_begin();
    writer.member("all", all);
    writer.object_end();
    writer.object_end();
    CHECK(StrictJson::text(std::move(writer).text(), "n.all") == all);
}
