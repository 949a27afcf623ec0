// SPDX-License-Identifier: BSL-1.0
// JsonWriter: writes a small JSON text, such as a token request.
#ifndef REKEY_BODY_JSON_WRITER_HPP
#define REKEY_BODY_JSON_WRITER_HPP

#include <rekey/detail/json_strict.hpp>
#include <rekey/version.hpp>

#include <cstddef>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

namespace rekey {
inline namespace v0_1 {
namespace body {

/// Writes JSON in the order of the calls; commas and escapes are its business.
///
/// Quotes, backslashes and control characters are escaped, and `</` becomes `<\/`, so that the text
/// may stand inside HTML.
///
/// Errors   a text that is not UTF-8, a `raw` that is not JSON, a member without its value, a value
///          without its key, an end too many or too few: `ok()` is false and `text()` empty.
/// Source   RFC 8259.
/// Example  JsonWriter writer;
///          writer.object_begin();
///          writer.member("grant_type", "refresh_token");
///          writer.member("duration_seconds", 900);
///          writer.object_end();
///          std::string text = std::move(writer).text();
class JsonWriter {
public:
    void object_begin() { begin('{'); }
    void object_end() { end('}'); }
    void array_begin() { begin('['); }
    void array_end() { end(']'); }

    /// Writes a name; the next call writes its value.
    void key(std::string_view name) {
        if (place_ != Place::name) return fail();
        separate();
        if (!quote(name)) return fail();
        text_ += ':';
        place_ = Place::value_of_name;
    }

    /// Writes a text, a whole number or a bool.
    template <class T> void value(const T& what) {
        if (!before_value()) return;
        if constexpr (std::is_same_v<T, bool>) {
            text_ += what ? "true" : "false";
        } else if constexpr (std::is_arithmetic_v<T>) {
            static_assert(std::is_integral_v<T> && sizeof(T) != 1,
                          "rekey: JsonWriter writes whole numbers, texts and bools. Convert it to "
                          "one of them, or write it with raw().");
            text_ += std::to_string(what);
        } else {
            if (!quote(std::string_view(what))) return fail();
        }
        after_value();
    }
    void null() { raw("null"); }

    /// Writes a JSON text as it stands. It is checked, because it would spoil the rest.
    void raw(std::string_view json) {
        if (!before_value()) return;
        const bool marked = !json.empty() && json.front() == '\xEF';  // only at the very start
        const detail::JsonPath whole(nullptr, 0);
        if (marked || !detail::json_strict<detail::BestBits>(json, whole).well_formed)
            return fail();
        text_.append(json.data(), json.size());
        after_value();
    }

    /// A name and its value.
    template <class T> void member(std::string_view name, const T& what) {
        key(name);
        value(what);
    }

    /// Whether the text so far is the start of a JSON text, or all of one.
    bool ok() const noexcept { return place_ != Place::failed; }

    /// The whole text; "" after an error or before its end.
    std::string text() && {
        if (place_ != Place::done) return {};
        return std::move(text_);
    }
    std::string text() const& { return place_ == Place::done ? text_ : std::string(); }

private:
    enum class Place : unsigned char { start, name, value_of_name, element, done, failed };

    void fail() {
        place_ = Place::failed;
        text_.clear();
    }

    void separate() {
        if (follows_) text_ += ',';
        follows_ = true;
    }

    bool before_value() {
        if (place_ == Place::name || place_ == Place::done) fail();
        if (place_ == Place::failed) return false;
        if (place_ == Place::element) separate();
        return true;
    }

    void after_value() {
        place_ = open_.empty() ? Place::done : open_.back() == '{' ? Place::name : Place::element;
        follows_ = true;
    }

    void begin(char bracket) {
        if (!before_value()) return;
        text_ += bracket;
        open_ += bracket;
        place_ = bracket == '{' ? Place::name : Place::element;
        follows_ = false;
    }

    void end(char bracket) {
        const Place wanted = bracket == '}' ? Place::name : Place::element;
        if (place_ != wanted) return fail();
        text_ += bracket;
        open_.pop_back();
        after_value();
    }

    bool quote(std::string_view plain) {
        static constexpr char digits[] = "0123456789abcdef";
        text_ += '"';
        const char* const last = plain.data() + plain.size();
        for (const char* at = plain.data(); at != last;) {
            const auto byte = static_cast<unsigned char>(*at);
            if (byte >= 0x80) {
                const std::ptrdiff_t length = detail::utf8_length(at, last);
                if (length == 0) return false;
                text_.append(at, static_cast<std::size_t>(length));
                at += length;
                continue;
            }
            if (byte == '"' || byte == '\\' || (byte == '/' && text_.back() == '<')) {
                text_ += '\\';
                text_ += *at;
            } else if (byte < 0x20 || byte == 0x7F) {
                text_ += "\\u00";
                text_ += digits[byte >> 4];
                text_ += digits[byte & 0xFU];
            } else {
                text_ += *at;
            }
            ++at;
        }
        text_ += '"';
        return true;
    }

    std::string text_{};
    std::string open_{};  // the brackets that are still to be closed
    Place place_ = Place::start;
    bool follows_ = false;  // the next name or element needs a comma
};

}  // namespace body
}  // namespace v0_1
}  // namespace rekey

#endif
