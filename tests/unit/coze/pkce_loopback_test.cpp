// SPDX-License-Identifier: BSL-1.0
#include <rekey/coze/pkce_loopback.hpp>

#include "catch.hpp"
#include "support/obo.hpp"

#include <rekey/cancellation.hpp>
#include <rekey/detail/sha256.hpp>
#include <rekey/oauth/base64url.hpp>

#include <array>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <functional>
#include <map>
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

/// Shows the page to nobody in particular.
const auto shows = [](const AuthorizationRequest&) { return Authorized{}; };

/// The value of a JSON member of a request that was sent.
std::string member(const Sent& sent, const std::string& name) {
    const std::string mark = "\"" + name + "\":\"";
    const std::size_t place = sent.request.body.find(mark);
    if (place == std::string::npos) return {};
    const std::string rest = sent.request.body.substr(place + mark.size());
    return rest.substr(0, rest.find('"'));
}

}  // namespace

TEST_CASE("a program on the user's machine waits for the browser, and the request goes on") {
    Desk desk;
    int waits = 0;
    const auto listener = [&](const AuthorizationRequest& request) {
        ++waits;
        return desk.browse(request.url);
    };
    const auto client = desk.client(coze::PkceLoopback{desk.pkce_app(), shows, listener});
    const auto done = client.send(desk.chat());
    REQUIRE(done);
    CHECK(waits == 1);
    CHECK(client.send(desk.chat()));
    CHECK(waits == 1);
    CHECK(desk.service.totals().executed_by.begin()->first == "pkce:alice");

    desk.clock.advance(60s);
    desk.service.move();
    CHECK(client.send(desk.chat()));  // refreshed, refused, asked, answered
    CHECK(waits == 2);
    CHECK(desk.refreshes() == 1);
    CHECK(desk.service.totals().refresh_reuse == 0);
}

TEST_CASE("S15 the consent page sees the challenge, the token endpoint its verifier") {
    Desk desk;
    std::string url;
    const auto listener = [&](const AuthorizationRequest& request) {
        url = request.url;
        return desk.browse(request.url);
    };
    const auto client = desk.client(coze::PkceLoopback{desk.pkce_app(), shows, listener});
    REQUIRE(client.send(desk.chat()));
    const auto exchanges = desk.wire.exchanges();
    REQUIRE(exchanges.size() == 1);
    const std::string verifier = member(exchanges[0], "code_verifier");
    CHECK(verifier.size() == 43);
    CHECK(parameter(url, "code_challenge_method") == "S256");
    const auto digest = detail::sha256(verifier);
    CHECK(parameter(url, "code_challenge") ==
          oauth::base64url_encode({reinterpret_cast<const char*>(digest.data()), digest.size()}));
    CHECK(url.find(verifier) == std::string::npos);
    CHECK(exchanges[0].authorization.empty());  // a public client has no secret
}

TEST_CASE("S17 the verifier and the state are in no text, whatever the token endpoint says") {
    Desk desk;
    std::vector<std::string> secrets;
    const auto listener = [&](const AuthorizationRequest& request) {
        secrets.push_back(parameter(request.url, "state"));
        return desk.browse(request.url);
    };
    desk.wire.interfere([&](const Sent& sent, bool is_answered) -> std::optional<Reply> {
        if (is_answered || !sent.is_exchange()) return std::nullopt;
        for (const char* name : {"code_verifier", "code"}) secrets.push_back(member(sent, name));
        std::string said;
        for (const std::string& secret : {secrets[1], secrets[2]}) said += secret + " ";
        return json(400, R"({"error_code":"invalid_request","error_message":")" + said + "\"}");
    });
    const auto client = desk.client(coze::PkceLoopback{desk.pkce_app(), shows, listener});
    const auto result = client.send(desk.chat());
    REQUIRE(!result);
    CHECK(result.error().kind == ErrorKind::authorization_denied);
    REQUIRE(secrets.size() == 3);
    const std::string texts = texts_of(result) + result.authorization().url;
    for (const std::string& secret : secrets) {
        REQUIRE(!secret.empty());
        CHECK(texts.find(secret) == std::string::npos);
    }
}

TEST_CASE("what any page sends to the loopback port does not end the flow") {
    Desk desk;
    int turn = 0;
    const auto listener = [&](const AuthorizationRequest& request) -> std::string {
        const std::string state = parameter(request.url, "state");
        switch (turn++) {
            case 0: return "/favicon.ico";
            case 1: return "/callback?code=forged&state=" + std::string(43, 'A');
            case 2: return "/callback?error=access_denied";
            case 3: return "/callback?code=x&code=y&state=" + state;
            default: return desk.browse(request.url);
        }
    };
    const auto client = desk.client(coze::PkceLoopback{desk.pkce_app(), shows, listener});
    CHECK(client.send(desk.chat()));
    CHECK(turn == 5);
    CHECK(desk.wire.exchanges().size() == 1);
}

