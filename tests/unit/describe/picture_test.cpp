// SPDX-License-Identifier: BSL-1.0
#include <rekey/describe/picture.hpp>

#include <rekey/coze.hpp>
#include <rekey/http.hpp>
#include <rekey/policy/backoff.hpp>
#include <rekey/policy/budget.hpp>
#include <rekey/policy/circuit_breaker.hpp>
#include <rekey/policy/remember.hpp>
#include <rekey/policy/retry_after.hpp>
#include <rekey/rekey.hpp>

#include "catch.hpp"
#include "support/clients.hpp"

#include <chrono>
#include <string>
#include <string_view>
#include <vector>

namespace {

using namespace rekey;
using namespace clients;
using namespace std::chrono_literals;

struct App {
    static constexpr auto name = "app";
    struct Exchange {};
};
struct OtherApp {
    static constexpr auto name = "other app";
    struct Exchange {};
};
struct PlainDoor {
    static constexpr Role role = Role::admission;
};
struct AsksUser {
    static constexpr Role role = Role::reauthorizer;
    static constexpr std::uint32_t settle_repeats = 1;
    static constexpr Duration settle_delay(std::uint32_t) noexcept { return 500ms; }
};
struct KeyOfBody {
    std::string_view operator()(const HttpRequest& request) const { return request.body; }
};
struct Odd {
    std::string name = "a\"];--> b : c\n%% d";
    std::string token = "pat_odd_1";
};

bool holds(std::string_view text, std::string_view part) {
    return text.find(part) != std::string_view::npos;
}
/// The label of the way from one action to another; `(none)` if there is none.
std::string way(const StateGraph& graph, Kind from, unsigned slot, Kind to, unsigned to_slot = 0,
                StopReason reason = StopReason::success) {
    for (const StateGraph::Edge& edge : graph.edges)
        if (edge.from.kind == from && edge.from.slot == slot && edge.to.kind == to &&
            (to == Kind::finish ? edge.to.reason == reason : edge.to.slot == to_slot))
            return edge.label;
    return "(none)";
}
std::string end(const StateGraph& graph, Kind from, unsigned slot, StopReason reason) {
    return way(graph, from, slot, Kind::finish, 0, reason);
}
std::vector<std::string> lines(const StateGraph& graph) {
    std::vector<std::string> all;
    for (const StateGraph::Edge& edge : graph.edges)
        all.push_back(detail::id_of(edge.from) + " > " + detail::id_of(edge.to) + " : " +
                      edge.label);
    return all;
}
/// The graph that takes like states for one, and the one that walks every path.
template <class Plan> void same_by_every_path(unsigned answers) {
    const typename Plan::Rules rules{};
    const StateGraph quick = detail::Explorer<Plan>(rules).explore({});
    const StateGraph slow = detail::Explorer<Plan>(rules).explore_every_path({}, answers);
    REQUIRE(quick.is_whole);
    REQUIRE(slow.is_whole);
    CHECK(lines(quick) == lines(slow));
    CHECK(quick.edges.size() > 3);
}

}  // namespace

TEST_CASE("a client is drawn as a Mermaid state diagram") {
    testing::script http;
    const Client client{http, both(), OnCodes{}, MaxAttempts<3>{}};
    const std::string expected =
        "stateDiagram-v2\n"
        "    state \"send as personal\" as send_0\n"
        "    state \"send as enterprise\" as send_1\n"
        "    state \"accepted\" as success\n"
        "    state \"refused by all\" as remedies_used_up\n"
        "    state \"not retryable\" as not_retryable\n"
        "    [*] --> send_0\n"
        "    send_0 --> send_1 : not found, refused (code 4100, code 4101) / fall back\n"
        "    send_0 --> success : accepted\n"
        "    send_0 --> not_retryable : anything else\n"
        "    send_1 --> success : accepted\n"
        "    send_1 --> remedies_used_up : not found, refused (code 4100, code 4101)\n"
        "    send_1 --> not_retryable : anything else\n"
        "    success --> [*]\n"
        "    remedies_used_up --> [*]\n"
        "    not_retryable --> [*]\n";
    CHECK(mermaid_of(client) == expected);
    CHECK(mermaid_of<Plan<Both, OnCodes, MaxAttempts<3>>>() == expected);
}

TEST_CASE("the same is drawn as DOT") {
    CHECK(dot_of<Plan<CredentialChain<Personal>, RetryOn<>>>() ==
          "digraph call {\n"
          "    rankdir=LR;\n"
          "    node [shape=box, style=rounded];\n"
          "    start [shape=point];\n"
          "    send_0 [label=\"send as personal\"];\n"
          "    success [label=\"accepted\", shape=box, style=solid, peripheries=2];\n"
          "    not_retryable [label=\"not retryable\", shape=box, style=solid, "
          "peripheries=2];\n"
          "    start -> send_0;\n"
          "    send_0 -> success [label=\"accepted\"];\n"
          "    send_0 -> not_retryable [label=\"anything else\"];\n"
          "}\n");
}

