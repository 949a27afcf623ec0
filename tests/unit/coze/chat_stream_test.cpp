// SPDX-License-Identifier: BSL-1.0
#include <rekey/coze/chat_stream.hpp>

#include "catch.hpp"

#include <rekey/coze.hpp>
#include <rekey/testing.hpp>

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

using namespace rekey;

namespace {

constexpr const char* base = "https://api.example";
const HttpRequest request{"POST", "https://api.example/v3/chat", {}, "{}"};
const std::string created =
    "event:conversation.chat.created\ndata:{\"id\":\"7300\","
    "\"conversation_id\":\"7400\"}\n\n";
const std::string done = "event:done\ndata:[DONE]\n\n";

std::string event(const std::string& name, const std::string& data) {
    return "event:" + name + "\ndata:" + data + "\n\n";
}

/// Streams one body after another, cut into pieces of a size, through the gate: no socket.
struct Streaming {
    static constexpr bool follows_redirects = false;
    static constexpr bool vouches_for_whole_bodies = true;

    coze::ChatStream* chat;
    std::vector<std::string>* bodies;
    std::vector<std::string>* seen;
    std::size_t piece = 7;

    TransportResult<HttpResponse> operator()(const HttpRequest&, const Attempt&) const {
        if (bodies->empty()) return TransportError{Reach::never_sent, "nothing more to say"};
        const std::string body = bodies->front();
        bodies->erase(bodies->begin());
        HttpResponse response{
            200, {{"Content-Type", "text/event-stream"}, {"X-Tt-Logid", "log-7"}}, {}, false};
        stream::Gate gate{response.status, "text/event-stream"};
        for (std::size_t at = 0; at < body.size(); at += piece) {
            const std::string_view ready = gate.feed(std::string_view(body).substr(at, piece));
            if (ready.empty()) continue;
            response.delivered = true;
            chat->feed(ready, [this](std::string_view name, std::string_view) {
                seen->push_back(std::string(name));
            });
        }
        if (gate.finish() == stream::GateState::hold) response.body = gate.take_held();
        return response;
    }
};

struct Desk {
    coze::ChatStream chat{};
    std::vector<std::string> bodies{};
    std::vector<std::string> seen{};

    auto send(std::size_t piece = 7) {
        const Client client{coze::WatchedStream{Streaming{&chat, &bodies, &seen, piece}, chat},
                            CredentialChain{coze::Pat<coze::Personal>{"pat_personal_1", base},
                                            coze::Pat<coze::Enterprise>{"pat_enterprise_2", base}},
                            RetryOn<AuthRejected, NotFound, RateLimited, Transient>{},
                            MaxAttempts<5>{}};
        return client.send(request, Idempotent{});
    }
};

}  // namespace

TEST_CASE("a stream without an error is a success, and its ids are known") {
    Desk desk;
    desk.bodies = {created + event("conversation.chat.completed", "{}") + done};
    const auto result = desk.send();
    REQUIRE(result);
    CHECK(result->delivered);
    CHECK(desk.chat.ended());
    CHECK_FALSE(desk.chat.failed());
    CHECK(desk.chat.chat_id() == "7300");
    CHECK(desk.chat.conversation_id() == "7400");
    CHECK(desk.seen == std::vector<std::string>{"conversation.chat.created",
                                                "conversation.chat.completed", "done"});
}

TEST_CASE("an error inside a stream is a typed error, wherever the body is cut") {
    for (const std::string& failing :
         {event("error", R"({"code":4028,"msg":"no credit"})"),
          event("conversation.chat.failed",
                R"({"status":"failed","last_error":{"code":4028,"msg":"no credit"}})"),
          event("conversation.chat.failed", R"({"code":4028,"msg":"no credit"})")})
        for (const std::size_t piece : {1u, 7u, 1000u}) {
            CAPTURE(failing, piece);
            Desk desk;
            desk.bodies = {created + failing + done, created + done};
            const auto result = desk.send(piece);
            REQUIRE_FALSE(result);
            CHECK(result.error().kind == ErrorKind::quota_exhausted);
            CHECK(result.error().http_status == 200);
            CHECK(result.error().service_code == 4028);
            CHECK(result.error().message() == "no credit");
            CHECK(result.error().log_id() == "log-7");
            CHECK(result.error().reach == Reach::delivered);
            CHECK(result.credential() == "personal");
            CHECK(result.stop_reason() == StopReason::not_retryable);
            CHECK(desk.bodies.size() == 1);  // nothing was sent again
            CHECK(desk.seen.front() == "conversation.chat.created");
        }
}

