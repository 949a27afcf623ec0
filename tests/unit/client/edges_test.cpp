// SPDX-License-Identifier: BSL-1.0
#include <rekey/client.hpp>

#include "catch.hpp"

#include <rekey/coze/api.hpp>
#include <rekey/http.hpp>
#include <rekey/rekey.hpp>
#include <rekey/testing.hpp>
#include <rekey/token/source.hpp>

#include <chrono>
#include <map>
#include <string>
#include <string_view>
#include <vector>

using namespace rekey;

namespace {

struct First {
    static constexpr auto name = "first";
    std::string token = "first-token";
};
struct Second {
    static constexpr auto name = "second";
    std::string token = "second-token";
};
struct Third {
    static constexpr auto name = "third";
    std::string token = "third-token";
};

struct Bare {
    std::string question;
};
struct Answer {
    int status;
    std::string body;
};

/// Refuses everybody, and may have done a part of the work before.
struct PartlyDone : Service {
    static constexpr bool refuses_before_acting = false;
};

/// A credential whose token request carries no Authorization and whose endpoint refuses it.
struct Traded {
    static constexpr auto name = "traded";
    using Exchange = token::Exchanged;
    struct Request {
        HttpRequest http{"POST", "https://auth.example/token", {}, {}};
        Secret authorization{};
        std::string problem{};
    };
    Request token_request(std::int64_t) const { return {}; }
    oauth::TokenAnswer read_token(int status, std::string_view type, std::string_view body,
                                  std::int64_t now) const {
        oauth::TokenRules rules;
        rules.now = now;
        return oauth::read_token_answer(status, type, body, rules);
    }
};

// At namespace scope and assigned to: compilers must not warn about it (see the CI step at -O2).
Result<Answer> last_result;

}  // namespace

TEST_CASE("a client without a chain takes any request over a transport without an Attempt") {
    const Client client{[](const Bare& request) { return Answer{200, request.question}; }};
    last_result = client.send(Bare{"why?"});
    REQUIRE(last_result);
    CHECK(last_result->body == "why?");
}

TEST_CASE("S58 a declared or natural idempotence lets a call fall back after partial work") {
    for (const bool read : {false, true}) {
        testing::Script http;
        http.then(401).then(200);
        const Client client{http, CredentialChain{First{}, Second{}}, RetryOn<AuthRejected>{},
                            PartlyDone{}};
        const HttpRequest request{read ? "GET" : "POST", "https://api.example/", {}, {}};
        CHECK((read ? client.send(request) : client.send(request, Idempotent{})));
    }
}

TEST_CASE("a token request without an Authorization is fine") {
    testing::Script http;
    http.then({200, {}, R"({"access_token":"traded-token","expires_in":900})", false}).then(200);
    const Client client{http, CredentialChain{Traded{}}};
    CHECK(client.send(HttpRequest{"GET", "https://api.example/", {}, {}}));
    CHECK(http.sends()[0].authorization.empty());
    CHECK(http.sends()[1].authorization == "Bearer traded-token");
}

TEST_CASE("a failed exchange that a fallback went past leaves the first refusal reported") {
    testing::Script http;
    http.then(401, 1, "the first refusal")
        .then({401, {}, R"({"error_code":"invalid_client"})", false})
        .then(401, 1, "the last refusal");
    const Client client{http, CredentialChain{First{}, Traded{}, Third{}}, RetryOn<AuthRejected>{},
                        FallBackOnExchangeFailure{}};
    const auto result = client.send(HttpRequest{"POST", "https://api.example/", {}, {}});
    REQUIRE_FALSE(result);
    CHECK(result.error().message() == "the first refusal");
    CHECK(result.error().credential == "first");
    CHECK(result.trail().count() == 3);
}

TEST_CASE("S47 a header that is there and empty is there") {
    struct Request {
        std::multimap<std::string, std::string> headers;
    };
    testing::Script http;
    const Client client{http, CredentialChain{First{}}};
    const auto listed =
        client.send(HttpRequest{"GET", "https://api.example/", {{"authorization", ""}}, {}});
    CHECK(listed.error().kind == ErrorKind::configuration);
    const auto mapped = client.send(Request{{{"Authorization", ""}}});
    CHECK(mapped.error().kind == ErrorKind::configuration);
    CHECK(http.sends().empty());
}

TEST_CASE("S45 a URL with a line break in it never leaves, whatever its beginning") {
    struct Bound : First {
        std::string origin = "https://api.example";
    };
    for (const char* const tail : {"/x\r\nX: evil", "/x y", "/x\\y", "/\x7f"}) {
        testing::Script http;
        const Client client{http, CredentialChain{Bound{}}};
        const auto result =
            client.send(HttpRequest{"GET", std::string("https://api.example") + tail, {}, {}});
        CHECK(result.error().kind == ErrorKind::configuration);
        CHECK(http.sends().empty());
    }
}

