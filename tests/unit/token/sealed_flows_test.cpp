// SPDX-License-Identifier: BSL-1.0
#include <rekey/token/sealed_flows.hpp>

#include "catch.hpp"
#include "support/sealer.hpp"

#include <cstddef>
#include <map>
#include <memory>
#include <string>
#include <string_view>

using namespace rekey;
using namespace rekey::token;
using namespace std::chrono_literals;
using oauth::PendingFound;
using oauth::PendingRecord;

namespace {

/// Texts in memory; copies are the same.
struct Texts {
    std::shared_ptr<std::map<std::string, std::string>> texts =
        std::make_shared<std::map<std::string, std::string>>();
    std::shared_ptr<bool> is_away = std::make_shared<bool>(false);
    Duration life{0};

    bool put(std::string_view key, const Secret& value, Duration for_so_long) {
        life = for_so_long;
        return !*is_away && texts->emplace(key, value.expose()).second;
    }
    StoreEntry take(std::string_view key) {
        StoreEntry entry;
        if (*is_away) return entry;
        const auto place = texts->find(std::string(key));
        entry.outcome = place == texts->end() ? Loaded::absent : Loaded::found;
        if (entry.outcome == Loaded::absent) return entry;
        entry.value = Secret(std::string_view(place->second));
        texts->erase(place);
        return entry;
    }
};

auto flows_of(const Texts& texts, const char* key_id = "key-1") {
    return SealedFlows{texts, stores::sealer(key_id)};
}
oauth::PendingKey key_of(unsigned char byte) {
    oauth::PendingKey key{};
    key.fill(byte);
    return key;
}
PendingRecord sample() {
    PendingRecord record;
    record.state = "canary-state";
    record.binding = Secret("canary-binding: 3:abc");
    record.verifier = Secret("canary-verifier");
    record.redirect_uri = "https://example.org/callback?a=1";
    record.return_to = "/orders/7";
    record.subject = "canary-ann";
    record.created_at = 1'700'000'000;
    return record;
}

}  // namespace

TEST_CASE("a pending flow comes back in another replica as it was put, once") {
    const Texts texts;
    CHECK(flows_of(texts).put(key_of(1), sample(), 0));
    CHECK_FALSE(flows_of(texts).put(key_of(1), sample(), 0));
    PendingRecord found;
    CHECK(flows_of(texts).take(key_of(2), found, 0) == PendingFound::absent);
    CHECK(flows_of(texts).take(key_of(1), found, 0) == PendingFound::found);
    CHECK(found.state == "canary-state");
    CHECK(found.binding.expose() == "canary-binding: 3:abc");
    CHECK(found.verifier.expose() == "canary-verifier");
    CHECK(found.redirect_uri == "https://example.org/callback?a=1");
    CHECK(found.issuer.empty());
    CHECK(found.return_to == "/orders/7");
    CHECK(found.subject == "canary-ann");
    CHECK(found.created_at == 1'700'000'000);
    CHECK(flows_of(texts).take(key_of(1), found, 0) == PendingFound::absent);
}

TEST_CASE("S75 a pending flow shows nothing of itself, and opens only as it was written") {
    const Texts texts;
    CHECK(flows_of(texts).put(key_of(1), sample(), 0));
    const std::string written = texts.texts->begin()->second;
    const std::string name = texts.texts->begin()->first;
    CHECK(written.find("canary") == std::string::npos);
    CHECK(written.find(oauth::base64url_encode("canary")) == std::string::npos);
    PendingRecord found;
    for (std::size_t i = 0; i != written.size(); ++i) {
        std::string changed = written;
        changed[i] = changed[i] == 'L' ? 'P' : 'L';
        (*texts.texts)[name] = changed;
        if (flows_of(texts).take(key_of(1), found, 0) != PendingFound::absent)
            FAIL("with another byte at " << i);
        (*texts.texts)[name] = written.substr(0, i);
        if (flows_of(texts).take(key_of(1), found, 0) != PendingFound::absent)
            FAIL("of size " << i);
    }
    CHECK(found.verifier.empty());
    CHECK(flows_of(texts).put(key_of(2), sample(), 0));  // whose record lies at another place
    (*texts.texts)[name] = texts.texts->begin()->second;
    CHECK(flows_of(texts).take(key_of(1), found, 0) == PendingFound::absent);
    (*texts.texts)[name] = written;
    CHECK(flows_of(texts, "key-2").take(key_of(1), found, 0) == PendingFound::absent);
}

TEST_CASE("a store that is away begins no flow and ends none, and no sealer means no flow") {
    Texts texts;
    *texts.is_away = true;
    PendingRecord found;
    CHECK_FALSE(flows_of(texts).put(key_of(1), sample(), 0));
    CHECK(flows_of(texts).take(key_of(1), found, 0) == PendingFound::unreachable);
    *texts.is_away = false;
    const Sealed broken{
        "key-1", [](std::string_view, std::string_view) { return std::string(); },
        [](std::string_view, std::string_view, std::string_view) { return Secret{}; }};
    CHECK_FALSE(SealedFlows{texts, broken}.put(key_of(1), sample(), 0));
    CHECK(texts.texts->empty());
}

TEST_CASE("S3 a flow that one replica began ends in another, in its browser only, and once") {
    const Texts texts;
    auto here = flows_of(texts);
    auto there = flows_of(texts);
    oauth::PendingFlows begins{here};
    oauth::PendingFlows ends{there};
    oauth::FlowStart start;
    start.redirect_uri = "https://example.org/callback";
    start.verifier = Secret("verifier");
    const std::int64_t now = 1'700'000'000;
    const oauth::BegunFlow flow = begins.begin(Binding{"cookie"}, start, now);
    REQUIRE_FALSE(flow.state.empty());
    CHECK_FALSE(ends.take(flow.state, Binding{"another cookie"}, now + 1));
    const oauth::TakenFlow taken = ends.take(flow.state, Binding{"cookie"}, now + 1);
    REQUIRE(taken);
    CHECK(taken.record.verifier.expose() == "verifier");
    CHECK_FALSE(begins.take(flow.state, Binding{"cookie"}, now + 1));
}
