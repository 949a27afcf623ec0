// SPDX-License-Identifier: BSL-1.0
//
// Dear reader,
//
// the private key of your Coze app lies in a key service (a KMS, a Vault, a hardware module behind
// a socket), and nobody may take it out. The service signs over the network and calls you back, and
// your program has an event loop, so nothing may wait for it. SignedLater puts such a signer into
// the app's credential. Calls that need a token wait without blocking, and share one signature.
//
// The loop, the key service and Coze are toys in virtual time; in their place stand yours.
#include <rekey/coze.hpp>
#include <rekey/driver/callback.hpp>
#include <rekey/oauth/signed_later.hpp>
#include <rekey/testing/manual_scheduler.hpp>

#include <chrono>
#include <functional>
#include <iostream>
#include <string>
#include <string_view>
#include <utility>

using namespace std::chrono_literals;
using rekey::testing::ManualScheduler;

std::string when(const ManualScheduler& loop) {
    const auto passed = loop.now().time_since_epoch();
    return std::to_string(std::chrono::duration_cast<std::chrono::milliseconds>(passed).count()) +
           " ms: ";
}

/// Signs 20 ms later; the first time it is overloaded and gives up.
struct KeyService {
    ManualScheduler& loop;
    int asked = 0;

    void sign(std::string_view input, const std::function<void(std::string)>& done) {
        const bool is_header_and_claims = input.find('.') != input.npos;
        std::cout << when(loop) << "the key service is asked to sign "
                  << (is_header_and_claims ? "an assertion\n" : "something odd\n");
        loop.after(20ms,
                   [done, is_busy = ++asked == 1] { done(is_busy ? "" : "signature bytes"); });
    }
};

/// Answers 30 ms later.
struct Coze {
    ManualScheduler& loop;

    using Done = std::function<void(rekey::HttpResponse)>;
    auto operator()(const rekey::HttpRequest& request, const rekey::Attempt&, Done done) {
        const bool is_token = request.url.find("/api/permission/") != request.url.npos;
        if (is_token) std::cout << when(loop) << "Coze is asked for a token\n";
        const char* const body = is_token ? R"({"access_token":"czs_7","expires_in":900})"
                                          : R"({"code":0,"msg":"","data":{"id":"7"}})";
        return loop.after(30ms, [done = std::move(done), body] {
            done(rekey::HttpResponse{200, {}, body, false});
        });
    }
};

int main() {
    ManualScheduler loop;
    KeyService keys{loop};
    Coze coze{loop};

    rekey::coze::AppAuthOptions options;  // no signer: somebody else has the key
    options.client_id = "1140.app.coze";
    options.public_key_id = "fingerprint-of-the-public-key";
    options.id = "volcano_7";

    const auto sign = [&keys](std::string_view input, auto done) { keys.sign(input, done); };
    const rekey::driver::callback::Client client{
        std::ref(coze), std::ref(loop), rekey::UseClock{loop},
        rekey::CredentialChain{rekey::oauth::SignedLater{
            rekey::coze::AppAuth<rekey::coze::EnterpriseId>{options}, sign}},
        rekey::coze::RetryOnRefusal{}};

    const rekey::HttpRequest chat{"POST", "https://api.coze.com/v3/chat", {}, R"({"bot_id":"1"})"};
    for (int i = 0; i != 3; ++i)
        client.send(chat, [&loop](const auto& result) {
            std::cout << when(loop)
                      << (result ? "answered for " + std::string(result.credential())
                                 : result.error().describe())
                      << '\n';
        });
    std::cout << when(loop) << "3 calls are on their way, and nobody waits\n";
    loop.run();
}

// Prints:
//   0 ms: the key service is asked to sign an assertion
//   0 ms: 3 calls are on their way, and nobody waits
//   220 ms: the key service is asked to sign an assertion
//   240 ms: Coze is asked for a token
//   300 ms: answered for enterprise
//   300 ms: answered for enterprise
//   300 ms: answered for enterprise
