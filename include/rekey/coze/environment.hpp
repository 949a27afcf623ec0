// SPDX-License-Identifier: BSL-1.0
// from_environment: the credential chain that the vendor's variables describe.
#ifndef REKEY_COZE_ENVIRONMENT_HPP
#define REKEY_COZE_ENVIRONMENT_HPP

#include <rekey/coze/app_auth.hpp>
#include <rekey/coze/pat.hpp>
#include <rekey/detail/maybe.hpp>
#include <rekey/oauth/edit_url.hpp>
#include <rekey/policy/credential_chain.hpp>

#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>
#include <utility>

namespace rekey {
inline namespace v0_1 {
namespace coze {

/// A chain that the environment described, or the variable that is missing or wrong.
template <class Chain> class [[nodiscard]] FromEnvironment {
public:
    static FromEnvironment of(Chain chain) {
        FromEnvironment made;
        made.chain_.set(std::move(chain));
        return made;
    }
    static FromEnvironment missing(std::string_view variable) {
        return wrong(variable, "is not set");
    }
    static FromEnvironment wrong(std::string_view variable, std::string_view why) {
        FromEnvironment made;
        made.variable_ = variable;
        made.error_ = std::string(variable) + ": " + std::string(why);
        return made;
    }

    explicit operator bool() const noexcept { return static_cast<bool>(chain_); }
    Chain& operator*() noexcept { return *chain_; }
    const Chain& operator*() const noexcept { return *chain_; }
    /// The name of the variable that is missing or wrong; empty if there is a chain.
    std::string_view variable() const noexcept { return variable_; }
    /// One sentence that names it; never its value.
    const std::string& error() const noexcept { return error_; }

private:
    rekey::detail::Maybe<Chain> chain_{};
    std::string_view variable_{};
    std::string error_{};
};

/// `COZE_API_BASE` without slashes at its end, or the public base.
inline std::string api_base_from_environment() {
    const char* const value = std::getenv("COZE_API_BASE");
    std::string base(value != nullptr && *value != '\0' ? std::string_view(value) : api_base);
    while (!base.empty() && base.back() == '/') base.pop_back();
    return base;
}

namespace detail {

inline std::string variable(const char* name) {
    const char* const value = std::getenv(name);
    return value == nullptr ? std::string() : std::string(value);
}

/// The bytes of a small file; false if it cannot be read.
inline bool read_file(const std::string& path, std::string& text) {
    std::FILE* const file = std::fopen(path.c_str(), "rb");
    if (file == nullptr) return false;
    char block[4096];
    for (std::size_t size; (size = std::fread(block, 1, sizeof block, file)) != 0;) {
        text.append(block, size);
        if (text.size() > 1024 * 1024) break;
    }
    const bool whole = std::ferror(file) == 0 && text.size() <= 1024 * 1024;
    std::fclose(file);
    rekey::detail::wipe(block, sizeof block);
    return whole;
}

inline constexpr std::string_view http_outside_loopback =
    "http outside loopback: everyone on the way could read the token; use https";

template <template <class> class Kind> struct EnvironmentOf;

template <> struct EnvironmentOf<Pat> {
    using Chain = CredentialChain<Pat<Personal>, Pat<Enterprise>>;
    static FromEnvironment<Chain> read(bool allow_http) {
        using Made = FromEnvironment<Chain>;
        const std::string base = api_base_from_environment();
        if (const oauth::JoinedUrl url = oauth::join(base, "/"); !url)
            return Made::wrong("COZE_API_BASE", oauth::sentence(url.error));
        if (!allow_http && !oauth::allowed_for_secrets(oauth::parse_url(base)))
            return Made::wrong("COZE_API_BASE", http_outside_loopback);
        std::string personal = variable("COZE_API_TOKEN");
        if (personal.empty()) return Made::missing("COZE_API_TOKEN");
        std::string enterprise = variable("COZE_API_TOKEN_ENTERPRISE");
        if (enterprise.empty()) return Made::missing("COZE_API_TOKEN_ENTERPRISE");
        if (const char* const why = rekey::detail::problem_with_token(personal))
            return Made::wrong("COZE_API_TOKEN", why);
        if (const char* const why = rekey::detail::problem_with_token(enterprise))
            return Made::wrong("COZE_API_TOKEN_ENTERPRISE", why);
        return Made::of(Chain{Pat<Personal>{std::move(personal), base},
                              Pat<Enterprise>{std::move(enterprise), base}});
    }
};

template <> struct EnvironmentOf<AppAuth> {
    using Chain = CredentialChain<AppAuth<Account>, AppAuth<EnterpriseId>>;
    using Made = FromEnvironment<Chain>;

    // A template, so that a program which passes a signer of its own needs no crypto adapter.
    template <class Algorithm = oauth::Rs256> static Made read(bool allow_http) {
        std::string pem = variable("COZE_JWT_OAUTH_PRIVATE_KEY");
        const std::string path = variable("COZE_JWT_OAUTH_PRIVATE_KEY_FILE_PATH");
        const char* const source =
            path.empty() ? "COZE_JWT_OAUTH_PRIVATE_KEY" : "COZE_JWT_OAUTH_PRIVATE_KEY_FILE_PATH";
        if (!path.empty()) {
            rekey::detail::wipe(pem);
            if (!read_file(path, pem)) return Made::wrong(source, "the file cannot be read");
            if (pem.empty()) return Made::wrong(source, "the file is empty");
        }
        if (pem.empty()) return Made::missing("COZE_JWT_OAUTH_PRIVATE_KEY_FILE_PATH");
        oauth::SignerResult signer = oauth::DefaultSigner<Algorithm>::from_pem(pem);
        rekey::detail::wipe(pem);
        if (!signer) return Made::wrong(source, signer.error);
        return with(std::move(signer.signer), allow_http);
    }
    static Made with(oauth::Signer signer, bool allow_http) {
        AppAuthOptions options;
        options.base = api_base_from_environment();
        options.allow_http = allow_http;
        options.signer = std::move(signer);
        if (const oauth::JoinedUrl url = oauth::join(options.base, "/"); !url)
            return Made::wrong("COZE_API_BASE", oauth::sentence(url.error));
        if (!allow_http && !oauth::allowed_for_secrets(oauth::parse_url(options.base)))
            return Made::wrong("COZE_API_BASE", http_outside_loopback);
        options.client_id = variable("COZE_JWT_OAUTH_CLIENT_ID");
        if (options.client_id.empty()) return Made::missing("COZE_JWT_OAUTH_CLIENT_ID");
        options.public_key_id = variable("COZE_JWT_OAUTH_PUBLIC_KEY_ID");
        if (options.public_key_id.empty()) return Made::missing("COZE_JWT_OAUTH_PUBLIC_KEY_ID");
        for (const char* const name : {"COZE_JWT_OAUTH_CLIENT_ID", "COZE_JWT_OAUTH_PUBLIC_KEY_ID"})
            if (!oauth::detail::is_ascii_from('!', variable(name)))
                return Made::wrong(name, std::string("it").append(not_visible));
        AppAuthOptions enterprise = options;
        options.id = variable("COZE_ACCOUNT_ID");
        if (options.id.empty()) return Made::missing("COZE_ACCOUNT_ID");
        enterprise.id = variable("COZE_ENTERPRISE_ID");
        if (enterprise.id.empty()) return Made::missing("COZE_ENTERPRISE_ID");
        AppAuth<Account> account{std::move(options)};
        if (const std::string why = account.problem(); !why.empty())
            return Made::wrong("COZE_ACCOUNT_ID", why);
        AppAuth<EnterpriseId> organization{std::move(enterprise)};
        if (const std::string why = organization.problem(); !why.empty())
            return Made::wrong("COZE_ENTERPRISE_ID", why);
        return Made::of(Chain{std::move(account), std::move(organization)});
    }
};

}  // namespace detail

/// The chain that the environment describes: `from_environment<coze::Pat>()` reads COZE_API_TOKEN
/// and COZE_API_TOKEN_ENTERPRISE; `from_environment<coze::AppAuth>()` reads
/// COZE_JWT_OAUTH_CLIENT_ID, …_PUBLIC_KEY_ID, …_PRIVATE_KEY_FILE_PATH (wins) or …_PRIVATE_KEY,
/// COZE_ACCOUNT_ID and COZE_ENTERPRISE_ID, and needs <rekey/adapter/openssl.hpp> for the key. Both
/// read COZE_API_BASE.
///
/// Errors   the first variable that is missing or cannot work, by name, in one sentence.
/// Threads  reads the environment; not beside a `setenv`.
template <template <class> class Kind> auto from_environment(bool allow_http = false) {
    return detail::EnvironmentOf<Kind>::read(allow_http);
}
/// The same with a signer of the user's (a key service, a hardware module) in place of a key.
template <template <class> class Kind>
auto from_environment(oauth::Signer signer, bool allow_http = false) {
    return detail::EnvironmentOf<Kind>::with(std::move(signer), allow_http);
}

}  // namespace coze
}  // namespace v0_1
}  // namespace rekey

#endif
