// SPDX-License-Identifier: BSL-1.0
#include <rekey/oauth/device.hpp>

#include "catch.hpp"
#include "support/coze_desk.hpp"

#include <chrono>
#include <cstdint>
#include <limits>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace {

using namespace rekey::oauth;
using rekey::AuthorizationRequest;
using rekey::Duration;
using rekey::HttpResponse;
using rekey::Reach;
using rekey::TimePoint;
using rekey::testing::FakeErrorShape;
using rekey::testing::FakeFault;
using rekey::testing::FakeWire;
using std::chrono::seconds;

constexpr std::int64_t start_unix = 1700000000;
constexpr DeviceAction finished{};

/// The steady clock of a test: seconds since its beginning.
constexpr TimePoint at(std::int64_t second) { return TimePoint{seconds{second}}; }
constexpr DeviceAction wait_for(std::int64_t second) { return {DeviceStep::wait, seconds{second}}; }
constexpr DeviceAction do_now(DeviceStep step) { return {step, Duration{0}}; }

EndpointAnswer says(int status, std::string_view body, std::int64_t retry_after = 0) {
    EndpointAnswer answer;
    answer.status = status;
    answer.content_type = "application/json";
    answer.body = body;
    answer.retry_after = seconds{retry_after};
    return answer;
}
EndpointAnswer lost(Reach reach = Reach::sent_unanswered) {
    EndpointAnswer answer;
    answer.reach = reach;
    return answer;
}
const EndpointAnswer pending = says(400, R"({"error_code":"authorization_pending"})");
const EndpointAnswer slow_down = says(400, R"({"error_code":"slow_down"})");
const EndpointAnswer granted =
    says(200, R"({"access_token":"czu_1","expires_in":1700000900,"refresh_token":"refresh_1"})");

std::string device_body(std::string_view more) {
    return R"({"device_code":"device_canary_1","user_code":"WDJB-MJHT",)"
           R"("verification_uri":"https://www.coze.com/device")" +
           std::string(more) + "}";
}

TokenEndpoint endpoint() { return {"https://api.coze.com", "app_1", false}; }

/// A flow that has its device code at second 0 and was shown.
struct Begun {
    DeviceAuthorization device{endpoint()};
    DeviceAction next = device.start();

    explicit Begun(std::string_view more = R"(,"expires_in":300,"interval":5)") {
        REQUIRE(next == do_now(DeviceStep::ask));
        next = device.answered(says(200, device_body(more)), at(0), start_unix);
        if (next.step == DeviceStep::show) next = device.shown(at(0));
    }

    /// Waits as asked, polls, and hears this at once. The seconds waited.
    std::int64_t poll(const EndpointAnswer& answer) {
        if (next.step != DeviceStep::wait) return -1;
        const std::int64_t waited = next.delay / seconds{1};
        CHECK(next.delay == seconds{waited});
        now += waited;
        next = device.waited(at(now));
        if (next.step != DeviceStep::poll) return -2;
        next = device.answered(answer, at(now), start_unix + now);
        return waited;
    }
    std::int64_t now = 0;
};

/// Drives a flow against a FakeCoze with a clock that passes only in waits.
struct Room {
    CozeDesk desk;
    DeviceAuthorization device;
    std::int64_t second = 0;
    std::vector<std::int64_t> polls{};  // when
    AuthorizationRequest shown{};
    HttpResponse held{};
    std::string content_type{};

    explicit Room(CozeDesk::Options options = {}, std::string workspace = {})
        : desk(std::move(options)),
          device({desk.options.base, desk.options.device_client_id, false}, std::move(workspace)) {}

