// SPDX-License-Identifier: BSL-1.0
// bytes: compares and copies bytes, without the weight of <cstring>; the text in what holds one.
#ifndef REKEY_DETAIL_BYTES_HPP
#define REKEY_DETAIL_BYTES_HPP

#include <rekey/detail/detect.hpp>
#include <rekey/version.hpp>

#include <cstddef>
#include <string_view>

namespace rekey {
inline namespace v0_1 {
namespace detail {

// `std::char_traits` comes with <string_view> and is the memcmp and memcpy of the compiler;
// <cstring> would be 200 lines more of what a file that includes rekey compiles.

/// Whether two texts of that many bytes are the same.
[[gnu::always_inline]] constexpr bool same_bytes(const char* left, const char* right,
                                                 std::size_t size) noexcept {
    return std::char_traits<char>::compare(left, right, size) == 0;
}

/// Copies bytes that do not overlap.
[[gnu::always_inline]] inline void copy_bytes(char* to, const char* from,
                                              std::size_t size) noexcept {
    std::char_traits<char>::copy(to, from, size);
}

REKEY_DETECT(IsBytes, Type, std::enable_if_t<sizeof(*std::declval<const Type&>().data()) == 1>(),
             static_cast<const void*>(std::declval<const Type&>().data()),
             static_cast<std::size_t>(std::declval<const Type&>().size()))

/// Whether a type holds a text: it converts to one, or has the `data()` and `size()` of bytes.
template <class Type>
inline constexpr bool is_text =
    std::is_constructible_v<std::string_view, const Type&> || IsBytes<Type>::value;

/// The text in what holds one; an empty one in a null pointer.
template <class Holder> std::string_view text_in(const Holder& holder) {
    if constexpr (!std::is_constructible_v<std::string_view, const Holder&>) {
        const void* const bytes = holder.data();
        return {static_cast<const char*>(bytes), static_cast<std::size_t>(holder.size())};
    } else {
        if constexpr (std::is_pointer_v<Holder>)
            if (holder == nullptr) return {};
        return std::string_view(holder);
    }
}

}  // namespace detail
}  // namespace v0_1
}  // namespace rekey

#endif
