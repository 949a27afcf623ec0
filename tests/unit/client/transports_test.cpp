// SPDX-License-Identifier: BSL-1.0
#include <rekey/client.hpp>

#include "catch.hpp"
#include "support/clients.hpp"

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace {

using namespace clients;

// A request that tells rekey nothing at all.
struct Opaque {
    int number = 0;
};

std::string last_seen;

HttpResponse function_of_two(const HttpRequest&, const Attempt& attempt) {
    last_seen = std::string(attempt.authorization());
    return accepted();
}
HttpResponse function_of_one(const HttpRequest& request) {
    last_seen = std::string(find_header(request.headers, "Authorization"));
    return accepted();
}

struct NotCopyable {
    int calls = 0;
    NotCopyable() = default;
    NotCopyable(const NotCopyable&) = delete;
    NotCopyable& operator=(const NotCopyable&) = delete;
    HttpResponse operator()(const HttpRequest&, const Attempt&) {
        ++calls;
        return accepted();
    }
};

struct Counting {
    int calls = 0;
    HttpResponse operator()(const HttpRequest&, const Attempt&) {
        ++calls;
        return accepted();
    }
};

struct BothShapes {
    std::string* used;
    HttpResponse operator()(const HttpRequest&) const {
        *used = "one argument";
        return accepted();
    }
    HttpResponse operator()(const HttpRequest&, const Attempt&) const {
        *used = "two arguments";
        return accepted();
    }
};

template <class Client> std::string authorization_seen_by(const Client& client) {
    last_seen.clear();
    CHECK(client.send(chat()));
    return last_seen;
}

}  // namespace

TEST_CASE("a transport of two arguments finds the whole header value in the attempt") {
    const Client client{[](const HttpRequest& request, const Attempt& attempt) {
                            last_seen = std::string(attempt.header()) + ": " +
                                        std::string(attempt.authorization());
                            CHECK(attempt.credential() == "personal");
                            CHECK(attempt.number() == 1);
                            CHECK_FALSE(attempt.is_retry());
                            CHECK(attempt.timeout() == Duration{0});
                            CHECK(request.headers.size() == 1);
                            return accepted();
                        },
                        both(), OnRefusal{}};
    CHECK(authorization_seen_by(client) == "Authorization: Bearer pat_personal_1");
}

TEST_CASE("a transport of one argument gets a signed copy") {
    const Client client{[](const HttpRequest& request) { return function_of_one(request); }, both(),
                        OnRefusal{}};
    CHECK(authorization_seen_by(client) == "Bearer pat_personal_1");
}

TEST_CASE("a transport that changes its argument changes only its own copy") {
    const HttpRequest request = chat();
    int calls = 0;
    const Client client{[&calls](HttpRequest& copy) {
                            CHECK(copy.url == chat().url);
                            CHECK(copy.body == chat().body);
                            CHECK(copy.headers.size() == 2);
                            copy.url.clear();
                            copy.body += "changed";
                            copy.headers.clear();
                            return ++calls == 1 ? refusal() : accepted();
                        },
                        both(), OnCodes{}};
    CHECK(client.send(request));
    CHECK(calls == 2);
    CHECK(request.url == chat().url);
    CHECK(request.body == chat().body);
    CHECK(request.headers.size() == 1);
}

TEST_CASE("a repeated attempt sends the signed copy once more, if nobody can have changed it") {
    std::vector<const HttpRequest*> seen;
    const auto failing = [&seen](const HttpRequest& copy) {
        CHECK(copy.headers.size() == 3);
        CHECK(find_header(copy.headers, "Idempotency-Key") == "key-1");
        seen.push_back(&copy);
        return seen.size() < 3 ? answer(503) : accepted();
    };
    const Client client{failing, both(), RetryOn<AuthRejected, Transient>{}, MaxAttempts<3>{}};
    REQUIRE(client.send(chat(), IdempotencyKey{"key-1"}));
    REQUIRE(seen.size() == 3);
    CHECK(seen[0] == seen[1]);
    CHECK(seen[1] == seen[2]);

    int calls = 0;
    const auto changing = [&calls](HttpRequest& copy) {
        CHECK(copy.headers.size() == 2);
        CHECK(copy.body == chat().body);
        copy.headers.clear();
        copy.body.clear();
        return ++calls < 3 ? answer(503) : accepted();
    };
    const Client other{changing, both(), RetryOn<AuthRejected, Transient>{}, MaxAttempts<3>{}};
    REQUIRE(other.send(chat(), Idempotent{}));
    CHECK(calls == 3);
}

