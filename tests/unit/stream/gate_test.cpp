// SPDX-License-Identifier: BSL-1.0
// The stream gate and the event scanner, with their input cut at every byte.
#include <rekey/stream/gate.hpp>

#include <cstddef>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "catch.hpp"

namespace {

using rekey::stream::EventScanner;
using rekey::stream::Gate;
using rekey::stream::GateState;

struct Outcome {
    GateState state = GateState::undecided;
    std::string forwarded{};
    std::string held{};
    bool overflowed = false;

    bool operator==(const Outcome& other) const {
        return state == other.state && forwarded == other.forwarded && held == other.held &&
               overflowed == other.overflowed;
    }
};

Outcome through_gate(Gate gate, const std::vector<std::string_view>& chunks) {
    Outcome outcome;
    for (const std::string_view chunk : chunks) outcome.forwarded += gate.feed(chunk);
    outcome.forwarded += gate.finish();
    outcome.forwarded += gate.finish();  // nothing comes twice
    outcome.state = gate.state();
    outcome.overflowed = gate.overflowed();
    if (outcome.state == GateState::hold) outcome.held = gate.take_held();
    return outcome;
}

// Every way to cut `body` in two, each byte alone, and the whole at once.
std::vector<std::vector<std::string_view>> all_cuts(std::string_view body) {
    std::vector<std::vector<std::string_view>> cuts;
    for (std::size_t at = 0; at <= body.size(); ++at)
        cuts.push_back({body.substr(0, at), body.substr(at)});
    std::vector<std::string_view> bytes;
    for (std::size_t at = 0; at != body.size(); ++at) bytes.push_back(body.substr(at, 1));
    cuts.push_back(std::move(bytes));
    cuts.push_back({body});
    return cuts;
}

// The outcome for the whole body, after checking that no cut changes it.
Outcome gated(int status, std::string_view type, std::string_view body,
              std::size_t limit = Gate::default_limit) {
    const Outcome whole = through_gate(Gate{status, type, limit}, {body});
    for (const auto& cut : all_cuts(body))
        CHECK(through_gate(Gate{status, type, limit}, cut) == whole);
    return whole;
}

struct Scanned {
    std::vector<std::pair<std::string, std::string>> events{};
    std::string id{};
    bool ended = false;
    bool overflowed = false;

    bool operator==(const Scanned& other) const {
        return events == other.events && id == other.id && ended == other.ended &&
               overflowed == other.overflowed;
    }
};

Scanned through_scanner(EventScanner scanner, const std::vector<std::string_view>& chunks) {
    Scanned scanned;
    for (const std::string_view chunk : chunks)
        scanner.feed(chunk, [&](std::string_view name, std::string_view data) {
            scanned.events.emplace_back(name, data);
        });
    scanned.id = scanner.last_event_id();
    scanned.ended = scanner.ended();
    scanned.overflowed = scanner.overflowed();
    return scanned;
}

Scanned scan(std::string_view body, std::size_t limit = EventScanner::default_limit) {
    const Scanned whole = through_scanner(EventScanner{limit}, {body});
    for (const auto& cut : all_cuts(body))
        CHECK(through_scanner(EventScanner{limit}, cut) == whole);
    return whole;
}

using Events = std::vector<std::pair<std::string, std::string>>;

}  // namespace

TEST_CASE("an event stream passes from its first byte on") {
    const Outcome outcome = gated(200, "text/event-stream", "event:a\ndata:1\n\n");
    CHECK(outcome.state == GateState::pass);
    CHECK(outcome.forwarded == "event:a\ndata:1\n\n");
}

TEST_CASE("white space before the first event is handed on unchanged") {
    const Outcome outcome = gated(200, "text/event-stream", "\r\n \t\ndata:1\n\n");
    CHECK(outcome.state == GateState::pass);
    CHECK(outcome.forwarded == "\r\n \t\ndata:1\n\n");
}

