// SPDX-License-Identifier: BSL-1.0
// The cpp-httplib transport beside what every transport does.
#include <rekey/adapter/httplib.hpp>

#include <chrono>
#include <csignal>
#include <cstdlib>
#include <iterator>
#include <string>
#include <utility>
#include <vector>

#include "../support/failure_table.hpp"
#include "../support/loopback_server.hpp"
#include "catch.hpp"

namespace {

using loopback::Connection;
using loopback::Server;
using rekey::Attempt;
using rekey::HttpRequest;
using rekey::Reach;
using rekey::TransportVerdict;
using rekey::httplib::error_of;
using rekey::httplib::Options;
using rekey::httplib::Progress;
using rekey::httplib::Transport;
using Error = ::httplib::Error;

HttpRequest post(std::string url, std::string body = "{}") {
    return {"POST", std::move(url), {}, std::move(body)};
}

}  // namespace

TEST_CASE("httplib: every error means what the table of errors says") {
    struct Row {
        Error error;
        Reach before, after;  ///< Before and after the headers of an answer.
        TransportVerdict verdict;
    };
    constexpr auto passing = TransportVerdict::passing;
    constexpr auto lasting = TransportVerdict::lasting;
    const Row rows[] = {
        {Error::Connection, Reach::never_sent, Reach::never_sent, passing},
        {Error::ConnectionTimeout, Reach::never_sent, Reach::never_sent, passing},
        {Error::SSLConnection, Reach::never_sent, Reach::never_sent, passing},
        {Error::SSLLoadingCerts, Reach::never_sent, Reach::never_sent, lasting},
        {Error::SSLServerVerification, Reach::never_sent, Reach::never_sent, lasting},
        {Error::Write, Reach::sent_unanswered, Reach::cut_short, passing},
        {Error::Read, Reach::sent_unanswered, Reach::cut_short, passing},
        {Error::Canceled, Reach::sent_unanswered, Reach::cut_short, passing},
        {Error::Compression, Reach::sent_unanswered, Reach::cut_short, passing},
        {Error::Unknown, Reach::sent_unanswered, Reach::cut_short, passing},
    };
    for (const Row& row : rows) {
        CAPTURE(::httplib::to_string(row.error));
        Progress progress;
        CHECK((error_of(row.error, progress).reach == row.before));
        CHECK((error_of(row.error, progress).verdict == row.verdict));
        CHECK_FALSE(error_of(row.error, progress).detail.empty());
        progress.answer_begun = true;
        CHECK((error_of(row.error, progress).reach == row.after));
    }
}

TEST_CASE("httplib: the page's table of failures is what the adapter says") {
    const std::pair<const char*, Error> names[] = {
        {"Connection", Error::Connection},
        {"ConnectionTimeout", Error::ConnectionTimeout},
        {"SSLConnection", Error::SSLConnection},
        {"SSLLoadingCerts", Error::SSLLoadingCerts},
        {"SSLServerVerification", Error::SSLServerVerification},
        {"Read", Error::Read},
        {"Write", Error::Write},
        {"Canceled", Error::Canceled}};
    std::size_t checked = 0;
    for (const auto& row : failure_table::of("cpp-httplib"))
        for (const std::string& word : row.words)
            for (const auto& [name, error] : names) {
                if (word != name) continue;
                CAPTURE(row.says, word);
                CHECK(failure_table::said(error_of(error, Progress{})) == row.says);
                ++checked;
            }
    CHECK(checked == std::size(names));
}

TEST_CASE("httplib: errors that only later versions have are known by their text") {
    int never_sent = 0;
    for (int number = 1; number != 16; ++number) {
        const Error error = static_cast<Error>(number);
        const std::string text = ::httplib::to_string(error);
        CAPTURE(number, text);
        const std::string said = failure_table::said(error_of(error, Progress{}));
        if (text.find("hostname verification") != std::string::npos)
            CHECK(said == "never_sent, lasting");
        if (text.find("Proxy connection") != std::string::npos) CHECK(said == "never_sent");
        never_sent += said == "never_sent" ? 1 : 0;
    }
    CHECK(never_sent >= 4);  // Connection, BindIPAddress, SSLConnection, ConnectionTimeout.
}

TEST_CASE("httplib: a write to a connection that is gone does not end the program") {
    std::signal(SIGPIPE, SIG_DFL);
    sigset_t before;
    sigset_t after;
    pthread_sigmask(SIG_BLOCK, nullptr, &before);
    {
        const rekey::httplib::detail::NoBrokenPipe quiet;
        pthread_kill(pthread_self(), SIGPIPE);  // As the system does at such a write.
    }
    sigset_t pending;
    sigpending(&pending);
    CHECK(sigismember(&pending, SIGPIPE) == 0);
    pthread_sigmask(SIG_BLOCK, nullptr, &after);
    CHECK(sigismember(&after, SIGPIPE) == sigismember(&before, SIGPIPE));
}

TEST_CASE("httplib: a server that closes during an upload ends an attempt, not the program") {
    Server server([](Connection& connection) {
        connection.read_some();
        connection.reset();
    });
    const auto answer = Transport{}(post(server.url(), std::string(32 << 20, 'x')), Attempt{});
    REQUIRE_FALSE(answer.has_value());
    CHECK((answer.error().reach == Reach::sent_unanswered));
    CHECK(server.connections() == 1);
}

