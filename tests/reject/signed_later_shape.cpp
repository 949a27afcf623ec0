// expect: rekey: a signer that answers later can be called as const with
// SPDX-License-Identifier: BSL-1.0
#include <rekey/coze/app_auth.hpp>
#include <rekey/oauth/signed_later.hpp>

#include <string>
#include <string_view>

int main() {
    const rekey::coze::AppAuth<rekey::coze::Owner> app{rekey::coze::AppAuthOptions{}};
#ifndef REKEY_REJECT
    const auto sign = [](std::string_view, const auto& done) { done(std::string("signature")); };
#else
    const auto sign = [](std::string_view) { return std::string("signature"); };
#endif
    const rekey::oauth::SignedLater later{app, sign};
    return later.token_request(0).problem.empty() ? 1 : 0;
}
