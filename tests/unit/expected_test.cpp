// SPDX-License-Identifier: BSL-1.0
#include <rekey/expected.hpp>

#include "catch.hpp"
#include "support/ended_calls.hpp"

#include <rekey/error_code.hpp>

#include <expected>
#include <memory>
#include <system_error>
#include <utility>

namespace {
using namespace ended_calls;
}  // namespace

TEST_CASE("a call becomes a std::expected, and a std::expected a result") {
    const Expected<HttpResponse> good = to_expected(accepted());
    REQUIRE(good.has_value());
    CHECK(good->status == 200);
    CHECK(result_from(good)->status == 200);

    const auto kept = refused();
    Expected<HttpResponse> bad = to_expected(kept);
    REQUIRE_FALSE(bad.has_value());
    CHECK(bad.error().service_code == 4101);
    CHECK(bad.error().describe() == kept.error().describe());
    const auto back = result_from(std::move(bad));
    CHECK(back.error().describe() == kept.error().describe());
    CHECK(back.stop_reason() == kept.stop_reason());
}

TEST_CASE("a response that only moves moves into a std::expected") {
    using Owned = std::unique_ptr<int>;
    CHECK(**to_expected(Result<Owned>{std::make_unique<int>(3)}) == 3);
}

TEST_CASE("a std::expected with an error code becomes a result") {
    const std::expected<int, std::error_code> theirs =
        std::unexpected(std::make_error_code(std::errc::connection_refused));
    const auto result = result_from(theirs, error_of<int>);
    REQUIRE_FALSE(result);
    CHECK(result.error() == errc::transport);
    CHECK(result.error().reach == Reach::never_sent);
}

TEST_CASE("a transport may return a std::expected, with our error or an error code") {
    int sends = 0;
    const auto never_sent = [] {
        return std::unexpected(TransportError{Reach::never_sent, "no route"});
    };
    CHECK(over_failing<std::expected<HttpResponse, TransportError>>(never_sent, sends));
    CHECK(sends == 2);
    sends = 0;
    const auto reset = [] {
        return std::unexpected(std::make_error_code(std::errc::connection_reset));
    };
    const auto result = over_failing<std::expected<HttpResponse, std::error_code>>(reset, sends);
    CHECK(sends == 1);
    CHECK(result.error().reach == Reach::sent_unanswered);
    CHECK(result.stop_reason() == StopReason::unsafe_to_repeat);
}
