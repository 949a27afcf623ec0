// SPDX-License-Identifier: BSL-1.0
// The suite of all transports: one script, one result, whatever library sends.
//
// An adapter's test defines a harness (transport_harness.hpp), names it and includes this file:
//
//   #define REKEY_TRANSPORT Curl
//   #include "../support/transport_suite.hpp"
//
// once for each of its harnesses.
//
// Calls run against a FakeCoze on loopback, single attempts against a scripted server.
#ifndef REKEY_TESTS_SUPPORT_TRANSPORT_SUITE_HPP
#define REKEY_TESTS_SUPPORT_TRANSPORT_SUITE_HPP

#include <rekey/cancellation.hpp>
#include <rekey/coze.hpp>
#include <rekey/idempotency_key.hpp>
#include <rekey/policy/backoff.hpp>
#include <rekey/policy/retry_after.hpp>
#include <rekey/testing/print.hpp>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <cstddef>
#include <string>
#include <string_view>
#include <thread>
#include <tuple>
#include <vector>

#include "catch.hpp"
#include "coze_on_wire.hpp"
#include "transport_harness.hpp"

namespace suite {

using harness::Answer;
using harness::Ended;
using loopback::Connection;
using loopback::Server;
using rekey::Attempt;
using rekey::AttemptFields;
using rekey::HttpRequest;
using rekey::HttpResponse;
using rekey::Reach;
using rekey::TransportVerdict;
using rekey::testing::FakeCoze;
using rekey::testing::FakeFault;
using rekey::testing::FakeWire;
using std::chrono::milliseconds;
using std::chrono::seconds;

inline constexpr std::string_view canary = "pat_canary_0123456789";

inline Attempt signed_attempt(rekey::Duration timeout = {}) {
    AttemptFields fields;
    fields.authorization = "Bearer pat_canary_0123456789";
    fields.timeout = timeout;
    return Attempt{fields};
}
inline HttpRequest post(std::string url, std::string body = "{}") {
    return {"POST", std::move(url), {{"Content-Type", "application/json"}}, std::move(body)};
}

/// `sent, no answer` and the like; `answered` for an answer. No text of a failure has a token.
inline std::string reach_of(const Answer& answer) {
    if (answer.has_value()) return "answered";
    CHECK_FALSE(answer.error().detail.empty());
    CHECK(answer.error().detail.find(canary) == std::string::npos);
    UNSCOPED_INFO(answer.error().detail);
    std::string reach(rekey::testing::word(answer.error().reach));
    if (answer.error().verdict == TransportVerdict::lasting) reach += ", lasting";
    if (answer.error().verdict == TransportVerdict::cancelled) reach += ", cancelled";
    return reach;
}

/// `personal 401 4100; enterprise 200 0; success`: the attempts of a call, and how it ended.
inline std::string story(const Ended& ended) {
    const auto& trail = ended.outcome.trail();
    std::string told;
    for (std::size_t i = 0; i != trail.size(); ++i) {
        told += std::string(trail.credential(trail[i]));
        if (trail[i].http_status != 0) told += ' ' + std::to_string(trail[i].http_status);
        if (trail[i].has_service_code) told += ' ' + std::to_string(trail[i].service_code);
        if (trail[i].reach != Reach::answered)
            told += ' ' + std::string(rekey::testing::word(trail[i].reach));
        told += "; ";
    }
    told += to_string(ended.outcome.stop_reason());
    if (!ended.outcome) {
        told += ' ' + std::string(to_string(ended.outcome.error().kind));
        CHECK(ended.outcome.error().describe().find("pat_") == std::string::npos);
    }
    return told;
}

/// A FakeCoze on loopback and a client of two tokens, which falls back and repeats.
template <class Harness> struct Desk {
    FakeCoze coze{};
    Server server{loopback::serves(coze)};
    Harness under_test{};

    template <class... Extras> Ended chat(const Extras&... extras) {
        const auto options = coze.options();
        const auto policies = std::make_tuple(
            rekey::CredentialChain{
                rekey::coze::Pat<rekey::coze::Personal>{options.personal_token, server.url("")},
                rekey::coze::Pat<rekey::coze::Enterprise>{options.enterprise_token,
                                                          server.url("")}},
            rekey::RetryOn<rekey::AuthRejected, rekey::NotFound, rekey::RateLimited,
                           rekey::Transient>{},
            rekey::MaxAttempts<3>{}, rekey::RetryAfter{});
        return under_test.call(
            policies,
            post(server.url("/v3/chat"),
                 R"({"bot_id":")" + options.bot_id + R"(","user_id":"user_1","stream":false})"),
            extras...);
    }
    std::int64_t chats() const { return coze.totals().chats_executed; }
};

/// A port of this machine where nobody listens.
inline std::string closed_url() {
    const Server server(Server::always(200, ""));
    return server.url("/?secret=pat_canary_0123456789");
}

/// Listens and never accepts, and its queue is full: whoever connects waits.
class Unreachable {
public:
    Unreachable() {
        listener_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        address_.sin_family = AF_INET;
        address_.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        socklen_t size = sizeof address_;
        REQUIRE(::bind(listener_, any(), size) == 0);
        REQUIRE(::listen(listener_, 0) == 0);
        REQUIRE(::getsockname(listener_, any(), &size) == 0);
        for (int& filler : fillers_) {
            filler = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
            (void)::connect(filler, any(), size);
        }
    }
    ~Unreachable() {
        for (const int filler : fillers_) ::close(filler);
        ::close(listener_);
    }
    Unreachable(const Unreachable&) = delete;
    Unreachable& operator=(const Unreachable&) = delete;
    std::string url() const {
        return "http://127.0.0.1:" + std::to_string(ntohs(address_.sin_port)) + "/";
    }

private:
    sockaddr* any() { return reinterpret_cast<sockaddr*>(&address_); }
    int listener_ = -1;
    int fillers_[4] = {-1, -1, -1, -1};
    sockaddr_in address_{};
};

/// Sends one POST to a server that behaves like that, which must have seen it so often.
template <class Harness>
std::string reach_against(const Server::Behaviour& behaviour, std::size_t seen = 1,
                          rekey::Duration timeout = {}) {
    Server server(behaviour);
    Harness under_test;
    const Answer answer = under_test.exchange(post(server.url()), signed_attempt(timeout));
    CHECK(server.requests().size() == seen);
    // A connection that nobody has read from may be opened again: nothing was sent twice.
    if (seen != 0) CHECK(server.connections() == 1);
    return reach_of(answer);
}
inline Server::Behaviour says(std::string bytes) {
    return [bytes](Connection& connection) {
        if (connection.read()) connection.write(bytes);
    };
}

/// A template, so that it is not compiled for a library that cannot do it.
template <class Harness> void check_cancellation() {
    if constexpr (!Harness::cancels) {
        SUCCEED("nobody can stop an attempt of this library");
    } else {
        Server server([](Connection& connection) {
            connection.read();
            connection.linger_until_closed();
        });
        Harness under_test;
        rekey::testing::ManualScheduler time;
        const rekey::driver::callback::Client client{
            std::ref(under_test.transport), std::ref(time), rekey::UseClock{time},
            rekey::RetryOn<rekey::Transient>{}, rekey::MaxAttempts<3>{}};
        std::string ended;
        const rekey::Canceller stop;
        client.send(
            post(server.url()),
            [&](const harness::Outcome& outcome) {
                ended = std::string(to_string(outcome.stop_reason()));
            },
            rekey::Cancellation{stop}, rekey::Idempotent{});
        under_test.turn_until([&] { return server.requests().size() == 1; });
        CHECK(ended.empty());
        stop.cancel();
        CHECK(ended == "cancelled");
        under_test.turn_until([&] { return server.open_connections() == 0; });
        CHECK(server.requests().size() == 1);
        CHECK(client.in_flight() == 0);
    }
}

/// Eight threads over one transport, each send with a token and a body of its own.
template <class Harness> void check_threads() {
    if constexpr (!Harness::blocks) {
        SUCCEED("a transport that calls back has tests of its own for threads");
    } else {
        Server server([](Connection& connection) {
            loopback::Request seen;
            while (connection.read(seen)) connection.answer(200, seen.body);
        });
        const auto transport = Harness{}.transport;
        std::atomic<int> right{0};
        std::vector<std::thread> threads;
        for (int thread = 0; thread != 8; ++thread)
            threads.emplace_back([&, thread, copy = transport] {
                for (int i = 0; i != 20; ++i) {
                    const std::string body = std::to_string(thread) + ":" + std::to_string(i);
                    const std::string token = "Bearer " + body;
                    AttemptFields fields;
                    fields.authorization = token;
                    const auto answer =
                        (i % 2 == 0 ? transport : copy)(post(server.url(), body), Attempt{fields});
                    if (answer.has_value() && (*answer).body == body) ++right;
                }
            });
        for (std::thread& thread : threads) thread.join();
        CHECK(right == 160);
        CHECK(server.connections() <= 8);
        const auto seen = server.requests();
        REQUIRE(seen.size() == 160);
        for (const loopback::Request& request : seen)
            CHECK(request.header("Authorization") == "Bearer " + request.body);
    }
}

}  // namespace suite

