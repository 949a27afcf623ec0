// SPDX-License-Identifier: BSL-1.0
#include <rekey/nested.hpp>

#include <rekey/rekey.hpp>
#include <rekey/testing.hpp>

#include "catch.hpp"
#include "tests/support/clients.hpp"

#include <string>
#include <vector>

namespace {

using namespace clients;
using Repeats = RetryOn<AuthRejected, RateLimited, Transient>;

template <class Result> TransportResult<HttpResponse> handed_on(Result&& result) {
    if (result) return *std::move(result);
    if (const HttpResponse* const response = result.error().response()) return *response;
    return TransportError{result.error().reach, result.error().message()};
}

/// How often the service is asked if a call of three attempts is made inside another one.
template <bool Tells> std::size_t sends_of(const TransportError* error, int status) {
    std::size_t sends = 0;
    const auto service = [&](const HttpRequest&, const Attempt&) -> TransportResult<HttpResponse> {
        ++sends;
        if (error != nullptr) return *error;
        return answer(status);
    };
    const Client inner{service, Repeats{}, MaxAttempts<3>{}};
    const auto nesting = [&](const HttpRequest& request, const Attempt& attempt) {
        if constexpr (Tells)
            return handed_on(inner.send(request, Idempotent{}, NestedIn{attempt}));
        else
            return handed_on(inner.send(request, Idempotent{}));
    };
    const Client outer{nesting, Repeats{}, MaxAttempts<3>{}};
    CHECK_FALSE(outer.send(chat(), Idempotent{}));
    return sends;
}

}  // namespace

TEST_CASE("a client inside an attempt of another does not multiply its repeats") {
    const TransportError unsent{Reach::never_sent, "refused"};
    CHECK(sends_of<false>(nullptr, 503) == 9);
    CHECK(sends_of<true>(nullptr, 503) == 3);
    CHECK(sends_of<true>(nullptr, 429) == 3);
    CHECK(sends_of<true>(&unsent, 0) == 3);
}

TEST_CASE("a nested call still falls back, and says that it left repeating to others") {
    testing::Script http;
    http.then(401).then(200).then(401).then(503);
    const Client inner{http, both(), Repeats{}, MaxAttempts<9>{}};
    const Attempt outside;
    CHECK(inner.send(chat(), Idempotent{}, NestedIn{outside}).credential() == "enterprise");
    const auto failed = inner.send(chat(), NestedIn{outside}, Idempotent{});
    CHECK(failed.stop_reason() == StopReason::not_retryable);
    CHECK(failed.error().kind == ErrorKind::transient);
    CHECK(http.sends().size() == 4);
}

TEST_CASE("the attempts inside carry the idempotency key of the call outside") {
    std::vector<std::string> keys;
    const auto service = [&keys](const HttpRequest&, const Attempt& attempt) {
        keys.emplace_back(attempt.idempotency_key());
        return answer(503);
    };
    const Client inner{service, Repeats{}, MaxAttempts<3>{}};
    bool own_key = false;
    const auto nesting = [&](const HttpRequest& request, const Attempt& attempt) {
        if (own_key) (void)inner.send(request, NestedIn{attempt}, IdempotencyKey{"own"});
        own_key = true;
        return handed_on(inner.send(request, IdempotencyKey{"mine"}, NestedIn{attempt}));
    };
    const auto passing = [&](const HttpRequest& request, const Attempt& attempt) {
        return handed_on(inner.send(request, NestedIn{attempt}));
    };
    const Client outer{passing, Repeats{}, MaxAttempts<2>{}};
    CHECK_FALSE(outer.send(chat(), IdempotencyKey{"order-7"}));
    CHECK(keys == std::vector<std::string>{"order-7", "order-7"});
    keys.clear();
    const Client another{nesting, Repeats{}, MaxAttempts<2>{}};
    CHECK_FALSE(another.send(chat(), IdempotencyKey{"order-8"}));
    CHECK(keys == std::vector<std::string>{"mine", "own", "mine"});
}
