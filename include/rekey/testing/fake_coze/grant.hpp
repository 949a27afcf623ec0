// SPDX-License-Identifier: BSL-1.0
// Grant: what all ways to a token share: apps, errors, token pairs.
#ifndef REKEY_TESTING_FAKE_COZE_GRANT_HPP
#define REKEY_TESTING_FAKE_COZE_GRANT_HPP

#include <rekey/testing/fake_coze/exchange.hpp>
#include <rekey/testing/fake_coze/ledger.hpp>
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

/// Source: coze-api §3.4 for the tokens, §3.6 for the error words.
class Grant {
public:
    Grant(World& world, FakeTotals& totals) : world_(world), totals_(totals) {}

protected:
    static std::string field(const Exchange& x, std::string_view name) {
        return text_at(x.body(), name).value_or("");
    }

    void error(Exchange& x, std::int64_t http, std::string_view word, const std::string& message) {
        x.oauth_error(http, word, message, world_.options.error_shape);
    }
    void invalid(Exchange& x, std::string_view parameter) {
        error(x, 400, "invalid_request", "invalid request: " + std::string{parameter});
    }
    void invalid_client(Exchange& x, const std::string& message) {
        error(x, 401, "invalid_client", message);
    }
    void denied(Exchange& x, const std::string& message) { error(x, 401, "access_deny", message); }
    const FakeApp* app(std::string_view client_id) const {
        const auto place = world_.apps.find(client_id);
        return place == world_.apps.end() ? nullptr : &place->second;
    }

    /// R7: an app that its owner switched off gives nothing any more.
    bool is_active(Exchange& x, const FakeApp& app) {
        if (world_.disabled_apps.count(app.client_id) == 0) return true;
        denied(x, "app: " + app.client_id + " is currently deactivated by the owner");
        return false;
    }

    /// The app named in the body, active and with its secret if it has one.
    const FakeApp* client(Exchange& x) {
        const FakeApp* found = app(field(x, "client_id"));
        if (!found) return invalid(x, "client_id"), nullptr;
        if (!is_active(x, *found)) return nullptr;
        if (!found->client_secret.empty() && x.bearer != found->client_secret)
            return invalid_client(x, "client secret is invalid"), nullptr;
        return found;
    }

    std::size_t new_family(const Exchange& x, const FakeApp& app, const std::string& label,
                           const std::string& user, const std::string& workspace) {
        Family family;
        family.client_id = app.client_id;
        family.label = label;
        family.owner = world_.consenting_owner();
        family.person = user + '@' + family.owner;
        family.workspace = workspace;
        family.acts_at = x.now + world_.options.consent_seconds;
        world_.families.push_back(std::move(family));
        return world_.families.size() - 1;
    }

    std::pair<std::string, std::string> give_pair(Exchange& x, std::size_t number,
                                                  const char* grant) {
        const Family& family = world_.families[number];
        Token made;
        made.label = family.label;
        made.owner = family.owner;
        made.person = family.person;
        made.client_id = family.client_id;
        made.workspace = family.workspace;
        made.family = number;
        made.acts_at = family.acts_at;
        made.expires_at = x.now + world_.options.access_seconds;
        RefreshToken again;
        again.family = number;
        again.expires_at = x.now + world_.options.refresh_seconds;
        std::pair<std::string, std::string> pair{"czu_" + world_.next_secret(),
                                                 "refresh_" + world_.next_secret()};
        x.record.credential = family.label;
        ++totals_.token_exchanges[grant];
        tokens(x, pair.first, pair.second, made.expires_at);
        world_.tokens[pair.first] = std::move(made);
        world_.refresh_tokens[pair.second] = std::move(again);
        return pair;
    }

    void tokens(Exchange& x, const std::string& access, const std::string& refresh_token,
                std::int64_t expires_at) {
        Object answer;
        answer.text("access_token", access)
            .number("expires_in", world_.options.relative_expiry ? expires_at - x.now : expires_at)
            .text("token_type", "Bearer");
        if (!refresh_token.empty()) answer.text("refresh_token", refresh_token);
        x.respond(200, answer.done());
        detail::add_header(x.response.headers, "Cache-Control", "no-store");  // RFC 6749 §5.1
    }

    World& world_;
    FakeTotals& totals_;
};

}  // namespace fake
}  // namespace testing
}  // namespace v0_1
}  // namespace rekey

#endif
