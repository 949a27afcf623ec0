// SPDX-License-Identifier: BSL-1.0
//
// Dear reader,
//
// your program has Poco, and rekey has no adapter for it: this is the transport that you write, in
// fifty lines. `rekey/wire.hpp` decides what must not go on the wire and whether an answer is
// whole; what is left is to send, to receive, and to say how far an attempt came. A session for
// each send keeps it short, and keeps Poco from sending anything twice on a kept connection.

#include <rekey/coze.hpp>
#include <rekey/oauth/url.hpp>
#include <rekey/wire.hpp>

#include <Poco/Net/HTTPClientSession.h>
#include <Poco/Net/HTTPRequest.h>
#include <Poco/Net/HTTPResponse.h>
#include <Poco/Net/NetException.h>
#include <Poco/StreamCopier.h>

#include <chrono>
#include <iostream>
#include <string>
#include <string_view>

#include "support/fake_coze_server.hpp"

/// Sends an HttpRequest with Poco, plain http to this machine; HTTPSClientSession does the rest.
struct PocoTransport {
    static constexpr bool follows_redirects = false;
    static constexpr bool vouches_for_whole_bodies = true;
    using Answer = rekey::TransportResult<rekey::HttpResponse>;

    Answer operator()(const rekey::HttpRequest& request, const rekey::Attempt& attempt) const {
        using rekey::Reach;
        using rekey::TransportError;
        constexpr std::string_view key = "Idempotency-Key";
        if (const char* wrong = rekey::wire::fault_of(request, attempt, key))
            return rekey::wire::refused(wrong);
        const auto url = rekey::oauth::parse_url(request.url);
        if (!url || !rekey::oauth::is_loopback(url.origin.host))
            return rekey::wire::refused("the URL is none, or another machine needs https");
        const auto limit = rekey::wire::limit_of(std::chrono::seconds{60}, attempt);

        Poco::Net::HTTPClientSession session(std::string(url.origin.host), url.origin.port);
        session.setKeepAlive(false);
        session.setTimeout(std::chrono::duration_cast<std::chrono::microseconds>(limit).count());
        Poco::Net::HTTPRequest sent(request.method, rekey::wire::target_of(url.path, url.query),
                                    Poco::Net::HTTPMessage::HTTP_1_1);
        rekey::wire::each_header(request, attempt, key, [&](auto name, auto value) {
            sent.add(std::string(name), std::string(value));
        });
        sent.setContentLength(static_cast<std::streamsize>(request.body.size()));
        Reach reach = Reach::sent_unanswered;
        try {
            session.sendRequest(sent).write(request.body.data(),
                                            static_cast<std::streamsize>(request.body.size()));
            Poco::Net::HTTPResponse head;
            std::istream& body = session.receiveResponse(head);
            reach = Reach::cut_short;
            rekey::HttpResponse answer{head.getStatus(), {}, {}, false};
            for (const auto& [name, value] : head) answer.headers.push_back({name, value});
            Poco::StreamCopier::copyToString(body, answer.body);
            const auto framing =
                rekey::wire::framing_of(request.method, answer.status, answer.headers);
            const auto length = rekey::find_header(answer.headers, "Content-Length");
            if (framing != rekey::wire::Framing::whole ||
                (!length.empty() && length != std::to_string(answer.body.size())))
                return TransportError{reach, rekey::wire::open_ended};
            return answer;
        } catch (const Poco::Net::ConnectionRefusedException&) {
            return TransportError{Reach::never_sent, "connection refused"};
        } catch (const Poco::Net::HostNotFoundException&) {
            return TransportError{Reach::never_sent, "unknown host"};
        } catch (const Poco::Exception& failure) {  // A timeout too: before or after, who knows.
            return TransportError{reach, failure.name()};
        }
    }
};

int main() {
    rekey::testing::FakeCoze coze;
    support::FakeCozeServer server{coze};
    if (!server.start()) return 1;
    const auto options = coze.options();
    const rekey::Client client{
        PocoTransport{},
        rekey::CredentialChain{
            rekey::coze::Pat<rekey::coze::Personal>{options.personal_token, server.base()},
            rekey::coze::Pat<rekey::coze::Enterprise>{options.enterprise_token, server.base()}},
        rekey::coze::RetryOnRefusal{}};
    const rekey::HttpRequest chat{"POST",
                                  server.base() + "/v3/chat",
                                  {{"Content-Type", "application/json"}},
                                  R"({"bot_id":")" + options.bot_id + R"(","user_id":"user_1"})"};
    for (const bool moved : {false, true}) {
        if (moved) coze.move();
        const auto result = client.send(chat);
        std::cout << (moved ? "after" : "before") << " the move: "
                  << (result ? std::string(result.credential()) : result.error().describe())
                  << ", attempts: " << result.trail().size() << '\n';
    }
    rekey::testing::FakeFault cut;
    cut.wire = rekey::testing::FakeWire::truncated_body;
    cut.bytes = 10;
    coze.fault(cut);
    std::cout << "a cut answer: " << to_string(client.send(chat).stop_reason()) << '\n';
    server.stop();
    std::cout << "nobody there: " << client.send(chat).error().message() << '\n';
}

// Output:
//   before the move: personal, attempts: 1
//   after the move: enterprise, attempts: 2
//   a cut answer: not_retryable
//   nobody there: connection refused
