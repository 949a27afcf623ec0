// SPDX-License-Identifier: BSL-1.0
// World: the accounts, workspaces, bots, apps, tokens and chats a FakeCoze knows.
#ifndef REKEY_TESTING_FAKE_COZE_WORLD_HPP
#define REKEY_TESTING_FAKE_COZE_WORLD_HPP

#include <rekey/testing/fake_coze/options.hpp>
#include <rekey/testing/fake_coze/text.hpp>

#include <cstddef>
#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace rekey {
inline namespace v0_1 {
namespace testing {
namespace fake {

struct Workspace {
    std::string id{};
    std::string owner{};  ///< Who has it now: an account UID or an enterprise id.
    std::string home{};   ///< Who had it at first; `rollback` gives it back.
};

/// What a bearer token stands for.
struct Token {
    std::string label{};
    std::string owner{};      ///< Decides which workspaces it reaches.
    std::string person{};     ///< Creator of conversations: account, enterprise, user or session.
    std::string client_id{};  ///< The OAuth app it came from; empty for a PAT.
    std::string workspace{};  ///< The only one it may use; empty for all.
    std::size_t family = 0;   ///< Of the consent it descends from; 0 without one.
    std::int64_t expires_at = 0;
    std::int64_t acts_at = 0;  ///< The service has taken in the consent by then.
    bool revoked = false;
    std::vector<std::string> bots{};  ///< The only bots it may use; empty for all.
};

/// All tokens that descend from one consent of one user.
struct Family {
    std::int64_t acts_at = 0;  ///< The service has taken in the consent by then.
    std::string client_id{};
    std::string label{};
    std::string owner{};
    std::string person{};
    std::string workspace{};
    bool revoked = false;
};

struct RefreshToken {
    std::size_t family = 0;
    std::int64_t expires_at = 0;
    std::int64_t rotated_at = -1;  ///< Negative while it may still be used.
    std::string access{};          ///< Its successors, for a repeated answer within the grace.
    std::string refresh{};
    std::int64_t access_expires_at = 0;
};

/// An authorization code between the consent page and the exchange.
struct Code {
    std::string client_id{};
    std::string redirect_uri{};
    std::string challenge{};
    std::string method{};
    std::string workspace{};
    std::string user{};
    std::int64_t expires_at = 0;
    std::size_t family = 0;  ///< Of the tokens it was exchanged for; 0 while unused.
};

enum class Approval : unsigned char { pending, approved, refused };

struct Device {
    std::string client_id{};
    std::string device_code{};
    std::string user_code{};
    std::string workspace{};
    std::string user{};
    Approval approval = Approval::pending;
    bool redeemed = false;
    std::int64_t expires_at = 0;
    std::int64_t interval = 5;
    std::int64_t polled_at = -1;
    std::int64_t polls = 0;
};

struct Conversation {
    std::string id{};
    std::string creator{};
    std::string bot_id{};
    std::string name{};
    std::string meta_data = "{}";
    std::int64_t created_at = 0;
    std::string latest_chat{};
};

enum class ChatStatus : unsigned char { in_progress, completed, failed, canceled };

struct Chat {
    std::string id{};
    std::string conversation_id{};
    std::string bot_id{};
    std::string question{};
    std::string answer{};
    std::string answer_id{};
    ChatStatus status = ChatStatus::in_progress;
    std::int64_t created_at = 0;
    std::int64_t ended_at = 0;
    std::int64_t polls = 0;
};

/// What the service's memory holds. No locks: FakeCoze has the one that guards it.
class World {
public:
    /// `issued` ids were given out by an earlier world; none of them comes again.
    explicit World(FakeCozeOptions wanted, std::uint64_t issued = 0)
        : options(std::move(wanted)), issued_(issued) {
        add_workspace(options.account_id);
        add_workspace(options.enterprise_id);
        add_bot(bot_of(options.bot_id, options.account_id));
        add_bot(bot_of(options.enterprise_bot_id, options.enterprise_id));
        add_pat(pat_of(options.personal_token, options.account_id, "personal"));
        add_pat(pat_of(options.enterprise_token, options.enterprise_id, "enterprise"));
        for (const FakeBot& bot : options.bots) add_bot(bot);
        for (const FakePat& pat : options.pats) add_pat(pat);
        FakeApp jwt = app_of(FakeAppKind::jwt, options.jwt_client_id);
        jwt.public_key_id = options.public_key_id;
        jwt.installed_in_enterprise = options.jwt_app_installed;
        add_app(std::move(jwt));
        if (!options.jwt_app_enabled) disabled_apps.insert(options.jwt_client_id);
        FakeApp web = app_of(FakeAppKind::web, options.web_client_id);
        web.client_secret = options.web_client_secret;
        web.redirect_uris.push_back(options.web_redirect_uri);
        add_app(std::move(web));
        FakeApp pkce = app_of(FakeAppKind::pkce, options.pkce_client_id);
        pkce.redirect_uris.push_back(options.pkce_redirect_uri);
        add_app(std::move(pkce));
        add_app(app_of(FakeAppKind::device, options.device_client_id));
        if (options.moved) move();
    }

    FakeCozeOptions options;
    std::vector<Workspace> workspaces{};
    std::map<std::string, FakeBot, std::less<>> bots{};
    std::map<std::string, FakeApp, std::less<>> apps{};
    std::set<std::string, std::less<>> disabled_apps{};
    std::map<std::string, Token, std::less<>> tokens{};
    std::map<std::string, std::set<std::string>, std::less<>> missing_permissions{};
    std::vector<Family> families{1};  ///< Number 0 stays unused.
    std::map<std::string, RefreshToken, std::less<>> refresh_tokens{};
    std::map<std::string, Code, std::less<>> codes{};
    std::vector<Device> devices{};
    std::map<std::string, std::int64_t> used_jtis{};
    std::map<std::string, Conversation, std::less<>> conversations{};
    std::map<std::string, Chat, std::less<>> chats{};
    bool moved = false;

    std::string add_workspace(const std::string& owner) {
        Workspace made;
        made.id = next_id();
        made.owner = owner;
        made.home = owner;
        workspaces.push_back(std::move(made));
        return workspaces.back().id;
    }

    void add_bot(FakeBot bot) {
        if (bot.workspace.empty())
            for (const Workspace& workspace : workspaces)
                if (workspace.home == bot.owner && bot.workspace.empty())
                    bot.workspace = workspace.id;
        if (bot.workspace.empty()) bot.workspace = add_workspace(bot.owner);
        const std::string id = bot.id;
        bots[id] = std::move(bot);
    }

    void add_pat(FakePat pat) {
        if (pat.label.empty()) pat.label = "pat " + std::to_string(tokens.size() + 1);
        Token token;
        token.label = std::move(pat.label);
        token.person = pat.owner;
        token.owner = std::move(pat.owner);
        token.expires_at = pat.expires_at;
        tokens[pat.token] = std::move(token);
    }

    void add_app(FakeApp app) {
        if (app.owner.empty()) app.owner = options.account_id;
        const std::string id = app.client_id;
        apps[id] = std::move(app);
    }

    /// Every workspace of a personal account becomes the enterprise's.
    void move() {
        moved = true;
        for (Workspace& workspace : workspaces) workspace.owner = options.enterprise_id;
    }

    void rollback() {
        moved = false;
        for (Workspace& workspace : workspaces) workspace.owner = workspace.home;
    }

    const Workspace* workspace(std::string_view id) const noexcept {
        for (const Workspace& each : workspaces)
            if (each.id == id) return &each;
        return nullptr;
    }

    bool is_alive(const Token& token, std::int64_t now) const {
        if (token.revoked || (token.expires_at != 0 && now >= token.expires_at)) return false;
        if (families[token.family].revoked) return false;
        return token.client_id.empty() || disabled_apps.count(token.client_id) == 0;
    }

    bool lacks(const Token& token, std::string_view permission) const noexcept {
        for (const FakeLimit& limit : options.limits)
            if (limit.credential == token.label && limit.lacks == permission && !permission.empty())
                return true;
        return false;
    }
    bool covers(const Token& token, std::string_view workspace) const noexcept {
        bool limited = false;
        bool named = false;
        for (const FakeLimit& limit : options.limits) {
            if (limit.credential != token.label || limit.covers.empty()) continue;
            limited = true;
            named = named || limit.covers == workspace;
        }
        return !limited || named;
    }
    bool overreaches(const Token& token) const noexcept {
        for (const FakeLimit& limit : options.limits)
            if (limit.credential == token.label && limit.has_enterprise_points) return true;
        return false;
    }

    /// Whether a user who consents now speaks for the personal account or the enterprise.
    const std::string& consenting_owner() const noexcept {
        return moved ? options.enterprise_id : options.account_id;
    }

    bool is_enterprise(std::string_view owner) const noexcept {
        return owner == options.enterprise_id;
    }

    /// 19 digits, different each time.
    std::string next_id() {
        constexpr std::uint64_t first = 7300000000000000000u;
        constexpr std::uint64_t stride = 104729u;  // neighbours differ in more than the last digit
        return std::to_string(first + ++issued_ * stride);
    }

    /// 32 hexadecimal digits, different each time; the seed decides them.
    std::string next_secret() {
        std::string out;
        for (const std::uint64_t half : {++issued_, issued_ + 0x5851f42d4c957f2du}) {
            // splitmix64 maps different inputs to different outputs
            std::uint64_t x =
                (static_cast<std::uint64_t>(options.seed) << 40u) + half * 0x9e3779b97f4a7c15u;
            x = (x ^ (x >> 30u)) * 0xbf58476d1ce4e5b9u;
            x = (x ^ (x >> 27u)) * 0x94d049bb133111ebu;
            x ^= x >> 31u;
            for (unsigned shift = 64; shift != 0; shift -= 4)
                out += hex_digits[(x >> (shift - 4u)) & 15u];
        }
        return out;
    }

    std::uint64_t issued() const noexcept { return issued_; }

private:
    // By value, and no lists in braces: see `detail::add_header`.
    static FakeBot bot_of(std::string id, std::string owner) {
        FakeBot bot;
        bot.id = std::move(id);
        bot.owner = std::move(owner);
        return bot;
    }
    static FakePat pat_of(std::string token, std::string owner, std::string label) {
        return {std::move(token), std::move(owner), std::move(label), 0};
    }
    static FakeApp app_of(FakeAppKind kind, std::string client_id) {
        FakeApp app;
        app.kind = kind;
        app.client_id = std::move(client_id);
        return app;
    }

    std::uint64_t issued_;
};

}  // namespace fake
}  // namespace testing
}  // namespace v0_1
}  // namespace rekey

#endif
