// expect: rekey: SignedLater has a signer that calls back, and this client blocks.
// SPDX-License-Identifier: BSL-1.0
#include <rekey/coze/app_auth.hpp>
#include <rekey/oauth/signed_later.hpp>
#include <rekey/rekey.hpp>

#include <string>
#include <string_view>

int main() {
    using namespace rekey;
    coze::AppAuthOptions options;
    const auto http = [](const HttpRequest&, const Attempt&) { return HttpResponse{}; };
#ifndef REKEY_REJECT
    options.signer = [](std::string_view) { return std::string("signature"); };
    const Client client{http, CredentialChain{coze::AppAuth<coze::Owner>{options}},
                        RetryOn<AuthRejected>{}};
#else
    const auto sign = [](std::string_view, const auto& done) { done(std::string("signature")); };
    const Client client{
        http, CredentialChain{oauth::SignedLater{coze::AppAuth<coze::Owner>{options}, sign}},
        RetryOn<AuthRejected>{}};
#endif
    return client.send(HttpRequest{}).has_value() ? 1 : 0;
}
