// SPDX-License-Identifier: BSL-1.0
#include <rekey/policy/remember.hpp>

#include <rekey/coze.hpp>
#include <rekey/policy/budget.hpp>
#include <rekey/policy/circuit_breaker.hpp>
#include <rekey/policy/rate_limit.hpp>
#include <rekey/rekey.hpp>
#include <rekey/testing.hpp>

#include "catch.hpp"
#include "tests/support/clients.hpp"

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

// What is learned is learned from refusals, and a wrong memory costs a call, never an answer.

namespace {

using namespace clients;
using namespace std::chrono_literals;

/// A request says which bot it is about.
struct BotOf {
    std::string_view operator()(const HttpRequest& request) const { return request.body; }
};
HttpRequest about(std::string bot) {
    return {"POST", "https://api.coze.com/v3/chat", {}, std::move(bot)};
}

struct Second {
    static constexpr std::string_view name = "second";
    std::string token = "pat_second";
};

/// A service in which each bot belongs to one of two accounts.
struct World {
    bool moved = false;           // all bots, to the enterprise
    bool enterprise_too = false;  // it serves what has not moved as well
    std::string everybody{};      // this bot is served to both
    std::vector<std::string> sent{};
    HttpResponse operator()(const HttpRequest& request, const Attempt& attempt) {
        sent.emplace_back(attempt.credential());
        const bool is_enterprise = attempt.credential() == "enterprise";
        const bool accepts = (!everybody.empty() && request.body == everybody) ||
                             is_enterprise == moved || (is_enterprise && enterprise_too);
        return accepts ? accepted() : answer(401);
    }
    std::vector<std::string> take() { return std::exchange(sent, {}); }
};

using Sent = std::vector<std::string>;
const Sent personal_only{"personal"};
const Sent enterprise_only{"enterprise"};
const Sent fell_back{"personal", "enterprise"};
const Sent fell_back_home{"enterprise", "personal"};

}  // namespace

TEST_CASE("S55: what one user learned never chooses the credential of another") {
    World world{true};
    const Client client{std::ref(world), both(), OnRefusal{}, Remember{BotOf{}}};
    CHECK(client.send(about("bot"), Subject{"ann"}));
    CHECK(world.take() == fell_back);
    CHECK(client.send(about("bot"), Subject{"ann"}));
    CHECK(world.take() == enterprise_only);
    CHECK(client.route().learned("bot", Subject{"ann"}) == "enterprise");
    CHECK(client.route().learned("bot", Subject{"bob"}).empty());
    CHECK(client.route().learned("bot").empty());

    world.moved = false;  // bob finds his bot where it always was
    CHECK(client.send(about("bot"), Subject{"bob"}));
    CHECK(world.take() == personal_only);
    CHECK(client.route().learned("bot", Subject{"ann"}) == "enterprise");
    CHECK(client.route().learned("bot", Subject{"bob"}) == "personal");
}

TEST_CASE("S55: what one resource taught says nothing about another") {
    World world{true};
    const Client client{std::ref(world), both(), OnRefusal{}, Remember{BotOf{}}};
    CHECK(client.send(about("one")));
    CHECK(client.send(about("two")));
    CHECK(world.take() == Sent{"personal", "enterprise", "personal", "enterprise"});
    CHECK(client.send(about("one")));
    CHECK(world.take() == enterprise_only);
}

TEST_CASE("a refusal teaches in both directions, and each change costs one call") {
    World world;
    const Client client{std::ref(world), both(), OnRefusal{}, Remember{BotOf{}}};
    for (const Sent& wanted : {personal_only, personal_only}) {
        CHECK(client.send(about("bot")));
        CHECK(world.take() == wanted);
    }
    world.moved = true;
    for (const Sent& wanted : {fell_back, enterprise_only, enterprise_only}) {
        CHECK(client.send(about("bot")).credential() == "enterprise");
        CHECK(world.take() == wanted);
    }
    world.moved = false;
    for (const Sent& wanted : {fell_back_home, personal_only}) {
        CHECK(client.send(about("bot")).credential() == "personal");
        CHECK(world.take() == wanted);
    }
}

TEST_CASE("a request without a key is not routed and teaches nothing") {
    World world{true};
    const Client client{std::ref(world), both(), OnRefusal{}, Remember{BotOf{}}};
    for (int i = 0; i != 3; ++i) {
        CHECK(client.send(about("")));
        CHECK(world.take() == fell_back);
    }
    CHECK(client.send(about(""), Subject{"ann"}));
    CHECK(world.take() == fell_back);
    CHECK(client.route().learned("").empty());
}

