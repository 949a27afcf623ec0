// SPDX-License-Identifier: BSL-1.0
// body_reader_suite: what a reader around another library must answer, compared with the built-in.
#ifndef REKEY_TESTS_SUPPORT_BODY_READER_SUITE_HPP
#define REKEY_TESTS_SUPPORT_BODY_READER_SUITE_HPP

#include <rekey/body/strict_json.hpp>
#include <rekey/http.hpp>
#include <rekey/rekey.hpp>
#include <rekey/testing.hpp>

#include "catch.hpp"
#include "corpus/bodies.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace body_reader_suite {

using rekey::body::Found;
using rekey::body::Reading;
using rekey::body::StrictJson;

/// The numbers that a library refuses to read, and the built-in reader reads. Each must be refused:
/// a difference in the other direction would be a success that is none.
struct Refused {
    std::vector<std::string_view> numbers{};
    bool has(std::string_view number) const {
        return std::find(numbers.begin(), numbers.end(), number) != numbers.end();
    }
};

/// A number somewhere whose size a library may have an opinion about.
inline bool has_monstrous_number(std::string_view body) {
    std::size_t digits = 0;
    bool exponent = false;
    for (const char c : body) {
        if (c >= '0' && c <= '9') {
            if (++digits >= (exponent ? 3U : 19U)) return true;
        } else {
            exponent = (c == 'e' || c == 'E') || (exponent && (c == '+' || c == '-'));
            digits = 0;
        }
    }
    return false;
}

inline bool same(const Reading& left, const Reading& right) {
    return left.found == right.found && left.code == right.code;
}

template <class Reader> void reads_as_built_in(std::string_view body) {
    const Reading strict = StrictJson::code(body);
    const Reading reading = Reader::code(body);
    INFO(body.substr(0, 200));
    if (!same(reading, strict)) {
        CHECK(reading.found == Found::malformed);
        CHECK(has_monstrous_number(body));
        return;
    }
    for (const char* const path : {"msg", "code", "data", "detail.logid", "data.last_error.code",
                                   "data.", "x", "", "detail.logid.more"}) {
        const std::string text = Reader::text(body, path);
        const std::string expected = StrictJson::text(body, path);
        const bool is_refused = text.empty() && has_monstrous_number(body);
        if (text != expected && !is_refused) CHECK(text == expected);
    }
}

template <class Reader> void corpus_is_read_alike(const Refused& refused) {
    const auto each = [&](const corpus::Body& body) {
        CAPTURE(body.name);
        const Reading reading = Reader::code(body.text);
        const bool is_refused = body.name == "a zero with a monstrous exponent" &&
                                refused.has("0e99999999999999999999");
        const Reading expected = is_refused ? corpus::malformed : body.expected;
        CHECK(reading.found == expected.found);
        CHECK(reading.code == expected.code);
        if (!is_refused) reads_as_built_in<Reader>(body.text);
    };
    for (const corpus::Body& body : corpus::bodies) each(body);
    for (const corpus::Body& body : corpus::sloppy_bodies) each(body);
}

template <class Reader> void no_cut_body_is_taken() {
    std::size_t cuts = 0;
    for (const corpus::Body& body : corpus::bodies)
        for (std::size_t size = 0; size != body.text.size(); ++size) {
            const std::string cut(body.text.substr(0, size));
            const bool begun = cut.find_first_of("{[") != cut.npos;
            if (begun && body.expected.found != Found::malformed) {
                ++cuts;
                const Reading reading = Reader::code(cut);
                const bool is_whole = StrictJson::code(cut).found != Found::malformed;
                if (!is_whole && reading.found != Found::malformed) {
                    CAPTURE(cut);
                    CHECK(reading.found == Found::malformed);
                }
            }
            reads_as_built_in<Reader>(cut);
        }
    CHECK(cuts > 1000);
}

template <class Reader> void brackets_are_bounded() {
    const auto nested = [](std::size_t open, std::size_t closed, char begin, char end) {
        std::string text = R"({"code":1,"x":)";
        for (std::size_t i = 0; i != open; ++i) text += begin == '{' ? "{\"a\":" : "[";
        text += '0';
        text.append(closed, end);
        return text + '}';
    };
    for (const char begin : {'[', '{'}) {
        const char end = begin == '{' ? '}' : ']';
        for (const std::size_t depth : {1U, 31U, 32U, 33U, 1000U, 1022U, 1023U, 1024U, 1025U}) {
            CAPTURE(begin, depth);
            const std::string body = nested(depth, depth, begin, end);
            CHECK(same(Reader::code(body), StrictJson::code(body)));
            CHECK(same(Reader::code(body), depth < 1024 ? corpus::present(1) : corpus::malformed));
        }
        for (const std::size_t depth : {1023U, 1024U, 1025U}) {  // the innermost one is empty
            CAPTURE(begin, depth);
            std::string body = nested(depth, depth, begin, end);
            body.erase(begin == '{' ? body.find("\"a\":0") : body.find('0'), begin == '{' ? 5 : 1);
            CHECK(same(Reader::code(body), depth < 1024 ? corpus::present(1) : corpus::malformed));
        }
        for (const std::size_t depth : {100000U, 1000000U}) {
            CHECK(Reader::code(nested(depth, depth, begin, end)).found == Found::malformed);
            CHECK(Reader::code(nested(depth, 0, begin, end)).found == Found::malformed);
        }
    }
}

