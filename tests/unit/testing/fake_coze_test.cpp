// SPDX-License-Identifier: BSL-1.0
// fake_coze_test: the move, the refusals, the data endpoints, faults, the ledger, admin routes.
#include <rekey/testing/fake_coze.hpp>

#include "catch.hpp"
#include "support/coze_desk.hpp"

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <thread>
#include <type_traits>
#include <vector>

using rekey::Attempt;
using rekey::AttemptFields;
using rekey::HttpRequest;
using rekey::Reach;
using rekey::testing::FakeCoze;
using rekey::testing::FakeFault;
using rekey::testing::FakeRefusal;
using rekey::testing::FakeWire;

static_assert(!std::is_copy_constructible_v<FakeCoze>, "lent, never copied");

// --- The move ---

TEST_CASE("before the move the personal token is served and the enterprise token finds no bot") {
    CozeDesk desk;
    const auto answer = desk.personal_chat();
    CHECK(answer.succeeded());
    CHECK(answer.text("data", "status") == "in_progress");
    CHECK(answer.text("data", "bot_id") == desk.options.bot_id);
    CHECK(answer.text("data", "id").size() == 19);
    CHECK(answer.text("data", "conversation_id").size() == 19);
    CHECK(answer.text("detail", "logid") == answer.header("X-Tt-Logid"));
    CHECK(desk.enterprise_chat().code() == 4200);
}

TEST_CASE("the move refuses the personal token and serves the enterprise token") {
    CozeDesk desk;
    desk.coze.move();
    CHECK(desk.coze.is_moved());
    const auto refused = desk.personal_chat();
    CHECK(refused.status == 200);
    CHECK(refused.code() == 4101);
    CHECK(refused.text("detail", "logid") == refused.header("x-tt-logid"));
    CHECK_FALSE(refused.holds("data"));
    CHECK(desk.enterprise_chat().succeeded());
}

TEST_CASE("the rollback gives the workspaces back") {
    CozeDesk desk;
    desk.coze.move();
    desk.coze.rollback();
    CHECK(desk.personal_chat().succeeded());
    CHECK(desk.enterprise_chat().code() == 4200);
    CHECK_FALSE(desk.coze.is_moved());
}

TEST_CASE("the enterprise's own bot is the enterprise's on both sides of the move") {
    CozeDesk desk;
    const std::string body =
        R"({"bot_id":")" + desk.options.enterprise_bot_id + R"(","user_id":"u"})";
    for (int moved = 0; moved != 2; ++moved) {
        CHECK(desk.post("/v3/chat", desk.options.enterprise_token, body).succeeded());
        CHECK(desk.post("/v3/chat", desk.options.personal_token, body).code() == 4200);
        desk.coze.move();
    }
}

TEST_CASE("an enterprise may be allowed to use the personal bot before the move") {
    CozeDesk::Options options;
    options.enterprise_reads_personal = true;
    CozeDesk desk{options};
    CHECK(desk.enterprise_chat().succeeded());
    CHECK(desk.personal_chat().succeeded());
}

TEST_CASE("whoever is refused after the move hears exactly the configured refusal") {
    CozeDesk desk;
    desk.coze.move();
    for (const std::int64_t code : {4100, 4101, 700012006, 4200, 4006, 4001, 4002, 4005, 4314})
        for (const int status : {200, 401, 403, 404}) {
            desk.coze.refuse_with({code, status, {}});
            CAPTURE(code, status);
            for (const char* more : {"", R"(,"stream":true)"}) {
                const auto answer = desk.chat(desk.options.personal_token, more);
                CHECK(answer.status == status);
                CHECK(answer.code() == code);
                CHECK_FALSE(answer.text("msg").empty());
                CHECK(answer.header("Content-Type") == "application/json");
            }
            CHECK(desk.get("/v1/bots/" + desk.options.bot_id, desk.options.personal_token).code() ==
                  code);
        }
}

TEST_CASE("a refusal without a code is a bare HTTP status") {
    CozeDesk desk;
    desk.coze.move();
    desk.coze.refuse_with({0, 403, "go away"});
    const auto answer = desk.personal_chat();
    CHECK(answer.status == 403);
    CHECK(answer.body == R"({"message":"go away"})");
}

// --- Who is refused how (coze-api §2.2) ---

TEST_CASE("a chat without Authorization is 4101 on HTTP 200, before anything is read") {
    CozeDesk desk;
    const auto answer = desk.post("/v3/chat", {}, "{}");
    CHECK(answer.status == 200);
    CHECK(answer.code() == 4101);
}

TEST_CASE("an empty bearer counts as none and another scheme as malformed") {
    CozeDesk desk;
    const auto with = [&](const char* value) {
        return desk.send("POST", "/v3/chat", {}, desk.chat_body(), {{"authorization", value}});
    };
    CHECK(with("Bearer ").code() == 4101);
    for (const char* value : {"Basic eA==", "Bearerpat_x", "Bear", "x"}) {
        CHECK(with(value).code() == 4100);
        CHECK(with(value).status == 401);
    }
    CHECK(with(("bearer  " + desk.options.personal_token).c_str()).succeeded());
}

