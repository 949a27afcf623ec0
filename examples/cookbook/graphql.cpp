// SPDX-License-Identifier: BSL-1.0
//
// Dear reader,
//
// a GraphQL server answers 200 to everything and says in "errors" what went wrong. A reader turns
// the code of an error into a number; any other error is one that no further attempt helps.

#include <rekey/body/json.hpp>
#include <rekey/http.hpp>
#include <rekey/rekey.hpp>
#include <rekey/testing.hpp>

#include <cstdint>
#include <iostream>
#include <string>
#include <string_view>

enum Trouble : std::int64_t { no_trouble, unauthenticated, forbidden, other_trouble };

struct GraphQl : rekey::Service {  // what the numbers mean
    static constexpr bool names_codes = true;
    static constexpr rekey::FailureClass class_of(std::int64_t code) noexcept {
        return code == unauthenticated || code == forbidden ? rekey::AuthRejected
                                                            : rekey::NoFailure;
    }
};
struct GraphQlErrors {  // where they come from
    static rekey::body::Reading code(std::string_view body) {
        using namespace rekey::body;
        const Value errors = find(body, "errors");
        if (errors.kind == Kind::malformed) return {Found::malformed, 0};
        if (errors.kind != Kind::array) return {Found::present, no_trouble};
        const auto says = [&errors](std::string_view code) {
            return errors.raw.find(code) != std::string_view::npos;
        };
        if (says("\"UNAUTHENTICATED\"")) return {Found::present, unauthenticated};
        if (says("\"FORBIDDEN\"")) return {Found::present, forbidden};
        return {Found::present, other_trouble};
    }
    static std::string text(std::string_view body, std::string_view path) {
        return path == "message" ? std::string(rekey::body::find(body, "errors").raw)
                                 : rekey::body::Json::text(body, path);
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
    const auto answer = [](const char* body) { return rekey::HttpResponse{200, {}, body, {}}; };
    rekey::testing::Script http;
    http.then(answer(R"({"data":null,"errors":[{"extensions":{"code":"FORBIDDEN"}}]})"))
        .then(answer(R"({"data":{"me":"ada"}})"))
        .then(answer(R"({"data":null,"errors":[{"message":"no such field"}]})"));

    const rekey::Client client{
        http, rekey::CredentialChain{Personal{"secret-one"}, Enterprise{"secret-two"}},
        rekey::RetryOn<rekey::AuthRejected>{}, GraphQl{}, rekey::ReadWith<GraphQlErrors>{}};

    for (int i = 0; i != 2; ++i) {
        const auto result =
            client.send(rekey::HttpRequest{"POST", "https://api.example/graphql", {}, "{me}"});
        std::cout << (result ? result->body : result.error().describe()) << '\n';
    }
}
