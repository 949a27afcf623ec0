// SPDX-License-Identifier: BSL-1.0
//
// Dear reader,
//
// your service calls an API with a personal credential. One day the workspace moves to the
// enterprise, and from that second the personal token is refused with code 4101. You hold the
// enterprise token as well, and you would like to keep answering.
//
// Here the API is a lambda, so that this letter runs without a network.

#include <rekey/rekey.hpp>

#include <cstdio>
#include <string>

struct Request {
    std::string question;
};
struct Response {
    int status;
    std::string body;
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
    bool moved = false;
    const auto http = [&moved](const Request&, const rekey::Attempt& attempt) -> Response {
        const bool personal = attempt.authorization() == "Bearer pat_personal";
        if (personal && moved) return {200, R"({"code":4101,"msg":"no permission"})"};
        return {200, R"({"code":0,"data":{"answer":"42"}})"};
    };

    const rekey::Client client{
        http, rekey::CredentialChain{Personal{"pat_personal"}, Enterprise{"pat_enterprise"}},
        rekey::RetryOn<4100, 4101, rekey::NotFound>{}};

    for (int day = 1; day <= 2; ++day) {
        const auto result = client.send(Request{"What is the answer?"});
        if (!result) return std::puts(result.error().describe().c_str()), 1;
        std::printf("day %d: %s, served by %s after %zu send(s)\n", day, result->body.c_str(),
                    std::string(result.credential()).c_str(), result.trail().count());
        moved = true;
    }
}

// Output:
//   day 1: {"code":0,"data":{"answer":"42"}}, served by personal after 1 send(s)
//   day 2: {"code":0,"data":{"answer":"42"}}, served by enterprise after 2 send(s)
