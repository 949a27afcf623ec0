// SPDX-License-Identifier: BSL-1.0
#include <rekey/any_credential.hpp>

#include <rekey/any_client.hpp>
#include <rekey/coze.hpp>
#include <rekey/describe.hpp>
#include <rekey/driver/callback.hpp>
#include <rekey/policy/budget.hpp>
#include <rekey/policy/remember.hpp>
#include <rekey/testing/manual_scheduler.hpp>

#include "catch.hpp"
#include "support/clients.hpp"
#include "support/later.hpp"

#include <atomic>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

namespace {

using namespace clients;
using List = std::vector<AnyCredential>;

/// A row of a table: nothing of it is known when the program is compiled.
struct Row {
    std::string name;
    std::string token;
    std::string header = "Authorization";
    std::string scheme = "Bearer";
    std::string origin{};
};
struct Minted {
    std::string name;
    int* calls;
    std::string token(const Context& context) const {
        ++*calls;
        return "minted_for_" + std::string(context.subject);
    }
};
struct PerUser {
    std::string name = "tenant 0";
    std::string token(const Context& context) const {
        return "minted_for_" + std::string(context.subject);
    }
};
struct AppOnly {
    static constexpr std::string_view name = "bound_elsewhere";
    std::string token = "token_bound_0001";
    std::string origin = "https://elsewhere.example";
};

List rows(std::size_t count) {
    List list;
    for (std::size_t i = 0; i != count; ++i)
        list.push_back(Row{"tenant " + std::to_string(i), "token_of_tenant_" + std::to_string(i)});
    return list;
}
template <std::size_t Room> auto client_of(testing::Script& http, const AnyChain<Room>& chain) {
    return Client{http, chain.credentials(), chain.empty_places(), OnCodes{}};
}
std::vector<std::string> names(const testing::Script& http) {
    std::vector<std::string> list;
    for (const auto& send : http.sends()) list.push_back(send.credential);
    return list;
}
using Names = std::vector<std::string>;

}  // namespace

TEST_CASE("a chain of any length that fits its room tries each credential once, in order") {
    const auto filled = GENERATE(std::size_t{1}, std::size_t{2}, std::size_t{3}, std::size_t{8});
    testing::Script http;
    for (std::size_t i = 0; i != filled; ++i) http.then(200, 4101);
    const auto client = client_of(http, AnyChain<8>{rows(filled)});

    const auto result = client.send(chat());
    REQUIRE_FALSE(result);
    CHECK(result.error().kind == ErrorKind::refused);
    CHECK(result.stop_reason() == StopReason::remedies_used_up);
    CHECK(result.error().credential == "tenant 0");
    CHECK(result.trail().count() == filled);
    Names wanted;
    for (std::size_t i = 0; i != filled; ++i) wanted.push_back("tenant " + std::to_string(i));
    CHECK(names(http) == wanted);
}

TEST_CASE("a chain that was made at run time stops at the credential that is accepted") {
    testing::Script http;
    http.then(200, 4101).then(200, 4100).then(200);
    const auto client = client_of(http, AnyChain<8>{rows(5)});
    CHECK(client.send(chat()).credential() == "tenant 2");
    CHECK(http.sends()[2].authorization == "Bearer token_of_tenant_2");
}

TEST_CASE("a call is pinned to a credential of a chain that was made at run time") {
    testing::Script http;
    http.then(200, 4101).then(200).then(200, 4101);
    const auto client = client_of(http, AnyChain<4>{rows(2)});
    const auto first = client.send(chat());
    CHECK(client.send(chat(), SameCredentialAs{first}).error().credential == "tenant 1");
    CHECK(names(http) == Names{"tenant 0", "tenant 1", "tenant 1"});
}

TEST_CASE("credentials of different types stand in one list") {
    testing::Script http;
    http.then(200, 4101).then(200, 4101).then(200);
    int calls = 0;
    const AnyChain<4> chain{
        List{Personal{}, Minted{"minted", &calls}, Row{"row", "key_of_a_row", "X-Key", ""}}};
    const auto client = client_of(http, chain);
    CHECK(client.send(chat(), Subject{"ada"}));
    REQUIRE(http.sends().size() == 3);
    CHECK(http.sends()[0].authorization == "Bearer pat_personal_1");
    CHECK(http.sends()[1].authorization == "Bearer minted_for_ada");
    CHECK(http.sends()[2].header == "X-Key");
    CHECK(http.sends()[2].authorization == "key_of_a_row");
    CHECK(calls == 1);
}

