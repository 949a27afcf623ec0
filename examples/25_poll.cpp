// SPDX-License-Identifier: BSL-1.0
//
// Dear reader,
//
// your loop is a `poll`, and no driver knows it. Run the core by hand: it is a value that says what
// to do next, and you tell it what came of that. Here three calls share one thread. Their wires are
// socket pairs, and at the other ends sits a server that has moved, is tired once, and hangs up on
// whoever pays. Whatever waits, waits in `poll`.

#include <rekey/body/json.hpp>
#include <rekey/core/call.hpp>
#include <rekey/policy/backoff.hpp>
#include <rekey/policy/credential_chain.hpp>
#include <rekey/policy/limits.hpp>
#include <rekey/policy/retry_on.hpp>
#include <rekey/result.hpp>

#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

using namespace std::chrono_literals;

struct Personal {};
struct Enterprise {};
constexpr std::array<const char*, 2> names{"personal", "enterprise"};  // by slot
constexpr std::array<const char*, 2> tokens{"pat_personal", "pat_enterprise"};

using Chain = rekey::CredentialChain<Personal, Enterprise>;
using Gate = rekey::RetryOn<4100, rekey::Transient>;
const rekey::Backoff pace{rekey::Constant{5ms}, rekey::NoJitter{}};
using Plan = rekey::Plan<Chain, Gate, rekey::MaxAttempts<4>, std::remove_const_t<decltype(pace)>>;

/// One call: the core, what it said last, and the wire to the server.
struct Flight {
    std::string question;
    rekey::Call<Plan> call;
    rekey::Action next{};
    int wire = -1;
    std::string answer{};    // what has come of it
    rekey::TimePoint due{};  // the end of a wait
    bool is_over = false;
};

rekey::TimePoint now() {
    return rekey::TimePoint{std::chrono::steady_clock::now().time_since_epoch()};
}

/// What an answer says: one line, `STATUS BODY`. The plan knows which class that is.
rekey::Facts facts_of(std::string_view line) {
    rekey::Facts facts;
    facts.http_status = std::atoi(std::string(line.substr(0, 3)).c_str());
    const rekey::body::Reading reading = rekey::body::Json::code(line.substr(4));
    facts.has_service_code = reading.found == rekey::body::Found::present;
    facts.service_code = reading.code;
    facts.failure = Plan::classify(facts.http_status, reading);
    return facts;
}
/// The wire ended first. What had come by then decides whether it may be sent again.
rekey::Facts facts_of_silence(const std::string& part) {
    rekey::Facts facts;
    facts.reach = part.empty() ? rekey::Reach::sent_unanswered : rekey::Reach::cut_short;
    facts.failure = rekey::Transient;
    return facts;
}

/// The server's ends of the wires.
class Server {
public:
    int connect() {
        int ends[2];
        if (::socketpair(AF_UNIX, SOCK_STREAM, 0, ends) != 0) std::abort();
        wires_.push_back(ends[1]);
        return ends[0];
    }
    const std::vector<int>& wires() const { return wires_; }
    void readable(std::size_t place) {
        char bytes[256];
        const auto got = ::read(wires_[place], bytes, sizeof bytes);
        const std::string asked(bytes, got > 0 ? static_cast<std::size_t>(got) : 0);
        const auto has = [&](const char* word) { return asked.find(word) != std::string::npos; };
        std::string answer;
        if (has("pat_personal")) answer = "200 {\"code\":4100}\n";
        if (has("pat_enterprise")) answer = "200 {\"code\":0}\n";
        if (has("weather") && ++tired_ == 1) answer = "503 {}\n";
        if (has("pay")) answer.clear();
        if (!answer.empty()) (void)!::write(wires_[place], answer.data(), answer.size());
        ::close(wires_[place]);
        wires_.erase(wires_.begin() + static_cast<std::ptrdiff_t>(place));
    }

private:
    std::vector<int> wires_{};
    int tired_ = 0;
};

