// SPDX-License-Identifier: BSL-1.0
// REKEY_DETECT: whether an expression about a type compiles.
#ifndef REKEY_DETAIL_DETECT_HPP
#define REKEY_DETAIL_DETECT_HPP

#include <type_traits>
#include <utility>

/// Declares `Trait<Type>`, true where the expression compiles. In a namespace, not in a class.
#define REKEY_DETECT(Trait, Type, ...)                                     \
    template <class Type, class = void> struct Trait : std::false_type {}; \
    template <class Type>                                                  \
    struct Trait<Type, std::void_t<decltype(__VA_ARGS__)>> : std::true_type {};

#endif