TEST_CASE("a refusal in JSON is held even under the content type of a stream") {
    const std::string body = "\n {\"code\":4100,\"msg\":\"refused\"}";
    const Outcome outcome = gated(200, "text/event-stream", body);
    CHECK(outcome.state == GateState::hold);
    CHECK(outcome.held == body);
    CHECK(outcome.forwarded.empty());
}

TEST_CASE("a byte order mark hides neither a refusal nor a stream") {
    CHECK(gated(200, "text/event-stream", "\xEF\xBB\xBF{\"code\":1}").state == GateState::hold);
    CHECK(gated(200, "text/event-stream", "\xEF\xBB\xBF\n{").state == GateState::hold);
    CHECK(gated(200, "text/event-stream",
                "\xEF\xBB\xBF"
                "data:1\n\n")
              .state == GateState::pass);
    CHECK(gated(200, "text/event-stream", "\xEF\xBB{").state == GateState::pass);
    CHECK(gated(200, "text/event-stream", "\n\xEF\xBB\xBF{").state == GateState::pass);
}

TEST_CASE("an error with a code that is the first event is an ordinary answer") {
    const std::string data = R"({"code":4101,"msg":"no"})";
    for (const std::string& body :
         {"event:error\ndata:" + data + "\n\n", "event: error\ndata: " + data + "\n\n",
          "event:error\rdata:" + data + "\r\r", "event:error\r\ndata:" + data + "\r\n\r\n",
          "\xEF\xBB\xBF"
          "event:error\ndata:" +
              data + "\n\n",
          "event:error\ndata:" + data + "\n\nevent:done\ndata:[DONE]\n\n",
          "event:error\ndata:" + data + "\n\nevent:a\ndata:1\n\n{}",
          ":ping\n\n: {\nid:{\nretry:1\n \t\n\nevent:error\nid\n:x\ndata:" + data + "\n\n",
          "event:error\n\nevent\nevent:error\ndata:" + data + "\n\n", "event:error\ndata:" + data,
          "event:error\ndata:" + data + "\n", "event:error\r\ndata:" + data + "\r"}) {
        CAPTURE(body);
        const Outcome outcome = gated(200, "text/event-stream", body);
        CHECK(outcome.state == GateState::hold);
        CHECK(outcome.held == data);
        CHECK(outcome.forwarded.empty());
        CHECK_FALSE(outcome.overflowed);
    }
}

TEST_CASE("the data lines of a first error join, and its code may be digits or an error_code") {
    CHECK(
        gated(200, "text/event-stream", "event:error\ndata\ndata: {\ndata:\"code\":1}\n\n").held ==
        "\n{\n\"code\":1}");
    for (const char* const data :
         {R"({"code":"4101"})", R"({"error_code":4100})", R"({"code":null,"error_code":"1"})"})
        CHECK(gated(200, "text/event-stream", "event:error\ndata:" + std::string(data) + "\n\n")
                  .held == data);
}

TEST_CASE("an error that could be taken for a success passes, as does one in free text") {
    for (const char* const data :
         {"{}", R"({"code":0,"error_code":4100})", R"({"msg":"no"})", R"({"code":"no"})",
          R"({"code":4101)", R"({"last_error":{"code":4101}})", "the model went away", "", " ",
          "[4101]", "4101"})
        for (const char* const end : {"", "\n", "\n\n", "\n\nevent:done\n\n"}) {
            const std::string body = "event:error\ndata:" + std::string(data) + end;
            CAPTURE(body);
            const Outcome outcome = gated(200, "text/event-stream", body);
            CHECK(outcome.state == GateState::pass);
            CHECK(outcome.forwarded == body);
        }
}

