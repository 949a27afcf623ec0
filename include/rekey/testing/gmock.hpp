// SPDX-License-Identifier: BSL-1.0
// gmock: matchers and printers for tests with GoogleTest, and a transport that GoogleMock mocks.
#ifndef REKEY_TESTING_GMOCK_HPP
#define REKEY_TESTING_GMOCK_HPP

#include <rekey/testing/manual_clock.hpp>
#include <rekey/testing/matchers.hpp>

#include <gmock/gmock.h>

namespace rekey {
inline namespace v0_1 {
namespace testing {

/// A transport of expectations: `EXPECT_CALL(http, send(_, SignedBy("personal")))
/// .WillOnce(Return(HttpResponse{200, …}))`. Works with `NiceMock` and `StrictMock`.
///
/// A send that nobody expects fails in words and is never repeated.
/// Not copied: a client borrows it.
template <class Request = HttpRequest, class Response = HttpResponse> class MockTransport {
public:
    using Answer = TransportResult<Response>;

    MockTransport() {
        ON_CALL(*this, send)
            .WillByDefault(::testing::Return(
                Answer(TransportError{Reach::never_sent, "the mock has no answer to this send",
                                      TransportVerdict::lasting})));
    }
    MOCK_METHOD(Answer, send, (const Request& request, const Attempt& attempt));

    Answer operator()(const Request& request, const Attempt& attempt) {
        return send(request, attempt);
    }
};

}  // namespace testing
}  // namespace v0_1
}  // namespace rekey

#endif
