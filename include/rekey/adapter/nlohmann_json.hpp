// SPDX-License-Identifier: BSL-1.0
// nlohmann_json: reads bodies with nlohmann/json: ReadWith<body::NlohmannJson>{}.
#ifndef REKEY_ADAPTER_NLOHMANN_JSON_HPP
#define REKEY_ADAPTER_NLOHMANN_JSON_HPP

#include <rekey/body/path_events.hpp>

#include <nlohmann/json.hpp>

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

namespace rekey {
inline namespace v0_1 {
namespace body {

namespace nlohmann_parts {

/// One body on its way through the parser of nlohmann/json, which calls its members.
class Parsing {
public:
    using Tree = nlohmann::json;
    explicit Parsing(std::string_view path) : events_(path) {}

    bool accepts(std::string_view body) {
        body = PathEvents::readable(body);
        return Tree::sax_parse(body.begin(), body.end(), this);
    }
    PathEvents& events() noexcept { return events_; }

    bool null() { return events_.null(), true; }
    bool boolean(bool value) { return events_.boolean(value), true; }
    bool number_integer(std::int64_t value) { return events_.integer(value), true; }
    bool number_unsigned(std::uint64_t value) {
        if (value <= static_cast<std::uint64_t>(INT64_MAX))
            events_.integer(static_cast<std::int64_t>(value));
        else
            events_.number("9223372036854775808");  // any of them: it is no code
        return true;
    }
    bool number_float(double, const std::string& raw) { return events_.number(raw), true; }
    bool string(const std::string& text) { return events_.string(text), true; }
    bool binary(const Tree::binary_t&) { return false; }
    bool start_object(std::size_t) { return events_.object_begin(); }
    bool start_array(std::size_t) { return events_.array_begin(); }
    bool key(const std::string& name) { return events_.key(name), true; }
    bool end_object() { return events_.end(), true; }
    bool end_array() { return events_.end(), true; }
    template <class Problem> bool parse_error(std::size_t, const std::string&, const Problem&) {
        return false;
    }

private:
    PathEvents events_;
};

}  // namespace nlohmann_parts

/// The answers of `StrictJson`, found by nlohmann/json: one grammar for rekey and your program.
///
/// Differs  a body with a number beyond a double (`1e400`), wherever it is, is malformed.
/// Cost     no tree is built; a string is copied for each name and string of the body.
/// Source   nlohmann/json 3.9 to 3.11, its SAX interface.
class NlohmannJson : public EventReader<nlohmann_parts::Parsing> {};

}  // namespace body
}  // namespace v0_1
}  // namespace rekey

#endif
