// SPDX-License-Identifier: BSL-1.0
// TokenEndpoints: where a FakeCoze hands out tokens, and the refresh (E9).
#ifndef REKEY_TESTING_FAKE_COZE_TOKEN_ENDPOINTS_HPP
#define REKEY_TESTING_FAKE_COZE_TOKEN_ENDPOINTS_HPP

#include <rekey/testing/fake_coze/code_grant.hpp>
#include <rekey/testing/fake_coze/device_grant.hpp>
#include <rekey/testing/fake_coze/exchange.hpp>
#include <rekey/testing/fake_coze/grant.hpp>
#include <rekey/testing/fake_coze/jwt_grant.hpp>
#include <rekey/testing/fake_coze/world.hpp>

#include <cstdint>
#include <string>
#include <string_view>

namespace rekey {
inline namespace v0_1 {
namespace testing {
namespace fake {

/// Source: coze-api §3 (E1 to E9).
class TokenEndpoints : private Grant {
public:
    using Grant::Grant;

    /// True if the path is one of ours; the answer then stands in the exchange.
    bool answer(Exchange& x) {
        constexpr std::string_view root = "/api/permission/oauth2/";
        if (x.target.path == "/device")
            return x.is_read() ? (DeviceGrant{world_, totals_}.device_page(x), true) : false;
        if (!starts_with(x.target.path, root)) return false;
        const std::string_view path = std::string_view{x.target.path}.substr(root.size());
        if (x.is_read()) {
            if (path == "authorize") return CodeGrant{world_, totals_}.consent(x, {}), true;
            if (const auto id = path_piece(path, "workspace_id/*/authorize"))
                return CodeGrant{world_, totals_}.consent(x, *id), true;
            return false;
        }
        if (x.method() != "POST") return false;
        const auto workspace = path_piece(path, "workspace_id/*/device/code");
        const auto account = path_piece(path, "account/*/token");
        const auto enterprise = path_piece(path, "enterprise_id/*/token");
        if (path != "token" && path != "device/code" && !workspace && !account && !enterprise)
            return false;
        if (!is_object(x.body())) {
            invalid(x, "body");
        } else if (path == "device/code" || workspace) {
            DeviceGrant{world_, totals_}.device_code(x, workspace.value_or(""));
        } else if (account || enterprise) {
            JwtGrant::Audience audience;
            audience.account = account.value_or("");
            audience.enterprise = enterprise.value_or("");
            if (field(x, "grant_type") == jwt_grant)
                JwtGrant{world_, totals_}.jwt(x, audience);
            else
                unsupported(x);
        } else {
            token(x);
        }
        if (!x.record.word.empty()) ++totals_.token_refusals;
        return true;
    }

private:
    static constexpr std::string_view jwt_grant = "urn:ietf:params:oauth:grant-type:jwt-bearer";
    static constexpr std::string_view device_grant = "urn:ietf:params:oauth:grant-type:device_code";

    void unsupported(Exchange& x) {
        error(x, 400, "unsupported_grant_type",
              "not supported grant type: " + field(x, "grant_type"));
    }

    void token(Exchange& x) {
        const std::string grant = field(x, "grant_type");
        if (grant == jwt_grant) return JwtGrant{world_, totals_}.jwt(x, {});
        if (grant == "authorization_code") return CodeGrant{world_, totals_}.exchange_code(x);
        if (grant == "refresh_token") return refresh(x);
        if (grant == device_grant) return DeviceGrant{world_, totals_}.poll_device(x);
        unsupported(x);
    }

    void refresh(Exchange& x) {
        const FakeApp* found = client(x);
        if (!found) return;
        const auto bad = [&] {
            error(x, 400, world_.options.bad_refresh_word, "invalid request: refresh_token");
        };
        const auto place = world_.refresh_tokens.find(field(x, "refresh_token"));
        if (place == world_.refresh_tokens.end()) return bad();
        const RefreshToken held = place->second;
        Family& family = world_.families[held.family];
        if (family.client_id != found->client_id || family.revoked || x.now >= held.expires_at)
            return bad();
        if (held.rotated_at >= 0) {
            if (world_.options.refresh_grace > 0 &&
                x.now - held.rotated_at <= world_.options.refresh_grace) {
                ++totals_.refresh_grace;
                return tokens(x, held.access, held.refresh, held.access_expires_at);
            }
            // Somebody else has the token too: nobody keeps it (RFC 9700 §4.14.2).
            ++totals_.refresh_reuse;
            family.revoked = true;
            return bad();
        }
        const auto successor = give_pair(x, held.family, "refresh_token");
        RefreshToken& rotated = world_.refresh_tokens[field(x, "refresh_token")];
        rotated.rotated_at = x.now;
        rotated.access = successor.first;
        rotated.refresh = successor.second;
        rotated.access_expires_at = x.now + world_.options.access_seconds;
    }
};

}  // namespace fake
}  // namespace testing
}  // namespace v0_1
}  // namespace rekey

#endif