TEST_CASE("the bot is looked up before the token is judged") {
    CozeDesk desk;
    const auto answer = desk.post("/v3/chat", "pat_made_up", R"({"bot_id":"1","user_id":"u"})");
    CHECK(answer.status == 200);
    CHECK(answer.code() == 4200);
    CHECK(desk.chat("pat_made_up").code() == 4101);
}

TEST_CASE("a dead token is 401 with 700012006 on every endpoint but chat") {
    CozeDesk desk;
    for (const char* path :
         {"/v3/chat/retrieve", "/v3/chat/message/list", "/v1/conversations", "/v1/users/me",
          "/v1/conversation/retrieve", "/v1/workspaces", "/v1/bots/1", "/v1/bot/get_online_info"}) {
        CAPTURE(path);
        const auto answer = desk.get(path, "pat_made_up");
        CHECK(answer.status == 401);
        CHECK(answer.code() == 700012006);
        CHECK(desk.get(path).code() == 700012006);
    }
    CHECK(desk.post("/v3/chat/cancel", "pat_made_up").status == 401);
    CHECK(desk.post("/v1/conversation/create", "pat_made_up").status == 401);
}

TEST_CASE("a revoked or expired token is dead") {
    CozeDesk desk;
    desk.coze.add_pat({"pat_short", desk.options.account_id, "short", desk.now + 60});
    CHECK(desk.chat("pat_short").succeeded());
    desk.now += 60;
    CHECK(desk.chat("pat_short").code() == 4101);
    CHECK(desk.get("/v1/users/me", "pat_short").status == 401);
    CHECK(desk.coze.revoke(desk.options.personal_token));
    CHECK_FALSE(desk.coze.revoke("pat_made_up"));
    CHECK(desk.personal_chat().code() == 4101);
}

TEST_CASE("a token without a permission point is refused there and nowhere else") {
    CozeDesk desk;
    desk.coze.withhold(desk.options.personal_token, "listWorkspace");
    const auto answer = desk.get("/v1/workspaces", desk.options.personal_token);
    CHECK(answer.status == 403);
    CHECK(answer.code() == 4101);
    CHECK(desk.get("/v1/users/me", desk.options.personal_token).succeeded());
    desk.coze.withhold(desk.options.personal_token, "chat");
    CHECK(desk.personal_chat().code() == 4101);
}

TEST_CASE("an unknown path or method is 404 with 4000") {
    CozeDesk desk;
    CHECK(desk.get("/v3/chat", desk.options.personal_token).status == 404);
    CHECK(desk.get("/v3/chats").code() == 4000);
    CHECK(desk.send("DELETE", "/v1/users/me", desk.options.personal_token).status == 404);
    CHECK(desk.post("//v3/chat", desk.options.personal_token, desk.chat_body()).status == 404);
    CHECK(desk.get("/v1/bots/1/2", desk.options.personal_token).status == 404);
}

// --- Chats (coze-api §4.1) ---

TEST_CASE("a chat with a bad body is refused and executes nothing") {
    CozeDesk desk;
    const std::string& token = desk.options.personal_token;
    for (const char* body : {"", "[]", "{", "{}", "null", R"({"bot_id":1,"user_id":"u"})", "\xff",
                             R"({"bot_id":""})", "{}{}", "{},\"x\":{}"})
        CHECK(desk.post("/v3/chat", token, body).code() == 4000);
    CHECK(desk.post("/v3/chat", token, R"({"bot_id":")" + desk.options.bot_id + R"("})").code() ==
          4000);
    CHECK(desk.chat(token, R"(,"stream":1)").code() == 4000);
    CHECK(desk.chat(token, R"(,"auto_save_history":false)").code() == 4007);
    CHECK(desk.chat(token, R"(,"additional_messages":{})").code() == 4000);
    CHECK(
        desk.chat(token, R"(,"additional_messages":[{"role":"assistant","content":"x"}])").code() ==
        4000);
    std::string many = "{\"role\":\"user\",\"content\":\"x\"}";
    for (int i = 0; i != 100; ++i) many += ",{\"role\":\"user\",\"content\":\"x\"}";
    CHECK(desk.chat(token, ",\"additional_messages\":[" + many + "]").code() == 4004);
    std::string pairs = "\"k\":\"v\"";
    for (int i = 0; i != 16; ++i) pairs += ",\"k" + std::to_string(i) + "\":\"v\"";
    CHECK(desk.chat(token, ",\"meta_data\":{" + pairs + "}").code() == 4003);
    CHECK(desk.coze.totals().chats_executed == 0);
}

TEST_CASE("a chat ends after the configured number of retrieves and then has its answer") {
    CozeDesk::Options options;
    options.polls_until_completed = 2;
    CozeDesk desk{options};
    const std::string& token = desk.options.personal_token;
    const auto made = desk.chat(
        token, R"(,"additional_messages":[{"role":"user","content":"a \"b\" é"}],"meta_data":{})");
    const std::string query = "?conversation_id=" + made.text("data", "conversation_id") +
                              "&chat_id=" + made.text("data", "id");
    CHECK(desk.get("/v3/chat/message/list" + query, token).holds("\"data\":[]"));
    CHECK(desk.get("/v3/chat/retrieve" + query, token).text("data", "status") == "in_progress");
    const auto done = desk.post("/v3/chat/retrieve" + query, token);
    CHECK(done.text("data", "status") == "completed");
    CHECK(done.number("data", "last_error", "code") == 0);
    CHECK(desk.get("/v3/chat/message/list" + query, token)
              .holds(R"("content":"You said: a \"b\" é")"));
}