TEST_CASE("a listener that takes the stop sees that its call was stopped") {
    Desk desk;
    const Canceller stop;
    int turns = 0;
    const auto listener = [&](const AuthorizationRequest&, const StopSignal& stopped) {
        ++turns;
        CHECK_FALSE(stopped.is_cancelled());
        stop.cancel();
        CHECK_FALSE(stopped.wait_for(1h));  // at once
        return std::string();
    };
    const auto client = desk.client(coze::PkceLoopback{desk.pkce_app(), shows, listener});
    const auto result = client.send(desk.chat(), Cancellation{stop});
    CHECK(result.error().kind == ErrorKind::cancelled);
    CHECK(turns == 1);
}

TEST_CASE("a person who refuses in the browser ends the request") {
    Desk desk;
    const auto listener = [&](const AuthorizationRequest& request) {
        return desk.browse(request.url, "deny");
    };
    const auto client = desk.client(coze::PkceLoopback{desk.pkce_app(), shows, listener});
    const auto result = client.send(desk.chat());
    REQUIRE(!result);
    CHECK(result.error().kind == ErrorKind::authorization_denied);
    CHECK(result.error().message() == "the person refused the authorization");
    CHECK(desk.wire.sent().empty());
}

TEST_CASE("a callback that comes too late ends the request instead of being waited for again") {
    Desk desk;
    int turn = 0;
    const auto listener = [&](const AuthorizationRequest& request) -> std::string {
        if (++turn > 1) return {};  // nobody comes a second time
        const std::string back = desk.browse(request.url);
        desk.clock.advance(600s);
        return back;
    };
    const auto client = desk.client(coze::PkceLoopback{desk.pkce_app(), shows, listener});
    const auto result = client.send(desk.chat());
    REQUIRE(!result);
    CHECK(result.error().kind == ErrorKind::authorization_denied);
    CHECK(turn == 1);
}

TEST_CASE("when nobody comes back the call ends, can be resumed, and the next one asks again") {
    Desk desk;
    int shown = 0;
    bool comes = false;
    const auto show = [&](const AuthorizationRequest&) {
        ++shown;
        return Authorized{};
    };
    const auto listener = [&](const AuthorizationRequest& request) -> std::string {
        return comes ? desk.browse(request.url) : std::string();
    };
    const auto client = desk.client(coze::PkceLoopback{desk.pkce_app(), show, listener});
    const auto result = client.send(desk.chat());
    REQUIRE(!result);
    CHECK(result.error().kind == ErrorKind::authorization_needed);
    CHECK(result.error().message() == "nobody came back from the browser in time");
    SECTION("the callback comes another way") {
        CHECK(client.resume<HttpRequest>(desk.browse(result.authorization().url)));
        CHECK(shown == 1);
    }
    SECTION("the person tries once more") {
        comes = true;
        CHECK(client.send(desk.chat()));
        CHECK(shown == 2);
    }
}

TEST_CASE("two users whose callbacks arrive crossed both finish") {
    Desk desk;
    std::mutex mutex;
    std::map<std::string, std::string> urls;
    std::map<std::string, int> turns;
    // Each listener first gets the callback of the other user, then its own.
    const auto listener = [&](const AuthorizationRequest& request) -> std::string {
        const std::string other = request.subject == "ann" ? "bob" : "ann";
        std::string url = request.url;
        for (;; std::this_thread::yield()) {
            const std::lock_guard<std::mutex> lock(mutex);
            urls[request.subject] = request.url;
            if (urls.size() != 2) continue;
            const int turn = turns[request.subject]++;
            if (turn > 1) return {};
            return desk.browse(turn == 0 ? urls[other] : url, "allow",
                               turn == 0 ? other : request.subject);
        }
    };
    const auto client = desk.client(coze::PkceLoopback{desk.pkce_app(), shows, listener});
    std::atomic<int> finished{0};
    at_once(2, [&](int i) {
        if (client.send(desk.chat(), Subject{i == 0 ? "ann" : "bob"})) ++finished;
    });
    CHECK(finished == 2);
    const auto executed = desk.service.totals().executed_by;
    CHECK(executed.size() == 2);
    CHECK(executed.count("pkce:ann") == 1);
    CHECK(executed.count("pkce:bob") == 1);
}

