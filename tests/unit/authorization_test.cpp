// SPDX-License-Identifier: BSL-1.0
#include <rekey/authorization.hpp>

#include "catch.hpp"

#include <string>
#include <utility>
#include <variant>

using namespace rekey;

TEST_CASE("a Redirector's answer is read from each type that it may be") {
    CHECK(redirector_answer(Authorized{}).outcome == Reauthorized::authorized);
    CHECK(redirector_answer(HandedOver{}).outcome == Reauthorized::handed_over);
    using Any = std::variant<Authorized, HandedOver, Denied>;
    CHECK(redirector_answer(Any{HandedOver{}}).outcome == Reauthorized::handed_over);
    CHECK(redirector_answer(Any{Authorized{}}).outcome == Reauthorized::authorized);
    const RedirectorAnswer denied = redirector_answer(Any{Denied{"not now"}});
    CHECK(denied.outcome == Reauthorized::denied);
    CHECK(denied.reason == "not now");
    using Two = std::variant<Denied, Authorized>;
    CHECK(redirector_answer(Two{Authorized{}}).outcome == Reauthorized::authorized);
    CHECK(redirector_answer(Two{}).outcome == Reauthorized::denied);
}

TEST_CASE("a Redirector gets the request as it is, and may be any callable") {
    AuthorizationRequest request;
    request.url = "https://www.coze.com/authorize?state=1";
    request.subject = "ann";
    const AuthorizationRequest* seen = nullptr;
    auto by_reference = [&seen](const AuthorizationRequest& given) {
        seen = &given;
        return HandedOver{};
    };
    CHECK(ask(by_reference, request).outcome == Reauthorized::handed_over);
    CHECK(seen == &request);

    // A copy, an answer of its own kind, and state that changes.
    auto by_value = [count = 0](AuthorizationRequest given) mutable {
        ++count;
        return std::variant<HandedOver, Denied>{Denied{given.subject + std::to_string(count)}};
    };
    CHECK(ask(by_value, request).reason == "ann1");
    CHECK(ask(by_value, request).reason == "ann2");

    HandOver ready;
    CHECK(ask(ready, request).outcome == Reauthorized::handed_over);
}

TEST_CASE("a request of an authorization is empty until somebody fills it") {
    const AuthorizationRequest request;
    CHECK(request.url.empty());
    CHECK(request.page.empty());
    CHECK(request.user_code.empty());
    CHECK(request.subject.empty());
    CHECK(request.flow.empty());
    CHECK(request.expires_at == 0);
}
