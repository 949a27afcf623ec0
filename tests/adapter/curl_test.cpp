// SPDX-License-Identifier: BSL-1.0
// The libcurl transport against a scripted server on loopback.
// TLS cases need OpenSSL for the server: build with REKEY_TESTS_LOOPBACK_TLS and link it.
#include <rekey/adapter/curl.hpp>
#include <rekey/coze.hpp>
#include <rekey/coze/chat_stream.hpp>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <cstdlib>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "../support/failure_table.hpp"
#include "../support/loopback_server.hpp"
#include "catch.hpp"

namespace {

using loopback::Connection;
using loopback::Server;
using rekey::Attempt;
using rekey::AttemptFields;
using rekey::HttpRequest;
using rekey::HttpResponse;
using rekey::Reach;
using rekey::TransportResult;
using rekey::TransportVerdict;
using rekey::curl::Options;
using rekey::curl::Transport;
using std::chrono::milliseconds;
using std::chrono::seconds;

static_assert(!Transport::follows_redirects && Transport::vouches_for_whole_bodies);

constexpr std::string_view canary = "pat_canary_0123456789";

Attempt signed_attempt(std::string_view authorization = "Bearer pat_canary_0123456789") {
    AttemptFields fields;
    fields.authorization = authorization;
    return Attempt{fields};
}

Attempt hasty(rekey::Duration timeout) {
    AttemptFields fields;
    fields.timeout = timeout;
    return Attempt{fields};
}

HttpRequest get(std::string url) { return {"GET", std::move(url), {}, {}}; }
HttpRequest post(std::string url, std::string body = "{}") {
    return {"POST", std::move(url), {{"Content-Type", "application/json"}}, std::move(body)};
}

void check_error(const TransportResult<HttpResponse>& result, Reach reach,
                 TransportVerdict verdict = TransportVerdict::passing) {
    REQUIRE_FALSE(result.has_value());
    INFO(result.error().detail);
    CHECK(static_cast<int>(result.error().reach) == static_cast<int>(reach));
    CHECK(static_cast<int>(result.error().verdict) == static_cast<int>(verdict));
    CHECK_FALSE(result.error().detail.empty());
    CHECK(result.error().detail.find(canary) == std::string::npos);
}

// Sends one POST to a server that reads it and then writes `bytes` and closes.
TransportResult<HttpResponse> answered_with(std::string bytes, Options options = {},
                                            const char* method = "POST") {
    Server server([&](Connection& connection) {
        if (connection.read()) connection.write(bytes);
    });
    HttpRequest request = post(server.url());
    request.method = method;
    if (request.method == "HEAD") request.body.clear();
    auto result = Transport{options}(request, signed_attempt());
    CHECK(server.requests().size() == 1);
    return result;
}

std::vector<std::string> values(const HttpResponse& response, std::string_view name) {
    std::vector<std::string> found;
    for (const auto& header : response.headers)
        if (rekey::same_header_name(header.name, name)) found.push_back(header.value);
    return found;
}

}  // namespace

TEST_CASE("curl: request and answer cross the wire unchanged") {
    Server server(
        Server::always(201, "pong", "X-Tt-Logid: 20260101\r\nX-Twice: a\r\nx-twice: b\r\n"));
    HttpRequest request = post(server.url("/v3/chat?bot=1#part"), std::string("a\0b", 3));
    request.headers.push_back({"X-Empty", ""});
    request.headers.push_back({"X-Plain", "  one two  "});
    const auto result = Transport{}(request, signed_attempt());
    REQUIRE(result.has_value());
    CHECK((*result).status == 201);
    CHECK((*result).body == "pong");
    CHECK_FALSE((*result).delivered);
    CHECK(rekey::find_header((*result).headers, "x-tt-logid") == "20260101");
    CHECK(values(*result, "X-Twice") == std::vector<std::string>{"a", "b"});

    const auto seen = server.requests();
    REQUIRE(seen.size() == 1);
    CHECK(seen[0].head.substr(0, seen[0].head.find('\r')) == "POST /v3/chat?bot=1 HTTP/1.1");
    CHECK(seen[0].body == std::string("a\0b", 3));
    CHECK(seen[0].count("Authorization") == 1);
    CHECK(seen[0].header("Authorization") == "Bearer pat_canary_0123456789");
    CHECK(seen[0].header("Content-Type") == "application/json");
    CHECK(seen[0].header("X-Plain") == "one two");
    CHECK(seen[0].count("X-Empty") == 1);
    CHECK(seen[0].header("Host") == server.authority());
}

TEST_CASE("curl: a handle used again remembers nothing of the request before") {
    Server server([](Connection& connection) {
        loopback::Request request;
        while (connection.read(request)) {
            if (request.head.substr(0, 5) == "HEAD ")
                connection.write("HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n");
            else
                connection.answer(200, request.head.substr(0, request.head.find(' ')));
        }
    });
    const Transport transport;
    const auto send = [&](const char* method, const char* body, bool is_signed) {
        const auto result = transport(HttpRequest{method, server.url(), {}, body},
                                      is_signed ? signed_attempt() : Attempt{});
        REQUIRE(result.has_value());
        CHECK((*result).body == (std::string(method) == "HEAD" ? "" : method));
    };
    send("POST", "one", true);
    send("GET", "", false);
    send("HEAD", "", false);
    send("POST", "", false);
    send("DELETE", "", false);
    send("PUT", "", false);
    send("PATCH", "two", false);
    send("GET", "three", false);
    send("HEAD", "", false);
    send("GET", "", false);

    CHECK(server.connections() == 1);
    const auto seen = server.requests();
    REQUIRE(seen.size() == 10);
    const std::string lengths[] = {"3", "", "", "0", "", "0", "3", "5", "", ""};
    for (std::size_t i = 0; i != seen.size(); ++i) {
        CAPTURE(i, seen[i].head);
        CHECK(seen[i].count("Authorization") == (i == 0 ? 1 : 0));
        CHECK(seen[i].header("Content-Length") == lengths[i]);
        CHECK(seen[i].count("Content-Type") == 0);
        CHECK(seen[i].count("Expect") == 0);
    }
}

