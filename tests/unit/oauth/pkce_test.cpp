// SPDX-License-Identifier: BSL-1.0
#include <rekey/oauth/pkce.hpp>

#include "catch.hpp"

#include <cstddef>
#include <cstring>
#include <string>
#include <type_traits>

namespace {

using rekey::oauth::Pkce;
using rekey::oauth::s256_challenge;

/// Counts up, so that every value is another one and a test can say which.
struct Counting {
    unsigned* calls;
    bool operator()(void* out, std::size_t size) const {
        std::memset(out, 0, size);
        std::memcpy(out, calls, sizeof *calls);
        ++*calls;
        return true;
    }
};
struct Failing {
    bool operator()(void*, std::size_t) const { return false; }
};

bool is_verifier(std::string_view text) {
    return text.size() >= 43 && text.size() <= 128 &&
           text.find_first_not_of(
               "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
               "-._~") == text.npos;
}

bool is_refused(const Pkce& pkce) {
    return !pkce && pkce.verifier().empty() && pkce.challenge().empty();
}

}  // namespace

TEST_CASE("S15 the challenge is the one of RFC 7636 appendix B") {
    const Pkce pkce = Pkce::with_verifier("dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk");
    REQUIRE(pkce);
    CHECK(pkce.challenge() == "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM");
    CHECK(pkce.verifier().expose() == "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk");
}

TEST_CASE("S15 the challenge is the one that the SDKs of the service make") {
    CHECK(s256_challenge("code_verifier") == "73oehA2tBul5grZPhXUGQwNAjxh69zNES8bu2bVD0EM");
}

TEST_CASE("S15 the only challenge method is S256, and no Pkce has its verifier as challenge") {
    STATIC_REQUIRE(Pkce::method == "S256");
    // There is no other way to one than the two functions, which hash.
    STATIC_REQUIRE_FALSE(std::is_aggregate_v<Pkce>);
    STATIC_REQUIRE_FALSE(std::is_default_constructible_v<Pkce>);
    STATIC_REQUIRE_FALSE(std::is_constructible_v<Pkce, std::string>);
    STATIC_REQUIRE_FALSE(std::is_constructible_v<Pkce, rekey::Secret>);
    const std::string verifier(43, 'a');
    const Pkce pkce = Pkce::with_verifier(verifier);
    CHECK(pkce.challenge() != verifier);
    CHECK(pkce.challenge() == s256_challenge(verifier));
}

TEST_CASE("S14 a fresh verifier has 43 characters of the unreserved set, and 256 bits") {
    // A tenth of a million: a million hashes take too long in a build without optimisation.
    unsigned calls = 0;
    bool all = true;
    for (int i = 0; i != 100000; ++i) {
        const Pkce pkce = Pkce::fresh(Counting{&calls});
        all = all && pkce && pkce.verifier().size() == 43 && is_verifier(pkce.verifier().expose());
        all = all && pkce.challenge().size() == 43;
    }
    CHECK(all);
    CHECK(calls == 100000);
}

TEST_CASE(
    "S14 the default source is the operating system's, and gives another verifier each time") {
    const Pkce one = Pkce::fresh();
    const Pkce two = Pkce::fresh();
    REQUIRE(one);
    REQUIRE(two);
    CHECK(is_verifier(one.verifier().expose()));
    CHECK(one.challenge() != two.challenge());
}

TEST_CASE("S14 a source that fails gives no flow") { CHECK(is_refused(Pkce::fresh(Failing{}))); }

TEST_CASE("S14 a verifier of the caller's own has 43 to 128 characters") {
    CHECK(is_refused(Pkce::with_verifier("")));
    CHECK(is_refused(Pkce::with_verifier(std::string(42, 'v'))));
    CHECK(Pkce::with_verifier(std::string(43, 'v')));
    CHECK(Pkce::with_verifier(std::string(128, 'v')));
    CHECK(is_refused(Pkce::with_verifier(std::string(129, 'v'))));
}

TEST_CASE("S14 a verifier of the caller's own has unreserved characters only") {
    int allowed = 0;
    for (int byte = 0; byte != 256; ++byte) {
        std::string text(43, 'v');
        text[21] = static_cast<char>(static_cast<unsigned char>(byte));
        const Pkce pkce = Pkce::with_verifier(text);
        CAPTURE(byte);
        CHECK(static_cast<bool>(pkce) == is_verifier(text));
        if (pkce) ++allowed;
    }
    CHECK(allowed == 66);
}