TEST_CASE("a key is a text, a number, or an optional of one, and may take the user into account") {
    World world{true};
    const auto costs = [&](const auto& key_of, Sent second) {
        const Client client{std::ref(world), both(), OnRefusal{}, Remember{key_of}};
        CHECK(client.send(about("77"), Subject{"ann"}));
        CHECK(world.take() == fell_back);
        CHECK(client.send(about("77"), Subject{"bob"}));
        CHECK(world.take() == second);
    };
    using Request = HttpRequest;
    costs([](const Request& r) { return r.body; }, fell_back);
    costs([](const Request& r) { return r.body.c_str(); }, fell_back);
    costs([](const Request& r) { return std::stoi(r.body); }, fell_back);
    costs([](const Request& r) { return std::optional<long>{std::stol(r.body)}; }, fell_back);
    costs([](const Request&) { return std::optional<std::string>{}; }, fell_back);
    costs([](const Request&) { return static_cast<const char*>(nullptr); }, fell_back);
    costs([](const Request& r, Subject) { return RouteKey{r.body}; }, enterprise_only);
    costs([](const Request& r, Subject s) { return RouteKey{r.body}.with(s.user); }, fell_back);
    costs([](const Request&, Subject s) { return RouteKey{}.with(s.user); }, fell_back);
}

TEST_CASE("keys of any length and with common beginnings are told apart") {
    std::vector<std::uint64_t> seen;
    std::string text;
    for (int length = 1; length != 40; ++length) {
        text += 'a';
        for (char last = 'a'; last <= 'z'; ++last) {
            text.back() = last;
            seen.push_back(RouteKey{text}.hash());
        }
    }
    for (std::uint64_t number = 0; number != 1000; ++number)
        seen.push_back(RouteKey{number}.hash());
    seen.push_back(RouteKey{std::string_view("\0", 1)}.hash());
    seen.push_back(RouteKey{std::string_view("\0\0", 2)}.hash());
    std::sort(seen.begin(), seen.end());
    CHECK(std::adjacent_find(seen.begin(), seen.end()) == seen.end());
    CHECK(seen.front() != 0);
    CHECK(seen.back() >> 48 == 0);
    CHECK_FALSE(RouteKey{});
    CHECK_FALSE(RouteKey{""});
    CHECK_FALSE(RouteKey{""}.with("more"));
    CHECK(RouteKey{"a"}.with("b").hash() != RouteKey{"ab"}.hash());
    CHECK(RouteKey{"a"}.with("b").hash() == RouteKey{"a"}.with("b").hash());
    CHECK(RouteKey{"a"}.with("").hash() == RouteKey{"a"}.hash());
}

TEST_CASE("a call that is pinned neither follows nor teaches") {
    World world;
    const Client client{std::ref(world), both(), OnRefusal{}, Remember{BotOf{}}};
    const auto before = client.send(about("bot"));
    world.moved = true;
    CHECK(client.send(about("bot")));
    world.take();
    CHECK_FALSE(client.send(about("bot"), SameCredentialAs{before}));
    CHECK(world.take() == personal_only);
    world.everybody = "bot";
    CHECK(client.send(about("bot"), SameCredentialAs{before}));
    CHECK(world.take() == personal_only);
    CHECK(client.route().learned("bot") == "enterprise");
}

TEST_CASE("a success where it was expected writes nothing") {
    World world{true};
    const Client client{std::ref(world), both(), OnRefusal{}, Remember{BotOf{}}};
    CHECK(client.send(about("bot")));
    world.everybody = "bot";
    CHECK(client.send(about("bot")));
    CHECK(client.route().learned("bot") == "enterprise");
}

