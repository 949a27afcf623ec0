// SPDX-License-Identifier: BSL-1.0
#include <rekey/coze/device_flow.hpp>

#include "catch.hpp"
#include "support/obo.hpp"

#include <rekey/cancellation.hpp>

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
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

/// Shows the code and stays.
const auto shows = [](const AuthorizationRequest&) { return Authorized{}; };

/// A Redirector that keeps what it was given; its answer is the test's.
template <class Answer> auto keeps(AuthorizationRequest& kept, Answer answer) {
    return [&kept, answer](const AuthorizationRequest& request) {
        kept = request;
        return answer;
    };
}

/// The seconds of our clock at which the token endpoint was asked, counted from the device code.
struct Polls {
    explicit Polls(Desk& desk) : desk_(desk) {
        desk.wire.interfere([this](const Sent& sent, bool is_answered) -> std::optional<Reply> {
            if (sent.request.url.find("/device/code") != std::string::npos)
                began_ = desk_.clock.unix_seconds();
            if (!sent.is_exchange() || is_answered) return std::nullopt;
            at.push_back(desk_.clock.unix_seconds() - began_);
            return poll ? poll(at.size()) : std::nullopt;
        });
    }
    std::vector<std::int64_t> at{};
    std::function<std::optional<Reply>(std::size_t)> poll{};

private:
    Desk& desk_;
    std::int64_t began_ = 0;
};

Reply error(const char* word) {
    return json(400, std::string(R"({"error_code":")") + word + "\"}");
}

}  // namespace

TEST_CASE("S59 a device shows its code, polls at the interval to the second, and goes on") {
    FakeCoze::Options wishes;
    wishes.device_auto_approve_polls = 3;
    Desk desk{wishes};
    Polls polls{desk};
    AuthorizationRequest shown;
    const auto client =
        desk.client(coze::DeviceFlow{desk.device_app(), keeps(shown, Authorized{})});
    const std::int64_t began = desk.clock.unix_seconds();
    const auto done = client.send(desk.chat(), Subject{"ann"});
    REQUIRE(done);
    CHECK(polls.at == std::vector<std::int64_t>{5, 10, 15, 20});
    CHECK(desk.clock.waits() == std::vector<Duration>(4, 5s));
    CHECK(desk.service.totals().slow_downs == 0);
    CHECK(shown.subject == "ann");
    CHECK(shown.page == desk.options.base + "/device");
    CHECK(shown.url == shown.page + "?user_code=" + shown.user_code);
    CHECK(shown.user_code.size() == 9);
    CHECK(shown.expires_at == began + 300);
    CHECK(client.send(desk.chat(), Subject{"ann"}));
    CHECK(desk.exchanges("device_code") == 1);
}

TEST_CASE("a device is refreshed after the move, and its user is asked once more") {
    FakeCoze::Options wishes;
    wishes.device_auto_approve_polls = 1;
    Desk desk{wishes};
    const auto client = desk.client(coze::DeviceFlow{desk.device_app(), shows});
    REQUIRE(client.send(desk.chat()));
    desk.clock.advance(60s);
    desk.service.move();
    CHECK(client.send(desk.chat()));
    CHECK(desk.refreshes() == 1);
    CHECK(desk.exchanges("device_code") == 2);
    CHECK(desk.service.totals().refresh_reuse == 0);
}

TEST_CASE(
    "what the token of a user who has just authorized meets is reported, not that they had to") {
    struct Case {
        const char* body;
        ErrorKind kind;
        std::int64_t code;
    };
    for (const Case& each :
         {Case{R"({"code":4101,"msg":"still"})", ErrorKind::refused, 4101},
          Case{R"({"code":4200,"msg":"still"})", ErrorKind::not_found, 4200},
          Case{R"({"code":4011,"msg":"still"})", ErrorKind::quota_exhausted, 4011}})
        for (const bool had_tokens : {false, true}) {
            CAPTURE(each.body, had_tokens);
            FakeCoze::Options wishes;
            wishes.device_auto_approve_polls = 1;
            Desk desk{wishes};
            const auto client = desk.client(coze::DeviceFlow{desk.device_app(), shows});
            if (had_tokens) {
                REQUIRE(client.send(desk.chat()));
                desk.clock.advance(60s);
                desk.service.move();
            }
            desk.wire.interfere([&](const Sent& sent, bool) -> std::optional<Reply> {
                const bool is_new = desk.exchanges("device_code") == (had_tokens ? 2u : 1u);
                if (sent.request.url.find("/v3/chat") == std::string::npos || !is_new)
                    return std::nullopt;
                return json(200, each.body);
            });
            const auto result = client.send(desk.chat());
            REQUIRE(!result);
            CHECK(result.error().kind == each.kind);
            CHECK(result.error().service_code == each.code);
            CHECK(result.error().http_status == 200);
            CHECK(result.error().message() == "still");
            CHECK(result.error().response() != nullptr);
        }
}

