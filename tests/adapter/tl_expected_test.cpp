// SPDX-License-Identifier: BSL-1.0
#include <rekey/adapter/tl_expected.hpp>

#include "catch.hpp"
#include "support/ended_calls.hpp"

#include <rekey/error_code.hpp>

#include <memory>
#include <system_error>
#include <utility>

namespace {
using namespace ended_calls;
using namespace rekey::tl_expected;

tl::expected<HttpResponse, Error<HttpResponse>> asked(testing::Script& http) {
    return rekey::tl_expected::to_expected(client_over(http).send(HttpRequest{}));
}
}  // namespace

TEST_CASE("a call becomes a tl::expected, and a tl::expected a result") {
    const Expected<HttpResponse> good = to_expected(accepted());
    REQUIRE(good.has_value());
    CHECK(good->status == 200);
    CHECK(from_expected<HttpResponse>(good)->status == 200);

    const auto kept = refused();
    Expected<HttpResponse> bad = to_expected(kept);
    REQUIRE_FALSE(bad.has_value());
    CHECK(bad.error().service_code == 4101);
    CHECK(bad.error().describe() == kept.error().describe());
    const auto back = from_expected<HttpResponse>(std::move(bad));
    CHECK(back.error().describe() == kept.error().describe());
    CHECK(back.stop_reason() == kept.stop_reason());
}

TEST_CASE("the functions of tl::expected go on with a call") {
    testing::Script http;
    http.then(401, 4101).then(200).then(401, 4101).then(404);
    const auto status = [](const HttpResponse& response) { return response.status; };
    CHECK(asked(http).map(status) == 200);
    CHECK(asked(http).map(status).error().service_code == 4101);
}

TEST_CASE("a response that only moves moves into a tl::expected") {
    using Owned = std::unique_ptr<int>;
    CHECK(**to_expected(Result<Owned>{std::make_unique<int>(3)}) == 3);
}

TEST_CASE("a tl::expected with an error code becomes a result") {
    const tl::expected<int, std::error_code> theirs =
        tl::make_unexpected(std::make_error_code(std::errc::connection_refused));
    const auto result = result_from(theirs, error_of<int>);
    REQUIRE_FALSE(result);
    CHECK(result.error() == errc::transport);
    CHECK(result.error().reach == Reach::never_sent);
}

TEST_CASE("a transport may return a tl::expected, with our error or an error code") {
    int sends = 0;
    const auto never_sent = [] {
        return tl::unexpected<TransportError>({Reach::never_sent, "no route"});
    };
    CHECK(over_failing<tl::expected<HttpResponse, TransportError>>(never_sent, sends));
    CHECK(sends == 2);
    sends = 0;
    const auto reset = [] {
        return tl::make_unexpected(std::make_error_code(std::errc::connection_reset));
    };
    const auto result = over_failing<tl::expected<HttpResponse, std::error_code>>(reset, sends);
    CHECK(sends == 1);
    CHECK(result.error().reach == Reach::sent_unanswered);
    CHECK(result.stop_reason() == StopReason::unsafe_to_repeat);
}
