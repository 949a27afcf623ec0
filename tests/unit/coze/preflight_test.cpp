// SPDX-License-Identifier: BSL-1.0
#include <rekey/coze/preflight.hpp>

#include "catch.hpp"
#include "support/coze_desk.hpp"

#include <rekey/coze.hpp>
#include <rekey/rekey.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

using namespace rekey;
using testing::FakeCoze;

namespace {

/// Our side of the wire: a clock that follows the desk's, and remembers waits.
struct DeskClock {
    CozeDesk* desk;
    std::vector<Duration> waits{};

    TimePoint now() const { return {}; }
    std::int64_t unix_seconds() const { return desk->now; }
    void sleep(Duration delay) { waits.push_back(delay); }
};

/// What a person who is about to move has: two credentials, a bot, a program.
struct Team {
    CozeDesk desk;
    DeskClock clock{&desk};
    coze::PreflightOptions options{};
    std::vector<coze::CredentialFacts> facts{2};
    std::string personal_token;
    std::string enterprise_token;
    std::string account_id;
    std::string enterprise_id;
    std::string client_id;

    explicit Team(FakeCoze::Options wanted = {}) : desk(std::move(wanted)) {
        options.base = desk.options.base;
        options.bot_id = desk.options.bot_id;
        options.trial_bot_id = desk.options.enterprise_bot_id;
        personal_token = desk.options.personal_token;
        enterprise_token = desk.options.enterprise_token;
        account_id = desk.options.account_id;
        enterprise_id = desk.options.enterprise_id;
        client_id = desk.options.jwt_client_id;
    }
    Team(const Team&) = delete;
    Team& operator=(const Team&) = delete;

    coze::AppAuthOptions app(const std::string& id) const {
        coze::AppAuthOptions made;
        made.client_id = client_id;
        made.public_key_id = desk.options.public_key_id;
        made.signer =
            oauth::Signer{[](std::string_view input) { return CozeDesk::signature_of(input); }};
        made.id = id;
        made.base = options.base;
        return made;
    }

    template <class Client> preflight::Report ask(const Client& client) {
        preflight::Preflight asked{coze::preflight_probes(options), {"personal", "enterprise"}};
        preflight::run(client, asked, clock);
        return coze::diagnose(asked, options, facts, desk.now);
    }
    preflight::Report with_tokens() {
        return ask(
            Client{std::ref(desk.coze),
                   CredentialChain{coze::Pat<coze::Personal>{personal_token, options.base},
                                   coze::Pat<coze::Enterprise>{enterprise_token, options.base}},
                   UseClock{clock}});
    }
    preflight::Report with_app() {
        facts[0].is_app = facts[1].is_app = true;
        return ask(Client{std::ref(desk.coze),
                          CredentialChain{coze::AppAuth<coze::Account>{app(account_id)},
                                          coze::AppAuth<coze::EnterpriseId>{app(enterprise_id)}},
                          UseClock{clock}});
    }
};

/// `name`, with `?` if suspected and `!` if only a warning, and its credential; in their order.
std::vector<std::string> names(const preflight::Report& report) {
    std::vector<std::string> found;
    for (const preflight::Finding& finding : report.findings) {
        std::string name = finding.name;
        if (finding.suspected) name += '?';
        if (!finding.blocks) name += '!';
        if (!finding.credential.empty()) name += ' ' + finding.credential;
        found.push_back(name);
    }
    return found;
}
using Names = std::vector<std::string>;

}  // namespace

TEST_CASE("a preflight in which nothing is wrong names nothing and passes") {
    Team team;
    for (const bool by_app : {false, true}) {
        const preflight::Report report = by_app ? team.with_app() : team.with_tokens();
        CAPTURE(by_app, report.text());
        CHECK(names(report) == Names{});
        CHECK(report.passes());
    }
    CHECK(team.desk.coze.totals().chats_executed == 0);
}

TEST_CASE("a preflight names the permission point that the enterprise's token lacks") {
    struct Point {
        const char* name;
        const char* probe;
        int http;
    };
    for (const Point point :
         {Point{"listWorkspace", "workspaces", 403}, Point{"getMetadata", "bot", 403},
          Point{"listConversation", "conversations", 403}, Point{"chat", "chat", 200}}) {
        Team team;
        team.options.chat = true;
        team.desk.coze.limit({"enterprise", point.name, {}, false});
        const preflight::Report report = team.with_tokens();
        CAPTURE(point.name, report.text());
        REQUIRE(names(report) == Names{"missing_permission enterprise"});
        CHECK_FALSE(report.passes());
        const preflight::Finding& finding = report.findings[0];
        CHECK(finding.requirement == "R4");
        CHECK(finding.what == "the permission point " + std::string(point.name) + " is missing");
        CHECK(finding.probe == point.probe);
        CHECK(finding.http_status == point.http);
        CHECK(finding.service_code == 4101);
        CHECK(finding.log_id.size() > 10);
    }
}

