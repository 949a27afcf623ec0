// SPDX-License-Identifier: BSL-1.0
//
// Dear reader,
//
// your program serves many tenants, and how many credentials each of them has stands in a database.
// Nothing of that is known when the program is compiled, so that the chain cannot be a list of
// types. It is a list of values with room for eight.

#include <rekey/any_client.hpp>
#include <rekey/any_credential.hpp>
#include <rekey/http.hpp>
#include <rekey/rekey.hpp>
#include <rekey/testing.hpp>

#include <iostream>
#include <string>
#include <vector>

struct Row {  // of your table
    std::string name;
    std::string token;
};
using TenantClient = rekey::AnyClient<rekey::HttpRequest, rekey::HttpResponse>;

TenantClient client_of(const std::vector<Row>& rows, rekey::testing::Script& http) {
    const rekey::AnyChain<8> chain{rows};
    return rekey::Client{http, chain.credentials(), chain.empty_places(),
                         rekey::RetryOn<4100, 4101>{}};
}

int main() {
    rekey::testing::Script http;
    http.then(200, 4101).then(200, 4101).then(200).then(200, 4100);

    const rekey::HttpRequest request{"GET", "https://api.example/me", {}, {}};
    const TenantClient clients[] = {
        client_of({{"a1", "secret-a-1"}, {"a2", "secret-a-2"}, {"a3", "secret-a-3"}}, http),
        client_of({{"b1", "secret-b-1"}}, http), client_of({}, http)};
    for (const TenantClient& client : clients) {
        const auto result = client.send(request);
        std::cout << (result ? "served by " + std::string(result.credential())
                             : result.error().describe())
                  << '\n';
    }
}