    EndpointAnswer send(const TokenRequest& request) {
        CHECK(request.authorization.empty());
        auto answer = desk.coze(request.http);
        if (!answer) return lost(answer.error().reach);
        held = *std::move(answer);
        content_type = std::string(rekey::find_header(held.headers, "Content-Type"));
        EndpointAnswer given = says(held.status, held.body);
        given.content_type = content_type;
        const std::string hint{rekey::find_header(held.headers, "Retry-After")};
        if (!hint.empty()) given.retry_after = seconds{std::stoll(hint)};
        return given;
    }
    /// `person` is called after each second that passes.
    template <class Person> void run(const Person& person) {
        const auto now = [this] { return at(second); };
        for (DeviceAction next = device.start(); next.step != DeviceStep::finish;) {
            switch (next.step) {
                case DeviceStep::ask:
                    next = device.answered(send(device.request()), now(), start_unix + second);
                    break;
                case DeviceStep::show:
                    shown = device.shown_request();
                    next = device.shown(now());
                    break;
                case DeviceStep::wait:
                    for (std::int64_t left = next.delay / seconds{1}; left > 0; --left) {
                        ++second;
                        ++desk.now;
                        person(*this);
                    }
                    next = device.waited(now());
                    break;
                case DeviceStep::poll:
                    polls.push_back(second);
                    next = device.answered(send(device.request()), now(), start_unix + second);
                    break;
                case DeviceStep::finish: break;
            }
        }
    }
};

bool remember(const TokenSet&) { return true; }
void nobody(Room&) {}

/// A fault that the server plays to the next polls.
FakeFault on_polls(std::int64_t times) {
    FakeFault fault;
    fault.path = "/api/permission/oauth2/token";
    fault.times = times;
    return fault;
}

}  // namespace

TEST_CASE("a device code is asked for with the client id only, and without a header") {
    DeviceAuthorization device{endpoint()};
    CHECK(device.start() == do_now(DeviceStep::ask));
    CHECK(device.request().http.method == "POST");
    CHECK(device.request().http.url == "https://api.coze.com/api/permission/oauth2/device/code");
    CHECK(device.request().http.body == R"({"client_id":"app_1"})");
    CHECK(device.request().authorization.empty());
    CHECK(device.start() == finished);  // a second start sends nothing
}

TEST_CASE("a device code for one workspace has the workspace in its path") {
    DeviceAuthorization device{endpoint(), "7379462189365198898"};
    CHECK(device.start() == do_now(DeviceStep::ask));
    CHECK(
        device.request().http.url ==
        "https://api.coze.com/api/permission/oauth2/workspace_id/7379462189365198898/device/code");
    for (const char* id : {"a/b", "..", "a b", "a?b"}) {
        DeviceAuthorization odd{endpoint(), id};
        CHECK(odd.start() == finished);
        CHECK(odd.outcome() == DeviceOutcome::misconfigured);
    }
}

TEST_CASE("a poll sends the device code to the token endpoint, without a header") {
    Begun flow;
    CHECK(flow.next == wait_for(5));
    CHECK(flow.device.waited(at(5)) == do_now(DeviceStep::poll));
    CHECK(flow.device.request().http.url == "https://api.coze.com/api/permission/oauth2/token");
    CHECK(flow.device.request().authorization.empty());
    CHECK(flow.device.request().http.body ==
          R"({"grant_type":"urn:ietf:params:oauth:grant-type:device_code","client_id":"app_1",)"
          R"("device_code":"device_canary_1"})");
}

TEST_CASE("what is shown has the address, the code and the expiry") {
    DeviceAuthorization device{endpoint()};
    (void)device.start();
    CHECK(device.answered(says(200, device_body(R"(,"expires_in":1800,"interval":5)")), at(0),
                          start_unix) == do_now(DeviceStep::show));
    CHECK(device.shown_request().url == "https://www.coze.com/device?user_code=WDJB-MJHT");
    CHECK(device.shown_request().page == "https://www.coze.com/device");
    CHECK(device.shown_request().user_code == "WDJB-MJHT");
    CHECK(device.shown_request().expires_at == start_unix + 1800);
}

TEST_CASE("a user code may be a text or a number") {
    const auto code_of = [](std::string_view json) {
        DeviceAuthorization device{endpoint()};
        (void)device.start();
        const std::string body = R"({"device_code":"d_1","verification_uri":"https://c.example/d",)"
                                 R"("user_code":)" +
                                 std::string(json) + "}";
        (void)device.answered(says(200, body), at(0), start_unix);
        return device.shown_request().user_code;
    };
    CHECK(code_of(R"("WDJB-MJHT")") == "WDJB-MJHT");
    CHECK(code_of("73512904") == "73512904");
    CHECK(code_of("7379462189365198898123") == "7379462189365198898123");
    CHECK(code_of(R"("a b&c")") == "a b&c");
    for (const std::string_view none : {"null", "1.5", "1e3", "-4", "{}", "[1]", "true", R"("")"}) {
        CAPTURE(none);
        CHECK(code_of(none) == "");
    }
}

