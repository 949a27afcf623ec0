// SPDX-License-Identifier: BSL-1.0
#include <rekey/adapter/mbedtls.hpp>

#include "catch.hpp"
#include "support/memory.hpp"
#include "support/rs256_suite.hpp"

#include <rekey/oauth/random_token.hpp>

#include <cstddef>
#include <cstring>
#include <set>
#include <string>
#include <string_view>

#include <malloc.h>

using rekey::adapter::MbedtlsRandom;
using rekey::adapter::MbedtlsRs256;

#ifndef REKEY_TESTS_COUNT_NOTHING
namespace {

// A part of the key's text, in whose place nothing may stand when its memory is given back.
constexpr char needle[] = "MIIEvQIBADANBgkqhkiG9w0BAQEFAASCBKcwggSj";
int freed_with_the_key = 0;

void look_at(void* given) noexcept {
    const char* const bytes = static_cast<const char*>(given);
    const std::size_t size = malloc_usable_size(given);
    for (std::size_t at = 0; at + sizeof needle - 1 <= size; ++at)
        if (std::memcmp(bytes + at, needle, sizeof needle - 1) == 0) {
            ++freed_with_the_key;
            return;
        }
}

}  // namespace

TEST_CASE("no copy of the key's text is given back to the heap as it was") {
    freed_with_the_key = 0;
    memory::looks_at = look_at;
    {
        const auto made = MbedtlsRs256::from_pem(rs256_suite::rfc7515_key);
        CHECK(made);
        CHECK(made.signer("text").size() == 256);
        CHECK_FALSE(MbedtlsRs256::from_pem(std::string_view(rs256_suite::rfc7515_key, 900)));
    }
    CHECK(freed_with_the_key == 0);
    {
        const std::string kept(rs256_suite::rfc7515_key);  // the test sees one that is not wiped
    }
    memory::looks_at = nullptr;
    CHECK(freed_with_the_key == 1);
}

#endif

TEST_CASE("mbedTLS signs as every signer of RS256 does (S71)") {
    rs256_suite::all(MbedtlsRs256::from_pem);
}

TEST_CASE("mbedTLS's random bytes are a source for tokens, of any length") {
    std::set<std::string> tokens;
    for (int i = 0; i != 100; ++i) tokens.insert(rekey::oauth::random_token(32, MbedtlsRandom{}));
    CHECK(tokens.size() == 100);
    CHECK(tokens.begin()->size() == 43);
    std::string many(5000, '\0');
    CHECK(MbedtlsRandom{}(&many[0], many.size()));
    CHECK(many.substr(4900).find_first_not_of('\0') != many.npos);
    CHECK(MbedtlsRandom{}(&many[0], 0));
}
