// SPDX-License-Identifier: BSL-1.0
#include <rekey/token/memory_store.hpp>

#include "catch.hpp"
#include "support/obo.hpp"
#include "support/stores.hpp"

#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <string>

using namespace rekey;
using namespace rekey::token;
using namespace std::chrono_literals;

namespace {

/// A clock that the test owns and the store borrows.
struct Lent {
    obo::Clock* clock;
    TimePoint now() const noexcept { return clock->now(); }
    std::int64_t unix_seconds() const noexcept { return clock->unix_seconds(); }
};

}  // namespace

TEST_CASE("the store in memory keeps the contract of a store") {
    stores::keeps_the_contract(MemoryStore{}, "key");
}

TEST_CASE("a lease in memory ends with its life, and renewing makes it longer") {
    obo::Clock clock;
    BasicMemoryStore<Lent> store{Lent{&clock}};
    CHECK(store.acquire("k", "ann", 10s).outcome == Leased::acquired);
    clock.advance(9s);
    CHECK(store.acquire("k", "bob", 10s).left == 1s);
    CHECK(store.renew("k", "ann", 10s) == Leased::acquired);
    clock.advance(9s);
    CHECK(store.acquire("k", "bob", 10s).outcome == Leased::held);
    clock.advance(1s);
    CHECK(store.renew("k", "ann", 10s) == Leased::held);
    CHECK(store.acquire("k", "bob", 10s).outcome == Leased::acquired);
    CHECK(store.load("k").now == clock.unix_seconds());
}

TEST_CASE("of many threads that take a lease or write a version one succeeds") {
    MemoryStore store;
    std::atomic<int> leases{0};
    std::atomic<int> writes{0};
    obo::at_once(8, [&](int i) {
        if (store.acquire("k", std::to_string(i), 30s).outcome == Leased::acquired) ++leases;
        if (store.swap("k", 0, 1, Secret(std::to_string(i))) == Swapped::done) ++writes;
    });
    CHECK(leases == 1);
    CHECK(writes == 1);
}
