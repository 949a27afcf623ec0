// SPDX-License-Identifier: BSL-1.0
// store: where tokens are kept so that restarts and other processes find them; what a store does.
#ifndef REKEY_TOKEN_STORE_HPP
#define REKEY_TOKEN_STORE_HPP

#include <rekey/facts.hpp>
#include <rekey/secret.hpp>

#include <cstdint>
#include <string_view>
#include <type_traits>
#include <utility>

namespace rekey {
inline namespace v0_1 {
namespace token {

/// What a store says to `load`.
enum class Loaded : unsigned char {
    found,
    absent,      ///< The store is sure: there is no record.
    unavailable  ///< The store cannot say.
};

/// What a store says to `swap`.
enum class Swapped : unsigned char {
    done,        ///< Written, and durable as far as this store can make it.
    moved,       ///< Another version stands there; nothing was written.
    unavailable  ///< No answer: it may have been written or not. Load again before the next step.
};

/// What a store says to `acquire` and to `renew`.
enum class Leased : unsigned char {
    acquired,    ///< It is the caller's, for the whole duration from now.
    held,        ///< It is somebody else's; to `renew`: it is not the caller's any more.
    unavailable  ///< No answer.
};

/// A record as it lies in a store.
struct StoreEntry {
    Loaded outcome = Loaded::unavailable;
    std::uint64_t version = 0;  ///< Never 0 for a record that was found.
    Secret value{};
    std::int64_t now = 0;  ///< Unix seconds by the clock of the store.
};

struct LeaseAnswer {
    Leased outcome = Leased::unavailable;
    Duration left{0};  ///< Of `held`: so long at most it stays so, unless it is renewed.
};

namespace store_parts {

template <class Store, class = void> struct HasStoreShape : std::false_type {};
template <class Store>
struct HasStoreShape<
    Store,
    std::enable_if_t<std::is_convertible_v<
                         decltype(std::declval<Store&>().load(std::string_view())), StoreEntry> &&
                     std::is_convertible_v<decltype(std::declval<Store&>().swap(
                                               std::string_view(), std::uint64_t(), std::uint64_t(),
                                               std::declval<const Secret&>())),
                                           Swapped> &&
                     std::is_convertible_v<decltype(std::declval<Store&>().acquire(
                                               std::string_view(), std::string_view(), Duration())),
                                           LeaseAnswer> &&
                     std::is_convertible_v<decltype(std::declval<Store&>().renew(
                                               std::string_view(), std::string_view(), Duration())),
                                           Leased> &&
                     std::is_void_v<decltype(std::declval<Store&>().release(
                         std::string_view(), std::string_view()))>>> : std::true_type {};

/// Whether what a store keeps can be read outside this machine, so that it has to be sealed.
template <class Store, class = void> struct LeavesMachine : std::false_type {};
template <class Store>
struct LeavesMachine<Store, std::enable_if_t<Store::leaves_machine>> : std::true_type {};

/// Whether a store says where callers may wait for it: `token::RunOn`.
template <class Store, class = void> struct HasExecutor : std::false_type {};
template <class Store>
struct HasExecutor<Store, std::void_t<decltype(std::declval<const Store&>().executor())>>
    : std::true_type {};

/// The store that keeps the records, for people.
template <class Store, class = void> struct Keeper { using type = Store; };
template <class Store> struct Keeper<Store, std::void_t<typename Store::Inside>> {
    using type = typename Store::Inside;
};

/// One record and its lease: what every store does to one key, without I/O, clock or lock.
///
/// Owner, Value, Time  the texts of a real store, or small numbers where all orders are explored.
template <class Owner, class Value, class Time> struct StoreCell {
    std::uint64_t version = 0;  ///< 0: there is no record.
    Value value{};
    bool is_leased = false;
    Owner owner{};
    Time leased_until{};

    Swapped swap(std::uint64_t from, std::uint64_t to, Value fresh) {
        if (version != from) return Swapped::moved;
        version = to;
        value = std::move(fresh);
        return Swapped::done;
    }
    template <class Life> bool acquire(const Owner& who, Life life, Time now) {
        if (is_leased && now < leased_until && !(owner == who)) return false;
        is_leased = true;
        owner = who;
        leased_until = now + life;
        return true;
    }
    template <class Life> bool renew(const Owner& who, Life life, Time now) {
        if (!is_held_by(who) || !(now < leased_until)) return false;
        leased_until = now + life;
        return true;
    }
    void release(const Owner& who) {
        if (is_held_by(who)) is_leased = false;
    }
    bool is_held_by(const Owner& who) const { return is_leased && owner == who; }
};

}  // namespace store_parts

/// The five operations of a store, for one that is written by hand:
///
///     StoreEntry load(std::string_view key);
///     Swapped swap(std::string_view key, std::uint64_t from, std::uint64_t to, const Secret&);
///     LeaseAnswer acquire(std::string_view key, std::string_view owner, Duration life);
///     Leased renew(std::string_view key, std::string_view owner, Duration life);
///     void release(std::string_view key, std::string_view owner);
///
/// `swap` writes in one step and only where version `from` stands; 0 stands for no record, and `to`
/// is the version from then on. A lease belongs to its `owner` until it is released by that owner
/// or its life is over by the clock of the store; it guards nothing by itself. A key is up to 64
/// characters of `A-Za-z0-9_-`, and tells nobody whose record it is.
///
/// Errors    an exception ends the call that it comes to; of `renew` it counts as `unavailable`.
/// Threads   all functions at any time from any thread. Copies are the same store.
/// Optional  `static constexpr bool leaves_machine = true`: records have to be sealed.
/// See       `MemoryStore`, `FileStore`, `adapter::RedisStore`
template <class Store> constexpr bool is_token_store() noexcept {
    return store_parts::HasStoreShape<Store>::value;
}

}  // namespace token
}  // namespace v0_1
}  // namespace rekey

#endif
