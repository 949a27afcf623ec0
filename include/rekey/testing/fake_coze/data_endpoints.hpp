// SPDX-License-Identifier: BSL-1.0
// DataEndpoints: conversations, bots, workspaces and users of a FakeCoze.
#ifndef REKEY_TESTING_FAKE_COZE_DATA_ENDPOINTS_HPP
#define REKEY_TESTING_FAKE_COZE_DATA_ENDPOINTS_HPP

#include <rekey/testing/fake_coze/access.hpp>
#include <rekey/testing/fake_coze/exchange.hpp>
#include <rekey/testing/fake_coze/world.hpp>

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace rekey {
inline namespace v0_1 {
namespace testing {
namespace fake {

/// Source: coze-api §4.2, §4.4.
class DataEndpoints : private Access {
public:
    using Access::Access;

    void create_conversation(Exchange& x) {
        const std::string bot_id = text_at(x.body(), "bot_id").value_or("");
        // A wrong bot id is an internal error here (§2.2).
        if (!bot_id.empty() && world_.bots.find(bot_id) == world_.bots.end())
            return x.refuse(5000, 200);
        if (!bot_id.empty() && !usable_bot(x, bot_id, 200)) return;
        Conversation* made = new_conversation(x, bot_id);
        made->name = text_at(x.body(), "name").value_or("");
        const auto meta = body::find(x.body(), "meta_data");
        if (meta.kind == body::Kind::object) made->meta_data = std::string{meta.raw};
        x.data(json_of(*made));
    }

    void retrieve_conversation(Exchange& x) {
        const std::string id = parameter(x, "conversation_id");
        if (id.empty()) return bad(x, "conversation_id");
        if (const Conversation* found = my_conversation(x, id)) x.data(json_of(*found));
    }

    void list_conversations(Exchange& x) {
        const std::string bot_id = parameter(x, "bot_id");
        if (bot_id.empty()) return bad(x, "bot_id");
        if (!usable_bot(x, bot_id, 404)) return;
        std::vector<std::string> all;
        for (const auto& [id, each] : world_.conversations)
            if (each.creator == x.token->person && each.bot_id == bot_id)
                all.push_back(json_of(each));
        const auto shown = page_of(x, all);
        const std::int64_t end = count(x, "page_num", 1, 1000000) * count(x, "page_size", 50, 50);
        x.data(Object{}
                   .raw("conversations", array_of(shown))
                   .flag("has_more", end < static_cast<std::int64_t>(all.size()))
                   .done());
    }

    void who_am_i(Exchange& x) {
        x.data(Object{}
                   .text("user_id", x.token->person)
                   .text("user_name", x.token->person)
                   .text("nick_name", x.token->person)
                   .text("avatar_url", "")
                   .done());
    }

    void list_workspaces(Exchange& x) {
        const std::string_view wanted = x.target.value("enterprise_id");
        std::vector<std::string> all;
        for (const Workspace& each : world_.workspaces) {
            const bool of_enterprise = world_.is_enterprise(each.owner);
            if (each.owner != x.token->owner ||
                (!x.token->workspace.empty() && x.token->workspace != each.id) ||
                !world_.covers(*x.token, each.id) || (!wanted.empty() && wanted != each.owner))
                continue;
            all.push_back(Object{}
                              .text("id", each.id)
                              .text("name", "Workspace " + each.id)
                              .text("icon_url", "")
                              .text("role_type", "owner")
                              .text("workspace_type", of_enterprise ? "team" : "personal")
                              .text("enterprise_id", of_enterprise ? each.owner : std::string{})
                              .done());
        }
        x.data(Object{}
                   .raw("workspaces", array_of(page_of(x, all)))
                   .number("total_count", static_cast<std::int64_t>(all.size()))
                   .done());
    }

    void read_bot(Exchange& x) {
        const auto piece = path_piece(x.target.path, "/v1/bots/*");
        const std::string id = piece ? *piece : parameter(x, "bot_id");
        if (id.empty()) return bad(x, "bot_id");
        const FakeBot* bot = usable_bot(x, id, 404);
        if (!bot) return;
        if (!bot->published && x.target.value("is_published") != "false")
            return x.refuse(4015, 200);
        x.data(Object{}
                   .text("bot_id", bot->id)
                   .text("name", "Bot " + bot->id)
                   .text("description", "A bot of the fake service")
                   .text("icon_url", "")
                   .number("create_time", 1700000000)
                   .number("update_time", 1700000000)
                   .text("version", "1")
                   .text("workspace_id", bot->workspace)
                   .done());
    }

private:
    static std::vector<std::string> page_of(const Exchange& x,
                                            const std::vector<std::string>& all) {
        const std::int64_t size = count(x, "page_size", 50, 50);
        const std::int64_t first = (count(x, "page_num", 1, 1000000) - 1) * size;
        std::vector<std::string> shown;
        for (std::size_t i = static_cast<std::size_t>(first);
             i < all.size() && shown.size() < static_cast<std::size_t>(size); ++i)
            shown.push_back(all[i]);
        return shown;
    }

    static std::string json_of(const Conversation& conversation) {
        return Object{}
            .text("id", conversation.id)
            .text("name", conversation.name)
            .raw("meta_data", conversation.meta_data)
            .number("created_at", conversation.created_at)
            .number("updated_at", conversation.created_at)
            .text("creator_id", conversation.creator)
            .text("connector_id", "1024")
            .text("last_section_id", conversation.id)
            .done();
    }
};

}  // namespace fake
}  // namespace testing
}  // namespace v0_1
}  // namespace rekey

#endif
