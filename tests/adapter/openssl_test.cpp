// SPDX-License-Identifier: BSL-1.0
#include <rekey/adapter/openssl.hpp>

#include "catch.hpp"
#include "support/rs256_suite.hpp"

#include <rekey/coze/app_auth.hpp>
#include <rekey/coze/environment.hpp>
#include <rekey/oauth/random_token.hpp>
#include <rekey/oauth/signed_later.hpp>
#include <rekey/token/memory_store.hpp>
#include <rekey/token/record.hpp>
#include <rekey/tokens_in.hpp>

#include <openssl/ec.h>
#include <openssl/obj_mac.h>

#include <cstdlib>
#include <set>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

namespace {

using namespace rekey::oauth;
using rekey::adapter::openssl_detail::Owned;

using namespace rs256_suite;

SignerResult signer_of(std::string_view pem) { return DefaultSigner<Rs256>::from_pem(pem); }

std::string contents(BIO* bio) {
    char buffer[8192];
    const int size = BIO_read(bio, buffer, sizeof(buffer));
    return std::string(buffer, size > 0 ? static_cast<std::size_t>(size) : 0);
}

Owned<EVP_PKEY> read_key() {
    const Owned<BIO> source(BIO_new_mem_buf(rfc7515_key, -1));
    return Owned<EVP_PKEY>(PEM_read_bio_PrivateKey(source.get(), nullptr, nullptr, nullptr));
}

Owned<EVP_PKEY> new_key(int type, int rsa_bits) {
    const std::unique_ptr<EVP_PKEY_CTX, void (*)(EVP_PKEY_CTX*)> context(
        EVP_PKEY_CTX_new_id(type, nullptr), EVP_PKEY_CTX_free);
    REQUIRE(EVP_PKEY_keygen_init(context.get()) == 1);
    if (type == EVP_PKEY_EC)
        REQUIRE(EVP_PKEY_CTX_set_ec_paramgen_curve_nid(context.get(), NID_X9_62_prime256v1) == 1);
    else
        REQUIRE(EVP_PKEY_CTX_set_rsa_keygen_bits(context.get(), rsa_bits) == 1);
    EVP_PKEY* key = nullptr;
    REQUIRE(EVP_PKEY_keygen(context.get(), &key) == 1);
    return Owned<EVP_PKEY>(key);
}

std::string pkcs8(EVP_PKEY* key, const char* password = nullptr) {
    const Owned<BIO> out(BIO_new(BIO_s_mem()));
    const EVP_CIPHER* cipher = password == nullptr ? nullptr : EVP_aes_128_cbc();
    const int length =
        password == nullptr ? 0 : static_cast<int>(std::string_view(password).size());
    REQUIRE(PEM_write_bio_PKCS8PrivateKey(out.get(), key, cipher, password, length, nullptr,
                                          nullptr) == 1);
    return contents(out.get());
}

std::string pkcs1(EVP_PKEY* key, bool encrypted = false) {
    const Owned<BIO> out(BIO_new(BIO_s_mem()));
    const unsigned char password[] = {'w', 'o', 'r', 'd'};
    REQUIRE(PEM_write_bio_PrivateKey_traditional(
                out.get(), key, encrypted ? EVP_aes_128_cbc() : nullptr,
                encrypted ? password : nullptr, encrypted ? 4 : 0, nullptr, nullptr) == 1);
    return contents(out.get());
}

using rekey::Secret;
using rekey::adapter::AesGcm;
using rekey::adapter::AesKey;

AesKey key_of(const char* id, char digit) { return {id, Secret(std::string(64, digit))}; }
AesGcm sealer_of(std::vector<AesKey> keys) {
    auto made = AesGcm::from_keys(std::move(keys), Secret("names"));
    CHECK(made.error == "");
    return made.sealer;
}
std::string hex(std::string_view bytes) {
    std::string text;
    for (const char c : bytes)
        for (const unsigned shift : {4u, 0u})
            text += "0123456789abcdef"[static_cast<unsigned char>(c) >> shift & 15u];
    return text;
}
std::string opened(const AesGcm& sealer, std::string_view sealed, std::string_view bound,
                   std::string_view id) {
    return std::string(sealer.open(sealed, bound, id).expose());
}

bool verifies(EVP_PKEY* key, std::string_view text, std::string_view signature) {
    const auto bytes = [](std::string_view view) {
        return static_cast<const unsigned char*>(static_cast<const void*>(view.data()));
    };
    const Owned<EVP_MD_CTX> context(EVP_MD_CTX_new());
    REQUIRE(EVP_DigestVerifyInit(context.get(), nullptr, EVP_sha256(), nullptr, key) == 1);
    return EVP_DigestVerify(context.get(), bytes(signature), signature.size(), bytes(text),
                            text.size()) == 1;
}

}  // namespace

