// SPDX-License-Identifier: BSL-1.0
// consumer: the smallest honest use of rekey, compiled by each way to consume it.
#include <rekey/rekey.hpp>

#include <cstdio>
#include <string>
#include <string_view>

struct Personal {
    static constexpr std::string_view name = "personal";
    std::string token = "of-the-person";
};
struct Enterprise {
    static constexpr std::string_view name = "enterprise";
    std::string token = "of-the-enterprise";
};
struct Response {
    int status;
    std::string body;
};

int main() {
    const auto http = [](const std::string&, const rekey::Attempt& attempt) {
        const bool moved = attempt.authorization() == "Bearer of-the-person";
        return moved ? Response{401, R"({"code":4101})"} : Response{200, R"({"code":0})"};
    };
    const rekey::Client client{http, rekey::CredentialChain{Personal{}, Enterprise{}},
                               rekey::RetryOn<4100, 4101, rekey::NotFound>{}};
    const auto result = client.send(std::string{"hello"});
    if (!result || result.credential() != "enterprise") return 1;
    std::puts("enterprise");
    return 0;
}
