// SPDX-License-Identifier: BSL-1.0
#include <rekey/adapter/openssl.hpp>

#include "catch.hpp"

#include <rekey/oauth/random_token.hpp>

#include <openssl/ec.h>
#include <openssl/obj_mac.h>

#include <string>
#include <string_view>
#include <thread>
#include <vector>

namespace {

using namespace rekey::oauth;
using rekey::adapter::openssl_detail::Owned;

// The public example key of RFC 7515 appendix A.2, written as PKCS#8. It protects nothing.
constexpr char rfc7515_key[] =
    "-----BEGIN PRIVATE KEY-----\n"
    "MIIEvQIBADANBgkqhkiG9w0BAQEFAASCBKcwggSjAgEAAoIBAQCh+BYK4uPJtGXO\n"
    "jS1lYmM2K5J9vinh8CR3/BYlzJChNuOL2TSXxbbqY913EeZ8dCn5VrD7io8ImtxL\n"
    "aYk8wTM/U+3QGbh3hCUv7JFP5IV3aVlL6kKA0ywPVb9ilE8TA5a8bpvfbr3SvaNn\n"
    "juygxmj3AbONv/s4yDQs4v5tJ/reSlpIdJed1LnPmt7Ex1sFhSwsD174pcF1A5L5\n"
    "ROjtZMEQxrZHYJqkeDrrnGya11UxMFBji4NmXG9veoKjlnAqH2QbgtPr8jkiGUkf\n"
    "toaHLFcW9Qr4NY2ai50Xw0Byj3+H2JoY2PyrZ62EWQwuz3WTOTY8BwNNb2BvniHg\n"
    "VFbK5emhAgMBAAECggEAEq5xpGnNCivDflJsRQBXHx1hdR1k6Ulwe2JZD50LpXyW\n"
    "PEAeP88vLNO97IjlA7/GQ5sLKMgvfTeXZx9SE+7YwVol2NXOoAJe46sui395IW/G\n"
    "O+pWJ1O0BkTGoVEn2bKVRUCgu+GjBVaYLU6f3l9kJfFNS3E0QbVdxzubSu3Mkqzj\n"
    "kn439X0M/V51gfpRLI9JYanrC4D4qAdGcopV/0ZHHzQlBjudU2QvXt4ehNYTCBr6\n"
    "XCLQUShb1juUO1ZdiYoFaFQT5Tw8bGUl/x/jTj3ccPDVZFD9pIuhLhBOneufuBiB\n"
    "4cS98l2SR/RQyGWSeWjnczT0QU91p1DhOVRuOopznQKBgQDgHMQQ60imZV1URk0K\n"
    "pLttoLhyt3SmqdEf/kgHePDdtzEafpAu+cS191R2JiuoF2yzWXnwFDcqGigp5BNr\n"
    "0AHQfD8/Lk8l1Mk09jxxCfui5nYooNyac8YFjm3vItzVCVDnEd3BbVWG8qf6deqE\n"
    "lMGAg+C2V0L4oNXnP7LZcPAZRwKBgQC5A8R+CZW2MvRTLLHzwZkUXV866cff7tx6\n"
    "kqa0finGG0KgeqlaZPxgCZnFp7AeAcCMtiynVlJ7vMVgePsLq6XtON4tB5kP9jAP\n"
    "rq3rbAOal78eUH5OcED6eNuCV8ixEu1eWcPNCS/l1OW1EnXUEoEHKl54Xrrz2uNw\n"
    "kgMTP1FZ1wKBgAcCn1dwJKufzBWQxWQp1vsM5fggqPN1qGb5y0MAk3g7/Ls5bkUp\n"
    "5u9SN0Ai3Ya6hNnvWJMb7sXQX6U/zyO2M/hTip7tUeh7CXgwo59dkpN75gJLVds2\n"
    "9+DAncu3KXU4f2Fa+7bLNrur53k8KwPOq2bbuTG69QtV7Jr5MR0AHWKNAoGBAIf/\n"
    "evpitUf+4JYbLpvNXWcY052Mpz22aR84mY3nh3F2LF2mjMJDpTg7FmuyPcVw6EcG\n"
    "yoAe9fa65iNqCq+jdw6PVNGo2hxfjSiZ8IIzHdsPXI89//pMjZcQK9r+CCoRjaZj\n"
    "OYiIDktVWZzmevJuv6WywUqd57LE3Zar3dLSIkx1AoGAIYd7DHOhrWvxkwPQsRM2\n"
    "tOgrjbcrfvtQJipd+DlcxyVuuM9sQLdgjVk2oy26F0EmpScGLq2MowX7fhd/QJQ3\n"
    "ydy5cY7YIBi87w93IKLEdfnbJtoOPLUW0ITrJReOgo1cq9SbsxYawBgfp/gh6A56\n"
    "03k2+ZQwVK0JKSHuLFkuQ3U=\n"
    "-----END PRIVATE KEY-----\n";

constexpr std::string_view rfc7515_input =
    "eyJhbGciOiJSUzI1NiJ9."
    "eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFt"
    "cGxlLmNvbS9pc19yb290Ijp0cnVlfQ";

constexpr std::string_view rfc7515_token =
    "eyJhbGciOiJSUzI1NiJ9."
    "eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFt"
    "cGxlLmNvbS9pc19yb290Ijp0cnVlfQ."
    "cC4hiUPoj9Eetdgtv3hF80EGrhuB__dzERat0XF9g2VtQgr9PJbu3XOiZj5RZmh7"
    "AAuHIm4Bh-0Qc_lF5YKt_O8W2Fp5jujGbds9uJdbF9CUAr7t1dnZcAcQjbKBYNX4"
    "BAynRFdiuB--f_nZLgrnbyTyWzO75vRK5h6xBArLIARNPvkSjtQBMHlb1L07Qe7K"
    "0GarZRmB_eSN9383LcOLn6_dO--xi12jzDwusC-eOkHWEsqtFZESc6BfI7noOPqv"
    "hJ1phCnvWh6IeYI2w9QOYEUipUTI8np6LbgGY9Fs98rqVt5AXLIhWkWywlVmtVrB"
    "p0igcN_IoypGlUPQGe77Rw";

SignerResult signer_of(std::string_view pem) { return DefaultSigner<Rs256>::from_pem(pem); }

std::string replaced(std::string text, std::string_view from, std::string_view to) {
    for (std::size_t at = text.find(from); at != text.npos; at = text.find(from, at + to.size()))
        text.replace(at, from.size(), to);
    return text;
}

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

std::string rfc7515_signed_with(std::string_view pem) {
    const SignerResult made = signer_of(pem);
    CHECK(made.error == "");
    return std::string(sign(rfc7515_input, made.signer).token.expose());
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

TEST_CASE("RS256 gives the whole token of RFC 7515 A.2") {
    CHECK(rfc7515_signed_with(rfc7515_key) == rfc7515_token);
}

TEST_CASE("a private key is read in both armours, with any line ends") {
    const std::string lf = rfc7515_key;
    const std::string traditional = pkcs1(read_key().get());
    REQUIRE(traditional.find("BEGIN RSA PRIVATE KEY") != std::string::npos);

    CHECK(rfc7515_signed_with(traditional) == rfc7515_token);
    CHECK(rfc7515_signed_with(replaced(lf, "\n", "\r\n")) == rfc7515_token);
    CHECK(rfc7515_signed_with(replaced(lf, "\n", "\\n")) == rfc7515_token);
    CHECK(rfc7515_signed_with(replaced(lf, "\n", "\\r\\n")) == rfc7515_token);
    CHECK(rfc7515_signed_with(replaced(traditional, "\n", "\\n")) == rfc7515_token);
    CHECK(rfc7515_signed_with("\n  \n" + lf + "\n\n") == rfc7515_token);
    CHECK(rfc7515_signed_with(lf.substr(0, lf.size() - 1)) == rfc7515_token);
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

TEST_CASE("many threads sign with one key") {
    const SignerResult made = signer_of(rfc7515_key);
    std::vector<int> right(4, 0);
    std::vector<std::thread> threads;
    for (int& count : right)
        threads.emplace_back([&count, signer = made.signer] {
            for (int i = 0; i != 20; ++i)
                if (sign(rfc7515_input, signer).token.expose() == rfc7515_token) ++count;
        });
    for (std::thread& thread : threads) thread.join();
    for (const int count : right) CHECK(count == 20);
}
