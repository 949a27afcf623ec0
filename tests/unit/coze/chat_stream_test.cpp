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
        for (std::size_t at = 0; at < body.size() && !gate.has_answer(); at += piece)
            hand_on(gate.feed(std::string_view(body).substr(at, piece)), response);
        hand_on(gate.finish(), response);
        if (gate.state() == stream::GateState::hold) response.body = gate.take_held();
        return response;
    }
    void hand_on(std::string_view ready, HttpResponse& response) const {
        if (ready.empty()) return;
        response.delivered = true;
        chat->feed(ready, [this](std::string_view name, std::string_view) {
            seen->push_back(std::string(name));
        });
    }
};

struct Mine {
    static constexpr auto name = "mine";
    std::string token;
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

TEST_CASE("the id of a chat is that of its own events, and of this answer only") {
    Desk desk;
    desk.bodies = {
        event("conversation.message.delta", R"({"id":"7500","conversation_id":"7400"})") + created +
            done,
        event("conversation.chat.completed", "{}") + done};
    REQUIRE(desk.send());
    CHECK(desk.chat.chat_id() == "7300");
    REQUIRE(desk.send());
    CHECK(desk.chat.chat_id().empty());
    CHECK(desk.chat.conversation_id().empty());
}

TEST_CASE("of several failures in a stream the first is reported") {
    Desk desk;
    desk.bodies = {created + event("conversation.chat.failed", R"({"code":4028,"msg":"first"})") +
                   event("error", R"({"code":5000,"msg":"second"})") + done};
    const auto result = desk.send();
    REQUIRE_FALSE(result);
    CHECK(result.error().service_code == 4028);
    CHECK(result.error().message() == "first");
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

TEST_CASE("a refusal that is the very first event goes on with the next credential, unseen") {
    for (const char* const code : {"4100", "4101", "700012006", "4200", "\"4101\""})
        for (const std::size_t piece : {1u, 7u, 1000u}) {
            CAPTURE(code, piece);
            Desk desk;
            const std::string data = "{\"code\":" + std::string(code) + ",\"msg\":\"no\"}";
            desk.bodies = {":ping\n\n" + event("error", data) + done, created + done};
            const auto result = desk.send(piece);
            REQUIRE(result);
            CHECK(result.credential() == "enterprise");
            CHECK(result.trail().count() == 2);
            CHECK(result.trail()[0].http_status == 200);
            CHECK(desk.bodies.empty());
            CHECK(desk.seen == std::vector<std::string>{"conversation.chat.created", "done"});
        }
}

TEST_CASE("another error that is the very first event ends the call as any answer does") {
    Desk desk;
    desk.bodies = {event("error", R"({"code":4028,"msg":"no credit","detail":{"logid":"log-8"}})"),
                   created + done};
    const auto result = desk.send();
    REQUIRE_FALSE(result);
    CHECK(result.error().kind == ErrorKind::quota_exhausted);
    CHECK(result.error().service_code == 4028);
    CHECK(result.error().message() == "no credit");
    CHECK(result.error().log_id() == "log-7");
    CHECK(result.error().reach == Reach::answered);
    CHECK(result.credential() == "personal");
    CHECK(desk.bodies.size() == 1);
    CHECK(desk.seen.empty());
}

TEST_CASE("a first error that no code explains fails the call, and nothing is sent again") {
    for (const char* const data : {"{}", "{\"code\":0}", "the model went away",
                                   R"({"last_error":{"code":4101,"msg":"no"}})"}) {
        CAPTURE(data);
        Desk desk;
        desk.bodies = {event("error", data), created + done};
        const auto result = desk.send();
        REQUIRE_FALSE(result);
        CHECK(result.error().reach == Reach::delivered);
        CHECK(desk.bodies.size() == 1);
        CHECK(desk.seen == std::vector<std::string>{"error"});
    }
}

TEST_CASE("a failed chat that is the very first event was executed: nothing is sent again") {
    Desk desk;
    desk.bodies = {event("conversation.chat.failed", R"({"id":"7300","last_error":{"code":4101}})"),
                   created + done};
    const auto result = desk.send();
    REQUIRE_FALSE(result);
    CHECK(result.error().kind == ErrorKind::refused);
    CHECK(result.error().reach == Reach::delivered);
    CHECK(desk.bodies.size() == 1);
    CHECK(desk.seen == std::vector<std::string>{"conversation.chat.failed"});
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
    for (const std::string& body : {created, created + "event:don", created + "event:error\nda"}) {
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

TEST_CASE("no blank line has to follow the last event") {
    for (const char* const last : {"event:done\ndata:[DONE]\n", "event:done\ndata:[DONE]",
                                   "event: done", "data: \"[DONE]\"\n"})
        for (const std::size_t piece : {1u, 7u, 1000u}) {
            CAPTURE(last, piece);
            Desk desk;
            desk.bodies = {created + last};
            CHECK(desk.send(piece));
            CHECK(desk.chat.ended());
        }
    Desk desk;
    desk.bodies = {created + "event:error\ndata:{\"code\":4028,\"msg\":\"no credit\"}"};
    const auto result = desk.send();
    REQUIRE_FALSE(result);
    CHECK(result.error().service_code == 4028);
}

TEST_CASE("a connection that breaks behind the events changes nothing of what they said") {
    coze::ChatStream chat;
    const TransportError broken{Reach::delivered, "reset"};
    std::string events;
    const coze::WatchedStream watched{
        [&](const HttpRequest&, const Attempt&) -> TransportResult<HttpResponse> {
            chat.feed(events);
            return broken;
        },
        chat};
    events = created + done;
    const auto whole = watched(request, Attempt{});
    REQUIRE(whole.has_value());
    CHECK(whole->delivered);
    CHECK(whole->status == 200);
    for (const std::string& end : {std::string(), done}) {
        events = created + event("error", R"({"code":4028,"msg":"no credit"})") + end;
        const auto failed = watched(request, Attempt{});
        REQUIRE(failed.has_value());
        CHECK(failed->body.find("4028") != std::string::npos);
    }
    for (const std::string& cut : {created, created + event("error", "the model went away"),
                                   created + "event:done\ndata:[DONE]\n"}) {
        events = cut;
        const auto error = watched(request, Attempt{});
        REQUIRE_FALSE(error.has_value());
        CHECK(error.error().detail == "reset");
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

TEST_CASE("a log id that is not UTF-8 hides neither the code nor the words") {
    Desk desk;
    for (const char* const words : {"", "no credit", "\xff"}) {
        CAPTURE(words);
        desk.bodies = {created +
                       event("error", std::string("{\"code\":4028,\"msg\":\"") + words +
                                          "\",\"detail\":{\"logid\":\"20\xff\"}}") +
                       done};
        const auto result = desk.send();
        REQUIRE_FALSE(result);
        CHECK(result.error().kind == ErrorKind::quota_exhausted);
        CHECK(result.error().service_code == 4028);
        CHECK(result.error().message() == (*words == '\xff' ? "" : words));
        CHECK(result.error().log_id() == "log-7");  // of the head
    }
}

TEST_CASE("with credentials of one's own the codes of a stream need coze::Api") {
    Desk desk;
    const auto send = [&desk](auto... service) {
        desk.bodies = {created + event("error", R"({"code":4028,"msg":"no credit"})")};
        const Client client{
            coze::WatchedStream{Streaming{&desk.chat, &desk.bodies, &desk.seen}, desk.chat},
            CredentialChain{Mine{"mine_1"}}, RetryOn<4100, 4101>{}, service...};
        return client.send(request);
    };
    const auto known = send(coze::Api{});
    REQUIRE_FALSE(known);
    CHECK(known.error().kind == ErrorKind::quota_exhausted);
    CHECK(send());
    CHECK(desk.chat.failed());
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
