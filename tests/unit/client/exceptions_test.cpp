// SPDX-License-Identifier: BSL-1.0
#include <rekey/client.hpp>

#include "catch.hpp"
#include "support/clients.hpp"

#include <stdexcept>
#include <string>
#include <string_view>

namespace {

using namespace clients;

struct Vault {
    static constexpr std::string_view name = "vault";
    int* calls;
    std::string token() const {
        if (++*calls == 1) throw std::runtime_error("sealed");
        return "from_the_vault";
    }
};

}  // namespace

TEST_CASE(
    "an exception of the transport passes unchanged, is not retried, and leaves the client "
    "usable") {
    int calls = 0;
    const Client client{[&calls](const HttpRequest&, const Attempt&) {
                            if (++calls == 1) throw std::runtime_error("mine");
                            return accepted();
                        },
                        both(), RetryOn<AuthRejected, Transient>{}, MaxAttempts<3>{}};
    CHECK_THROWS_WITH(client.send(chat(), Idempotent{}), "mine");
    CHECK(calls == 1);
    CHECK(client.send(chat()));
    CHECK(calls == 2);
}

TEST_CASE("an exception that is no std::exception passes as well") {
    const Client client{[](const HttpRequest&, const Attempt&) -> HttpResponse { throw 42; },
                        both(), OnRefusal{}};
    CHECK_THROWS_AS(client.send(chat()), int);
}

TEST_CASE("an exception on the second send leaves nothing behind") {
    int calls = 0;
    const Client client{[&calls](const HttpRequest&, const Attempt&) {
                            if (++calls == 2) throw std::logic_error("mine");
                            return calls == 1 ? refusal() : accepted();
                        },
                        both(), OnCodes{}};
    CHECK_THROWS_AS(client.send(chat()), std::logic_error);
    const auto result = client.send(chat());
    REQUIRE(result);
    CHECK(result.credential() == "personal");
    CHECK(result.trail().count() == 1);
}

TEST_CASE("an exception of a credential's function passes unchanged and leaves the client usable") {
    int calls = 0;
    int sends = 0;
    const Client client{[&sends](const HttpRequest&, const Attempt&) {
                            ++sends;
                            return accepted();
                        },
                        CredentialChain{Vault{&calls}}, OnRefusal{}};
    CHECK_THROWS_WITH(client.send(chat()), "sealed");
    CHECK(sends == 0);
    CHECK(client.send(chat()));
    CHECK(sends == 1);
}

TEST_CASE("an exception of the rewriting function passes unchanged") {
    testing::Script http;
    http.then(200, 4101).then(200);
    const Client client{http, both(), OnCodes{},
                        OnFallBack{[](HttpRequest&) { throw std::runtime_error("no rewrite"); }}};
    CHECK_THROWS_WITH(client.send(chat()), "no rewrite");
    CHECK(http.sends().size() == 1);
}
