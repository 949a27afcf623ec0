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

namespace simdjson_parts {

/// One body, and what simdjson makes of it.
class Parsing {
public:
    using Element = simdjson::dom::element;
    using Type = simdjson::dom::element_type;
    explicit Parsing(std::string_view path) : dotted_(path), events_({}) {}

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
        if (is_too_deep(body)) return false;
        rekey::detail::JsonPath path(dotted_);
        for (std::string_view key; path.next(key);) {
            simdjson::dom::object object;
            if (element.get(object) != simdjson::SUCCESS) return absent();
            if (object.at_key(key).get(element) != simdjson::SUCCESS) return absent();
        }
        tell(element, body);
        return true;
    }
    PathEvents& events() noexcept { return events_; }

private:
    /// simdjson counts no level for an empty container. Requires a body that it has accepted.
    static bool is_too_deep(std::string_view body) noexcept {
        std::size_t depth = 0;
        bool is_inside = false;  // of a string
        for (std::size_t at = 0; at != body.size(); ++at) {
            const char symbol = body[at];
            if (symbol == '"') is_inside = !is_inside;
            if (is_inside)
                at += symbol == '\\' ? 1u : 0u;
            else if (symbol == '[' || symbol == '{')
                ++depth;
            else if (symbol == ']' || symbol == '}')
                --depth;
            if (depth > PathEvents::deepest) return true;
        }
        return false;
    }
    /// Nothing is at the path: the events of a body that has nothing there.
    bool absent() {
        events_ = PathEvents("code");
        (void)events_.object_begin();
        events_.end();
        return true;
    }
    void tell(const Element& element, std::string_view body) {
        switch (element.type()) {
            case Type::ARRAY: (void)events_.array_begin(); break;
            case Type::OBJECT: (void)events_.object_begin(); break;
            case Type::INT64: events_.integer(element.get_int64().value_unsafe()); break;
            case Type::UINT64:
            case Type::DOUBLE: events_.number(find_path(body, dotted_).raw); break;
            case Type::STRING: events_.string(element.get_string().value_unsafe()); break;
            case Type::BOOL: events_.boolean(element.get_bool().value_unsafe()); break;
            case Type::NULL_VALUE: events_.null(); break;
        }
    }

    std::string_view dotted_;
    PathEvents events_;  // of the value alone
};

}  // namespace simdjson_parts

/// The answers of `StrictJson`, found by simdjson: one grammar for rekey and your program.
///
/// Differs  a body with a number beyond a double, or an integer beyond int64 and uint64,
///          wherever it is, is malformed.
/// Cost     a copy of the body with room behind it, and a parser, for each reading.
/// Source   simdjson 3, its DOM interface, which checks the whole body; On Demand does not.
class SimdJson : public EventReader<simdjson_parts::Parsing> {};

}  // namespace body
}  // namespace v0_1
}  // namespace rekey

#endif
