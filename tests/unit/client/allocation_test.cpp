// SPDX-License-Identifier: BSL-1.0
#include <rekey/client.hpp>

#include <rekey/any_client.hpp>
#include <rekey/any_credential.hpp>
#include <rekey/any_exchange.hpp>
#include <rekey/coze.hpp>
#include <rekey/policy/remember.hpp>

#include "catch.hpp"
#include "support/clients.hpp"
#include "support/memory.hpp"
#include "support/traded.hpp"

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#ifndef REKEY_TESTS_COUNT_NOTHING
namespace {

using namespace clients;
using memory::allocations;

// A request and a response that own no memory.
struct Light {
    std::string_view method = "POST";
    std::string_view url = "https://api.coze.com/v3/chat";
};
struct LightResponse {
    int status;
    std::string_view body;
};

template <class Client> std::size_t allocations_of(const Client& client) {
    (void)client.send(Light{}).has_value();  // whatever is made once is made now
    const std::size_t before = allocations;
    const bool accepted_call = client.send(Light{}).has_value();
    const std::size_t used = allocations - before;
    CHECK(accepted_call);
    return used;
}

}  // namespace

TEST_CASE("a client without its type is one allocation, and its calls allocate nothing") {
    const Client typed{[](const Light&, const Attempt&) {
                           return LightResponse{200, R"({"code":0,"msg":""})"};
                       },
                       both(), OnCodes{}};
    const std::size_t before = allocations;
    const AnyClient<Light, LightResponse> client{typed};
    CHECK(allocations - before == 1);
    CHECK(allocations_of(client) == 0);
    const std::size_t made = allocations;
    const AnyClient<Light, LightResponse> copy{client};
    CHECK(copy.send(Light{}, Subject{"ada"}, IdempotencyKey{"order-7"}));
    CHECK(allocations == made);
}

TEST_CASE("a call over a chain that was made at run time allocates nothing") {
    const AnyChain<8> chain{std::vector<AnyCredential>{Personal{}, Enterprise{}}};
    const Client client{[](const Light&, const Attempt& attempt) {
                            const bool good = attempt.credential() == "enterprise";
                            return LightResponse{200, good ? "{}" : R"({"code":4101})"};
                        },
                        chain.credentials(), chain.empty_places(), OnCodes{}};
    CHECK(allocations_of(client) == 0);
}

TEST_CASE("a call with a live token of a chain that may exchange allocates nothing") {
    using Chain = AnyChain<8, void, MayExchange>;
    const Chain chain{std::vector<Chain::Credential>{Personal{}, Traded{}}};
    const Client client{
        [](const Light&, const Attempt& attempt) {
            const bool good = attempt.credential() == "traded";
            return LightResponse{good ? 200 : 403, good ? "{}" : R"({"code":4101})"};
        },
        chain.credentials(), chain.empty_places(), OnCodes{},
        ExchangeOver{[](const HttpRequest&, const Attempt&) { return granted("one"); }}};
    CHECK(allocations_of(client) == 0);
}

TEST_CASE("a call whose first credential is accepted allocates nothing") {
    const Client client{[](const Light&, const Attempt&) {
                            return LightResponse{200, R"({"code":0,"msg":""})"};
                        },
                        both(), OnCodes{}, MaxAttempts<3>{}};
    CHECK(allocations_of(client) == 0);
}

TEST_CASE("a call that falls back allocates nothing of its own") {
    const Client client{[](const Light&, const Attempt& attempt) {
                            return attempt.is_retry()
                                       ? LightResponse{200, R"({"code":0,"msg":""})"}
                                       : LightResponse{200, R"({"code":4101,"msg":"refused"})"};
                        },
                        both(), OnCodes{}};
    CHECK(allocations_of(client) == 0);
}

TEST_CASE("a learned route costs a call no allocation") {
    const auto transport = [](const Light&, const Attempt& attempt) {
        return LightResponse{attempt.credential() == "enterprise" ? 200 : 401, R"({"code":0})"};
    };
    const Client client{transport, both(), OnRefusal{},
                        Remember{[](const Light& request) { return request.url; }}};
    CHECK(allocations_of(client) == 0);
    CHECK(client.send(Light{}).trail().count() == 1);
}

