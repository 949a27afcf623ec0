// SPDX-License-Identifier: BSL-1.0
// BotOf: which bot a chat is with, the key of a learned route.
#ifndef REKEY_COZE_BOT_OF_HPP
#define REKEY_COZE_BOT_OF_HPP

#include <rekey/body/json.hpp>
#include <rekey/http.hpp>
#include <rekey/route.hpp>

#include <string_view>

namespace rekey {
inline namespace v0_1 {
namespace coze {

/// The key of `Remember{coze::BotOf{}}`: `bot_id` in the body of POST /v3/chat, and `workspace_id`
/// where the body has one. Any other request has no key: a conversation is created with either
/// credential, and whoever retrieves or cancels a chat uses `SameCredentialAs`.
///
/// Requires  requests of the type `HttpRequest`; for another type write three lines of your own.
/// Cost      reads the body once or twice; no allocation.
/// Source    Coze API, Start a chat; coze-api R5, R6.
struct BotOf {
    RouteKey operator()(const HttpRequest& request) const noexcept {
        constexpr std::string_view chat = "/v3/chat";
        std::string_view path = request.url;
        path = path.substr(0, path.find_first_of("?#"));
        if (request.method != "POST" || path.size() < chat.size() ||
            path.substr(path.size() - chat.size()) != chat)
            return {};
        const std::string_view bot = id_in(request.body, "bot_id");
        return RouteKey(bot).with(id_in(request.body, "workspace_id"));
    }

private:
    static std::string_view id_in(std::string_view body, std::string_view name) noexcept {
        const body::Value value = body::find(body, name);
        const bool is_id = value.kind == body::Kind::string || value.kind == body::Kind::integer;
        return is_id ? value.raw : std::string_view();
    }
};

}  // namespace coze
}  // namespace v0_1
}  // namespace rekey

#endif