TEST_CASE("the user code joins the address as one parameter") {
    using detail::with_user_code;
    CHECK(with_user_code("https://c.example/d", "A-1") == "https://c.example/d?user_code=A-1");
    CHECK(with_user_code("https://c.example/d?x=1", "A-1") ==
          "https://c.example/d?x=1&user_code=A-1");
    CHECK(with_user_code("https://c.example/d#top", "A-1") ==
          "https://c.example/d?user_code=A-1#top");
    CHECK(with_user_code("https://c.example/d", "a&b=c#d e") ==
          "https://c.example/d?user_code=a%26b%3Dc%23d%20e");
}

TEST_CASE("S59 the first poll comes one interval after the device code, not before") {
    Begun flow{R"(,"expires_in":300,"interval":7)"};
    CHECK(flow.next == wait_for(7));
    CHECK(flow.device.waited(at(6)) == wait_for(1));
    CHECK(flow.device.waited(TimePoint{seconds{7} - Duration{1}}) ==
          DeviceAction{DeviceStep::wait, Duration{1}});
    CHECK(flow.device.waited(at(7)) == do_now(DeviceStep::poll));
}

TEST_CASE("S59 the interval counts from the device code, however long showing it took") {
    DeviceAuthorization device{endpoint()};
    (void)device.start();
    (void)device.answered(says(200, device_body("")), at(0), start_unix);
    CHECK(device.shown(at(3)) == wait_for(2));
    DeviceAuthorization slow{endpoint()};
    (void)slow.start();
    (void)slow.answered(says(200, device_body("")), at(0), start_unix);
    CHECK(slow.shown(at(9)) == do_now(DeviceStep::poll));
}

TEST_CASE("S59 an interval of 0, below 0, absent or none at all is 5 seconds") {
    for (const std::string_view interval :
         {"", R"(,"interval":0)", R"(,"interval":-1)", R"(,"interval":null)", R"(,"interval":"x")",
          R"(,"interval":0.5)", R"(,"interval":[9])", R"(,"interval":-9223372036854775808)"}) {
        CAPTURE(interval);
        CHECK(Begun{interval}.next == wait_for(5));
    }
    CHECK(Begun{R"(,"interval":1)"}.next == wait_for(1));
}

TEST_CASE("S59 an enormous interval overflows nothing: the flow ends without a poll") {
    Begun flow{R"(,"expires_in":300,"interval":9223372036854775807)"};
    CHECK(flow.next == wait_for(300));
    CHECK(flow.device.waited(at(300)) == finished);
    CHECK(flow.device.outcome() == DeviceOutcome::expired);
}

TEST_CASE("S59 an interval with a fraction is kept: rounded up, never polled early") {
    const auto first_wait = [](std::string_view interval) {
        return Begun{R"(,"expires_in":1800,"interval":)" + std::string(interval)}.next;
    };
    CHECK(first_wait("7.5") == wait_for(8));
    CHECK(first_wait("20.0000001") == wait_for(21));
    CHECK(first_wait("1.25E+1") == wait_for(13));
    CHECK(first_wait("1205e-2") == wait_for(13));
    CHECK(first_wait("1.5") == wait_for(2));
    CHECK(first_wait("-7.5") == wait_for(5));
    CHECK(first_wait("1e-400") == wait_for(5));
    for (const std::string_view endless : {"9223372036854775808", "1e99", "1e400", "1800.5"})
        CHECK(first_wait(endless) == wait_for(1800));
}

