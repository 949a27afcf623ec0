// SPDX-License-Identifier: BSL-1.0
#include <rekey/credential.hpp>

#include <rekey/coze/pat.hpp>

#include "catch.hpp"
#include "support/clients.hpp"

#include <atomic>
#include <string>
#include <string_view>
#include <thread>
#include <type_traits>
#include <utility>
#include <vector>

namespace {

using namespace clients;
using testing::Script;

// What a single credential puts on the wire: "header: value".
template <class Credential> std::string wire_of(Credential credential) {
    Script http;
    http.then(200);
    const Client client{http, CredentialChain{std::move(credential)}, OnRefusal{}};
    CHECK(client.send(chat()));
    REQUIRE(http.sends().size() == 1);
    return http.sends()[0].header + ": " + http.sends()[0].authorization;
}

// A credential that must not reach the wire; what the error says.
template <class Credential>
std::string refused_to_send(Credential credential, HttpRequest request) {
    Script http;
    http.then(200);
    const Client client{http, CredentialChain{std::move(credential)}, OnRefusal{}};
    const auto result = client.send(request);
    CHECK(http.sends().empty());
    REQUIRE_FALSE(result);
    CHECK(result.error().kind == ErrorKind::configuration);
    CHECK(result.stop_reason() == StopReason::not_retryable);
    CHECK(result.trail().count() == 1);
    CHECK(result.trail()[0].reach == Reach::never_sent);
    return result.error().message();
}

struct Text {
    std::string_view name = "text";
    std::string token = "t-123";
};
struct Hidden {
    static constexpr const char* name = "hidden";
    Secret token{"s-123"};
};
struct Function {
    static constexpr std::string_view name = "function";
    static std::string token() { return "f-123"; }
};
struct SecretFunction {
    static constexpr std::string_view name = "secret function";
    static Secret token() { return Secret{"sf-123"}; }
};
struct PerUser {
    static constexpr std::string_view name = "per user";
    static std::string token(const Context& context) { return "u-" + std::string(context.subject); }
};
struct OtherScheme {
    static constexpr std::string_view name = "other scheme";
    static constexpr std::string_view scheme = "Token";
    std::string token = "x-123";
};
struct NoScheme {
    static constexpr std::string_view name = "api key";
    std::string scheme{};
    std::string header = "X-Api-Key";
    std::string token = "k-123";
};
struct Bound {
    static constexpr std::string_view name = "bound";
    std::string token = "b-1234567";
    std::string origin = "https://api.coze.com";
};
struct BadHeader {
    static constexpr std::string_view name = "bad header";
    std::string header = "Authorization";
    std::string scheme = "Bearer";
    std::string token = "h-123";
};
struct OpaqueRequest {
    int number = 1;
};

HttpRequest to(std::string url) {
    HttpRequest request = chat();
    request.url = std::move(url);
    return request;
}

}  // namespace

// --- What a credential may look like ---

TEST_CASE("a token may be a member, a Secret, or come from a function") {
    CHECK(wire_of(Text{}) == "Authorization: Bearer t-123");
    CHECK(wire_of(Hidden{}) == "Authorization: Bearer s-123");
    CHECK(wire_of(Function{}) == "Authorization: Bearer f-123");
    CHECK(wire_of(SecretFunction{}) == "Authorization: Bearer sf-123");
}

TEST_CASE("a credential may have a scheme and a header of its own") {
    CHECK(wire_of(OtherScheme{}) == "Authorization: Token x-123");
    CHECK(wire_of(NoScheme{}) == "X-Api-Key: k-123");
}

TEST_CASE("a function of the Context sees on whose behalf the call is made") {
    Script http;
    http.then(200).then(200).then(200);
    const Client client{http, CredentialChain{PerUser{}}, OnRefusal{}};
    REQUIRE(client.send(chat(), Subject{"alice"}));
    REQUIRE(client.send(chat(), Subject{"bob"}));
    CHECK(http.sends()[0].authorization == "Bearer u-alice");
    CHECK(http.sends()[1].authorization == "Bearer u-bob");
}

TEST_CASE("a token function is asked for each attempt and not before") {
    struct Counting {
        std::string name = "counting";
        int* calls;
        std::string token() const { return "token-" + std::to_string(++*calls); }
    };
    int calls = 0;
    Script http;
    http.then(429).then(200);
    const Client client{http, CredentialChain{Counting{"counting", &calls}}, RetryOn<RateLimited>{},
                        MaxAttempts<2>{}};
    CHECK(calls == 0);
    REQUIRE(client.send(chat()));
    CHECK(http.sends()[0].authorization == "Bearer token-1");
    CHECK(http.sends()[1].authorization == "Bearer token-2");
}