template <class Reader> void bytes_are_checked() {
    using namespace std::string_view_literals;
    CHECK(same(Reader::code("\xEF\xBB\xBF{\"code\":0}"), corpus::present(0)));
    CHECK(Reader::code("\xEF\xBB\xBF\xEF\xBB\xBF{\"code\":0}").found == Found::malformed);
    for (const std::string_view bytes : {"\x7F"sv,
                                         "\xC2\x80"sv,
                                         "\xE4\xB8\xAD"sv,
                                         "\xF0\x9F\x98\x80"sv,
                                         "\xF4\x8F\xBF\xBF"sv,
                                         "\x80"sv,
                                         "\xBF"sv,
                                         "\xC0\x80"sv,
                                         "\xC1\xBF"sv,
                                         "\xC2"sv,
                                         "\xE0\x80\x80"sv,
                                         "\xE0\x9F\xBF"sv,
                                         "\xE4\xB8"sv,
                                         "\xED\xA0\x80"sv,
                                         "\xED\xBF\xBF"sv,
                                         "\xF0\x80\x80\x80"sv,
                                         "\xF0\x8F\xBF\xBF"sv,
                                         "\xF4\x90\x80\x80"sv,
                                         "\xF5\x80\x80\x80"sv,
                                         "\xFE"sv,
                                         "\xFF"sv,
                                         "\x01"sv,
                                         "\x1F"sv,
                                         "\0"sv,
                                         "\\uD83D\\uDE00"sv,
                                         "\\uD83D"sv,
                                         "\\uDE00"sv,
                                         "\\uDE00\\uD83D"sv,
                                         "\\uD83Dx"sv,
                                         "\\uD83D\\n"sv,
                                         "\\u0000"sv,
                                         "\\uFFFF"sv,
                                         "\\q"sv}) {
        const auto put = [&](std::string_view before, std::string_view behind) {
            reads_as_built_in<Reader>(std::string(before).append(bytes).append(behind));
        };
        put(R"({"msg":")", R"(","code":1})");
        put(R"({"code":1,")", R"(":0,"msg":"m"})");
        put(R"({"detail":{"logid":")", R"("},"code":1})");
        put(R"({"code":1})", "");
        put(R"({"code":1}  )", "   {}");
        put(R"({"code":1,"x":[)", "]}");
        put("", R"({"code":1})");
    }
    CHECK(Reader::code("{\"code\":0}\0x"sv).found == Found::malformed);
    CHECK(Reader::code("{\"code\":0}\0"sv).found == Found::malformed);
}

template <class Reader> void large_numbers_never_help(const Refused& refused) {
    for (const std::string_view number : {"1e308",
                                          "1e309",
                                          "1e400",
                                          "-1e400",
                                          "1e-400",
                                          "1e99999999999999999999",
                                          "1e-99999999999999999999",
                                          "0e99999999999999999999",
                                          "0e400",
                                          "9223372036854775807",
                                          "9223372036854775808",
                                          "18446744073709551615",
                                          "18446744073709551616",
                                          "-9223372036854775809",
                                          "123456789012345678901234567890",
                                          "0.1",
                                          "9007199254740993.0",
                                          "9007199254740993e0",
                                          "4100000000000000000000e-18",
                                          "-0",
                                          "-0.0"}) {
        CAPTURE(number);
        const std::string beside = std::string(R"({"x":)").append(number).append(R"(,"code":7})");
        const std::string code = std::string(R"({"code":)").append(number).append("}");
        if (refused.has(number)) {
            CHECK(Reader::code(beside).found == Found::malformed);
            CHECK(Reader::code(code).found == Found::malformed);
            CHECK(StrictJson::code(beside).found == Found::present);
            continue;
        }
        CHECK(same(Reader::code(beside), corpus::present(7)));
        CHECK(same(Reader::code(code), StrictJson::code(code)));
        CHECK(Reader::text(beside, "x") == number);
    }
    const std::string long_number(400, '1');
    const Reading reading = Reader::code(R"({"code":)" + long_number + "}");
    CHECK(reading.found == Found::malformed);
    const Reading beside = Reader::code(R"({"x":)" + long_number + R"(,"code":7})");
    CHECK((beside.found == Found::malformed || same(beside, corpus::present(7))));
}

