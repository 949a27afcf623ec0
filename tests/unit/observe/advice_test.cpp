// SPDX-License-Identifier: BSL-1.0
#include <rekey/observe/advice.hpp>

#include <rekey/observe/meter.hpp>
#include <rekey/policy/observe.hpp>
#include <rekey/rekey.hpp>
#include <rekey/testing.hpp>

#include "catch.hpp"
#include "tests/support/clients.hpp"

#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace {

using namespace clients;
using namespace std::chrono_literals;
using observe::AdviceOptions;
using observe::CredentialAdvice;
using observe::Retirement;

constexpr Duration day = 24h;

struct BotOf {
    std::string_view operator()(const HttpRequest& request) const { return request.body; }
};

/// A service in the middle of a move: bots that have moved refuse the personal credential.
struct World {
    std::set<std::string> moved{};
    testing::ManualClock clock{};
    std::unique_ptr<observe::Meter<BotOf>> meter = std::make_unique<observe::Meter<BotOf>>();

    void chat_with(const std::string& bot, int times = 1) {
        const auto http = [this](const HttpRequest& request, const Attempt& attempt) {
            const bool refuses =
                attempt.credential() == "personal" && moved.count(request.body) != 0;
            return refuses ? refusal(4101) : accepted();
        };
        const Client client{http, both(), OnCodes{}, UseClock{clock}, Observe{*meter}};
        HttpRequest request = chat();
        request.body = bot;
        for (int i = 0; i != times; ++i) REQUIRE(client.send(request));
    }
    CredentialAdvice advice(const AdviceOptions& options = {}) const {
        const auto all = advise(*meter, clock.now(), options);
        REQUIRE(all.size() == 1);
        CHECK(all[0].credential == "personal");
        CHECK(all[0].slot == 0);
        return all[0];
    }
};

}  // namespace

TEST_CASE("a credential that a key still lives on must stay, and the key is named") {
    World world;
    world.moved = {"moved"};
    world.chat_with("moved", 3);
    world.chat_with("staying", 5);
    world.clock.advance(3h);
    const CredentialAdvice advice = world.advice();
    CHECK(advice.retirement == Retirement::stay);
    REQUIRE(advice.keys.size() == 1);
    CHECK(advice.keys[0].key == "staying");
    CHECK(advice.keys[0].served == 5);
    CHECK(advice.keys[0].idle == 3h);
    CHECK(advice.was_passed);
    CHECK(
        advice.sentence ==
        "personal must stay: it last served a call 3 h ago, and another credential served what it "
        "refused 3 h ago. If it went today, 1 key might break: staying (5 calls, the last 3 h "
        "ago).");
}

TEST_CASE("a key that has moved no longer needs the old credential, and one that came back does") {
    World world;
    world.chat_with("bot");
    world.moved = {"bot"};
    world.clock.advance(1h);
    world.chat_with("bot");
    CHECK(world.advice().keys.empty());
    CHECK(world.advice().retirement == Retirement::unproven);
    CHECK(world.advice().sentence.find("Watch it for 13 days more.") != std::string::npos);
    world.moved = {};
    world.clock.advance(1h);
    world.chat_with("bot");
    CHECK(world.advice().keys.size() == 1);
    CHECK(world.advice().retirement == Retirement::stay);
}

TEST_CASE("a credential that nothing has needed for the quiet period can go") {
    World world;
    world.chat_with("bot");
    world.moved = {"bot"};
    world.chat_with("bot");
    for (int i = 0; i != 14; ++i) {
        CHECK(world.advice().retirement != Retirement::go);
        world.clock.advance(day);
        world.chat_with("bot");
    }
    const CredentialAdvice advice = world.advice();
    CHECK(advice.retirement == Retirement::go);
    CHECK(advice.idle == 14 * day);
    CHECK(advice.since_passed == 0s);
    CHECK(advice.sentence ==
          "personal can go: it last served a call 14 days ago, and another credential served what "
          "it refused just now.");
}

TEST_CASE("a key that fell asleep on the old credential is named before it goes") {
    World world;
    world.chat_with("sleeping");
    world.moved = {"bot"};
    world.clock.advance(20 * day);
    world.chat_with("bot");
    const CredentialAdvice advice = world.advice();
    CHECK(advice.retirement == Retirement::go);
    REQUIRE(advice.keys.size() == 1);
    CHECK(advice.sentence.find("Not used since then by 1 key, so try before: sleeping (1 call, the "
                               "last 20 days ago).") != std::string::npos);
}

