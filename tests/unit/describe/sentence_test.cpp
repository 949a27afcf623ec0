// SPDX-License-Identifier: BSL-1.0
#include <rekey/describe/sentence.hpp>

#include <rekey/coze.hpp>
#include <rekey/coze/fresh_conversation.hpp>
#include <rekey/coze/personal_account.hpp>
#include <rekey/coze/web_flow.hpp>
#include <rekey/describe/picture.hpp>
#include <rekey/driver/callback.hpp>
#include <rekey/http.hpp>
#include <rekey/policy/attempt_timeout.hpp>
#include <rekey/policy/backoff.hpp>
#include <rekey/policy/budget.hpp>
#include <rekey/policy/bulkhead.hpp>
#include <rekey/policy/circuit_breaker.hpp>
#include <rekey/policy/hedge.hpp>
#include <rekey/policy/observe.hpp>
#include <rekey/policy/rate_limit.hpp>
#include <rekey/policy/remember.hpp>
#include <rekey/policy/retry_after.hpp>
#include <rekey/rekey.hpp>
#include <rekey/testing/manual_scheduler.hpp>
#include <rekey/token/memory_store.hpp>
#include <rekey/token/run_on.hpp>
#include <rekey/tokens_in.hpp>

#include "catch.hpp"
#include "support/clients.hpp"

#include <chrono>
#include <string>
#include <vector>

namespace {

using namespace rekey;
using namespace clients;
using namespace std::chrono_literals;

struct NightRest {
    static constexpr Role role = Role::limit;
    static constexpr bool bounds_call = false;
    static constexpr bool reads_time = false;
    int hour = 22;
    struct Rule {
        constexpr Ruling judge(const Proposal&) const noexcept { return {}; }
    };
    constexpr Rule rule() const noexcept { return {}; }
    template <class Words> void say(Words& words) const {
        words("Sends nothing after ", hour, " o'clock.");
    }
};
struct Silent {
    static constexpr Role role = Role::framing;
};
struct Audit {
    static constexpr Role role = Role::framing;
};
struct MyJitter {
    static constexpr bool draws = true;
    template <class Curve>
    static constexpr Duration delay(const Curve& curve, std::uint32_t repeats,
                                    std::uint64_t) noexcept {
        return curve.at(repeats);
    }
};
struct Named {
    std::string name = "blue";
    std::string token = "pat_blue_secret";
};
struct Fetching {
    static constexpr auto name = "app";
    static constexpr Identity identity = Identity::app;
    struct Exchange {};
};
struct Counts {
    void ended(const observe::Ended&) {}
};
struct KeyOfBody {
    std::string_view operator()(const HttpRequest& request) const { return request.body; }
};
struct Asker {
    Authorized operator()(const AuthorizationRequest&) { return {}; }
};
template <class Key> struct Shop {
    struct Clerk : Asker {};
};
inline auto clerk_of(std::vector<int>) {
    struct Local : Asker {};
    return Local{};
}
template <class Key> auto clerk_for(Key) {
    struct LocalToTemplate : Asker {};
    return LocalToTemplate{};
}

}  // namespace

