// expect: rekey: this transport takes a request alone, and rekey cannot set a header
// SPDX-License-Identifier: BSL-1.0
#include <rekey/rekey.hpp>

#include <string>

struct Personal {
    static constexpr auto name = "personal";
    std::string token;
};
struct Enterprise {
    static constexpr auto name = "enterprise";
    std::string token;
};

#include <string_view>

struct Request {
    std::string authorization;
};
struct Response {
    int status;
    std::string body;
};
Response http(const Request&) { return {200, "{}"}; }

#ifndef REKEY_REJECT
template <> struct rekey::RequestTraits<Request> {
    static void set_header(Request& request, std::string_view, std::string_view value) {
        request.authorization = std::string(value);
    }
};
#endif

int main() {
    const rekey::Client client{http, rekey::CredentialChain{Personal{"token"}}};
    (void)client.send(Request{});
}