TEST_CASE("a chat ends by itself after a while") {
    CozeDesk::Options options;
    options.one_running_chat = true;
    CozeDesk desk{options};
    const std::string& token = desk.options.personal_token;
    const auto made = desk.personal_chat();
    const std::string query = "?conversation_id=" + made.text("data", "conversation_id");
    CHECK(desk.chat(token, {}, query).code() == 4016);
    desk.now += desk.options.chat_seconds;
    CHECK(desk.chat(token, {}, query).succeeded());
}

TEST_CASE("only a running chat can be cancelled") {
    CozeDesk desk;
    const auto made = desk.personal_chat();
    const std::string body = R"({"conversation_id":")" + made.text("data", "conversation_id") +
                             R"(","chat_id":")" + made.text("data", "id") + "\"}";
    const std::string& token = desk.options.personal_token;
    CHECK(desk.post("/v3/chat/cancel", token, body).text("data", "status") == "canceled");
    CHECK(desk.post("/v3/chat/cancel", token, body).code() == 4104);
    CHECK(desk.post("/v3/chat/cancel", token, "{}").code() == 4000);
    CHECK(desk.post("/v3/chat/cancel", token, "[").code() == 4000);
}

TEST_CASE("an unknown chat of a known conversation is 4001") {
    CozeDesk desk;
    const std::string conversation = desk.personal_chat().text("data", "conversation_id");
    CHECK(desk.get("/v3/chat/retrieve?chat_id=1&conversation_id=" + conversation,
                   desk.options.personal_token)
              .code() == 4001);
}

TEST_CASE("a failing chat is accepted and says why when it is retrieved") {
    CozeDesk::Options options;
    options.last_error = 4028;
    CozeDesk desk{options};
    const auto made = desk.personal_chat();
    CHECK(made.succeeded());
    const auto failed =
        desk.get("/v3/chat/retrieve?conversation_id=" + made.text("data", "conversation_id") +
                     "&chat_id=" + made.text("data", "id"),
                 desk.options.personal_token);
    CHECK(failed.succeeded());
    CHECK(failed.text("data", "status") == "failed");
    CHECK(failed.number("data", "last_error", "code") == 4028);
}

TEST_CASE("an unpublished bot is 4015") {
    CozeDesk desk;
    desk.coze.add_bot("77", desk.options.account_id, false);
    const std::string& token = desk.options.personal_token;
    CHECK(desk.post("/v3/chat", token, R"({"bot_id":"77","user_id":"u"})").code() == 4015);
    CHECK(desk.get("/v1/bots/77?is_published=true", token).code() == 4015);
    CHECK(desk.get("/v1/bots/77?is_published=false", token).succeeded());
}

TEST_CASE("bots of a second workspace move with it") {
    CozeDesk desk;
    const std::string workspace = desk.coze.add_workspace(desk.options.account_id);
    CHECK(desk.coze.add_bot_in(workspace, "88"));
    CHECK_FALSE(desk.coze.add_bot_in("nowhere", "89"));
    const std::string body = R"({"bot_id":"88","user_id":"u"})";
    CHECK(desk.post("/v3/chat", desk.options.personal_token, body).succeeded());
    desk.coze.move();
    CHECK(desk.post("/v3/chat", desk.options.personal_token, body).code() == 4101);
    CHECK(desk.post("/v3/chat", desk.options.enterprise_token, body).succeeded());
}

// --- Streams (coze-api §2.4) ---

TEST_CASE("a stream creates the chat, brings the answer in pieces and ends with done") {
    CozeDesk::Options options;
    options.stream_deltas = 4;
    CozeDesk desk{options};
    const auto answer =
        desk.chat(desk.options.personal_token,
                  R"(,"stream":true,"additional_messages":[{"role":"user","content":"ééé"}])");
    CHECK(answer.status == 200);
    CHECK(answer.header("Content-Type") == "text/event-stream");
    std::vector<std::string> names;
    std::string text;
    std::string_view rest = answer.body;
    while (!rest.empty()) {
        const std::string_view frame = rest.substr(0, rest.find("\n\n"));
        rest.remove_prefix(frame.size() + 2);
        const std::size_t line = frame.find('\n');
        REQUIRE(frame.substr(0, 6) == "event:");
        REQUIRE(frame.substr(line + 1, 5) == "data:");
        names.emplace_back(frame.substr(6, line - 6));
        if (names.back() == "conversation.message.delta")
            text += *rekey::testing::fake::text_at(frame.substr(line + 6), "content");
    }
    const std::string delta = "conversation.message.delta";
    CHECK(names == std::vector<std::string>{"conversation.chat.created",
                                            "conversation.chat.in_progress", delta, delta, delta,
                                            delta, "conversation.message.completed",
                                            "conversation.chat.completed", "done"});
    CHECK(text == "You said: ééé");
    CHECK(answer.holds("event:done\ndata:\"[DONE]\"\n\n"));
    CHECK(desk.coze.totals().chats_executed == 1);
}