TEST_CASE("S60 an interval with a fraction in a later answer counts") {
    Begun flow{R"(,"expires_in":1800,"interval":5)"};
    CHECK(flow.poll(says(400, R"({"error":"slow_down","interval":12.5})")) == 5);
    CHECK(flow.poll(says(400, R"({"error":"authorization_pending","interval":7.5})")) == 13);
    CHECK(flow.poll(says(400, R"({"error":"slow_down","interval":-1.5})")) == 13);
    CHECK(flow.poll(says(400, R"({"error":"slow_down","interval":1e99})")) == 18);
    CHECK(flow.next == wait_for(1800 - flow.now));
}

TEST_CASE("S60 each slow_down adds 5 seconds for good") {
    Begun flow{R"(,"expires_in":1800,"interval":5)"};
    CHECK(flow.poll(slow_down) == 5);
    for (int k = 1; k != 6; ++k) {
        CHECK(flow.poll(pending) == 5 + 5 * k);
        CHECK(flow.poll(pending) == 5 + 5 * k);  // for good
        CHECK(flow.poll(slow_down) == 5 + 5 * k);
    }
    CHECK(flow.poll(granted) == 35);
    CHECK(flow.device.outcome() == DeviceOutcome::granted);
}

TEST_CASE("S60 no answer makes the interval smaller, a larger one counts") {
    Begun flow{R"(,"expires_in":1800,"interval":5)"};
    CHECK(flow.poll(says(400, R"({"error":"slow_down","interval":2})")) == 5);
    CHECK(flow.poll(says(400, R"({"error":"authorization_pending","interval":1})")) == 10);
    CHECK(flow.poll(says(400, R"({"error":"authorization_pending","interval":0})")) == 10);
    CHECK(flow.poll(says(400, R"({"error":"slow_down","interval":40})")) == 10);
    CHECK(flow.poll(pending) == 40);
    CHECK(flow.poll(says(400, R"({"error":"slow_down","interval":9223372036854775807})")) == 40);
    CHECK(flow.next == wait_for(1800 - flow.now));
}

TEST_CASE("S61 a lost connection doubles the wait and the flow goes on") {
    Begun flow{R"(,"expires_in":1800,"interval":5)"};
    CHECK(flow.poll(lost(Reach::never_sent)) == 5);
    CHECK(flow.poll(lost(Reach::sent_unanswered)) == 10);
    CHECK(flow.poll(lost(Reach::cut_short)) == 20);
    CHECK(flow.poll(lost()) == 40);
    CHECK(flow.poll(pending) == 80);  // an answer: back to the interval
    CHECK(flow.poll(lost()) == 5);
    CHECK(flow.poll(granted) == 10);
    CHECK(flow.device.outcome() == DeviceOutcome::granted);
}

TEST_CASE("S61 a drop at each poll is survived, and no wait is below the interval") {
    for (int drop = 0; drop != 8; ++drop) {
        CAPTURE(drop);
        Begun flow{R"(,"expires_in":1800,"interval":5)"};
        std::int64_t least = 5;
        for (int poll = 0; poll != 8; ++poll) {
            const bool is_slow = poll == 3;
            CHECK(flow.poll(poll == drop ? lost() : is_slow ? slow_down : pending) >= least);
            if (is_slow && poll != drop) least = 10;
        }
        CHECK(flow.poll(granted) >= least);
        CHECK(flow.device.outcome() == DeviceOutcome::granted);
    }
}

TEST_CASE("S61 after slow_down a lost connection doubles the longer wait") {
    Begun flow{R"(,"expires_in":1800,"interval":5)"};
    CHECK(flow.poll(slow_down) == 5);
    CHECK(flow.poll(lost()) == 10);
    CHECK(flow.poll(lost()) == 20);
    CHECK(flow.poll(slow_down) == 40);
    CHECK(flow.poll(pending) == 15);
}

TEST_CASE("S61 a gateway's failure says nothing about the authorization: the wait doubles") {
    for (const int status : {408, 425, 429, 502, 503, 504}) {
        Begun flow;
        CAPTURE(status);
        CHECK(flow.poll(says(status, "")) == 5);
        CHECK(flow.poll(says(status, "<html>busy</html>")) == 10);
        CHECK(flow.poll(pending) == 20);
        CHECK(flow.poll(granted) == 5);
    }
    Begun flow;
    CHECK(flow.poll(says(200, R"({"code":4013,"msg":"rate"})")) == 5);
    CHECK(flow.poll(granted) == 10);
}

