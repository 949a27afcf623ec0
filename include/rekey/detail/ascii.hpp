// SPDX-License-Identifier: BSL-1.0
// ascii: letters without regard to case, as header names, schemes and hosts compare.
#ifndef REKEY_DETAIL_ASCII_HPP
#define REKEY_DETAIL_ASCII_HPP

#include <rekey/version.hpp>

#include <cstddef>
#include <string_view>

namespace rekey {
inline namespace v0_1 {
namespace detail {

constexpr char lower(char symbol) noexcept {
    return symbol >= 'A' && symbol <= 'Z' ? static_cast<char>(symbol + 32) : symbol;
}

constexpr bool same_ignoring_case(std::string_view left, std::string_view right) noexcept {
    if (left.size() != right.size()) return false;
    for (std::size_t i = 0; i != left.size(); ++i)
        if (lower(left[i]) != lower(right[i])) return false;
    return true;
}

}  // namespace detail
}  // namespace v0_1
}  // namespace rekey

#endif