TEST_CASE("a failing stream says so in either documented way") {
    CozeDesk::Options options;
    options.last_error = 5000;
    CozeDesk desk{options};
    const auto failed = desk.chat(desk.options.personal_token, R"(,"stream":true)");
    CHECK(failed.holds("event:conversation.chat.failed\n"));
    CHECK(failed.holds(R"("last_error":{"code":5000)"));
    options.stream_error_event = true;
    options.space_after_colon = true;
    CozeDesk other{options};
    CHECK(other.chat(other.options.personal_token, R"(,"stream":true)")
              .holds("event: error\ndata: {\"code\":5000"));
}

// --- Conversations, workspaces, bots (coze-api §4.2 to §4.4) ---

TEST_CASE("a conversation is visible to its creator alone") {
    CozeDesk desk;
    const std::string& token = desk.options.personal_token;
    const auto made = desk.post(
        "/v1/conversation/create", token,
        R"({"bot_id":")" + desk.options.bot_id + R"(","name":"n","meta_data":{"a":"b"}})");
    REQUIRE(made.succeeded());
    CHECK(made.text("data", "creator_id") == desk.options.account_id);
    CHECK(made.text("data", "meta_data", "a") == "b");
    const std::string id = made.text("data", "id");
    CHECK(desk.chat(token, {}, "?conversation_id=" + id).text("data", "conversation_id") == id);
    desk.coze.move();
    const std::string& other = desk.options.enterprise_token;
    CHECK(desk.chat(other, {}, "?conversation_id=" + id).code() == 4002);
    CHECK(desk.get("/v1/conversation/retrieve?conversation_id=" + id, other).code() == 4002);
    CHECK(desk.get("/v1/conversation/retrieve?conversation_id=" + id, token).succeeded());
    CHECK(desk.chat(other, {}, "?conversation_id=").succeeded());
}

TEST_CASE("a foreign conversation hears what the options say") {
    CozeDesk::Options options;
    options.foreign_conversation = {4200, 404, {}};
    CozeDesk desk{options};
    const auto answer = desk.chat(desk.options.personal_token, {}, "?conversation_id=1");
    CHECK(answer.status == 404);
    CHECK(answer.code() == 4200);
}

TEST_CASE("a conversation for an unknown bot is an internal error, as the service says it") {
    CozeDesk desk;
    CHECK(desk.post("/v1/conversation/create", desk.options.personal_token, R"({"bot_id":"1"})")
              .code() == 5000);
    CHECK(desk.post("/v1/conversation/create", desk.options.personal_token).succeeded());
}

TEST_CASE("conversations are listed page by page, own ones only") {
    CozeDesk desk;
    const std::string& token = desk.options.personal_token;
    for (int i = 0; i != 3; ++i) desk.personal_chat();
    const std::string path = "/v1/conversations?bot_id=" + desk.options.bot_id + "&page_size=2";
    const auto first = desk.get(path, token);
    CHECK(first.holds("\"has_more\":true"));
    const auto second = desk.get(path + "&page_num=2", token);
    CHECK(second.holds("\"has_more\":false"));
    CHECK(desk.get(path + "&page_num=99999999999999999999", token).succeeded());
    CHECK(desk.get("/v1/conversations", token).code() == 4000);
    desk.coze.move();
    CHECK(desk.get(path, desk.options.enterprise_token).holds("\"conversations\":[]"));
}

TEST_CASE("workspaces change hands with the move") {
    CozeDesk desk;
    const auto total = [&](const std::string& token, const std::string& query = {}) {
        return desk.get("/v1/workspaces" + query, token).number("data", "total_count");
    };
    CHECK(total(desk.options.personal_token) == 1);
    CHECK(total(desk.options.enterprise_token) == 1);
    desk.coze.move();
    CHECK(total(desk.options.personal_token) == 0);
    CHECK(total(desk.options.enterprise_token) == 2);
    CHECK(total(desk.options.enterprise_token, "?enterprise_id=volcano_2105850") == 2);
    CHECK(total(desk.options.enterprise_token, "?enterprise_id=other") == 0);
}

TEST_CASE("a bot can be read by whoever may use it") {
    CozeDesk desk;
    const std::string& bot = desk.options.bot_id;
    for (const std::string& path : {"/v1/bots/" + bot, "/v1/bot/get_online_info?bot_id=" + bot}) {
        CHECK(desk.get(path, desk.options.personal_token).text("data", "bot_id") == bot);
        CHECK(desk.get(path, desk.options.enterprise_token).code() == 4200);
    }
    CHECK(desk.get("/v1/users/me", desk.options.personal_token).text("data", "user_id") ==
          desk.options.account_id);
}

// --- As a transport ---

namespace {

Attempt signed_by(const std::string& authorization, rekey::Duration timeout = {}) {
    AttemptFields fields;
    fields.authorization = authorization;
    fields.timeout = timeout;
    return Attempt{fields};
}

}  // namespace

TEST_CASE("as a transport it signs a copy of the request as the attempt says") {
    CozeDesk desk;
    const HttpRequest request{"POST",
                              "https://api.coze.com/v3/chat",
                              {{"authorization", "Bearer stale"}},
                              desk.chat_body()};
    const std::string value = "Bearer " + desk.options.personal_token;
    const auto answer = desk.coze(request, signed_by(value));
    REQUIRE(answer);
    CHECK(answer->status == 200);
    CHECK(desk.coze.records().back().credential == "personal");
    CHECK(request.headers.size() == 1);
    CHECK(desk.coze(request)->status == 200);
    CHECK(desk.coze.records().back().credential == "unknown");
}

