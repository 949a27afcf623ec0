// SPDX-License-Identifier: BSL-1.0
// SteadyLoad: requests at a fixed rate from several threads, in lanes side by side, and how each
// one went.
#ifndef REKEY_EXAMPLES_SUPPORT_STEADY_LOAD_HPP
#define REKEY_EXAMPLES_SUPPORT_STEADY_LOAD_HPP

#include <atomic>
#include <chrono>
#include <cstddef>
#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <vector>

namespace support {

/// How a request ended.
struct Outcome {
    bool answered = false;
    unsigned char by = 0;  ///< Which credential was answered: 1 the first, 2 the second, 0 neither.
};

/// The requests that were due in one of the equal parts of the load's time, as far as they ended.
struct Slice {
    std::size_t ended = 0;
    std::size_t answered = 0;
    std::size_t by[2] = {};  ///< Of them, by the first and by the second credential.
};

/// One request, as its sender saw it.
struct Sample {
    std::chrono::microseconds due{0};   ///< Since the load began.
    std::chrono::microseconds took{0};  ///< From when it was due: a stall is not hidden.
    bool answered = false;
};

/// How the requests of one lane are sent.
struct LaneSetting {
    std::string name{};
    /// Sends the request of that id. Called from several threads.
    std::function<Outcome(const std::string& id)> send{};
    double rate = 1;  ///< Requests a second.
    unsigned threads = 1;
};

/// An open loop: a request is due at its time, whether or not the one before it has ended.
///
/// The ids are `<lane>-1`, `<lane>-2`, …; every request that was begun is waited for. A load that
/// falls behind by a second at its end begins no more.
class SteadyLoad {
public:
    using Clock = std::chrono::steady_clock;
    static constexpr std::size_t slice_count = 90;

    SteadyLoad(std::vector<LaneSetting> lanes, std::chrono::microseconds length);
    ~SteadyLoad() { join(); }
    SteadyLoad(const SteadyLoad&) = delete;
    SteadyLoad& operator=(const SteadyLoad&) = delete;

    void start();
    void join();
    std::chrono::microseconds elapsed() const;

    std::size_t sent(std::size_t lane) const noexcept { return lanes_[lane]->sent; }
    std::size_t answered(std::size_t lane) const noexcept { return lanes_[lane]->answered; }
    std::size_t ended(std::size_t lane) const noexcept { return lanes_[lane]->ended; }
    /// In the order of time, at any moment.
    std::vector<Slice> slices(std::size_t lane) const;
    /// In the order in which they were due. Only after `join`.
    std::vector<Sample> samples(std::size_t lane) const;

private:
    struct Part {
        std::atomic<std::size_t> ended{0};
        std::atomic<std::size_t> answered{0};
        std::atomic<std::size_t> by[2] = {};
    };
    struct Lane {
        LaneSetting setting{};
        std::vector<std::vector<Sample>> samples{};  // of each thread
        std::atomic<std::size_t> next{0};
        std::atomic<std::size_t> sent{0};
        std::atomic<std::size_t> answered{0};
        std::atomic<std::size_t> ended{0};
        Part parts[slice_count]{};
    };
    void work(Lane& lane, std::vector<Sample>& samples);

    std::vector<std::unique_ptr<Lane>> lanes_{};
    std::vector<std::thread> threads_{};
    std::chrono::microseconds length_;
    Clock::time_point began_{};
};

/// The value below which that share of the samples took, in milliseconds; 0 without any.
double percentile_ms(const std::vector<Sample>& samples, double share);

}  // namespace support

#endif
