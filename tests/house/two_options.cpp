// SPDX-License-Identifier: BSL-1.0
// two_options: a file with exceptions and one without, with NDEBUG and without, agree on layouts.
#include "two_options.hpp"

#include <cstdio>
#include <cstring>

int main() {
    const Layouts plain = layouts_plain();
    const Layouts bare = layouts_bare();
    if (plain.count == 0 || plain.count != bare.count) return 1;
    int different = 0;
    for (std::size_t i = 0; i < plain.count; ++i) {
        const Layout& a = plain.first[i];
        const Layout& b = bare.first[i];
        const bool same =
            std::strcmp(a.name, b.name) == 0 && a.size == b.size && a.alignment == b.alignment;
        std::printf("%-40s %4zu %4zu %s\n", a.name, a.size, b.size, same ? "" : "DIFFERENT");
        different += same ? 0 : 1;
    }
    return different == 0 ? 0 : 1;
}
