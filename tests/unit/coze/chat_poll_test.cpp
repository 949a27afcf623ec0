// SPDX-License-Identifier: BSL-1.0
#include <rekey/coze/chat_poll.hpp>

#include "catch.hpp"
#include "support/coze_desk.hpp"

#include <rekey/coze.hpp>
#include <rekey/policy/circuit_breaker.hpp>
#include <rekey/testing.hpp>

#include <chrono>
#include <functional>
#include <string>
#include <vector>

using namespace rekey;
using namespace std::chrono_literals;
using coze::ChatEnd;
using coze::ChatPoll;
using coze::PollAction;
using coze::PollAnswer;
using coze::PollStep;

namespace {

constexpr const char* base = "https://api.example/";
constexpr TimePoint t0{};
constexpr PollAction retrieve{PollStep::retrieve, 0s};
constexpr PollAction list{PollStep::list, 0s};
constexpr PollAction finish{PollStep::finish, 0s};
constexpr PollAction wait(Duration delay) { return {PollStep::wait, delay}; }

std::string chat_text(const std::string& status, const std::string& more = "") {
    return R"({"code":0,"data":{"id":"c 1","conversation_id":"v&2","status":")" + status + "\"" +
           more + R"(},"detail":{"logid":"log-9"}})";
}
PollAnswer said(std::string body, Duration retry_after = 0s) {
    PollAnswer answer;
    answer.accepted = true;
    answer.failure.http_status = 200;
    answer.body = std::move(body);
    answer.retry_after = retry_after;
    return answer;
}
PollAnswer no(ErrorKind kind, bool passing, Duration retry_after = 0s) {
    PollAnswer answer;
    answer.passing = passing;
    answer.retry_after = retry_after;
    answer.failure.kind = kind;
    answer.failure.message = "busy";
    return answer;
}

/// A poll before its first retrieve.
struct Begun : ChatPoll {
    explicit Begun(coze::PollOptions options = {}) : ChatPoll(base, chat_text("created"), options) {
        CHECK(start(t0) == wait(1s));
        CHECK(waited(t0 + 1s) == retrieve);
    }
};

}  // namespace

TEST_CASE("a chat is asked for at the interval until it has ended, then its messages") {
    ChatPoll poll{base, chat_text("in_progress")};
    CHECK(poll.end() == ChatEnd::unfinished);
    CHECK(poll.start(t0) == wait(1s));
    CHECK(poll.waited(t0 + 1s) == retrieve);
    CHECK(poll.request().method == "GET");
    CHECK(poll.request().url ==
          "https://api.example/v3/chat/retrieve?conversation_id=v%262&chat_id=c%201");
    CHECK(poll.answered(said(chat_text("in_progress")), t0 + 1s) == wait(1s));
    CHECK(poll.waited(t0 + 2s) == retrieve);
    CHECK(poll.answered(said(chat_text("completed")), t0 + 3s) == list);
    CHECK(poll.request().url ==
          "https://api.example/v3/chat/message/list?conversation_id=v%262&chat_id=c%201");
    CHECK(poll.answered(said("{\"data\":[]}"), t0 + 3s) == finish);
    CHECK(poll.end() == ChatEnd::completed);
    CHECK(poll.succeeded());
    CHECK(poll.chat() == chat_text("completed"));
    CHECK(poll.messages() == "{\"data\":[]}");
}

TEST_CASE("a chat that requires action has ended, and its messages are asked for") {
    Begun poll;
    CHECK(poll.answered(said(chat_text("requires_action")), t0 + 1s) == list);
    CHECK(poll.answered(said("{}"), t0 + 1s) == finish);
    CHECK(poll.end() == ChatEnd::requires_action);
    CHECK(poll.succeeded());
}

TEST_CASE("a chat that was completed at once is not asked for again") {
    ChatPoll poll{base, chat_text("completed")};
    CHECK(poll.start(t0) == list);
}

