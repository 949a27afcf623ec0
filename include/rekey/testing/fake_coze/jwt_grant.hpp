// SPDX-License-Identifier: BSL-1.0
// JwtGrant: a signed assertion for a token (E6 to E8).
#ifndef REKEY_TESTING_FAKE_COZE_JWT_GRANT_HPP
#define REKEY_TESTING_FAKE_COZE_JWT_GRANT_HPP

#include <rekey/testing/fake_coze/exchange.hpp>
#include <rekey/testing/fake_coze/grant.hpp>
#include <rekey/testing/fake_coze/text.hpp>
#include <rekey/testing/fake_coze/world.hpp>

#include <cstddef>
#include <cstdint>
#include <iterator>
#include <string>
#include <string_view>
#include <utility>

namespace rekey {
inline namespace v0_1 {
namespace testing {
namespace fake {

/// Source: coze-api §3.2.
class JwtGrant : private Grant {
public:
    using Grant::Grant;

    /// For whom the token is: an account (E7), an enterprise (E8), or the owner of the app (E6).
    struct Audience {
        std::string account{};
        std::string enterprise{};
    };

    void jwt(Exchange& x, const Audience& audience) {
        if (x.bearer_kind != Bearer::present)
            return error(x, 400, "invalid_request", "verify jwt empty error");
        const std::string_view text = x.bearer;
        const std::size_t first = text.find('.');
        const std::size_t last = text.rfind('.');
        if (first == std::string_view::npos || first == last)
            return invalid_client(x, "jwt is malformed");
        const auto head = base64url_decoded(text.substr(0, first));
        const auto claims = base64url_decoded(text.substr(first + 1, last - first - 1));
        const auto signature = base64url_decoded(text.substr(last + 1));
        if (!head || !claims || !signature || !is_object(*head) || !is_object(*claims))
            return invalid_client(x, "jwt is malformed");

        const FakeApp* found = app(text_at(*claims, "iss").value_or(""));
        const std::string kid = text_at(*head, "kid").value_or("");
        if (!found) return invalid_client(x, "jwt: unknown iss");
        if (found->kind != FakeAppKind::jwt) return denied(x, "invalid app type");
        if (text_at(*head, "alg") != "RS256") return invalid_client(x, "jwt: alg is not RS256");
        if (kid.empty() || kid != found->public_key_id)
            return invalid_client(x, "jwt: unknown kid");
        if (!world_.options.verifier) return invalid_client(x, "jwt: this server has no verifier");
        if (!world_.options.verifier(text.substr(0, last), *signature, kid))
            return invalid_client(x, "jwt: wrong signature");
        if (text_at(*claims, "aud") != expected_audience())
            return invalid_client(x, "jwt: wrong aud");
        const auto issued = number_at(*claims, "iat");
        const auto expires = number_at(*claims, "exp");
        const std::int64_t tolerance = world_.options.clock_tolerance;
        if (!issued || !expires || *expires <= *issued || *issued > x.now + tolerance ||
            *expires <= x.now - tolerance)
            return invalid_client(x, "jwt: iat or exp out of range");
        const std::string jti = text_at(*claims, "jti").value_or("");
        if (jti.empty()) return invalid_client(x, "jwt: no jti");
        if (!is_first_use(found->client_id + ' ' + jti, *expires + tolerance, x.now)) {
            ++totals_.jti_replays;
            return invalid_client(x, "jwt: used before");
        }
        if (is_active(x, *found)) give_jwt_token(x, *found, audience, *claims);
    }

private:
    void give_jwt_token(Exchange& x, const FakeApp& found, const Audience& audience,
                        std::string_view claims) {
        const auto duration = body::find(x.body(), "duration_seconds");
        std::int64_t seconds = 900;
        if (duration.kind == body::Kind::integer)
            seconds = duration.integer;
        else if (duration.kind != body::Kind::absent && duration.kind != body::Kind::null)
            seconds = 0;
        if (seconds < 1 || seconds > 86399) return invalid(x, "duration_seconds");

        Token made;
        made.owner = found.owner;
        made.label = "jwt:" + made.owner;
        const std::string& wanted =
            audience.enterprise.empty() ? audience.account : audience.enterprise;
        if (!wanted.empty()) {
            // An organization id is accepted where the account id stands, as the vendor says (§3).
            const bool of_enterprise = world_.is_enterprise(wanted);
            if (!of_enterprise && (wanted != found.owner || !audience.enterprise.empty()))
                return invalid(x, audience.enterprise.empty() ? "account_id" : "enterprise_id");
            if (of_enterprise && !found.installed_in_enterprise)
                return denied(x, "app: " + found.client_id + " is not installed");
            made.owner = wanted;
            made.label = "jwt:" + wanted;
        }
        made.person = made.owner;
        const std::string session = text_at(claims, "session_name").value_or("");
        if (!session.empty()) made.person += '/' + session;
        made.client_id = found.client_id;
        made.expires_at = x.now + seconds;
        const auto bots = body::find(x.body(), "scope", "attribute_constraint",
                                     "connector_bot_chat_attribute", "bot_id_list");
        if (bots.kind == body::Kind::array) made.bots = strings_of(bots.raw);
        const std::string secret = "czs_" + world_.next_secret();
        ++totals_.token_exchanges["jwt_bearer"];
        x.record.credential = made.label;
        tokens(x, secret, {}, made.expires_at);
        world_.tokens[secret] = std::move(made);
    }

    std::string expected_audience() const {
        if (!world_.options.audience.empty()) return world_.options.audience;
        return Target{world_.options.base}.authority;
    }

    bool is_first_use(const std::string& key, std::int64_t until, std::int64_t now) {
        if (world_.used_jtis.size() >= 65536)
            for (auto each = world_.used_jtis.begin(); each != world_.used_jtis.end();)
                each = each->second <= now ? world_.used_jtis.erase(each) : std::next(each);
        return world_.used_jtis.emplace(key, until).second;
    }
};

}  // namespace fake
}  // namespace testing
}  // namespace v0_1
}  // namespace rekey

#endif