TEST_CASE("curl: a large body is sent at once, without Expect") {
    Server server(Server::always(200, "{}"));
    const std::string body(3 << 20, 'x');
    REQUIRE(Transport{}(post(server.url(), body), Attempt{}).has_value());
    const auto seen = server.requests();
    REQUIRE(seen.size() == 1);
    CHECK(seen[0].count("Expect") == 0);
    CHECK(seen[0].body == body);
}

TEST_CASE("curl: the idempotency key travels in its header unless the request has one") {
    Server server(Server::always(200, "{}"));
    AttemptFields fields;
    fields.idempotency_key = "key-1";
    const Transport transport;
    REQUIRE(transport(post(server.url()), Attempt{fields}).has_value());
    HttpRequest own = post(server.url());
    own.headers.push_back({"idempotency-key", "mine"});
    REQUIRE(transport(own, Attempt{fields}).has_value());
    Options options;
    options.idempotency_header.clear();
    REQUIRE(Transport{options}(post(server.url()), Attempt{fields}).has_value());
    const auto seen = server.requests();
    REQUIRE(seen.size() == 3);
    CHECK(seen[0].header("Idempotency-Key") == "key-1");
    CHECK(seen[1].count("Idempotency-Key") == 1);
    CHECK(seen[1].header("Idempotency-Key") == "mine");
    CHECK(seen[2].count("Idempotency-Key") == 0);
}

TEST_CASE("curl: a hundred requests use one connection") {
    Server server(Server::always(200, "{}"));
    const Transport transport;
    const Transport copy = transport;
    for (int i = 0; i != 50; ++i) {
        REQUIRE(transport(get(server.url()), Attempt{}).has_value());
        REQUIRE(copy(post(server.url()), Attempt{}).has_value());
    }
    CHECK(server.requests().size() == 100);
    CHECK(server.connections() == 1);
}

TEST_CASE("curl: no connection is kept when the options say so") {
    Server server(Server::always(200, "{}"));
    Options options;
    options.keep_alive = rekey::Duration::zero();
    const Transport transport{options};
    Options none_idle;
    none_idle.max_idle = 0;
    const Transport forgetful{none_idle};
    for (int i = 0; i != 2; ++i) {
        REQUIRE(transport(get(server.url()), Attempt{}).has_value());
        REQUIRE(forgetful(get(server.url()), Attempt{}).has_value());
    }
    CHECK(server.connections() == 4);
}

TEST_CASE("curl: a refused connection and an unknown host were never sent") {
    std::string closed;
    {
        const Server server(Server::always(200, ""));
        closed = server.url("/?secret=pat_canary_0123456789");
    }
    check_error(Transport{}(post(closed), signed_attempt()), Reach::never_sent);
    Options options;
    options.allow_http = true;  // A label of 64 letters fails before any name server is asked.
    check_error(
        Transport{options}(post("http://" + std::string(64, 'a') + ".invalid/"), signed_attempt()),
        Reach::never_sent);
}

TEST_CASE(
    "curl: a connection that closes or resets without an answer leaves the request in doubt") {
    check_error(answered_with(""), Reach::sent_unanswered);
    Server server([](Connection& connection) {
        connection.read();
        connection.reset();
    });
    check_error(Transport{}(post(server.url()), signed_attempt()), Reach::sent_unanswered);
    Server upload([](Connection& connection) {
        connection.read_some();
        connection.reset();
    });
    check_error(Transport{}(post(upload.url(), std::string(32 << 20, 'x')), signed_attempt()),
                Reach::sent_unanswered);
    CHECK(upload.connections() == 1);
    check_error(answered_with("HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n"),
                Reach::sent_unanswered);
}

TEST_CASE("curl: a server that closes before reading is never reported as answered") {
    Server server([](Connection& connection) { connection.reset(); });
    const auto result = Transport{}(post(server.url()), signed_attempt());
    REQUIRE_FALSE(result.has_value());
    CHECK(static_cast<int>(result.error().reach) <= static_cast<int>(Reach::sent_unanswered));
    CHECK(server.requests().empty());
    CHECK(server.connections() == 1);
}

