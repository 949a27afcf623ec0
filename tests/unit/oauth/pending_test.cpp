// SPDX-License-Identifier: BSL-1.0
#include <rekey/oauth/pending.hpp>

#include "catch.hpp"

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

namespace {

using namespace rekey::oauth;
using rekey::Secret;

constexpr std::int64_t noon = 1790000000;

FlowStart usual() {
    FlowStart start;
    start.redirect_uri = "http://127.0.0.1:8080/callback";
    start.issuer = "https://www.coze.com";
    start.return_to = "/chat?q=1";
    start.subject = "alice";
    start.verifier = Secret{"dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"};
    return start;
}

/// A source whose bytes a test knows, and that can fail.
struct Scripted {
    unsigned* calls;
    bool works = true;
    bool operator()(void* out, std::size_t size) const {
        std::memset(out, 0, size);
        std::memcpy(out, calls, sizeof *calls);
        ++*calls;
        return works;
    }
};

/// A store that answers what a test wants.
struct Stubborn {
    PendingFound answer = PendingFound::found;
    PendingRecord record{};
    bool stores = true;
    int takes = 0;
    bool put(const PendingKey&, PendingRecord given, std::int64_t) {
        record = std::move(given);
        return stores;
    }
    PendingFound take(const PendingKey&, PendingRecord& taken, std::int64_t) {
        ++takes;
        taken = record;
        return answer;
    }
};

/// Reads as a character and counts how often.
struct Counted {
    const char* place;
    int* reads;
    unsigned char operator*() const {
        ++*reads;
        return static_cast<unsigned char>(*place);
    }
    Counted& operator++() {
        ++place;
        return *this;
    }
};

}  // namespace

TEST_CASE("S1 a million states: none twice, each of 43 characters, from the operating system",
          "[one_thread]") {
    constexpr std::size_t count = 1000000;
    std::vector<std::pair<std::uint64_t, std::uint64_t>> starts(count);
    bool all_of_size = true;
    for (auto& start : starts) {
        const std::string text = random_token(PendingFlows<>::state_bytes);
        all_of_size = all_of_size && text.size() == 43;
        if (text.size() < 16) break;
        std::memcpy(&start.first, text.data(), sizeof start.first);
        std::memcpy(&start.second, text.data() + 8, sizeof start.second);
    }
    CHECK(all_of_size);
    // No two of them have the same first 16 characters, let alone all 43.
    std::sort(starts.begin(), starts.end());
    CHECK(std::adjacent_find(starts.begin(), starts.end()) == starts.end());
}

TEST_CASE("S1 the state of a flow comes from the source that was given, 256 bits at a time") {
    unsigned calls = 7;
    PendingMemory memory;
    PendingFlows flows{memory, pending_lifetime, Scripted{&calls}};
    const BegunFlow flow = flows.begin(Binding{"cookie"}, usual(), noon);
    REQUIRE(flow);
    CHECK(flow.state == "BwAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA");
    CHECK(calls == 8);
}

TEST_CASE("S1 a source that fails begins no flow") {
    unsigned calls = 0;
    PendingMemory memory;
    PendingFlows flows{memory, pending_lifetime, Scripted{&calls, false}};
    const BegunFlow flow = flows.begin(Binding{"cookie"}, usual(), noon);
    CHECK_FALSE(flow);
    CHECK(flow.state.empty());
    CHECK(memory.size() == 0);
}

TEST_CASE("S2 a comparison reads every byte, wherever the first difference is") {
    const std::string expected(43, 'a');
    const auto reads_for = [&](std::size_t difference) {
        std::string received = expected;
        if (difference < received.size()) received[difference] = 'b';
        int reads = 0;
        const bool same =
            rekey::detail::constant_time_equal(Counted{expected.data(), &reads}, expected.size(),
                                               Counted{received.data(), &reads}, received.size());
        CHECK(same == (difference >= received.size()));
        return reads;
    };
    const int all = reads_for(43);
    CHECK(all == 2 * 43);
    for (std::size_t difference = 0; difference != 43; ++difference)
        CHECK(reads_for(difference) == all);
}