TEST_CASE("S45 a path in raw UTF-8 stays within the origin that its URL begins with") {
    struct Bound : First {
        std::string origin = "https://api.example";
    };
    testing::Script http;
    http.then(200);
    const Client client{http, CredentialChain{Bound{}}};
    CHECK(client.send(HttpRequest{"GET", "https://api.example/\xe4\xbd\xa0", {}, {}}));
}

TEST_CASE("an error line cannot move the cursor or turn the text around") {
    testing::Script http;
    http.then({400,
               {},
               "{\"msg\":\"a\xc2\x9b"
               "b\xe2\x80\xae"
               "c\x7f"
               "d\"}",
               false});
    const Client client{http, CredentialChain{First{}}};
    const auto result = client.send(HttpRequest{"GET", "https://api.example/", {}, {}});
    CHECK_THAT(result.error().describe(), ContainsSubstring("a b c d"));
}

TEST_CASE("Coze: an error_code is a code, as a number or as digits, on any status") {
    for (const char* const body :
         {R"({"error_code":4100,"error_message":"no"})", R"({"error_code":"4100"})"}) {
        testing::Script http;
        http.then({200, {{"Content-Type", "application/json"}}, body, false}).then(200);
        const Client client{http, CredentialChain{First{}, Second{}}, coze::RetryOnRefusal{},
                            coze::Api{}};
        const auto result = client.send(HttpRequest{"POST", "https://api.example/", {}, {}});
        REQUIRE(result);
        CHECK(result.trail()[0].service_code == 4100);
        CHECK(result.credential() == "second");
    }
}

TEST_CASE("Coze: what is neither an object nor a stream is no success") {
    for (const char* const body : {"4100", "null", "[]", R"({"error_code":"access_deny"})",
                                   "event:error\ndata:{\"code\":4100}\n\n"}) {
        CAPTURE(body);
        testing::Script http;
        http.then({200, {}, body, false});
        const Client client{http, CredentialChain{First{}}, coze::Api{}};
        const auto result = client.send(HttpRequest{"POST", "https://api.example/", {}, {}});
        REQUIRE_FALSE(result);
        CHECK(result.error().kind == ErrorKind::malformed_response);
    }
    testing::Script http;
    http.then({200, {}, R"({"data":{"id":"1"}})", false})
        .then({200, {}, "event:conversation.chat.created\ndata:{}\n\n", false});
    const Client client{http, CredentialChain{First{}}, coze::Api{}};
    CHECK(client.send(HttpRequest{"POST", "https://api.example/", {}, {}}));
    CHECK(client.send(HttpRequest{"POST", "https://api.example/", {}, {}}));
}

namespace {

/// A door that lets nobody through at first, then sends everybody to the second credential.
struct Door {
    static constexpr Role role = Role::admission;
    int* asked;
    Admission admit(const Action& action) const {
        if (++*asked == 1) return {Admitted::busy, 0, std::chrono::milliseconds{5}};
        if (action.move == Move::straddle) return {Admitted::spent, 0, Duration{0}};
        return {Admitted::go_to, 1, Duration{0}};
    }
};

/// Asks the user, who signs in under the name of the call's subject.
struct SignIn {
    static constexpr Role role = Role::reauthorizer;
    std::string* who;
    Reauthorized outcome;
    Reauthorized reauthorize(const Context& context) const {
        *who = std::string(context.subject);
        return outcome;
    }
};

}  // namespace

TEST_CASE("a policy that is the door to shared state is asked before each send and obeyed") {
    testing::Script http;
    testing::ManualClock clock;
    http.then(200);
    int asked = 0;
    const Client client{http, CredentialChain{First{}, Second{}}, RetryOn<AuthRejected>{},
                        Door{&asked}, UseClock{clock}};
    const auto result = client.send(HttpRequest{"POST", "https://api.example/", {}, {}});
    REQUIRE(result);
    CHECK(result.credential() == "second");
    CHECK(asked == 2);
    CHECK(clock.waits() == std::vector<Duration>{std::chrono::milliseconds{5}});
}

TEST_CASE("a policy that asks the user is asked after the last refusal, and its answer counts") {
    for (const Reauthorized outcome :
         {Reauthorized::authorized, Reauthorized::settling, Reauthorized::denied}) {
        testing::Script http;
        http.then(401).then(200);
        std::string who;
        const Client client{http, CredentialChain{First{}}, RetryOn<AuthRejected>{},
                            SignIn{&who, outcome}};
        const auto result =
            client.send(HttpRequest{"POST", "https://api.example/", {}, {}}, Subject{"ada"});
        CHECK(who == "ada");
        CHECK(result.has_value() == (outcome != Reauthorized::denied));
        if (!result) CHECK(result.stop_reason() == StopReason::needs_user);
    }
}
