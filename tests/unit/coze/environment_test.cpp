// SPDX-License-Identifier: BSL-1.0
#include <rekey/coze/environment.hpp>

#include "catch.hpp"

#include <cstdlib>
#include <string>
#include <string_view>

using namespace rekey;

namespace {

/// Sets variables for a test and takes them away again.
class Environment {
public:
    Environment() { clear(); }
    Environment(const Environment&) = delete;
    Environment& operator=(const Environment&) = delete;
    ~Environment() { clear(); }
    Environment& set(const char* name, const char* value) {
        ::setenv(name, value, 1);
        return *this;
    }
    Environment& unset(const char* name) {
        ::unsetenv(name);
        return *this;
    }

private:
    static void clear() {
        for (const char* const name :
             {"COZE_API_BASE", "COZE_API_TOKEN", "COZE_API_TOKEN_ENTERPRISE",
              "COZE_JWT_OAUTH_CLIENT_ID", "COZE_JWT_OAUTH_PUBLIC_KEY_ID",
              "COZE_JWT_OAUTH_PRIVATE_KEY", "COZE_JWT_OAUTH_PRIVATE_KEY_FILE_PATH",
              "COZE_ACCOUNT_ID", "COZE_ENTERPRISE_ID"})
            ::unsetenv(name);
    }
};

oauth::Signer signer() {
    return oauth::Signer{[](std::string_view) { return std::string("signature"); }};
}

}  // namespace

TEST_CASE("two tokens in the environment make a chain of two") {
    Environment environment;
    environment.set("COZE_API_TOKEN", "pat_one").set("COZE_API_TOKEN_ENTERPRISE", "pat_two");
    const auto chain = coze::from_environment<coze::Pat>();
    REQUIRE(chain);
    CHECK(rekey::detail::at<0>((*chain).credentials).token.expose() == "pat_one");
    CHECK(rekey::detail::at<1>((*chain).credentials).token.expose() == "pat_two");
    CHECK(rekey::detail::at<0>((*chain).credentials).origin == "https://api.coze.com");
}

TEST_CASE("slashes at the end of the API base do not matter") {
    Environment environment;
    environment.set("COZE_API_BASE", "https://api.coze.cn///");
    CHECK(coze::api_base_from_environment() == "https://api.coze.cn");
    environment.set("COZE_API_BASE", "");
    CHECK(coze::api_base_from_environment() == "https://api.coze.com");
}

TEST_CASE("a missing token is named") {
    Environment environment;
    CHECK(coze::from_environment<coze::Pat>().variable() == "COZE_API_TOKEN");
    environment.set("COZE_API_TOKEN", "pat_one");
    const auto chain = coze::from_environment<coze::Pat>();
    CHECK_FALSE(chain);
    CHECK(chain.variable() == "COZE_API_TOKEN_ENTERPRISE");
    CHECK(chain.error() == "COZE_API_TOKEN_ENTERPRISE: is not set");
    environment.set("COZE_API_TOKEN_ENTERPRISE", "");
    CHECK(coze::from_environment<coze::Pat>().variable() == "COZE_API_TOKEN_ENTERPRISE");
}

TEST_CASE("an API base that is no URL is named, for both kinds") {
    Environment environment;
    environment.set("COZE_API_TOKEN", "pat_one").set("COZE_API_TOKEN_ENTERPRISE", "pat_two");
    environment.set("COZE_API_BASE", "api.coze.com");
    CHECK(coze::from_environment<coze::Pat>().variable() == "COZE_API_BASE");
    CHECK(coze::from_environment<coze::AppAuth>(signer()).variable() == "COZE_API_BASE");
    environment.set("COZE_API_BASE", "https://api.coze.com?x=1");
    CHECK(coze::from_environment<coze::Pat>().variable() == "COZE_API_BASE");
    CHECK(coze::from_environment<coze::AppAuth>(signer()).variable() == "COZE_API_BASE");
    environment.set("COZE_API_BASE", "http://api.example.com");
    CHECK(coze::from_environment<coze::AppAuth>(signer()).variable() == "COZE_API_BASE");
    CHECK(coze::from_environment<coze::AppAuth>(signer(), true).variable() ==
          "COZE_JWT_OAUTH_CLIENT_ID");
}

TEST_CASE("each variable of AppAuth is named when it is missing") {
    Environment environment;
    const char* const names[] = {"COZE_JWT_OAUTH_CLIENT_ID", "COZE_JWT_OAUTH_PUBLIC_KEY_ID",
                                 "COZE_ACCOUNT_ID", "COZE_ENTERPRISE_ID"};
    for (const char* const name : names) {
        const auto chain = coze::from_environment<coze::AppAuth>(signer());
        CHECK_FALSE(chain);
        CHECK(chain.variable() == name);
        environment.set(name, "value");
    }
    CHECK(coze::from_environment<coze::AppAuth>(signer()));
}

TEST_CASE("a credential that could not serve after the move is named before it") {
    Environment environment;
    environment.set("COZE_API_TOKEN", "pat_one").set("COZE_API_TOKEN_ENTERPRISE", "pat\ntwo");
    CHECK(coze::from_environment<coze::Pat>().variable() == "COZE_API_TOKEN_ENTERPRISE");
    CHECK(coze::from_environment<coze::Pat>().error().find("two") == std::string::npos);
    environment.set("COZE_API_TOKEN", "pat one");
    CHECK(coze::from_environment<coze::Pat>().variable() == "COZE_API_TOKEN");

    environment.set("COZE_JWT_OAUTH_CLIENT_ID", "1").set("COZE_JWT_OAUTH_PUBLIC_KEY_ID", "k");
    environment.set("COZE_ACCOUNT_ID", "12345").set("COZE_ENTERPRISE_ID", "1 3");
    CHECK(coze::from_environment<coze::AppAuth>(signer()).variable() == "COZE_ENTERPRISE_ID");
    environment.set("COZE_ACCOUNT_ID", "../1");
    CHECK(coze::from_environment<coze::AppAuth>(signer()).variable() == "COZE_ACCOUNT_ID");
}

TEST_CASE("a variable that came with the line end of its file is named, never its value") {
    Environment environment;
    for (const char* const name : {"COZE_JWT_OAUTH_CLIENT_ID", "COZE_JWT_OAUTH_PUBLIC_KEY_ID",
                                   "COZE_ACCOUNT_ID", "COZE_ENTERPRISE_ID"}) {
        environment.set("COZE_JWT_OAUTH_CLIENT_ID", "1128").set("COZE_ACCOUNT_ID", "12345");
        environment.set("COZE_JWT_OAUTH_PUBLIC_KEY_ID", "k").set("COZE_ENTERPRISE_ID", "e_1");
        CHECK(coze::from_environment<coze::AppAuth>(signer()));
        for (const char* const bad : {"1128\r", "1128\n", " 1128", "\xff"}) {
            CAPTURE(name, bad);
            environment.set(name, bad);
            const auto chain = coze::from_environment<coze::AppAuth>(signer());
            CHECK_FALSE(chain);
            CHECK(chain.variable() == name);
            CHECK(chain.error().find("1128") == std::string::npos);
        }
    }
}
