// SPDX-License-Identifier: BSL-1.0
//
// Dear reader,
//
// what sends is a C function of another century: it blocks, gives the body in pieces to a callback
// with a void pointer, and returns a negative number when the network failed. It becomes a
// transport that says how far a failed attempt came, so that nothing is sent twice that may have
// acted.

#include <rekey/rekey.hpp>

#include <cstddef>
#include <cstring>
#include <iostream>
#include <string>

extern "C" {
using legacy_piece = void (*)(void* context, const char* bytes, std::size_t size);

enum { LEGACY_NO_ROUTE = -1, LEGACY_RESET = -2 };

/// As it stands in the library: the status, or a negative number.
static int legacy_get(const char* url, const char* authorization, legacy_piece piece, void* to) {
    if (std::strstr(url, "nowhere") != nullptr) return LEGACY_NO_ROUTE;
    const bool good = std::strcmp(authorization, "Bearer secret-two") == 0;
    for (const char* part : {good ? "{\"code\":0," : "{\"code\":4101,", "\"msg\":\"\"}"})
        piece(to, part, std::strlen(part));
    return 200;
}
}

struct Reply {
    int status = 0;
    std::string body{};
};
struct Personal {
    static constexpr auto name = "personal";
    std::string token;
};
struct Enterprise {
    static constexpr auto name = "enterprise";
    std::string token;
};

rekey::TransportResult<Reply> transport(const std::string& url, const rekey::Attempt& attempt) {
    Reply reply;
    const legacy_piece append = [](void* to, const char* bytes, std::size_t size) {
        static_cast<Reply*>(to)->body.append(bytes, size);
    };
    const std::string authorization(attempt.authorization());
    reply.status = legacy_get(url.c_str(), authorization.c_str(), append, &reply);
    if (reply.status == LEGACY_NO_ROUTE)
        return rekey::TransportError{rekey::Reach::never_sent, "no route"};
    if (reply.status < 0)
        return rekey::TransportError{rekey::Reach::sent_unanswered, "connection reset"};
    return reply;
}

int main() {
    const rekey::Client client{
        transport, rekey::CredentialChain{Personal{"secret-one"}, Enterprise{"secret-two"}},
        rekey::RetryOn<4100, 4101>{}};
    for (const char* const url : {"https://api.example", "https://nowhere.example"}) {
        const auto result = client.send(std::string(url));
        std::cout << (result ? "served by " + std::string(result.credential())
                             : result.error().describe())
                  << '\n';
    }
}
