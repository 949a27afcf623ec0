// SPDX-License-Identifier: BSL-1.0
//
// Dear reader,
//
// your API says what is wrong in words: {"error":{"code":"AccessDenied"}}. A reader gives each word
// that matters a number of your own; from there on it is a service like any other.

#include <rekey/body/json.hpp>
#include <rekey/http.hpp>
#include <rekey/rekey.hpp>
#include <rekey/testing.hpp>

#include <iostream>
#include <string>
#include <string_view>

constexpr int no_error = 0, access_denied = 1, token_expired = 2, throttled = 3, other_error = 4;

struct Words {  // a body reader
    static rekey::body::Reading code(std::string_view body) {
        const std::string word = rekey::body::Json::text(body, "error.code");
        if (word.empty()) return {rekey::body::Json::code(body).found, no_error};
        const int number = word == "AccessDenied"   ? access_denied
                           : word == "TokenExpired" ? token_expired
                           : word == "Throttled"    ? throttled
                                                    : other_error;
        return {rekey::body::Found::present, number};
    }
    static std::string text(std::string_view body, std::string_view path) {
        return rekey::body::Json::text(body, path);
    }
};

struct Personal {
    static constexpr auto name = "personal";
    std::string token;
};
struct Enterprise {
    static constexpr auto name = "enterprise";
    std::string token;
};

int main() {
    using rekey::HttpResponse;
    rekey::testing::Script http;
    http.then(HttpResponse{400, {}, R"({"error":{"code":"TokenExpired","message":"old"}})", {}})
        .then(HttpResponse{200, {}, R"({"answer":42})", {}})
        .then(HttpResponse{400, {}, R"({"error":{"code":"BadInput","message":"no id"}})", {}});

    const rekey::Client client{
        http, rekey::CredentialChain{Personal{"secret-one"}, Enterprise{"secret-two"}},
        rekey::RetryOn<access_denied, token_expired, rekey::as_rate_limited(throttled)>{},
        rekey::MaxAttempts<3>{}, rekey::ReadWith<Words>{}};

    for (int i = 0; i != 2; ++i) {
        const auto result = client.send(rekey::HttpRequest{"GET", "https://api.example", {}, {}});
        std::cout << (result ? "served by " + std::string(result.credential())
                             : result.error().describe())
                  << '\n';
    }
}