TEST_CASE("curl: an answer that breaks off or is not HTTP is cut short") {
    const char* answers[] = {
        "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n{\"a\"",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\n{\"a\"\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\n{\"",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nnot hexadecimal\r\n",
        "HTTP/1.1 200 OK\r\nContent-Len",
        "HTTP/1.1 200 OK\r\n",
        "SSH-2.0-something else\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: bogus\r\nContent-Length: 2\r\n\r\n{}",
        "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\n{}x",
    };
    for (const char* answer : answers) {
        CAPTURE(answer);
        check_error(answered_with(answer), Reach::cut_short);
    }
    Server server([](Connection& connection) {
        connection.read();
        connection.write("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n{");
        connection.reset();
    });
    check_error(Transport{}(post(server.url()), signed_attempt()), Reach::cut_short);
}

TEST_CASE("curl: a body that ends only with the connection is taken if it ends with its bracket") {
    for (const char* const body : {"{\"code\":0}", " [1,{\"a\":\"]\"}]\r\n", "{}"}) {
        CAPTURE(body);
        const auto answer = answered_with(std::string("HTTP/1.0 200 OK\r\n\r\n") + body);
        REQUIRE(answer.has_value());
        CHECK(answer->body == body);
    }
    for (const char* const body :
         {"", "{\"code\":0", "{\"code\":0}}", "{\"code\":0}{", "0", "\"{}\"", "<html></html>"}) {
        CAPTURE(body);
        check_error(answered_with(std::string("HTTP/1.1 200 OK\r\n\r\n") + body), Reach::cut_short);
    }
    check_error(answered_with("HTTP/1.1 200 OK\r\nTransfer-Encoding: identity\r\n\r\n{"),
                Reach::cut_short);
    CHECK(answered_with("HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\n{}").has_value());
    CHECK(answered_with("HTTP/1.1 204 No Content\r\n\r\n").has_value());
    CHECK(answered_with("HTTP/1.1 304 Not Modified\r\nContent-Length: 9\r\n\r\n").has_value());
    CHECK(answered_with("HTTP/1.1 200 OK\r\n\r\n", {}, "HEAD").has_value());
}

TEST_CASE("curl: interim answers, trailers and folded lines leave the headers clean") {
    const auto result = answered_with(
        "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\nHTTP/1.1 100 Continue\r\n\r\n"
        "HTTP/1.1 401 No\r\nX-Folded: one\r\n two\r\nTransfer-Encoding: chunked\r\n\r\n"
        "2\r\n{}\r\n0\r\nX-Trailer: late\r\n\r\n");
    REQUIRE(result.has_value());
    CHECK((*result).status == 401);
    CHECK((*result).body == "{}");
    CHECK(values(*result, "Link").empty());
    CHECK(values(*result, "X-Trailer").empty());
    CHECK(values(*result, "X-Folded") == std::vector<std::string>{"one two"});
}

TEST_CASE("curl: a folded line of white space does not end the head") {
    const auto result = answered_with(
        "HTTP/1.1 200 OK\r\nX-Folded: one\r\n \r\n\t\r\n two\r\nX-Next:\r\n three\r\n"
        "Content-Type: text/plain\r\nContent-Length: 5\r\n\r\nwhole");
    REQUIRE(result.has_value());
    CHECK((*result).body == "whole");
    CHECK(values(*result, "X-Folded") == std::vector<std::string>{"one two"});
    CHECK(values(*result, "X-Next") == std::vector<std::string>{"three"});
    CHECK(rekey::find_header((*result).headers, "Content-Type") == "text/plain");
}

TEST_CASE("curl: an answer that comes byte by byte is whole") {
    Server server([](Connection& connection) {
        if (!connection.read()) return;
        const std::string_view bytes =
            "HTTP/1.1 404 No\r\nContent-Length: 13\r\n\r\n{\"code\":4200}";
        for (std::size_t i = 0; i != bytes.size(); ++i) {
            connection.write(bytes.substr(i, 1));
            connection.pause(milliseconds{1});
        }
    });
    const auto result = Transport{}(post(server.url()), Attempt{});
    REQUIRE(result.has_value());
    CHECK((*result).status == 404);
    CHECK((*result).body == "{\"code\":4200}");
}

TEST_CASE("S25 curl: an endless answer stops at the limit") {
    Options options;
    options.max_body_bytes = std::size_t{1} << 20;
    for (const char* head : {"Transfer-Encoding: chunked", "Content-Length: 99999999999"}) {
        CAPTURE(head);
        Server server([&](Connection& connection) {
            if (!connection.read()) return;
            connection.write(std::string("HTTP/1.1 200 OK\r\n") + head + "\r\n\r\n");
            while (connection.chunk(std::string(65536, 'x'))) {
            }
        });
        check_error(Transport{options}(post(server.url()), signed_attempt()), Reach::cut_short);
        CHECK(server.wait_until_all_closed());
    }
    Server exact(Server::always(200, std::string(std::size_t{1} << 20, 'x')));
    CHECK(Transport{options}(get(exact.url()), Attempt{}).has_value());
    Server headers([](Connection& connection) {
        if (!connection.read()) return;
        connection.write("HTTP/1.1 200 OK\r\n");
        while (connection.write("X-More: " + std::string(1000, 'x') + "\r\n")) {
        }
    });
    check_error(Transport{}(post(headers.url()), signed_attempt()), Reach::cut_short);
}

TEST_CASE("curl: what a timeout means depends on how far the exchange came") {
    Server silent([](Connection& connection) { connection.linger_until_closed(); });
    Server half([](Connection& connection) {
        if (connection.read()) connection.write("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n{");
        connection.linger_until_closed();
    });
    Server never_reads([](Connection& connection) { connection.pause(seconds{20}); });
    const Transport transport;
    // Long enough for a busy machine to bring the exchange to where it is to stop.
    constexpr milliseconds patience{400};
    // The TLS handshake is never answered, so nothing of the request can have left.
    check_error(transport(post(silent.https_url()), hasty(milliseconds{60})), Reach::never_sent);
    check_error(transport(post(silent.url()), hasty(patience)), Reach::sent_unanswered);
    check_error(transport(post(never_reads.url(), std::string(32 << 20, 'x')), hasty(patience)),
                Reach::sent_unanswered);
    check_error(transport(post(half.url()), hasty(patience)), Reach::cut_short);
}

TEST_CASE("curl: the shorter of the two timeouts counts, and a tiny one is not endless") {
    Server silent([](Connection& connection) { connection.linger_until_closed(); });
    Options options;
    options.timeout = milliseconds{200};
    check_error(Transport{options}(get(silent.url()), hasty(seconds{60})), Reach::sent_unanswered);
    check_error(Transport{options}(get(silent.url()), Attempt{}), Reach::sent_unanswered);
    options.timeout = rekey::Duration::zero();
    check_error(Transport{options}(get(silent.https_url()), hasty(rekey::Duration{1})),
                Reach::never_sent);
    const std::size_t before = silent.connections();
    check_error(Transport{}(get(silent.url()), hasty(rekey::Duration{-1})), Reach::never_sent);
    CHECK(silent.connections() == before);
    options.connect_timeout = milliseconds{60};
    check_error(Transport{options}(get(silent.https_url()), Attempt{}), Reach::never_sent);
}

TEST_CASE("curl: cookies are shown and never sent back") {
    Server server(Server::always(200, "{}", "Set-Cookie: a=1\r\nSet-Cookie: b=2\r\n"));
    const Transport transport;
    REQUIRE(transport(get(server.url()), Attempt{}).has_value());
    const auto result = transport(get(server.url()), Attempt{});
    REQUIRE(result.has_value());
    CHECK(values(*result, "Set-Cookie") == std::vector<std::string>{"a=1", "b=2"});
    CHECK(server.requests().back().count("Cookie") == 0);
}

TEST_CASE("curl: nothing with a line break or a control character goes on the wire") {
    Server server(Server::always(200, "{}"));
    const Transport transport;
    const auto refused = [&](const HttpRequest& request, const Attempt& attempt) {
        check_error(transport(request, attempt), Reach::never_sent, TransportVerdict::lasting);
    };
    const std::string breaks[] = {"a\r\nX-Injected: 1",
                                  "a\nX-Injected: 1",
                                  "a\rX-Injected: 1",
                                  std::string("a\0b", 3),
                                  "a\x7F",
                                  "a\x01"};
    for (const std::string& bad : breaks) {
        CAPTURE(bad);
        HttpRequest request = post(server.url());
        request.headers.push_back({"X-Value", bad});
        refused(request, Attempt{});
        request.headers.back() = {bad, "value"};
        refused(request, Attempt{});
        refused(post(server.url("/" + bad)), Attempt{});
        request = post(server.url());
        request.method = bad;
        refused(request, Attempt{});
        refused(post(server.url()), signed_attempt("Bearer " + std::string(canary) + bad));
        AttemptFields fields;
        fields.authorization = "Bearer pat_canary_0123456789";
        fields.header = bad;
        refused(post(server.url()), Attempt{fields});
        fields.header = "Authorization";
        fields.idempotency_key = bad;
        refused(post(server.url()), Attempt{fields});
    }
    for (const char* name : {"", "X Y", "X:", "X;", "(X)"}) {
        HttpRequest request = post(server.url());
        request.headers.push_back({name, "value"});
        refused(request, Attempt{});
    }
    Options options;
    options.user_agent = "a\r\nX-Injected: 1";
    check_error(Transport{options}(post(server.url()), Attempt{}), Reach::never_sent,
                TransportVerdict::lasting);
    CHECK(server.connections() == 0);
}

TEST_CASE("curl: the framing of the body is the transport's own") {
    Server server(Server::always(200, "{}"));
    const Transport transport;
    const auto with = [&](const char* name, const char* value) {
        HttpRequest request = post(server.url());
        request.headers.push_back({name, value});
        return transport(request, Attempt{});
    };
    check_error(with("content-length", "3"), Reach::never_sent, TransportVerdict::lasting);
    check_error(with("Transfer-Encoding", "chunked"), Reach::never_sent, TransportVerdict::lasting);
    check_error(with("Expect", "100-continue"), Reach::never_sent, TransportVerdict::lasting);
    CHECK(server.connections() == 0);
    CHECK(with("Content-Length", "2").has_value());
    CHECK(server.requests().back().count("Content-Length") == 1);
    HttpRequest head{"HEAD", server.url(), {}, "body"};
    check_error(transport(head, Attempt{}), Reach::never_sent, TransportVerdict::lasting);
    head.method = "CONNECT";
    check_error(transport(head, Attempt{}), Reach::never_sent, TransportVerdict::lasting);
}

TEST_CASE("curl: a request that already carries the credential's header is refused") {
    Server server(Server::always(200, "{}"));
    const Transport transport;
    HttpRequest request = post(server.url());
    request.headers.push_back({"aUTHORIZATION", "Bearer another"});
    check_error(transport(request, signed_attempt()), Reach::never_sent, TransportVerdict::lasting);
    AttemptFields fields;
    fields.authorization = canary;
    fields.header = "X-Api-Key";
    HttpRequest keyed = post(server.url());
    keyed.headers.push_back({"x-api-key", "another"});
    check_error(transport(keyed, Attempt{fields}), Reach::never_sent, TransportVerdict::lasting);
    CHECK(server.connections() == 0);
    // Without a credential chain the header is the caller's own.
    REQUIRE(transport(request, Attempt{}).has_value());
    CHECK(server.requests().back().header("Authorization") == "Bearer another");
}

TEST_CASE("curl: a URL that is no plain http or https URL is refused") {
    const Transport transport;
    for (const char* url :
         {"", "127.0.0.1", "//127.0.0.1/", "/v3/chat", "ftp://127.0.0.1/", "file:///etc/hosts",
          "gopher://127.0.0.1/", "http://", "http:///path", "http://127.0.0.1:99999/",
          "http://user:pat_canary_0123456789@127.0.0.1/", "http://user@127.0.0.1/",
          "https://user@127.0.0.1/", "http://127.0.0.1 /", " http://127.0.0.1/"}) {
        CAPTURE(url);
        check_error(transport(post(url), signed_attempt()), Reach::never_sent,
                    TransportVerdict::lasting);
    }
}

TEST_CASE("curl: a refused URL does not stand in for the next one") {
    Server server(Server::always(200, "{}"));
    Server other(Server::always(200, "other"));
    const Transport transport;
    for (int i = 0; i != 3; ++i) {
        REQUIRE(transport(get(server.url("/a")), Attempt{}).has_value());
        REQUIRE(transport(get(server.url("/a")), Attempt{}).has_value());
        REQUIRE(transport(get(other.url("/b")), Attempt{}).has_value());
        check_error(transport(get("http://192.0.2.1/"), Attempt{}), Reach::never_sent,
                    TransportVerdict::lasting);
        check_error(transport(get("http://192.0.2.1/"), Attempt{}), Reach::never_sent,
                    TransportVerdict::lasting);
        check_error(transport(get(""), Attempt{}), Reach::never_sent, TransportVerdict::lasting);
        REQUIRE(transport(get(other.url("/c")), Attempt{}).has_value());
    }
    CHECK(server.requests().size() == 6);
    CHECK(other.requests().size() == 6);
    CHECK(other.requests().back().head.substr(0, 7) == "GET /c ");
    CHECK(server.connections() == 1);
    CHECK(other.connections() == 1);
}

TEST_CASE("curl: a relative URL is never completed with that of the request before") {
    Server server(Server::always(200, "{}"));
    const Transport transport;
    REQUIRE(transport(post(server.url("/a/b")), signed_attempt()).has_value());
    for (const char* url : {"c", "/c", "?c", "//192.0.2.1/", "../c"}) {
        CAPTURE(url);
        check_error(transport(post(url), signed_attempt()), Reach::never_sent,
                    TransportVerdict::lasting);
    }
    CHECK(server.requests().size() == 1);
}

TEST_CASE("curl: plain http leaves this machine only when the options allow it") {
    const Transport transport;
    for (const char* url :
         {"http://api.coze.com/", "http://192.0.2.1/", "http://127.0.0.1.example.com/",
          "http://localhost.example.com/", "http://127.0.0.1.:80/", "http://[::2]/",
          "http://127.0.0.1@192.0.2.1/", "HTTP://192.0.2.1/"}) {
        CAPTURE(url);
        check_error(transport(post(url), signed_attempt()), Reach::never_sent,
                    TransportVerdict::lasting);
    }
    using rekey::curl::detail::is_this_machine;
    CHECK(is_this_machine("localhost"));
    CHECK(is_this_machine("LocalHost"));
    CHECK(is_this_machine("127.0.0.1"));
    CHECK(is_this_machine("127.9.9.9"));
    CHECK(is_this_machine("[::1]"));
    CHECK_FALSE(is_this_machine(""));
    CHECK_FALSE(is_this_machine("127."));
    CHECK_FALSE(is_this_machine("127.0.0."));
    CHECK_FALSE(is_this_machine("127.0.0.1.1"));
    CHECK_FALSE(is_this_machine("1270.0.0.1"));
    CHECK_FALSE(is_this_machine("localhost."));
}

TEST_CASE("curl: a proxy is used only when the options name it, never for this machine") {
    Server origin(Server::always(200, "origin"));
    Server proxy(Server::always(200, "proxy"));
    const std::string address = "http://" + proxy.authority();
    for (const char* name : {"http_proxy", "all_proxy", "ALL_PROXY", "https_proxy"})
        ::setenv(name, address.c_str(), 1);
    const auto direct = Transport{}(post(origin.url()), signed_attempt());
    Options options;
    options.proxy = address;
    const auto local = Transport{options}(post(origin.url()), signed_attempt());
    ::setenv("no_proxy", "*", 1);
    options.allow_http = true;
    const auto through = Transport{options}(post(origin.url("/a")), signed_attempt());
    for (const char* name : {"http_proxy", "all_proxy", "ALL_PROXY", "https_proxy", "no_proxy"})
        ::unsetenv(name);

    REQUIRE(direct.has_value());
    CHECK((*direct).body == "origin");
    REQUIRE(local.has_value());
    CHECK((*local).body == "origin");
    REQUIRE(through.has_value());
    CHECK((*through).body == "proxy");
    REQUIRE(proxy.requests().size() == 1);
    CHECK(proxy.requests()[0].head.substr(0, 5 + origin.url("/a").size()) ==
          "POST " + origin.url("/a"));
}

TEST_CASE("curl: a proxy's tunnel sees no credential, and its refusal means never sent") {
    Server proxy(Server::always(403, "no"));
    Options options;
    options.proxy = "http://name:pat_canary_0123456789@" + proxy.authority();
    check_error(Transport{options}(post("https://api.example.com/v3/chat"), signed_attempt()),
                Reach::never_sent);
    const auto seen = proxy.requests();
    REQUIRE(seen.size() == 1);
    CHECK(seen[0].head.substr(0, 8) == "CONNECT ");
    CHECK(seen[0].count("Authorization") == 0);
    options.proxy = "nonsense://name:pat_canary_0123456789@" + proxy.authority();
    check_error(Transport{options}(post("https://api.example.com/"), signed_attempt()),
                Reach::never_sent);
}

TEST_CASE("curl stream: events arrive before the answer has ended") {
    std::mutex mutex;
    std::condition_variable changed;
    std::string seen;
    bool in_time = false;
    Server server([&](Connection& connection) {
        if (!connection.read()) return;
        connection.write(
            "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream; charset=utf-8\r\n"
            "Transfer-Encoding: chunked\r\n\r\n");
        connection.chunk("event:a\ndata:1\n\n");
        {
            std::unique_lock<std::mutex> lock(mutex);
            in_time = changed.wait_for(lock, seconds{10}, [&] { return !seen.empty(); });
        }
        connection.chunk("event:done\ndata:\"[DONE]\"\n\n");
        connection.chunk("");
    });
    const auto sink = [&](std::string_view chunk) {
        const std::lock_guard<std::mutex> lock(mutex);
        seen += chunk;
        changed.notify_all();
        return true;
    };
    const auto transport = Transport{}.stream(sink);
    static_assert(!decltype(transport)::follows_redirects);
    static_assert(decltype(transport)::vouches_for_whole_bodies);
    const auto result = transport(post(server.url()), signed_attempt());
    REQUIRE(result.has_value());
    CHECK((*result).status == 200);
    CHECK((*result).delivered);
    CHECK((*result).body.empty());
    CHECK(in_time);
    CHECK(seen == "event:a\ndata:1\n\nevent:done\ndata:\"[DONE]\"\n\n");
}

TEST_CASE("curl stream: a refusal comes back whole and the sink is never called") {
    struct Row {
        int status;
        const char* type;
        const char* body;
    };
    const Row rows[] = {
        {200, "application/json", "{\"code\":4100}"},
        {200, "text/event-stream", "{\"code\":4100}"},
        {200, "text/event-stream", "\n\n {\"code\":4100}"},
        {401, "text/event-stream", "data:1\n\n"},
        {401, "application/json", "{\"code\":4100}"},
        {200, "text/event-stream", ""},
        {200, "text/html", "<html>"},
    };
    int called = 0;
    const auto sink = [&](std::string_view) { return ++called != 0; };
    for (const Row& row : rows) {
        CAPTURE(row.status, row.type, row.body);
        Server server(Server::always(row.status, row.body,
                                     "Content-Type: " + std::string(row.type) + "\r\n"));
        const auto result = Transport{}.stream(sink)(post(server.url()), signed_attempt());
        REQUIRE(result.has_value());
        CHECK((*result).status == row.status);
        CHECK((*result).body == row.body);
        CHECK_FALSE((*result).delivered);
    }
    CHECK(called == 0);
}

TEST_CASE(
    "curl stream: a refusal that is the first event is an answer, and nobody waits for more") {
    const std::string head = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n";
    const std::string events = ":ping\n\nevent: error\r\ndata: {\"code\":4101}\r\n";
    int called = 0;
    const auto sink = [&](std::string_view) { return ++called != 0; };
    Server stays_open([&](Connection& connection) {
        if (!connection.read()) return;
        connection.write(head + "Transfer-Encoding: chunked\r\n\r\n");
        for (const char& c : events) connection.chunk(std::string(1, c));
        connection.chunk("\r\nevent:done\ndata:[DONE]\n\n");
        connection.linger_until_closed();
    });
    Server closes([&](Connection& connection) {
        if (!connection.read()) return;
        connection.write(head + "\r\n" + events);  // no blank line, no length
    });
    for (const Server* const server : {&stays_open, &closes}) {
        const auto transport = Transport{}.stream(sink);
        for (int i = 0; i != 2; ++i) {  // the second time on a handle that stopped
            const auto result = transport(post(server->url()), hasty(seconds{20}));
            REQUIRE(result.has_value());
            CHECK((*result).status == 200);
            CHECK((*result).body == "{\"code\":4101}");
            CHECK_FALSE((*result).delivered);
        }
    }
    CHECK(called == 0);
}

TEST_CASE("curl stream: what no event decided is handed on when the body has ended") {
    for (const std::string body : {":ping\n\n", "event:error\ndata:{}"}) {
        Server server(Server::always(200, body, "Content-Type: text/event-stream\r\n"));
        std::string seen;
        bool goes_on = true;
        const auto sink = [&](std::string_view chunk) {
            seen += chunk;
            return goes_on;
        };
        const auto result = Transport{}.stream(sink)(post(server.url()), signed_attempt());
        REQUIRE(result.has_value());
        CHECK((*result).delivered);
        CHECK((*result).body.empty());
        CHECK(seen == body);
        goes_on = false;
        check_error(Transport{}.stream(sink)(post(server.url()), signed_attempt()),
                    Reach::delivered, TransportVerdict::cancelled);
        Options options;
        options.max_stream_bytes = body.size() - 1;
        check_error(Transport{options}.stream(sink)(post(server.url()), signed_attempt()),
                    Reach::cut_short);
    }
}

TEST_CASE("curl stream: a client falls back on a first event that refuses, and shows none of it") {
    struct Row {
        const char* code;
        std::size_t calls;
    };
    for (const Row row : {Row{"4100", 2}, Row{"4101", 2}, Row{"4200", 2}, Row{"5000", 1},
                          Row{"4028", 1}, Row{"4009", 1}}) {
        CAPTURE(row.code);
        const std::string good = "event:conversation.chat.created\ndata:{}\n\nevent:done\n\n";
        const std::string bad =
            "event:error\ndata:{\"code\":" + std::string(row.code) + ",\"msg\":\"no\"}\n\n";
        std::atomic<int> calls{0};
        Server server([&](Connection& connection) {
            while (connection.read()) {
                connection.write(
                    "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n"
                    "X-Tt-Logid: log-7\r\nTransfer-Encoding: chunked\r\n\r\n");
                connection.chunk(calls++ == 0 ? bad : good);
                connection.chunk("");
            }
        });
        rekey::coze::ChatStream chat;
        std::string seen;
        const auto sink = [&](std::string_view chunk) {
            seen += chunk;
            chat.feed(chunk);
            return true;
        };
        const rekey::Client client{
            rekey::coze::WatchedStream{Transport{}.stream(sink), chat},
            rekey::CredentialChain{
                rekey::coze::Pat<rekey::coze::Personal>{"pat_1", server.url("")},
                rekey::coze::Pat<rekey::coze::Enterprise>{"pat_2", server.url("")}},
            rekey::coze::RetryOnRefusal{}};
        const auto result = client.send(post(server.url("/v3/chat")));
        const auto requests = server.requests();
        REQUIRE(requests.size() == row.calls);
        CHECK(requests[0].head.find("Bearer pat_1\r\n") != std::string::npos);
        if (row.calls == 2) {
            REQUIRE(result);
            CHECK(requests[1].head.find("Bearer pat_2\r\n") != std::string::npos);
            CHECK(result.credential() == "enterprise");
            CHECK(result->delivered);
            CHECK(seen == good);
        } else {
            REQUIRE_FALSE(result);
            CHECK(std::to_string(result.error().service_code) == row.code);
            CHECK(result.error().message() == "no");
            CHECK(result.error().log_id() == "log-7");
            CHECK(result.error().reach == Reach::answered);
            CHECK(seen.empty());
        }
    }
}

TEST_CASE("curl stream: after the first event a failure says that something was delivered") {
    const std::string head =
        "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n";
    std::string seen;
    std::atomic<bool> has_event{false};
    const auto sink = [&](std::string_view chunk) {
        seen += chunk;
        has_event = true;
        return true;
    };
    Server resets([&](Connection& connection) {
        connection.read();
        connection.write(head);
        connection.chunk("data:1\n\n");
        while (!has_event && connection.pause(milliseconds{1})) {
        }
        connection.reset();
    });
    check_error(Transport{}.stream(sink)(post(resets.url()), signed_attempt()), Reach::delivered);
    CHECK(seen == "data:1\n\n");
    CHECK(resets.requests().size() == 1);

    Server stalls([&](Connection& connection) {
        connection.read();
        connection.write(head);
        connection.chunk("data:1\n\n");
        connection.linger_until_closed();
    });
    check_error(Transport{}.stream(sink)(post(stalls.url()), hasty(milliseconds{400})),
                Reach::delivered);
}

TEST_CASE("curl stream: a failure before the first event was not delivered") {
    int called = 0;
    const auto sink = [&](std::string_view) { return ++called != 0; };
    Server server([](Connection& connection) {
        connection.read();
        connection.write(
            "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n"
            "Transfer-Encoding: chunked\r\n\r\n");
        connection.chunk("\n\n");
    });
    check_error(Transport{}.stream(sink)(post(server.url()), signed_attempt()), Reach::cut_short);
    CHECK(called == 0);
}

TEST_CASE("curl stream: a sink that says stop cancels the call") {
    int called = 0;
    const auto sink = [&](std::string_view) { return ++called == 0; };
    Server server([](Connection& connection) {
        connection.read();
        connection.write(
            "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n"
            "Transfer-Encoding: chunked\r\n\r\n");
        while (connection.chunk("data:1\n\n")) {
        }
    });
    check_error(Transport{}.stream(sink)(post(server.url()), signed_attempt()), Reach::delivered,
                TransportVerdict::cancelled);
    CHECK(called == 1);
    CHECK(server.wait_until_all_closed());
}

TEST_CASE("curl stream: both limits hold") {
    Options options;
    options.max_body_bytes = 1000;
    options.max_stream_bytes = 100000;
    std::size_t seen = 0;
    const auto sink = [&](std::string_view chunk) {
        seen += chunk.size();
        return true;
    };
    for (const bool events : {false, true}) {
        Server server([&](Connection& connection) {
            connection.read();
            connection.write(
                "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n"
                "Transfer-Encoding: chunked\r\n\r\n");
            while (connection.chunk(events ? "data:1\n\n" : "{\"a\":1}")) {
            }
        });
        check_error(Transport{options}.stream(sink)(post(server.url()), signed_attempt()),
                    events ? Reach::delivered : Reach::cut_short);
        CHECK(seen <= options.max_stream_bytes);
        CHECK((seen > 50000) == events);
    }
}

TEST_CASE("curl stream: an event stream may end with its connection") {
    std::string seen;
    const auto sink = [&](std::string_view chunk) {
        seen += chunk;
        return true;
    };
    Server server([](Connection& connection) {
        connection.read();
        connection.write(
            "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n"
            "event:done\ndata:[DONE]\n\n");
    });
    const auto result = Transport{}.stream(sink)(post(server.url()), signed_attempt());
    REQUIRE(result.has_value());
    CHECK((*result).delivered);
    rekey::stream::EventScanner scanner;
    scanner.feed(seen, [](std::string_view, std::string_view) {});
    CHECK(scanner.ended());
}

TEST_CASE("curl: every libcurl code means what the table of errors says") {
    using rekey::curl::error_of;
    using rekey::curl::Progress;
    struct Row {
        CURLcode code;
        Progress progress;
        Reach reach;
        TransportVerdict verdict;
    };
    const Progress nothing{};
    const Progress sent{true, false, false};
    const Progress began{true, true, false};
    const Progress delivered{true, true, true};
    constexpr TransportVerdict passing = TransportVerdict::passing;
    constexpr TransportVerdict lasting = TransportVerdict::lasting;
    const Row rows[] = {
        {CURLE_COULDNT_RESOLVE_PROXY, nothing, Reach::never_sent, passing},
        {CURLE_COULDNT_RESOLVE_HOST, nothing, Reach::never_sent, passing},
        {CURLE_COULDNT_CONNECT, nothing, Reach::never_sent, passing},
        {CURLE_SSL_CONNECT_ERROR, nothing, Reach::never_sent, passing},
        {CURLE_OPERATION_TIMEDOUT, nothing, Reach::never_sent, passing},
        {CURLE_OPERATION_TIMEDOUT, sent, Reach::sent_unanswered, passing},
        {CURLE_OPERATION_TIMEDOUT, began, Reach::cut_short, passing},
        {CURLE_OPERATION_TIMEDOUT, delivered, Reach::delivered, passing},
        {CURLE_PEER_FAILED_VERIFICATION, nothing, Reach::never_sent, lasting},
        {CURLE_SSL_CACERT_BADFILE, nothing, Reach::never_sent, lasting},
        {CURLE_UNSUPPORTED_PROTOCOL, nothing, Reach::never_sent, lasting},
        {CURLE_UNSUPPORTED_PROTOCOL, sent, Reach::cut_short, passing},
        {CURLE_URL_MALFORMAT, nothing, Reach::never_sent, lasting},
        {CURLE_GOT_NOTHING, sent, Reach::sent_unanswered, passing},
        {CURLE_SEND_ERROR, sent, Reach::sent_unanswered, passing},
        {CURLE_RECV_ERROR, sent, Reach::sent_unanswered, passing},
        {CURLE_RECV_ERROR, began, Reach::cut_short, passing},
        {CURLE_RECV_ERROR, delivered, Reach::delivered, passing},
        {CURLE_PARTIAL_FILE, began, Reach::cut_short, passing},
        {CURLE_PARTIAL_FILE, delivered, Reach::delivered, passing},
        {CURLE_WEIRD_SERVER_REPLY, sent, Reach::cut_short, passing},
        {CURLE_BAD_CONTENT_ENCODING, sent, Reach::cut_short, passing},
        {CURLE_ABORTED_BY_CALLBACK, delivered, Reach::delivered, TransportVerdict::cancelled},
    };
    for (const Row& row : rows) {
        CAPTURE(static_cast<int>(row.code));
        const rekey::TransportError error = error_of(row.code, row.progress, "text");
        CHECK(static_cast<int>(error.reach) == static_cast<int>(row.reach));
        CHECK(static_cast<int>(error.verdict) == static_cast<int>(row.verdict));
        CHECK(error.detail == "text");
    }
}

TEST_CASE("curl: the page's table of failures is what the adapter says") {
    using rekey::curl::error_of;
    using rekey::curl::Progress;
    int checked = 0;
    for (const auto& row : failure_table::of("libcurl")) {
        Progress progress;
        progress.request_begun = row.says == "sent_unanswered" || row.says == "cut_short";
        for (const std::string& word : row.words) {
            const long code = std::strtol(word.c_str(), nullptr, 10);
            if (code == 0) continue;
            CAPTURE(row.says, code);
            CHECK(failure_table::said(error_of(static_cast<CURLcode>(code), progress, "text")) ==
                  row.says);
            ++checked;
        }
    }
    CHECK(checked >= 16);
}

#if defined(REKEY_TESTS_LOOPBACK_TLS)

TEST_CASE("curl: a certificate nobody vouches for is a lasting failure, before any byte") {
    const loopback::SelfSigned identity;
    Server server(Server::always(200, "{}"), identity);
    check_error(Transport{}(post(server.https_url()), signed_attempt()), Reach::never_sent,
                TransportVerdict::lasting);
    CHECK(server.requests().empty());
    Options options;
    options.ca_file = "/nonexistent/authorities.pem";
    check_error(Transport{options}(post(server.https_url()), signed_attempt()), Reach::never_sent,
                TransportVerdict::lasting);
    CHECK(server.requests().empty());
}

TEST_CASE("curl: with the right authority TLS works, and only for the certificate's host") {
    const loopback::SelfSigned identity;
    Server server(Server::always(200, "{}"), identity);
    const loopback::AuthorityFile authority(identity);
    Options options;
    options.ca_file = authority.path();
    const Transport transport{options};
    for (int i = 0; i != 3; ++i)
        CHECK(transport(post(server.https_url()), signed_attempt()).has_value());
    CHECK(server.connections() == 1);
    std::string other = server.https_url();
    other.replace(other.find("127.0.0.1"), 9, "localhost");
    check_error(transport(post(other), signed_attempt()), Reach::never_sent,
                TransportVerdict::lasting);
    CHECK(server.requests().size() == 3);
}

#else

TEST_CASE("curl: TLS is not tested here: built without REKEY_TESTS_LOOPBACK_TLS") {
    WARN("skipped: needs OpenSSL for the server");
}

#endif
