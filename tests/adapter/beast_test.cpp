// SPDX-License-Identifier: BSL-1.0
// The Boost.Beast transports beside what every transport does.
#include <rekey/adapter/beast.hpp>

#include <rekey/driver/boost_asio.hpp>
#include <rekey/rekey.hpp>
#include <rekey/testing/print.hpp>

#include <atomic>
#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "../support/loopback_server.hpp"
#include "catch.hpp"

namespace {

namespace net = boost::asio;
using loopback::Connection;
using loopback::Server;
using rekey::Attempt;
using rekey::HttpRequest;
using rekey::HttpResponse;
using rekey::Reach;
using rekey::TransportVerdict;
using rekey::beast::AsyncTransport;
using rekey::beast::Options;
using rekey::beast::Transport;

HttpRequest post(std::string url, std::string body = "{}") {
    return {"POST", std::move(url), {}, std::move(body)};
}

Attempt within(rekey::Duration timeout) {
    rekey::AttemptFields fields;
    fields.timeout = timeout;
    return Attempt{fields};
}
std::string reach_of(const AsyncTransport::Answer& answer) {
    if (answer.has_value()) return "answered";
    std::string reach(rekey::testing::word(answer.error().reach));
    if (answer.error().verdict == TransportVerdict::lasting) reach += ", lasting";
    return reach;
}

struct Personal {
    static constexpr auto name = "personal";
    std::string token = "pat_personal";
};
struct Enterprise {
    static constexpr auto name = "enterprise";
    std::string token = "pat_enterprise";
};

/// Whether this system resolves `localhost`: a bare root has no /etc/hosts.
bool knows_localhost() {
    net::io_context io;
    boost::system::error_code error;
    net::ip::tcp::resolver(io).resolve("localhost", "80", error);
    return !error;
}

/// Refuses one of the two.
Server::Behaviour moved() {
    return [](Connection& connection) {
        loopback::Request seen;
        while (connection.read(seen)) {
            const bool is_old = seen.header("Authorization") == "Bearer pat_personal";
            connection.answer(is_old ? 401 : 200, is_old ? R"({"code":4100})" : "{}");
        }
    };
}

}  // namespace

TEST_CASE("beast: what happened counts more than the code") {
    using rekey::beast::error_of;
    const std::vector<boost::system::error_code> errors = {
        net::error::connection_refused,
        net::error::host_not_found,
        net::error::connection_reset,
        net::error::eof,
        boost::beast::http::error::end_of_stream,
        boost::beast::http::error::partial_message,
        net::ssl::error::stream_truncated};
    for (const auto& error : errors) {
        CAPTURE(error.message());
        CHECK((error_of(error, {false, false}).reach == Reach::never_sent));
        CHECK((error_of(error, {true, false}).reach == Reach::sent_unanswered));
        CHECK((error_of(error, {true, true}).reach == Reach::cut_short));
        CHECK((error_of(error, {}).verdict == TransportVerdict::passing));
        CHECK_FALSE(error_of(error, {}).detail.empty());
    }
}

TEST_CASE("beast: a client of Asio falls back over it, in several threads") {
    Server server(moved());
    net::io_context io;
    std::atomic<int> served{0};
    {
        const rekey::driver::asio::Client client{
            io.get_executor(), AsyncTransport{io.get_executor()},
            rekey::CredentialChain{Personal{}, Enterprise{}}, rekey::RetryOn<4100>{}};
        for (int i = 0; i != 40; ++i)
            client.async_send(post(server.url()), [&](const rekey::Result<HttpResponse>& result) {
                served += result && result.credential() == "enterprise" ? 1 : 0;
            });
    }
    std::vector<std::thread> threads;
    for (int i = 0; i != 3; ++i) threads.emplace_back([&] { io.run(); });
    for (std::thread& thread : threads) thread.join();
    CHECK(served == 40);
    CHECK(server.requests().size() == 80);
}

