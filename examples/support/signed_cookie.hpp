// SPDX-License-Identifier: BSL-1.0
// CookieSigner: texts that a browser keeps and cannot change; cookie_in, set_cookie: the header.
#ifndef REKEY_EXAMPLES_SUPPORT_SIGNED_COOKIE_HPP
#define REKEY_EXAMPLES_SUPPORT_SIGNED_COOKIE_HPP

#include <rekey/oauth/base64url.hpp>
#include <rekey/oauth/random_token.hpp>
#include <rekey/secret.hpp>

#include <openssl/evp.h>
#include <openssl/hmac.h>

#include <cstddef>
#include <string>
#include <string_view>
#include <utility>

namespace support {

/// Signs texts with HMAC-SHA256. They are not hidden: what is in a cookie its browser can read.
///
/// Key      32 bytes or more that nobody else has. An empty one is replaced by 256 random bits, so
///          that what was signed is worth nothing to the next process.
/// Threads  any
/// Source   RFC 2104; RFC 6265bis §8.4
class CookieSigner {
public:
    explicit CookieSigner(rekey::Secret key)
        : key_(key.empty() ? rekey::Secret{rekey::oauth::random_token(32)} : std::move(key)) {}

    /// The mark of a text, 43 characters. Two purposes never share one: what was made for a form is
    /// no cookie. Empty if the key is, or if OpenSSL fails: then nothing is ever right.
    std::string mark(std::string_view purpose, std::string_view text) const {
        std::string signed_text(purpose);
        signed_text.append(1, '\0').append(text);
        unsigned char digest[EVP_MAX_MD_SIZE];
        unsigned int size = 0;
        const std::string_view key = key_.expose();
        if (key.empty() || HMAC(EVP_sha256(), key.data(), static_cast<int>(key.size()),
                                bytes(signed_text), signed_text.size(), digest, &size) == nullptr)
            return {};
        return rekey::oauth::base64url_encode({reinterpret_cast<const char*>(digest), size});
    }
    bool is_mark(std::string_view given, std::string_view purpose, std::string_view text) const {
        const std::string right = mark(purpose, text);
        return !right.empty() && rekey::constant_time_equal(right, given);
    }

    /// A text and its mark as the value of a cookie; the text is of letters, digits, `-`, `_`, `~`.
    std::string seal(std::string_view text) const {
        return std::string(text) + '.' + mark("cookie", text);
    }
    /// The text of such a value; empty if this key has not signed it.
    std::string open(std::string_view sealed) const {
        const std::size_t dot = sealed.rfind('.');
        if (dot == sealed.npos) return {};
        const std::string_view text = sealed.substr(0, dot);
        return is_mark(sealed.substr(dot + 1), "cookie", text) ? std::string(text) : std::string();
    }

private:
    static const unsigned char* bytes(std::string_view text) noexcept {
        return static_cast<const unsigned char*>(static_cast<const void*>(text.data()));
    }
    rekey::Secret key_;
};

/// The value of a cookie in a `Cookie` header; empty if it is not there. Of two with one name
/// nobody knows which one is ours, so then there is none.
inline std::string_view cookie_in(std::string_view header, std::string_view name) {
    std::string_view found;
    bool is_found = false;
    while (!header.empty()) {
        std::string_view pair = header.substr(0, header.find(';'));
        header.remove_prefix(pair.size() == header.size() ? header.size() : pair.size() + 1);
        while (!pair.empty() && pair.front() == ' ') pair.remove_prefix(1);
        const std::size_t equals = pair.find('=');
        if (equals == pair.npos || pair.substr(0, equals) != name) continue;
        if (is_found) return {};
        is_found = true;
        found = pair.substr(equals + 1);
    }
    return found;
}

/// A `Set-Cookie` that lasts as long as the browser: out of reach for scripts, and not sent along
/// when another site loads something of ours; a link from there, such as the way back from a
/// consent page, brings it.
inline std::string set_cookie(std::string_view name, std::string_view value, bool is_https) {
    std::string header(name);
    header.append(1, '=').append(value).append("; Path=/; HttpOnly; SameSite=Lax");
    if (is_https) header += "; Secure";
    return header;
}

}  // namespace support

#endif
