// SPDX-License-Identifier: BSL-1.0
// rapidjson: reads bodies with RapidJSON: ReadWith<body::RapidJson>{}.
#ifndef REKEY_ADAPTER_RAPIDJSON_HPP
#define REKEY_ADAPTER_RAPIDJSON_HPP

#include <rekey/body/path_events.hpp>

#include <rapidjson/memorystream.h>
#include <rapidjson/reader.h>

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

namespace rekey {
inline namespace v0_1 {
namespace body {

namespace rapidjson_parts {

/// One body on its way through RapidJSON, which calls its members.
class Parsing {
public:
    using Size = rapidjson::SizeType;
    explicit Parsing(std::string_view path) : events_(path) {}

    bool accepts(std::string_view body) {
        body = PathEvents::readable(body);
        if (body.empty()) return false;
        constexpr unsigned flags = rapidjson::kParseIterativeFlag |
                                   rapidjson::kParseValidateEncodingFlag |
                                   rapidjson::kParseNumbersAsStringsFlag;
        rapidjson::MemoryStream stream(body.data(), body.size());
        rapidjson::Reader reader;
        return !reader.Parse<flags>(stream, *this).IsError() && stream.Tell() == body.size();
    }
    PathEvents& events() noexcept { return events_; }

    bool Null() { return events_.null(), true; }
    bool Bool(bool value) { return events_.boolean(value), true; }
    bool RawNumber(const char* raw, Size size, bool) { return events_.number({raw, size}), true; }
    bool String(const char* text, Size size, bool) {
        events_.string({text, size});
        return is_paired({text, size});
    }
    bool Key(const char* name, Size size, bool) {
        events_.key({name, size});
        return is_paired({name, size});
    }
    bool StartObject() { return events_.object_begin(); }
    bool StartArray() { return events_.array_begin(); }
    bool EndObject(Size) { return events_.end(), true; }
    bool EndArray(Size) { return events_.end(), true; }
    // Never called: numbers come as they are written.
    bool Int(int) { return false; }
    bool Uint(unsigned) { return false; }
    bool Int64(std::int64_t) { return false; }
    bool Uint64(std::uint64_t) { return false; }
    bool Double(double) { return false; }

    /// RapidJSON writes a lone low surrogate as three bytes that are no UTF-8.
    static bool is_paired(std::string_view text) noexcept {
        for (std::size_t at = text.find('\xED'); at != text.npos; at = text.find('\xED', at + 1))
            if (at + 1 < text.size() && static_cast<unsigned char>(text[at + 1]) >= 0xA0)
                return false;
        return true;
    }

private:
    PathEvents events_;
};

}  // namespace rapidjson_parts

/// The answers of `StrictJson`, found by RapidJSON: one grammar for rekey and your program.
///
/// Differs  a body with a number beyond a double, or an exponent that would be (`0e999`), wherever
///          it is, is malformed.
/// Cost     no tree is built and nothing recurses; one buffer for the longest string.
/// Source   RapidJSON 1.1.0, its SAX interface.
class RapidJson : public EventReader<rapidjson_parts::Parsing> {};

}  // namespace body
}  // namespace v0_1
}  // namespace rekey

#endif
