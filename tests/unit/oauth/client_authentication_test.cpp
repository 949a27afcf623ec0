// SPDX-License-Identifier: BSL-1.0
#include <rekey/oauth/client_authentication.hpp>

#include "catch.hpp"

#include <rekey/body/json.hpp>

#include <string>
#include <string_view>

using namespace rekey;
using namespace rekey::oauth;

namespace {

std::string basic(const char* id, const char* secret) {
    return std::string(ClientSecretBasic{id, Secret{secret}}.authorization().expose());
}

std::string payload_of(const Secret& token) {
    const std::string_view text = token.expose();
    const std::size_t first = text.find('.');
    const std::size_t second = text.find('.', first + 1);
    std::string payload;
    REQUIRE(base64url_decode(text.substr(first + 1, second - first - 1), payload));
    return payload;
}

PrivateKeyJwt client_for(const char* audience) {
    return PrivateKeyJwt{"client-1", audience, "key-1",
                         Signer{[](std::string_view) { return std::string("signature"); }}};
}

}  // namespace

TEST_CASE("S23 id and secret of a Basic header are form-encoded first") {
    // The right-hand sides were made with base64(1) from the form-encoded pairs beside them.
    CHECK(basic("id", "secret") == "Basic aWQ6c2VjcmV0");                    // id:secret
    CHECK(basic("a:b", "c") == "Basic YSUzQWI6Yw==");                        // a%3Ab:c
    CHECK(basic("id", "a+b") == "Basic aWQ6YSUyQmI=");                       // id:a%2Bb
    CHECK(basic("id", "100%") == "Basic aWQ6MTAwJTI1");                      // id:100%25
    CHECK(basic("id", "two words") == "Basic aWQ6dHdvK3dvcmRz");             // id:two+words
    CHECK(basic("\xc3\xa9t\xc3\xa9", "x") == "Basic JUMzJUE5dCVDMyVBOTp4");  // %C3%A9t%C3%A9:x
}

TEST_CASE("S23 the style is a type, and without a secret there is no header at all") {
    CHECK(ClientSecretBearer{Secret{"s3cret"}}.authorization().expose() == "Bearer s3cret");
    CHECK(ClientSecretBearer{}.authorization().empty());
    CHECK(PublicClient::authorization().empty());
    CHECK(ClientSecretBasic{}.authorization().empty());
}

TEST_CASE("S24 an assertion names the client as issuer and subject and lives five minutes") {
    const JwtResult made = client_for("https://one.example").assertion(1'700'000'000);
    REQUIRE(made);
    const std::string payload = payload_of(made.token);
    CHECK(body::decode(body::find(payload, "iss")) == "client-1");
    CHECK(body::decode(body::find(payload, "sub")) == "client-1");
    CHECK(body::find(payload, "iat").integer == 1'700'000'000);
    CHECK(body::find(payload, "exp").integer == 1'700'000'300);
    CHECK(body::decode(body::find(payload, "jti")).size() == 43);
}

TEST_CASE("S24 the audience is one string, the one that the user named, and each id is new") {
    const JwtResult one = client_for("https://one.example").assertion(1'700'000'000);
    const JwtResult two = client_for("https://two.example").assertion(1'700'000'000);
    const std::string first = payload_of(one.token);
    const std::string second = payload_of(two.token);
    CHECK(body::find(first, "aud").kind == body::Kind::string);
    CHECK(body::decode(body::find(first, "aud")) == "https://one.example");
    CHECK(body::decode(body::find(second, "aud")) == "https://two.example");
    CHECK(second.find("one.example") == std::string::npos);
    CHECK(body::decode(body::find(first, "jti")) != body::decode(body::find(second, "jti")));
}