TEST_CASE("each policy says in one sentence what it does, with its numbers") {
    CHECK(sentence_of(MaxAttempts<3>{}) == "Sends at most 3 times.");
    CHECK(sentence_of(MaxAttempts{5}) == "Sends at most 5 times.");
    CHECK(sentence_of(MaxAttempts<1>{}) == "Sends once.");
    CHECK(sentence_of(NoRetry{}) == "Sends once, whatever happens.");
    CHECK(sentence_of(Deadline{1500ms}) == "Ends after 1.5 s, waits and token requests included.");
    CHECK(sentence_of(RetryOn<4100, HttpStatus{409}, as_transient(13), NotFound>{}) ==
          "Makes another attempt after code 4100, HTTP 409, code 13 (as a passing failure) or "
          "something not found.");
    CHECK(sentence_of(RetryOn<>{}) == "Makes no other attempt: RetryOn lists nothing.");
    CHECK(sentence_of(RetryOn<1, 2, 3, 4, 5, 6, 7, 8, 9, 10>{}) ==
          "Makes another attempt after code 1, code 2, code 3, code 4, code 5, code 6, code 7, "
          "code 8 or one of 2 more.");
    CHECK(sentence_of(both()) ==
          "Signs as personal, then as enterprise, each until it is refused.");
    CHECK(sentence_of(OboReauth{Asker{}}) ==
          "Asks the user to authorize again, once, when everything else is refused, through "
          "Asker.");
    CHECK(sentence_of(Backoff{100ms}) ==
          "Waits 100 ms before the first repeat, 2 times as long each time, up to 30 s; drawn "
          "from nothing to that.");
    CHECK(sentence_of(Backoff{Constant{1s}, NoJitter{}, Only<RateLimited, Transient>{}}) ==
          "Waits 1 s before each repeat, after a rate limit or a passing failure only; exactly "
          "that.");
    CHECK(sentence_of(Backoff{Linear{200ms, 1s}, EqualJitter{}}) ==
          "Waits 200 ms before the first repeat, and as much longer each time, up to 1 s; drawn "
          "from half of that to all of it.");
    CHECK(sentence_of(Backoff{Exponential{10ms, 2s, 3}, MyJitter{}}) ==
          "Waits 10 ms before the first repeat, 3 times as long each time, up to 2 s.");
    CHECK(sentence_of(RetryAfter{30s}) ==
          "Waits as long as the server asks, up to 30 s; if it asks for more, the call ends and "
          "says when to come back.");
    CHECK(sentence_of(PerAttemptTimeout{2s}) == "Gives each send at most 2 s.");
    CHECK(sentence_of(PerAttemptTimeout{0s}) == "Sets no limit to the time of a send.");
    CHECK(sentence_of(RetryBudget<20, 10>{}) ==
          "Repeats at most 20 times per 100 calls of all callers together, and 10 times beyond.");
    CHECK(sentence_of(Bulkhead{8}) == "Keeps at most 8 sends on their way at once.");
    CHECK(sentence_of(Bulkhead{8, Waiting{16, 500ms}}) ==
          "Keeps at most 8 sends on their way at once; 16 calls wait up to 500 ms for a place.");
    CHECK(sentence_of(RateLimit{PerSecond{3}, PerSecond{200, 20}}) ==
          "Sends at most 3 a second, then 200 a second (20 at once) by credential; a call waits "
          "up to 1 s for its moment.");
    CHECK(sentence_of(CircuitBreaker<>{LastAttempts{3, 5}, CircuitRest{2s, 1}}) ==
          "Leaves a credential alone for 2 s when 3 of the last 5 attempts failed, then tries "
          "with 1 attempt.");
    CHECK(sentence_of(
              CircuitBreaker<PerHost, LastPeriod>{LastPeriod{10s, 50, 20}, CircuitRest{5s, 2}}) ==
          "Leaves a host alone for 5 s when 50% of at least 20 attempts in 10 s failed, then "
          "tries with 2 attempts.");
    CHECK(sentence_of(Remember<KeyOfBody, 64>{}) ==
          "Begins with the credential that served the same key last, for 64 keys.");
    CHECK(sentence_of(Hedge{200ms, 3}) ==
          "Sends up to 2 more of an idempotent request, one after each 200 ms without an answer, "
          "for 10 of 100 sends and 10 beyond.");
    CHECK(sentence_of(Observe{Counts{}}) == "Tells Counts what each call does.");
}

static_assert(!Plan<NightRest>::reads_clock, "a limit that reads no time");

TEST_CASE("a policy of a user's says its own words, and one that is silent is named plainly") {
    CHECK(sentence_of(NightRest{23}) == "Sends nothing after 23 o'clock.");
    CHECK(sentence_of(Silent{}) == "Has a Silent.");
    CHECK(sentence_of<Silent>() == "Has a Silent.");
}

TEST_CASE("a type is called what it is called last, wherever it is") {
    const auto asks = [](const auto& redirector) {
        const std::string text = sentence_of(OboReauth{redirector});
        return text.substr(text.find("through "));
    };
    CHECK(asks(Asker{}) == "through Asker.");
    CHECK(asks(Shop<std::vector<int>>::Clerk{}) == "through Clerk.");
    CHECK(asks(clerk_of({})) == "through Local.");
    CHECK(asks(clerk_for(std::vector<int>{})) == "through LocalToTemplate.");
    CHECK(asks([](const AuthorizationRequest&) { return Authorized{}; }) == "through a function.");
    CHECK(Wording{}.name_of<const Asker>().text() == "Asker");
    CHECK(Wording{}.name_of<unsigned int>().text() == "unsigned int");
    CHECK(Wording{}.name_of<void(int)>().text() == "a function");
}

TEST_CASE("a sentence is one of English also where a number is one") {
    CHECK(sentence_of(Bulkhead{1, Waiting{1}}) ==
          "Keeps at most one send on its way at once; 1 call waits up to 1 s for a place.");
    CHECK(sentence_of(RetryBudget<1, 1>{}) ==
          "Repeats at most 1 time per 100 calls of all callers together, and 1 time beyond.");
    CHECK(sentence_of(Audit{}) == "Has an Audit.");
    CHECK(sentence_of(RetryOn<1, 2, 3, 4, 5, 6, 7, 8, 9>{}) ==
          "Makes another attempt after code 1, code 2, code 3, code 4, code 5, code 6, code 7, "
          "code 8 or code 9.");
}