TEST_CASE("beast: a context that is destroyed takes its requests along") {
    Server server([](Connection& connection) {
        connection.read();
        connection.linger_until_closed();
    });
    int ends = 0;
    {
        auto io = std::make_unique<net::io_context>();
        const auto done = [&ends](const AsyncTransport::Answer&) { ++ends; };
        const AsyncTransport transport{io->get_executor()};
        const auto waiting = transport(post(server.url()), Attempt{}, done);
        while (server.requests().empty()) io->run_for(std::chrono::milliseconds{5});
        const auto begun = transport(post(server.url()), Attempt{}, done);
        io.reset();
        waiting.cancel();  // nothing is left to cancel
    }
    CHECK(ends == 0);
    CHECK(server.wait_until_all_closed());
}

TEST_CASE("beast: a send may be cancelled when its answer is there") {
    Server server(Server::always(200, "{}"));
    net::io_context io;
    const AsyncTransport transport{io.get_executor()};
    rekey::beast::Sending sending;
    int ends = 0;
    const auto done = [&](const AsyncTransport::Answer& answer) {
        ends += answer.has_value() ? 1 : 0;
        sending.cancel();
    };
    for (int i = 0; i != 2; ++i) {
        sending = transport(post(server.url()), Attempt{}, done);
        io.restart();
        io.run();
    }
    CHECK(ends == 2);
    CHECK(server.connections() == 1);  // which was given back, and stays
}

TEST_CASE("beast: an answer that is too long is cut short") {
    Server server(Server::always(200, std::string(5000, 'x')));
    Options options;
    options.max_body_bytes = 4999;
    const auto answer = Transport{options}(post(server.url()), Attempt{});
    REQUIRE_FALSE(answer.has_value());
    CHECK((answer.error().reach == Reach::cut_short));
    options.max_body_bytes = 5000;
    CHECK(Transport{options}(post(server.url()), Attempt{}).has_value());
}

