// SPDX-License-Identifier: BSL-1.0
#include <rekey/coze/fresh_conversation.hpp>

#include "catch.hpp"

#include <rekey/coze.hpp>
#include <rekey/testing.hpp>

#include "support/coze_desk.hpp"

#include <string>

using namespace rekey;

namespace {

struct Lane {
    CozeDesk desk{};
    auto client() {
        using coze::Enterprise;
        using coze::Pat;
        using coze::Personal;
        return Client{
            desk.coze,
            CredentialChain{Pat<Personal>{desk.options.personal_token, desk.options.base},
                            Pat<Enterprise>{desk.options.enterprise_token, desk.options.base}},
            coze::RetryOnRefusal{}, coze::FreshConversation{}};
    }
    HttpRequest chat(const std::string& query) const {
        return {"POST",
                desk.options.base + "/v3/chat" + query,
                {{"Content-Type", "application/json"}},
                desk.chat_body()};
    }
};

}  // namespace

TEST_CASE("a conversation of the old account is dropped when another credential takes over") {
    Lane lane;
    const auto client = lane.client();
    const auto before = client.send(lane.chat(""));
    REQUIRE(before);
    const std::string conversation = coze::conversation_id(before->body);
    REQUIRE_FALSE(conversation.empty());

    const HttpRequest request = lane.chat("?conversation_id=" + conversation + "&x=1");
    lane.desk.coze.move();
    const auto after = client.send(request);
    REQUIRE(after);
    CHECK(after.credential() == "enterprise");
    CHECK(coze::changed_account(after));
    CHECK_FALSE(coze::changed_account(before));
    CHECK_FALSE(coze::conversation_id(after->body).empty());
    CHECK(coze::conversation_id(after->body) != conversation);
    CHECK(request.url.find(conversation) != std::string::npos);  // the caller's stays as it is
}

TEST_CASE("the conversation stays while the same credential serves") {
    testing::Script http;
    http.then(200);
    using coze::Pat;
    const Client client{http, CredentialChain{Pat<coze::Personal>{"pat_personal_1"}},
                        coze::RetryOnRefusal{}, coze::FreshConversation{}};
    REQUIRE(
        client.send(HttpRequest{"POST", "https://api.coze.com/v3/chat?conversation_id=7", {}, {}}));
    CHECK(http.sends()[0].url == "https://api.coze.com/v3/chat?conversation_id=7");
}

TEST_CASE("only the conversation goes from the URL, the rest stays byte for byte") {
    testing::Script http;
    http.then(200, 4101).then(200);
    using coze::Pat;
    const Client client{http,
                        CredentialChain{Pat<coze::Personal>{"pat_personal_1"},
                                        Pat<coze::Enterprise>{"pat_enterprise_1"}},
                        coze::RetryOnRefusal{}, coze::FreshConversation{}};
    REQUIRE(client.send(HttpRequest{
        "POST", "https://api.coze.com/v3/chat?a=%20b&conversation_id=7&c=d", {}, "body"}));
    REQUIRE(http.sends().size() == 2);
    CHECK(http.sends()[0].url == "https://api.coze.com/v3/chat?a=%20b&conversation_id=7&c=d");
    CHECK(http.sends()[1].url == "https://api.coze.com/v3/chat?a=%20b&c=d");
    CHECK(http.sends()[1].body == "body");
}

TEST_CASE("retrieve goes with the credential that made the chat, and with no other") {
    Lane lane;
    const auto client = lane.client();
    lane.desk.coze.move();
    const auto chat = client.send(lane.chat(""));
    REQUIRE(chat);
    const HttpRequest retrieve{"GET",
                               lane.desk.options.base + "/v3/chat/retrieve?conversation_id=" +
                                   coze::conversation_id(chat->body) +
                                   "&chat_id=" + coze::chat_id(chat->body),
                               {},
                               {}};
    const auto found = client.send(retrieve, SameCredentialAs{chat});
    REQUIRE(found);
    CHECK(found.credential() == "enterprise");
    CHECK(found.trail().count() == 1);
}
