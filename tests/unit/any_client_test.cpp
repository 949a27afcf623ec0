// SPDX-License-Identifier: BSL-1.0
#include <rekey/any_client.hpp>

#include <rekey/cancellation.hpp>
#include <rekey/testing.hpp>

#include "catch.hpp"
#include "support/clients.hpp"

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <type_traits>
#include <utility>

namespace {

using namespace clients;
using namespace std::chrono_literals;
using Erased = AnyClient<HttpRequest, HttpResponse>;

/// What a user writes: a class that is no template.
class Greeter {
public:
    explicit Greeter(Erased client) : client_(std::move(client)) {}
    std::string greet() const {
        const auto result = client_.send(chat());
        return result ? "hello from " + std::string(result.credential()) : "nobody";
    }

private:
    Erased client_;
};

struct PerUser {
    static constexpr std::string_view name = "user";
    std::string token(const Context& context) const {
        return "token_of_" + std::string(context.subject);
    }
};

/// A client of the user's around another one.
struct Counting {
    Erased inner;
    int* sends;
    template <class... Extras>
    auto send(const HttpRequest& request, const Extras&... extras) const {
        ++*sends;
        return inner.send(request, extras...);
    }
};

}  // namespace

TEST_CASE("a class holds any client, and its calls fall back as those of the client do") {
    testing::Script http;
    http.then(200, 4101).then(200);
    const Greeter greeter{Client{http, both(), OnCodes{}}};

    CHECK(greeter.greet() == "hello from enterprise");
    CHECK(http.sends().size() == 2);
}

TEST_CASE("copies of an erased client share one client, and what was moved from still sends") {
    testing::Script http;
    http.then(200).then(200).then(200);
    const Client typed{http, both(), OnCodes{}};
    Erased first{typed};
    const Erased second = first;
    const Erased third = std::move(first);
    typed.replace(Personal{"pat_personal_2"});  // the client that went in is a copy: one state

    CHECK(first.send(chat()));
    CHECK(second.send(chat()));
    CHECK(third.send(chat()));
    for (const auto& send : http.sends()) CHECK(send.authorization == "Bearer pat_personal_2");
}

TEST_CASE("another client can be put in the place of an erased one") {
    testing::Script http;
    http.then(200).then(200);
    Erased client{Client{http, CredentialChain{Personal{}}}};
    CHECK(client.send(chat()).credential() == "personal");
    client = Client{http, CredentialChain{Enterprise{}}};
    CHECK(client.send(chat()).credential() == "enterprise");
}

TEST_CASE("an idempotency key passes through an erased client") {
    testing::Script http;
    http.then(TransportError{Reach::sent_unanswered, "reset"}).then(200);
    const Erased client{Client{http, both(), RetryOn<Transient>{}, MaxAttempts<2>{}}};
    CHECK(client.send(chat(), IdempotencyKey{"order-7"}));
    REQUIRE(http.sends().size() == 2);
    CHECK(http.sends()[1].idempotency_key == "order-7");
}

TEST_CASE("a call through an erased client is repeated only if it says that it may be") {
    const auto sends_of = [](auto... extras) {
        testing::Script http;
        http.then(TransportError{Reach::sent_unanswered, "reset"}).then(200);
        const Erased client{Client{http, both(), RetryOn<Transient>{}, MaxAttempts<2>{}}};
        (void)client.send(chat(), extras...);
        return http.sends().size();
    };
    CHECK(sends_of() == 1);
    CHECK(sends_of(Idempotent{}) == 2);
}

TEST_CASE("the subject of a call passes through an erased client") {
    testing::Script http;
    http.then(200);
    const Erased client{Client{http, CredentialChain{PerUser{}}}};
    CHECK(client.send(chat(), Subject{"ada"}));
    CHECK(http.sends()[0].authorization == "Bearer token_of_ada");
}

TEST_CASE("a call through an erased client is pinned to the credential of an earlier one") {
    testing::Script http;
    http.then(200, 4101).then(200).then(200);
    const Erased client{Client{http, both(), OnCodes{}}};
    const auto first = client.send(chat());
    CHECK(client.send(chat(), SameCredentialAs{first}).credential() == "enterprise");
    CHECK(http.sends().size() == 3);
}

TEST_CASE("a deadline of one call passes through an erased client") {
    testing::Script http;
    testing::ManualClock clock;
    http.then(200);
    const Erased client{Client{http, both(), OnCodes{}, UseClock{clock}}};
    CHECK(client.send(chat(), Idempotent{}, Deadline{4s}));
    CHECK(http.sends()[0].timeout == 2s);  // two credentials share it
    CHECK(client.send(chat(), Deadline{0s}).stop_reason() == StopReason::deadline);
    CHECK(http.sends().size() == 1);
}

TEST_CASE("a call through an erased client can be cancelled") {
    testing::Script http;
    http.then(200);
    const Erased client{Client{http, both(), OnCodes{}}};
    const Canceller stop;
    stop.cancel();
    const auto result = client.send(chat(), Cancellation{stop});
    REQUIRE_FALSE(result);
    CHECK(result.error().kind == ErrorKind::cancelled);
    CHECK(http.sends().empty());
}

TEST_CASE("an erased client is a client: it can be erased again, and it is never empty") {
    testing::Script http;
    http.then(200, 4101).then(200);
    int sends = 0;
    const Erased client{Counting{Client{http, both(), OnCodes{}}, &sends}};
    CHECK(client.send(chat(), IdempotencyKey{"order-7"}, Deadline{1h}).credential() ==
          "enterprise");
    CHECK(sends == 1);
    REQUIRE(http.sends().size() == 2);
    CHECK(http.sends()[1].idempotency_key == "order-7");
    CHECK(http.sends()[1].timeout > 0s);
    CHECK_FALSE(std::is_default_constructible_v<Erased>);
}
