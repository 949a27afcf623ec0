// SPDX-License-Identifier: BSL-1.0
// What an exception leaves behind where users authorize: of a transport, a Redirector, a listener.
#include <rekey/coze/web_flow.hpp>

#include "catch.hpp"
#include "support/obo.hpp"

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

using namespace rekey;
using namespace obo;
using namespace std::chrono_literals;

namespace {

struct Crash : std::runtime_error {
    Crash() : std::runtime_error("crash") {}
};

struct Key {
    static constexpr std::string_view name = "key";
    std::string token = "key-1";
};

/// A user who has authorized, and whose access token has just expired.
template <class Client> void let_expire(Desk& desk, const Client& client) {
    const auto begun = client.begin_authorization(Subject{"ann"}, WithoutBinding{});
    REQUIRE(client.authorize(desk.browse(begun.request.url), WithoutBinding{}));
    REQUIRE(client.send(desk.chat(), Subject{"ann"}, WithoutBinding{}));
    desk.clock.advance(std::chrono::seconds{desk.options.access_seconds});
}

template <class Client> auto ask(Desk& desk, const Client& client) {
    return client.send(desk.chat(), Subject{"ann"}, WithoutBinding{});
}

}  // namespace

TEST_CASE("S32 S33 a crash at any step of a refresh leaves a pair that works, or asks the user") {
    const bool is_answered = GENERATE(false, true);
    const bool at_the_exchange = GENERATE(true, false);
    Desk desk;
    const auto client = desk.web();
    let_expire(desk, client);
    int crashes = 0;
    desk.wire.interfere([&](const Sent& sent, bool answered) -> std::optional<Reply> {
        if (crashes == 0 && answered == is_answered && sent.is_exchange() == at_the_exchange) {
            ++crashes;
            throw Crash();
        }
        return std::nullopt;
    });
    CHECK_THROWS_AS(ask(desk, client), Crash);
    CHECK(crashes == 1);

    const auto next = ask(desk, client);
    if (at_the_exchange) {
        // Nobody knows what became of the refresh token, so nobody sends it again.
        REQUIRE(!next);
        CHECK(next.error().kind == ErrorKind::authorization_needed);
        CHECK(desk.refreshes() == (is_answered ? 1 : 0));
        const auto done =
            client.resume<HttpRequest>(desk.browse(next.authorization().url), WithoutBinding{});
        CHECK(done);
    } else {
        // The new pair was stored before its access token was used.
        CHECK(next);
        CHECK(desk.refreshes() == 1);
        desk.clock.advance(std::chrono::seconds{desk.options.access_seconds});
        CHECK(ask(desk, client));
        CHECK(desk.refreshes() == 2);
    }
    CHECK(desk.service.totals().refresh_reuse == 0);
}

TEST_CASE("S37 a leader whose transport throws strands nobody, and the token is sent once") {
    Desk desk;
    const auto client = desk.web();
    let_expire(desk, client);
    std::atomic<int> started{0};
    std::atomic<bool> has_crashed{false};
    desk.wire.interfere([&](const Sent& sent, bool answered) -> std::optional<Reply> {
        if (!sent.is_exchange() || !answered || has_crashed.exchange(true)) return std::nullopt;
        while (started != 16) std::this_thread::yield();
        let_others_run();
        throw Crash();
    });
    std::atomic<int> crashed{0};
    std::atomic<int> asked{0};
    at_once(16, [&](int) {
        ++started;
        try {
            const auto result = ask(desk, client);
            if (!result && result.error().kind == ErrorKind::authorization_needed) ++asked;
        } catch (const Crash&) {
            ++crashed;
        }
    });
    CHECK(crashed == 1);
    CHECK(asked == 15);
    CHECK(desk.refreshes() == 1);
    CHECK(desk.service.totals().refresh_reuse == 0);
}

TEST_CASE("S37 a clock that throws, at whatever reading, strands nobody") {
    struct Watch : obo::Clock {
        mutable int left = -1;  // so many readings more; negative: all
        void read() const {
            if (left >= 0 && left-- == 0) throw Crash();
        }
        TimePoint now() const {
            read();
            return obo::Clock::now();
        }
        std::int64_t unix_seconds() const {
            read();
            return obo::Clock::unix_seconds();
        }
    };
    int crashes = 0;
    for (int reading = 0;; ++reading) {
        INFO("reading " << reading);
        Desk desk;
        Watch watch;
        const auto authorized = [](const AuthorizationRequest&) { return Authorized{}; };
        const auto browser = [&](const AuthorizationRequest& request) {
            return desk.browse(request.url);
        };
        const Client client{desk.wire,
                            OboReauth{coze::PkceLoopback{desk.pkce_app(), authorized, browser}},
                            coze::RetryOnRefusal{}, UseClock{watch}};
        watch.left = reading;
        const int before = crashes;
        try {
            (void)client.send(desk.chat(), Subject{"ann"});
        } catch (const Crash&) {
            ++crashes;
        }
        watch.left = -1;
        CHECK(client.send(desk.chat(), Subject{"ann"}));
        if (crashes == before) break;
    }
    CHECK(crashes > 5);
}

