// SPDX-License-Identifier: BSL-1.0
#include <rekey/error_code.hpp>

#include "catch.hpp"
#include "support/ended_calls.hpp"

#include <rekey/result_from.hpp>

#include <string>
#include <system_error>

namespace {
using namespace ended_calls;

/// A function of a user's that speaks error codes.
std::error_code ask(const Result<HttpResponse>& result) { return error_code_of(result); }
}  // namespace

TEST_CASE("a refused call is errc::refused, by its code and by its error") {
    const auto result = refused();
    CHECK(result.error() == errc::refused);
    CHECK(result.error() != errc::not_found);
    const std::error_code code = ask(result);
    CHECK(code);
    CHECK(code == errc::refused);
    CHECK(code != errc::not_found);
    CHECK(code == make_error_code(result.error()));
    CHECK(std::string(code.category().name()) == "rekey");
    CHECK(code.message() == "refused");
}

TEST_CASE("an accepted call has no error code") {
    CHECK_FALSE(ask(accepted()));
    CHECK(ask(accepted()) != errc::refused);
}

TEST_CASE("each kind has a code of its own, the same condition and its own word") {
    constexpr int kinds = 14;
    for (int i = 0; i != kinds; ++i) {
        const auto kind = static_cast<ErrorKind>(i);
        const std::error_code code = make_error_code(kind);
        CHECK(code.value() == i + 1);
        CHECK(code.message() == to_string(kind));
        CHECK(code.message() != "unknown");
        for (int j = 0; j != kinds; ++j)
            CHECK((code == to_errc(static_cast<ErrorKind>(j))) == (i == j));
    }
    CHECK(std::error_code(15, error_category()).message() == "unknown");
    CHECK(std::error_code(0, error_category()).message() == "unknown");
}

TEST_CASE("a code also equals the portable condition that says the same, and no other") {
    CHECK(make_error_code(ErrorKind::refused) == std::errc::permission_denied);
    CHECK(make_error_code(ErrorKind::authorization_needed) == std::errc::permission_denied);
    CHECK(make_error_code(ErrorKind::rate_limited) == std::errc::resource_unavailable_try_again);
    CHECK(make_error_code(ErrorKind::configuration) == std::errc::invalid_argument);
    CHECK(make_error_code(ErrorKind::malformed_response) == std::errc::bad_message);
    CHECK(make_error_code(ErrorKind::cancelled) == std::errc::operation_canceled);
    CHECK(make_error_code(ErrorKind::refused) != std::errc::operation_canceled);
    CHECK(make_error_code(ErrorKind::permanent) != std::errc::permission_denied);
    CHECK(std::make_error_code(std::errc::permission_denied) != errc::refused);
}

TEST_CASE("an error code of ours becomes an error of its kind, any other a failed transport") {
    CHECK(error_of<int>(make_error_code(ErrorKind::not_found)).kind == ErrorKind::not_found);
    const auto error = error_of<int>(std::make_error_code(std::errc::connection_refused));
    CHECK(error.kind == ErrorKind::transport);
    CHECK(error.reach == Reach::never_sent);
    CHECK_FALSE(error.message().empty());
    CHECK(error_of<int>(std::make_error_code(std::errc::operation_canceled)).kind ==
          ErrorKind::cancelled);
    CHECK(error_of<int>(std::error_code(0, error_category())).kind == ErrorKind::transport);
}

TEST_CASE("what a system names tells how far an attempt came") {
    for (const std::errc never : {std::errc::connection_refused, std::errc::host_unreachable,
                                  std::errc::network_unreachable, std::errc::network_down,
                                  std::errc::address_not_available})
        CHECK(transport_error(std::make_error_code(never)).reach == Reach::never_sent);
    for (const std::errc maybe :
         {std::errc::connection_reset, std::errc::timed_out, std::errc::broken_pipe})
        CHECK(transport_error(std::make_error_code(maybe)).reach == Reach::sent_unanswered);
    CHECK(transport_error(std::make_error_code(std::errc::operation_canceled)).verdict ==
          TransportVerdict::cancelled);
}

TEST_CASE("a transport turns its error code into the reach that decides about another send") {
    int sends = 0;
    const auto refused_at_first = [] {
        return transport_error(std::make_error_code(std::errc::connection_refused));
    };
    CHECK(over_failing<TransportResult<HttpResponse>>(refused_at_first, sends));
    CHECK(sends == 2);
    sends = 0;
    const auto reset_at_first = [] {
        return transport_error(std::make_error_code(std::errc::connection_reset));
    };
    const auto result = over_failing<TransportResult<HttpResponse>>(reset_at_first, sends);
    CHECK(sends == 1);
    CHECK(result.error() == errc::transport);
    CHECK(result.stop_reason() == StopReason::unsafe_to_repeat);
}
