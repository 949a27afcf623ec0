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
        std::size_t size = 0;
        while (size != rest_.size() && rest_[size] != '.') ++size;
        key = {rest_.data(), size};
        if (size == rest_.size())
            left_ = 0;
        else
            rest_ = {key.data() + size + 1, rest_.size() - size - 1};
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

/// What a text in UTF-8 may begin with (RFC 8259 §8.1; WHATWG HTML §9.2.5).
inline constexpr std::string_view byte_order_mark = "\xEF\xBB\xBF";

[[gnu::noinline]] constexpr const char* json_spaces_end(const char* at, const char* last) noexcept {
    while (at != last && is_json_space(*at)) ++at;
    return at;
}

/// The first byte at or behind `at` that is no space. Mostly there is none, and nothing is called.
constexpr const char* skip_json_space(const char* at, const char* last) noexcept {
    return at == last || *at > ' ' ? at : json_spaces_end(at, last);
}

/// The start of the text behind spaces and a byte order mark, which RFC 8259 §8.1 allows to skip.
constexpr const char* json_start(const char* at, const char* last) noexcept {
    if (last - at >= 3 && same_bytes(at, byte_order_mark.data(), 3)) at += 3;
    return skip_json_space(at, last);
}

/// The end of the number that starts at `at`, or null if none does (RFC 8259 §6).
inline const char* json_number_end(const char* at, const char* last) noexcept {
    if (at != last && *at == '-') ++at;
    // The digits before the point, behind it, and of the exponent: the same loop for all of them.
    for (char part = '0';;) {
        if (at == last || !is_digit(*at)) return nullptr;
        if (part == '0' && *at == '0')
            ++at;
        else
            while (at != last && is_digit(*at)) ++at;
        if (at == last) return at;
        if (part == '0' && *at == '.') {
            part = '.';
        } else if (part != 'e' && (*at | 0x20) == 'e') {
            part = 'e';
            if (last - at > 1 && (at[1] == '+' || at[1] == '-')) ++at;
        } else {
            return at;
        }
        ++at;
    }
}

/// The end of the number, `true`, `false` or `null` that starts at `at`, or null if none does.
/// What follows it is for the caller to judge. Requires `at != last`. Small, for few are walked
/// over.
[[gnu::noinline, gnu::cold]] inline const char* json_scalar_end(const char* at,
                                                                const char* last) noexcept {
    const char* word = "true";
    switch (*at) {
        case 't': break;
        case 'f': word = "false"; break;
        case 'n': word = "null"; break;
        default: return json_number_end(at, last);
    }
    for (; *word != '\0'; ++word, ++at)
        if (at == last || *at != *word) return nullptr;
    return at;
}

/// Multiplies by a power of ten; false if the result is no int64 of either sign.
[[gnu::noinline]] inline bool json_scaled(std::uint64_t& sum, std::int64_t power) noexcept {
    if (power < 0) return false;
    for (; power != 0; --power) {
        if (sum > static_cast<std::uint64_t>(INT64_MAX) / 10) return false;
        sum *= 10;
    }
    return true;
}

/// Whether the number `[first, last)` is exactly an int64, and which: `4101`, `4101.0`, `1e3`.
///
/// Requires a text `json_number_end` accepts, or `-?[0-9]+`.
/// Cost     linear in the text; the exponent's size does not matter.
[[gnu::cold]] inline bool json_exact_integer(const char* first, const char* last,
                                             std::int64_t& value) noexcept {
    const bool negative = *first == '-';
    if (negative) ++first;
    const std::uint64_t limit = static_cast<std::uint64_t>(INT64_MAX) + (negative ? 1U : 0U);
    std::uint64_t sum = 0;      // the digits so far, without the zeros at their end
    std::int64_t scale = 0;     // those zeros, then the power of ten that is still to be applied
    std::int64_t fraction = 0;  // digits behind the point
    std::int64_t exponent = 0, in_fraction = 0;
    for (; first != last && (*first | 0x20) != 'e'; ++first) {
        if (*first == '.') {
            in_fraction = 1;
            continue;
        }
        fraction += in_fraction;
        if (sum != 0) ++scale;
        if (*first == '0') continue;
        const auto digit = static_cast<unsigned>(*first - '0');
        if (!json_scaled(sum, scale) || digit > limit - sum) return false;
        sum += digit;
        scale = 0;
    }
    if (first != last) {
        ++first;
        const bool down = *first == '-';
        if (down || *first == '+') ++first;
        for (; first != last; ++first)  // no body is long enough to make up for 10^15
            if (exponent < 1000000000000000) exponent = exponent * 10 + (*first - '0');
        if (down) exponent = -exponent;
    }
    if (sum != 0 && !json_scaled(sum, scale - fraction + exponent)) return false;
    value = static_cast<std::int64_t>(negative ? 0 - sum : sum);
    return true;
}

