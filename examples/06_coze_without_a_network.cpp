// SPDX-License-Identifier: BSL-1.0
//
// Dear reader,
//
// you run a bot on Coze and your team is about to move to the enterprise. Before anybody touches a
// workspace you would like to watch the move happen. FakeCoze is a whole Coze server in one object,
// without a socket: it is a transport, so your client talks to it as it talks to the real one.

#include <rekey/coze.hpp>
#include <rekey/testing/fake_coze.hpp>

#include <cstdio>
#include <string>

int main() {
    using rekey::coze::Enterprise;
    using rekey::coze::Pat;
    using rekey::coze::Personal;

    rekey::testing::FakeCoze coze;
    const auto& world = coze.options();

    const rekey::Client client{
        coze,
        rekey::CredentialChain{Pat<Personal>{world.personal_token, world.base},
                               Pat<Enterprise>{world.enterprise_token, world.base}},
        rekey::coze::RetryOnRefusal{}, rekey::coze::FreshConversation{}};

    rekey::body::JsonWriter chat;
    chat.object_begin();
    chat.member("bot_id", world.bot_id);
    chat.member("user_id", world.user_id);
    chat.object_end();
    const rekey::HttpRequest request{"POST",
                                     world.base + "/v3/chat",
                                     {{"Content-Type", "application/json"}},
                                     std::move(chat).text()};

    const auto before = client.send(request);
    coze.move();
    const auto after = client.send(request);
    if (!before || !after) return 1;
    std::printf("before the move: %s, %zu send\n", std::string(before.credential()).c_str(),
                before.trail().count());
    std::printf("after the move: %s, %zu sends\n", std::string(after.credential()).c_str(),
                after.trail().count());

    // A chat belongs to the account that created it, so ask for it with the same credential.
    const rekey::HttpRequest retrieve{"GET",
                                      world.base + "/v3/chat/retrieve?conversation_id=" +
                                          rekey::coze::conversation_id(after->body) +
                                          "&chat_id=" + rekey::coze::chat_id(after->body),
                                      {},
                                      {}};
    const auto chat_again = client.send(retrieve, rekey::SameCredentialAs{after});
    std::printf("retrieved: %s\n", chat_again ? "yes" : chat_again.error().describe().c_str());
}

// Output:
//   before the move: personal, 1 send
//   after the move: enterprise, 2 sends
//   retrieved: yes
