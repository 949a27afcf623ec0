// SPDX-License-Identifier: BSL-1.0
// json: the readers against known answers, truncation at every byte, and each other.
#include <rekey/body/json.hpp>
#include <rekey/body/strict_json.hpp>
#include <rekey/detail/swar_bits.hpp>

#include "catch.hpp"
#include "corpus/bodies.hpp"

#include <cstdint>
#include <cstring>
#include <memory>
#include <string>
#include <string_view>

using rekey::body::decode;
using rekey::body::find;
using rekey::body::find_path;
using rekey::body::Found;
using rekey::body::Json;
using rekey::body::JsonPrefix;
using rekey::body::Kind;
using rekey::body::Reading;
using rekey::body::StrictJson;
using rekey::body::Value;
namespace detail = rekey::detail;

namespace {

std::string shown(const Reading& reading) {
    switch (reading.found) {
        case Found::absent: return "absent";
        case Found::malformed: return "malformed";
        default: return std::to_string(reading.code);
    }
}

/// A copy of the text in memory of just its size: the address sanitizer sees one byte too many.
class Exact {
public:
    explicit Exact(std::string_view text) : bytes_(new char[text.size()]), size_(text.size()) {
        if (size_ != 0) std::memcpy(bytes_.get(), text.data(), size_);
    }
    std::string_view view() const { return {bytes_.get(), size_}; }

private:
    std::unique_ptr<char[]> bytes_;
    std::size_t size_;
};

template <class Bits> Reading walk_code(std::string_view body) {
    return rekey::body::reading_of(
        rekey::body::value_of(detail::json_walk<Bits>(body, detail::JsonPath("code"), true)));
}

template <class Bits> Reading strict_code(std::string_view body) {
    return rekey::body::reading_of(
        rekey::body::value_of(detail::json_strict<Bits>(body, detail::JsonPath("code"))));
}

/// Small reproducible numbers; the same on every platform.
class Dice {
public:
    explicit Dice(std::uint64_t seed) : state_(seed) {}
    std::size_t below(std::size_t limit) {
        state_ = state_ * 6364136223846793005U + 1442695040888963407U;
        return static_cast<std::size_t>(state_ >> 33) % limit;
    }

private:
    std::uint64_t state_;
};

std::string many(std::string_view piece, std::size_t count) {
    std::string text;
    text.reserve(piece.size() * count);
    for (std::size_t i = 0; i != count; ++i) text += piece;
    return text;
}

}  // namespace

TEST_CASE("each body of the corpus is read as the table says, by the fast and the strict reader") {
    for (const corpus::Body& body : corpus::bodies) {
        INFO(body.name << ": " << body.text);
        const Exact exact(body.text);
        CHECK(shown(Json::code(exact.view())) == shown(body.expected));
        CHECK(shown(StrictJson::code(exact.view())) == shown(body.expected));
        CHECK(shown(walk_code<detail::SwarBits>(exact.view())) == shown(body.expected));
        CHECK(shown(strict_code<detail::SwarBits>(exact.view())) == shown(body.expected));
        if (body.expected.found != Found::malformed)
            CHECK(shown(JsonPrefix::code(exact.view())) == shown(body.expected));
        CHECK(shown(JsonPrefix::code_of_failure(exact.view())) ==
              shown(JsonPrefix::code(exact.view())));
    }
}

