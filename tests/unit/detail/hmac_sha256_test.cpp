// SPDX-License-Identifier: BSL-1.0
#include <rekey/detail/hmac_sha256.hpp>

#include "catch.hpp"

#include <string>

namespace {

std::string hex(const std::array<unsigned char, 32>& digest) {
    constexpr char digits[] = "0123456789abcdef";
    std::string text;
    for (const unsigned char byte : digest) {
        text.push_back(digits[byte >> 4u]);
        text.push_back(digits[byte & 15u]);
    }
    return text;
}

}  // namespace

TEST_CASE("HMAC-SHA256 gives the answers of RFC 4231") {
    using rekey::detail::hmac_sha256;
    CHECK(hex(hmac_sha256(std::string(20, '\x0b'), "Hi There")) ==
          "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7");
    CHECK(hex(hmac_sha256("Jefe", "what do ya want for nothing?")) ==
          "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
    CHECK(hex(hmac_sha256(std::string(131, '\xaa'),
                          "Test Using Larger Than Block-Size Key - Hash Key First")) ==
          "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54");
}
