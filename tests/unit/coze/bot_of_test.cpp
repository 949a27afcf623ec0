// SPDX-License-Identifier: BSL-1.0
#include <rekey/coze/bot_of.hpp>

#include <rekey/coze.hpp>
#include <rekey/policy/remember.hpp>
#include <rekey/rekey.hpp>
#include <rekey/testing/fake_coze.hpp>

#include "catch.hpp"

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <utility>

namespace {

using namespace rekey;

std::uint64_t key(std::string body, std::string url = "https://api.coze.com/v3/chat",
                  std::string method = "POST") {
    return coze::BotOf{}(HttpRequest{std::move(method), std::move(url), {}, std::move(body)})
        .hash();
}

}  // namespace

TEST_CASE("the key of a chat is its bot, and its workspace where it names one") {
    const std::uint64_t seven = key(R"({"bot_id":"7","user_id":"u"})");
    CHECK(seven != 0);
    CHECK(key(R"({"stream":true, "user_id":"other","bot_id" : "7"})") == seven);
    CHECK(key(R"({"bot_id":7})") == seven);
    CHECK(key(R"({"bot_id":"7"})", "https://api.coze.cn/v3/chat?conversation_id=1") == seven);
    CHECK(key(R"({"bot_id":"8"})") != seven);
    const std::uint64_t in_space = key(R"({"bot_id":"7","workspace_id":"1"})");
    CHECK(in_space != seven);
    CHECK(in_space != key(R"({"bot_id":"7","workspace_id":"2"})"));
    CHECK(in_space != key(R"({"bot_id":"71"})"));
    CHECK(in_space == key(R"({"workspace_id":"1","bot_id":"7"})"));
}

TEST_CASE("what is no chat with a bot has no key") {
    CHECK(key("") == 0);
    CHECK(key("{}") == 0);
    CHECK(key(R"({"bot_id":""})") == 0);
    CHECK(key(R"({"bot_id":null,"workspace_id":"1"})") == 0);
    CHECK(key(R"({"bot_id":"7")") == 0);
    CHECK(key(R"({"data":{"bot_id":"7"}})") == 0);
    const std::string body = R"({"bot_id":"7"})";
    CHECK(key(body, "https://api.coze.com/v3/chat/cancel") == 0);
    CHECK(key(body, "https://api.coze.com/v1/conversation/create") == 0);
    CHECK(key(body, "https://api.coze.com/v1/x?next=/v3/chat") == 0);
    CHECK(key(body, "/chat") == 0);
    CHECK(key(body, "https://api.coze.com/v3/chat", "GET") == 0);
}

TEST_CASE("on FakeCoze, a thousand chats across a move and back cost two calls more") {
    testing::FakeCoze server;
    const auto& world = server.options();
    const Client client{
        std::ref(server),
        CredentialChain{coze::Pat<coze::Personal>{world.personal_token, world.base},
                        coze::Pat<coze::Enterprise>{world.enterprise_token, world.base}},
        coze::RetryOnRefusal{}, coze::FreshConversation{}, Remember{coze::BotOf{}}};
    const HttpRequest chat{"POST",
                           world.base + "/v3/chat",
                           {{"Content-Type", "application/json"}},
                           R"({"user_id":"u","bot_id":")" + world.bot_id + "\"}"};
    std::size_t calls = 0;
    for (int i = 0; i != 1000; ++i) {
        if (i == 400) server.move();
        if (i == 700) server.rollback();
        const auto result = client.send(chat);
        if (!result) FAIL(result.error().describe());
        calls += result.trail().count();
        if (result.credential() != (i >= 400 && i < 700 ? "enterprise" : "personal")) FAIL(i);
    }
    CHECK(calls == 1002);
    CHECK(client.route().learned(RouteKey(world.bot_id)) == "personal");
}
