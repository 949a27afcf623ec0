// SPDX-License-Identifier: BSL-1.0
// migration_demo: your service must keep answering while its workspaces move from a personal
// account to the enterprise, and when they are moved back. Will a request be lost? Will one be
// executed twice? This program counts, without an account: it starts a Coze server on 127.0.0.1 and
// sends it steady load in three lanes side by side.
//
//     fixed   one personal token, as most services have it today
//     naive   written by hand: personal first, then enterprise, every time
//     rekey   rekey::Client with both
//
// The server's own ledger decides: the exit status is 0 only if it agrees that each request of the
// rekey lane was executed exactly once, and that the fixed lane failed while the workspaces were
// away. An OAuth JWT app (AppAuth) runs beside them, with real RS256 signatures. At the end there
// is a table, and a page for the browser: migration-report.html beside this program (--report
// FILE).
#include "support/fake_coze_server.hpp"
#include "support/migration_report.hpp"
#include "support/openssl_verifier.hpp"
#include "support/steady_load.hpp"

#include <rekey/adapter/curl.hpp>
#include <rekey/adapter/openssl.hpp>
#include <rekey/body/json_writer.hpp>
#include <rekey/coze.hpp>
#include <rekey/testing/fake_coze.hpp>

#include <CLI/CLI.hpp>

#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <fstream>
#include <iomanip>
#include <iostream>
#include <map>
#include <sstream>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

namespace {

namespace coze = rekey::coze;
using rekey::HttpRequest;
using rekey::HttpResponse;
using rekey::TransportResult;
using rekey::testing::FakeCoze;
using rekey::testing::FakeLane;
using std::chrono::microseconds;
using std::chrono::milliseconds;

constexpr std::size_t fixed_lane = 0;
constexpr std::size_t rekey_lane = 2;
constexpr std::size_t app_lane = 3;

struct Settings {
    double seconds = 9;
    double rate = 60;  ///< Requests a second in each lane.
    unsigned threads = 3;
    std::string report{};
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
    return [=](const std::string& id) { return send_with(transport, chats(id), personal); };
}

/// Asks again whatever went wrong. Here only refusals do; where an answer got lost on its way, this
/// would execute the chat twice.
auto naive(const LoopbackOnly& transport, const Chats& chats, std::string personal,
           std::string enterprise) {
    return [=](const std::string& id) {
        const HttpRequest request = chats(id);
        return send_with(transport, request, personal) || send_with(transport, request, enterprise);
    };
}

template <class Chain>
auto with_rekey(const LoopbackOnly& transport, const Chats& chats, Chain chain) {
    const rekey::Client client{transport, chain, coze::RetryOnRefusal{}};
    return [=](const std::string& id) { return client.send(chats(id)).has_value(); };
}

// --- What is shown while it runs ---

class Screen {
public:
    Screen()
        : is_terminal_(isatty(STDOUT_FILENO) == 1),
          has_colour_(is_terminal_ && !is_set("NO_COLOR") && !is_dumb()) {}

    /// Overwritten by the next one on a terminal; elsewhere a line of its own each second.
    void progress(const support::SteadyLoad& load, const char* phase) {
        remember(load);
        if (!is_terminal_ && ++ticks_ % 10 != 0) return;
        std::ostringstream line;
        line << std::fixed << std::setprecision(1) << std::setw(5)
             << static_cast<double>(load.elapsed().count()) / 1e6 << " s  " << std::left
             << std::setw(8) << phase;
        const char* const names[] = {"fixed", "naive", "rekey"};
        for (std::size_t lane = 0; lane != 3; ++lane)
            line << names[lane] << std::right << std::setw(8) << recent(lane) << "   ";
        line << newest().ended << " requests";
        std::cout << (is_terminal_ ? "\r" : "") << line.str() << (is_terminal_ ? "  " : "\n")
                  << std::flush;
        is_open_ = is_terminal_;
    }
    void line(const std::string& text) {
        if (is_open_) std::cout << '\n';
        is_open_ = false;
        std::cout << text << '\n' << std::flush;
    }
    std::string strong(const std::string& text, bool good) const {
        if (!has_colour_) return text;
        return (good ? "\x1b[1;32m" : "\x1b[1;31m") + text + "\x1b[0m";
    }

private:
    struct Counts {
        std::array<std::size_t, 3> answered{};
        std::array<std::size_t, 3> of{};
        std::size_t ended = 0;
    };
    static bool is_set(const char* name) {
        const char* const value = std::getenv(name);
        return value != nullptr && *value != '\0';
    }
    static bool is_dumb() {
        const char* const value = std::getenv("TERM");
        return value == nullptr || std::string_view{value} == "dumb";
    }
    const Counts& newest() const { return history_.back(); }
    void remember(const support::SteadyLoad& load) {
        Counts now;
        for (std::size_t lane = 0; lane != 3; ++lane) {
            now.answered[lane] = load.answered(lane);
            now.of[lane] = load.ended(lane);
            now.ended += now.of[lane];
        }
        history_.push_back(now);
        if (history_.size() > 6) history_.erase(history_.begin());
    }
    /// Of the requests that ended in the last half second.
    std::string recent(std::size_t lane) const {
        const std::size_t of = newest().of[lane] - history_.front().of[lane];
        if (of == 0) return "-";
        const std::size_t good = newest().answered[lane] - history_.front().answered[lane];
        const double share = static_cast<double>(good) / static_cast<double>(of);
        return support::percent(share > 1 ? 1 : share);
    }

