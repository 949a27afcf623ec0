// SPDX-License-Identifier: BSL-1.0
//
// Dear reader,
//
// 10,000 of your clients talk to one server, and the server fails. What they do next decides how
// long it stays down. This letter plays that in virtual time, with the same `Call` and the same
// `RetryBudget` that a client uses, and draws what the server sees: docs/outage.svg.
//
// Above, each client makes a call a second, and everything fails for 30 seconds. Four attempts a
// call are four times the load, just when the server can bear it least; a budget holds it near one.
// Below, all clients lose the server in the same moment. Without jitter they come back in the same
// moments too.

#include <rekey/core/call.hpp>
#include <rekey/policy/budget.hpp>
#include <rekey/policy/limits.hpp>
#include <rekey/policy/retry_on.hpp>
#include <rekey/testing/timeline.hpp>

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <numeric>
#include <string>
#include <vector>

using namespace std::chrono_literals;

// 1 s, 2 s, 4 s.
struct Doubling {
    static constexpr rekey::Role role = rekey::Role::pace;
    static constexpr bool reads_time = false;
    struct Rule {
        static constexpr rekey::Duration delay(const rekey::Facts&, std::uint32_t repeats) {
            return 1s * (1 << repeats);
        }
    };
    constexpr Rule rule() const noexcept { return {}; }
};

namespace {

constexpr int clients = 10'000;

using Budget = rekey::RetryBudget<20, 2>;
using Freely = rekey::Plan<rekey::RetryOn<rekey::Transient>, rekey::MaxAttempts<4>, Doubling>;
using Thrifty =
    rekey::Plan<rekey::RetryOn<rekey::Transient>, rekey::MaxAttempts<4>, Doubling, Budget>;

struct Scenario {
    int length;      // all times in milliseconds
    int down_from;   // the server fails from here …
    int down_to;     // … to here
    int call_every;  // each client makes a call about that often; 0: one, at 0 ms
    int bin;         // over which sends are counted
    bool jitter;     // a wait is anything between nothing and the delay
};

using Load = std::vector<int>;  // sends in each bin

template <class Plan> class World {
public:
    explicit World(const Scenario& scenario)
        : scene_(scenario),
          agenda_(static_cast<std::size_t>(scenario.length)),
          budgets_(clients),
          load_(static_cast<std::size_t>(scenario.length / scenario.bin)) {}

    Load run() {
        for (int client = 0; client != clients; ++client)
            plan(scene_.call_every == 0 ? 0 : client % scene_.call_every, {client, true, {}});
        for (now_ = 0; now_ != scene_.length; ++now_) {
            auto& today = agenda_[static_cast<std::size_t>(now_)];
            for (std::size_t i = 0; i != today.size(); ++i) go_on(Event(today[i]));
            today = {};
        }
        return load_;
    }

private:
    struct Event {
        int client;
        bool begins;
        rekey::Call<Plan> call;
    };
    void plan(int when, const Event& event) {
        if (when < scene_.length) agenda_[static_cast<std::size_t>(when)].push_back(event);
    }
    int random_below(int limit) {
        random_ = random_ * 6364136223846793005u + 1442695040888963407u;
        return static_cast<int>((random_ >> 33) % static_cast<unsigned>(limit));
    }

    // One client's driver: what the core says, until it has to wait or has ended.
    void go_on(Event event) {
        const Budget& budget = budgets_[static_cast<std::size_t>(event.client)];
        rekey::CallOptions options;
        options.idempotent = true;
        if (event.begins) {
            event.call = rekey::Call<Plan>{options};
            const int every = scene_.call_every;
            if (every != 0) plan(now_ + every / 2 + random_below(every), {event.client, true, {}});
        }
        rekey::Action next = event.begins ? event.call.start() : event.call.waited();
        for (event.begins = false; next.kind != rekey::Kind::finish;) {
            if (next.kind == rekey::Kind::wait) {
                auto delay = static_cast<int>(next.delay / 1ms);
                if (scene_.jitter) delay = random_below(delay);
                return plan(now_ + delay, event);
            }
            if (next.kind == rekey::Kind::admit) {
                next = event.call.admitted(budget.admit(next, {}));
                continue;
            }
            ++load_[static_cast<std::size_t>(now_ / scene_.bin)];
            const bool down = now_ >= scene_.down_from && now_ < scene_.down_to;
            rekey::Ending end;
            end.facts =
                down ? rekey::testing::answer(rekey::Transient, 503) : rekey::testing::success();
            budget.settled(next, end);
            next = event.call.sent(end.facts);
        }
    }

    Scenario scene_;
    std::vector<std::vector<Event>> agenda_;
    std::vector<Budget> budgets_;
    Load load_;
    std::uint64_t random_ = 2026;
    int now_ = 0;
};

// --- The picture ---

constexpr int left = 90;
constexpr int width = 840;
constexpr int height = 170;

int most(const Load& load, int from = 0) {
    return *std::max_element(load.begin() + from, load.end());
}
// The mean of the second half of the outage, in hundreds.
int settled(const Load& load) {
    return std::accumulate(load.begin() + 25, load.begin() + 40, 0) / 1500 * 100;
}

// 12345 as 12,345.
std::string grouped(int number) {
    std::string text = std::to_string(number);
    for (std::size_t at = text.size(); at > 3;) text.insert(at -= 3, ",");
    return text;
}

// A line of steps through the bins; `top` sends are the full height above `bottom`.
void draw(const Load& load, int bottom, int top, const char* style) {
    std::printf("  <path d=\"M%d %d", left, bottom);
    const int bins = static_cast<int>(load.size());
    for (int i = 0; i != bins; ++i) {
        const int sends = std::min(load[static_cast<std::size_t>(i)], top);
        const int y = bottom - height * sends / top;
        std::printf("V%dH%d", y, left + width * (i + 1) / bins);
    }
    std::printf("V%d\" %s/>\n", bottom, style);
}

void text(int x, int y, const std::string& words, const char* more = "") {
    std::printf("  <text x=\"%d\" y=\"%d\"%s>%s</text>\n", x, y, more, words.c_str());
}

void axis(int bottom, int top, int seconds, int step, const char* unit) {
    std::printf("  <path d=\"M%d %dH%dM%d %dV%d\" stroke=\"#1b1b20\" fill=\"none\"/>\n", left,
                bottom, left + width, left, bottom, bottom - height);
    for (int second = 0; second <= seconds; second += step)
        text(left + width * second / seconds, bottom + 17, std::to_string(second) + " s",
             " text-anchor=\"middle\" font-size=\"12\"");
    for (int part = 0; part <= 2; ++part)
        text(left - 8, bottom - height * part / 2 + 4, grouped(top * part / 2),
             " text-anchor=\"end\" font-size=\"12\"");
    text(left - 80, bottom - height - 16, unit, " font-size=\"12\"");
}

constexpr const char* fierce = "fill=\"url(#lines)\" stroke=\"#b5432a\" stroke-width=\"1.5\"";
constexpr const char* calm = "fill=\"#296f8f\" stroke=\"#134a63\"";

}  // namespace

