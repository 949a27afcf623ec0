// SPDX-License-Identifier: BSL-1.0
// foreign_text: what a server wrote, before a person or a terminal sees it.
#ifndef REKEY_DETAIL_FOREIGN_TEXT_HPP
#define REKEY_DETAIL_FOREIGN_TEXT_HPP

#include <rekey/version.hpp>

#include <cstddef>
#include <string>
#include <string_view>

namespace rekey {
inline namespace v0_1 {
namespace detail {

/// How many bytes at the start of `text` no person should be shown: C0, DEL, C1, line separators
/// and the marks that reverse the direction of writing.
constexpr std::size_t control_length(std::string_view text) noexcept {
    const auto byte = [&](std::size_t i) {
        return i < text.size() ? unsigned{static_cast<unsigned char>(text[i])} : 0u;
    };
    if (byte(0) < 0x20 || byte(0) == 0x7f) return 1;
    if (byte(0) == 0xc2 && byte(1) >= 0x80 && byte(1) <= 0x9f) return 2;
    if (byte(0) != 0xe2) return 0;
    const bool separator = byte(1) == 0x80 && (byte(2) == 0x8e || byte(2) == 0x8f ||
                                               (byte(2) >= 0xa8 && byte(2) <= 0xae));
    const bool isolate = byte(1) == 0x81 && byte(2) >= 0xa6 && byte(2) <= 0xa9;
    return separator || isolate ? 3 : 0;
}

/// One line for people: whatever would move the cursor or the direction of writing is a space.
inline void keep_to_one_line(std::string& text) {
    for (std::size_t i = 0; i < text.size();) {
        const std::size_t length = control_length(std::string_view(text).substr(i));
        if (length != 0) text.replace(i, length, 1, ' ');
        ++i;
    }
}

}  // namespace detail
}  // namespace v0_1
}  // namespace rekey

#endif
