// SPDX-License-Identifier: BSL-1.0
// json_strict: finds one value by its path and checks the whole grammar on the way.
#ifndef REKEY_DETAIL_JSON_STRICT_HPP
#define REKEY_DETAIL_JSON_STRICT_HPP

#include <rekey/detail/json_bits.hpp>
#include <rekey/detail/json_text.hpp>
#include <rekey/version.hpp>

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace rekey {
inline namespace v0_1 {
namespace detail {

/// The length of the UTF-8 sequence at `at`, which starts beyond ASCII, or 0 (RFC 3629 §4).
inline std::ptrdiff_t utf8_length(const char* at, const char* last) noexcept {
    const auto byte = [&](int i) { return static_cast<unsigned char>(at[i]); };
    const auto follows = [&](int i) { return (byte(i) & 0xC0U) == 0x80U; };
    const unsigned lead = byte(0);
    const std::ptrdiff_t left = last - at;
    if (lead < 0xC2) return 0;
    if (lead < 0xE0) return left >= 2 && follows(1) ? 2 : 0;
    if (lead < 0xF0) {
        if (left < 3 || !follows(1) || !follows(2)) return 0;
        if (lead == 0xE0 && byte(1) < 0xA0) return 0;   // written longer than needed
        return lead == 0xED && byte(1) > 0x9F ? 0 : 3;  // a surrogate
    }
    if (lead > 0xF4 || left < 4 || !follows(1) || !follows(2) || !follows(3)) return 0;
    if (lead == 0xF0 && byte(1) < 0x90) return 0;
    return lead == 0xF4 && byte(1) > 0x8F ? 0 : 4;  // beyond U+10FFFF
}

/// The end of the escape at `at`, a backslash, or null. A surrogate has to be half of a pair.
inline const char* json_escape_end(const char* at, const char* last) noexcept {
    if (last - at < 2) return nullptr;
    switch (at[1]) {
        case '"':
        case '\\':
        case '/':
        case 'b':
        case 'f':
        case 'n':
        case 'r':
        case 't': return at + 2;
        case 'u': break;
        default: return nullptr;
    }
    const std::int32_t high = json_hex4(at + 2, last);
    if (high < 0 || (high >= 0xDC00 && high <= 0xDFFF)) return nullptr;
    at += 6;
    if (high < 0xD800 || high > 0xDBFF) return at;
    if (last - at < 6 || at[0] != '\\' || at[1] != 'u') return nullptr;
    const std::int32_t low = json_hex4(at + 2, last);
    return low >= 0xDC00 && low <= 0xDFFF ? at + 6 : nullptr;
}

/// `json_string_end` for the strings it does not get through in one step.
template <class Bits>
[[gnu::noinline]] const char* json_long_string_end(const char* at, const char* last) noexcept {
    for (;;) {
        while (static_cast<std::size_t>(last - at) >= Bits::step) {
            const unsigned plain = Bits::plain_bytes(at);
            at += plain;
            if (plain != Bits::step) break;
        }
        if (at == last) return nullptr;
        const auto byte = static_cast<unsigned char>(*at);
        if (byte == '"') return at;
        if (byte == '\\') {
            at = json_escape_end(at, last);
            if (at == nullptr) return nullptr;
        } else if (byte >= 0x80) {
            do {  // text beyond ASCII comes in runs
                const std::ptrdiff_t length = utf8_length(at, last);
                if (length == 0) return nullptr;
                at += length;
            } while (at != last && static_cast<unsigned char>(*at) >= 0x80);
        } else {
            if (byte < 0x20) return nullptr;
            ++at;
        }
    }
}

/// The closing quote of the string whose inside starts at `at`, or null.
template <class Bits> const char* json_string_end(const char* at, const char* last) noexcept {
    if (static_cast<std::size_t>(last - at) >= Bits::step) {
        const unsigned plain = Bits::plain_bytes(at);
        if (plain != Bits::step && at[plain] == '"') return at + plain;
    }
    return json_long_string_end<Bits>(at, last);
}

/// Which kinds of containers are open, one bit each: any depth up to `deepest`, 128 bytes.
class JsonNesting {
public:
    static constexpr std::size_t deepest = 1024;

    std::size_t depth() const noexcept { return depth_; }
    bool in_object() const noexcept { return in_object_; }

    bool push(bool object) noexcept {
        if (depth_ == deepest) return false;
        std::uint64_t& word = outer_[depth_ / 64];
        word = word << 1 | (in_object_ ? 1U : 0U);  // the last pushed is the lowest bit
        ++depth_;
        in_object_ = object;
        return true;
    }
    void pop() noexcept {
        --depth_;
        std::uint64_t& word = outer_[depth_ / 64];
        in_object_ = (word & 1U) != 0;
        word >>= 1;
    }

private:
    std::size_t depth_ = 0;
    bool in_object_ = false;
    std::uint64_t outer_[deepest / 64] = {};
};

/// Like `json_walk`, but every byte obeys RFC 8259, strings are UTF-8 and surrogates are paired.
template <class Bits>
[[gnu::noinline]] JsonSpan json_strict(std::string_view body, JsonPath path) noexcept {
    enum class Next : unsigned char { other, on_the_path, wanted };
    constexpr JsonSpan malformed{};
    constexpr std::size_t nowhere = SIZE_MAX;
    const char* const last = body.data() + body.size();
    const char* at = json_start(body.data(), last);
    JsonNesting nesting;
    const char* found = nullptr;
    const char* found_end = nullptr;
    std::string_view key;
    Next next = path.next(key) ? Next::on_the_path : Next::wanted;  // what the next value is
    std::size_t key_depth = nowhere;    // the depth of the object in which `key` is looked for
    std::size_t found_depth = nowhere;  // the depth around the wanted container, while it is open
    bool wants_name = false;

    for (;;) {
        if (wants_name) {
            if (at == last || *at != '"') return malformed;
            const char* const name = at + 1;
            const char* const name_end = json_string_end<Bits>(name, last);
            if (name_end == nullptr) return malformed;
            at = skip_json_space(name_end + 1, last);
            if (at == last || *at != ':') return malformed;
            at = skip_json_space(at + 1, last);
            if (nesting.depth() == key_depth && same_json_key(name, name_end, key)) {
                next = path.next(key) ? Next::on_the_path : Next::wanted;
                key_depth = nowhere;
            }
        }

        if (at == last) return malformed;
        const char* const value = at;
        const char first = *value;
        if (first == '{' || first == '[') {
            if (next == Next::wanted) {
                found = value;
                found_depth = nesting.depth();
            } else if (next == Next::on_the_path && first == '{') {
                key_depth = nesting.depth() + 1;
            }
            next = Next::other;
            if (!nesting.push(first == '{')) return malformed;
            at = skip_json_space(at + 1, last);
            if (at == last) return malformed;
            if (*at != first + 2) {  // not empty; ASCII: '[' + 2 is ']'
                wants_name = first == '{';
                continue;
            }
        } else {
            if (first == '"') {
                at = json_string_end<Bits>(value + 1, last);
                if (at == nullptr) return malformed;
                ++at;
            } else {
                at = *value == '-' || is_digit(*value) ? json_number_end(value, last)
                                                       : json_scalar_end(value, last);
                if (at == nullptr) return malformed;
            }
            if (next != Next::other) {
                if (next == Next::wanted) {
                    found = value;
                    found_end = at;
                }
                next = Next::other;
            }
            at = skip_json_space(at, last);
        }

        for (; at == last || *at != ','; at = skip_json_space(at, last)) {
            if (nesting.depth() == 0) return {found, found_end, at == last};
            if (at == last || *at != (nesting.in_object() ? '}' : ']')) return malformed;
            ++at;
            nesting.pop();
            if (nesting.depth() < key_depth) key_depth = nowhere;
            if (nesting.depth() == found_depth) {
                found_end = at;
                found_depth = nowhere;
            }
        }
        wants_name = nesting.in_object();
        if (!wants_name && nesting.depth() == 0) return malformed;
        at = skip_json_space(at + 1, last);
    }
}

}  // namespace detail
}  // namespace v0_1
}  // namespace rekey

#endif
