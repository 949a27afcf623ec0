// SPDX-License-Identifier: BSL-1.0
#include <rekey/value_or_throw.hpp>

#include "catch.hpp"
#include "support/ended_calls.hpp"

#include <exception>
#include <memory>
#include <string>
#include <type_traits>
#include <utility>

namespace {
using namespace ended_calls;
}  // namespace

TEST_CASE("the response of an accepted call is a value") {
    const HttpResponse response = value_or_throw(accepted());
    CHECK(response.status == 200);
    const auto kept = accepted();
    CHECK(value_or_throw(kept).body == kept->body);
}

TEST_CASE("a failed call throws its one line, in which no token is") {
    const auto kept = refused();
    try {
        (void)value_or_throw(kept);
        FAIL("nothing was thrown");
    } catch (const std::exception& error) {
        CHECK(error.what() == kept.error().describe());
        CHECK(std::string(error.what()).find("4101") != std::string::npos);
        CHECK(std::string(error.what()).find("personal-token") == std::string::npos);
    }
}

TEST_CASE("the exception keeps kind, texts and the whole error, also when it is copied") {
    std::exception_ptr kept;
    try {
        (void)value_or_throw(refused());
    } catch (const CallFailed& error) {
        const CallFailed copy = error;
        CHECK(copy.kind() == ErrorKind::refused);
        CHECK(copy.facts().service_code == 4101);
        CHECK(copy.facts().http_status == 401);
        CHECK(copy.facts().credential == "personal");
        CHECK(copy.message().find("no permission") == 0);
        CHECK(copy.log_id() ==
              dynamic_cast<const CallFailedWith<HttpResponse>&>(error).error().log_id());
        kept = std::current_exception();
    }
    REQUIRE(kept);
    try {
        std::rethrow_exception(kept);
    } catch (const CallFailedWith<HttpResponse>& error) {
        REQUIRE(error.error().response() != nullptr);
        CHECK(error.error().response()->status == 401);
        CHECK(error.error().message() == error.message());
    }
    STATIC_REQUIRE(std::is_nothrow_copy_constructible_v<CallFailed>);
    STATIC_REQUIRE(std::is_nothrow_copy_constructible_v<CallFailedWith<HttpResponse>>);
}

TEST_CASE("the name of a credential that was made at run time outlives its client") {
    struct Named {
        std::string name = "a name too long for a small buffer";
        std::string token = "t";
    };
    try {
        testing::Script http;
        http.then(401, 4101);
        (void)value_or_throw(
            Client{std::ref(http), CredentialChain{Named{}}, RetryOn<4101>{}}.send(HttpRequest{}));
        FAIL("nothing was thrown");
    } catch (const CallFailed& error) {
        CHECK(error.facts().credential == "a name too long for a small buffer");
    }
}

TEST_CASE("a response that only moves is thrown and returned too") {
    using Owned = std::unique_ptr<int>;
    CHECK(*value_or_throw(Result<Owned>{std::make_unique<int>(3)}) == 3);
    CHECK_THROWS_AS(value_or_throw(Result<Owned>{{ErrorKind::permanent, "no"}}),
                    CallFailedWith<Owned>);
}
