// SPDX-License-Identifier: BSL-1.0
//
// Dear reader,
//
// your code base has an interface for what sends, and your tests a mock of it. The client takes the
// interface by a lambda; the same line stands in the program and in the test.

#include <rekey/http.hpp>
#include <rekey/rekey.hpp>

#include <iostream>
#include <string>
#include <vector>

class Wire {  // the interface of your code base
public:
    virtual ~Wire() = default;
    virtual rekey::HttpResponse send(const rekey::HttpRequest&, const std::string& token) = 0;
};

class WireMock : public Wire {  // of your tests, written by hand or by GoogleMock
public:
    rekey::HttpResponse send(const rekey::HttpRequest& request, const std::string& token) override {
        seen.push_back(request.url + (token == "Bearer secret-two" ? " accepted" : " refused"));
        return {200, {}, token == "Bearer secret-two" ? "{}" : R"({"code":4101})", false};
    }
    std::vector<std::string> seen{};
};

struct Personal {
    static constexpr auto name = "personal";
    std::string token;
};
struct Enterprise {
    static constexpr auto name = "enterprise";
    std::string token;
};

auto make_client(Wire& wire) {
    return rekey::Client{[&wire](const rekey::HttpRequest& request, const rekey::Attempt& attempt) {
                             return wire.send(request, std::string(attempt.authorization()));
                         },
                         rekey::CredentialChain{Personal{"secret-one"}, Enterprise{"secret-two"}},
                         rekey::RetryOn<4100, 4101>{}};
}

int main() {
    WireMock mock;
    const auto result =
        make_client(mock).send(rekey::HttpRequest{"GET", "https://api.example/a", {}, {}});
    std::cout << "served by " << result.credential() << '\n';
    for (const std::string& send : mock.seen) std::cout << send << '\n';
}
