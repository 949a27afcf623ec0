// SPDX-License-Identifier: BSL-1.0
//
// Dear reader,
//
// your program calls an API in the name of the people who use it. You keep their tokens in a
// keyring of your own, and you have a dialog that gets a new one. After the move every token is
// refused, and there is no second credential to go on with: the person has to sign in again. You
// would like the dialog to come up by itself, and the call that was refused to go on.
//
// A Redirector is that dialog: a callable that brings the question to a person and says how it
// ended. It blocks here, so the very request that was refused is sent again when it returns.

#include <rekey/rekey.hpp>

#include <cstdio>
#include <map>
#include <string>
#include <variant>

struct Request {
    std::string question;
};
struct Response {
    int status;
    std::string body;
};
using Keyring = std::map<std::string, std::string, std::less<>>;  // user, token

struct UserCredential {
    static constexpr auto name = "user";
    static constexpr auto identity = rekey::Identity::user;
    const Keyring* keyring;
    std::string token(const rekey::Context& context) const {
        return keyring->find(context.subject)->second;
    }
};

int main() {
    Keyring keyring{{"ann", "old-token-of-ann"}, {"bob", "old-token-of-bob"}};
    bool moved = false;
    const auto http = [&moved](const Request&, const rekey::Attempt& attempt) -> Response {
        const bool is_old = attempt.authorization().substr(0, 11) == "Bearer old-";
        if (is_old && moved) return {200, R"({"code":4101,"msg":"no permission"})"};
        return {200, R"({"code":0,"data":{"answer":"42"}})"};
    };

    using Answer = std::variant<rekey::Authorized, rekey::Denied>;
    const auto dialog = [&keyring](const rekey::AuthorizationRequest& request) -> Answer {
        std::printf("  a dialog asks %s to sign in again\n", request.subject.c_str());
        if (request.subject == "bob") return rekey::Denied{"bob closed the dialog"};
        keyring[request.subject] = "new-token-of-" + request.subject;
        return rekey::Authorized{};
    };

    const rekey::Client client{http, rekey::CredentialChain{UserCredential{&keyring}},
                               rekey::RetryOn<4100, 4101>{}, rekey::OboReauth{dialog}};

    const auto ask = [&client](const char* user) {
        std::printf("%s asks\n", user);
        const auto result = client.send(Request{"What is the answer?"}, rekey::Subject{user});
        if (result)
            std::printf("  %s after %zu send(s)\n", result->body.c_str(), result.trail().count());
        else
            std::printf("  %s\n", result.error().describe().c_str());
    };
    ask("ann");
    moved = true;
    ask("ann");
    ask("ann");
    ask("bob");
}

// Output:
//   ann asks
//     {"code":0,"data":{"answer":"42"}} after 1 send(s)
//   ann asks
//     a dialog asks ann to sign in again
//     {"code":0,"data":{"answer":"42"}} after 2 send(s)
//   ann asks
//     {"code":0,"data":{"answer":"42"}} after 1 send(s)
//   bob asks
//     a dialog asks bob to sign in again
//     authorization_denied: HTTP 200, code 4101, bob closed the dialog, credential user,
//     needs_user; ask the user again only if they want to
