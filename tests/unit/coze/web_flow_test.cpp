// SPDX-License-Identifier: BSL-1.0
#include <rekey/coze/web_flow.hpp>

#include "catch.hpp"
#include "support/obo.hpp"

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
#include <variant>
#include <vector>

using namespace rekey;
using namespace obo;
using namespace std::chrono_literals;

namespace {

constexpr std::string_view cookie = "cookie-of-ann-9f3c";

Subject ann() { return Subject{"ann"}; }
Binding here() { return Binding{cookie}; }

/// Lets a user authorize through the callback, without a request.
template <class Client>
AuthorizationEnd sign_in(Desk& desk, const Client& client, std::string_view user = "ann",
                         std::string_view session = cookie) {
    const AuthorizationBegin begun =
        client.begin_authorization(Subject{user}, Binding{session}, ReturnTo{"/chat"});
    return client.authorize(desk.browse(begun.request.url, "allow", std::string(user)),
                            Binding{session});
}

/// A transport of the desk whose next token answer is this one.
void answer_exchange(Desk& desk, HttpResponse answer) {
    desk.wire.interfere([answer](const Sent& sent, bool) -> std::optional<Reply> {
        if (!sent.is_exchange()) return std::nullopt;
        return answer;
    });
}

bool is_same(const HttpRequest& a, const HttpRequest& b) {
    if (a.method != b.method || a.url != b.url || a.body != b.body) return false;
    if (a.headers.size() != b.headers.size()) return false;
    for (std::size_t i = 0; i != a.headers.size(); ++i)
        if (a.headers[i].name != b.headers[i].name || a.headers[i].value != b.headers[i].value)
            return false;
    return true;
}

}  // namespace

// --- The walk ---

TEST_CASE("a user who has never authorized is sent to the consent page, and the request finishes") {
    Desk desk;
    const auto client = desk.web();
    const auto first = client.send(desk.chat(), ann(), here());
    REQUIRE(!first);
    CHECK(first.error().kind == ErrorKind::authorization_needed);
    CHECK(first.stop_reason() == StopReason::needs_user);
    CHECK(first.authorization().subject == "ann");
    CHECK(first.authorization().expires_at == desk.clock.unix_seconds() + 600);
    CHECK(!first.authorization().flow.empty());
    CHECK(desk.wire.sent().empty());  // without a token nothing is worth sending

    const auto done = client.resume<HttpRequest>(desk.browse(first.authorization().url), here());
    REQUIRE(done);
    CHECK(done.credential() == "user");
    CHECK(desk.service.totals().chats_executed == 1);
    CHECK(desk.wire.chats().size() == 1);
    CHECK(client.send(desk.chat(), ann(), here()));
    CHECK(desk.exchanges("authorization_code") == 1);
}

TEST_CASE(
    "after the move a proven token is refreshed once, the user is asked, and the refused request "
    "finishes byte for byte") {
    Desk desk;
    const auto client = desk.web();
    REQUIRE(sign_in(desk, client));
    REQUIRE(client.send(desk.chat(), ann(), here()));
    desk.clock.advance(60s);
    desk.service.move();
    desk.wire.forget();

    const HttpRequest question = desk.chat(R"(,"q":"\u00e4 \"quoted\" \u0009","n":1.50)");
    const auto refused = client.send(question, ann(), here());
    REQUIRE(!refused);
    CHECK(refused.error().kind == ErrorKind::authorization_needed);
    CHECK(refused.error().service_code == 4101);
    CHECK(desk.wire.chats().size() == 2);  // the old token, then the refreshed one
    CHECK(desk.refreshes() == 1);

    const auto done = client.resume<HttpRequest>(desk.browse(refused.authorization().url), here());
    REQUIRE(done);
    const auto chats = desk.wire.chats();
    REQUIRE(chats.size() == 3);
    for (const Sent& chat : chats) CHECK(is_same(chat.request, question));
    CHECK(chats[0].authorization != chats[1].authorization);
    CHECK(chats[1].authorization != chats[2].authorization);
    CHECK(desk.service.totals().refresh_reuse == 0);
    CHECK(desk.service.totals().doubled == 0);
}

TEST_CASE("S48 a token that was never accepted is not refreshed after a refusal") {
    Desk desk;
    const auto client = desk.web();
    REQUIRE(sign_in(desk, client));
    desk.clock.advance(60s);
    desk.service.move();
    const auto refused = client.send(desk.chat(), ann(), here());
    REQUIRE(!refused);
    CHECK(refused.error().kind == ErrorKind::authorization_needed);
    CHECK(desk.refreshes() == 0);
    CHECK(desk.wire.chats().size() == 1);
}

TEST_CASE("an expired token is refreshed, and the refresh token rotates") {
    Desk desk;
    const auto client = desk.web();
    REQUIRE(sign_in(desk, client));
    for (int i = 1; i != 6; ++i) {
        desk.clock.advance(std::chrono::seconds{desk.options.access_seconds});
        REQUIRE(client.send(desk.chat(), ann(), here()));
        CHECK(desk.refreshes() == i);
    }
    CHECK(desk.service.totals().refresh_reuse == 0);
    CHECK(desk.wire.chats().size() == 5);
    // No refresh request repeats the token of an earlier one.
    std::map<std::string, int> bodies;
    for (const Sent& sent : desk.wire.exchanges()) ++bodies[sent.request.body];
    CHECK(bodies.size() == 6);
}

