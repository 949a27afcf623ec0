// SPDX-License-Identifier: BSL-1.0
#include <rekey/detail/aged_map.hpp>

#include "catch.hpp"
#include "support/memory.hpp"

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

using rekey::detail::AgedMap;

namespace {

constexpr auto never = [](int) { return false; };
using Map = AgedMap<std::string, int>;

}  // namespace

TEST_CASE("of more than it keeps the oldest gives way") {
    Map map{3};
    for (int i = 0; i != 5; ++i) CHECK(map.add(std::to_string(i), i, never));
    CHECK(map.size() == 3);
    CHECK(map.find("0") == nullptr);
    CHECK(map.find("1") == nullptr);
    REQUIRE(map.find("2") != nullptr);
    CHECK(*map.find("2") == 2);
    CHECK(map.find("4") != nullptr);
}

TEST_CASE("it keeps one at least") {
    Map map{0};
    CHECK(map.add("a", 1, never));
    CHECK(map.add("b", 2, never));
    CHECK(map.size() == 1);
    CHECK(map.find("b") != nullptr);
}

TEST_CASE("a key that is there keeps its value and its age") {
    Map map{2};
    CHECK(map.add("a", 1, never));
    CHECK_FALSE(map.add("a", 2, never));
    CHECK(*map.find("a") == 1);
    CHECK(map.add("b", 3, never));
    CHECK(map.add("c", 4, never));
    CHECK(map.find("a") == nullptr);
    CHECK(map.size() == 2);
}

TEST_CASE("what is over goes when it is the oldest, however much room there is") {
    Map map{10};
    const auto is_even = [](int value) { return value % 2 == 0; };
    CHECK(map.add("2", 2, is_even));
    CHECK(map.add("4", 4, is_even));
    CHECK(map.find("2") == nullptr);
    CHECK(map.add("1", 1, is_even));
    CHECK(map.find("4") == nullptr);
    CHECK(map.add("6", 6, is_even));
    CHECK(map.add("8", 8, is_even));
    CHECK(map.find("6") != nullptr);  // behind one that is not over
    CHECK(map.size() == 3);
}

TEST_CASE("who is taken out and comes back is as old as before") {
    Map map{2};
    REQUIRE(map.add("a", 1, never));
    REQUIRE(map.add("b", 2, never));
    CHECK_FALSE(map.take("nobody"));
    auto taken = map.take(std::string_view{"a"});
    REQUIRE(taken);
    CHECK(taken.value() == 1);
    CHECK(map.size() == 1);
    CHECK(map.find("a") == nullptr);
    map.put_back(std::move(taken));
    REQUIRE(map.find("a") != nullptr);
    REQUIRE(map.add("c", 3, never));
    CHECK(map.find("a") == nullptr);
    CHECK(map.find("b") != nullptr);
}

TEST_CASE("who comes back when it is full goes beyond the limit until the next one") {
    Map map{1};
    REQUIRE(map.add("a", 1, never));
    auto taken = map.take("a");
    REQUIRE(map.add("b", 2, never));
    map.put_back(std::move(taken));
    CHECK(map.size() == 2);
    REQUIRE(map.add("c", 3, never));
    CHECK(map.size() == 1);
    CHECK(map.find("c") != nullptr);
}

TEST_CASE("a value need not be copied") {
    AgedMap<int, std::unique_ptr<int>> map{1};
    const auto none = [](const std::unique_ptr<int>&) { return false; };
    REQUIRE(map.add(1, std::make_unique<int>(7), none));
    const auto taken = map.take(1);
    CHECK(*taken.value() == 7);
}

#ifndef REKEY_TESTS_COUNT_NOTHING
TEST_CASE("to take one out and to bring it back allocates nothing") {
    Map map{2};
    REQUIRE(map.add("a", 1, never));
    const std::size_t before = memory::allocations;
    auto taken = map.take(std::string_view{"a"});
    map.put_back(std::move(taken));
    const std::size_t after = memory::allocations;
    CHECK(after == before);
}

#ifdef __cpp_exceptions
TEST_CASE("a map that ran out of memory, wherever, holds what it held and takes the next") {
    long failures = 0;
    for (bool failed = true; failed; ++failures) {
        Map map{2};
        REQUIRE(map.add("a", 1, never));
        failed = memory::fails_after(failures, [&map] { (void)map.add("b", 2, never); });
        CHECK(map.size() == (failed ? 1u : 2u));
        CHECK(map.find("a") != nullptr);
        CHECK(map.add("c", 3, never));
        CHECK(map.add("d", 4, never));
        CHECK(map.size() == 2);
        CHECK(map.find("a") == nullptr);
        CHECK(map.find("d") != nullptr);
    }
    CHECK(failures == 3);  // the place in the order, the entry, and none
}
#endif
#endif
