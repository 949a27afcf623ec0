// SPDX-License-Identifier: BSL-1.0
#include <rekey/detail/cut_parts.hpp>

#include "catch.hpp"

#include <string>
#include <string_view>

namespace {

const std::string secret = "0123456789abcdefghijklmnopqrstuvwxyz";

std::string without(std::string text, std::string_view taken_out = secret) {
    rekey::detail::cut_out_parts(text, taken_out);
    return text;
}

}  // namespace

TEST_CASE("a secret is taken out of a text, however often it stands there") {
    CHECK(without(secret) == "[token]");
    CHECK(without("a " + secret + " b " + secret + " c") == "a [token] b [token] c");
    CHECK(without(secret + secret) == "[token][token]");
}

TEST_CASE("S71 every piece of a secret with sixteen characters is taken out of a text") {
    for (std::size_t at = 0; at != secret.size(); ++at)
        for (std::size_t size = 1; at + size <= secret.size(); ++size) {
            const std::string piece = secret.substr(at, size);
            CAPTURE(piece);
            CHECK(without("<" + piece + ">") == "<" + (size < 16 ? piece : "[token]") + ">");
            CHECK(without("<" + piece) == "<" + (size < 16 ? piece : "[token]"));
        }
}

TEST_CASE("a short secret is taken out whole, and one of a word's length stays") {
    CHECK(without("is 01234567 it", "01234567") == "is [token] it");
    CHECK(without("is 0123456 it", "01234567") == "is 0123456 it");
    CHECK(without("is 0123456 it", "0123456") == "is 0123456 it");
    CHECK(without("", secret).empty());
    CHECK(without("text", "") == "text");
}
