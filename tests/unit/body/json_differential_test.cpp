// SPDX-License-Identifier: BSL-1.0
// json: the readers against nlohmann/json, on mutations of the corpus.
#include <rekey/body/json.hpp>
#include <rekey/body/strict_json.hpp>

#include "catch.hpp"
#include "corpus/bodies.hpp"

#if __has_include(<nlohmann/json.hpp>)

#include <nlohmann/json.hpp>

#include <cerrno>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

using rekey::body::decode;
using rekey::body::find;
using rekey::body::Found;
using rekey::body::Json;
using rekey::body::JsonPrefix;
using rekey::body::Kind;
using rekey::body::Reading;
using rekey::body::StrictJson;
using rekey::body::Value;

namespace {

using Rival = nlohmann::json;

/// Listens to nlohmann's parser: the first top-level `code`, and the first top-level `msg`.
class Listener : public nlohmann::json_sax<Rival> {
public:
    Reading code{};
    bool has_text = false;
    std::string text{};
    bool top_is_object = false;
    bool rounded = false;       // the code is written with more digits than a floating type holds
    bool out_of_range = false;  // a number nlohmann cannot hold, though the grammar allows it

    bool null() override { return seen({}); }
    bool boolean(bool) override { return seen(corpus::malformed); }
    bool number_integer(std::int64_t value) override { return seen(corpus::present(value)); }
    bool number_unsigned(std::uint64_t value) override {
        return seen(value > static_cast<std::uint64_t>(INT64_MAX)
                        ? corpus::malformed
                        : corpus::present(static_cast<std::int64_t>(value)));
    }
    bool number_float(double, const std::string& digits) override {
        if (depth_ == 1 && is_code_ && digits.size() > 18) rounded = true;
        const long double value = std::strtold(digits.c_str(), nullptr);
        const bool fits = value >= -9223372036854775808.0L && value < 9223372036854775808.0L;
        const auto whole = fits ? static_cast<std::int64_t>(value) : 0;
        const bool exact = fits && static_cast<long double>(whole) == value;
        return seen(exact ? corpus::present(whole) : corpus::malformed);
    }
    bool string(std::string& value) override {
        if (wants_text()) {
            has_text = true;
            text = value;
        }
        const bool minus = !value.empty() && value[0] == '-';
        const bool digits =
            value.size() > (minus ? 1U : 0U) &&
            value.find_first_not_of("0123456789", minus ? 1 : 0) == std::string::npos;
        if (!digits) return seen(corpus::malformed);
        errno = 0;
        const long long number = std::strtoll(value.c_str(), nullptr, 10);
        return seen(errno == 0 ? corpus::present(number) : corpus::malformed);
    }
    bool binary(binary_t&) override { return false; }
    bool start_object(std::size_t) override {
        if (depth_ == 0) top_is_object = true;
        seen(corpus::malformed);
        ++depth_;
        return true;
    }
    bool start_array(std::size_t) override {
        seen(corpus::malformed);
        ++depth_;
        return true;
    }
    bool key(std::string& name) override {
        if (depth_ != 1) return true;
        is_code_ = name == "code" && !had_code_;
        is_text_ = name == "msg" && !had_text_;
        had_code_ = had_code_ || is_code_;
        had_text_ = had_text_ || is_text_;
        return true;
    }
    bool end_object() override { return --depth_, true; }
    bool end_array() override { return --depth_, true; }
    bool parse_error(std::size_t, const std::string&,
                     const nlohmann::detail::exception& error) override {
        out_of_range = error.id == 406;
        return false;
    }

private:
    bool wants_text() const { return depth_ == 1 && is_text_; }

    bool seen(const Reading& reading) {
        if (depth_ != 1) return true;
        if (is_code_) code = reading;
        is_code_ = is_text_ = false;
        return true;
    }

