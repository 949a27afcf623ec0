// SPDX-License-Identifier: BSL-1.0
// json: reads single values out of JSON bodies: the service code, a message, a log id.
#ifndef REKEY_BODY_JSON_HPP
#define REKEY_BODY_JSON_HPP

#include <rekey/body/reading.hpp>
#include <rekey/detail/bytes.hpp>
#include <rekey/detail/json_text.hpp>
#include <rekey/detail/json_walk.hpp>
#include <rekey/version.hpp>

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace rekey {
inline namespace v0_1 {
namespace body {

/// What stands at a path.
enum class Kind : unsigned char {
    absent,   ///< The body is well formed and has nothing there.
    null,     ///< `null`.
    boolean,  ///< `true` or `false`; `raw` says which.
    integer,  ///< A number that is exactly an int64, however it is written: `1000`, `1e3`, `1.0`.
    number,   ///< Any other number: `0.5`, `1e99`, 9223372036854775808.
    string,
    object,
    array,
    malformed  ///< The body cannot be trusted, wherever its fault is.
};

/// A value as it stands in a body. A view: it lives as long as the body.
struct Value {
    Kind kind = Kind::absent;
    std::int64_t integer = 0;  ///< Set for `Kind::integer`, otherwise zero.
    /// Its text; a string without quotes, its escapes not decoded. Empty if absent or malformed.
    std::string_view raw{};
};

/// The value at a path of keys: `find(body, "detail", "logid")`. No key means the whole document.
///
/// Reads to the end of the body. Checked: one value and nothing but spaces behind it; every string
/// ended and every bracket closed; the objects on the path member by member (names, colons, commas,
/// numbers and words). Not checked, for speed: what containers beside the path hold, beyond strings
/// and the balance of brackets (`[1,,}` in there passes if the count agrees), and inside strings
/// the escapes, the UTF-8 and raw control characters. `StrictJson` (rekey/body/strict_json.hpp)
/// checks all of it. The first of several equal keys counts, on every level. A key may be written
/// with escapes. A UTF-8 byte order mark at the start is skipped. Only space, tab, CR and LF are
/// spaces.
///
/// Errors   Kind::malformed, whatever was found before the fault.
/// Cost     one pass, no allocation, no recursion; any depth of nesting in O(1) memory.
/// Source   RFC 8259.
template <class... Keys> Value find(std::string_view body, Keys... keys) noexcept;

/// The same with the keys in one text: `find_path(body, "detail.logid")`. A key with a dot in it
/// needs `find`; an empty text means the whole document.
inline Value find_path(std::string_view body, std::string_view dotted) noexcept;

/// The text of a value: a string decoded to UTF-8, anything else as it stands; `null` is "".
///
/// A lone surrogate or a broken escape becomes U+FFFD; an escaped NUL becomes that character.
std::string decode(const Value& value);

/// Reads JSON bodies to their end: the reader to use when in doubt.
///
/// A body cut short, at whatever byte, is malformed and never a success. See `find` for the checks.
struct Json {
    /// The top-level `code`: an exact integer (`4101`, `4101.0`, `1e3`) or a string of digits
    /// (`"4101"`, `"-1"`) is present; missing or `null` is absent, and so is any top level that is
    /// no object. A code of another kind, or beyond int64, makes the body malformed.
    static Reading code(std::string_view body) noexcept;

    /// The decoded text at a dotted path; "" if it is absent, `null` or the body malformed.
    static std::string text(std::string_view body, std::string_view dotted_path);
};

/// Stops as soon as the first top-level `code` is known: a few instructions for `{"code":0,…`.
///
/// Requires a transport that vouches for whole bodies (Content-Length or chunked framing checked,
///          a broken connection reported): a body cut off behind the code is accepted.
/// Answers  like `Json` whenever `Json` finds the body well formed.
struct JsonPrefix {
    static Reading code(std::string_view body) noexcept;
    /// The same, without a loop for four digits and a comma: nearly all codes of failures.
    static Reading code_of_failure(std::string_view body) noexcept;
    static std::string text(std::string_view body, std::string_view dotted_path);
};

/// What the value found by one of the walks is. Out of line and made small, as what makes texts and
/// codes of it: all readers of a program share that, and it is little beside the walk.
[[gnu::noinline, gnu::cold]] inline Value value_of(const detail::JsonSpan& span) noexcept {
    Value value;
    if (!span.well_formed) value.kind = Kind::malformed;
    if (!span.well_formed || span.first == nullptr) return value;
    value.raw = {span.first, static_cast<std::size_t>(span.last - span.first)};
    switch (*span.first) {
        case '"':
            value.kind = Kind::string;
            value.raw = value.raw.substr(1, value.raw.size() - 2);
            break;
        case '{': value.kind = Kind::object; break;
        case '[': value.kind = Kind::array; break;
        case 't':
        case 'f': value.kind = Kind::boolean; break;
        case 'n': value.kind = Kind::null; break;
        default:
            value.kind = detail::json_exact_integer(span.first, span.last, value.integer)
                             ? Kind::integer
                             : Kind::number;
    }
    return value;
}

/// The code that a value at the top-level `code` stands for.
[[gnu::noinline, gnu::cold]] inline Reading reading_of(const Value& value) noexcept {
    if (value.kind == Kind::absent || value.kind == Kind::null) return {};
    if (value.kind == Kind::integer) return {Found::present, value.integer};
    Reading reading{Found::malformed, 0};
    const char* at = value.raw.data();
    const char* const last = at + value.raw.size();
    if (value.kind != Kind::string || at == last) return reading;
    if (*at == '-') ++at;
    bool digits = at != last;
    for (; at != last; ++at) digits = digits && detail::is_digit(*at);
    if (digits && detail::json_exact_integer(value.raw.data(), last, reading.code))
        reading.found = Found::present;
    return reading;
}

template <class... Keys> Value find(std::string_view body, Keys... keys) noexcept {
    const std::string_view list[] = {std::string_view(keys)..., std::string_view()};
    return value_of(
        detail::json_walk<detail::BestBits>(body, detail::JsonPath(list, sizeof...(keys)), true));
}

inline Value find_path(std::string_view body, std::string_view dotted) noexcept {
    return value_of(detail::json_walk<detail::BestBits>(body, detail::JsonPath(dotted), true));
}

[[gnu::noinline, gnu::cold]] inline std::string decode(const Value& value) {
    std::string text;
    const char* at = value.raw.data();
    const char* const last = at + (value.kind <= Kind::null ? 0 : value.raw.size());
    while (at != last) {
        const char* const plain = at;
        while (at != last && (*at != '\\' || value.kind != Kind::string)) ++at;
        text.append(plain, static_cast<std::size_t>(at - plain));
        if (at == last) break;
        const detail::JsonPiece piece = detail::next_json_piece(at, last);
        text.append(piece.bytes, piece.size);
    }
    return text;
}

inline Reading Json::code(std::string_view body) noexcept { return reading_of(find(body, "code")); }

[[gnu::noinline]] inline std::string Json::text(std::string_view body,
                                                std::string_view dotted_path) {
    return decode(find_path(body, dotted_path));
}

/// The part of JsonPrefix::code for bodies that do not begin with a plain `{"code":…`.
[[gnu::noinline, gnu::cold]] inline Reading code_by_walking(std::string_view body) noexcept {
    return reading_of(
        value_of(detail::json_walk<detail::BestBits>(body, detail::JsonPath("code"), false)));
}

/// Whether a body begins with `{"code":` and has two bytes more: one 8-byte compare.
[[gnu::always_inline]] inline bool begins_with_code(std::string_view body) noexcept {
    return body.size() >= 10 && detail::same_bytes(body.data(), "{\"code\":", 8);
}

/// The part of JsonPrefix::code for any code but a 0 with a comma. Requires
/// `begins_with_code(body)`.
[[gnu::noinline]] inline Reading code_by_digits(std::string_view body) noexcept {
    constexpr std::size_t digits_at = 8, safe = digits_at + 18;  // 18 always fit into an int64
    const char* at = body.data() + digits_at;
    const char* const last = body.data() + (body.size() < safe ? body.size() : safe);
    const auto value = [&at] { return static_cast<unsigned char>(*at) - unsigned{'0'}; };
    unsigned digit = value();
    std::int64_t code = digit;
    if (digit <= 9)
        while (++at != last) {
            digit = value();
            if (digit > 9) {
                if (digit + '0' != ',' && digit + '0' != '}') break;
                return {Found::present, code};
            }
            if (code == 0) break;  // a number begins with no other 0
            code = code * 10 + digit;
        }
    return code_by_walking(body);
}

[[gnu::always_inline]] inline Reading JsonPrefix::code(std::string_view body) noexcept {
    if (!begins_with_code(body)) return code_by_walking(body);
    if (detail::same_bytes(body.data() + 8, "0,", 2)) return {Found::present, 0};
    return code_by_digits(body);
}

[[gnu::always_inline]] inline Reading JsonPrefix::code_of_failure(std::string_view body) noexcept {
    if (body.size() < 13 || !begins_with_code(body) || body[12] != ',') return code(body);
    const auto byte = [body](unsigned i) {  // one load of all four, whatever the byte order
        return std::uint32_t{static_cast<unsigned char>(body[8 + i])} << (8 * i);
    };
    const std::uint32_t digits = (byte(0) | byte(1) | byte(2) | byte(3)) ^ 0x30303030U;
    // Each is 0 to 9, and the first no 0: any other has its high bit, here or after the addition.
    if ((((digits - 1) | (digits + 0x76767676U)) & 0x80808080U) != 0) return code(body);
    const std::uint32_t pairs = digits * 0xA01U >> 8;  // two numbers of two digits, and as one:
    return {Found::present, (pairs & 0xFF00FFU) * 0x640001U >> 16};
}

[[gnu::noinline]] inline std::string JsonPrefix::text(std::string_view body,
                                                      std::string_view dotted_path) {
    return decode(
        value_of(detail::json_walk<detail::BestBits>(body, detail::JsonPath(dotted_path), false)));
}

}  // namespace body
}  // namespace v0_1
}  // namespace rekey

#endif
