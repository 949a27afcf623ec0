// SPDX-License-Identifier: BSL-1.0
// mbedtls: signs JWTs (RS256) and gives random bytes, with mbedTLS 2.28 or 3.
#ifndef REKEY_ADAPTER_MBEDTLS_HPP
#define REKEY_ADAPTER_MBEDTLS_HPP

#include <rekey/detail/mutex.hpp>
#include <rekey/detail/shared.hpp>
#include <rekey/oauth/jwt.hpp>
#include <rekey/oauth/pem.hpp>
#include <rekey/secret.hpp>

#include <mbedtls/ctr_drbg.h>
#include <mbedtls/entropy.h>
#include <mbedtls/md.h>
#include <mbedtls/pk.h>
#include <mbedtls/rsa.h>
#include <mbedtls/version.h>

#include <cstddef>
#include <string>
#include <string_view>
#include <utility>

namespace rekey {
inline namespace v0_1 {
namespace adapter {

/// mbedTLS's random generator, seeded by its own entropy, as a source for `random_token`:
/// `oauth::random_token(32, MbedtlsRandom{})`.
///
/// Seeded anew for each call: nothing is shared between threads, nor copied by a fork.
/// Threads  any
struct MbedtlsRandom {
    bool operator()(void* out, std::size_t size) const noexcept {
        struct Generator {
            Generator() noexcept {
                mbedtls_entropy_init(&entropy);
                mbedtls_ctr_drbg_init(&random);
            }
            Generator(const Generator&) = delete;
            Generator& operator=(const Generator&) = delete;
            ~Generator() {
                mbedtls_ctr_drbg_free(&random);
                mbedtls_entropy_free(&entropy);
            }
            mbedtls_entropy_context entropy;
            mbedtls_ctr_drbg_context random;
        } made;
        if (mbedtls_ctr_drbg_seed(&made.random, mbedtls_entropy_func, &made.entropy, nullptr, 0) !=
            0)
            return false;
        auto* at = static_cast<unsigned char*>(out);
        while (size != 0) {
            constexpr std::size_t most = MBEDTLS_CTR_DRBG_MAX_REQUEST;
            const std::size_t part = size < most ? size : most;
            if (mbedtls_ctr_drbg_random(&made.random, at, part) != 0) return false;
            at += part;
            size -= part;
        }
        return true;
    }
};

namespace mbedtls_detail {

/// What mbedTLS hides a private key with while it works.
inline int blinding(void*, unsigned char* out, std::size_t size) {
    return MbedtlsRandom{}(out, size) ? 0 : -1;
}

/// A key and a lock: mbedTLS changes a key's blinding values with each signature.
struct Key {
    Key() noexcept { mbedtls_pk_init(&pk); }
    Key(const Key&) = delete;
    Key& operator=(const Key&) = delete;
    ~Key() { mbedtls_pk_free(&pk); }  // wipes it
    mbedtls_pk_context pk;
    rekey::detail::Mutex mutex{};
};

struct Rs256Key {
    rekey::detail::Shared<Key> key;

    std::string operator()(std::string_view input) const {
        constexpr std::size_t digest_size = 32;
        unsigned char digest[digest_size];
        const auto* bytes =
            static_cast<const unsigned char*>(static_cast<const void*>(input.data()));
        if (mbedtls_md(mbedtls_md_info_from_type(MBEDTLS_MD_SHA256), bytes, input.size(), digest) !=
            0)
            return {};
        const rekey::detail::Locked lock(key->mutex);
        std::string signature(mbedtls_pk_get_len(&key->pk), '\0');
        auto* out = static_cast<unsigned char*>(static_cast<void*>(&signature[0]));
        std::size_t size = 0;
#if MBEDTLS_VERSION_NUMBER >= 0x03000000
        const int failed = mbedtls_pk_sign(&key->pk, MBEDTLS_MD_SHA256, digest, digest_size, out,
                                           signature.size(), &size, blinding, nullptr);
#else
        const int failed = mbedtls_pk_sign(&key->pk, MBEDTLS_MD_SHA256, digest, digest_size, out,
                                           &size, blinding, nullptr);
#endif
        if (failed != 0) return {};
        signature.resize(size);
        return signature;
    }
};

inline bool parse(Key& key, const std::string& pem) {
    const auto* text = static_cast<const unsigned char*>(static_cast<const void*>(pem.c_str()));
#if MBEDTLS_VERSION_NUMBER >= 0x03000000
    return mbedtls_pk_parse_key(&key.pk, text, pem.size() + 1, nullptr, 0, blinding, nullptr) == 0;
#else
    return mbedtls_pk_parse_key(&key.pk, text, pem.size() + 1, nullptr, 0) == 0;
#endif
}

}  // namespace mbedtls_detail

/// Signs with RSASSA-PKCS1-v1_5 and SHA-256 through mbedTLS: `AppAuthOptions::signer` is the
/// `signer` of what `MbedtlsRs256::from_pem(pem)` returns.
///
/// A name of its own and not `oauth::DefaultSigner`: a program may link both libraries.
/// Threads      a signer may be used by many threads; they sign one after the other.
/// Source       RFC 7518 §3.3; mbedTLS 2.28 and 3.
struct MbedtlsRs256 {
    /// The signer for an RSA private key, PKCS#8 ("BEGIN PRIVATE KEY") or PKCS#1 ("BEGIN RSA
    /// PRIVATE KEY"), with any line ends, also written as `\n`.
    ///
    /// Errors   a sentence: no PEM, encrypted, unreadable, not RSA, shorter than 2048 bits.
    static oauth::SignerResult from_pem(std::string_view pem) {
        oauth::SignerResult result;
        if (pem.size() > oauth::longest_pem) {
            result.error = "the text is too long for a private key";
            return result;
        }
        std::string text = oauth::pem_with_line_ends(pem);
        result = read(text);
        rekey::detail::wipe(text);
        return result;
    }

private:
    static oauth::SignerResult read(const std::string& pem) {
        oauth::SignerResult result;
        result.error = oauth::problem_with_private_pem(pem);
        if (!result) return result;
        auto key = rekey::detail::Shared<mbedtls_detail::Key>::make();
        if (!mbedtls_detail::parse(*key, pem))
            result.error = "mbedTLS cannot read the private key; the PEM text may be damaged";
        else if (mbedtls_pk_get_type(&key->pk) != MBEDTLS_PK_RSA)
            result.error = "the private key is not an RSA key, which RS256 needs";
        else if (mbedtls_pk_get_bitlen(&key->pk) < 2048)
            result.error = "the RSA key is shorter than 2048 bits";
        else
            result.signer = oauth::Signer(mbedtls_detail::Rs256Key{std::move(key)});
        return result;
    }
};

}  // namespace adapter
}  // namespace v0_1
}  // namespace rekey

#endif