TEST_CASE("what is kept elsewhere is adopted, and counts as accepted before") {
    Desk desk;
    const auto client = desk.web();
    REQUIRE(sign_in(desk, client));
    // Another process of the same app, with the tokens of a store.
    const auto other = desk.web();
    SECTION("a live access token serves at once") {
        REQUIRE(client.send(desk.chat(), ann(), here()));
        const std::string token = desk.wire.chats().at(0).authorization.substr(7);
        oauth::TokenSet kept;
        kept.access_token = Secret{token};
        kept.expires_at = desk.clock.unix_seconds() + 500;
        other.adopt(ann(), std::move(kept));
        CHECK(other.send(desk.chat(), ann(), here()));
        CHECK(desk.refreshes() == 0);
    }
    SECTION("a dead one without a refresh token asks the user") {
        oauth::TokenSet kept;
        kept.access_token = Secret{"czu_of_last_week"};
        other.adopt(ann(), std::move(kept));
        const auto asked = other.send(desk.chat(), ann(), here());
        REQUIRE(!asked);
        CHECK(asked.error().kind == ErrorKind::authorization_needed);
        CHECK(desk.wire.chats().empty());
    }
    SECTION("nothing at all asks the user") {
        other.adopt(ann(), oauth::TokenSet{});
        const auto asked = other.send(desk.chat(), ann(), here());
        REQUIRE(!asked);
        CHECK(asked.error().kind == ErrorKind::authorization_needed);
    }
}

TEST_CASE("a user who signed out is asked again, and others are not") {
    Desk desk;
    const auto client = desk.web();
    REQUIRE(sign_in(desk, client));
    REQUIRE(sign_in(desk, client, "bob", "cookie-of-bob"));
    client.forget(ann());
    const auto asked = client.send(desk.chat(), ann(), here());
    REQUIRE(!asked);
    CHECK(asked.error().kind == ErrorKind::authorization_needed);
    CHECK(client.send(desk.chat(), Subject{"bob"}, Binding{"cookie-of-bob"}));
    CHECK(desk.wire.chats().size() == 1);
}

TEST_CASE("nobody is sent to the consent page if their code could not be exchanged") {
    Desk desk;
    const auto sent_away = [&desk](const char* base) {
        coze::WebFlowOptions app = desk.web_app();
        app.base = base;  // and a consent page of its own, at which nothing is wrong
        const auto client = desk.client(coze::WebFlow{std::move(app)});
        const auto result = client.send(desk.chat(), Subject{"ann"}, Binding{"cookie"});
        REQUIRE_FALSE(result);
        CHECK(result.error().message().find("the API base") != std::string::npos);
        return result.error().kind != ErrorKind::configuration;
    };
    CHECK_FALSE(sent_away("http://api.example.com"));
    CHECK_FALSE(sent_away("https://"));
    CHECK_FALSE(sent_away("https://api.coze.com?x=1"));
}

TEST_CASE("S10 a page to sign in begins without a request and returns to a path of the site") {
    Desk desk;
    const auto client = desk.web();
    const AuthorizationBegin begun =
        client.begin_authorization(ann(), here(), ReturnTo{"/chat?room=7"});
    REQUIRE(begun);
    CHECK(begun.request.subject == "ann");
    CHECK(begun.request.url.find("room") == std::string::npos);
    const AuthorizationEnd end = client.authorize(desk.browse(begun.request.url), here());
    REQUIRE(end);
    CHECK(end.subject == "ann");
    CHECK(end.return_to == "/chat?room=7");
    CHECK(end.flow == begun.request.flow);
    CHECK(client.send(desk.chat(), ann(), here()));

    for (const char* evil : {"//evil.example", "https://evil.example", "/\\evil.example", "evil"}) {
        const AuthorizationBegin refused =
            client.begin_authorization(ann(), here(), ReturnTo{evil});
        CHECK(!refused);
        CHECK(!refused.problem.empty());
        CHECK(refused.request.url.empty());
    }
}

TEST_CASE("settings that cannot work are told as such, and nobody is sent away") {
    Desk desk;
    auto app = desk.web_app();
    SECTION("no secret") { app.client_secret = Secret{}; }
    SECTION("S30 a secret with the line end of its file") { app.client_secret = Secret{"s_1\n"}; }
    SECTION("no redirect URI") { app.redirect_uri.clear(); }
    SECTION("http outside loopback") { app.www_base = "http://www.example"; }
    const auto client = desk.client(coze::WebFlow{app});
    const auto result = client.send(desk.chat(), ann(), here());
    REQUIRE(!result);
    CHECK(result.error().kind == ErrorKind::configuration);
    CHECK(result.authorization().url.empty());
    CHECK(!result.error().message().empty());
    const AuthorizationBegin begun = client.begin_authorization(ann(), here());
    CHECK(!begun);
    CHECK(!begun.problem.empty());
}

TEST_CASE("S5 an empty session handle begins nothing") {
    Desk desk;
    const auto client = desk.web();
    const auto result = client.send(desk.chat(), ann(), Binding{""});
    REQUIRE(!result);
    CHECK(result.error().kind == ErrorKind::configuration);
    CHECK(result.authorization().url.empty());
    CHECK(!client.begin_authorization(ann(), Binding{""}));
}

// --- Several users ---

