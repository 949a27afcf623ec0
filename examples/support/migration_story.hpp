// SPDX-License-Identifier: BSL-1.0
// Story: a load, a move and the way back; and what is known of them at any moment.
#ifndef REKEY_EXAMPLES_SUPPORT_MIGRATION_STORY_HPP
#define REKEY_EXAMPLES_SUPPORT_MIGRATION_STORY_HPP

#include "migration_report.hpp"
#include "screen.hpp"
#include "steady_load.hpp"

#include <rekey/body/json.hpp>
#include <rekey/describe/explain.hpp>
#include <rekey/detail/system_clock.hpp>
#include <rekey/http.hpp>
#include <rekey/observe/advice.hpp>
#include <rekey/observe/meter.hpp>
#include <rekey/testing/fake_coze.hpp>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <map>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

namespace support {

constexpr std::size_t fixed_lane = 0;
constexpr std::size_t naive_lane = 1;
constexpr std::size_t rekey_lane = 2;
constexpr std::size_t app_lane = 3;

/// The first call of each kind, drawn as it went.
class Drawn {
public:
    template <class Result> void look_at(const Result& result) {
        const rekey::Trail& trail = result.trail();
        if (!result || trail.count() > 2) return;
        const bool is_personal = result.credential() == "personal";
        const std::size_t kind = trail.count() == 2 ? (is_personal ? 2 : 1) : 0;
        if (trail.count() == 1 && !is_personal) return;
        const std::lock_guard<std::mutex> lock(mutex_);
        if (svgs_[kind].empty()) svgs_[kind] = rekey::explain_svg(result);
    }
    std::vector<CallPicture> pictures() const {
        static constexpr const char* heads[] = {
            "Before the move: personal is accepted",
            "The first one after the move: refused, then enterprise",
            "The first one after the rollback: refused, then personal"};
        const std::lock_guard<std::mutex> lock(mutex_);
        std::vector<CallPicture> all;
        for (std::size_t kind = 0; kind != svgs_.size(); ++kind)
            if (!svgs_[kind].empty()) all.push_back({heads[kind], svgs_[kind]});
        return all;
    }

private:
    mutable std::mutex mutex_{};
    std::array<std::string, 3> svgs_{};
};

/// What the calls are counted by.
struct BotName {
    std::string_view operator()(const rekey::HttpRequest& request) const {
        return rekey::body::find(request.body, "bot_id").raw;
    }
};
using Meter = rekey::observe::Meter<BotName>;

using Ledger = std::map<std::string, rekey::testing::FakeLane>;

/// The load, the move and the move back; what is known of them at any moment, for the live page.
class Story {
public:
    Story(rekey::testing::FakeCoze& server, SteadyLoad& load, const Meter& meter,
          const Drawn& drawn, const MigrationReport& begin)
        : server_(server), load_(load), meter_(meter), drawn_(drawn), report_(begin) {}

    /// Lets the load run, moves the workspaces and moves them back.
    void tell(Screen& screen) {
        const Phases& phases = report_.phases;
        const auto run_until = [&](std::chrono::microseconds time, const char* phase) {
            while (load_.elapsed() < time) {
                std::this_thread::sleep_for(
                    (std::min)(std::chrono::microseconds{std::chrono::milliseconds{100}},
                               time - load_.elapsed()));
                screen.progress(load_, phase);
            }
        };
        load_.start();
        {
            const std::lock_guard<std::mutex> lock(mutex_);
            has_begun_ = true;
        }
        run_until(phases.move, "before");
        end_phase();
        server_.move();
        screen.line("         the workspaces move to the enterprise");
        run_until(phases.rollback, "moved");
        end_phase();
        advise("Just before the rollback", screen);
        server_.rollback();
        screen.line("         the workspaces move back");
        run_until(phases.length, "after");
        load_.join();
        end_phase();
        advise("At the end", screen);
    }

    /// The lanes as they are now, the app's last.
    std::vector<LaneReport> lanes() const {
        const std::lock_guard<std::mutex> lock(mutex_);
        std::int64_t ended[4];
        for (std::size_t lane = 0; lane != 4; ++lane) ended[lane] = count(load_.ended(lane));
        std::vector<Ledger> ledgers = ledgers_;
        if (!is_over()) ledgers.push_back(server_.lanes());
        std::vector<LaneReport> all;
        for (const char* const name : {"fixed", "naive", "rekey", "appauth"})
            all.push_back(report_of(all.size(), name, ledgers, ended[all.size()]));
        all[fixed_lane].about = "one personal token";
        all[naive_lane].about = "by hand: personal, then enterprise, every time";
        all[rekey_lane].about = "rekey::Client with both tokens and a learned route";
        return all;
    }

