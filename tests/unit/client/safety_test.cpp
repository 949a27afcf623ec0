// SPDX-License-Identifier: BSL-1.0
#include <rekey/client.hpp>

#include <rekey/coze/api.hpp>

#include "catch.hpp"
#include "support/clients.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace {

using namespace clients;
using testing::Script;

// What a client did about one answer.
enum class Decision { served, stopped, fell_back, repeated };

template <class Gate, class Request, class... Extras>
Decision decision(const TransportResult<HttpResponse>& first, const Request& request,
                  const Extras&... extras) {
    std::vector<std::string> signers;
    const Client client{
        [&](const Request&, const Attempt& attempt) -> TransportResult<HttpResponse> {
            signers.emplace_back(attempt.credential());
            if (signers.size() == 1) return first;
            return accepted();
        },
        both(), Gate{}, MaxAttempts<2>{}, coze::Api{}};
    const auto result = client.send(request, extras...);
    if (signers.size() == 1) return result ? Decision::served : Decision::stopped;
    return signers[1] == "enterprise" ? Decision::fell_back : Decision::repeated;
}

using Everything = RetryOn<AuthRejected, NotFound, RateLimited, Transient>;

HttpRequest with_method(std::string method) {
    HttpRequest request = chat();
    request.method = std::move(method);
    return request;
}

// Whether a client of that kind takes this body of a 200 for a success.
template <class... Policies>
bool accepts(std::string body, std::string content_type, Policies... policies) {
    const HttpResponse response{
        200, {{"Content-Type", std::move(content_type)}}, std::move(body), false};
    const Client client{[&response](const HttpRequest&, const Attempt&) { return response; },
                        both(), OnCodes{}, policies...};
    return client.send(chat()).has_value();
}
template <class... Policies> bool accepts_json(std::string body, Policies... policies) {
    return accepts(std::move(body), "application/json", policies...);
}

constexpr std::string_view whole_success =
    R"({"data":{"id":"1","list":[1,2,{"a":"}"}],"text":"\u00e9 \"quoted\""},"code":0,"msg":"ok"})";

// Its bodies are whole, whatever they look like.
struct Promising {
    static constexpr bool vouches_for_whole_bodies = true;
    static constexpr bool follows_redirects = false;
    HttpResponse operator()(const HttpRequest&, const Attempt&) const {
        return answer(200, R"({"code":0,"data":)");
    }
};
struct Careful {
    static constexpr bool vouches_for_whole_bodies = false;
    static constexpr bool follows_redirects = false;
    HttpResponse operator()(const HttpRequest&, const Attempt&) const {
        return answer(200, R"({"code":0,"data":)");
    }
};

// Asks for an hour before each repeat.
struct OneHour {
    static constexpr Role role = Role::pace;
    static constexpr bool reads_time = false;
    struct Rule {
        static constexpr Duration delay(const Facts&, std::uint32_t) noexcept {
            return std::chrono::hours{1};
        }
    };
    constexpr Rule rule() const noexcept { return {}; }
};

// A reader that takes the code from a line of its own.
struct LineReader {
    static body::Reading code(std::string_view body) noexcept {
        if (body == "refused") return {body::Found::present, 4101};
        if (body == "fine") return {body::Found::present, 0};
        return {body::Found::malformed, 0};
    }
    static std::string text(std::string_view body, std::string_view path) {
        return path == "msg" ? "line: " + std::string(body) : std::string();
    }
};

}  // namespace

// --- S53: which answers fall back ---

TEST_CASE("S53 fallback answers classified refusals only, on every HTTP status") {
    struct Row {
        std::int64_t code;  // 0: none
        Decision on_200;
        Decision on_401;
        Decision on_404;
        Decision on_500;
    };
    using D = Decision;
    const Row rows[] = {
        {4100, D::fell_back, D::fell_back, D::fell_back, D::fell_back},
        {4101, D::fell_back, D::fell_back, D::fell_back, D::fell_back},
        {700012006, D::fell_back, D::fell_back, D::fell_back, D::fell_back},
        {4200, D::fell_back, D::fell_back, D::fell_back, D::fell_back},
        {4006, D::fell_back, D::fell_back, D::fell_back, D::fell_back},
        {4000, D::stopped, D::stopped, D::stopped, D::stopped},
        {4028, D::stopped, D::stopped, D::stopped, D::stopped},
        {4013, D::stopped, D::stopped, D::stopped, D::stopped},
        {5000, D::stopped, D::stopped, D::stopped, D::stopped},
        {31337, D::stopped, D::fell_back, D::stopped, D::stopped},
        {0, D::served, D::fell_back, D::stopped, D::stopped},
    };
    for (const Row& row : rows) {
        CAPTURE(row.code);
        const auto decide = [&](int status) {
            return decision<coze::RetryOnRefusal>(
                row.code == 0 ? answer(status, "{}") : refusal(row.code, status), chat());
        };
        CHECK(decide(200) == row.on_200);
        CHECK(decide(401) == row.on_401);
        CHECK(decide(403) == row.on_401);
        CHECK(decide(404) == row.on_404);
        CHECK(decide(500) == row.on_500);
    }
}