TEST_CASE("S5 a session may change with the authorization: who knew the old one shares nothing") {
    Desk desk;
    const auto client = desk.web();
    const auto asked = client.send(desk.chat(), Subject{"planted"}, here());
    REQUIRE(!asked);
    const std::string back = desk.browse(asked.authorization().url);
    SECTION("in two steps") {
        const AuthorizationEnd end = client.authorize(back, here(), SignedInAs{"fresh"});
        REQUIRE(end);
        CHECK(end.subject == "fresh");
        const auto done = client.resume<HttpRequest>(end, here());
        REQUIRE(done);
        CHECK(is_same(desk.wire.chats().at(0).request, desk.chat()));
        CHECK(!client.resume<HttpRequest>(end, here()));  // once
    }
    SECTION("in one") { CHECK(client.resume<HttpRequest>(back, here(), SignedInAs{"fresh"})); }
    SECTION("with a request that was kept elsewhere") {
        const Resumable<HttpRequest> waiting{desk.chat(), asked, Subject{"planted"}};
        CHECK(client.resume(waiting, back, here(), SignedInAs{"fresh"}));
    }
    CHECK(client.send(desk.chat(), Subject{"fresh"}, here()));
    CHECK(!client.send(desk.chat(), Subject{"planted"}, here()));
    CHECK(desk.service.totals().chats_executed == 2);
}

TEST_CASE("who signs in as nobody is not signed in, and the callback is not used up") {
    Desk desk;
    const auto client = desk.web();
    const auto asked = client.send(desk.chat(), ann(), here());
    REQUIRE(!asked);
    const std::string back = desk.browse(asked.authorization().url);
    const AuthorizationEnd nobody = client.authorize(back, here(), SignedInAs{""});
    CHECK(!nobody);
    CHECK(nobody.kind == ErrorKind::configuration);
    const auto unsent = client.resume<HttpRequest>(nobody, here());
    REQUIRE(!unsent);
    CHECK(unsent.error().message() == "SignedInAs{user} names nobody");
    CHECK(desk.wire.sent().empty());
    CHECK(client.resume<HttpRequest>(back, here()));
}

TEST_CASE("a Redirector is told again of who began, though the tokens are somebody else's") {
    Desk desk;
    int windows = 0;
    const auto tell = [&windows](const AuthorizationRequest&) {
        ++windows;
        return HandedOver{};
    };
    const auto client = desk.client(coze::WebFlow{desk.web_app(), tell});
    const auto asked = client.send(desk.chat(), ann(), here());
    REQUIRE(!asked);
    REQUIRE(client.authorize(desk.browse(asked.authorization().url), here(), SignedInAs{"fresh"}));
    CHECK(!client.send(desk.chat(), ann(), here()));
    CHECK(windows == 2);
}

TEST_CASE("S55 the success of one user never serves another") {
    Desk desk;
    const auto client = desk.web();
    const auto of_ann = client.send(desk.chat(), ann(), here());
    const auto of_bob = client.send(desk.chat(), Subject{"bob"}, Binding{"cookie-of-bob"});
    REQUIRE(!of_ann);
    REQUIRE(!of_bob);
    CHECK(of_ann.authorization().url != of_bob.authorization().url);

    const auto allowed =
        client.resume<HttpRequest>(desk.browse(of_ann.authorization().url, "allow", "ann"), here());
    const auto denied = client.resume<HttpRequest>(
        desk.browse(of_bob.authorization().url, "deny", "bob"), Binding{"cookie-of-bob"});
    REQUIRE(allowed);
    REQUIRE(!denied);
    CHECK(denied.error().kind == ErrorKind::authorization_denied);
    const auto again = client.send(desk.chat(), Subject{"bob"}, Binding{"cookie-of-bob"});
    REQUIRE(!again);
    CHECK(again.error().kind == ErrorKind::authorization_needed);
    const auto executed = desk.service.totals().executed_by;
    REQUIRE(executed.size() == 1);
    CHECK(executed.begin()->first == "web:ann");
}

TEST_CASE("many users at once keep their own tokens") {
    Desk desk;
    const auto client = desk.web();
    constexpr int users = 8;
    at_once(users, [&](int number) {
        const std::string user = "user" + std::to_string(number);
        const std::string session = "session-" + user;
        for (int round = 0; round != 5; ++round) {
            const auto asked = client.send(desk.chat(), Subject{user}, Binding{session});
            if (!asked)
                (void)client.resume<HttpRequest>(
                    desk.browse(asked.authorization().url, number % 2 == 0 ? "allow" : "deny",
                                user),
                    Binding{session});
        }
    });
    const auto executed = desk.service.totals().executed_by;
    CHECK(executed.size() == users / 2);
    for (const auto& [label, count] : executed) {
        CHECK((label.back() - '0') % 2 == 0);
        CHECK(count == 5);
    }
}

// --- What a callback may be ---

TEST_CASE("a person who refuses ends the request with a page, not with a token") {
    Desk desk;
    const auto client = desk.web();
    const auto asked = client.send(desk.chat(), ann(), here());
    REQUIRE(!asked);
    const auto denied =
        client.resume<HttpRequest>(desk.browse(asked.authorization().url, "deny"), here());
    REQUIRE(!denied);
    CHECK(denied.error().kind == ErrorKind::authorization_denied);
    CHECK(denied.stop_reason() == StopReason::needs_user);
    CHECK(denied.error().message() == "the person refused the authorization");
    CHECK(desk.wire.sent().empty());

    // Asking again is up to the caller and works.
    const auto again = client.send(desk.chat(), ann(), here());
    REQUIRE(!again);
    CHECK(client.resume<HttpRequest>(desk.browse(again.authorization().url), here()));
}