TEST_CASE("a failed chat ends the wait with the kind and code of last_error") {
    Begun poll;
    CHECK(
        poll.answered(said(chat_text("failed", R"(,"last_error":{"code":4028,"msg":"no credit"})")),
                      t0 + 1s) == finish);
    CHECK(poll.end() == ChatEnd::failed);
    CHECK_FALSE(poll.succeeded());
    CHECK(poll.failure().kind == ErrorKind::quota_exhausted);
    CHECK(poll.failure().service_code == 4028);
    CHECK(poll.failure().message == "no credit");
    CHECK(poll.failure().log_id == "log-9");
    CHECK(poll.failure().http_status == 200);
    CHECK(describe(poll.failure(), "personal") ==
          "quota_exhausted: HTTP 200, code 4028, no credit, log id log-9, credential personal");
    CHECK(poll.messages().empty());
}

TEST_CASE("a failed chat that says nothing more is a failure all the same") {
    for (const char* const more : {"", R"(,"last_error":null)", R"(,"last_error":{"code":null})",
                                   R"(,"last_error":{"code":null,"msg":null})"}) {
        Begun poll;
        CHECK(poll.answered(said(chat_text("failed", more)), t0 + 1s) == finish);
        CHECK(poll.end() == ChatEnd::failed);
        CHECK(poll.failure().kind == ErrorKind::permanent);
        CHECK_FALSE(poll.failure().has_service_code);
        CHECK(poll.failure().message == "the chat failed");
    }
}

TEST_CASE("a chat that somebody cancelled ends the wait") {
    Begun poll;
    CHECK(poll.answered(said(chat_text("canceled")), t0 + 1s) == finish);
    CHECK(poll.end() == ChatEnd::canceled);
    CHECK(poll.failure().kind == ErrorKind::cancelled);
}

TEST_CASE("a status that nobody knows yet is one to wait for") {
    Begun poll;
    CHECK(poll.answered(said(chat_text("thinking")), t0 + 1s) == wait(1s));
}

TEST_CASE("an answer that names no chat, or no status, ends the wait") {
    for (const char* const body :
         {"", "{}", R"({"code":0,"data":{"id":"1","status":"created"}})", "[]",
          R"({"code":0,"data":{"id":"1","conversation_id":"2"}})",
          R"({"data":{"id":null,"conversation_id":"2","status":"created"}})",
          R"({"data":{"id":"1","conversation_id":null,"status":"created"}})",
          R"({"data":{"id":"1","conversation_id":"2","status":null}})"}) {
        CAPTURE(body);
        ChatPoll poll{base, body};
        CHECK(poll.start(t0) == finish);
        CHECK(poll.end() == ChatEnd::malformed);
        CHECK(poll.failure().kind == ErrorKind::malformed_response);
    }
    Begun poll;
    CHECK(poll.answered(said("<html>"), t0 + 1s) == finish);
    CHECK(poll.end() == ChatEnd::malformed);
}

TEST_CASE("no chat is asked for earlier than Retry-After says") {
    Begun poll;
    CHECK(poll.answered(said(chat_text("in_progress"), 7s), t0 + 1s) == wait(7s));
    CHECK(poll.waited(t0 + 2s) == wait(6s));  // too early
    CHECK(poll.waited(t0 + 8s) == retrieve);
    CHECK(poll.answered(no(ErrorKind::rate_limited, true, 9s), t0 + 8s) == wait(9s));
    CHECK(poll.waited(t0 + 17s) == retrieve);
    CHECK(poll.answered(said(chat_text("in_progress"), 1ms), t0 + 17s) == wait(1s));
}

TEST_CASE(
    "calls that fail in passing double the pause up to its limit, and one that answers ends that") {
    Begun poll;
    TimePoint now = t0 + 1s;
    for (const Duration pause : {2s, 4s, 8s, 16s, 30s, 30s}) {
        CHECK(poll.answered(no(ErrorKind::transient, true), now) == wait(pause));
        CHECK(poll.waited(now += pause) == retrieve);
    }
    CHECK(poll.answered(said(chat_text("in_progress")), now) == wait(1s));
    CHECK(poll.waited(now += 1s) == retrieve);
    CHECK(poll.answered(said(chat_text("completed")), now) == list);
    CHECK(poll.answered(no(ErrorKind::transport, true), now) == wait(2s));
    CHECK(poll.waited(now += 2s) == list);
    CHECK(poll.answered(said("{}"), now) == finish);
    CHECK(poll.succeeded());
}

