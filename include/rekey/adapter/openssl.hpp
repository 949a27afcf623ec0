// SPDX-License-Identifier: BSL-1.0
// openssl: signs JWTs (RS256) and seals what a token store keeps (AES-256-GCM), with OpenSSL.
#ifndef REKEY_ADAPTER_OPENSSL_HPP
#define REKEY_ADAPTER_OPENSSL_HPP

#include <rekey/detail/os_random.hpp>
#include <rekey/oauth/base64url.hpp>
#include <rekey/oauth/jwt.hpp>
#include <rekey/oauth/pem.hpp>
#include <rekey/secret.hpp>

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/rsa.h>

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace rekey {
inline namespace v0_1 {
namespace adapter {
namespace openssl_detail {

struct Deleter {
    void operator()(BIO* bio) const noexcept { BIO_free_all(bio); }
    void operator()(EVP_PKEY* key) const noexcept { EVP_PKEY_free(key); }
    void operator()(EVP_MD_CTX* context) const noexcept { EVP_MD_CTX_free(context); }
    void operator()(EVP_CIPHER_CTX* context) const noexcept { EVP_CIPHER_CTX_free(context); }
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

constexpr std::size_t key_size = 32;
constexpr std::size_t nonce_size = 24;
constexpr std::size_t tag_size = 16;
constexpr std::size_t block_size = 16;

inline const unsigned char* bytes_of(std::string_view text) noexcept {
    return static_cast<const unsigned char*>(static_cast<const void*>(text.data()));
}
inline unsigned char* bytes_of(std::string& text) noexcept {
    return static_cast<unsigned char*>(static_cast<void*>(&text[0]));
}

/// 32 bytes on the stack that are wiped.
struct WipedKey {
    unsigned char bytes[key_size] = {};
    WipedKey() = default;
    WipedKey(const WipedKey&) = delete;
    WipedKey& operator=(const WipedKey&) = delete;
    ~WipedKey() { rekey::detail::wipe(bytes, sizeof bytes); }
};

/// The key of one text: CMAC with `key` of a counter and half of its nonce.
///
/// Source  C2SP XAES-256-GCM; NIST SP 800-108 §4.1
inline bool derive(const unsigned char* key, const unsigned char* nonce, WipedKey& derived) {
    const Owned<EVP_CIPHER_CTX> context(EVP_CIPHER_CTX_new());
    if (!context ||
        EVP_EncryptInit_ex(context.get(), EVP_aes_256_ecb(), nullptr, key, nullptr) != 1 ||
        EVP_CIPHER_CTX_set_padding(context.get(), 0) != 1)
        return false;
    const auto encrypt = [&context](unsigned char* to, const unsigned char* from) {
        int size = 0;
        return EVP_EncryptUpdate(context.get(), to, &size, from, int{block_size}) == 1 &&
               size == int{block_size};
    };
    WipedKey zero;
    WipedKey mask;
    if (!encrypt(mask.bytes, zero.bytes)) return false;
    const unsigned carry = mask.bytes[0] >> 7u;
    for (std::size_t i = 0; i != block_size; ++i) {
        const unsigned next = i + 1 != block_size ? mask.bytes[i + 1] >> 7u : carry * 0x87u;
        const unsigned shifted = static_cast<unsigned>(mask.bytes[i]) << 1u;
        mask.bytes[i] = static_cast<unsigned char>((shifted ^ next) & 0xffu);
    }
    for (unsigned char half = 0; half != 2; ++half) {
        unsigned char block[block_size] = {0, static_cast<unsigned char>(half + 1), 'X', 0};
        for (std::size_t i = 0; i != block_size; ++i) {
            if (i >= 4) block[i] = nonce[i - 4];
            block[i] = static_cast<unsigned char>(block[i] ^ mask.bytes[i]);
        }
        if (!encrypt(derived.bytes + half * block_size, block)) return false;
    }
    return true;
}

/// The nonce, the text sealed with it, and the tag; empty if OpenSSL fails.
inline std::string seal(std::string_view key, std::string_view nonce, std::string_view plain,
                        std::string_view bound_to) {
    const QuietErrors quiet;
    const Owned<EVP_CIPHER_CTX> context(EVP_CIPHER_CTX_new());
    WipedKey derived;
    if (!context || !derive(bytes_of(key), bytes_of(nonce), derived)) return {};
    std::string sealed(nonce);
    sealed.resize(nonce_size + plain.size() + tag_size);
    unsigned char* const text = bytes_of(sealed) + nonce_size;
    int bound = 0;
    int done = 0;
    int rest = 0;
    if (EVP_EncryptInit_ex(context.get(), EVP_aes_256_gcm(), nullptr, derived.bytes,
                           bytes_of(nonce) + nonce_size / 2) != 1 ||
        EVP_EncryptUpdate(context.get(), nullptr, &bound, bytes_of(bound_to),
                          static_cast<int>(bound_to.size())) != 1 ||
        EVP_EncryptUpdate(context.get(), text, &done, bytes_of(plain),
                          static_cast<int>(plain.size())) != 1 ||
        EVP_EncryptFinal_ex(context.get(), text + done, &rest) != 1 ||
        EVP_CIPHER_CTX_ctrl(context.get(), EVP_CTRL_AEAD_GET_TAG, int{tag_size},
                            text + plain.size()) != 1)
        return {};
    return sealed;
}

/// What was sealed; empty if a bit of it, of `bound_to` or of the key is another.
inline Secret open(std::string_view key, std::string_view sealed, std::string_view bound_to) {
    if (sealed.size() <= nonce_size + tag_size) return Secret{};
    const QuietErrors quiet;
    const Owned<EVP_CIPHER_CTX> context(EVP_CIPHER_CTX_new());
    WipedKey derived;
    if (!context || !derive(bytes_of(key), bytes_of(sealed), derived)) return Secret{};
    const std::string_view text = sealed.substr(nonce_size, sealed.size() - nonce_size - tag_size);
    std::string tag(sealed.substr(nonce_size + text.size()));
    std::string plain(text.size(), '\0');
    int bound = 0;
    int done = 0;
    int rest = 0;
    const bool is_whole =
        EVP_DecryptInit_ex(context.get(), EVP_aes_256_gcm(), nullptr, derived.bytes,
                           bytes_of(sealed) + nonce_size / 2) == 1 &&
        EVP_DecryptUpdate(context.get(), nullptr, &bound, bytes_of(bound_to),
                          static_cast<int>(bound_to.size())) == 1 &&
        EVP_DecryptUpdate(context.get(), bytes_of(plain), &done, bytes_of(text),
                          static_cast<int>(text.size())) == 1 &&
        EVP_CIPHER_CTX_ctrl(context.get(), EVP_CTRL_AEAD_SET_TAG, int{tag_size}, bytes_of(tag)) ==
            1 &&
        EVP_DecryptFinal_ex(context.get(), bytes_of(plain) + done, &rest) == 1;
    Secret opened(std::move(plain));
    return is_whole ? std::move(opened) : Secret{};
}

/// The 32 bytes of a key written as 64 hexadecimal digits or as base64; empty if it is neither.
inline Secret key_in(std::string_view text) {
    while (!text.empty() && (text.back() == '\n' || text.back() == '\r' || text.back() == ' '))
        text.remove_suffix(1);
    std::string bytes;
    bytes.reserve(key_size + 1);  // never grows, so no copy is left behind
    if (text.size() == 2 * key_size) {
        const auto value = [](char c) {
            if (c >= '0' && c <= '9') return c - '0';
            if (c >= 'a' && c <= 'f') return c - 'a' + 10;
            return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
        };
        for (std::size_t i = 0; i != text.size(); i += 2) {
            const int high = value(text[i]);
            const int low = value(text[i + 1]);
            if (high < 0 || low < 0) break;
            bytes.push_back(static_cast<char>(static_cast<unsigned char>(high * 16 + low)));
        }
    } else if (text.size() == 43 || (text.size() == 44 && text.back() == '=')) {
        std::string url(text.substr(0, 43));
        for (char& c : url) c = c == '+' ? '-' : c == '/' ? '_' : c;
        (void)oauth::base64url_decode(url, bytes);
        rekey::detail::wipe(url);
    }
    Secret key(std::move(bytes));
    return key.size() == key_size ? std::move(key) : Secret{};
}

}  // namespace openssl_detail

/// OpenSSL's private random generator as a source for `random_token`, for programs that must take
/// all randomness from it: `oauth::random_token(32, OpensslRandom{})`.
///
/// Threads  any
struct OpensslRandom {
    bool operator()(void* out, std::size_t size) const noexcept {
        const openssl_detail::QuietErrors quiet;
        return RAND_priv_bytes_ex(nullptr, static_cast<unsigned char*>(out), size, 0) == 1;
    }
};

/// A key that seals: its name, which each record shows, and 32 random bytes as a text, 64
/// hexadecimal digits (`openssl rand -hex 32`) or base64 (`openssl rand -base64 32`).
struct AesKey {
    std::string id;
    Secret text;
};

struct AesGcmResult;

/// Seals tokens before they go to a store: `TokensIn{store, made.sealer}`.
///
/// AES-256-GCM, each text with a key of its own that is derived from 12 of its 24 random nonce
/// bytes, so that a fleet may seal for years with one key; plain AES-GCM with random nonces should
/// not seal more than 2^32 texts. A text opens only beside what it was bound to.
///
/// Errors   a text that was changed, moved or sealed with an unknown key does not open. Without a
///          key nothing is sealed, so nothing is stored.
/// Threads  any
/// Cost     about a microsecond a token
/// Source   C2SP XAES-256-GCM; NIST SP 800-38D; security: S75, S76
class AesGcm {
public:
    std::string key_id{};  ///< Of the key that seals.
    Secret name_key{};     ///< Makes the names of records; see `token::Sealed`.

    /// The sealer for keys of which the first seals and all open.
    ///
    /// To change keys, first give all processes the new one behind the old; when all have it, put
    /// it in front. The old one may go when no record names it: when the last refresh token that
    /// it sealed is over.
    ///
    /// name_key  any text that nobody else knows, kept when keys change.
    /// Errors    a sentence: no key, a key without a usable name or of another size, a name twice.
    static AesGcmResult from_keys(std::vector<AesKey> keys, Secret name_key = {});

    std::string seal(std::string_view plain, std::string_view bound_to) const {
        std::string nonce(openssl_detail::nonce_size, '\0');
        if (keys_.empty() || plain.size() > longest || bound_to.size() > longest ||
            !rekey::detail::os_random(&nonce[0], nonce.size()))
            return {};
        return openssl_detail::seal(keys_.front().bytes.expose(), nonce, plain, bound_to);
    }
    Secret open(std::string_view sealed, std::string_view bound_to, std::string_view id) const {
        if (sealed.size() > longest || bound_to.size() > longest) return Secret{};
        for (const Key& key : keys_)
            if (key.id == id) return openssl_detail::open(key.bytes.expose(), sealed, bound_to);
        return Secret{};
    }

private:
    static constexpr std::size_t longest = 1024 * 1024;
    struct Key {
        std::string id;
        Secret bytes;
    };
    std::vector<Key> keys_{};
};

/// A sealer, or one sentence that says why there is none. The sentence never quotes a key.
struct AesGcmResult {
    AesGcm sealer{};
    std::string_view error{};  ///< A literal; empty if there is a sealer.

    explicit operator bool() const noexcept { return error.empty(); }
};

inline AesGcmResult AesGcm::from_keys(std::vector<AesKey> keys, Secret name_key) {
    const auto refused = [](std::string_view why) {
        AesGcmResult result;
        result.error = why;
        return result;
    };
    if (keys.empty()) return refused("there is no key to seal with");
    AesGcmResult result;
    for (AesKey& key : keys) {
        bool is_name = !key.id.empty() && key.id.size() <= 64 && key.id != "-";
        for (const char c : key.id) is_name = is_name && c >= '!' && c <= '~';
        if (!is_name) return refused("the name of a key has 1 to 64 visible characters, no blanks");
        for (const Key& other : result.sealer.keys_)
            if (other.id == key.id) return refused("two keys have the same name");
        Secret bytes = openssl_detail::key_in(key.text.expose());
        if (bytes.empty())
            return refused("a key is 32 bytes, written as 64 hexadecimal digits or as base64");
        result.sealer.keys_.push_back({std::move(key.id), std::move(bytes)});
    }
    result.sealer.key_id = result.sealer.keys_.front().id;
    result.sealer.name_key = std::move(name_key);
    return result;
}

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
        SignerResult result;
        if (pem.size() > longest_pem) {
            result.error = "the text is too long for a private key";
            return result;
        }
        std::string text = pem_with_line_ends(pem);
        result = read(text);
        rekey::detail::wipe(text);
        return result;
    }

private:
    static SignerResult read(const std::string& pem) {
        using namespace adapter::openssl_detail;
        SignerResult result;
        result.error = problem_with_private_pem(pem);
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
