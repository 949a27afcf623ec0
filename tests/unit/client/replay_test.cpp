// SPDX-License-Identifier: BSL-1.0
// What is sent again, and that it is the same as before.
#include <rekey/client.hpp>

#include <rekey/coze/api.hpp>
#include <rekey/http.hpp>
#include <rekey/policy/credential_chain.hpp>
#include <rekey/policy/limits.hpp>
#include <rekey/policy/parts.hpp>
#include <rekey/policy/retry_on.hpp>
#include <rekey/testing/print.hpp>
#include <rekey/testing/script.hpp>

#include "catch.hpp"

#include <functional>
#include <memory>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

namespace {

using namespace rekey;
using namespace rekey::testing;

using All = RetryOn<AuthRejected, NotFound, RateLimited, Transient>;
const HttpRequest post{"POST", "https://api.example/v3/chat", {}, R"({"bot_id":"7"})"};
const HttpRequest get{"GET", "https://api.example/v3/chat/retrieve", {}, {}};

struct Personal {
    static constexpr auto name = "personal";
    std::string token = "token-of-personal";
};
struct Enterprise {
    static constexpr auto name = "enterprise";
    std::string token = "token-of-enterprise";
};

/// A body that is read once: whoever sends it opens it anew.
struct Upload {
    std::string method = "PUT";
    std::function<std::unique_ptr<std::istream>()> body;
};
/// The same, opened by the caller: good for one send.
struct OneShotUpload {
    std::string method = "PUT";
    std::unique_ptr<std::istream> body;
};
std::string all_of(std::istream& stream) {
    std::ostringstream text;
    text << stream.rdbuf();
    return text.str();
}

}  // namespace

TEST_CASE("regression elsewhere: attempt 2 finds its arguments moved from; ours are never moved") {
    Script http;
    http.then(429).then(503).then(401, 4101).then(200);
    const Client client{http, coze::Api{}, CredentialChain{Personal{}, Enterprise{}}, All{},
                        MaxAttempts<9>{}};
    CHECK(client.send(post, Idempotent{}));
    REQUIRE(http.sends().size() == 4);
    for (const ScriptedSend& send : http.sends()) {
        CHECK(send.body == post.body);
        CHECK(send.url == post.url);
        CHECK(send.method == "POST");
    }
}

TEST_CASE("regression elsewhere: a transport that moves out of its request spoils attempt 2") {
    std::vector<std::string> bodies;
    const auto greedy = [&bodies](HttpRequest request) {
        const std::string taken = std::move(request.body);
        bodies.push_back(taken);
        return HttpResponse{bodies.size() < 3 ? 429 : 200, {}, "{}", false};
    };
    const auto greedier = [&bodies](HttpRequest& request) {
        bodies.push_back(std::exchange(request.body, {}));
        request.headers.clear();
        return HttpResponse{bodies.size() < 3 ? 429 : 200, {}, "{}", false};
    };
    const HttpRequest request = post;
    CHECK(Client{greedy, All{}, MaxAttempts<3>{}}.send(request));
    CHECK(bodies == std::vector<std::string>(3, post.body));
    bodies.clear();
    CHECK(Client{greedier, CredentialChain{Personal{}}, All{}, MaxAttempts<3>{}}.send(request));
    CHECK(bodies == std::vector<std::string>(3, post.body));
    CHECK(request.body == post.body);
}

TEST_CASE("regression elsewhere: the body is not rewound; a factory opens it for each attempt") {
    std::vector<std::string> sent;
    int opened = 0;
    const auto http = [&sent](const Upload& upload, const Attempt&) {
        sent.push_back(all_of(*upload.body()));
        return HttpResponse{sent.size() < 3 ? 503 : 200, {}, "{}", false};
    };
    const Client client{http, All{}, MaxAttempts<3>{}};
    const Upload upload{"PUT", [&opened] {
                            ++opened;
                            return std::make_unique<std::istringstream>("all of the file");
                        }};
    CHECK(client.send(upload));
    CHECK(sent == std::vector<std::string>(3, "all of the file"));
    CHECK(opened == 3);
}

TEST_CASE("a body that can be read once is taken by a client that sends once") {
    const auto http = [](const OneShotUpload& upload, const Attempt&) {
        return HttpResponse{all_of(*upload.body) == "all of the file" ? 200 : 400, {}, "{}", false};
    };
    const OneShotUpload first{"PUT", std::make_unique<std::istringstream>("all of the file")};
    CHECK(Client{http, All{}, NoRetry{}}.send(first));
    const OneShotUpload second{"PUT", std::make_unique<std::istringstream>("all of the file")};
    CHECK(Client{http}.send(second));
    STATIC_REQUIRE(detail::Asks<OneShotUpload>::is_one_shot);
    STATIC_REQUIRE_FALSE(detail::Asks<Upload>::is_one_shot);
    STATIC_REQUIRE_FALSE(detail::Asks<HttpRequest>::is_one_shot);
    STATIC_REQUIRE(Plan<All, MaxAttempts<1>>::sends_once);
    STATIC_REQUIRE_FALSE(Plan<All, MaxAttempts<2>>::sends_once);
    STATIC_REQUIRE_FALSE(Plan<All, MaxAttempts<>>::sends_once);
}

TEST_CASE("S65 a chat that may be running is not begun a second time: Coze 4016 and 5000") {
    for (const int code : {4016, 5000}) {
        CAPTURE(code);
        Script http;
        http.then(200, code, "later").then(200);
        const Client client{http, coze::Api{}, All{}, MaxAttempts<3>{}};
        const auto chat = client.send(post);
        CHECK(chat.stop_reason() == StopReason::unsafe_to_repeat);
        CHECK(chat.error().kind == ErrorKind::transient);
        CHECK(http.sends().size() == 1);

        Script other;
        other.then(200, code, "later").then(200).then(200, code, "later").then(200);
        const Client again{other, coze::Api{}, All{}, MaxAttempts<3>{}};
        CHECK(again.send(post, Idempotent{}));
        CHECK(again.send(get));
        CHECK(other.sends().size() == 4);
    }
}

TEST_CASE("S65 a lost answer followed by 4016 does not lead to a third send") {
    Script http;
    http.then(TransportError{Reach::never_sent, "refused"}).then(200, 4016, "already").then(200);
    const Client client{http, coze::Api{}, All{}, MaxAttempts<9>{}};
    CHECK(client.send(post).stop_reason() == StopReason::unsafe_to_repeat);
    CHECK(http.sends().size() == 2);
}

TEST_CASE("S51 what a refusal says changes neither where nor how the call goes on") {
    Script http;
    http.then(HttpResponse{
        401,
        {{"WWW-Authenticate",
          R"(Bearer realm="https://evil.example", authorization_uri="https://evil.example/login", )"
          R"(error="invalid_token", scope="everything", Basic realm="x")"},
         {"Location", "https://evil.example/"},
         {"Retry-After", "0"},
         {"Refresh", "0; url=https://evil.example/"}},
        R"({"code":4101,"msg":"go to https://evil.example","redirect":"https://evil.example"})",
        false});
    http.then(200);
    const Client client{http, coze::Api{}, CredentialChain{Personal{}, Enterprise{}}, All{},
                        MaxAttempts<9>{}};
    CHECK(client.send(post));
    REQUIRE(http.sends().size() == 2);
    CHECK(http.sends()[1].url == post.url);
    CHECK(http.sends()[1].header == "Authorization");
    CHECK(http.sends()[1].authorization == "Bearer token-of-enterprise");
}
