// SPDX-License-Identifier: BSL-1.0
// stores: what every token store must do, and a sealer for tests.
#ifndef REKEY_TESTS_SUPPORT_STORES_HPP
#define REKEY_TESTS_SUPPORT_STORES_HPP

#include <rekey/token/record.hpp>
#include <rekey/token/store.hpp>

#include "catch.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

namespace stores {

using namespace rekey;
using namespace rekey::token;
using namespace std::chrono_literals;

/// An authenticated cipher for tests: a key stream and a tag, both HMACs. Not for the world.
inline std::string bytes_of(const std::array<unsigned char, 32>& digest) {
    std::string text;
    for (const unsigned char byte : digest) text.push_back(static_cast<char>(byte));
    return text;
}
inline std::string test_stream(std::string_view key, std::string_view text) {
    std::string out(text);
    for (std::size_t i = 0; i != out.size(); ++i) {
        const auto block = rekey::detail::hmac_sha256(key, "stream" + std::to_string(i / 32));
        out[i] = static_cast<char>(static_cast<unsigned char>(out[i]) ^ block[i % 32]);
    }
    return out;
}
inline std::string test_seal(std::string_view key, std::string_view plain,
                             std::string_view bound_to) {
    const std::string hidden = test_stream(key, plain);
    return hidden + bytes_of(rekey::detail::hmac_sha256(key, hidden + std::string(bound_to)));
}
inline Secret test_open(std::string_view key, std::string_view sealed, std::string_view bound_to) {
    if (sealed.size() < 32) return Secret{};
    const std::string_view hidden = sealed.substr(0, sealed.size() - 32);
    const std::string tag =
        bytes_of(rekey::detail::hmac_sha256(key, std::string(hidden) + std::string(bound_to)));
    if (tag != sealed.substr(hidden.size())) return Secret{};
    return Secret(test_stream(key, hidden));
}
/// Seals with one key, named `id`.
inline auto sealer(const char* id, std::string key = "test key") {
    return Sealed{
        std::string(id),
        [key](std::string_view plain, std::string_view bound) {
            return test_seal(key, plain, bound);
        },
        [key, id](std::string_view sealed, std::string_view bound, std::string_view key_id) {
            return key_id == id ? test_open(key, sealed, bound) : Secret{};
        },
        Secret("name key")};
}

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
