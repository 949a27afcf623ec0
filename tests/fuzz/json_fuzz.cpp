// SPDX-License-Identifier: BSL-1.0
// json_fuzz: no body crashes a reader, and the readers agree where they have to (libFuzzer).
#include <rekey/body/json.hpp>
#include <rekey/body/json_writer.hpp>
#include <rekey/body/strict_json.hpp>
#include <rekey/detail/swar_bits.hpp>

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>
#include <utility>

namespace {

using namespace rekey::body;
namespace detail = rekey::detail;

void expect(bool claim) {
    if (!claim) std::abort();
}

bool same(const Reading& left, const Reading& right) {
    return left.found == right.found && left.code == right.code;
}

bool same(const detail::JsonSpan& left, const detail::JsonSpan& right) {
    if (!left.well_formed || !right.well_formed) return left.well_formed == right.well_formed;
    return left.first == right.first && left.last == right.last;
}

template <class Bits>
detail::JsonSpan walked(std::string_view body, std::string_view path, bool whole) {
    return detail::json_walk<Bits>(body, detail::JsonPath(path), whole);
}

template <class Bits> detail::JsonSpan strictly(std::string_view body, std::string_view path) {
    return detail::json_strict<Bits>(body, detail::JsonPath(path));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view body(reinterpret_cast<const char*>(data), size);

    const Reading fast = Json::code(body);
    const Reading strict = StrictJson::code(body);
    const Reading prefix = JsonPrefix::code(body);
    if (fast.found != Found::malformed) expect(same(prefix, fast));
    for (const std::string_view path : {"", "code", "a.b", "detail.logid"}) {
        using detail::BestBits;
        using detail::SwarBits;
        const detail::JsonSpan whole = walked<BestBits>(body, path, true);
        const detail::JsonSpan exact = strictly<BestBits>(body, path);
        expect(same(whole, walked<SwarBits>(body, path, true)));
        expect(same(walked<BestBits>(body, path, false), walked<SwarBits>(body, path, false)));
        expect(same(exact, strictly<SwarBits>(body, path)));
        if (exact.well_formed) expect(same(exact, whole));
        if (whole.well_formed) expect(same(whole, walked<BestBits>(body, path, false)));
    }
    if (strict.found == Found::present) expect(same(strict, fast));

    const std::string text = decode(Value{Kind::string, 0, body});
    JsonWriter writer;
    writer.object_begin();
    writer.member("a", text);
    writer.object_end();
    if (writer.ok()) expect(StrictJson::text(std::move(writer).text(), "a") == text);

    if (fast.found == Found::present && size != 0)  // the closing brace, behind it only spaces
        for (std::size_t cut = body.rfind('}'), step = 1 + cut / 16; cut < size; cut -= step)
            expect(Json::code(body.substr(0, cut)).found == Found::malformed);
    return 0;
}