    std::vector<Counts> history_{Counts{}};
    unsigned ticks_ = 0;
    bool is_open_ = false;
    bool is_terminal_;
    bool has_colour_;
};

// --- The story and the verdict ---

using Ledger = std::map<std::string, FakeLane>;

/// Lets the load run, moves the workspaces and moves them back; the ledger before each and at the
/// end.
std::array<Ledger, 3> tell(FakeCoze& server, support::SteadyLoad& load,
                           const support::Phases& phases, Screen& screen) {
    std::array<Ledger, 3> ledgers;
    const auto run_until = [&](microseconds time, const char* phase) {
        while (load.elapsed() < time) {
            std::this_thread::sleep_for(
                (std::min)(microseconds{milliseconds{100}}, time - load.elapsed()));
            screen.progress(load, phase);
        }
    };
    load.start();
    run_until(phases.move, "before");
    ledgers[0] = server.lanes();
    server.move();
    screen.line("         the workspaces move to the enterprise");
    run_until(phases.rollback, "moved");
    ledgers[1] = server.lanes();
    server.rollback();
    screen.line("         the workspaces move back");
    run_until(phases.length, "after");
    load.join();
    ledgers[2] = server.lanes();
    return ledgers;
}

support::LaneReport report_of(const support::SteadyLoad& load, std::size_t lane,
                              const std::string& name, const std::array<Ledger, 3>& ledgers) {
    support::LaneReport report;
    report.name = name;
    report.samples = load.samples(lane);
    report.sent = static_cast<std::int64_t>(load.sent(lane));
    report.answered = static_cast<std::int64_t>(load.answered(lane));
    FakeLane then;
    for (std::size_t phase = 0; phase != ledgers.size(); ++phase) {
        const auto place = ledgers[phase].find(name);
        const FakeLane now = place == ledgers[phase].end() ? FakeLane{} : place->second;
        const std::int64_t requests = now.distinct - then.distinct;
        if (requests > 0)
            report.calls_per_request[phase] =
                static_cast<double>(now.received - then.received) / static_cast<double>(requests);
        then = now;
    }
    report.seen = then.distinct;
    report.lost = report.sent - then.served;
    report.doubled = then.executed_twice;
    return report;
}

/// What is wrong, each a sentence; nothing if all is well.
std::vector<std::string> complaints(const std::vector<support::LaneReport>& lanes,
                                    const support::Phases& phases,
                                    const rekey::testing::FakeTotals& totals,
                                    std::int64_t exchanges) {
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

int run(const Settings& settings) {
    const support::RsaKey key = support::make_rsa_key();
    FakeCoze::Options options;
    options.verifier = support::OpensslVerifier{key.public_pem};
    // As when the enterprise is given access ahead of time: otherwise a request that is refused
    // just before the rollback and asks again just after it would be refused by both.
    options.enterprise_reads_personal = true;
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

    const microseconds length{static_cast<microseconds::rep>(settings.seconds * 1e6)};
    const support::Phases phases{length * 2 / 5, length * 4 / 5, length};
    support::SteadyLoad load{
        {{"fixed", fixed(transports[0], chats, options.personal_token), settings.rate,
          settings.threads},
         {"naive", naive(transports[1], chats, options.personal_token, options.enterprise_token),
          settings.rate, settings.threads},
         {"rekey", with_rekey(transports[2], chats, tokens), settings.rate, settings.threads},
         {"appauth", with_rekey(transports[3], chats, apps), settings.rate / 6, 2}},
        length};

    Screen screen;
    support::MigrationReport report;
    report.setting = sentence_of(settings, face);
    report.phases = phases;
    screen.line(report.setting);
    const std::array<Ledger, 3> ledgers = tell(coze_server, load, phases, screen);
    const rekey::testing::FakeTotals totals = coze_server.totals();
    face.stop();

    std::vector<support::LaneReport> lanes;
    for (const char* const name : {"fixed", "naive", "rekey", "appauth"})
        lanes.push_back(report_of(load, lanes.size(), name, ledgers));
    lanes[0].about = "one personal token";
    lanes[1].about = "by hand: personal, then enterprise, every time";
    lanes[2].about = "rekey::Client with both tokens";
    std::int64_t exchanges = 0;
    for (const auto& [grant, count] : totals.token_exchanges) exchanges += count;
    const std::vector<std::string> wrong = complaints(lanes, phases, totals, exchanges);

    report.passed = wrong.empty();
    report.verdict = "By the server's own count each of the " +
                     std::to_string(lanes[rekey_lane].sent) +
                     " requests of the rekey lane was executed exactly once: 0 lost, 0 doubled. "
                     "The fixed lane lost " +
                     std::to_string(lanes[fixed_lane].lost) + ".";
    if (!report.passed) {
        report.verdict.clear();
        for (const std::string& each : wrong)
            report.verdict += (report.verdict.empty() ? "" : " ") + each;
    }
    const support::LaneReport& app = lanes[app_lane];
    report.app_auth = "AppAuth: " + std::to_string(app.sent) + " requests, " +
                      std::to_string(app.lost) + " lost, " + std::to_string(app.doubled) +
                      " doubled; token exchanges: " + std::to_string(exchanges) +
                      ", assertions sent twice: " + std::to_string(totals.jti_replays) +
                      " (the server's count)";
    lanes.pop_back();
    report.lanes = std::move(lanes);
    report.ledger = {{"requests received", totals.requests},
                     {"chats executed", totals.chats_executed},
                     {"chats refused", totals.chats_refused},
                     {"requests executed more than once", totals.doubled},
                     {"tokens issued (RS256 assertions verified)", exchanges},
                     {"assertions that came twice", totals.jti_replays}};
    for (const auto& [credential, count] : totals.executed_by)
        report.ledger.emplace_back("executed for " + credential, count);

    screen.line('\n' + support::table_text(report) +
                "lost, doubled and calls: the server's count\n\n" + report.app_auth);
    screen.line(screen.strong(report.passed ? "passed: " : "failed: ", report.passed) +
                report.verdict);
    std::ofstream file(settings.report, std::ios::binary);
    file << support::page(report) << std::flush;
    if (!file) {
        std::cerr << "migration_demo: cannot write " << settings.report << '\n';
        return 1;
    }
    screen.line("the report: " + settings.report);
    return report.passed ? 0 : 1;
}

}  // namespace

int main(int argc, char** argv) {
    Settings settings;
    const std::string program = argc > 0 ? argv[0] : "";
    const std::size_t slash = program.rfind('/');
    settings.report = (slash == std::string::npos ? "" : program.substr(0, slash + 1)) +
                      std::string("migration-report.html");

    CLI::App app{
        "A migration under load, on this machine alone: who loses requests, who doubles them",
        "migration_demo"};
    app.add_option("--seconds", settings.seconds, "How long the load runs")
        ->capture_default_str()
        ->check(CLI::Range(1.0, 600.0));
    app.add_option("--rate", settings.rate, "Requests a second in each lane")
        ->capture_default_str()
        ->check(CLI::Range(6.0, 2000.0));
    app.add_option("--threads", settings.threads, "Threads of each lane")
        ->capture_default_str()
        ->check(CLI::Range(1u, 64u));
    app.add_option("--report", settings.report, "Where the page goes")->capture_default_str();
    try {
        app.parse(argc, argv);
    } catch (const CLI::ParseError& error) {
        return app.exit(error) == 0 ? 0 : 2;
    }
    signal(SIGPIPE, SIG_IGN);
    return run(settings);
}
