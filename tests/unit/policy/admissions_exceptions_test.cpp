// SPDX-License-Identifier: BSL-1.0
#include <rekey/policy/admissions.hpp>

#include <rekey/policy/budget.hpp>
#include <rekey/rekey.hpp>

#include "catch.hpp"
#include "tests/support/clients.hpp"

#include <stdexcept>

namespace {

using namespace clients;

struct Held : AtDoor<Door::bulkhead> {
    int* held;
    int* unanswered;
    Held(int& inside, int& failed) : held(&inside), unanswered(&failed) {}
    Admission admit(const Action&, const Asking&) const {
        ++*held;
        return {};
    }
    void settled(const Action&, const Ending& end) const noexcept {
        --*held;
        if (end.sent && end.judged && end.facts.reach == Reach::sent_unanswered) ++*unanswered;
    }
};

struct Throwing {
    static constexpr std::string_view name = "throwing";
    std::string token() const { throw std::runtime_error("no token"); }
};

}  // namespace

TEST_CASE("an exception of the transport frees what the doors gave, as an unanswered attempt") {
    int held = 0;
    int unanswered = 0;
    const auto http = [&held](const HttpRequest&, const Attempt&) -> HttpResponse {
        CHECK(held == 1);
        throw std::runtime_error("gone");
    };
    const RetryBudget<50, 1> budget;
    const Client client{http, both(), OnRefusal{}, Held{held, unanswered}, budget};
    CHECK_THROWS_AS(client.send(chat()), std::runtime_error);
    CHECK(held == 0);
    CHECK(unanswered == 1);
}

TEST_CASE("an exception of a credential gives back what the doors gave") {
    int held = 0;
    int unanswered = 0;
    const auto http = [](const HttpRequest&, const Attempt&) { return accepted(); };
    const Client client{http, CredentialChain{Throwing{}}, Held{held, unanswered}};
    CHECK_THROWS_AS(client.send(chat()), std::runtime_error);
    CHECK(held == 0);
    CHECK(unanswered == 0);
}