TEST_CASE("OpenSSL signs as every signer of RS256 does (S71)") { all(signer_of); }

TEST_CASE("OpenSSL's random bytes are a source for tokens") {
    std::set<std::string> tokens;
    for (int i = 0; i != 100; ++i) tokens.insert(random_token(32, rekey::adapter::OpensslRandom{}));
    CHECK(tokens.size() == 100);
    CHECK(tokens.begin()->size() == 43);
}

TEST_CASE("a JWT is accepted by OpenSSL's own verification, and not after one changed byte") {
    const SignerResult made = signer_of(rfc7515_key);
    JwtClaims claims;
    claims.issuer = "1140.app.coze";
    claims.audience = "api.coze.cn";
    claims.issued_at = 1700000000;
    claims.expires_at = 1700003600;
    claims.id = random_token(32);
    const JwtResult jwt = make_jwt(claims, "fingerprint", made.signer);
    REQUIRE(jwt);

    const std::string_view token = jwt.token.expose();
    const std::size_t dot = token.rfind('.');
    std::string signature;
    REQUIRE(base64url_decode(token.substr(dot + 1), signature));
    CHECK(signature.size() == 256);
    const Owned<EVP_PKEY> key = read_key();
    CHECK(verifies(key.get(), token.substr(0, dot), signature));
    CHECK_FALSE(verifies(key.get(), token.substr(0, dot - 1), signature));
    signature[7] = static_cast<char>(signature[7] ^ 1);
    CHECK_FALSE(verifies(key.get(), token.substr(0, dot), signature));
    ERR_clear_error();
}

TEST_CASE("a text without a usable RSA key is refused with a sentence") {
    CHECK_THAT(std::string(signer_of("").error), ContainsSubstring("no BEGIN line"));
    CHECK_THAT(std::string(signer_of("garbage").error), ContainsSubstring("no BEGIN line"));
    CHECK_THAT(
        std::string(
            signer_of("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n").error),
        ContainsSubstring("no private key"));
    CHECK_THAT(std::string(
                   signer_of("-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n").error),
               ContainsSubstring("no private key"));
    CHECK_THAT(
        std::string(
            signer_of("-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n").error),
        ContainsSubstring("cannot read"));
    CHECK_THAT(std::string(signer_of(std::string_view(rfc7515_key, 900)).error),
               ContainsSubstring("cannot read"));
    CHECK_THAT(std::string(signer_of(std::string(70000, 'x')).error),
               ContainsSubstring("too long"));
    CHECK_THAT(std::string(signer_of(pkcs8(new_key(EVP_PKEY_EC, 0).get())).error),
               ContainsSubstring("not an RSA key"));
    CHECK_THAT(std::string(signer_of(pkcs8(new_key(EVP_PKEY_RSA, 1024).get())).error),
               ContainsSubstring("2048"));
    CHECK_THAT(std::string(signer_of(pkcs8(new_key(EVP_PKEY_RSA_PSS, 2048).get())).error),
               ContainsSubstring("not an RSA key"));
}

TEST_CASE("an assertion that a key service signs later is accepted by OpenSSL's verification") {
    const SignerResult key_service = signer_of(rfc7515_key);
    rekey::coze::AppAuthOptions options;
    options.client_id = "1140.app.coze";
    options.public_key_id = "fingerprint";
    const SignedLater app{rekey::coze::AppAuth<rekey::coze::Owner>{options},
                          [](std::string_view, const auto&) {}};
    auto request = app.token_request(1700000000);
    app.finish(request, key_service.signer(request.signing_input));
    const std::string_view token = request.authorization.expose().substr(7);  // behind "Bearer "
    const std::size_t dot = token.rfind('.');
    std::string signature;
    REQUIRE(base64url_decode(token.substr(dot + 1), signature));
    CHECK(verifies(read_key().get(), token.substr(0, dot), signature));
}

TEST_CASE("a key behind a password is refused, and nobody is asked for the password") {
    const Owned<EVP_PKEY> key = read_key();
    CHECK_THAT(std::string(signer_of(pkcs8(key.get(), "word")).error),
               ContainsSubstring("encrypted"));
    CHECK_THAT(std::string(signer_of(pkcs1(key.get(), true)).error),
               ContainsSubstring("encrypted"));
    CHECK(rekey::adapter::openssl_detail::no_password(nullptr, 0, 0, nullptr) == -1);
}

TEST_CASE("a refused key leaves no signer and no part of itself in the sentence (S71)") {
    const std::string damaged = replaced(rfc7515_key, "MII", "MIX");
    const SignerResult made = signer_of(damaged);
    CHECK_FALSE(made);
    CHECK_FALSE(static_cast<bool>(made.signer));
    for (std::size_t at = 0; at + 8 < damaged.size(); at += 4)
        if (damaged.compare(at, 5, "-----") != 0)
            REQUIRE(made.error.find(std::string_view(damaged).substr(at, 8)) ==
                    std::string_view::npos);
}

