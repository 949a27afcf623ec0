// SPDX-License-Identifier: BSL-1.0
// CircuitBreaker: leaves a credential or a host alone for a while when it only fails.
#ifndef REKEY_POLICY_CIRCUIT_BREAKER_HPP
#define REKEY_POLICY_CIRCUIT_BREAKER_HPP

#include <rekey/detail/shared.hpp>
#include <rekey/policy/admissions.hpp>

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace rekey {
inline namespace v0_1 {

/// Opens when `failures` of the last `attempts` failed; 48 attempts at most.
struct LastAttempts {
    std::uint32_t failures = 10;
    std::uint32_t attempts = 20;
};
/// Opens when, of at least `attempts` in the last `period`, `percent` failed. Looks at the running
/// half of the period and at the one before; counts to 255 a half, then halves what it counted.
struct LastPeriod {
    Duration period = std::chrono::seconds{10};
    std::uint32_t percent = 50;
    std::uint32_t attempts = 10;
};
/// How long an open circuit stays open, and how many attempts then try whether it may close.
struct CircuitRest {
    Duration time = std::chrono::seconds{5};
    std::uint32_t probes = 1;
};

/// One circuit for each credential of the chain: the call goes on with the next one.
struct PerCredential {
    static constexpr Door door = Door::credential;
    static constexpr const char* says_no = "every credential rests: its circuit is open";
};
/// One circuit for each host of a URL, up to 32 hosts, the others are let through; a single one if
/// the request type tells no URL. A port counts as part of the host unless it is the usual one of
/// the scheme. No credential helps: the call ends.
struct PerHost {
    static constexpr Door door = Door::host;
    static constexpr const char* says_no = "the host rests: its circuit is open";
};

/// What a circuit lets through: all, nothing, or a few attempts that try.
enum class Circuit : unsigned char { closed, open, half_open };

namespace detail {

/// The count of a closed circuit, in 54 bits: one bit an attempt, and how many there are.
struct AttemptCounter {
    std::uint32_t failures;
    std::uint32_t attempts;

    static constexpr std::uint32_t room = 48;
    explicit AttemptCounter(const LastAttempts& last) noexcept
        : failures(last.failures < 1 ? 1 : last.failures),
          attempts(last.attempts < 1      ? 1
                   : last.attempts > room ? room
                                          : last.attempts) {
        if (failures > attempts) failures = attempts;
    }
    std::uint64_t counted(std::uint64_t count, bool failed, std::int64_t) const noexcept {
        const std::uint64_t filled = count >> room;
        const std::uint64_t kept = (std::uint64_t{1} << attempts) - 1;
        const std::uint64_t ring = ((count << 1) | (failed ? 1u : 0u)) & kept;
        return ((filled < attempts ? filled + 1 : filled) << room) | ring;
    }
    template <class Words> void say(Words& words) const {
        words(failures, " of the last ", attempts, " attempts");
    }
    bool opens(std::uint64_t count) const noexcept {
        std::uint32_t failed = 0;
        for (std::uint64_t ring = count & ((std::uint64_t{1} << room) - 1); ring != 0;
             ring &= ring - 1)
            ++failed;
        return failed >= failures;
    }
};

/// The same over time: failures and attempts of two half periods, and which half it is.
struct PeriodCounter {
    std::int64_t half;  // in milliseconds
    std::uint32_t percent;
    std::uint32_t attempts;

    explicit PeriodCounter(const LastPeriod& last) noexcept
        : half(last.period.count() / 2'000'000),
          percent(last.percent < 1     ? 1
                  : last.percent > 100 ? 100
                                       : last.percent),
          attempts(last.attempts < 1     ? 1
                   : last.attempts > 255 ? 255
                                         : last.attempts) {
        if (half < 1) half = 1;
    }
    std::uint64_t counted(std::uint64_t count, bool failed, std::int64_t now) const noexcept {
        std::uint64_t stamp = static_cast<std::uint64_t>(now / half) & stamps;
        std::uint64_t age = (stamp - (count >> 32)) & stamps;
        if (age > stamps - late && (count & 0xff) != 0) {  // another read the clock later
            stamp = count >> 32;
            age = 0;
        }
        std::uint64_t present = count & 0xffff;
        std::uint64_t past = (count >> 16) & 0xffff;
        if (age == 1) past = present;
        if (age != 0) present = 0;
        if (age > 1) past = 0;
        std::uint64_t sent = present & 0xff;
        std::uint64_t lost = present >> 8;
        if (sent == 0xff) {
            sent /= 2;
            lost /= 2;
        }
        present = ((lost + (failed ? 1u : 0u)) << 8) | (sent + 1);
        return (stamp << 32) | (past << 16) | present;
    }
    template <class Words> void say(Words& words) const {
        words(percent, "% of at least ", attempts, " attempts in ",
              std::chrono::milliseconds{half} * 2);
    }
    bool opens(std::uint64_t count) const noexcept {
        const std::uint64_t sent = (count & 0xff) + ((count >> 16) & 0xff);
        const std::uint64_t lost = ((count >> 8) & 0xff) + ((count >> 24) & 0xff);
        return sent >= attempts && lost * 100 >= sent * percent;
    }

private:
    static constexpr std::uint64_t stamps = (std::uint64_t{1} << 22) - 1;
    static constexpr std::uint64_t late = 16;  // halves that an outcome may come too late
};

template <class Window> struct CounterOf;
template <> struct CounterOf<LastAttempts> { using type = AttemptCounter; };
template <> struct CounterOf<LastPeriod> { using type = PeriodCounter; };

/// The circuits of one breaker. Each is a word that changes in one step: two bits of state, eight
/// that count the changes of state, and 54 that belong to the state.
class Circuits {
public:
    static constexpr std::size_t room = 32;

    std::atomic<std::uint64_t>& at(std::size_t index) noexcept { return words_[index]; }
    /// The circuit of a host; `room` if there are too many hosts, or it has none and `takes` none.
    std::size_t of_host(std::string_view host, bool takes = true) noexcept {
        std::uint64_t hash = 0xcbf29ce484222325u;  // FNV-1a
        for (const char symbol : host) {
            const char lower =
                symbol >= 'A' && symbol <= 'Z' ? static_cast<char>(symbol + 32) : symbol;
            hash = (hash ^ static_cast<unsigned char>(lower)) * 0x100000001b3u;
        }
        hash |= 1;
        for (std::size_t step = 0; step != room; ++step) {
            const std::size_t index = static_cast<std::size_t>((hash >> 8) + step) % room;
            std::uint64_t owner = hosts_[index].load(std::memory_order_relaxed);
            if (owner == 0 && !takes) return room;
            if (owner == 0 &&
                hosts_[index].compare_exchange_strong(owner, hash, std::memory_order_relaxed))
                return index;
            if (owner == hash) return index;
        }
        return room;
    }

    static constexpr Circuit state(std::uint64_t word) noexcept {
        return static_cast<Circuit>(word & 3);
    }
    static constexpr std::uint64_t epoch(std::uint64_t word) noexcept { return (word >> 2) & 0xff; }
    static constexpr std::uint64_t payload(std::uint64_t word) noexcept { return word >> 10; }
    static constexpr std::uint64_t with(std::uint64_t word, std::uint64_t payload) noexcept {
        return (word & 0x3ff) | (payload << 10);
    }
    /// The word after a change of state.
    static constexpr std::uint64_t turned(std::uint64_t word, Circuit state,
                                          std::uint64_t payload) noexcept {
        return static_cast<std::uint64_t>(state) | (((epoch(word) + 1) & 0xff) << 2) |
               (payload << 10);
    }

private:
    std::atomic<std::uint64_t> words_[room]{};
    std::atomic<std::uint64_t> hosts_[room]{};
};

}  // namespace detail

/// Stops sending where attempts only fail, and tries again after a rest.
///
/// *Closed*: everything passes, and its outcomes are counted. *Open*: nothing passes until the rest
/// is over. *Half open*: `probes` attempts pass; if all succeed it closes, if one fails it opens
/// again. A failure is what the service or the network did: no answer, a cut one, HTTP 5xx, a body
/// that is not the service's. A refusal (AuthRejected, NotFound) never is, nor a rate limit, a
/// wrong request or a cancelled call; each of those but the last shows that somebody answers.
///
/// Scope        `PerCredential` (the chain goes on with the next credential, but a repeat does not:
///              what may have been executed stays with whom it was sent as) or `PerHost`; a client
///              may have one of each. `CircuitBreaker<PerHost>{}`.
/// Window       `LastAttempts` or `LastPeriod`: `CircuitBreaker{LastPeriod{10s, 50, 20}}`.
/// Ends with    StopReason::come_back_later if nothing is left, with the time until the first rest
///              is over.
/// Threads      any; lock-free. Copies, and so the copies of a client, share the circuits.
/// Cost         a clock reading, a load and a compare-and-swap per send.
/// Source       M. Nygard, Release It!, ch. 5; resilience4j and failsafe for the windows.
/// Example      examples/15_share_the_load.cpp
template <class Scope = PerCredential, class Window = LastAttempts>
class CircuitBreaker : public AtDoor<Scope::door> {
    using Circuits = detail::Circuits;

public:
    static constexpr bool reads_time = true;
    static constexpr bool reads_host = Scope::door == Door::host;
    static constexpr const char* says_no = Scope::says_no;

    explicit CircuitBreaker(Window window = {}, CircuitRest rest = {})
        : circuits_(detail::Shared<Circuits>::make()),
          counter_(window),
          rest_(rest.time <= Duration{0} ? Duration{1}
                : rest.time > longest    ? longest
                                         : rest.time),
          probes_(rest.probes < 1     ? 1
                  : rest.probes > 255 ? 255
                                      : rest.probes) {}

    template <class Words> void say(Words& words) const {
        words("Leaves a ", Scope::door == Door::host ? "host" : "credential", " alone for ", rest_,
              " when ");
        counter_.say(words);
        words(" failed, then tries with ", probes_, probes_ == 1 ? " attempt." : " attempts.");
    }

    Admission admit(const Action& action, const Asking& asking) const noexcept {
        const std::size_t index = index_of(action.slot, asking.host);
        if (index == Circuits::room) return {};
        std::atomic<std::uint64_t>& circuit = circuits_->at(index);
        std::uint64_t word = circuit.load(std::memory_order_relaxed);
        for (;;) {
            std::uint64_t after = word;
            switch (Circuits::state(word)) {
                case Circuit::closed: break;
                case Circuit::open: {
                    const Duration left = std::chrono::milliseconds{
                        static_cast<std::int64_t>(Circuits::payload(word)) - started(asking.now)};
                    if (left > Duration{0}) return no(action, left);
                    after = Circuits::turned(word, Circuit::half_open, 1);
                    break;
                }
                case Circuit::half_open:
                    if (out(word) + passed(word) >= probes_) return no(action, rest_);
                    after = Circuits::with(word, Circuits::payload(word) + 1);
                    break;
            }
            if (after == word ||
                circuit.compare_exchange_weak(word, after, std::memory_order_relaxed))
                return {Admitted::go, 0, Duration{0}, ticket_of(index, after)};
        }
    }
    void settled(const Action&, const Ending& end) const noexcept {
        if (end.ticket == 0) return;
        std::atomic<std::uint64_t>& circuit = circuits_->at(end.ticket & 0xff);
        std::uint64_t word = circuit.load(std::memory_order_relaxed);
        std::uint64_t after = 0;
        do {
            if (ticket_of(end.ticket & 0xff, word) != end.ticket) return;  // of an earlier state
            after =
                Circuits::state(word) == Circuit::closed ? counted(word, end) : judged(word, end);
        } while (!circuit.compare_exchange_weak(word, after, std::memory_order_relaxed));
    }

    /// How the circuit of a credential stands, by its position in the chain; for a gauge.
    Circuit state(std::uint8_t slot) const noexcept {
        return Circuits::state(
            circuits_->at(slot % Circuits::room).load(std::memory_order_relaxed));
    }
    /// How the circuit of a host stands: `api.coze.com`, `localhost:8080`.
    Circuit state_of_host(std::string_view host) const noexcept {
        const std::size_t index = circuits_->of_host(host, false);
        return index == Circuits::room
                   ? Circuit::closed
                   : Circuits::state(circuits_->at(index).load(std::memory_order_relaxed));
    }

private:
    static constexpr Duration longest = (Duration::max)() / 2;  // 146 years end within all time

    // Half open: how many probes are on their way, and how many have come back well.
    static std::uint64_t out(std::uint64_t word) noexcept { return Circuits::payload(word) & 0xff; }
    static std::uint64_t passed(std::uint64_t word) noexcept {
        return (Circuits::payload(word) >> 8) & 0xff;
    }
    static std::uint32_t ticket_of(std::size_t index, std::uint64_t word) noexcept {
        return 0x80000000u | static_cast<std::uint32_t>(Circuits::epoch(word) << 8) |
               static_cast<std::uint32_t>(index);
    }
    // Milliseconds of the clock: those that have begun, and those that are over.
    static std::int64_t started(TimePoint now) noexcept {
        const std::int64_t time = now.time_since_epoch().count();
        return time > 0 ? time / 1'000'000 : 0;
    }
    static std::int64_t over(TimePoint now) noexcept {
        return started(now + std::chrono::nanoseconds{999'999});
    }

    std::size_t index_of(std::uint8_t slot, std::string_view host) const noexcept {
        if constexpr (reads_host)
            return circuits_->of_host(host);
        else
            return slot % Circuits::room;
    }
    static Admission no(const Action& action, Duration delay) noexcept {
        const bool next_may = !reads_host && action.move != Move::repeat;
        return {next_may ? Admitted::skip_slot : Admitted::later, 0, delay, 0};
    }
    static bool is_failure(const Facts& facts) noexcept {
        if (facts.reach == Reach::answered || facts.reach == Reach::delivered)
            return facts.failure == Transient || facts.fault == Fault::malformed;
        return true;
    }
    std::uint64_t opened(std::uint64_t word, TimePoint now) const noexcept {
        return Circuits::turned(word, Circuit::open, static_cast<std::uint64_t>(over(now + rest_)));
    }
    std::uint64_t counted(std::uint64_t word, const Ending& end) const noexcept {
        if (!end.sent || !end.judged) return word;
        const std::uint64_t count =
            counter_.counted(Circuits::payload(word), is_failure(end.facts), started(end.now));
        return counter_.opens(count) ? opened(word, end.now) : Circuits::with(word, count);
    }
    std::uint64_t judged(std::uint64_t word, const Ending& end) const noexcept {
        if (!end.sent || !end.judged) return Circuits::with(word, Circuits::payload(word) - 1);
        if (is_failure(end.facts)) return opened(word, end.now);
        if (passed(word) + 1 == probes_) return Circuits::turned(word, Circuit::closed, 0);
        return Circuits::with(word, Circuits::payload(word) - 1 + 0x100);
    }

    detail::Shared<Circuits> circuits_;
    typename detail::CounterOf<Window>::type counter_;
    Duration rest_;
    std::uint32_t probes_;
};

}  // namespace v0_1
}  // namespace rekey

#endif
