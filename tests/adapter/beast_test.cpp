// SPDX-License-Identifier: BSL-1.0
// The suite of all transports over Boost.Beast, and what is Beast's own.
#include <rekey/adapter/beast.hpp>

#include "../support/transport_harness.hpp"

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>

#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <thread>
#include <vector>

struct AsyncBeast : harness::Asynchronous<AsyncBeast> {
    boost::asio::io_context context{1};
    rekey::beast::AsyncTransport transport{context.get_executor()};
    void turn() {
        context.restart();
        context.run_for(std::chrono::milliseconds{2});
    }
};
using Beast = harness::Blocking<rekey::beast::Transport>;

#define REKEY_TRANSPORT Beast, AsyncBeast
#include "../support/transport_suite.hpp"

namespace {

using loopback::Connection;
using loopback::Server;
using rekey::beast::AsyncTransport;
using rekey::beast::Options;
using rekey::beast::Transport;
using suite::post;
using suite::reach_of;
using suite::signed_attempt;

}  // namespace

TEST_CASE("beast: an interim answer is none, and a HEAD has no body to wait for") {
    Server server([](Connection& connection) {
        loopback::Request seen;
        while (connection.read(seen)) {
            connection.write(
                "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\n"
                "Link: a\r\n\r\n");
            if (seen.head.substr(0, 4) == "HEAD")
                connection.write("HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n");
            else
                connection.answer(202, "{}");
        }
    });
    const Transport transport;
    const auto answer = transport(post(server.url()), signed_attempt());
    REQUIRE(reach_of(answer) == "answered");
    CHECK((*answer).status == 202);
    CHECK(rekey::find_header((*answer).headers, "Link").empty());
    const auto head = transport({"HEAD", server.url(), {}, {}}, signed_attempt());
    REQUIRE(reach_of(head) == "answered");
    CHECK((*head).status == 200);
    CHECK((*head).body.empty());
    CHECK(server.connections() == 1);
}

TEST_CASE("beast: an answer is kept up to the size that is allowed") {
    Server server(Server::always(200, std::string(1000, 'x')));
    Options options;
    options.max_body_bytes = 1000;
    CHECK(reach_of(Transport{options}(post(server.url()), signed_attempt())) == "answered");
    options.max_body_bytes = 999;
    CHECK(reach_of(Transport{options}(post(server.url()), signed_attempt())) == "cut short");
    Server chatty([](Connection& connection) {
        if (!connection.read()) return;
        connection.write("HTTP/1.1 200 OK\r\n");
        while (connection.write("X-Filler: " + std::string(1000, 'x') + "\r\n")) {
        }
    });
    CHECK(reach_of(Transport{}(post(chatty.url()), signed_attempt())) == "cut short");
}