TEST_CASE("a client without a chain or a RetryOn has a picture too") {
    testing::script http;
    const StateGraph graph = state_graph_of(Client{http, NoRetry{}});
    CHECK(graph.edges.size() == 2);
    CHECK(end(graph, Kind::send, 0, StopReason::success) == "accepted");
    CHECK(holds(mermaid_of(Client{http, NoRetry{}}), "    state \"send\" as send_0\n"));
}

TEST_CASE("the picture is of the numbers of run time too") {
    testing::script http;
    using OnLoad = RetryOn<RateLimited>;
    const StateGraph one =
        state_graph_of(Client{http, CredentialChain{Personal{}}, OnLoad{}, MaxAttempts{1}});
    CHECK(way(one, Kind::send, 0, Kind::send, 0) == "(none)");
    CHECK(end(one, Kind::send, 0, StopReason::attempts_used_up) == "rate limited");
    // A limit far beyond what is tried state by state is still found.
    const StateGraph many = state_graph_of(Client{http, both(), OnLoad{}, MaxAttempts{500}});
    CHECK(way(many, Kind::send, 0, Kind::send, 0) == "rate limited / repeat");
    CHECK(end(many, Kind::send, 0, StopReason::attempts_used_up) == "rate limited");
    CHECK(many.is_whole);
}

TEST_CASE("a picture that may lack something says so") {
    testing::script http;
    const Client client{http, CredentialChain{Personal{}}, RetryOn<RateLimited>{},
                        MaxAttempts{1'000'000}};
    const StateGraph graph = state_graph_of(client);
    CHECK_FALSE(graph.is_whole);
    CHECK(holds(detail::mermaid(graph), "%% There was too much to try; paths may be missing."));
    CHECK(holds(detail::dot(graph), "// There was too much to try; paths may be missing."));
}

TEST_CASE("a limit is found with the second credential as well") {
    testing::script http;
    const StateGraph graph = state_graph_of(
        Client{http, both(), RetryOn<AuthRejected, RateLimited>{}, MaxAttempts{500}});
    CHECK(end(graph, Kind::send, 1, StopReason::attempts_used_up) == "rate limited");
    CHECK(way(graph, Kind::send, 0, Kind::send, 1) == "refused / fall back");
}

TEST_CASE("waits, deadlines and what depends on the request are in the picture") {
    testing::script http;
    const StateGraph graph = state_graph_of(Client{http, both(), RetryOn<AuthRejected, Transient>{},
                                                   Deadline{10s}, Backoff{Constant{1s}}});
    CHECK(way(graph, Kind::send, 0, Kind::wait, 0) ==
          "failing if idempotent, no answer (never sent), no answer (cut short, sent) if "
          "idempotent / repeat");
    CHECK(end(graph, Kind::send, 0, StopReason::unsafe_to_repeat) ==
          "failing if not idempotent, no answer (cut short, sent) if not idempotent");
    CHECK(end(graph, Kind::wait, 0, StopReason::deadline) == "the time is over");
    CHECK(way(graph, Kind::wait, 1, Kind::send, 1) == "waited");
}

TEST_CASE("what the server asks for is in the picture where somebody listens") {
    testing::script http;
    const StateGraph graph = state_graph_of(
        Client{http, both(), RetryOn<Transient>{}, MaxAttempts<3>{}, RetryAfter{30s}});
    CHECK(holds(end(graph, Kind::send, 0, StopReason::come_back_later),
                "failing (a long wait is asked for)"));
    CHECK(holds(way(graph, Kind::send, 0, Kind::wait, 0), "failing (a wait is asked for) if"));
    CHECK(end(graph, Kind::send, 0, StopReason::not_retryable) == "anything else");
    // A rate limit is where servers ask for a wait most often.
    const StateGraph limited = state_graph_of(
        Client{http, both(), RetryOn<RateLimited>{}, MaxAttempts<3>{}, RetryAfter{30s}});
    CHECK(end(limited, Kind::send, 0, StopReason::come_back_later) ==
          "rate limited (a long wait is asked for)");
    CHECK(way(limited, Kind::send, 0, Kind::wait, 0) ==
          "rate limited (a wait is asked for) / repeat");
    CHECK(way(limited, Kind::send, 0, Kind::send, 0) == "rate limited (HTTP 429) / repeat");
}

