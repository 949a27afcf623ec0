// SPDX-License-Identifier: BSL-1.0
// json_text: the small pieces of JSON text: spaces, scalars, escapes, keys, paths.
#ifndef REKEY_DETAIL_JSON_TEXT_HPP
#define REKEY_DETAIL_JSON_TEXT_HPP

#include <rekey/detail/bytes.hpp>
#include <rekey/version.hpp>

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace rekey {
inline namespace v0_1 {
namespace detail {

/// Where a value stands in a body. `first` is null if it is absent; strings keep their quotes.
struct JsonSpan {
    const char* first = nullptr;
    const char* last = nullptr;
    bool well_formed = false;
};

/// The keys that lead to a value, outermost first: a list, or one text with dots between them.
class JsonPath {
public:
    JsonPath(const std::string_view* keys, std::size_t count) noexcept
        : keys_(keys), left_(count) {}
    explicit JsonPath(std::string_view dotted) noexcept
        : rest_(dotted), left_(dotted.empty() ? 0 : 1) {}

    /// Takes the next key; false when the path is used up.
    [[gnu::noinline]] bool next(std::string_view& key) noexcept {
        if (left_ == 0) return false;
        if (keys_ != nullptr) {
            key = *keys_++;
            --left_;
            return true;
        }
        const std::size_t dot = rest_.find('.');
        key = rest_.substr(0, dot);
        if (dot == std::string_view::npos)
            left_ = 0;
        else
            rest_.remove_prefix(dot + 1);
        return true;
    }

private:
    const std::string_view* keys_ = nullptr;
    std::string_view rest_{};
    std::size_t left_;
};

constexpr bool is_json_space(char c) noexcept {
    return c == ' ' || c == '\n' || c == '\r' || c == '\t';
}

constexpr bool is_digit(char c) noexcept { return c >= '0' && c <= '9'; }

[[gnu::noinline]] inline const char* skip_json_spaces(const char* at, const char* last) noexcept {
    while (at != last && is_json_space(*at)) ++at;
    return at;
}

/// The first byte at or behind `at` that is no space. Mostly there is none, and nothing is called.
inline const char* skip_json_space(const char* at, const char* last) noexcept {
    return at == last || *at > ' ' ? at : skip_json_spaces(at, last);
}

/// The start of the text behind spaces and a byte order mark, which RFC 8259 §8.1 allows to skip.
inline const char* json_start(const char* at, const char* last) noexcept {
    if (last - at >= 3 && same_bytes(at, "\xEF\xBB\xBF", 3)) at += 3;
    return skip_json_space(at, last);
}

/// The end of the number that starts at `at`, or null if none does (RFC 8259 §6).
inline const char* json_number_end(const char* at, const char* last) noexcept {
    const auto digits = [&] {
        const char* const from = at;
        while (at != last && is_digit(*at)) ++at;
        return at != from;
    };
    if (at != last && *at == '-') ++at;
    if (at != last && *at == '0')
        ++at;
    else if (!digits())
        return nullptr;
    if (at != last && *at == '.') {
        ++at;
        if (!digits()) return nullptr;
    }
    if (at != last && (*at == 'e' || *at == 'E')) {
        ++at;
        if (at != last && (*at == '+' || *at == '-')) ++at;
        if (!digits()) return nullptr;
    }
    return at;
}

/// The end of the number, `true`, `false` or `null` that starts at `at`, or null if none does.
/// What follows it is for the caller to judge. Requires `at != last`.
inline const char* json_scalar_end(const char* at, const char* last) noexcept {
    const auto word = [&](const char* text, std::size_t size) -> const char* {
        if (static_cast<std::size_t>(last - at) < size) return nullptr;
        return same_bytes(at, text, size) ? at + size : nullptr;
    };
    switch (*at) {
        case 't': return word("true", 4);
        case 'f': return word("false", 5);
        case 'n': return word("null", 4);
        default: return json_number_end(at, last);
    }
}

/// Whether the number `[first, last)` is exactly an int64, and which: `4101`, `4101.0`, `1e3`.
///
/// Requires a text `json_number_end` accepts, or `-?[0-9]+`.
/// Cost     linear in the text; the exponent's size does not matter.
inline bool json_exact_integer(const char* first, const char* last, std::int64_t& value) noexcept {
    const bool negative = *first == '-';
    if (negative) ++first;
    const std::uint64_t limit = static_cast<std::uint64_t>(INT64_MAX) + (negative ? 1U : 0U);
    std::uint64_t sum = 0;   // the digits so far, without the zeros at their end
    std::int64_t scale = 0;  // those zeros, then the power of ten that is still to be applied
    const auto append = [&](unsigned digit) {
        if (sum > limit / 10 || sum * 10 > limit - digit) return false;
        sum = sum * 10 + digit;
        return true;
    };
    std::int64_t fraction = 0;
    bool in_fraction = false;
    for (; first != last && *first != 'e' && *first != 'E'; ++first) {
        if (*first == '.') {
            in_fraction = true;
            continue;
        }
        if (in_fraction) ++fraction;
        if (*first == '0') {
            if (sum != 0) ++scale;
            continue;
        }
        for (; scale != 0; --scale)
            if (!append(0)) return false;
        if (!append(static_cast<unsigned>(*first - '0'))) return false;
    }
    value = 0;
    if (sum == 0) return true;
    scale -= fraction;
    if (first != last) {
        ++first;
        const bool down = *first == '-';
        if (down || *first == '+') ++first;
        std::int64_t exponent = 0;
        for (; first != last; ++first)  // no body is long enough to make up for 10^15
            if (exponent < 1000000000000000) exponent = exponent * 10 + (*first - '0');
        scale += down ? -exponent : exponent;
    }
    if (scale < 0) return false;
    for (; scale != 0; --scale)
        if (!append(0)) return false;
    value = !negative                                     ? static_cast<std::int64_t>(sum)
            : sum > static_cast<std::uint64_t>(INT64_MAX) ? INT64_MIN
                                                          : -static_cast<std::int64_t>(sum);
    return true;
}

/// One decoded piece of a string: the bytes of one escape, or one byte that stands for itself.
struct JsonPiece {
    char bytes[4] = {};
    unsigned char size = 1;
};

[[gnu::cold]] inline JsonPiece json_piece(std::uint32_t point) noexcept {
    JsonPiece piece;
    const auto byte = [&](std::uint32_t value) { return static_cast<char>(value & 0xFFU); };
    if (point < 0x80) {
        piece.bytes[0] = byte(point);
    } else if (point < 0x800) {
        piece.bytes[0] = byte(0xC0U | point >> 6);
        piece.bytes[1] = byte(0x80U | (point & 0x3FU));
        piece.size = 2;
    } else if (point < 0x10000) {
        piece.bytes[0] = byte(0xE0U | point >> 12);
        piece.bytes[1] = byte(0x80U | (point >> 6 & 0x3FU));
        piece.bytes[2] = byte(0x80U | (point & 0x3FU));
        piece.size = 3;
    } else {
        piece.bytes[0] = byte(0xF0U | point >> 18);
        piece.bytes[1] = byte(0x80U | (point >> 12 & 0x3FU));
        piece.bytes[2] = byte(0x80U | (point >> 6 & 0x3FU));
        piece.bytes[3] = byte(0x80U | (point & 0x3FU));
        piece.size = 4;
    }
    return piece;
}

/// The value of four hexadecimal digits at `at`, or -1.
[[gnu::cold]] inline std::int32_t json_hex4(const char* at, const char* last) noexcept {
    if (last - at < 4) return -1;
    std::int32_t value = 0;
    for (int i = 0; i != 4; ++i) {
        const char c = at[i];
        const char letter = static_cast<char>(c | 0x20);
        int digit = 0;
        if (is_digit(c))
            digit = c - '0';
        else if (letter >= 'a' && letter <= 'f')
            digit = letter - 'a' + 10;
        else
            return -1;
        value = value * 16 + digit;
    }
    return value;
}

/// Reads the escape behind a backslash and moves behind it: its code point, U+FFFD if broken.
[[gnu::cold]] inline std::uint32_t json_escape(const char*& at, const char* last) noexcept {
    constexpr std::uint32_t replacement = 0xFFFD;
    if (at == last) return replacement;
    const char letter = *at++;
    switch (letter) {
        case '"':
        case '\\':
        case '/': return static_cast<unsigned char>(letter);
        case 'b': return '\b';
        case 'f': return '\f';
        case 'n': return '\n';
        case 'r': return '\r';
        case 't': return '\t';
        case 'u': break;
        default: return replacement;
    }
    const std::int32_t high = json_hex4(at, last);
    if (high < 0) return replacement;
    at += 4;
    if (high < 0xD800 || high > 0xDFFF) return static_cast<std::uint32_t>(high);
    if (high > 0xDBFF || last - at < 6 || at[0] != '\\' || at[1] != 'u') return replacement;
    const std::int32_t low = json_hex4(at + 2, last);
    if (low < 0xDC00 || low > 0xDFFF) return replacement;
    at += 6;
    return static_cast<std::uint32_t>(0x10000 + ((high - 0xD800) << 10) + (low - 0xDC00));
}

/// Decodes the piece at `at` and moves behind it. Broken escapes and lone surrogates are U+FFFD.
///
/// Requires `at != last`; `[at, last)` is the inside of a string.
inline JsonPiece next_json_piece(const char*& at, const char* last) noexcept {
    if (*at == '\\') return json_piece(json_escape(++at, last));
    JsonPiece piece;
    piece.bytes[0] = *at++;
    return piece;
}

/// Whether the inside of a string, decoded, is `key`. Stops at the first difference.
inline bool same_json_key(const char* at, const char* last, std::string_view key) noexcept {
    if (static_cast<std::size_t>(last - at) < key.size()) return false;  // decoding never grows
    std::size_t seen = 0;
    while (at != last) {
        if (*at != '\\') {
            if (seen == key.size() || key[seen++] != *at++) return false;
            continue;
        }
        const JsonPiece piece = next_json_piece(at, last);
        for (unsigned i = 0; i != piece.size; ++i)
            if (seen == key.size() || key[seen++] != piece.bytes[i]) return false;
    }
    return seen == key.size();
}

}  // namespace detail
}  // namespace v0_1
}  // namespace rekey

#endif
