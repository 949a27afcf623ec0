// SPDX-License-Identifier: BSL-1.0
// mermaid_of, dot_of: the state machine of a client, drawn by asking it.
#ifndef REKEY_DESCRIBE_PICTURE_HPP
#define REKEY_DESCRIBE_PICTURE_HPP

#include <rekey/body/reading.hpp>
#include <rekey/core/call.hpp>
#include <rekey/describe/sentence.hpp>
#include <rekey/policy/admissions.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

namespace rekey {
inline namespace v0_1 {

/// What a call can do, as found by asking `Call<Plan>` itself.
struct StateGraph {
    struct Node {
        Kind kind = Kind::finish;
        std::uint8_t slot = 0;                    ///< Of every kind but `finish`.
        StopReason reason = StopReason::success;  ///< Of `finish`.

        friend bool operator<(const Node& a, const Node& b) noexcept { return a.key() < b.key(); }
        friend bool operator==(const Node& a, const Node& b) noexcept { return a.key() == b.key(); }

    private:
        unsigned key() const noexcept {
            return static_cast<unsigned>(kind) << 16 |
                   static_cast<unsigned>(kind == Kind::finish ? static_cast<unsigned>(reason)
                                                              : unsigned{slot});
        }
    };
    struct Edge {
        Node from{};
        Node to{};
        std::string label{};  ///< What leads there, and why: `refused / fall back`.
    };

    Node start{};
    std::vector<Edge> edges{};         ///< In a fixed order.
    std::vector<std::string> names{};  ///< Of the slots; empty without a chain.
    bool is_whole = true;              ///< False: there was too much to try; paths may be missing.
};

namespace detail {

/// One thing that can happen to an action: a group for people, and which of the group.
struct Happening {
    Happening(std::string in, std::string called) : group(std::move(in)), name(std::move(called)) {}
    std::string group;
    std::string name;
};

/// Which doors of a plan can say what; a plain door, or one of a user's, can say anything.
template <class... Policies> struct DoorsSay {
    template <class Policy> static constexpr bool one(Admitted verdict, Move move) noexcept {
        if constexpr (Policy::role != Role::admission) {
            return false;
        } else if constexpr (IsPlainDoor<Policy>::value) {
            return true;
        } else {
            switch (Policy::door) {
                case Door::route:
                    return verdict == Admitted::go_to
                               ? move == Move::first || move == Move::straddle
                               : verdict == Admitted::spent && move == Move::straddle;
                case Door::chain: return verdict == Admitted::skip_slot && move != Move::repeat;
                case Door::host: return verdict == Admitted::later;
                case Door::credential:
                    return verdict ==
                           (move == Move::repeat ? Admitted::later : Admitted::skip_slot);
                case Door::budget: return verdict == Admitted::spent && move == Move::repeat;
                case Door::rate:
                case Door::bulkhead: return verdict == Admitted::busy || verdict == Admitted::later;
                case Door::own: return true;
            }
            return true;
        }
    }
    static constexpr bool may(Admitted verdict, Move move) noexcept {
        return (one<Policies>(verdict, move) || ...);
    }
};

template <class Plan> class Explorer;

/// Feeds every class of answer to a call in every state it can come to.
///
/// Two states are one if they have the same past as far as a `Call` can tell: what was tried, how
/// often, with which token. Numbers beyond `most_sends` are tried along straight paths only.
template <class... Policies> class Explorer<Plan<Policies...>> {
    using Plan = rekey::Plan<Policies...>;
    using Rules = typename Plan::Rules;
    using Gate = typename FirstOfRole<Role::gate, Policies...>::type;

public:
    explicit Explorer(const Rules& rules) : rules_(rules) { make_facts(); }

    StateGraph explore(std::vector<std::string> names) {
        graph_.names = std::move(names);
        for (const bool is_idempotent : {false, true})
            if (!is_idempotent || Plan::reads_idempotence) from_start(is_idempotent);
        if (!Plan::reads_idempotence) both_ways_ = true;
        collect();
        return std::move(graph_);
    }
    /// The same without taking two states for one, as far as so many answers lead: what a test
    /// compares with.
    StateGraph explore_every_path(std::vector<std::string> names, unsigned answers) {
        every_path_ = answers;
        return explore(std::move(names));
    }

private:
    struct State {
        Call<Plan> call;
        Action action;
        std::uint32_t tried = 0;  // slots that were sent, passed over or got no token
        std::uint32_t sends = 0;
        unsigned depth = 0;
        Fetched token = Fetched::unproven;
        std::uint8_t token_slot = 0xff;  // whose token that is
        bool is_idempotent = false;
        bool asked = false;
        bool rested = false;
        bool straddled = false;
        std::uint32_t repeats[32] = {};  // per slot
    };
    struct Answer {
        Happening what;
        Facts facts;
    };
    struct Step {  // from where, by what: in the order in which labels stand
        Step(StateGraph::Node source, std::string in, std::string called)
            : from(source), group(std::move(in)), name(std::move(called)) {}
        StateGraph::Node from;
        std::string group;
        std::string name;
        friend bool operator<(const Step& a, const Step& b) noexcept {
            if (!(a.from == b.from)) return a.from < b.from;
            return a.group != b.group ? a.group < b.group : a.name < b.name;
        }
    };
    struct Target {
        StateGraph::Node to;
        Move move;
        friend bool operator<(const Target& a, const Target& b) noexcept {
            return a.to == b.to ? a.move < b.move : a.to < b.to;
        }
    };

    static constexpr std::size_t most_states = 40000;
    static constexpr std::uint32_t most_steps = 20000;  // of a straight path
    static constexpr std::uint32_t most_sends =
        6 + Plan::slot_count + Plan::Settling::settle_repeats;

    static TimePoint on_time() { return TimePoint{} + std::chrono::hours{1}; }
    static TimePoint too_late() { return on_time() + std::chrono::hours{24 * 365 * 100}; }

    // What can come back from a send.
    void add(std::string group, std::string name, Facts facts) {
        facts_.push_back({{std::move(group), std::move(name)}, facts});
    }
    static std::string group_of(FailureClass failure) {
        switch (failure) {
            case NoFailure: return "accepted";
            case AuthRejected: return "refused";
            case NotFound: return "not found";
            case RateLimited: return "rate limited";
            case QuotaExhausted: return "quota used up";
            case Transient: return "failing";
            case Permanent: return "wrong request";
        }
        return "unknown";
    }
    static Facts answer(FailureClass failure, int status) {
        Facts facts;
        facts.failure = failure;
        facts.http_status = status;
        return facts;
    }
    void add_code(std::int64_t code, std::string name) {
        body::Reading reading;
        reading.found = body::Found::present;
        reading.code = code;
        Facts facts = answer(Plan::classify(200, reading), 200);
        facts.has_service_code = true;
        facts.service_code = code;
        if (facts.failure != NoFailure) add(group_of(facts.failure), std::move(name), facts);
    }
    void add_status(int status) {
        const FailureClass failure = Plan::classify(status, body::Reading{});
        if (failure != NoFailure)
            add(group_of(failure), "HTTP " + std::to_string(status), answer(failure, status));
    }
    template <auto... Conditions> void add_listed(const RetryOn<Conditions...>*) {
        using List = typename RetryOn<Conditions...>::List;
        for (unsigned i = 0; i != List::count; ++i) {
            const Listed& entry = List::all[i];
            if (entry.condition == Condition::code)
                add_code(entry.number, "code " + std::to_string(entry.number));
            if (entry.condition == Condition::http_status && !is_usual(entry.number))
                add_status(static_cast<int>(entry.number));
        }
    }
    static void add_listed(const void*) {}
    static constexpr bool is_usual(std::int64_t status) noexcept {
        for (const int usual : usual_statuses)
            if (usual == status) return true;
        return false;
    }
    static constexpr int usual_statuses[] = {400, 401, 403, 404, 429, 503};

    void make_facts() {
        add("accepted", "", answer(NoFailure, 200));
        add_listed(static_cast<const Gate*>(nullptr));
        for (const int status : usual_statuses) add_status(status);
        if (Plan::Service::names_codes) {
            for (const FailureClass failure :
                 {AuthRejected, NotFound, RateLimited, QuotaExhausted, Transient, Permanent})
                add(group_of(failure), "another code", answer(failure, 200));
        }
        if (Plan::Settling::settle_repeats != 0) {  // some code that may pass by itself
            for (std::int64_t code = 1; code != 10000; ++code)
                if (Plan::Service::settles(code)) {
                    add_code(code, "a code that may pass");
                    break;
                }
        }
        if (Plan::reads_hints) {
            for (const FailureClass failure : {RateLimited, Transient}) {
                Facts facts = answer(failure, failure == RateLimited ? 429 : 503);
                facts.retry_after = std::chrono::milliseconds{1};
                add(group_of(failure), "a wait is asked for", facts);
                facts.retry_after = (Duration::max)() / 2;
                add(group_of(failure), "a long wait is asked for", facts);
                facts.retry_after = Duration{-1};
                add(group_of(failure), "no repeat is asked for", facts);
            }
        }
        Facts facts = answer(Transient, 0);
        facts.reach = Reach::never_sent;
        add("no answer", "never sent", facts);
        facts.reach = Reach::sent_unanswered;
        add("no answer", "sent", facts);
        facts.reach = Reach::cut_short;
        add("no answer", "cut short", facts);
        facts = answer(Permanent, 200);
        facts.fault = Fault::malformed;
        add("unreadable", "", facts);
        facts = answer(Transient, 200);
        facts.reach = Reach::delivered;
        add("broken off in the caller's hands", "", facts);
    }

    // The walk.
    void from_start(bool is_idempotent) {
        State first{Call<Plan>(rules_, options(is_idempotent)), {}};
        first.is_idempotent = is_idempotent;
        first.call.seed(0x9e3779b97f4a7c15u);
        first.action = first.call.start(on_time());
        arrive(first);
        graph_.start = node_of(first.action);
        std::vector<State> waiting{first};
        seen_.clear();
        for (std::size_t next = 0; next != waiting.size(); ++next) {
            if (waiting.size() > most_states) {
                graph_.is_whole = false;
                break;
            }
            each_answer(State(waiting[next]), [&](const Happening&, const State& after) {
                if (after.action.kind == Kind::finish) return;
                if (every_path_ != 0) {
                    if (after.depth < every_path_) waiting.push_back(after);
                } else if (after.sends <= most_sends && seen_.insert(past_of(after)).second) {
                    waiting.push_back(after);
                }
            });
        }
        if (every_path_ == 0)
            for (std::uint32_t fallbacks = 0; fallbacks != Plan::slot_count; ++fallbacks)
                straight_on(first, fallbacks);
    }
    static CallOptions options(bool is_idempotent) {
        CallOptions chosen;
        chosen.idempotent = is_idempotent;
        return chosen;
    }
    /// So many answers that fall back, then one that is repeated until something ends the call.
    void straight_on(State state, std::uint32_t fallbacks) {
        const std::uint32_t most = Plan::most_sends(rules_);
        const bool is_bounded = most != Plan::unbounded;
        const std::uint32_t steps = !is_bounded             ? 400
                                    : most < most_steps / 4 ? 4 * most + 16
                                                            : most_steps;
        for (std::uint32_t step = 0;; ++step) {
            if (step == steps) {
                if (is_bounded) graph_.is_whole = false;
                return;
            }
            const std::uint8_t before = state.action.slot;
            State found = state;
            bool has_found = false;
            each_answer(state, [&](const Happening&, const State& after) {
                if (has_found || after.action.kind == Kind::finish) return;
                if (state.action.kind == Kind::send &&
                    (fallbacks != 0 ? after.action.slot == before
                                    : after.action.move != Move::repeat))
                    return;
                has_found = true;
                found = after;
            });
            if (!has_found) return;
            if (state.action.kind == Kind::send && fallbacks != 0) --fallbacks;
            state = found;
        }
    }

    template <class Act> void each_answer(const State& state, const Act& act) {
        const auto take = [&](const Happening& what, State& after) {
            note(state, what, after.action);
            act(what, after);
        };
        const auto both_times = [&](const Happening& what, State after, const auto& say) {
            if (Plan::reads_clock) {
                State late = after;
                say(late, too_late());
                if (late.action.kind == Kind::finish && late.action.reason == StopReason::deadline)
                    note(state, {"the time is over", ""}, late.action);
            }
            say(after, on_time());
            arrive(after);
            take(what, after);
        };
        switch (state.action.kind) {
            case Kind::send:
                for (const Answer& answer : facts_)
                    both_times(answer.what, state, [&](State& after, TimePoint now) {
                        after.action = after.call.sent(answer.facts, now);
                        if (after.action.kind != Kind::finish && after.action.move == Move::repeat)
                            ++after.repeats[after.action.slot % 32];
                    });
                return;
            case Kind::wait:
                both_times({"waited", ""}, state, [](State& after, TimePoint now) {
                    after.action = after.call.waited(now);
                });
                return;
            case Kind::fetch: each_token(state, both_times); return;
            case Kind::admit: each_verdict(state, both_times); return;
            case Kind::reauthorize: each_user(state, both_times); return;
            case Kind::finish: return;
        }
    }
    template <class Take> void each_token(const State& state, const Take& take) {
        const auto with = [&](Fetched outcome, const char* group, const char* name) {
            take(Happening{group, name}, state, [&](State& after, TimePoint now) {
                after.tried |= std::uint32_t{1} << state.action.slot;
                after.token = outcome;
                after.token_slot = state.action.slot;
                after.action = after.call.fetched(outcome, now);
            });
        };
        with(Fetched::proven, "has a token", "one that had worked");
        with(Fetched::unproven, "has a token", "a new one");
        with(Fetched::renewed, "has a token", "a newer one");
        with(Fetched::refused, "token refused", "");
        with(Fetched::not_sent, "no token", "not reached");
        with(Fetched::unknown, "no token", "no answer");
        with(Fetched::failed, "no token", "failed");
        with(Fetched::misconfigured, "no token", "misconfigured");
    }
    template <class Take> void each_verdict(const State& state, const Take& take) {
        const Move move = state.action.move;
        const auto with = [&](Admission admission, const char* group) {
            take(Happening{group, ""}, state, [&](State& after, TimePoint now) {
                if (admission.verdict == Admitted::skip_slot) {
                    after.tried |= std::uint32_t{1} << state.action.slot;
                    after.rested = true;
                }
                after.action = after.call.admitted(admission, now);
            });
        };
        constexpr Duration a_while = std::chrono::seconds{1};
        if (move != Move::straddle) with({Admitted::go, 0, Duration{0}, 0}, "let in");
        if (Doors::may(Admitted::go_to, move))
            for (std::uint8_t slot = 0; slot != Plan::slot_count; ++slot)
                if (slot != state.action.slot || move == Move::straddle)
                    with({Admitted::go_to, slot, Duration{0}, 0}, "the route says so");
        if (Doors::may(Admitted::skip_slot, move))
            with({Admitted::skip_slot, 0, a_while, 0}, "this credential rests");
        if (Doors::may(Admitted::busy, move)) with({Admitted::busy, 0, a_while, 0}, "busy");
        if (Doors::may(Admitted::spent, move))
            with({Admitted::spent, 0, Duration{0}, 0},
                 move == Move::straddle ? "the route is the same" : "nothing is left");
        if (Doors::may(Admitted::later, move)) with({Admitted::later, 0, a_while, 0}, "not now");
    }
    template <class Take> void each_user(const State& state, const Take& take) {
        const auto with = [&](Reauthorized outcome, const char* group) {
            take(Happening{group, ""}, state, [&](State& after, TimePoint now) {
                after.asked = true;
                after.action = after.call.reauthorized(outcome, now);
                if (outcome == Reauthorized::settling) ++after.repeats[state.action.slot % 32];
            });
        };
        with(Reauthorized::authorized, "authorized");
        with(Reauthorized::handed_over, "sent away to authorize");
        with(Reauthorized::denied, "the user refuses");
        if (Plan::Chain::user_slots != 0 && Plan::Settling::settle_repeats != 0)
            with(Reauthorized::settling, "authorized a moment ago");
    }

    static void arrive(State& state) {
        ++state.depth;
        if (state.action.kind == Kind::send) {
            state.tried |= std::uint32_t{1} << state.action.slot;
            state.sends = state.action.number;
        }
        if (state.action.move == Move::straddle) state.straddled = true;
    }
    static StateGraph::Node node_of(const Action& action) {
        return {action.kind, action.kind == Kind::finish ? std::uint8_t{0} : action.slot,
                action.kind == Kind::finish ? action.reason : StopReason::success};
    }
    /// Whether the token of this send had worked before.
    static bool is_proven(const State& state) {
        return state.token == Fetched::proven && state.token_slot == state.action.slot &&
               state.action.kind == Kind::send;
    }
    /// All that tells two states apart.
    static std::string past_of(const State& state) {
        std::string past;
        const auto put = [&past](std::uint32_t number) {
            for (int shift = 0; shift != 32; shift += 8)
                past += static_cast<char>((number >> shift) & 0xffu);
        };
        put(static_cast<std::uint32_t>(state.action.kind) |
            static_cast<std::uint32_t>(state.action.move) << 8 | unsigned{state.action.slot} << 16 |
            static_cast<std::uint32_t>(state.token) << 24);
        put(unsigned{state.token_slot} | (state.asked ? 0x100u : 0u) |
            (state.rested ? 0x200u : 0u) | (state.straddled ? 0x400u : 0u));
        put(state.tried);
        put(state.sends);
        for (std::uint32_t slot = 0; slot != Plan::slot_count; ++slot) put(state.repeats[slot]);
        return past;
    }

    // The notes: what leads where, and whether that depends on the request or on the token.
    void note(const State& state, const Happening& what, const Action& action) {
        const unsigned way = (state.is_idempotent ? 1u : 0u) + (is_proven(state) ? 2u : 0u);
        const unsigned bit = 1u << way;
        const Step step(node_of(state.action), what.group, what.name);
        seen_ways_[step] |= bit;
        const bool has_why = state.action.kind == Kind::send && action.kind != Kind::finish &&
                             action.kind != Kind::reauthorize;
        const Target target{node_of(action), has_why ? action.move : Move::first};
        taken_[{step.from, target}][{what.group, what.name}] |= bit;
    }
    std::string condition(unsigned taken, unsigned seen) const {
        constexpr unsigned plain = 0x5, idempotent = 0xa, fresh = 0x3, proven = 0xc;
        std::string text;
        const auto add = [&](unsigned one, unsigned other, const char* words) {
            if ((taken & other) == 0 && (seen & other) != 0 && (taken & one) != 0)
                text.append(text.empty() ? " if " : " and ").append(words);
        };
        if (!both_ways_) {
            add(idempotent, plain, "idempotent");
            add(plain, idempotent, "not idempotent");
        }
        add(proven, fresh, "the token had worked");
        add(fresh, proven, "the token is new");
        return text;
    }
    static std::string_view why(Move move) noexcept {
        switch (move) {
            case Move::first: return "";
            case Move::repeat: return "repeat";
            case Move::renew: return "renew";
            case Move::fall_back: return "fall back";
            case Move::straddle: return "once more";
        }
        return "";
    }
    void collect() {
        std::map<std::pair<StateGraph::Node, std::string>, std::size_t> size_of_group;
        for (const auto& [step, ways] : seen_ways_) {
            (void)ways;
            ++size_of_group[{step.from, step.group}];
        }
        for (const auto& [way, happenings] : taken_) {
            const auto& [from, target] = way;
            // group and condition -> the names in it
            std::map<std::pair<std::string, std::string>, std::vector<std::string>> sorted;
            for (const auto& [what, taken] : happenings)
                sorted[{what.first, condition(taken, seen_ways_[{from, what.first, what.second}])}]
                    .push_back(what.second);
            std::string label;
            if (is_the_rest(way)) {
                label = "anything else";
            } else {
                for (const auto& [what, names] : sorted) {
                    if (!label.empty()) label += ", ";
                    label += what.first;
                    if (names.size() != size_of_group[{from, what.first}]) add_names(label, names);
                    label += what.second;
                }
            }
            if (!why(target.move).empty()) label.append(" / ").append(why(target.move));
            graph_.edges.push_back({from, target.to, std::move(label)});
        }
    }
    using Way = std::pair<StateGraph::Node, Target>;
    static std::size_t groups_in(
        const std::map<std::pair<std::string, std::string>, unsigned>& happenings) {
        std::set<std::string> groups;
        for (const auto& happening : happenings) groups.insert(happening.first.first);
        return groups.size();
    }
    /// Of the ways out of a send the one that takes most, if nothing that takes it can also go
    /// another way: then it is what the other labels leave.
    bool is_the_rest(const Way& way) const {
        constexpr std::size_t many = 4;
        const auto& mine = taken_.at(way);
        if (way.first.kind != Kind::send || groups_in(mine) < many) return false;
        for (const auto& [other, happenings] : taken_) {
            if (!(other.first == way.first) || !(other < way || way < other)) continue;
            if (groups_in(happenings) > groups_in(mine)) return false;
            if (groups_in(happenings) == groups_in(mine) && other < way) return false;
            for (const auto& [what, taken] : happenings) {
                const auto same = mine.find(what);
                if (same != mine.end() && (same->second & taken) != 0) return false;
            }
        }
        return true;
    }
    static void add_names(std::string& label, const std::vector<std::string>& names) {
        constexpr std::size_t shown = 5;
        label += " (";
        for (std::size_t i = 0; i != names.size() && i != shown; ++i) {
            if (i != 0) label += ", ";
            label += names[i];
        }
        if (names.size() > shown) label += ", " + std::to_string(names.size() - shown) + " more";
        label += ')';
    }

    using Doors = DoorsSay<Policies...>;
    Rules rules_;
    StateGraph graph_{};
    std::vector<Answer> facts_{};
    std::set<std::string> seen_{};
    std::map<Step, unsigned> seen_ways_{};
    std::map<std::pair<StateGraph::Node, Target>,
             std::map<std::pair<std::string, std::string>, unsigned>>
        taken_{};
    unsigned every_path_ = 0;
    bool both_ways_ = false;
};

/// A name as both languages of pictures can hold it.
inline std::string drawable(std::string_view text) {
    std::string safe;
    for (const char c : text) {
        const bool is_plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                              (c >= '0' && c <= '9') || c == ' ' || c == '-' || c == '.' ||
                              c == '(' || c == ')' || c == ',' || c == '/' || c == '\'' ||
                              c == '_' || static_cast<unsigned char>(c) >= 0x80;
        safe += is_plain ? c : '_';
    }
    keep_to_one_line(safe);
    return safe;
}
inline std::string id_of(const StateGraph::Node& node) {
    const std::string slot = std::to_string(unsigned{node.slot});
    switch (node.kind) {
        case Kind::send: return "send_" + slot;
        case Kind::wait: return "wait_" + slot;
        case Kind::fetch: return "token_" + slot;
        case Kind::admit: return "doors_" + slot;
        case Kind::reauthorize: return "user_" + slot;
        case Kind::finish: return std::string(to_string(node.reason));
    }
    return "unknown";
}
inline std::string words_of(const StateGraph& graph, const StateGraph::Node& node) {
    const std::string name =
        node.slot < graph.names.size() ? drawable(graph.names[node.slot]) : std::string();
    const auto as = [&name](const char* before, const char* alone) {
        return name.empty() ? std::string(alone) : before + name;
    };
    switch (node.kind) {
        case Kind::send: return as("send as ", "send");
        case Kind::wait: return as("wait, then ", "wait");
        case Kind::fetch: return as("token of ", "token");
        case Kind::admit: return as("doors, as ", "doors");
        case Kind::reauthorize: return as("ask the user of ", "ask the user");
        case Kind::finish: break;
    }
    switch (node.reason) {
        case StopReason::success: return "accepted";
        case StopReason::remedies_used_up: return "refused by all";
        case StopReason::attempts_used_up: return "no attempt left";
        case StopReason::deadline: return "time over";
        case StopReason::budget_spent: return "budget spent";
        case StopReason::not_retryable: return "not retryable";
        case StopReason::unsafe_to_repeat: return "unsafe to repeat";
        case StopReason::come_back_later: return "come back later";
        case StopReason::needs_user: return "user must authorize";
        case StopReason::exchange_failed: return "no token";
        case StopReason::cancelled: return "cancelled";
    }
    return "unknown";
}
inline std::set<StateGraph::Node> nodes_of(const StateGraph& graph) {
    std::set<StateGraph::Node> nodes{graph.start};
    for (const StateGraph::Edge& edge : graph.edges) {
        nodes.insert(edge.from);
        nodes.insert(edge.to);
    }
    return nodes;
}
inline std::string mermaid(const StateGraph& graph) {
    std::string text = "stateDiagram-v2\n";
    const std::set<StateGraph::Node> nodes = nodes_of(graph);
    for (const StateGraph::Node& node : nodes)
        text += "    state \"" + words_of(graph, node) + "\" as " + id_of(node) + '\n';
    text += "    [*] --> " + id_of(graph.start) + '\n';
    for (const StateGraph::Edge& edge : graph.edges)
        text += "    " + id_of(edge.from) + " --> " + id_of(edge.to) + " : " +
                drawable(edge.label) + '\n';
    for (const StateGraph::Node& node : nodes)
        if (node.kind == Kind::finish) text += "    " + id_of(node) + " --> [*]\n";
    if (!graph.is_whole) text += "    %% There was too much to try; paths may be missing.\n";
    return text;
}
inline std::string dot(const StateGraph& graph) {
    std::string text =
        "digraph call {\n    rankdir=LR;\n    node [shape=box, style=rounded];\n"
        "    start [shape=point];\n";
    for (const StateGraph::Node& node : nodes_of(graph)) {
        text += "    " + id_of(node) + " [label=\"" + words_of(graph, node) + '"';
        if (node.kind == Kind::finish) text += ", shape=box, style=solid, peripheries=2";
        text += "];\n";
    }
    text += "    start -> " + id_of(graph.start) + ";\n";
    for (const StateGraph::Edge& edge : graph.edges)
        text += "    " + id_of(edge.from) + " -> " + id_of(edge.to) + " [label=\"" +
                drawable(edge.label) + "\"];\n";
    if (!graph.is_whole) text += "    // There was too much to try; paths may be missing.\n";
    return text + "}\n";
}

/// The picture of a client: its plan with the types of its credentials, and its numbers.
template <class List> struct DrawnOf;
template <class Client, class... Policies> struct DrawnOf<TypeList<Client, Policies...>> {
    using Plan = rekey::Plan<Policies...>;
    using Look = driver::UserCalls<Portrait, driver::Asks::nobody>;
    static StateGraph graph(const Client& client) {
        return graph(Look::policies(client), Sitter<Client>::names(client),
                     std::index_sequence_for<Policies...>{});
    }

private:
    /// The chain is not among what a client stores, and its rule has no numbers.
    template <class Store, std::size_t... Indices>
    static StateGraph graph(const Store& store, std::vector<std::string> names,
                            std::index_sequence<Indices...>) {
        typename Plan::Rules rules{};
        (set<Policies, Indices>(rules, store), ...);
        (void)store;
        return Explorer<Plan>(rules).explore(std::move(names));
    }
    template <class Policy, std::size_t Index, class Rules, class Store>
    static void set(Rules& rules, const Store& store) {
        if constexpr (Policy::role == Role::limit || Policy::role == Role::pace)
            if constexpr (!std::is_empty_v<typename Policy::Rule>)
                static_cast<typename Policy::Rule&>(static_cast<HeldRule<Policy, true>&>(rules)) =
                    at<Index>(store).rule();
        (void)rules, (void)store;
    }
};

template <class Client> using Drawn = typename IsClient<Client>::template Of<DrawnOf, Client>;

}  // namespace detail

/// All that a call of this client can do: the states are its actions, one for each credential, and
/// the ways between them are what `Call<Plan>` did when it was given every class of answer.
///
/// Tried   each class of answer, each listed code and status, all outcomes of tokens, doors and
///         users, in time and too late, of requests that are idempotent and that are not.
/// Cost    some thousand steps of the state machine, and texts; a thing for people.
template <class Client> StateGraph state_graph_of(const Client& client) {
    return detail::Drawn<Client>::graph(client);
}
/// The same of a `Plan` whose numbers are all in its type.
template <class Plan> StateGraph state_graph_of() {
    static_assert(std::is_empty_v<typename Plan::Rules>,
                  "rekey: state_graph_of<Plan>() of a plan with numbers of run time. Give it the "
                  "client, state_graph_of(client).");
    if constexpr (std::is_empty_v<typename Plan::Rules>)
        return detail::Explorer<Plan>(typename Plan::Rules{})
            .explore(detail::PlanText<Plan>::names());
    else
        return {};
}

/// The state machine of a client as a Mermaid state diagram, which pages of code hosts draw.
///
/// A label says what happens, then, behind a stroke, what the call does: `refused / fall back`.
/// `anything else` is what no other way from there says.
/// A caller may also cancel, at any time; that is not drawn.
/// Example  examples/23_say_it_and_draw_it.cpp
template <class Client> std::string mermaid_of(const Client& client) {
    return detail::mermaid(state_graph_of(client));
}
template <class Plan> std::string mermaid_of() { return detail::mermaid(state_graph_of<Plan>()); }

/// The same for Graphviz: `dot -Tsvg`.
template <class Client> std::string dot_of(const Client& client) {
    return detail::dot(state_graph_of(client));
}
template <class Plan> std::string dot_of() { return detail::dot(state_graph_of<Plan>()); }

}  // namespace v0_1
}  // namespace rekey

#endif
