// SPDX-License-Identifier: BSL-1.0
// Access: who may use which bot and conversation of a FakeCoze, and who hears what.
#ifndef REKEY_TESTING_FAKE_COZE_ACCESS_HPP
#define REKEY_TESTING_FAKE_COZE_ACCESS_HPP

#include <rekey/testing/fake_coze/exchange.hpp>
#include <rekey/testing/fake_coze/world.hpp>

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

namespace rekey {
inline namespace v0_1 {
namespace testing {
namespace fake {

/// Source: coze-api §2.2, §4.2, §4.3.
///
/// Conversations and chats belong to their creator, not to a workspace, so a creator reads and
/// cancels an old chat even after the bot has moved; the move closes the bot itself.
class Access {
public:
    explicit Access(World& world) : world_(world) {}

protected:
    void bad(Exchange& x, const std::string& parameter) {
        x.refuse(4000, 400, "Request parameter error: " + parameter);
    }

    /// Whether the token has a permission point; one limited to a workspace has none for
    /// conversations (§4.2).
    bool may(const Exchange& x, std::string_view permission) const {
        const auto missing = world_.missing_permissions.find(x.bearer);
        if (missing != world_.missing_permissions.end() &&
            missing->second.count(std::string{permission}) != 0)
            return false;
        if (world_.lacks(*x.token, permission)) return false;
        return x.token->workspace.empty() ||
               (permission != "createConversation" && permission != "listConversation" &&
                permission != "retrieveConversation");
    }

    /// The id from the query, or from the body of a POST.
    static std::string parameter(const Exchange& x, std::string_view name) {
        const std::string_view query = x.target.value(name);
        if (!query.empty() || x.is_read()) return std::string{query};
        return text_at(x.body(), name).value_or("");
    }

    static std::int64_t count(const Exchange& x, std::string_view name, std::int64_t otherwise,
                              std::int64_t limit) {
        std::int64_t value = 0;
        const std::string_view text = x.target.value(name);
        for (const char c : text) {
            if (c < '0' || c > '9' || value > limit) return otherwise;
            value = value * 10 + (c - '0');
        }
        return value < 1 ? otherwise : value > limit ? limit : value;
    }

    /// The bot if this token may use it; otherwise the refusal stands in the exchange.
    const FakeBot* usable_bot(Exchange& x, const std::string& id, std::int64_t not_found_http) {
        const auto place = world_.bots.find(id);
        if (place == world_.bots.end()) {
            x.refuse(4200, not_found_http,
                     "The requested bot_id " + id +
                         " does not exist. Please check your bot_id or its owner.");
            return nullptr;
        }
        const FakeBot& bot = place->second;
        const Workspace* home = world_.workspace(bot.workspace);
        const Token& token = *x.token;
        const bool is_mine =
            home->owner == token.owner || (world_.options.enterprise_reads_personal &&
                                           !world_.moved && world_.is_enterprise(token.owner));
        if (!is_mine) {
            if (world_.moved && home->home == token.owner)
                x.refuse(world_.options.refusal);
            else
                x.refuse(4200, not_found_http);
            return nullptr;
        }
        if (x.now < token.acts_at)
            return x.refuse(4101, not_found_http == 200 ? 200 : 403), nullptr;
        if ((!token.workspace.empty() && token.workspace != bot.workspace) ||
            !world_.covers(token, bot.workspace))
            return x.refuse(4101, not_found_http == 200 ? 200 : 403), nullptr;
        if (!token.bots.empty()) {
            bool listed = false;
            for (const std::string& each : token.bots) listed = listed || each == id;
            if (!listed) return x.refuse(4101, not_found_http == 200 ? 200 : 403), nullptr;
        }
        return &bot;
    }

    /// The conversation if this token created it; otherwise the refusal stands in the exchange.
    Conversation* my_conversation(Exchange& x, const std::string& id) {
        const auto place = world_.conversations.find(id);
        if (place != world_.conversations.end() && place->second.creator == x.token->person)
            return &place->second;
        x.refuse(world_.options.foreign_conversation);
        return nullptr;
    }

    Conversation* new_conversation(Exchange& x, const std::string& bot_id) {
        Conversation made;
        made.id = world_.next_id();
        made.creator = x.token->person;
        made.bot_id = bot_id;
        made.created_at = x.now;
        return &(world_.conversations[made.id] = std::move(made));
    }

    World& world_;
};

}  // namespace fake
}  // namespace testing
}  // namespace v0_1
}  // namespace rekey

#endif