TEST_CASE("S4 S11 S12 a callback that is none is refused, and the right one still counts") {
    Desk desk;
    const auto client = desk.web();
    const auto asked = client.send(desk.chat(), ann(), here());
    REQUIRE(!asked);
    const std::string state = parameter(asked.authorization().url, "state");
    REQUIRE(state.size() == 43);
    const std::string bad[] = {
        "",
        "/callback",
        "/callback?",
        "/callback?code=code_1",
        "/callback?code=code_1&state=",
        "/callback?state=" + state,
        "/callback?code=&state=" + state,
        "/callback?error=access_denied",
        "/callback?error=access_denied&state=wrong",
        "/callback?code=code_1&state=" + std::string(43, 'A'),
        "/callback?code=code_1&state=" + state + "&state=" + state,
        "/callback?code=code_1&code=code_2&state=" + state,
        "/callback?code=code_1&error=access_denied&state=" + state,
        "/callback?code=%zz&state=" + state,
        "/callback?code=a%0d%0ab&state=" + state,
        "/callback?code=" + std::string(100000, 'x') + "&state=" + state,
    };
    for (const std::string& target : bad) {
        CAPTURE(target.substr(0, 60));
        const auto result = client.resume<HttpRequest>(target, here());
        REQUIRE(!result);
        CHECK(result.error().kind == ErrorKind::authorization_denied);
        CHECK(!result.error().message().empty());
        CHECK(!client.authorize(target, here()));
    }
    CHECK(desk.wire.sent().empty());
    CHECK(client.resume<HttpRequest>(desk.browse(asked.authorization().url), here()));
}

TEST_CASE("S5 another browser can neither finish a flow nor spoil it") {
    Desk desk;
    const auto client = desk.web();
    const auto asked = client.send(desk.chat(), ann(), here());
    REQUIRE(!asked);
    const std::string back = desk.browse(asked.authorization().url);
    for (const char* other : {"cookie-of-eve", ""}) {
        const auto result = client.resume<HttpRequest>(back, Binding{other});
        REQUIRE(!result);
        CHECK(result.error().kind == ErrorKind::authorization_denied);
    }
    CHECK(!client.resume<HttpRequest>(back, WithoutBinding{}));
    CHECK(desk.wire.sent().empty());
    CHECK(client.resume<HttpRequest>(back, here()));
}

TEST_CASE("S3 a callback counts once, and the request goes out once") {
    Desk desk;
    const auto client = desk.web();
    const auto asked = client.send(desk.chat(), ann(), here());
    REQUIRE(!asked);
    const std::string back = desk.browse(asked.authorization().url);
    SECTION("one after the other") {
        CHECK(client.resume<HttpRequest>(back, here()));
        const auto second = client.resume<HttpRequest>(back, here());
        REQUIRE(!second);
        CHECK(second.error().kind == ErrorKind::authorization_denied);
    }
    SECTION("in parallel") {
        std::atomic<int> won{0};
        at_once(8, [&](int) {
            if (client.resume<HttpRequest>(back, here())) ++won;
        });
        CHECK(won == 1);
    }
    CHECK(desk.wire.exchanges().size() == 1);
    CHECK(desk.service.totals().chats_executed == 1);
    CHECK(desk.service.totals().code_reuse == 0);
}

TEST_CASE("S7 a browser that never comes back costs nothing later") {
    Desk desk;
    const auto client = desk.web();
    const auto asked = client.send(desk.chat(), ann(), here());
    REQUIRE(!asked);
    desk.clock.advance(599s);
    const std::string back = desk.browse(asked.authorization().url);
    SECTION("just in time") { CHECK(client.resume<HttpRequest>(back, here())); }
    SECTION("a second too late") {
        desk.clock.advance(1s);
        const auto late = client.resume<HttpRequest>(back, here());
        REQUIRE(!late);
        CHECK(late.error().kind == ErrorKind::authorization_denied);
        CHECK(late.error().message() == "the authorization took too long; begin it again");
        CHECK(desk.wire.sent().empty());
    }
}

TEST_CASE("S6 two tabs end in reverse order, each with its own request") {
    Desk desk;
    const auto client = desk.web();
    const auto first = client.send(desk.chat(R"(,"tab":1)"), ann(), here());
    const auto second = client.send(desk.chat(R"(,"tab":2)"), ann(), here());
    REQUIRE(!first);
    REQUIRE(!second);
    REQUIRE(client.resume<HttpRequest>(desk.browse(second.authorization().url), here()));
    REQUIRE(client.resume<HttpRequest>(desk.browse(first.authorization().url), here()));
    const auto chats = desk.wire.chats();
    REQUIRE(chats.size() == 2);
    CHECK(chats[0].holds(R"("tab":2)"));
    CHECK(chats[1].holds(R"("tab":1)"));
    CHECK(desk.service.totals().chats_executed == 2);
}

TEST_CASE("S8 a callback of another authorization server is refused before its code is sent") {
    Desk desk;
    const auto client = desk.web();
    const auto asked = client.send(desk.chat(), ann(), here());
    REQUIRE(!asked);
    const std::string back =
        desk.browse(asked.authorization().url) + "&iss=https%3A%2F%2Fevil.example";
    const auto result = client.resume<HttpRequest>(back, here());
    REQUIRE(!result);
    CHECK(result.error().kind == ErrorKind::authorization_denied);
    CHECK(desk.wire.sent().empty());
}