TEST_CASE("what cannot become an error passes at once, behind what decides nothing") {
    const std::string before = ":ping\n\nid:7\nretry:9\n";
    for (const char* const begin : {"event:errors",
                                    "event:ex",
                                    "event:  ",
                                    "event: a",
                                    "data:",
                                    "data: {",
                                    "data\n",
                                    "datb",
                                    "x",
                                    "<html>",
                                    " data",
                                    "Event",
                                    "id2",
                                    "ev\n",
                                    "event:err\n",
                                    "event:error\ndata:x",
                                    "event:error\ndata: [",
                                    "event:error\nfoo",
                                    "event:error\ndata:{\nevent:b",
                                    "event:error\ndata:{\nevent:\n",
                                    "event:error\nevent\ndata:"})
        for (const std::string& body : {std::string(begin), before + begin}) {
            CAPTURE(body);
            for (const auto& cut : all_cuts(body)) {
                Gate gate{200, "text/event-stream"};
                std::string forwarded;
                for (const std::string_view chunk : cut) forwarded += gate.feed(chunk);
                CHECK(gate.state() == GateState::pass);
                CHECK(forwarded == body);
            }
            CHECK(gated(200, "text/event-stream", body + " {\"code\":1}\n\n").forwarded ==
                  body + " {\"code\":1}\n\n");
        }
}

TEST_CASE("the first event decides: an error behind another passes with it") {
    const std::string body =
        "event:conversation.chat.failed\ndata:{\"code\":4101}\n\nevent:error\n"
        "data:{\"code\":4101}\n\n";
    CHECK(gated(200, "text/event-stream", body).forwarded == body);
}

TEST_CASE("nothing of a stream is handed on while its first event may be an error") {
    Gate gate{200, "text/event-stream"};
    for (const std::string_view chunk :
         {":ping\n\n", "event:err", "or\nda", "ta: {\"code\":41", "01}\n"}) {
        CHECK(gate.feed(chunk).empty());
        CHECK(gate.state() == GateState::undecided);
        CHECK_FALSE(gate.has_answer());
    }
    CHECK(gate.feed("\nevent:done\n\n").empty());
    CHECK(gate.has_answer());
    CHECK(gate.state() == GateState::hold);
    CHECK(gate.take_held() == "{\"code\":4101}");
}

TEST_CASE("a chunk that passes is not copied") {
    for (const std::string_view chunk :
         {":ping\n\nevent:a\ndata:1\n\n", "event:error\ndata:{}\n\n", "data:1\n\n"}) {
        Gate gate{200, "text/event-stream"};
        CHECK(gate.feed(chunk).data() == chunk.data());
        CHECK(gate.feed(chunk).data() == chunk.data());
    }
}

TEST_CASE("a stream of comments, or one that breaks off in a name, passes when it has ended") {
    for (const std::string body :
         {":", ":ping\n\n", "id:1\n\n", "event:error", "event:error\n\n", "dat"})
        CHECK(gated(200, "text/event-stream", body).forwarded == body);
}

TEST_CASE("the events of a workflow pass, its errors too, and none of them ends a scanner") {
    const std::string body =
        "id:0\nevent:Error\ndata:{\"error_code\":4000,\"error_message\":\"no\"}\n\n"
        "id:1\nevent:Done\ndata:{}\n\n";
    CHECK(gated(200, "text/event-stream", body).forwarded == body);
    CHECK(scan(body).events.size() == 2);
    CHECK_FALSE(scan(body).ended);
}

TEST_CASE("an event that loses its name with the last line of the body is no error") {
    for (const std::string last : {"event", "event:", "event:err"}) {
        const std::string body = "event:error\ndata:{\"code\":4101}\n" + last;
        CHECK(gated(200, "text/event-stream", body).forwarded == body);
    }
    const std::string body = "event:error\ndata:{\"code\":4101}\nevent:error";
    CHECK(gated(200, "text/event-stream", body).held == "{\"code\":4101}");
}

