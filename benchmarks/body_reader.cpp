// SPDX-License-Identifier: BSL-1.0
// Question: how many instructions does reading `code` from a body cost? Rivals: JSON libraries, W4.
//
//   body_reader CASE N [READER]
//     CASE    none code_first code_last list64k adversarial1m bomb1m members64k
//     N       how often the body is read; 0 prepares everything and reads nothing
//     READER  Json (default) JsonPrefix StrictJson, and JsonSwar: Json without SSE2
//
// Instructions per read = (run(N) - run(0)) / N under callgrind; the line printed gives the bytes.
// It does not show time, cache misses or what a transport costs.
#include <rekey/body/json.hpp>
#include <rekey/body/strict_json.hpp>
#include <rekey/detail/swar_bits.hpp>

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <string_view>

namespace {

using rekey::body::Found;
using rekey::body::Reading;

struct JsonSwar {
    static Reading code(std::string_view body) noexcept {
        namespace detail = rekey::detail;
        return rekey::body::reading_of(rekey::body::value_of(
            detail::json_walk<detail::SwarBits>(body, detail::JsonPath("code"), true)));
    }
};

/// One chat object of a typical answer.
std::string chat(int number) {
    return R"({"id":"73819220)" + std::to_string(10000 + number) +
           R"(","conversation_id":"7381473525342978089","bot_id":"7379462189365198898",)"
           R"("created_at":1718792949,"last_error":{"code":0,"msg":""},"status":"completed",)"
           R"("meta_data":{"note":"say \"hi\", then go"},"usage":{)"
           R"("token_count":381,"output_count":)"
           R"(192,"input_count":189}})";
}

std::string filled(std::string start, std::size_t size, const std::string& end) {
    std::string body = std::move(start);
    static const char words[] =
        "the weather in the city is fine today, take a light coat with you; ";
    while (body.size() + end.size() < size) body += words[body.size() % (sizeof words - 1)];
    return body + end;
}

std::string code_first() {
    return filled(R"({"code":0,"msg":"","data":)" + chat(1) + R"(,"detail":{"logid":")", 631,
                  "\"}}");
}

std::string code_last() {
    return filled(R"({"data":)" + chat(1) + R"(,"detail":{"logid":")", 673,
                  R"("},"msg":"","code":0})");
}

std::string list64k() {
    const std::string end =
        R"(],"has_more":true},"detail":{"logid":"20240619"},"msg":"","code":0})";
    std::string body = R"({"data":{"items":[)" + chat(0);
    for (int i = 1; body.size() + end.size() + 340 < 65536; ++i) body += "," + chat(i);
    return body + end;
}

/// Deep nesting, long runs of escapes, and decoys for `code` everywhere but on the top level.
std::string adversarial1m() {
    const std::size_t size = std::size_t{1} << 20;
    std::string body = R"({"data":[)";
    for (int round = 0; body.size() < size; ++round) {
        body += R"({"code":1,"msg":"\"code\":2,{\\\"}]","x":")";
        body.append(static_cast<std::size_t>(20 + 2 * (round % 60)), '\\');
        body += R"(","y":{"code":"3","z":[)";
        const auto depth = static_cast<std::size_t>(round % 200);
        for (std::size_t i = 0; i != depth; ++i) body += i % 2 == 0 ? "[" : "{\"code\":";
        body += "4";
        for (std::size_t i = depth; i != 0; --i) body += i % 2 != 0 ? "]" : "}";
        body += R"(]},"\"":"]}\u0022\\"},)";
    }
    body.append(1000, '[').append(1000, ']');
    return body + R"(],"\\\"code\\\"":5,"code":0})";
}

/// Half a million open brackets; StrictJson allows 1024 and stops there.
std::string bomb1m() {
    std::string body = R"({"data":)";
    body.append(std::size_t{1} << 19, '[').append(std::size_t{1} << 19, ']');
    return body + R"(,"code":0})";
}

/// The worst for a reader that walks members: nothing but short ones on the top level.
std::string members64k() {
    std::string body = "{";
    for (int i = 0; body.size() < 65500; ++i) body += "\"k" + std::to_string(i % 100) + "\":[1],";
    return body + R"("code":0})";
}

/// A read the optimiser can neither drop nor lift out of the loop.
template <class Reader>
[[gnu::noinline]] long count_successes(const std::string& body, long repetitions) {
    long successes = 0;
    for (long i = 0; i != repetitions; ++i) {
        std::string_view view = body;
        __asm__ volatile("" : "+m"(view) : : "memory");
        const Reading reading = Reader::code(view);
        if (reading.found == Found::present && reading.code == 0) ++successes;
    }
    return successes;
}

}  // namespace

int main(int argc, char** argv) {
    if (argc < 3) return std::fputs("usage: body_reader CASE N [READER]\n", stderr), 2;
    const std::string_view name = argv[1];
    const std::string_view reader = argc > 3 ? argv[3] : "Json";
    const long repetitions = std::strtol(argv[2], nullptr, 10);
    const std::string body = name == "code_first"      ? code_first()
                             : name == "code_last"     ? code_last()
                             : name == "list64k"       ? list64k()
                             : name == "adversarial1m" ? adversarial1m()
                             : name == "bomb1m"        ? bomb1m()
                             : name == "members64k"    ? members64k()
                                                       : std::string();
    if (body.empty()) {
        if (name != "none") return std::fputs("body_reader: no such case\n", stderr), 2;
        return std::puts("none: 0 bytes"), 0;
    }

    long successes = -1;
    if (reader == "Json") successes = count_successes<rekey::body::Json>(body, repetitions);
    if (reader == "JsonPrefix")
        successes = count_successes<rekey::body::JsonPrefix>(body, repetitions);
    if (reader == "StrictJson")
        successes = count_successes<rekey::body::StrictJson>(body, repetitions);
    if (reader == "JsonSwar") successes = count_successes<JsonSwar>(body, repetitions);
    const bool too_deep = name == "bomb1m" && reader == "StrictJson";  // refused, as it should be
    const bool right = successes == (too_deep ? 0 : repetitions);
    std::printf("%s %s: %zu bytes, %ld reads, %s\n", argv[1], argc > 3 ? argv[3] : "Json",
                body.size(), repetitions, right ? "right" : "WRONG");
    return right ? 0 : 1;
}
