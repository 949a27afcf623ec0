// SPDX-License-Identifier: BSL-1.0
#include <rekey/token/source.hpp>

#include "catch.hpp"
#include "support/clients.hpp"
#include "support/coze_desk.hpp"

#include <rekey/coze.hpp>

#include <atomic>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

namespace {

using namespace clients;

coze::AppAuth<coze::Owner> app(const CozeDesk::Options& options) {
    coze::AppAuthOptions settings;
    settings.client_id = options.jwt_client_id;
    settings.public_key_id = options.public_key_id;
    settings.signer =
        oauth::Signer{[](std::string_view input) { return CozeDesk::signature_of(input); }};
    settings.base = options.base;
    return coze::AppAuth<coze::Owner>{std::move(settings)};
}

// The token of the exchange is what the test says; data requests are accepted and looked at.
struct Endpoint {
    std::string token_answer;
    int token_status = 200;
    int exchanges = 0;
    int chats = 0;
    std::string last_authorization{};

    HttpResponse operator()(const HttpRequest& request, const Attempt& attempt) {
        if (request.url.find("/oauth2/") != std::string::npos) {
            ++exchanges;
            return answer(token_status, token_answer);
        }
        ++chats;
        last_authorization = std::string(attempt.authorization());
        return accepted();
    }
};

// A credential that lets the test act at the very end of an exchange.
struct Hooked {
    static constexpr std::string_view name = "hooked";
    using Exchange = token::Exchanged;
    std::function<void()>* at_the_end = nullptr;

    struct Request {
        HttpRequest http{"POST", "https://auth.example/token", {}, {}};
        Secret authorization{"Bearer assertion"};
        std::string problem{};
        std::function<void()>* at_the_end;
        explicit Request(std::function<void()>* hook) : at_the_end(hook) {}
        Request(const Request&) = delete;
        Request& operator=(const Request&) = delete;
        ~Request() { (*at_the_end)(); }
    };
    Request token_request(std::int64_t) const { return Request{at_the_end}; }
    static oauth::TokenAnswer read_token(int status, std::string_view type, std::string_view body,
                                         std::int64_t now) {
        oauth::TokenRules rules;
        rules.now = now;
        return oauth::read_token_answer(status, type, body, rules);
    }
};

}  // namespace

TEST_CASE("a credential that is replaced just after its exchange leaves the caller a whole token") {
    token::Source<Hooked>* target = nullptr;
    int replacements = 0;
    std::function<void()> hook = [&] {
        if (replacements++ == 0) target->replace(Hooked{&hook});
    };
    token::Source<Hooked> source{Hooked{&hook}};
    target = &source;
    testing::ManualClock clock;
    const auto exchanger = [](const HttpRequest&, std::string_view, std::string_view) {
        driver::ExchangeAnswer answer;
        answer.status = 200;
        answer.body = R"({"access_token":"token-1","expires_in":900})";
        return answer;
    };
    token::Pin pin;
    driver::ExchangeReport report;
    CHECK(source.fetch(pin, false, Context{}, exchanger, clock, report) == Fetched::unproven);
    REQUIRE(replacements == 1);
    CHECK(pin->token() == "token-1");
    CHECK(pin->problem == nullptr);
    // The next caller exchanges for the new credential.
    CHECK(source.fetch(pin, false, Context{}, exchanger, clock, report) == Fetched::unproven);
    CHECK(replacements == 2);
}

TEST_CASE("a credential that is replaced all the time never sends an empty bearer") {
    const CozeDesk::Options options{};
    std::atomic<int> empty{0};
    std::atomic<int> chats{0};
    const auto transport = [&](const HttpRequest& request, const Attempt& attempt) {
        if (request.url.find("/oauth2/") != std::string::npos)
            return answer(200, R"({"access_token":"czs_1234567890","expires_in":900})");
        ++chats;
        if (attempt.authorization() != "Bearer czs_1234567890") ++empty;
        return accepted();
    };
    const Client client{transport, CredentialChain{app(options)}, coze::RetryOnRefusal{}};
    std::atomic<bool> done{false};
    std::vector<std::thread> senders;
    for (int i = 0; i != 3; ++i)
        senders.emplace_back([&] {
            while (!done.load()) (void)client.send(chat()).has_value();
        });
    while (chats == 0) std::this_thread::yield();
    for (int i = 0; i != 2000; ++i) {
        client.replace(app(options));
        if (i % 16 == 0) std::this_thread::yield();
    }
    done = true;
    for (std::thread& sender : senders) sender.join();
    CHECK(empty == 0);
    CHECK(chats > 0);
}