TEST_CASE("S53 neither timeouts, cut answers, rate limits nor server errors fall back") {
    const auto decide = [](TransportResult<HttpResponse> first) {
        return decision<coze::RetryOnRefusal>(first, with_method("GET"));
    };
    CHECK(decide(TransportError{Reach::never_sent, ""}) == Decision::stopped);
    CHECK(decide(TransportError{Reach::sent_unanswered, ""}) == Decision::stopped);
    CHECK(decide(TransportError{Reach::cut_short, ""}) == Decision::stopped);
    CHECK(decide(answer(200, R"({"code":41)")) == Decision::stopped);
    CHECK(decide(answer(200, "<html>")) == Decision::stopped);
    for (const int status : {408, 429, 500, 502, 503, 504})
        CHECK(decide(answer(status)) == Decision::stopped);
}

// --- S54, S65: what may be sent again ---

TEST_CASE("S54 a POST that broke after its last byte is sent to nobody else") {
    Script http;
    http.then(TransportError{Reach::sent_unanswered, "reset"}).then(200);
    const auto result =
        Client{http, both(), Everything{}, MaxAttempts<3>{}}.send(with_method("POST"));
    REQUIRE_FALSE(result);
    CHECK(result.stop_reason() == StopReason::unsafe_to_repeat);
    CHECK(http.sends().size() == 1);
    CHECK(result.error().describe().find("Idempotent") != std::string::npos);
}

TEST_CASE("S65 method by cause: what is repeated, and what stops") {
    struct Cause {
        const char* name;
        TransportResult<HttpResponse> first;
        Decision safe;    // GET, PUT, DELETE, … and declared idempotent
        Decision unsafe;  // POST, PATCH, …
    };
    using D = Decision;
    const Cause causes[] = {
        {"never sent", TransportError{Reach::never_sent, ""}, D::repeated, D::repeated},
        {"sent, no answer", TransportError{Reach::sent_unanswered, ""}, D::repeated, D::stopped},
        {"cut short", TransportError{Reach::cut_short, ""}, D::repeated, D::stopped},
        {"delivered", TransportError{Reach::delivered, ""}, D::stopped, D::stopped},
        {"lasting", TransportError{Reach::never_sent, "", TransportVerdict::lasting}, D::stopped,
         D::stopped},
        {"408", answer(408), D::repeated, D::stopped},
        {"429", answer(429), D::repeated, D::repeated},
        {"500", answer(500), D::repeated, D::stopped},
        {"503", answer(503), D::repeated, D::stopped},
        {"5000", refusal(5000), D::repeated, D::stopped},
        {"4020", refusal(4020), D::repeated, D::repeated},
        {"4028", refusal(4028), D::stopped, D::stopped},
        {"400", answer(400), D::stopped, D::stopped},
        {"malformed", answer(200, "{"), D::stopped, D::stopped},
        {"4101", refusal(4101), D::fell_back, D::fell_back},
        {"4200", refusal(4200), D::fell_back, D::fell_back},
    };
    for (const Cause& cause : causes) {
        CAPTURE(cause.name);
        for (const char* method : {"GET", "HEAD", "OPTIONS", "TRACE", "PUT", "DELETE"}) {
            CAPTURE(method);
            CHECK(decision<Everything>(cause.first, with_method(method)) == cause.safe);
        }
        for (const char* method : {"POST", "PATCH", "CONNECT", "get", "LINK", ""}) {
            CAPTURE(method);
            CHECK(decision<Everything>(cause.first, with_method(method)) == cause.unsafe);
            CHECK(decision<Everything>(cause.first, with_method(method), Idempotent{}) ==
                  cause.safe);
            CHECK(decision<Everything>(cause.first, with_method(method), IdempotencyKey{"k"}) ==
                  cause.safe);
        }
    }
}

