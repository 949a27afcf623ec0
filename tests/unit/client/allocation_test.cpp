// SPDX-License-Identifier: BSL-1.0
// The thread sanitizer defines operator new itself and does not let a program do so; every other
// build runs these tests.
#if defined(__SANITIZE_THREAD__)
#define REKEY_TESTS_COUNT_NOTHING
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define REKEY_TESTS_COUNT_NOTHING
#endif
#endif

#ifndef REKEY_TESTS_COUNT_NOTHING
#include <rekey/client.hpp>

#include <rekey/any_client.hpp>
#include <rekey/any_credential.hpp>
#include <rekey/any_exchange.hpp>
#include <rekey/policy/remember.hpp>

#include "catch.hpp"
#include "support/clients.hpp"
#include "support/traded.hpp"

#include <atomic>
#include <cstddef>
#include <cstdlib>
#include <new>
#include <string_view>
#include <vector>

namespace {

// Allocations of this thread; counted only while a test asks for it.
thread_local std::size_t allocations = 0;

}  // namespace

void* operator new(std::size_t size) {
    ++allocations;
    if (void* const memory = std::malloc(size == 0 ? 1 : size)) return memory;
    std::abort();
}
void* operator new[](std::size_t size) { return operator new(size); }
// A sanitizer has nothrow editions of its own, whose memory would not fit the deletes below.
void* operator new(std::size_t size, const std::nothrow_t&) noexcept { return operator new(size); }
void* operator new[](std::size_t size, const std::nothrow_t&) noexcept {
    return operator new(size);
}
void operator delete(void* memory, const std::nothrow_t&) noexcept { std::free(memory); }
void operator delete[](void* memory, const std::nothrow_t&) noexcept { std::free(memory); }
void operator delete(void* memory) noexcept { std::free(memory); }
void operator delete[](void* memory) noexcept { std::free(memory); }
void operator delete(void* memory, std::size_t) noexcept { std::free(memory); }
void operator delete[](void* memory, std::size_t) noexcept { std::free(memory); }

namespace {

using namespace clients;

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

#endif