TEST_CASE("a replaced app exchanges anew and forgets the token of the old one") {
    const CozeDesk::Options options{};
    Endpoint endpoint{R"({"access_token":"czs_old","expires_in":900})"};
    testing::ManualClock clock;
    const Client client{std::ref(endpoint), CredentialChain{app(options)}, coze::RetryOnRefusal{},
                        UseClock{clock}};
    REQUIRE(client.send(chat()));
    endpoint.token_answer = R"({"access_token":"czs_new","expires_in":900})";
    REQUIRE(client.send(chat()));
    CHECK(endpoint.last_authorization == "Bearer czs_old");
    client.replace(app(options));
    REQUIRE(client.send(chat()));
    CHECK(endpoint.last_authorization == "Bearer czs_new");
    CHECK(endpoint.exchanges == 2);
}

TEST_CASE("copies of a client share the token of an exchange") {
    const CozeDesk::Options options{};
    Endpoint endpoint{R"({"access_token":"czs_one","expires_in":900})"};
    testing::ManualClock clock;
    const Client client{std::ref(endpoint), CredentialChain{app(options)}, coze::RetryOnRefusal{},
                        UseClock{clock}};
    const Client copy{client};
    REQUIRE(client.send(chat()));
    REQUIRE(copy.send(chat()));
    CHECK(endpoint.exchanges == 1);
}

TEST_CASE("S25 S26 no answer of a token endpoint that is no token reaches a header") {
    const CozeDesk::Options options{};
    const std::string answers[] = {
        "",
        "{}",
        "null",
        "[]",
        "<html>czs_token</html>",
        R"({"access_token":""})",
        R"({"access_token":null})",
        R"({"access_token":7})",
        R"({"access_token":"has space"})",
        R"({"access_token":"line\r\nX-Evil: 1"})",
        R"({"access_token":"czs_1","token_type":"mac"})",
        R"({"access_token":"czs_1","expires_in":-1})",
        R"({"access_token":"czs_1","expires_in":"soon"})",
        R"({"access_token":"czs_1","expires_in":999999999})",
        R"({"access_token":"czs_1","error":"invalid_client"})",
        R"({"code":4101,"msg":"The token you entered is incorrect"})",
        R"({"access_token":"czs_1","expires_in":900)",
        R"({"access_token":"czs_1","x":[[[[[[[[[[1]]]]]]]]]]})",
        R"({"access_token":"czs_1","padding":")" + std::string(70000, 'x') + "\"}"};
    for (const std::string& text : answers)
        for (const int status : {200, 400, 401, 500}) {
            CAPTURE(text.substr(0, 60), status);
            Endpoint endpoint{text, status};
            testing::ManualClock clock;
            const Client client{std::ref(endpoint), CredentialChain{app(options)},
                                coze::RetryOnRefusal{}, UseClock{clock}};
            const auto result = client.send(chat());
            REQUIRE_FALSE(result);
            CHECK(endpoint.chats == 0);
            CHECK(endpoint.exchanges >= 1);
            CHECK(endpoint.exchanges <= 3);
            CHECK((result.error().kind == ErrorKind::exchange_failed ||
                   result.error().kind == ErrorKind::configuration));
            CHECK(result.stop_reason() == StopReason::exchange_failed);
            CHECK(result.error().describe().find("czs_") == std::string::npos);
        }
}

TEST_CASE("a token in an answer that is not 2xx is no token") {
    const CozeDesk::Options options{};
    for (const int status : {302, 307, 400, 401, 404, 500}) {
        CAPTURE(status);
        Endpoint endpoint{R"({"access_token":"czs_1","expires_in":900})", status};
        testing::ManualClock clock;
        const Client client{std::ref(endpoint), CredentialChain{app(options)},
                            coze::RetryOnRefusal{}, UseClock{clock}};
        CHECK_FALSE(client.send(chat()));
        CHECK(endpoint.chats == 0);
    }
}

TEST_CASE("a chat that the caller pinned exchanges for its own credential only") {
    const CozeDesk::Options options{};
    Endpoint endpoint{R"({"access_token":"czs_one","expires_in":900})"};
    testing::ManualClock clock;
    const Client client{std::ref(endpoint), CredentialChain{Personal{}, app(options)},
                        coze::RetryOnRefusal{}, UseClock{clock}};
    const auto first = client.send(chat());
    REQUIRE(first);
    REQUIRE(client.send(chat(), SameCredentialAs{first}));
    CHECK(endpoint.exchanges == 0);
    CHECK(endpoint.last_authorization == "Bearer pat_personal_1");
}