TEST_CASE("the fast way to the code of a failure gives the same answer whatever stands there") {
    int equal = 0;
    for (const std::string_view body : {R"({"code":4100,"msg":"m"})", R"({"code":9999,)",
                                        R"({"code":1000,"n":1})", R"({"code":7654321,"n":1})"})
        for (std::size_t at = 7; at != body.size(); ++at)
            for (int byte = 0; byte != 256; ++byte) {
                std::string other(body);
                other[at] = static_cast<char>(byte);
                const Exact exact(other);
                if (shown(JsonPrefix::code_of_failure(exact.view())) ==
                    shown(JsonPrefix::code(exact.view())))
                    ++equal;
                else
                    CHECK(other == "");
            }
    CHECK(equal == 256 * 49);
    for (int code = 0; code != 10000; ++code) {
        const std::string digits = std::to_string(code);
        const std::string body = "{\"code\":" + digits + ",\"msg\":\"\"}";
        if (shown(JsonPrefix::code_of_failure(body)) != digits) CHECK(body == "");
        const Exact cut(std::string_view(body).substr(0, 9 + digits.size()));
        if (shown(JsonPrefix::code_of_failure(cut.view())) != digits) CHECK(body == "");
    }
}

TEST_CASE("only the strict reader refuses what is sloppy beside the path") {
    for (const corpus::Body& body : corpus::sloppy_bodies) {
        INFO(body.name << ": " << body.text);
        const Exact exact(body.text);
        CHECK(shown(Json::code(exact.view())) == "1");
        CHECK(shown(StrictJson::code(exact.view())) == "malformed");
        CHECK(shown(strict_code<detail::SwarBits>(exact.view())) == "malformed");
    }
}

TEST_CASE("an object cut off at any byte is malformed") {
    for (const corpus::Body& body : corpus::bodies) {
        if (body.expected.found == Found::malformed) continue;
        const std::size_t first = body.text.find('{');
        const std::size_t array = body.text.find_first_of("[\"");
        if (first == std::string_view::npos || array < first) continue;
        const std::size_t whole = body.text.rfind('}') + 1;
        for (std::size_t size = 0; size != whole; ++size) {
            const Exact cut(body.text.substr(0, size));
            INFO(body.name << ": " << cut.view());
            CHECK(shown(Json::code(cut.view())) == "malformed");
            CHECK(shown(StrictJson::code(cut.view())) == "malformed");
            CHECK(shown(walk_code<detail::SwarBits>(cut.view())) == "malformed");
        }
    }
}

TEST_CASE("a long object cut off at any byte is malformed") {
    const std::string text = R"({"code":0,"msg":"a \"quoted\" word\\","data":{"items":[)" +
                             many(R"({"id":1,"code":2,"t":"\\\"]}"},[[],{}],)", 9) +
                             R"(null]},"detail":{"logid":"2024"}})";
    CHECK(shown(Json::code(text)) == "0");
    CHECK(shown(StrictJson::code(text)) == "0");
    for (std::size_t size = 0; size != text.size(); ++size) {
        const Exact cut(std::string_view(text).substr(0, size));
        INFO(size);
        CHECK(shown(Json::code(cut.view())) == "malformed");
        CHECK(shown(StrictJson::code(cut.view())) == "malformed");
        CHECK(shown(walk_code<detail::SwarBits>(cut.view())) == "malformed");
    }
}

TEST_CASE("a value is found at its path with its kind and its text as it stands") {
    const std::string_view body =
        R"( {"a":{"b":{"c":"x\ny"},"n":-12,"f":0.5,"t":true,"z":null},"l":[1, 2],"a.b":3} )";
    CHECK(find(body, "a", "b", "c").kind == Kind::string);
    CHECK(find(body, "a", "b", "c").raw == "x\\ny");
    CHECK(find(body, "a", "n").kind == Kind::integer);
    CHECK(find(body, "a", "n").integer == -12);
    CHECK(find(body, "a", "n").raw == "-12");
    CHECK(find(body, "a", "f").kind == Kind::number);
    CHECK(find(body, "a", "f").raw == "0.5");
    CHECK(find(body, "a", "t").kind == Kind::boolean);
    CHECK(find(body, "a", "t").raw == "true");
    CHECK(find(body, "a", "z").kind == Kind::null);
    CHECK(find(body, "a", "b").kind == Kind::object);
    CHECK(find(body, "a", "b").raw == R"({"c":"x\ny"})");
    CHECK(find(body, "l").kind == Kind::array);
    CHECK(find(body, "l").raw == "[1, 2]");
    CHECK(find(body, "a.b").integer == 3);
    CHECK(find(body).kind == Kind::object);
    CHECK(find(body).raw == body.substr(1, body.size() - 2));
    CHECK(find(body, "b").kind == Kind::absent);
    CHECK(find(body, "l", "a").kind == Kind::absent);
    CHECK(find(body, "a", "n", "x").kind == Kind::absent);
    CHECK(find(body, "a", "").kind == Kind::absent);
}

