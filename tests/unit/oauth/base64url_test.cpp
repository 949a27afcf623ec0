// SPDX-License-Identifier: BSL-1.0
#include <rekey/oauth/base64url.hpp>

#include "catch.hpp"

#include <string>
#include <string_view>

namespace {

using rekey::oauth::base64url_decode;
using rekey::oauth::base64url_encode;
using rekey::oauth::base64url_size;

struct Vector {
    std::string_view bytes;
    std::string_view text;
};

// RFC 4648 §10 without padding, RFC 7515 appendix C, and the two characters that make it URL safe.
constexpr Vector vectors[] = {
    {"", ""},
    {"f", "Zg"},
    {"fo", "Zm8"},
    {"foo", "Zm9v"},
    {"foob", "Zm9vYg"},
    {"fooba", "Zm9vYmE"},
    {"foobar", "Zm9vYmFy"},
    {"\x03\xec\xff\xe0\xc1", "A-z_4ME"},
    {"\xfb\xff\xbf", "-_-_"},
    {"{\"alg\":\"RS256\"}", "eyJhbGciOiJSUzI1NiJ9"},
};

constexpr bool encodes_all() {
    for (const Vector& vector : vectors) {
        char buffer[64] = {};
        const char* end = base64url_encode(vector.bytes, buffer);
        const auto size = static_cast<std::size_t>(end - buffer);
        if (size != base64url_size(vector.bytes.size())) return false;
        if (std::string_view(buffer, size) != vector.text) return false;
    }
    return true;
}
static_assert(encodes_all(), "the known answers of RFC 4648 hold when compiled");

bool refused(std::string_view text) {
    std::string bytes = "left over";
    return !base64url_decode(text, bytes) && bytes.empty();
}

}  // namespace

TEST_CASE("base64url gives the known answers of RFC 4648 and RFC 7515, both ways") {
    for (const Vector& vector : vectors) {
        CAPTURE(vector.text);
        CHECK(base64url_encode(vector.bytes) == vector.text);
        std::string bytes;
        CHECK(base64url_decode(vector.text, bytes));
        CHECK(bytes == vector.bytes);
    }
}

TEST_CASE("base64url returns every byte string of 0 to 300 bytes") {
    std::string bytes;
    for (unsigned size = 0; size <= 300; ++size) {
        const std::string text = base64url_encode(bytes);
        CHECK(text.size() == base64url_size(size));
        CHECK(text.find_first_of("+/=") == std::string::npos);
        std::string back;
        REQUIRE(base64url_decode(text, back));
        CHECK(back == bytes);
        bytes.push_back(static_cast<char>(static_cast<unsigned char>((size * 73u + 251u) & 255u)));
    }
}

TEST_CASE("base64url refuses padding, the plain alphabet and white space") {
    for (const std::string_view text : {"Zg==", "Zm8=", "-_+_", "-_/_", "Zm9v YmFy", "Zm9v\n",
                                        "Zm9v.", "Zm9\xc3", "Zm9v\t", "===="}) {
        CAPTURE(text);
        CHECK(refused(text));
    }
    CHECK(refused(std::string_view("Zm9\0", 4)));
}

TEST_CASE("base64url refuses a length that no encoder produces") {
    CHECK(refused("Z"));
    CHECK(refused("A"));
    CHECK(refused("Zm9vY"));
    CHECK(refused("Zm9vA"));
}

TEST_CASE("base64url refuses leftover bits, so that a value has one spelling") {
    int spellings = 0;
    std::string bytes;
    for (char last = '\x21'; last != '\x7f'; ++last)
        if (base64url_decode(std::string("Z") + last, bytes)) ++spellings;
    CHECK(spellings == 4);  // Q, g, w and A: the others leave bits behind
    CHECK(refused("Zh"));
    CHECK(refused("Zm9"));
    CHECK(refused("Zm9vYmF"));
}
