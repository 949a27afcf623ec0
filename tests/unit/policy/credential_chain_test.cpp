// SPDX-License-Identifier: BSL-1.0
#include <rekey/policy/credential_chain.hpp>

#include "catch.hpp"

#include <memory>
#include <string>
#include <type_traits>
#include <utility>

namespace {

using namespace rekey;

struct Text {
    std::string value{};
};
struct OtherText {
    std::string value{};
};
struct Exchanging {
    struct Exchange {};
};
struct MoveOnly {
    std::unique_ptr<int> value{};
};

}  // namespace

TEST_CASE("a chain deduces its credentials from its arguments") {
    const CredentialChain chain{Text{"a"}, OtherText{"b"}};
    STATIC_REQUIRE(std::is_same_v<decltype(chain), const CredentialChain<Text, OtherText>>);
    CHECK(detail::at<0>(chain.credentials).value == "a");
    CHECK(detail::at<1>(chain.credentials).value == "b");
}

TEST_CASE("the rule of a chain knows its length and which credentials exchange") {
    using Rule = CredentialChain<Text, Exchanging, OtherText>::Rule;
    STATIC_REQUIRE(Rule::slot_count == 3);
    STATIC_REQUIRE(Rule::fetching == 0b010);
    STATIC_REQUIRE(std::is_empty_v<Rule>);
}

TEST_CASE("each credential knows its position") {
    using Chain = CredentialChain<Text, Exchanging, OtherText>;
    STATIC_REQUIRE(Chain::slot_of<Text>() == 0);
    STATIC_REQUIRE(Chain::slot_of<Exchanging>() == 1);
    STATIC_REQUIRE(Chain::slot_of<OtherText>() == 2);
}

TEST_CASE("a chain is a movable value") {
    CredentialChain<MoveOnly> chain{MoveOnly{std::make_unique<int>(7)}};
    const CredentialChain<MoveOnly> moved{std::move(chain)};
    CHECK(*detail::at<0>(moved.credentials).value == 7);
}