    std::size_t depth_ = 0;
    bool is_code_ = false;
    bool is_text_ = false;
    bool had_code_ = false;
    bool had_text_ = false;
};

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

std::string_view any_body(Dice& dice) {
    constexpr std::size_t clean = sizeof corpus::bodies / sizeof *corpus::bodies;
    constexpr std::size_t sloppy = sizeof corpus::sloppy_bodies / sizeof *corpus::sloppy_bodies;
    const std::size_t at = dice.below(clean + sloppy);
    return at < clean ? corpus::bodies[at].text : corpus::sloppy_bodies[at - clean].text;
}

/// A body of the corpus with up to three bytes changed, or a part of another one put into it.
std::string mutation(Dice& dice) {
    static constexpr std::string_view pieces[] = {"{",
                                                  "}",
                                                  "[",
                                                  "]",
                                                  ",",
                                                  ":",
                                                  "\"",
                                                  "\\",
                                                  "0",
                                                  "1",
                                                  "-",
                                                  ".",
                                                  "e",
                                                  "E3",
                                                  " ",
                                                  "\n",
                                                  "\\\"",
                                                  "\\n",
                                                  "\\u",
                                                  "\\u0063",
                                                  "\\uD83D\\uDE00",
                                                  "\\ud83d",
                                                  "true",
                                                  "false",
                                                  "null",
                                                  "\"code\":",
                                                  "\"msg\":\"a\",",
                                                  "\xE4\xB8\xAD",
                                                  "\xC3",
                                                  "\x80",
                                                  "\x1F",
                                                  "\x7F",
                                                  "[]",
                                                  "{}",
                                                  "\"code\":[],",
                                                  "9223372036854775807"};
    std::string body(any_body(dice));
    for (std::size_t i = 0, n = dice.below(4); i != n && !body.empty(); ++i) {
        const std::size_t at = dice.below(body.size());
        const std::string_view piece = pieces[dice.below(sizeof pieces / sizeof *pieces)];
        switch (dice.below(5)) {
            case 0: body.erase(at, 1 + dice.below(3)); break;
            case 1: body.replace(at, 1, piece); break;
            case 2: body.insert(at, any_body(dice)); break;
            default: body.insert(at, piece);
        }
    }
    return body;
}

bool same(const Reading& left, const Reading& right) {
    return left.found == right.found && left.code == right.code;
}

}  // namespace

TEST_CASE("a body that nlohmann/json takes for an object gives the same code and the same text") {
    Dice dice(7151959);
    int objects = 0;
    int rejected = 0;
    for (int round = 0; round != 150000; ++round) {
        const std::string body = mutation(dice);
        Listener listener;
        const bool accepted = Rival::sax_parse(body, &listener);
        const Reading strict = StrictJson::code(body);
        INFO(body);
        if (!accepted) {
            if (listener.out_of_range) continue;
            ++rejected;
            if (strict.found != Found::malformed) CHECK(strict.found == Found::malformed);
            continue;
        }
        const Reading expected = listener.top_is_object ? listener.code : Reading{};
        if (listener.top_is_object) ++objects;
        const Reading fast = Json::code(body);
        if (listener.rounded) continue;
        const bool equal = same(strict, expected) && same(fast, expected) &&
                           same(JsonPrefix::code(body), expected) &&
                           same(JsonPrefix::code_of_failure(body), expected);
        if (!equal) CHECK(equal);

        const Value text = find(body, "msg");
        const bool equal_text =
            (text.kind == Kind::string) == listener.has_text &&
            (!listener.has_text || decode(text) == listener.text) &&
            (!listener.has_text || StrictJson::text(body, "msg") == listener.text);
        if (!equal_text) CHECK(equal_text);
    }
    CHECK(objects > 20000);
    CHECK(rejected > 20000);
}

TEST_CASE("the strict reader accepts what nlohmann/json accepts, and nothing else") {
    Dice dice(31337);
    int accepted = 0;
    for (int round = 0; round != 100000; ++round) {
        const std::string body = "{\"x\":[" + mutation(dice) + "]}";
        Listener listener;
        const bool theirs = Rival::sax_parse(body, &listener);
        if (listener.out_of_range) continue;
        const bool ours = StrictJson::code(body).found == listener.code.found;
        INFO(body);
        if (theirs && !ours) CHECK(ours);
        if (!theirs && StrictJson::code(body).found != Found::malformed) CHECK(theirs);
        if (theirs) ++accepted;
    }
    CHECK(accepted > 10000);
}

#else

TEST_CASE("nlohmann/json is not installed: the differential test is skipped", "[.skipped]") {
    WARN("nlohmann/json was not found");
}

#endif