/// One decoded piece of a string: the bytes of one escape, or one byte that stands for itself.
struct JsonPiece {
    char bytes[4] = {};
    unsigned char size = 1;
};

[[gnu::noinline, gnu::cold]] inline JsonPiece json_piece(std::uint32_t point) noexcept {
    JsonPiece piece;
    if (point >= 0x80) piece.size = point < 0x800 ? 2 : point < 0x10000 ? 3 : 4;
    for (unsigned i = piece.size; --i != 0; point >>= 6)
        piece.bytes[i] = static_cast<char>(0x80U | (point & 0x3FU));
    const std::uint32_t marks = piece.size == 1 ? 0 : 0xFF00U >> piece.size;  // 2: 0xC0, 3: 0xE0
    piece.bytes[0] = static_cast<char>((marks | point) & 0xFFU);
    return piece;
}

/// The value of four hexadecimal digits at `at`, or -1.
[[gnu::cold]] inline std::int32_t json_hex4(const char* at, const char* last) noexcept {
    if (last - at < 4) return -1;
    std::int32_t value = 0;
    for (int i = 0; i != 4; ++i) {
        const char letter = static_cast<char>(at[i] | 0x20);
        const bool is_letter = letter >= 'a' && letter <= 'f';
        if (!is_letter && !is_digit(at[i])) return -1;
        value = value * 16 + (is_letter ? letter - 'a' + 10 : letter - '0');
    }
    return value;
}

/// Reads the escape behind a backslash and moves behind it: its code point, U+FFFD if broken.
[[gnu::cold]] inline std::uint32_t json_escape(const char*& at, const char* last) noexcept {
    constexpr std::uint32_t replacement = 0xFFFD;
    if (at == last) return replacement;
    const char letter = *at++;
    if (letter != 'u') {
        constexpr char letters[] = "\"\\/bfnrt";
        constexpr char meanings[] = "\"\\/\b\f\n\r\t";
        for (unsigned i = 0; letters[i] != '\0'; ++i)
            if (letters[i] == letter) return static_cast<unsigned char>(meanings[i]);
        return replacement;
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

/// `same_json_key` behind the bytes that stand for themselves.
[[gnu::noinline, gnu::cold]] inline bool same_escaped_key(const char* at, const char* last,
                                                          std::string_view key) noexcept {
    std::size_t seen = 0;
    while (at != last) {
        const JsonPiece piece = next_json_piece(at, last);
        for (unsigned i = 0; i != piece.size; ++i)
            if (seen == key.size() || key[seen++] != piece.bytes[i]) return false;
    }
    return seen == key.size();
}

/// Whether the inside of a string, decoded, is `key`. Stops at the first difference.
inline bool same_json_key(const char* at, const char* last, std::string_view key) noexcept {
    if (static_cast<std::size_t>(last - at) < key.size()) return false;  // decoding never grows
    const char* wanted = key.data();
    const char* const end = wanted + key.size();
    for (; at != last && *at != '\\'; ++at, ++wanted)
        if (wanted == end || *wanted != *at) return false;
    if (at == last) return wanted == end;
    return same_escaped_key(at, last, {wanted, static_cast<std::size_t>(end - wanted)});
}

}  // namespace detail
}  // namespace v0_1
}  // namespace rekey

#endif