TEST_CASE("a fallback signs another copy after one that was repeated") {
    std::vector<std::string> seen;
    const auto failing = [&seen](const HttpRequest& copy) {
        CHECK(copy.headers.size() == 2);
        seen.emplace_back(find_header(copy.headers, "Authorization"));
        return seen.size() == 1 ? answer(503) : seen.size() == 2 ? refusal() : accepted();
    };
    const Client client{failing, both(), RetryOn<4101, Transient>{}, MaxAttempts<3>{}};
    REQUIRE(client.send(chat(), Idempotent{}));
    REQUIRE(seen.size() == 3);
    CHECK(seen[0] == "Bearer pat_personal_1");
    CHECK(seen[1] == seen[0]);
    CHECK(seen[2] == "Bearer pat_enterprise_1");
}

TEST_CASE("if both shapes fit, the one with the attempt wins") {
    std::string used;
    const Client client{BothShapes{&used}, both(), OnRefusal{}};
    CHECK(client.send(chat()));
    CHECK(used == "two arguments");
}

TEST_CASE("a generic lambda of two arguments takes any request") {
    int number = 0;
    const Client client{[&number](const auto& request, const Attempt& attempt) {
                            number = request.number;
                            last_seen = std::string(attempt.authorization());
                            return accepted();
                        },
                        both(), OnRefusal{}};
    CHECK(client.send(Opaque{5}));
    CHECK(number == 5);
    CHECK(last_seen == "Bearer pat_personal_1");
}

TEST_CASE("a function is a transport") {
    CHECK(authorization_seen_by(Client{function_of_two, both(), OnRefusal{}}) ==
          "Bearer pat_personal_1");
    CHECK(authorization_seen_by(Client{&function_of_two, both(), OnRefusal{}}) ==
          "Bearer pat_personal_1");
    CHECK(authorization_seen_by(Client{function_of_one, both(), OnRefusal{}}) ==
          "Bearer pat_personal_1");
}

TEST_CASE("a std::function is a transport") {
    const std::function<HttpResponse(const HttpRequest&, const Attempt&)> function =
        function_of_two;
    CHECK(authorization_seen_by(Client{function, both(), OnRefusal{}}) == "Bearer pat_personal_1");
}

TEST_CASE("a mutable functor is copied in, so that the caller's own stays as it is") {
    Counting counting;
    const Client client{counting, both(), OnRefusal{}};
    CHECK(client.send(chat()));
    CHECK(counting.calls == 0);
}

TEST_CASE("std::ref lends a transport") {
    Counting counting;
    const Client client{std::ref(counting), both(), OnRefusal{}};
    CHECK(client.send(chat()));
    CHECK(client.send(chat()));
    CHECK(counting.calls == 2);
}

TEST_CASE("an lvalue that cannot be copied is borrowed") {
    NotCopyable transport;
    const Client client{transport, both(), OnRefusal{}};
    const Client copy{client};
    CHECK(client.send(chat()));
    CHECK(copy.send(chat()));
    CHECK(transport.calls == 2);
}

TEST_CASE("a transport that can only be moved is moved in") {
    auto count = std::make_unique<int>(0);
    const int* const seen = count.get();
    const Client client{[held = std::move(count)](const HttpRequest&, const Attempt&) {
                            ++*held;
                            return accepted();
                        },
                        both(), OnRefusal{}};
    CHECK(client.send(chat()));
    CHECK(*seen == 1);
}

TEST_CASE("a transport may return its answer by reference, which is then copied") {
    const HttpResponse stored = accepted();
    const Client client{
        [&stored](const HttpRequest&, const Attempt&) -> const HttpResponse& { return stored; },
        both(), OnRefusal{}};
    const auto result = client.send(chat());
    REQUIRE(result);
    CHECK(result->body == stored.body);
    CHECK(&*result != &stored);
}

TEST_CASE("a request of a temporary or of another type of the same transport is fine") {
    const Client client{[](std::string_view request, const Attempt&) {
                            return answer(request == "ping" ? 200 : 404);
                        },
                        both(), OnRefusal{}};
    CHECK(client.send(std::string("ping")));
    CHECK(client.send("ping"));
    CHECK_FALSE(client.send(std::string_view("pong")));
}

TEST_CASE("a transport is called as often as sends are needed and never inside itself") {
    int depth = 0;
    int deepest = 0;
    int calls = 0;
    const Client client{[&](const HttpRequest&, const Attempt&) {
                            if (++depth > deepest) deepest = depth;
                            --depth;
                            return ++calls < 500 ? answer(429) : accepted();
                        },
                        RetryOn<RateLimited>{}, MaxAttempts<1000>{}};
    const auto result = client.send(chat());
    REQUIRE(result);
    CHECK(result.trail().count() == 500);
    CHECK(deepest == 1);
}
