// SPDX-License-Identifier: BSL-1.0
#include <rekey/policy/remember.hpp>

#include <rekey/rekey.hpp>

#include "benchmarks/route_flight.hpp"
#include "catch.hpp"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

// Many calls on their way at once, in every order that a random number finds, against a model that
// knows what each call could have known.

namespace {

using Remember = rekey::Remember<bench::Workspace, 64>;
using Flight = bench::Flight<Remember>;

constexpr int workspaces = 3;

/// What a workspace was at which step, and when its route was last seen to change.
struct Place {
    bool moved = false;
    int changed_at = 0;
    int learned_at = 0;
};
struct Journey {
    std::unique_ptr<Flight> call;
    int began_at;
    bool was_moved;
    std::string_view learned;  // of its workspace when it began
    bool is_judged = false;    // the service has decided; the answer is on its way
    bool accepted = false;
};

class Traffic {
public:
    explicit Traffic(std::uint64_t seed)
        : random_(seed),
          store_(Flight::store(remember_)),
          client_(bench::Nowhere{}, Flight::chain(), bench::OnRefusal{}, remember_) {}

    void run(int steps) {
        for (now_ = 1; now_ <= steps; ++now_) step(true);
        while (!journeys_.empty()) {
            ++now_;
            step(false);
        }
        for (int workspace = 0; workspace != workspaces; ++workspace) settles(workspace);
    }
    int lost = 0, straddled = 0, served = 0, fell_back = 0;

private:
    int below(int limit) {
        random_ = random_ * 6364136223846793005u + 1442695040888963407u;
        return static_cast<int>((random_ >> 33) % static_cast<unsigned>(limit));
    }
    std::string_view learned(int workspace) const {
        return client_.route().learned(static_cast<std::uint64_t>(workspace));
    }
    static std::string_view home(bool moved) { return moved ? "enterprise" : "personal"; }

    void step(bool open) {
        const int what = below(100);
        if (open && what < 1) {
            Place& place = places_[below(workspaces)];
            place.moved = !place.moved;
            place.changed_at = now_;
        } else if (open && what < 30 && journeys_.size() < 8) {
            const int workspace = below(workspaces);
            const std::string_view known = learned(workspace);
            journeys_.push_back({std::make_unique<Flight>(store_, workspace), now_,
                                 places_[workspace].moved, known, false, false});
            REQUIRE_FALSE(journeys_.back().call->has_ended());
            if (!known.empty())
                REQUIRE((journeys_.back().call->slot() == 1) == (known == home(true)));
        } else if (!journeys_.empty()) {
            const auto index = static_cast<std::size_t>(below(static_cast<int>(journeys_.size())));
            if (go_on(journeys_[index])) {
                journeys_.erase(journeys_.begin() + static_cast<std::ptrdiff_t>(index));
            }
        }
    }
    bool go_on(Journey& journey) {
        Flight& call = *journey.call;
        Place& place = places_[call.workspace()];
        if (!journey.is_judged) {
            journey.accepted = (call.slot() == 1) == place.moved;
            journey.is_judged = true;
            return false;
        }
        journey.is_judged = false;
        const std::string_view before = learned(call.workspace());
        call.answered(journey.accepted);
        const bool has_learned = learned(call.workspace()) != before;
        if (has_learned) {
            // Nothing newer was written since it set out, and it learned who served it.
            CHECK(journey.began_at > place.learned_at);
            CHECK(journey.accepted);
            CHECK(learned(call.workspace()) == home(call.slot() == 1));
            place.learned_at = now_;
        }
        if (!call.has_ended()) return false;

        const bool is_quiet = place.changed_at < journey.began_at;
        CHECK(call.sends() <= 3);
        if (is_quiet) {
            CHECK(call.is_served());
            CHECK(call.sends() <= 2);
            if (journey.learned == home(journey.was_moved)) CHECK(call.sends() == 1);
        }
        if (!call.is_served()) {
            // Refused by both: the move fell between, and nobody had told the route of it.
            CHECK_FALSE(is_quiet);
            if (call.sends() == 2) CHECK(place.learned_at < journey.began_at);
            ++lost;
        } else {
            ++served;
        }
        if (call.sends() == 2) ++fell_back;
        if (call.sends() == 3) ++straddled;
        return true;
    }
    /// A wrong memory costs a call and is right from then on.
    void settles(int workspace) {
        for (const int most : {2, 1}) {
            Flight call(store_, workspace);
            while (!call.has_ended()) call.answered((call.slot() == 1) == places_[workspace].moved);
            CHECK(call.is_served());
            CHECK(call.sends() <= most);
        }
        CHECK(learned(workspace) == home(places_[workspace].moved));
    }

    std::uint64_t random_;
    int now_ = 0;
    Remember remember_{};
    Flight::Store store_;
    rekey::Client<bench::Nowhere, bench::Chain, bench::OnRefusal, Remember> client_;
    Place places_[workspaces]{};
    std::vector<Journey> journeys_{};
};

}  // namespace

TEST_CASE("in any order of answers, no call that could be served is lost, and none is sent more") {
    int straddled = 0, served = 0, fell_back = 0, lost = 0;
    for (std::uint64_t seed = 1; seed != 301; ++seed) {
        INFO(seed);
        Traffic traffic(seed);
        traffic.run(1000);
        straddled += traffic.straddled;
        served += traffic.served;
        fell_back += traffic.fell_back;
        lost += traffic.lost;
    }
    // The random numbers found what they should.
    CAPTURE(served, fell_back, straddled, lost);
    CHECK(served > 20'000);
    CHECK(fell_back > 1'000);
    CHECK(straddled > 50);
    CHECK(lost * 100 < served);
}
