// SPDX-License-Identifier: BSL-1.0
// Screen: what a load does, as lines for whoever watches it on a terminal or reads it in a log.
#ifndef REKEY_EXAMPLES_SUPPORT_SCREEN_HPP
#define REKEY_EXAMPLES_SUPPORT_SCREEN_HPP

#include "migration_report.hpp"
#include "steady_load.hpp"

#include <unistd.h>

#include <array>
#include <cstddef>
#include <cstdlib>
#include <iomanip>
#include <iostream>
#include <sstream>
#include <string>
#include <string_view>
#include <vector>

namespace support {

/// Lines that overwrite each other on a terminal, and plain ones elsewhere; colour only where it is
/// wanted (NO_COLOR).
class Screen {
public:
    Screen()
        : is_terminal_(isatty(STDOUT_FILENO) == 1),
          has_colour_(is_terminal_ && !is_set("NO_COLOR") && !is_dumb()) {}

    /// Overwritten by the next one on a terminal; elsewhere a line of its own each second.
    void progress(const SteadyLoad& load, const char* phase) {
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
    bool is_terminal() const noexcept { return is_terminal_; }
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
    void remember(const SteadyLoad& load) {
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
        return percent(share > 1 ? 1 : share);
    }

    std::vector<Counts> history_{Counts{}};
    unsigned ticks_ = 0;
    bool is_open_ = false;
    bool is_terminal_;
    bool has_colour_;
};

}  // namespace support

#endif