TEST_CASE("a call that failed for good ends the wait, and its error is kept") {
    Begun poll;
    CHECK(poll.answered(no(ErrorKind::refused, false), t0 + 1s) == finish);
    CHECK(poll.end() == ChatEnd::call_failed);
    CHECK(poll.failure().kind == ErrorKind::refused);
    CHECK(poll.failure().message == "busy");
}

TEST_CASE("S69 a server that says not to ask again is not asked again for a chat") {
    Begun poll;
    CHECK(poll.answered(no(ErrorKind::rate_limited, true, Duration{-1}), t0 + 1s) == finish);
    CHECK(poll.end() == ChatEnd::call_failed);
}

TEST_CASE("S70 no chat is asked for after the deadline, and no wait begun that would outlast it") {
    coze::PollOptions options;
    options.deadline = 10s;
    {
        Begun poll{options};
        CHECK(poll.answered(said(chat_text("in_progress")), t0 + 9s) ==
              finish);  // 1 s would be too long
        CHECK(poll.end() == ChatEnd::timed_out);
        CHECK(poll.failure().kind == ErrorKind::transient);
        CHECK(poll.failure().message == "the chat was still in_progress when the time was over");
        CHECK(poll.retry_after() == 0s);
    }
    {
        Begun poll{options};
        CHECK(poll.answered(no(ErrorKind::rate_limited, true, 1h), t0 + 2s) == finish);
        CHECK(poll.end() == ChatEnd::timed_out);
        CHECK(poll.retry_after() == 1h);
        CHECK(poll.failure().kind == ErrorKind::rate_limited);
    }
    {
        Begun poll{options};  // a wait that took longer than asked
        CHECK(poll.answered(said(chat_text("in_progress")), t0 + 2s) == wait(1s));
        CHECK(poll.waited(t0 + 10s) == finish);
        CHECK(poll.end() == ChatEnd::timed_out);
    }
    {
        Begun poll{options};
        CHECK(poll.answered(said(chat_text("completed")), t0 + 10s) == finish);
        CHECK(poll.failure().message == "the messages of the chat did not come in time");
    }
    for (const Duration deadline : {Duration{0}, Duration{-1}, (Duration::min)()}) {
        options.deadline = deadline;
        ChatPoll poll{base, chat_text("created"), options};
        CHECK(poll.start(t0) == finish);
    }
    options.deadline = (Duration::max)();
    options.interval = (Duration::max)();
    ChatPoll poll{base, chat_text("created"), options};
    CHECK(poll.start(TimePoint{1000h}) == finish);
}

TEST_CASE("an interval of nothing is one second") {
    for (const Duration interval : {Duration{0}, Duration{-5}}) {
        coze::PollOptions options;
        options.interval = interval;
        Begun poll{options};
    }
}

TEST_CASE("a wait that is stopped ends at once, and an end that is there stays") {
    Begun stopped;
    CHECK(stopped.cancelled() == finish);
    CHECK(stopped.end() == ChatEnd::stopped);
    CHECK(stopped.failure().kind == ErrorKind::cancelled);
    CHECK(stopped.answered(said(chat_text("completed")), t0 + 1s) == finish);
    CHECK(stopped.end() == ChatEnd::stopped);

    Begun by_call;
    CHECK(by_call.answered(no(ErrorKind::cancelled, false), t0 + 1s) == finish);
    CHECK(by_call.end() == ChatEnd::stopped);

    ChatPoll done{base, chat_text("canceled")};
    CHECK(done.start(t0) == finish);
    CHECK(done.cancelled() == finish);
    CHECK(done.end() == ChatEnd::canceled);
    CHECK(done.start(t0) == finish);
}

