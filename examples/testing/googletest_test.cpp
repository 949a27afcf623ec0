// SPDX-License-Identifier: BSL-1.0
//
// Dear reader,
//
// you test with GoogleTest. The matchers are GoogleMock's too, and the transport may be a mock of
// which you say what you expect. A send that nobody expects fails in words.

#include <rekey/testing/gmock.hpp>

#include "greeter.hpp"

#include <gtest/gtest.h>

#include <functional>

using namespace rekey::testing;
using ::testing::_;
using ::testing::AllOf;
using ::testing::InSequence;
using ::testing::Not;
using ::testing::Return;
using ::testing::StrictMock;

TEST(Greeter, GoesOnWithTheEnterpriseCredential) {
    StrictMock<MockTransport<>> http;
    InSequence in_this_order;
    EXPECT_CALL(http, send(_, SignedBy("personal")))
        .WillOnce(Return(rekey::HttpResponse{200, {}, R"({"code":4101})", false}));
    EXPECT_CALL(http, send(_, SignedBy("enterprise")))
        .WillOnce(Return(rekey::HttpResponse{200, {}, R"({"code":0})", false}));

    const Greeter greeter{greeting_client(http)};
    EXPECT_THAT(greeter.greet(), AllOf(SucceededWith("enterprise"), Attempts(2)));
}

TEST(Greeter, SaysThatTheNetworkIsDown) {
    ::testing::NiceMock<MockTransport<>> http;
    ON_CALL(http, send)
        .WillByDefault(Return(rekey::TransportError{rekey::Reach::never_sent, "no route to host"}));
    EXPECT_THAT(Greeter{greeting_client(http)}.greet(),
                FailedWith(rekey::ErrorKind::transport, "no route"));
}

TEST(Greeter, WorksOverAScriptAsWell) {
    Script http;
    http.then(404, 4200).then(200);
    EXPECT_THAT(Greeter{greeting_client(http)}.greet(), Not(SucceededWith("personal")));
    EXPECT_THAT(http, UsedCredentials("personal", "enterprise"));
}