#define REKEY_TRANSPORT_TEXT(name) #name
#define REKEY_TRANSPORT_NAME(name) REKEY_TRANSPORT_TEXT(name)
#define REKEY_TRANSPORT_TEST(sentence) \
    TEST_CASE(sentence " - " REKEY_TRANSPORT_NAME(REKEY_TRANSPORT), "[transport]")
#define REKEY_TRANSPORT_JOIN(begin, name) begin##name
#define REKEY_TRANSPORT_SPACE_OF(name) REKEY_TRANSPORT_JOIN(on_, name)
#define REKEY_TRANSPORT_SPACE REKEY_TRANSPORT_SPACE_OF(REKEY_TRANSPORT)

#endif

namespace REKEY_TRANSPORT_SPACE {

namespace {
using UnderTest = REKEY_TRANSPORT;
}

REKEY_TRANSPORT_TEST("a request that is accepted is sent once") {
    suite::Desk<UnderTest> desk;
    CHECK(suite::story(desk.chat()) == "personal 200 0; success");
    CHECK(desk.chats() == 1);
    CHECK(desk.server.requests().size() == 1);
}

REKEY_TRANSPORT_TEST("a refusal goes on with the next credential, on any HTTP status") {
    for (const int status : {200, 401, 403, 404}) {
        suite::Desk<UnderTest> desk;
        desk.coze.refuse_with({4100, status, {}});
        desk.coze.move();
        CHECK(suite::story(desk.chat()) ==
              "personal " + std::to_string(status) + " 4100; enterprise 200 0; success");
        CHECK(desk.chats() == 1);
        const auto seen = desk.server.requests();
        REQUIRE(seen.size() == 2);
        CHECK(seen[0].body == seen[1].body);
        CHECK(seen[0].count("Authorization") == 1);
        CHECK(seen[1].count("Authorization") == 1);
        CHECK(seen[0].header("Authorization") != seen[1].header("Authorization"));
    }
}

REKEY_TRANSPORT_TEST("a request that both credentials are refused is sent twice and reported") {
    suite::Desk<UnderTest> desk;
    suite::FakeFault fault;
    fault.times = 0;
    fault.status = 401;
    fault.body = R"({"code":4100,"msg":"no"})";
    desk.coze.fault(fault);
    const auto ended = desk.chat();
    CHECK(suite::story(ended) ==
          "personal 401 4100; enterprise 401 4100; remedies_used_up refused");
    CHECK(ended.outcome.error().credential == "personal");
    CHECK(desk.chats() == 0);
}

REKEY_TRANSPORT_TEST("Retry-After is heard") {
    suite::Desk<UnderTest> desk;
    suite::FakeFault fault;
    fault.status = 429;
    fault.retry_after = 7;
    desk.coze.fault(fault);
    const auto ended = desk.chat();
    CHECK(suite::story(ended) == "personal 429; personal 200 0; success");
    CHECK(ended.waits == std::vector<rekey::Duration>{std::chrono::seconds{7}});
}

REKEY_TRANSPORT_TEST("a service that fails is asked again, if that is safe") {
    suite::Desk<UnderTest> desk;
    suite::FakeFault fault;
    fault.times = 3;
    fault.status = 503;
    desk.coze.fault(fault);
    CHECK(suite::story(desk.chat()) == "personal 503; unsafe_to_repeat transient");
    CHECK(suite::story(desk.chat(rekey::Idempotent{})) ==
          "personal 503; personal 503; personal 200 0; success");
    CHECK(desk.chats() == 1);
}

REKEY_TRANSPORT_TEST("an answer that is lost leaves a POST in doubt, which is not sent again") {
    suite::Desk<UnderTest> desk;
    suite::FakeFault fault;
    fault.wire = suite::FakeWire::reset_before_answer;
    desk.coze.fault(fault);
    CHECK(suite::story(desk.chat()) == "personal sent, no answer; unsafe_to_repeat transport");
    CHECK(desk.chats() == 1);
    CHECK(desk.server.requests().size() == 1);

    desk.coze.fault(fault);
    CHECK(suite::story(desk.chat(rekey::IdempotencyKey{"key-1"})) ==
          "personal sent, no answer; personal 200 0; success");
    CHECK(desk.server.requests().back().header("Idempotency-Key") == "key-1");
    CHECK(desk.server.requests().back().count("Idempotency-Key") == 1);
}

REKEY_TRANSPORT_TEST("an answer that is cut short is none") {
    suite::Desk<UnderTest> desk;
    suite::FakeFault fault;
    fault.wire = suite::FakeWire::truncated_body;
    fault.bytes = 12;
    desk.coze.fault(fault);
    CHECK(suite::story(desk.chat()) == "personal cut short; unsafe_to_repeat transport");
    CHECK(desk.server.requests().size() == 1);
}

REKEY_TRANSPORT_TEST("a connection that is refused was never sent, so also a POST is repeated") {
    UnderTest under_test;
    const auto ended = under_test.call(
        std::make_tuple(rekey::RetryOn<rekey::Transient>{}, rekey::MaxAttempts<3>{}),
        suite::post(suite::closed_url()));
    CHECK(suite::story(ended) ==
          " never sent;  never sent;  never sent; attempts_used_up transport");
    CHECK(suite::reach_of(under_test.exchange(suite::post(suite::closed_url()),
                                              suite::signed_attempt())) == "never sent");
}

REKEY_TRANSPORT_TEST("request and answer cross the wire unchanged") {
    suite::Server server(suite::Server::always(
        201, std::string("po\0ng", 5), "X-Tt-Logid: 20260101\r\nX-Twice: a\r\nx-twice: b\r\n"));
    suite::HttpRequest request =
        suite::post(server.url("/v3/chat?bot=1&text=%20a%2Fb"), std::string("a\0b", 3));
    request.headers.push_back({"X-Plain", "one two"});
    UnderTest under_test;
    const auto answer = under_test.exchange(request, suite::signed_attempt());
    REQUIRE(suite::reach_of(answer) == "answered");
    CHECK((*answer).status == 201);
    CHECK((*answer).body == std::string("po\0ng", 5));
    CHECK_FALSE((*answer).delivered);
    CHECK(rekey::find_header((*answer).headers, "x-tt-logid") == "20260101");
    std::string twice;
    for (const auto& header : (*answer).headers)
        if (rekey::same_header_name(header.name, "X-Twice")) twice += header.value;
    CHECK((twice == "ab" || (twice == "ba" && !UnderTest::keeps_header_order) ||
           (twice == "a, b" && UnderTest::joins_headers)));

    const auto seen = server.requests();
    REQUIRE(seen.size() == 1);
    CHECK(seen[0].head.substr(0, seen[0].head.find('\r')) ==
          "POST /v3/chat?bot=1&text=%20a%2Fb HTTP/1.1");
    CHECK(seen[0].body == std::string("a\0b", 3));
    CHECK(seen[0].header("Host") == server.authority());
    CHECK(seen[0].header("X-Plain") == "one two");
    CHECK(seen[0].header("Authorization") == "Bearer pat_canary_0123456789");
    for (const char* name :
         {"Authorization", "Content-Type", "Content-Length", "Host", "X-Plain"}) {
        CAPTURE(name);
        CHECK(seen[0].count(name) == 1);
    }
    for (const char* name : {"Expect", "Cookie", "Transfer-Encoding", "Idempotency-Key"}) {
        CAPTURE(name);
        CHECK(seen[0].count(name) == 0);
    }
}

REKEY_TRANSPORT_TEST("the target of a request is its path and query as they are written") {
    suite::Server server(suite::Server::always(200, "{}"));
    UnderTest under_test;
    const std::string base = "http://" + server.authority();
    std::string targets;
    for (const char* rest : {"", "/", "/a%2Fb?x=%20+#part", "/a#part?y", "/a?", "?x=1"})
        REQUIRE(suite::reach_of(under_test.exchange(suite::post(base + rest), rekey::Attempt{})) ==
                "answered");
    for (const auto& seen : server.requests())
        targets += seen.head.substr(5, seen.head.find(" HTTP/") - 5) + ' ';
    CHECK((targets == "/ / /a%2Fb?x=%20+ /a /a? /?x=1 " ||
           (targets == "/ / /a%2Fb?x=%20+ /a /a /?x=1 " && UnderTest::drops_bare_mark)));
}

REKEY_TRANSPORT_TEST("every method arrives, signed or not, by the header that is named") {
    suite::Server server(suite::Server::always(200, "{}"));
    UnderTest under_test;
    const char* const methods[] = {"GET", "POST", "PUT", "PATCH", "DELETE"};
    for (const char* method : methods) {
        suite::AttemptFields fields;
        fields.authorization = "pat_canary_0123456789";
        fields.header = "X-Api-Key";
        const std::string body = method[0] == 'P' ? "body" : "";
        CHECK(under_test.exchange({method, server.url(), {}, body}, rekey::Attempt{fields})
                  .has_value());
        CHECK(under_test.exchange({method, server.url(), {}, {}}, rekey::Attempt{}).has_value());
    }
    const auto seen = server.requests();
    REQUIRE(seen.size() == 10);
    for (std::size_t i = 0; i != seen.size(); ++i) {
        CAPTURE(seen[i].head);
        const std::string method = methods[i / 2];
        CHECK(seen[i].head.substr(0, method.size() + 1) == method + " ");
        CHECK(seen[i].body == (method[0] == 'P' && i % 2 == 0 ? "body" : ""));
        CHECK(seen[i].count("X-Api-Key") == (i % 2 == 0 ? 1 : 0));
        CHECK(seen[i].count("Authorization") == 0);
    }
}

REKEY_TRANSPORT_TEST("an answer to HEAD is whole without the body that its headers speak of") {
    suite::Server server([](suite::Connection& connection) {
        while (connection.read())
            connection.write("HTTP/1.1 200 OK\r\nContent-Length: 99\r\nX-Tt-Logid: 7\r\n\r\n");
    });
    UnderTest under_test;
    for (int i = 0; i != 2; ++i) {
        const auto answer = under_test.exchange({"HEAD", server.url(), {}, {}},
                                                suite::signed_attempt(std::chrono::seconds{5}));
        REQUIRE(suite::reach_of(answer) == "answered");
        CHECK((*answer).status == 200);
        CHECK((*answer).body.empty());
        CHECK(rekey::find_header((*answer).headers, "X-Tt-Logid") == "7");
    }
    CHECK(server.requests().size() == 2);
    CHECK(server.requests()[0].head.substr(0, 5) == "HEAD ");
    CHECK(server.requests()[0].count("Authorization") == 1);
}

REKEY_TRANSPORT_TEST("how far an attempt came is known") {
    using suite::Connection;
    using suite::says;
    const auto reach = [](const suite::Server::Behaviour& behaviour) {
        return suite::reach_against<UnderTest>(behaviour);
    };
    CHECK(reach(says("")) == "sent, no answer");
    CHECK(reach([](Connection& connection) {
              connection.read();
              connection.reset();
          }) == "sent, no answer");
    CHECK(reach(says("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n{\"a\"")) == "cut short");
    CHECK(reach(says("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\n{\"a\"\r\n")) ==
          "cut short");
    CHECK(reach(says("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\n{\"")) ==
          "cut short");
    // Nothing but the closed connection marks its end: it cannot be told from a cut one, unless
    // its last bracket does.
    for (const std::string version : {"1.0", "1.1"}) {
        const std::string head = "HTTP/" + version + " 200 OK\r\n\r\n";
        CHECK(reach(says(head + "{\"code\":0}\r\n")) ==
              (UnderTest::takes_open_end ? "answered" : "cut short"));
        CHECK(reach(says(head + "{\"code\":0")) == "cut short");
        CHECK(reach(says(head + "0")) == "cut short");
        CHECK(reach(says(head + "<html></html>")) == "cut short");
    }
    CHECK(reach(says("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}")) == "answered");
    CHECK(
        reach(says("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n")) ==
        "answered");
    CHECK(reach(says("HTTP/1.1 204 No Content\r\n\r\n")) == "answered");
    // A length that is no number of bytes marks no end, nor do two that differ.
    for (const char* const length : {"abc", "0x2", "2x", "+2", "1 0", "-1", "2, 1",
                                     "1\r\nContent-Length: 2", "18446744073709551618"}) {
        CAPTURE(length);
        CHECK(reach(says("HTTP/1.1 200 OK\r\nContent-Length: " + std::string(length) +
                         "\r\n\r\n{}")) != "answered");
    }
    if (UnderTest::sees_broken_head) {
        CHECK(reach(says("HTTP/1.1 200 OK\r\nContent-Le")) == "cut short");
        CHECK(reach(says("SSH-2.0-OpenSSH\r\n\r\n")) == "cut short");
    }
    // Unread, so nobody knows whether it was sent; it never counts as answered.
    const std::string unread =
        suite::reach_against<UnderTest>([](Connection& connection) { connection.reset(); }, 0);
    CHECK((unread == "never sent" || unread == "sent, no answer"));
}

REKEY_TRANSPORT_TEST("the time of an attempt is kept") {
    using suite::Connection;
    const auto begin = std::chrono::steady_clock::now();
    const rekey::Duration limit = std::chrono::milliseconds{500};
    {
        UnderTest under_test;
        suite::Unreachable nobody;
        CHECK(suite::reach_of(under_test.exchange(suite::post(nobody.url()),
                                                  suite::signed_attempt(limit))) == "never sent");
        suite::Server server(suite::Server::always(200, "{}"));
        CHECK(suite::reach_of(under_test.exchange(
                  suite::post(server.url()),
                  suite::signed_attempt(std::chrono::nanoseconds{-1}))) == "never sent");
        CHECK(server.requests().empty());
        CHECK(suite::reach_of(under_test.exchange(
                  suite::post(server.url()), suite::signed_attempt(std::chrono::seconds{20}))) ==
              "answered");
    }
    CHECK(suite::reach_against<UnderTest>(
              [](Connection& connection) {
                  connection.read();
                  connection.linger_until_closed();
              },
              1, limit) == "sent, no answer");
    CHECK(suite::reach_against<UnderTest>(
              [](Connection& connection) {
                  connection.read();
                  connection.write("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n{");
                  connection.linger_until_closed();
              },
              1, limit) == "cut short");
    CHECK(suite::reach_against<UnderTest>(
              [](Connection& connection) {
                  connection.read();
                  connection.write("HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n{");
                  while (connection.pause(std::chrono::milliseconds{20}) && connection.write("1")) {
                  }
              },
              1, limit) == "cut short");
    if (UnderTest::bounds_dribble) {
        const std::string dribbled = suite::reach_against<UnderTest>(
            [](Connection& connection) {
                connection.read();
                connection.write("HTTP/1.1 200 OK\r\nX-Long: ");
                while (connection.pause(std::chrono::milliseconds{20}) && connection.write("1")) {
                }
            },
            1, limit);
        CHECK((dribbled == "cut short" ||
               (dribbled == "sent, no answer" && !UnderTest::sees_broken_head)));
    }
    CHECK(std::chrono::steady_clock::now() - begin < std::chrono::seconds{15});
}

REKEY_TRANSPORT_TEST("a redirect is an answer, and no other server sees the credential") {
    suite::Server other(suite::Server::always(200, "{}"));
    for (const int status : {301, 302, 303, 307, 308}) {
        suite::Server server(
            suite::Server::always(status, "moved", "Location: " + other.url("/stolen") + "\r\n"));
        UnderTest under_test;
        const auto answer = under_test.exchange(suite::post(server.url()), suite::signed_attempt());
        REQUIRE(suite::reach_of(answer) == "answered");
        CHECK((*answer).status == status);
        CHECK((*answer).body == "moved");
        CHECK(rekey::find_header((*answer).headers, "Location") == other.url("/stolen"));
        CHECK(server.requests().size() == 1);
    }
    CHECK(other.connections() == 0);
}

REKEY_TRANSPORT_TEST("a challenge is an answer: the library asks nobody and sends nothing again") {
    for (const char* challenge : {"Basic realm=\"a\"", "Digest realm=\"a\", nonce=\"b\"", "Bearer"})
        for (const int status : {401, 407}) {
            CAPTURE(challenge, status);
            const std::string name = status == 401 ? "WWW-Authenticate: " : "Proxy-Authenticate: ";
            suite::Server server(
                suite::Server::always(status, R"({"code":4100})", name + challenge + "\r\n"));
            UnderTest under_test;
            const auto answer =
                under_test.exchange(suite::post(server.url()), suite::signed_attempt());
            REQUIRE(suite::reach_of(answer) == "answered");
            CHECK((*answer).status == status);
            CHECK((*answer).body == R"({"code":4100})");
            CHECK(server.requests().size() == 1);
        }
}

REKEY_TRANSPORT_TEST("cookies are neither kept nor sent") {
    suite::Server server(suite::Server::always(200, "{}", "Set-Cookie: a=b; Path=/\r\n"));
    UnderTest under_test;
    for (int i = 0; i != 2; ++i)
        CHECK(under_test.exchange(suite::post(server.url()), rekey::Attempt{}).has_value());
    for (const auto& seen : server.requests()) CHECK(seen.count("Cookie") == 0);
}

REKEY_TRANSPORT_TEST("what must not go on the wire does not") {
    suite::Server server(suite::Server::always(200, "{}"));
    UnderTest under_test;
    const auto refused = [&](const suite::HttpRequest& request, const rekey::Attempt& attempt) {
        return suite::reach_of(under_test.exchange(request, attempt)) == "never sent, lasting";
    };
    const suite::HttpRequest good = suite::post(server.url());
    // What a transport keeps from a request that was sent must not complete one that cannot be.
    REQUIRE(under_test.exchange(good, suite::signed_attempt()).has_value());
    for (const char* value : {"a\r\nX-Evil: 1", "a\nX-Evil: 1", "a\rb", "a\x7f"}) {
        suite::HttpRequest request = good;
        request.headers.push_back({"X-Value", value});
        CHECK(refused(request, suite::signed_attempt()));
        suite::AttemptFields fields;
        fields.authorization = value;
        CHECK(refused(good, rekey::Attempt{fields}));
        fields.authorization = "Bearer a";
        fields.idempotency_key = value;
        CHECK(refused(good, rekey::Attempt{fields}));
    }
    for (const char* name : {"", "X Name", "X-Name:", "X\r\nName"}) {
        suite::HttpRequest request = good;
        request.headers.push_back({name, "value"});
        CHECK(refused(request, suite::signed_attempt()));
    }
    for (const char* name : {"authorization", "Transfer-Encoding", "Expect", "Content-Length"}) {
        suite::HttpRequest request = good;
        request.headers.push_back({name, "100-continue"});
        CHECK(refused(request, suite::signed_attempt()));
    }
    for (const std::string& url :
         {std::string(), std::string("nonsense"), std::string("/path"),
          std::string("ftp://127.0.0.1/"), server.url("/a b"), server.url("/a\r\nX-Evil: 1"),
          std::string("http://192.0.2.1/"), std::string("http://127.0.0.1.example.com/"),
          "http://name:secret@" + server.authority() + "/"}) {
        suite::HttpRequest request = good;
        request.url = url;
        CAPTURE(url.size());
        CHECK(refused(request, suite::signed_attempt()));
    }
    for (const char* method : {"", "GE T", "POST\r\n", "CONNECT"}) {
        suite::HttpRequest request = good;
        request.method = method;
        CHECK(refused(request, suite::signed_attempt()));
    }
    CHECK(server.requests().size() == 1);
    CHECK(server.connections() == 1);
}

REKEY_TRANSPORT_TEST("a big body crosses the wire, both ways") {
    suite::Server server([](suite::Connection& connection) {
        loopback::Request seen;
        while (connection.read(seen)) connection.answer(200, seen.body);
    });
    std::string body(3 << 20, 'x');
    for (std::size_t i = 0; i < body.size(); i += 1000) body[i] = static_cast<char>(i >> 10);
    UnderTest under_test;
    const auto answer = under_test.exchange(suite::post(server.url(), body), rekey::Attempt{});
    REQUIRE(suite::reach_of(answer) == "answered");
    CHECK(((*answer).body == body));
    CHECK(server.requests().size() == 1);
    CHECK(server.requests()[0].count("Expect") == 0);
}

REKEY_TRANSPORT_TEST("connections are used again") {
    suite::Server server(suite::Server::always(200, "{}"));
    UnderTest under_test;
    for (int i = 0; i != 20; ++i)
        REQUIRE(
            under_test.exchange(suite::post(server.url()), suite::signed_attempt()).has_value());
    CHECK(server.requests().size() == 20);
    CHECK(server.connections() == 1);
}

REKEY_TRANSPORT_TEST("a request on a kept connection that then closes is sent exactly once") {
    for (const char* method : {"POST", "GET", "PUT", "DELETE"})
        for (const bool resets : {false, true}) {
            CAPTURE(method, resets);
            suite::Server server([&](suite::Connection& connection) {
                if (connection.number() == 1) {
                    if (connection.read()) connection.answer(200, "{}");
                    connection.read();
                    if (resets) connection.reset();
                    return;
                }
                while (connection.read()) connection.answer(200, "{}");
            });
            UnderTest under_test;
            const suite::HttpRequest request{
                method, server.url(), {}, method[0] == 'P' ? "{}" : ""};
            REQUIRE(under_test.exchange(request, rekey::Attempt{}).has_value());
            CHECK(suite::reach_of(under_test.exchange(request, suite::signed_attempt())) ==
                  "sent, no answer");
            CHECK(server.requests().size() == 2);
            REQUIRE(under_test.exchange(request, rekey::Attempt{}).has_value());
            CHECK(server.requests().size() == 3);
        }
}

REKEY_TRANSPORT_TEST("a kept connection that closed while idle is replaced") {
    suite::Server server([](suite::Connection& connection) {
        if (connection.read()) connection.answer(200, "{}");
    });
    UnderTest under_test;
    for (int i = 0; i != 5; ++i) {
        CAPTURE(i);
        CHECK(suite::reach_of(under_test.exchange(suite::post(server.url()), rekey::Attempt{})) ==
              "answered");
        REQUIRE(server.wait_until_all_closed());
    }
    CHECK(server.requests().size() == 5);
}

REKEY_TRANSPORT_TEST("what a kept connection says unasked is never taken for an answer") {
    constexpr const char* unasked =
        "HTTP/1.1 408 Request Timeout\r\nContent-Length: 5\r\n\r\nstray";
    for (const bool closes : {false, true}) {
        CAPTURE(closes);
        std::atomic<bool> was_answered{false};
        std::atomic<bool> was_said{false};
        suite::Server server([&](suite::Connection& connection) {
            while (connection.read()) {
                connection.answer(200, "{}");
                if (connection.number() != 1) continue;
                while (!was_answered) std::this_thread::yield();
                connection.write(unasked);
                was_said = true;
                if (closes) return;
            }
        });
        UnderTest under_test;
        REQUIRE(under_test.exchange(suite::post(server.url()), rekey::Attempt{}).has_value());
        was_answered = true;
        while (!was_said) std::this_thread::yield();
        const auto answer = under_test.exchange(suite::post(server.url()), suite::signed_attempt());
        REQUIRE(suite::reach_of(answer) == "answered");
        CHECK((*answer).status == (UnderTest::drops_unasked ? 200 : 408));
        if (!UnderTest::drops_unasked) continue;
        CHECK((*answer).body == "{}");
        CHECK(server.requests().size() == 2);
        CHECK(server.connections() == 2);
    }
}

REKEY_TRANSPORT_TEST("eight threads share one transport") { suite::check_threads<UnderTest>(); }

REKEY_TRANSPORT_TEST("a call that is cancelled ends at once and closes its connection") {
    suite::check_cancellation<UnderTest>();
}

}  // namespace REKEY_TRANSPORT_SPACE

#undef REKEY_TRANSPORT
