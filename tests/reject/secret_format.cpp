// expect: rekey: a Secret is never formatted
// SPDX-License-Identifier: BSL-1.0
// security: S72
#include <rekey/secret.hpp>

#include <string>

// What a formatting library does with a value it does not know.
template <class Value> std::string format(const Value& value) {
    return std::string(format_as(value));
}

struct Plain {};
std::string_view format_as(const Plain&) { return "plain"; }

std::string describe(const rekey::Secret& token) {
#ifdef REKEY_REJECT
    return format(token);
#else
    static_cast<void>(token);
    return format(Plain{});
#endif
}
