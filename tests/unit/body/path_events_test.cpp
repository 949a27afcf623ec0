// SPDX-License-Identifier: BSL-1.0
#include <rekey/body/path_events.hpp>

#include "catch.hpp"

#include <string>
#include <string_view>
#include <utility>

using rekey::body::Found;
using rekey::body::PathEvents;

TEST_CASE("the events of a body lead to its code") {
    PathEvents events("code");  // {"data":{"code":1},"code":"4101","code":2}
    CHECK(events.object_begin());
    events.key("data");
    CHECK(events.object_begin());
    events.key("code");
    events.integer(1);
    events.end();
    events.key("code");
    events.string("4101");
    events.key("code");
    events.integer(2);
    events.end();
    CHECK(events.code().found == Found::present);
    CHECK(events.code().code == 4101);
}

TEST_CASE("the first of equal names is the only one that is entered") {
    PathEvents events("d.l");  // {"d":{"x":1},"d":{"l":2}}
    (void)events.object_begin();
    events.key("d");
    (void)events.object_begin();
    events.key("x");
    events.integer(1);
    events.end();
    events.key("d");
    (void)events.object_begin();
    events.key("l");
    events.integer(2);
    events.end();
    events.end();
    CHECK(events.code().found == Found::absent);
}

TEST_CASE("a number as it is written is an integer if it is exactly one") {
    const auto code_of = [](std::string_view raw) {
        PathEvents events("");
        events.number(raw);
        return events.code();
    };
    CHECK(code_of("9007199254740993.0").code == 9007199254740993);
    CHECK(code_of("1e3").code == 1000);
    CHECK(code_of("0.5").found == Found::malformed);
    CHECK(code_of("9223372036854775808").found == Found::malformed);
}

TEST_CASE("a text is decoded already, and a container is cut out of the body") {
    constexpr std::string_view body = R"({"a":{"b":[ 1 ]},"c":"d"})";
    PathEvents container("a.b");
    (void)container.object_begin();
    container.key("a");
    (void)container.object_begin();
    container.key("b");
    (void)container.array_begin();
    CHECK(std::move(container).text(body, "a.b") == "[ 1 ]");
    PathEvents text("c");
    (void)text.object_begin();
    text.key("c");
    text.string("d");
    CHECK(std::move(text).text(body, "c") == "d");
}

TEST_CASE("brackets are counted, and the one too many is refused") {
    PathEvents events("code");
    for (std::size_t i = 0; i != PathEvents::deepest; ++i) CHECK(events.array_begin());
    CHECK_FALSE(events.array_begin());
}

TEST_CASE("a NUL is never a part of a readable body, and a byte order mark is skipped") {
    using namespace std::string_view_literals;
    CHECK(PathEvents::readable("{}\0x"sv).empty());
    CHECK(PathEvents::readable("\xEF\xBB\xBF{}") == "{}");
    CHECK(PathEvents::readable("{}") == "{}");
}