TEST_CASE("a call on its way never writes its old verdict over a newer one") {
    // It was refused before the rollback and served after it; meanwhile another call came through.
    World world{true};
    Client<std::function<HttpResponse(const HttpRequest&, const Attempt&)>, Both, OnRefusal,
           Remember<BotOf>>* other = nullptr;
    bool first = true;
    const auto http = [&](const HttpRequest& request, const Attempt& attempt) {
        const HttpResponse answer = world(request, attempt);
        if (first && attempt.credential() == "enterprise") {
            first = false;  // this answer, of before the rollback, is still on its way
            world.moved = false;
            CHECK(other->send(about("bot")).credential() == "personal");
            CHECK(other->route().learned("bot") == "personal");
        }
        return answer;
    };
    Client client{std::function<HttpResponse(const HttpRequest&, const Attempt&)>{http}, both(),
                  OnRefusal{}, Remember{BotOf{}}};
    other = &client;
    CHECK(client.send(about("bot")).credential() == "enterprise");
    CHECK(client.route().learned("bot") == "personal");
}

TEST_CASE("a call that straddles a rollback is refused by both and gets one more try") {
    using Http = std::function<HttpResponse(const HttpRequest&, const Attempt&)>;
    World world;
    const Client<Http, Both, OnRefusal, Remember<BotOf>>* other = nullptr;
    bool others_come = true;
    int refused = 0;
    const Http http = [&](const HttpRequest& request, const Attempt& attempt) {
        const HttpResponse answer = world(request, attempt);
        if (attempt.number() == 1 && request.url.back() == '!') {  // now comes the rollback
            ++refused;
            world.moved = false;
            if (others_come) CHECK(other->send(about("bot")));
        }
        return answer;
    };
    const Client client{Http{http}, both(), OnRefusal{}, Remember{BotOf{}}};
    other = &client;
    auto straddler = about("bot");
    straddler.url += '!';
    world.moved = true;
    SECTION("another call of its key has changed the route") {
        const auto result = client.send(straddler);
        REQUIRE(result);
        CHECK(result.credential() == "personal");
        REQUIRE(result.trail().size() == 3);
        CHECK(result.trail()[2].move == Move::straddle);
        CHECK(refused == 1);
        CHECK(client.route().learned("bot") == "personal");
    }
    SECTION("nobody has: both refusals count") {
        others_come = false;
        const auto result = client.send(straddler);
        REQUIRE_FALSE(result);
        CHECK(result.stop_reason() == StopReason::remedies_used_up);
        CHECK(result.trail().count() == 2);
    }
}

TEST_CASE("a request that nobody serves costs one call per credential, also where one is known") {
    World world{true};
    const Remember remember{BotOf{}};
    const Client client{std::ref(world), both(), OnRefusal{}, remember};
    CHECK(client.send(about("bot")));
    world.take();
    const auto nobody = [&](const HttpRequest& request, const Attempt& attempt) {
        (void)world(request, attempt);
        return answer(401);
    };
    const Client strict{nobody, both(), OnRefusal{}, remember};
    for (int i = 0; i != 3; ++i) {
        CHECK(strict.send(about("bot")).stop_reason() == StopReason::remedies_used_up);
        CHECK(world.take() == fell_back_home);
        CHECK(strict.send(about("new")).stop_reason() == StopReason::remedies_used_up);
        CHECK(world.take() == fell_back);
    }
    CHECK(strict.route().learned("bot") == "enterprise");
    CHECK(strict.route().learned("new").empty());
}

TEST_CASE("copies of a client share what they learn, and so do clients with one policy object") {
    World world{true};
    const Remember remember{BotOf{}};
    const Client client{std::ref(world), both(), OnRefusal{}, remember};
    const Client copy{client};
    const Client third{std::ref(world), remember, OnRefusal{}, both()};
    CHECK(client.send(about("bot")));
    world.take();
    CHECK(copy.send(about("bot")));
    CHECK(third.send(about("bot")));
    CHECK(world.take() == Sent{"enterprise", "enterprise"});
}

TEST_CASE("a replaced credential is what a learned route sends") {
    World world{true};
    std::string last;
    const auto http = [&](const HttpRequest& request, const Attempt& attempt) {
        last = attempt.authorization();
        return world(request, attempt);
    };
    const Client client{http, both(), OnRefusal{}, Remember{BotOf{}}};
    CHECK(client.send(about("bot")));
    client.replace(Enterprise{"pat_enterprise_2"});
    world.take();
    CHECK(client.send(about("bot")));
    CHECK(world.take() == enterprise_only);
    CHECK(last == "Bearer pat_enterprise_2");
}