TEST_CASE("a dotted path means the same keys") {
    const std::string_view body = R"({"detail":{"logid":"L"},"":{"":1},"a":{"":2}})";
    CHECK(find_path(body, "detail.logid").raw == "L");
    CHECK(find_path(body, "detail").kind == Kind::object);
    CHECK(find_path(body, "detail.logid.x").kind == Kind::absent);
    CHECK(find_path(body, ".").integer == 1);
    CHECK(find_path(body, "a.").integer == 2);
    CHECK(find_path(body, "").kind == Kind::object);
    CHECK(Json::text(body, "detail.logid") == "L");
    CHECK(JsonPrefix::text(body, "detail.logid") == "L");
    CHECK(StrictJson::text(body, "detail.logid") == "L");
    CHECK(StrictJson::text(body, "a.") == "2");
    CHECK(StrictJson::text(body, "detail") == R"({"logid":"L"})");
    CHECK(StrictJson::text(body, "") == body);
    CHECK(Json::text(body, "msg").empty());
    CHECK(Json::text(body.substr(0, 30), "detail.logid").empty());
    CHECK(StrictJson::text(body.substr(0, 30), "detail.logid").empty());
    CHECK(JsonPrefix::text(body.substr(0, 30), "detail.logid") == "L");
}

TEST_CASE("the first of equal keys counts on every level, whatever it holds") {
    const std::string_view body =
        R"({"d":{"x":1},"d":{"l":2},"e":{"l":{"l":3},"l":4},"f":0,"f":{}})";
    CHECK(find(body, "d", "l").kind == Kind::absent);
    CHECK(find(body, "e", "l", "l").integer == 3);
    CHECK(find(body, "f").kind == Kind::integer);
    CHECK(StrictJson::text(body, "d.l").empty());
    CHECK(StrictJson::text(body, "e.l.l") == "3");
    CHECK(StrictJson::text(body, "f") == "0");
}

TEST_CASE("a fault anywhere makes the whole body malformed, even behind the value") {
    CHECK(find(R"({"a":1,"b":tru})", "a").kind == Kind::malformed);
    CHECK(find(R"({"a":1}])", "a").kind == Kind::malformed);
    CHECK(find(R"({"a":1)", "a").raw.empty());
    CHECK(find("[1", "a").kind == Kind::malformed);
    CHECK(find("[1}", "a").kind == Kind::malformed);
    CHECK(find("\"a", "a").kind == Kind::malformed);
    CHECK(find("{\"a\":{\"b\":1,}}", "a", "b").kind == Kind::malformed);
    CHECK(find({}, "a").kind == Kind::malformed);
    CHECK(find("nul").kind == Kind::malformed);
    CHECK(find(" null ").kind == Kind::null);
}

TEST_CASE("a string is decoded to UTF-8") {
    const auto decoded = [](std::string_view inside) {
        return decode(Value{Kind::string, 0, inside});
    };
    CHECK(decoded(R"(a\"b\\c\/d\b\f\n\r\t)") == "a\"b\\c/d\b\f\n\r\t");
    CHECK(decoded(R"(\u0041\u00e9\u4e2d)") == "A\xC3\xA9\xE4\xB8\xAD");
    CHECK(decoded(R"(\uD83D\uDE00)") == "\xF0\x9F\x98\x80");
    CHECK(decoded(R"(\uDBFF\uDFFF)") == "\xF4\x8F\xBF\xBF");
    CHECK(decoded(R"(a\u0000b)") == std::string("a\0b", 3));
    CHECK(decoded("\xE4\xB8\xAD") == "\xE4\xB8\xAD");
}