int main() {
    const Scenario outage{60'000, 10'000, 40'000, 1000, 1000, true};
    const Load freely = World<Freely>(outage).run();
    const Load thrifty = World<Thrifty>(outage).run();
    Scenario drop{10'000, 0, 10'000, 0, 100, false};
    const Load in_step = World<Freely>(drop).run();
    drop.jitter = true;
    const Load spread = World<Freely>(drop).run();

    // What the picture claims.
    if (settled(freely) < 39'000 || settled(thrifty) > 12'500 || in_step[70] != clients ||
        most(spread, 1) * 5 > clients)
        return EXIT_FAILURE;

    std::printf(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 960 560\" width=\"960\" "
        "height=\"560\" role=\"img\" aria-labelledby=\"t d\" "
        "font-family=\"system-ui, 'DejaVu Sans', sans-serif\" font-size=\"14\">\n"
        "  <!-- SPDX-License-Identifier: BSL-1.0. Drawn by examples/16_outage.cpp. -->\n"
        "  <title id=\"t\">An outage of 10,000 clients</title>\n"
        "  <desc id=\"d\">Sends that reach the server. Above, a call a second by each client and "
        "an "
        "outage from 10 s to 40 s: about %s sends a second without a budget, %s with one. "
        "Below, all clients fail in the same moment: without jitter %s sends come within one tenth "
        "of a second at 1, 3 and 7 s; with jitter at most %s after the first moment.</desc>\n"
        "  <defs><pattern id=\"lines\" width=\"8\" height=\"8\" patternUnits=\"userSpaceOnUse\" "
        "patternTransform=\"rotate(-45)\"><rect width=\"8\" height=\"8\" fill=\"#fbfbf9\"/>"
        "<rect width=\"2\" height=\"8\" fill=\"#b5432a\"/></pattern></defs>\n"
        "  <rect width=\"960\" height=\"560\" fill=\"#fbfbf9\"/>\n"
        "  <g fill=\"#1b1b20\">\n",
        grouped(settled(freely)).c_str(), grouped(settled(thrifty)).c_str(),
        grouped(in_step[70]).c_str(), grouped(most(spread, 1)).c_str());

    text(10, 28, "The server fails for 30 s: what 10,000 clients send",
         " font-weight=\"bold\" font-size=\"16\"");
    axis(250, 40'000, 60, 10, "sends a second");
    draw(freely, 250, 40'000, fierce);
    draw(thrifty, 250, 40'000, calm);
    text(left + width, 100, "hatched: 4 sends a call, " + grouped(settled(freely)),
         " text-anchor=\"end\"");
    text(left + width, 120, "solid: with RetryBudget, " + grouped(settled(thrifty)),
         " text-anchor=\"end\"");
    std::printf("  <path d=\"M%d 274v5H%dv-5\" stroke=\"#1b1b20\" fill=\"none\"/>\n",
                left + width * 10 / 60, left + width * 40 / 60);
    text(left + width * 25 / 60, 294, "everything fails", " text-anchor=\"middle\"");

    text(10, 318, "All of them fail in the same moment: when they come back",
         " font-weight=\"bold\" font-size=\"16\"");
    axis(530, 10'000, 10, 1, "sends in 0.1 s");
    draw(in_step, 530, 10'000, fierce);
    draw(spread, 530, 10'000, calm);
    text(530, 375, "hatched: waits of 1 s, 2 s, 4 s, in step", " text-anchor=\"middle\"");
    text(530, 395, "solid: with jitter, then at most " + grouped(most(spread, 1)),
         " text-anchor=\"middle\"");
    std::printf("  </g>\n</svg>\n");
    return EXIT_SUCCESS;
}