TEST_CASE("the operator's switch begins every call where it says, and goes on from there") {
    World world;
    const Client client{std::ref(world), both(), OnRefusal{}, Remember{BotOf{}}};
    CHECK(client.send(about("bot")));
    client.route().force<Enterprise>();
    world.take();
    CHECK(client.send(about("bot")).credential() == "personal");
    CHECK(client.send(about("")).credential() == "personal");
    CHECK(world.take() == Sent{"enterprise", "personal", "enterprise", "personal"});
    world.enterprise_too = true;
    CHECK(client.send(about("bot")).credential() == "enterprise");
    CHECK(client.send(about("new")).credential() == "enterprise");
    CHECK(world.take() == Sent{"enterprise", "enterprise"});
    client.route().automatic();
    CHECK(client.send(about("bot")).credential() == "personal");
    CHECK(client.send(about("new")).credential() == "personal");
    CHECK(world.take() == Sent{"personal", "personal"});
    client.route().force<Personal>();
    CHECK(client.send(about("bot")).credential() == "personal");
}

TEST_CASE("a forgotten key begins where the chain begins") {
    World world{true};
    const Client client{std::ref(world), both(), OnRefusal{}, Remember{BotOf{}}};
    CHECK(client.send(about("bot")));
    client.route().forget("bot");
    client.route().forget("never known");
    world.take();
    CHECK(client.route().learned("bot").empty());
    CHECK(client.send(about("bot")));
    CHECK(world.take() == fell_back);
}

// --- Beside other doors ---

TEST_CASE("the doors behind it are asked about the learned credential, in any written order") {
    const auto spends = [](const auto&... policies) {
        World world{true};
        testing::ManualClock clock;
        const Client client{std::ref(world), both(), OnRefusal{}, UseClock{clock}, policies...};
        for (int i = 0; i != 4; ++i) CHECK(client.send(about("bot")));
        CHECK(world.take() ==
              Sent{"personal", "enterprise", "enterprise", "enterprise", "enterprise"});
        return clock.now().time_since_epoch();
    };
    // The pace of the enterprise's sends, 100 ms apart, the personal one's is its own.
    const auto a = [] { return Remember{BotOf{}}; };
    const auto b = [] { return RateLimit{PerSecond{1}, PerSecond{10}}; };
    const auto c = [] { return CircuitBreaker{}; };
    CHECK(spends(a(), b(), c()) == 300ms);
    CHECK(spends(a(), c(), b()) == 300ms);
    CHECK(spends(b(), a(), c()) == 300ms);
    CHECK(spends(b(), c(), a()) == 300ms);
    CHECK(spends(c(), a(), b()) == 300ms);
    CHECK(spends(c(), b(), a()) == 300ms);
}

TEST_CASE("a learned credential that rests is passed over, and nothing is learned from that") {
    World world{true};
    bool fails = false;
    const auto http = [&](const HttpRequest& request, const Attempt& attempt) {
        const HttpResponse answer = world(request, attempt);
        return fails && attempt.credential() == "enterprise" ? HttpResponse{503, {}, "", false}
                                                             : answer;
    };
    testing::ManualClock clock;
    const Client client{http,
                        both(),
                        OnRefusal{},
                        Remember{BotOf{}},
                        UseClock{clock},
                        CircuitBreaker{LastAttempts{1, 1}, CircuitRest{5s}}};
    CHECK(client.send(about("bot")));
    fails = true;
    CHECK_FALSE(client.send(about("bot")));  // opens the circuit
    world.take();
    SECTION("the other one serves it for now") {
        world.everybody = "bot";
        CHECK(client.send(about("bot")).credential() == "personal");
        CHECK(client.route().learned("bot") == "enterprise");
        fails = false;
        clock.advance(5s);
        CHECK(client.send(about("bot")).credential() == "enterprise");
        CHECK(world.take() == Sent{"personal", "enterprise"});
    }
    SECTION("the other one refuses it: come back later") {
        const auto result = client.send(about("bot"));
        REQUIRE_FALSE(result);
        CHECK(result.stop_reason() == StopReason::come_back_later);
        CHECK(result.error().kind == ErrorKind::refused);
        CHECK(result.error().retry_after() == 5s);
        CHECK(world.take() == personal_only);
    }
}