TEST_CASE("a preflight sends a chat only when it is asked for") {
    Team team;
    (void)team.with_tokens();
    CHECK(team.desk.coze.totals().chats_executed == 0);
    team.options.chat = true;
    CHECK(team.with_tokens().passes());
    CHECK(team.desk.coze.totals().chats_executed == 2);
}

TEST_CASE("a preflight does not ask the new token for what the old one cannot do either") {
    Team team;
    team.desk.coze.limit({"personal", "listWorkspace", {}, false});
    team.desk.coze.limit({"enterprise", "listWorkspace", {}, false});
    const preflight::Report report = team.with_tokens();
    CHECK(names(report) == Names{"missing_permission! personal", "missing_permission! enterprise"});
    CHECK(report.passes());
}

TEST_CASE("a preflight names a workspace that the enterprise's authorization does not cover") {
    Team team;
    team.desk.coze.limit({"enterprise", {}, "none", false});
    preflight::Report report = team.with_tokens();
    CHECK(names(report) == Names{"workspace_not_covered enterprise"});
    CHECK(report.findings[0].requirement == "R5");
    CHECK_FALSE(report.passes());

    Team app;
    app.desk.coze.limit({"jwt:" + app.enterprise_id, {}, "none", false});
    report = app.with_app();
    CHECK(names(report) == Names{"workspace_not_covered enterprise"});
    CHECK(report.findings[0].next.find("all workspaces") != std::string::npos);

    FakeCoze::Options moved;
    moved.moved = true;
    Team elsewhere{moved};
    elsewhere.options.trial_bot_id.clear();
    const std::string other = elsewhere.desk.coze.add_workspace(elsewhere.enterprise_id);
    elsewhere.desk.coze.limit({"enterprise", {}, other, false});
    report = elsewhere.with_tokens();  // nobody can say in which workspace the bot is
    CHECK(names(report) ==
          Names{"workspace_not_covered! personal", "workspace_not_covered? enterprise",
                "missing_permission? enterprise", "missing_permission? enterprise"});
    CHECK_FALSE(report.passes());
}

TEST_CASE("a preflight names a dead token") {
    Team team;
    team.enterprise_token = "pat_mistyped";
    preflight::Report report = team.with_tokens();
    CHECK(names(report) == Names{"dead_token enterprise"});
    CHECK(report.findings[0].http_status == 401);
    CHECK(report.findings[0].service_code == 700012006);
    CHECK_FALSE(report.passes());

    Team other;
    (void)other.desk.coze.revoke(other.personal_token);
    CHECK(names(other.with_tokens()) == Names{"dead_token personal"});
}

TEST_CASE("a preflight does not pass where one token stands for both accounts") {
    Team team;
    team.enterprise_token = team.personal_token;
    team.facts[1].same_token = true;
    const preflight::Report report = team.with_tokens();
    CHECK(names(report) == Names{"same_token enterprise"});
    CHECK_FALSE(report.passes());

    // What both are unknown for, is no other region: it is one token.
    team.personal_token = team.enterprise_token = "pat_mistyped";
    CHECK(names(team.with_tokens()) == Names{"dead_token personal", "same_token enterprise"});
}

TEST_CASE("a preflight suspects another region when nobody is known, and asking there decides") {
    Team team;
    team.personal_token = "pat_of_cn_1";
    team.enterprise_token = "pat_of_cn_2";
    CHECK(names(team.with_tokens()) ==
          Names{"dead_token personal", "dead_token enterprise", "wrong_region?"});
    team.facts[0].asked_elsewhere = team.facts[1].asked_elsewhere = true;
    CHECK(names(team.with_tokens()) == Names{"dead_token personal", "dead_token enterprise"});
    team.facts[0].known_elsewhere = team.facts[1].known_elsewhere = true;
    CHECK(names(team.with_tokens()) == Names{"wrong_region personal", "wrong_region enterprise"});
    team.facts[0].known_elsewhere = false;
    CHECK(names(team.with_tokens()) == Names{"dead_token personal", "wrong_region enterprise"});

    Team app;
    app.client_id = "99.app.coze";
    CHECK(names(app.with_app()) == Names{"app_not_accepted personal", "wrong_region?"});
}