TEST_CASE("OpenSSL's error queue is left as it was found") {
    ERR_clear_error();
    CHECK_FALSE(signer_of("-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n"));
    CHECK(ERR_peek_error() == 0);

    ERR_raise(ERR_LIB_USER, 42);
    const unsigned long earlier = ERR_peek_last_error();
    CHECK_FALSE(signer_of("-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n"));
    CHECK(ERR_peek_last_error() == earlier);
    ERR_clear_error();
}

TEST_CASE("AES-256-GCM with derived keys gives the texts of C2SP's specification") {
    using rekey::adapter::openssl_detail::seal;
    const std::string nonce = "ABCDEFGHIJKLMNOPQRSTUVWX";
    CHECK(hex(seal(std::string(32, 1), nonce, "XAES-256-GCM", "")) ==
          hex(nonce) + "ce546ef63c9cc60765923609b33a9a1974e96e52daf2fcf7075e2271");
    CHECK(hex(seal(std::string(32, 3), nonce, "XAES-256-GCM", "c2sp.org/XAES-256-GCM")) ==
          hex(nonce) + "986ec1832593df5443a179437fd083bf3fdb41abd740a21f71eb769d");
}

TEST_CASE("S75 what was sealed opens with its key and in its place, and with one bit changed not") {
    const AesGcm sealer = sealer_of({key_of("one", '1')});
    const std::string sealed = sealer.seal("a token", "ann 7 access");
    CHECK(sealed.size() == 24 + 7 + 16);
    CHECK(sealed.find("token") == std::string::npos);
    CHECK(opened(sealer, sealed, "ann 7 access", "one") == "a token");
    for (const char* const place : {"bob 7 access", "ann 8 access", "ann 7 refresh", ""})
        CHECK(opened(sealer, sealed, place, "one").empty());
    for (std::size_t bit = 0; bit != sealed.size() * 8; ++bit) {
        std::string changed = sealed;
        changed[bit / 8] = static_cast<char>(changed[bit / 8] ^ (1 << bit % 8));
        if (!opened(sealer, changed, "ann 7 access", "one").empty()) FAIL("bit " << bit);
    }
    for (std::size_t size = 0; size != sealed.size(); ++size)
        if (!opened(sealer, sealed.substr(0, size), "ann 7 access", "one").empty())
            FAIL("of size " << size);
    CHECK(opened(sealer, sealed + "x", "ann 7 access", "one").empty());
    CHECK(ERR_peek_error() == 0);
}

TEST_CASE("no two texts are sealed alike, also the same one for the same place") {
    const AesGcm sealer = sealer_of({key_of("one", '1')});
    std::set<std::string> nonces;
    for (int i = 0; i != 1000; ++i) nonces.insert(sealer.seal("a token", "ann").substr(0, 24));
    CHECK(nonces.size() == 1000);
}

TEST_CASE("S76 another key, and a name of no key, do not open") {
    const std::string sealed = sealer_of({key_of("one", '1')}).seal("a token", "ann");
    CHECK(opened(sealer_of({key_of("one", '2')}), sealed, "ann", "one").empty());
    CHECK(opened(sealer_of({key_of("two", '1')}), sealed, "ann", "one").empty());
    CHECK(opened(AesGcm{}, sealed, "ann", "one").empty());
    CHECK(AesGcm{}.seal("a token", "ann").empty());
}

TEST_CASE("a sealing key is changed in two steps, and no process meets a record it cannot open") {
    using namespace rekey::token;
    TokenRecord record;
    record.state = RecordState::live;
    record.access_token = Secret("access");
    record.refresh_token = Secret("refresh");
    const auto opens = [](const Secret& text, const AesGcm& sealer) {
        const TokenRecord read = read_record(text.expose(), "k", 3, sealer, Opening::both);
        return read.state == RecordState::live && read.refresh_token.expose() == "refresh";
    };
    const AesGcm before = sealer_of({key_of("old", '1')});
    const AesGcm both = sealer_of({key_of("old", '1'), key_of("new", '2')});
    const AesGcm turned = sealer_of({key_of("new", '2'), key_of("old", '1')});
    const AesGcm after = sealer_of({key_of("new", '2')});
    CHECK(before.key_id == "old");
    CHECK(turned.key_id == "new");
    const Secret of_old = write_record(record, "k", 3, both);
    const Secret of_new = write_record(record, "k", 3, turned);
    CHECK(opens(of_old, before));
    CHECK(opens(of_old, both));
    CHECK(opens(of_old, turned));
    CHECK_FALSE(opens(of_old, after));
    CHECK_FALSE(opens(of_new, before));
    CHECK(opens(of_new, both));
    CHECK(opens(of_new, turned));
    CHECK(opens(of_new, after));
    CHECK(record_key("app", "ann", before) == record_key("app", "ann", after));
}