TEST_CASE("httplib: an answer that is too long is cut short") {
    Server server(Server::always(200, std::string(5000, 'x')));
    Options options;
    options.max_body_bytes = 4999;
    const auto answer = Transport{options}(post(server.url()), Attempt{});
    REQUIRE_FALSE(answer.has_value());
    CHECK((answer.error().reach == Reach::cut_short));
    options.max_body_bytes = 5000;
    CHECK(Transport{options}(post(server.url()), Attempt{}).has_value());
}

TEST_CASE("httplib: an interim answer is passed over or refused, never taken for the last one") {
    Server early([](Connection& connection) {
        if (!connection.read()) return;
        connection.write("HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n");
        connection.answer(200, "{}");
    });
    const auto answer = Transport{}(post(early.url()), Attempt{});
    if (answer.has_value())
        CHECK((*answer).status == 200);
    else
        CHECK((answer.error().reach == Reach::cut_short));
    Server goes_on([](Connection& connection) {
        if (!connection.read()) return;
        connection.write("HTTP/1.1 100 Continue\r\n\r\n");
        connection.answer(200, "{}");
    });
    CHECK(Transport{}(post(goes_on.url()), Attempt{}).has_value());
}

TEST_CASE("httplib: what version 0.11 makes of header values is as the adapter says") {
    if (std::string(CPPHTTPLIB_VERSION).substr(0, 5) != "0.11.") return;
    Server server([](Connection& connection) {
        if (connection.read())
            connection.write(
                "HTTP/1.1 302 Found\r\nLocation: /a%2Fb\r\nX-Empty:\r\nX-Folded: one\r\n two\r\n"
                "Content-Length: 2\r\n\r\n{}");
    });
    const auto answer = Transport{}(post(server.url()), Attempt{});
    REQUIRE(answer.has_value());
    CHECK(rekey::find_header(answer->headers, "Location") == "/a/b");
    CHECK(rekey::find_header(answer->headers, "X-Folded") == "one");
    CHECK(answer->headers.size() == 3);
    CHECK(answer->body == "{}");
}

TEST_CASE("httplib: no connection is kept when the options say so") {
    Server server(Server::always(200, "{}"));
    Options options;
    options.keep_alive = rekey::Duration::zero();
    const Transport transport{options};
    for (int i = 0; i != 3; ++i) CHECK(transport(post(server.url()), Attempt{}).has_value());
    CHECK(server.connections() == 3);
}

TEST_CASE("httplib: an IPv6 address may hold letters, and is named in brackets") {
    const int probe = ::socket(AF_INET6, SOCK_STREAM, 0);
    if (probe < 0) {
        WARN("skipped: no IPv6 here");
        return;
    }
    ::close(probe);
    Server server(Server::always(200, "{}"));
    Options options;
    options.allow_http = true;  // no loopback address by its looks
    const Transport transport{options};
    const std::string port = server.authority().substr(server.authority().find(':'));
    for (const std::string host : {"[::ffff:127.0.0.1]", "[::FFFF:7f00:1]"}) {
        CAPTURE(host);
        for (int i = 0; i != 2; ++i)
            CHECK(transport(post("http://" + host + port + "/a"), Attempt{}).has_value());
        REQUIRE_FALSE(server.requests().empty());
        CHECK(server.requests().back().header("Host") == host + port);
        CHECK(server.requests().back().count("Host") == 1);
    }
    CHECK(server.requests().size() == 4);
    CHECK(server.connections() == 2);
    HttpRequest named = post("http://[::ffff:127.0.0.1]" + port + "/");
    named.headers.push_back({"Host", "api.example.com"});
    CHECK(transport(named, Attempt{}).has_value());
    CHECK(server.requests().back().header("Host") == "api.example.com");
    CHECK(server.requests().back().count("Host") == 1);
}

#if defined(REKEY_TESTS_LOOPBACK_TLS) && defined(CPPHTTPLIB_OPENSSL_SUPPORT)

TEST_CASE("httplib: TLS works with the right authority and is refused without it") {
    const loopback::SelfSigned identity;
    Server server(Server::always(200, "{}"), identity);
    const auto refused = Transport{}(post(server.https_url()), Attempt{});
    REQUIRE_FALSE(refused.has_value());
    CHECK((refused.error().reach == Reach::never_sent));
    CHECK((refused.error().verdict == TransportVerdict::lasting));
    CHECK(server.requests().empty());

    const loopback::AuthorityFile authority(identity);
    Options options;
    options.ca_file = authority.path();
    const Transport transport{options};
    for (int i = 0; i != 3; ++i) CHECK(transport(post(server.https_url()), Attempt{}).has_value());
    CHECK(server.connections() <= 2);
    CHECK(server.requests().size() == 3);
}

TEST_CASE("httplib: what TLS has taken unasked with an answer is never taken for the next one") {
    const loopback::SelfSigned identity;
    const std::string answer = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}";
    const std::string stray = "HTTP/1.1 408 Timeout\r\nContent-Length: 5\r\n\r\nstray";
    Server server(
        [&](Connection& connection) {
            while (connection.read())
                connection.write(connection.number() == 1 ? answer + stray : answer);
        },
        identity);
    const loopback::AuthorityFile authority(identity);
    Options options;
    options.ca_file = authority.path();
    const Transport transport{options};
    for (int i = 0; i != 3; ++i) {
        const auto got = transport(post(server.https_url()), Attempt{});
        REQUIRE(got.has_value());
        CHECK((*got).status == 200);
        CHECK((*got).body == "{}");
    }
    CHECK(server.connections() == 2);
    CHECK(server.requests().size() == 3);
}

#endif