TEST_CASE("a preflight names an app that is disabled, or not installed in the enterprise") {
    Team disabled;
    disabled.desk.coze.disable_app(disabled.client_id);
    preflight::Report report = disabled.with_app();
    CHECK(names(report) == Names{"app_disabled personal"});
    CHECK(report.findings[0].requirement == "R7");
    CHECK(report.findings[0].http_status == 401);
    CHECK_FALSE(report.passes());
    CHECK(disabled.desk.coze.totals().token_refusals == 2);  // not once per probe

    FakeCoze::Options options;
    options.jwt_app_installed = false;
    Team absent{options};
    report = absent.with_app();
    CHECK(names(report) == Names{"app_not_installed enterprise"});
    CHECK(report.findings[0].requirement == "R9");
}

TEST_CASE("a preflight names a wrong account UID and a wrong enterprise id") {
    Team uid;
    uid.account_id = "54321";
    CHECK(names(uid.with_app()) == Names{"wrong_account_id personal"});
    Team id;
    id.enterprise_id = "volcano_1";
    const preflight::Report report = id.with_app();
    CHECK(names(report) == Names{"wrong_enterprise_id enterprise"});
    CHECK(report.findings[0].requirement == "R11");
    CHECK_FALSE(report.passes());
    Team both;
    both.account_id = "54321";
    both.enterprise_id = "volcano_1";
    CHECK(names(both.with_app()) ==
          Names{"wrong_account_id personal", "wrong_enterprise_id enterprise"});
}

TEST_CASE("a preflight concludes from the other credential what no word of an exchange says") {
    const auto with = [](const char* path, const char* word) {
        Team team;
        testing::FakeFault fault;
        fault.times = 0;
        fault.path = std::string("/api/permission/oauth2/") + path;
        fault.status = 400;
        fault.body = R"({"error_code":")" + std::string(word) + R"(","error_message":"no"})";
        team.desk.coze.fault(fault);
        return names(team.with_app());
    };
    CHECK(with("enterprise_id", "invalid_request") == Names{"wrong_enterprise_id? enterprise"});
    CHECK(with("account", "invalid_request") == Names{"wrong_account_id? personal"});
    CHECK(with("enterprise_id", "access_deny") == Names{"app_not_installed? enterprise"});
    CHECK(with("", "access_deny") == Names{"app_disabled? personal"});
    CHECK(with("", "invalid_client") == Names{"app_not_accepted personal", "wrong_region?"});
    CHECK(with("", "internal_error") == Names{"unanswered personal", "unanswered enterprise"});
}

TEST_CASE("a preflight names an access token that expires within a week, if it is told when") {
    constexpr std::int64_t day = 86400;
    FakeCoze::Options options;
    options.pats = {{"pat_short", "volcano_2105850", "short", 1700000000 + 3 * day}};
    Team team{options};
    team.enterprise_token = "pat_short";
    CHECK(names(team.with_tokens()) == Names{});  // no answer tells
    team.facts[1].expires_at = 1700000000 + 3 * day;
    preflight::Report report = team.with_tokens();
    CHECK(names(report) == Names{"token_expires! enterprise"});
    CHECK(report.findings[0].what == "the token expires in 3 days");
    CHECK(report.passes());
    team.desk.now += 4 * day;
    report = team.with_tokens();
    CHECK(names(report) == Names{"dead_token enterprise"});
    CHECK(report.findings[0].what == "the token has expired");
    team.facts[1].expires_at = team.desk.now + 20 * day;
    CHECK(names(team.with_tokens()) == Names{"dead_token enterprise"});
}

TEST_CASE("a preflight names permission points of enterprise level that nobody may give") {
    Team team;
    team.desk.coze.limit({"enterprise", {}, {}, true});
    const preflight::Report report = team.with_tokens();
    CHECK(names(report) == Names{"enterprise_permission enterprise"});
    CHECK(report.findings[0].requirement == "R26");
    CHECK_FALSE(report.passes());
}

TEST_CASE("a preflight names a clock that is more than a minute off") {
    for (const std::int64_t seconds : {-3600, -30, 30, 3600}) {
        Team team;
        team.desk.coze.skew_clock(seconds);
        for (const bool by_app : {false, true}) {
            const preflight::Report report = by_app ? team.with_app() : team.with_tokens();
            CAPTURE(seconds, by_app, report.text());
            const bool is_far = seconds < -60 || seconds > 60;
            CHECK(names(report) == (is_far ? Names{"clock_skew!"} : Names{}));
            CHECK(report.passes());
            if (is_far)
                CHECK(report.findings[0].what ==
                      std::string("the clock of this machine is ") +
                          (seconds < 0 ? "3599 seconds ahead of" : "3600 seconds behind") +
                          " the server's");
        }
    }
}