TEST_CASE("S60 each slow_down adds five seconds for good") {
    Desk desk;
    Polls polls{desk};
    polls.poll = [](std::size_t number) -> std::optional<Reply> {
        if (number == 2 || number == 4) return error("slow_down");
        return number < 7 ? std::optional<Reply>(error("authorization_pending"))
                          : std::optional<Reply>(error("access_denied"));
    };
    const auto client = desk.client(coze::DeviceFlow{desk.device_app(), shows});
    CHECK(!client.send(desk.chat()));
    CHECK(polls.at == std::vector<std::int64_t>{5, 10, 20, 30, 45, 60, 75});
}

TEST_CASE("S61 a lost poll doubles the wait until an answer comes") {
    Desk desk;
    Polls polls{desk};
    polls.poll = [](std::size_t number) -> std::optional<Reply> {
        if (number < 3) return lost();
        return number < 5 ? std::optional<Reply>(error("authorization_pending"))
                          : std::optional<Reply>(error("access_denied"));
    };
    const auto client = desk.client(coze::DeviceFlow{desk.device_app(), shows});
    CHECK(!client.send(desk.chat()));
    CHECK(polls.at == std::vector<std::int64_t>{5, 15, 35, 40, 45});
}

TEST_CASE("S62 a person who refuses ends the request, and nothing starts it again") {
    Desk desk;
    Polls polls{desk};
    const auto client =
        desk.client(coze::DeviceFlow{desk.device_app(), [&](const AuthorizationRequest& request) {
                                         CHECK(desk.service.deny_device(request.user_code));
                                         return Authorized{};
                                     }});
    const auto result = client.send(desk.chat());
    REQUIRE(!result);
    CHECK(result.error().kind == ErrorKind::authorization_denied);
    CHECK(result.stop_reason() == StopReason::needs_user);
    CHECK(polls.at == std::vector<std::int64_t>{5});
    CHECK(desk.wire.sent().size() == 2);
}

TEST_CASE("S63 nobody polls once the code has expired, and the dead code is not shown") {
    Desk desk;
    Polls polls{desk};
    const auto client = desk.client(coze::DeviceFlow{desk.device_app(), shows});
    const auto result = client.send(desk.chat());
    REQUIRE(!result);
    CHECK(result.error().kind == ErrorKind::authorization_needed);
    REQUIRE(!polls.at.empty());
    CHECK(polls.at.size() == 59);
    CHECK(polls.at.back() == 295);
    CHECK(result.authorization().url == result.authorization().page);
    CHECK(result.authorization().url.find("user_code") == std::string::npos);
    CHECK(result.authorization().user_code.empty());

    // The next call is a new question.
    const auto again = client.send(desk.chat());
    CHECK(!again);
    CHECK(polls.at.size() == 118);
}

TEST_CASE("S63 a device that is stopped while it polls ends as cancelled") {
    Desk desk;
    Polls polls{desk};
    polls.poll = [](std::size_t) -> std::optional<Reply> { return cancelled(); };
    const auto client = desk.client(coze::DeviceFlow{desk.device_app(), shows});
    const auto result = client.send(desk.chat());
    REQUIRE(!result);
    CHECK(result.error().kind == ErrorKind::cancelled);
    CHECK(result.stop_reason() == StopReason::cancelled);
    CHECK(polls.at.size() == 1);
}

