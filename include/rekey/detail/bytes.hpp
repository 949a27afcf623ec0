// SPDX-License-Identifier: BSL-1.0
// bytes: compares and copies bytes, without the weight of <cstring>.
#ifndef REKEY_DETAIL_BYTES_HPP
#define REKEY_DETAIL_BYTES_HPP

#include <rekey/version.hpp>

#include <cstddef>
#include <string_view>

namespace rekey {
inline namespace v0_1 {
namespace detail {

// `std::char_traits` comes with <string_view> and is the memcmp and memcpy of the compiler;
// <cstring> would be 200 lines more of what a file that includes rekey compiles.

/// Whether two texts of that many bytes are the same.
[[gnu::always_inline]] inline bool same_bytes(const char* left, const char* right,
                                              std::size_t size) noexcept {
    return std::char_traits<char>::compare(left, right, size) == 0;
}

/// Copies bytes that do not overlap.
[[gnu::always_inline]] inline void copy_bytes(char* to, const char* from,
                                              std::size_t size) noexcept {
    std::char_traits<char>::copy(to, from, size);
}

}  // namespace detail
}  // namespace v0_1
}  // namespace rekey

#endif
