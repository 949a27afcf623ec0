// expect: rekey: the function of LogLine is called as f(std::string_view)
// SPDX-License-Identifier: BSL-1.0
#include <rekey/observe/log_line.hpp>

int main() {
#ifndef REKEY_REJECT
    const rekey::observe::LogLine line{[](std::string_view) {}};
#else
    const rekey::observe::LogLine line{[](int) {}};
#endif
    return sizeof line == 0 ? 1 : 0;
}
