// SPDX-License-Identifier: BSL-1.0
// Pack: several values by type or position, and small questions about lists of types.
#ifndef REKEY_DETAIL_PACK_HPP
#define REKEY_DETAIL_PACK_HPP

#include <rekey/version.hpp>

#include <cstddef>
#include <cstdint>
#include <type_traits>
#include <utility>

namespace rekey {
inline namespace v0_1 {
namespace detail {

template <class... Types> struct TypeList {};

template <class Wanted, class... Types> constexpr std::size_t index_of() noexcept {
    constexpr bool same[] = {std::is_same_v<Wanted, Types>..., true};
    std::size_t i = 0;
    while (!same[i]) ++i;
    return i;
}

template <class... Types> constexpr bool all_different() noexcept {
    constexpr std::size_t first_seen[] = {index_of<Types, Types...>()..., sizeof...(Types)};
    for (std::size_t i = 0; i != sizeof...(Types); ++i)
        if (first_seen[i] != i) return false;
    return true;
}

/// Bit i is set where the i-th value is true.
template <bool... Values> constexpr std::uint32_t mask() noexcept {
    constexpr bool values[] = {Values..., false};
    std::uint32_t result = 0;
    for (std::size_t i = 0; i != sizeof...(Values); ++i)
        if (values[i]) result |= std::uint32_t{1} << i;
    return result;
}

template <std::size_t Index, class Type> struct Leaf { Type value; };

template <class Indices, class... Types> struct PackBase;
template <std::size_t... Indices, class... Types>
struct PackBase<std::index_sequence<Indices...>, Types...> : Leaf<Indices, Types>... {
    constexpr PackBase() = default;
    constexpr explicit PackBase(Types&&... values) : Leaf<Indices, Types>{std::move(values)}... {}
    /// `act` on each of them, in their order.
    template <class Act> constexpr void each(const Act& act) const {
        (act(this->Leaf<Indices, Types>::value), ...);
    }
};

template <> struct PackBase<std::index_sequence<>> {
    template <class Act> static constexpr void each(const Act&) noexcept {}
};

/// A light `std::tuple`: it moves and copies as its members do.
template <class... Types>
struct Pack : PackBase<std::make_index_sequence<sizeof...(Types)>, Types...> {
    using PackBase<std::make_index_sequence<sizeof...(Types)>, Types...>::PackBase;
    static constexpr std::size_t size = sizeof...(Types);
};

template <std::size_t Index, class Type> constexpr Type& at(Leaf<Index, Type>& leaf) noexcept {
    return leaf.value;
}
template <std::size_t Index, class Type>
constexpr const Type& at(const Leaf<Index, Type>& leaf) noexcept {
    return leaf.value;
}

}  // namespace detail
}  // namespace v0_1
}  // namespace rekey

#endif