TEST_CASE("names made at run time cost a call no allocation") {
    struct Named {
        std::string name = "a name that does not fit into a small buffer";
        std::string token = "t";
    };
    const Client client{[](const Light&, const Attempt&) {
                            return LightResponse{200, "{}"};
                        },
                        CredentialChain{Named{}}, OnRefusal{}};
    CHECK(allocations_of(client) == 0);
}

TEST_CASE("a copy of a client costs no allocation") {
    const auto transport = [](const Light&, const Attempt&) { return LightResponse{200, "{}"}; };
    const Client client{transport, both(), OnRefusal{}};
    const std::size_t before = allocations;
    const Client copy{client};
    CHECK(allocations == before);
    CHECK(copy.send(Light{}));
}

// --- Where there is no memory ---

#ifdef __cpp_exceptions
namespace {

// Every text is longer than what a string keeps inside itself. No braced list has parts of which a
// later one may throw: g++ before 12 itself forgets the earlier ones (GCC bug 66139).
constexpr const char* long_token = "token-0123456789-0123456789-0123456789";
constexpr const char* long_base = "https://api.coze.com.example.org";

struct InAHeaderOfItsOwn {
    InAHeaderOfItsOwn() {}
    static constexpr std::string_view name = "fixed";
    std::string token = long_token;
    std::string scheme = "A-Scheme-Of-Many-Letters";
    std::string header = "X-A-Header-Of-Many-Letters";
    std::string origin = long_base;
};
struct Called {
    Called() {}
    std::string name = "called, and named at run time with many letters";
    std::string origin = long_base;
    std::string token() const { return long_token; }
};
struct CalledForAUser {
    static constexpr std::string_view name = "called for a user";
    Secret token(const Context&) const { return Secret{long_token}; }
};

HttpRequest to_send() {
    HttpRequest request;
    request.method = "POST";
    request.url = std::string(long_base) + "/v3/chat?conversation_id=7";
    detail::add_header(request.headers, "Content-Type", "application/json; charset=utf-8");
    request.body = "a body that is longer than what a string keeps inside itself";
    return request;
}
HttpResponse said(const char* body) {
    HttpResponse response;
    response.status = 200;
    detail::add_header(response.headers, "X-Tt-Logid", "a-log-id-of-many-many-letters-012345");
    response.body = body;
    return response;
}
HttpResponse said_no() {
    return said(R"({"code":4100,"msg":"token-0123456789-0123456789-0123456789 is refused"})");
}
// Refuses every first send of a call and accepts the second.
HttpResponse second_time(const HttpRequest&, const Attempt& attempt) {
    return attempt.is_retry() ? said(R"({"code":0,"msg":"a success of many letters"})") : said_no();
}
HttpResponse never(const HttpRequest&, const Attempt&) { return said_no(); }
HttpResponse with_tokens(const HttpRequest& request, const Attempt& attempt) {
    return request.url.find("/token") == std::string::npos
               ? second_time(request, attempt)
               : said(R"({"access_token":"token-0123456789-0123456789","expires_in":900})");
}

auto fixed_chain() {
    return CredentialChain{InAHeaderOfItsOwn{}, coze::Pat<>{long_token, long_base}};
}
auto called_chain() { return CredentialChain{Called{}, CalledForAUser{}}; }
template <class Which> auto app(const char* id) {
    coze::AppAuthOptions options;
    options.client_id = "client-0123456789-0123456789-0123456789";
    options.public_key_id = "key-0123456789-0123456789-0123456789";
    options.id = id;
    options.base = long_base;
    options.signer = oauth::Signer{[](std::string_view) { return std::string(64, 's'); }};
    return coze::AppAuth<Which>{options};
}
auto app_chain() {
    return CredentialChain{app<coze::Account>("0123456789-0123456789"),
                           app<coze::EnterpriseId>("volcano_0123456789-0123456789")};
}

// Whatever a user reads of a result.
template <class Response> void read(const Result<Response>& result) {
    Result<Response> copy = result;
    copy = result;
    if (copy) return;
    const std::string read[] = {copy.error().describe(), copy.error().message(),
                                copy.error().log_id()};
    CHECK_FALSE(read[0].empty());
}

// Lets each allocation of `act` fail in turn, until none does. How many there were.
template <class Act> long for_each_allocation(const Act& act) {
    for (long kept = 0;; ++kept) {
        const long before = memory::alive;
        const bool failed = memory::fails_after(kept, act);
        const long after = memory::alive;
        INFO("allocation " << kept << ", alive before " << before << ", after " << after);
        CHECK(after == before);
        if (!failed) return kept;
    }
}

// Calls with each allocation failing, and after each failure a call that finds all in order.
template <class Client> void fails_and_goes_on(const Client& client, StopReason as_ever) {
    const HttpRequest request = to_send();
    for (long kept = 0;; ++kept) {
        const bool failed = memory::fails_after(kept, [&] { read(client.send(request)); });
        INFO("allocation " << kept);
        const auto result = client.send(request);
        CHECK(result.stop_reason() == as_ever);
        CHECK(result.trail().count() == 2);
        if (!failed) {
            CHECK(kept > 5);
            return;
        }
    }
}
// The same with clients of their own, so that what leaks is seen.
template <class Make> void leaks_nothing(const Make& make, StopReason as_ever) {
    const long reached = for_each_allocation([&make] {
        const auto client = make();
        read(client.send(to_send()));
    });
    CHECK(reached > 10);
    fails_and_goes_on(make(), as_ever);
}

}  // namespace