TEST_CASE("a lone surrogate or a broken escape becomes the replacement character") {
    const auto decoded = [](std::string_view inside) {
        return decode(Value{Kind::string, 0, inside});
    };
    const std::string replaced = "\xEF\xBF\xBD";
    CHECK(decoded(R"(\uD83D)") == replaced);
    CHECK(decoded(R"(\uD83Dx)") == replaced + "x");
    CHECK(decoded(R"(\uD83D\n)") == replaced + "\n");
    CHECK(decoded(R"(\uD83D\uD83D\uDE00)") == replaced + "\xF0\x9F\x98\x80");
    CHECK(decoded(R"(\uDE00)") == replaced);
    CHECK(decoded(R"(\uD83D\u12)") == replaced + replaced + "12");
    CHECK(decoded(R"(\q)") == replaced);
    CHECK(decoded(R"(\u12G4)") == replaced + "12G4");
    CHECK(decoded("\\") == replaced);
}

TEST_CASE("numbers and words decode to their own text, and null to none") {
    const std::string_view body = R"({"n":1e3,"t":true,"z":null,"o":{"a":1}})";
    CHECK(Json::text(body, "n") == "1e3");
    CHECK(Json::text(body, "t") == "true");
    CHECK(Json::text(body, "z").empty());
    CHECK(JsonPrefix::text(body, "z").empty());
    CHECK(StrictJson::text(body, "z").empty());
    CHECK(Json::text(R"({"z":"null"})", "z") == "null");
    CHECK(Json::text(body, "o") == R"({"a":1})");
}

TEST_CASE("integers are exact at both ends of int64, however they are written") {
    const auto kind = [](std::string_view text) { return find(text).kind; };
    const auto integer = [](std::string_view text) { return find(text).integer; };
    CHECK(integer("9223372036854775806") == INT64_MAX - 1);
    CHECK(integer("9223372036854775807") == INT64_MAX);
    CHECK(kind("9223372036854775808") == Kind::number);
    CHECK(integer("-9223372036854775807") == INT64_MIN + 1);
    CHECK(integer("-9223372036854775808") == INT64_MIN);
    CHECK(kind("-9223372036854775809") == Kind::number);
    CHECK(integer("9223372036854775807.000") == INT64_MAX);
    CHECK(integer("9.223372036854775807e18") == INT64_MAX);
    CHECK(integer("-9.223372036854775808E+18") == INT64_MIN);
    CHECK(kind("9.223372036854775808e18") == Kind::number);
    CHECK(integer("1e18") == 1000000000000000000);
    CHECK(kind("1e19") == Kind::number);
    CHECK(kind("1e999999999999999999999") == Kind::number);
    CHECK(kind("1e-999999999999999999999") == Kind::number);
    CHECK(integer("100e-2") == 1);
    CHECK(kind("101e-2") == Kind::number);
    CHECK(integer("0.00" + many("0", 400) + "e400") == 0);
    CHECK(integer("0." + many("0", 400) + "7e401") == 7);
    CHECK(integer("7" + many("0", 400) + "e-400") == 7);
    CHECK(kind(many("9", 1000)) == Kind::number);
}

