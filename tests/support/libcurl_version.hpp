// SPDX-License-Identifier: BSL-1.0
// What libcurl of the version that runs does otherwise than others.
#ifndef REKEY_TESTS_SUPPORT_LIBCURL_VERSION_HPP
#define REKEY_TESTS_SUPPORT_LIBCURL_VERSION_HPP

#include <curl/curl.h>

namespace harness {

/// From 8.8.0 on a `?` with nothing behind it does not go on the wire.
inline bool libcurl_drops_bare_mark() {
    return curl_version_info(CURLVERSION_NOW)->version_num >= 0x080800;
}

}  // namespace harness

#endif