TEST_CASE("a device flow that was handed over is polled on by resume, and its request finishes") {
    Desk desk;
    Polls polls{desk};
    const auto client = desk.client(coze::DeviceFlow{desk.device_app(), HandOver{}});
    const auto asked = client.send(desk.chat(), Subject{"ann"});
    REQUIRE(!asked);
    CHECK(asked.error().kind == ErrorKind::authorization_needed);
    CHECK(polls.at.empty());
    const std::string flow = asked.authorization().flow;
    REQUIRE(desk.service.approve_device(asked.authorization().user_code, "ann"));
    SECTION("at once: the first poll still waits for its interval") {
        CHECK(client.resume<HttpRequest>(flow));
        CHECK(polls.at == std::vector<std::int64_t>{5});
    }
    SECTION("later: the interval is over") {
        desk.clock.advance(60s);
        CHECK(client.resume<HttpRequest>(flow));
        CHECK(polls.at == std::vector<std::int64_t>{60});
        CHECK(desk.clock.waits().empty());
    }
    SECTION("too late") {
        desk.clock.advance(300s);
        const auto late = client.resume<HttpRequest>(flow);
        REQUIRE(!late);
        CHECK(late.error().kind == ErrorKind::authorization_needed);
        CHECK(late.authorization().url == asked.authorization().page);
        CHECK(polls.at.empty());
    }
    SECTION("in another process, with the request") {
        const Resumable<HttpRequest> waiting{desk.chat(), asked, Subject{"ann"}};
        CHECK(client.resume(waiting, flow));
    }
    // Once, in any case.
    const auto second = client.resume<HttpRequest>(flow);
    REQUIRE(!second);
    CHECK(second.error().kind == ErrorKind::authorization_denied);
    CHECK(desk.service.totals().chats_executed <= 1);
}

TEST_CASE("of several resumes of one device flow one counts") {
    Desk desk;
    const auto client = desk.client(coze::DeviceFlow{desk.device_app(), HandOver{}});
    const auto asked = client.send(desk.chat());
    REQUIRE(!asked);
    REQUIRE(desk.service.approve_device(asked.authorization().user_code));
    std::atomic<int> won{0};
    at_once(8, [&](int) {
        if (client.resume<HttpRequest>(asked.authorization().flow)) ++won;
    });
    CHECK(won == 1);
    CHECK(desk.service.totals().chats_executed == 1);
}

TEST_CASE("S63 a resume of a device that was stopped goes on at the next, never early") {
    Desk desk;
    Polls polls{desk};
    const auto client = desk.client(coze::DeviceFlow{desk.device_app(), HandOver{}});
    const auto asked = client.send(desk.chat());
    REQUIRE(!asked);
    const std::string flow = asked.authorization().flow;
    Canceller stop;
    std::vector<std::int64_t> wanted{5, 10, 15};
    SECTION("while it waited") {
        desk.clock.while_waiting = [&](Duration) {
            if (polls.at.size() == 2) stop.cancel();
        };
    }
    SECTION("while it polled, and nobody knows whether the poll arrived") {
        wanted = {5, 10, 20};
        polls.poll = [](std::size_t number) -> std::optional<Reply> {
            return number == 2 ? std::optional<Reply>(cancelled()) : std::nullopt;
        };
    }
    const auto stopped = client.resume<HttpRequest>(flow, Cancellation{stop});
    REQUIRE(!stopped);
    CHECK(stopped.error().kind == ErrorKind::cancelled);
    desk.clock.while_waiting = {};
    REQUIRE(desk.service.approve_device(asked.authorization().user_code));
    CHECK(client.resume<HttpRequest>(flow));
    CHECK(polls.at == wanted);
    CHECK(desk.service.totals().slow_downs == 0);
    CHECK(desk.service.totals().chats_executed == 1);
}

TEST_CASE("while a resume that was stopped may go on, its person is not disturbed again") {
    Desk desk;
    int shown = 0;
    const auto show = [&shown](const AuthorizationRequest&) {
        ++shown;
        return HandedOver{};
    };
    const auto client = desk.client(coze::DeviceFlow{desk.device_app(), show});
    const auto asked = client.send(desk.chat());
    REQUIRE(!asked);
    Canceller stop;
    desk.clock.while_waiting = [&stop](Duration) { stop.cancel(); };
    CHECK(!client.resume<HttpRequest>(asked.authorization().flow, Cancellation{stop}));
    desk.clock.while_waiting = {};
    CHECK(!client.send(desk.chat()));
    CHECK(shown == 1);
    REQUIRE(desk.service.deny_device(asked.authorization().user_code));
    CHECK(!client.resume<HttpRequest>(asked.authorization().flow));
    CHECK(!client.send(desk.chat()));
    CHECK(shown == 2);
}

