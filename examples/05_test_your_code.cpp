// SPDX-License-Identifier: BSL-1.0
//
// Dear reader,
//
// you want to know what your own function does when the API refuses, and you want to know it
// without a network, a server or a second of waiting. A script is a transport that answers what
// you say and remembers what it was sent. The trail shows who answered what, never a token.

#include <rekey/http.hpp>
#include <rekey/rekey.hpp>
#include <rekey/testing.hpp>

#include <iostream>
#include <string>

struct Personal {
    static constexpr auto name = "personal";
    std::string token;
};
struct Enterprise {
    static constexpr auto name = "enterprise";
    std::string token;
};

// Your code: it takes any client, so the test hands it one over a script.
template <class Client> std::string greet(const Client& client) {
    const auto result =
        client.send(rekey::HttpRequest{"POST", "https://api.example/greet", {}, {}});
    return result ? "hello from " + std::string(result.credential()) : "nobody is at home";
}

int main() {
    rekey::testing::Script http;
    http.then(200, 4101, "no permission").then(200).then(401, 4100).then(404);

    const rekey::Client client{
        http, rekey::CredentialChain{Personal{"secret-one"}, Enterprise{"secret-two"}},
        rekey::RetryOn<4100, 4101, rekey::NotFound>{}};

    std::cout << greet(client) << '\n' << greet(client) << '\n';
    for (const auto& send : http.sends()) std::cout << send << '\n';
}

// Output:
//   hello from enterprise
//   nobody is at home
//   POST https://api.example/greet #1 as personal [authorization redacted]
//   POST https://api.example/greet #2 as enterprise [authorization redacted]
//   POST https://api.example/greet #1 as personal [authorization redacted]
//   POST https://api.example/greet #2 as enterprise [authorization redacted]