TEST_CASE("a preflight says where the bot is when the two credentials cannot be compared") {
    Team before;
    before.options.trial_bot_id.clear();
    preflight::Report report = before.with_tokens();
    CHECK(names(report) == Names{"not_moved enterprise"});
    CHECK_FALSE(report.passes());
    before.desk.coze.move();
    report = before.with_tokens();
    CHECK(names(report) == Names{"already_moved! personal"});
    CHECK(report.passes());
}

TEST_CASE("a preflight after the move passes, whatever the old credential hears") {
    for (const std::int64_t code : {4100, 4101, 4200, 4006, 700012006})
        for (const std::int64_t http : {200, 401, 403, 404}) {
            FakeCoze::Options options;
            options.moved = true;
            options.refusal = {code, http, {}};
            Team team{options};
            team.options.trial_bot_id.clear();
            const preflight::Report report = team.with_tokens();
            CAPTURE(code, http, report.text());
            CHECK(names(report) == Names{"already_moved! personal"});
            CHECK(report.passes());
        }
    FakeCoze::Options options;
    options.enterprise_reads_personal = true;
    Team before{options};
    before.options.trial_bot_id.clear();
    CHECK(names(before.with_tokens()) == Names{});
    CHECK(before.with_tokens().passes());
}

TEST_CASE("a preflight names a bot that nobody sees, and one that is not published") {
    Team unknown;
    unknown.options.bot_id = "1";
    unknown.options.trial_bot_id.clear();
    CHECK(names(unknown.with_tokens()) == Names{"bot_not_found personal"});
    Team draft;
    draft.desk.coze.add_bot("7", draft.enterprise_id, false);
    draft.options.trial_bot_id = "7";
    CHECK(names(draft.with_tokens()) == Names{"not_published enterprise"});
}

TEST_CASE("a preflight names two faults at once") {
    using Break = std::function<void(Team&)>;
    struct Fault {
        const char* name;
        bool of_app;
        bool of_token;
        Break provoke;
    };
    const std::vector<Fault> faults{
        {"dead_token personal", false, true, [](Team& team) { team.personal_token = "pat_x"; }},
        {"missing_permission enterprise", false, true,
         [](Team& team) {
             team.desk.coze.limit({"enterprise", "listConversation", {}, false});
         }},
        {"workspace_not_covered enterprise", true, true,
         [](Team& team) {
             team.desk.coze.limit({"enterprise", {}, "none", false});
             team.desk.coze.limit({"jwt:volcano_2105850", {}, "none", false});
         }},
        {"token_expires! enterprise", false, true,
         [](Team& team) { team.facts[1].expires_at = team.desk.now + 9; }},
        {"clock_skew!", true, true, [](Team& team) { team.desk.coze.skew_clock(600); }},
        {"wrong_account_id personal", true, false, [](Team& team) { team.account_id = "1"; }},
        {"enterprise_permission personal", true, true,
         [](Team& team) {
             team.desk.coze.limit({"jwt:12345", {}, {}, true});
             team.desk.coze.limit({"personal", {}, {}, true});
         }},
        {"app_not_installed enterprise", true, false, [](Team& team) {
             testing::FakeApp app;
             app.client_id = team.client_id;
             app.public_key_id = team.desk.options.public_key_id;
             app.installed_in_enterprise = false;
             team.desk.coze.add_app(app);
         }}};
    // One hides the other: no token, no probe; a dead token has no permission points.
    const auto hidden = [](const std::string& a, const std::string& b) {
        const auto pair = [&](const char* one, const char* two) {
            return (a == one && b == two) || (a == two && b == one);
        };
        return pair("app_not_installed enterprise", "workspace_not_covered enterprise") ||
               pair("wrong_account_id personal", "enterprise_permission personal") ||
               pair("dead_token personal", "enterprise_permission personal") ||
               pair("missing_permission enterprise", "workspace_not_covered enterprise");
    };
    int pairs = 0;
    for (const bool by_app : {false, true})
        for (std::size_t i = 0; i != faults.size(); ++i)
            for (std::size_t k = i + 1; k != faults.size(); ++k) {
                if (hidden(faults[i].name, faults[k].name)) continue;
                if (by_app ? !faults[i].of_app || !faults[k].of_app
                           : !faults[i].of_token || !faults[k].of_token)
                    continue;
                Team team;
                faults[i].provoke(team);
                faults[k].provoke(team);
                const preflight::Report report = by_app ? team.with_app() : team.with_tokens();
                CAPTURE(by_app, faults[i].name, faults[k].name, report.text());
                Names found = names(report);
                Names wanted{faults[i].name, faults[k].name};
                std::sort(found.begin(), found.end());
                std::sort(wanted.begin(), wanted.end());
                CHECK(found == wanted);
                ++pairs;
            }
    CHECK(pairs == 21);
}