TEST_CASE("as a transport it gets the idempotency key of a call, and the ledger knows it by that") {
    CozeDesk desk;
    HttpRequest request{"POST", "/v3/chat", {}, desk.chat_body()};
    const std::string value = "Bearer " + desk.options.personal_token;
    AttemptFields fields;
    fields.authorization = value;
    fields.idempotency_key = "order-7";
    CHECK(desk.coze(request, Attempt{fields})->status == 200);
    CHECK(desk.coze.records().back().request_id == "order-7");
    CHECK(desk.coze.totals().doubled == 0);
    CHECK(desk.coze(request, Attempt{fields})->status == 200);
    CHECK(desk.coze.totals().doubled == 1);
    CHECK(desk.coze.lane("order").executed_twice == 1);
    request.headers.push_back({"idempotency-key", "of-its-own"});
    CHECK(desk.coze(request, Attempt{fields})->status == 200);
    CHECK(desk.coze.records().back().request_id == "of-its-own");
    fields.authorization = {};
    CHECK(desk.coze({"POST", "/v3/chat", {}, desk.chat_body()}, Attempt{fields})->status == 200);
    CHECK(desk.coze.records().back().credential == "none");
    CHECK(desk.coze.records().back().request_id == "order-7");
}

TEST_CASE("faults of the wire are transport errors that say how far the request came") {
    CozeDesk desk;
    const HttpRequest request{"POST", "/v3/chat", {}, desk.chat_body()};
    const std::string value = "Bearer " + desk.options.personal_token;
    struct Row {
        FakeWire wire;
        Reach reach;
        int executed;
    };
    for (const Row& row : {Row{FakeWire::reset_before_read, Reach::never_sent, 0},
                           Row{FakeWire::reset_before_answer, Reach::sent_unanswered, 1},
                           Row{FakeWire::truncated_body, Reach::cut_short, 2}}) {
        FakeFault fault;
        fault.wire = row.wire;
        fault.bytes = 5;
        desk.coze.fault(fault);
        const auto answer = desk.coze(request, signed_by(value));
        REQUIRE_FALSE(answer);
        CHECK(answer.error().reach == row.reach);
        CHECK(desk.coze.totals().chats_executed == row.executed);
    }
    CHECK(desk.coze(request, signed_by(value)).has_value());
}

TEST_CASE("a delay counts against the time limit of the attempt") {
    std::int64_t slept = 0;
    CozeDesk::Options options;
    options.sleep = [&slept](std::int64_t milliseconds) { slept += milliseconds; };
    CozeDesk desk{options};
    FakeFault fault;
    fault.times = 2;
    fault.delay_ms = 500;
    desk.coze.fault(fault);
    const HttpRequest request{"GET", "/v1/users/me", {}, {}};
    CHECK(desk.coze(request, signed_by("", std::chrono::seconds{1})).has_value());
    CHECK(slept == 500);
    const auto late = desk.coze(request, signed_by("", std::chrono::milliseconds{100}));
    REQUIRE_FALSE(late);
    CHECK(late.error().reach == Reach::sent_unanswered);
    CHECK(slept == 600);
}

TEST_CASE("slow bytes break the body off at the time limit") {
    CozeDesk desk;
    FakeFault fault;
    fault.times = 2;
    fault.wire = FakeWire::slow_bytes;
    fault.byte_delay_ms = 10;
    desk.coze.fault(fault);
    const HttpRequest request{"GET", "/v1/users/me", {}, {}};
    const auto late = desk.coze(request, signed_by("", std::chrono::milliseconds{100}));
    REQUIRE_FALSE(late);
    CHECK(late.error().reach == Reach::cut_short);
    CHECK(desk.coze(request, signed_by("", std::chrono::minutes{1})).has_value());
}

// --- Faults ---

TEST_CASE("a fault with a status answers in place of the service, once") {
    CozeDesk desk;
    FakeFault fault;
    fault.status = 502;
    fault.body = "<html>";
    fault.content_type = "text/html";
    fault.retry_after = 7;
    desk.coze.fault(fault);
    const auto answer = desk.personal_chat();
    CHECK(answer.status == 502);
    CHECK(answer.body == "<html>");
    CHECK(answer.header("Content-Type") == "text/html");
    CHECK(answer.header("Retry-After") == "7");
    CHECK(desk.coze.totals().chats_executed == 0);
    CHECK(desk.personal_chat().succeeded());
}

TEST_CASE("a fault can answer badly after the service has acted") {
    CozeDesk desk;
    FakeFault fault;
    fault.status = 500;
    fault.execute_first = true;
    fault.body = R"({"code":5000})";
    desk.coze.fault(fault);
    CHECK(desk.personal_chat().code() == 5000);
    CHECK(desk.coze.totals().chats_executed == 1);
    CHECK(desk.coze.records().back().code == 5000);
}