TEST_CASE("S9 the code goes with the redirect URI of the consent page") {
    Desk desk;
    const auto client = desk.web();
    REQUIRE(sign_in(desk, client));
    const auto exchanges = desk.wire.exchanges();
    REQUIRE(exchanges.size() == 1);
    CHECK(exchanges[0].holds("\"redirect_uri\":\"" + desk.options.web_redirect_uri + "\""));
}

// --- The code ---

TEST_CASE("S18 a code goes out once, whatever the token endpoint answers") {
    Desk desk;
    const auto client = desk.web();
    const auto asked = client.send(desk.chat(), ann(), here());
    REQUIRE(!asked);
    const std::string back = desk.browse(asked.authorization().url);
    int elsewhere = 0;
    desk.wire.interfere([&elsewhere, &desk](const Sent& sent, bool) -> std::optional<Reply> {
        if (sent.request.url.rfind(desk.options.base, 0) != 0) ++elsewhere;
        return std::nullopt;
    });
    ErrorKind wanted = ErrorKind::exchange_failed;
    testing::FakeFault fault;
    fault.path = "/api/permission/oauth2/token";
    SECTION("503") {
        fault.status = 503;
        fault.retry_after = 1;
        desk.service.fault(fault);
    }
    SECTION("503 after it was executed") {
        fault.status = 503;
        fault.execute_first = true;
        desk.service.fault(fault);
    }
    SECTION("429") {
        fault.status = 429;
        desk.service.fault(fault);
    }
    SECTION("a reset before the answer") {
        fault.wire = testing::FakeWire::reset_before_answer;
        desk.service.fault(fault);
    }
    SECTION("a body that was cut") {
        fault.wire = testing::FakeWire::truncated_body;
        fault.bytes = 20;
        desk.service.fault(fault);
    }
    SECTION("S22 a redirect") {
        answer_exchange(desk, {307, {{"Location", "https://evil.example/token"}}, "", false});
    }
    SECTION("a web page") {
        answer_exchange(desk, {200, {{"Content-Type", "text/html"}}, "<html></html>", false});
    }
    SECTION("a code that somebody has used") {
        wanted = ErrorKind::authorization_denied;
        answer_exchange(desk, json(400, R"({"error_code":"invalid_request"})"));
    }
    SECTION("a secret that is wrong") {
        wanted = ErrorKind::configuration;
        answer_exchange(desk, json(401, R"({"error_code":"invalid_client"})"));
    }
    const auto result = client.resume<HttpRequest>(back, here());
    REQUIRE(!result);
    CHECK(result.error().kind == wanted);
    CHECK(result.stop_reason() == StopReason::needs_user);
    CHECK(!client.resume<HttpRequest>(back, here()));
    CHECK(desk.wire.exchanges().size() == 1);
    CHECK(desk.wire.chats().empty());
    CHECK(desk.service.totals().code_reuse == 0);
    CHECK(elsewhere == 0);

    // The user is not locked out: a new authorization works.
    desk.wire.interfere({});
    const auto again = client.send(desk.chat(), ann(), here());
    REQUIRE(!again);
    CHECK(client.resume<HttpRequest>(desk.browse(again.authorization().url), here()));
}

TEST_CASE("a code that could not be exchanged has a log id: that of the header, or of the body") {
    for (const bool has_header : {true, false}) {
        Desk desk;
        const auto client = desk.web();
        const auto asked = client.send(desk.chat(), ann(), here());
        REQUIRE(!asked);
        HttpResponse refused =
            json(401, R"({"error_code":"invalid_client","detail":{"logid":"of-the-body"}})");
        if (has_header) refused.headers.push_back({"X-Tt-Logid", "of-the-header"});
        answer_exchange(desk, refused);
        const auto result =
            client.resume<HttpRequest>(desk.browse(asked.authorization().url), here());
        REQUIRE(!result);
        CHECK(result.error().log_id() == (has_header ? "of-the-header" : "of-the-body"));
    }
}

TEST_CASE("S20 a code that never left is sent again") {
    Desk desk;
    const auto client = desk.web();
    const auto asked = client.send(desk.chat(), ann(), here());
    REQUIRE(!asked);
    testing::FakeFault fault;
    fault.path = "/api/permission/oauth2/token";
    fault.wire = testing::FakeWire::reset_before_read;
    fault.times = 2;
    desk.service.fault(fault);
    CHECK(client.resume<HttpRequest>(desk.browse(asked.authorization().url), here()));
    CHECK(desk.wire.exchanges().size() == 3);
    CHECK(desk.clock.waits() == std::vector<Duration>{200ms, 400ms});
}

TEST_CASE("S19 a code that grew old while the endpoint could not be reached is not sent") {
    Desk desk;
    const auto client = desk.web();
    const auto asked = client.send(desk.chat(), ann(), here());
    REQUIRE(!asked);
    const std::string back = desk.browse(asked.authorization().url);
    desk.wire.interfere([&desk](const Sent& sent, bool) -> std::optional<Reply> {
        if (!sent.is_exchange()) return std::nullopt;
        desk.clock.advance(600s);
        return lost(Reach::never_sent);
    });
    const auto late = client.resume<HttpRequest>(back, here());
    REQUIRE(!late);
    CHECK(late.error().kind == ErrorKind::authorization_denied);
    CHECK(desk.wire.exchanges().size() == 1);
}

