// SPDX-License-Identifier: BSL-1.0
#include <rekey/coze/api.hpp>

#include <rekey/coze/pat.hpp>

#include "catch.hpp"
#include "support/clients.hpp"

#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

namespace {

using namespace clients;
using testing::Script;

// What a client of the Coze recipe makes of one answer.
Error<HttpResponse> refused_with(HttpResponse response) {
    Script http;
    http.then(response).then(response);
    const Client client{http,
                        CredentialChain{coze::Pat<coze::Personal>{"pat_personal_000"},
                                        coze::Pat<coze::Enterprise>{"pat_enterprise_0"}},
                        coze::RetryOnRefusal{}};
    const auto result = client.send(chat());
    REQUIRE_FALSE(result);
    return result.error();
}

}  // namespace

TEST_CASE("a Coze credential brings the meaning of the codes with it") {
    Script http;
    http.then(200, 4200).then(200);
    const Client client{http,
                        CredentialChain{coze::Pat<coze::Personal>{"pat_personal_000"},
                                        coze::Pat<coze::Enterprise>{"pat_enterprise_0"}},
                        coze::RetryOnRefusal{}};
    const auto result = client.send(chat());
    REQUIRE(result);
    CHECK(result.credential() == "enterprise");
    CHECK(result.trail()[0].failure == NotFound);
}

TEST_CASE("the message and the log id of Coze come from where Coze puts them") {
    const auto error = refused_with(
        {401,
         {{"x-tt-logid", "20261121"}},
         R"({"code":4100,"msg":"authentication is invalid","detail":{"logid":"inner"}})",
         false});
    CHECK(error.message() == "authentication is invalid");
    CHECK(error.log_id() == "20261121");
    CHECK(refused_with({401, {}, R"({"code":4100,"detail":{"logid":"inner"}})", false}).log_id() ==
          "inner");
    CHECK(refused_with({401, {}, R"({"code":4100,"error":{"logid":"old"}})", false}).log_id() ==
          "old");
    CHECK(refused_with({400, {}, R"({"error_code":"x","error_message":"why"})", false}).message() ==
          "why");
    CHECK(refused_with({400, {}, R"({"error":"words","code":4100})", false}).message() == "words");
    CHECK(refused_with({400, {}, R"({"error_message":"b","msg":"a"})", false}).message() == "a");
}

TEST_CASE("a text that is null says nothing, and the next place is asked") {
    const auto error =
        refused_with(answer(401, R"({"code":null,"msg":null,"error_message":"why",)"
                                 R"("detail":{"logid":null},"error":{"logid":"old"}})"));
    CHECK(error.message() == "why");
    CHECK(error.log_id() == "old");
    CHECK(refused_with(answer(200, R"({"code":4101,"msg":null})")).message().empty());
}

TEST_CASE("a code as text is the same code") {
    CHECK(refused_with(answer(200, R"({"code":"4101","msg":"m"})")).service_code == 4101);
}

TEST_CASE("the order of the keys of a Coze answer does not matter") {
    CHECK(refused_with(answer(200, R"({"data":{"code":0},"msg":"m","code":4101})")).service_code ==
          4101);
    CHECK(refused_with(answer(200, R"({"detail":{"logid":"x"},"code":4101,"msg":"m"})")).kind ==
          ErrorKind::refused);
}

TEST_CASE("last_error inside data is not the code of the answer") {
    Script http;
    http.then(answer(
        200, R"({"data":{"last_error":{"code":4101,"msg":"x"},"status":"failed"},"code":0})"));
    const Client client{http, CredentialChain{coze::Pat<>{"pat_personal_000"}},
                        coze::RetryOnRefusal{}};
    CHECK(client.send(chat()));
}

TEST_CASE("RetryOn of the seeds' codes misses 700012006, which RetryOnRefusal covers") {
    const auto sends = [](auto gate) {
        Script http;
        http.then(refusal(700012006, 401)).then(200);
        const Client client{http,
                            CredentialChain{coze::Pat<coze::Personal>{"pat_personal_000"},
                                            coze::Pat<coze::Enterprise>{"pat_enterprise_0"}},
                            gate};
        (void)client.send(chat()).has_value();
        return http.sends().size();
    };
    CHECK(sends(RetryOn<4100, 4101, NotFound>{}) == 1);
    CHECK(sends(coze::RetryOnRefusal{}) == 2);
}

// --- Pat ---

TEST_CASE("a Pat goes to the origin of its API base, whose slashes and path do not matter") {
    const auto sent_to = [](std::string_view base, std::string url) {
        Script http;
        http.then(200);
        HttpRequest request = chat();
        request.url = std::move(url);
        const Client client{http, CredentialChain{coze::Pat<>{"pat_personal_000", base}},
                            coze::RetryOnRefusal{}};
        (void)client.send(request).has_value();
        return http.sends().size();
    };
    CHECK(sent_to("https://api.coze.cn", "https://api.coze.cn/v3/chat") == 1);
    CHECK(sent_to("https://api.coze.cn///", "https://api.coze.cn/v3/chat") == 1);
    CHECK(sent_to("https://proxy.example:8443/coze", "https://proxy.example:8443/coze/v3/chat") ==
          1);
    CHECK(sent_to("https://api.coze.cn", "https://api.coze.com/v3/chat") == 0);
    CHECK(sent_to("http://127.0.0.1:8080", "http://127.0.0.1:8080/v3/chat") == 1);
    CHECK(sent_to("http://127.0.0.1:8080", "http://127.0.0.1:8081/v3/chat") == 0);
    CHECK(sent_to("not a url", "not a url/v3/chat") == 0);
    CHECK(sent_to("", "https://api.coze.com/v3/chat") == 0);
}

TEST_CASE("two Pats are two types by their tag, and the tag names them") {
    STATIC_REQUIRE_FALSE(std::is_same_v<coze::Pat<coze::Personal>, coze::Pat<coze::Enterprise>>);
    CHECK(coze::Pat<coze::Personal>::name == "personal");
    CHECK(coze::Pat<coze::Enterprise>::name == "enterprise");
    STATIC_REQUIRE(coze::Pat<>::identity == Identity::app);
}

TEST_CASE("a null or empty personal access token is refused before anything is sent") {
    for (const char* text : {static_cast<const char*>(nullptr), ""}) {
        Script http;
        http.then(200);
        const Client client{http, CredentialChain{coze::Pat<>{text}}, coze::RetryOnRefusal{}};
        const auto result = client.send(chat());
        REQUIRE_FALSE(result);
        CHECK(result.error().kind == ErrorKind::configuration);
        CHECK(http.sends().empty());
    }
}