TEST_CASE("only a 2xx answer of type text/event-stream can pass") {
    const std::string_view body = "data:1\n\n";
    CHECK(gated(200, "text/event-stream", body).state == GateState::pass);
    CHECK(gated(201, " Text/Event-Stream ; charset=utf-8", body).state == GateState::pass);
    CHECK(gated(401, "text/event-stream", body).state == GateState::hold);
    CHECK(gated(302, "text/event-stream", body).state == GateState::hold);
    CHECK(gated(500, "text/event-stream", body).state == GateState::hold);
    CHECK(gated(199, "text/event-stream", body).state == GateState::hold);
    CHECK(gated(200, "application/json", body).state == GateState::hold);
    CHECK(gated(200, "text/event-streams", body).state == GateState::hold);
    CHECK(gated(200, "text/event-strea", body).state == GateState::hold);
    CHECK(gated(200, "", body).state == GateState::hold);
    CHECK(gated(200, "application/json; text/event-stream", body).state == GateState::hold);
}

TEST_CASE("the gate is decided by the head alone unless it announces a stream") {
    CHECK(Gate(200, "application/json").state() == GateState::hold);
    CHECK(Gate(401, "text/event-stream").state() == GateState::hold);
    CHECK(Gate(200, "text/event-stream").state() == GateState::undecided);
}

TEST_CASE("a stream that ends before its first event is an ordinary answer") {
    const Outcome blank = gated(200, "text/event-stream", " \n");
    CHECK(blank.state == GateState::hold);
    CHECK(blank.held == " \n");
    CHECK(gated(200, "text/event-stream", "").state == GateState::hold);
    CHECK(gated(200, "text/event-stream", "\xEF\xBB").state == GateState::hold);
}

TEST_CASE("the gate holds no more than its limit and says so") {
    const Outcome fits = gated(200, "application/json", "{12345}", 7);
    CHECK_FALSE(fits.overflowed);
    CHECK(fits.held == "{12345}");
    const Outcome above = gated(200, "application/json", "{123456}", 7);
    CHECK(above.overflowed);
    CHECK(above.held == "{123456");
    const Outcome blank = gated(200, "text/event-stream", "        data:1\n\n", 7);
    CHECK(blank.state == GateState::hold);
    CHECK(blank.overflowed);
    CHECK(gated(200, "text/event-stream", "       data:1\n\n", 7).state == GateState::pass);
    CHECK(gated(200, "text/event-stream", "data:longer than the limit\n\n", 7).state ==
          GateState::pass);
    const std::string error = "event:error\ndata:{\"code\":1}\n\n";
    CHECK(gated(200, "text/event-stream", error + ":more", error.size() - 1).held ==
          "{\"code\":1}");
    const Outcome cut = gated(200, "text/event-stream", error, error.size() - 2);
    CHECK(cut.overflowed);
    CHECK(cut.held == error.substr(0, error.size() - 2));
    CHECK(gated(200, "text/event-stream", ":a comment without an end", 7).overflowed);
}

TEST_CASE("events are read with and without a space after the colon") {
    CHECK(scan("event:a\ndata:1\n\nevent: b\ndata: 2\n\n").events ==
          Events{{"a", "1"}, {"b", "2"}});
    CHECK(scan("data:  two spaces\n\n").events == Events{{"message", " two spaces"}});
}

TEST_CASE("lines may end with CR, LF or CRLF, in any mixture") {
    const Events wanted{{"a", "1"}, {"b", "2"}};
    CHECK(scan("event:a\rdata:1\r\revent:b\rdata:2\r\r").events == wanted);
    CHECK(scan("event:a\r\ndata:1\r\n\r\nevent:b\r\ndata:2\r\n\r\n").events == wanted);
    CHECK(scan("event:a\ndata:1\r\n\revent:b\rdata:2\n\r\n").events == wanted);
}

TEST_CASE("the data lines of one event join with a line feed") {
    CHECK(scan("data:1\ndata\ndata: 3\n\n").events == Events{{"message", "1\n\n3"}});
    CHECK(scan("data\n\n").events == Events{{"message", ""}});
}