TEST_CASE("a credential of another header goes on the wire under that header, alone") {
    std::vector<HttpHeader> seen;
    const Client client{[&seen](const HttpRequest& request) {
                            seen = request.headers;
                            return accepted();
                        },
                        CredentialChain{NoScheme{}}, OnRefusal{}};
    REQUIRE(client.send(chat()));
    REQUIRE(seen.size() == 2);
    CHECK(seen[1].name == "X-Api-Key");
    CHECK(seen[1].value == "k-123");
}

// --- Names ---

struct NamedByConstant {
    static const std::string_view name;
    std::string token = "pat_personal_1";
};
const std::string_view NamedByConstant::name = "named elsewhere";

TEST_CASE("a static name that is no constant of the compiler is a name as well") {
    Script http;
    http.then(200, 4101).then(200);
    const Client client{http, CredentialChain{NamedByConstant{}, Enterprise{}}, OnCodes{}};
    const auto result = client.send(chat());
    REQUIRE(result);
    CHECK(result.credential() == "enterprise");
    CHECK(result.trail().credential(result.trail()[0]) == "named elsewhere");
}

TEST_CASE("a result with a static name outlives its client") {
    auto result = [] {
        Script http;
        http.then(200);
        return Client{http, both(), OnRefusal{}}.send(chat());
    }();
    CHECK(result.credential() == "personal");
}

TEST_CASE("a result with a name made at run time outlives its client") {
    auto result = [] {
        Script http;
        http.then(401).then(401);
        struct Named {
            std::string name;
            std::string token;
        };
        struct Other : Named {};
        return Client{http,
                      CredentialChain{Named{"a name too long for a small buffer: 1", "a"},
                                      Other{{"a name too long for a small buffer: 2", "b"}}},
                      OnRefusal{}}
            .send(chat());
    }();
    REQUIRE_FALSE(result);
    CHECK(result.credential() == "a name too long for a small buffer: 1");
    CHECK(result.error().credential == "a name too long for a small buffer: 1");
    CHECK(result.trail().credential(result.trail()[1]) == "a name too long for a small buffer: 2");
    const auto copy = result;
    auto moved = std::move(result);
    CHECK(copy.error().credential == "a name too long for a small buffer: 1");
    CHECK(moved.error().describe().find("small buffer: 1") != std::string::npos);
}

// --- Replacement ---

TEST_CASE("a replaced credential signs the next call") {
    Script http;
    http.then(200).then(200);
    const Client client{http, both(), OnRefusal{}};
    REQUIRE(client.send(chat()));
    client.replace(Personal{"pat_personal_2"});
    REQUIRE(client.send(chat()));
    CHECK(http.sends()[1].authorization == "Bearer pat_personal_2");
}

TEST_CASE("a credential is replaced by its type, wherever it stands") {
    Script http;
    http.then(200, 4101).then(200);
    const Client client{http, both(), OnCodes{}};
    client.replace<Enterprise>(Enterprise{"pat_enterprise_2"});
    REQUIRE(client.send(chat()));
    CHECK(http.sends()[0].authorization == "Bearer pat_personal_1");
    CHECK(http.sends()[1].authorization == "Bearer pat_enterprise_2");
}

TEST_CASE("a token function can be replaced too") {
    struct Captured {
        std::string name = "captured";
        std::string text;
        std::string token() const { return text; }
    };
    Script http;
    http.then(200);
    const Client client{http, CredentialChain{Captured{"captured", "old"}}, OnRefusal{}};
    client.replace(Captured{"captured", "new"});
    REQUIRE(client.send(chat()));
    CHECK(http.sends()[0].authorization == "Bearer new");
}

TEST_CASE("credentials may be replaced from another thread while calls are sent") {
    std::atomic<int> torn{0};
    const auto transport = [&torn](const HttpRequest&, const Attempt& attempt) {
        const std::string_view value = attempt.authorization();
        if (value != "Bearer aaaaaaaaaaaaaaaa" && value != "Bearer bbbbbbbbbbbbbbbb") ++torn;
        return accepted();
    };
    const Client client{transport, CredentialChain{Personal{"aaaaaaaaaaaaaaaa"}}, OnRefusal{}};
    std::atomic<bool> done{false};
    std::vector<std::thread> senders;
    for (int i = 0; i != 3; ++i)
        senders.emplace_back([&] {
            while (!done.load()) (void)client.send(chat()).has_value();
        });
    for (int i = 0; i != 500; ++i)
        client.replace(Personal{i % 2 == 0 ? "bbbbbbbbbbbbbbbb" : "aaaaaaaaaaaaaaaa"});
    done = true;
    for (std::thread& sender : senders) sender.join();
    CHECK(torn == 0);
}

