// SPDX-License-Identifier: BSL-1.0
#include <rekey/secret.hpp>

#include "catch.hpp"

#include <cstring>
#include <new>
#include <string>
#include <type_traits>
#include <utility>

namespace {

using rekey::Secret;

// Memory that stays readable after it was given back, so that a test can look for leftovers.
struct Arena {
    static inline char bytes[4096] = {};
    static inline std::size_t used = 0;
    static inline int released = 0;

    static char* allocate(std::size_t size) {
        char* place = bytes + used;
        used += size;
        return place;
    }
    static void release(char*, std::size_t) noexcept { ++released; }
    static void reset() {
        std::memset(bytes, 0, sizeof(bytes));
        used = 0;
        released = 0;
    }
    static int occurrences(std::string_view text) {
        int count = 0;
        const std::string_view all(bytes, sizeof(bytes));
        for (std::size_t at = all.find(text); at != all.npos; at = all.find(text, at + 1)) ++count;
        return count;
    }
};
using Text = rekey::detail::WipedText<Arena>;

// The raw bytes of a live string object: its small buffer, if it has one, is among them.
std::string raw_bytes(const std::string& text) {
    std::string bytes(sizeof(text), '\0');
    std::memcpy(&bytes[0], static_cast<const void*>(&text), sizeof(text));
    return bytes;
}

// A byte that counts how often it is looked at.
struct CountedByte {
    unsigned char value = 0;
    int* reads = nullptr;
    explicit operator unsigned char() const {
        ++*reads;
        return value;
    }
};

struct Reads {
    bool equal = false;
    int expected = 0;  // how often bytes of the expected text were looked at
    int received = 0;
};

Reads reads_of(std::string_view expected, std::string_view received) {
    Reads reads;
    CountedByte left[16];
    CountedByte right[16];
    for (std::size_t i = 0; i != 16; ++i) {
        left[i].reads = &reads.expected;
        right[i].reads = &reads.received;
        if (i < expected.size()) left[i].value = static_cast<unsigned char>(expected[i]);
        if (i < received.size()) right[i].value = static_cast<unsigned char>(received[i]);
    }
    const CountedByte* first = left;
    const CountedByte* second = right;
    reads.equal =
        rekey::detail::constant_time_equal(first, expected.size(), second, received.size());
    return reads;
}

}  // namespace

TEST_CASE("a secret gives its text through expose() and nothing else (S72)") {
    const Secret token{"pat_canary"};
    CHECK(token.expose() == "pat_canary");
    CHECK(token.size() == 10);
    CHECK_FALSE(token.empty());

    STATIC_REQUIRE_FALSE(std::is_convertible_v<Secret, std::string>);
    STATIC_REQUIRE_FALSE(std::is_convertible_v<Secret, std::string_view>);
    STATIC_REQUIRE_FALSE(std::is_convertible_v<Secret, const char*>);
    STATIC_REQUIRE_FALSE(std::is_convertible_v<Secret, bool>);
    STATIC_REQUIRE_FALSE(std::is_convertible_v<const char*, Secret>);
    STATIC_REQUIRE_FALSE(std::is_convertible_v<std::string, Secret>);
    STATIC_REQUIRE_FALSE(std::is_convertible_v<std::string_view, Secret>);
    STATIC_REQUIRE(std::is_nothrow_move_constructible_v<Secret>);
    STATIC_REQUIRE(std::is_nothrow_move_assignable_v<Secret>);
}

TEST_CASE("an empty secret has no text, and a null pointer makes one") {
    CHECK(Secret{}.empty());
    CHECK(Secret{""}.empty());
    CHECK(Secret{std::string()}.empty());
    CHECK(Secret{std::string_view()}.size() == 0);
    const char* missing = nullptr;
    CHECK(Secret{missing}.empty());
}

TEST_CASE("a secret keeps embedded zero bytes") {
    const std::string text("a\0b", 3);
    const Secret copied{text};
    CHECK(copied.expose() == text);
    CHECK(copied.size() == 3);
}

TEST_CASE("copies of a secret are independent, and moving leaves the source empty") {
    Secret first{"one"};
    Secret second{first};
    first = Secret{"two"};
    CHECK(second.expose() == "one");
    CHECK(first.expose() == "two");

    Secret third{std::move(first)};
    CHECK(third.expose() == "two");
    CHECK(first.empty());  // NOLINT: the state after a move is promised

    second = third;
    CHECK(second.expose() == "two");
    const Secret& itself = second;
    second = itself;
    CHECK(second.expose() == "two");
    Secret& alias = second;
    second = std::move(alias);
    CHECK(second.expose() == "two");
}

