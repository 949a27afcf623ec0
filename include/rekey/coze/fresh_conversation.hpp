// SPDX-License-Identifier: BSL-1.0
// FreshConversation: a conversation belongs to the account that opened it, so another starts anew.
#ifndef REKEY_COZE_FRESH_CONVERSATION_HPP
#define REKEY_COZE_FRESH_CONVERSATION_HPP

#include <rekey/body/json.hpp>
#include <rekey/oauth/edit_url.hpp>
#include <rekey/oauth/url.hpp>
#include <rekey/policy/role.hpp>
#include <rekey/result.hpp>

#include <string>
#include <string_view>

namespace rekey {
inline namespace v0_1 {
namespace coze {

/// Drops the `conversation_id` of a request when another credential takes over (R6): the server
/// then opens a new conversation, whose id `conversation_id(response)` gives.
///
/// Requires  a request with a `url` member that is a string; other types use `OnFallBack`.
struct FreshConversation {
    static constexpr Role role = Role::rewrite;

    template <class Words> static void say(Words& words) {
        words("Begins a fresh conversation when another credential takes over.");
    }
    template <class Request> void rewrite(Request& copy) const {
        copy.url = oauth::without_query_parameter(copy.url, "conversation_id");
    }
};

/// The conversation that a chat answer belongs to, from `data.conversation_id`; empty if absent.
inline std::string conversation_id(std::string_view body) {
    return body::Json::text(body, "data.conversation_id");
}
/// The id of the chat in a chat answer, from `data.id`; empty if absent.
inline std::string chat_id(std::string_view body) { return body::Json::text(body, "data.id"); }

/// True if a call was served by another credential than the one it started with, so that a
/// `conversation_id` of the request was dropped.
template <class Response> bool changed_account(const Result<Response>& result) noexcept {
    return !result.trail().empty() && result.trail()[0].slot != result.slot();
}

}  // namespace coze
}  // namespace v0_1
}  // namespace rekey

#endif
