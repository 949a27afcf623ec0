// SPDX-License-Identifier: BSL-1.0
#include <rekey/coze/environment.hpp>

#include "catch.hpp"

#include <cstdlib>
#include <initializer_list>
#include <string>
#include <string_view>

using namespace rekey;

namespace {

// Sets variables for one test and takes all of them away again.
struct Variables {
    Variables() { clear(); }
    ~Variables() { clear(); }
    Variables(const Variables&) = delete;
    Variables& operator=(const Variables&) = delete;
    static void set(const char* name, const char* value) { setenv(name, value, 1); }
    static void clear() {
        for (const char* name :
             {"COZE_API_BASE", "COZE_API_TOKEN", "COZE_API_TOKEN_ENTERPRISE",
              "COZE_JWT_OAUTH_CLIENT_ID", "COZE_JWT_OAUTH_PUBLIC_KEY_ID",
              "COZE_JWT_OAUTH_PRIVATE_KEY_FILE_PATH", "COZE_JWT_OAUTH_PRIVATE_KEY",
              "COZE_ACCOUNT_ID", "COZE_ENTERPRISE_ID"})
            unsetenv(name);
    }
};

oauth::Signer signer() {
    return oauth::Signer{[](std::string_view) { return std::string("signature"); }};
}

}  // namespace

TEST_CASE("S21 tokens from the environment go to no http base outside loopback") {
    Variables variables;
    variables.set("COZE_API_TOKEN", "pat_canary_1");
    variables.set("COZE_API_TOKEN_ENTERPRISE", "pat_canary_2");
    variables.set("COZE_API_BASE", "http://api.example.com");
    const auto refused = coze::from_environment<coze::Pat>();
    CHECK_FALSE(refused);
    CHECK(refused.variable() == "COZE_API_BASE");
    CHECK(refused.error().find("canary") == std::string::npos);
    CHECK(coze::from_environment<coze::Pat>(true));
    variables.set("COZE_API_BASE", "http://127.0.0.1:8080");
    CHECK(coze::from_environment<coze::Pat>());
}

TEST_CASE("an app from the environment goes to no http base outside loopback") {
    Variables variables;
    variables.set("COZE_JWT_OAUTH_CLIENT_ID", "client");
    variables.set("COZE_JWT_OAUTH_PUBLIC_KEY_ID", "key");
    variables.set("COZE_ACCOUNT_ID", "1");
    variables.set("COZE_ENTERPRISE_ID", "2");
    variables.set("COZE_API_BASE", "http://api.example.com");
    CHECK(coze::from_environment<coze::AppAuth>(signer()).variable() == "COZE_API_BASE");
    CHECK(coze::from_environment<coze::AppAuth>(signer(), true));
}

TEST_CASE("no error of the environment repeats a value") {
    Variables variables;
    variables.set("COZE_API_BASE", "canary://canary canary");
    CHECK(coze::from_environment<coze::Pat>().error().find("canary") == std::string::npos);
    variables.set("COZE_API_BASE", "");
    variables.set("COZE_API_TOKEN", "canary");
    const auto missing = coze::from_environment<coze::Pat>();
    CHECK(missing.variable() == "COZE_API_TOKEN_ENTERPRISE");
    CHECK(missing.error() == "COZE_API_TOKEN_ENTERPRISE: is not set");
}

TEST_CASE("an empty variable counts as missing") {
    Variables variables;
    variables.set("COZE_API_TOKEN", "");
    CHECK(coze::from_environment<coze::Pat>().variable() == "COZE_API_TOKEN");
}
