// SPDX-License-Identifier: BSL-1.0
//
// Dear reader,
//
// your tests are Catch2's and your mocks GoogleMock's. Ten lines let a mock's complaint fail the
// Catch2 test in which it is heard: GoogleTest runs nothing here and only reports.

#include <rekey/testing/gmock.hpp>

#include "greeter.hpp"
#include "tests/catch.hpp"  // yours: <catch2/catch.hpp>, or <catch2/catch_all.hpp> of Catch2 3

#include <gtest/gtest.h>

namespace {

class FailsTheCatchTest : public ::testing::EmptyTestEventListener {
    void OnTestPartResult(const ::testing::TestPartResult& result) override {
        if (result.failed()) FAIL_CHECK(result.message());
    }
};
const bool is_set_up = [] {
    ::testing::InitGoogleMock();
    auto& listeners = ::testing::UnitTest::GetInstance()->listeners();
    delete listeners.Release(listeners.default_result_printer());
    listeners.Append(new FailsTheCatchTest);  // which owns it from here on
    return true;
}();

}  // namespace

using namespace rekey::testing;
using ::testing::_;
using ::testing::Return;

TEST_CASE("a mock of GoogleMock answers a test of Catch2") {
    MockTransport<> http;
    EXPECT_CALL(http, send(_, SignedBy("personal")))
        .WillOnce(Return(rekey::HttpResponse{200, {}, R"({"code":4101})", false}));
    EXPECT_CALL(http, send(_, SignedBy("enterprise")))
        .WillOnce(Return(rekey::HttpResponse{200, {}, R"({"code":0})", false}));

    CHECK_THAT(Greeter{greeting_client(http)}.greet(), SucceededWith("enterprise"));
    CHECK(is_set_up);
}

TEST_CASE("an expectation that is not met fails the test of Catch2", "[!shouldfail]") {
    MockTransport<> http;
    EXPECT_CALL(http, send(_, _)).Times(1);
}
