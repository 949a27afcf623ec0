// SPDX-License-Identifier: BSL-1.0
#include <rekey/policy/obo_reauth.hpp>

#include "catch.hpp"
#include "support/obo.hpp"

#include <rekey/cancellation.hpp>
#include <rekey/resumable.hpp>

#include <atomic>
#include <chrono>
#include <functional>
#include <map>
#include <mutex>
#include <set>
#include <string>
#include <string_view>
#include <thread>
#include <variant>
#include <vector>

using namespace rekey;
using namespace std::chrono_literals;
using obo::at_once;
using obo::let_others_run;

namespace {

/// Tokens that the program keeps by itself, one a user.
class Vault {
public:
    std::string token(std::string_view user) const {
        const std::lock_guard<std::mutex> lock(mutex_);
        const auto place = tokens_.find(std::string(user));
        return place == tokens_.end() ? "old" : place->second;
    }
    void put(std::string_view user, const std::string& token) {
        const std::lock_guard<std::mutex> lock(mutex_);
        tokens_[std::string(user)] = token;
    }

private:
    mutable std::mutex mutex_{};
    std::map<std::string, std::string> tokens_{};
};

/// The user's credential, out of the vault.
struct UserCredential {
    static constexpr std::string_view name = "user";
    static constexpr Identity identity = Identity::user;
    Vault* vault;
    std::string token(const Context& context) const { return vault->token(context.subject); }
};
struct AppKey {
    static constexpr std::string_view name = "app";
    std::string token = "app-key";
};

/// A platform that takes one token, `new`.
struct Platform {
    std::atomic<int> sends{0};
    std::atomic<int> refusals_left{0};  ///< Of the new token.
    std::int64_t code = 4101;
    std::function<void()> on_refusal{};

    HttpResponse operator()(const HttpRequest&, const Attempt& attempt) {
        ++sends;
        const bool is_new = attempt.authorization() == "Bearer new";
        if (is_new && --refusals_left < 0) return obo::json(200, R"({"code":0})");
        if (on_refusal) on_refusal();
        return obo::coded(code);
    }
};

const HttpRequest question{"POST", "https://api.coze.com/v3/chat", {}, R"({"q":1})"};

struct Desk {
    Vault vault{};
    Platform service{};
    obo::Clock clock{};

    template <class Redirector> auto client(Redirector redirector) {
        return Client{std::ref(service),      CredentialChain{UserCredential{&vault}},
                      coze::RetryOnRefusal{}, coze::Api{},
                      OboReauth{redirector},  UseClock{clock}};
    }
    /// Waits until the person is done.
    auto says_yes(std::atomic<int>& windows) {
        return [this, &windows](const AuthorizationRequest& request) {
            ++windows;
            vault.put(request.subject, "new");
            return Authorized{};
        };
    }
};

using Any = std::variant<Authorized, HandedOver, Denied>;

}  // namespace

TEST_CASE("a Redirector that waits: the refused request is sent again with the new token") {
    Desk desk;
    std::atomic<int> windows{0};
    const auto client = desk.client(desk.says_yes(windows));
    const auto result = client.send(question, Subject{"ann"});
    REQUIRE(result);
    CHECK(windows == 1);
    CHECK(desk.service.sends == 2);
    CHECK(result.trail().count() == 2);
    CHECK(client.send(question, Subject{"ann"}));
    CHECK(windows == 1);
}

TEST_CASE("a Redirector that hands over: the call ends and is resumed with its request") {
    Desk desk;
    std::string subject;
    const auto client = desk.client([&](const AuthorizationRequest& request) {
        subject = request.subject;
        return HandedOver{};
    });
    const auto asked = client.send(question, Subject{"ann"}, IdempotencyKey{"k-1"});
    REQUIRE(!asked);
    CHECK(asked.error().kind == ErrorKind::authorization_needed);
    CHECK(asked.stop_reason() == StopReason::needs_user);
    CHECK(asked.error().service_code == 4101);
    CHECK(asked.authorization().subject == "ann");
    CHECK(subject == "ann");

    const Resumable waiting{question, asked, Subject{"ann"}, IdempotencyKey{"k-1"}};
    desk.vault.put("ann", "new");
    CHECK(client.resume(waiting));

    // A resumed request never asks again: the person has just been there.
    desk.vault.put("ann", "old");
    subject.clear();
    const auto refused = client.resume(waiting);
    REQUIRE(!refused);
    CHECK(refused.error().kind == ErrorKind::refused);
    CHECK(subject.empty());
}

TEST_CASE("a Redirector may refuse, with a reason for people") {
    Desk desk;
    const auto client =
        desk.client([](const AuthorizationRequest&) -> Any { return Denied{"nobody is here"}; });
    const auto result = client.send(question);
    REQUIRE(!result);
    CHECK(result.error().kind == ErrorKind::authorization_denied);
    CHECK(result.error().message() == "nobody is here");
    CHECK(result.stop_reason() == StopReason::needs_user);
    CHECK(desk.service.sends == 1);
}