TEST_CASE("a credential without its type is still sent to its own origin only") {
    testing::Script http;
    const auto client = client_of(http, AnyChain<2>{List{AppOnly{}}});
    const auto result = client.send(chat());
    REQUIRE_FALSE(result);
    CHECK(result.error().kind == ErrorKind::configuration);
    CHECK(http.sends().empty());
}

TEST_CASE("an empty list is an error in words, of the chain and of each call") {
    testing::Script http;
    const AnyChain<4> chain{List{}};
    CHECK(std::string_view(chain.problem()).find("is empty") != std::string_view::npos);
    const auto result = client_of(http, chain).send(chat());
    REQUIRE_FALSE(result);
    CHECK(result.error().kind == ErrorKind::configuration);
    CHECK(result.error().message() ==
          "credential (nobody) cannot be sent: its AnyChain is empty; put at least one credential "
          "into the list");
    CHECK(http.sends().empty());
}

TEST_CASE("a list that cannot be a chain is refused in words, and nothing is sent") {
    const auto [list, word] = GENERATE(table<List, std::string>(
        {{rows(5), "more credentials than room"},
         {List{Row{"one", "token_0001"}, Row{"one", "token_0002"}}, "one name"},
         {List{Row{"one", "token_0001"}, Row{"two", "token_0001"}}, "the same token"},
         {List{Row{"", "token_0001"}}, "no name"}}));
    testing::Script http;
    const AnyChain<4> chain{list};
    REQUIRE(chain.problem() != nullptr);
    const auto result = client_of(http, chain).send(chat());
    REQUIRE_FALSE(result);
    CHECK(result.error().kind == ErrorKind::configuration);
    CHECK_THAT(result.error().message(), ContainsSubstring(word));
    CHECK_THAT(result.error().describe(), !ContainsSubstring("token_0001"));
    CHECK(http.sends().empty());
}

TEST_CASE("two credentials of one type stand in a list under the names that it gives them") {
    testing::Script http;
    http.then(200, 4101).then(200);
    const AnyChain<4> chain{List{{"first", Personal{"token_0001"}}, {"second", Personal{}}}};
    CHECK(client_of(http, chain).send(chat()).credential() == "second");
    CHECK(names(http) == Names{"first", "second"});
}

TEST_CASE("one token for two headers is two credentials") {
    const AnyChain<4> chain{List{Row{"one", "token_0001"}, Row{"two", "token_0001", "X-Key"}}};
    CHECK(chain.problem() == nullptr);
}

TEST_CASE("without its door a call that comes to an empty place says what is missing") {
    testing::Script http;
    http.then(200, 4101);
    const AnyChain<4> chain{rows(1)};
    const Client client{http, chain.credentials(), OnCodes{}};
    const auto result = client.send(chat());
    REQUIRE_FALSE(result);
    CHECK_THAT(result.error().message(), ContainsSubstring("chain.empty_places()"));
    CHECK(http.sends().size() == 1);
}

TEST_CASE("a credential of a place is replaced, whatever its kind") {
    testing::Script http;
    for (int i = 0; i != 4; ++i) http.then(200);
    int calls = 0;
    const auto client = client_of(http, AnyChain<4>{rows(2)});
    (void)client.send(chat());
    client.replace(AnySlot<0>{Row{"tenant 0", "token_of_today"}});
    (void)client.send(chat());
    client.replace(AnySlot<0>{Minted{"tenant 0", &calls}});
    (void)client.send(chat(), Subject{"bob"});
    client.replace(AnySlot<0>{Row{"tenant 0", "token_of_tomorrow"}});
    (void)client.send(chat());
    REQUIRE(http.sends().size() == 4);
    CHECK(http.sends()[0].authorization == "Bearer token_of_tenant_0");
    CHECK(http.sends()[1].authorization == "Bearer token_of_today");
    CHECK(http.sends()[2].authorization == "Bearer minted_for_bob");
    CHECK(http.sends()[3].authorization == "Bearer token_of_tomorrow");
}