TEST_CASE("what a call says is read from its result") {
    testing::Script http;
    const HttpRequest get{"GET", "https://api.example/v3/chat/retrieve", {}, {}};
    const Client client{http, coze::Api{}, RetryOn<AuthRejected>{}};
    const auto answer = [&] { return coze::poll_answer(client.send(get)); };

    http.then(
        HttpResponse{200, {{"retry-after", "3"}, {"x-tt-logid", "l"}}, "{\"code\":0}", false});
    const PollAnswer good = answer();
    CHECK(good.accepted);
    CHECK(good.retry_after == 3s);
    CHECK(good.body == "{\"code\":0}");
    CHECK(good.failure.http_status == 200);
    CHECK(good.failure.log_id == "l");

    http.then(HttpResponse{429, {{"Retry-After", "5"}}, R"({"code":4009,"msg":"slow"})", false});
    const PollAnswer slow = answer();
    CHECK_FALSE(slow.accepted);
    CHECK(slow.passing);
    CHECK(slow.retry_after == 5s);
    CHECK(slow.failure.kind == ErrorKind::rate_limited);
    CHECK(slow.failure.service_code == 4009);
    CHECK(slow.failure.message == "slow");

    http.then(503).then(200, 4016).then(TransportError{Reach::sent_unanswered, "reset"});
    for (int i = 0; i != 3; ++i) CHECK(answer().passing);
    http.then(200, 4101).then(200, 4001).then(200, 4028).then(400).then(
        HttpResponse{200, {}, "<html>", false});
    for (int i = 0; i != 5; ++i) CHECK_FALSE(answer().passing);
    http.then(TransportError{Reach::never_sent, "bad certificate", TransportVerdict::lasting});
    CHECK_FALSE(answer().passing);
}

TEST_CASE("a door that was shut passes, and says when it opens") {
    testing::Script http;
    testing::ManualClock clock;
    const Client client{http, coze::Api{}, RetryOn<AuthRejected>{}, CircuitBreaker{},
                        UseClock{clock}};
    const HttpRequest get{"GET", "https://api.example/v3/chat/retrieve", {}, {}};
    PollAnswer answer;
    for (int i = 0; i != 100 && answer.failure.kind != ErrorKind::not_admitted; ++i) {
        http.then(503);
        answer = coze::poll_answer(client.send(get));
    }
    REQUIRE(answer.failure.kind == ErrorKind::not_admitted);
    CHECK(answer.passing);
    CHECK(answer.retry_after > 0s);
}

TEST_CASE("the log id of a failed chat is that of the header, before that of the body") {
    for (const char* const in_body : {"log-9", ""}) {
        PollAnswer failed = said(R"({"code":0,"data":{"status":"failed"},"detail":{"logid":")" +
                                 std::string(in_body) + "\"}}");
        failed.failure.log_id = "log-of-the-header";
        Begun poll;
        CHECK(poll.answered(failed, t0 + 1s) == finish);
        CHECK(poll.failure().log_id == "log-of-the-header");
    }
}

TEST_CASE("a chat is followed by the credential that made it, also after a move") {
    CozeDesk::Options wishes;
    wishes.polls_until_completed = 3;
    CozeDesk lane{wishes};
    lane.coze.move();
    const Client client{
        std::ref(lane.coze),
        CredentialChain{
            coze::Pat<coze::Personal>{lane.options.personal_token, lane.options.base},
            coze::Pat<coze::Enterprise>{lane.options.enterprise_token, lane.options.base}},
        coze::RetryOnRefusal{}};
    const HttpRequest request{"POST",
                              lane.options.base + "/v3/chat",
                              {{"Content-Type", "application/json"}},
                              lane.chat_body()};
    const auto created = client.send(request);
    REQUIRE(created);
    CHECK(created.credential() == "enterprise");

    testing::ManualClock clock;
    ChatPoll poll{lane.options.base, created->body};
    for (auto next = poll.start(clock.now()); next.step != PollStep::finish;) {
        if (next.step == PollStep::wait) {
            clock.sleep(next.delay);
            next = poll.waited(clock.now());
        } else {
            const auto said = client.send(poll.request(), SameCredentialAs{created});
            CHECK(said.credential() == "enterprise");
            next = poll.answered(coze::poll_answer(said), clock.now());
        }
    }
    CHECK(poll.end() == ChatEnd::completed);
    CHECK(clock.waits() == std::vector<Duration>{1s, 1s, 1s});
    CHECK(poll.messages().find("\"role\":\"assistant\"") != std::string::npos);
    CHECK(poll.messages().find(coze::chat_id(created->body)) != std::string::npos);
}