TEST_CASE("a preflight suspects what three refusals may mean when nothing else tells") {
    Team team;
    for (const char* const point : {"listWorkspace", "getMetadata", "listConversation"})
        team.desk.coze.limit({"enterprise", point, {}, false});
    CHECK(names(team.with_tokens()) ==
          Names{"missing_permission enterprise", "workspace_not_covered? enterprise",
                "missing_permission? enterprise", "missing_permission? enterprise"});
}

TEST_CASE("a preflight says when nobody answered, or another reason stood in the way") {
    Team team;
    testing::FakeFault fault;
    fault.times = 0;
    fault.path = "/v1/workspaces";
    fault.credential = "enterprise";
    fault.wire = testing::FakeWire::reset_before_answer;
    team.desk.coze.fault(fault);
    preflight::Report report = team.with_tokens();
    CHECK(names(report) == Names{"unanswered enterprise"});
    CHECK_FALSE(report.passes());
    team.desk.coze.clear_faults();
    fault.wire = testing::FakeWire::whole;
    fault.status = 200;
    fault.body = R"({"code":4011,"msg":"pay first","detail":{"logid":"L7"}})";
    team.desk.coze.fault(fault);
    report = team.with_tokens();
    CHECK(names(report) == Names{"other_refusal enterprise"});
    CHECK(report.findings[0].service_code == 4011);
    CHECK(report.findings[0].message == "pay first");
}

TEST_CASE("a preflight does not pass where somebody else than Coze says HTTP 200 to everything") {
    struct Other {
        const char* content_type;
        const char* body;
    };
    for (const Other other :
         {Other{"application/json", R"({"status":"ok"})"}, Other{"application/json", "{}"},
          Other{"text/html", "<html>sign in</html>"},
          Other{"application/xml", "<?xml version=\"1.0\"?><html>sign in</html>"}}) {
        CAPTURE(other.body);
        Team team;
        testing::FakeFault fault;
        fault.times = 0;
        fault.path = "/v1/";
        fault.status = 200;
        fault.content_type = other.content_type;
        fault.body = other.body;
        team.desk.coze.fault(fault);
        const preflight::Report report = team.with_tokens();
        CHECK(names(report) == Names{"unanswered personal", "unanswered enterprise"});
        CHECK_FALSE(report.passes());
        CHECK(report.text().find("not Coze") != std::string::npos);
        CHECK(report.text().find("yes, HTTP 200") == std::string::npos);
        CHECK(report.text().find("unclear, HTTP 200") != std::string::npos);
    }
}

TEST_CASE("a preflight takes one strange answer among others for no verdict") {
    Team team;
    testing::FakeFault fault;
    fault.times = 0;
    fault.path = "/v1/bots/";
    fault.credential = "enterprise";
    fault.status = 200;
    fault.body = R"({"status":"ok"})";
    team.desk.coze.fault(fault);
    const preflight::Report report = team.with_tokens();
    REQUIRE(names(report) == Names{"unanswered enterprise"});
    CHECK(report.findings[0].probe == "bot");
    CHECK_FALSE(report.passes());
}

TEST_CASE("a preflight names a credential that cannot even be sent") {
    Team team;
    team.desk.coze.limit({"enterprise", "getMetadata", {}, false});
    const Client client{
        std::ref(team.desk.coze),
        CredentialChain{coze::Pat<coze::Personal>{team.personal_token, team.options.base},
                        coze::Pat<coze::Enterprise>{team.enterprise_token, coze::api_base_cn}},
        UseClock{team.clock}};
    const preflight::Report report = team.ask(client);
    CHECK(names(report) == Names{"unusable_credential enterprise"});
    CHECK(report.findings[0].http_status == 0);
    CHECK_FALSE(report.passes());
}

TEST_CASE("no report of a preflight holds a token") {
    Team team;
    testing::FakeFault echo;
    echo.times = 0;
    echo.status = 403;
    echo.body = R"({"code":4101,"msg":"token )" + team.enterprise_token + R"( is bad"})";
    echo.credential = "enterprise";
    team.desk.coze.fault(echo);
    const preflight::Report report = team.with_tokens();
    REQUIRE_FALSE(report.passes());
    for (const std::string& text : {report.text(), report.json()}) {
        CHECK(text.find(team.enterprise_token) == std::string::npos);
        CHECK(text.find(team.personal_token) == std::string::npos);
        CHECK(text.find("is bad") != std::string::npos);
    }
}
