// SPDX-License-Identifier: BSL-1.0
#include <rekey/transport.hpp>

#include "catch.hpp"
#include "support/clients.hpp"

#include <string>
#include <system_error>
#include <utility>

namespace {

using namespace clients;

// The smallest thing that looks like std::expected.
template <class Value, class Failure> class Expected {
public:
    Expected(Value value) : value_(std::move(value)), has_value_(true) {}
    static Expected failed(Failure failure) {
        Expected made{Value{}};
        made.failure_ = std::move(failure);
        made.has_value_ = false;
        return made;
    }
    bool has_value() const noexcept { return has_value_; }
    Value& operator*() noexcept { return value_; }
    Failure& error() noexcept { return failure_; }

private:
    Value value_;
    Failure failure_{};
    bool has_value_;
};

// Like Boost.Outcome: no operator*, and value() throws, so assume_value() is the way in.
template <class Value, class Failure> class OutcomeLike {
public:
    OutcomeLike(Value value) : value_(std::move(value)), has_value_(true) {}
    OutcomeLike(Failure failure) : failure_(std::move(failure)) {}
    explicit operator bool() const noexcept { return has_value_; }
    bool has_value() const noexcept { return has_value_; }
    Value& assume_value() & noexcept { return value_; }
    Failure& error() & noexcept { return failure_; }
    Failure error() && noexcept { return std::move(failure_); }

private:
    Value value_{};
    Failure failure_{};
    bool has_value_ = false;
};

// A client whose transport fails once and then accepts; what became of the call.
struct Outcome {
    int sends = 0;
    bool served = false;
    StopReason reason = StopReason::success;
    ErrorKind kind = ErrorKind::cancelled;
    Reach reach = Reach::answered;
    std::string message{};
};
template <class... Extras>
Outcome after(TransportError failure, const HttpRequest& request, const Extras&... extras) {
    Outcome outcome;
    const Client client{[&](const HttpRequest&, const Attempt&) -> TransportResult<HttpResponse> {
                            if (++outcome.sends == 1) return failure;
                            return accepted();
                        },
                        both(), RetryOn<AuthRejected, Transient>{}, MaxAttempts<3>{}};
    const auto result = client.send(request, extras...);
    outcome.served = result.has_value();
    outcome.reason = result.stop_reason();
    if (!result) {
        outcome.kind = result.error().kind;
        outcome.reach = result.error().reach;
        outcome.message = result.error().message();
    }
    return outcome;
}

}  // namespace

TEST_CASE("a value that an expected holds is the response") {
    using Answer = Expected<HttpResponse, TransportError>;
    const Client client{[](const HttpRequest&, const Attempt&) -> Answer { return accepted(); },
                        both(), OnRefusal{}};
    const auto result = client.send(chat());
    REQUIRE(result);
    CHECK(result->status == 200);
}

TEST_CASE("a refused answer inside an expected falls back") {
    using Answer = Expected<HttpResponse, TransportError>;
    int sends = 0;
    const Client client{[&sends](const HttpRequest&, const Attempt&) -> Answer {
                            return ++sends == 1 ? refusal() : accepted();
                        },
                        both(), OnCodes{}};
    const auto result = client.send(chat());
    REQUIRE(result);
    CHECK(result.credential() == "enterprise");
}

TEST_CASE("an outcome-like answer works, and so does its TransportError") {
    using Answer = OutcomeLike<HttpResponse, TransportError>;
    int sends = 0;
    const Client client{[&sends](const HttpRequest&, const Attempt&) -> Answer {
                            if (++sends == 1) return TransportError{Reach::never_sent, "no route"};
                            return accepted();
                        },
                        both(), RetryOn<Transient>{}, MaxAttempts<2>{}};
    CHECK(client.send(chat()));
    CHECK(sends == 2);
}

TEST_CASE("an error that is not a TransportError counts as sent without an answer") {
    using Answer = Expected<HttpResponse, std::error_code>;
    int sends = 0;
    const Client client{
        [&sends](const HttpRequest&, const Attempt&) {
            ++sends;
            return Answer::failed(std::make_error_code(std::errc::host_unreachable));
        },
        both(), RetryOn<AuthRejected, Transient>{}, MaxAttempts<3>{}};
    const auto result = client.send(chat());
    REQUIRE_FALSE(result);
    CHECK(sends == 1);
    CHECK(result.stop_reason() == StopReason::unsafe_to_repeat);
    CHECK(result.error().kind == ErrorKind::transport);
    CHECK(result.error().reach == Reach::sent_unanswered);
}

TEST_CASE("the reach of a TransportError decides whether a POST is sent again") {
    CHECK(after({Reach::never_sent, "refused"}, chat()).served);
    CHECK(after({Reach::sent_unanswered, "reset"}, chat()).reason == StopReason::unsafe_to_repeat);
    CHECK(after({Reach::cut_short, "cut"}, chat()).reason == StopReason::unsafe_to_repeat);
    CHECK(after({Reach::delivered, "cut"}, chat()).reason == StopReason::not_retryable);
}

TEST_CASE("a TransportError that claims a whole answer is not believed") {
    const Outcome outcome = after({Reach::answered, "odd"}, chat());
    CHECK(outcome.reason == StopReason::unsafe_to_repeat);
    CHECK(outcome.reach == Reach::cut_short);
    CHECK(outcome.kind == ErrorKind::transport);
}

TEST_CASE("a call declared idempotent is sent again after any break but a delivered one") {
    CHECK(after({Reach::never_sent, ""}, chat(), Idempotent{}).served);
    CHECK(after({Reach::sent_unanswered, ""}, chat(), Idempotent{}).served);
    CHECK(after({Reach::cut_short, ""}, chat(), IdempotencyKey{"k"}).served);
    CHECK_FALSE(after({Reach::delivered, ""}, chat(), Idempotent{}).served);
}

TEST_CASE("a lasting transport failure is not repeated") {
    const Outcome outcome = after(
        {Reach::never_sent, "the certificate does not verify", TransportVerdict::lasting}, chat());
    CHECK(outcome.sends == 1);
    CHECK(outcome.reason == StopReason::not_retryable);
    CHECK(outcome.kind == ErrorKind::transport);
    CHECK(outcome.message == "the certificate does not verify");
}

TEST_CASE("a cancelled send ends the call at once as cancelled") {
    const Outcome outcome = after({Reach::sent_unanswered, "stopped", TransportVerdict::cancelled},
                                  chat(), Idempotent{});
    CHECK(outcome.sends == 1);
    CHECK(outcome.reason == StopReason::cancelled);
    CHECK(outcome.kind == ErrorKind::cancelled);
}

TEST_CASE("a transport failure falls back to no other credential") {
    std::string signed_by;
    const Client client{
        [&](const HttpRequest&, const Attempt& attempt) -> TransportResult<HttpResponse> {
            signed_by += std::string(attempt.credential()) + ' ';
            return TransportError{Reach::never_sent, "down"};
        },
        both(), RetryOn<AuthRejected, NotFound, Transient>{}, MaxAttempts<2>{}};
    CHECK_FALSE(client.send(chat()));
    CHECK(signed_by == "personal personal ");
}
