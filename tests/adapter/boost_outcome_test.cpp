// SPDX-License-Identifier: BSL-1.0
#include <rekey/adapter/boost_outcome.hpp>

#include "catch.hpp"

#include <rekey/error_code.hpp>
#include <rekey/http.hpp>
#include <rekey/rekey.hpp>
#include <rekey/testing.hpp>

#include <boost/outcome/try.hpp>
#include <boost/version.hpp>

#include <functional>
#include <memory>
#include <string>
#include <system_error>
#include <utility>

using namespace rekey;

namespace {

struct Personal {
    static constexpr auto name = "personal";
    std::string token = "personal-token";
};
struct Enterprise {
    static constexpr auto name = "enterprise";
    std::string token = "enterprise-token";
};

template <class Transport> auto client_over(Transport& transport) {
    return Client{transport, CredentialChain{Personal{}, Enterprise{}},
                  RetryOn<4100, 4101, NotFound>{}};
}

using Outcome = boost_outcome::Result<HttpResponse>;

/// A function of a user's that passes errors on: the macro has two spellings, by Boost version.
Outcome status_of(Outcome&& outcome, int& status) {
#if BOOST_VERSION >= 107600
    BOOST_OUTCOME_TRY(auto response, std::move(outcome));
#else
    BOOST_OUTCOME_TRY(response, std::move(outcome));
#endif
    status = response.status;
    return Outcome{std::move(response)};
}

/// The same with the call itself: the macro takes a rekey::Result as it is.
template <class Call>
BOOST_OUTCOME_V2_NAMESPACE::basic_result<int, Error<HttpResponse>,
                                         BOOST_OUTCOME_V2_NAMESPACE::policy::terminate>
status_of_call(const Call& call) {
#if BOOST_VERSION >= 107600
    BOOST_OUTCOME_TRY(auto response, call());
#else
    BOOST_OUTCOME_TRY(response, call());
#endif
    return response.status;
}
/// A result that the function keeps, passed on by the macro without its value.
Outcome only_if_accepted(rekey::Result<HttpResponse> result) {
    BOOST_OUTCOME_TRYV(std::move(result));
    return HttpResponse{204, {}, {}, false};
}

/// An error type of a user's, for a transport that knows nothing of rekey.
enum class NetError { reset };

}  // namespace

TEST_CASE("an accepted call becomes an outcome with the response") {
    testing::Script http;
    http.then(401, 4101).then(200);
    const auto client = client_over(http);
    Outcome outcome = boost_outcome::to_outcome(client.send(HttpRequest{}));
    REQUIRE(outcome.has_value());
    CHECK(outcome.assume_value().status == 200);
    int status = 0;
    CHECK(status_of(std::move(outcome), status).has_value());
    CHECK(status == 200);
}

TEST_CASE("a refused call becomes an outcome with the whole error") {
    testing::Script http;
    http.then(401, 4101, "no permission").then(404);
    const auto client = client_over(http);
    const auto result = client.send(HttpRequest{});
    Outcome outcome = boost_outcome::to_outcome(result);
    REQUIRE(outcome.has_error());
    CHECK(outcome.assume_error().kind == ErrorKind::refused);
    CHECK(outcome.assume_error().service_code == 4101);
    CHECK(outcome.assume_error().message() == "no permission");
    CHECK(outcome.assume_error().credential == "personal");
    int status = 0;
    const Outcome passed_on = status_of(std::move(outcome), status);
    REQUIRE(passed_on.has_error());
    CHECK(passed_on.assume_error().service_code == 4101);
    CHECK(status == 0);
    CHECK(result.error().service_code == 4101);  // the copy left the result whole
}

