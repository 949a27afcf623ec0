// SPDX-License-Identifier: BSL-1.0
#include <rekey/core/plan.hpp>

#include <rekey/coze/api.hpp>
#include <rekey/policy/credential_chain.hpp>
#include <rekey/policy/limits.hpp>
#include <rekey/policy/parts.hpp>
#include <rekey/policy/retry_on.hpp>
#include <rekey/testing/print.hpp>

#include "catch.hpp"

#include <cstdint>
#include <string_view>
#include <type_traits>
#include <vector>

namespace {

using namespace rekey;

struct A {};
struct B {};

using Coze = Plan<CredentialChain<A, B>, coze::RetryOnRefusal, coze::Api>;
using Plain = Plan<CredentialChain<A, B>, RetryOn<4100, 4101, NotFound>>;

struct Until {
    static constexpr Role role = Role::limit;
    static constexpr bool bounds_call = true;
    static constexpr bool reads_time = true;
    struct Rule {
        static constexpr Ruling judge(const Proposal&) noexcept { return {}; }
    };
    constexpr Rule rule() const noexcept { return {}; }
};

constexpr body::Reading code(std::int64_t number) { return {body::Found::present, number}; }
constexpr body::Reading no_code() { return {}; }

// What the issue demands for each code of coze-api §5.
struct Row {
    std::int64_t code;
    FailureClass failure;
};
const std::vector<Row>& coze_codes() {
    static const std::vector<Row> rows{
        {4000, Permanent},      {4001, NotFound},          {4002, NotFound},
        {4003, Permanent},      {4004, Permanent},         {4005, NotFound},
        {4006, NotFound},       {4007, Permanent},         {4008, QuotaExhausted},
        {4009, RateLimited},    {4010, Permanent},         {4011, QuotaExhausted},
        {4012, Permanent},      {4013, RateLimited},       {4014, Permanent},
        {4015, Permanent},      {4016, Transient},         {4019, QuotaExhausted},
        {4020, RateLimited},    {4021, Permanent},         {4022, QuotaExhausted},
        {4027, QuotaExhausted}, {4028, QuotaExhausted},    {4029, Permanent},
        {4033, Permanent},      {4100, AuthRejected},      {4101, AuthRejected},
        {4102, RateLimited},    {4104, Permanent},         {4105, Permanent},
        {4200, NotFound},       {4201, Permanent},         {4300, Permanent},
        {4304, Permanent},      {4314, NotFound},          {4315, Permanent},
        {5000, Transient},      {700012006, AuthRejected}, {700012054, Permanent},
        {708232001, Permanent}, {708232003, Permanent},    {710005002, RateLimited},
        {777777775, Permanent}};
    return rows;
}

}  // namespace

TEST_CASE("a known Coze code decides on every HTTP status, 200 included") {
    for (const Row& row : coze_codes())
        for (const int status : {200, 400, 401, 403, 404, 429, 500}) {
            CAPTURE(row.code, status);
            CHECK(Coze::classify(status, code(row.code)) == row.failure);
        }
}

TEST_CASE("an unknown Coze code is permanent on a 2xx and leaves other statuses to HTTP") {
    const auto classify = [](int status) { return Coze::classify(status, code(987654)); };
    CHECK(classify(200) == Permanent);
    CHECK(classify(201) == Permanent);
    CHECK(classify(400) == Permanent);
    CHECK(classify(401) == AuthRejected);
    CHECK(classify(403) == AuthRejected);
    CHECK(classify(404) == Permanent);
    CHECK(classify(408) == Transient);
    CHECK(classify(429) == RateLimited);
    CHECK(classify(500) == Transient);
    CHECK(classify(503) == Transient);
}

TEST_CASE("a negative Coze code is no success") {
    CHECK(Coze::classify(200, code(-1)) == Permanent);
}