TEST_CASE("a credential that only rests is not unlearned by an unknown key either") {
    World world{false, true};
    bool fails = true;
    const auto http = [&](const HttpRequest& request, const Attempt& attempt) {
        const HttpResponse answer = world(request, attempt);
        return fails && attempt.credential() == "personal" ? HttpResponse{503, {}, "", false}
                                                           : answer;
    };
    testing::ManualClock clock;
    const Client client{http,
                        both(),
                        OnRefusal{},
                        Remember{BotOf{}},
                        UseClock{clock},
                        CircuitBreaker{LastAttempts{1, 1}, CircuitRest{5s}}};
    CHECK_FALSE(client.send(about("other")));
    CHECK(client.send(about("bot")).credential() == "enterprise");
    CHECK(client.route().learned("bot").empty());
}

TEST_CASE("a bound on attempts bounds the straddle too, and a fallback costs no budget") {
    World world{true};
    const RetryBudget<20, 2> budget;
    const Client client{std::ref(world),   MaxAttempts<2>{}, budget,
                        Remember{BotOf{}}, both(),           OnRefusal{}};
    for (int i = 0; i != 5; ++i) CHECK(client.send(about("bot")));
    CHECK(world.take().size() == 6);
    CHECK(budget.left() == 2);

    const auto nobody = [](const HttpRequest&, const Attempt&) { return answer(401); };
    const Client strict{nobody, MaxAttempts<2>{}, Remember{BotOf{}}, both(), OnRefusal{}};
    CHECK(strict.send(about("bot")).stop_reason() == StopReason::remedies_used_up);
}

// --- Finding out whether the first one serves again ---

TEST_CASE("one caller per key and interval is told to try the first credential again") {
    World world{true};
    testing::ManualClock clock;
    const Client client{std::ref(world), both(), OnRefusal{}, Remember{BotOf{}}, UseClock{clock}};
    const auto due = [&](const char* bot) { return client.route().is_probe_due(about(bot), 30s); };
    CHECK_FALSE(due("bot"));  // nothing is known
    CHECK(client.send(about("bot")));
    CHECK_FALSE(due("bot"));  // the interval begins
    clock.advance(29s);
    CHECK_FALSE(due("bot"));
    clock.advance(2s);
    CHECK_FALSE(due("other"));
    CHECK_FALSE(due(""));
    CHECK(due("bot"));
    CHECK_FALSE(due("bot"));
    clock.advance(31s);
    CHECK(due("bot"));

    world.moved = false;
    CHECK(client.send(about("bot")));  // back home: nothing left to find out
    clock.advance(60s);
    CHECK_FALSE(due("bot"));
    clock.advance(60s);
    CHECK_FALSE(due("bot"));
}

TEST_CASE("a probe sends with the first credential alone, and an accepted one brings calls back") {
    World world{true};
    const Client client{std::ref(world), both(), OnRefusal{}, Remember{BotOf{}}};
    CHECK(client.send(about("bot")));
    world.take();
    const auto refused = client.route().probe(about("bot"));
    CHECK_FALSE(refused);
    CHECK(world.take() == personal_only);
    CHECK(client.route().learned("bot") == "enterprise");

    world.moved = false;  // and the enterprise serves it all the same, so that no call notices
    world.enterprise_too = true;
    CHECK(client.send(about("bot")).credential() == "enterprise");
    CHECK(client.route().probe(about("bot")).credential() == "personal");
    CHECK(client.route().learned("bot") == "personal");
    CHECK(client.route().probe(about("")));  // no key: nothing to write
}

TEST_CASE("a probe writes for its user, and not over what came in while it was on its way") {
    World world{true};
    using Http = std::function<HttpResponse(const HttpRequest&, const Attempt&)>;
    std::function<void()> meanwhile;
    const Client client{Http{[&](const HttpRequest& request, const Attempt& attempt) {
                            const HttpResponse answer = world(request, attempt);
                            if (meanwhile) std::exchange(meanwhile, {})();
                            return answer;
                        }},
                        both(), OnRefusal{}, Remember{BotOf{}}};
    CHECK(client.send(about("bot"), Subject{"ann"}));
    world.everybody = "bot";
    CHECK(client.route().probe(about("bot"), Subject{"ann"}));
    CHECK(client.route().learned("bot", Subject{"ann"}) == "personal");

    world.everybody.clear();
    CHECK(client.send(about("bot")));
    world.everybody = "bot";
    meanwhile = [&] {
        client.route().forget("bot");
        world.everybody.clear();
        CHECK(client.send(about("bot")));
    };
    CHECK(client.route().probe(about("bot")));
    CHECK(client.route().learned("bot") == "enterprise");
}

