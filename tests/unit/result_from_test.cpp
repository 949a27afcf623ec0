// SPDX-License-Identifier: BSL-1.0
#include <rekey/result_from.hpp>

#include "catch.hpp"
#include "support/ended_calls.hpp"

#include <memory>
#include <string>
#include <utility>

namespace {

using namespace ended_calls;

/// The smallest result of another library.
template <class Value, class Failure> struct Theirs {
    Value value{};
    Failure failure{};
    bool good = false;
    bool has_value() const { return good; }
    Value& operator*() & { return value; }
    const Value& operator*() const& { return value; }
    Value&& operator*() && { return std::move(value); }
    const Failure& error() const& { return failure; }
    Failure&& error() && { return std::move(failure); }
};

}  // namespace

TEST_CASE("a value of another library's result becomes a success with an empty trail") {
    const auto result = result_from(Theirs<int, TransportError>{7, {}, true});
    REQUIRE(result);
    CHECK(*result == 7);
    CHECK(result.trail().empty());
    CHECK(result.credential().empty());
}

TEST_CASE("a TransportError keeps its reach and its words, and a stopped one is cancelled") {
    const Theirs<int, TransportError> broken{0, {Reach::cut_short, "reset"}, false};
    const auto result = result_from(broken);
    REQUIRE_FALSE(result);
    CHECK(result.error().kind == ErrorKind::transport);
    CHECK(result.error().reach == Reach::cut_short);
    CHECK(result.error().message() == "reset");
    CHECK(broken.failure.detail == "reset");

    TransportError stopped{Reach::sent_unanswered, "stopped", TransportVerdict::cancelled};
    CHECK(result_from(Theirs<int, TransportError>{0, stopped, false}).error().kind ==
          ErrorKind::cancelled);
}

TEST_CASE("an error of a call comes back whole") {
    auto refusal = refused();
    const auto whole = refusal.error().describe();
    const auto back = result_from(
        Theirs<HttpResponse, Error<HttpResponse>>{{}, std::move(refusal).error(), false});
    REQUIRE_FALSE(back);
    CHECK(back.error().describe() == whole);
    CHECK(back.stop_reason() == StopReason::remedies_used_up);
    REQUIRE(back.error().response() != nullptr);
    CHECK(back.error().response()->status == 401);
}

TEST_CASE("an error that rekey does not know is put into words by the caller") {
    const auto worded = [](const std::string& text) {
        return Error<int>{ErrorKind::permanent, "theirs: " + text};
    };
    const auto result = result_from(Theirs<int, std::string>{0, "odd", false}, worded);
    REQUIRE_FALSE(result);
    CHECK(result.error().kind == ErrorKind::permanent);
    CHECK(result.error().message() == "theirs: odd");
    CHECK(*result_from(Theirs<int, std::string>{3, "", true}, worded) == 3);
}

TEST_CASE("a value that only moves moves into the result") {
    Theirs<std::unique_ptr<int>, TransportError> theirs{std::make_unique<int>(5), {}, true};
    const auto result = result_from(std::move(theirs));
    REQUIRE(result);
    CHECK(**result == 5);
}

TEST_CASE("the Result of another client is taken too") {
    CHECK(result_from(accepted())->status == 200);
    CHECK(result_from(refused()).error().service_code == 4101);
}
