// SPDX-License-Identifier: BSL-1.0
// wire_test: when an answer's end is marked, whatever library has read it.
#include <rekey/wire.hpp>

#include <string>
#include <utility>

#include "catch.hpp"

using rekey::HttpHeaders;
using rekey::wire::Framing;

namespace {

Framing framing(const HttpHeaders& headers, int status = 200) {
    return rekey::wire::framing_of("GET", status, headers);
}
Framing with_length(std::string value) { return framing({{"content-length", std::move(value)}}); }

}  // namespace

TEST_CASE("an answer's length is one number of bytes, or it marks no end") {
    for (const char* const value : {"0", "10", "010", " 10", "10,10", "10 , 10"}) {
        CAPTURE(value);
        CHECK(with_length(value) == Framing::whole);
    }
    for (const char* const value :
         {"", ",", "10,", "abc", "10abc", "0xa", "+10", "-1", "1 0", "1.0", "10, 4", "10;4",
          "18446744073709551626", "99999999999999999999999999"}) {
        CAPTURE(value);
        CHECK(with_length(value) == Framing::contradictory);
    }
    CHECK(framing({{"Content-Length", "10"}, {"Content-Length", "10"}}) == Framing::whole);
    CHECK(framing({{"Content-Length", "10"}, {"Content-Length", "4"}}) == Framing::contradictory);
    CHECK(framing({{"Content-Length", "10, 10"}, {"Content-Length", "4"}}) ==
          Framing::contradictory);
}

TEST_CASE("a transfer coding marks the end of an answer if its last is chunked, by its name") {
    for (const char* const value : {"chunked", "Chunked", "gzip, chunked", "gzip,chunked "}) {
        CAPTURE(value);
        CHECK(framing({{"Transfer-Encoding", value}}) == Framing::whole);
    }
    for (const char* const value : {"notchunked", "chunked, gzip", "identity", "gzip chunked"}) {
        CAPTURE(value);
        CHECK(framing({{"Transfer-Encoding", value}}) == Framing::open);
    }
    CHECK(framing({}) == Framing::open);
    CHECK(framing({}, 204) == Framing::whole);
}
