// SPDX-License-Identifier: BSL-1.0
// Sessions: which browser is which, by a signed cookie and without a table.
#ifndef REKEY_EXAMPLES_SUPPORT_WEB_SESSION_HPP
#define REKEY_EXAMPLES_SUPPORT_WEB_SESSION_HPP

#include "signed_cookie.hpp"

#include <rekey/oauth/base64url.hpp>
#include <rekey/oauth/random_token.hpp>
#include <rekey/secret.hpp>

#include <cstddef>
#include <string>
#include <string_view>
#include <utility>

namespace support {

/// One browser.
struct Visitor {
    std::string browser{};  ///< 256 random bits: ties a callback to the browser that was sent away.
    std::string id{};       ///< 256 more: whose tokens. A new one with each authorization, so that
                            ///< who had planted or seen the cookie before shares nothing.
    std::string name{};     ///< Who is signed in, for people to read; empty if nobody is.
};

/// Sessions that live in the browsers' cookies.
///
/// Key      see `CookieSigner`
/// Threads  any
class Sessions {
public:
    Sessions(rekey::Secret key, bool is_https) : signer_(std::move(key)), is_https_(is_https) {}

    static std::string fresh_id() { return rekey::oauth::random_token(32); }
    static Visitor begin() { return {fresh_id(), fresh_id(), {}}; }

    /// The visitor of a `Cookie` header; with an empty id if there is none that we have signed.
    Visitor find(std::string_view cookies) const {
        const std::string text = signer_.open(cookie_in(cookies, cookie_name()));
        const std::size_t middle = text.find('~');
        const std::size_t end = text.find('~', middle + 1);
        Visitor visitor;
        if (middle == text.npos || end == text.npos ||
            !rekey::oauth::base64url_decode(std::string_view(text).substr(end + 1), visitor.name))
            return {};
        visitor.browser = text.substr(0, middle);
        visitor.id = text.substr(middle + 1, end - middle - 1);
        return visitor;
    }
    /// The `Set-Cookie` that makes a browser this visitor.
    std::string cookie(const Visitor& visitor) const {
        const std::string text =
            visitor.browser + '~' + visitor.id + '~' + rekey::oauth::base64url_encode(visitor.name);
        return set_cookie(cookie_name(), signer_.seal(text), is_https_);
    }

    /// What a form to sign out carries, so that no other site can make one.
    std::string mark(const Visitor& visitor) const { return signer_.mark("logout", visitor.id); }
    bool is_mark(std::string_view given, const Visitor& visitor) const {
        return signer_.is_mark(given, "logout", visitor.id);
    }

private:
    /// Under https no other host of the domain can plant a cookie of this name.
    std::string_view cookie_name() const noexcept {
        return is_https_ ? "__Host-session" : "session";
    }

    CookieSigner signer_;
    bool is_https_;
};

}  // namespace support

#endif
