// SPDX-License-Identifier: BSL-1.0
//
// Dear reader,
//
// a key of one region is worth nothing in the other, the host differs, and what goes on the wire is
// no token but a signature of the request. The chain holds the ids of the keys; a copy of the
// request goes to the other host; the transport signs with the key whose turn it is.

#include <rekey/http.hpp>
#include <rekey/rekey.hpp>

#include <iostream>
#include <string>

struct East {
    static constexpr auto name = "us-east-1";
    static constexpr auto scheme = "REGION-HMAC";
    std::string token;  // the id of the key, which is no secret
    std::string origin = "https://us-east-1.api.example";
};
struct West {
    static constexpr auto name = "us-west-2";
    static constexpr auto scheme = "REGION-HMAC";
    std::string token;
    std::string origin = "https://us-west-2.api.example";
};

/// Yours: signs method, URL and body with the key of a region, as your cloud says it.
std::string signature_of(const rekey::HttpRequest& request, std::string_view region) {
    return "signed(" + request.method + ' ' + request.url + " for " + std::string(region) + ")";
}

int main() {
    const auto http = [](const rekey::HttpRequest& request, const rekey::Attempt& attempt) {
        const std::string authorization = std::string(attempt.authorization()) + ' ' +
                                          signature_of(request, attempt.credential());
        std::cout << authorization << '\n';
        const bool moved = request.url.find("us-east-1") != std::string::npos;
        return rekey::HttpResponse{moved ? 403 : 200, {}, moved ? "AccessDenied" : "ok", false};
    };
    const auto to_the_west = [](rekey::HttpRequest& copy) {
        copy.url.replace(copy.url.find("us-east-1"), 9, "us-west-2");
    };
    const rekey::Client client{http, rekey::CredentialChain{East{"KEY-E"}, West{"KEY-W"}},
                               rekey::RetryOn<rekey::AuthRejected>{},
                               rekey::OnFallBack{to_the_west}};

    const auto result =
        client.send(rekey::HttpRequest{"GET", "https://us-east-1.api.example/bucket/key", {}, {}});
    std::cout << result->body << " from " << result.credential() << '\n';
}