TEST_CASE("one authorization finishes all requests of the device, and no dead code is polled") {
    Desk desk;
    Polls polls{desk};
    int shown = 0;
    const auto show = [&shown](const AuthorizationRequest&) {
        ++shown;
        return HandedOver{};
    };
    const auto client = desk.client(coze::DeviceFlow{desk.device_app(), show});
    const auto first = client.send(desk.chat(R"(,"tab":1)"), Subject{"ann"});
    const auto second = client.send(desk.chat(R"(,"tab":2)"), Subject{"ann"});
    REQUIRE(!first);
    REQUIRE(!second);
    CHECK(shown == 1);
    const std::string of_first = first.authorization().flow;
    const std::string of_second = second.authorization().flow;
    REQUIRE(of_first != of_second);

    SECTION("one after the other") {
        REQUIRE(desk.service.approve_device(first.authorization().user_code, "ann"));
        REQUIRE(client.resume<HttpRequest>(of_first));
        REQUIRE(client.resume<HttpRequest>(of_second));
        CHECK(polls.at.size() == 1);
    }
    SECTION("the second is waited for first, while the code of the first is typed in") {
        bool is_typed = false;
        polls.poll = [&](std::size_t number) -> std::optional<Reply> {
            if (number != 2 || is_typed) return std::nullopt;
            is_typed = true;
            CHECK(desk.service.approve_device(first.authorization().user_code, "ann"));
            CHECK(client.resume<HttpRequest>(of_first));
            return error("authorization_pending");
        };
        REQUIRE(client.resume<HttpRequest>(of_second));
        CHECK(polls.at.size() == 3);  // two of the second, and the one of the first that counted
    }
    const auto chats = desk.wire.chats();
    REQUIRE(chats.size() == 2);
    CHECK(chats[0].holds(R"("tab":1)"));
    CHECK(chats[1].holds(R"("tab":2)"));
    CHECK(desk.exchanges("device_code") == 1);
    CHECK(!client.resume<HttpRequest>(of_second));
}

TEST_CASE("S55 what another user has authorized ends nobody's device flow") {
    Desk desk;
    const auto client = desk.client(coze::DeviceFlow{desk.device_app(), HandOver{}});
    const auto anns = client.send(desk.chat(), Subject{"ann"});
    const auto bobs = client.send(desk.chat(), Subject{"bob"});
    REQUIRE(!anns);
    REQUIRE(!bobs);
    REQUIRE(desk.service.approve_device(anns.authorization().user_code, "ann"));
    REQUIRE(client.resume<HttpRequest>(anns.authorization().flow));
    const auto late = client.resume<HttpRequest>(bobs.authorization().flow);
    REQUIRE(!late);
    CHECK(late.error().kind == ErrorKind::authorization_needed);
    CHECK(desk.wire.chats().size() == 1);
}

TEST_CASE("S5 a device flow of another browser is neither finished nor spoilt") {
    Desk desk;
    const auto client = desk.client(coze::DeviceFlow{desk.device_app(), HandOver{}});
    const auto asked = client.send(desk.chat(), Subject{"ann"}, Binding{"screen of ann"});
    REQUIRE(!asked);
    REQUIRE(desk.service.approve_device(asked.authorization().user_code, "ann"));
    const std::string flow = asked.authorization().flow;
    CHECK(!client.resume<HttpRequest>(flow, Binding{"screen of eve"}));
    CHECK(!client.resume<HttpRequest>(flow, Binding{""}));
    CHECK(!client.resume<HttpRequest>(flow));
    CHECK(desk.wire.chats().empty());
    CHECK(client.resume<HttpRequest>(flow, Binding{"screen of ann"}));
    SECTION("and an empty handle begins none") {
        const auto sent = desk.wire.sent().size();
        const auto nobody = client.send(desk.chat(), Subject{"bob"}, Binding{""});
        REQUIRE(!nobody);
        CHECK(nobody.error().kind == ErrorKind::configuration);
        CHECK(desk.wire.sent().size() == sent);
    }
}

TEST_CASE("a name that no device flow has is refused without a poll") {
    Desk desk;
    const auto client = desk.client(coze::DeviceFlow{desk.device_app(), HandOver{}});
    for (const char* flow : {"", "unknown", "/callback?code=1&state=2"}) {
        const auto result = client.resume<HttpRequest>(flow);
        REQUIRE(!result);
        CHECK(result.error().kind == ErrorKind::authorization_denied);
    }
    CHECK(desk.wire.sent().empty());
}

