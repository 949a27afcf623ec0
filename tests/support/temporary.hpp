// SPDX-License-Identifier: BSL-1.0
// temporary: where tests keep files and folders for a moment, which is in TMPDIR if it is set.
#ifndef REKEY_TESTS_SUPPORT_TEMPORARY_HPP
#define REKEY_TESTS_SUPPORT_TEMPORARY_HPP

#include <cstdlib>
#include <string>

#include <unistd.h>

namespace temporary {

/// What `mkstemp` and `mkdtemp` take, with `name` in it.
inline std::string pattern(const std::string& name) {
    const char* const place = std::getenv("TMPDIR");
    return std::string(place != nullptr ? place : "/tmp") + "/rekey_" + name + "_XXXXXX";
}

/// A new folder; empty if none can be made.
inline std::string folder(const std::string& name) {
    std::string path = pattern(name);
    return mkdtemp(path.data()) != nullptr ? path : std::string();
}

}  // namespace temporary

#endif
