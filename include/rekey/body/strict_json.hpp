// SPDX-License-Identifier: BSL-1.0
// StrictJson: reads single values out of JSON bodies and checks every byte of them.
#ifndef REKEY_BODY_STRICT_JSON_HPP
#define REKEY_BODY_STRICT_JSON_HPP

#include <rekey/body/json.hpp>
#include <rekey/detail/json_strict.hpp>

#include <string>
#include <string_view>

namespace rekey {
inline namespace v0_1 {
namespace body {

/// Reads bodies to their end and checks every byte of them.
///
/// The grammar of RFC 8259, with UTF-8 strings and paired surrogates (RFC 7493 §2.1), no raw
/// control characters in strings, and at most 1024 open brackets. The first of equal keys counts.
///
/// Cost     1.5 to 4 times that of `Json` on usual answers; no allocation, no recursion, 128 bytes
///          for the brackets.
struct StrictJson {
    static Reading code(std::string_view body) noexcept;
    static std::string text(std::string_view body, std::string_view dotted_path);
};

inline Reading StrictJson::code(std::string_view body) noexcept {
    return reading_of(
        value_of(detail::json_strict<detail::BestBits>(body, detail::JsonPath("code"))));
}

[[gnu::noinline]] inline std::string StrictJson::text(std::string_view body,
                                                      std::string_view dotted_path) {
    return decode(
        value_of(detail::json_strict<detail::BestBits>(body, detail::JsonPath(dotted_path))));
}

}  // namespace body
}  // namespace v0_1
}  // namespace rekey

#endif
