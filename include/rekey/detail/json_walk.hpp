// SPDX-License-Identifier: BSL-1.0
// json_walk: finds one value by its path, member by member, and steps over the others.
#ifndef REKEY_DETAIL_JSON_WALK_HPP
#define REKEY_DETAIL_JSON_WALK_HPP

#include <rekey/detail/json_bits.hpp>
#include <rekey/detail/json_text.hpp>
#include <rekey/version.hpp>

#include <string_view>

namespace rekey {
inline namespace v0_1 {
namespace detail {

/// The end of the value that starts at `at`, or null. Containers are stepped over by counting.
template <class Bits>
const char* json_value_end(JsonBlocks<Bits>& blocks, std::string_view body,
                           const char* at) noexcept {
    const auto behind = static_cast<std::size_t>(at - body.data()) + 1;
    if (*at == '"') {
        const std::size_t quote = blocks.quote_from(behind);
        return quote == body.size() ? nullptr : body.data() + quote + 1;
    }
    if (*at == '{' || *at == '[') {
        const std::size_t close = blocks.close_from(behind);
        if (close == body.size() || body[close] != *at + 2)
            return nullptr;  // ASCII: '[' + 2 is ']'
        return body.data() + close + 1;
    }
    return json_scalar_end(at, body.data() + body.size());
}

/// Finds the value at `path`, which starts at the top-level object.
///
/// whole    checks the body to its end; else stops behind the value and the `,` or `}` after it.
/// Errors   `well_formed` is false, and then nothing else means anything.
/// Cost     one pass, no allocation, no recursion, O(1) memory.
template <class Bits>
[[gnu::noinline]] JsonSpan json_walk(std::string_view body, JsonPath path, bool whole) noexcept {
    constexpr JsonSpan malformed{};
    const char* const last = body.data() + body.size();
    const char* at = json_start(body.data(), last);
    if (at == last) return malformed;

    const auto ended = [&](JsonSpan found) {
        found.well_formed = skip_json_space(at, last) == last;
        return found;
    };
    const char* const top = at;
    JsonBlocks<Bits> blocks(body.data(), body.size());
    JsonSpan found{};
    std::string_view key;
    bool seeking = path.next(key);  // only in the innermost object entered, and never after it
    const bool top_is_wanted = !seeking;
    if (*at != '{') {
        at = json_value_end(blocks, body, at);
        if (at == nullptr) return malformed;
        if (top_is_wanted) found = {top, at, true};
        return ended(found);
    }

    std::size_t level = 1;  // objects entered and not yet left
    bool may_close = true;  // just behind a `{`
    ++at;
    for (;;) {
        at = skip_json_space(at, last);
        if (at == last) return malformed;
        if (*at != '}' || !may_close) {
            if (*at != '"') return malformed;
            const char* const name = at + 1;
            const char* const name_end =
                body.data() + blocks.quote_from(static_cast<std::size_t>(name - body.data()));
            if (name_end == last) return malformed;
            at = skip_json_space(name_end + 1, last);
            if (at == last || *at != ':') return malformed;
            at = skip_json_space(at + 1, last);
            if (at == last) return malformed;

            bool is_it = false;
            if (seeking && same_json_key(name, name_end, key)) {
                is_it = !path.next(key);
                if (!is_it && *at == '{') {
                    ++level;
                    ++at;
                    may_close = true;
                    continue;
                }
                seeking = false;
            }
            const char* const value = at;
            at = json_value_end(blocks, body, at);
            if (at == nullptr) return malformed;
            if (is_it) found = {value, at, true};
            at = skip_json_space(at, last);
            if (at == last || (*at != ',' && *at != '}')) return malformed;
            if (is_it && !whole) return found;
        }
        while (*at == '}') {
            ++at;
            if (--level == 0) {
                if (top_is_wanted) found = {top, at, true};
                return ended(found);
            }
            seeking = false;
            at = skip_json_space(at, last);
            if (at == last) return malformed;
        }
        if (*at != ',') return malformed;
        ++at;
        may_close = false;
    }
}

}  // namespace detail
}  // namespace v0_1
}  // namespace rekey

#endif