TEST_CASE("BOOST_OUTCOME_TRY takes the result of a call as it is, and passes its error on") {
    testing::Script http;
    http.then(401, 4101).then(200).then(401, 4101, "no permission").then(404);
    const auto client = client_over(http);
    const auto call = [&client] { return client.send(HttpRequest{}); };
    const auto good = status_of_call(call);
    REQUIRE(good.has_value());
    CHECK(good.assume_value() == 200);
    const auto bad = status_of_call(call);
    REQUIRE(bad.has_error());
    CHECK(bad.assume_error().service_code == 4101);
    CHECK(bad.assume_error().message() == "no permission");

    http.then(200).then(401, 4100).then(404);
    CHECK(only_if_accepted(call()).assume_value().status == 204);
    CHECK(only_if_accepted(call()).assume_error().service_code == 4100);
}

TEST_CASE("an outcome becomes a result again, with nothing lost but the trail") {
    testing::Script http;
    http.then(200).then(401, 4101, "no permission").then(404);
    const auto client = client_over(http);
    const auto good = boost_outcome::from_outcome<HttpResponse>(
        boost_outcome::to_outcome(client.send(HttpRequest{})));
    REQUIRE(good);
    CHECK(good->status == 200);
    const auto call = client.send(HttpRequest{});
    const auto bad = boost_outcome::from_outcome<HttpResponse>(boost_outcome::to_outcome(call));
    REQUIRE_FALSE(bad);
    CHECK(bad.error().describe() == call.error().describe());
    CHECK(bad.stop_reason() == call.stop_reason());
    CHECK(bad.trail().empty());
}

TEST_CASE("a response that only moves moves into an outcome and back") {
    using Owned = std::unique_ptr<int>;
    auto outcome = boost_outcome::to_outcome(rekey::Result<Owned>{std::make_unique<int>(3)});
    REQUIRE(outcome.has_value());
    const auto back = boost_outcome::from_outcome<Owned>(std::move(outcome));
    REQUIRE(back);
    CHECK(**back == 3);
}

TEST_CASE("an outcome with an error code becomes a result") {
    namespace outcome = BOOST_OUTCOME_V2_NAMESPACE;
    using Theirs = outcome::basic_result<HttpResponse, std::error_code, outcome::policy::terminate>;
    const auto result = result_from(Theirs{outcome::in_place_type<std::error_code>,
                                           std::make_error_code(std::errc::connection_refused)},
                                    error_of<HttpResponse>);
    REQUIRE_FALSE(result);
    CHECK(result.error() == errc::transport);
    CHECK(result.error().reach == Reach::never_sent);
}

TEST_CASE("a transport may return a Boost.Outcome result with our error") {
    namespace outcome = BOOST_OUTCOME_V2_NAMESPACE;
    using Answer = outcome::basic_result<HttpResponse, TransportError, outcome::policy::terminate>;
    int sends = 0;
    auto http = [&sends](const HttpRequest&, const Attempt&) -> Answer {
        if (++sends == 1) return TransportError{Reach::never_sent, "connection refused"};
        return HttpResponse{200, {}, R"({"code":0})", false};
    };
    Client client{std::ref(http), CredentialChain{Personal{}}, RetryOn<Transient>{},
                  MaxAttempts<2>{}};
    const auto result = client.send(HttpRequest{"POST", "https://api.example/", {}, {}});
    REQUIRE(result);
    CHECK(result->status == 200);
    CHECK(sends == 2);
}

TEST_CASE("an error type of the user's counts as sent without an answer") {
    namespace outcome = BOOST_OUTCOME_V2_NAMESPACE;
    using Answer = outcome::basic_result<HttpResponse, NetError, outcome::policy::terminate>;
    auto http = [](const HttpRequest&, const Attempt&) -> Answer { return NetError::reset; };
    Client client{http, CredentialChain{Personal{}, Enterprise{}}, RetryOn<Transient>{},
                  MaxAttempts<3>{}};
    const auto result = client.send(HttpRequest{"POST", "https://api.example/", {}, {}});
    REQUIRE_FALSE(result);
    CHECK(result.error().kind == ErrorKind::transport);
    CHECK(result.error().reach == Reach::sent_unanswered);
    CHECK(result.stop_reason() == StopReason::unsafe_to_repeat);
    CHECK(result.trail().count() == 1);
}
