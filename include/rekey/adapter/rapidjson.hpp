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

/// The answers of `StrictJson`, found by RapidJSON: one grammar for rekey and your program.
///
/// Differs  a body with a number beyond a double, or an exponent that would be (`0e999`), wherever
///          it is, is malformed.
/// Cost     no tree is built and nothing recurses; one buffer for the longest string.
/// Source   RapidJSON 1.1.0, its SAX interface.
class RapidJson {
public:
    static Reading code(std::string_view body) {
        Handler handler("code");
        return handler.accepts(body) ? handler.events.code() : Reading{Found::malformed, 0};
    }
    static std::string text(std::string_view body, std::string_view dotted_path) {
        Handler handler(dotted_path);
        if (!handler.accepts(body)) return {};
        return std::move(handler.events).text(body, dotted_path);
    }

private:
    struct Handler {
        using Size = rapidjson::SizeType;
        explicit Handler(std::string_view path) : events(path) {}

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

        bool Null() { return events.null(), true; }
        bool Bool(bool value) { return events.boolean(value), true; }
        bool RawNumber(const char* raw, Size size, bool) {
            return events.number({raw, size}), true;
        }
        bool String(const char* text, Size size, bool) {
            events.string({text, size});
            return is_paired({text, size});
        }
        bool Key(const char* name, Size size, bool) {
            events.key({name, size});
            return is_paired({name, size});
        }
        bool StartObject() { return events.object_begin(); }
        bool StartArray() { return events.array_begin(); }
        bool EndObject(Size) { return events.end(), true; }
        bool EndArray(Size) { return events.end(), true; }
        // Never called: numbers come as they are written.
        bool Int(int) { return false; }
        bool Uint(unsigned) { return false; }
        bool Int64(std::int64_t) { return false; }
        bool Uint64(std::uint64_t) { return false; }
        bool Double(double) { return false; }

        /// RapidJSON writes a lone low surrogate as three bytes that are no UTF-8.
        static bool is_paired(std::string_view text) noexcept {
            for (std::size_t at = text.find('\xED'); at != text.npos;
                 at = text.find('\xED', at + 1))
                if (at + 1 < text.size() && static_cast<unsigned char>(text[at + 1]) >= 0xA0)
                    return false;
            return true;
        }

        PathEvents events;
    };
};

}  // namespace body
}  // namespace v0_1
}  // namespace rekey

#endif