TEST_CASE("a Redirector may answer each time as the moment demands") {
    Desk desk;
    int turn = 0;
    const auto client = desk.client([&](const AuthorizationRequest&) -> Any {
        switch (turn++) {
            case 0: return HandedOver{};
            case 1: return Denied{};
            default: desk.vault.put("", "new"); return Authorized{};
        }
    });
    CHECK(client.send(question).error().kind == ErrorKind::authorization_needed);
    CHECK(client.send(question).error().kind == ErrorKind::authorization_denied);
    CHECK(client.send(question));
    CHECK(turn == 3);
}

TEST_CASE("64 refused calls of one user call a bare Redirector once, and all of them finish") {
    Desk desk;
    std::atomic<int> windows{0};
    const auto yes = desk.says_yes(windows);
    const auto client = desk.client([&](const AuthorizationRequest& request) {
        while (desk.service.sends != 64) std::this_thread::yield();
        let_others_run();
        return yes(request);
    });
    std::atomic<int> finished{0};
    at_once(64, [&](int) {
        if (client.send(question, Subject{"ann"})) ++finished;
    });
    CHECK(finished == 64);
    CHECK(windows == 1);
    CHECK(desk.service.sends == 128);
}

TEST_CASE("a refusal of a call that was on its way before the authorization opens no window") {
    Desk desk;
    std::atomic<int> windows{0};
    const auto client = desk.client(desk.says_yes(windows));
    bool is_first = true;
    // While the first call is at the service, another one is refused, asks and finishes.
    desk.service.on_refusal = [&] {
        if (!std::exchange(is_first, false)) return;
        CHECK(client.send(question, Subject{"ann"}));
        CHECK(windows == 1);
    };
    CHECK(client.send(question, Subject{"ann"}));
    CHECK(windows == 1);

    // A call that began after it is no such call.
    desk.vault.put("ann", "old");
    CHECK(client.send(question, Subject{"ann"}));
    CHECK(windows == 2);
}

TEST_CASE("S55 users are asked side by side, and one answer is not another's") {
    Desk desk;
    std::mutex mutex;
    std::multiset<std::string> asked;
    obo::Gate bob_is_done;
    const auto client = desk.client([&](const AuthorizationRequest& request) -> Any {
        {
            const std::lock_guard<std::mutex> lock(mutex);
            asked.insert(request.subject);
        }
        if (request.subject == "bob") return Denied{"no"};
        bob_is_done.wait();
        desk.vault.put(request.subject, "new");
        return Authorized{};
    });
    bool served[2] = {false, true};
    at_once(2, [&](int i) {
        served[i] = client.send(question, Subject{i == 0 ? "ann" : "bob"}).has_value();
        if (i == 1) bob_is_done.open();
    });
    CHECK(served[0]);
    CHECK(!served[1]);
    CHECK(asked == std::multiset<std::string>{"ann", "bob"});
    CHECK(desk.vault.token("bob") == "old");
}

TEST_CASE("S35 who waits for a person shares the person's refusal") {
    Desk desk;
    std::atomic<int> windows{0};
    const auto client = desk.client([&](const AuthorizationRequest&) -> Any {
        ++windows;
        while (desk.service.sends != 64) std::this_thread::yield();
        for (int i = 0; i != 20; ++i) let_others_run();
        return Denied{"not now"};
    });
    std::atomic<int> denied{0};
    at_once(64, [&](int) {
        const auto result = client.send(question);
        if (!result && result.error().message() == "not now") ++denied;
    });
    CHECK(denied == 64);
    CHECK(windows < 32);  // who comes after the end asks for himself
}

TEST_CASE("a call asks once: a new token that is refused as well ends it") {
    Desk desk;
    desk.service.code = 700012006;
    std::atomic<int> windows{0};
    desk.service.refusals_left = 1000;
    const auto client = desk.client(desk.says_yes(windows));
    const auto result = client.send(question);
    REQUIRE(!result);
    CHECK(result.error().kind == ErrorKind::refused);
    CHECK(windows == 1);
    CHECK(desk.service.sends == 2);
    CHECK(desk.clock.waits().empty());
}

TEST_CASE("after a Redirector has waited the new token may take 3.5 seconds to act") {
    Desk desk;
    std::atomic<int> windows{0};
    const auto client = desk.client(desk.says_yes(windows));
    SECTION("and is accepted then") {
        desk.service.refusals_left = 3;
        CHECK(client.send(question));
    }
    SECTION("and no more") {
        desk.service.refusals_left = 1000;
        CHECK(!client.send(question));
    }
    CHECK(desk.service.sends == 5);
    CHECK(desk.clock.waits() == std::vector<Duration>{500ms, 1s, 2s});
    CHECK(windows == 1);
}