TEST_CASE("the empty places of a chain and the other doors of a client stand one behind another") {
    testing::Script http;
    http.then(200, 4101).then(200).then(200);
    const AnyChain<8> chain{rows(2)};
    const Client client{http,
                        chain.credentials(),
                        chain.empty_places(),
                        OnCodes{},
                        Remember{[](const HttpRequest& request) { return request.url; }},
                        RetryBudget<20>{}};
    CHECK(client.send(chat()).credential() == "tenant 1");
    CHECK(client.send(chat()).credential() == "tenant 1");
    CHECK(names(http) == Names{"tenant 0", "tenant 1", "tenant 1"});
}

TEST_CASE("a chain that was made at run time brings the service of its credentials") {
    testing::Script http;
    http.then(200, 700012006).then(200);
    const AnyChain<4, coze::Api> chain{
        {coze::Pat<coze::Personal>{Secret{"pat_0001"}}, Row{"second", "pat_0002"}}};
    const Client client{http, chain.credentials(), chain.empty_places(), coze::RetryOnRefusal{}};
    CHECK(client.send(chat()).credential() == "second");
}

TEST_CASE("a client with empty places in its chain says so") {
    testing::Script http;
    const std::string text = describe_plan(client_of(http, AnyChain<4>{rows(2)}));
    CHECK_THAT(text, ContainsSubstring("Signs as tenant 0, then as tenant 1, then as (nobody)"));
    CHECK_THAT(text, ContainsSubstring("Passes over the empty places of the chain: 2 of 4"));
}

TEST_CASE("an asynchronous client takes a chain that was made at run time") {
    Later later;
    testing::ManualScheduler time;
    const AnyChain<4> chain{rows(2)};
    const driver::callback::Client client{
        [&later](const HttpRequest& request, const Attempt& attempt, Later::Done done) {
            return later(request, attempt, std::move(done));
        },
        time, chain.credentials(), chain.empty_places(), OnCodes{}};
    std::string ended;
    client.send(chat(), [&ended](const auto& result) { ended = result.error().credential; });
    later.answer(refusal());
    CHECK(later.asks.at(0).authorization == "Bearer token_of_tenant_1");
    later.answer(refusal());
    CHECK(ended == "tenant 0");
    CHECK(later.asks.empty());
}

TEST_CASE("a place asks its credential for the token of the moment") {
    int calls = 0;
    const AnySlot<1> place{Minted{"minted", &calls}};
    CHECK(place.name == "minted");
    CHECK(place.token(Context{"ada"}) == "minted_for_ada");
    CHECK_FALSE(place.is_fixed());
}

TEST_CASE("while a place is replaced, each call of each thread sends one of its whole tokens") {
    std::atomic<int> wrong{0};
    const auto http = [&wrong](const HttpRequest&, const Attempt& attempt) {
        const std::string_view sent = attempt.authorization();
        if (sent != "Bearer token_of_tenant_0" && sent != "Bearer minted_for_ada") ++wrong;
        return accepted();
    };
    const AnyChain<4> chain{rows(2)};
    const Client typed{http, chain.credentials(), chain.empty_places(), OnCodes{}};
    const AnyClient<HttpRequest, HttpResponse> client{typed};  // a copy: one state
    std::vector<std::thread> threads;
    for (int t = 0; t != 3; ++t)
        threads.emplace_back([copy = client, &wrong] {
            for (int i = 0; i != 200; ++i)
                if (!copy.send(chat(), Subject{"ada"})) ++wrong;
        });
    for (int i = 0; i != 50; ++i) {
        typed.replace(AnySlot<0>{PerUser{}});
        typed.replace(AnySlot<0>{Row{"tenant 0", "token_of_tenant_0"}});
    }
    for (std::thread& thread : threads) thread.join();
    CHECK(wrong == 0);
}

TEST_CASE("a service answers in the place of a refused token, and the token is cut out") {
    testing::Script http;
    http.then(401, 4100, "no such token: token_of_tenant_0");
    const auto client = client_of(http, AnyChain<2>{rows(1)});
    CHECK(client.send(chat()).error().message() == "no such token: [token]");
}
