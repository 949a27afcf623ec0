// SPDX-License-Identifier: BSL-1.0
#include <rekey/result.hpp>

#include "catch.hpp"

#include <rekey/http.hpp>
#include <rekey/rekey.hpp>
#include <rekey/testing.hpp>

#include <memory>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

namespace {

using namespace rekey;
using testing::Script;

struct Personal {
    static constexpr auto name = "personal";
    std::string token = "personal-token";
};
struct Enterprise {
    static constexpr auto name = "enterprise";
    std::string token = "enterprise-token";
};

Result<HttpResponse> call(Script& http) {
    return Client{http, CredentialChain{Personal{}, Enterprise{}}, RetryOn<4100, 4101, NotFound>{}}
        .send(HttpRequest{});
}
Result<HttpResponse> accepted() {
    Script http;
    http.then(401, 4101).then(200);
    return call(http);
}
Result<HttpResponse> refused() {
    Script http;
    http.then(401, 4101, "no permission").then(404);
    return call(http);
}

int status_of(const HttpResponse& response) { return response.status; }

struct OnlyMoves {
    std::unique_ptr<int> value{};
};
struct ThrowingMove {
    ThrowingMove() = default;
    ThrowingMove(ThrowingMove&&) noexcept(false) {}
};

template <class Type>
constexpr bool copies = std::is_copy_constructible_v<Type> || std::is_copy_assignable_v<Type>;

}  // namespace

TEST_CASE("a result of a response that cannot be copied says so to type traits") {
    STATIC_REQUIRE(copies<Result<HttpResponse>>);
    STATIC_REQUIRE(copies<Error<HttpResponse>>);
    STATIC_REQUIRE_FALSE(copies<Result<OnlyMoves>>);
    STATIC_REQUIRE_FALSE(copies<Error<OnlyMoves>>);
    STATIC_REQUIRE_FALSE(copies<detail::Maybe<OnlyMoves>>);
    STATIC_REQUIRE(std::is_move_constructible_v<Result<OnlyMoves>>);
    STATIC_REQUIRE(std::is_move_assignable_v<Result<OnlyMoves>>);
    Result<OnlyMoves> first{OnlyMoves{std::make_unique<int>(7)}};
    Result<OnlyMoves> second = std::move(first);
    REQUIRE(second);
    CHECK(*second->value == 7);
}

TEST_CASE("moving a result throws only if moving its response may") {
    STATIC_REQUIRE(std::is_nothrow_move_constructible_v<Result<HttpResponse>>);
    STATIC_REQUIRE(std::is_nothrow_move_assignable_v<Result<HttpResponse>>);
    STATIC_REQUIRE(std::is_nothrow_move_constructible_v<Error<OnlyMoves>>);
    STATIC_REQUIRE_FALSE(std::is_nothrow_move_constructible_v<Result<ThrowingMove>>);
}

TEST_CASE("and_then goes on with the response, and another failure stops the way") {
    int asked = 0;
    const auto next = [&asked](const HttpResponse& first) {
        ++asked;
        CHECK(first.status == 200);
        return refused();
    };
    const Result<HttpResponse> second = accepted().and_then(next);
    REQUIRE_FALSE(second);
    CHECK(second.error().service_code == 4101);
    CHECK(asked == 1);
    CHECK_FALSE(refused().and_then(next));
    CHECK(asked == 1);
}

TEST_CASE("and_then may end in a result of another response, with the whole first error") {
    const auto next = [](HttpResponse response) { return Result<int>{response.status}; };
    const Result<int> good = accepted().and_then(next);
    REQUIRE(good);
    CHECK(*good == 200);

    const auto whole = refused();
    const Result<int> bad = whole.and_then(next);
    REQUIRE_FALSE(bad);
    CHECK(bad.error().kind == ErrorKind::refused);
    CHECK(bad.error().http_status == 401);
    CHECK(bad.error().service_code == 4101);
    CHECK(bad.error().has_service_code);
    CHECK(bad.error().reach == Reach::answered);
    CHECK(bad.error().message() == "no permission");
    CHECK(bad.error().response() == nullptr);
    CHECK(bad.error().describe() == whole.error().describe());
    CHECK(bad.stop_reason() == whole.stop_reason());
    CHECK(bad.credential() == "personal");
    CHECK(bad.trail().count() == 2);
}

TEST_CASE("transform keeps trail and credential, on both sides") {
    const Result<int> good = accepted().transform(status_of);
    REQUIRE(good);
    CHECK(*good == 200);
    CHECK(good.credential() == "enterprise");
    CHECK(good.trail().count() == 2);
    const Result<int> bad = refused().transform(status_of);
    REQUIRE_FALSE(bad);
    CHECK(bad.error().message() == "no permission");
    CHECK(bad.trail().count() == 2);
    const Result<HttpResponse> same = refused().transform([](HttpResponse r) { return r; });
    REQUIRE(same.error().response() != nullptr);
    CHECK(same.error().response()->status == 401);
}

