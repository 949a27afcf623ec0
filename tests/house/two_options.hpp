// SPDX-License-Identifier: BSL-1.0
// two_options: the sizes of the public types, as the including file's options see them.
#ifndef REKEY_TESTS_HOUSE_TWO_OPTIONS_HPP
#define REKEY_TESTS_HOUSE_TWO_OPTIONS_HPP

#include <cstddef>

struct Layout {
    const char* name;
    std::size_t size;
    std::size_t alignment;
};
struct Layouts {
    const Layout* first;
    std::size_t count;
};
Layouts layouts_plain();
Layouts layouts_bare();

#endif
