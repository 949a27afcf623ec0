// SPDX-License-Identifier: BSL-1.0
// W7: how many calls does a request take during a move? Rival: the first credential every time.
//
//   learned_route calls CASE SIDE K     CASE: before middle rollback; SIDE: every_time learned
//                                       prints calls a request, p99 in round trips, calls, changes,
//                                       calls of three sends, requests refused by both
//   learned_route lookup N              N lookups, for callgrind
//
// 10,000 requests to 50 workspaces of which K move, in virtual time: 50 requests a second, 30 ms
// from a send to its answer, and the service decides in the middle of it. The core, the doors and
// the table are those of a client. Not shown: what hashing a key out of a body costs.
#include "counted.hpp"
#include "route_flight.hpp"

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <queue>
#include <string>
#include <vector>

namespace {

using Remember = rekey::Remember<bench::Workspace>;

constexpr int requests = 10'000;
constexpr int workspaces = 50;
constexpr int round_trip = 30'000;        // in microseconds
constexpr int between_requests = 20'000;  // on average

class Random {
public:
    int below(int limit) {
        state_ = state_ * 6364136223846793005u + 1442695040888963407u;
        return static_cast<int>((state_ >> 33) % static_cast<unsigned>(limit));
    }

private:
    std::uint64_t state_ = 20261121;
};

struct Outcome {
    long calls = 0;
    long lost = 0;
    long changes = 0;
    long straddled = 0;
    double p99 = 0;  // in round trips
};

template <class... Policies> class World {
    using Flight = bench::Flight<Policies...>;
    struct Event {
        long at;
        long order;
        std::size_t journey;
        bool decides;  // the service; else its answer has come back
        bool operator<(const Event& other) const {
            return at != other.at ? at > other.at : order > other.order;
        }
    };
    struct Journey {
        long began;
        std::unique_ptr<Flight> call{};
        int workspace = 0;
        bool accepted = false;
    };

public:
    World(const std::string& name, int moving, const Policies&... policies)
        : moving_(moving), store_(Flight::store(policies...)), name_(name) {}

    Outcome run() {
        Random random;
        Outcome outcome;
        long now = 0;
        for (int i = 0; i != requests; ++i) {
            const std::uint64_t gap =
                static_cast<std::uint64_t>(random.below(2 * between_requests));
            now += static_cast<long>(gap);
            journeys_.push_back({now, nullptr, random.below(workspaces), false});
        }
        const long half = journeys_[requests / 2].began;
        changes_at_ = name_ == "before" ? 0 : half;
        outcome.changes = moving_;

        std::size_t next = 0;
        while (next != journeys_.size() || !events_.empty()) {
            if (next != journeys_.size() &&
                (events_.empty() || journeys_[next].began <= events_.top().at)) {
                Journey& journey = journeys_[next];
                journey.call = std::make_unique<Flight>(store_, journey.workspace);
                sent(next++, journey.began);
                continue;
            }
            const Event event = events_.top();
            events_.pop();
            Journey& journey = journeys_[event.journey];
            if (event.decides) {
                journey.accepted =
                    (journey.call->slot() == 1) == moved(journey.workspace, event.at);
                continue;
            }
            journey.call->answered(journey.accepted);
            if (!journey.call->has_ended()) {
                sent(event.journey, event.at);
                continue;
            }
            outcome.calls += journey.call->sends();
            outcome.lost += journey.call->is_served() ? 0 : 1;
            outcome.straddled += journey.call->sends() == 3 ? 1 : 0;
            trips_.push_back(static_cast<double>(event.at - journey.began) / round_trip);
            journey.call.reset();
        }
        std::sort(trips_.begin(), trips_.end());
        outcome.p99 = trips_[requests / 100 * 99 - 1];
        return outcome;
    }

private:
    bool moved(int workspace, long now) const {
        if (workspace >= moving_) return false;
        return (now >= changes_at_) == (name_ != "rollback");
    }
    void sent(std::size_t journey, long now) {
        events_.push({now + round_trip / 2, ++order_, journey, true});
        events_.push({now + round_trip, ++order_, journey, false});
    }

    int moving_;
    typename Flight::Store store_;
    std::string name_;
    long changes_at_ = 0;
    long order_ = 0;
    std::vector<Journey> journeys_{};
    std::priority_queue<Event> events_{};
    std::vector<double> trips_{};
};

/// What a process before this one has learned: a rollback finds a memory that was right.
Remember remembering(const std::string& name, int moving) {
    Remember before;
    const rekey::Client<bench::Nowhere, bench::Chain, bench::OnRefusal, Remember> client{
        bench::Nowhere{}, bench::Flight<Remember>::chain(), bench::OnRefusal{}, before};
    if (name != "rollback") return before;
    const auto store = bench::Flight<Remember>::store(before);
    for (int workspace = 0; workspace != moving; ++workspace) {
        bench::Flight<Remember> call(store, workspace);
        while (!call.has_ended()) call.answered(call.slot() == 1);
    }
    std::string text;
    client.route().export_to(text);
    Remember memory;
    const rekey::Client<bench::Nowhere, bench::Chain, bench::OnRefusal, Remember> next{
        bench::Nowhere{}, bench::Flight<Remember>::chain(), bench::OnRefusal{}, memory};
    if (next.route().import_from(text).keys != static_cast<std::size_t>(moving)) std::abort();
    return memory;
}

int calls(const std::string& name, const std::string& side, int moving) {
    Outcome outcome;
    if (side == "every_time")
        outcome = World<>(name, moving).run();
    else
        outcome = World<Remember>(name, moving, remembering(name, moving)).run();
    std::printf("%.4f %.2f %ld %ld %ld %ld\n", static_cast<double>(outcome.calls) / requests,
                outcome.p99, outcome.calls, outcome.changes, outcome.straddled, outcome.lost);
    return 0;
}

/// Keys of 19 digits, as bots have, half as many as there is room for.
int lookup(long count) {
    constexpr int known = 2048;
    std::vector<std::string> ids;
    auto table = std::make_unique<rekey::detail::RouteTable<4096>>();
    for (int i = 0; i != known; ++i) {
        ids.push_back("7379462189365" + std::to_string(100000 + i));
        ids.back().resize(19, '7');
        (void)table->write(rekey::RouteKey(ids.back()).hash(), 0, 1);
    }
    const bench::Counts before = bench::counts;
    long found = 0;
    for (long i = 0; i != count; ++i) {
        const std::string& id = ids[static_cast<std::size_t>(i) % known];
        if (table->find(rekey::RouteKey(id).hash()) != 0) ++found;
    }
    std::printf("allocations %ld locks %ld found %ld\n",
                bench::counts.allocations - before.allocations, bench::counts.locks - before.locks,
                found);
    return found * 10 >= count * 9 ? 0 : 1;
}

}  // namespace

int main(int argc, char** argv) {
    if (argc == 5 && std::strcmp(argv[1], "calls") == 0)
        return calls(argv[2], argv[3], std::atoi(argv[4]));
    if (argc == 3 && std::strcmp(argv[1], "lookup") == 0) return lookup(std::atol(argv[2]));
    std::fprintf(stderr, "usage: learned_route calls CASE SIDE K | lookup N\n");
    return 2;
}