TEST_CASE("without a listener the program is handed the URL and brings the callback itself") {
    Desk desk;
    const auto client = desk.client(coze::PkceLoopback{desk.pkce_app(), HandOver{}});
    const auto asked = client.send(desk.chat(), Subject{"ann"});
    REQUIRE(!asked);
    CHECK(asked.error().kind == ErrorKind::authorization_needed);
    const std::string back = desk.browse(asked.authorization().url);
    CHECK(!client.resume<HttpRequest>(back, Binding{"a browser that began nothing"}));
    CHECK(client.resume<HttpRequest>(back));
    CHECK(desk.service.totals().chats_executed == 1);
}

TEST_CASE("an app on a telephone takes the callback from its own URL scheme") {
    FakeCoze::Options options;
    options.pkce_redirect_uri = "com.example.app:/callback";  // RFC 8252 §7.1
    Desk desk{options};
    const auto client = desk.client(coze::PkceLoopback{desk.pkce_app(), HandOver{}});
    const auto asked = client.send(desk.chat());
    REQUIRE(!asked);
    const std::string back = desk.browse(asked.authorization().url);
    REQUIRE(back.rfind("com.example.app:/callback?", 0) == 0);
    CHECK(client.resume<HttpRequest>(back));
    CHECK(desk.service.totals().chats_executed == 1);
}

TEST_CASE("S5 a loopback program that names its browser is bound to it") {
    Desk desk;
    const auto client = desk.client(coze::PkceLoopback{desk.pkce_app(), HandOver{}});
    const auto asked = client.send(desk.chat(), Binding{"window-1"});
    REQUIRE(!asked);
    const std::string back = desk.browse(asked.authorization().url);
    CHECK(!client.resume<HttpRequest>(back));
    CHECK(!client.resume<HttpRequest>(back, WithoutBinding{}));
    CHECK(client.resume<HttpRequest>(back, Binding{"window-1"}));
}

TEST_CASE("a Redirector that refuses keeps the listener quiet") {
    Desk desk;
    int waits = 0;
    const auto refuses = [](const AuthorizationRequest&) -> std::variant<Authorized, Denied> {
        return Denied{"no browser on this machine"};
    };
    const auto listener = [&](const AuthorizationRequest&) {
        ++waits;
        return std::string();
    };
    const auto client = desk.client(coze::PkceLoopback{desk.pkce_app(), refuses, listener});
    const auto result = client.send(desk.chat());
    REQUIRE(!result);
    CHECK(result.error().kind == ErrorKind::authorization_denied);
    CHECK(result.error().message() == "no browser on this machine");
    CHECK(waits == 0);
}

TEST_CASE("64 calls of a desktop program open one window") {
    Desk desk;
    std::atomic<int> windows{0};
    std::atomic<int> started{0};
    const auto show = [&](const AuthorizationRequest&) {
        ++windows;
        return Authorized{};
    };
    const auto listener = [&](const AuthorizationRequest& request) {
        while (started != 64) std::this_thread::yield();
        let_others_run();
        return desk.browse(request.url);
    };
    const auto client = desk.client(coze::PkceLoopback{desk.pkce_app(), show, listener});
    std::atomic<int> finished{0};
    at_once(64, [&](int) {
        ++started;
        if (client.send(desk.chat())) ++finished;
    });
    CHECK(finished == 64);
    CHECK(windows == 1);
    CHECK(desk.exchanges("authorization_code") == 1);
}

TEST_CASE("64 calls of a desktop program whose person never comes back opened one window") {
    Desk desk;
    std::atomic<int> windows{0};
    std::atomic<int> started{0};
    const auto show = [&](const AuthorizationRequest&) {
        ++windows;
        return Authorized{};
    };
    const auto nobody = [&](const AuthorizationRequest&) -> std::string {
        while (started != 64) std::this_thread::yield();
        for (int i = 0; i != 20; ++i) let_others_run();
        return {};
    };
    const auto client = desk.client(coze::PkceLoopback{desk.pkce_app(), show, nobody});
    std::atomic<int> needed{0};
    at_once(64, [&](int) {
        ++started;
        const auto result = client.send(desk.chat());
        if (!result && result.error().kind == ErrorKind::authorization_needed &&
            !result.authorization().url.empty())
            ++needed;
    });
    CHECK(needed == 64);
    CHECK(windows < 32);  // who comes after the end asks for himself
}

TEST_CASE("S36 a desktop call that was stopped while it waited hands the question to the next") {
    Desk desk;
    Canceller stop;
    int waits = 0;
    const auto listener = [&](const AuthorizationRequest& request) {
        if (++waits == 1) stop.cancel();
        return desk.browse(request.url);
    };
    const auto client = desk.client(coze::PkceLoopback{desk.pkce_app(), shows, listener});
    const auto stopped = client.send(desk.chat(), Cancellation{stop});
    REQUIRE(!stopped);
    CHECK(stopped.error().kind == ErrorKind::cancelled);
    CHECK(client.send(desk.chat()));
    CHECK(waits == 2);
}