TEST_CASE("S2 a state that differs in one place only is refused") {
    PendingMemory memory;
    PendingFlows flows{memory};
    const BegunFlow flow = flows.begin(Binding{"cookie"}, usual(), noon);
    REQUIRE(flow);
    for (std::size_t i = 0; i != flow.state.size(); ++i) {
        std::string other = flow.state;
        other[i] = other[i] == 'A' ? 'B' : 'A';
        CHECK(flows.take(other, Binding{"cookie"}, noon).match == FlowMatch::unknown);
    }
    CHECK(flows.take(flow.state.substr(1), Binding{"cookie"}, noon).match == FlowMatch::unknown);
    CHECK(flows.take(flow.state + "A", Binding{"cookie"}, noon).match == FlowMatch::unknown);
    CHECK(flows.take(flow.state, Binding{"cookie"}, noon));
}

TEST_CASE("S3 a state is used once, and gone before anything could be sent") {
    PendingMemory memory;
    PendingFlows flows{memory};
    const BegunFlow flow = flows.begin(Binding{"cookie"}, usual(), noon);
    const TakenFlow first = flows.take(flow.state, Binding{"cookie"}, noon + 1);
    REQUIRE(first);
    CHECK(memory.size() == 0);
    CHECK(first.record.state == flow.state);
    CHECK(first.record.redirect_uri == "http://127.0.0.1:8080/callback");
    CHECK(first.record.issuer == "https://www.coze.com");
    CHECK(first.record.return_to == "/chat?q=1");
    CHECK(first.record.subject == "alice");
    CHECK(first.record.verifier.expose() == "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk");
    CHECK(first.record.created_at == noon);
    const TakenFlow second = flows.take(flow.state, Binding{"cookie"}, noon + 1);
    CHECK(second.match == FlowMatch::unknown);
    CHECK(second.record.verifier.empty());
}

TEST_CASE("S3 of two threads that deliver the same state, exactly one gets the flow") {
    PendingMemory memory;
    PendingFlows flows{memory};
    for (int round = 0; round != 200; ++round) {
        const BegunFlow flow = flows.begin(Binding{"cookie"}, usual(), noon);
        std::atomic<int> ready{0};
        std::atomic<int> won{0};
        const auto deliver = [&] {
            ++ready;
            while (ready.load() != 2) std::this_thread::yield();
            if (flows.take(flow.state, Binding{"cookie"}, noon)) ++won;
        };
        std::thread other(deliver);
        deliver();
        other.join();
        REQUIRE(won.load() == 1);
    }
    CHECK(memory.size() == 0);
}

TEST_CASE("S4 nothing expected is an error, whatever was received") {
    Stubborn store;  // it gives out a record without a state, as a broken store might
    PendingFlows flows{store};
    for (const std::string_view received : {"", "a", "some-state"}) {
        CAPTURE(received);
        CHECK_FALSE(flows.take(received, Binding{"cookie"}, noon));
        CHECK_FALSE(flows.take(received, WithoutBinding{}, noon));
    }
    CHECK(detail::same_and_there("state", "state"));
    CHECK_FALSE(detail::same_and_there("", ""));
    CHECK_FALSE(detail::same_and_there("", "state"));
    CHECK_FALSE(detail::same_and_there("state", ""));
}

TEST_CASE("S4 an empty state never reaches the store") {
    Stubborn store;
    PendingFlows flows{store};
    CHECK(flows.take("", Binding{"cookie"}, noon).match == FlowMatch::no_state);
    CHECK(store.takes == 0);
}

TEST_CASE("S5 a callback in another browser is refused, and the flow stays with its own") {
    PendingMemory memory;
    PendingFlows flows{memory};
    const BegunFlow flow = flows.begin(Binding{"alice's browser"}, usual(), noon);
    const TakenFlow other = flows.take(flow.state, Binding{"mallory's browser"}, noon);
    CHECK(other.match == FlowMatch::unknown);
    CHECK(other.record.verifier.empty());
    CHECK(flows.take(flow.state, WithoutBinding{}, noon).match == FlowMatch::unknown);
    CHECK(memory.size() == 1);
    CHECK(flows.take(flow.state, Binding{"alice's browser"}, noon));
}

