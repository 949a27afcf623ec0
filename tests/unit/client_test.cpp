// SPDX-License-Identifier: BSL-1.0
#include <rekey/client.hpp>

#include "catch.hpp"
#include "support/clients.hpp"

#include <string>
#include <type_traits>
#include <utility>
#include <vector>

namespace {

using namespace clients;
using testing::Script;

// Answers like a service that takes one token only; copies count together.
struct Gatekeeper {
    std::string wanted;
    std::vector<std::string>* seen;

    HttpResponse operator()(const HttpRequest&, const Attempt& attempt) const {
        seen->push_back(std::string(attempt.authorization()));
        return attempt.authorization() == "Bearer " + wanted ? accepted() : refusal(4101, 401);
    }
};

}  // namespace

TEST_CASE("an accepted request is sent once") {
    Script http;
    http.then(200);
    const Client client{http, both(), OnCodes{}};
    const auto result = client.send(chat());
    REQUIRE(result);
    CHECK(result->status == 200);
    CHECK(result.credential() == "personal");
    CHECK(result.stop_reason() == StopReason::success);
    REQUIRE(http.sends().size() == 1);
    CHECK(http.sends()[0].authorization == "Bearer pat_personal_1");
}

TEST_CASE("a refused request is sent again with the next credential") {
    Script http;
    http.then(200, 4101).then(200);
    const Client client{http, both(), OnCodes{}};
    const auto result = client.send(chat());
    REQUIRE(result);
    CHECK(result.credential() == "enterprise");
    REQUIRE(http.sends().size() == 2);
    CHECK(http.sends()[1].authorization == "Bearer pat_enterprise_1");
    CHECK(http.sends()[1].number == 2);
}

TEST_CASE("when every credential is refused the call ends") {
    Script http;
    http.then(200, 4101, "no").then(200, 4100, "neither");
    const Client client{http, both(), OnCodes{}};
    const auto result = client.send(chat());
    REQUIRE_FALSE(result);
    CHECK(result.stop_reason() == StopReason::remedies_used_up);
    CHECK(result.error().kind == ErrorKind::refused);
    CHECK(http.sends().size() == 2);
}

TEST_CASE("the policies of a client may be written in any order") {
    const auto outcome = [](auto... policies) {
        Script http;
        http.then(429).then(200, 4101).then(200);
        const Client client{http, policies...};
        const auto result = client.send(chat());
        CHECK(http.sends().size() == 3);
        return std::string(result.credential());
    };
    using Gate = RetryOn<4101, RateLimited>;
    CHECK(outcome(both(), Gate{}, MaxAttempts<3>{}) == "enterprise");
    CHECK(outcome(MaxAttempts<3>{}, Gate{}, both()) == "enterprise");
    CHECK(outcome(Gate{}, both(), MaxAttempts{3}) == "enterprise");
}

TEST_CASE("a client of a transport alone sends once and adds no header") {
    Script http;
    http.then(401);
    const Client client{http};
    const auto result = client.send(chat());
    REQUIRE_FALSE(result);
    CHECK(result.error().kind == ErrorKind::refused);
    CHECK(result.credential().empty());
    REQUIRE(http.sends().size() == 1);
    CHECK(http.sends()[0].authorization.empty());
}

TEST_CASE("a client without a chain leaves the caller's own Authorization header alone") {
    HttpRequest request = chat();
    request.headers.push_back({"Authorization", "Bearer mine"});
    std::string seen;
    const Client client{[&seen](const HttpRequest& sent) {
                            seen = std::string(find_header(sent.headers, "authorization"));
                            return accepted();
                        },
                        RetryOn<RateLimited>{}, MaxAttempts<2>{}};
    REQUIRE(client.send(request));
    CHECK(seen == "Bearer mine");
}

TEST_CASE("eight credentials are tried in order") {
    struct Numbered {
        std::string name;
        std::string token;
    };
    struct C0 : Numbered {};
    struct C1 : Numbered {};
    struct C2 : Numbered {};
    struct C3 : Numbered {};
    struct C4 : Numbered {};
    struct C5 : Numbered {};
    struct C6 : Numbered {};
    struct C7 : Numbered {};
    std::vector<std::string> seen;
    const Client client{
        Gatekeeper{"t7", &seen},
        CredentialChain{C0{{"c0", "t0"}}, C1{{"c1", "t1"}}, C2{{"c2", "t2"}}, C3{{"c3", "t3"}},
                        C4{{"c4", "t4"}}, C5{{"c5", "t5"}}, C6{{"c6", "t6"}}, C7{{"c7", "t7"}}},
        OnRefusal{}};
    const auto result = client.send(chat());
    REQUIRE(result);
    CHECK(result.credential() == "c7");
    REQUIRE(seen.size() == 8);
    for (unsigned i = 0; i != 8; ++i) CHECK(seen[i] == "Bearer t" + std::to_string(i));
}

// --- Copies ---

TEST_CASE("Client b{a} is a copy and not a client around a client") {
    std::vector<std::string> seen;
    Client a{Gatekeeper{"pat_personal_1", &seen}, both(), OnRefusal{}};
    Client b{a};
    const Client c = b;
    Client d{c};
    STATIC_REQUIRE(std::is_same_v<decltype(a), decltype(b)>);
    STATIC_REQUIRE(std::is_same_v<decltype(a), decltype(d)>);
    CHECK(b.send(chat()));
    CHECK(d.send(chat()));
    CHECK(seen.size() == 2);
}

TEST_CASE("copies of a client share a replaced credential") {
    std::vector<std::string> seen;
    const Client a{Gatekeeper{"pat_new", &seen}, both(), OnRefusal{}};
    const Client b{a};
    CHECK_FALSE(b.send(chat()));
    a.replace(Personal{"pat_new"});
    const auto result = b.send(chat());
    REQUIRE(result);
    CHECK(result.credential() == "personal");
}

TEST_CASE("a copy outlives the client that it was made from") {
    std::vector<std::string> seen;
    auto copy = [&seen] {
        const Client original{Gatekeeper{"pat_personal_1", &seen}, both(), OnRefusal{}};
        return original;
    }();
    CHECK(copy.send(chat()));
}

TEST_CASE("a client can be a member, assigned and moved") {
    std::vector<std::string> seen;
    using Kept = Client<Gatekeeper, Both, OnRefusal>;
    struct Service {
        Kept client;
    };
    Service service{Kept{Gatekeeper{"pat_enterprise_1", &seen}, both(), OnRefusal{}}};
    Service other = service;
    other = std::move(service);
    CHECK(other.client.send(chat()));
}