TEST_CASE("comments, unknown fields and events without data are skipped") {
    CHECK(scan(":ping\n\nretry:10\nother\nevent:a\n\ndata:1\n\n").events ==
          Events{{"message", "1"}});
}

TEST_CASE("an event that is not finished by a blank line is not handed on") {
    const Scanned scanned = scan("data:1\n\ndata:2\n");
    CHECK(scanned.events == Events{{"message", "1"}});
    CHECK_FALSE(scanned.ended);
}

TEST_CASE("the id is that of the last whole event") {
    CHECK(scan("id:7\ndata:1\n\ndata:2\n\n").id == "7");
    CHECK(scan("id:7\ndata:1\n\nid:8\ndata:2\n").id == "7");
    CHECK(scan("id: 7\ndata:1\n\nid\ndata:2\n\n").id.empty());
    CHECK(scan(std::string_view("id:7\n\nid:8\0\n\n", 13)).id == "7");
}

TEST_CASE("a byte order mark before the first line is not part of it") {
    CHECK(scan("\xEF\xBB\xBF"
               "event:a\ndata:1\n\n")
              .events == Events{{"a", "1"}});
    CHECK(scan("data:1\n\n\xEF\xBB\xBF"
               "data:2\n\n")
              .events == Events{{"message", "1"}});
}

TEST_CASE("every form of the end is handed on and ends the stream") {
    const std::string_view forms[] = {"event:done\ndata:\"[DONE]\"\n\n",
                                      "event:done\ndata:[DONE]\n\n",
                                      "event:done\ndata:{\"debug_url\":\"u\"}\n\n",
                                      "event:done\n\n",
                                      "data:[DONE]\n\n",
                                      "data: \"[DONE]\"\n\n"};
    for (const std::string_view form : forms) {
        CAPTURE(form);
        const Scanned scanned = scan("data:1\n\n" + std::string(form) + "data:never read\n\n");
        CHECK(scanned.ended);
        CHECK(scanned.events.size() == 2);
    }
    CHECK(scan("event:done\ndata:{}\n\n").events == Events{{"done", "{}"}});
    CHECK_FALSE(scan("event:Done\ndata:{}\n\n").ended);
    CHECK_FALSE(scan("data:[DONE] or not\n\n").ended);
}

TEST_CASE("one event larger than the limit stops the reading") {
    CHECK(scan("data:12345\n\n", 10).events == Events{{"message", "12345"}});
    const Scanned line = scan("data:1\n\ndata:123456\n\ndata:2\n\n", 10);
    CHECK(line.overflowed);
    CHECK(line.events == Events{{"message", "1"}});
    const Scanned lines = scan("data:1234\ndata:1234\n\n", 10);
    CHECK(lines.overflowed);
    CHECK(lines.events.empty());
    CHECK(scan(":a comment without an end", 10).overflowed);
}

TEST_CASE("where the end of the body is known, an event without its blank line is whole") {
    const auto finished = [](std::string_view body, std::string_view want) {
        for (const std::vector<std::string_view>& cut : all_cuts(body)) {
            EventScanner scanner;
            std::string seen;
            const auto add = [&seen](std::string_view name, std::string_view data) {
                seen.append(name).append("=").append(data).append(";");
            };
            for (const std::string_view chunk : cut) scanner.feed(chunk, add);
            scanner.finish(add);
            scanner.finish(add);  // nothing comes twice
            CHECK(seen == want);
        }
    };
    finished("event:a\ndata:1\n\nevent:done\ndata:[DONE]", "a=1;done=[DONE];");
    finished("event:done", "done=;");
    finished("data:1", "message=1;");
    finished("data:1\n", "message=1;");
    finished("data:1\n\n", "message=1;");
    finished("event:a", "");
    finished(": a comment", "");
    finished("", "");
    finished("event:done\n\ndata:late", "done=;");
}