template <class Reader> void mutations_are_read_alike() {
    std::uint64_t state = 20261121;
    const auto below = [&state](std::size_t limit) {
        state = state * 6364136223846793005U + 1442695040888963407U;
        return static_cast<std::size_t>(state >> 33) % limit;
    };
    const auto any = [&below]() -> std::string_view {
        constexpr std::size_t clean = sizeof corpus::bodies / sizeof *corpus::bodies;
        constexpr std::size_t all = clean + sizeof corpus::sloppy_bodies / sizeof(corpus::Body);
        const std::size_t at = below(all);
        return at < clean ? corpus::bodies[at].text : corpus::sloppy_bodies[at - clean].text;
    };
    constexpr std::string_view pieces[] = {"{",
                                           "}",
                                           "[",
                                           "]",
                                           ",",
                                           ":",
                                           "\"",
                                           "\\",
                                           "0",
                                           "-",
                                           ".",
                                           "e",
                                           "E3",
                                           " ",
                                           "\n",
                                           "\\\"",
                                           "\\n",
                                           "null",
                                           "true",
                                           "[]",
                                           "{}",
                                           "\"code\":",
                                           "\x7F",
                                           "\x80",
                                           "\\uD83D\\uDE00",
                                           "\\u",
                                           "\x1F",
                                           "\"msg\":\"a\",",
                                           "\"code\":[],",
                                           "\"detail\":{\"logid\":\"7\"},",
                                           "\xE4\xB8\xAD",
                                           "\xC3"};
    for (int round = 0; round != 8000; ++round) {
        std::string body(any());
        for (std::size_t i = 0, n = 1 + below(3); i != n && !body.empty(); ++i) {
            const std::size_t at = below(body.size());
            const std::string_view piece = pieces[below(sizeof pieces / sizeof *pieces)];
            switch (below(5)) {
                case 0: body.erase(at, 1 + below(3)); break;
                case 1: body.replace(at, 1, piece); break;
                case 2: body.insert(at, any()); break;
                default: body.insert(at, piece);
            }
        }
        reads_as_built_in<Reader>(body);
    }
}

template <class Reader> void clients_read_with_it() {
    struct Personal {
        const char* name = "personal";
        std::string token = "a";
    };
    struct Enterprise {
        const char* name = "enterprise";
        std::string token = "b";
    };
    std::vector<std::string> bodies = {R"({"code":"4101","msg":"caf\u00e9"})", R"({"code":0})"};
    std::size_t sends = 0;
    auto http = [&](const rekey::HttpRequest&, const rekey::Attempt&) {
        return rekey::HttpResponse{200, {}, bodies[sends++], false};
    };
    const rekey::Client client{std::ref(http), rekey::CredentialChain{Personal{}, Enterprise{}},
                               rekey::RetryOn<4101>{}, rekey::ReadWith<Reader>{}};
    const auto served = client.send(rekey::HttpRequest{});
    REQUIRE(served);
    CHECK(served.credential() == "enterprise");

    sends = 0;
    bodies = {R"({"code":4101,"msg":"caf\u00e9"})", R"({"code":0,"msg":"cut)"};
    const auto cut = client.send(rekey::HttpRequest{});
    REQUIRE_FALSE(cut);
    CHECK(cut.error().kind == rekey::ErrorKind::malformed_response);

    sends = 0;
    bodies = {R"({"code":4101,"msg":"caf\u00e9"})", R"({"code":4101,"msg":""})"};
    const auto refused = client.send(rekey::HttpRequest{});
    REQUIRE_FALSE(refused);
    CHECK(refused.error().message() == "caf\xC3\xA9");
}

template <class Reader> void all(const Refused& refused) {
    SECTION("the corpus") { corpus_is_read_alike<Reader>(refused); }
    SECTION("bodies cut at every byte") { no_cut_body_is_taken<Reader>(); }
    SECTION("brackets") { brackets_are_bounded<Reader>(); }
    SECTION("bytes") { bytes_are_checked<Reader>(); }
    SECTION("large numbers") { large_numbers_never_help<Reader>(refused); }
    SECTION("mutations") { mutations_are_read_alike<Reader>(); }
    SECTION("a client") { clients_read_with_it<Reader>(); }
    SECTION("the first of equal keys, numbers as texts") {
        CHECK(same(Reader::code(R"({"code":1,"code":2})"), corpus::present(1)));
        CHECK(same(Reader::code(R"({"code":"4101"})"), corpus::present(4101)));
        CHECK(Reader::text(R"({"d":{"x":1},"d":{"l":2}})", "d.l").empty());
        CHECK(Reader::text(R"({"d":1,"d":{"l":2}})", "d.l").empty());
        CHECK(Reader::text(R"({"e":{"l":{"l":3}}})", "e.l.l") == "3");
        CHECK(Reader::text(R"({"a":{"b":[ 1,  2 ]}})", "a.b") == "[ 1,  2 ]");
        CHECK(Reader::text(R"({"a":null})", "a").empty());
        CHECK(Reader::text(R"({"a":"null"})", "a") == "null");
        // The one answer that is not StrictJson's: digits written with escapes are digits here.
        CHECK(same(Reader::code(R"({"code":"\u0034"})"), corpus::present(4)));
        CHECK(StrictJson::code(R"({"code":"\u0034"})").found == Found::malformed);
    }
}

}  // namespace body_reader_suite

#endif
