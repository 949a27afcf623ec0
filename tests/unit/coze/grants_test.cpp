// SPDX-License-Identifier: BSL-1.0
// Which grants a program can ask for, whatever it puts into the settings.
#include <rekey/coze.hpp>

#include "catch.hpp"
#include "support/obo.hpp"

#include <chrono>
#include <cstddef>
#include <set>
#include <string>
#include <string_view>

using namespace rekey;
using namespace obo;

namespace {

std::size_t count(std::string_view text, std::string_view piece) {
    std::size_t found = 0;
    for (std::size_t at = 0; (at = text.find(piece, at)) != text.npos; at += piece.size()) ++found;
    return found;
}

/// The grants that were asked for on that desk; each request asks for one.
std::set<std::string> grants_of(const Desk& desk) {
    std::set<std::string> grants;
    for (const Sent& sent : desk.wire.exchanges()) {
        const std::string mark = "\"grant_type\":\"";
        REQUIRE(count(sent.request.body, mark) == 1);
        const std::string rest =
            sent.request.body.substr(sent.request.body.find(mark) + mark.size());
        grants.insert(rest.substr(0, rest.find('"')));
    }
    return grants;
}

const auto shows = [](const AuthorizationRequest&) { return Authorized{}; };

}  // namespace

TEST_CASE(
    "S13 a whole walk of each flow asks for a code, a refresh or a device, and nothing else") {
    FakeCoze::Options wishes;
    wishes.device_auto_approve_polls = 1;
    Desk desk{wishes};
    std::set<std::string> pages;
    const auto listener = [&](const AuthorizationRequest& request) {
        pages.insert(request.url);
        return desk.browse(request.url);
    };
    const auto web = desk.web();
    const auto asked = web.send(desk.chat(), WithoutBinding{});
    REQUIRE(!asked);
    pages.insert(asked.authorization().url);
    REQUIRE(web.resume<HttpRequest>(desk.browse(asked.authorization().url), WithoutBinding{}));
    const auto pkce = desk.client(coze::PkceLoopback{desk.pkce_app(), shows, listener});
    const auto device = desk.client(coze::DeviceFlow{desk.device_app(), shows});
    for (int round = 0; round != 2; ++round) {
        REQUIRE(web.send(desk.chat(), WithoutBinding{}));
        REQUIRE(pkce.send(desk.chat()));
        REQUIRE(device.send(desk.chat()));
        desk.clock.advance(std::chrono::seconds{desk.options.access_seconds});
    }
    CHECK(grants_of(desk) == std::set<std::string>{"authorization_code", "refresh_token",
                                                   "urn:ietf:params:oauth:grant-type:device_code"});
    CHECK(pages.size() == 2);
    for (const std::string& page : pages) {
        CHECK(count(page, "response_type=") == 1);
        CHECK(parameter(page, "response_type") == "code");
    }
}

TEST_CASE("S13 no setting can smuggle another grant into a page or a request") {
    const std::string page_words = "1&response_type=token";
    const std::string json_words = "1\",\"grant_type\":\"password\",\"x\":\"";
    Desk desk;
    for (const std::string& words : {page_words, json_words}) {
        auto app = desk.web_app();
        SECTION("a client id" + words.substr(0, 2)) { app.client_id = words; }
        SECTION("a redirect URI" + words.substr(0, 2)) { app.redirect_uri += "?" + words; }
        SECTION("a workspace" + words.substr(0, 2)) { app.workspace_id = words; }
        const auto client = desk.client(coze::WebFlow{app});
        const auto begun = client.begin_authorization(WithoutBinding{});
        const std::string& url = begun.request.url;
        if (begun) {
            CHECK(count(url, "&response_type=") + count(url, "?response_type=") == 1);
            CHECK(parameter(url, "response_type") == "code");
            const std::string back =
                "/callback?code=" + std::string("c-1") + "&state=" + parameter(url, "state");
            (void)client.authorize(back, WithoutBinding{});
            CHECK(grants_of(desk) == std::set<std::string>{"authorization_code"});
        } else {
            CHECK(url.empty());
        }
    }
}