TEST_CASE("a token that had worked is renewed, a new one is not") {
    const StateGraph graph =
        state_graph_of<Plan<CredentialChain<App, Enterprise>, RetryOn<AuthRejected>>>();
    CHECK(way(graph, Kind::fetch, 0, Kind::send, 0) == "has a token");
    CHECK(holds(mermaid_of<Plan<CredentialChain<App, OtherApp>, RetryOn<AuthRejected>>>(),
                "    state \"token of other app\" as token_1\n"));
    CHECK(way(graph, Kind::fetch, 0, Kind::send, 1) == "token refused");
    CHECK(end(graph, Kind::fetch, 0, StopReason::exchange_failed) == "no token");
    CHECK(way(graph, Kind::send, 0, Kind::fetch, 0) ==
          "refused (HTTP 401) if the token had worked / renew");
    CHECK(way(graph, Kind::send, 0, Kind::send, 1) ==
          "refused (HTTP 403), refused (HTTP 401) if the token is new / fall back");
}

TEST_CASE("doors are drawn with what they can say and nothing else") {
    testing::script http;
    const StateGraph budget = state_graph_of(Client{
        http, both(), RetryOn<AuthRejected, RateLimited>{}, MaxAttempts<3>{}, RetryBudget<>{}});
    CHECK(way(budget, Kind::admit, 0, Kind::send, 0) == "let in");
    CHECK(end(budget, Kind::admit, 0, StopReason::budget_spent) == "nothing is left");
    CHECK(way(budget, Kind::admit, 0, Kind::admit, 1) == "(none)");
    CHECK(end(budget, Kind::admit, 0, StopReason::come_back_later) == "(none)");

    const StateGraph breaker =
        state_graph_of(Client{http, both(), RetryOn<AuthRejected>{}, CircuitBreaker<>{}});
    CHECK(way(breaker, Kind::admit, 0, Kind::admit, 1) == "this credential rests");
    CHECK(end(breaker, Kind::admit, 1, StopReason::come_back_later) == "this credential rests");

    const StateGraph route =
        state_graph_of(Client{http, both(), RetryOn<AuthRejected>{}, Remember<KeyOfBody, 64>{}});
    CHECK(way(route, Kind::admit, 0, Kind::send, 1) == "the route says so");
    CHECK(way(route, Kind::send, 1, Kind::admit, 1) == "refused / once more");
    CHECK(end(route, Kind::admit, 1, StopReason::remedies_used_up) == "the route is the same");
}

TEST_CASE("the user who is asked is in the picture") {
    const StateGraph graph =
        state_graph_of<Plan<Both, RetryOn<AuthRejected>, AsksUser, coze::Api>>();
    CHECK(way(graph, Kind::send, 1, Kind::reauthorize, 1) == "refused");
    CHECK(end(graph, Kind::reauthorize, 1, StopReason::needs_user) ==
          "sent away to authorize, the user refuses");
    CHECK(way(graph, Kind::reauthorize, 1, Kind::send, 1) == "authorized");
    CHECK(way(graph, Kind::send, 1, Kind::wait, 1) == "refused (a code that may pass) / repeat");
}

TEST_CASE("taking like states for one leaves out no way that some path takes") {
    same_by_every_path<Plan<Both, OnCodes, MaxAttempts<3>>>(9);
    same_by_every_path<
        Plan<Both, RetryOn<AuthRejected, NotFound, RateLimited, Transient>, MaxAttempts<3>>>(9);
    same_by_every_path<Plan<CredentialChain<App, OtherApp>, RetryOn<AuthRejected>>>(5);
    same_by_every_path<Plan<Both, RetryOn<AuthRejected>, PlainDoor, MaxAttempts<2>>>(6);
    same_by_every_path<Plan<Both, RetryOn<AuthRejected>, AsksUser, coze::Api>>(8);
}

TEST_CASE("anything else is said only where each answer leads one way") {
    // A refusal goes on or meets the limit, so both ways say it; the hopeless ones are the rest.
    const StateGraph graph = state_graph_of<Plan<Both, OnCodes, MaxAttempts<1>>>();
    CHECK(end(graph, Kind::send, 0, StopReason::attempts_used_up) ==
          "not found, refused (code 4100, code 4101)");
    CHECK(end(graph, Kind::send, 0, StopReason::not_retryable) == "anything else");
    const StateGraph repeats = state_graph_of<
        Plan<Both, RetryOn<AuthRejected, NotFound, RateLimited, Transient>, MaxAttempts<3>>>();
    CHECK(end(repeats, Kind::send, 0, StopReason::attempts_used_up) ==
          "failing if idempotent, no answer (never sent), no answer (cut short, sent) if "
          "idempotent, not found, rate limited, refused");
}

TEST_CASE("a name with marks in it breaks neither language") {
    testing::script http;
    const Client client{http, CredentialChain{Odd{}}, OnCodes{}};
    CHECK(holds(mermaid_of(client), "    state \"send as a___--_ b _ c___ d\" as send_0\n"));
    CHECK(holds(dot_of(client), "    send_0 [label=\"send as a___--_ b _ c___ d\"];\n"));
    CHECK_FALSE(holds(dot_of(client), "pat_odd_1"));
}
