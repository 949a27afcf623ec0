// SPDX-License-Identifier: BSL-1.0
#include <rekey/shadow.hpp>

#include <rekey/rekey.hpp>
#include <rekey/testing.hpp>

#include "catch.hpp"
#include "tests/support/clients.hpp"

#include <string>

namespace {

using namespace clients;
using testing::Script;

HttpRequest bots() { return {"GET", "https://api.coze.com/v1/bots", {}, {}}; }

}  // namespace

TEST_CASE("a shadow asks the next credential the same, and says whether it agrees") {
    Script script;
    script.then(accepted()).then(accepted()).then(answer(403, "{}")).then(answer(204));
    const Client client{script, both(), OnRefusal{}};
    const auto served = client.send(bots());
    REQUIRE(served);
    {
        const auto seen = shadow(client, served, bots());
        REQUIRE(seen.was_made);
        CHECK(seen.credential == "enterprise");
        CHECK(seen.was_accepted);
        CHECK(seen.same_status);
        CHECK(seen.same_body);
        CHECK(seen.agrees());
    }
    {
        const auto seen = shadow(client, served, bots());
        REQUIRE(seen.was_made);
        CHECK_FALSE(seen.was_accepted);
        CHECK_FALSE(seen.agrees());
        CHECK_FALSE(seen.same_status);
        CHECK(seen.result.stop_reason() == StopReason::remedies_used_up);
    }
    {
        const auto seen = shadow(client, served, bots());
        CHECK(seen.was_accepted);
        CHECK_FALSE(seen.agrees());
        CHECK_FALSE(seen.same_body);
    }
    REQUIRE(script.sends().size() == 4);
    for (std::size_t i = 1; i != 4; ++i) {
        CHECK(script.sends()[i].credential == "enterprise");
        CHECK(script.sends()[i].url == bots().url);
    }
}

TEST_CASE("a shadow of a request that may act is not sent, unless the caller vouches for it") {
    Script script;
    script.then(200).then(200);
    const Client client{script, both(), OnRefusal{}};
    const auto served = client.send(chat());
    REQUIRE(served);
    for (const char* const method : {"POST", "PUT", "DELETE", "PATCH", ""}) {
        HttpRequest request = bots();
        request.method = method;
        CHECK_FALSE(shadow(client, served, request).was_made);
    }
    CHECK(script.sends().size() == 1);
    CHECK(shadow(client, served, chat(), Idempotent{}).was_made);
}

TEST_CASE("behind the last credential, and after a failure, there is nothing to ask") {
    Script script;
    script.then(401).then(200).then(401).then(401);
    const Client client{script, both(), OnRefusal{}};
    const auto served = client.send(bots());
    REQUIRE(served.credential() == "enterprise");
    CHECK_FALSE(shadow(client, served, bots()).was_made);
    const auto failed = client.send(bots());
    CHECK_FALSE(shadow(client, failed, bots()).was_made);
    CHECK(script.left() == 0);
}

TEST_CASE("a shadow asks no user and falls back to nobody") {
    Script script;
    script.then(200).then(401);
    int asked = 0;
    const auto ask = [&asked](const AuthorizationRequest&) {
        ++asked;
        return Authorized{};
    };
    const Client client{script, CredentialChain{Personal{}, Enterprise{}}, OnRefusal{},
                        OboReauth{ask}};
    const auto served = client.send(bots());
    REQUIRE(served);
    const auto seen = shadow(client, served, bots());
    CHECK(seen.was_made);
    CHECK_FALSE(seen.was_accepted);
    CHECK(asked == 0);
    CHECK(script.sends().size() == 2);
}