TEST_CASE("S65 a request that does not tell its method is treated as a POST") {
    struct Opaque {
        int number;
    };
    CHECK(decision<Everything>(TransportError{Reach::sent_unanswered, ""}, Opaque{1}) ==
          Decision::stopped);
    CHECK(decision<Everything>(TransportError{Reach::never_sent, ""}, Opaque{1}) ==
          Decision::repeated);
    CHECK(decision<Everything>(TransportError{Reach::sent_unanswered, ""}, Opaque{1},
                               Idempotent{}) == Decision::repeated);
}

TEST_CASE("after a stream began nothing is sent again, whatever it says") {
    HttpResponse begun = refusal(4101);
    begun.delivered = true;
    CHECK(decision<Everything>(begun, with_method("GET")) == Decision::stopped);
}

// --- Bodies ---

TEST_CASE("a body cut at any byte is never a success, with and without a service") {
    REQUIRE(accepts_json(std::string(whole_success)));
    REQUIRE(accepts_json(std::string(whole_success), coze::Api{}));
    for (std::size_t size = 1; size != whole_success.size(); ++size) {
        const std::string cut(whole_success.substr(0, size));
        CAPTURE(cut);
        CHECK_FALSE(accepts_json(cut));
        CHECK_FALSE(accepts(cut, ""));
        CHECK_FALSE(accepts_json(cut, coze::Api{}));
        CHECK_FALSE(accepts(cut, "", coze::Api{}));
    }
    CHECK_FALSE(accepts_json("", coze::Api{}));
    CHECK_FALSE(accepts("", "", coze::Api{}));
}

TEST_CASE("a refusal cut at any byte is never a success either") {
    const std::string refused = R"({"code":4101,"msg":"refused"})";
    for (std::size_t size = 1; size != refused.size(); ++size) {
        CHECK_FALSE(accepts_json(refused.substr(0, size)));
        CHECK_FALSE(accepts_json(refused.substr(0, size), coze::Api{}));
    }
}

TEST_CASE("a cut body is none of the media of Coze, whatever bytes it holds and without a type") {
    const std::string bodies[] = {
        "{\"code\":4101,\"msg\":\"\xE8\xAE\xA4\xE8\xAF\x81\xE6\x97\xA0\xE6\x95\x88\"}",
        "\xEF\xBB\xBF{\"code\":4101,\"msg\":\"a mark of the byte order comes first\"}",
        "{\"msg\":\"\x01\x02 raw control characters\",\"code\":4101}",
        "{\"msg\":\"\xFF\xFE no UTF-8\",\"code\":4101}"};
    for (const std::string& whole : bodies) {
        CAPTURE(whole);
        for (std::size_t size = 1; size != whole.size(); ++size) {
            CAPTURE(size);
            CHECK_FALSE(accepts(whole.substr(0, size), "", coze::Api{}));
            if (size <= 3) continue;  // of the mark alone nobody can say more
            CHECK_FALSE(accepts(whole.substr(0, size), "audio/mpeg", coze::Api{}));
            CHECK_FALSE(accepts(whole.substr(0, size), ""));
        }
        CHECK_FALSE(accepts(whole, "", coze::Api{}));
    }
    CHECK_FALSE(accepts("<title>\xE7\x99\xBB\xE5\xBD\x95</title>", "", coze::Api{}));
    CHECK_FALSE(accepts("\xE7\x99\xBB\xE5\xBD\x95", "", coze::Api{}));
    CHECK(accepts("\xEF\xBB\xBF{\"data\":{}}", "", coze::Api{}));
}

TEST_CASE("media of Coze are accepted without a type") {
    CHECK(accepts(std::string("ID3\x04\0\0\x01", 7), "", coze::Api{}));
    CHECK(accepts("\xFF\xFB\x90\x64 an MP3 frame", "", coze::Api{}));
    CHECK(accepts("\x89PNG\r\n", "", coze::Api{}));
    CHECK(accepts("%PDF-1.7\n%\xE2\xE3\xCF\xD3\n", "", coze::Api{}));
    CHECK(accepts("a \xC0\x80 that is no UTF-8", "", coze::Api{}));
    CHECK(accepts("a \xF5\x80\x80\x80 that is no UTF-8", "", coze::Api{}));
}

