// SPDX-License-Identifier: BSL-1.0
// stores: what every token store must do.
#ifndef REKEY_TESTS_SUPPORT_STORES_HPP
#define REKEY_TESTS_SUPPORT_STORES_HPP

#include <rekey/token/memory_store.hpp>
#include <rekey/token/record.hpp>
#include <rekey/token/store.hpp>

#include "catch.hpp"
#include "support/sealer.hpp"

#include <atomic>
#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

namespace stores {

using namespace rekey;
using namespace rekey::token;
using namespace std::chrono_literals;

/// A store in memory that can go away.
template <class Memory = token::MemoryStore> struct Leaving {
    explicit Leaving(Memory given = Memory{}) : memory(std::move(given)) {}
    Memory memory;
    std::shared_ptr<std::atomic<bool>> is_away = std::make_shared<std::atomic<bool>>(false);
    token::StoreEntry load(std::string_view key) {
        return *is_away ? token::StoreEntry{} : memory.load(key);
    }
    token::Swapped swap(std::string_view key, std::uint64_t from, std::uint64_t to,
                        const Secret& value) {
        return *is_away ? token::Swapped::unavailable : memory.swap(key, from, to, value);
    }
    token::LeaseAnswer acquire(std::string_view key, std::string_view owner, Duration life) {
        return *is_away ? token::LeaseAnswer{} : memory.acquire(key, owner, life);
    }
    token::Leased renew(std::string_view key, std::string_view owner, Duration life) {
        return *is_away ? token::Leased::unavailable : memory.renew(key, owner, life);
    }
    void release(std::string_view key, std::string_view owner) {
        if (!*is_away) memory.release(key, owner);
    }
};

/// What a store must do, whatever it is made of. `key` is not used by anybody else.
template <class Store> void keeps_the_contract(Store store, const std::string& key) {
    static_assert(is_token_store<Store>());
    SECTION("a record is absent until it is written, and then there for every copy") {
        CHECK(store.load(key).outcome == Loaded::absent);
        CHECK(store.swap(key, 0, 7, Secret("one")) == Swapped::done);
        Store copy = store;
        const StoreEntry entry = copy.load(key);
        CHECK(entry.outcome == Loaded::found);
        CHECK(entry.version == 7);
        CHECK(entry.value.expose() == "one");
        CHECK(entry.now > 1'600'000'000);
    }
    SECTION("a record is written only over the version that the writer has read") {
        CHECK(store.swap(key, 3, 4, Secret("early")) == Swapped::moved);
        CHECK(store.load(key).outcome == Loaded::absent);
        CHECK(store.swap(key, 0, 1, Secret("one")) == Swapped::done);
        CHECK(store.swap(key, 0, 1, Secret("two")) == Swapped::moved);
        CHECK(store.swap(key, 1, 2, Secret("three")) == Swapped::done);
        CHECK(store.swap(key, 1, 2, Secret("four")) == Swapped::moved);
        CHECK(store.load(key).version == 2);
        CHECK(store.load(key).value.expose() == "three");
    }
    SECTION("versions use all of their bits, and values hold any byte") {
        const std::uint64_t large = 0xfedcba9876543210u;
        std::string any;
        for (int i = 0; i != 256; ++i) any.push_back(static_cast<char>(i));
        CHECK(store.swap(key, 0, large, Secret(std::string_view(any))) == Swapped::done);
        CHECK(store.load(key).version == large);
        CHECK(store.load(key).value.expose() == any);
        CHECK(store.swap(key, large, large + 1, Secret(std::string(60000, 'x'))) == Swapped::done);
        CHECK(store.load(key).value.size() == 60000);
    }
    SECTION("a lease has one owner, who renews and releases it, and nobody else does") {
        CHECK(store.acquire(key, "ann", 30s).outcome == Leased::acquired);
        const LeaseAnswer held = store.acquire(key, "bob", 30s);
        CHECK(held.outcome == Leased::held);
        CHECK(held.left > 0s);
        CHECK(held.left <= 30s);
        CHECK(store.renew(key, "ann", 30s) == Leased::acquired);
        CHECK(store.renew(key, "bob", 30s) == Leased::held);
        store.release(key, "bob");
        CHECK(store.acquire(key, "bob", 30s).outcome == Leased::held);
        store.release(key, "ann");
        CHECK(store.renew(key, "ann", 30s) == Leased::held);
        CHECK(store.acquire(key, "bob", 30s).outcome == Leased::acquired);
        store.release(key, "ann");  // an old one, late
        CHECK(store.acquire(key, "cid", 30s).outcome == Leased::held);
        store.release(key, "bob");
    }
    SECTION("a lease is not a record, and keys do not touch each other") {
        CHECK(store.acquire(key, "ann", 30s).outcome == Leased::acquired);
        CHECK(store.load(key).outcome == Loaded::absent);
        CHECK(store.swap(key + "x", 0, 1, Secret("other")) == Swapped::done);
        CHECK(store.load(key).outcome == Loaded::absent);
        CHECK(store.acquire(key + "x", "bob", 30s).outcome == Leased::acquired);
        store.release(key + "x", "bob");
        store.release(key, "ann");
    }
}

}  // namespace stores

#endif
