// SPDX-License-Identifier: BSL-1.0
// simdjson: reads bodies with simdjson: ReadWith<body::SimdJson>{}.
#ifndef REKEY_ADAPTER_SIMDJSON_HPP
#define REKEY_ADAPTER_SIMDJSON_HPP

#include <rekey/body/path_events.hpp>

#include <simdjson.h>

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

namespace rekey {
inline namespace v0_1 {
namespace body {

/// The answers of `StrictJson`, found by simdjson: one grammar for rekey and your program.
///
/// Differs  a body with a number beyond a double, or an integer beyond int64 and uint64, wherever
/// it
///          is, is malformed.
/// Cost     a copy of the body with room behind it, and a parser, for each reading.
/// Source   simdjson 3, its DOM interface, which checks the whole body; On Demand does not.
class SimdJson {
public:
    static Reading code(std::string_view body) {
        Parsing parsing("code");
        return parsing.accepts(body) ? parsing.events.code() : Reading{Found::malformed, 0};
    }
    static std::string text(std::string_view body, std::string_view dotted_path) {
        Parsing parsing(dotted_path);
        if (!parsing.accepts(body)) return {};
        return std::move(parsing.events).text(body, dotted_path);
    }

private:
    struct Parsing {
        using Element = simdjson::dom::element;
        using Type = simdjson::dom::element_type;
        explicit Parsing(std::string_view path) : dotted(path), events({}) {}

        bool accepts(std::string_view body) {
            body = PathEvents::readable(body);
            if (body.empty()) return false;
            simdjson::dom::parser parser;
            // The document counts as a level.
            if (parser.allocate(body.size(), PathEvents::deepest + 1) != simdjson::SUCCESS)
                return false;
            Element element;
            if (parser.parse(simdjson::padded_string(body)).get(element) != simdjson::SUCCESS)
                return false;
            rekey::detail::JsonPath path(dotted);
            for (std::string_view key; path.next(key);) {
                simdjson::dom::object object;
                if (element.get(object) != simdjson::SUCCESS) return absent();
                if (object.at_key(key).get(element) != simdjson::SUCCESS) return absent();
            }
            tell(element, body);
            return true;
        }

        /// Nothing is at the path: the events of a body that has nothing there.
        bool absent() {
            events = PathEvents("code");
            (void)events.object_begin();
            events.end();
            return true;
        }
        void tell(const Element& element, std::string_view body) {
            switch (element.type()) {
                case Type::ARRAY: (void)events.array_begin(); break;
                case Type::OBJECT: (void)events.object_begin(); break;
                case Type::INT64: events.integer(element.get_int64().value_unsafe()); break;
                case Type::UINT64:
                case Type::DOUBLE: events.number(find_path(body, dotted).raw); break;
                case Type::STRING: events.string(element.get_string().value_unsafe()); break;
                case Type::BOOL: events.boolean(element.get_bool().value_unsafe()); break;
                case Type::NULL_VALUE: events.null(); break;
            }
        }

        std::string_view dotted;
        PathEvents events;  // of the value alone
    };
};

}  // namespace body
}  // namespace v0_1
}  // namespace rekey

#endif