TEST_CASE("a secret never stays inside its object (S73)") {
    const Secret token{"canary"};
    char object[sizeof(Secret)];
    std::memcpy(object, static_cast<const void*>(&token), sizeof(token));
    CHECK(std::string_view(object, sizeof(object)).find("canary") == std::string_view::npos);
}

TEST_CASE("the memory of a secret is wiped when it is destroyed (S73)") {
    Arena::reset();
    {
        const Text text("canary-destroyed");
        CHECK(Arena::occurrences("canary") == 1);
        CHECK(text.view() == "canary-destroyed");
    }
    CHECK(Arena::released == 1);
    CHECK(Arena::occurrences("canary") == 0);
    for (const char byte : Arena::bytes) REQUIRE(byte == 0);
}

TEST_CASE("the memory of a secret is wiped when another is assigned to it (S73)") {
    Arena::reset();
    Text text("canary-before");
    const Text other("flower-after");
    text = other;
    CHECK(Arena::occurrences("canary") == 0);
    CHECK(Arena::occurrences("flower") == 2);
    text = Text("stone-last");
    CHECK(Arena::occurrences("flower") == 1);
    CHECK(Arena::occurrences("stone") == 1);
}

TEST_CASE("moving a secret hands the memory over and leaves no copy (S73)") {
    Arena::reset();
    Text source("canary-moved");
    {
        const Text target(std::move(source));
        CHECK(Arena::occurrences("canary") == 1);
        CHECK(source.view().empty());  // NOLINT: the state after a move is promised
        CHECK(target.view() == "canary-moved");
    }
    CHECK(Arena::occurrences("canary") == 0);
    CHECK(Arena::released == 1);
}

TEST_CASE("a short string handed to a secret leaves nothing in its small buffer (S73)") {
    std::string text = "canary";
    const Secret token{std::move(text)};
    CHECK(token.expose() == "canary");
    CHECK(text.empty());  // NOLINT: wiped in place, so its state is promised
    CHECK(raw_bytes(text).find("canary") == std::string::npos);
}

TEST_CASE("a string that outgrew its small buffer leaves nothing there either (S73)") {
    alignas(std::string) unsigned char place[sizeof(std::string)];
    std::memset(place, 0, sizeof(place));
    auto* text = new (place) std::string("abcdefgh-canary");
    text->append(100, 'x');
    const Secret token{std::move(*text)};
    CHECK(token.size() == 115);
    const std::string left = raw_bytes(*text);
    CHECK(left.find("canary") == std::string::npos);
    CHECK(left.find("-can") == std::string::npos);
    text->~basic_string();
    CHECK(std::string_view(static_cast<const char*>(static_cast<void*>(place)), sizeof(place))
              .find("-can") == std::string_view::npos);
}

TEST_CASE("wiping a string clears the bytes behind its end too (S73)") {
    std::string text = "c-anary";  // short enough for the small buffer of every library
    text.resize(2);
    CHECK(raw_bytes(text).find("nary") != std::string::npos);
    rekey::detail::wipe(text);
    CHECK(text.empty());
    CHECK(raw_bytes(text).find("nary") == std::string::npos);

    char buffer[] = "canary";
    rekey::detail::wipe(buffer, sizeof(buffer));
    for (const char byte : buffer) CHECK(byte == 0);
    rekey::detail::wipe(nullptr, 0);
}

TEST_CASE("constant_time_equal tells equal from different") {
    using rekey::constant_time_equal;
    CHECK(constant_time_equal("", ""));
    CHECK(constant_time_equal("state", "state"));
    CHECK_FALSE(constant_time_equal("state", "State"));
    CHECK_FALSE(constant_time_equal("state", "statf"));
    CHECK_FALSE(constant_time_equal("state", "stat"));
    CHECK_FALSE(constant_time_equal("state", "state "));
    CHECK_FALSE(constant_time_equal("", "s"));
    CHECK_FALSE(constant_time_equal("s", ""));
    CHECK_FALSE(constant_time_equal(std::string_view("\x00", 1), std::string_view("\x80", 1)));
}

TEST_CASE("constant_time_equal reads every byte wherever the first difference is (S2)") {
    for (const std::string_view received :
         {"0123456789", "x123456789", "012345678x", "xxxxxxxxxx"}) {
        CAPTURE(received);
        const Reads reads = reads_of("0123456789", received);
        CHECK(reads.equal == (received == "0123456789"));
        CHECK(reads.expected == 10);
        CHECK(reads.received == 10);
    }
    const Reads shorter = reads_of("0123456789", "01234");
    CHECK_FALSE(shorter.equal);
    CHECK(shorter.expected == 20);  // compared with itself, so the work stays the same
    CHECK(shorter.received == 0);
}