TEST_CASE("code 0 and a missing code are a success on 2xx only") {
    for (const body::Reading& reading : {code(0), no_code()}) {
        CHECK(Coze::classify(200, reading) == NoFailure);
        CHECK(Coze::classify(400, reading) == Permanent);
        CHECK(Coze::classify(401, reading) == AuthRejected);
        CHECK(Coze::classify(403, reading) == AuthRejected);
        CHECK(Coze::classify(404, reading) == Permanent);
        CHECK(Coze::classify(429, reading) == RateLimited);
        CHECK(Coze::classify(500, reading) == Transient);
    }
}

TEST_CASE("an unknown path of Coze, HTTP 404 with code 4000, is never NotFound") {
    CHECK(Coze::classify(404, code(4000)) == Permanent);
}

TEST_CASE("without a service HTTP decides, and only listed codes are looked up") {
    CHECK(Plain::classify(200, code(4100)) == AuthRejected);
    CHECK(Plain::classify(500, code(4101)) == AuthRejected);
    CHECK(Plain::classify(200, code(4200)) == NoFailure);
    CHECK(Plain::classify(200, code(0)) == NoFailure);
    CHECK(Plain::classify(200, no_code()) == NoFailure);
    CHECK(Plain::classify(299, no_code()) == NoFailure);
    CHECK(Plain::classify(302, no_code()) == Permanent);
    CHECK(Plain::classify(401, no_code()) == AuthRejected);
    CHECK(Plain::classify(403, no_code()) == AuthRejected);
    CHECK(Plain::classify(404, no_code()) == NotFound);
    CHECK(Plain::classify(408, no_code()) == Transient);
    CHECK(Plain::classify(409, no_code()) == Permanent);
    CHECK(Plain::classify(429, no_code()) == RateLimited);
    CHECK(Plain::classify(500, no_code()) == Transient);
    CHECK(Plain::classify(599, no_code()) == Transient);
}

TEST_CASE("a body is looked into only where a code can mean something") {
    STATIC_REQUIRE(Coze::reads_body);
    STATIC_REQUIRE(Plain::reads_body);
    STATIC_REQUIRE_FALSE(Plan<CredentialChain<A, B>, RetryOn<AuthRejected, NotFound>>::reads_body);
    STATIC_REQUIRE_FALSE(Plan<>::reads_body);
}

TEST_CASE(
    "a service that a credential brings serves the whole plan, and naming it again is no second") {
    struct WithService {
        using Service = coze::Api;
    };
    using Brought = Plan<CredentialChain<WithService, B>, coze::RetryOnRefusal>;
    using Named = Plan<CredentialChain<WithService, B>, coze::RetryOnRefusal, coze::Api>;
    STATIC_REQUIRE(std::is_same_v<Brought::Service, coze::Api>);
    STATIC_REQUIRE(std::is_same_v<Named::Service, coze::Api>);
    STATIC_REQUIRE(std::is_same_v<Plain::Service, rekey::Service>);
}

TEST_CASE("slots are numbered as they stand in the chain") {
    STATIC_REQUIRE(Plain::slot_of<A>() == 0);
    STATIC_REQUIRE(Plain::slot_of<B>() == 1);
    STATIC_REQUIRE(Plain::slot_count == 2);
    STATIC_REQUIRE(Plan<>::slot_count == 1);
}

TEST_CASE("a plan reads a clock only if a policy of it reads time") {
    STATIC_REQUIRE_FALSE(Plan<RetryOn<RateLimited>, MaxAttempts<3>>::reads_clock);
    STATIC_REQUIRE(Plan<RetryOn<RateLimited>, Until>::reads_clock);
}

TEST_CASE("a code that HTTP 403 or 404 carries beside a listed status keeps its own class") {
    // HttpStatus{409} is listed, but the body says that the quota is used up.
    using Plan = Plan<RetryOn<HttpStatus{409}>, coze::Api>;
    CHECK(Plan::classify(409, no_code()) == AuthRejected);
    CHECK(Plan::classify(409, code(4028)) == QuotaExhausted);
    Facts facts;
    facts.http_status = 409;
    facts.failure = QuotaExhausted;
    facts.has_service_code = true;
    facts.service_code = 4028;
    CHECK_FALSE(Plan::acts_on(facts));
}
