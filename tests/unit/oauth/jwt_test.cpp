// SPDX-License-Identifier: BSL-1.0
#include <rekey/oauth/jwt.hpp>

#include "catch.hpp"

#include <rekey/oauth/random_token.hpp>

#include <cstring>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

namespace {

using namespace rekey::oauth;

JwtClaims claims() {
    JwtClaims made;
    made.issuer = "1140.app.coze";
    made.audience = "api.coze.cn";
    made.issued_at = 1700000000;
    made.expires_at = 1700003600;
    made.id = "one-time-id";
    return made;
}

std::string payload_of(const JwtClaims& made) {
    const std::string input = signing_input(made, "kid");
    std::string text;
    CHECK(base64url_decode(std::string_view(input).substr(input.find('.') + 1), text));
    return text;
}

std::string sign_by_function(std::string_view input) { return "<" + std::string(input) + ">"; }

const Signer fixed{[](std::string_view) { return std::string("signature"); }};

// Counts the copies of itself that are alive.
struct Counted {
    explicit Counted(int& alive) : alive_(&alive) { ++*alive_; }
    Counted(const Counted& other) : alive_(other.alive_) { ++*alive_; }
    Counted& operator=(const Counted&) = delete;
    ~Counted() { --*alive_; }
    std::string operator()(std::string_view) const { return "s"; }
    int* alive_;
};

}  // namespace

TEST_CASE("a JWT carries RS256, its type, the key id and the five claims, in this order") {
    const std::string input = signing_input(claims(), "finger:print");
    std::string header;
    REQUIRE(base64url_decode(input.substr(0, input.find('.')), header));
    CHECK(header == R"({"alg":"RS256","typ":"JWT","kid":"finger:print"})");
    CHECK(payload_of(claims()) ==
          R"({"iss":"1140.app.coze","aud":"api.coze.cn","iat":1700000000,"exp":1700003600,)"
          R"("jti":"one-time-id"})");
    CHECK(std::count(input.begin(), input.end(), '.') == 1);
}

TEST_CASE("session name and session context are written if they are given") {
    const std::string start =
        R"({"iss":"1140.app.coze","aud":"api.coze.cn","iat":1700000000,"exp":1700003600,)"
        R"("jti":"one-time-id")";
    JwtClaims made = claims();
    made.session_name = "user-7";
    CHECK(payload_of(made) == start + R"(,"session_name":"user-7"})");
    made.device_id = "tv-1";
    CHECK(
        payload_of(made) ==
        start +
            R"(,"session_name":"user-7","session_context":{"device_info":{"device_id":"tv-1"}}})");
    made.custom_consumer = "consumer-2";
    CHECK(payload_of(made) == start +
                                  R"(,"session_name":"user-7","session_context":{"device_info":)"
                                  R"({"device_id":"tv-1","custom_consumer":"consumer-2"}}})");
    made.session_name.clear();
    made.device_id.clear();
    CHECK(payload_of(made) ==
          start + R"(,"session_context":{"device_info":{"custom_consumer":"consumer-2"}}})");
}

TEST_CASE("claims are escaped as JSON text") {
    JwtClaims made = claims();
    made.session_name = "a\"b\\c\n\x1f/\xe4\xbd\xa0\xf0\x9f\x98\x80\x7f";
    CHECK_THAT(
        payload_of(made),
        ContainsSubstring(
            "\"session_name\":\"a\\\"b\\\\c\\u000a\\u001f/\xe4\xbd\xa0\xf0\x9f\x98\x80\\u007f\""));
    made.session_name = std::string("\0", 1);
    CHECK_THAT(payload_of(made), ContainsSubstring("\"session_name\":\"\\u0000\""));
}

TEST_CASE("a claim that is not UTF-8 makes no JWT") {
    for (const char* bad :
         {"\xff", "\xc0\xaf", "\xe4\xbd", "\xed\xa0\x80", "\xf4\x90\x80\x80", "\xf0\x8f\xbf\xbf",
          "\xe0\x9f\xbf", "a\x80", "\xc2", "\xf5\x80\x80\x80"}) {
        JwtClaims made = claims();
        made.session_name = bad;
        CHECK(signing_input(made, "kid").empty());
        CHECK_THAT(std::string(make_jwt(made, "kid", fixed).error), ContainsSubstring("UTF-8"));
        CHECK(signing_input(claims(), bad).empty());
    }
}

