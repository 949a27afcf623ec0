// SPDX-License-Identifier: BSL-1.0
// MigrationReport: what the demo found, as lines for a terminal and as one page for a browser.
#ifndef REKEY_EXAMPLES_SUPPORT_MIGRATION_REPORT_HPP
#define REKEY_EXAMPLES_SUPPORT_MIGRATION_REPORT_HPP

#include "steady_load.hpp"

#include <chrono>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

namespace support {

/// The three parts of the story.
struct Phases {
    std::chrono::microseconds move{0};
    std::chrono::microseconds rollback{0};
    std::chrono::microseconds length{0};

    /// 0 before the move, 1 until the rollback, 2 after it.
    int of(std::chrono::microseconds time) const noexcept {
        return time < move ? 0 : time < rollback ? 1 : 2;
    }
};

/// One lane. The counts are the server's, but `sent` and `answered`, which are the sender's.
struct LaneReport {
    std::string name{};
    std::string about{};
    std::vector<Slice> slices{};
    double p50_ms = 0;
    double p99_ms = 0;
    std::int64_t sent = 0;
    std::int64_t answered = 0;
    std::int64_t seen = 0;  ///< Different requests that reached the server.
    std::int64_t lost = 0;  ///< Requests it never executed.
    std::int64_t doubled = 0;
    std::int64_t extra_calls[3] = {};  ///< Beyond one for each request, in each phase.
    double calls_per_request[3] = {};

    bool is_whole() const noexcept {
        return sent > 0 && seen == sent && lost == 0 && doubled == 0 && answered == sent;
    }
    /// Share answered, 0 to 1, of the requests due in a phase.
    double success(const Phases& phases, int phase) const;
    /// Share of the answers in a phase that the second credential got.
    double by_second(const Phases& phases, int phase) const;
};

/// A heading and what is said below it, line by line.
struct Passage {
    std::string head{};
    std::string text{};
};
/// One call that really happened, drawn.
struct CallPicture {
    std::string head{};
    std::string svg{};
};

struct MigrationReport {
    std::string setting{};  ///< One sentence: rate, threads, length.
    Phases phases{};
    /// While it still runs, so far; a page then asks for itself again. Otherwise the whole length.
    std::chrono::microseconds elapsed{0};
    bool is_over = false;
    std::vector<Passage> preflight{};
    std::vector<LaneReport> lanes{};
    std::size_t moving_lane = 0;  ///< Whose credentials the migration bar shows.
    std::vector<CallPicture> calls{};
    std::string app_auth{};  ///< One line.
    std::vector<Passage> advice{};
    std::vector<std::pair<std::string, std::int64_t>> ledger{};
    std::string verdict{};  ///< One sentence; how far it is while it runs.
    bool passed = false;
};

/// The table, one line per lane, each ended by a line feed.
std::string table_text(const MigrationReport& report);

/// The page: no script, nothing from the network, light and dark, never colour alone.
std::string page(const MigrationReport& report);

/// `99.4 %`; never rounded up to 100.
std::string percent(double share);

}  // namespace support

#endif