TEST_CASE("a page to sign in on a device begins without a request") {
    Desk desk;
    const auto client = desk.client(coze::DeviceFlow{desk.device_app(), HandOver{}});
    const auto begun = client.begin_authorization(Subject{"ann"});
    REQUIRE(begun);
    CHECK(!begun.request.user_code.empty());
    REQUIRE(desk.service.approve_device(begun.request.user_code, "ann"));
    const auto end = client.authorize(begun.request.flow);
    REQUIRE(end);
    CHECK(end.subject == "ann");
    CHECK(client.send(desk.chat(), Subject{"ann"}));
    CHECK(!client.send(desk.chat(), Subject{"bob"}));
}

TEST_CASE("64 calls of a device show one code") {
    FakeCoze::Options wishes;
    wishes.device_auto_approve_polls = 1;
    Desk desk{wishes};
    std::atomic<int> shown{0};
    std::atomic<int> started{0};
    const auto show = [&](const AuthorizationRequest&) {
        ++shown;
        while (started != 64) std::this_thread::yield();
        let_others_run();
        return Authorized{};
    };
    const auto client = desk.client(coze::DeviceFlow{desk.device_app(), show});
    std::atomic<int> finished{0};
    at_once(64, [&](int) {
        ++started;
        if (client.send(desk.chat())) ++finished;
    });
    CHECK(finished == 64);
    CHECK(shown == 1);
    CHECK(desk.exchanges("device_code") == 1);
}

TEST_CASE("settings of a device app that cannot work are told as such") {
    Desk desk;
    auto app = desk.device_app();
    SECTION("an app that is none") { app.client_id = "nobody"; }
    SECTION("an app of another kind") { app.client_id = desk.options.web_client_id; }
    SECTION("a workspace id that is none") { app.workspace_id = "../x"; }
    SECTION("http outside loopback") { app.base = "http://api.example"; }
    int shown = 0;
    const auto client = desk.client(coze::DeviceFlow{app, [&](const AuthorizationRequest&) {
                                                         ++shown;
                                                         return Authorized{};
                                                     }});
    const auto result = client.send(desk.chat());
    REQUIRE(!result);
    CHECK(result.error().kind != ErrorKind::authorization_needed);
    CHECK(!result.error().message().empty());
    CHECK(shown == 0);
    CHECK(desk.clock.waits().empty());
}

TEST_CASE("S64 the device code is in no text and on no screen") {
    Desk desk;
    std::vector<std::string> secrets;
    std::string seen;
    desk.wire.interfere([&](const Sent& sent, bool) -> std::optional<Reply> {
        const std::string mark = "\"device_code\":\"";
        const std::size_t place = sent.request.body.find(mark);
        if (place == std::string::npos) return std::nullopt;
        const std::string rest = sent.request.body.substr(place + mark.size());
        secrets.push_back(rest.substr(0, rest.find('"')));
        HttpResponse no{
            400,
            {{"Content-Type", "application/json"}, {"X-Tt-Logid", secrets.back()}},
            R"({"error_code":"invalid_request","error_message":"no )" + secrets.back() + "\"}"};
        return no;
    });
    const auto client = desk.client(
        coze::DeviceFlow{desk.device_app(), [&](const AuthorizationRequest& request) {
                             seen = request.url + request.page + request.user_code + request.flow;
                             return Authorized{};
                         }});
    const auto result = client.send(desk.chat());
    REQUIRE(!result);
    seen += texts_of(result) + result.authorization().url + result.authorization().flow;
    REQUIRE(!secrets.empty());
    for (const std::string& secret : secrets) {
        REQUIRE(!secret.empty());
        CHECK(seen.find(secret) == std::string::npos);
    }
}

TEST_CASE("S7 of more waiting codes than a client keeps, the oldest gives way", "[one_thread]") {
    constexpr std::size_t kept = 10000;
    Desk desk;
    const auto client = desk.client(coze::DeviceFlow{desk.device_app(), shows});
    std::vector<AuthorizationRequest> begun;
    for (std::size_t i = 0; i != kept + 1; ++i) {
        auto begin = client.begin_authorization(Subject{"user " + std::to_string(i)});
        REQUIRE(begin);
        if (i < 2 || i == kept) begun.push_back(begin.request);
    }
    for (const AuthorizationRequest& request : begun)
        REQUIRE(desk.service.approve_device(request.user_code));
    const auto oldest = client.authorize(begun[0].flow);
    CHECK_FALSE(oldest);
    CHECK(oldest.kind == ErrorKind::authorization_denied);
    CHECK(client.authorize(begun[1].flow));
    CHECK(client.authorize(begun[2].flow));
}