TEST_CASE("a call that runs out of memory, wherever, leaks nothing and leaves the client usable") {
    const auto policies = [](const auto& transport, const auto& chain) {
        return Client{transport, chain, OnCodes{}, coze::Api{}, coze::FreshConversation{}};
    };
    SECTION("tokens that stand in their credentials, the second accepted") {
        leaks_nothing([&] { return policies(second_time, fixed_chain()); }, StopReason::success);
    }
    SECTION("tokens that stand in their credentials, all refused") {
        leaks_nothing([&] { return policies(never, fixed_chain()); }, StopReason::remedies_used_up);
    }
    SECTION("tokens of functions and a name of run time, the second accepted") {
        leaks_nothing([&] { return policies(second_time, called_chain()); }, StopReason::success);
    }
    SECTION("tokens of functions and a name of run time, all refused") {
        leaks_nothing([&] { return policies(never, called_chain()); },
                      StopReason::remedies_used_up);
    }
}

TEST_CASE("a call that exchanges and runs out of memory leaks nothing") {
    CHECK(for_each_allocation([] {
              const Client client{with_tokens, app_chain(), coze::RetryOnRefusal{}};
              read(client.send(to_send()));
          }) > 30);
}

TEST_CASE("a replacement that runs out of memory leaks nothing and replaces nothing") {
    const Client client{second_time, fixed_chain(), OnCodes{}, coze::Api{}};
    const InAHeaderOfItsOwn fresh{};
    CHECK(for_each_allocation([] {
              const Client mine{second_time, fixed_chain(), OnCodes{}, coze::Api{}};
              mine.replace(InAHeaderOfItsOwn{});
          }) > 5);
    CHECK(for_each_allocation([] {
              const Client mine{second_time, called_chain(), OnCodes{}, coze::Api{}};
              mine.replace(Called{});
          }) > 5);
    CHECK(for_each_allocation([] {
              const Client mine{with_tokens, app_chain(), coze::RetryOnRefusal{}};
              mine.replace(app<coze::Account>("9876543210-9876543210"));
          }) > 5);
    CHECK(memory::fails_after(0, [&] { client.replace(fresh); }));
    CHECK(client.send(to_send()));
}
#endif

#endif