    /// All that is known now.
    MigrationReport report() const {
        std::vector<LaneReport> all = lanes();
        const rekey::testing::FakeTotals totals = server_.totals();
        const std::lock_guard<std::mutex> lock(mutex_);
        MigrationReport now = report_;
        now.is_over = is_over();
        if (has_begun_) now.elapsed = (std::min)(load_.elapsed(), report_.phases.length);
        if (now.is_over) now.app_auth = app_sentence(all[app_lane], totals);
        all.pop_back();
        now.lanes = std::move(all);
        now.moving_lane = rekey_lane;
        now.calls = drawn_.pictures();
        now.calls.insert(now.calls.end(), report_.calls.begin(), report_.calls.end());
        now.ledger = {{"requests received", totals.requests},
                      {"chats executed", totals.chats_executed},
                      {"chats refused", totals.chats_refused},
                      {"requests executed more than once", totals.doubled},
                      {"tokens issued (RS256 assertions verified)", exchanges_in(totals)},
                      {"assertions that came twice", totals.jti_replays}};
        for (const auto& [credential, number] : totals.executed_by)
            now.ledger.emplace_back("executed for " + credential, number);
        return now;
    }

    static std::int64_t exchanges_in(const rekey::testing::FakeTotals& totals) {
        std::int64_t all = 0;
        for (const auto& [grant, number] : totals.token_exchanges) all += number;
        return all;
    }

private:
    static std::int64_t count(std::size_t number) { return static_cast<std::int64_t>(number); }
    bool is_over() const { return ledgers_.size() == 3; }
    static std::string app_sentence(const LaneReport& app,
                                    const rekey::testing::FakeTotals& totals) {
        return "AppAuth: " + std::to_string(app.sent) + " requests, " + std::to_string(app.lost) +
               " lost, " + std::to_string(app.doubled) +
               " doubled; token exchanges: " + std::to_string(exchanges_in(totals)) +
               ", assertions sent twice: " + std::to_string(totals.jti_replays) +
               " (the server's count)";
    }
    void end_phase() {
        const std::lock_guard<std::mutex> lock(mutex_);
        ledgers_.push_back(server_.lanes());
    }
    void advise(const char* when, Screen& screen) {
        rekey::observe::AdviceOptions options;
        // Here a part of the load; in life two weeks, which is what it is unless somebody says so.
        options.quiet = (report_.phases.rollback - report_.phases.move) / 2;
        for (const auto& advice :
             rekey::observe::advise(meter_, rekey::detail::SystemClock::now(), options)) {
            screen.line("         advice: " + advice.sentence);
            const std::lock_guard<std::mutex> lock(mutex_);
            report_.advice.push_back({when, advice.sentence});
        }
    }
    LaneReport report_of(std::size_t lane, const std::string& name,
                         const std::vector<Ledger>& ledgers, std::int64_t ended) const {
        LaneReport report;
        report.name = name;
        report.slices = load_.slices(lane);
        report.sent = count(load_.sent(lane));
        report.answered = count(load_.answered(lane));
        if (is_over()) {
            const std::vector<Sample> samples = load_.samples(lane);
            report.p50_ms = percentile_ms(samples, 0.5);
            report.p99_ms = percentile_ms(samples, 0.99);
        }
        rekey::testing::FakeLane then;
        for (std::size_t phase = 0; phase != ledgers.size(); ++phase) {
            const auto place = ledgers[phase].find(name);
            const rekey::testing::FakeLane now =
                place == ledgers[phase].end() ? rekey::testing::FakeLane{} : place->second;
            const std::int64_t requests = now.distinct - then.distinct;
            const std::int64_t calls = now.received - then.received;
            report.extra_calls[phase] = calls - requests;
            if (requests > 0)
                report.calls_per_request[phase] =
                    static_cast<double>(calls) / static_cast<double>(requests);
            then = now;
        }
        report.seen = then.distinct;
        // While it runs, a request on its way is not lost.
        report.lost = is_over() ? report.sent - then.served
                                : (std::max)(ended - then.served, std::int64_t{0});
        report.doubled = then.executed_twice;
        return report;
    }

    rekey::testing::FakeCoze& server_;
    SteadyLoad& load_;
    const Meter& meter_;
    const Drawn& drawn_;
    mutable std::mutex mutex_{};
    MigrationReport report_;         // what does not come from the load
    std::vector<Ledger> ledgers_{};  // at the end of each phase
    bool has_begun_ = false;
};

}  // namespace support

#endif