TEST_CASE("a depth of 100,000 costs no stack") {
    const std::size_t depth = 100000;
    const std::string body =
        R"({"data":)" + many("[", depth) + many("]", depth) + R"(,"code":4100})";
    CHECK(shown(Json::code(body)) == "4100");
    CHECK(shown(walk_code<detail::SwarBits>(body)) == "4100");
    CHECK(shown(JsonPrefix::code(body)) == "4100");
    CHECK(shown(StrictJson::code(body)) == "malformed");
    CHECK(shown(Json::code(many("[", depth))) == "malformed");
    CHECK(shown(Json::code(many("{\"a\":", depth))) == "malformed");
    CHECK(shown(StrictJson::code(many("{\"a\":", depth))) == "malformed");
    CHECK(shown(Json::code(many("[", depth) + many("]", depth))) == "absent");
    CHECK(shown(Json::code(many("[", depth) + many("]", depth - 1))) == "malformed");
    CHECK(shown(Json::code(many("[", depth) + many("]", depth + 1))) == "malformed");
}

TEST_CASE("the strict reader allows 1024 open brackets and not one more") {
    const auto nested = [](std::size_t depth) {
        return R"({"code":1,"d":)" + many("[", depth - 1) + many("]", depth - 1) + "}";
    };
    CHECK(shown(StrictJson::code(nested(1024))) == "1");
    CHECK(shown(StrictJson::code(nested(1025))) == "malformed");
    const std::string mixed = many(R"([{"a":)", 500) + "0" + many("}]", 500);
    CHECK(shown(StrictJson::code(mixed)) == "absent");
    for (const std::size_t wrong : {mixed.size() - 1, mixed.size() - 2, mixed.size() - 500}) {
        std::string other = mixed;
        other[wrong] = other[wrong] == ']' ? '}' : ']';
        CHECK(shown(StrictJson::code(other)) == "malformed");
    }
}

TEST_CASE("a megabyte in one string is read to its end") {
    const std::string words = many("a word, \\\"quoted\\\" and \\\\ ", 40000);
    const std::string body = R"({"msg":")" + words + R"(","code":4101})";
    CHECK(body.size() > 1000000);
    CHECK(shown(Json::code(body)) == "4101");
    CHECK(shown(JsonPrefix::code(body)) == "4101");
    CHECK(shown(StrictJson::code(body)) == "4101");
    CHECK(Json::text(body, "msg") == many("a word, \"quoted\" and \\ ", 40000));
    CHECK(shown(Json::code(body.substr(0, body.size() - 1))) == "malformed");
}

TEST_CASE("every position of a quote, a backslash and a bracket in a block of 64 is seen") {
    for (std::size_t pad = 0; pad != 140; ++pad) {
        for (const std::string_view piece : {R"(\")", R"(\\)", R"(\\\")", R"(\\\\)", "[{", "]}"}) {
            const std::string body = R"({"m":")" + many("x", pad) + std::string(piece) +
                                     R"(","d":[[")" + std::string(piece) + R"("],[{}]],"code":5})";
            const Exact exact(body);
            INFO(body);
            CHECK(shown(Json::code(exact.view())) == "5");
            CHECK(shown(walk_code<detail::SwarBits>(exact.view())) == "5");
            CHECK(shown(StrictJson::code(exact.view())) == "5");
        }
    }
}

TEST_CASE("the first bracket back on the level of the value is found among many") {
    for (std::size_t pad = 0; pad != 66; ++pad)
        for (const std::string_view inside :
             {"[]", "[],[]", "[[]],[[]]", "[1],[2,[3]],[4]", "[[[]]],[],[[],[]]"}) {
            const std::string body = R"({"d":[)" + many(" ", pad) + std::string(inside) + "," +
                                     many("[[],[]],", 30) + R"([]],"code":[],"z":[]})";
            const std::string_view data = find(body, "d").raw;
            CHECK(data.size() + 23 == body.size());
            CHECK(find(body, "code").raw == "[]");
        }
}

