// SPDX-License-Identifier: BSL-1.0
#include <rekey/oauth/challenge.hpp>

#include "catch.hpp"

#include <rekey/http.hpp>
#include <rekey/rekey.hpp>
#include <rekey/testing.hpp>

#include <cstddef>
#include <string>

using namespace rekey;
using oauth::parse_challenges;

namespace {

struct Personal {
    static constexpr std::string_view name = "personal";
    std::string token = "pat_1";
};
struct Enterprise {
    static constexpr std::string_view name = "enterprise";
    std::string token = "pat_2";
};

/// A field as this reader understands it: `scheme(name=value;…)` or `scheme[token68]`.
std::string read(std::string_view field) {
    const oauth::Challenges challenges = parse_challenges(field);
    if (!challenges.well_formed) return challenges.list.empty() ? "!" : "kept something";
    std::string text;
    for (const oauth::Challenge& each : challenges.list) {
        text += (text.empty() ? "" : " ") + each.scheme;
        if (!each.token68.empty()) text += "[" + each.token68 + "]";
        if (each.parameters.empty()) continue;
        text += '(';
        for (const auto& one : each.parameters) text += one.name + "=" + one.value + ";";
        text += ')';
    }
    return text;
}

}  // namespace

TEST_CASE("S50 challenges are read with their schemes, parameters and quoted strings") {
    CHECK(read("").empty());
    CHECK(read("Basic") == "Basic");
    CHECK(read("Bearer realm=\"api\", error=\"invalid_token\"") ==
          "Bearer(realm=api;error=invalid_token;)");
    CHECK(read("Basic realm=\"simple\", Bearer realm=\"a, b\", scope=\"x y\", Negotiate") ==
          "Basic(realm=simple;) Bearer(realm=a, b;scope=x y;) Negotiate");
    // RFC 9110 §11.6.1
    CHECK(read("Basic realm=\"simple\", Newauth realm=\"apps\", type=1, title=\"Login to "
               "\\\"apps\\\"\"") ==
          "Basic(realm=simple;) Newauth(realm=apps;type=1;title=Login to \"apps\";)");
    CHECK(read("Negotiate YII+/-._~==") == "Negotiate[YII+/-._~==]");
    CHECK(read("Negotiate a, Basic realm=\"\"") == "Negotiate[a] Basic(realm=;)");
    CHECK(read("Negotiate a=, B") == "Negotiate[a=] B");
    CHECK(read("Bearer realm=") == "Bearer[realm=]");  // so the grammar says
    CHECK(read("A b=c, D, E f=g") == "A(b=c;) D E(f=g;)");
}

TEST_CASE("S50 blanks and commas may stand wherever the grammar lets them") {
    CHECK(read(" , ,\tBearer  realm = \"a\"\t, ,, scope =b ,") == "Bearer(realm=a;scope=b;)");
    CHECK(read("Basic ,Bearer") == "Basic Bearer");
    CHECK(read("Basic,Bearer a=b,c=d") == "Basic Bearer(a=b;c=d;)");
}

TEST_CASE("S50 schemes and names are compared without regard to case") {
    const auto challenges = parse_challenges("bASIC realm=\"x\", BEARER Error=\"expired\"");
    REQUIRE(challenges.find("Bearer") != nullptr);
    CHECK(challenges.find("bearer")->parameter("ERROR") == "expired");
    CHECK(challenges.find("Bearer")->parameter("realm").empty());
    CHECK(challenges.find("Basic") == &challenges.list[0]);
    CHECK(challenges.find("Digest") == nullptr);
}

TEST_CASE("S50 what cannot be trusted gives no challenge at all") {
    for (const std::string_view field : {"=",
                                         "\"a\"",
                                         "Bearer \"a\"",
                                         "Bearer realm=\"a",
                                         "Bearer realm=\"a\\",

                                         "Bearer realm=, x=",
                                         "realm=\"a\"",
                                         "Bearer a=b c=d",
                                         "Bearer a=b=c",
                                         "Bearer a=\"b\"c",
                                         "Bearer a=b, A=c",
                                         "Negotiate abc, a=b",
                                         "Bearer a b",
                                         "Bearer: a",
                                         "Bearer;a=b",
                                         "Bearer realm=\"\x01\"",
                                         "Bearer realm=\"\\\n\"",
                                         "Bearer realm=\"\x7f\"",
                                         "Bearer\x80 a=b",
                                         "Bearer (a)=b",
                                         "Bearer/a"}) {
        CAPTURE(field);
        CHECK(read(field) == "!");
    }
    CHECK(read("Bearer realm=\"\xc3\xa9\t\"") == "Bearer(realm=\xc3\xa9\t;)");
}

TEST_CASE("S50 the size of a field, and what stands in it, are limited") {
    constexpr std::size_t limit = oauth::longest_challenge_field;
    const std::string begin = "Bearer realm=\"";
    const std::string longest = begin + std::string(limit - begin.size() - 1, 'x') + "\"";
    CHECK(longest.size() == limit);
    CHECK(parse_challenges(longest).list.size() == 1);
    CHECK(read(longest + " ") == "!");
    CHECK(parse_challenges(std::string(limit, ',')).well_formed);

    std::string schemes = "A";
    std::string parameters = "A p0=b";
    for (int i = 1; i != 64; ++i) {
        schemes += ", A";
        parameters += ", p" + std::to_string(i) + "=b";
    }
    CHECK(parse_challenges(schemes).list.size() == 64);
    CHECK(read(schemes + ", A") == "!");
    CHECK(parse_challenges(parameters).list[0].parameters.size() == 64);
    CHECK(read(parameters + ", q=b") == "!");
}

TEST_CASE("S51 a challenge that names another authority is read, and nobody goes there") {
    const std::string field =
        "Bearer authorization_uri=\"https://evil.example/authorize\", scope=\"admin\", "
        "resource_metadata=\"https://evil.example/.well-known\"";
    CHECK(parse_challenges(field).find("Bearer")->parameter("scope") == "admin");
    testing::Script http;
    http.then(HttpResponse{401, {{"WWW-Authenticate", field}}, {}, false}).then(200);
    const Client client{http, CredentialChain{Personal{}, Enterprise{}}, RetryOn<AuthRejected>{}};
    const HttpRequest request{"GET", "https://api.example/things", {}, {}};
    const auto result = client.send(request);
    REQUIRE(result);
    REQUIRE(http.sends().size() == 2);
    for (const auto& send : http.sends()) CHECK(send.url == request.url);
}