TEST_CASE("beast: a header that is too long is refused, whose-ever it is") {
    Server server(Server::always(200, "{}"));
    const std::string text(70'000, 'x');
    rekey::HttpRequest request = post(server.url());
    request.headers.push_back({"X-Long", text});
    const Transport transport;
    CHECK(reach_of(transport(request, signed_attempt())) == "never sent, lasting");
    rekey::AttemptFields fields;
    fields.authorization = text;
    CHECK(reach_of(transport(post(server.url()), rekey::Attempt{fields})) == "never sent, lasting");
    CHECK(server.connections() == 0);
}

TEST_CASE("beast: a connection is not used again after its time, nor by another origin") {
    Server first(Server::always(200, "{}"));
    Server second(Server::always(200, "{}"));
    const Transport transport;
    for (int i = 0; i != 3; ++i) {
        CHECK(transport(post(first.url()), signed_attempt()).has_value());
        CHECK(transport(post(second.url()), signed_attempt()).has_value());
    }
    CHECK(first.connections() == 1);
    CHECK(second.connections() == 1);
    Options options;
    options.keep_alive = {};
    const Transport fresh{options};
    for (int i = 0; i != 3; ++i) CHECK(fresh(post(first.url()), signed_attempt()).has_value());
    CHECK(first.connections() == 4);
    options.keep_alive = std::chrono::nanoseconds{1};
    const Transport brief{options};
    for (int i = 0; i != 3; ++i) CHECK(brief(post(first.url()), signed_attempt()).has_value());
    CHECK(first.connections() == 7);
}

TEST_CASE("beast: a name is looked up, and one that nobody has was never sent") {
    Server server(Server::always(200, "{}"));
    std::string url = server.url();
    url.replace(url.find("127.0.0.1"), 9, "localhost");
    CHECK(reach_of(Transport{}(post(url), signed_attempt())) == "answered");
    CHECK(server.requests().front().header("Host").substr(0, 9) == "localhost");
    Options options;
    options.allow_http = true;
    CHECK(reach_of(Transport{options}(post("http://nobody.invalid/"),
                                      signed_attempt(std::chrono::seconds{5}))) == "never sent");
}

TEST_CASE("beast: many sends at once over one transport, with several threads in its loop") {
    Server server(Server::always(200, "{}"));
    boost::asio::io_context context;
    const AsyncTransport transport{context.get_executor()};
    std::atomic<int> answered{0};
    std::atomic<int> cancelled{0};
    std::atomic<int> ended{0};
    constexpr int sends = 200;
    auto guard = boost::asio::make_work_guard(context);
    std::vector<std::thread> threads;
    for (int i = 0; i != 3; ++i) threads.emplace_back([&] { context.run(); });
    for (int i = 0; i != sends; ++i) {
        const auto sending =
            transport(post(server.url(), std::string(static_cast<std::size_t>(i) * 50, 'x')),
                      signed_attempt(), [&](const AsyncTransport::Answer& answer) {
                          if (answer.has_value()) ++answered;
                          if (!answer.has_value() &&
                              answer.error().verdict == rekey::TransportVerdict::cancelled)
                              ++cancelled;
                          ++ended;
                      });
        if (i % 10 == 0) sending.cancel();
    }
    while (ended != sends) std::this_thread::yield();
    guard.reset();
    for (std::thread& thread : threads) thread.join();
    CHECK(answered + cancelled == sends);
    CHECK(answered >= sends - sends / 10);
    CHECK(server.requests().size() >= static_cast<std::size_t>(answered));
}

#if defined(REKEY_TESTS_LOOPBACK_TLS)

TEST_CASE("beast: a certificate nobody vouches for is a lasting failure, before any byte") {
    const loopback::SelfSigned identity;
    Server server(Server::always(200, "{}"), identity);
    CHECK(reach_of(Transport{}(post(server.https_url()), signed_attempt())) ==
          "never sent, lasting");
    Options options;
    options.ca_file = "/nonexistent/authorities.pem";
    CHECK(reach_of(Transport{options}(post(server.https_url()), signed_attempt())) ==
          "never sent, lasting");
    CHECK(server.requests().empty());
}

TEST_CASE("beast: with the right authority TLS works, and only for the certificate's host") {
    const loopback::SelfSigned identity;
    Server server(Server::always(200, "{}"), identity);
    char name[] = "/tmp/rekey-beast-test-XXXXXX";
    const int file = ::mkstemp(name);
    REQUIRE(file >= 0);
    const bool written = ::write(file, identity.pem().data(), identity.pem().size()) ==
                         static_cast<ssize_t>(identity.pem().size());
    ::close(file);
    REQUIRE(written);
    Options options;
    options.ca_file = name;
    const Transport transport{options};
    for (int i = 0; i != 3; ++i)
        CHECK(reach_of(transport(post(server.https_url(), std::string(100'000, 'x')),
                                 signed_attempt())) == "answered");
    CHECK(server.connections() == 1);
    std::string other = server.https_url();
    other.replace(other.find("127.0.0.1"), 9, "localhost");
    CHECK(reach_of(transport(post(other), signed_attempt())) == "never sent, lasting");
    CHECK(server.requests().size() == 3);
    std::remove(name);
}

TEST_CASE("beast: a TLS handshake that nobody answers was never sent") {
    Server server([](Connection& connection) { connection.linger_until_closed(); });
    std::string url = server.url();
    url.replace(0, 4, "https");
    CHECK(reach_of(Transport{}(post(url), signed_attempt(std::chrono::milliseconds{200}))) ==
          "never sent");
    CHECK(server.requests().empty());
}

#endif
