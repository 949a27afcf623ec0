// SPDX-License-Identifier: BSL-1.0
#include <rekey/coze/chat_failure.hpp>

#include "catch.hpp"

using namespace rekey;
using coze::read_chat_failure;

TEST_CASE("a failed chat says why in last_error, or beside it") {
    for (const char* const data :
         {R"({"status":"failed","last_error":{"code":4028,"msg":"no credit"}})",
          R"({"code":0,"msg":"","last_error":{"code":4028,"msg":"no credit"}})",
          R"({"code":4028,"msg":"no credit"})", R"({"code":"4028","msg":"no credit"})",
          R"({"error_code":4028,"error_message":"no credit"})",
          R"({"last_error":{"code":null,"msg":""},"code":4028.0,"msg":"no credit"})",
          R"({"last_error":null,"code":4028,"msg":"no credit"})",
          R"({"last_error":{"code":null,"msg":null},"code":4028,"msg":"no credit"})",
          R"({"code":4028,"msg":null,"error_message":"no credit","detail":{"logid":null}})"}) {
        CAPTURE(data);
        const auto failure = read_chat_failure(data);
        CHECK(failure.kind == ErrorKind::quota_exhausted);
        CHECK(failure.has_service_code);
        CHECK(failure.service_code == 4028);
        CHECK(failure.message == "no credit");
        CHECK(failure.log_id.empty());
    }
}

TEST_CASE("an error without a code keeps its words") {
    const auto text = read_chat_failure("the model went away");
    CHECK_FALSE(text.has_service_code);
    CHECK(text.kind == ErrorKind::permanent);
    CHECK(text.message == "the model went away");
    CHECK(read_chat_failure("{}").message.empty());
    CHECK(read_chat_failure(R"({"code":"soon","msg":"wait"})").message == "wait");
    CHECK_FALSE(read_chat_failure(R"({"code":"soon","msg":"wait"})").has_service_code);
    CHECK(read_chat_failure(R"({"detail":{"logid":"20"}})").log_id == "20");
}

TEST_CASE("the kind of a chat's failure is that of the same code in an answer") {
    CHECK(coze::kind_of_code(4101) == ErrorKind::refused);
    CHECK(coze::kind_of_code(4200) == ErrorKind::not_found);
    CHECK(coze::kind_of_code(4013) == ErrorKind::rate_limited);
    CHECK(coze::kind_of_code(4028) == ErrorKind::quota_exhausted);
    CHECK(coze::kind_of_code(5000) == ErrorKind::transient);
    CHECK(coze::kind_of_code(4000) == ErrorKind::permanent);
    CHECK(coze::kind_of_code(123456) == ErrorKind::permanent);
}

TEST_CASE("S71 a token is cut out of the words of a failure, and a line of them is one line") {
    auto failure = read_chat_failure(
        R"({"code":4101,"msg":"key_1 is bad\nkey_1","detail":{"logid":"key_1"}})");
    cut_out_token(failure, "");
    CHECK(failure.log_id == "key_1");
    cut_out_token(failure, "key_1");
    CHECK(describe(failure) == "refused: code 4101, [token] is bad [token], log id [token]");
    failure = {};
    CHECK(describe(failure) == "permanent");
}

TEST_CASE("S71 a token that stands in what takes its place is cut out once") {
    for (const std::string_view token : {"token", "[token]", "e", "]"}) {
        CAPTURE(token);
        coze::ChatFailure failure;
        failure.message = "(" + std::string(token) + ")";
        cut_out_token(failure, token);
        CHECK(failure.message == "([token])");
    }
    auto failure = read_chat_failure(R"({"code":4101,"msg":"The token you entered is incorrect"})");
    cut_out_token(failure, "token");
    CHECK(failure.message == "The [token] you entered is incorrect");
}
