// SPDX-License-Identifier: BSL-1.0
// PathEvents: follows what another library's parser tells to the first value at a path.
#ifndef REKEY_BODY_PATH_EVENTS_HPP
#define REKEY_BODY_PATH_EVENTS_HPP

#include <rekey/body/json.hpp>
#include <rekey/detail/json_text.hpp>

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

namespace rekey {
inline namespace v0_1 {
namespace body {

/// What a reader around another library keeps of its events: the value that `find_path` would find.
///
/// Tell it each event in turn; names and strings decoded. When the parser has accepted the whole
/// body, ask `code()` or `text(body)`; when it has not, the body is malformed.
///
/// Source  the rules of `body::StrictJson`: the first of equal keys counts, 1024 open brackets.
class PathEvents {
public:
    static constexpr std::size_t deepest = 1024;

    /// `dotted`  outlives this; empty for the whole document.
    explicit PathEvents(std::string_view dotted) noexcept : path_(dotted) {}

    void key(std::string_view name) noexcept {
        if (!seeking_ || depth_ != level_ || name != key_) return;
        seeking_ = false;
        is_it_ = true;
    }
    /// False: the brackets are nested too deep.
    bool object_begin() noexcept { return begin(Kind::object); }
    bool array_begin() noexcept { return begin(Kind::array); }
    void end() noexcept {
        if (depth_ == level_) seeking_ = false;
        --depth_;
    }
    void string(std::string_view decoded) {
        if (!is_wanted(Kind::string)) return;
        text_.assign(decoded.data(), decoded.size());
    }
    void integer(std::int64_t value) noexcept {
        if (is_wanted(Kind::integer)) integer_ = value;
    }
    /// A number as it is written, which may still be an integer.
    void number(std::string_view raw) noexcept {
        if (is_wanted(Kind::number) &&
            rekey::detail::json_exact_integer(raw.data(), raw.data() + raw.size(), integer_))
            kind_ = Kind::integer;
    }
    void boolean(bool value) {
        if (is_wanted(Kind::boolean)) text_ = value ? "true" : "false";
    }
    void null() noexcept { (void)is_wanted(Kind::null); }

    Reading code() const noexcept { return reading_of({kind_, integer_, text_}); }
    /// As `StrictJson::text`. A container or a number is cut out of `body`, which the parser has
    /// accepted, since hardly one keeps how they were written.
    std::string text(std::string_view body, std::string_view dotted) && {
        switch (kind_) {
            case Kind::integer:
            case Kind::number:
            case Kind::object:
            case Kind::array: return decode(find_path(body, dotted));
            default: return std::move(text_);
        }
    }

    /// A body without its byte order mark, which some libraries do not know. Empty, and so
    /// malformed everywhere, if there is a NUL in it, which some take for the end, or a second
    /// mark, which some skip too.
    static std::string_view readable(std::string_view body) noexcept {
        constexpr std::string_view mark = detail::byte_order_mark;
        if (body.find('\0') != std::string_view::npos) return {};
        if (body.substr(0, mark.size()) != mark) return body;
        body.remove_prefix(mark.size());
        return body.substr(0, mark.size()) == mark ? std::string_view() : body;
    }

private:
    /// Whether a value that has begun is the one that is looked for.
    bool is_wanted(Kind kind) noexcept {
        if (!is_it_) return false;
        is_it_ = false;
        if (path_.next(key_)) {
            seeking_ = kind == Kind::object;
            if (seeking_) level_ = depth_ + 1;
            return false;
        }
        kind_ = kind;
        return true;
    }
    bool begin(Kind kind) noexcept {
        (void)is_wanted(kind);
        return ++depth_ <= deepest;
    }

    rekey::detail::JsonPath path_;
    std::string_view key_{};
    std::size_t depth_ = 0;  // brackets open
    std::size_t level_ = 0;  // those of them whose members are looked at
    bool seeking_ = false;   // only in the innermost object entered, and never after it
    bool is_it_ = true;      // the next value is on the path: at first the document
    Kind kind_ = Kind::absent;
    std::int64_t integer_ = 0;
    std::string text_{};
};

/// A reader around a parser that tells `PathEvents`: `class Yours : public EventReader<Parsing>
/// {}`.
///
/// Parsing  made of a dotted path, for one body: `bool accepts(std::string_view body)` parses all
///          of it, `events()` is what it has told.
template <class Parsing> class EventReader {
public:
    static Reading code(std::string_view body) {
        Parsing parsing("code");
        return parsing.accepts(body) ? parsing.events().code() : Reading{Found::malformed, 0};
    }
    static std::string text(std::string_view body, std::string_view dotted_path) {
        Parsing parsing(dotted_path);
        if (!parsing.accepts(body)) return {};
        return std::move(parsing.events()).text(body, dotted_path);
    }
};

}  // namespace body
}  // namespace v0_1
}  // namespace rekey

#endif