TEST_CASE("a code that the service calls expired asks the user anew") {
    Desk desk;
    const auto client = desk.web();
    const auto asked = client.send(desk.chat(), ann(), here());
    REQUIRE(!asked);
    const std::string back = desk.browse(asked.authorization().url);
    desk.clock.advance(std::chrono::seconds{desk.options.code_seconds});
    const auto late = client.resume<HttpRequest>(back, here());
    REQUIRE(!late);
    CHECK(late.error().kind == ErrorKind::authorization_denied);
    CHECK(desk.wire.exchanges().size() == 1);
}

TEST_CASE("a clock that is wrong by minutes changes nothing") {
    const std::int64_t ahead = GENERATE(-600, -300, 300, 600);
    Desk desk;
    desk.wall_difference = ahead;
    const auto client = desk.web();
    const auto asked = client.send(desk.chat(), ann(), here());
    REQUIRE(!asked);
    REQUIRE(client.resume<HttpRequest>(desk.browse(asked.authorization().url), here()));
    for (int i = 0; i != 30; ++i) {
        desk.clock.advance(100s);
        CHECK(client.send(desk.chat(), ann(), here()));
    }
    CHECK(desk.service.totals().refresh_reuse == 0);
}

// --- Redirectors ---

TEST_CASE("a Redirector is told once while an authorization is pending") {
    Desk desk;
    std::atomic<int> windows{0};
    const auto tell = [&windows](const AuthorizationRequest& request) {
        if (request.subject == "ann" && !request.url.empty()) ++windows;
        return HandedOver{};
    };
    const auto client = desk.client(coze::WebFlow{desk.web_app(), tell});
    std::atomic<int> needed{0};
    std::mutex mutex;
    std::map<std::string, int> flows;
    at_once(64, [&](int) {
        const auto asked = client.send(desk.chat(), ann(), here());
        if (asked || asked.error().kind != ErrorKind::authorization_needed) return;
        ++needed;
        const std::lock_guard<std::mutex> lock(mutex);
        ++flows[asked.authorization().flow];
    });
    CHECK(needed == 64);
    CHECK(windows == 1);
    CHECK(flows.size() == 64);  // a record each: no tab overwrites another

    SECTION("after its time is over it is told again") {
        desk.clock.advance(600s);
        CHECK(!client.send(desk.chat(), ann(), here()));
        CHECK(windows == 2);
    }
    SECTION("after its time is over it is told again, though the wall clock was set back") {
        desk.clock.jump(-86400);
        desk.clock.advance(600s);
        CHECK(!client.send(desk.chat(), ann(), here()));
        CHECK(windows == 2);
    }
    SECTION("after the person refused it is told again") {
        const auto asked = client.send(desk.chat(), ann(), here());
        REQUIRE(!asked);
        CHECK(windows == 1);
        CHECK(!client.resume<HttpRequest>(desk.browse(asked.authorization().url, "deny"), here()));
        CHECK(!client.send(desk.chat(), ann(), here()));
        CHECK(windows == 2);
    }
    SECTION("another user is asked beside") {
        CHECK(!client.send(desk.chat(), Subject{"bob"}, Binding{"b"}));
        CHECK(windows == 1);
        CHECK(!client.begin_authorization(Subject{"bob"}, Binding{"b"}).request.url.empty());
    }
}

TEST_CASE("64 refused calls of one user open one window, and all of them finish") {
    Desk desk;
    std::atomic<int> windows{0};
    std::atomic<int> started{0};
    std::function<void(const std::string&)> bring;
    // Waits until the person is done: here the callback route runs while it waits.
    const auto wait_for_person = [&](const AuthorizationRequest& request) {
        ++windows;
        while (started != 64) std::this_thread::yield();
        let_others_run();
        bring(request.url);
        return Authorized{};
    };
    const auto client = desk.client(coze::WebFlow{desk.web_app(), wait_for_person});
    bring = [&](const std::string& url) { (void)client.authorize(desk.browse(url), here()); };
    REQUIRE(sign_in(desk, client));
    REQUIRE(client.send(desk.chat(), ann(), here()));
    desk.clock.advance(60s);
    desk.service.move();
    std::atomic<int> finished{0};
    at_once(64, [&](int) {
        ++started;
        if (client.send(desk.chat(), ann(), here())) ++finished;
    });
    CHECK(finished == 64);
    CHECK(windows == 1);
    CHECK(desk.refreshes() == 1);
    CHECK(desk.exchanges("authorization_code") == 2);
    CHECK(desk.service.totals().refresh_reuse == 0);
    CHECK(desk.service.totals().chats_executed == 65);
}

TEST_CASE("S35 64 calls of one user share a refusal of the person") {
    Desk desk;
    std::atomic<int> windows{0};
    std::atomic<int> started{0};
    const auto refuse = [&](const AuthorizationRequest&) -> std::variant<Authorized, Denied> {
        ++windows;
        while (started != 64) std::this_thread::yield();
        for (int i = 0; i != 20; ++i) let_others_run();
        return Denied{"not now"};
    };
    const auto client = desk.client(coze::WebFlow{desk.web_app(), refuse});
    std::atomic<int> denied{0};
    at_once(64, [&](int) {
        ++started;
        const auto result = client.send(desk.chat(), ann(), here());
        if (!result && result.error().kind == ErrorKind::authorization_denied &&
            result.error().message() == "not now")
            ++denied;
    });
    CHECK(denied == 64);
    CHECK(windows < 32);  // who comes after the end asks for himself
}

