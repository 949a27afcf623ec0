// SPDX-License-Identifier: BSL-1.0
// WebSettings: what a web backend reads from its options and variables.
#ifndef REKEY_EXAMPLES_SUPPORT_WEB_SETTINGS_HPP
#define REKEY_EXAMPLES_SUPPORT_WEB_SETTINGS_HPP

#include <rekey/adapter/curl.hpp>
#include <rekey/coze/web_flow.hpp>
#include <rekey/secret.hpp>

#include <cstdint>
#include <string>
#include <string_view>

namespace support {

/// The settings of `coze_web_oauth`.
///
/// Exit status  0 after `--help`; 2 for an option or a variable that is missing or cannot work,
///              with one line that names it and never its value.
class WebSettings {
public:
    WebSettings(std::string name, std::string about);

    /// Reads options and variables. False: `exit_status()` is final, everything was said.
    bool read(int argc, char** argv);
    int exit_status() const noexcept { return exit_status_; }
    /// Says on stderr what is wrong; the exit status for that.
    int complain(std::string_view what);

    rekey::coze::WebFlowOptions app{};  ///< COZE_WEB_OAUTH_…, COZE_API_BASE, COZE_WWW_BASE
    rekey::curl::Options curl{};
    rekey::Secret cookie_key{};  ///< COZE_WEB_OAUTH_COOKIE_KEY, or empty.
    std::string bot_id{};        ///< PUBLISHED_BOT_ID
    std::string user_id{};       ///< USER_ID
    std::string chat_url{};
    std::string person_url{};  ///< Tells whose a token is.

    std::string consent_origin{};  ///< Where browsers are sent: `https://www.coze.com`
    std::string own_origin{};      ///< Of the redirect URI: how browsers reach us.
    std::string callback_path{};   ///< Of the redirect URI, decoded.
    std::string host{};            ///< To listen on; `[…]` around IPv6.
    std::uint16_t port = 0;
    std::string_view listen_from{"COZE_WEB_OAUTH_REDIRECT_URI"};  ///< Or `--listen`.
    bool is_https = false;     ///< Browsers reach us by https, through a proxy.
    bool is_loopback = false;  ///< Browsers are on this machine.

private:
    bool read_options(int argc, char** argv);
    bool read_environment();
    bool read_redirect_uri();
    bool may_be_base(const char* variable, const std::string& base);
    std::string need(const char* variable);

    std::string name_;
    std::string about_;
    std::string listen_{};
    bool allows_http_ = false;
    int exit_status_ = 0;
};

}  // namespace support

#endif
