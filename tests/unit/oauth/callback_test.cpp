// SPDX-License-Identifier: BSL-1.0
#include <rekey/oauth/callback.hpp>

#include "catch.hpp"

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace {

using namespace rekey::oauth;

constexpr std::int64_t noon = 1790000000;
constexpr auto coze_issuer = "https://www.coze.com";

CallbackFault fault_of(std::string_view target) {
    const Callback callback = read_callback(target);
    if (!callback) {
        CHECK(callback.state.empty());
        CHECK(callback.code.empty());
        CHECK(callback.error.empty());
        CHECK(callback.description.empty());
    }
    return callback.fault;
}

/// A browser and a server with one flow begun.
struct Desk {
    PendingMemory memory{};
    PendingFlows<> flows{memory};
    CallbackIssuers<IssuerByRedirectUri> issuers{IssuerByRedirectUri{coze_issuer}};
    std::string state = begin();

    std::string begin() {
        FlowStart start;
        start.redirect_uri = "http://127.0.0.1:8080/callback";
        start.issuer = coze_issuer;
        start.return_to = "/chat";
        start.verifier = rekey::Secret{"dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"};
        return flows.begin(Binding{"cookie"}, std::move(start), noon).state;
    }
    AcceptedCallback arrives(const std::string& query, std::string_view cookie = "cookie",
                             std::int64_t now = noon + 30) {
        return accept_callback("/callback?" + query, flows, Binding{cookie}, issuers, now);
    }
};

}  // namespace

TEST_CASE("a callback is read from a URL, a path or a query") {
    for (const std::string_view target :
         {"http://127.0.0.1:8080/callback?code=code_1&state=st", "/callback?code=code_1&state=st",
          "code=code_1&state=st", "?code=code_1&state=st", "state=st&code=code_1",
          "/callback?a=1&a=2&code=code_1&state=st", "/callback?code=code_1&state=st#fragment",
          "/callback?co%64e=code%5F1&st%61te=%73t", "/callback?&&code=code_1&&state=st&",
          "/callback?code=code_1&state=st&error=&iss", "/cb?code=code_1&state=st&%zz=1"}) {
        CAPTURE(target);
        const Callback callback = read_callback(target);
        REQUIRE(callback);
        CHECK(callback.code.expose() == "code_1");
        CHECK(callback.state == "st");
        CHECK(callback.issuer.empty());
        CHECK(callback.error.empty());
    }
}

TEST_CASE("a callback is read from the URL of a custom scheme, however many slashes it has") {
    for (const std::string_view target :
         {"com.example.app:/oauth2redirect?code=code_1&state=st",
          "com.example.app:/oauth2redirect?state=st&code=code_1",
          "com.example.app:callback?code=code_1&state=st#fragment",
          "com.example.app:?code=code_1&state=st", "app+1://cb?code=code_1&state=st",
          "code=code_1&state=st&next=com.example.app:/x?y", "a:b=1&code=code_1&state=st"}) {
        CAPTURE(target);
        const Callback callback = read_callback(target);
        REQUIRE(callback);
        CHECK(callback.code.expose() == "code_1");
        CHECK(callback.state == "st");
    }
    CHECK(read_callback("com.example.app:/code=c&state=s").fault == CallbackFault::no_answer);
}

TEST_CASE("a callback's values are decoded as a form") {
    const Callback callback =
        read_callback("/cb?code=a%2Bb%26c+d%25&state=s%3D&iss=https%3A%2F%2Fwww.coze.com");
    REQUIRE(callback);
    CHECK(callback.code.expose() == "a+b&c d%");
    CHECK(callback.state == "s=");
    CHECK(callback.issuer == "https://www.coze.com");
    CHECK(read_callback("code=a?b&state=s").code.expose() == "a?b");
    CHECK(read_callback("/cb?code=a=b&state=s").code.expose() == "a=b");
}

