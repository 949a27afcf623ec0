// SPDX-License-Identifier: BSL-1.0
#include <rekey/idempotency_key.hpp>

#include <rekey/client.hpp>
#include <rekey/http.hpp>
#include <rekey/nested.hpp>
#include <rekey/policy/limits.hpp>
#include <rekey/policy/retry_on.hpp>
#include <rekey/testing/print.hpp>
#include <rekey/testing/script.hpp>

#include "catch.hpp"

#include <cstddef>
#include <cstring>
#include <set>
#include <string>
#include <string_view>

namespace {

using namespace rekey;
using namespace rekey::testing;

const HttpRequest post{"POST", "https://api.example/orders", {}, {}};

}  // namespace

TEST_CASE("a fresh key is made once for a call and is the same on each of its attempts") {
    Script http;
    http.then(503).then(TransportError{Reach::sent_unanswered, "reset"}).then(200).then(200);
    const Client client{http, RetryOn<Transient>{}, MaxAttempts<3>{}};
    CHECK(client.send(post, FreshIdempotencyKey{}));
    CHECK(client.send(post, FreshIdempotencyKey{}));
    REQUIRE(http.sends().size() == 4);
    CHECK(http.sends()[0].idempotency_key.size() == 36);
    CHECK(http.sends()[1].idempotency_key == http.sends()[0].idempotency_key);
    CHECK(http.sends()[2].idempotency_key == http.sends()[0].idempotency_key);
    CHECK(http.sends()[3].idempotency_key != http.sends()[0].idempotency_key);
}

TEST_CASE("a fresh key is a UUID of version 4") {
    const auto bits = [](void* out, std::size_t size) {
        std::memset(out, 0xff, size);
        return true;
    };
    CHECK(FreshIdempotencyKey{bits}.key() == "ffffffff-ffff-4fff-bfff-ffffffffffff");
    std::set<std::string> seen;
    for (int i = 0; i != 1000; ++i) seen.insert(std::string(FreshIdempotencyKey{}.key()));
    CHECK(seen.size() == 1000);
}

TEST_CASE("without randomness there is no key, and nothing is repeated for its sake") {
    Script http;
    http.then(503).then(200);
    const Client client{http, RetryOn<Transient>{}, MaxAttempts<3>{}};
    const auto none = [](void*, std::size_t) { return false; };
    const auto result = client.send(post, FreshIdempotencyKey{none});
    CHECK(result.stop_reason() == StopReason::unsafe_to_repeat);
    CHECK(http.sends().size() == 1);
    CHECK(http.sends()[0].idempotency_key.empty());
}

TEST_CASE("an empty key is none, and nothing is repeated for its sake") {
    Script http;
    http.then(503).then(503).then(200).then(503).then(200);
    const Client client{http, RetryOn<Transient>{}, MaxAttempts<3>{}};
    const std::string_view empty;
    CHECK(client.send(post, IdempotencyKey{empty}).stop_reason() == StopReason::unsafe_to_repeat);
    CHECK(http.sends().size() == 1);
    CHECK(client.send(post, Idempotent{}, IdempotencyKey{empty}));
    CHECK(client.send(post, IdempotencyKey{"k"}));
    CHECK(http.sends().size() == 5);
}

TEST_CASE("a key that could not be made leaves the key of the attempt outside") {
    Script http;
    http.then(200);
    const Client client{http, RetryOn<AuthRejected>{}};
    AttemptFields fields;
    fields.idempotency_key = "outside";
    const auto none = [](void*, std::size_t) { return false; };
    CHECK(client.send(post, NestedIn{Attempt{fields}}, FreshIdempotencyKey{none}));
    CHECK(http.sends()[0].idempotency_key == "outside");
}

TEST_CASE("a transport that takes a request alone finds the key in its header") {
    std::vector<std::string> keys;
    const auto plain = [&keys](const HttpRequest& request) {
        keys.push_back(std::string(find_header(request.headers, "Idempotency-Key")));
        return HttpResponse{keys.size() == 1 ? 503 : 200, {}, "{}", false};
    };
    const Client client{plain, RetryOn<Transient>{}, MaxAttempts<3>{}};
    CHECK(client.send(post, IdempotencyKey{"key-1"}));
    CHECK(keys == std::vector<std::string>{"key-1", "key-1"});

    HttpRequest own = post;
    own.headers.push_back({"idempotency-key", "mine"});
    CHECK(client.send(own, IdempotencyKey{"key-1"}));
    CHECK(keys.back() == "mine");
    CHECK(client.send(post, Idempotent{}));
    CHECK(keys.back().empty());
}
