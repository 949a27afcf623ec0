// SPDX-License-Identifier: BSL-1.0
// boost_json: reads bodies with Boost.JSON: ReadWith<body::BoostJson>{}.
#ifndef REKEY_ADAPTER_BOOST_JSON_HPP
#define REKEY_ADAPTER_BOOST_JSON_HPP

#include <rekey/body/path_events.hpp>

#include <boost/json/basic_parser_impl.hpp>
#include <boost/json/parse_options.hpp>

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

namespace rekey {
inline namespace v0_1 {
namespace body {

namespace boost_json_parts {

/// What Boost.JSON calls.
struct Handler {
    using Code = boost::json::error_code;
    using View = boost::json::string_view;
    static constexpr std::size_t max_object_size = static_cast<std::size_t>(-1);
    static constexpr std::size_t max_array_size = static_cast<std::size_t>(-1);
    static constexpr std::size_t max_key_size = static_cast<std::size_t>(-1);
    static constexpr std::size_t max_string_size = static_cast<std::size_t>(-1);

    explicit Handler(std::string_view path) : events(path) {}

    bool on_document_begin(Code&) { return true; }
    bool on_document_end(Code&) { return true; }
    bool on_object_begin(Code& code) { return events.object_begin() || too_deep(code); }
    bool on_object_end(std::size_t, Code&) { return events.end(), true; }
    bool on_array_begin(Code& code) { return events.array_begin() || too_deep(code); }
    bool on_array_end(std::size_t, Code&) { return events.end(), true; }
    bool on_key_part(View part, std::size_t, Code&) { return add(part); }
    bool on_key(View part, std::size_t, Code&) {
        add(part);
        events.key(parts);
        return next();
    }
    bool on_string_part(View part, std::size_t, Code&) { return add(part); }
    bool on_string(View part, std::size_t, Code&) {
        add(part);
        events.string(parts);
        return next();
    }
    bool on_number_part(View part, Code&) { return add(part); }
    bool on_int64(std::int64_t, View part, Code&) { return number(part); }
    bool on_uint64(std::uint64_t, View part, Code&) { return number(part); }
    bool on_double(double, View part, Code&) { return number(part); }
    bool on_bool(bool value, Code&) { return events.boolean(value), true; }
    bool on_null(Code&) { return events.null(), true; }
    bool on_comment_part(View, Code&) { return true; }
    bool on_comment(View, Code&) { return true; }

    /// As it is written: what a double keeps of it may be another integer.
    bool number(View part) {
        add(part);
        events.number(parts);
        return next();
    }
    bool add(View part) { return parts.append(part.data(), part.size()), true; }
    bool next() { return parts.clear(), true; }
    static bool too_deep(Code& code) {
        code = boost::json::error::too_deep;
        return false;
    }

    PathEvents events;
    std::string parts{};
};

/// One body on its way through Boost.JSON.
class Parsing {
public:
    explicit Parsing(std::string_view path) : parser_(options(), path) {}
    bool accepts(std::string_view body) {
        body = PathEvents::readable(body);
        boost::json::error_code code;
        const std::size_t read = parser_.write_some(false, body.data(), body.size(), code);
        return !code && parser_.done() && read == body.size();
    }
    PathEvents& events() noexcept { return parser_.handler().events; }

private:
    static boost::json::parse_options options() noexcept {
        boost::json::parse_options options;
        options.max_depth = PathEvents::deepest + 1;  // the handler counts
        return options;
    }
    boost::json::basic_parser<Handler> parser_;
};

}  // namespace boost_json_parts

/// The answers of `StrictJson`, found by Boost.JSON: one grammar for rekey and your program.
///
/// Differs  before 1.83 a body with an exponent beyond an int, wherever it is, is malformed.
/// Needs    Boost.JSON linked, or `<boost/json/src.hpp>` in one file of the program.
/// Cost     no tree is built and nothing recurses.
/// Source   Boost.JSON 1.75 and later, its `basic_parser`.
class BoostJson : public EventReader<boost_json_parts::Parsing> {};

}  // namespace body
}  // namespace v0_1
}  // namespace rekey

#endif