// --- What may enter a header ---

TEST_CASE("S30 a token with CR, LF, NUL, space, a control or a non-ASCII character is never sent") {
    for (const std::string& part :
         {std::string("\r"), std::string("\n"), std::string("\r\nX-Evil: 1"), std::string(1, '\0'),
          std::string(" "), std::string("\t"), std::string("\x7F"), std::string("\xC3\xA9")}) {
        Text credential;
        credential.token = "abc" + part + "def";
        const std::string said = refused_to_send(credential, chat());
        CHECK(said.find("no header may carry") != std::string::npos);
        CHECK(said.find("abc") == std::string::npos);
    }
}

TEST_CASE("S30 every byte value is either visible ASCII or refused") {
    for (int value = 0; value != 256; ++value) {
        const char byte = static_cast<char>(value);
        const bool visible = value > 0x20 && value < 0x7F;
        CAPTURE(value);
        CHECK((detail::problem_with_token(std::string("a") + byte) == nullptr) == visible);
    }
}

TEST_CASE("an empty token is never sent as an empty bearer") {
    Text credential;
    credential.token.clear();
    CHECK(refused_to_send(credential, chat()) ==
          "credential text cannot be sent: its token is empty");
}

TEST_CASE("an empty token from a function is never sent either") {
    struct Empty {
        std::string name = "empty";
        static std::string token() { return {}; }
    };
    CHECK(refused_to_send(Empty{}, chat()).find("its token is empty") != std::string::npos);
}

TEST_CASE("a token that is a null pointer, of a variable that is not set, is an empty one") {
    struct Unset {
        const char* name = "unset";
        const char* token = nullptr;
    };
    struct UnsetFunction {
        const char* name = "unset";
        static const char* token() { return nullptr; }
    };
    CHECK(refused_to_send(Unset{}, chat()) ==
          "credential unset cannot be sent: its token is empty");
    CHECK(refused_to_send(UnsetFunction{}, chat()) ==
          "credential unset cannot be sent: its token is empty");
    const char* const base = nullptr;
    CHECK(refused_to_send(coze::Pat<>{"pat_personal_000", base}, chat())
              .find("the origin that it is bound to is no URL") != std::string::npos);
}

TEST_CASE("a credential whose header or scheme would break the head of a request is never sent") {
    for (const char* header : {"X-Key\r\nX-Evil", "X Key", "X-Key:", ""}) {
        BadHeader credential;
        credential.header = header;
        CHECK_FALSE(refused_to_send(credential, chat()).empty());
    }
    for (const char* scheme : {"Bearer\r\nX-Evil: 1", "Bear\ner"}) {
        BadHeader credential;
        credential.scheme = scheme;
        CHECK_FALSE(refused_to_send(credential, chat()).empty());
    }
}

TEST_CASE("S47 an Authorization header of the caller is refused, not doubled") {
    for (const char* name : {"Authorization", "authorization", "AUTHORIZATION"}) {
        HttpRequest request = chat();
        request.headers.push_back({name, "Bearer mine"});
        const std::string said = refused_to_send(Text{}, request);
        CHECK(said.find("already carries the header") != std::string::npos);
        CHECK(said.find("mine") == std::string::npos);
    }
}

TEST_CASE("S47 another credential's header may stay beside an Authorization of the caller") {
    HttpRequest request = chat();
    request.headers.push_back({"Authorization", "Basic mine"});
    Script http;
    http.then(200);
    const Client client{http, CredentialChain{NoScheme{}}, OnRefusal{}};
    CHECK(client.send(request));
}

TEST_CASE("a second credential that cannot be sent is what the call reports") {
    struct Broken {
        std::string name = "broken";
        std::string token = "not a token";
    };
    Script http;
    http.then(HttpResponse{
        200, {{"X-Request-Id", "log-of-the-first"}}, R"({"code":4101,"msg":"refused"})", false});
    const Client client{http, CredentialChain{Personal{}, Broken{}}, OnCodes{}};
    const auto result = client.send(chat());
    REQUIRE_FALSE(result);
    CHECK(result.error().kind == ErrorKind::configuration);
    CHECK(result.error().credential == "broken");
    CHECK(result.error().http_status == 0);
    CHECK(result.error().log_id().empty());
    CHECK(result.error().response() == nullptr);
    CHECK(result.trail().count() == 2);
}

// --- Origins ---