TEST_CASE("S5 a flow without a binding is another kind, begun and taken by that word") {
    PendingMemory memory;
    PendingFlows flows{memory};
    const BegunFlow flow = flows.begin(WithoutBinding{}, usual(), noon);
    REQUIRE(flow);
    CHECK(flows.take(flow.state, Binding{"cookie"}, noon).match == FlowMatch::unknown);
    CHECK(flows.take(flow.state, WithoutBinding{}, noon));
}

TEST_CASE("S5 an empty or endless binding begins nothing and takes nothing") {
    PendingMemory memory;
    PendingFlows flows{memory};
    CHECK_FALSE(flows.begin(Binding{""}, usual(), noon));
    CHECK_FALSE(flows.begin(Binding{std::string(2049, 'c')}, usual(), noon));
    CHECK(memory.size() == 0);
    const BegunFlow flow = flows.begin(Binding{"cookie"}, usual(), noon);
    CHECK(flows.take(flow.state, Binding{""}, noon).match == FlowMatch::no_binding);
    CHECK(flows.take(flow.state, Binding{std::string(2049, 'c')}, noon).match ==
          FlowMatch::unknown);
    CHECK(memory.size() == 1);
}

TEST_CASE("S5 a store that hands out somebody else's record is not believed") {
    Stubborn store;
    PendingFlows flows{store};
    const BegunFlow flow = flows.begin(Binding{"alice"}, usual(), noon);
    CHECK(flows.take(flow.state, Binding{"mallory"}, noon).match == FlowMatch::unknown);
    CHECK(flows.take(flow.state, WithoutBinding{}, noon).match == FlowMatch::unknown);
    CHECK(flows.take("other-state", Binding{"alice"}, noon).match == FlowMatch::unknown);
    CHECK(flows.take(flow.state, Binding{"alice"}, noon));
}

TEST_CASE("S6 two tabs begin a flow each, and finish them in reverse order") {
    PendingMemory memory;
    PendingFlows flows{memory};
    FlowStart one = usual();
    one.return_to = "/one";
    FlowStart two = usual();
    two.return_to = "/two";
    const BegunFlow first = flows.begin(Binding{"cookie"}, std::move(one), noon);
    const BegunFlow second = flows.begin(Binding{"cookie"}, std::move(two), noon + 1);
    const TakenFlow later = flows.take(second.state, Binding{"cookie"}, noon + 2);
    REQUIRE(later);
    CHECK(later.record.return_to == "/two");
    const TakenFlow earlier = flows.take(first.state, Binding{"cookie"}, noon + 3);
    REQUIRE(earlier);
    CHECK(earlier.record.return_to == "/one");
}

TEST_CASE("S7 a flow is over ten minutes after it began, and the record is gone") {
    PendingMemory memory;
    PendingFlows flows{memory};
    const BegunFlow last = flows.begin(Binding{"cookie"}, usual(), noon);
    CHECK(flows.take(last.state, Binding{"cookie"}, noon + 599));
    const BegunFlow late = flows.begin(Binding{"cookie"}, usual(), noon);
    const TakenFlow taken = flows.take(late.state, Binding{"cookie"}, noon + 600);
    CHECK(taken.match == FlowMatch::expired);
    CHECK(taken.record.verifier.empty());
    CHECK(memory.size() == 0);
}

TEST_CASE("S7 a clock that was set back by a day does not give a flow another life") {
    PendingMemory memory;
    PendingFlows flows{memory};
    const BegunFlow minute = flows.begin(Binding{"cookie"}, usual(), noon);
    CHECK(flows.take(minute.state, Binding{"cookie"}, noon - 60));  // a small correction
    const BegunFlow day = flows.begin(Binding{"cookie"}, usual(), noon);
    CHECK(flows.take(day.state, Binding{"cookie"}, noon - 86400).match == FlowMatch::expired);
}

TEST_CASE("S7 a shorter life can be asked for, a longer one not") {
    PendingMemory memory;
    PendingFlows brief{memory, 60};
    CHECK(
        brief.take(brief.begin(Binding{"c"}, usual(), noon).state, Binding{"c"}, noon + 60).match ==
        FlowMatch::expired);
    PendingFlows longer{memory, 6000};
    CHECK(longer.take(longer.begin(Binding{"c"}, usual(), noon).state, Binding{"c"}, noon + 600)
              .match == FlowMatch::expired);
}