TEST_CASE("calls without a key keep a credential, unless the user says that any would do") {
    World world;
    world.moved = {"bot"};
    world.chat_with("bot");
    world.chat_with("", 4);
    CHECK(world.advice().calls_without_key == 4);
    CHECK(world.advice().retirement == Retirement::stay);
    AdviceOptions options;
    options.counts_calls_without_key = false;
    CHECK(world.advice(options).retirement == Retirement::unproven);
    world.clock.advance(15 * day);
    world.chat_with("");
    world.chat_with("bot");
    CHECK(world.advice().retirement == Retirement::stay);
}

TEST_CASE("a credential that never served is watched for the quiet period before it can go") {
    World world;
    world.moved = {"bot"};
    world.chat_with("bot");
    CHECK(world.advice().retirement == Retirement::unproven);
    CHECK_FALSE(world.advice().has_served);
    world.clock.advance(14 * day);
    world.chat_with("bot");
    CHECK(world.advice().retirement == Retirement::go);
    CHECK(world.advice().sentence.find("it has served nothing in the 14 days since it was first "
                                       "seen") != std::string::npos);
}

TEST_CASE("the last credential that works is never advised to go") {
    World world;
    world.chat_with("bot");
    CHECK(advise(*world.meter, world.clock.now()).empty());
    const auto unused = std::make_unique<observe::Meter<>>();
    CHECK(advise(*unused, TimePoint{}).empty());
}

TEST_CASE("a credential is not advised to go while no other one has served since") {
    std::set<std::string> refused{};
    testing::ManualClock clock;
    const auto meter = std::make_unique<observe::Meter<>>();
    const auto http = [&refused](const HttpRequest&, const Attempt& attempt) {
        return refused.count(std::string(attempt.credential())) != 0 ? refusal(4101) : accepted();
    };
    const Client client{http, both(), OnCodes{}, UseClock{clock}, Observe{*meter}};
    const auto advice = [&] { return advise(*meter, clock.now()).at(0); };
    REQUIRE(client.send(chat()));
    refused = {"personal", "enterprise"};
    clock.advance(1h);
    for (int i = 0; i != 15; ++i) {
        CHECK_FALSE(client.send(chat()));
        clock.advance(day);
    }
    CHECK(advice().idle > 15 * day);
    CHECK(advice().retirement == Retirement::unproven);
    CHECK_FALSE(advice().another_serves);
    CHECK(
        advice().sentence ==
        "personal may be able to go, but nothing shows it: it last served a call 15 days ago. Of 1 "
        "call that it served no key is known. No other credential has served a call since then: it "
        "may be the only one that works.");
    refused = {"personal"};
    CHECK(client.send(chat()));
    CHECK(advice().another_serves);
    CHECK(advice().retirement == Retirement::go);
}

TEST_CASE("the sunset is a date of the calendar, before it and after it") {
    World world;
    world.moved = {"bot"};
    world.chat_with("bot");
    AdviceOptions options;
    options.sunset = 1'801'353'600;  // 2027-01-31
    options.unix_seconds = options.sunset - 1;
    CHECK_FALSE(world.advice(options).is_past_sunset);
    CHECK(world.advice(options).sentence.find(
              "Its sunset is 2027-01-31: each use from then on is reported.") != std::string::npos);
    options.unix_seconds = options.sunset;
    CHECK(world.advice(options).is_past_sunset);
    CHECK(world.advice(options).sentence.find("Its sunset was 2027-01-31: each use is reported.") !=
          std::string::npos);
    using observe::advising::date_text;
    CHECK(date_text(0) == "1970-01-01");
    CHECK(date_text(-1) == "1969-12-31");
    CHECK(date_text(951'782'400) == "2000-02-29");
    CHECK(date_text(951'868'800) == "2000-03-01");
    CHECK(date_text(4'107'542'400) == "2100-03-01");
    CHECK(date_text(1'735'603'200) == "2024-12-31");
}

TEST_CASE("more keys than fit into a sentence are counted, the busiest first") {
    World world;
    world.moved = {"moved"};
    world.chat_with("moved");
    for (int i = 1; i <= 8; ++i) world.chat_with("bot_" + std::to_string(i), i);
    const CredentialAdvice advice = world.advice();
    REQUIRE(advice.keys.size() == 8);
    CHECK(advice.keys[0].key == "bot_8");
    CHECK(advice.sentence.find("8 keys might break: bot_8 (8 calls") != std::string::npos);
    CHECK(advice.sentence.find(" and 3 more.") != std::string::npos);
    CHECK(advice.sentence.find("bot_3") == std::string::npos);
}
