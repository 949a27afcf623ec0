// SPDX-License-Identifier: BSL-1.0
#include <rekey/oauth/authorize_url.hpp>

#include "catch.hpp"

#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

namespace {

using rekey::oauth::authorize_url;
using rekey::oauth::AuthorizeOptions;
using rekey::oauth::AuthorizeUrl;
using rekey::oauth::Pkce;
using rekey::oauth::WithoutPkce;
using rekey::oauth::www_base;

AuthorizeOptions usual() {
    AuthorizeOptions options;
    options.www_base = "https://www.coze.com";
    options.client_id = "2256789012345.app.coze";
    options.redirect_uri = "http://127.0.0.1:8080/callback";
    options.state = "St-ate_43";
    return options;
}

Pkce vector() { return Pkce::with_verifier("dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"); }

/// What a server reads under a name.
std::string parameter(std::string_view url, std::string_view name) {
    std::string_view query = url.substr(url.find('?') + 1);
    while (!query.empty()) {
        const std::string_view pair = query.substr(0, query.find('&'));
        query.remove_prefix(pair.size() == query.size() ? pair.size() : pair.size() + 1);
        if (pair.substr(0, pair.find('=')) != name) continue;
        std::string value;
        REQUIRE(rekey::oauth::percent_decode(pair.substr(pair.find('=') + 1), value));
        return value;
    }
    return "(absent)";
}

template <class Extra, class = void> struct HasUrl : std::false_type {};
template <class Extra>
struct HasUrl<Extra, std::void_t<decltype(authorize_url(std::declval<const AuthorizeOptions&>(),
                                                        std::declval<Extra>()))>> : std::true_type {
};

}  // namespace

TEST_CASE("the consent page of the web flow has exactly these parameters") {
    const AuthorizeUrl url = authorize_url(usual(), WithoutPkce{});
    REQUIRE(url);
    CHECK(url.text ==
          "https://www.coze.com/api/permission/oauth2/authorize?response_type=code"
          "&client_id=2256789012345.app.coze"
          "&redirect_uri=http%3A%2F%2F127.0.0.1%3A8080%2Fcallback&state=St-ate_43");
}

TEST_CASE("S15 the consent page with PKCE has the challenge and says S256") {
    const AuthorizeUrl url = authorize_url(usual(), vector());
    REQUIRE(url);
    CHECK(url.text ==
          "https://www.coze.com/api/permission/oauth2/authorize?response_type=code"
          "&client_id=2256789012345.app.coze"
          "&redirect_uri=http%3A%2F%2F127.0.0.1%3A8080%2Fcallback&state=St-ate_43"
          "&code_challenge=E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"
          "&code_challenge_method=S256");
}

TEST_CASE("consent for one workspace has the workspace in its path") {
    AuthorizeOptions options = usual();
    options.workspace_id = "7379462189365198898";
    const AuthorizeUrl url = authorize_url(options, WithoutPkce{});
    REQUIRE(url);
    CHECK(url.text.find("https://www.coze.com/api/permission/oauth2/workspace_id/"
                        "7379462189365198898/authorize?response_type=code&") == 0);
}

TEST_CASE("a workspace id that would leave its place in the path is refused") {
    for (const std::string_view id :
         {"a/b", "..", ".", "a b", "a?b", "a#b", "a%2Fb", "a\\b", "a\n", "\xe4\xbd\xa0", "a&b"}) {
        AuthorizeOptions options = usual();
        options.workspace_id = std::string(id);
        CAPTURE(id);
        const AuthorizeUrl url = authorize_url(options, WithoutPkce{});
        CHECK_FALSE(url);
        CHECK(url.text.empty());
    }
    AuthorizeOptions options = usual();
    options.workspace_id = std::string(129, '1');
    CHECK_FALSE(authorize_url(options, WithoutPkce{}));
}

TEST_CASE("S9 a redirect URI with & and # and = arrives byte for byte") {
    for (const std::string_view uri :
         {"http://127.0.0.1:8080/cb?a=1&b=2#f", "https://app.example/cb?next=%2Fchat",
          "https://app.example/cb+plus", "com.example.app:/callback", "https://app.example/c~b"}) {
        AuthorizeOptions options = usual();
        options.redirect_uri = std::string(uri);
        CAPTURE(uri);
        const AuthorizeUrl url = authorize_url(options, vector());
        REQUIRE(url);
        CHECK(parameter(url.text, "redirect_uri") == uri);
        CHECK(url.text.find('#') == std::string::npos);
    }
    AuthorizeOptions options = usual();
    options.redirect_uri = "http://127.0.0.1/cb?a=1&b=2#f";
    CHECK(authorize_url(options, WithoutPkce{})
              .text.find("redirect_uri=http%3A%2F%2F127.0.0.1%2Fcb%3Fa%3D1%26b%3D2%23f&") !=
          std::string::npos);
}