TEST_CASE("S61 a certificate that does not verify ends the flow: the next poll meets the same") {
    Begun flow;
    EndpointAnswer bad = lost(Reach::never_sent);
    bad.lasting = true;
    CHECK(flow.poll(bad) == 5);
    CHECK(flow.next == finished);
    CHECK(flow.device.outcome() == DeviceOutcome::failed);
}

TEST_CASE("S62 every other error ends the flow, in both shapes") {
    using D = DeviceOutcome;
    const struct {
        const char* word;
        D outcome;
    } table[] = {
        {"access_denied", D::denied},
        {"access_deny", D::refused},
        {"expired_token", D::expired},
        {"invalid_request", D::misconfigured},
        {"invalid_client", D::misconfigured},
        {"invalid_grant", D::misconfigured},
        {"unauthorized", D::misconfigured},
        {"unsupported_grant_type", D::misconfigured},
        {"internal_error", D::failed},
        {"server_error", D::failed},
        {"AUTHORIZATION_PENDING", D::misconfigured},
    };
    for (const auto& row : table) {
        for (const int status : {400, 401, 200}) {
            for (const char* key : {"error", "error_code"}) {
                CAPTURE(row.word, status, key);
                Begun flow;
                const std::string body = std::string("{\"") + key + "\":\"" + row.word + "\"}";
                CHECK(flow.poll(says(status, body)) == 5);
                CHECK(flow.next == finished);
                CHECK(flow.device.outcome() == row.outcome);
                CHECK_FALSE(flow.device.problem().empty());
                CHECK_FALSE(flow.device.tokens());
            }
        }
    }
    for (const auto& answer :
         {says(500, ""), says(404, ""), says(400, "{}"), says(200, "{}"), says(200, ""),
          says(200, "<html>"), says(302, ""), says(401, R"({"code":4101,"msg":"no"})"),
          says(200, R"({"access_token":""})"), says(200, R"({"access_token":7})")}) {
        Begun flow;
        CAPTURE(answer.status, answer.body);
        CHECK(flow.poll(answer) == 5);
        CHECK(flow.next == finished);
        CHECK(flow.device.outcome() != DeviceOutcome::granted);
    }
}

TEST_CASE("S62 both shapes of pending and slow_down go on") {
    for (const int status : {400, 200, 428}) {
        for (const char* key : {"error", "error_code"}) {
            Begun flow;
            const auto body = [&](const char* word) {
                return std::string("{\"") + key + "\":\"" + word +
                       "\",\"error_description\":\"x\"}";
            };
            CHECK(flow.poll(says(status, body("authorization_pending"))) == 5);
            CHECK(flow.poll(says(status, body("slow_down"))) == 5);
            CHECK(flow.poll(granted) == 10);
        }
    }
}

TEST_CASE("S62 what has ended does not begin again") {
    Begun flow;
    CHECK(flow.poll(says(400, R"({"error":"expired_token"})")) == 5);
    CHECK(flow.device.start() == finished);
    CHECK(flow.device.shown(at(10)) == finished);
    CHECK(flow.device.waited(at(10)) == finished);
    CHECK(flow.device.answered(granted, at(10), start_unix) == finished);
    CHECK(flow.device.cancelled() == finished);
    CHECK(flow.device.outcome() == DeviceOutcome::expired);
    CHECK(flow.device.request().http.body.empty());
}

TEST_CASE("S63 the flow ends at expires_in by our own clock, whatever the server says") {
    Begun flow{R"(,"expires_in":23,"interval":5)"};
    for (int i = 0; i != 4; ++i) CHECK(flow.poll(pending) == 5);
    CHECK(flow.next == wait_for(3));
    CHECK(flow.device.waited(at(22)) == wait_for(1));
    CHECK(flow.device.waited(at(23)) == finished);
    CHECK(flow.device.outcome() == DeviceOutcome::expired);
}