TEST_CASE("S7 a hundred thousand begun flows stay within the limit; the oldest are dropped",
          "[one_thread]") {
    unsigned calls = 0;
    PendingMemory memory;
    PendingFlows flows{memory, pending_lifetime, Scripted{&calls}};
    std::vector<std::string> states;
    bool within = true;
    for (int i = 0; i != 100000; ++i) {
        states.push_back(flows.begin(Binding{"cookie"}, usual(), noon).state);
        within = within && memory.size() <= PendingMemory::default_limit;
    }
    CHECK(within);
    CHECK(memory.size() == 10000);
    CHECK(flows.take(states[89999], Binding{"cookie"}, noon).match == FlowMatch::unknown);
    CHECK(flows.take(states[90000], Binding{"cookie"}, noon));
    CHECK(flows.take(states[99999], Binding{"cookie"}, noon));
}

TEST_CASE("S7 flows that are over make room before they are asked for") {
    PendingMemory memory;
    PendingFlows flows{memory};
    for (int i = 0; i != 10; ++i) (void)flows.begin(Binding{"cookie"}, usual(), noon + i);
    CHECK(memory.size() == 10);
    (void)flows.begin(Binding{"cookie"}, usual(), noon + 604);
    CHECK(memory.size() == 6);
}

TEST_CASE("S7 a store for one flow keeps the newest") {
    PendingMemory memory{1};
    PendingFlows flows{memory};
    const BegunFlow old = flows.begin(Binding{"cookie"}, usual(), noon);
    const BegunFlow young = flows.begin(Binding{"cookie"}, usual(), noon);
    CHECK_FALSE(flows.take(old.state, Binding{"cookie"}, noon));
    CHECK(flows.take(young.state, Binding{"cookie"}, noon));
}

TEST_CASE("S10 a flow that would return to another site does not begin") {
    PendingMemory memory;
    PendingFlows flows{memory};
    for (const char* target : {"//evil.example", "/\\evil.example", "https:evil.example",
                               "/%2Fevil.example", "https://evil.example"}) {
        FlowStart start = usual();
        start.return_to = target;
        CHECK_FALSE(flows.begin(Binding{"cookie"}, std::move(start), noon));
    }
    CHECK(memory.size() == 0);
    FlowStart nowhere = usual();
    nowhere.return_to.clear();
    CHECK(flows.begin(Binding{"cookie"}, std::move(nowhere), noon));
}

TEST_CASE("a flow needs a redirect URI, and texts of a sane length") {
    PendingMemory memory;
    PendingFlows flows{memory};
    FlowStart start = usual();
    start.redirect_uri.clear();
    CHECK_FALSE(flows.begin(Binding{"cookie"}, std::move(start), noon));
    start = usual();
    start.subject.assign(2049, 's');
    CHECK_FALSE(flows.begin(Binding{"cookie"}, std::move(start), noon));
    CHECK(memory.size() == 0);
}

TEST_CASE("a store that does not answer is no flow, and no refusal either") {
    Stubborn store;
    PendingFlows flows{store};
    const BegunFlow flow = flows.begin(Binding{"cookie"}, usual(), noon);
    store.answer = PendingFound::unreachable;
    CHECK(flows.take(flow.state, Binding{"cookie"}, noon).match == FlowMatch::unreachable);
    store.answer = PendingFound::absent;
    CHECK(flows.take(flow.state, Binding{"cookie"}, noon).match == FlowMatch::unknown);
    store.stores = false;
    const BegunFlow lost = flows.begin(Binding{"cookie"}, usual(), noon);
    CHECK_FALSE(lost);
    CHECK(lost.state.empty());
}

TEST_CASE("each way in which a callback meets its flow has a sentence of its own") {
    std::vector<std::string_view> sentences;
    for (const FlowMatch match : {FlowMatch::matched, FlowMatch::no_state, FlowMatch::no_binding,
                                  FlowMatch::unknown, FlowMatch::expired, FlowMatch::unreachable})
        sentences.push_back(sentence(match));
    std::sort(sentences.begin(), sentences.end());
    CHECK_FALSE(sentences.front().empty());
    CHECK(std::adjacent_find(sentences.begin(), sentences.end()) == sentences.end());
}
