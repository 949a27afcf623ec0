// SPDX-License-Identifier: BSL-1.0
// OpensslVerifier: checks RS256 signatures for a FakeCoze; make_rsa_key: a fresh key pair.
#ifndef REKEY_EXAMPLES_SUPPORT_OPENSSL_VERIFIER_HPP
#define REKEY_EXAMPLES_SUPPORT_OPENSSL_VERIFIER_HPP

#include <openssl/bio.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>

#include <memory>
#include <string>
#include <string_view>

namespace support {

struct FreeKey {
    void operator()(EVP_PKEY* key) const noexcept { EVP_PKEY_free(key); }
};
struct FreeContext {
    void operator()(EVP_MD_CTX* context) const noexcept { EVP_MD_CTX_free(context); }
};
struct FreeBio {
    void operator()(BIO* bio) const noexcept { BIO_free_all(bio); }
};
using KeyPointer = std::unique_ptr<EVP_PKEY, FreeKey>;
using BioPointer = std::unique_ptr<BIO, FreeBio>;

/// Verifies RS256 with one public key (RFC 7518 §3.3); fits `FakeCozeOptions::verifier`.
///
/// The key id was judged by the FakeCoze already. A PEM that is no RSA key verifies nothing.
class OpensslVerifier {
public:
    explicit OpensslVerifier(const std::string& public_pem) {
        const BioPointer bio{
            BIO_new_mem_buf(public_pem.data(), static_cast<int>(public_pem.size()))};
        if (bio) key_.reset(PEM_read_bio_PUBKEY(bio.get(), nullptr, nullptr, nullptr), FreeKey{});
    }

    bool operator()(std::string_view signing_input, std::string_view signature,
                    std::string_view /*kid*/) const {
        if (!key_ || EVP_PKEY_get_base_id(key_.get()) != EVP_PKEY_RSA) return false;
        const std::unique_ptr<EVP_MD_CTX, FreeContext> context{EVP_MD_CTX_new()};
        return context &&
               EVP_DigestVerifyInit(context.get(), nullptr, EVP_sha256(), nullptr, key_.get()) ==
                   1 &&
               EVP_DigestVerify(context.get(), bytes(signature), signature.size(),
                                bytes(signing_input), signing_input.size()) == 1;
    }

private:
    static const unsigned char* bytes(std::string_view text) noexcept {
        return static_cast<const unsigned char*>(static_cast<const void*>(text.data()));
    }
    std::shared_ptr<EVP_PKEY> key_{};
};

/// A key pair as text. Empty texts if OpenSSL could not make one.
struct RsaKey {
    std::string private_pem{};  ///< PKCS#8, "BEGIN PRIVATE KEY".
    std::string public_pem{};
};

/// A fresh 2048-bit RSA key pair; some tenths of a second.
inline RsaKey make_rsa_key() {
    const auto text_of = [](const BioPointer& bio) {
        char* bytes = nullptr;
        const long size = BIO_get_mem_data(bio.get(), &bytes);
        return size > 0 ? std::string(bytes, static_cast<std::size_t>(size)) : std::string{};
    };
    RsaKey out;
    const KeyPointer key{EVP_RSA_gen(2048u)};
    const BioPointer secret{BIO_new(BIO_s_mem())};
    const BioPointer open{BIO_new(BIO_s_mem())};
    if (!key || !secret || !open) return out;
    if (PEM_write_bio_PKCS8PrivateKey(secret.get(), key.get(), nullptr, nullptr, 0, nullptr,
                                      nullptr) != 1 ||
        PEM_write_bio_PUBKEY(open.get(), key.get()) != 1)
        return out;
    out.private_pem = text_of(secret);
    out.public_pem = text_of(open);
    return out;
}

}  // namespace support

#endif
