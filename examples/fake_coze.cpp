// SPDX-License-Identifier: BSL-1.0
// fake_coze: you want to rehearse the move to the enterprise, in any language, without an account.
//
// It serves a Coze API on 127.0.0.1 and prints what the other programs need as `export` lines:
//
//     $ fake_coze --port 8640 > coze.env &
//     $ eval "$(tail -n +2 coze.env)"
//     $ coze_pat_chat                                      # served by the personal token
//     $ curl -sX POST "$COZE_API_BASE/_fake/move"          # the workspaces move
//     $ coze_pat_chat                                      # served by the enterprise token
//     $ curl -s "$COZE_API_BASE/_fake/ledger?records=0"    # what the server saw
//     $ coze_web_oauth                                     # its users consent here
//
// Its tokens are worth nothing anywhere else, and its private key lives in a file of mode 0600
// that goes away with the program.
#include "support/fake_coze_server.hpp"
#include "support/openssl_verifier.hpp"
#include "support/standard_streams.hpp"

#include <rekey/testing/fake_coze.hpp>

#include <CLI/CLI.hpp>

#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <fstream>
#include <iostream>
#include <random>
#include <sstream>
#include <string>
#include <string_view>

namespace {

/// A file of mode 0600 with this content; gone with the object.
class TemporaryFile {
public:
    explicit TemporaryFile(const std::string& content) {
        const char* folder = getenv("TMPDIR");
        std::string name = std::string{folder && *folder ? folder : "/tmp"} + "/fake_coze_XXXXXX";
        const int file = mkstemp(name.data());  // creates it with mode 0600
        if (file < 0) return;
        path_ = name;
        std::size_t written = 0;
        while (written != content.size()) {
            const ssize_t now = write(file, content.data() + written, content.size() - written);
            if (now <= 0) break;
            written += static_cast<std::size_t>(now);
        }
        close(file);
        is_whole_ = written == content.size();
    }
    ~TemporaryFile() {
        if (!path_.empty()) unlink(path_.c_str());
    }
    TemporaryFile(const TemporaryFile&) = delete;
    TemporaryFile& operator=(const TemporaryFile&) = delete;

    bool is_whole() const noexcept { return is_whole_; }
    const std::string& path() const noexcept { return path_; }

private:
    std::string path_{};
    bool is_whole_ = false;
};

/// A redirect URI on another port if it is on this one, where no other program can listen.
std::string beside(std::uint16_t port, std::string uri) {
    const std::string mine = ':' + std::to_string(port) + '/';
    const std::size_t at = uri.find(mine);
    if (at != uri.npos) uri.replace(at, mine.size(), ':' + std::to_string(port + 1) + '/');
    return uri;
}

/// `export NAME='value'`, for any shell.
void print_export(std::string_view name, std::string_view value) {
    std::cout << "export " << name << "='";
    for (const char c : value) {
        if (c == '\'')
            std::cout << "'\\''";
        else
            std::cout << c;
    }
    std::cout << "'\n";
}

void print_exports(const rekey::testing::FakeCozeOptions& options, const std::string& base,
                   const std::string& key_file) {
    print_export("COZE_API_BASE", base);
    print_export("COZE_WWW_BASE", base);
    print_export("PUBLISHED_BOT_ID", options.bot_id);
    print_export("USER_ID", options.user_id);
    print_export("COZE_API_TOKEN", options.personal_token);
    print_export("COZE_API_TOKEN_ENTERPRISE", options.enterprise_token);
    print_export("COZE_JWT_OAUTH_CLIENT_ID", options.jwt_client_id);
    print_export("COZE_JWT_OAUTH_PUBLIC_KEY_ID", options.public_key_id);
    print_export("COZE_JWT_OAUTH_PRIVATE_KEY_FILE_PATH", key_file);
    print_export("COZE_ACCOUNT_ID", options.account_id);
    print_export("COZE_ENTERPRISE_ID", options.enterprise_id);
    print_export("COZE_WEB_OAUTH_CLIENT_ID", options.web_client_id);
    print_export("COZE_WEB_OAUTH_CLIENT_SECRET", options.web_client_secret);
    print_export("COZE_WEB_OAUTH_REDIRECT_URI", options.web_redirect_uri);
    print_export("COZE_PKCE_OAUTH_CLIENT_ID", options.pkce_client_id);
    print_export("COZE_PKCE_OAUTH_REDIRECT_URI", options.pkce_redirect_uri);
    print_export("COZE_DEVICE_OAUTH_CLIENT_ID", options.device_client_id);
}

}  // namespace

int main(int argc, char** argv) {
    support::hold_standard_streams();
    std::uint16_t port = 0;
    std::string config_path;
    CLI::App app{
        "A Coze API on 127.0.0.1, for rehearsals. Ends on SIGINT, SIGTERM, SIGQUIT or SIGHUP."};
    app.add_option("--port", port, "Port to listen on; 0 takes a free one")->capture_default_str();
    app.add_option("--config", config_path,
                   "JSON file with options, tokens, bots and faults (see FakeCozeOptions)")
        ->check(CLI::ExistingFile);
    try {
        app.parse(argc, argv);
    } catch (const CLI::ParseError& error) {
        return app.exit(error) == 0 ? 0 : 2;
    }

    // Blocked before any thread exists, so that each inherits it and sigwait below gets them.
    sigset_t endings;
    sigemptyset(&endings);
    sigaddset(&endings, SIGINT);
    sigaddset(&endings, SIGTERM);
    sigaddset(&endings, SIGQUIT);  // which would leave the key file behind
    struct sigaction hung_up {};
    sigaction(SIGHUP, nullptr, &hung_up);  // the terminal is closed; under nohup that is no end
    if (hung_up.sa_handler != SIG_IGN) sigaddset(&endings, SIGHUP);
    pthread_sigmask(SIG_BLOCK, &endings, nullptr);
    signal(SIGPIPE, SIG_IGN);

    const support::RsaKey key = support::make_rsa_key();
    const TemporaryFile key_file{key.private_pem};
    if (key.private_pem.empty() || !key_file.is_whole()) {
        std::cerr << "fake_coze: cannot make a key or write it to a temporary file\n";
        return 1;
    }

    rekey::testing::FakeCoze::Options options;
    options.seed = static_cast<std::int64_t>(std::random_device{}() & 0xffffffu);
    options.verifier = support::OpensslVerifier{key.public_pem};
    options.web_redirect_uri = beside(port, options.web_redirect_uri);
    options.pkce_redirect_uri = beside(port, options.pkce_redirect_uri);
    rekey::testing::FakeCoze coze{options};
    if (!config_path.empty()) {
        std::ifstream file(config_path);
        std::ostringstream text;
        text << file.rdbuf();
        const std::string error = coze.configure(text.str());
        if (!file || !error.empty()) {
            std::cerr << "fake_coze: " << config_path << ": "
                      << (error.empty() ? "cannot be read" : error) << '\n';
            return 2;
        }
    }

    support::FakeCozeServer server{coze};
    if (!server.start(port)) {
        std::cerr << "fake_coze: cannot listen on 127.0.0.1:" << port << '\n';
        return 1;
    }
    std::cout << "PORT " << server.port() << '\n';
    print_exports(coze.options(), server.base(), key_file.path());
    std::cout.flush();

    int received = 0;
    sigwait(&endings, &received);
    server.stop();
    return 0;
}