TEST_CASE("after the first event no code leads to another credential or a repeat") {
    for (const char* const code : {"4100", "4101", "4200", "4009", "5000", "700012006", "4242"}) {
        CAPTURE(code);
        Desk desk;
        desk.bodies = {created + event("error", "{\"code\":" + std::string(code) + "}") + done,
                       created + done};
        const auto result = desk.send();
        REQUIRE_FALSE(result);
        CHECK(result.trail().count() == 1);
        CHECK(result.error().kind == coze::kind_of_code(result.error().service_code));
        CHECK(std::to_string(result.error().service_code) == code);
        CHECK(desk.bodies.size() == 1);
    }
}

TEST_CASE("an error that is the very first event belongs to the answer") {
    Desk desk;
    desk.bodies = {event("error", R"({"code":4101,"msg":"no"})"), created + done};
    const auto result = desk.send();
    REQUIRE_FALSE(result);
    CHECK(result.error().kind == ErrorKind::refused);
    CHECK(desk.bodies.size() == 1);
    CHECK(desk.seen == std::vector<std::string>{"error"});
}

TEST_CASE("a refusal before the stream still goes on with the next credential") {
    Desk desk;
    desk.bodies = {R"( {"code":4101,"msg":"no"})", created + done};
    const auto result = desk.send();
    REQUIRE(result);
    CHECK(result.credential() == "enterprise");
    CHECK(desk.seen.size() == 2);
}

TEST_CASE("an error without a code fails the call with its words") {
    for (const char* const data : {"the model went away", "{\"msg\":\"the model went away\"}"}) {
        Desk desk;
        desk.bodies = {created + event("error", data) + done};
        const auto result = desk.send();
        REQUIRE_FALSE(result);
        CHECK(result.error().kind == ErrorKind::transport);
        CHECK(result.error().reach == Reach::delivered);
        CHECK(result.error().message() ==
              "HTTP 200, the stream ended in an error: the model went away, log id log-7");
        CHECK(desk.chat.failed());
        CHECK(desk.chat.failure().kind == ErrorKind::permanent);
    }
}

TEST_CASE("a stream that stops before its last event fails the call, and nothing is sent again") {
    for (const std::string& body : {created, created + "event:done\ndata:[DONE]"}) {
        Desk desk;
        desk.bodies = {body, created + done};
        const auto result = desk.send();
        REQUIRE_FALSE(result);
        CHECK(result.error().kind == ErrorKind::transport);
        CHECK(result.error().message() ==
              "HTTP 200, the stream ended before its last event, log id log-7");
        CHECK(desk.bodies.size() == 1);
    }
}

TEST_CASE("an event beyond the limit fails the call") {
    Desk desk;
    desk.chat = coze::ChatStream{64};
    desk.bodies = {event("conversation.message.delta", std::string(100, 'x')) + done};
    const auto result = desk.send();
    REQUIRE_FALSE(result);
    CHECK(desk.chat.overflowed());
    CHECK(result.error().message().find("too long") != std::string::npos);
    desk.bodies = {event("message", "short") + done};  // the next answer begins anew
    CHECK(desk.send());
}

TEST_CASE("S71 a token that an event repeats is cut out of the failure") {
    Desk desk;
    desk.bodies = {created + event("error", R"({"code":4101,"msg":"pat_personal_1 is bad",)"
                                            R"("detail":{"logid":"pat_personal_1"}})")};
    const auto result = desk.send();
    REQUIRE_FALSE(result);
    CHECK(result.error().message() == "[token] is bad");
    CHECK(desk.chat.failure().message == "[token] is bad");
    CHECK(desk.chat.failure().log_id == "[token]");
    REQUIRE(result.error().response() != nullptr);
    CHECK(result.error().response()->body.find("pat_personal_1") == std::string::npos);
}

TEST_CASE("words that are not UTF-8 do not hide the code") {
    Desk desk;
    desk.bodies = {created + event("error", "{\"code\":5000,\"msg\":\"\xff\"}") + done};
    const auto result = desk.send();
    REQUIRE_FALSE(result);
    CHECK(result.error().kind == ErrorKind::transient);
}

TEST_CASE("a watched stream promises what its transport promises") {
    struct Bare {
        HttpResponse operator()(const HttpRequest&, const Attempt&) const { return {}; }
    };
    using rekey::detail::vouches_for_whole_bodies;
    static_assert(vouches_for_whole_bodies<coze::WatchedStream<Streaming>>());
    static_assert(!coze::WatchedStream<Streaming>::follows_redirects);
    static_assert(!vouches_for_whole_bodies<coze::WatchedStream<Bare>>());
    coze::ChatStream chat;
    const coze::WatchedStream bare{Bare{}, chat};
    CHECK(bare(request, Attempt{}).has_value());
}
