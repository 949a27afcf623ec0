// SPDX-License-Identifier: BSL-1.0
//
// Dear reader,
//
// your robot works as a GitHub app, and where the app is not installed it goes on with a personal
// access token. The app's token comes from an exchange: a credential says what to send and what the
// answer means; the client sends it once an hour, for all threads together.

#include <rekey/body/json.hpp>
#include <rekey/http.hpp>
#include <rekey/oauth/token_response.hpp>
#include <rekey/rekey.hpp>
#include <rekey/testing.hpp>
#include <rekey/token/source.hpp>

#include <cstdint>
#include <iostream>
#include <string>
#include <string_view>
#include <utility>

struct App {
    static constexpr auto name = "app";
    using Exchange = rekey::token::Exchanged;
    std::string installation;

    struct Request {
        rekey::HttpRequest http;
        rekey::Secret authorization;
        std::string problem{};
    };
    Request token_request(std::int64_t) const {
        // Yours: a JWT, signed with the key of the app (rekey/adapter/openssl.hpp signs RS256).
        return {{"POST",
                 "https://api.github.com/app/installations/" + installation + "/access_tokens",
                 {{"Accept", "application/vnd.github+json"}},
                 {}},
                rekey::Secret{"Bearer jwt-of-the-app"}};
    }
    rekey::oauth::TokenAnswer read_token(int status, std::string_view, std::string_view body,
                                         std::int64_t now) const {
        rekey::oauth::TokenAnswer answer;
        answer.message = rekey::body::Json::text(body, "message");
        answer.outcome = status == 201  ? rekey::oauth::TokenOutcome::granted
                         : status < 500 ? rekey::oauth::TokenOutcome::refused
                                        : rekey::oauth::TokenOutcome::failed;
        if (status != 201) return answer;
        answer.access_token = rekey::Secret{rekey::body::Json::text(body, "token")};
        answer.expires_at = now + 3600;  // an installation's token lives for an hour
        return answer;
    }
};
struct Pat {
    static constexpr auto name = "pat";
    std::string token;
};

int main() {
    using rekey::HttpResponse;
    rekey::testing::Script http;
    http.then(HttpResponse{201, {}, R"({"token":"ghs_1"})", {}})
        .then(HttpResponse{200, {}, R"({"full_name":"a/one"})", {}})
        .then(HttpResponse{404, {}, R"({"message":"Not Found"})", {}})  // not installed there
        .then(HttpResponse{200, {}, R"({"full_name":"b/two"})", {}});

    const rekey::Client client{http, rekey::CredentialChain{App{"42"}, Pat{"ghp_1"}},
                               rekey::RetryOn<rekey::AuthRejected, rekey::NotFound>{}};
    for (const char* const repository : {"a/one", "b/two"}) {
        const std::string url = "https://api.github.com/repos/" + std::string(repository);
        const auto result = client.send(rekey::HttpRequest{"GET", url, {}, {}});
        std::cout << result->body << " as " << result.credential() << '\n';
    }
    std::cout << http << '\n';
}