TEST_CASE("a user who must be asked is asked after a transform too") {
    Result<HttpResponse> result;
    Result<HttpResponse>::Writer writer(result);
    writer.error().kind = ErrorKind::authorization_needed;
    AuthorizationRequest asked;
    asked.url = "https://www.example/authorize";
    writer.ask(asked);
    writer.come_back_after(std::chrono::seconds{2});
    writer.end(StopReason::needs_user, 0);
    const Result<int> other = result.transform(status_of);
    CHECK(other.authorization().url == "https://www.example/authorize");
    CHECK(other.error().retry_after() == std::chrono::seconds{2});
    CHECK(other.stop_reason() == StopReason::needs_user);
}

TEST_CASE("or_else is asked about a failure only, and value_or gives a response in any case") {
    int asked = 0;
    const auto instead = [&asked](const Error<HttpResponse>& error) -> Result<HttpResponse> {
        ++asked;
        if (error.kind == ErrorKind::refused) return HttpResponse{204, {}, {}, false};
        return error;
    };
    CHECK(accepted().or_else(instead)->status == 200);
    CHECK(asked == 0);
    const auto saved = refused().or_else(instead);
    REQUIRE(saved);
    CHECK(saved->status == 204);
    CHECK(asked == 1);

    const HttpResponse other{203, {}, {}, false};
    CHECK(accepted().value_or(other).status == 200);
    CHECK(refused().value_or(other).status == 203);
    const auto kept = accepted();
    CHECK(kept.value_or(other).status == 200);
    CHECK(kept->status == 200);
}

TEST_CASE("monadic calls move a response that cannot be copied, and work on a copy of an lvalue") {
    Result<OnlyMoves> owned{OnlyMoves{std::make_unique<int>(1)}};
    const auto more = [](OnlyMoves moves) {
        ++*moves.value;
        return Result<OnlyMoves>{std::move(moves)};
    };
    const auto last = std::move(owned).and_then(more).and_then(more).transform(
        [](OnlyMoves moves) { return *moves.value; });
    REQUIRE(last);
    CHECK(*last == 3);

    const auto kept = accepted();
    const auto emptied = kept.transform([](HttpResponse response) { return response.body; });
    CHECK(*emptied == kept->body);
    CHECK_FALSE(kept->body.empty());
}

TEST_CASE("a failure of one's own says why it failed, and is no success") {
    const Result<HttpResponse> wrong = accepted().and_then([](const HttpResponse&) {
        return Result<HttpResponse>{{ErrorKind::malformed_response, "the answer has no id"}};
    });
    REQUIRE_FALSE(wrong);
    CHECK(wrong.error().kind == ErrorKind::malformed_response);
    CHECK(wrong.error().message() == "the answer has no id");
    CHECK(wrong.error().log_id().empty());
    CHECK(wrong.stop_reason() == StopReason::not_retryable);
    CHECK_FALSE(Result<HttpResponse>{Error<HttpResponse>{}});
}

TEST_CASE("each kind and each reason says its own name, and a number that is none says unknown") {
    constexpr std::string_view kinds[] = {"refused",
                                          "not_found",
                                          "rate_limited",
                                          "quota_exhausted",
                                          "transient",
                                          "permanent",
                                          "transport",
                                          "malformed_response",
                                          "exchange_failed",
                                          "configuration",
                                          "authorization_needed",
                                          "authorization_denied",
                                          "cancelled",
                                          "not_admitted",
                                          "unknown",
                                          "unknown"};
    for (unsigned i = 0; i != std::size(kinds); ++i)
        CHECK(to_string(static_cast<ErrorKind>(i)) == kinds[i]);
    constexpr std::string_view reasons[] = {
        "success",       "remedies_used_up", "attempts_used_up", "deadline",   "budget_spent",
        "not_retryable", "unsafe_to_repeat", "come_back_later",  "needs_user", "exchange_failed",
        "cancelled",     "unknown",          "unknown"};
    for (unsigned i = 0; i != std::size(reasons); ++i)
        CHECK(to_string(static_cast<StopReason>(i)) == reasons[i]);
    CHECK(to_string(ErrorKind::not_admitted) == "not_admitted");
    CHECK(to_string(StopReason::cancelled) == "cancelled");
}

TEST_CASE("a wait is told in whole seconds, never fewer than the service asks for") {
    const auto told = [](Duration wait) {
        Result<HttpResponse> result;
        Result<HttpResponse>::Writer writer(result);
        writer.come_back_after(wait);
        writer.end(StopReason::come_back_later, 0);
        return result.error().describe();
    };
    CHECK(told(std::chrono::milliseconds{1}).find("retry after 1 s") != std::string::npos);
    CHECK(told(std::chrono::milliseconds{2000}).find("retry after 2 s") != std::string::npos);
    CHECK(told(std::chrono::milliseconds{2001}).find("retry after 3 s") != std::string::npos);
}
