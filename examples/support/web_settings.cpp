// SPDX-License-Identifier: BSL-1.0
// WebSettings: options and variables of a web backend.
#include "web_settings.hpp"

#include "standard_streams.hpp"

#include <rekey/coze/environment.hpp>
#include <rekey/oauth/authorize_url.hpp>
#include <rekey/oauth/edit_url.hpp>
#include <rekey/oauth/percent.hpp>
#include <rekey/oauth/url.hpp>

#include <CLI/CLI.hpp>

#include <chrono>
#include <cstddef>
#include <cstdlib>
#include <iostream>
#include <utility>

namespace support {

namespace oauth = rekey::oauth;

namespace {

constexpr std::size_t shortest_key = 32;

std::string variable(const char* name) {
    const char* const value = std::getenv(name);
    return value == nullptr ? std::string() : std::string(value);
}

std::string origin_of(const oauth::Url& url) {
    std::string text(url.origin.scheme);
    text.append("://").append(url.origin.host).append(1, ':');
    return text + std::to_string(url.origin.port);
}

}  // namespace

WebSettings::WebSettings(std::string name, std::string about)
    : name_(std::move(name)), about_(std::move(about)) {}

int WebSettings::complain(std::string_view what) {
    std::cerr << name_ << ": " << what << '\n';
    return exit_status_ = 2;
}

bool WebSettings::read(int argc, char** argv) {
    hold_standard_streams();
    return read_options(argc, argv) && read_environment();
}

bool WebSettings::read_options(int argc, char** argv) {
    CLI::App options{about_, name_};
    options.add_option(
        "--listen", listen_,
        "HOST:PORT to listen on behind a proxy (default: those of the redirect URI)");
    options.add_option("--workspace", app.workspace_id,
                       "Ask for access to this workspace only (enterprise)");
    options.add_flag("--allow-http", allows_http_,
                     "Accept plain http outside loopback, where everyone can read the tokens");
    try {
        options.parse(argc, argv);
    } catch (const CLI::ParseError& error) {
        exit_status_ = options.exit(error) == 0 ? 0 : 2;
        return false;
    }
    return true;
}

bool WebSettings::read_environment() {
    app.base = rekey::coze::api_base_from_environment();
    app.www_base = variable("COZE_WWW_BASE");
    if (app.www_base.empty()) app.www_base = oauth::www_base(app.base);
    if (!may_be_base("COZE_API_BASE", app.base) || !may_be_base("COZE_WWW_BASE", app.www_base))
        return false;
    app.allow_http = curl.allow_http = allows_http_;
    curl.timeout = std::chrono::seconds{60};
    chat_url = oauth::join(app.base, "/v3/chat").text;
    person_url = oauth::join(app.base, "/v1/users/me").text;
    consent_origin = origin_of(oauth::parse_url(app.www_base));

    bot_id = need("PUBLISHED_BOT_ID");
    user_id = need("USER_ID");
    app.client_id = need("COZE_WEB_OAUTH_CLIENT_ID");
    app.client_secret = rekey::Secret{need("COZE_WEB_OAUTH_CLIENT_SECRET")};
    app.redirect_uri = need("COZE_WEB_OAUTH_REDIRECT_URI");
    cookie_key = rekey::Secret{std::getenv("COZE_WEB_OAUTH_COOKIE_KEY")};
    if (exit_status_ == 0 && !cookie_key.empty() && cookie_key.size() < shortest_key)
        complain(
            "COZE_WEB_OAUTH_COOKIE_KEY: is shorter than 32 characters; try openssl rand "
            "-base64 32");
    return exit_status_ == 0 && read_redirect_uri();
}

std::string WebSettings::need(const char* name) {
    std::string value = variable(name);
    if (value.empty() && exit_status_ == 0) complain(std::string(name) + ": is not set");
    return value;
}

bool WebSettings::may_be_base(const char* name, const std::string& base) {
    const oauth::JoinedUrl joined = oauth::join(base, "/");
    if (!joined)
        complain(std::string(name) + ": " + std::string(sentence(joined.error)));
    else if (!allows_http_ && !oauth::allowed_for_secrets(oauth::parse_url(base)))
        complain(std::string(name) +
                 ": plain http outside loopback lets everyone on the way read the tokens; use "
                 "https or --allow-http");
    else
        return true;
    return false;
}

bool WebSettings::read_redirect_uri() {
    const auto wrong = [this](std::string_view why) {
        complain("COZE_WEB_OAUTH_REDIRECT_URI: " + std::string(why));
        return false;
    };
    const oauth::Url url = oauth::parse_url(app.redirect_uri);
    if (!url) return wrong(sentence(url.error));
    for (const char symbol : app.redirect_uri)
        if (symbol > '~' || symbol < '!') return wrong("is not ASCII; percent-encode it");
    if (!url.fragment.empty()) return wrong("has a fragment, which no browser sends");
    if (!allows_http_ && !oauth::allowed_for_secrets(url))
        return wrong(
            "plain http outside loopback lets everyone on the way read the session; use "
            "https or --allow-http");
    if (!oauth::percent_decode(url.path, callback_path)) return wrong("its path is not encoded");
    for (const std::string_view ours : {"", "/", "/chat", "/login", "/logout", "/style.css"})
        if (callback_path == ours) return wrong("needs a path of its own, such as /callback");

    own_origin = origin_of(url);
    is_https = oauth::detail::same_ignoring_case(url.origin.scheme, "https");
    is_loopback = oauth::is_loopback(url.origin.host);
    host = std::string(url.origin.host);
    port = url.origin.port;
    if (listen_.empty()) return true;
    const std::string listened = "http://" + listen_;
    const oauth::Url place = oauth::parse_url(listened);
    const std::size_t colon = listen_.find_last_not_of("0123456789");  // of the port
    const bool has_port =
        colon != listen_.npos && listen_[colon] == ':' && colon + 1 != listen_.size();
    if (!place || !has_port || listen_.find_first_of("/?#") != listen_.npos) {
        complain("--listen: is not HOST:PORT");
        return false;
    }
    host = std::string(place.origin.host);
    port = place.origin.port;
    listen_from = "--listen";
    return true;
}

}  // namespace support
