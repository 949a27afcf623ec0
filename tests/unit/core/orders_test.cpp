// SPDX-License-Identifier: BSL-1.0
// The written order of policies never counts: each pair and each triple of them, in every order.
#include <rekey/core/call.hpp>

#include <rekey/client.hpp>
#include <rekey/coze/api.hpp>
#include <rekey/http.hpp>
#include <rekey/policy/attempt_timeout.hpp>
#include <rekey/policy/backoff.hpp>
#include <rekey/policy/credential_chain.hpp>
#include <rekey/policy/limits.hpp>
#include <rekey/policy/obo_reauth.hpp>
#include <rekey/policy/parts.hpp>
#include <rekey/policy/retry_after.hpp>
#include <rekey/policy/retry_on.hpp>
#include <rekey/testing/manual_clock.hpp>
#include <rekey/testing/print.hpp>
#include <rekey/testing/script.hpp>
#include <rekey/testing/timeline.hpp>

#include "catch.hpp"

#include <chrono>
#include <cstdint>
#include <sstream>
#include <string>
#include <tuple>
#include <type_traits>
#include <utility>
#include <vector>

namespace {

using namespace rekey;
using namespace rekey::testing;
using namespace std::chrono_literals;

struct User {
    static constexpr Identity identity = Identity::user;
    struct Exchange {};
};
struct Spare {
    static constexpr Identity identity = Identity::user;
};
struct Asks {
    Authorized operator()(const AuthorizationRequest&) const { return {}; }
};
struct Door {
    static constexpr Role role = Role::admission;
};
using Gate = RetryOn<AuthRejected, NotFound, RateLimited, Transient>;

// One of each.
const auto policies = std::make_tuple(
    Gate{}, CredentialChain<User, Spare>(User{}, Spare{}), MaxAttempts<5>{}, Deadline{40s},
    PerAttemptTimeout{3s}, Backoff{Exponential{1s}, EqualJitter{}}, RetryAfter{10s}, coze::Api{},
    Backoff{Constant{3s}, NoJitter{}, Only<RateLimited>{}}, NoRetry{}, OboReauth<Asks>(Asks{}),
    Door{}, FallBackOnExchangeFailure{}, MaxAttempts{4});
using Policies = std::remove_const_t<decltype(policies)>;
constexpr std::size_t count = std::tuple_size_v<Policies>;
template <std::size_t Index> using At = std::tuple_element_t<Index, Policies>;

/// The door to a call of any plan, so that what follows is compiled once.
struct AnyCall {
    void* call;
    Action (*start)(void*, TimePoint);
    Action (*answer)(void*, const Action&, const Facts&, unsigned, TimePoint);
};
template <class Call> AnyCall any(Call& call) {
    return {&call, [](void* at, TimePoint now) { return static_cast<Call*>(at)->start(now); },
            [](void* at, const Action& last, const Facts& facts, unsigned step, TimePoint now) {
                Call& held = *static_cast<Call*>(at);
                switch (last.kind) {
                    case Kind::send: return held.sent(facts, now);
                    case Kind::wait: return held.waited(now);
                    case Kind::fetch:
                        return held.fetched(step % 7 == 6 ? Fetched::failed : Fetched::proven, now);
                    case Kind::admit:
                        return held.admitted(
                            step % 5 == 4 ? Admission{Admitted::busy, 0, 2s} : Admission{}, now);
                    case Kind::reauthorize: return held.reauthorized(Reauthorized::authorized, now);
                    case Kind::finish: break;
                }
                return last;
            }};
}

/// What a call does when it meets these failures one after another.
std::string story(const AnyCall& call, const std::vector<Facts>& answers, unsigned first) {
    std::string text;
    TimePoint now{};
    Action next = call.start(call.call, now);
    for (unsigned step = first; step != first + 30; ++step) {
        for (const std::int64_t part :
             {std::int64_t(next.kind), std::int64_t(next.move), std::int64_t(next.slot),
              std::int64_t(next.reason), std::int64_t(next.number), next.delay.count(),
              next.timeout.count()})
            text += std::to_string(part) + ' ';
        if (next.kind == Kind::finish) break;
        now += 700ms + next.delay;
        next = call.answer(call.call, next, answers[step % answers.size()], step, now);
    }
    return text + '\n';
}

const std::vector<Facts>& answers() {
    static const std::vector<Facts> all = [] {
        std::vector<Facts> list;
        const auto limited = [&list](Duration hint) {
            list.push_back(answer(RateLimited, 429));
            list.back().retry_after = hint;
        };
        limited(2s);
        limited(0s);
        list.push_back(answer(Transient, 503));
        list.push_back(refused(4101, 401));
        limited(5s);
        list.push_back(unanswered(Reach::never_sent));
        list.push_back(not_found(4200));
        limited(9s);
        limited(11s);
        list.push_back(refused(4100));
        limited(-1ns);
        return list;
    }();
    return all;
}

/// All stories of a set of policies in one written order.
template <class... Chosen> std::string stories() {
    using Ordered = Plan<Chosen...>;
    CallOptions options;
    options.idempotent = true;
    const Call<Ordered> fresh(typename Ordered::Rules(std::get<Chosen>(policies)...), options);
    std::string text;
    for (unsigned first = 0; first != answers().size(); ++first) {
        Call<Ordered> call = fresh;
        call.seed(7);
        text += story(any(call), answers(), first);
    }
    return text;
}
/// With a gate and an end for those that lack them, before or behind.
template <bool Before, class... Chosen> std::string completed() {
    if constexpr (detail::count_role<Role::gate, Chosen...>() == 0) {
        if constexpr (Before)
            return completed<Before, Gate, Chosen...>();
        else
            return completed<Before, Chosen..., Gate>();
    } else if constexpr (!(detail::bounds_call<Chosen>() || ...)) {
        if constexpr (Before)
            return stories<MaxAttempts<5>, Chosen...>();
        else
            return stories<Chosen..., MaxAttempts<5>>();
    } else {
        return stories<Chosen...>();
    }
}

unsigned compared = 0;
unsigned different = 0;
void compare(const std::string& one, const std::string& other) {
    ++compared;
    if (one != other) ++different;
}

template <class A, class B> void pair() {
    compare(completed<true, A, B>(), completed<false, B, A>());
}
template <class A, class B, class C> void triple() {
    const std::string one = completed<true, A, B, C>();
    compare(one, completed<true, B, C, A>());
    compare(one, completed<true, C, A, B>());
    compare(one, completed<false, A, C, B>());
    compare(one, completed<false, B, A, C>());
    compare(one, completed<false, C, B, A>());
}
template <std::size_t A, std::size_t... Bs> void pairs_of(std::index_sequence<Bs...>) {
    (pair<At<A>, At<A + 1 + Bs>>(), ...);
}
template <std::size_t... As> void all_pairs(std::index_sequence<As...>) {
    (pairs_of<As>(std::make_index_sequence<count - 1 - As>{}), ...);
}
// Those that the core asks about a failure; the rest stand beside them in pairs.
constexpr std::size_t asked = 7;
template <std::size_t A, std::size_t B, std::size_t... Cs>
void triples_of(std::index_sequence<Cs...>) {
    (triple<At<A>, At<B>, At<B + 1 + Cs>>(), ...);
}
template <std::size_t A, std::size_t... Bs> void triples_with(std::index_sequence<Bs...>) {
    (triples_of<A, A + 1 + Bs>(std::make_index_sequence<asked - 2 - A - Bs>{}), ...);
}
template <std::size_t... As> void all_triples(std::index_sequence<As...>) {
    (triples_with<As>(std::make_index_sequence<asked - 2 - As>{}), ...);
}

}  // namespace

