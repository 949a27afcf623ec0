// SPDX-License-Identifier: BSL-1.0
#include <rekey/oauth/return_to.hpp>

#include "catch.hpp"

#include <string>
#include <string_view>

namespace {

using rekey::oauth::is_safe_return_to;
using rekey::oauth::safe_return_to;

}  // namespace

TEST_CASE("S10 a path of this site is a place to return to") {
    for (const std::string_view target :
         {"/", "/chat", "/chat/", "/chat?q=what%20can%20you%20do%3F", "/chat?next=//evil.example",
          "/chat?next=https://evil.example", "/chat#end", "/@evil.example", "/a:b", "/a/../b",
          "/%E4%BD%A0", "/a%20b", "/?", "/#"}) {
        CAPTURE(target);
        CHECK(is_safe_return_to(target));
        CHECK(safe_return_to(target) == target);
    }
}

TEST_CASE("S10 whatever some browser may read as another host is refused") {
    for (const std::string_view target : {"",
                                          " ",
                                          "//evil.example",
                                          "///evil.example",
                                          "////evil.example",
                                          "/\\evil.example",
                                          "\\\\evil.example",
                                          "\\/evil.example",
                                          "/\\/evil.example",
                                          "https:evil.example",
                                          "https://evil.example",
                                          "https:/evil.example",
                                          "http:evil.example",
                                          "HTTPS:evil.example",
                                          "javascript:alert(1)",
                                          "data:text/html,x",
                                          "evil.example",
                                          "chat",
                                          "./chat",
                                          "../chat",
                                          "?q=1",
                                          "#end",
                                          "@evil.example",
                                          ":80",
                                          "%2F%2Fevil.example",
                                          "%2Fchat",
                                          "/%2Fevil.example",
                                          "/%2fevil.example",
                                          "%2F/evil.example",
                                          "/%5Cevil.example",
                                          "/%5cevil.example",
                                          "/%252Fevil.example",
                                          "/%25252Fevil.example",
                                          "/%255Cevil.example",
                                          "/%09/evil.example",
                                          "/%0A/evil.example",
                                          "/%0d%0aLocation:%20https://evil.example",
                                          "/%00",
                                          "/%2500",
                                          "/%7F",
                                          "/a//evil.example",
                                          "/a/%2Fevil.example",
                                          "/..//evil.example",
                                          "/.//evil.example",
                                          "/%2e%2e//evil.example",
                                          "/%",
                                          "/%2",
                                          "/%zz",
                                          "/%25zz",
                                          "/100%25",
                                          "/chat\\..",
                                          "/chat?q=\\"}) {
        CAPTURE(target);
        CHECK_FALSE(is_safe_return_to(target));
        CHECK(safe_return_to(target) == "/");
    }
}

TEST_CASE(
    "S10 control characters, spaces and bytes outside ASCII are refused wherever they stand") {
    for (int byte = 0; byte != 256; ++byte) {
        if (byte > 0x20 && byte < 0x7f) continue;
        const char symbol = static_cast<char>(static_cast<unsigned char>(byte));
        CAPTURE(byte);
        CHECK_FALSE(is_safe_return_to(std::string(1, symbol) + "/chat"));
        CHECK_FALSE(is_safe_return_to(std::string("/") + symbol + "/evil.example"));
        CHECK_FALSE(is_safe_return_to(std::string("/chat?q=") + symbol));
        CHECK_FALSE(is_safe_return_to(std::string("/chat#") + symbol));
    }
}

TEST_CASE("S10 a place to return to has a limited length") {
    CHECK(is_safe_return_to("/" + std::string(2047, 'a')));
    CHECK_FALSE(is_safe_return_to("/" + std::string(2048, 'a')));
    std::string nested = "/%";
    while (nested.size() + 2 <= 2044) nested += "25";
    CHECK(is_safe_return_to(nested + "41"));  // an A, encoded a thousand times
    CHECK_FALSE(is_safe_return_to(nested + "2F"));
}
