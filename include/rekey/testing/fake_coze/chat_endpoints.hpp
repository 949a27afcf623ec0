// SPDX-License-Identifier: BSL-1.0
// ChatEndpoints: /v3/chat and what belongs to it.
#ifndef REKEY_TESTING_FAKE_COZE_CHAT_ENDPOINTS_HPP
#define REKEY_TESTING_FAKE_COZE_CHAT_ENDPOINTS_HPP

#include <rekey/testing/fake_coze/access.hpp>
#include <rekey/testing/fake_coze/exchange.hpp>
#include <rekey/testing/fake_coze/world.hpp>

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace rekey {
inline namespace v0_1 {
namespace testing {
namespace fake {

/// Source: coze-api §4.1; §2.4 for streams.
class ChatEndpoints : private Access {
public:
    using Access::Access;

    void chat(Exchange& x) {
        if (x.bearer_kind == Bearer::missing) return x.refuse(4101, 200);
        if (x.bearer_kind == Bearer::malformed) return x.refuse(4100, 401);
        if (!is_object(x.body())) return bad(x, "body");
        const auto bot_id = text_at(x.body(), "bot_id");
        if (!bot_id || bot_id->empty()) return bad(x, "bot_id");
        // The bot is looked up before the token is judged (§2.2).
        if (world_.bots.find(*bot_id) == world_.bots.end())
            return x.refuse(4200, 200,
                            "The requested bot_id " + *bot_id +
                                " does not exist. Please check your bot_id or its owner.");
        if (!x.token) return x.refuse(world_.options.dead_token);
        if (!may(x, "chat")) return x.refuse(4101, 200);
        const FakeBot* bot = usable_bot(x, *bot_id, 200);
        if (!bot) return;
        if (!bot->published) return x.refuse(4015, 200);

        const auto user_id = text_at(x.body(), "user_id");
        if (!user_id || user_id->empty()) return bad(x, "user_id");
        bool streaming = false;
        bool keeping = true;
        if (!read_flag(x, "stream", streaming) || !read_flag(x, "auto_save_history", keeping))
            return;
        if (!streaming && !keeping) return x.refuse(4007, 200);
        std::string question;
        if (!read_question(x, question)) return;
        const auto meta = body::find(x.body(), "meta_data");
        if (meta.kind == body::Kind::object && items_of(meta.raw).size() > 16)
            return x.refuse(4003, 200, "meta_data holds more than 16 pairs.");

        const std::string asked{x.target.value("conversation_id")};
        Conversation* conversation =
            asked.empty() ? new_conversation(x, *bot_id) : my_conversation(x, asked);
        if (!conversation) return;
        if (world_.options.one_running_chat && is_busy(*conversation, x.now))
            return x.refuse(4016, 200);

        Chat made;
        made.id = world_.next_id();
        made.conversation_id = conversation->id;
        made.bot_id = *bot_id;
        made.answer_id = world_.next_id();
        made.answer = question.empty() ? "Hello, what can I do for you?" : "You said: " + question;
        made.question = std::move(question);
        made.created_at = x.now;
        conversation->latest_chat = made.id;
        x.record.chat_id = made.id;
        Chat& kept = world_.chats[made.id] = std::move(made);
        if (streaming)
            stream(x, kept);
        else
            x.data(json_of(kept));
    }

    void retrieve_chat(Exchange& x) {
        Chat* chat = my_chat(x);
        if (!chat) return;
        if (chat->status == ChatStatus::in_progress &&
            ++chat->polls >= world_.options.polls_until_completed)
            finish(*chat, x.now);
        x.data(json_of(*chat));
    }

    void list_messages(Exchange& x) {
        const Chat* chat = my_chat(x);
        if (!chat) return;
        std::vector<std::string> messages;
        if (chat->status == ChatStatus::completed)
            messages.push_back(message(*chat, "answer", chat->answer));
        x.data(array_of(messages));
    }

    void cancel_chat(Exchange& x) {
        Chat* chat = my_chat(x);
        if (!chat) return;
        if (chat->status != ChatStatus::in_progress) return x.refuse(4104, 200);
        chat->status = ChatStatus::canceled;
        chat->ended_at = x.now;
        x.data(json_of(*chat));
    }

private:
    bool read_flag(Exchange& x, const char* name, bool& value) {
        const auto found = body::find(x.body(), name);
        if (found.kind == body::Kind::boolean) {
            value = found.raw == "true";
        } else if (found.kind != body::Kind::absent && found.kind != body::Kind::null) {
            bad(x, name);
            return false;
        }
        return true;
    }

    bool read_question(Exchange& x, std::string& question) {
        const auto messages = body::find(x.body(), "additional_messages");
        if (messages.kind == body::Kind::absent || messages.kind == body::Kind::null) return true;
        if (messages.kind != body::Kind::array) return bad(x, "additional_messages"), false;
        const auto items = items_of(messages.raw);
        if (items.size() > 100)
            return x.refuse(4004, 200, "additional_messages holds more than 100 items."), false;
        if (items.empty()) return true;
        const auto content = text_at(items.back(), "content");
        if (text_at(items.back(), "role") != "user" || !content)
            return bad(x, "additional_messages"), false;
        question = *content;
        return true;
    }

    bool is_busy(const Conversation& conversation, std::int64_t now) {
        const auto place = world_.chats.find(conversation.latest_chat);
        if (place == world_.chats.end()) return false;
        settle(place->second, now);
        return place->second.status == ChatStatus::in_progress;
    }

    void finish(Chat& chat, std::int64_t now) {
        chat.status = world_.options.last_error == 0 ? ChatStatus::completed : ChatStatus::failed;
        chat.ended_at = now;
    }
    void settle(Chat& chat, std::int64_t now) {
        if (chat.status == ChatStatus::in_progress &&
            now - chat.created_at >= world_.options.chat_seconds)
            finish(chat, now);
    }

    Chat* my_chat(Exchange& x) {
        const std::string conversation_id = parameter(x, "conversation_id");
        const std::string chat_id = parameter(x, "chat_id");
        if (conversation_id.empty()) return bad(x, "conversation_id"), nullptr;
        if (chat_id.empty()) return bad(x, "chat_id"), nullptr;
        const Conversation* conversation = my_conversation(x, conversation_id);
        if (!conversation) return nullptr;
        const auto place = world_.chats.find(chat_id);
        if (place == world_.chats.end() || place->second.conversation_id != conversation->id)
            return x.refuse(4001, 200), nullptr;
        settle(place->second, x.now);
        return &place->second;
    }

    std::string json_of(const Chat& chat) const {
        const bool failed = chat.status == ChatStatus::failed;
        constexpr std::string_view names[] = {"in_progress", "completed", "failed", "canceled"};
        Object out;
        out.text("id", chat.id)
            .text("conversation_id", chat.conversation_id)
            .text("bot_id", chat.bot_id)
            .number("created_at", chat.created_at);
        if (chat.status == ChatStatus::completed) out.number("completed_at", chat.ended_at);
        if (failed) out.number("failed_at", chat.ended_at);
        out.raw("last_error", Object{}
                                  .number("code", failed ? world_.options.last_error : 0)
                                  .text("msg", failed ? usual_message(world_.options.last_error)
                                                      : std::string_view{})
                                  .done());
        out.text("status", names[static_cast<std::size_t>(chat.status)]);
        if (chat.status == ChatStatus::completed)
            out.raw("usage", "{\"token_count\":16,\"output_count\":8,\"input_count\":8}");
        return out.done();
    }

    std::string message(const Chat& chat, std::string_view type, std::string_view content) const {
        return Object{}
            .text("id", chat.answer_id)
            .text("conversation_id", chat.conversation_id)
            .text("bot_id", chat.bot_id)
            .text("chat_id", chat.id)
            .text("role", "assistant")
            .text("type", type)
            .text("content", content)
            .text("content_type", "text")
            .number("created_at", chat.created_at)
            .done();
    }

    /// Server-sent events, §2.4.
    void stream(Exchange& x, Chat& chat) {
        std::string out;
        const std::string colon = world_.options.space_after_colon ? ": " : ":";
        const auto event = [&](std::string_view name, std::string_view payload) {
            out += "event" + colon;
            out += name;
            out += "\ndata" + colon;
            out += payload;
            out += "\n\n";
        };
        event("conversation.chat.created", json_of(chat));
        event("conversation.chat.in_progress", json_of(chat));
        finish(chat, x.now);
        if (chat.status == ChatStatus::failed) {
            if (world_.options.stream_error_event)
                event("error", Object{}
                                   .number("code", world_.options.last_error)
                                   .text("msg", usual_message(world_.options.last_error))
                                   .done());
            else
                event("conversation.chat.failed", json_of(chat));
        } else {
            std::string_view rest = chat.answer;
            const std::int64_t pieces = world_.options.stream_deltas;
            for (std::int64_t left = pieces; left > 0; --left) {
                std::size_t length = rest.size();
                if (left > 1) {
                    const std::size_t wished = rest.size() / static_cast<std::size_t>(left);
                    for (length = 0; length < wished;)
                        length += character_length(rest.substr(length));
                }
                event("conversation.message.delta",
                      message(chat, "answer", rest.substr(0, length)));
                rest.remove_prefix(length);
            }
            event("conversation.message.completed", message(chat, "answer", chat.answer));
            event("conversation.chat.completed", json_of(chat));
        }
        event("done", "\"[DONE]\"");
        x.respond(200, std::move(out), "text/event-stream");
        x.stream = true;
    }

    static std::size_t character_length(std::string_view text) noexcept {
        const std::size_t length = utf8_length(text);
        return length == 0 ? 1 : length;
    }
};

}  // namespace fake
}  // namespace testing
}  // namespace v0_1
}  // namespace rekey

#endif