TEST_CASE("a backoff says the delays that it gives") {
    CHECK(sentence_of(Backoff{Exponential{3s, 2s}, NoJitter{}}) ==
          "Waits 2 s before each repeat; exactly that.");
    CHECK(sentence_of(Backoff{Exponential{1s, 2s, 1}, NoJitter{}}) ==
          "Waits 1 s before each repeat; exactly that.");
    CHECK(sentence_of(Backoff{Linear{3s, 2s}, NoJitter{}}) ==
          "Waits 2 s before each repeat; exactly that.");
    CHECK(sentence_of(Backoff{Exponential{100ms, 2s}, DecorrelatedJitter{}}) ==
          "Waits from 100 ms on before each repeat, up to 2 s; each drawn from the first to three "
          "times the one before.");
}

TEST_CASE("a type says what it knows, and never a number that is set at run time") {
    CHECK(sentence_of<MaxAttempts<3>>() == "Sends at most 3 times.");
    CHECK(sentence_of<MaxAttempts<>>() ==
          "Sends at most as often as MaxAttempts says at run time.");
    CHECK(sentence_of<Deadline>() == "Ends when the Deadline that is set at run time is over.");
    CHECK(sentence_of<RetryBudget<20, 10>>() == sentence_of(RetryBudget<20, 10>{}));
    CHECK(sentence_of<CircuitBreaker<>>() ==
          "Has a CircuitBreaker, whose numbers are set at run time.");
    CHECK(sentence_of<RetryAfter>() == "Has a RetryAfter, whose numbers are set at run time.");
    CHECK(sentence_of<CredentialChain<Named, Fetching>>() ==
          "Signs as a credential named at run time, then as app (which fetches its token), each "
          "until it is refused.");
    CHECK(sentence_of<Plan<OnCodes, Both, MaxAttempts<3>>>() ==
          "Signs as personal, then as enterprise, each until it is refused.\n"
          "Makes another attempt after code 4100, code 4101 or something not found.\n"
          "Sends at most 3 times.\n");
    CHECK(sentence_of<Plan<>>() == "Signs nothing: there is no CredentialChain.\n");
}

TEST_CASE("a client says all of its policies with their numbers, in an order of its own") {
    testing::script http;
    const Client client{http,
                        Bulkhead{8},
                        Deadline{10s},
                        RetryOn<AuthRejected, NotFound, RateLimited>{},
                        MaxAttempts{4},
                        Backoff{Constant{1s}, NoJitter{}},
                        RetryBudget<>{},
                        NightRest{},
                        CredentialChain{Named{}, Personal{}}};
    const Client other{http,
                       CredentialChain{Named{}, Personal{}},
                       NightRest{},
                       RetryBudget<>{},
                       Backoff{Constant{1s}, NoJitter{}},
                       MaxAttempts{4},
                       RetryOn<AuthRejected, NotFound, RateLimited>{},
                       Deadline{10s},
                       Bulkhead{8}};
    CHECK(describe_plan(client) ==
          "Signs as blue, then as personal, each until it is refused.\n"
          "Makes another attempt after a refusal, something not found or a rate limit.\n"
          "Ends after 10 s, waits and token requests included.\n"
          "Sends at most 4 times.\n"
          "Sends nothing after 22 o'clock.\n"
          "Waits 1 s before each repeat; exactly that.\n"
          "Keeps at most 8 sends on their way at once.\n"
          "Repeats at most 20 times per 100 calls of all callers together, and 10 times "
          "beyond.\n"
          "At worst: at most 4 sends; waits of 1 s at most, 3 s in all, and those at its doors; "
          "2.5 s for the first "
          "send.\n");
    CHECK(describe_plan(other) == describe_plan(client));
}

TEST_CASE("an asynchronous client is described and drawn like one that blocks") {
    testing::ManualScheduler scheduler;
    const auto transport = driver::answering<HttpResponse>(
        [](const HttpRequest&, const Attempt&, const auto& done) { done(accepted()); });
    const driver::callback::Client client{transport, scheduler,      CredentialChain{Named{}},
                                          OnCodes{}, MaxAttempts{2}, Hedge{200ms}};
    CHECK(describe_plan(client) ==
          "Signs as blue.\n"
          "Makes another attempt after code 4100, code 4101 or something not found.\n"
          "Sends at most 2 times.\n"
          "Sends up to 1 more of an idempotent request, one after each 200 ms without an answer, "
          "for 10 of 100 sends and 10 beyond.\n"
          "At worst: at most 1 send, and 1 copy; no wait.\n");
    CHECK(mermaid_of(client).find("\"send as blue\"") != std::string::npos);
}

TEST_CASE("a client without a chain says that nothing signs") {
    testing::script http;
    CHECK(describe_plan(Client{http, NoRetry{}}) ==
          "Signs nothing: there is no CredentialChain.\n"
          "Sends once, whatever happens.\n"
          "At worst: at most 1 send; no wait.\n");
}

