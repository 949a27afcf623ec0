// SPDX-License-Identifier: BSL-1.0
// migration_demo: your service must keep answering while its workspaces move from a personal
// account to the enterprise, and when they are moved back. Will it work? Will a request be lost, or
// executed twice? What does it cost, and when can the old credential go? This program shows it
// without an account: it starts a Coze server on 127.0.0.1, asks each credential alone what it can
// do (one mistake is found and mended), and sends steady load in three lanes side by side.
//
//     fixed   one personal token, as most services have it today
//     naive   written by hand: personal first, then enterprise, every time
//     rekey   rekey::Client with both, which remembers who served a bot last
//
// The server's own ledger decides: the exit status is 0 only if it agrees that each request of the
// rekey lane was executed exactly once, for one call each, and that the fixed lane failed while the
// workspaces were away. An OAuth JWT app (AppAuth) runs beside them, with real RS256 signatures. At
// the end there is a table, an advice, and a page for the browser: migration-report.html beside
// this program (--report FILE). `--page` shows that page while it runs, on a port of this machine.
#include "support/ctrl_c.hpp"
#include "support/fake_coze_server.hpp"
#include "support/migration_report.hpp"
#include "support/migration_story.hpp"
#include "support/openssl_verifier.hpp"
#include "support/page_server.hpp"
#include "support/screen.hpp"
#include "support/standard_streams.hpp"
#include "support/steady_load.hpp"

#include <rekey/adapter/curl.hpp>
#include <rekey/adapter/openssl.hpp>
#include <rekey/body/json.hpp>
#include <rekey/body/json_writer.hpp>
#include <rekey/cancellation.hpp>
#include <rekey/coze.hpp>
#include <rekey/coze/bot_of.hpp>
#include <rekey/coze/preflight.hpp>
#include <rekey/describe/explain.hpp>
#include <rekey/policy/observe.hpp>
#include <rekey/policy/remember.hpp>
#include <rekey/testing/fake_coze.hpp>

#include <CLI/CLI.hpp>

#include <signal.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <fstream>
#include <functional>
#include <iostream>
#include <mutex>
#include <sstream>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

namespace {

namespace coze = rekey::coze;
namespace preflight = rekey::preflight;
using rekey::HttpRequest;
using rekey::HttpResponse;
using rekey::TransportResult;
using rekey::testing::FakeCoze;
using std::chrono::microseconds;
using std::chrono::milliseconds;
using support::app_lane;
using support::Drawn;
using support::fixed_lane;
using support::Meter;
using support::rekey_lane;
using support::Screen;
using support::Story;

struct Settings {
    double seconds = 9;
    double rate = 60;  ///< Requests a second in each lane.
    unsigned threads = 3;
    std::string report{};
    bool page = false;  ///< The page is served while the demo runs.
};

/// libcurl, for this machine and no other.
struct LoopbackOnly {
    static constexpr bool follows_redirects = false;
    static constexpr bool vouches_for_whole_bodies = true;

    rekey::curl::Transport curl = rekey::curl::Transport{[] {
        rekey::curl::Options options;
        options.timeout = std::chrono::seconds{10};
        return options;
    }()};