TEST_CASE("a callback without a state, without an answer or with two is none") {
    CHECK(fault_of("") == CallbackFault::no_state);
    CHECK(fault_of("/callback") == CallbackFault::no_state);
    CHECK(fault_of("https://app.example/callback") == CallbackFault::no_state);
    CHECK(fault_of("/callback?code=x") == CallbackFault::no_state);
    CHECK(fault_of("/callback?code=x&state=") == CallbackFault::no_state);
    CHECK(fault_of("/callback?code=x&state") == CallbackFault::no_state);
    CHECK(fault_of("/callback#code=x&state=s") == CallbackFault::no_state);
    CHECK(fault_of("/callback?state=s") == CallbackFault::no_answer);
    CHECK(fault_of("/callback?state=s&code=") == CallbackFault::no_answer);
    CHECK(fault_of("/callback?state=s&error=") == CallbackFault::no_answer);
    CHECK(fault_of("/callback?state=s&error_description=x") == CallbackFault::no_answer);
    CHECK(fault_of("/callback?state=s&code=x&error=access_denied") == CallbackFault::two_answers);
    CHECK(fault_of("/callback?STATE=s&Code=x") == CallbackFault::no_state);
}

TEST_CASE("S12 a parameter that comes twice is refused, however it is written") {
    for (const std::string_view target :
         {"state=a&state=b&code=x", "state=a&state=a&code=x", "code=x&code=y&state=a",
          "code=x&state=a&code=x", "code=x&state=a&iss=i&iss=i", "error=a&error=b&state=s",
          "code=x&state=a&error_description=a&error_description=b", "code=x&state=a&state",
          "code=x&state=a&state=", "code=&code=x&state=a", "st%61te=a&state=a&code=x",
          "code=x&state=a&error_uri=a&error_uri=b"}) {
        CAPTURE(target);
        CHECK(fault_of(target) == CallbackFault::duplicate);
        CHECK(fault_of("/callback?" + std::string(target)) == CallbackFault::duplicate);
    }
}

TEST_CASE("S12 a duplicate leaves the flow where it is") {
    Desk desk;
    CHECK(desk.arrives("code=x&code=y&state=" + desk.state).outcome == CallbackOutcome::malformed);
    CHECK(desk.arrives("code=x&state=" + desk.state + "&state=" + desk.state).outcome ==
          CallbackOutcome::malformed);
    CHECK(desk.memory.size() == 1);
    CHECK(desk.arrives("code=x&state=" + desk.state));
}

TEST_CASE("a callback's sizes are limited") {
    const std::string longer(513, 's');
    CHECK(fault_of("code=x&state=" + longer.substr(1)) == CallbackFault::nothing);
    CHECK(fault_of("code=x&state=" + longer) == CallbackFault::too_long);
    CHECK(fault_of("state=s&code=" + std::string(2048, 'c')) == CallbackFault::nothing);
    CHECK(fault_of("state=s&code=" + std::string(2049, 'c')) == CallbackFault::too_long);
    CHECK(fault_of("state=s&code=c&iss=" + std::string(2049, 'i')) == CallbackFault::too_long);
    CHECK(fault_of("state=s&error=" + std::string(64, 'e')) == CallbackFault::nothing);
    CHECK(fault_of("state=s&error=" + std::string(65, 'e')) == CallbackFault::too_long);
    CHECK(fault_of("state=s&code=c&x=" + std::string(8192, 'x')) == CallbackFault::too_long);
}

TEST_CASE("a broken escape or a control character in what counts is refused") {
    CHECK(fault_of("state=s&code=%") == CallbackFault::bad_encoding);
    CHECK(fault_of("state=%zz&code=x") == CallbackFault::bad_encoding);
    CHECK(fault_of("state=s&code=x&iss=%2") == CallbackFault::bad_encoding);
    CHECK(fault_of("state=s&code=%0D%0AX") == CallbackFault::bad_character);
    CHECK(fault_of("state=s%00&code=x") == CallbackFault::bad_character);
    CHECK(fault_of("state=s&error=%1B%5B2J") == CallbackFault::bad_character);
    CHECK(fault_of("state=s&code=%E4%BD%A0") == CallbackFault::bad_character);
    CHECK(fault_of("state=s&code=x&other=%") == CallbackFault::nothing);
}

