// SPDX-License-Identifier: BSL-1.0
// RouteTable: which slot served a key last, in a fixed number of words that threads share.
#ifndef REKEY_DETAIL_ROUTE_TABLE_HPP
#define REKEY_DETAIL_ROUTE_TABLE_HPP

#include <rekey/version.hpp>

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <utility>

namespace rekey {
inline namespace v0_1 {
namespace detail {

/// What is known of one key: 48 bits say whose it is, 11 are the version, 5 the slot. Zero is
/// nothing. Two words of a key differ if one was written after the other.
struct RouteWord {
    static constexpr unsigned tag_bits = 48;
    static constexpr std::uint64_t versions = 1u << 11;

    static constexpr std::uint64_t tag(std::uint64_t word) noexcept { return word >> 16; }
    static constexpr std::uint8_t slot(std::uint64_t word) noexcept {
        return static_cast<std::uint8_t>(word & 31);
    }
    static constexpr std::uint64_t of(std::uint64_t tag, std::uint64_t version,
                                      std::uint8_t slot) noexcept {
        return (tag << 16) | ((version % versions) << 5) | (slot & 31u);
    }
};

/// A key has one row of eight words, a cache line, where it may stand; a full row gives one away.
///
/// Threads   any; a word is everything that is known of a key, and changes in one step, so that no
///           order between words matters.
/// Cost      a lookup reads a row; no allocation after it was made.
template <std::size_t Keys> class RouteTable {
    static constexpr std::size_t width = 8;
    static constexpr std::size_t rows = Keys / width;
    struct alignas(64) Row {
        std::atomic<std::uint64_t> words[width]{};
    };

public:
    /// What is known of a key; zero if nothing is.
    std::uint64_t find(std::uint64_t tag) const noexcept {
        return find(rows_[row_of(tag)], tag << 16, std::make_index_sequence<width>{});
    }
    /// Writes a slot, if what is known of the key is still `before`. False: something newer is, or
    /// there is no room and it `spares` the others.
    bool write(std::uint64_t tag, std::uint64_t before, std::uint8_t slot,
               bool spares = false) noexcept {
        const std::uint64_t after =
            RouteWord::of(tag, writes_.fetch_add(1, std::memory_order_relaxed) + 1, slot);
        Row& row = rows_[row_of(tag)];
        for (std::size_t i = 0; i != width; ++i) {
            const std::uint64_t found = row.words[i].load(std::memory_order_relaxed);
            if (RouteWord::tag(found) == tag)
                return found == before && put(row_of(tag), i, found, after);
        }
        if (before != 0) return false;  // forgotten meanwhile, or its place was given away
        for (std::size_t i = 0; i != width; ++i) {
            const std::uint64_t found = row.words[i].load(std::memory_order_relaxed);
            if (found == 0 && put(row_of(tag), i, 0, after)) return true;
            if (RouteWord::tag(row.words[i].load(std::memory_order_relaxed)) == tag) return false;
        }
        if (spares) return false;
        // The same place for all who bring this key, so that it never stands there twice.
        const std::size_t given_away = static_cast<std::size_t>(tag >> (RouteWord::tag_bits - 3));
        return put(row_of(tag), given_away, row.words[given_away].load(std::memory_order_relaxed),
                   after);
    }
    void forget(std::uint64_t tag) noexcept {
        for (auto& word : rows_[row_of(tag)].words) {
            std::uint64_t found = word.load(std::memory_order_relaxed);
            while (RouteWord::tag(found) == tag &&
                   !word.compare_exchange_weak(found, 0, std::memory_order_relaxed)) {
            }
        }
    }
    /// True for one caller per key and interval; the first interval begins with the first question.
    ///
    /// now   in nanoseconds.
    bool is_due(std::uint64_t tag, std::int64_t now, std::int64_t every) noexcept {
        const std::size_t row = row_of(tag);
        for (std::size_t i = 0; i != width; ++i) {
            const std::uint64_t found = rows_[row].words[i].load(std::memory_order_relaxed);
            if (RouteWord::tag(found) != tag) continue;
            std::atomic<std::int64_t>& asked = asked_[row * width + i];
            std::int64_t last = asked.load(std::memory_order_relaxed);
            if (RouteWord::slot(found) == 0 || (last != 0 && now - last < every)) return false;
            const bool first = last == 0;
            return asked.compare_exchange_strong(last, now | 1, std::memory_order_relaxed) &&
                   !first;
        }
        return false;
    }
    template <class Act> void each(const Act& act) const {
        for (const Row& row : rows_)
            for (const auto& word : row.words)
                if (const std::uint64_t found = word.load(std::memory_order_relaxed); found != 0)
                    act(found);
    }

    /// Where every call begins whatever is known: a slot and one more, or zero.
    std::uint32_t forced() const noexcept { return forced_.load(std::memory_order_relaxed); }
    void force(std::uint32_t slot_and_one) noexcept {
        forced_.store(slot_and_one, std::memory_order_relaxed);
    }

private:
    /// Written out, one comparison a word.
    template <std::size_t... Indices>
    static std::uint64_t find(const Row& row, std::uint64_t wanted,
                              std::index_sequence<Indices...>) noexcept {
        std::uint64_t found = 0;
        const bool is_there = ((found = row.words[Indices].load(std::memory_order_relaxed),
                                (found ^ wanted) <= 0xffff) ||
                               ...);
        return is_there ? found : 0;
    }
    static std::size_t row_of(std::uint64_t tag) noexcept {
        return static_cast<std::size_t>(tag % rows);
    }
    bool put(std::size_t row, std::size_t index, std::uint64_t before,
             std::uint64_t after) noexcept {
        if (!rows_[row].words[index].compare_exchange_strong(before, after,
                                                             std::memory_order_relaxed))
            return false;
        asked_[row * width + index].store(0, std::memory_order_relaxed);
        return true;
    }

    Row rows_[rows]{};
    std::atomic<std::int64_t> asked_[Keys]{};
    std::atomic<std::uint64_t> writes_{0};
    std::atomic<std::uint32_t> forced_{0};
};

}  // namespace detail
}  // namespace v0_1
}  // namespace rekey

#endif