/// Does what the core says. Whatever takes time is left to the loop.
void act(Flight& flight, Server& server) {
    const rekey::Action& next = flight.next;
    switch (next.kind) {
        case rekey::Kind::send: {
            std::printf("%s: send %u as %s\n", flight.question.c_str(), next.number,
                        names[next.slot]);
            flight.answer.clear();
            flight.wire = server.connect();
            const std::string line = flight.question + " " + tokens[next.slot] + "\n";
            (void)!::write(flight.wire, line.data(), line.size());
            break;
        }
        case rekey::Kind::wait:
            std::printf("%s: wait\n", flight.question.c_str());
            flight.due = now() + next.delay;
            break;
        case rekey::Kind::finish:
            std::printf("%s: finished, %s\n", flight.question.c_str(),
                        std::string(to_string(next.reason)).c_str());
            flight.is_over = true;
            break;
        default: std::abort();  // this plan exchanges no tokens, has no doors, and asks nobody
    }
}

/// The server wrote or hung up.
void readable(Flight& flight, Server& server) {
    char bytes[256];
    const auto got = ::read(flight.wire, bytes, sizeof bytes);
    if (got > 0) flight.answer.append(bytes, static_cast<std::size_t>(got));
    const std::size_t end = flight.answer.find('\n');
    if (end == std::string::npos && got > 0) return;  // more will come
    ::close(flight.wire);
    flight.wire = -1;
    const bool is_whole = end != std::string::npos;
    flight.next = flight.call.sent(
        is_whole ? facts_of(flight.answer.substr(0, end)) : facts_of_silence(flight.answer), now());
    act(flight, server);
}

int main() {
    Server server;
    const Plan::Rules rules{Chain{Personal{}, Enterprise{}}, Gate{}, rekey::MaxAttempts<4>{}, pace};
    rekey::CallOptions harmless;
    harmless.idempotent = true;  // may be sent again if nobody knows whether it arrived
    std::vector<Flight> flights;
    flights.push_back({"chat", rekey::Call<Plan>{rules}});
    flights.push_back({"weather", rekey::Call<Plan>{rules, harmless}});
    flights.push_back({"pay", rekey::Call<Plan>{rules}});

    for (Flight& flight : flights) {
        flight.next = flight.call.start(now());
        act(flight, server);
    }
    for (;;) {
        std::vector<pollfd> polled;
        for (const int wire : server.wires()) polled.push_back({wire, POLLIN, 0});
        const std::size_t of_server = polled.size();
        bool is_over = true;
        bool someone_waits = false;
        for (const Flight& flight : flights) {
            polled.push_back({flight.wire, POLLIN, 0});  // poll passes over -1
            is_over = is_over && flight.is_over;
            someone_waits = someone_waits || (!flight.is_over && flight.wire < 0);
        }
        if (is_over) break;
        const int ready =
            ::poll(polled.data(), static_cast<nfds_t>(polled.size()), someone_waits ? 1 : -1);
        for (std::size_t i = of_server; i-- != 0;)  // backwards: each hangs up when it has answered
            if (polled[i].revents != 0) server.readable(i);
        for (std::size_t i = 0; i != flights.size(); ++i)
            if (polled[of_server + i].revents != 0) readable(flights[i], server);
        if (ready != 0) continue;
        for (Flight& flight : flights) {
            if (flight.is_over || flight.wire >= 0 || now() < flight.due) continue;
            flight.next = flight.call.waited(now());
            act(flight, server);
        }
    }
}

// Output:
//   chat: send 1 as personal
//   weather: send 1 as personal
//   pay: send 1 as personal
//   chat: send 2 as enterprise
//   weather: wait
//   pay: finished, unsafe_to_repeat
//   chat: finished, success
//   weather: send 2 as personal
//   weather: send 3 as enterprise
//   weather: finished, success
