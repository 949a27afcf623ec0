// SPDX-License-Identifier: BSL-1.0
//
// Dear reader,
//
// what sends reaches your code as a std::function, chosen at run time. It is a callable like any
// other: hand it over. The client is then one type whatever is inside.

#include <rekey/http.hpp>
#include <rekey/rekey.hpp>

#include <functional>
#include <iostream>
#include <string>

struct Personal {
    static constexpr auto name = "personal";
    std::string token;
};

using Send = std::function<rekey::HttpResponse(const rekey::HttpRequest&, const rekey::Attempt&)>;

Send chosen_by(const std::string& setting) {
    if (setting == "offline")
        return [](const auto&, const auto&) { return rekey::HttpResponse{503, {}, "offline", {}}; };
    return [](const auto& request, const auto& attempt) {
        const bool known = attempt.authorization() == "Bearer secret-one";
        return rekey::HttpResponse{known ? 200 : 401, {}, "hello from " + request.url, false};
    };
}

int main() {
    for (const char* const setting : {"online", "offline"}) {
        const rekey::Client client{chosen_by(setting),
                                   rekey::CredentialChain{Personal{"secret-one"}}};
        const auto result = client.send(rekey::HttpRequest{"GET", "https://api.example", {}, {}});
        std::cout << (result ? result->body : result.error().describe()) << '\n';
    }
}
