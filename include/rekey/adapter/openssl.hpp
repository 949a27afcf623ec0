// SPDX-License-Identifier: BSL-1.0
// openssl: signs JWTs (RS256) with OpenSSL, from a private key in PEM form.
#ifndef REKEY_ADAPTER_OPENSSL_HPP
#define REKEY_ADAPTER_OPENSSL_HPP

#include <rekey/oauth/jwt.hpp>
#include <rekey/secret.hpp>

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

namespace rekey {
inline namespace v0_1 {
namespace adapter {
namespace openssl_detail {

struct Deleter {
    void operator()(BIO* bio) const noexcept { BIO_free_all(bio); }
    void operator()(EVP_PKEY* key) const noexcept { EVP_PKEY_free(key); }
    void operator()(EVP_MD_CTX* context) const noexcept { EVP_MD_CTX_free(context); }
};
template <class Object> using Owned = std::unique_ptr<Object, Deleter>;

/// Leaves OpenSSL's error queue of this thread as it was, whatever happens in between.
class QuietErrors {
public:
    QuietErrors() noexcept { ERR_set_mark(); }
    QuietErrors(const QuietErrors&) = delete;
    QuietErrors& operator=(const QuietErrors&) = delete;
    ~QuietErrors() { ERR_pop_to_mark(); }
};

/// Instead of OpenSSL's own, which would ask on the terminal.
inline int no_password(char*, int, int, void*) { return -1; }

/// The PEM text with `\n` and `\r` written as two characters turned into line ends: that is how
/// keys often come out of environment variables and JSON files.
inline std::string with_line_ends(std::string_view pem) {
    std::string text;
    text.reserve(pem.size());  // never grows, so no copy is left behind
    for (std::size_t i = 0; i != pem.size(); ++i) {
        const char next = i + 1 != pem.size() ? pem[i + 1] : '\0';
        if (pem[i] != '\\' || (next != 'n' && next != 'r')) {
            text.push_back(pem[i]);
            continue;
        }
        if (next == 'n') text.push_back('\n');
        ++i;
    }
    return text;
}

/// A signature of RS256, made by one context per call, so that threads may share the key.
struct Rs256Key {
    Owned<EVP_PKEY> key;

    std::string operator()(std::string_view input) const {
        const QuietErrors quiet;
        const Owned<EVP_MD_CTX> context(EVP_MD_CTX_new());
        if (!context) return {};
        const auto* bytes =
            static_cast<const unsigned char*>(static_cast<const void*>(input.data()));
        std::size_t size = 0;
        if (EVP_DigestSignInit(context.get(), nullptr, EVP_sha256(), nullptr, key.get()) != 1 ||
            EVP_DigestSign(context.get(), nullptr, &size, bytes, input.size()) != 1)
            return {};
        std::string signature(size, '\0');
        auto* out = static_cast<unsigned char*>(static_cast<void*>(&signature[0]));
        if (EVP_DigestSign(context.get(), out, &size, bytes, input.size()) != 1) return {};
        signature.resize(size);
        return signature;
    }
};

}  // namespace openssl_detail
}  // namespace adapter

namespace oauth {

/// Signs with RSASSA-PKCS1-v1_5 and SHA-256 through OpenSSL 3.
///
/// Threads      a signer may be used by many threads at once.
/// Source       RFC 7518 §3.3
template <> struct DefaultSigner<Rs256> {
    /// The signer for an RSA private key, PKCS#8 ("BEGIN PRIVATE KEY") or PKCS#1 ("BEGIN RSA
    /// PRIVATE KEY"), with any line ends, also written as `\n`.
    ///
    /// Errors   a sentence: no PEM, encrypted, unreadable, not RSA, shorter than 2048 bits. A
    ///          password is never asked for.
    static SignerResult from_pem(std::string_view pem) {
        using namespace adapter::openssl_detail;
        constexpr std::size_t longest = 64 * 1024;
        SignerResult result;
        if (pem.size() > longest) {
            result.error = "the text is too long for a private key";
            return result;
        }
        std::string text = with_line_ends(pem);
        result = read(text);
        rekey::detail::wipe(text);
        return result;
    }

private:
    static SignerResult read(const std::string& pem) {
        using namespace adapter::openssl_detail;
        const auto holds = [&](const char* words) { return pem.find(words) != pem.npos; };
        SignerResult result;
        if (!holds("-----BEGIN "))
            result.error = "the private key is not in PEM form: no BEGIN line";
        else if (holds("BEGIN ENCRYPTED PRIVATE KEY") || holds("Proc-Type: 4,ENCRYPTED"))
            result.error = "the private key is encrypted; write it without a password";
        else if (!holds("PRIVATE KEY-----"))
            result.error = "the PEM text holds no private key, perhaps the public one";
        if (!result) return result;

        const QuietErrors quiet;
        const Owned<BIO> source(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())));
        if (!source) {
            result.error = "OpenSSL could not read the private key";
            return result;
        }
        Owned<EVP_PKEY> key(PEM_read_bio_PrivateKey(source.get(), nullptr, no_password, nullptr));
        if (!key)
            result.error = "OpenSSL cannot read the private key; the PEM text may be damaged";
        else if (EVP_PKEY_base_id(key.get()) != EVP_PKEY_RSA)
            result.error = "the private key is not an RSA key, which RS256 needs";
        else if (EVP_PKEY_bits(key.get()) < 2048)
            result.error = "the RSA key is shorter than 2048 bits";
        else
            result.signer = Signer(Rs256Key{std::move(key)});
        return result;
    }
};

}  // namespace oauth
}  // namespace v0_1
}  // namespace rekey

#endif