    TransportResult<HttpResponse> operator()(const HttpRequest& request,
                                             const rekey::Attempt& attempt) const {
        const rekey::oauth::Url url = rekey::oauth::parse_url(request.url);
        if (!url || !rekey::oauth::is_loopback(url.origin.host))
            return rekey::TransportError{rekey::Reach::never_sent,
                                         "the demo talks to this machine only",
                                         rekey::TransportVerdict::lasting};
        return curl(request, attempt);
    }
};

/// The chats of the demo; each carries its id, by which the server's ledger counts it.
class Chats {
public:
    Chats(const std::string& base, const std::string& bot_id, const std::string& user_id)
        : url_(base + "/v3/chat") {
        rekey::body::JsonWriter writer;
        writer.object_begin();
        writer.member("bot_id", bot_id);
        writer.member("user_id", user_id);
        writer.key("additional_messages");
        writer.raw(R"([{"role":"user","type":"question","content":"hi","content_type":"text"}])");
        writer.member("stream", false);
        writer.member("auto_save_history", true);
        writer.object_end();
        body_ = std::move(writer).text();
    }
    HttpRequest operator()(const std::string& id) const {
        return {
            "POST", url_, {{"Content-Type", "application/json"}, {"X-Demo-Request", id}}, body_};
    }

private:
    std::string url_;
    std::string body_{};
};

// --- Three ways to send a chat ---

/// Without rekey: one send with one token. True if Coze says that it did it.
bool send_with(const LoopbackOnly& transport, const HttpRequest& request,
               const std::string& token) {
    const std::string authorization = "Bearer " + token;
    rekey::AttemptFields fields;
    fields.authorization = authorization;
    const auto answer = transport(request, rekey::Attempt{fields});
    return answer && answer->status == 200 && rekey::body::Json::code(answer->body).code == 0;
}

auto fixed(const LoopbackOnly& transport, const Chats& chats, std::string personal) {
    return [=](const std::string& id) {
        return send_with(transport, chats(id), personal) ? support::Outcome{true, 1}
                                                         : support::Outcome{};
    };
}

/// Asks again whatever went wrong. Here only refusals do; where an answer got lost on its way, this
/// would execute the chat twice.
auto naive(const LoopbackOnly& transport, const Chats& chats, std::string personal,
           std::string enterprise) {
    return [=](const std::string& id) {
        const HttpRequest request = chats(id);
        if (send_with(transport, request, personal)) return support::Outcome{true, 1};
        if (send_with(transport, request, enterprise)) return support::Outcome{true, 2};
        return support::Outcome{};
    };
}

template <class Client>
auto with_rekey(const Client& client, const Chats& chats, Drawn* drawn = nullptr) {
    return [=](const std::string& id) {
        const auto result = client.send(chats(id));
        if (drawn != nullptr) drawn->look_at(result);
        if (!result) return support::Outcome{};
        const bool is_first = result.trail().back().slot == 0;
        return support::Outcome{true, static_cast<unsigned char>(is_first ? 1 : 2)};
    };
}

/// A call that meets a rollback: refused by personal before it, by enterprise after it. Another
/// call has found out meanwhile, so it is sent a third time. Staged in a server of its own, for in
/// the load nobody can say when it happens.
support::CallPicture straddling_call() {
    FakeCoze server;
    const FakeCoze::Options options = server.options();
    const Chats chats{options.base, options.bot_id, options.user_id};
    const rekey::CredentialChain tokens{coze::Pat<coze::Personal>{options.personal_token},
                                        coze::Pat<coze::Enterprise>{options.enterprise_token}};
    const rekey::Remember route{coze::BotOf{}};
    const rekey::Client another{std::ref(server), tokens, coze::RetryOnRefusal{}, route};
    bool is_answered = false;
    const auto transport = [&](const HttpRequest& request, const rekey::Attempt& attempt) {
        auto answer = server(request, attempt);
        if (attempt.number() == 1) {
            server.rollback();
            is_answered = another.send(request).has_value();
        }
        return answer;
    };
    server.move();
    const rekey::Client client{transport, tokens, coze::RetryOnRefusal{}, route};
    const auto result = client.send(chats("straddle-1"));
    if (!result || !is_answered || result.trail().count() != 3) return {};
    return {"A call that meets the rollback on its way (staged)", rekey::explain_svg(result)};
}

// --- The preflight ---

/// What each credential of a chain can do alone, as `coze_preflight` asks.
template <class Chain>
preflight::Report check(const LoopbackOnly& transport, const Chain& chain,
                        const FakeCoze::Options& options, bool is_app) {
    coze::PreflightOptions probes;
    probes.base = options.base;
    probes.bot_id = options.bot_id;
    probes.trial_bot_id = options.enterprise_bot_id;
    preflight::Options pace;
    pace.pause = milliseconds{5};  // this machine's own server
    preflight::Preflight asked{coze::preflight_probes(probes), {"personal", "enterprise"}, pace};
    preflight::run(rekey::Client{transport, chain}, asked, rekey::detail::SystemClock{});
    std::vector<coze::CredentialFacts> facts(2);
    facts[0].is_app = facts[1].is_app = is_app;
    return coze::diagnose(asked, probes, facts, rekey::detail::SystemClock::unix_seconds());
}

/// The findings, and the last line of the report: whether it passes.
std::string words_of(const preflight::Report& report) {
    std::string text;
    for (const preflight::Finding& finding : report.findings) {
        text += finding.name;
        if (!finding.requirement.empty()) text += " (" + finding.requirement + ')';
        text += ", " + finding.credential + ": " + finding.what + "\n";
        if (!finding.probe.empty())
            text += "seen: probe " + finding.probe + ", HTTP " +
                    std::to_string(finding.http_status) + ", \"" + finding.message + "\"\n";
        text += "next: " + finding.next + "\nwho: " + finding.who + '\n';
    }
    const std::string whole = report.text();
    const std::size_t last = whole.rfind('\n', whole.size() - 2);
    return text + whole.substr(last + 1, whole.size() - last - 2);
}

/// Over HTTP, as anybody with `curl` would: a new world, in which the app is installed.
bool install_app(const LoopbackOnly& transport, const std::string& base) {
    const rekey::AttemptFields unsigned_one;
    const auto answer =
        transport(HttpRequest{"POST", base + "/_fake/reset", {}, R"({"jwt_app_installed":true})"},
                  rekey::Attempt{unsigned_one});
    return answer && answer->status == 200;
}

/// What is wrong, each a sentence; nothing if all is well.
std::vector<std::string> complaints(const std::vector<support::LaneReport>& lanes,
                                    const support::Phases& phases,
                                    const rekey::testing::FakeTotals& totals, unsigned threads) {
    const std::int64_t exchanges = Story::exchanges_in(totals);
    std::vector<std::string> out;
    for (const std::size_t lane : {rekey_lane, app_lane}) {
        const support::LaneReport& each = lanes[lane];
        if (!each.is_whole())
            out.push_back(each.name + ": of " + std::to_string(each.sent) + " requests " +
                          std::to_string(each.seen) + " arrived, " + std::to_string(each.lost) +
                          " were lost, " + std::to_string(each.doubled) + " doubled, " +
                          std::to_string(each.answered) + " answered.");
    }
    const support::LaneReport& fixed = lanes[fixed_lane];
    if (fixed.success(phases, 0) < 0.5)
        out.push_back("fixed: it failed before the move, so the comparison says nothing.");
    if (fixed.lost == 0 || fixed.success(phases, 1) > 0.5)
        out.push_back("fixed: it did not fail after the move, so the move was none.");
    // Who was on its way when the workspaces moved cannot know it yet: a call for each thread.
    const std::int64_t(&extra)[3] = lanes[rekey_lane].extra_calls;
    if (extra[0] != 0 || extra[1] > threads || extra[2] > threads)
        out.push_back("rekey: the learned route cost " +
                      std::to_string(extra[0] + extra[1] + extra[2]) +
                      " calls beyond one for each request.");
    if (exchanges > 4)
        out.push_back("AppAuth: " + std::to_string(exchanges) +
                      " token exchanges; four is plenty.");
    if (totals.jti_replays != 0) out.push_back("AppAuth: an assertion was sent twice.");
    return out;
}

std::string sentence_of(const Settings& settings, const support::FakeCozeServer& server) {
    std::ostringstream out;
    out << "A Coze server on 127.0.0.1:" << server.port() << "; in each lane " << settings.rate
        << " requests a second from " << settings.threads << " threads, for " << settings.seconds
        << " seconds.";
    return out.str();
}

/// The preflight of the demo: of the tokens, which are as they should be, and of the app, which the
/// enterprise has not authorized yet.
///
/// Returns what did not go as it should, a sentence; nothing if all is well.
template <class Tokens, class Apps>
std::string prepare(FakeCoze& server, const LoopbackOnly& transport, const Tokens& tokens,
                    const Apps& apps, std::vector<support::Passage>& passages, Screen& screen) {
    const FakeCoze::Options options = server.options();
    const auto tell = [&](const char* what, const preflight::Report& report) {
        passages.push_back({what, words_of(report)});
        screen.line(std::string("preflight, ") + what + ":");
        std::istringstream lines(passages.back().text);
        for (std::string line; std::getline(lines, line);) screen.line("         " + line);
    };
    const preflight::Report with_tokens = check(transport, tokens, options, false);
    tell("the two access tokens", with_tokens);
    const preflight::Report before = check(transport, apps, options, true);
    tell("the OAuth JWT app", before);
    const bool is_installed = install_app(transport, options.base);
    screen.line("         the enterprise authorizes the app (POST /_fake/reset)");
    const preflight::Report after = check(transport, apps, options, true);
    tell("the OAuth JWT app, authorized by the enterprise", after);
    server.reset();  // the questions do not count
    if (!with_tokens.passes() || !with_tokens.findings.empty())
        return "The preflight found fault with tokens that are as they should be.";
    if (before.passes() || before.findings.size() != 1 || !before.has("app_not_installed"))
        return "The preflight did not find the app that is not installed.";
    if (!is_installed || !after.passes() || !after.findings.empty())
        return "The preflight still found fault with an app that is installed.";
    return {};
}

/// So that a person can look at the page for as long as they like; a program is not kept waiting.
void wait_for_ctrl_c(const support::PageServer& page, Screen& screen) {
    const rekey::Canceller stop;
    support::cancel_on_ctrl_c(stop);
    screen.line("the page stays at " + page.address() + " until Ctrl-C");
    while (!stop.is_cancelled()) std::this_thread::sleep_for(milliseconds{20});
}

int run(const Settings& settings) {
    const support::RsaKey key = support::make_rsa_key();
    FakeCoze::Options options;
    options.verifier = support::OpensslVerifier{key.public_pem};
    options.jwt_app_installed = false;  // the mistake that the preflight finds
    FakeCoze coze_server{options};
    support::FakeCozeServer face{coze_server};
    auto signer = rekey::oauth::DefaultSigner<rekey::oauth::Rs256>::from_pem(key.private_pem);
    if (!signer || !face.start()) {
        std::cerr << "migration_demo: cannot make a key or listen on 127.0.0.1\n";
        return 1;
    }

    const std::string base = face.base();
    const Chats chats{base, options.bot_id, options.user_id};
    const LoopbackOnly transports[4];
    coze::AppAuthOptions personal_app;
    personal_app.client_id = options.jwt_client_id;
    personal_app.public_key_id = options.public_key_id;
    personal_app.signer = std::move(signer.signer);
    personal_app.id = options.account_id;
    personal_app.base = base;
    coze::AppAuthOptions enterprise_app = personal_app;
    enterprise_app.id = options.enterprise_id;

    const rekey::CredentialChain tokens{
        coze::Pat<coze::Personal>{options.personal_token, base},
        coze::Pat<coze::Enterprise>{options.enterprise_token, base}};
    const rekey::CredentialChain apps{coze::AppAuth<coze::Account>{personal_app},
                                      coze::AppAuth<coze::EnterpriseId>{enterprise_app}};

    Meter meter;
    Drawn drawn;
    const rekey::Client client{transports[2], tokens, coze::RetryOnRefusal{},
                               rekey::Remember{coze::BotOf{}}, rekey::Observe{meter}};
    const rekey::Client app_client{transports[3], apps, coze::RetryOnRefusal{},
                                   rekey::Remember{coze::BotOf{}}};

    const microseconds length{static_cast<microseconds::rep>(settings.seconds * 1e6)};
    const support::Phases phases{length * 2 / 5, length * 4 / 5, length};
    support::SteadyLoad load{
        {{"fixed", fixed(transports[0], chats, options.personal_token), settings.rate,
          settings.threads},
         {"naive", naive(transports[1], chats, options.personal_token, options.enterprise_token),
          settings.rate, settings.threads},
         {"rekey", with_rekey(client, chats, &drawn), settings.rate, settings.threads},
         {"appauth", with_rekey(app_client, chats), settings.rate / 6, 2}},
        length};

    Screen screen;
    support::MigrationReport begin;
    begin.setting = sentence_of(settings, face);
    begin.phases = phases;
    begin.verdict = "The numbers are those of this moment.";
    screen.line(begin.setting);
    const std::string fault =
        prepare(coze_server, transports[0], tokens, apps, begin.preflight, screen);
    support::CallPicture straddling = straddling_call();
    const bool is_staged = !straddling.svg.empty();
    if (is_staged) begin.calls.push_back(std::move(straddling));

    Story story{coze_server, load, meter, drawn, begin};
    std::mutex page_mutex;
    std::string last_page;
    support::PageServer page{[&] {
        const std::lock_guard<std::mutex> lock(page_mutex);
        if (!last_page.empty()) return last_page;
        support::MigrationReport so_far = story.report();
        so_far.is_over = false;  // until there is a verdict
        return support::page(so_far);
    }};
    if (settings.page) {
        if (!page.start()) {
            std::cerr << "migration_demo: cannot listen on 127.0.0.1 for --page\n";
            return 1;
        }
        screen.line("the page: " + page.address());
    }
    story.tell(screen);
    const rekey::testing::FakeTotals totals = coze_server.totals();
    face.stop();

    std::vector<std::string> wrong = complaints(story.lanes(), phases, totals, settings.threads);
    if (!fault.empty()) wrong.push_back(fault);
    if (!is_staged) wrong.push_back("rekey: the call that meets the rollback was not answered.");
    support::MigrationReport report = story.report();
    const support::LaneReport& moving = report.lanes[rekey_lane];
    report.passed = wrong.empty();
    report.verdict = "By the server's own count each of the " + std::to_string(moving.sent) +
                     " requests of the rekey lane was executed exactly once: 0 lost, 0 doubled, " +
                     std::to_string(moving.extra_calls[1] + moving.extra_calls[2]) +
                     " calls beyond one for each. The fixed lane lost " +
                     std::to_string(report.lanes[fixed_lane].lost) + ".";
    if (!report.passed) {
        report.verdict.clear();
        for (const std::string& each : wrong)
            report.verdict += (report.verdict.empty() ? "" : " ") + each;
    }

    screen.line('\n' + support::table_text(report) +
                "lost, doubled and calls: the server's count\n\n" + report.app_auth);
    screen.line(screen.strong(report.passed ? "passed: " : "failed: ", report.passed) +
                report.verdict);
    {
        const std::lock_guard<std::mutex> lock(page_mutex);
        last_page = support::page(report);
    }
    std::ofstream file(settings.report, std::ios::binary);
    file << last_page << std::flush;
    if (!file) {
        std::cerr << "migration_demo: cannot write " << settings.report << '\n';
        return 1;
    }
    screen.line("the report: " + settings.report);
    if (settings.page && screen.is_terminal()) wait_for_ctrl_c(page, screen);
    return report.passed ? 0 : 1;
}

}  // namespace

