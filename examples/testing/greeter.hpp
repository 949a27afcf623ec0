// SPDX-License-Identifier: BSL-1.0
// Greeter: the code under test of the three examples beside it. It knows nothing of tests.
#ifndef REKEY_EXAMPLES_TESTING_GREETER_HPP
#define REKEY_EXAMPLES_TESTING_GREETER_HPP

#include <rekey/any_client.hpp>
#include <rekey/http.hpp>
#include <rekey/rekey.hpp>

#include <string>
#include <utility>

struct Personal {
    static constexpr auto name = "personal";
    std::string token;
};
struct Enterprise {
    static constexpr auto name = "enterprise";
    std::string token;
};

using GreetingClient = rekey::AnyClient<rekey::HttpRequest, rekey::HttpResponse>;

/// The client as the program makes it, around any transport.
template <class Transport> auto greeting_client(Transport&& http) {
    return rekey::Client{std::forward<Transport>(http),
                         rekey::CredentialChain{Personal{"secret-one"}, Enterprise{"secret-two"}},
                         rekey::RetryOn<4100, 4101, rekey::NotFound>{}};
}

class Greeter {
public:
    explicit Greeter(GreetingClient client) : client_(std::move(client)) {}

    rekey::Result<rekey::HttpResponse> greet() const {
        return client_.send(rekey::HttpRequest{"POST", "https://api.example/greet", {}, {}});
    }

private:
    GreetingClient client_;
};

#endif