TEST_CASE("S13 response_type is always code") {
    AuthorizeOptions options = usual();
    for (const char* workspace : {"", "1"}) {
        options.workspace_id = workspace;
        CHECK(parameter(authorize_url(options, vector()).text, "response_type") == "code");
        CHECK(parameter(authorize_url(options, WithoutPkce{}).text, "response_type") == "code");
    }
    options.workspace_id.clear();
    options.client_id = "x&response_type=token";
    const AuthorizeUrl url = authorize_url(options, WithoutPkce{});
    CHECK(url.text.find("response_type=token") == std::string::npos);
    CHECK(parameter(url.text, "client_id") == "x&response_type=token");
}

TEST_CASE("S16 a URL without PKCE needs the word for it") {
    STATIC_REQUIRE(HasUrl<Pkce>::value);
    STATIC_REQUIRE(HasUrl<WithoutPkce>::value);
    STATIC_REQUIRE_FALSE(HasUrl<std::string>::value);
    STATIC_REQUIRE_FALSE(HasUrl<const char*>::value);
    const AuthorizeUrl url = authorize_url(usual(), Pkce::with_verifier("too short"));
    CHECK_FALSE(url);
    CHECK(url.text.empty());
}

TEST_CASE("S17 the verifier does not leave in the front channel") {
    const std::string canary = "canary.canary.canary.canary.canary.canary.c";
    const AuthorizeUrl url = authorize_url(usual(), Pkce::with_verifier(canary));
    REQUIRE(url);
    CHECK(url.text.find("canary") == std::string::npos);
    AuthorizeOptions options = usual();
    options.state.clear();
    CHECK(authorize_url(options, Pkce::with_verifier(canary)).problem.find("canary") ==
          std::string::npos);
}

TEST_CASE("a consent page without an essential is refused with a sentence that names it") {
    const auto problem_without = [](std::string AuthorizeOptions::*member, std::string value) {
        AuthorizeOptions options = usual();
        options.*member = std::move(value);
        const AuthorizeUrl url = authorize_url(options, WithoutPkce{});
        CHECK(url.text.empty());
        return url.problem;
    };
    CHECK_THAT(problem_without(&AuthorizeOptions::state, ""), ContainsSubstring("state"));
    CHECK_THAT(problem_without(&AuthorizeOptions::client_id, ""), ContainsSubstring("client id"));
    CHECK_THAT(problem_without(&AuthorizeOptions::redirect_uri, ""),
               ContainsSubstring("redirect URI"));
    CHECK_THAT(problem_without(&AuthorizeOptions::redirect_uri, "http://a/b c"),
               ContainsSubstring("redirect URI"));
    CHECK_THAT(problem_without(&AuthorizeOptions::redirect_uri, "http://a/\r\nX: y"),
               ContainsSubstring("redirect URI"));
    CHECK_THAT(problem_without(&AuthorizeOptions::www_base, ""), ContainsSubstring("browser base"));
    CHECK_THAT(problem_without(&AuthorizeOptions::www_base, "https://www.coze.com/?a"),
               ContainsSubstring("browser base"));
    CHECK_THAT(problem_without(&AuthorizeOptions::www_base, "http://www.coze.com"),
               ContainsSubstring("http outside loopback"));
}

TEST_CASE("a browser base over http is for loopback, or for who says so") {
    AuthorizeOptions options = usual();
    options.www_base = "http://127.0.0.1:8080/";
    CHECK(authorize_url(options, WithoutPkce{}).text.find("http://127.0.0.1:8080/api/") == 0);
    options.www_base = "http://coze.test";
    CHECK_FALSE(authorize_url(options, WithoutPkce{}));
    options.allow_http = true;
    CHECK(authorize_url(options, WithoutPkce{}));
}

TEST_CASE("the browser base is the API base with www. for a leading api.") {
    CHECK(www_base("https://api.coze.com") == "https://www.coze.com");
    CHECK(www_base("https://api.coze.cn") == "https://www.coze.cn");
    CHECK(www_base("https://api.coze.com//") == "https://www.coze.com");
    CHECK(www_base("https://API.coze.com") == "https://www.coze.com");
    CHECK(www_base("https://api.example:8443/coze/") == "https://www.example:8443/coze");
    CHECK(www_base("https://api.api.example/api.x") == "https://www.api.example/api.x");
    CHECK(www_base("http://127.0.0.1:9000") == "http://127.0.0.1:9000");
    CHECK(www_base("https://coze.example/api.v1") == "https://coze.example/api.v1");
    CHECK(www_base("https://my-api.example") == "https://my-api.example");
    CHECK(www_base("https://apix.example") == "https://apix.example");
    CHECK(www_base("https://api") == "https://api");
    CHECK(www_base("api.coze.com").empty());
    CHECK(www_base("").empty());
}