int main(int argc, char** argv) {
    support::hold_standard_streams();
    Settings settings;
    const std::string program = argc > 0 ? argv[0] : "";
    const std::size_t slash = program.rfind('/');
    settings.report = (slash == std::string::npos ? "" : program.substr(0, slash + 1)) +
                      std::string("migration-report.html");

    CLI::App app{
        "A migration under load, on this machine alone: who loses requests, who doubles them",
        "migration_demo"};
    // CLI::Range finds `nan` neither too small nor too large.
    const auto is_number = [](const std::string& text) {
        return std::isnan(std::strtod(text.c_str(), nullptr)) ? "not a number: " + text
                                                              : std::string();
    };
    app.add_option("--seconds", settings.seconds, "How long the load runs")
        ->capture_default_str()
        ->check(is_number)
        ->check(CLI::Range(1.0, 600.0));
    app.add_option("--rate", settings.rate, "Requests a second in each lane")
        ->capture_default_str()
        ->check(is_number)
        ->check(CLI::Range(6.0, 2000.0));
    app.add_option("--threads", settings.threads, "Threads of each lane")
        ->capture_default_str()
        ->check(CLI::Range(1u, 64u));
    app.add_option("--report", settings.report, "Where the page goes")->capture_default_str();
    app.add_flag("--page", settings.page,
                 "Serve the page on 127.0.0.1 while it runs, and on a terminal until Ctrl-C");
    try {
        app.parse(argc, argv);
    } catch (const CLI::ParseError& error) {
        return app.exit(error) == 0 ? 0 : 2;
    }
    signal(SIGPIPE, SIG_IGN);
    return run(settings);
}