TEST_CASE("a Redirector that says Authorized without a token is not believed") {
    Desk desk;
    int windows = 0;
    const auto lie = [&windows](const AuthorizationRequest&) {
        ++windows;
        return Authorized{};
    };
    const auto client = desk.client(coze::WebFlow{desk.web_app(), lie});
    for (int i = 1; i != 3; ++i) {
        const auto result = client.send(desk.chat(), ann(), here());
        REQUIRE(!result);
        CHECK(result.error().kind == ErrorKind::authorization_denied);
        CHECK(result.error().message() ==
              "the Redirector said that the user authorized, and no token came");
        CHECK(windows == i);
    }
    CHECK(desk.wire.sent().empty());
}

TEST_CASE("a request that the transport was told to stop ends as cancelled") {
    Desk desk;
    const auto client = desk.web();
    const auto asked = client.send(desk.chat(), ann(), here());
    REQUIRE(!asked);
    desk.wire.interfere([](const Sent&, bool) -> std::optional<Reply> { return cancelled(); });
    const auto result = client.resume<HttpRequest>(desk.browse(asked.authorization().url), here());
    REQUIRE(!result);
    CHECK(result.error().kind == ErrorKind::cancelled);
    CHECK(result.stop_reason() == StopReason::cancelled);
    CHECK(desk.wire.sent().size() == 1);
}

// --- Right after an authorization ---

namespace {

/// Refuses chats with this code so often; exchanges go through.
std::function<void(std::int64_t, int)> refuser(Desk& desk) {
    return [&desk](std::int64_t code, int times) {
        auto left = std::make_shared<std::atomic<int>>(times);
        desk.wire.interfere([code, left](const Sent& sent, bool) -> std::optional<Reply> {
            if (!sent.is_chat() || --*left < 0) return std::nullopt;
            return coded(code);
        });
    };
}

}  // namespace

TEST_CASE("right after an authorization 4100 and 4101 are repeated after 0.5, 1 and 2 seconds") {
    const std::int64_t code = GENERATE(4100, 4101);
    Desk desk;
    const auto client = desk.web();
    const auto refuse = refuser(desk);
    const auto asked = client.send(desk.chat(), ann(), here());
    REQUIRE(!asked);
    const std::string back = desk.browse(asked.authorization().url);
    SECTION("until it is accepted") {
        refuse(code, 3);
        CHECK(client.resume<HttpRequest>(back, here()));
        CHECK(desk.clock.waits() == std::vector<Duration>{500ms, 1s, 2s});
        CHECK(desk.wire.chats().size() == 4);
    }
    SECTION("and then no more") {
        refuse(code, 1000);
        const auto result = client.resume<HttpRequest>(back, here());
        REQUIRE(!result);
        CHECK(result.error().kind == ErrorKind::refused);
        CHECK(result.error().service_code == code);
        CHECK(desk.clock.waits() == std::vector<Duration>{500ms, 1s, 2s});
        CHECK(desk.wire.chats().size() == 4);
        CHECK(desk.refreshes() == 0);
    }
}

TEST_CASE("right after an authorization no other code is repeated") {
    const std::int64_t code = GENERATE(700012006, 4200, 4000, 5000, 4013);
    Desk desk;
    const auto client = desk.web();
    const auto asked = client.send(desk.chat(), ann(), here());
    REQUIRE(!asked);
    const std::string back = desk.browse(asked.authorization().url);
    refuser(desk)(code, 1000);
    CHECK(!client.resume<HttpRequest>(back, here()));
    CHECK(desk.clock.waits().empty());
    CHECK(desk.wire.chats().size() == 1);
}

TEST_CASE("a refusal of a later call is not repeated but asks the user") {
    Desk desk;
    const auto client = desk.web();
    REQUIRE(sign_in(desk, client));
    SECTION("because the time to settle is over") { desk.clock.advance(10s); }
    SECTION("because the token was accepted already") {
        REQUIRE(client.send(desk.chat(), ann(), here()));
    }
    const auto before = desk.wire.chats().size();
    const auto waits = desk.clock.waits().size();
    refuser(desk)(4101, 1000);
    const auto result = client.send(desk.chat(), ann(), here());
    REQUIRE(!result);
    CHECK(result.error().kind == ErrorKind::authorization_needed);
    CHECK(desk.clock.waits().size() == waits);
    CHECK(desk.wire.chats().size() <= before + 2);  // and once more after a refresh
}

TEST_CASE("while a new authorization settles, the call of another thread opens no window") {
    Desk desk;
    std::atomic<int> windows{0};
    const auto tell = [&windows](const AuthorizationRequest&) {
        ++windows;
        return HandedOver{};
    };
    const auto client = desk.client(coze::WebFlow{desk.web_app(), tell});
    REQUIRE(sign_in(desk, client));
    refuser(desk)(4101, 3);
    CHECK(client.send(desk.chat(), ann(), here()));
    CHECK(windows == 0);
    CHECK(desk.wire.chats().size() == 4);
    CHECK(desk.clock.waits() == std::vector<Duration>{500ms, 1s, 2s});  // none is sent at once
}