TEST_CASE("S11 a description is cleaned, cut, and in no sentence") {
    const Callback callback =
        read_callback("state=s&error=access_denied&error_description=" +
                      std::string("no%1B%5B31m%0D%0A%C2%9B%E2%80%AEway+") + std::string(300, 'x'));
    REQUIRE(callback);
    CHECK(callback.description.size() == 200);
    CHECK(callback.description.substr(0, 11) == "no[31mway x");

    Desk desk;
    const AcceptedCallback accepted =
        desk.arrives("error=access_denied&error_description=call+0800-canary&state=" + desk.state);
    CHECK(accepted.outcome == CallbackOutcome::denied);
    CHECK(accepted.sentence == "the person refused the authorization");
    CHECK(accepted.description == "call 0800-canary");
    CHECK(accepted.error == "access_denied");
    CHECK(accepted.record.return_to == "/chat");
    CHECK(accepted.code.empty());
}

TEST_CASE("S11 an error without a valid state leaves the flows alone") {
    Desk desk;
    CHECK(desk.arrives("error=access_denied").outcome == CallbackOutcome::malformed);
    CHECK(desk.arrives("error=access_denied&state=").outcome == CallbackOutcome::malformed);
    CHECK(desk.arrives("error=access_denied&state=forged").outcome == CallbackOutcome::unmatched);
    CHECK(desk.arrives("error=access_denied&state=" + desk.state, "mallory").outcome ==
          CallbackOutcome::unmatched);
    CHECK(desk.memory.size() == 1);
    CHECK(desk.arrives("code=x&state=" + desk.state));
}

TEST_CASE("S11 an error with a valid state ends the flow") {
    Desk desk;
    const AcceptedCallback accepted = desk.arrives("error=server_error&state=" + desk.state);
    CHECK(accepted.outcome == CallbackOutcome::failed);
    CHECK(accepted.error == "server_error");
    CHECK(desk.memory.size() == 0);
    CHECK(desk.arrives("code=x&state=" + desk.state).outcome == CallbackOutcome::unmatched);
}

TEST_CASE("a good callback gives the code and the record, and the flow is gone") {
    Desk desk;
    const AcceptedCallback accepted = desk.arrives("code=code_1&state=" + desk.state);
    REQUIRE(accepted);
    CHECK(accepted.code.expose() == "code_1");
    CHECK(accepted.record.redirect_uri == "http://127.0.0.1:8080/callback");
    CHECK(accepted.record.verifier.size() == 43);
    CHECK(accepted.received_at == noon + 30);
    CHECK(desk.memory.size() == 0);
}

TEST_CASE("S3 the second callback with a state is refused") {
    Desk desk;
    CHECK(desk.arrives("code=x&state=" + desk.state));
    const AcceptedCallback second = desk.arrives("code=x&state=" + desk.state);
    CHECK(second.outcome == CallbackOutcome::unmatched);
    CHECK(second.match == FlowMatch::unknown);
    CHECK(second.code.empty());
}

TEST_CASE("S5 a callback in another browser gets no code, and the person's own still works") {
    Desk desk;
    const AcceptedCallback stolen = desk.arrives("code=mine&state=" + desk.state, "mallory");
    CHECK(stolen.outcome == CallbackOutcome::unmatched);
    CHECK(stolen.code.empty());
    CHECK(desk.arrives("code=x&state=" + desk.state, "").match == FlowMatch::no_binding);
    CHECK(desk.arrives("code=x&state=" + desk.state));
}

TEST_CASE("S7 a callback after ten minutes is refused") {
    Desk desk;
    const AcceptedCallback late = desk.arrives("code=x&state=" + desk.state, "cookie", noon + 600);
    CHECK(late.outcome == CallbackOutcome::unmatched);
    CHECK(late.match == FlowMatch::expired);
    CHECK(late.code.empty());
}

