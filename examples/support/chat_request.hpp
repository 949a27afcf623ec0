// SPDX-License-Identifier: BSL-1.0
// chat_request: the POST /v3/chat of one question; read_answer: what its events say.
#ifndef REKEY_EXAMPLES_SUPPORT_CHAT_REQUEST_HPP
#define REKEY_EXAMPLES_SUPPORT_CHAT_REQUEST_HPP

#include <rekey/body/json.hpp>
#include <rekey/body/json_writer.hpp>
#include <rekey/coze/chat_stream.hpp>
#include <rekey/http.hpp>

#include <string>
#include <string_view>
#include <utility>

namespace support {

/// A chat that answers at once, as events. Its body is empty if a text is not UTF-8.
inline rekey::HttpRequest chat_request(std::string url, std::string_view bot_id,
                                       std::string_view user_id, std::string_view question) {
    rekey::body::JsonWriter writer;
    writer.object_begin();
    writer.member("bot_id", bot_id);
    writer.member("user_id", user_id);
    writer.key("additional_messages");
    writer.array_begin();
    writer.object_begin();
    writer.member("role", "user");
    writer.member("type", "question");
    writer.member("content", question);
    writer.member("content_type", "text");
    writer.object_end();
    writer.array_end();
    writer.member("stream", true);
    writer.member("auto_save_history", true);
    writer.object_end();
    return {"POST",
            std::move(url),
            {{"Content-Type", "application/json"}, {"Accept", "text/event-stream"}},
            std::move(writer).text()};
}

/// The answer of a chat, and how it ended.
struct ChatAnswer {
    std::string text{};
    std::string chat_id{};
    std::string conversation_id{};
    bool ended = false;   ///< The events were all there.
    bool failed = false;  ///< One of them says that the chat failed: `failure`.
    rekey::coze::ChatFailure failure{};

    explicit operator bool() const noexcept { return ended && !failed; }
};

/// Reads the events of a whole answer.
inline ChatAnswer read_answer(std::string_view events) {
    using rekey::body::Json;
    ChatAnswer answer;
    std::string pieces;
    rekey::coze::ChatStream chat;
    chat.feed(events, [&](std::string_view name, std::string_view data) {
        const auto is_answer = [&] { return Json::text(data, "type") == "answer"; };
        if (name == "conversation.message.delta" && is_answer()) {
            pieces += Json::text(data, "content");
        } else if (name == "conversation.message.completed" && is_answer()) {
            answer.text += Json::text(data, "content");
            pieces.clear();
        }
    });
    answer.text += pieces;
    answer.chat_id = chat.chat_id();
    answer.conversation_id = chat.conversation_id();
    answer.ended = chat.ended();
    answer.failed = chat.failed();
    answer.failure = chat.failure();
    return answer;
}

}  // namespace support

#endif
