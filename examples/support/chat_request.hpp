// SPDX-License-Identifier: BSL-1.0
// chat_request: the POST /v3/chat of one question; read_answer: what its events say.
#ifndef REKEY_EXAMPLES_SUPPORT_CHAT_REQUEST_HPP
#define REKEY_EXAMPLES_SUPPORT_CHAT_REQUEST_HPP

#include <rekey/body/json.hpp>
#include <rekey/body/json_writer.hpp>
#include <rekey/http.hpp>
#include <rekey/stream/gate.hpp>

#include <cstdint>
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
    bool ended = false;     ///< The events were all there.
    bool failed = false;    ///< One of them says that the chat failed.
    std::int64_t code = 0;  ///< Of the failure; 0 if it has none.

    explicit operator bool() const noexcept { return ended && !failed; }
};

/// Reads the events of a whole answer.
inline ChatAnswer read_answer(std::string_view events) {
    using rekey::body::Json;
    ChatAnswer answer;
    std::string pieces;
    rekey::stream::EventScanner scanner;
    scanner.feed(events, [&](std::string_view name, std::string_view data) {
        const auto is_answer = [&] { return Json::text(data, "type") == "answer"; };
        if (name == "conversation.chat.created") {
            answer.chat_id = Json::text(data, "id");
            answer.conversation_id = Json::text(data, "conversation_id");
        } else if (name == "conversation.message.delta" && is_answer()) {
            pieces += Json::text(data, "content");
        } else if (name == "conversation.message.completed" && is_answer()) {
            answer.text += Json::text(data, "content");
            pieces.clear();
        } else if (name == "error" || name == "conversation.chat.failed") {
            answer.failed = true;
            answer.code = rekey::body::find(data, "last_error", "code").integer;
            if (answer.code == 0) answer.code = Json::code(data).code;
        }
    });
    answer.text += pieces;
    answer.ended = scanner.ended();
    return answer;
}

}  // namespace support

#endif
