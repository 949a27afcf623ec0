// SPDX-License-Identifier: BSL-1.0
// coze_preflight: you are about to move workspaces into the enterprise, and hold both credentials
// already. Will the new one do? This asks Coze a few harmless questions with each credential alone,
// and says what is wrong, how it knows, what to do next, and who can do it.
//
//     $ export PUBLISHED_BOT_ID=7379… USER_ID=user_1
//     $ export COZE_API_TOKEN=pat_… COZE_API_TOKEN_ENTERPRISE=pat_…
//     $ coze_preflight --trial-bot 7412…              # an agent made in the enterprise to try it
//     probe          personal       enterprise
//     whoami         yes, HTTP 200  yes, HTTP 200
//     workspaces     yes, HTTP 200  no, HTTP 403 code 4101
//     bot            yes, HTTP 200  yes, HTTP 200
//     conversations  yes, HTTP 200  yes, HTTP 200
//
//     1. missing_permission (R4), enterprise: the permission point listWorkspace is missing
//        seen: probe workspaces, HTTP 403 code 4101, "…", log id 20…
//        next: add listWorkspace: create a new token that has it
//        who:  a super admin or admin of the enterprise
//     …
//     FAIL: enterprise cannot yet be relied on to do what personal can
//
// Without COZE_API_TOKEN it takes the variables of coze_jwt_chat. In CI: `--json`; the exit status
// is 0 only if the enterprise's credential can do what the personal one can.
#include "support/standard_streams.hpp"

#include <rekey/adapter/curl.hpp>
#include <rekey/adapter/openssl.hpp>
#include <rekey/client.hpp>
#include <rekey/coze.hpp>
#include <rekey/coze/preflight.hpp>
#include <rekey/oauth/edit_url.hpp>
#include <rekey/oauth/url.hpp>

#include <CLI/CLI.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <iostream>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace {

namespace coze = rekey::coze;
namespace preflight = rekey::preflight;

struct Settings {
    bool prints_json = false;
    bool allows_http = false;
    std::string other_base{};
    std::string expires[2]{};
    coze::PreflightOptions probes{};
};

std::string variable(const char* name) {
    const char* const value = std::getenv(name);
    return value == nullptr ? std::string() : std::string(value);
}

int complain(std::string_view what) {
    std::cerr << "coze_preflight: " << what << '\n';
    return 2;
}

/// The first second of a day `2026-12-31` (UTC); 0 if the text is none.
std::int64_t first_second_of(const std::string& text) {
    if (text.size() != 10 || text[4] != '-' || text[7] != '-') return 0;
    const auto number = [&](std::size_t at, std::size_t digits) {
        int value = 0;
        for (std::size_t i = at; i != at + digits; ++i) {
            if (text[i] < '0' || text[i] > '9') return -1;
            value = value * 10 + (text[i] - '0');
        }
        return value;
    };
    const int year = number(0, 4);
    const int month = number(5, 2);
    const int day = number(8, 2);
    if (year < 1970 || month < 1 || month > 12 || day < 1) return 0;
    const bool is_leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    const int last = month == 2 ? 28 + (is_leap ? 1 : 0) : 30 + (month + month / 8) % 2;
    if (day > last) return 0;
    // Days since 1970-01-01, with years that begin in March so that the leap day is their last.
    const int from_march = month > 2 ? year : year - 1;
    const int before = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1;
    const std::int64_t days =
        365LL * from_march + from_march / 4 - from_march / 100 + from_march / 400 + before - 719468;
    return days * 86400;
}

/// What cannot work about the options and what the chats say, before anything is sent; or empty.
std::string problem(const Settings& settings) {
    namespace oauth = rekey::oauth;
    if (const std::string& there = settings.other_base; !there.empty()) {
        if (const oauth::JoinedUrl url = oauth::join(there, "/"); !url)
            return "--other-base: " + std::string(sentence(url.error));
        if (!settings.allows_http && !oauth::allowed_for_secrets(oauth::parse_url(there)))
            return "--other-base: plain http outside loopback lets everyone on the way read the "
                   "token; use https or --allow-http";
    }
    for (const preflight::Probe& probe : coze::preflight_probes(settings.probes))
        if (probe.request.method == "POST" && probe.request.body.empty())
            return "PUBLISHED_BOT_ID, USER_ID or --trial-bot: is not UTF-8 text";
    return {};
}