TEST_CASE("S57 how often a token that settles is refused in one call has a bound") {
    Desk desk;
    const auto client = desk.web();
    REQUIRE(sign_in(desk, client));
    refuser(desk)(4101, 1000);
    CHECK(!client.send(desk.chat(), ann(), here()));
    std::map<std::string, int> refused;
    for (const Sent& chat : desk.wire.chats()) ++refused[chat.authorization];
    REQUIRE(refused.size() == 1);
    CHECK(refused.begin()->second == 4);  // once, and three repeats
}

// --- A request that waits elsewhere ---

TEST_CASE("a request that was packed is finished by another process with the same store") {
    Desk desk;
    const auto client = desk.web();
    const auto asked = client.send(desk.chat(), ann(), here(), IdempotencyKey{"key-1"});
    REQUIRE(!asked);
    Resumable<HttpRequest> waiting{desk.chat(), asked, ann(), here(), IdempotencyKey{"key-1"}};
    const std::string text = waiting.pack([](const HttpRequest& request) { return request.body; });
    auto unpacked = Resumable<HttpRequest>::unpack(text, [&desk](std::string_view body) {
        HttpRequest request = desk.chat();
        request.body = std::string(body);
        return request;
    });
    REQUIRE(unpacked);
    SECTION("together with the callback of its own flow") {
        const auto done = client.resume(*unpacked, desk.browse(asked.authorization().url), here());
        REQUIRE(done);
        CHECK(is_same(desk.wire.chats().at(0).request, desk.chat()));
    }
    SECTION("but not with that of another") {
        const AuthorizationBegin other = client.begin_authorization(ann(), here());
        const auto result = client.resume(*unpacked, desk.browse(other.request.url), here());
        REQUIRE(!result);
        CHECK(result.error().kind == ErrorKind::configuration);
        CHECK(desk.wire.chats().empty());
    }
    SECTION("and not in another browser") {
        CHECK(!client.resume(*unpacked, desk.browse(asked.authorization().url), Binding{"eve"}));
        CHECK(desk.wire.sent().empty());
    }
}

TEST_CASE("a request that is not here any more is told as such, and the user is authorized") {
    Desk desk;
    const auto client = desk.web();
    const AuthorizationBegin begun = client.begin_authorization(ann(), here());
    const auto result = client.resume<HttpRequest>(desk.browse(begun.request.url), here());
    REQUIRE(!result);
    CHECK(result.error().kind == ErrorKind::configuration);
    CHECK(client.send(desk.chat(), ann(), here()));
}

TEST_CASE("a request of another type than the one that waits is not sent") {
    Desk desk;
    struct Other : HttpRequest {};
    const auto client = desk.web();
    const auto asked = client.send(desk.chat(), ann(), here());
    REQUIRE(!asked);
    const auto result = client.resume<Other>(desk.browse(asked.authorization().url), here());
    REQUIRE(!result);
    CHECK(result.error().kind == ErrorKind::configuration);
    CHECK(desk.wire.chats().empty());
}

// --- Secrets ---

TEST_CASE("S17 S71 no text of a whole walk holds a token, a code, a state or the client secret") {
    Desk desk;
    const auto client = desk.web();
    std::vector<std::string> texts;
    std::vector<std::string> secrets{desk.options.web_client_secret, std::string(cookie)};
    const auto note = [&](const auto& result) { texts.push_back(texts_of(result)); };
    // A service that repeats whatever it was sent in the words of its refusal.
    const auto echo = [&](std::string_view where) {
        desk.wire.interfere(
            [&secrets, where](const Sent& sent, bool is_answered) -> std::optional<Reply> {
                std::string said;
                const auto add = [&](std::string secret) {
                    said += secret + " ";
                    secrets.push_back(std::move(secret));
                };
                if (!sent.authorization.empty())
                    add(sent.authorization.substr(sent.authorization.find(' ') + 1));
                for (const char* member : {"\"code\":\"", "\"refresh_token\":\""}) {
                    const std::size_t place = sent.request.body.find(member);
                    if (place == std::string::npos) continue;
                    const std::string rest =
                        sent.request.body.substr(place + std::string_view(member).size());
                    add(rest.substr(0, rest.find('"')));
                }
                if (is_answered || where != (sent.is_exchange() ? "exchange" : "chat"))
                    return std::nullopt;
                if (sent.is_exchange())
                    return json(
                        400, R"({"error_code":"invalid_request","error_message":")" + said + "\"}");
                return json(200, R"({"code":4101,"msg":")" + said + "\"}");
            });
    };
    const auto walk = [&](std::string_view where, const char* decision) {
        echo(where);
        const auto asked = client.send(desk.chat(), ann(), here());
        note(asked);
        if (asked || asked.authorization().url.empty()) return;
        secrets.push_back(parameter(asked.authorization().url, "state"));
        const std::string back = desk.browse(asked.authorization().url, decision);
        const auto end = client.resume<HttpRequest>(back, here());
        note(end);
        texts.push_back(client.authorize(back, here()).message);
        texts.push_back(asked.authorization().flow);
    };
    walk("nowhere", "deny");
    walk("exchange", "allow");
    walk("chat", "allow");
    walk("nowhere", "allow");
    CHECK(client.send(desk.chat(), ann(), here()));
    desk.service.move();
    desk.clock.advance(60s);
    walk("exchange", "allow");
    walk("chat", "allow");
    REQUIRE(secrets.size() > 10);
    REQUIRE(texts.size() > 10);
    for (const std::string& text : texts)
        for (const std::string& secret : secrets) {
            if (secret.empty()) continue;
            CHECK(text.find(secret) == std::string::npos);
        }
}