TEST_CASE("S63 without expires_in a code lives for five minutes; nonsense there is refused") {
    Begun absent{""};
    CHECK(absent.device.shown_request().expires_at == start_unix + 300);
    for (const std::string_view odd :
         {R"(,"expires_in":0)", R"(,"expires_in":-5)", R"(,"expires_in":"300")",
          R"(,"expires_in":1700000300)", R"(,"expires_in":1.5)",
          R"(,"expires_in":9223372036854775807)"}) {
        CAPTURE(odd);
        Begun flow{odd};
        CHECK(flow.next == finished);
        CHECK(flow.device.outcome() == DeviceOutcome::malformed);
    }
}

TEST_CASE("S63 Retry-After is waited out, and never shortens a wait") {
    Begun flow;
    CHECK(flow.poll(says(429, "", 60)) == 5);
    CHECK(flow.poll(says(400, R"({"error":"authorization_pending"})", 33)) == 60);
    CHECK(flow.poll(says(400, R"({"error":"slow_down"})", 1)) == 33);
    CHECK(flow.poll(pending) == 10);
}

TEST_CASE("S63 a Retry-After beyond the expiry ends the flow at the expiry") {
    Begun flow;
    EndpointAnswer forever = says(503, "");
    forever.retry_after = Duration{(std::numeric_limits<Duration::rep>::max)()};
    CHECK(flow.poll(forever) == 5);
    CHECK(flow.next == wait_for(295));
    CHECK(flow.device.waited(at(300)) == finished);
    CHECK(flow.device.outcome() == DeviceOutcome::expired);
}

TEST_CASE("S63 it can be cancelled at every step, at once") {
    for (int steps = 0; steps != 5; ++steps) {
        DeviceAuthorization device{endpoint()};
        if (steps > 0) (void)device.start();
        if (steps > 1) (void)device.answered(says(200, device_body("")), at(0), start_unix);
        if (steps > 2) (void)device.shown(at(0));
        if (steps > 3) (void)device.waited(at(5));
        CAPTURE(steps);
        CHECK(device.cancelled() == finished);
        CHECK(device.outcome() == DeviceOutcome::cancelled);
        CHECK(device.start() == finished);
        CHECK(device.waited(at(100)) == finished);
        CHECK(device.answered(granted, at(100), start_unix) == finished);
        CHECK_FALSE(device.tokens());
    }
}

TEST_CASE("S63 a poll that began in time may still grant after the expiry") {
    Begun flow{R"(,"expires_in":6,"interval":5)"};
    CHECK(flow.device.waited(at(5)) == do_now(DeviceStep::poll));
    CHECK(flow.device.answered(granted, at(9), start_unix + 9) == finished);
    CHECK(flow.device.outcome() == DeviceOutcome::granted);
}

