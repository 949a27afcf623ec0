// SPDX-License-Identifier: BSL-1.0
// SteadyLoad: the threads.
#include "steady_load.hpp"

#include <algorithm>
#include <cmath>
#include <utility>

namespace support {

using std::chrono::duration_cast;
using std::chrono::microseconds;

SteadyLoad::SteadyLoad(std::vector<LaneSetting> lanes, microseconds length) : length_(length) {
    for (LaneSetting& setting : lanes) {
        lanes_.push_back(std::make_unique<Lane>());
        lanes_.back()->samples.resize(setting.threads);
        lanes_.back()->setting = std::move(setting);
    }
}

void SteadyLoad::start() {
    began_ = Clock::now();
    for (const std::unique_ptr<Lane>& lane : lanes_)
        for (std::vector<Sample>& samples : lane->samples)
            threads_.emplace_back([this, &lane, &samples] { work(*lane, samples); });
}

void SteadyLoad::join() {
    for (std::thread& thread : threads_) thread.join();
    threads_.clear();
}

microseconds SteadyLoad::elapsed() const {
    return duration_cast<microseconds>(Clock::now() - began_);
}

void SteadyLoad::work(Lane& lane, std::vector<Sample>& samples) {
    for (;;) {
        const std::size_t number = lane.next++;
        Sample sample;
        sample.due = microseconds{
            static_cast<microseconds::rep>(1e6 * static_cast<double>(number) / lane.setting.rate)};
        if (sample.due >= length_ || elapsed() >= length_ + std::chrono::seconds{1}) return;
        std::this_thread::sleep_until(began_ + sample.due);
        ++lane.sent;
        const Outcome outcome =
            lane.setting.send(lane.setting.name + '-' + std::to_string(number + 1));
        sample.answered = outcome.answered;
        sample.took = elapsed() - sample.due;
        Part& part = lane.parts[static_cast<std::size_t>(sample.due.count()) * slice_count /
                                static_cast<std::size_t>(length_.count())];
        if (outcome.answered) {
            ++part.answered;
            if (outcome.by != 0) ++part.by[outcome.by - 1];
            ++lane.answered;
        }
        ++part.ended;
        ++lane.ended;
        samples.push_back(sample);
    }
}

std::vector<Slice> SteadyLoad::slices(std::size_t lane) const {
    std::vector<Slice> all;
    for (const Part& part : lanes_[lane]->parts) {
        Slice slice;
        slice.by[0] = part.by[0];
        slice.by[1] = part.by[1];
        slice.answered = part.answered;
        slice.ended = part.ended;  // read last, so that no more are answered than ended
        all.push_back(slice);
    }
    return all;
}

std::vector<Sample> SteadyLoad::samples(std::size_t lane) const {
    std::vector<Sample> all;
    for (const std::vector<Sample>& part : lanes_[lane]->samples)
        all.insert(all.end(), part.begin(), part.end());
    std::sort(all.begin(), all.end(),
              [](const Sample& left, const Sample& right) { return left.due < right.due; });
    return all;
}

double percentile_ms(const std::vector<Sample>& samples, double share) {
    if (samples.empty()) return 0;
    std::vector<microseconds> took;
    for (const Sample& sample : samples) took.push_back(sample.took);
    std::sort(took.begin(), took.end());
    const double rank = std::ceil(share * static_cast<double>(took.size()));
    const auto index = static_cast<std::size_t>((std::max)(rank, 1.0)) - 1;
    return static_cast<double>(took[index].count()) / 1000.0;
}

}  // namespace support