TEST_CASE("S8 a server that says who it is must do so, and rightly") {
    const CallbackIssuers issuers{IssuerInCallback{"https://a.example"},
                                  IssuerInCallback{"https://b.example"}};
    CHECK(issuers.accept("https://a.example", "https://a.example"));
    CHECK(issuers.accept("https://b.example", "https://b.example"));
    CHECK_FALSE(issuers.accept("https://a.example", "https://b.example"));
    CHECK_FALSE(issuers.accept("https://a.example", "https://a.example/"));
    CHECK_FALSE(issuers.accept("https://a.example", ""));
    CHECK_FALSE(issuers.accept("", ""));
    CHECK_FALSE(issuers.accept("", "https://a.example"));
    CHECK_FALSE(issuers.accept("https://c.example", "https://c.example"));
}

TEST_CASE("S8 a server with its own redirect URI may be silent, but not wrong") {
    const CallbackIssuers issuers{IssuerByRedirectUri{"https://a.example"}};
    CHECK(issuers.accept("https://a.example", ""));
    CHECK(issuers.accept("https://a.example", "https://a.example"));
    CHECK_FALSE(issuers.accept("https://a.example", "https://b.example"));
    CHECK_FALSE(issuers.accept("https://b.example", ""));
    const CallbackIssuers none{IssuerByRedirectUri{""}};
    CHECK_FALSE(none.accept("", ""));
}

TEST_CASE("S8 a callback from another server than the one that was asked gives no code") {
    Desk desk;
    const AcceptedCallback accepted =
        desk.arrives("code=x&state=" + desk.state + "&iss=https%3A%2F%2Fevil.example");
    CHECK(accepted.outcome == CallbackOutcome::wrong_issuer);
    CHECK(accepted.code.empty());
    CHECK(accepted.record.verifier.empty());
    CHECK(desk.memory.size() == 0);  // an attack is under way: the flow is over
}

TEST_CASE("S8 a missing iss is refused where the server announces it, for errors too") {
    Desk desk;
    const CallbackIssuers issuers{IssuerInCallback{coze_issuer}};
    const auto arrives = [&](const std::string& query) {
        return accept_callback("/callback?" + query, desk.flows, Binding{"cookie"}, issuers, noon)
            .outcome;
    };
    CHECK(arrives("code=x&state=" + desk.state) == CallbackOutcome::wrong_issuer);
    CHECK(arrives("error=access_denied&state=" + desk.begin()) == CallbackOutcome::wrong_issuer);
    CHECK(arrives("code=x&iss=https://www.coze.com&state=" + desk.begin()) ==
          CallbackOutcome::authorized);
}

TEST_CASE("a loopback listener of one person takes its callback without a binding") {
    PendingMemory memory;
    PendingFlows flows{memory};
    FlowStart start;
    start.redirect_uri = "http://127.0.0.1:8090/callback";
    start.issuer = coze_issuer;
    const BegunFlow flow = flows.begin(WithoutBinding{}, std::move(start), noon);
    const CallbackIssuers issuers{IssuerByRedirectUri{coze_issuer}};
    CHECK(accept_callback("http://127.0.0.1:8090/callback?code=x&state=" + flow.state, flows,
                          WithoutBinding{}, issuers, noon));
}

TEST_CASE("S71 no text of a callback is in its sentence") {
    Desk desk;
    for (const std::string& query :
         {std::string("code=canary_code&state=canary_state"),
          "code=canary_code&state=" + desk.state, std::string("code=canary_code"),
          std::string("error=canary_error&state=canary_state")})
        CHECK(desk.arrives(query).sentence.find("canary") == std::string_view::npos);
    std::vector<std::string_view> sentences;
    for (const CallbackFault fault :
         {CallbackFault::nothing, CallbackFault::too_long, CallbackFault::bad_encoding,
          CallbackFault::bad_character, CallbackFault::duplicate, CallbackFault::no_state,
          CallbackFault::no_answer, CallbackFault::two_answers}) {
        CHECK_FALSE(sentence(fault).empty());
        for (const std::string_view other : sentences) CHECK(other != sentence(fault));
        sentences.push_back(sentence(fault));
    }
}