TEST_CASE("a body that is not what Coze promises is reported as malformed and not acted on") {
    const std::string bodies[] = {"",
                                  "<html><body>login</body></html>",
                                  "Bad Gateway",
                                  "{",
                                  "{\"code\":",
                                  "{\"code\":{}}",
                                  "{\"code\":\"not a number\"}",
                                  std::string(1, '{') + std::string(100000, ' '),
                                  "{\"code\":0}garbage"};
    for (const std::string& body : bodies) {
        CAPTURE(body.substr(0, 60));
        Script http;
        http.then(answer(200, body)).then(200);
        const auto result = Client{http, both(), coze::RetryOnRefusal{}, coze::Api{}}.send(chat());
        REQUIRE_FALSE(result);
        CHECK(result.error().kind == ErrorKind::malformed_response);
        CHECK(result.stop_reason() == StopReason::not_retryable);
        CHECK(http.sends().size() == 1);
    }
}

TEST_CASE("a 204 of Coze needs no body") {
    Script http;
    http.then(HttpResponse{204, {}, {}, false});
    CHECK(Client{http, both(), coze::RetryOnRefusal{}, coze::Api{}}.send(chat()));
}

TEST_CASE("an event stream and a binary body of Coze are successes") {
    CHECK(
        accepts("event:conversation.chat.created\ndata:{}\n\n", "text/event-stream", coze::Api{}));
    CHECK(accepts("event:done\ndata:[DONE]\n\n", "", coze::Api{}));
    CHECK(accepts(std::string("ID3\x04\0\0\x01", 7), "audio/mpeg", coze::Api{}));
}

TEST_CASE("a page is no medium of Coze, in HTML, in XML or in words") {
    for (const char* const type :
         {"text/html", "text/plain", "application/xhtml+xml", "Application/XHTML+XML;a=b",
          "application/xml", "Application/XML ; charset=utf-8", "text/xml", "text/css",
          "application/soap+xml", "application/problem+json", "Text/Markdown"}) {
        CAPTURE(type);
        for (const char* const page : {"<?xml version=\"1.0\"?><html>sign in</html>", ""})
            CHECK_FALSE(accepts(page, type, coze::Api{}));
        CHECK(accepts(R"({"code":0})", type, coze::Api{}));
    }
    for (const char* const type :
         {"image/svg+xml", "application/octet-stream", "application/pdf",
          "application/vnd.openxmlformats-officedocument.wordprocessingml.document"})
        CHECK(accepts("<svg/>", type, coze::Api{}));
}

TEST_CASE("what stands before the first event of Coze decides nothing") {
    for (const std::string_view before :
         {"", ": ping\n\n", ": ping\r\n", "id:0\n", "id: 0\r", "retry: 10\n\n", "\n\r\n",
          "\xEF\xBB\xBF", "\xEF\xBB\xBF: ping\n\nid:0\nretry:10\n"}) {
        CAPTURE(before);
        const std::string lines(before);
        for (const char* const type : {"text/event-stream", ""}) {
            CAPTURE(type);
            CHECK(
                accepts(lines + "event:conversation.chat.created\ndata:{}\n\n", type, coze::Api{}));
            CHECK(accepts(lines + "data: 1\n\n", type, coze::Api{}));
            CHECK(accepts(lines + "event:error_report\ndata:{}\n\n", type, coze::Api{}));
            CHECK_FALSE(accepts(lines + "event:error", type, coze::Api{}));
            for (const char* const error :
                 {"event:error\ndata:{}\n\n", "event: error\ndata:{}\n\n"})
                CHECK_FALSE(accepts(lines + error, type, coze::Api{}));
        }
    }
    CHECK(accepts(": nothing but a comment", "text/event-stream", coze::Api{}));
    for (const char* const body : {"", "\n\n", "so long", "\nso long"})
        CHECK_FALSE(accepts(body, "text/event-stream", coze::Api{}));
}

TEST_CASE("a refusal in the first event of a stream that was read whole is no success") {
    Script http;
    http.then(HttpResponse{200,
                           {{"Content-Type", "text/event-stream"}},
                           "event:error\ndata:{\"code\":4101,\"msg\":\"refused\"}\n\n",
                           false})
        .then(200);
    const auto result = Client{http, both(), coze::RetryOnRefusal{}, coze::Api{}}.send(chat());
    REQUIRE_FALSE(result);
    CHECK(result.error().kind == ErrorKind::malformed_response);
    CHECK(http.sends().size() == 1);
}