TEST_CASE("S64 the address to open is https, or http on loopback") {
    const auto outcome = [](std::string_view uri) {
        DeviceAuthorization device{endpoint()};
        (void)device.start();
        const std::string body =
            R"({"device_code":"d_1","user_code":"A","verification_uri":)" + std::string(uri) + "}";
        (void)device.answered(says(200, body), at(0), start_unix);
        return device.outcome();
    };
    for (const std::string_view good :
         {R"("https://www.coze.com/device")", R"("http://127.0.0.1:8080/device")",
          R"("http://localhost/device")", R"("http://[::1]/device")", R"("https://c.example")"}) {
        CAPTURE(good);
        CHECK(outcome(good) == DeviceOutcome::unfinished);
    }
    for (const std::string_view bad :
         {R"("http://www.coze.com/device")", R"("ftp://c.example/d")", R"("javascript:alert")",
          R"("data:text/html,x")", R"("//c.example/d")", R"("c.example/d")", R"("")",
          R"("https://coze.com@evil.example/d")", R"("https://c.example/\r\nX")",
          R"("https://c.example/ d")", R"("file:///etc/passwd")",
          R"("https://c.example/\u001b[2J")", R"("https://c.example/\u202e")", "null", "7", "{}"}) {
        CAPTURE(bad);
        CHECK(outcome(bad) == DeviceOutcome::malformed);
    }
}

TEST_CASE("S64 a user code is shown without control characters, and not longer than a code is") {
    DeviceAuthorization device{endpoint()};
    (void)device.start();
    (void)device.answered(
        says(200, R"({"device_code":"d_1","verification_uri":"https://c.example/d",)"
                  R"("user_code":"A\u001b[2J\r\nB\u202eC\u0000D"})"),
        at(0), start_unix);
    CHECK(device.shown_request().user_code == "A[2JBCD");
    CHECK(device.shown_request().url == "https://c.example/d?user_code=A%5B2JBCD");
    DeviceAuthorization endless{endpoint()};
    (void)endless.start();
    (void)endless.answered(
        says(200, R"({"device_code":"d_1","verification_uri":"https://c.example/d","user_code":")" +
                      std::string(500, 'X') + R"("})"),
        at(0), start_unix);
    CHECK(endless.shown_request().user_code == std::string(64, 'X'));
}

TEST_CASE("S64 the device code is in no text, though the server says it") {
    Begun flow;
    const AuthorizationRequest& shown = flow.device.shown_request();
    for (const std::string& text : {shown.url, shown.page, shown.user_code})
        CHECK(text.find("canary") == std::string::npos);
    CHECK(flow.poll(says(400, R"({"error_code":"bad_device_canary_1",)"
                              R"("error_message":"unknown device_canary_1",)"
                              R"("detail":{"logid":"device_canary_1"}})")) == 5);
    CHECK(flow.device.outcome() == DeviceOutcome::misconfigured);
    const TokenAnswer& details = flow.device.details();
    for (const std::string_view text :
         {std::string_view(details.message), std::string_view(details.error_word),
          std::string_view(details.log_id), flow.device.problem()})
        CHECK(text.find("canary") == text.npos);
    CHECK(details.message == "unknown [token]");
}

TEST_CASE("a device code answer that is none ends the flow before anything is shown") {
    using D = DeviceOutcome;
    const auto outcome = [](const EndpointAnswer& answer) {
        DeviceAuthorization device{endpoint()};
        (void)device.start();
        CHECK(device.answered(answer, at(0), start_unix) == finished);
        CHECK_FALSE(device.problem().empty());
        CHECK(device.shown_request().url.empty());
        return device.outcome();
    };
    CHECK(outcome(lost()) == D::failed);
    CHECK(outcome(says(500, "")) == D::failed);
    CHECK(outcome(says(502, "<html>")) == D::failed);
    CHECK(outcome(says(307, "")) == D::failed);
    CHECK(outcome(says(200, "")) == D::malformed);
    CHECK(outcome(says(200, "<html>")) == D::malformed);
    CHECK(outcome(says(200, "{}")) == D::malformed);
    CHECK(outcome(says(200, "[]")) == D::malformed);
    CHECK(outcome(says(200, R"({"user_code":"A","verification_uri":"https://c.example"})")) ==
          D::malformed);
    CHECK(outcome(says(200, R"({"device_code":"","user_code":"A",)"
                            R"("verification_uri":"https://c.example"})")) == D::malformed);
    CHECK(outcome(says(200, R"({"device_code":"a b","user_code":"A",)"
                            R"("verification_uri":"https://c.example"})")) == D::malformed);
    CHECK(outcome(says(400, R"({"error_code":"invalid_request","error_message":"client_id"})")) ==
          D::misconfigured);
    CHECK(outcome(says(401, R"({"error":"invalid_client"})")) == D::misconfigured);
    CHECK(outcome(says(401, R"({"error_code":"access_deny"})")) == D::refused);
    CHECK(outcome(says(200, R"({"code":4101,"msg":"no"})")) == D::misconfigured);
    CHECK(outcome(says(200, R"({"error_code":"invalid_client"})")) == D::misconfigured);
}

TEST_CASE("an endpoint that cannot work is refused before anything is sent") {
    for (const auto& odd :
         {TokenEndpoint{"http://api.coze.com", "app_1", false}, TokenEndpoint{"", "app_1", false},
          TokenEndpoint{"https://api.coze.com", "", false}}) {
        DeviceAuthorization device{odd};
        CHECK(device.start() == finished);
        CHECK(device.outcome() == DeviceOutcome::misconfigured);
        CHECK_FALSE(device.problem().empty());
    }
}

TEST_CASE("S59 against the server: polls at 5, 10, 15 seconds, and the token works") {
    Room room;
    room.run([](Room& r) {
        if (r.second == 12) r.desk.coze.approve_device(r.shown.user_code);
    });
    CHECK(room.device.outcome() == DeviceOutcome::granted);
    CHECK(room.polls == std::vector<std::int64_t>{5, 10, 15});
    CHECK(room.desk.coze.totals().slow_downs == 0);
    CHECK(room.shown.url == room.desk.options.base + "/device?user_code=" + room.shown.user_code);
    const TokenSet* tokens = room.device.tokens().commit(remember);
    REQUIRE(tokens != nullptr);
    CHECK(tokens->expires_at == room.desk.now + 900);
    CHECK(room.desk.chat(tokens->access_token.expose()).succeeded());
}

TEST_CASE("S59 against the server: its interval is kept to the second, up to its expiry") {
    for (const std::int64_t interval : {1, 7, 30}) {
        CozeDesk::Options options;
        options.device_interval = interval;
        options.device_seconds = 61;
        Room room{options};
        room.run(nobody);
        std::vector<std::int64_t> expected;
        for (std::int64_t t = interval; t < 61; t += interval) expected.push_back(t);
        CHECK(room.polls == expected);
        CHECK(room.second == 61);
        CHECK(room.device.outcome() == DeviceOutcome::expired);
        CHECK(room.desk.coze.totals().slow_downs == 0);
    }
}

TEST_CASE("S60 against the server: slow_down moves every later poll") {
    Room room;
    FakeFault fault = on_polls(2);
    fault.status = 400;
    fault.body = R"({"error_code":"slow_down"})";
    room.desk.coze.fault(fault);
    room.run([](Room& r) {
        if (r.second == 40) r.desk.coze.approve_device(r.shown.user_code);
    });
    CHECK(room.polls == std::vector<std::int64_t>{5, 15, 30, 45});
    CHECK(room.device.outcome() == DeviceOutcome::granted);
}

TEST_CASE("S61 against the server: resets before and after reading are survived") {
    for (const FakeWire wire : {FakeWire::reset_before_read, FakeWire::reset_before_answer}) {
        Room room;
        FakeFault fault = on_polls(2);
        fault.wire = wire;
        room.desk.coze.fault(fault);
        room.run([](Room& r) {
            if (r.second == 36) r.desk.coze.approve_device(r.shown.user_code);
        });
        CHECK(room.polls == std::vector<std::int64_t>{5, 15, 35, 40});
        CHECK(room.device.outcome() == DeviceOutcome::granted);
    }
}

TEST_CASE("S63 against the server: Retry-After of a 503 is respected") {
    Room room;
    FakeFault fault = on_polls(1);
    fault.status = 503;
    fault.retry_after = 42;
    room.desk.coze.fault(fault);
    room.run([](Room& r) {
        if (r.second == 1) r.desk.coze.approve_device(r.shown.user_code);
    });
    CHECK(room.polls == std::vector<std::int64_t>{5, 47});
    CHECK(room.device.outcome() == DeviceOutcome::granted);
}

TEST_CASE("S62 against the server: a refusal ends it, in every shape of error") {
    for (const FakeErrorShape shape : {FakeErrorShape::coze, FakeErrorShape::device}) {
        CozeDesk::Options options;
        options.error_shape = shape;
        Room room{options};
        room.run([](Room& r) {
            if (r.second == 7) r.desk.coze.deny_device(r.shown.user_code);
        });
        CHECK(room.polls == std::vector<std::int64_t>{5, 10});
        CHECK(room.device.outcome() == DeviceOutcome::denied);
    }
}

TEST_CASE("against the server: a workspace, an unknown app and an app switched off") {
    using D = DeviceOutcome;
    Room workspace{{}, "1"};
    workspace.run(nobody);
    CHECK(workspace.device.outcome() == D::misconfigured);  // not an enterprise's

    Room off;
    off.desk.coze.disable_app(off.desk.options.device_client_id);
    off.run(nobody);
    CHECK(off.device.outcome() == D::refused);
}
