// SPDX-License-Identifier: BSL-1.0
// Reading: what a body reader found where the service code should be.
#ifndef REKEY_BODY_READING_HPP
#define REKEY_BODY_READING_HPP

#include <rekey/version.hpp>

#include <cstdint>

namespace rekey {
inline namespace v0_1 {
namespace body {

/// Whether a service code was found in a body.
enum class Found : unsigned char {
    absent,    ///< Well formed, without a top-level `code` (or with `null` there).
    present,   ///< `code` holds it.
    malformed  ///< Empty, cut short, not of the expected format, or the code is no integer.
};

/// The service code of a body. Every reader answers `code(body)` with one of these.
struct Reading {
    Found found = Found::absent;
    std::int64_t code = 0;
};

}  // namespace body
}  // namespace v0_1
}  // namespace rekey

#endif
