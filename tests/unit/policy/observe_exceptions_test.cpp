// SPDX-License-Identifier: BSL-1.0
#include <rekey/policy/observe.hpp>

#include <rekey/rekey.hpp>
#include <rekey/testing.hpp>

#include "catch.hpp"
#include "tests/support/clients.hpp"

#include <functional>
#include <stdexcept>
#include <string>
#include <vector>

namespace {

using namespace clients;
using testing::Script;

struct Broken {
    static std::string key_of(const HttpRequest&) { throw std::runtime_error("key"); }
    static void began(const observe::Began&) { throw 1; }
    static void attempted(const observe::Attempted&) { throw std::runtime_error("attempted"); }
    static void fell_back(const observe::FellBack&) { throw std::string("fell back"); }
    static void ended(const observe::Ended&) { throw std::runtime_error("ended"); }
};

struct Last {
    std::vector<std::string> lines{};
    void attempted(const observe::Attempted& event) {
        lines.push_back(event.threw ? "attempt threw" : "attempt");
    }
    void ended(const observe::Ended& event) {
        lines.push_back(event.threw ? "end threw" : "end");
        CHECK_FALSE((event.threw && event.succeeded()));
    }
};

struct Moody {
    static constexpr std::string_view name = "moody";
    static std::string token() { throw std::runtime_error("no token today"); }
};

}  // namespace

TEST_CASE("a sink whose every hook throws breaks no call, and is counted") {
    Script script;
    script.then(401).then(200).then(401).then(403);
    const Observe observed{Broken{}};
    Last after;
    const Client client{script, both(), OnRefusal{}, observed, Observe{after}};
    REQUIRE(client.send(chat()));
    CHECK(observed.broken_hooks() == 6);  // the key, began, two attempts, the fallback, the end
    CHECK_FALSE(client.send(chat()));
    CHECK(observed.broken_hooks() == 12);
    CHECK(after.lines ==
          std::vector<std::string>{"attempt", "attempt", "end", "attempt", "attempt", "end"});
}

TEST_CASE("a transport that throws ends its call once, and the sinks hear of it") {
    const auto http = [](const HttpRequest&, const Attempt&) -> HttpResponse {
        throw std::runtime_error("torn");
    };
    Last last;
    const Observe broken{Broken{}};
    const Client client{http, both(), OnRefusal{}, broken, Observe{last}};
    CHECK_THROWS_AS(client.send(chat()), std::runtime_error);
    CHECK(last.lines == std::vector<std::string>{"attempt threw", "end threw"});
    CHECK(broken.broken_hooks() == 4);
}

TEST_CASE("a credential whose function throws ends its call without an attempt") {
    Script script;
    Last last;
    const Client client{script, CredentialChain{Moody{}}, OnRefusal{}, Observe{last}};
    CHECK_THROWS_AS(client.send(chat()), std::runtime_error);
    CHECK(last.lines == std::vector<std::string>{"end threw"});
}