TEST_CASE("S45 a bound token goes to its origin, however that is spelled") {
    for (const char* url :
         {"https://api.coze.com", "https://api.coze.com/", "https://api.coze.com/v3/chat?x=1#f",
          "https://api.coze.com:443/v3/chat", "HTTPS://API.COZE.COM/v3/chat",
          "https://api.coze.com?x=1", "https://api.coze.com./v3/chat"}) {
        CAPTURE(url);
        Script http;
        http.then(200);
        const Client client{http, CredentialChain{Bound{}}, OnRefusal{}};
        CHECK(client.send(to(url)));
    }
}

TEST_CASE("S45 a bound token is never sent to another origin") {
    for (const char* url : {"https://api.coze.cn/v3/chat",
                            "https://api.coze.com:8443/v3/chat",
                            "http://api.coze.com/v3/chat",
                            "https://evil.api.coze.com/v3/chat",
                            "https://api.coze.com.evil.example/v3/chat",
                            "https://coze.com/v3/chat",
                            "https://api.coze.com@evil.example/v3/chat",
                            "https://api.coze.com:443@evil.example/",
                            "https://evil.example/https://api.coze.com/",
                            "https://evil.example?https://api.coze.com/",
                            "https://api.coze.com\\@evil.example/",
                            "https://api.coze.com\\.evil.example/",
                            "https://api.coze.comevil.example/",
                            "https://api.coze.com%2eevil.example/",
                            "https://\xD0\xB0pi.coze.com/v3/chat",
                            "https://api\xE3\x80\x82"
                            "coze.com/v3/chat",
                            "https:api.coze.com/v3/chat",
                            "https:/api.coze.com/v3/chat",
                            "//api.coze.com/v3/chat",
                            "/v3/chat",
                            "api.coze.com/v3/chat",
                            "ftp://api.coze.com/v3/chat",
                            "https://",
                            " https://api.coze.com/v3/chat",
                            ""}) {
        CAPTURE(url);
        const std::string said = refused_to_send(Bound{}, to(url));
        CHECK(said.find("another origin") != std::string::npos);
        CHECK(said.find("b-1234567") == std::string::npos);
    }
}

TEST_CASE("S45 the check is made again for each credential of the chain") {
    struct Elsewhere {
        std::string name = "elsewhere";
        std::string token = "e-123";
        std::string origin = "https://api.coze.cn";
    };
    Script http;
    http.then(200, 4101).then(200);
    const Client client{http, CredentialChain{Bound{}, Elsewhere{}}, OnCodes{}};
    const auto result = client.send(chat());
    REQUIRE_FALSE(result);
    CHECK(http.sends().size() == 1);
    CHECK(result.error().kind == ErrorKind::configuration);
    CHECK(result.error().credential == "elsewhere");
}

TEST_CASE("S45 a request that was rewritten on fallback is checked as it will be sent") {
    struct AlsoBound : Bound {
        std::string name = "also bound";
    };
    Script http;
    http.then(200, 4101).then(200);
    const Client client{http, CredentialChain{Bound{}, AlsoBound{}}, OnCodes{},
                        OnFallBack{[](HttpRequest& copy) { copy.url = "https://evil.example/"; }}};
    const auto result = client.send(chat());
    REQUIRE_FALSE(result);
    CHECK(http.sends().size() == 1);
    CHECK(result.error().kind == ErrorKind::configuration);
}

TEST_CASE("S47 a rewritten request may not bring an Authorization header either") {
    Script http;
    http.then(200, 4101).then(200);
    const Client client{http, both(), OnCodes{}, OnFallBack{[](HttpRequest& copy) {
                            copy.headers.push_back({"Authorization", "Bearer mine"});
                        }}};
    CHECK_FALSE(client.send(chat()));
    CHECK(http.sends().size() == 1);
}

TEST_CASE("S45 a credential whose own origin cannot be read is never sent") {
    for (const char* origin : {"api.coze.com", "https://", "not a url", " "}) {
        Bound credential;
        credential.origin = origin;
        const std::string reason = "no URL such as https://host";
        CHECK(refused_to_send(credential, chat()).find(reason) != std::string::npos);
        CHECK(refused_to_send(credential, to(origin + std::string("/v3/chat"))).find(reason) !=
              std::string::npos);
    }
}

TEST_CASE("S45 a request that does not tell its URL leaves the origin to the caller") {
    std::string seen;
    const Client client{[&seen](const OpaqueRequest&, const Attempt& attempt) {
                            seen = std::string(attempt.authorization());
                            return accepted();
                        },
                        CredentialChain{coze::Pat<>{"pat_opaque"}}, coze::RetryOnRefusal{}};
    CHECK(client.send(OpaqueRequest{}));
    CHECK(seen == "Bearer pat_opaque");
}
