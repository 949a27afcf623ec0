// SPDX-License-Identifier: BSL-1.0
// MemoryStore: tokens in the memory of this process, for all clients that share the store.
#ifndef REKEY_TOKEN_MEMORY_STORE_HPP
#define REKEY_TOKEN_MEMORY_STORE_HPP

#include <rekey/detail/shared.hpp>
#include <rekey/detail/system_clock.hpp>
#include <rekey/token/store.hpp>

#include <cstdint>
#include <map>
#include <mutex>
#include <string>
#include <string_view>

namespace rekey {
inline namespace v0_1 {
namespace token {

/// Keeps tokens while the process runs. Two clients with copies of one store share their users'
/// tokens and refresh each of them once.
///
/// Clock     `TimePoint now()` and `std::int64_t unix_seconds()`; for tests.
/// Threads   any; copies are the same store.
/// Cost      O(log n) under one lock; a record is never dropped by itself.
template <class Clock = rekey::detail::SystemClock> class BasicMemoryStore {
public:
    BasicMemoryStore() : BasicMemoryStore(Clock{}) {}
    explicit BasicMemoryStore(Clock clock)
        : state_(rekey::detail::Shared<State>::make(std::move(clock))) {}

    StoreEntry load(std::string_view key) {
        const std::lock_guard<std::mutex> lock(state_->mutex);
        StoreEntry entry;
        entry.now = state_->clock.unix_seconds();
        entry.outcome = Loaded::absent;
        const auto place = state_->cells.find(key);
        if (place == state_->cells.end() || place->second.version == 0) return entry;
        entry.outcome = Loaded::found;
        entry.version = place->second.version;
        entry.value = place->second.value;
        return entry;
    }
    Swapped swap(std::string_view key, std::uint64_t from, std::uint64_t to, const Secret& value) {
        const std::lock_guard<std::mutex> lock(state_->mutex);
        return cell(key).swap(from, to, value);
    }
    LeaseAnswer acquire(std::string_view key, std::string_view owner, Duration life) {
        const std::lock_guard<std::mutex> lock(state_->mutex);
        Cell& found = cell(key);
        const TimePoint now = state_->clock.now();
        if (found.acquire(std::string(owner), life, now)) return {Leased::acquired, life};
        return {Leased::held, found.leased_until - now};
    }
    Leased renew(std::string_view key, std::string_view owner, Duration life) {
        const std::lock_guard<std::mutex> lock(state_->mutex);
        return cell(key).renew(std::string(owner), life, state_->clock.now()) ? Leased::acquired
                                                                              : Leased::held;
    }
    void release(std::string_view key, std::string_view owner) {
        const std::lock_guard<std::mutex> lock(state_->mutex);
        cell(key).release(std::string(owner));
    }

private:
    using Cell = store_parts::StoreCell<std::string, Secret, TimePoint>;
    struct State {
        explicit State(Clock&& given) : clock(std::move(given)) {}
        Clock clock;
        std::mutex mutex{};
        std::map<std::string, Cell, std::less<>> cells{};
    };
    Cell& cell(std::string_view key) {
        const auto place = state_->cells.find(key);
        if (place != state_->cells.end()) return place->second;
        return state_->cells[std::string(key)];
    }
    rekey::detail::Shared<State> state_;
};

/// The one to use.
using MemoryStore = BasicMemoryStore<>;

}  // namespace token
}  // namespace v0_1
}  // namespace rekey

#endif
