// SPDX-License-Identifier: BSL-1.0
// Users' calls that run out of memory, wherever.
#include <rekey/policy/obo_reauth.hpp>

#include "catch.hpp"
#include "support/memory.hpp"
#include "support/obo.hpp"

#include <chrono>
#include <string>
#include <type_traits>
#include <variant>

using namespace rekey;

// A copy allocates: were it noexcept, a call without memory would end the program.
static_assert(!std::is_nothrow_copy_assignable_v<Secret>);
static_assert(std::is_nothrow_move_assignable_v<Secret>);

#if !defined(REKEY_TESTS_COUNT_NOTHING) && defined(__cpp_exceptions)
namespace {

using namespace obo;

const std::string ann = "ann, whose name is longer than what a string keeps inside itself";

template <class Caller> auto chat(Desk& desk, const Caller& client) {
    return client.send(desk.chat(), Subject{ann}, WithoutBinding{});
}
template <class Caller> std::string sent_away(Desk& desk, const Caller& client) {
    const auto result = chat(desk, client);
    REQUIRE(!result);
    return desk.browse(result.authorization().url);
}
template <class Caller> bool comes_back(const Caller& client, const std::string& callback) {
    return bool(client.template resume<HttpRequest>(callback, WithoutBinding{}));
}
/// Whether the user is served, after authorizing once more if that is asked for.
template <class Caller> bool is_served(Desk& desk, const Caller& client) {
    const auto result = chat(desk, client);
    if (result) return true;
    CHECK(result.error().kind == ErrorKind::authorization_needed);
    return comes_back(client, desk.browse(result.authorization().url));
}

/// Lets each allocation of `act` fail in turn. Nothing may leak, and the user is served afterwards.
template <class Prepare, class Act> void survives(const Prepare& prepare, const Act& act) {
    for (long kept = 0, failed = 1; failed != 0; ++kept) {
        INFO("allocation " << kept);
        const long before = memory::alive;
        {
            Desk desk;
            const auto client = desk.web();
            const std::string callback = prepare(desk, client);
            failed = memory::fails_after(kept, [&] { act(desk, client, callback); });
            CHECK(is_served(desk, client));
            CHECK(desk.service.totals().refresh_reuse == 0);
            CHECK(desk.service.totals().code_reuse == 0);
        }
        const long after = memory::alive;
        INFO("alive before " << before << ", after " << after);
        CHECK(after == before);
        REQUIRE(kept < 5000);
    }
}
const auto nothing = [](Desk&, const auto&) { return std::string(); };
const auto sends_away = [](Desk& desk, const auto& client) { return sent_away(desk, client); };
const auto signs_in = [](Desk& desk, const auto& client) {
    REQUIRE(comes_back(client, sent_away(desk, client)));
    return std::string();
};
const auto expires = [](Desk& desk, const auto& client) {
    REQUIRE(comes_back(client, sent_away(desk, client)));
    desk.clock.advance(std::chrono::seconds{desk.options.access_seconds});
    return std::string();
};

struct Borrowed {
    static constexpr std::string_view name = "user";
    static constexpr Identity identity = Identity::user;
    std::string_view token(const Context&) const { return "no-token-of-anybody"; }
};

}  // namespace

TEST_CASE("S37 a user's call that runs out of memory, wherever, leaks nothing and strands nobody") {
    SECTION("before the user is known") {
        survives(nothing,
                 [](Desk& desk, const auto& client, const auto&) { (void)chat(desk, client); });
    }
    SECTION("when the browser comes back") {
        survives(sends_away, [](Desk&, const auto& client, const std::string& callback) {
            (void)comes_back(client, callback);
        });
    }
    SECTION("while the token is refreshed") {
        survives(expires,
                 [](Desk& desk, const auto& client, const auto&) { (void)chat(desk, client); });
    }
    SECTION("while the user signs out") {
        survives(signs_in, [](Desk&, const auto& client, const auto&) {
            (void)client.sign_out(Subject{ann});
        });
    }
    SECTION("while the user is forgotten") {
        survives(signs_in,
                 [](Desk&, const auto& client, const auto&) { client.forget(Subject{ann}); });
    }
}

TEST_CASE("S37 a Redirector of the user's own is asked without memory, and asked again with it") {
    for (long kept = 0, failed = 1; failed != 0; ++kept) {
        INFO("allocation " << kept);
        const long before = memory::alive;
        {
            Desk desk;
            desk.wire.interfere([](const Sent&, bool) { return Reply{coded(4100)}; });
            const auto no = [](const AuthorizationRequest&) -> std::variant<Authorized, Denied> {
                return Denied{"a reason that is longer than what a string keeps inside itself"};
            };
            const Client client{desk.wire,     CredentialChain{Borrowed{}},
                                coze::Api{},   coze::RetryOnRefusal{},
                                OboReauth{no}, UseClock{desk.clock}};
            failed =
                memory::fails_after(kept, [&] { (void)client.send(desk.chat(), Subject{ann}); });
            const auto result = client.send(desk.chat(), Subject{ann});
            REQUIRE(!result);
            CHECK(result.error().kind == ErrorKind::authorization_denied);
        }
        const long after = memory::alive;
        INFO("alive before " << before << ", after " << after);
        CHECK(after == before);
        REQUIRE(kept < 5000);
    }
}
#endif
