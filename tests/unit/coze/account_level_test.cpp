// SPDX-License-Identifier: BSL-1.0
#include <rekey/coze/account_level.hpp>

#include <rekey/coze.hpp>
#include <rekey/describe/sentence.hpp>
#include <rekey/http.hpp>
#include <rekey/rekey.hpp>
#include <rekey/testing.hpp>

#include "catch.hpp"

#include <string>

namespace {

using namespace rekey;
using Old = coze::Pat<coze::Personal>;
using New = coze::Pat<coze::Enterprise>;

CredentialChain<New, Old> chain() { return CredentialChain{New{"pat_new_1"}, Old{"pat_old_1"}}; }
HttpRequest get(const std::string& path) { return {"GET", "https://api.coze.com" + path, {}, {}}; }
struct Everything {
    template <class Request> coze::ResourceLevel operator()(const Request&) const {
        return coze::ResourceLevel::account;
    }
};

}  // namespace

TEST_CASE("conversations, files and voices are the account's, chats and bots the workspace's") {
    using coze::LevelOf;
    using coze::ResourceLevel;
    for (const char* path :
         {"/v1/conversation/create", "/v1/conversations", "/v1/conversation/message/list",
          "/v1/conversations?bot_id=7", "/v1/files/upload", "/v1/files?from=https://example.com/a",
          "/v1/audio/voices", "/v1/audio/voices/clone"}) {
        CHECK(LevelOf::of_url(path) == ResourceLevel::account);
        for (const std::string base : {"https://api.coze.cn", "https://gateway.example/coze"})
            CHECK(LevelOf::of_url(base + path) == ResourceLevel::account);
    }
    for (const char* path :
         {"/v3/chat", "/v1/bots/7", "/v1/workflow/run", "/v1/conversational", "/v1/audio/speech",
          "/v3/chat?conversation_id=/v1/conversation", "?from=/v1/files", ""}) {
        CHECK(LevelOf::of_url(path) == ResourceLevel::workspace);
        for (const std::string base : {"https://api.coze.cn", "https://gateway.example/coze"})
            CHECK(LevelOf::of_url(base + path) == ResourceLevel::workspace);
    }
}

TEST_CASE("account-level calls begin with the credential that was let to them, others do not") {
    testing::script http;
    http.then(200, 0).then(200, 0).then(200, 0);
    const Client client{http, chain(), coze::RetryOnRefusal{},
                        coze::account_level_with<Old>(chain())};
    CHECK(client.send(get("/v1/conversations")).credential() == "personal");
    CHECK(client.send(get("/v1/bots/7")).credential() == "enterprise");
    CHECK(client.send(get("/v1/audio/voices")).credential() == "personal");
    CHECK(http.sends().size() == 3);
}

TEST_CASE("a refusal goes on with the other credential, whichever came first") {
    testing::script http;
    http.then(200, 4101).then(200, 0).then(200, 4101).then(200, 0);
    const Client client{http, chain(), coze::RetryOnRefusal{},
                        coze::account_level_with<Old>(chain())};
    CHECK(client.send(get("/v1/conversations")).credential() == "enterprise");
    CHECK(client.send(get("/v1/bots/7")).credential() == "personal");
    CHECK(http.left() == 0);
}

TEST_CASE("a call that stays with one credential stays with it, whatever its level") {
    testing::script http;
    http.then(200, 0).then(200, 0);
    const Client client{http, chain(), coze::RetryOnRefusal{},
                        coze::account_level_with<Old>(chain())};
    const auto bot = client.send(get("/v1/bots/7"));
    CHECK(client.send(get("/v1/conversations"), SameCredentialAs{bot}).credential() ==
          "enterprise");
}

TEST_CASE("the level may be said by a function of the user's, and the policy says what it does") {
    testing::script http;
    http.then(200, 0);
    const auto route = coze::account_level_with<Old>(chain(), Everything{});
    const Client client{http, chain(), coze::RetryOnRefusal{}, route};
    CHECK(client.send(get("/v1/bots/7")).credential() == "personal");
    CHECK(sentence_of(route) ==
          "Begins with credential 2 of 2 for account-level resources, such as conversations and "
          "voices.");
}