TEST_CASE("a fault hits the path, the credential and the number of requests it names") {
    CozeDesk desk;
    desk.coze.move();
    FakeFault fault;
    fault.status = 503;
    fault.path = "/v3/";
    fault.credential = "enterprise";
    fault.skip = 1;
    fault.times = 2;
    desk.coze.fault(fault);
    CHECK(desk.get("/v1/users/me", desk.options.enterprise_token).status == 200);
    CHECK(desk.personal_chat().status == 200);
    CHECK(desk.enterprise_chat().status == 200);
    CHECK(desk.enterprise_chat().status == 503);
    CHECK(desk.enterprise_chat().status == 503);
    CHECK(desk.enterprise_chat().status == 200);
}

TEST_CASE("a fault without an end stays until the faults are cleared") {
    CozeDesk desk;
    FakeFault fault;
    fault.status = 503;
    fault.times = 0;
    desk.coze.fault(fault);
    for (int i = 0; i != 5; ++i) CHECK(desk.personal_chat().status == 503);
    desk.coze.clear_faults();
    CHECK(desk.personal_chat().status == 200);
}

TEST_CASE("a fault without a status only spoils the service's own answer") {
    CozeDesk desk;
    FakeFault fault;
    fault.content_type = "text/plain";
    desk.coze.fault(fault);
    const auto answer = desk.personal_chat();
    CHECK(answer.succeeded());
    CHECK(answer.header("Content-Type") == "text/plain");
    CHECK(desk.coze.records().back().fault == "header");
}

// --- The ledger ---

TEST_CASE("the ledger knows every request by label, never by token") {
    CozeDesk desk;
    desk.personal_chat();
    desk.coze.move();
    desk.personal_chat();
    desk.chat("pat_of_a_stranger");
    desk.chat({});
    const auto records = desk.coze.records();
    REQUIRE(records.size() == 4);
    CHECK(records[0].credential == "personal");
    CHECK(records[0].chat_id.size() == 19);
    CHECK(records[0].body_hash.size() == 16);
    CHECK(records[0].body_hash == records[1].body_hash);
    CHECK(records[1].code == 4101);
    CHECK(records[1].chat_id.empty());
    CHECK(records[2].credential == "unknown");
    CHECK(records[3].credential == "none");
    CHECK(records[3].number == 4);
    const std::string text = desk.coze.ledger_json();
    CHECK(text.find(desk.options.personal_token) == std::string::npos);
    CHECK(text.find("stranger") == std::string::npos);
    CHECK(rekey::testing::fake::is_object(text));
}

TEST_CASE("the ledger says per lane what was received, executed, executed twice and refused") {
    CozeDesk desk;
    const auto send = [&](const char* id) {
        return desk.send("POST", "/v3/chat", desk.options.personal_token, desk.chat_body(),
                         {{"X-Demo-Request", id}});
    };
    send("before-1");
    send("before-2");
    send("before-2");
    desk.coze.move();
    send("after-1");
    const auto before = desk.coze.lane("before");
    CHECK(before.received == 3);
    CHECK(before.distinct == 2);
    CHECK(before.executed == 3);
    CHECK(before.served == 2);
    CHECK(before.executed_twice == 1);
    CHECK(before.refused == 0);
    const auto after = desk.coze.lane("after");
    CHECK(after.received == 1);
    CHECK(after.refused == 1);
    CHECK(after.served == 0);
    CHECK(desk.coze.lanes().size() == 2);
    CHECK(desk.coze.lane("nobody").received == 0);
    const auto totals = desk.coze.totals();
    CHECK(totals.requests == 4);
    CHECK(totals.chats_executed == 3);
    CHECK(totals.chats_refused == 1);
    CHECK(totals.doubled == 1);
    CHECK(totals.executed_by.at("personal") == 3);
    CHECK(desk.coze.ledger_json(false).find("\"doubled\":[\"before-2\"]") != std::string::npos);
}

TEST_CASE("a request that nobody read is in no lane") {
    CozeDesk desk;
    FakeFault fault;
    fault.wire = FakeWire::reset_before_read;
    desk.coze.fault(fault);
    const HttpRequest request{"POST", "/v3/chat", {{"X-Demo-Request", "a-1"}}, desk.chat_body()};
    CHECK(desk.coze.handle(request).wire == FakeWire::reset_before_read);
    CHECK(desk.coze.lane("a").received == 0);
    CHECK(desk.coze.totals().faults == 1);
    CHECK(desk.coze.records().back().fault == "reset_before_read");
}

TEST_CASE("the list of records has a limit, the totals have none") {
    CozeDesk::Options options;
    options.kept_records = 2;
    CozeDesk desk{options};
    for (int i = 0; i != 5; ++i) desk.personal_chat();
    CHECK(desk.coze.records().size() == 2);
    CHECK(desk.coze.records().back().number == 5);
    CHECK(desk.coze.totals().requests == 5);
}

TEST_CASE("ids never repeat, even across a reset, and the seed decides them") {
    CozeDesk desk;
    CozeDesk twin;
    CozeDesk::Options options;
    options.seed = 2;
    CozeDesk other{options};
    CHECK(desk.get("/x").header("X-Tt-Logid") == twin.get("/x").header("X-Tt-Logid"));
    CHECK(desk.get("/x").header("X-Tt-Logid") != other.get("/x").header("X-Tt-Logid"));
    const std::string first = desk.personal_chat().text("data", "id");
    desk.coze.reset();
    std::vector<std::string> ids;
    for (int i = 0; i != 50; ++i) ids.push_back(desk.personal_chat().text("data", "id"));
    CHECK(std::count(ids.begin(), ids.end(), first) == 0);
}

