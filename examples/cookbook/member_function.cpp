// SPDX-License-Identifier: BSL-1.0
//
// Dear reader,
//
// your code base has an HTTP class of its own, and what sends is a member function that takes a
// path and a bearer token. A lambda around it is a transport; your request is the path.

#include <rekey/rekey.hpp>

#include <iostream>
#include <string>

/// As it stands in your code base. Nothing of it changes.
class Http {
public:
    struct Reply {
        int status;
        std::string text;
    };
    Reply get(const std::string& path, const std::string& authorization) {
        ++sends;
        if (authorization != "Bearer secret-two") return {401, R"({"code":4100})"};
        return {200, "the page at " + path};
    }
    int sends = 0;
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
    Http http;
    const auto transport = [&http](const std::string& path, const rekey::Attempt& attempt) {
        return http.get(path, std::string(attempt.authorization()));
    };
    const rekey::Client client{
        transport, rekey::CredentialChain{Personal{"secret-one"}, Enterprise{"secret-two"}},
        rekey::RetryOn<4100, 4101>{}};

    const auto reply = client.send(std::string("/v1/me"));
    std::cout << reply->text << ", by the " << reply.credential() << " credential after "
              << http.sends << " sends\n";
}
