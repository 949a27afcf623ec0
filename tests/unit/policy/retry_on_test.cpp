// SPDX-License-Identifier: BSL-1.0
#include <rekey/policy/retry_on.hpp>

#include <rekey/core/plan.hpp>
#include <rekey/coze/api.hpp>
#include <rekey/policy/limits.hpp>
#include <rekey/testing/timeline.hpp>

#include "catch.hpp"

#include <cstddef>
#include <cstdint>
#include <utility>

namespace {

using namespace rekey;

// What a plan makes of an answer, and whether its gate acts on it.
template <class Plan> struct Judged {
    Facts facts{};
    Judged(int http_status, std::int64_t code) {
        facts.http_status = http_status;
        facts.has_service_code = true;
        facts.service_code = code;
        facts.failure = Plan::classify(http_status, {body::Found::present, code});
    }
    explicit Judged(int http_status) {
        facts.http_status = http_status;
        facts.failure = Plan::classify(http_status, {});
    }
    bool acts() const { return Plan::acts_on(facts); }
};

using Literal = Plan<RetryOn<4100, 4101, NotFound>, coze::Api>;
using Wide = Plan<coze::RetryOnRefusal, coze::Api>;

// 10000, 10001, 10002, …
template <std::size_t... Offsets>
auto many(std::index_sequence<Offsets...>) -> RetryOn<(10000 + static_cast<int>(Offsets))...>;
using FiveHundred = decltype(many(std::make_index_sequence<500>{}));

}  // namespace

TEST_CASE("integers in RetryOn mean exactly those service codes") {
    CHECK(Judged<Literal>(200, 4100).acts());
    CHECK(Judged<Literal>(401, 4101).acts());
    CHECK_FALSE(Judged<Literal>(401, 700012006).acts());
    CHECK_FALSE(Judged<Literal>(200, 4028).acts());
    CHECK_FALSE(Judged<Literal>(500, 5000).acts());
}

TEST_CASE("a bare HTTP 401 or 403 is not covered by RetryOn of codes") {
    CHECK_FALSE(Judged<Literal>(401).acts());
    CHECK_FALSE(Judged<Literal>(403).acts());
}

TEST_CASE("RetryOnRefusal covers 700012006 and bare HTTP 401 and 403") {
    CHECK(Judged<Wide>(401, 700012006).acts());
    CHECK(Judged<Wide>(200, 700012006).acts());
    CHECK(Judged<Wide>(401).acts());
    CHECK(Judged<Wide>(403).acts());
    CHECK(Judged<Wide>(200, 4200).acts());
}

TEST_CASE("RetryOnRefusal covers neither rate, quota, passing nor permanent failures") {
    for (const std::int64_t code : {4013, 4028, 5000, 4000, 123456})
        CHECK_FALSE(Judged<Wide>(200, code).acts());
    for (const int status : {400, 404, 408, 429, 500, 503})
        CHECK_FALSE(Judged<Wide>(status).acts());
}

TEST_CASE("a class in RetryOn covers every code of that class") {
    for (const std::int64_t code : {4001, 4002, 4005, 4006, 4200, 4314})
        CHECK(Judged<Literal>(200, code).acts());
}

TEST_CASE("a listed code that the service does not know is a refusal") {
    using Plan = Plan<RetryOn<1234>, coze::Api>;
    CHECK(Judged<Plan>(200, 1234).facts.failure == AuthRejected);
    CHECK(Judged<Plan>(200, 1234).acts());
    CHECK(Judged<Plan>(500, 1234).facts.failure == AuthRejected);
}

TEST_CASE("a listed code keeps the class that the service gives it") {
    using Plan = Plan<RetryOn<4200, 4013>, coze::Api, MaxAttempts<2>>;
    CHECK(Judged<Plan>(200, 4200).facts.failure == NotFound);
    CHECK(Judged<Plan>(200, 4013).facts.failure == RateLimited);
    CHECK(Judged<Plan>(200, 4013).acts());
    CHECK_FALSE(Judged<Plan>(200, 4009).acts());
}

TEST_CASE("as_transient and as_rate_limited change what a code counts as") {
    using Plan =
        Plan<RetryOn<as_transient(4013), as_rate_limited(4028)>, coze::Api, MaxAttempts<2>>;
    CHECK(Judged<Plan>(200, 4013).facts.failure == Transient);
    CHECK(Judged<Plan>(200, 4013).acts());
    CHECK(Judged<Plan>(200, 4028).facts.failure == RateLimited);
    CHECK(Judged<Plan>(200, 4028).acts());
    CHECK_FALSE(Judged<Plan>(200, 5000).acts());
}

TEST_CASE("HttpStatus in RetryOn means that status, where no known code says otherwise") {
    using Plan = Plan<RetryOn<HttpStatus{409}, HttpStatus{503}>, coze::Api, MaxAttempts<2>>;
    CHECK(Judged<Plan>(409).facts.failure == AuthRejected);
    CHECK(Judged<Plan>(409).acts());
    CHECK(Judged<Plan>(503).facts.failure == Transient);
    CHECK(Judged<Plan>(503).acts());
    CHECK_FALSE(Judged<Plan>(500).acts());
    CHECK_FALSE(Judged<Plan>(503, 4000).acts());
}

TEST_CASE("ServiceCode spells out a code that looks like an HTTP status") {
    using Plan = Plan<RetryOn<ServiceCode{404}>>;
    CHECK(Judged<Plan>(200, 404).acts());
    CHECK_FALSE(Judged<Plan>(404).acts());
}

TEST_CASE("a negative code can be listed") {
    using Plan = Plan<RetryOn<-7>>;
    CHECK(Judged<Plan>(200, -7).acts());
    CHECK_FALSE(Judged<Plan>(200, 7).acts());
}

TEST_CASE("RetryOn takes 500 codes") {
    using Plan = Plan<FiveHundred>;
    CHECK(Judged<Plan>(200, 10000).acts());
    CHECK(Judged<Plan>(200, 10499).acts());
    CHECK_FALSE(Judged<Plan>(200, 10500).acts());
    CHECK_FALSE(Judged<Plan>(200, 9999).acts());
}

TEST_CASE("a code beyond 32 bits can be listed") {
    using Plan = Plan<RetryOn<9'000'000'000'000>>;
    CHECK(Judged<Plan>(200, 9'000'000'000'000).acts());
    CHECK_FALSE(Judged<Plan>(200, 9'000'000'000'000 % 4294967296).acts());
}

TEST_CASE("an empty RetryOn acts on nothing") {
    using Plan = Plan<RetryOn<>>;
    CHECK_FALSE(Judged<Plan>(401).acts());
    CHECK_FALSE(Judged<Plan>(200, 4100).acts());
}
