// SPDX-License-Identifier: BSL-1.0
// DeviceGrant: a code on one screen, a decision at another (E4, E5).
#ifndef REKEY_TESTING_FAKE_COZE_DEVICE_GRANT_HPP
#define REKEY_TESTING_FAKE_COZE_DEVICE_GRANT_HPP

#include <rekey/testing/fake_coze/exchange.hpp>
#include <rekey/testing/fake_coze/grant.hpp>
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

/// Source: coze-api §3.3; RFC 8628.
class DeviceGrant : private Grant {
public:
    using Grant::Grant;

    /// What the person at the browser decided; false if nobody waits with that code.
    bool decide(std::string_view user_code, Approval approval, std::string_view user,
                std::int64_t now) {
        for (Device& device : world_.devices) {
            if (device.user_code != user_code || device.approval != Approval::pending ||
                now >= device.expires_at)
                continue;
            device.approval = approval;
            device.user = user.empty() ? world_.options.oauth_user : std::string{user};
            return true;
        }
        return false;
    }

    /// E4: a device asks for a code.
    void device_code(Exchange& x, const std::string& workspace) {
        const FakeApp* found = app(field(x, "client_id"));
        if (!found) return invalid(x, "client_id");
        if (!is_active(x, *found)) return;
        if (found->kind != FakeAppKind::device) return denied(x, "invalid app type");
        const Workspace* limit = world_.workspace(workspace);
        if (!workspace.empty() && (!limit || !world_.is_enterprise(limit->owner)))
            return invalid(x, "workspace_id");
        Device device;
        device.client_id = found->client_id;
        device.device_code = "device_" + world_.next_secret();
        device.user_code = user_code();
        device.workspace = workspace;
        device.expires_at = x.now + world_.options.device_seconds;
        device.interval = world_.options.device_interval;
        x.respond(200, Object{}
                           .text("device_code", device.device_code)
                           .text("user_code", device.user_code)
                           .text("verification_uri", world_.options.base + "/device")
                           .number("expires_in", world_.options.device_seconds)
                           .number("interval", device.interval)
                           .done());
        world_.devices.push_back(std::move(device));
    }

    /// E5: it asks whether the person has decided.
    void poll_device(Exchange& x) {
        const FakeApp* found = client(x);
        if (!found) return;
        const std::string asked = field(x, "device_code");
        Device* device = nullptr;
        for (Device& each : world_.devices)
            if (each.device_code == asked && each.client_id == found->client_id) device = &each;
        if (!device || device->redeemed) return invalid(x, "device_code");
        if (x.now >= device->expires_at)
            return error(x, 400, "expired_token", "the device code has expired");
        const bool too_early =
            device->polled_at >= 0 && x.now - device->polled_at < device->interval;
        device->polled_at = x.now;
        ++device->polls;
        if (too_early) {
            device->interval += 5;
            ++totals_.slow_downs;
            return error(x, 400, "slow_down", "polling too fast");
        }
        const std::int64_t patience = world_.options.device_auto_approve_polls;
        if (patience > 0 && device->polls > patience && device->approval == Approval::pending)
            decide(device->user_code, Approval::approved, {}, x.now);
        if (device->approval == Approval::refused)
            return error(x, 400, "access_denied", "the user refused");
        if (device->approval == Approval::pending)
            return error(x, 400, "authorization_pending", "the user has not decided yet");
        device->redeemed = true;
        give_pair(x,
                  new_family(x, *found, "device:" + device->user, device->user, device->workspace),
                  "device_code");
    }

    /// The page where the person decides.
    void device_page(Exchange& x) {
        const std::string code{x.target.value("user_code")};
        const std::string_view decision = x.target.value("decision");
        if (decision == "allow" || decision == "deny") {
            const bool found =
                decide(code, decision == "allow" ? Approval::approved : Approval::refused,
                       x.target.value("user"), x.now);
            return x.page(found ? 200 : 400,
                          found ? "Thank you, go back to your device." : "This code is unknown.");
        }
        const std::string link =
            "<a href=\"/device?user_code=" + percent_encoded(code) + "&amp;decision=";
        x.page(200, "<h1>Device " + html_escaped(code) + "</h1><p>" + link + "allow\">allow</a> " +
                        link + "deny\">deny</a></p>");
    }

private:
    /// `WDJB-MJHT`: letters nobody mistakes for another (RFC 8628 §6.1).
    std::string user_code() {
        constexpr std::string_view letters = "BCDFGHJKLMNPQRST";
        const std::string digits = world_.next_secret();
        std::string out;
        for (std::size_t i = 0; i != 8; ++i) {
            if (i == 4) out += '-';
            out += letters[hex_digits.find(digits[i])];
        }
        return out;
    }
};

}  // namespace fake
}  // namespace testing
}  // namespace v0_1
}  // namespace rekey

#endif