TEST_CASE("nobody is asked to authorize for a probe") {
    World world{true};
    int asked = 0;
    const auto redirector = [&asked](const AuthorizationRequest&) {
        ++asked;
        return Authorized{};
    };
    const Client client{std::ref(world), both(), OnRefusal{}, Remember{BotOf{}},
                        OboReauth{redirector}};
    CHECK(client.send(about("bot")));
    CHECK_FALSE(client.route().probe(about("bot")));
    CHECK(asked == 0);
    CHECK(world.take() == Sent{"personal", "enterprise", "personal"});
}

// --- Short-lived processes ---

TEST_CASE("a route goes as a text to the next process, without any key in it") {
    World world{true};
    std::string text;
    {
        const Client client{std::ref(world), both(), OnRefusal{}, Remember{BotOf{}}};
        for (int i = 0; i != 200; ++i) CHECK(client.send(about("secret bot " + std::to_string(i))));
        world.moved = false;
        CHECK(client.send(about("at home")));
        client.route().export_to(text);
    }
    CHECK(text.rfind("rekey route 1, keys: 201\n", 0) == 0);
    CHECK(text.find("secret") == std::string::npos);
    CHECK(text.find("pat_") == std::string::npos);

    world.moved = true;
    const Client next{std::ref(world), both(), OnRefusal{}, Remember{BotOf{}}};
    world.take();
    const RouteImport end = next.route().import_from(text);
    REQUIRE(end);
    CHECK(end.keys == 201);
    for (int i = 0; i != 200; ++i) CHECK(next.send(about("secret bot " + std::to_string(i))));
    CHECK(world.take() == Sent(200, "enterprise"));
    CHECK(next.route().learned("at home") == "personal");
    std::string again;
    next.route().export_to(again);
    CHECK(again.size() == text.size());
}

TEST_CASE("an import goes by the names of the credentials and spares what is known already") {
    World world{true};
    std::string text;
    const Client client{std::ref(world), both(), OnRefusal{}, Remember{BotOf{}}};
    CHECK(client.send(about("bot")));
    CHECK(client.send(about("two")));
    client.route().export_to(text);

    using Turned = CredentialChain<Enterprise, Personal>;
    const Client turned{std::ref(world), Turned{Enterprise{}, Personal{}}, OnRefusal{},
                        Remember{BotOf{}}};
    world.moved = false;
    CHECK(turned.send(about("two")));  // what it finds out itself
    CHECK(turned.route().import_from(text));
    CHECK(turned.route().learned("bot") == "enterprise");
    CHECK(turned.route().learned("two") == "personal");

    const Client others{std::ref(world), CredentialChain{Personal{}, Second{}}, OnRefusal{},
                        Remember{BotOf{}}};
    CHECK(others.route().import_from(text).keys == 2);
    CHECK(others.route().learned("bot").empty());
}

TEST_CASE("an import of more than there is room for spares what the process has learned itself") {
    World world{true};
    std::string text;
    const Client client{std::ref(world), both(), OnRefusal{}, Remember{BotOf{}}};
    for (int i = 0; i != 100; ++i) CHECK(client.send(about("bot " + std::to_string(i))));
    client.route().export_to(text);

    const Client narrow{std::ref(world), both(), OnRefusal{}, Remember<BotOf, 8>{}};
    CHECK(narrow.send(about("one of its own")));
    CHECK(narrow.send(about("another")));
    CHECK(narrow.route().import_from(text).keys == 100);
    CHECK(narrow.route().learned("one of its own") == "enterprise");
    CHECK(narrow.route().learned("another") == "enterprise");
    std::string all;
    narrow.route().export_to(all);
    CHECK(all.rfind("rekey route 1, keys: 8\n", 0) == 0);
}

