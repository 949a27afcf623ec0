// expect: rekey: MayExchange asks for tokens as token::Exchanged does, with a
// SPDX-License-Identifier: BSL-1.0
#include <rekey/any_exchange.hpp>
#include <rekey/coze.hpp>
#include <rekey/oauth/signed_later.hpp>

#include <functional>
#include <string>
#include <string_view>

namespace {

void key_service(std::string_view, const std::function<void(std::string)>& done) { done({}); }
const rekey::coze::AppAuth<rekey::coze::Owner> app{{}};

}  // namespace

rekey::AnyCredentialOf<rekey::coze::Api, rekey::MayExchange> make() {
#ifndef REKEY_REJECT
    return (void)key_service, app;
#else
    return rekey::oauth::SignedLater{app, key_service};
#endif
}
