// SPDX-License-Identifier: BSL-1.0
#include <rekey/oauth/percent.hpp>

#include "catch.hpp"

#include <string>
#include <string_view>

namespace {

using rekey::oauth::percent_decode;
using rekey::oauth::percent_encode;
using rekey::oauth::percent_encode_segment;

bool refused(std::string_view encoded) {
    std::string text = "left over";
    return !percent_decode(encoded, text) && text.empty();
}

}  // namespace

TEST_CASE("percent_encode leaves the unreserved set of RFC 3986 alone") {
    const std::string_view unreserved =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~";
    CHECK(percent_encode(unreserved) == unreserved);
    int plain = 0;
    for (int byte = 0; byte != 256; ++byte) {
        const char symbol = static_cast<char>(static_cast<unsigned char>(byte));
        const std::string encoded = percent_encode(std::string_view(&symbol, 1));
        if (encoded.size() == 1)
            ++plain;
        else
            CHECK((encoded.size() == 3 && encoded[0] == '%'));
    }
    CHECK(plain == 66);
}

TEST_CASE("percent_encode writes a space as %20 and a plus as %2B") {
    CHECK(percent_encode("a b+c") == "a%20b%2Bc");
    CHECK(percent_encode("") == "");
    CHECK(percent_encode("%20") == "%2520");
}

TEST_CASE("a redirect URI with its own query survives inside another query") {
    CHECK(percent_encode("http://127.0.0.1:8080/cb?a=1&b=2#f") ==
          "http%3A%2F%2F127.0.0.1%3A8080%2Fcb%3Fa%3D1%26b%3D2%23f");
}

TEST_CASE("percent_encode works on the bytes of UTF-8") {
    CHECK(percent_encode("\xe4\xbd\xa0") == "%E4%BD%A0");
}

TEST_CASE("an id becomes one path segment, and . and .. become none") {
    CHECK(percent_encode_segment("volcano_2105850") == "volcano_2105850");
    CHECK(percent_encode_segment("a/../b") == "a%2F..%2Fb");
    CHECK(percent_encode_segment("...") == "...");
    CHECK(percent_encode_segment("").empty());
    CHECK(percent_encode_segment(".").empty());
    CHECK(percent_encode_segment("..").empty());
}

TEST_CASE("percent_decode turns back whatever percent_encode wrote") {
    std::string all;
    for (int byte = 0; byte != 256; ++byte)
        all.push_back(static_cast<char>(static_cast<unsigned char>(byte)));
    std::string text;
    REQUIRE(percent_decode(percent_encode(all), text));
    CHECK(text == all);
}

TEST_CASE("percent_decode reads both cases and keeps a plus") {
    std::string text;
    REQUIRE(percent_decode("%2f%2F+%7e", text));
    CHECK(text == "//+~");
}

TEST_CASE("percent_decode refuses a broken escape") {
    for (const std::string_view encoded :
         {"%", "%2", "abc%", "abc%4", "%zz", "%2g", "%g2", "%%41"}) {
        CAPTURE(encoded);
        CHECK(refused(encoded));
    }
}