TEST_CASE("beast: a header or trailer that is too long cuts the answer short, and throws nothing") {
    const std::string ok = "HTTP/1.1 200 OK\r\n";
    const auto of = [&](std::size_t size) {
        return ok + "X-Long: " + std::string(size, 'a') + "\r\nContent-Length: 2\r\n\r\n{}";
    };
    const auto trailed = [&](std::size_t size) {
        return ok + "Transfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\nX-Long: " +
               std::string(size, 'a') + "\r\n\r\n";
    };
    const auto named = [&](std::size_t size) {
        return ok + std::string(size, 'a') + ": v\r\nContent-Length: 2\r\n\r\n{}";
    };
    for (const std::size_t size : {100U, 60'000U, 65'000U, 65'533U, 65'534U, 70'000U, 200'000U})
        for (const std::string& text : {of(size), trailed(size), named(size)}) {
            CAPTURE(size);
            Server server([text](Connection& connection) {
                if (connection.read()) connection.write(text);
                connection.linger_until_closed();
            });
            const std::string blocking = reach_of(Transport{}(post(server.url()), Attempt{}));
            CHECK(blocking == (size < 64'000 ? "answered" : "cut short"));
            net::io_context io;
            const AsyncTransport async{io.get_executor()};
            std::string called_back;
            (void)async(post(server.url()), Attempt{}, [&](const AsyncTransport::Answer& answer) {
                called_back = reach_of(answer);
            });
            io.run();
            CHECK(called_back == blocking);
        }
}

TEST_CASE("beast: interim answers are passed over, a switch of protocols is none") {
    for (const bool switches : {false, true}) {
        Server server([switches](Connection& connection) {
            if (!connection.read()) return;
            connection.write(switches ? "HTTP/1.1 101 Switching\r\nUpgrade: x\r\n\r\n"
                                      : "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n");
            connection.answer(200, "{}");
        });
        const auto answer = Transport{}(post(server.url()), Attempt{});
        CHECK(answer.has_value() == !switches);
        if (switches)
            CHECK((answer.error().reach == Reach::cut_short));
        else
            CHECK((*answer).headers.size() == 1);
    }
}

TEST_CASE("beast: a request says whom it asks, and its body's length") {
    Server server(Server::always(200, "{}"));
    const Transport transport;
    REQUIRE(transport(post(server.url("/v3/chat?bot=1#part"), ""), Attempt{}).has_value());
    HttpRequest own{"GET", server.url(), {{"Host", "api.example"}, {"User-Agent", "mine"}}, {}};
    REQUIRE(transport(own, Attempt{}).has_value());
    const auto seen = server.requests();
    REQUIRE(seen.size() == 2);
    CHECK(seen[0].head.substr(0, seen[0].head.find('\r')) == "POST /v3/chat?bot=1 HTTP/1.1");
    CHECK(seen[0].header("Host") == server.authority());
    CHECK(seen[0].header("Content-Length") == "0");
    CHECK(seen[0].header("User-Agent") == "rekey");
    CHECK(seen[1].count("Host") == 1);
    CHECK(seen[1].header("Host") == "api.example");
    CHECK(seen[1].header("User-Agent") == "mine");
    CHECK(seen[1].count("Content-Length") == 0);
}

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
    const auto answer = transport(post(server.url()), Attempt{});
    REQUIRE(reach_of(answer) == "answered");
    CHECK((*answer).status == 202);
    CHECK(rekey::find_header((*answer).headers, "Link").empty());
    const auto head = transport({"HEAD", server.url(), {}, {}}, Attempt{});
    REQUIRE(reach_of(head) == "answered");
    CHECK((*head).status == 200);
    CHECK((*head).body.empty());
    CHECK(server.connections() == 1);
}

TEST_CASE("beast: a header that is too long is refused, whose-ever it is") {
    Server server(Server::always(200, "{}"));
    const std::string text(70'000, 'x');
    HttpRequest request = post(server.url());
    request.headers.push_back({"X-Long", text});
    const Transport transport;
    CHECK(reach_of(transport(request, Attempt{})) == "never sent, lasting");
    rekey::AttemptFields fields;
    fields.authorization = text;
    CHECK(reach_of(transport(post(server.url()), Attempt{fields})) == "never sent, lasting");
    CHECK(server.connections() == 0);
}

TEST_CASE("beast: a connection is not used again after its time, nor by another origin") {
    Server first(Server::always(200, "{}"));
    Server second(Server::always(200, "{}"));
    const Transport transport;
    for (int i = 0; i != 3; ++i) {
        CHECK(transport(post(first.url()), Attempt{}).has_value());
        CHECK(transport(post(second.url()), Attempt{}).has_value());
    }
    CHECK(first.connections() == 1);
    CHECK(second.connections() == 1);
    Options options;
    options.keep_alive = {};
    const Transport fresh{options};
    for (int i = 0; i != 3; ++i) CHECK(fresh(post(first.url()), Attempt{}).has_value());
    CHECK(first.connections() == 4);
    options.keep_alive = std::chrono::nanoseconds{1};
    const Transport brief{options};
    for (int i = 0; i != 3; ++i) CHECK(brief(post(first.url()), Attempt{}).has_value());
    CHECK(first.connections() == 7);
}

TEST_CASE("beast: a name is looked up, and one that nobody has was never sent") {
    Server server(Server::always(200, "{}"));
    std::string url = server.url();
    url.replace(url.find("127.0.0.1"), 9, "localhost");
    if (knows_localhost()) {
        REQUIRE(reach_of(Transport{}(post(url), Attempt{})) == "answered");
        CHECK(server.requests().front().header("Host").substr(0, 9) == "localhost");
    } else {
        CHECK(reach_of(Transport{}(post(url), Attempt{})) == "never sent");
    }
    Options options;
    options.allow_http = true;
    CHECK(reach_of(Transport{options}(post("http://nobody.invalid/"),
                                      within(std::chrono::seconds{5}))) == "never sent");
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
                      Attempt{}, [&](const AsyncTransport::Answer& answer) {
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

TEST_CASE("beast: the longest time there is does not end at once") {
    Server server([](Connection& connection) {
        loopback::Request seen;
        while (connection.read(seen)) connection.answer(200, "{}");
    });
    Options options;
    options.timeout = (rekey::Duration::max)();
    CHECK(Transport{options}(post(server.url()), Attempt{}).has_value());
    options.timeout = rekey::Duration::zero();
    options.connect_timeout = (rekey::Duration::max)();
    CHECK(Transport{options}(post(server.url()), Attempt{}).has_value());
    CHECK(Transport{options}(post(server.url()), within((rekey::Duration::max)())).has_value());
}

#if defined(REKEY_TESTS_LOOPBACK_TLS)
TEST_CASE("beast: a certificate that nobody vouches for ends the attempt before anything is sent") {
    const loopback::SelfSigned identity;
    Server server(Server::always(200, "{}"), identity);
    const auto answer = Transport{}(post(server.https_url()), Attempt{});
    REQUIRE_FALSE(answer.has_value());
    CHECK((answer.error().reach == Reach::never_sent));
    CHECK((answer.error().verdict == TransportVerdict::lasting));
    CHECK(server.requests().empty());

    Options options;
    options.ca_file = "no/such/file.pem";
    const auto unread = Transport{options}(post(server.https_url()), Attempt{});
    REQUIRE_FALSE(unread.has_value());
    CHECK((unread.error().reach == Reach::never_sent));
    CHECK((unread.error().verdict == TransportVerdict::lasting));
}

TEST_CASE("beast: with the right authority TLS works, and only for the certificate's host") {
    const loopback::SelfSigned identity;
    Server server(Server::always(200, "{}"), identity);
    std::optional<loopback::AuthorityFile> authority(identity);
    Options options;
    options.ca_file = authority->path();
    const Transport transport{options};
    net::io_context io;
    const AsyncTransport async{io.get_executor(), options};
    authority.reset();  // it has been read
    for (int i = 0; i != 3; ++i) CHECK(transport(post(server.https_url()), Attempt{}).has_value());
    int served = 0;
    (void)async(post(server.https_url()), Attempt{},
                [&](const AsyncTransport::Answer& answer) { served += answer ? 1 : 0; });
    io.run();
    CHECK(served == 1);
    std::string other = server.https_url();
    other.replace(other.find("127.0.0.1"), 9, "localhost");
    const auto answer = transport(post(other), Attempt{});
    CHECK(reach_of(answer) == (knows_localhost() ? "never sent, lasting" : "never sent"));
    CHECK(server.requests().size() == 4);
}

TEST_CASE("beast: what TLS has taken unasked with an answer is never taken for the next one") {
    const loopback::SelfSigned identity;
    const Server::Behaviour says_more = [](Connection& connection) {
        while (connection.read()) {
            connection.hold_back(true);
            connection.answer(200, "{}");
            if (connection.number() == 1) connection.answer(408, "stray");  // a record of its own
            connection.hold_back(false);
        }
    };
    Server server(says_more, identity);
    const loopback::AuthorityFile authority(identity);
    Options options;
    options.ca_file = authority.path();
    const Transport transport{options};
    for (int i = 0; i != 3; ++i) {
        const auto answer = transport(post(server.https_url()), Attempt{});
        REQUIRE(answer.has_value());
        CHECK((*answer).status == 200);
        CHECK((*answer).body == "{}");
    }
    CHECK(server.connections() == 2);
    CHECK(server.requests().size() == 3);
}

TEST_CASE("beast: a handshake that nobody answers is never sent, in time") {
    Server silent([](Connection& connection) { connection.linger_until_closed(); });
    rekey::AttemptFields fields;
    fields.timeout = std::chrono::milliseconds{60};
    const auto answer = Transport{}(post(silent.https_url()), Attempt{fields});
    REQUIRE_FALSE(answer.has_value());
    CHECK((answer.error().reach == Reach::never_sent));
}
#else
TEST_CASE("beast: TLS is not tested here: built without REKEY_TESTS_LOOPBACK_TLS") { SUCCEED(); }
#endif