TEST_CASE("the prefix reader stops behind the code, and not inside it") {
    CHECK(shown(JsonPrefix::code(R"({"code":0,)")) == "0");
    CHECK(shown(JsonPrefix::code(R"({"code":4100,"msg":"cut)")) == "4100");
    CHECK(shown(JsonPrefix::code(R"({"code":4100}garbage)")) == "4100");
    CHECK(shown(JsonPrefix::code(R"({ "code" : 4100 , )")) == "4100");
    CHECK(shown(JsonPrefix::code(R"({"msg":"m","code":"4100"})")) == "4100");
    CHECK(shown(JsonPrefix::code(R"({"code":-4100,)")) == "-4100");
    CHECK(shown(JsonPrefix::code(R"({"code":1e3,)")) == "1000");
    CHECK(shown(JsonPrefix::code(R"({"code":123456789012345678,)")) == "123456789012345678");
    CHECK(shown(JsonPrefix::code(R"({"code":9223372036854775807,)")) == "9223372036854775807");
    CHECK(shown(JsonPrefix::code(R"({"code":9223372036854775808,)")) == "malformed");
    CHECK(shown(JsonPrefix::code(R"({"code":00,)")) == "malformed");
    CHECK(shown(JsonPrefix::code(R"({"code":01,)")) == "malformed");
    CHECK(shown(JsonPrefix::code(R"({"code":true,)")) == "malformed");
    CHECK(shown(JsonPrefix::code(R"({"code":null,)")) == "absent");
    CHECK(shown(JsonPrefix::code(R"({"code":,)")) == "malformed");
    const std::string_view cut = R"({"msg":"m","code":4100,)";
    for (std::size_t size = 0; size != cut.size(); ++size)
        CHECK(shown(JsonPrefix::code(Exact(cut.substr(0, size)).view())) == "malformed");
    CHECK(shown(JsonPrefix::code(cut)) == "4100");
    const std::string_view first = R"({"code":4100)";
    for (std::size_t size = 0; size <= first.size(); ++size)
        CHECK(shown(JsonPrefix::code(Exact(first.substr(0, size)).view())) == "malformed");
    CHECK(shown(JsonPrefix::code(R"({"msg":"m","data":{"code":1}})")) == "absent");
    CHECK(shown(JsonPrefix::code(R"({"msg":"m","data":{"code":1})")) == "malformed");
}

TEST_CASE(
    "the readers agree on mutated bodies: the wide scanner with the plain one, strict with fast") {
    Dice dice(20240619);
    const std::string_view alphabet = "{}[]\",:\\ code0123456789.eE-+untrf\t\n\x01\x80\xE4";
    std::size_t strict_found = 0;
    for (int round = 0; round != 60000; ++round) {
        std::string body;
        for (std::size_t i = 0, n = 1 + dice.below(3); i != n; ++i)
            body += corpus::bodies[dice.below(sizeof corpus::bodies / sizeof *corpus::bodies)].text;
        if (dice.below(2) == 0)
            body = R"({"data":[)" + many(R"(["\\",{}],)", dice.below(12)) + body + R"(],"code":1})";
        for (std::size_t i = 0, n = dice.below(4); i != n && !body.empty(); ++i) {
            const std::size_t at = dice.below(body.size());
            switch (dice.below(3)) {
                case 0: body[at] = alphabet[dice.below(alphabet.size())]; break;
                case 1: body.insert(at, 1, alphabet[dice.below(alphabet.size())]); break;
                default: body.erase(at, 1 + dice.below(2));
            }
        }
        const Exact exact(body);
        const Reading fast = Json::code(exact.view());
        const Reading strict = StrictJson::code(exact.view());
        const bool agree = shown(fast) == shown(walk_code<detail::SwarBits>(exact.view())) &&
                           shown(strict) == shown(strict_code<detail::SwarBits>(exact.view())) &&
                           (strict.found == Found::malformed || shown(strict) == shown(fast)) &&
                           (fast.found == Found::malformed ||
                            shown(fast) == shown(JsonPrefix::code(exact.view())));
        if (strict.found == Found::present) ++strict_found;
        INFO(body);
        if (!agree) CHECK(agree);
    }
    CHECK(strict_found > 500);
}
