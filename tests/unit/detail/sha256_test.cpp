// SPDX-License-Identifier: BSL-1.0
// sha256_test: the digests that FIPS 180-4 and everybody's sha256sum give.
#include <rekey/detail/sha256.hpp>

#include "catch.hpp"

#include <cstddef>
#include <string>
#include <string_view>

namespace {

std::string digest_of(std::string_view text) {
    std::string out;
    for (const unsigned char byte : rekey::detail::sha256(text)) {
        out += "0123456789abcdef"[byte >> 4u];
        out += "0123456789abcdef"[byte & 15u];
    }
    return out;
}

}  // namespace

TEST_CASE("sha256 gives the digests of the FIPS examples") {
    CHECK(digest_of("") == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    CHECK(digest_of("abc") == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    CHECK(digest_of("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq") ==
          "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
    CHECK(digest_of("abcdefghbcdefghicdefghijdefghijkefghijklfghijklmghijklmn"
                    "hijklmnoijklmnopjklmnopqklmnopqrlmnopqrsmnopqrstnopqrstu") ==
          "cf5b16a778af8380036ce59e7b0492370b249b11e8f07a51afac45037afee9d1");
    CHECK(digest_of(std::string(1000000, 'a')) ==
          "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
}

TEST_CASE("sha256 pads right at each length where the padding changes") {
    struct Edge {
        std::size_t length;
        const char* digest;
    };
    const Edge edges[] = {
        {55, "9f4390f8d30c2dd92ec9f095b65e2b9ae9b0a925a5258e241c9f1e910f734318"},
        {56, "b35439a4ac6f0948b6d6f9e3c6af0f5f590ce20f1bde7090ef7970686ec6738a"},
        {57, "f13b2d724659eb3bf47f2dd6af1accc87b81f09f59f2b75e5c0bed6589dfe8c6"},
        {63, "7d3e74a05d7db15bce4ad9ec0658ea98e3f06eeecf16b4c6fff2da457ddc2f34"},
        {64, "ffe054fe7ae0cb6dc65c3af9b61d5209f439851db43d0ba5997337df154668eb"},
        {65, "635361c48bb9eab14198e76ea8ab7f1a41685d6ad62aa9146d301d4f17eb0ae0"},
        {119, "31eba51c313a5c08226adf18d4a359cfdfd8d2e816b13f4af952f7ea6584dcfb"},
        {120, "2f3d335432c70b580af0e8e1b3674a7c020d683aa5f73aaaedfdc55af904c21c"},
    };
    for (const Edge& edge : edges) {
        CAPTURE(edge.length);
        CHECK(digest_of(std::string(edge.length, 'a')) == edge.digest);
    }
}

TEST_CASE("sha256 reads bytes, not characters") {
    CHECK(digest_of(std::string_view{"\0", 1}) ==
          "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d");
    CHECK(digest_of("\xff\x80") ==
          "85c61621ebd04403f66d96fe300cf10b3844de7358184f1276cb08790fd135f1");
}

TEST_CASE("sha256 works while compiling") {
    constexpr auto digest = rekey::detail::sha256("abc");
    static_assert(digest[0] == 0xba && digest[31] == 0xad, "FIPS 180-4, first example");
    CHECK(digest[1] == 0x78);
}