TEST_CASE("a text that is no whole route is refused with a sentence, and nothing changes") {
    World world{true};
    const Client client{std::ref(world), both(), OnRefusal{}, Remember{BotOf{}}};
    std::string text;
    CHECK(client.send(about("bot")));
    CHECK(client.send(about("two")));
    client.route().export_to(text);
    const Client next{std::ref(world), both(), OnRefusal{}, Remember{BotOf{}}};
    const auto refuses = [&](const std::string& wrong) {
        const RouteImport end = next.route().import_from(wrong);
        return !end && std::string_view(end.problem).size() > 10 &&
               next.route().learned("bot").empty() && next.route().learned("two").empty();
    };
    for (std::size_t size = 0; size != text.size(); ++size) {
        INFO(size);
        CHECK(refuses(text.substr(0, size)));
    }
    const auto with = [&text](const char* old, const char* other) {
        std::string changed = text;
        return changed.replace(changed.find(old), std::string_view(old).size(), other);
    };
    CHECK(refuses(with("route 1", "route 2")));
    CHECK(refuses(with("keys: 2", "keys: 3")));
    CHECK(refuses(with("keys: 2", "keys: 1")));
    CHECK(refuses(with("keys: 2", "keys: ")));
    CHECK(refuses(with("keys: 2", "keys: -2")));
    CHECK(refuses(with("keys: 2", "keys: 99999999999999999999")));
    CHECK(refuses(with(" enterprise", "\tenterprise")));
    CHECK(refuses(with(" enterprise", "x enterprise")));
    CHECK(refuses(with(" enterprise\n", " \n")));
    CHECK(refuses(text + "\n"));
    CHECK(refuses(text + "more"));
    std::string upper = text;
    upper[text.find('\n') + 1] = 'G';
    CHECK(refuses(upper));
    CHECK(refuses("rekey route 1, keys: 1\n000000000000 enterprise\n"));
    CHECK(next.route().import_from(text));
    CHECK(next.route().learned("bot") == "enterprise");
    CHECK(next.route().import_from("rekey route 1, keys: 0\n"));
}

// --- The table ---

TEST_CASE("more keys than there is room for push each other out, and nothing else happens") {
    World world{true};
    const Client client{std::ref(world), both(), OnRefusal{}, Remember<BotOf, 8>{}};
    for (int round = 0; round != 3; ++round)
        for (int i = 0; i != 50; ++i)
            CHECK(client.send(about(std::to_string(i))).credential() == "enterprise");
    std::string text;
    client.route().export_to(text);
    CHECK(text.rfind("rekey route 1, keys: 8\n", 0) == 0);
}

TEST_CASE("a slot of a longer chain, from a shared policy, is as good as unknown") {
    World world;
    const Remember remember{BotOf{}};
    world.moved = true;
    const auto http = [&](const HttpRequest& request, const Attempt& attempt) {
        return attempt.credential() == "second" ? answer(401) : world(request, attempt);
    };
    const Client longer{http, CredentialChain{Personal{}, Second{}, Enterprise{}}, OnRefusal{},
                        remember};
    CHECK(longer.send(about("bot")));
    CHECK(longer.send(about("bot")).trail().count() == 1);
    const Client client{std::ref(world), both(), OnRefusal{}, remember};
    world.take();
    CHECK(client.route().learned("bot").empty());
    CHECK(client.send(about("bot")));
    CHECK(world.take() == fell_back);
    CHECK(client.send(about("bot")));
    CHECK(world.take() == enterprise_only);
}

TEST_CASE("threads that learn and forget together lose nothing and never contradict the service") {
    std::atomic<bool> moved{false};
    std::atomic<int> lost{0};
    const auto http = [&moved](const HttpRequest&, const Attempt& attempt) {
        return (attempt.credential() == "enterprise") == moved.load() ? accepted() : answer(401);
    };
    const Client client{http, both(), OnRefusal{}, Remember<BotOf, 8>{}};
    std::vector<std::thread> threads;
    for (int thread = 0; thread != 4; ++thread)
        threads.emplace_back([&, thread] {
            for (int i = 0; i != 500; ++i) {
                const auto bot = std::to_string(i % 12);
                // Refused by both only if a move fell between two sends of this very call.
                int tries = 0;
                while (!client.send(about(bot)) && tries != 20) ++tries;
                if (tries == 20) ++lost;
                if (thread == 0 && i % 50 == 0) moved = !moved;
                if (thread == 1 && i % 7 == 0) client.route().forget(bot);
                if (thread == 2 && i % 40 == 0) client.route().force<Enterprise>();
                if (thread == 2 && i % 40 == 1) client.route().automatic();
                if (thread == 3 && i % 40 == 0) {
                    std::string text;
                    client.route().export_to(text);
                    if (!client.route().import_from(text)) ++lost;
                    (void)client.route().is_probe_due(about(bot), 1ns);
                }
            }
        });
    for (std::thread& thread : threads) thread.join();
    CHECK(lost == 0);
}
