// SPDX-License-Identifier: BSL-1.0
// text: the spellings FakeCoze reads and writes: JSON, URLs, base64url, HTML.
//
// URLs and base64url have their own code here on purpose: a mistake in the library's must not meet
// the same mistake in the server that judges it.
#ifndef REKEY_TESTING_FAKE_COZE_TEXT_HPP
#define REKEY_TESTING_FAKE_COZE_TEXT_HPP

#include <rekey/body/json.hpp>
#include <rekey/body/strict_json.hpp>
#include <rekey/version.hpp>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace rekey {
inline namespace v0_1 {
namespace testing {
namespace fake {

constexpr std::string_view hex_digits = "0123456789abcdef";

/// Bytes of the UTF-8 character `text` begins with; 0 if it is not one (RFC 3629 §4).
inline std::size_t utf8_length(std::string_view text) noexcept {
    const auto at = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
    const auto tail = [&](std::size_t i) { return i < text.size() && (at(i) & 0xc0u) == 0x80u; };
    if (text.empty()) return 0;
    const unsigned first = at(0);
    if (first < 0x80u) return 1;
    if (first >= 0xc2u && first < 0xe0u) return tail(1) ? 2 : 0;
    if (first >= 0xe0u && first < 0xf0u) {
        if (!tail(1) || !tail(2)) return 0;
        return (first == 0xe0u && at(1) < 0xa0u) || (first == 0xedu && at(1) >= 0xa0u) ? 0 : 3;
    }
    if (first >= 0xf0u && first < 0xf5u) {
        if (!tail(1) || !tail(2) || !tail(3)) return 0;
        return (first == 0xf0u && at(1) < 0x90u) || (first == 0xf4u && at(1) >= 0x90u) ? 0 : 4;
    }
    return 0;
}

/// `text` as a JSON string with its quotes; a byte that is no UTF-8 becomes U+FFFD.
inline std::string json_quoted(std::string_view text) {
    std::string out = "\"";
    for (std::size_t i = 0; i < text.size();) {
        const char c = text[i];
        const std::size_t length = utf8_length(text.substr(i));
        if (length == 0) {
            out += "\\ufffd";
            ++i;
        } else if (c == '"' || c == '\\') {
            out += '\\';
            out += c;
            ++i;
        } else if (static_cast<unsigned char>(c) < 0x20u) {
            out += "\\u00";
            out += hex_digits[static_cast<unsigned char>(c) >> 4u];
            out += hex_digits[static_cast<unsigned char>(c) & 15u];
            ++i;
        } else {
            out += text.substr(i, length);
            i += length;
        }
    }
    out += '"';
    return out;
}

/// One object, built member by member: `Object{}.text("id", id).number("code", 0).done()`.
class Object {
public:
    Object& text(std::string_view key, std::string_view value) {
        return raw(key, json_quoted(value));
    }
    Object& number(std::string_view key, std::int64_t value) {
        return raw(key, std::to_string(value));
    }
    Object& flag(std::string_view key, bool value) { return raw(key, value ? "true" : "false"); }
    Object& raw(std::string_view key, std::string_view json) {
        if (text_.size() > 1) text_ += ',';
        text_ += json_quoted(key);
        text_ += ':';
        text_ += json;
        return *this;
    }
    std::string done() const { return text_ + '}'; }

private:
    std::string text_ = "{";
};

/// The items as one JSON array; each item is JSON already.
inline std::string array_of(const std::vector<std::string>& items) {
    std::string out = "[";
    for (const std::string& item : items) {
        if (out.size() > 1) out += ',';
        out += item;
    }
    return out + ']';
}

/// Without the JSON white space around it.
inline std::string_view trimmed(std::string_view text) noexcept {
    constexpr std::string_view space = " \t\r\n";
    const std::size_t first = text.find_first_not_of(space);
    if (first == std::string_view::npos) return {};
    return text.substr(first, text.find_last_not_of(space) - first + 1);
}

/// True if the text is one whole JSON object, every byte of it checked.
inline bool is_object(std::string_view json) {
    if (body::find(json).kind != body::Kind::object) return false;
    const std::string wrapped = "{\"code\":0,\"inner\":" + std::string{json} + "}";
    return body::StrictJson::code(wrapped).found == body::Found::present;
}

/// The string under `keys`, decoded; nothing if there is no string.
template <class... Keys> std::optional<std::string> text_at(std::string_view json, Keys... keys) {
    const body::Value value = body::find(json, keys...);
    if (value.kind != body::Kind::string) return std::nullopt;
    return body::decode(value);
}

/// The integer under `keys`; nothing if there is no integer.
template <class... Keys>
std::optional<std::int64_t> number_at(std::string_view json, Keys... keys) {
    const body::Value value = body::find(json, keys...);
    if (value.kind != body::Kind::integer) return std::nullopt;
    return value.integer;
}

/// The boolean under `keys`; nothing if there is no boolean.
template <class... Keys> std::optional<bool> flag_at(std::string_view json, Keys... keys) {
    const body::Value value = body::find(json, keys...);
    if (value.kind != body::Kind::boolean) return std::nullopt;
    return value.raw == "true";
}

/// What stands between the commas of a JSON array or object that was found well formed.
inline std::vector<std::string_view> items_of(std::string_view json) {
    std::vector<std::string_view> items;
    json = trimmed(json);
    if (json.size() < 2) return items;
    json = json.substr(1, json.size() - 2);
    if (trimmed(json).empty()) return items;
    std::size_t start = 0;
    int depth = 0;
    bool in_string = false;
    for (std::size_t i = 0; i != json.size(); ++i) {
        const char c = json[i];
        if (in_string) {
            if (c == '\\' && i + 1 != json.size())
                ++i;
            else if (c == '"')
                in_string = false;
        } else if (c == '"') {
            in_string = true;
        } else if (c == '[' || c == '{') {
            ++depth;
        } else if (c == ']' || c == '}') {
            --depth;
        } else if (c == ',' && depth == 0) {
            items.push_back(trimmed(json.substr(start, i - start)));
            start = i + 1;
        }
    }
    items.push_back(trimmed(json.substr(start)));
    return items;
}

/// The key of one member of an object, as written between its quotes.
inline std::string_view key_of(std::string_view member) noexcept {
    std::size_t end = 1;
    while (end < member.size() && member[end] != '"') end += member[end] == '\\' ? 2u : 1u;
    return member.size() > 1 && end < member.size() ? member.substr(1, end - 1)
                                                    : std::string_view{};
}

/// The strings of a JSON array that was found well formed; other items are left out.
inline std::vector<std::string> strings_of(std::string_view array) {
    std::vector<std::string> out;
    for (const std::string_view item : items_of(array))
        if (const auto value = text_at("{\"item\":" + std::string{item} + "}", "item"))
            out.push_back(*value);
    return out;
}

inline int hex_value(char c) noexcept {
    if (c >= '0' && c <= '9') return c - '0';
    if (c >= 'a' && c <= 'f') return c - 'a' + 10;
    if (c >= 'A' && c <= 'F') return c - 'A' + 10;
    return -1;
}

/// A query value as the sender meant it: `%41` is `A`, `+` is a space; a broken escape stays.
inline std::string percent_decoded(std::string_view text) {
    std::string out;
    for (std::size_t i = 0; i != text.size(); ++i) {
        if (text[i] == '%' && i + 2 < text.size() && hex_value(text[i + 1]) >= 0 &&
            hex_value(text[i + 2]) >= 0) {
            out += static_cast<char>(hex_value(text[i + 1]) * 16 + hex_value(text[i + 2]));
            i += 2;
        } else {
            out += text[i] == '+' ? ' ' : text[i];
        }
    }
    return out;
}

/// Everything but unreserved characters as `%XX` (RFC 3986 §2.3).
inline std::string percent_encoded(std::string_view text) {
    std::string out;
    for (const char c : text) {
        const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                           (c >= '0' && c <= '9') || c == '-' || c == '.' || c == '_' || c == '~';
        if (plain) {
            out += c;
        } else {
            out += '%';
            out += "0123456789ABCDEF"[static_cast<unsigned char>(c) >> 4u];
            out += "0123456789ABCDEF"[static_cast<unsigned char>(c) & 15u];
        }
    }
    return out;
}

/// Text inside an HTML page or attribute.
inline std::string html_escaped(std::string_view text) {
    std::string out;
    for (const char c : text) {
        if (c == '&')
            out += "&amp;";
        else if (c == '<')
            out += "&lt;";
        else if (c == '>')
            out += "&gt;";
        else if (c == '"')
            out += "&quot;";
        else
            out += c;
    }
    return out;
}

/// base64url without padding (RFC 4648 §5).
template <class Bytes> std::string base64url(const Bytes& bytes) {
    constexpr std::string_view alphabet =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    std::string out;
    unsigned held = 0;
    unsigned bits = 0;
    for (const auto byte : bytes) {
        held = ((held << 8u) | static_cast<unsigned char>(byte)) & 0xffffu;
        for (bits += 8; bits >= 6; bits -= 6) out += alphabet[(held >> (bits - 6u)) & 63u];
    }
    if (bits != 0) out += alphabet[(held << (6u - bits)) & 63u];
    return out;
}

/// The bytes of a base64url text without padding; nothing if it is not one, or not canonical.
inline std::optional<std::string> base64url_decoded(std::string_view text) {
    std::string out;
    unsigned held = 0;
    unsigned bits = 0;
    for (const char c : text) {
        unsigned value = 0;
        if (c >= 'A' && c <= 'Z')
            value = static_cast<unsigned>(c - 'A');
        else if (c >= 'a' && c <= 'z')
            value = static_cast<unsigned>(c - 'a') + 26u;
        else if (c >= '0' && c <= '9')
            value = static_cast<unsigned>(c - '0') + 52u;
        else if (c == '-')
            value = 62u;
        else if (c == '_')
            value = 63u;
        else
            return std::nullopt;
        held = ((held << 6u) | value) & 0xffffu;
        bits += 6;
        if (bits >= 8) {
            bits -= 8;
            out += static_cast<char>((held >> bits) & 0xffu);
        }
    }
    if (bits >= 6 || (held & ((1u << bits) - 1u)) != 0) return std::nullopt;
    return out;
}

/// A request target: path and query, with or without scheme and host before them.
struct Target {
    std::string authority{};  ///< `host[:port]`, empty for a target that begins with `/`.
    std::string path{};
    std::string query{};
    std::vector<std::pair<std::string, std::string>> values{};

    explicit Target(std::string_view url) {
        url = url.substr(0, url.find('#'));
        const std::size_t scheme = url.find("://");
        if (scheme != std::string_view::npos && url.find_first_of("/?") == scheme + 1) {
            url.remove_prefix(scheme + 3);
            const std::size_t end = url.find_first_of("/?");
            authority = url.substr(0, end);
            url = end == std::string_view::npos ? std::string_view{"/"} : url.substr(end);
        }
        const std::size_t mark = url.find('?');
        path = url.substr(0, mark);
        if (mark == std::string_view::npos) return;
        query = url.substr(mark + 1);
        for (std::string_view rest = query; !rest.empty();) {
            const std::string_view pair = rest.substr(0, rest.find('&'));
            rest.remove_prefix(pair.size() == rest.size() ? pair.size() : pair.size() + 1);
            const std::size_t equals = pair.find('=');
            if (pair.empty()) continue;
            values.emplace_back(percent_decoded(pair.substr(0, equals)),
                                equals == std::string_view::npos
                                    ? std::string{}
                                    : percent_decoded(pair.substr(equals + 1)));
        }
    }

    /// The first value of that name; empty without one.
    std::string_view value(std::string_view name) const noexcept {
        for (const auto& [key, text] : values)
            if (key == name) return text;
        return {};
    }
};

inline bool starts_with(std::string_view text, std::string_view prefix) noexcept {
    return text.substr(0, prefix.size()) == prefix;
}

/// `Sun, 06 Nov 1994 08:49:37 GMT` (RFC 9110 §5.6.7). Requires a time after 1970.
inline std::string http_date_of(std::int64_t unix_seconds) {
    constexpr std::string_view days = "ThuFriSatSunMonTueWed";  // 1970 began on a Thursday
    constexpr std::string_view months = "JanFebMarAprMayJunJulAugSepOctNovDec";
    std::int64_t day = unix_seconds / 86400;
    const auto weekday = static_cast<std::size_t>(day % 7);
    const auto leaps = [](std::int64_t year) {
        return year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    };
    std::int64_t year = 1970;
    for (std::int64_t length; day >= (length = leaps(year) ? 366 : 365); ++year) day -= length;
    std::size_t month = 0;
    for (const int plain : {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31}) {
        const std::int64_t length = plain + (month == 1 && leaps(year) ? 1 : 0);
        if (day < length) break;
        day -= length;
        ++month;
    }
    const auto two = [](std::int64_t number) {
        std::string digits = std::to_string(number);
        return digits.size() < 2 ? '0' + digits : digits;
    };
    const std::int64_t second = unix_seconds % 86400;
    std::string text{days.substr(3 * weekday, 3)};
    text += ", " + two(day + 1) + ' ';
    text += months.substr(3 * month, 3);
    return text + ' ' + std::to_string(year) + ' ' + two(second / 3600) + ':' +
           two(second / 60 % 60) + ':' + two(second % 60) + " GMT";
}

/// What stands in place of `*` if `path` has the form of `pattern`; the place may not hold a `/`.
inline std::optional<std::string> path_piece(std::string_view path, std::string_view pattern) {
    const std::size_t star = pattern.find('*');
    const std::string_view before = pattern.substr(0, star);
    const std::string_view after = pattern.substr(star + 1);
    if (path.size() <= before.size() + after.size() || !starts_with(path, before) ||
        path.substr(path.size() - after.size()) != after)
        return std::nullopt;
    const std::string_view piece =
        path.substr(before.size(), path.size() - before.size() - after.size());
    if (piece.find('/') != std::string_view::npos) return std::nullopt;
    return percent_decoded(piece);
}

}  // namespace fake
}  // namespace testing
}  // namespace v0_1
}  // namespace rekey

#endif