TEST_CASE("S75 two records that are swapped, one rolled back and one renamed do not open") {
    using namespace rekey::token;
    const AesGcm sealer = sealer_of({key_of("one", '1'), key_of("two", '2')});
    const auto written = [&](const char* token, const char* key, std::uint64_t version) {
        TokenRecord record;
        record.state = RecordState::live;
        record.access_token = Secret(token);
        record.refresh_token = Secret(token);
        return std::string(write_record(record, key, version, sealer).expose());
    };
    const auto opens = [&](std::string_view text, const char* key, std::uint64_t version) {
        return read_record(text, key, version, sealer, Opening::both).state == RecordState::live;
    };
    const std::string ann = written("of-ann", "ann", 5);
    const std::string bob = written("of-bob", "bob", 5);
    CHECK(opens(ann, "ann", 5));
    CHECK(opens(bob, "bob", 5));
    CHECK_FALSE(opens(ann, "bob", 5));
    CHECK_FALSE(opens(bob, "ann", 5));
    CHECK_FALSE(opens(ann, "ann", 6));
    CHECK_FALSE(opens(replaced(ann, " one ", " two "), "ann", 5));
    for (std::size_t i = 0; i != ann.size(); ++i) {
        std::string changed = ann;
        changed[i] = changed[i] == '7' ? '8' : '7';
        if (opens(changed, "ann", 5)) FAIL("with another byte at " << i);
    }
}

TEST_CASE("a key file that is empty is told from a variable that is not set") {
    const auto told = [] { return rekey::coze::from_environment<rekey::coze::AppAuth>().error(); };
    REQUIRE(setenv("COZE_JWT_OAUTH_PRIVATE_KEY_FILE_PATH", "/dev/null", 1) == 0);
    CHECK(told() == "COZE_JWT_OAUTH_PRIVATE_KEY_FILE_PATH: the file is empty");
    REQUIRE(unsetenv("COZE_JWT_OAUTH_PRIVATE_KEY_FILE_PATH") == 0);
    CHECK(told() == "COZE_JWT_OAUTH_PRIVATE_KEY_FILE_PATH: is not set");
}

TEST_CASE("keys are read as digits or base64, and a bad one is refused with a sentence") {
    const auto error_of = [](std::vector<AesKey> keys) {
        return std::string(AesGcm::from_keys(std::move(keys)).error);
    };
    std::string bytes;
    for (int i = 0; i != 32; ++i) bytes.push_back(static_cast<char>(i * 8 + 7));
    const std::string digits = hex(bytes);
    std::string upper = digits;
    for (char& c : upper)
        if (c >= 'a') c = static_cast<char>(c - 'a' + 'A');
    const std::string url = base64url_encode(bytes);
    const std::string base64 = replaced(replaced(url, "-", "+"), "_", "/") + "=";
    const std::string sealed = sealer_of({{"k", Secret(std::string(digits))}}).seal("token", "");
    for (const std::string& text : {upper, url, base64, digits + "\n", base64 + "\r\n"})
        CHECK(opened(sealer_of({{"k", Secret(std::string(text))}}), sealed, "", "k") == "token");

    CHECK_THAT(error_of({}), ContainsSubstring("no key"));
    for (const char* const name : {"", "-", "two words", "line\nend"})
        CHECK_THAT(error_of({key_of(name, '1')}), ContainsSubstring("name of a key"));
    CHECK_THAT(error_of({key_of("a", '1'), key_of("a", '2')}), ContainsSubstring("same name"));
    for (const std::string& text :
         {std::string(), std::string(32, 'k'), std::string(63, '1'), std::string(65, '1'),
          std::string(63, '1') + "g", std::string(43, '*'), std::string(44, 'A')}) {
        CHECK_THAT(error_of({{"k", Secret(std::string(text))}}), ContainsSubstring("32 bytes"));
        CHECK(AesGcm::from_keys({{"k", Secret(std::string(text))}}).sealer.seal("a", "").empty());
    }
}

TEST_CASE("TokensIn takes the sealer, and four threads seal with one key") {
    const AesGcm sealer = sealer_of({key_of("one", '1')});
    const rekey::TokensIn tokens{rekey::token::MemoryStore{}, sealer};
    CHECK(tokens.sealer().key_id == "one");
    std::vector<int> right(4, 0);
    std::vector<std::thread> threads;
    for (int& count : right)
        threads.emplace_back([&count, &tokens] {
            for (int i = 0; i != 200; ++i) {
                const AesGcm& shared = tokens.sealer();
                if (opened(shared, shared.seal("token", "ann"), "ann", "one") == "token") ++count;
            }
        });
    for (std::thread& thread : threads) thread.join();
    for (const int count : right) CHECK(count == 200);
}