TEST_CASE("sign puts the signature behind the input, as RFC 7515 A.2 shows") {
    const std::string input =
        "eyJhbGciOiJSUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0"
        "dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ";
    const std::string signature =
        "cC4hiUPoj9Eetdgtv3hF80EGrhuB__dzERat0XF9g2VtQgr9PJbu3XOiZj5RZmh7"
        "AAuHIm4Bh-0Qc_lF5YKt_O8W2Fp5jujGbds9uJdbF9CUAr7t1dnZcAcQjbKBYNX4"
        "BAynRFdiuB--f_nZLgrnbyTyWzO75vRK5h6xBArLIARNPvkSjtQBMHlb1L07Qe7K"
        "0GarZRmB_eSN9383LcOLn6_dO--xi12jzDwusC-eOkHWEsqtFZESc6BfI7noOPqv"
        "hJ1phCnvWh6IeYI2w9QOYEUipUTI8np6LbgGY9Fs98rqVt5AXLIhWkWywlVmtVrB"
        "p0igcN_IoypGlUPQGe77Rw";
    std::string seen;
    const Signer signer{[&](std::string_view text) {
        seen = std::string(text);
        std::string bytes;
        base64url_decode(signature, bytes);
        return bytes;
    }};
    const JwtResult jwt = sign(input, signer);
    REQUIRE(jwt);
    CHECK(seen == input);
    CHECK(jwt.token.expose() == input + "." + signature);
}

TEST_CASE("make_jwt signs exactly the signing input") {
    const JwtResult jwt = make_jwt(claims(), "kid", Signer{&sign_by_function});
    REQUIRE(jwt);
    const std::string input = signing_input(claims(), "kid");
    CHECK(jwt.token.expose() == input + "." + base64url_encode("<" + input + ">"));
}

TEST_CASE("make_jwt says which part is missing") {
    const auto refusal = [](const JwtClaims& made, std::string_view key_id, const Signer& signer) {
        const JwtResult jwt = make_jwt(made, key_id, signer);
        CHECK_FALSE(jwt);
        CHECK(jwt.token.empty());
        return std::string(jwt.error);
    };
    JwtClaims made = claims();
    made.issuer.clear();
    CHECK_THAT(refusal(made, "kid", fixed), ContainsSubstring("issuer"));
    made = claims();
    made.audience.clear();
    CHECK_THAT(refusal(made, "kid", fixed), ContainsSubstring("audience"));
    made = claims();
    made.id.clear();
    CHECK_THAT(refusal(made, "kid", fixed), ContainsSubstring("id"));
    made = claims();
    made.expires_at = made.issued_at;
    CHECK_THAT(refusal(made, "kid", fixed), ContainsSubstring("expires"));
    made = claims();
    made.issued_at = 0;
    CHECK_THAT(refusal(made, "kid", fixed), ContainsSubstring("issued"));
    CHECK_THAT(refusal(claims(), "", fixed), ContainsSubstring("key id"));
    CHECK_THAT(refusal(claims(), "kid", Signer{}), ContainsSubstring("no signer"));
    const Signer failing{[](std::string_view) { return std::string(); }};
    CHECK_THAT(refusal(claims(), "kid", failing), ContainsSubstring("no signature"));
}

TEST_CASE("a signer holds any callable, also one that cannot be copied") {
    auto key = std::make_unique<int>(7);
    const Signer moved{[key = std::move(key)](std::string_view) { return std::to_string(*key); }};
    const Signer copy = moved;
    CHECK(moved("") == "7");
    CHECK(copy("") == "7");
    CHECK(Signer{&sign_by_function}("x") == "<x>");
    CHECK(Signer{[](std::string_view) { return "literal"; }}("x") == "literal");
    CHECK_FALSE(static_cast<bool>(Signer{}));
    CHECK(Signer{}("x").empty());
}

TEST_CASE("copies of a signer share one callable, which ends with the last of them") {
    int alive = 0;
    {
        Signer first{Counted(alive)};
        CHECK(alive == 1);
        Signer second = first;
        Signer third = std::move(first);
        CHECK(alive == 1);
        CHECK_FALSE(static_cast<bool>(first));  // NOLINT: the state after a move is promised
        second = Signer{};
        CHECK(alive == 1);
        second = third;
        const Signer& itself = third;
        third = itself;
        CHECK(third("") == "s");
        CHECK(alive == 1);
    }
    CHECK(alive == 0);
}

TEST_CASE(
    "a random token comes from the source it is given, and a failing source gives none (S1)") {
    const auto counting = [](void* out, std::size_t size) {
        std::memset(out, 0xfb, size);
        return true;
    };
    CHECK(random_token(3, counting) == "-_v7");
    const auto failing = [](void* out, std::size_t size) {
        std::memset(out, 0xfb, size);
        return false;
    };
    CHECK(random_token(32, failing).empty());
    CHECK(random_token(0).empty());
}

TEST_CASE("the system's random bytes fill any size") {
    for (const std::size_t size : {std::size_t{1}, std::size_t{255}, std::size_t{256},
                                   std::size_t{257}, std::size_t{5000}}) {
        std::string bytes(size + 1, '\0');
        REQUIRE(rekey::detail::os_random(&bytes[0], size));
        CHECK(bytes[size] == '\0');
        if (size > 255)
            CHECK(bytes.substr(size - 64, 64).find_first_not_of('\0') != std::string::npos);
    }
    CHECK(rekey::detail::os_random(nullptr, 0));
}
