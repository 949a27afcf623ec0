// SPDX-License-Identifier: BSL-1.0
// FreshConversation: a conversation belongs to the account that opened it, so another starts anew.
#ifndef REKEY_COZE_FRESH_CONVERSATION_HPP
#define REKEY_COZE_FRESH_CONVERSATION_HPP

#include <rekey/body/json.hpp>
#include <rekey/detail/detect.hpp>
#include <rekey/oauth/edit_url.hpp>
#include <rekey/oauth/url.hpp>
#include <rekey/policy/role.hpp>
#include <rekey/result.hpp>

#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

namespace rekey {
inline namespace v0_1 {
namespace coze {
namespace detail {

REKEY_DETECT(HasTextUrl, Request,
             std::declval<Request&>().url =
                 oauth::without_query_parameter(std::declval<Request&>().url, "conversation_id"))

template <class Request> struct DropsConversation {
    static constexpr bool can = HasTextUrl<Request>::value && std::is_copy_constructible_v<Request>;
    static_assert(can,
                  "rekey: FreshConversation changes a copy of the request, whose `url` is a "
                  "std::string, and this request has none or cannot be copied. Use "
                  "OnFallBack{f} instead, or a request that can.");
};

}  // namespace detail

/// Drops the `conversation_id` of a request when another credential takes over (R6): the server
/// then opens a new conversation, whose id `conversation_id(response)` gives.
///
/// Requires  a request that can be copied, with a `url` member that is a string; other types use
///           `OnFallBack`.
struct FreshConversation {
    static constexpr Role role = Role::rewrite;

    template <class Words> static void say(Words& words) {
        words("Begins a fresh conversation when another credential takes over.");
    }
    template <class Request, class...> using Judge = detail::DropsConversation<Request>;
    template <class Request> void rewrite(Request& copy) const {
        if constexpr (detail::HasTextUrl<Request>::value)
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