rekey::curl::Transport transport(const Settings& settings) {
    rekey::curl::Options options;
    options.allow_http = settings.allows_http;
    options.timeout = std::chrono::seconds{30};
    return rekey::curl::Transport{options};
}

/// Whether the other base knows the credentials, by the one probe that needs no permission point.
template <class Chain>
void ask_elsewhere(const Settings& settings, const Chain& chain,
                   std::vector<coze::CredentialFacts>& facts) {
    coze::PreflightOptions there;
    there.base = settings.other_base;
    preflight::Preflight asked{{coze::preflight_probes(there).front()}, {"personal", "enterprise"}};
    preflight::run(rekey::Client{transport(settings), chain}, asked);
    for (std::size_t slot = 0; slot != facts.size(); ++slot) {
        facts[slot].asked_elsewhere = true;
        facts[slot].known_elsewhere = asked.answer(slot, 0).verdict == preflight::Verdict::accepted;
    }
}

template <template <class> class Kind> int run(const Settings& settings, bool is_app) {
    const auto chain = coze::from_environment<Kind>(settings.allows_http);
    if (!chain) return complain(chain.error());
    const auto now = rekey::detail::SystemClock::unix_seconds();
    std::vector<coze::CredentialFacts> facts(2);
    for (std::size_t slot = 0; slot != facts.size(); ++slot) {
        facts[slot].is_app = is_app;
        facts[slot].expires_at = is_app ? 0 : first_second_of(settings.expires[slot]);
    }
    facts[1].same_token =
        !is_app && variable("COZE_API_TOKEN") == variable("COZE_API_TOKEN_ENTERPRISE");
    preflight::Preflight asked{coze::preflight_probes(settings.probes), {"personal", "enterprise"}};
    preflight::run(rekey::Client{transport(settings), *chain}, asked);
    preflight::Report report = coze::diagnose(asked, settings.probes, facts, now);
    if (!settings.other_base.empty() &&
        (report.has("dead_token") || report.has("app_not_accepted"))) {
        setenv("COZE_API_BASE", settings.other_base.c_str(), 1);
        const auto there = coze::from_environment<Kind>(settings.allows_http);
        if (!there) return complain("--other-base: " + there.error());
        ask_elsewhere(settings, *there, facts);
        report = coze::diagnose(asked, settings.probes, facts, now);
    }
    std::cout << (settings.prints_json ? report.json() + '\n' : report.text()) << std::flush;
    if (!std::cout) {
        std::cerr << "coze_preflight: cannot write to the standard output\n";
        return 1;
    }
    return report.passes() ? 0 : 1;
}

}  // namespace

int main(int argc, char** argv) {
    support::hold_standard_streams();
    Settings settings;
    CLI::App app{"Will the enterprise's credential do? Each credential alone, before the move",
                 "coze_preflight"};
    app.add_flag("--json", settings.prints_json, "One JSON object in place of the table");
    app.add_flag("--chat", settings.probes.chat,
                 "Also one real chat with each credential; it costs quota");
    app.add_option("--trial-bot", settings.probes.trial_bot_id,
                   "An agent of the enterprise, which its credential is asked about");
    app.add_option("--other-base", settings.other_base,
                   "Where credentials that COZE_API_BASE does not know are tried, too");
    const auto is_day = [](const std::string& text) {
        return first_second_of(text) != 0 ? std::string() : "not a day like 2026-12-31: " + text;
    };
    app.add_option("--personal-expires", settings.expires[0],
                   "The day on which the personal access token expires: 2026-12-31")
        ->check(is_day);
    app.add_option("--enterprise-expires", settings.expires[1], "The same of the enterprise's")
        ->check(is_day);
    app.add_flag("--allow-http", settings.allows_http,
                 "Accept a base of plain http outside loopback, where everyone can read the token");
    try {
        app.parse(argc, argv);
    } catch (const CLI::ParseError& error) {
        return app.exit(error) == 0 ? 0 : 2;
    }

    settings.probes.base = coze::api_base_from_environment();
    settings.probes.bot_id = variable("PUBLISHED_BOT_ID");
    if (settings.probes.bot_id.empty()) return complain("PUBLISHED_BOT_ID: is not set");
    settings.probes.user_id = variable("USER_ID");
    if (settings.probes.user_id.empty()) return complain("USER_ID: is not set");
    if (const std::string why = problem(settings); !why.empty()) return complain(why);
    if (variable("COZE_API_TOKEN").empty()) return run<coze::AppAuth>(settings, true);
    return run<coze::Pat>(settings, false);
}