TEST_CASE("many threads may use it at once") {
    CozeDesk desk;
    std::vector<std::thread> threads;
    for (int lane = 0; lane != 4; ++lane)
        threads.emplace_back([&desk, lane] {
            for (int i = 0; i != 50; ++i) {
                const std::string id = std::to_string(lane) + '-' + std::to_string(i);
                desk.send("POST", "/v3/chat", desk.options.personal_token, desk.chat_body(),
                          {{"X-Demo-Request", id}});
                if (i == 25) lane % 2 == 0 ? desk.coze.move() : desk.coze.rollback();
                desk.coze.ledger_json();
            }
        });
    for (std::thread& thread : threads) thread.join();
    const auto totals = desk.coze.totals();
    CHECK(totals.requests == 200);
    CHECK(totals.chats_executed + totals.chats_refused == 200);
    CHECK(totals.doubled == 0);
}

// --- Configuration and admin routes ---

TEST_CASE("the admin routes tell the same story over HTTP and stay out of the ledger") {
    CozeDesk desk;
    CHECK(desk.post("/_fake/move").body == R"({"ok":true,"moved":true})");
    CHECK(desk.personal_chat().code() == 4101);
    CHECK(desk.get("/_fake/rollback").status == 200);
    CHECK(desk.personal_chat().succeeded());
    CHECK(desk.post("/_fake/fault", {}, R"({"status":503,"times":1,"path":"/v3"})").status == 200);
    CHECK(desk.personal_chat().status == 503);
    const auto ledger = desk.get("/_fake/ledger");
    CHECK(ledger.number("totals", "requests") == 3);
    CHECK(ledger.holds("\"records\":[{"));
    CHECK_FALSE(desk.get("/_fake/ledger?records=0").holds("records"));
    CHECK(desk.post("/_fake/reset").status == 200);
    CHECK(desk.get("/_fake/ledger").number("totals", "requests") == 0);
    CHECK(desk.get("/_fake/nothing").status == 404);
}

TEST_CASE("a reset takes a configuration and keeps what it does not name") {
    CozeDesk desk;
    const auto answer = desk.post("/_fake/reset", {}, R"({
        "moved": true, "refusal": {"code": 4006, "http_status": 404, "message": "m"},
        "pats": [{"token": "pat_x", "owner": "volcano_2105850", "label": "third"}],
        "bots": [{"id": "99", "owner": "12345", "published": false}],
        "error_shape": "device",
        "faults": [{"wire": "truncated_body", "bytes": 3, "path": "/v1/users"}]})");
    CHECK(answer.body == R"({"ok":true,"moved":true})");
    CHECK(desk.personal_chat().code() == 4006);
    CHECK(desk.chat("pat_x").succeeded());
    CHECK(desk.coze.records().back().credential == "third");
    CHECK(desk.coze.handle({"GET", "/v1/users/me", {}, {}}).wire == FakeWire::truncated_body);
    CHECK(desk.coze.options().account_id == desk.options.account_id);
}

TEST_CASE("a list of a configuration takes the place of the one before, or stays if not named") {
    CozeDesk desk;
    CHECK(desk.coze.configure(R"({"pats":[{"token":"pat_x","owner":"12345"}],
                                  "bots":[{"id":"98","owner":"12345"}]})") == "");
    CHECK(desk.coze.configure(R"({"access_seconds":60})") == "");
    CHECK(desk.chat("pat_x").succeeded());
    CHECK(desk.coze.configure(R"({"pats":[{"token":"pat_y","owner":"12345"}],"bots":[]})") == "");
    CHECK_FALSE(desk.chat("pat_x").succeeded());
    CHECK(desk.chat("pat_y").succeeded());
    CHECK(desk.coze.options().pats.size() == 1);
    CHECK(desk.coze.options().bots.empty());
}

TEST_CASE("a configuration that is wrong says where and changes nothing") {
    CozeDesk desk;
    const auto wrong = [&](const char* json) { return desk.coze.configure(json); };
    CHECK(wrong("{") == "configuration: expected a JSON object");
    CHECK(wrong(R"({"bot_ids":"1"})") == "configuration: unknown key \"bot_ids\"");
    CHECK(wrong(R"({"bot_id":1})") == "configuration: bot_id must be a string");
    CHECK(wrong(R"({"moved":"yes"})") == "configuration: moved must be true or false");
    CHECK(wrong(R"({"seed":0.5})") == "configuration: seed must be an integer");
    CHECK(wrong(R"({"error_shape":"x"})") == "configuration: error_shape has an unknown value");
    CHECK(wrong(R"({"refusal":4101})") == "configuration: refusal must be an object");
    CHECK(wrong(R"({"refusal":{"status":1}})") == "configuration: refusal: unknown key \"status\"");
    CHECK(wrong(R"({"pats":{}})") == "configuration: pats must be an array");
    CHECK(wrong(R"({"pats":[{"token":"x"}]})") ==
          "configuration: pats: token and owner are needed");
    CHECK(wrong(R"({"pats":[1]})") == "configuration: pats: expected a JSON object");
    CHECK(wrong(R"({"bots":[{"id":"x"}]})") == "configuration: bots: id and owner are needed");
    CHECK(wrong(R"({"faults":[{"wire":"x"}],"moved":true})") ==
          "configuration: fault: wire has an unknown value");
    CHECK_FALSE(desk.coze.is_moved());
    CHECK(desk.post("/_fake/fault", {}, R"({"wires":1})").status == 400);
    CHECK(wrong(R"({"bot_id":null})").empty());
    CHECK(desk.personal_chat().succeeded());
}