TEST_CASE("the service that a credential brings is said, and no token is") {
    testing::script http;
    const Client client{http, CredentialChain{coze::Pat<>{"pat_1"}, coze::Pat<Enterprise>{"pat_2"}},
                        coze::RetryOnRefusal{}, coze::PersonalAccountResources{}};
    const std::string text = describe_plan(client);
    CHECK(text ==
          "Signs as personal, then as enterprise, each until it is refused.\n"
          "Asks for what stays with a personal account; no user's authorization reaches it.\n"
          "Reads answers as Api defines them.\n"
          "Makes another attempt after a refusal or something not found.\n"
          "At worst: at most 2 sends; no wait.\n");
}

TEST_CASE("a flow, a token store and a rewrite say what they are") {
    testing::script http;
    const Client client{http, OboReauth{coze::WebFlow<>{{}}}, coze::RetryOnRefusal{},
                        coze::FreshConversation{}};
    const std::string text = describe_plan(client);
    CHECK(text.find("Signs as user (a user's authorization).\n") == 0);
    CHECK(text.find("Asks the user to authorize again, once, when everything else is refused, "
                    "through WebFlow.\n") != std::string::npos);
    CHECK(text.find("Begins a fresh conversation when another credential takes over.\n") !=
          std::string::npos);
    CHECK(sentence_of<TokensIn<token::MemoryStore>>() ==
          "Keeps tokens in BasicMemoryStore, not sealed.");
    CHECK(sentence_of<TokensIn<token::RunOn<token::MemoryStore, void (*)()>>>() ==
          "Keeps tokens in BasicMemoryStore, not sealed.");
    CHECK(mermaid_of(client).find("\"ask the user of user\" as user_0") != std::string::npos);
}

TEST_CASE("a chain whose refusals lead nowhere is not said to fall back") {
    testing::script http;
    const std::string stays = "Signs as personal; a refusal does not lead to enterprise.\n";
    const std::string goes_on =
        "Signs as personal, then as enterprise, each until it is refused.\n";
    const auto begins = [&http](const std::string& sentence, const auto&... policies) {
        return describe_plan(Client{http, both(), policies...}).find(sentence) == 0;
    };
    CHECK(begins(stays));
    CHECK(begins(stays, RetryOn<RateLimited>{}, MaxAttempts<3>{}));
    CHECK(begins(stays, RetryOn<as_rate_limited(4020)>{}, MaxAttempts<3>{}));
    CHECK(begins(stays, OnCodes{}, NoRetry{}));
    CHECK(begins(stays, OnCodes{}, MaxAttempts<1>{}));
    CHECK(begins(goes_on, RetryOn<4100>{}));
    CHECK(begins(goes_on, RetryOn<HttpStatus{404}>{}));
    CHECK(begins(goes_on, RetryOn<RateLimited, NotFound>{}, MaxAttempts<3>{}));
    CHECK(describe_plan(both()).find(stays) == 0);
    CHECK(sentence_of<Plan<Both>>() == stays);
    CHECK(describe_plan(CredentialChain{Named{}, Personal{}, Enterprise{}})
              .find("Signs as blue; a refusal does not lead to personal or enterprise.\n") == 0);
    // The refusal of a token leads on by itself.
    CHECK(
        sentence_of<Plan<CredentialChain<Fetching, Enterprise>>>() ==
        "Signs as app (which fetches its token), then as enterprise, each until it is refused.\n");
}

TEST_CASE("policies that no client has yet are described like one") {
    testing::script http;
    const Client client{http, both(), OnCodes{}, MaxAttempts<3>{}};
    CHECK(describe_plan(MaxAttempts<3>{}, both(), OnCodes{}) == describe_plan(client));

    // The credential that a flow brings is sent first, also before those of a chain.
    const OboReauth flow{coze::WebFlow<>{{}}};
    const Client users{http, flow, coze::RetryOnRefusal{}};
    CHECK(describe_plan(coze::RetryOnRefusal{}, flow) == describe_plan(users));
    const CredentialChain blue{Named{}};
    const Client users_first{http, blue, flow, coze::RetryOnRefusal{}, EscalateToAppIdentity{}};
    const std::string text =
        describe_plan(coze::RetryOnRefusal{}, EscalateToAppIdentity{}, blue, flow);
    CHECK(text == describe_plan(users_first));
    CHECK(text.find("Signs as user (a user's authorization), then as blue, each") == 0);
    CHECK(describe_plan(NoRetry{}).find("Signs nothing: there is no CredentialChain.\n") == 0);
}

TEST_CASE("a name that would break the line is kept to one line") {
    Named named;
    named.name = "a\nb";
    CHECK(sentence_of(CredentialChain{named}) == "Signs as a b.");
}