TEST_CASE("S18 a code whose exchange crashed is not sent again") {
    const bool is_answered = GENERATE(false, true);
    Desk desk;
    const auto client = desk.web();
    const auto first = ask(desk, client);
    REQUIRE(!first);
    const std::string back = desk.browse(first.authorization().url);
    int crashes = 0;
    desk.wire.interfere([&](const Sent& sent, bool answered) -> std::optional<Reply> {
        if (sent.is_exchange() && answered == is_answered && ++crashes == 1) throw Crash();
        return std::nullopt;
    });
    CHECK_THROWS_AS(client.resume<HttpRequest>(back, WithoutBinding{}), Crash);
    const auto again = client.resume<HttpRequest>(back, WithoutBinding{});
    REQUIRE(!again);
    CHECK(again.error().kind == ErrorKind::authorization_denied);
    CHECK(desk.wire.exchanges().size() == 1);
    CHECK(desk.service.totals().code_reuse == 0);

    const auto second = ask(desk, client);
    REQUIRE(!second);
    CHECK(client.resume<HttpRequest>(desk.browse(second.authorization().url), WithoutBinding{}));
}

TEST_CASE(
    "a Redirector that throws: the exception passes unchanged, and the next call asks again") {
    Desk desk;
    int asked = 0;
    const auto fails_once = [&asked](const AuthorizationRequest&) {
        if (++asked == 1) throw Crash();
        return HandedOver{};
    };
    const auto client = desk.client(coze::WebFlow{desk.web_app(), fails_once});
    CHECK_THROWS_AS(ask(desk, client), Crash);
    const auto next = ask(desk, client);
    REQUIRE(!next);
    CHECK(next.error().kind == ErrorKind::authorization_needed);
    CHECK(asked == 2);
    CHECK(client.resume<HttpRequest>(desk.browse(next.authorization().url), WithoutBinding{}));
}

TEST_CASE("a Redirector that throws hangs nobody who waits for its answer") {
    Desk desk;
    std::atomic<int> asked{0};
    std::atomic<int> started{0};
    const auto fails_once = [&](const AuthorizationRequest&) {
        if (++asked != 1) return HandedOver{};
        while (started != 16) std::this_thread::yield();
        let_others_run();
        throw Crash();
    };
    const auto client = desk.client(coze::WebFlow{desk.web_app(), fails_once});
    std::atomic<int> crashed{0};
    std::atomic<int> needed{0};
    at_once(16, [&](int) {
        ++started;
        try {
            const auto result = ask(desk, client);
            if (!result && result.error().kind == ErrorKind::authorization_needed) ++needed;
        } catch (const Crash&) {
            ++crashed;
        }
    });
    CHECK(crashed == 1);
    CHECK(needed == 15);
    CHECK(asked == 2);
}

TEST_CASE("a listener that throws passes its exception, and the flow can be begun again") {
    Desk desk;
    int turns = 0;
    const auto shows = [](const AuthorizationRequest&) { return Authorized{}; };
    const auto listener = [&](const AuthorizationRequest& request) -> std::string {
        if (++turns == 1) throw Crash();
        return desk.browse(request.url);
    };
    const auto client = desk.client(coze::PkceLoopback{desk.pkce_app(), shows, listener});
    CHECK_THROWS_AS(client.send(desk.chat()), Crash);
    CHECK(client.send(desk.chat()));
    CHECK(turns == 2);
}

TEST_CASE("a device flow whose poll throws can be asked again") {
    FakeCoze::Options wishes;
    wishes.device_auto_approve_polls = 1;
    Desk desk{wishes};
    int crashes = 0;
    desk.wire.interfere([&](const Sent& sent, bool) -> std::optional<Reply> {
        if (sent.is_exchange() && ++crashes == 1) throw Crash();
        return std::nullopt;
    });
    const auto client = desk.client(coze::DeviceFlow{
        desk.device_app(), [](const AuthorizationRequest&) { return Authorized{}; }});
    CHECK_THROWS_AS(client.send(desk.chat()), Crash);
    CHECK(client.send(desk.chat()));
}

TEST_CASE("S63 a device flow whose poll throws while it is resumed is resumed again, never early") {
    const bool is_answered = GENERATE(false, true);
    Desk desk;
    std::vector<std::int64_t> polls;
    std::int64_t began = 0;
    const auto client = desk.client(coze::DeviceFlow{desk.device_app(), HandOver{}});
    const auto asked = client.send(desk.chat());
    REQUIRE(!asked);
    began = desk.clock.unix_seconds();
    desk.wire.interfere([&](const Sent& sent, bool answered) -> std::optional<Reply> {
        if (!sent.is_exchange()) return std::nullopt;
        if (!answered) polls.push_back(desk.clock.unix_seconds() - began);
        if (polls.size() == 1 && answered == is_answered) throw Crash();
        return std::nullopt;
    });
    const std::string flow = asked.authorization().flow;
    CHECK_THROWS_AS(client.resume<HttpRequest>(flow), Crash);
    REQUIRE(desk.service.approve_device(asked.authorization().user_code));
    CHECK(client.resume<HttpRequest>(flow));
    CHECK(polls == std::vector<std::int64_t>{5, 15});
    CHECK(desk.service.totals().slow_downs == 0);
    CHECK(!client.resume<HttpRequest>(flow));
}

TEST_CASE("a bare Redirector that throws passes its exception and is asked again") {
    Desk desk;
    int asked = 0;
    const auto fails_once = [&asked](const AuthorizationRequest&) {
        if (++asked == 1) throw Crash();
        return HandedOver{};
    };
    const Client client{[](const HttpRequest&, const Attempt&) { return coded(4101); },
                        CredentialChain{Key{}}, coze::RetryOnRefusal{}, coze::Api{},
                        OboReauth{fails_once}};
    CHECK_THROWS_AS(client.send(desk.chat()), Crash);
    const auto next = client.send(desk.chat());
    REQUIRE(!next);
    CHECK(next.error().kind == ErrorKind::authorization_needed);
    CHECK(asked == 2);
}