// --- Garbage ---

TEST_CASE("garbage gets an error answer and harms nobody") {
    CozeDesk desk;
    const std::vector<std::string> targets = {"",
                                              "/",
                                              "?",
                                              "://",
                                              "http://",
                                              "http://h",
                                              "http://h?",
                                              "%",
                                              "/%",
                                              "/v3/chat?%",
                                              "/v3/chat?&&=&a",
                                              "/_fake/",
                                              "/device",
                                              "/v1/bots/",
                                              "/v1/bots/%2F",
                                              std::string(5000, '/'),
                                              std::string("/\0\xff", 3),
                                              "/api/permission/oauth2/",
                                              "/api/permission/oauth2/account//token",
                                              "/api/permission/oauth2/authorize",
                                              "/api/permission/oauth2/token#x"};
    const std::vector<std::string> bodies = {"",
                                             "\0",
                                             "{",
                                             "{}",
                                             "[[[[",
                                             "\"",
                                             "\xff\xfe",
                                             R"({"grant_type":null})",
                                             R"({"grant_type":"authorization_code"})",
                                             R"({"grant_type":"refresh_token"})",
                                             std::string(20000, '['),
                                             R"({"bot_id":"\ud800","user_id":"\u0000"})"};
    for (const std::string& target : targets)
        for (const std::string& body : bodies)
            for (const char* method : {"GET", "POST", "", "\xff"}) {
                const auto reply = desk.coze.handle(
                    {method, target, {{"Authorization", "Bearer \xff.\xff.\xff"}, {"", ""}}, body});
                REQUIRE(reply.response.status >= 200);
                REQUIRE(reply.response.status < 500);
            }
    CHECK(desk.coze.totals().chats_executed == 0);
    CHECK(rekey::testing::fake::is_object(desk.coze.ledger_json()));
    CHECK(desk.personal_chat().succeeded());
}

TEST_CASE("every prefix of a good chat is refused without harm") {
    CozeDesk desk;
    const std::string body = desk.chat_body(
        R"(,"stream":false,"additional_messages":[{"role":"user","content":"\u00e9"}])");
    for (std::size_t length = 0; length != body.size(); ++length)
        REQUIRE(desk.post("/v3/chat", desk.options.personal_token, body.substr(0, length)).code() ==
                4000);
    CHECK(desk.post("/v3/chat", desk.options.personal_token, body).succeeded());
}

TEST_CASE("a limit takes one permission point, all workspaces but one, or everything") {
    CozeDesk desk;
    const std::string token = desk.options.enterprise_token;
    const std::string bot = "/v1/bots/" + desk.options.enterprise_bot_id;
    CHECK(desk.get(bot, token).succeeded());
    const std::string home = desk.get(bot, token).text("data", "workspace_id");
    const std::string other = desk.coze.add_workspace(desk.options.enterprise_id);
    CHECK(desk.get("/v1/workspaces", token).number("data", "total_count") == 2);

    desk.coze.limit({"enterprise", {}, other, false});
    CHECK(desk.get("/v1/workspaces", token).number("data", "total_count") == 1);
    CHECK(desk.get(bot, token).code() == 4101);
    desk.coze.limit({"enterprise", {}, home, false});
    CHECK(desk.get(bot, token).succeeded());

    desk.coze.limit({"enterprise", "getMetadata", {}, false});
    CHECK(desk.get(bot, token).status == 403);
    CHECK(desk.get("/v1/workspaces", token).succeeded());
    CHECK(desk.get("/v1/users/me", desk.options.personal_token).succeeded());

    desk.coze.limit({"enterprise", {}, {}, true});
    CHECK(desk.get("/v1/users/me", token).holds("enterprise level"));
    CHECK(desk.get("/v1/users/me", desk.options.personal_token).succeeded());
}

TEST_CASE("limits, the state of the JWT app and the clock come with a configuration") {
    CozeDesk desk;
    const std::string token = desk.options.enterprise_token;
    CHECK(desk.get("/v1/users/me", token).header("Date").empty());
    REQUIRE(desk.coze.configure(R"({"limits":[{"credential":"enterprise","lacks":"listWorkspace"}],
        "jwt_app_enabled":false,"jwt_app_installed":false,"clock_skew":60})") == "");
    CHECK(desk.get("/v1/workspaces", token).status == 403);
    CHECK(desk.get("/v1/users/me", token).header("Date") == "Tue, 14 Nov 2023 22:14:20 GMT");
    desk.coze.reset();
    CHECK(desk.get("/v1/workspaces", token).status == 403);
    REQUIRE(desk.coze.configure(R"({"limits":[],"clock_skew":0})") == "");
    CHECK(desk.get("/v1/workspaces", token).succeeded());
    CHECK_FALSE(desk.coze.options().jwt_app_enabled);
    CHECK(desk.coze.configure(R"({"limits":[{"lacks":"chat"}]})") ==
          "configuration: limits: credential is needed");
}