TEST_CASE("a refusal under the content type of a stream is a refusal") {
    Script http;
    http.then(HttpResponse{200,
                           {{"Content-Type", "text/event-stream"}},
                           R"({"code":4101,"msg":"refused"})",
                           false})
        .then(200);
    const auto result = Client{http, both(), coze::RetryOnRefusal{}, coze::Api{}}.send(chat());
    REQUIRE(result);
    CHECK(result.credential() == "enterprise");
}

TEST_CASE("a body of a hundred thousand levels is judged without recursion") {
    std::string deep(100000, '[');
    deep += std::string(100000, ']');
    CHECK(accepts_json("{\"data\":" + deep + ",\"code\":0}", coze::Api{}));
    CHECK_FALSE(accepts_json("{\"data\":" + deep + ",\"code\":4000}", coze::Api{}));
    CHECK_FALSE(accepts_json("{\"data\":" + deep.substr(0, 150000), coze::Api{}));
}

TEST_CASE("a code behind a hundred megabytes is found") {
    std::string body = "{\"data\":\"" + std::string(100u << 20, 'x') + "\",\"code\":4101}";
    int sends = 0;
    const HttpResponse huge = answer(200, std::move(body));
    struct View {
        int status;
        std::string_view body;
    };
    const Client client{[&](const HttpRequest&, const Attempt&) {
                            return ++sends == 1 ? View{200, huge.body} : View{200, R"({"code":0})"};
                        },
                        both(), coze::RetryOnRefusal{}, coze::Api{}};
    CHECK(client.send(chat()));
    CHECK(sends == 2);
}

// --- Which reader ---

TEST_CASE("WholeBodies stops at the code, so that what is behind it is not looked at") {
    CHECK(accepts_json(R"({"code":0,"data":)", WholeBodies{}));
    CHECK_FALSE(accepts_json(R"({"code":0,"data":)"));
    CHECK_FALSE(accepts_json(R"({"code":4101,"data":)", WholeBodies{}));
}

TEST_CASE("a transport type can promise whole bodies itself, also when it is borrowed") {
    CHECK(Client{Promising{}, both(), OnCodes{}}.send(chat()));
    Promising lent;
    CHECK(Client{std::ref(lent), both(), OnCodes{}}.send(chat()));
    CHECK_FALSE(Client{Careful{}, both(), OnCodes{}}.send(chat()));
}

TEST_CASE("ReadWith takes another reader for codes and for words") {
    const auto result = [](std::string body) {
        Script http;
        http.then(answer(200, body)).then(answer(200, body));
        return Client{http, both(), OnCodes{}, ReadWith<LineReader>{}}.send(chat());
    };
    CHECK(result("fine"));
    const auto refused = result("refused");
    REQUIRE_FALSE(refused);
    CHECK(refused.error().kind == ErrorKind::refused);
    CHECK(refused.error().message() == "line: refused");
    CHECK(refused.trail().count() == 2);
}

TEST_CASE("a reader that is named wins over the promise of whole bodies") {
    CHECK_FALSE(accepts_json(R"({"code":0,"data":)", WholeBodies{}, ReadWith<body::Json>{}));
    CHECK(accepts_json(R"({"code":0,"data":)", ReadWith<body::JsonPrefix>{}));
}

TEST_CASE("a client waits on the clock that UseClock names, and on no other") {
    testing::ManualClock clock;
    Script http;
    http.then(429).then(429).then(200);
    const Client client{http,     both(), RetryOn<RateLimited>{}, MaxAttempts<3>{}, UseClock{clock},
                        OneHour{}};
    CHECK(client.send(chat()));
    CHECK(clock.waits() == std::vector<Duration>{std::chrono::hours{1}, std::chrono::hours{1}});
}

TEST_CASE("a list that was cut short is no success without a service either") {
    const std::string whole = R"([{"id":1},{"id":2}])";
    for (std::size_t size = 1; size != whole.size(); ++size) {
        testing::Script http;
        http.then(HttpResponse{200, {}, whole.substr(0, size), false});
        const Client client{http, RetryOn<4100>{}};
        const auto result = client.send(HttpRequest{"GET", "https://api.example/", {}, {}});
        REQUIRE_FALSE(result);
        REQUIRE(result.error().kind == ErrorKind::malformed_response);
    }
}