TEST_CASE("each pair of policies gives the same script in both orders") {
    compared = different = 0;
    all_pairs(std::make_index_sequence<count - 1>{});
    CHECK(compared == count * (count - 1) / 2);
    CHECK(different == 0);
}

TEST_CASE("each triple of policies gives the same script in all six orders") {
    compared = different = 0;
    all_triples(std::make_index_sequence<asked - 2>{});
    CHECK(compared == 5 * asked * (asked - 1) * (asked - 2) / 6);
    CHECK(different == 0);
}

TEST_CASE("the stories that are compared are not all the same") {
    CHECK(stories<Gate, MaxAttempts<5>>() != stories<Gate, NoRetry>());
    CHECK(stories<Gate, MaxAttempts<5>>() !=
          stories<Gate, MaxAttempts<5>, std::remove_const_t<decltype(RetryAfter{10s})>>());
    CHECK(stories<Gate, Deadline>() != stories<Gate, Deadline, PerAttemptTimeout>());
}

TEST_CASE("a client does the same whatever the order its policies are written in") {
    const auto run = [](auto... chosen) {
        Script http;
        http.then(HttpResponse{429, {{"Retry-After", "2"}}, {}, false}).then(503).then(200);
        ManualClock clock;
        const Client client{http, UseClock{clock}, chosen...};
        const auto result = client.send(HttpRequest{"GET", "https://api.example", {}, {}});
        std::ostringstream text;
        text << result << result.trail();
        for (const Duration wait : clock.waits()) text << wait.count() << '\n';
        for (const ScriptedSend& send : http.sends()) text << send.timeout.count() << '\n';
        return text.str();
    };
    const Gate gate;
    const MaxAttempts<4> attempts;
    const Deadline deadline{40s};
    const Backoff pace{1s, NoJitter{}};
    const RetryAfter hint{10s};
    const std::string one = run(gate, attempts, deadline, pace, hint);
    CHECK(one.find("success") == 0);
    CHECK(one == run(hint, pace, deadline, attempts, gate));
    CHECK(one == run(pace, gate, hint, attempts, deadline));
    CHECK(one == run(deadline, hint, gate, pace, attempts));
    CHECK(one == run(attempts, deadline, pace, hint, gate));
}
