// SPDX-License-Identifier: BSL-1.0
// version: the version numbers and the inline namespace, nothing else.
#ifndef REKEY_VERSION_HPP
#define REKEY_VERSION_HPP

#define REKEY_VERSION_MAJOR 0
#define REKEY_VERSION_MINOR 1
#define REKEY_VERSION_PATCH 0

/// rekey sends a refused request again with the next credential, around any HTTP callable.
///
/// Every name lives in `rekey`; the inline namespace carries the version, so that two versions
/// of the headers in one program never share a symbol. Write `rekey::`, never the inner name.
namespace rekey {
inline namespace v0_1 {}
}  // namespace rekey

#endif
