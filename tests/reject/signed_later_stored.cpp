// expect: rekey: SignedLater has a signer that calls back, and whoever talks to a token store
// SPDX-License-Identifier: BSL-1.0
#include <rekey/coze/app_auth.hpp>
#include <rekey/driver/callback.hpp>
#include <rekey/oauth/signed_later.hpp>
#include <rekey/rekey.hpp>
#include <rekey/token/memory_store.hpp>
#include <rekey/token/run_on.hpp>
#include <rekey/tokens_in.hpp>

#include <functional>
#include <string>
#include <string_view>

using Done = std::function<void(rekey::HttpResponse)>;
void http(const rekey::HttpRequest&, const rekey::Attempt&, const Done& done) {
    done({200, {}, {}, false});
}
void ended(const rekey::Result<rekey::HttpResponse>&) {}
void post(const std::function<void()>& job) { job(); }
struct Timer {
    void cancel() const {}
};
struct Time {
    Timer after(rekey::Duration, const std::function<void()>&) const { return {}; }
};

int main() {
    using namespace rekey;
    coze::AppAuthOptions options;
    const auto sign = [](std::string_view, const auto& done) { done(std::string("signature")); };
    const driver::callback::Client client{
        http, Time{},
        CredentialChain{oauth::SignedLater{coze::AppAuth<coze::Owner>{options}, sign}},
#ifdef REKEY_REJECT
        TokensIn{token::RunOn{token::MemoryStore{}, post}},
#endif
        RetryOn<AuthRejected>{}};
    client.send(HttpRequest{}, ended);
}
