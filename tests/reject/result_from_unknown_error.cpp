// expect: rekey: result_from cannot tell what this error means.
// SPDX-License-Identifier: BSL-1.0
#include <rekey/result_from.hpp>

namespace {
struct Theirs {
    int value = 7;
    bool has_value() const { return true; }
    const int& operator*() const { return value; }
    const char* error() const { return "theirs"; }
};
}  // namespace

int main() {
#ifndef REKEY_REJECT
    const auto worded = [](const char* text) {
        return rekey::Error<int>{rekey::ErrorKind::permanent, text};
    };
    return rekey::result_from(Theirs{}, worded).has_value() ? 0 : 1;
#else
    return rekey::result_from(Theirs{}).has_value() ? 0 : 1;
#endif
}
