// SPDX-License-Identifier: BSL-1.0
// CodeGrant: the consent page and the code it sends back (E1 to E3).
#ifndef REKEY_TESTING_FAKE_COZE_CODE_GRANT_HPP
#define REKEY_TESTING_FAKE_COZE_CODE_GRANT_HPP

#include <rekey/detail/sha256.hpp>
#include <rekey/testing/fake_coze/exchange.hpp>
#include <rekey/testing/fake_coze/grant.hpp>
#include <rekey/testing/fake_coze/world.hpp>

#include <cstddef>
#include <string>
#include <string_view>
#include <utility>

namespace rekey {
inline namespace v0_1 {
namespace testing {
namespace fake {

class CodeGrant : private Grant {
public:
    using Grant::Grant;

    /// E1: a page with an allow and a deny link, or the redirect they lead to.
    void consent(Exchange& x, const std::string& workspace) {
        const auto parameter = [&](std::string_view name) {
            return std::string{x.target.value(name)};
        };
        const FakeApp* found = app(parameter("client_id"));
        // Nothing is sent to an address nobody registered (RFC 6749 §4.1.2.1).
        if (!found || (found->kind != FakeAppKind::web && found->kind != FakeAppKind::pkce))
            return x.page(400, "invalid request: client_id");
        if (!is_registered(*found, parameter("redirect_uri")))
            return x.page(400, "invalid request: redirect_uri");
        if (world_.disabled_apps.count(found->client_id) != 0)
            return x.page(400, "This app is currently deactivated by the owner.");
        const Workspace* limit = world_.workspace(workspace);
        if (!workspace.empty() && (!limit || !world_.is_enterprise(limit->owner)))
            return x.page(400, "invalid request: workspace_id");
        const std::string method = parameter("code_challenge_method");
        const bool wrong_challenge =
            found->kind == FakeAppKind::pkce && parameter("code_challenge").empty();
        if (parameter("response_type") != "code" || wrong_challenge ||
            (!method.empty() && method != "S256" && method != "plain"))
            return back(x, "error=invalid_request");

        const std::string decision = parameter("decision");
        if (decision == "deny") return back(x, "error=access_denied");
        if (decision == "allow" || world_.options.auto_approve ||
            !parameter("auto_approve").empty())
            return give_code(x, *found, workspace);
        const std::string link =
            "<a href=\"" + html_escaped(x.target.path + "?" + x.target.query) + "&amp;decision=";
        x.page(200, "<h1>" + html_escaped(found->client_id) + " asks for access</h1><p>" + link +
                        "allow\">allow</a> " + link + "deny\">deny</a></p>");
    }

    /// E2 with a client secret, E3 with a verifier.
    void exchange_code(Exchange& x) {
        const FakeApp* found = client(x);
        if (!found) return;
        const auto place = world_.codes.find(field(x, "code"));
        if (place == world_.codes.end() || place->second.client_id != found->client_id)
            return invalid(x, "code");
        Code& code = place->second;
        if (code.family != 0) {
            // A code seen twice was stolen or leaked (RFC 6749 §4.1.2).
            ++totals_.code_reuse;
            world_.families[code.family].revoked = true;
            return invalid(x, "code");
        }
        if (x.now >= code.expires_at) return invalid(x, "code");
        if (field(x, "redirect_uri") != code.redirect_uri) return invalid(x, "redirect_uri");
        if (!code.challenge.empty()) {
            const std::string verifier = field(x, "code_verifier");
            const std::string shown =
                code.method == "S256" ? base64url(rekey::detail::sha256(verifier)) : verifier;
            if (verifier.empty() || shown != code.challenge) return invalid(x, "code_verifier");
        }
        const std::string kind = found->kind == FakeAppKind::web ? "web:" : "pkce:";
        code.family = new_family(x, *found, kind + code.user, code.user, code.workspace);
        give_pair(x, code.family, "authorization_code");
    }

private:
    void give_code(Exchange& x, const FakeApp& found, const std::string& workspace) {
        Code code;
        code.client_id = found.client_id;
        code.redirect_uri = x.target.value("redirect_uri");
        code.challenge = x.target.value("code_challenge");
        code.method = x.target.value("code_challenge_method");
        code.workspace = workspace;
        code.user = x.target.value("user");
        if (code.user.empty()) code.user = world_.options.oauth_user;
        code.expires_at = x.now + world_.options.code_seconds;
        const std::string secret = "code_" + world_.next_secret();
        world_.codes[secret] = std::move(code);
        back(x, "code=" + secret);
    }

    void back(Exchange& x, const std::string& answer) {
        std::string where{x.target.value("redirect_uri")};
        where += where.find('?') == std::string::npos ? '?' : '&';
        where += answer;
        const std::string_view state = x.target.value("state");
        if (!state.empty()) where += "&state=" + percent_encoded(state);
        x.redirect(std::move(where));
    }

    /// Exactly as registered; an app on a desktop may choose its loopback port (RFC 8252 §7.3).
    static bool is_registered(const FakeApp& app, std::string_view uri) {
        const auto without_port = [](std::string_view text) {
            constexpr std::string_view loopback = "http://127.0.0.1";
            if (!starts_with(text, loopback)) return std::string{text};
            std::string_view rest = text.substr(loopback.size());
            if (!rest.empty() && rest.front() == ':') {
                const std::size_t end = rest.find_first_not_of("0123456789", 1);
                rest = end == std::string_view::npos ? std::string_view{} : rest.substr(end);
            }
            return std::string{loopback} + std::string{rest};
        };
        for (const std::string& registered : app.redirect_uris)
            if (uri == registered ||
                (app.kind == FakeAppKind::pkce && without_port(uri) == without_port(registered)))
                return !uri.empty();
        return false;
    }
};

}  // namespace fake
}  // namespace testing
}  // namespace v0_1
}  // namespace rekey

#endif
