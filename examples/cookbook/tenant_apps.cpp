// SPDX-License-Identifier: BSL-1.0
//
// Dear reader,
//
// one of your tenants has installed your OAuth app and kept a personal access token from before;
// another has nothing but such a token. Both stand in a table. The app gets its tokens by an
// exchange, which a list of `AnyCredential` may hold if it says so: `MayExchange`.

#include <rekey/any_client.hpp>
#include <rekey/any_exchange.hpp>
#include <rekey/coze.hpp>
#include <rekey/http.hpp>
#include <rekey/rekey.hpp>
#include <rekey/testing.hpp>

#include <iostream>
#include <string>
#include <string_view>
#include <vector>

using rekey::HttpResponse;
using Chain = rekey::AnyChain<8, rekey::coze::Api, rekey::MayExchange>;
using TenantClient = rekey::AnyClient<rekey::HttpRequest, HttpResponse>;

struct Row {  // of your table
    std::string name;
    std::string account;  // empty: the tenant has not installed the app
    std::string token;
};

rekey::coze::AppAuth<rekey::coze::Account> app_for(const std::string& account) {
    rekey::coze::AppAuthOptions options;
    options.client_id = "1117800000000";
    options.public_key_id = "the-fingerprint-of-your-key";
    // Yours: oauth::DefaultSigner<oauth::Rs256>::from_pem(key), see rekey/adapter/openssl.hpp.
    options.signer = rekey::oauth::Signer{[](std::string_view) { return std::string("signed"); }};
    options.id = account;
    return rekey::coze::AppAuth<rekey::coze::Account>{options};
}

TenantClient client_of(const Row& row, rekey::testing::Script& http) {
    std::vector<Chain::Credential> list;
    if (!row.account.empty()) list.push_back({row.name + "'s app", app_for(row.account)});
    if (!row.token.empty()) list.push_back({row.name + "'s token", rekey::coze::Pat<>{row.token}});
    const Chain chain{list};
    return rekey::Client{http, chain.credentials(), chain.empty_places(),
                         rekey::coze::RetryOnRefusal{}};
}

int main() {
    rekey::testing::Script http;
    http.then(HttpResponse{200, {}, R"({"access_token":"czs_1","expires_in":900})", {}})
        .then(200)
        .then(403, 4101)  // the app may not do this; acme's token may
        .then(200)
        .then(200);

    const TenantClient acme = client_of({"acme", "7301", "pat_of_acme"}, http);
    const TenantClient globex = client_of({"globex", "", "pat_of_globex"}, http);
    const rekey::HttpRequest request{"GET", "https://api.coze.com/v1/workspaces", {}, {}};
    for (const TenantClient* const client : {&acme, &acme, &globex}) {
        const auto result = client->send(request);
        std::cout << (result ? "served by " + std::string(result.credential())
                             : result.error().describe())
                  << '\n';
    }
    std::cout << http << '\n';
}