TEST_CASE("a credential that was replaced while its user was asked is the one that goes out") {
    struct Fixed {
        std::string_view name = "fixed";
        std::string token;
    };
    Platform service;
    std::function<void()> replace;
    const Client client{std::ref(service), CredentialChain{Fixed{"fixed", "old"}},
                        coze::RetryOnRefusal{}, coze::Api{},
                        OboReauth{[&replace](const AuthorizationRequest&) {
                            replace();
                            return Authorized{};
                        }}};
    replace = [&] { client.replace(Fixed{"fixed", "new"}); };
    CHECK(client.send(question));
    CHECK(service.sends == 2);
}

TEST_CASE("S52 the user is asked last, and only a chain that says so goes on as the app") {
    Desk desk;
    std::atomic<int> windows{0};
    std::vector<std::string> used;
    const auto http = [&](const HttpRequest&, const Attempt& attempt) {
        used.emplace_back(attempt.credential());
        return attempt.authorization() == "Bearer new" ? obo::json(200, R"({"code":0})")
                                                       : obo::coded(4101);
    };
    const Client client{http,
                        CredentialChain{UserCredential{&desk.vault}, AppKey{}},
                        coze::RetryOnRefusal{},
                        coze::Api{},
                        EscalateToAppIdentity{},
                        OboReauth{desk.says_yes(windows)}};
    CHECK(client.send(question, Subject{"ann"}));
    CHECK(used == std::vector<std::string>{"user", "app", "user"});
    CHECK(windows == 1);
}

TEST_CASE("who has authorized and is refused reads why, also if the app was tried in between") {
    Desk desk;
    std::atomic<int> windows{0};
    const auto http = [&](const HttpRequest&, const Attempt& attempt) {
        return obo::coded(attempt.authorization() == "Bearer new" ? 4101 : 4100);
    };
    const Client client{http,
                        CredentialChain{UserCredential{&desk.vault}, AppKey{}},
                        coze::RetryOnRefusal{},
                        coze::Api{},
                        EscalateToAppIdentity{},
                        OboReauth{desk.says_yes(windows)},
                        UseClock{desk.clock}};
    const auto result = client.send(question, Subject{"ann"});
    CHECK(windows == 1);
    CHECK(result.trail()[1].slot == 1);
    CHECK(result.trail().back().service_code == 4101);
    CHECK(result.error().service_code == 4101);
    CHECK(result.credential() == "user");
}

TEST_CASE("many users are asked without one being mixed up with another") {
    Desk desk;
    std::atomic<int> windows{0};
    const auto client = desk.client(desk.says_yes(windows));
    for (int i = 0; i != 1500; ++i)
        CHECK(client.send(question, Subject{"user" + std::to_string(i)}));
    CHECK(windows == 1500);
    CHECK(client.send(question, Subject{"user0"}));
    CHECK(windows == 1500);
}

TEST_CASE("a user who is being asked for long keeps no place of others who are forgotten") {
    detail::AskedUsers users;
    int asked = 0;
    const auto yes = [&asked] {
        ++asked;
        return RedirectorAnswer{Reauthorized::authorized, {}};
    };
    const detail::Stop nobody_stops{};
    const std::uint64_t before = users.mark();
    (void)users.once("the slow one", before, nobody_stops, [&] {
        (void)users.once("first", before, nobody_stops, yes);
        (void)users.once("first", before, nobody_stops, yes);
        CHECK(asked == 1);  // remembered
        for (int i = 0; i != 1100; ++i)
            (void)users.once("user" + std::to_string(i), before, nobody_stops, yes);
        CHECK(asked == 1101);
        (void)users.once("user1099", before, nobody_stops, yes);
        CHECK(asked == 1101);
        (void)users.once("first", before, nobody_stops, yes);
        CHECK(asked == 1102);  // forgotten
        return RedirectorAnswer{Reauthorized::authorized, {}};
    });
    (void)users.once("the slow one", before, nobody_stops, yes);
    CHECK(asked == 1102);
}

TEST_CASE("S36 a call that is stopped while it waits for another's answer ends as cancelled") {
    Desk desk;
    Canceller stop;
    obo::Gate is_asked;
    obo::Gate is_over;
    const auto client = desk.client([&](const AuthorizationRequest&) -> Any {
        is_asked.open();
        is_over.wait();
        return Denied{"not now"};
    });
    bool is_served = true;
    std::thread first{[&] { is_served = client.send(question).has_value(); }};
    is_asked.wait();
    ErrorKind kind = ErrorKind::refused;
    std::thread second{[&] {
        const auto result = client.send(question, Cancellation{stop});
        if (!result) kind = result.error().kind;
        is_over.open();  // before the person has answered
    }};
    while (desk.service.sends != 2) std::this_thread::yield();
    let_others_run();
    stop.cancel();
    second.join();
    first.join();
    CHECK(kind == ErrorKind::cancelled);
    CHECK(!is_served);
}
